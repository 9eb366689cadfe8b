//! The loss of a region in its three modes, and pod crashes.

use super::{small, trial};

fn lose_east(mode: &str, cause: &str) -> String {
    format!(
        "faults:\n  - {{name: lose-east, at: 3m, duration: 4m, \
         regionLoss: {{region: east, mode: {mode}, cause: {cause}}}}}\n"
    )
}

/// What users see is the mode of the loss: refused and 5xx fail at once, hanging times out.
#[test]
fn the_mode_decides_how_requests_fail() {
    for (mode, reason, other) in [
        ("refused", "origin-refused", "timeout"),
        ("5xx", "origin-refused", "timeout"),
        ("hang", "timeout", "origin-refused"),
    ] {
        let sets = ["demands[0].retries.attempts=1"];
        let outcome = trial(&small(&lose_east(mode, "power"), &sets)).outcome;
        let failed = |name: &str| outcome.requests.failed_by_reason.get(name).copied().unwrap_or(0);
        // 300/s for 30 s at the least until the first edge location has moved.
        assert!(300 * 25 < failed(reason), "{mode}: {:?}", outcome.requests.failed_by_reason);
        assert_eq!(failed(other), 0, "{mode}: {:?}", outcome.requests.failed_by_reason);
    }
}

/// A hanging origin is noticed one probe time-out later than one that refuses.
#[test]
fn hanging_is_noticed_later() {
    let detect = |mode: &str| {
        let outcome = trial(&small(&lose_east(mode, "power"), &[])).outcome;
        outcome.faults[0].detect_s.expect("noticed")
    };
    let (refused, hanging) = (detect("refused"), detect("hang"));
    assert!((29.9..=30.1).contains(&(hanging - refused)), "{refused} {hanging}");
}

/// An isolated region comes back with its pods ready; after a power loss they start cold.
#[test]
fn isolation_spares_the_pods() {
    let restarts = |cause: &str| {
        let trial = trial(&small(&lose_east("refused", cause), &[]));
        trial.finished.world.pods.iter().map(|pod| pod.restarts).sum::<u32>()
    };
    assert_eq!(restarts("isolation"), 0);
    assert!(0 < restarts("power"), "containers restart cold");
}

/// Crashed containers restart by the back-off of the kubelet, and their users are told at once.
#[test]
fn crashed_pods_restart() {
    let crash = "faults:
  - {name: crash, at: 3m, podCrash: {workload: web, cluster: primary, count: 2}}
";
    let trial = trial(&small(crash, &[]));
    let restarts: Vec<u32> = trial.finished.world.pods.iter().map(|pod| pod.restarts).collect();
    assert_eq!(restarts.iter().sum::<u32>(), 2);
    let lost = trial.outcome.requests.failed_by_reason.get("pod-lost").copied().unwrap_or(0);
    assert_eq!(lost, trial.outcome.requests.failed, "nothing else fails");
}

/// Of two regions of a pair that are lost together, one is repaired when the other is.
#[test]
fn a_region_waits_for_the_other_of_its_pair() {
    let faults = "faults:\n  - {name: lose-east, at: 3m, duration: 5m, \
                  regionLoss: {region: east}}\n  - {name: lose-west, at: 4m, duration: 2m, \
                  regionLoss: {region: west}}\n";
    let healed = |sets: &[&str]| -> Vec<(f64, String)> {
        let trial = trial(&small(faults, sets));
        let facts = trial.finished.facts.facts().iter();
        let healed = facts.filter(|fact| fact.what.name() == "fault-healed");
        healed.map(|fact| (fact.at.as_secs_f64(), fact.words(&trial.finished.world))).collect()
    };
    let times = |healed: Vec<(f64, String)>| healed.iter().map(|(at, _)| *at).collect::<Vec<_>>();
    assert_eq!(times(healed(&[])), [360.0, 480.0], "each after its own duration");
    assert_eq!(times(healed(&["regions[west].recoversAfter=east"])), [480.0, 480.0]);
    // The other way round nothing changes: east is repaired later anyway.
    assert_eq!(times(healed(&["regions[east].recoversAfter=west"])), [360.0, 480.0]);
}
