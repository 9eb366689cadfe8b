//! What the failures of a year come to, for people: figures with intervals, then kind by kind.

use crate::experiment::study::Reported;
use crate::experiment::yearly::{KindOutcome, Yearly};

use super::study_table::short;
use super::table::aligned;
use super::words::{count, printable};

/// Fewer trials of a kind than these say little of it.
const FEW: u64 = 30;

/// The year as a short text for a terminal.
#[must_use]
pub fn render(yearly: &Yearly) -> String {
    let mut text =
        format!("\nA year, by the stated rates: {} failures\n", short(yearly.failures_per_year));
    text += &aligned(figures(yearly).into_iter().map(Vec::from).collect(), &[1, 2]);
    text.push('\n');
    let head = [
        "failure",
        "a year",
        "trials",
        "rto_s p50",
        "below_objective_s",
        "failed_requests",
        "min a year",
        "failed a year",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(yearly.kinds.iter().map(|it| row(it, |mean| short(mean.value)).to_vec()));
    text += &aligned(rows, &[1, 2, 3, 4, 5, 6, 7]);
    for note in notes(yearly) {
        text += &format!("{note}\n");
    }
    text
}

/// Each figure of the year: what it is, its value, its interval.
pub(super) fn figures(yearly: &Yearly) -> Vec<[String; 3]> {
    let shown = |what: &str, found: Option<Reported>, written: fn(f64) -> String| {
        let value = found.map_or_else(|| "-".to_owned(), |it| written(it.value));
        let end = |end: Option<f64>| end.map_or_else(|| "?".to_owned(), written);
        let interval =
            found.map_or_else(String::new, |it| format!("{} to {}", end(it.low), end(it.high)));
        [what.to_owned(), value, interval]
    };
    let mut rows = vec![
        shown("minutes below the objective", yearly.below_objective_min_per_year, short),
        shown("failed requests", yearly.failed_requests_per_year, short),
    ];
    if yearly.lost_writes_per_year.is_some() {
        rows.push(shown("lost writes", yearly.lost_writes_per_year, short));
    }
    rows.push(shown("availability", yearly.availability, availability));
    rows
}

/// A share in percent, cut off so that it never looks better than it is.
fn availability(share: f64) -> String {
    format!("{:.5} %", (share * 1e7).floor() / 1e5)
}

/// A kind of failure: its name, how often it comes, and what its trials came to; `written` says
/// how a mean is written.
pub(super) fn row(kind: &KindOutcome, written: fn(Reported) -> String) -> [String; 8] {
    let mean = |found: Option<Reported>| found.map_or_else(|| "-".to_owned(), written);
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), short);
    [
        printable(&kind.name),
        kind.rate_per_year.to_string(),
        count(kind.n_trials),
        number(kind.rto_s_p50),
        mean(kind.below_objective_s),
        mean(kind.failed_requests),
        number(kind.below_objective_min_per_year),
        number(kind.failed_requests_per_year),
    ]
}

/// What limits these figures.
pub(super) fn notes(yearly: &Yearly) -> Vec<String> {
    let mut notes = vec![format!(
        "A trial has one failure: that two come within one run happens at most {} times a year \
         and is neglected.",
        short(yearly.overlaps_per_year_at_most)
    )];
    let n_open: u64 = yearly.kinds.iter().map(|kind| kind.n_not_recovered).sum();
    if 0 < n_open {
        notes.push(format!(
            "In {} trials users were not served again within the run; what comes later is not \
             counted: the year is worse than this.",
            count(n_open)
        ));
    }
    let n_trials = || yearly.kinds.iter().map(|kind| kind.n_trials);
    let least = yearly.kinds.iter().min_by_key(|kind| kind.n_trials);
    if let Some(kind) = least.filter(|kind| kind.n_trials < FEW) {
        let is_even = n_trials().max().is_some_and(|most| most <= kind.n_trials + 1);
        notes.push(format!(
            "{} has only {} trials: more of them{} would tell more.",
            printable(&kind.name),
            count(kind.n_trials),
            if is_even { "" } else { ", or --sampler stratified," }
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An availability is cut off, never rounded up.
    #[test]
    fn availability_never_looks_better() {
        for (share, text) in
            [(1.0, "100.00000 %"), (0.999_999_999, "99.99999 %"), (0.999_95, "99.99500 %")]
        {
            assert_eq!(availability(share), text);
        }
    }
}
