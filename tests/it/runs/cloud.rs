//! Machines that the cloud has deleted or stopped: the Node object, its pods, the pool's size.

use tideover::control::Chance;
use tideover::control::node_lifecycle::{cloud, pod_gc};
use tideover::simulation::{Finished, Options};
use tideover::units::Time;

use super::{facts_named, is_at, run, small};

const CHANCE: Chance = Chance::independent(7, 0);
const NODE: &str = "primary-user-0";

fn fault(rest: &str) -> String {
    format!("faults:\n  - {{name: one, at: 2m, {rest}}}\n")
}

fn first(finished: &Finished, name: &str, words: &str) -> f64 {
    let found = facts_named(finished, name).into_iter().find(|fact| fact.1.contains(words));
    found.unwrap_or_else(|| panic!("no {name} with {words}")).0
}

/// The first pass of the cloud controller, every 5 s at its own phase, at or after an instant.
fn cloud_pass(from_s: f64) -> f64 {
    let phase = Time::ZERO + CHANCE.phase("cloud-node-lifecycle", "primary", cloud::PERIOD);
    Time::from_secs_f64(from_s).next_on_grid(phase, cloud::PERIOD).as_secs_f64()
}

/// When PodGC removes the pods of a node whose object went at an instant.
fn garbage_at(deleted_s: f64) -> f64 {
    let phase = Time::ZERO + CHANCE.phase("pod-gc", "primary", pod_gc::PERIOD);
    pod_gc::orphans_deleted_at(Time::from_secs_f64(deleted_s), phase).as_secs_f64()
}

/// A machine that no longer exists: its Node object goes with the first pass of the cloud
/// controller after the node turned Unknown, its pods 40 to 60 s later by PodGC, long before
/// their tolerations end; they count until then, so they are replaced at that instant.
#[test]
fn a_deleted_machine_takes_its_node_and_pods_along() {
    let faults = fault("nodeLoss: {cluster: primary, zone: 1, instance: deleted}");
    let finished = run(&small(&faults, &["run.horizon=10m"]), Options::default());
    let unknown_s = first(&finished, "node-readiness", NODE);
    let deleted_s = first(&finished, "node-deleted", NODE);
    assert_eq!(deleted_s, cloud_pass(unknown_s));
    let garbage_s = garbage_at(deleted_s);
    assert!((40.0..60.0).contains(&(garbage_s - deleted_s)));
    let deleted = facts_named(&finished, "pod-deleted");
    let orphans: Vec<_> = deleted.iter().filter(|fact| fact.1.contains("PodGC")).collect();
    assert!(!orphans.is_empty(), "{deleted:?}");
    assert!(orphans.iter().all(|(at, _)| is_at(*at, garbage_s)), "{orphans:?}, not {garbage_s}");
    let gone = facts_named(&finished, "pod-gone");
    assert_eq!(gone.iter().filter(|(at, _)| is_at(*at, garbage_s)).count(), orphans.len());
    let created = facts_named(&finished, "pod-created");
    let again = created.iter().filter(|(at, _)| (garbage_s..garbage_s + 0.1).contains(at));
    assert_eq!(again.count(), orphans.len(), "{created:?}");
    assert!(!deleted.iter().any(|fact| fact.1.contains("unreachable")), "{deleted:?}");
}

/// Pods whose tolerations end in the quarantine are evicted then, though their node is gone: the
/// timers run since the node was not ready, before its machine went. PodGC removes them.
#[test]
fn tolerations_may_end_before_the_garbage_is_collected() {
    let faults = r#"faults:
  - {name: first, at: 1m, nodeLoss: {cluster: primary, zone: 1, mode: notReady}}
  - {name: second, at: 2m, nodeLoss: {cluster: primary, zone: 1, instance: deleted}}
"#;
    let sets = ["run.horizon=10m", "workloads[web].tolerationSeconds=80"];
    let finished = run(&small(faults, &sets), Options::default());
    let deleted_s = first(&finished, "node-deleted", NODE);
    let evicted_s = first(&finished, "node-tainted", "not-ready:NoExecute is set") + 80.0;
    assert!(deleted_s < evicted_s && evicted_s < garbage_at(deleted_s), "{deleted_s} {evicted_s}");
    let deleted = facts_named(&finished, "pod-deleted");
    let evicted = deleted.iter().filter(|fact| fact.1.contains("evicted"));
    let evicted: Vec<f64> = evicted.map(|fact| fact.0).collect();
    assert!(!evicted.is_empty() && evicted.iter().all(|at| is_at(*at, evicted_s)), "{deleted:?}");
    let gone = facts_named(&finished, "pod-gone");
    let collected = gone.iter().filter(|(at, _)| *at == garbage_at(deleted_s));
    assert_eq!(collected.count(), evicted.len(), "{gone:?}");
}

/// A pool of fixed size stays smaller by the machine that is gone; it does not come back when the
/// fault ends.
#[test]
fn a_deleted_machine_is_not_replaced_by_its_scale_set() {
    let faults = fault("duration: 3m, nodeLoss: {cluster: primary, zone: 1, instance: deleted}");
    let sets = ["clusters[primary].autoscaler.enabled=false"];
    let finished = run(&small(&faults, &sets), Options::default());
    let pool = &finished.world.pools[0];
    assert_eq!((pool.nodes.len(), pool.target), (2, 2));
    assert_eq!(facts_named(&finished, "node-back"), []);
}

/// A machine that was stopped keeps its Node object and gets the shutdown taint with the first
/// pass after Unknown; it loses it with the first pass after it is Ready again.
#[test]
fn a_stopped_machine_is_tainted_shutdown() {
    let faults = fault("duration: 3m, nodeLoss: {cluster: primary, zone: 1, instance: stopped}");
    let finished = run(&small(&faults, &[]), Options::default());
    let readiness = facts_named(&finished, "node-readiness");
    let [(unknown_s, _), (ready_s, _)] = readiness[..] else { panic!("{readiness:?}") };
    let tainted = facts_named(&finished, "node-tainted");
    let shutdown: Vec<f64> =
        tainted.iter().filter(|fact| fact.1.contains("shutdown")).map(|fact| fact.0).collect();
    assert_eq!(shutdown, [cloud_pass(unknown_s), cloud_pass(ready_s)]);
    assert_eq!(facts_named(&finished, "node-deleted"), []);
}

/// A cloud that still has the machine changes nothing: the plain power loss.
#[test]
fn a_machine_without_power_keeps_its_node() {
    let finished =
        run(&small(&fault("nodeLoss: {cluster: primary, zone: 1}"), &[]), Options::default());
    assert_eq!(facts_named(&finished, "node-deleted"), []);
    let tainted = facts_named(&finished, "node-tainted");
    assert!(tainted.iter().all(|fact| fact.1.contains("unreachable")), "{tainted:?}");
}
