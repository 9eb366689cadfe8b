//! Drains: budgets hold them up, and a fault may meet them in flight.
//!
//! Ten pods on three nodes; each pod sleeps 5 s before it stops, and its replacement is ready 10 s
//! after the eviction (image there; 5 s to start; probes every 5 s).

use tideover::model::fact::What;
use tideover::model::ids::{DeploymentId, NodeId};
use tideover::simulation::{Finished, Options};

use super::{facts_named, run, small};

const TEN: &str = "workloads[web].hpa.minReplicas=10";

fn drain(keys: &str) -> String {
    format!("operations:\n  - {{name: drain, at: 2m, drain: {{cluster: primary, {keys}}}}}\n")
}

fn at(finished: &Finished, name: &str) -> Vec<f64> {
    facts_named(finished, name).iter().map(|fact| fact.0).collect()
}

/// The instants at which pods of the primary were evicted by the drain.
fn evicted(finished: &Finished) -> Vec<f64> {
    let drained = |(_, words): &&(f64, String)| words.contains("is drained");
    facts_named(finished, "pod-deleted").iter().filter(drained).map(|fact| fact.0).collect()
}

/// Pods of the primary that were on a node when the drain began.
fn pods_on(finished: &Finished, node: NodeId) -> usize {
    let mut n_pods = 0;
    for fact in finished.facts.facts().iter().take_while(|fact| fact.at.as_secs_f64() < 120.0) {
        n_pods +=
            usize::from(matches!(fact.what, What::PodScheduled { node: on, .. } if on == node));
    }
    n_pods
}

/// Without a budget all pods of a node go at once; it is empty at the first look, every second,
/// after the last of them is gone; then, and not before, it is the next node's turn.
#[test]
fn a_drain_without_a_budget_empties_node_by_node() {
    let finished = run(&small(&drain("nodes: 2, uncordonAfter: 60s"), &[TEN]), Options::default());
    assert_eq!(at(&finished, "node-cordoned")[..2], [120.0, 120.0], "all nodes are cordoned first");
    let drained = at(&finished, "node-drained");
    let evictions = evicted(&finished);
    let n_first = pods_on(&finished, NodeId::new(0));
    assert!(0 < n_first && n_first < evictions.len());
    assert!(evictions[..n_first].iter().all(|&at| at == 120.0), "{evictions:?}");
    assert!(evictions[n_first..].iter().all(|&at| at == drained[0]), "{evictions:?} {drained:?}");
    // 5 s of sleep, then the requests in hand: less than 2 s with time-outs of 2 s.
    assert!((125.0..=128.0).contains(&drained[0]) && drained[0].fract() == 0.0, "{drained:?}");
    let cordons = facts_named(&finished, "node-cordoned");
    let open: Vec<f64> =
        cordons.iter().filter(|(_, words)| words.contains("uncordoned")).map(|f| f.0).collect();
    assert_eq!(open, [drained[0] + 60.0, drained[1] + 60.0]);
    assert_eq!(at(&finished, "operation-done"), [open[1]]);
}

/// A budget that one pod may be missing: the next eviction is granted at the first retry, every
/// 5 s, after the replacement of the last one is ready, so that never fewer than 9 are.
#[test]
fn a_budget_holds_a_drain_up_until_replacements_are_ready() {
    for budget in ["{maxUnavailable: 1}", "{minAvailable: 9}", "{minAvailable: 85%}"] {
        let set = format!("workloads[web].podDisruptionBudget={budget}");
        let finished = run(&small(&drain("nodes: 1"), &[TEN, &set]), Options::default());
        let evictions = evicted(&finished);
        let n_pods = pods_on(&finished, NodeId::new(0));
        assert!(2 <= n_pods && evictions.len() == n_pods, "{budget}: {evictions:?}");
        let ready: Vec<f64> =
            at(&finished, "pod-ready").into_iter().filter(|&s| 120.0 < s).collect();
        for (index, pair) in evictions.windows(2).enumerate() {
            let retry = 120.0 + ((ready[index] + 0.015 - 120.0) / 5.0).ceil() * 5.0;
            assert_eq!(pair[1], retry, "{budget}: eviction {index} after {ready:?}");
        }
        assert_eq!(facts_named(&finished, "eviction-refused").len(), n_pods - 1, "{budget}");
        let drained = at(&finished, "node-drained");
        assert!(evictions[n_pods - 1] < drained[0] && drained.len() == 1, "{budget}");
    }
}

/// A budget that lets nothing go: the drain gives up after its time-out, node by node, and the
/// nodes stay cordoned.
#[test]
fn a_drain_gives_up_after_its_time_out() {
    let set = "workloads[web].podDisruptionBudget={minAvailable: 100%}";
    let finished = run(&small(&drain("nodes: 2, timeout: 60s"), &[TEN, set]), Options::default());
    assert_eq!(evicted(&finished), Vec::<f64>::new());
    let gave_up = facts_named(&finished, "node-drained");
    assert!(gave_up.iter().all(|(_, words)| words.contains("timed out")), "{gave_up:?}");
    assert_eq!(at(&finished, "node-drained"), [180.0, 240.0]);
    assert_eq!(at(&finished, "operation-done"), [240.0]);
    let cordoned = finished.world.nodes.iter().filter(|node| node.cordoned).count();
    assert_eq!(cordoned, 2);
}

/// The region is lost with its control plane while the drain waits for its budget: the drain
/// fails, and the node is still cordoned when the region is back, with every pod running again.
#[test]
fn a_drain_in_flight_meets_the_loss_of_the_region() {
    let text = format!(
        "{}faults:\n  - {{name: lost, at: 123s, duration: 4m, regionLoss: {{region: east}}}}\n",
        drain("nodes: 1")
    );
    let set = "workloads[web].podDisruptionBudget={maxUnavailable: 1}";
    let finished = run(&small(&text, &[TEN, set]), Options::default());
    assert_eq!(evicted(&finished), [120.0], "one eviction was granted before");
    let failed = facts_named(&finished, "operation-failed");
    assert!(matches!(&failed[..], [(at, _)] if (123.0..=124.0).contains(at)), "{failed:?}");
    let world = &finished.world;
    assert!(world[NodeId::new(0)].cordoned, "nobody opens it again");
    assert_eq!(world.ready_pods(DeploymentId::new(0)).count(), 10);
}

/// `gracePeriod` goes before the pods' own: a preStop hook of 20 s ends with it, and SIGKILL comes
/// 2 s later at most; negative, and left out, every pod has its own grace period.
#[test]
fn a_drain_may_give_pods_less_time() {
    let hook = "workloads[web].preStopSleep=20s";
    for (key, least_s) in [("gracePeriod: 6", 6.0), ("gracePeriod: -1", 20.0), ("nodes: 1", 20.0)] {
        let keys = if key == "nodes: 1" { key.to_owned() } else { format!("nodes: 1, {key}") };
        let finished = run(&small(&drain(&keys), &[TEN, hook]), Options::default());
        let drained: Vec<String> = facts_named(&finished, "pod-deleted")
            .iter()
            .filter(|(_, words)| words.contains("is drained"))
            .map(|(_, words)| words.split(' ').next().unwrap().to_owned())
            .collect();
        assert!(!drained.is_empty(), "the premise: the node has pods");
        let gone = facts_named(&finished, "pod-gone");
        for pod in drained {
            let at = gone.iter().find(|(_, words)| words.starts_with(&pod)).map(|fact| fact.0);
            let after = at.unwrap() - 120.0;
            assert!((least_s..=least_s + 2.0).contains(&after), "{key}: {pod} {after}");
        }
    }
}
