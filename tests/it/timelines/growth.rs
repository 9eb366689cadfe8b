//! How fast an HPA grows: both default paths, and what a saturated metric allows.

use super::stage::{Stage, begin, play, scaled};

/// Two nodes of 500 CPU, so that no limit but the HPA's own matters.
const GROWING: Stage<'_> = Stage {
    profile: "k8s-1.33",
    zones: 1,
    pool: "count: 2, maxPods: 250, allocatable: {cpu: 500, memory: 1024Gi}",
    workload: "",
    load: "{at: 0s, load: 500m}, {at: 60s, load: 400}",
    constants: "",
    more: "",
};

/// Only the replicas.
fn sizes(scaled: &[(f64, u32)]) -> Vec<u32> {
    scaled.iter().map(|&(_, to)| to).collect()
}

/// The load jumps from half a pod's to hundreds of pods'. Each pass then allows the most that the
/// rules do: with a behavior section the greater of 4 pods and 100 % in 15 s, counted from the size
/// 15 s ago, whose event at that very age no longer counts: 1, 5, 10, 20, 40. Without one, twice
/// the size and at least 4: 1, 4, 8, 16, 32. One step every 15 s in both.
#[test]
fn default_growth() {
    for (behavior, expected) in [(", behavior: {}", [5, 10, 20, 40]), ("", [4, 8, 16, 32])] {
        let workload = format!(
            "hpa: {{minReplicas: 1, maxReplicas: 100, targetCPUUtilization: 60%{behavior}}}"
        );
        let scenario = Stage { workload: &workload, ..GROWING }.scenario();
        let mut run = begin(&scenario, 101.0);
        play(&mut run);
        let scaled = scaled(&run);
        assert_eq!(sizes(&scaled)[..4], expected, "with `{behavior}`");
        for pair in scaled[..4].windows(2) {
            assert_eq!(pair[1].0 - pair[0].0, 15.0, "with `{behavior}`: {scaled:?}");
        }
        // Counter and scrape are 15 s old at most each; the pass comes at most 15 s later.
        assert!((60.0..=105.0).contains(&scaled[0].0), "with `{behavior}`: {scaled:?}");
        assert_eq!(scaled[0].0 % 15.0, 0.0, "passes fall on whole 15 s");
    }
}

/// Usage ends at the limit, which is the request: a saturated pod uses 100 %. A pass then grows by
/// 100 / 50 = 2 at a target of 50 %, and by 100 / 70 = 1.43 at 70 %: 15 = ceil(10 x 1.43), 22 =
/// ceil(15 x 1.43), 32, 46. Passes come every 2 min, so that the pods of the last one count.
#[test]
fn a_saturated_metric_caps_each_step() {
    for (target, expected) in [("50%", [20, 40, 80, 160]), ("70%", [15, 22, 32, 46])] {
        let workload = format!(
            "limits: {{cpu: 1}}
    hpa: {{minReplicas: 10, maxReplicas: 400, targetCPUUtilization: {target}}}"
        );
        let stage = Stage { workload: &workload, ..GROWING };
        let scenario = stage.scenario_with(&["kubernetes.hpaSyncPeriod=2m"]);
        let mut run = begin(&scenario, 101.0);
        play(&mut run);
        assert_eq!(sizes(&scaled(&run))[..4], expected, "target {target}");
    }
}
