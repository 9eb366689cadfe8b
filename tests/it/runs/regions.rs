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
