//! What the loss of nodes leads to, step by step, against the timeline of one dead node.
//!
//! Grace 40 s (to v1.31) or 50 s (from v1.32), monitor passes every 5 s, leases renewed every 10 s
//! and up to 4 % more: Unknown 30 to 45.5 (40 to 55.5) s after the power loss, the NoExecute taint
//! one pass later, evictions 300 s after it.

use super::{facts_named, load, run, small};
use tideover::simulation::Options;

const ONE_NODE: &str = "faults:\n  - {name: one, at: 2m, nodeLoss: {cluster: primary, count: 1}}\n";
const ZONE: &str =
    "faults:\n  - {name: zone, at: 2m, duration: 8m, zoneLoss: {region: east, zone: 1}}\n";

/// Each step of a dead node falls into its window, over 40 seeds and both grace periods.
#[test]
fn a_dead_node_is_noticed_tainted_and_evicted() {
    for (profile, grace_s) in [("k8s-1.31", 40.0), ("k8s-1.33", 50.0)] {
        let profile = format!("profile={profile}");
        let scenario = small(ONE_NODE, &[&profile, "run.horizon=10m"]);
        for seed in 0..40 {
            let finished = run(&scenario, Options { seed: Some(seed), ..Options::default() });
            let first = |name| facts_named(&finished, name)[0].0 - 120.0;
            let unknown = first("node-readiness");
            assert!((grace_s - 10.4..=grace_s + 5.6).contains(&unknown), "seed {seed}: {unknown}");
            let tainted = first("node-tainted");
            let pass = tainted - unknown;
            assert!((4.9..=5.3).contains(&pass), "seed {seed}: one pass later, not {pass}");
            let evicted = facts_named(&finished, "pod-deleted");
            let evicted: Vec<&(f64, String)> =
                evicted.iter().filter(|fact| fact.1.contains("unreachable")).collect();
            assert!(!evicted.is_empty(), "seed {seed}: its pods are evicted");
            for (at, words) in evicted {
                let after = at - 120.0 - tainted;
                assert!((299.9..=300.2).contains(&after), "seed {seed}: {words} after {after}");
            }
        }
    }
}

/// The HPA does not see a zone loss: usage of the dead pods counts as nothing while they are
/// listed, so the total and with it the replicas stay.
#[test]
fn the_hpa_does_not_see_a_zone_loss() {
    let scenario = small(ZONE, &["demands[0].arrivals.constant=600/s"]);
    let finished = run(&scenario, Options::default());
    let during = |(at, _): &(f64, String)| (120.0..420.0).contains(at);
    let scaled: Vec<_> = facts_named(&finished, "scaled").into_iter().filter(during).collect();
    assert_eq!(scaled, [], "no rescale before the first eviction");
    assert!(!facts_named(&finished, "node-lost").is_empty(), "the premise: nodes are lost");
}

/// Pods of a dead zone leave the endpoints, and requests stop failing long before evictions.
#[test]
fn endpoints_drop_the_pods_of_silent_nodes() {
    let finished = run(&small(ZONE, &[]), Options::default());
    let dropped = facts_named(&finished, "endpoints-changed");
    let gone: Vec<f64> =
        dropped.iter().filter(|fact| fact.1.contains("drop")).map(|f| f.0).collect();
    assert!(!gone.is_empty());
    let window = 120.0 + 29.6..=120.0 + 45.6 + 2.2;
    assert!(gone.iter().filter(|at| **at < 400.0).all(|at| window.contains(at)), "{gone:?}");
}

/// One zone with two nodes of a pool that is lost and two of another: half of the nodes are ready,
/// and the lost ones are tainted one after the other. If the label exclude-disruption takes the
/// others out of the count, no counted node is ready: the whole cluster is "down", and evictions
/// stop; at most the node that was found first escapes.
#[test]
fn nodes_labelled_exclude_disruption_do_not_count() {
    const TEXT: &str = r#"schema: tideover/v1
name: excluded
profile: k8s-1.31
run: {horizon: 10m, warmUp: 5m, seed: 3}
regions: [{name: east, zones: 1}]
clusters:
  - name: primary
    region: east
    pools:
      - {name: user, allocatable: {cpu: "4", memory: 16Gi}, count: 2}
      - {name: other, allocatable: {cpu: "4", memory: 16Gi}, count: 2, labels: {LABEL: "false"}}
workloads:
  - name: web
    requests: {cpu: "1", memory: 512Mi}
    service: {workers: 8, time: {constant: 10ms}, cpuPerWorker: 60m}
    replicas: 4
frontDoor:
  probe: {target: gateway}
  origins: [{cluster: primary, priority: 1}]
geographies: [{name: users, pops: 2, regionRtt: {east: 20ms}}]
demands: [{workload: web, geographies: {users: 100%}, arrivals: {constant: 10/s}}]
faults: [{name: pool, at: 2m, nodeLoss: {cluster: primary, pool: user, count: 2}}]
"#;
    let n_tainted = |label: &str, seed| {
        let scenario = load(&TEXT.replace("LABEL", label), &[]);
        let finished = run(&scenario, Options { seed: Some(seed), ..Options::default() });
        finished.world.nodes.iter().filter(|node| node.taint.is_some()).count()
    };
    for seed in 0..10 {
        assert_eq!(n_tainted("example.com/other", seed), 2, "seed {seed}: both are tainted");
        let label = "node.kubernetes.io/exclude-disruption";
        assert!(n_tainted(label, seed) < 2, "seed {seed}: evictions stop");
    }
}
