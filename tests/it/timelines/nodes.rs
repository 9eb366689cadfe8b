//! One dead node, under both grace periods.

use super::stage::{
    Stage, begin, is_created, is_deleted, is_not_ready, is_ready, is_scheduled, is_tainted,
    is_unknown, millis, nodes_of, play, renew, times,
};

const ONE_OF_NINE: Stage<'_> = Stage {
    profile: "k8s-1.31",
    zones: 3,
    pool: "count: 9, allocatable: {cpu: 8, memory: 32Gi}",
    workload: "replicas: 9",
    load: "{at: 0s, load: 1}",
    more: "faults:\n  - {name: one, at: 100s, nodeLoss: {cluster: main, count: 1}}\n",
};

/// Power is lost at 100 s; the last renewal was at 97 s. The monitor passes at 101 s - 5.01 k s, so
/// it saw that renewal at 101 s. Grace 40 s: the first pass after 141 s is 101 + 8 x 5.01 =
/// 141.08 s; grace 50 s: the first after 151 s is 101 + 10 x 5.01 = 151.10 s. That pass marks node
/// and pod and takes 10 + 20 ms; the next one starts 5 s after its end and queues the node, and
/// the queue is worked at the next tenth of a second. The pod tolerates the taint for 300 s, its
/// replacement is created 15 ms later, bound 20 ms after that and ready after 2 s.
#[test]
fn a_dead_node() {
    for (profile, unknown_s, tainted_s) in [("k8s-1.31", 141.08, 146.2), ("k8s-1.33", 151.1, 156.2)]
    {
        let scenario = Stage { profile, ..ONE_OF_NINE }.scenario();
        let mut run = begin(&scenario, 101.0);
        for zone in 0..3 {
            nodes_of(&run, zone).into_iter().for_each(|node| renew(&mut run, node, 97.0));
        }
        play(&mut run);
        assert_eq!(times(&run, is_unknown), [unknown_s], "{profile}");
        assert_eq!(times(&run, is_not_ready), [unknown_s], "{profile}");
        assert_eq!(times(&run, is_tainted), [tainted_s], "{profile}");
        let after = |s: f64| [millis(tainted_s + 300.0 + s)];
        assert_eq!(times(&run, is_deleted), after(0.0), "{profile}");
        assert_eq!(times(&run, is_created), after(0.015), "{profile}");
        assert_eq!(times(&run, is_scheduled), after(0.035), "{profile}");
        assert_eq!(times(&run, is_ready), after(2.035), "{profile}");
    }
}
