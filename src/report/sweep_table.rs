//! A sweep for people at a terminal: what came out at each point, and which knob moves what.

use crate::experiment::sweep_outcome::{EffectOutcome, PointOutcome, SweepOutcome};

use super::study_table::short;
use super::table::aligned;
use super::words::{count, printable};

/// The metrics of the table; all are in the files.
const SHOWN: [&str; 4] = ["rto_s", "failed_requests", "failover_min_ratio", "node_hours"];

/// Points that are shown; all are in the files.
const MOST_POINTS: usize = 30;

/// The sweep as a short text for a terminal.
#[must_use]
pub fn render(sweep: &SweepOutcome) -> String {
    let missing = sweep.n_points - sweep.points.len();
    let partial =
        if sweep.partial { format!("; PARTIAL: {missing} points missing") } else { String::new() };
    let mut text = format!(
        "{}: {} points ({}), {} trials of each on the same draws, seed {}, fidelity {}{partial}\n",
        printable(&sweep.scenario),
        count(sweep.points.len() as u64),
        sweep.design,
        count(sweep.trials),
        sweep.seed,
        sweep.fidelity,
    );
    text += &format!("\n{}", points(sweep));
    let never = |point: &PointOutcome| point.metrics.iter().any(|metric| 0 < metric.n_never);
    if sweep.points.iter().any(never) {
        text += &format!(
            "Means are restricted: what was not reached by the end of the run counts as {} s.\n",
            sweep.restricted_to_s
        );
    }
    for metric in SHOWN {
        text += &effects(sweep, metric);
    }
    text
}

fn points(sweep: &SweepOutcome) -> String {
    let shown: Vec<&str> = SHOWN
        .into_iter()
        .filter(|name| sweep.points.iter().any(|point| metric(point, name).is_some()))
        .collect();
    let mut head = vec!["point".to_owned()];
    head.extend(sweep.knobs.iter().map(|knob| last_key(knob)));
    for name in &shown {
        head.extend([format!("{name} mean"), "p95".to_owned()]);
    }
    let row = |(number, point): (usize, &PointOutcome)| {
        let mut row = vec![number.to_string()];
        row.extend(point.values.iter().map(|value| printable(value)));
        for name in &shown {
            row.extend(metric(point, name).map_or_else(
                || ["-".to_owned(), "-".to_owned()],
                |found| [short(found.mean.value), short(found.p95.value)],
            ));
        }
        row
    };
    let mut rows = vec![head];
    rows.extend(sweep.points.iter().enumerate().take(MOST_POINTS).map(row));
    let right: Vec<usize> = (0..rows[0].len()).collect();
    let mut text = aligned(rows, &right);
    if MOST_POINTS < sweep.points.len() {
        text += &format!(" and {} more in points.csv\n", sweep.points.len() - MOST_POINTS);
    }
    text
}

fn metric<'p>(
    point: &'p PointOutcome,
    name: &str,
) -> Option<&'p crate::experiment::sweep_outcome::PointMetric> {
    point.metrics.iter().find(|metric| metric.metric == name)
}

/// The end of a path, which tells it from the others in most cases.
fn last_key(path: &str) -> String {
    printable(path.rsplit('.').next().unwrap_or(path))
}

/// What each knob does to a metric, strongest first.
fn effects(sweep: &SweepOutcome, metric: &str) -> String {
    let mut found: Vec<&EffectOutcome> =
        sweep.effects.iter().filter(|effect| effect.metric == metric).collect();
    if found.is_empty() {
        return String::new();
    }
    let range = |effect: &EffectOutcome| {
        let means = || effect.means.iter().map(|level| level.mean);
        means().fold(f64::MIN, f64::max) - means().fold(f64::MAX, f64::min)
    };
    let weight = |effect: &EffectOutcome| effect.total_order.unwrap_or_else(|| range(effect));
    found.sort_by(|left, right| weight(right).total_cmp(&weight(left)));
    let head = [format!("what moves {metric}"), "by itself".to_owned(), "in all".to_owned()];
    let mut rows = vec![[&head[..], &["mean by value".to_owned()]].concat()];
    rows.extend(found.into_iter().map(effect_row));
    format!("\n{}", aligned(rows, &[1, 2]))
}

fn effect_row(effect: &EffectOutcome) -> Vec<String> {
    let share = |share: Option<f64>, error: Option<f64>| {
        let reach = error.map_or_else(String::new, |error| format!(" ± {:.0} %", 200.0 * error));
        share.map_or_else(|| "-".to_owned(), |share| format!("{:.0} %{reach}", 100.0 * share))
    };
    let level = |level: &crate::experiment::sweep_outcome::LevelMean| {
        format!("{}: {}", printable(&level.level), short(level.mean))
    };
    vec![
        printable(&effect.knob),
        share(effect.first_order, effect.first_order_error),
        share(effect.total_order, effect.total_order_error),
        effect.means.iter().map(level).collect::<Vec<_>>().join(", "),
    ]
}
