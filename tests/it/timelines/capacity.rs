//! No room: from the HPA's step to pods that are ready on new nodes.

use tideover::model::fact::What;

use super::stage::{Stage, begin, is_created, is_ready, is_scheduled, millis, play, scaled, times};

/// Two nodes of 2 CPU are full with 4 pods of 1 CPU; the load doubles at 60 s.
const FULL: Stage<'_> = Stage {
    profile: "k8s-1.33",
    zones: 1,
    pool: "minCount: 2, maxCount: 10, allocatable: {cpu: 2, memory: 8Gi}",
    workload: "limits: {cpu: 1}
    hpa: {minReplicas: 4, maxReplicas: 8, targetCPUUtilization: 50%}",
    load: "{at: 0s, load: 2}, {at: 60s, load: 4}",
    constants: "",
    more: "",
};

/// The HPA goes to twice the pods in one step or two, on its passes at whole 15 s, while the mean
/// over the window still contains the old load. The new pods exist 15 ms later and fit nowhere. The
/// autoscaler scans on whole 10 s and leaves the youngest pods alone for 2 s: it orders two nodes
/// for four pods. They join after 90 s, the scheduler binds the pods 20 ms after that, and they are
/// ready 2 s later.
#[test]
fn from_a_shortage_to_ready_pods() {
    let scenario = FULL.scenario();
    let mut run = begin(&scenario, 101.0);
    play(&mut run);
    let steps = scaled(&run);
    let (scaled_s, to) = steps[0];
    assert_eq!(to, 8, "{steps:?}");
    assert_eq!(scaled_s % 15.0, 0.0);
    assert!((60.0..=105.0).contains(&scaled_s), "{scaled_s}");
    assert_eq!(times(&run, is_created), [millis(scaled_s + 0.015); 4]);
    let scan_s = ((scaled_s + 0.015 + 2.0) / 10.0).ceil() * 10.0;
    assert_eq!(times(&run, |what| matches!(what, What::ScaleUp { nodes: 2, .. })), [scan_s]);
    assert_eq!(times(&run, |what| matches!(what, What::NodeOrdered { .. })), [scan_s; 2]);
    assert_eq!(times(&run, |what| matches!(what, What::NodeJoined { .. })), [scan_s + 90.0; 2]);
    assert_eq!(times(&run, is_scheduled), [millis(scan_s + 90.02); 4]);
    assert_eq!(times(&run, is_ready), [millis(scan_s + 92.02); 4]);
}
