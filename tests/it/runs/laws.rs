//! Laws that hold whatever the numbers: nothing is lost, calm stays calm, more is not worse.

use super::{small, trial};

const LOSE_EAST: &str =
    "faults:\n  - {name: lose-east, at: 3m, duration: 6m, regionLoss: {region: east}}\n";

/// Without a fault and below capacity every request is served.
#[test]
fn calm_stays_calm() {
    let outcome = trial(&small("", &[])).outcome;
    assert_eq!(outcome.requests.failed, 0);
    assert_eq!(outcome.requests.offered, outcome.requests.served + outcome.requests.in_flight);
    assert_eq!(outcome.requests.retries, 0);
}

/// Common random numbers: the users are the same in every design, and a larger secondary never
/// fails more of them (no retries, so that load does not feed back).
#[test]
fn more_capacity_never_fails_more() {
    let failed = |least: u32| {
        let min = format!("workloads[web].hpa.minReplicas={least}");
        let sets =
            [min.as_str(), "demands[0].retries.attempts=1", "demands[0].arrivals.constant=900/s"];
        let outcome = trial(&small(LOSE_EAST, &sets)).outcome;
        (outcome.requests.offered, outcome.requests.failed)
    };
    let designs: Vec<(u64, u64)> = [4, 8, 12, 16].map(failed).to_vec();
    assert!(designs.windows(2).all(|pair| pair[0].0 == pair[1].0), "the same users: {designs:?}");
    assert!(designs.windows(2).all(|pair| pair[1].1 <= pair[0].1), "{designs:?}");
    assert!(designs[3].1 < designs[0].1, "the premise: size matters here: {designs:?}");
}

/// Times in a result are in order: noticed before moved before served again, and percentiles
/// rise.
#[test]
fn figures_are_in_order() {
    let outcome = trial(&small(LOSE_EAST, &[])).outcome;
    let fault = &outcome.faults[0];
    let detect = fault.detect_s.expect("noticed");
    let reroute = fault.reroute_s.expect("moved");
    let rto = fault.rto_s.expect("recovered");
    assert!(detect <= reroute, "{detect} {reroute}");
    assert!(30.0 <= detect && reroute <= 61.0, "two failures in a row at 30 s: {detect} {reroute}");
    assert!(detect <= rto + 10.0, "users fail at least until the first edge moves: {rto}");
    let latency = outcome.latency_ms.expect("requests were served");
    let rising = [latency.p50, latency.p95, latency.p99, latency.p999, latency.max];
    assert!(rising.windows(2).all(|pair| pair[0] <= pair[1]), "{rising:?}");
}
