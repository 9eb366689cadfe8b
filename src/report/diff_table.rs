//! What a change does, for people at a terminal: one line a metric, then what each edit does by
//! itself.

use crate::experiment::diff_outcome::{Attribution, DiffOutcome, Difference, Effect};
use crate::experiment::paired::Bounded;

use super::gate_table::{MOST_CHANGES, more, was_and_is};
use super::study_table::{SHOWN, short};
use super::table::aligned;
use super::words::{count, printable};

/// The metrics whose change is attributed, if they change.
const ATTRIBUTED: [&str; 5] =
    ["rto_s", "failed_requests", "lost_writes", "failover_min_ratio", "node_hours"];

/// The comparison as a short text for a terminal.
#[must_use]
pub fn render(diff: &DiffOutcome) -> String {
    let mut text = format!(
        "{} -> {}: {} trials of each on the same draws, seed {}, fidelity {}{}\n\n",
        printable(&diff.before.scenario),
        printable(&diff.after.scenario),
        count(diff.n_trials),
        diff.seed,
        diff.fidelity,
        ended(diff)
    );
    let head = ["", "before", "after", "difference", "95 % interval", "better", "worse", "equal"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let shown = SHOWN.iter().filter_map(|name| named(diff, name));
    rows.extend(shown.clone().map(row));
    text += &aligned(rows, &[1, 2, 3, 4, 5, 6, 7]);
    let n_restricted = shown.map(|found| found.paired.n_restricted).max().unwrap_or(0);
    if 0 < n_restricted {
        text += &format!(
            "Means are restricted: in {} trials something was not reached by the end of the run, \
             which counts as {} s.\n",
            count(n_restricted),
            diff.restricted_to_s
        );
    }
    text += &match &diff.attribution {
        Some(attribution) => attributed(diff, attribution),
        None => changed(diff),
    };
    text
}

fn ended(diff: &DiffOutcome) -> String {
    match (&diff.until, diff.ended) {
        (Some(until), "precise") => format!("; precise enough: {until}"),
        (Some(until), "complete") => format!("; NOT as precise as {until}"),
        (_, "stopped") => "; PARTIAL: stopped before all".to_owned(),
        _ => String::new(),
    }
}

fn named<'d>(diff: &'d DiffOutcome, name: &str) -> Option<&'d Difference> {
    diff.differences.iter().find(|found| found.metric == name)
}

fn row(found: &Difference) -> Vec<String> {
    let paired = &found.paired;
    let percent = |share: &Bounded| format!("{:.1} %", 100.0 * share.value);
    vec![
        found.metric.to_owned(),
        short(paired.before),
        short(paired.after),
        signed(paired.difference.value),
        ends(&paired.difference),
        percent(&paired.better),
        percent(&paired.worse),
        percent(&paired.equal),
    ]
}

pub(super) fn ends(found: &Bounded) -> String {
    let end = |end: Option<f64>| end.map_or_else(|| "?".to_owned(), signed);
    format!("{} to {}", end(found.low), end(found.high))
}

/// A number with its sign; nothing is plain nothing.
pub(super) fn signed(value: f64) -> String {
    match short(value) {
        text if value == 0.0 || text.starts_with('-') => text,
        text => format!("+{text}"),
    }
}

fn attributed(diff: &DiffOutcome, attribution: &Attribution) -> String {
    if attribution.edits.is_empty() && attribution.not_alone.is_empty() {
        return changed(diff);
    }
    let changes =
        |name: &&&str| named(diff, name).is_some_and(|found| found.paired.equal.value < 1.0);
    let metrics: Vec<&str> = ATTRIBUTED.iter().filter(changes).copied().collect();
    let mut head = vec!["each edit by itself".to_owned(), String::new()];
    head.extend(metrics.iter().map(|&name| name.to_owned()));
    let cells = |effects: &[Effect]| -> Vec<String> {
        let effect = |name: &str| effects.iter().find(|effect| effect.metric == name);
        metrics.iter().map(|name| effect(name).map_or_else(|| "-".to_owned(), with_reach)).collect()
    };
    let mut rows = vec![head];
    for edit in &attribution.edits {
        let mut row = vec![printable(&edit.edit.path), was_and_is(&edit.edit)];
        row.extend(cells(&edit.effects));
        rows.push(row);
    }
    if !attribution.rest.is_empty() {
        let what = if attribution.not_alone.is_empty() { "together, less each" } else { "" };
        let mut row = vec!["the rest".to_owned(), what.to_owned()];
        row.extend(cells(&attribution.rest));
        rows.push(row);
    }
    let right: Vec<usize> = (2..2 + metrics.len()).collect();
    let mut text = format!("\n{}", aligned(rows, &right));
    for edit in &attribution.not_alone {
        text += &format!(
            "Not by itself: {}  {} ({})\n",
            printable(&edit.edit.path),
            was_and_is(&edit.edit),
            printable(&edit.reason)
        );
    }
    text
}

/// `-40.8 ± 1.2`.
fn with_reach(effect: &Effect) -> String {
    let Bounded { value, low, high } = effect.difference;
    match (low, high) {
        (Some(low), Some(high)) if low < high => {
            format!("{} ± {}", signed(value), short(0.5 * (high - low)))
        }
        _ => signed(value),
    }
}

/// The values that differ, where no edit is looked at by itself.
fn changed(diff: &DiffOutcome) -> String {
    let changes = &diff.changes;
    if changes.is_empty() {
        return "\nNo value of the scenario differs.\n".to_owned();
    }
    let rows = changes.iter().take(MOST_CHANGES);
    let rows = rows.map(|change| vec![printable(&change.path), was_and_is(change)]).collect();
    format!("\nChanged:\n{}{}", aligned(rows, &[]), more(changes.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Differences have a sign, but for nothing; an interval of no width is left out.
    #[test]
    fn differences_are_signed() {
        for (value, text) in [(0.0, "0.000"), (-0.0, "-0.000"), (12.34, "+12.3"), (-2.5, "-2.500")]
        {
            assert_eq!(signed(value), text);
        }
        let effect =
            |low, high| Effect { metric: "rto_s", difference: Bounded { value: -40.0, low, high } };
        assert_eq!(with_reach(&effect(Some(-42.0), Some(-38.0))), "-40.0 ± 2.000");
        assert_eq!(with_reach(&effect(Some(-40.0), Some(-40.0))), "-40.0");
        assert_eq!(with_reach(&effect(None, None)), "-40.0");
    }
}
