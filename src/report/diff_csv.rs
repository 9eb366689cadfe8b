//! `differences.csv` and `attribution.csv`: what differs between two versions, one row a metric,
//! and what each edit does by itself, one row an edit and metric.
//!
//! Figures have the unit that ends the metric's name; an empty end of an interval means that there
//! are too few trials for it.

use crate::experiment::diff_outcome::{Attribution, DiffOutcome, Difference, Effect};
use crate::experiment::gate_outcome::ChangeOutcome;
use crate::experiment::paired::Bounded;

use super::cells::{guarded, optional, table};

/// Name of the file with a row for each metric.
pub const DIFFERENCES: &str = "differences.csv";

/// Name of the file with a row for each edit and metric.
pub const ATTRIBUTION: &str = "attribution.csv";

const DIFFERENCE_COLUMNS: [&str; 19] = [
    "metric",
    "trials",
    "unpaired_trials",
    "restricted_trials",
    "before_mean",
    "after_mean",
    "difference_mean",
    "difference_low",
    "difference_high",
    "better_share",
    "better_share_low",
    "better_share_high",
    "worse_share",
    "worse_share_low",
    "worse_share_high",
    "equal_share",
    "equal_share_low",
    "equal_share_high",
    "pairing_gain_ratio",
];

const ATTRIBUTION_COLUMNS: [&str; 7] =
    ["path", "before", "after", "metric", "difference_mean", "difference_low", "difference_high"];

/// One row a metric.
#[must_use]
pub fn differences(diff: &DiffOutcome) -> String {
    table(DIFFERENCE_COLUMNS, diff.differences.iter().map(difference))
}

fn difference(found: &Difference) -> [String; 19] {
    let paired = &found.paired;
    let [mean, low, high] = bounded(&paired.difference);
    let [better, better_low, better_high] = bounded(&paired.better);
    let [worse, worse_low, worse_high] = bounded(&paired.worse);
    let [equal, equal_low, equal_high] = bounded(&paired.equal);
    [
        found.metric.to_owned(),
        paired.n.to_string(),
        paired.n_unpaired.to_string(),
        paired.n_restricted.to_string(),
        number(paired.before),
        number(paired.after),
        mean,
        low,
        high,
        better,
        better_low,
        better_high,
        worse,
        worse_low,
        worse_high,
        equal,
        equal_low,
        equal_high,
        optional(paired.gain, 1),
    ]
}

/// One row an edit and metric; the rest comes last, without a path.
#[must_use]
pub fn attribution(attribution: &Attribution) -> String {
    let nothing = ChangeOutcome { path: "(rest)".to_owned(), before: None, after: None };
    let edits = attribution.edits.iter().flat_map(|edit| rows(&edit.edit, &edit.effects));
    let rest = rows(&nothing, &attribution.rest);
    table(ATTRIBUTION_COLUMNS, edits.chain(rest).collect::<Vec<_>>())
}

fn rows(edit: &ChangeOutcome, effects: &[Effect]) -> Vec<[String; 7]> {
    let value = |value: &Option<String>| guarded(value.as_deref().unwrap_or("")).into_owned();
    let row = |effect: &Effect| {
        let [mean, low, high] = bounded(&effect.difference);
        let path = guarded(&edit.path).into_owned();
        let metric = effect.metric.to_owned();
        [path, value(&edit.before), value(&edit.after), metric, mean, low, high]
    };
    effects.iter().map(row).collect()
}

fn bounded(found: &Bounded) -> [String; 3] {
    let end = |end: Option<f64>| end.map_or_else(String::new, number);
    [number(found.value), end(found.low), end(found.high)]
}

/// To the millionth, as figures are, without trailing zeros.
pub(super) fn number(value: f64) -> String {
    let text = format!("{value:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers are short, and nothing is minus zero.
    #[test]
    fn numbers_are_short() {
        for (value, text) in
            [(0.0, "0"), (-1e-9, "0"), (100.0, "100"), (-0.25, "-0.25"), (1e-6, "0.000001")]
        {
            assert_eq!(number(value), text);
        }
    }
}
