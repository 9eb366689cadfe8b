//! Several scenarios on the same seeds, side by side: one row for each run and place of users.
//!
//! Equal seeds mean equal users, so what differs between two rows of a seed is what differs
//! between the scenarios. Recovery is that of the fault that takes longest; node hours are those
//! of all clusters, the price of capacity that is warm.

use crate::metrics::outcome::{FaultOutcome, GeographyOutcome, Latency, Outcome};

use super::cells::{guarded, optional, table};

const HEADER: [&str; 19] = [
    "scenario",
    "seed",
    "rto_s",
    "recovered",
    "detect_s",
    "reroute_s",
    "capacity_s",
    "offered",
    "failed",
    "failed_ratio",
    "lost_writes",
    "node_hours",
    "geography",
    "before_latency_ms_p50",
    "before_latency_ms_p99",
    "during_latency_ms_p50",
    "during_latency_ms_p99",
    "after_latency_ms_p50",
    "after_latency_ms_p99",
];

/// The runs as CSV, in the order given.
#[must_use]
pub fn render(outcomes: &[Outcome]) -> String {
    let runs = outcomes.iter();
    let rows = runs.flat_map(|run| run.geographies.iter().map(move |place| row(run, place)));
    table(HEADER, rows)
}

fn row(outcome: &Outcome, place: &GeographyOutcome) -> [String; HEADER.len()] {
    let worst = worst_fault(&outcome.faults);
    let of_worst = |figure: fn(&FaultOutcome) -> Option<f64>| optional(worst.and_then(figure), 3);
    let lost: Vec<u64> = outcome.faults.iter().filter_map(|fault| fault.lost_writes).collect();
    let requests = &outcome.requests;
    let node_hours: f64 = outcome.clusters.iter().map(|cluster| cluster.node_hours).sum();
    let failed_ratio = requests.failed as f64 / (requests.offered.max(1)) as f64;
    let latency = place.latency_ms;
    let p50 = |latency: Option<Latency>| optional(latency.map(|latency| latency.p50), 3);
    let p99 = |latency: Option<Latency>| optional(latency.map(|latency| latency.p99), 3);
    [
        guarded(&outcome.scenario).into_owned(),
        outcome.seed.to_string(),
        of_worst(|fault| fault.rto_s),
        worst.and_then(|fault| fault.recovered).map_or_else(String::new, |yes| yes.to_string()),
        of_worst(|fault| fault.detect_s),
        of_worst(|fault| fault.reroute_s),
        of_worst(|fault| fault.capacity_s),
        requests.offered.to_string(),
        requests.failed.to_string(),
        format!("{failed_ratio:.6}"),
        if lost.is_empty() { String::new() } else { lost.iter().sum::<u64>().to_string() },
        format!("{node_hours:.3}"),
        guarded(&place.name).into_owned(),
        p50(latency.before),
        p99(latency.before),
        p50(latency.during),
        p99(latency.during),
        p50(latency.after),
        p99(latency.after),
    ]
}

/// The fault from which users waited longest; one without recovery is longer than any.
fn worst_fault(faults: &[FaultOutcome]) -> Option<&FaultOutcome> {
    let slowness = |fault: &FaultOutcome| match fault.recovered {
        Some(false) => f64::INFINITY,
        _ => fault.rto_s.unwrap_or(-1.0),
    };
    faults.iter().max_by(|a, b| slowness(a).total_cmp(&slowness(b)))
}

#[cfg(test)]
mod tests {
    use crate::report::example::outcome;

    use super::*;

    /// One row for each run and place, under the header; the fault without recovery is the one
    /// that counts.
    #[test]
    fn one_row_for_each_run_and_place() {
        let mut second = outcome();
        second.seed += 1;
        second.faults.push(FaultOutcome {
            recovered: Some(false),
            rto_s: None,
            ..second.faults[0].clone()
        });
        let n_places = second.geographies.len();
        let text = render(&[outcome(), second]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 1 + 2 * n_places);
        assert!(lines[0].starts_with("scenario,seed,rto_s"));
        let last: Vec<&str> = lines[lines.len() - 1].split(',').collect();
        assert_eq!((last[2], last[3]), ("", "false"));
    }
}
