//! Rows of a part of a study as text, and several parts put together again.
//!
//! A shard and the journal of a running study are the same: a line of JSON that says what the
//! rows belong to, then one line a trial of whole numbers only, each with a check sum, so that a
//! line that was cut off by a crash is not taken for a row. The text holds the rows of the first
//! trials of its range; all of them if the shard is complete.

use std::fmt::Write;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::model::fact::FactLog;

use super::metric::{Figure, N_METRICS, Row};
use super::premises::Premises;
use super::row_detail::RowDetail;
use super::study::Identity;

/// Name of the schema of the text.
pub const SCHEMA: &str = "tideover/shard/v3";

/// What the rows of a shard belong to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// First trial of its range.
    pub first: u64,
    /// The trial after the last one of its range.
    pub end: u64,
    /// The study.
    #[serde(flatten)]
    pub identity: Identity,
    /// What it rests on, for the report.
    pub premises: Premises,
}

impl Head {
    /// The head of the shard with those trials.
    #[must_use]
    pub fn new(identity: Identity, premises: Premises, trials: &Range<u64>) -> Self {
        let (first, end) = (trials.start, trials.end);
        Self { schema: SCHEMA.to_owned(), first, end, identity, premises }
    }
}

/// A shard: its head and the rows of the first trials of its range.
#[derive(Clone, Debug, PartialEq)]
pub struct Shard {
    /// What it belongs to.
    pub head: Head,
    /// Its rows, in order.
    pub rows: Vec<Row>,
}

/// The first line of a shard.
#[must_use]
pub fn head_line(head: &Head) -> String {
    serde_json::to_string(head).expect("a head has string keys only") + "\n"
}

/// The line of a row.
#[must_use]
pub fn row_line(row: &Row) -> String {
    let mut line = format!("{} {}", row.trial, row.fingerprint);
    for figure in row.figures {
        write!(line, " {}", figure.millionths()).expect("a String takes all");
    }
    for number in row.detail.numbers() {
        write!(line, " {number}").expect("a String takes all");
    }
    writeln!(line, " {}", check_sum(row)).expect("a String takes all");
    line
}

/// A whole shard.
#[must_use]
pub fn render(head: &Head, rows: &[Row]) -> String {
    rows.iter().fold(head_line(head), |text, row| text + &row_line(row))
}

fn check_sum(row: &Row) -> u64 {
    let mut hash = FactLog::default();
    hash.absorb(row.trial);
    hash.absorb(row.fingerprint);
    row.figures.iter().for_each(|figure| hash.absorb(figure.millionths() as u64));
    row.detail.numbers().iter().for_each(|&number| hash.absorb(number as u64));
    hash.fingerprint()
}

/// Reads a shard; rows after the first one that is cut off or out of its place are left out, for
/// a crash may have hit them.
///
/// # Errors
/// If the text has no head, or one of another version.
pub fn parse(text: &str) -> Result<Shard, String> {
    let (first_line, rest) = text.split_once('\n').ok_or("it has no complete first line")?;
    let head: Head = serde_json::from_str(first_line)
        .map_err(|_| "its first line is not that of a shard of this version".to_owned())?;
    if head.schema != SCHEMA {
        return Err(format!("read schema `{}`, allowed: {SCHEMA}", head.schema));
    }
    let lines = rest.split_inclusive('\n').map_while(|line| line.strip_suffix('\n'));
    let rows: Vec<Row> = lines
        .map_while(row)
        .zip(head.first..head.end)
        .map_while(|(row, trial)| (row.trial == trial).then_some(row))
        .collect();
    Ok(Shard { head, rows })
}

fn row(line: &str) -> Option<Row> {
    let mut words = line.split(' ');
    let mut next = || words.next();
    let trial = next()?.parse().ok()?;
    let fingerprint = next()?.parse().ok()?;
    let mut figures = [Figure::ABSENT; N_METRICS];
    for figure in &mut figures {
        *figure = Figure::from_millionths(next()?.parse().ok()?);
    }
    let detail = RowDetail::read(|| next()?.parse().ok())?;
    let sum: u64 = next()?.parse().ok()?;
    let row = Row { trial, fingerprint, figures, detail };
    (next().is_none() && sum == check_sum(&row)).then_some(row)
}

