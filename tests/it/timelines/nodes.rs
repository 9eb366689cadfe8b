//! One dead node, under both grace periods.

use super::stage::{
    Stage, UNLIMITED, begin, is_created, is_deleted, is_not_ready, is_ready, is_scheduled,
    is_tainted, is_unknown, millis, nodes_of, play, renew, times,
};

const ONE_OF_NINE: Stage<'_> = Stage {
    profile: "k8s-1.31",
    zones: 3,
    pool: "count: 9, allocatable: {cpu: 8, memory: 32Gi}",
    workload: "replicas: 9",
    load: "{at: 0s, load: 1}",
    constants: UNLIMITED,
    more: "faults:\n  - {name: one, at: 100s, nodeLoss: {cluster: main, count: 1}}\n",
};

/// Power is lost at 100 s; the last renewal was at 97 s. The monitor passes at 101 s - 5.001 k s,
/// so it saw that renewal at 101 s. Grace 40 s: the first pass after 141 s is 101 + 8 x 5.001 =
/// 141.008 s; grace 50 s: the first after 151 s is 101 + 10 x 5.001 = 151.010 s. That pass marks
/// the node and then its pod, 18 ms for each, and takes 1 ms more; the next one starts 5 s after
/// its end (146.045 s, 156.047 s) and queues the node, and the queue is worked at the next tenth of
/// a second. The pod tolerates the taint for 300 s, its
/// replacement is created 15 ms later, bound 20 ms after that and ready after 2 s.
#[test]
fn a_dead_node() {
    for (profile, unknown_s, tainted_s) in
        [("k8s-1.31", 141.026, 146.1), ("k8s-1.33", 151.028, 156.1)]
    {
        let scenario = Stage { profile, ..ONE_OF_NINE }.scenario();
        let mut run = begin(&scenario, 101.0);
        for zone in 0..3 {
            nodes_of(&run, zone).into_iter().for_each(|node| renew(&mut run, node, 97.0));
        }
        play(&mut run);
        assert_eq!(times(&run, is_unknown), [unknown_s], "{profile}");
        assert_eq!(times(&run, is_not_ready), [millis(unknown_s + 0.018)], "{profile}");
        assert_eq!(times(&run, is_tainted), [tainted_s], "{profile}");
        let after = |s: f64| [millis(tainted_s + 300.0 + s)];
        assert_eq!(times(&run, is_deleted), after(0.0), "{profile}");
        assert_eq!(times(&run, is_created), after(0.015), "{profile}");
        assert_eq!(times(&run, is_scheduled), after(0.035), "{profile}");
        assert_eq!(times(&run, is_ready), after(2.035), "{profile}");
    }
}

/// The pods of a dead node are marked one after the other, and each costs two calls of a client
/// with 20 calls a second and 30 at once: its status and an event. Before them go the node's
/// status, its event, and a read and a patch for its NoSchedule taint. The first pods follow each
/// other by the 18 ms of a call; when the tokens are spent, by the 100 ms of two tokens.
#[test]
fn many_pods_are_marked_at_the_rate_of_the_client() {
    let pool = "count: 1, maxPods: 250, allocatable: {cpu: 80, memory: 32Gi}";
    let stage = Stage { zones: 1, pool, workload: "replicas: 40", constants: "", ..ONE_OF_NINE };
    let scenario = stage.scenario();
    let mut run = begin(&scenario, 101.0);
    let node = nodes_of(&run, 0)[0];
    renew(&mut run, node, 97.0);
    play(&mut run);
    assert_eq!(times(&run, is_unknown), [141.026]);
    let marked = times(&run, is_not_ready);
    assert_eq!(marked.len(), 40);
    let waits: Vec<f64> = marked.windows(2).map(|pair| millis(pair[1] - pair[0])).collect();
    assert_eq!(marked[0], 141.044);
    // The k-th pod is the call 2k + 2 or later; 30 and the few that drip in are there for 15 pods.
    assert_eq!(waits[..14], [0.018; 14], "{marked:?}");
    assert_eq!(waits[19..], [0.1; 20], "{marked:?}");
}
