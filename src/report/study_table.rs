//! The short table of a study for people: one line a metric, then probabilities.

use crate::experiment::metric::Metric;
use crate::experiment::study::{Distribution, Probability, QuantileReported, StudyOutcome};

use super::near_saturation;
use super::table::aligned;
use super::words::{count, printable};
use super::yearly_table;

/// The metrics of the table; all are in the files.
pub(super) const SHOWN: [&str; 9] = [
    "rto_s",
    "detect_s",
    "reroute_s",
    "capacity_s",
    "failed_requests",
    "failed_fraction",
    "lost_writes",
    "failover_min_ratio",
    "node_hours",
];

/// The study as a short text for a terminal.
#[must_use]
pub fn render(study: &StudyOutcome) -> String {
    let identity = &study.identity;
    let mut text = format!(
        "{}: {} trials, seed {}, {}\n",
        printable(&identity.scenario),
        count(study.n_trials),
        identity.seed,
        ended(study)
    );
    text += &format!("Conditional on {}.\n\n", study.condition);
    let head = ["", "mean", "p50", "p95", "95 % interval", "p99", "95 % interval", "not reached"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let shown = SHOWN.iter().filter_map(|name| {
        let found = study.distributions.iter().find(|found| found.metric == *name)?;
        (0 < found.n).then(|| row(found))
    });
    rows.extend(shown);
    text += &aligned(rows, &[1, 2, 3, 4, 5, 6, 7]);
    text.push('\n');
    text += &aligned(study.probabilities.iter().filter_map(probability).collect(), &[1, 2]);
    text += &study.yearly.as_ref().map_or_else(String::new, yearly_table::render);
    text += &near_saturation(study).map_or_else(String::new, |note| format!("\n{note}\n"));
    text
}

/// What to know of the time near saturation.
pub(super) fn near_saturation(study: &StudyOutcome) -> Option<String> {
    let name = Metric::NearSaturation.name();
    let found = study.distributions.iter().find(|found| found.metric == name)?;
    near_saturation::note(found.mean.map(|mean| mean.value), "of a trial in the mean")
}

fn ended(study: &StudyOutcome) -> String {
    match (&study.identity.until, study.ended.as_ref()) {
        (Some(until), "precise") => format!("precise enough: {until}"),
        (Some(until), "complete") => format!("NOT as precise as {until}"),
        (_, "complete") => "complete".to_owned(),
        _ => format!("PARTIAL: stopped before all {}", count(study.identity.trials)),
    }
}

fn row(found: &Distribution) -> Vec<String> {
    let quantile = |p: f64| found.quantiles.iter().find(|quantile| quantile.p == p);
    let value = |p: f64| quantile(p).map_or_else(String::new, |q| short(q.estimate.value));
    vec![
        found.metric.to_string(),
        found.mean.map_or_else(|| "-".to_owned(), |mean| short(mean.value)),
        value(0.5),
        value(0.95),
        ends(quantile(0.95)),
        value(0.99),
        ends(quantile(0.99)),
        if found.n_never == 0 { String::new() } else { count(found.n_never) },
    ]
}

fn ends(quantile: Option<&QuantileReported>) -> String {
    let Some(found) = quantile else { return String::new() };
    let end = |end: Option<f64>| end.map_or_else(|| "?".to_owned(), short);
    format!("{} to {}", end(found.estimate.low), end(found.estimate.high))
}

fn probability(found: &Probability) -> Option<Vec<String>> {
    let percent = |share: f64| format!("{:.2} %", 100.0 * share);
    let interval = format!("{} to {}", percent(found.low), percent(found.high));
    Some(vec![found.event.clone(), percent(found.value?), interval])
}

/// A number to about four digits.
pub(super) fn short(value: f64) -> String {
    match value.abs() {
        size if size.is_infinite() => "inf".to_owned(),
        size if 1_000.0 <= size => format!("{value:.0}"),
        size if 10.0 <= size => format!("{value:.1}"),
        size if 0.1 <= size || size == 0.0 => format!("{value:.3}"),
        _ => format!("{value:.6}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers keep about four digits; the infinite is a word.
    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (f64::INFINITY, "inf"),
            (12_345.6, "12346"),
            (81.04, "81.0"),
            (1.234_5, "1.234"),
            (-0.25, "-0.250"),
            (0.000_123_4, "0.000123"),
            (0.0, "0.000"),
        ] {
            assert_eq!(short(value), text);
        }
    }
}