/// Why shards do not make a study.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Mismatch {
    /// There are none.
    #[error("there is no shard to merge")]
    Nothing,
    /// They belong to different studies.
    #[error("shards of different studies: {field} is {here} in one and {there} in another")]
    Mixture {
        /// What differs first.
        field: String,
        /// Its value in one shard.
        here: String,
        /// Its value in the other.
        there: String,
    },
    /// Two of them hold the same trial.
    #[error("trials {}..{} are in several shards", .0.start, .0.end)]
    Overlap(Range<u64>),
}

/// Shards put together.
#[derive(Clone, Debug, PartialEq)]
pub struct Merged {
    /// The study.
    pub identity: Identity,
    /// What it rests on.
    pub premises: Premises,
    /// The rows of its first trials, without a gap.
    pub rows: Vec<Row>,
    /// Ranges of trials that no shard holds.
    pub missing: Vec<Range<u64>>,
}

/// Puts shards together, in whatever order they come.
///
/// # Errors
/// If they belong to different studies or overlap.
pub fn merge(mut shards: Vec<Shard>) -> Result<Merged, Mismatch> {
    shards.sort_by_key(|shard| shard.head.first);
    let Head { identity, premises, .. } = shards.first().ok_or(Mismatch::Nothing)?.head.clone();
    for shard in &shards {
        if shard.head.identity != identity {
            return Err(difference(&identity, &shard.head.identity));
        }
    }
    let (mut rows, mut missing, mut end) = (Vec::new(), Vec::new(), 0);
    for Shard { head, rows: more } in shards {
        let next = head.first + more.len() as u64;
        if head.first < end && head.first < next {
            return Err(Mismatch::Overlap(head.first..end.min(next)));
        }
        if end < head.first && !more.is_empty() {
            missing.push(end..head.first);
        }
        if missing.is_empty() {
            rows.extend(more);
        }
        end = end.max(next);
    }
    if end < identity.trials {
        missing.push(end..identity.trials);
    }
    Ok(Merged { identity, premises, rows, missing })
}

/// The first field in which two identities, which are not equal, differ.
#[must_use]
pub fn difference(here: &Identity, there: &Identity) -> Mismatch {
    let fields = |identity: &Identity| match serde_json::to_value(identity) {
        Ok(serde_json::Value::Object(fields)) => fields,
        _ => unreachable!("an identity is written as an object"),
    };
    let (here, there) = (fields(here), fields(there));
    // Another seed or scenario has another trial 0: that is then not what should be said.
    let differs = |(field, value): &(&String, _)| there.get(*field) != Some(*value);
    let (engine, others): (Vec<_>, Vec<_>) =
        here.iter().filter(differs).partition(|(field, _)| *field == "engine");
    let differs = others.into_iter().chain(engine).next();
    let (field, value) = differs.expect("unequal identities differ in a field");
    Mismatch::Mixture {
        field: field.clone(),
        here: value.to_string(),
        there: there.get(field).map_or_else(String::new, ToString::to_string),
    }
}

#[cfg(test)]
mod tests {
    use crate::experiment::row_detail::{ClusterRow, PhaseRow};
    use crate::metrics::outcome::Binding;

    use super::*;

    fn identity() -> Identity {
        Identity {
            scenario: "s".to_owned(),
            scenario_hash: "01".to_owned(),
            version: "0.1.0".to_owned(),
            engine: "02".to_owned(),
            seed: 3,
            fidelity: "requests".to_owned(),
            sampler: "independent".to_owned(),
            trials: 10,
            until: None,
            flags: Vec::new(),
            failure_rates: Vec::new(),
            clusters: Vec::new(),
            rooms: Vec::new(),
            prices: None,
            horizon_s: 60.0,
            recovery_objective_s: None,
            metrics: Vec::new(),
        }
    }

    fn premises() -> Premises {
        Premises {
            schema: crate::experiment::premises::SCHEMA.to_owned(),
            question: None,
            objectives: Vec::new(),
            stability: None,
            n_stated: 3,
            assumptions: Vec::new(),
        }
    }

