//! The answer of a sizing for people at a terminal: the smallest design, why one less fails, and
//! what was tried.

use crate::experiment::size_outcome::{DesignOutcome, OneLess, SizeOutcome, ViolationOutcome};

use super::gate_table::percent;
use super::table::aligned;
use super::words::{count, printable};
use super::{size_cost, size_demand, size_ends};

/// Findings of one kind that are shown; all are in the JSON.
const MOST: usize = 5;

/// The sizing as a short text for a terminal.
#[must_use]
pub fn render(size: &SizeOutcome) -> String {
    let mut text = headline(size);
    if let Some(time) = &size.fault_time {
        text += &format!("{}\n", size_ends::fault_time(size, time));
    }
    let demand = size.max_demand.as_ref().map(|demand| size_demand::render(size, demand));
    if size.is_fixed() {
        return text + &demand.unwrap_or_default();
    }
    if let Some(less) = &size.one_less {
        text +=
            &format!("Why not {}: {}\n{}", spelled(&less.values), less.words, replay(size, less));
    }
    for binds in &size.binds {
        text += &format!("{binds}\n");
    }
    text.extend(size_ends::relief(size).map(|words| words + "\n"));
    text.push('\n');
    text += &tried(size);
    text += &size_cost::render(size);
    text += &ends(size);
    if 1 < size.smallest.len() {
        text += "\nDesigns of which no knob can be less: ";
        let spelled = size.smallest.iter().map(|values| spelled(values));
        text += &(spelled.collect::<Vec<_>>().join(", ") + "\n");
    }
    for found in size.violations.iter().take(MOST) {
        text += &format!("finding: {}\n", violation(found));
    }
    if MOST < size.violations.len() {
        text += &format!("finding: {} more like these\n", size.violations.len() - MOST);
    }
    text.extend(demand.map(|demand| format!("\n{demand}")));
    text
}

/// The words that replay the trial which shows why a design fails.
pub(super) fn replay(size: &SizeOutcome, less: &OneLess) -> String {
    let Some(trial) = less.trial else { return String::new() };
    let sets = less.sets.iter().map(|set| format!(" --set '{}'", printable(set)));
    let (seed, fidelity, sets) = (size.seed, &size.fidelity, sets.collect::<String>());
    format!("  run --trial {trial} --seed {seed} --fidelity {fidelity}{sets} replays it\n")
}

fn headline(size: &SizeOutcome) -> String {
    let knobs = size.knobs.iter().map(|knob| printable(knob)).collect::<Vec<_>>().join(", ");
    let answer = match &size.answer {
        Some(values) => match size_ends::range(size) {
            Some(range) => format!("{} ({range})", spelled(values)),
            None => spelled(values),
        },
        None => "NOTHING in range suffices".to_owned(),
    };
    let cost = size.answer.as_ref().and_then(|answer| {
        let design = size.designs.iter().find(|design| design.values == *answer)?;
        Some(format!(", {} a month for its nodes", money(size, design.monthly_cost?)))
    });
    let what = if size.is_fixed() {
        "the largest demand".to_owned()
    } else {
        format!("{answer} of {knobs}{}", cost.unwrap_or_default())
    };
    format!(
        "{}: {what}\n{}; confidence {}, indifference {}, seed {}, fidelity {}\n",
        printable(&size.scenario),
        size.objectives.join(" and "),
        percent(size.confidence),
        percent(size.indifference),
        size.seed,
        size.fidelity
    )
}

/// `27`, or `3 x 4` for two knobs.
pub(super) fn spelled(values: &[u32]) -> String {
    values.iter().map(u32::to_string).collect::<Vec<_>>().join(" x ")
}

/// Which trials fare worse with more.
pub(super) fn violation(found: &ViolationOutcome) -> String {
    format!(
        "{} trials of {} keep {} with {} and not with {}, trial {} first",
        count(found.n),
        count(found.n_trials),
        found.objective,
        spelled(&found.less),
        spelled(&found.more),
        found.trial
    )
}

fn money(size: &SizeOutcome, amount: f64) -> String {
    format!("{} {}", count(amount.round() as u64), size.currency.as_deref().unwrap_or(""))
}

fn tried(size: &SizeOutcome) -> String {
    let mut head = vec!["tried".to_owned(), String::new(), "trials".to_owned()];
    head.extend(size.objectives.iter().map(|objective| format!("keep {objective}")));
    if size.currency.is_some() {
        head.push("a month".to_owned());
    }
    head.extend(size.loss.as_ref().map(|_| "a year".to_owned()));
    let row = |design: &DesignOutcome| {
        let mut row =
            vec![spelled(&design.values), design.verdict.to_string(), count(design.n_trials)];
        row.extend(design.kept.iter().map(|&share| percent(share)));
        row.extend(design.monthly_cost.map(|amount| money(size, amount)));
        row.extend(size.loss.as_ref().map(|_| size_cost::a_year(size, design)));
        row
    };
    let mut rows = vec![head];
    rows.extend(size.designs.iter().map(row));
    let right: Vec<usize> = (2..rows[0].len()).chain([0]).collect();
    aligned(rows, &right)
}

/// The answer at the ends of what nobody knows well.
fn ends(size: &SizeOutcome) -> String {
    let Some(ends) = &size.ends else { return String::new() };
    let mut text = String::new();
    if !ends.inputs.is_empty() {
        let head = size_ends::COLUMNS.map(|name| name.trim_start_matches("# ").to_owned());
        let rows = std::iter::once(head).chain(size_ends::rows(size, ends)).map(Vec::from);
        text += &format!("\n{}", aligned(rows.collect(), &[3, 5, 6]));
        text += &format!(" each end by itself at confidence {}\n", percent(size.confidence));
    }
    if let Some(worst) = &ends.worst {
        text += &format!("{}\n", size_ends::worst(size, worst));
    }
    for found in size_ends::findings(ends).take(MOST) {
        text += &format!("finding: {found}\n");
    }
    for skipped in &ends.skipped {
        text += &format!("not tried: {}\n", printable(skipped));
    }
    text
}