    fn shard(trials: Range<u64>) -> Shard {
        let phase = PhaseRow {
            pods: 7,
            nodes: 2,
            vcpus: 16,
            subnet_addresses: 62,
            pod_ranges: 2,
            monthly_cost: Figure::new(700.5),
        };
        let cluster = ClusterRow {
            headroom: Figure::new(-0.5),
            failover: Figure::ABSENT,
            binding: Some(Binding::DependencyLimits),
            peak_pods: 7,
            peak_nodes: 2,
            node_hours: Figure::new(1.5),
            phases: [None, Some(phase), None],
        };
        let row = |trial| {
            let mut figures = [Figure::ABSENT; N_METRICS];
            figures[0] = Figure::NEVER;
            figures[1] = Figure::new(trial as f64 / 3.0);
            let detail = RowDetail { clusters: vec![cluster; 2], ..RowDetail::default() };
            Row { trial, fingerprint: u64::MAX - trial, figures, detail }
        };
        Shard { head: Head::new(identity(), premises(), &trials), rows: trials.map(row).collect() }
    }

    /// A shard reads back; cut off after any byte, it holds the rows whose line is whole, and
    /// nothing else; a digit changed anywhere in a row ends it there.
    #[test]
    fn a_shard_reads_back_and_survives_a_cut() {
        let whole = shard(2..5);
        let text = render(&whole.head, &whole.rows);
        assert_eq!(parse(&text), Ok(whole.clone()));
        let head = head_line(&whole.head).len();
        for cut in 0..text.len() {
            let n_lines = text[..cut].matches('\n').count();
            match parse(&text[..cut]) {
                Ok(read) => assert_eq!(read.rows, whole.rows[..n_lines - 1]),
                Err(_) => assert!(cut < head, "{cut}"),
            }
        }
        for (at, byte) in text.bytes().enumerate().skip(head) {
            if byte.is_ascii_digit() {
                let other = if byte == b'9' { '8' } else { '9' };
                let mut changed = text.clone();
                changed.replace_range(at..=at, &other.to_string());
                let n_before = text[head..at].matches('\n').count();
                assert_eq!(parse(&changed).unwrap().rows.len(), n_before, "{at}");
            }
        }
    }

    /// Whatever the order of the parts, the same rows; merging one whole is the whole.
    #[test]
    fn parts_make_the_whole_in_any_order() {
        let whole = merge(vec![shard(0..10)]).unwrap();
        assert_eq!((whole.rows.len(), whole.missing.len()), (10, 0));
        let parts = [shard(0..1), shard(1..4), shard(4..4), shard(4..10)];
        for first in 0..4 {
            for second in 0..3 {
                let mut order = parts.to_vec();
                order.swap(0, first);
                order.swap(1, 1 + second);
                assert_eq!(merge(order).as_ref(), Ok(&whole));
            }
        }
    }

    /// Gaps are listed and end the rows; also at both ends, and where a shard is incomplete.
    #[test]
    fn gaps_are_listed() {
        let mut cut = shard(4..8);
        cut.rows.truncate(2);
        for (shards, n_rows, missing) in [
            (vec![shard(2..10)], 0, vec![(0, 2)]),
            (vec![shard(0..4), shard(6..9)], 4, vec![(4, 6), (9, 10)]),
            (vec![cut.clone(), shard(0..4), shard(8..10)], 6, vec![(6, 8)]),
            (vec![shard(0..0)], 0, vec![(0, 10)]),
        ] {
            let merged = merge(shards).unwrap();
            let found: Vec<_> = merged.missing.iter().map(|gap| (gap.start, gap.end)).collect();
            assert_eq!((merged.rows.len(), found), (n_rows, missing));
        }
    }

    /// Overlaps, also of a shard with itself, and mixtures are refused by name.
    #[test]
    fn overlaps_and_mixtures_are_refused() {
        assert_eq!(merge(vec![shard(0..4), shard(0..4)]), Err(Mismatch::Overlap(0..4)));
        assert_eq!(merge(vec![shard(3..9), shard(0..10)]), Err(Mismatch::Overlap(3..9)));
        assert_eq!(merge(vec![]), Err(Mismatch::Nothing));
        let mut other = shard(4..10);
        other.head.identity.seed = 4;
        let said = merge(vec![shard(0..4), other]).unwrap_err().to_string();
        assert_eq!(said, "shards of different studies: seed is 3 in one and 4 in another");
    }

    /// What is no shard is refused.
    #[test]
    fn other_texts_are_refused() {
        for text in ["", "trial,rto_s\n", "{}\n"] {
            assert!(parse(text).is_err(), "{text}");
        }
        let text = render(&shard(0..1).head, &[]).replace("shard/v3", "shard/v4");
        assert!(parse(&text).unwrap_err().contains("tideover/shard/v4"));
    }
}
