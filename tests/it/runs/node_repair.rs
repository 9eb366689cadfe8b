//! AKS node auto-repair in whole runs: when it acts, and what its actions achieve.

use tideover::control::Chance;
use tideover::simulation::{Finished, Options};
use tideover::units::{Span, Time};

use super::{facts_named, is_at, run, small};

const CHANCE: Chance = Chance::independent(7, 0);

/// Auto-repair with constant durations of its actions: 2, 4 and 6 minutes.
const REPAIR: &str = "clusters[primary].autoRepair={enabled: true, \
    rebootTime: {constant: 2m}, reimageTime: {constant: 4m}, redeployTime: {constant: 6m}}";

fn fault(rest: &str) -> String {
    format!("faults:\n  - {{name: one, at: 2m, {rest}}}\n")
}

fn repaired(rest: &str, horizon: &str) -> Finished {
    let horizon = format!("run.horizon={horizon}");
    run(&small(&fault(rest), &[REPAIR, &horizon]), Options::default())
}

/// Asserts that things happened at these instants and no others.
fn assert_at(found: &[f64], expected: &[f64]) {
    let same =
        found.len() == expected.len() && found.iter().zip(expected).all(|(&a, &b)| is_at(a, b));
    assert!(same, "{found:?}, not {expected:?}");
}

fn instants(finished: &Finished, name: &str) -> Vec<f64> {
    facts_named(finished, name).iter().map(|fact| fact.0).collect()
}

/// The first check, once a minute at its own phase, at or after an instant.
fn check_at(from_s: f64) -> f64 {
    let minute = Span::from_secs(60);
    let phase = Time::ZERO + CHANCE.phase("auto-repair", "primary", minute);
    Time::from_secs_f64(from_s).next_on_grid(phase, minute).as_secs_f64()
}

/// The sequence of actions at a node that turned NotReady: each at the first check five minutes
/// after the node was found NotReady, or after the action before ended.
fn sequence(not_ready_s: f64, durations_s: &[f64]) -> Vec<f64> {
    let mut begins = vec![check_at(not_ready_s) + 300.0];
    for duration_s in &durations_s[..durations_s.len() - 1] {
        let last = begins.last().expect("it is never empty");
        begins.push(check_at(last + duration_s + 300.0));
    }
    begins
}

/// While the region's compute control plane is lost auto-repair carries nothing out; the reboot
/// that was due comes with the first check after it is back.
#[test]
fn repair_waits_for_the_compute_control_plane() {
    let faults = "faults:
  - {name: one, at: 2m, nodeLoss: {cluster: primary, mode: kubeletStopped}}
  - {name: freeze, at: 1m, duration: 14m, computeControlPlaneLoss: {region: east}}
";
    let sets = [REPAIR, "workloads[web].tolerationSeconds=3600", "run.horizon=20m"];
    let finished = run(&small(faults, &sets), Options::default());
    let unready = instants(&finished, "node-readiness")[0];
    assert!(check_at(unready) + 300.0 < 900.0, "it was due before");
    let begun = instants(&finished, "repair-started");
    assert!(!begun.is_empty() && is_at(begun[0], check_at(900.0)), "{begun:?}");
}

/// A kubelet that stopped is cured by the first action, a reboot: it begins at the check five
/// minutes after the first one that finds the node NotReady, so 5 to 6 minutes after NotReady, and
/// the node is back when it ends, its containers starting cold.
#[test]
fn a_stopped_kubelet_is_rebooted_after_five_minutes() {
    let faults = fault("nodeLoss: {cluster: primary, mode: kubeletStopped}");
    let sets = [REPAIR, "workloads[web].tolerationSeconds=3600"];
    let finished = run(&small(&faults, &sets), Options::default());
    let not_ready_s = instants(&finished, "node-readiness")[0];
    let began = instants(&finished, "repair-started");
    assert_at(&began, &sequence(not_ready_s, &[120.0]));
    assert!((300.0..360.0).contains(&(began[0] - not_ready_s)), "{began:?}");
    assert_at(&instants(&finished, "repair-ended"), &[began[0] + 120.0]);
    assert_at(&instants(&finished, "node-back"), &[began[0] + 120.0]);
    assert_at(&instants(&finished, "kubelet-back"), &[began[0] + 120.0]);
    let started = instants(&finished, "container-started");
    assert!(started.iter().any(|at| began[0] + 120.0 < *at && *at < began[0] + 125.0));
}

/// A machine that only another host helps: reboot and reimage do not, the redeployment does.
#[test]
fn a_dead_machine_is_redeployed() {
    let finished = repaired("nodeLoss: {cluster: primary}", "40m");
    let began = facts_named(&finished, "repair-started");
    let actions: Vec<&str> =
        began.iter().map(|fact| fact.1.split(' ').nth(3).expect("its words")).collect();
    assert_eq!(actions, ["reboot", "reimage", "redeploy"]);
    let not_ready_s = instants(&finished, "node-readiness")[0];
    let began: Vec<f64> = began.iter().map(|fact| fact.0).collect();
    assert_at(&began, &sequence(not_ready_s, &[120.0, 240.0, 360.0]));
    let helped: Vec<bool> = facts_named(&finished, "repair-ended")
        .iter()
        .map(|fact| !fact.1.contains("not help"))
        .collect();
    assert_eq!(helped, [false, false, true]);
    assert_at(&instants(&finished, "node-back"), &[began[2] + 360.0]);
}

/// Machines of a zone without power stay down whatever is tried: three rounds would take 81
/// minutes, so the hour ends it, in the third round.
#[test]
fn a_dead_zone_cannot_be_repaired() {
    let finished = repaired("zoneLoss: {region: east, zone: 1}", "90m");
    let began = facts_named(&finished, "repair-started");
    let mut nodes: Vec<&str> =
        began.iter().map(|fact| fact.1.rsplit(' ').next().expect("a node")).collect();
    nodes.sort_unstable();
    nodes.dedup();
    for node in nodes {
        let of_node = |fact: &&(f64, String)| fact.1.ends_with(node);
        let began: Vec<f64> = began.iter().filter(of_node).map(|fact| fact.0).collect();
        let expected = sequence(
            facts_named(&finished, "node-readiness").iter().find(of_node_named(node)).unwrap().0,
            &[120.0, 240.0, 360.0].repeat(3),
        );
        let within = |at: &&f64| **at < expected[0] + 3_600.0;
        let expected: Vec<f64> = expected.iter().filter(within).copied().collect();
        assert_at(&began, &expected);
        assert_eq!(began.len(), 7, "two rounds and a reboot");
    }
    assert!(!facts_named(&finished, "repair-gave-up").is_empty());
    assert_eq!(facts_named(&finished, "node-back"), []);
}

fn of_node_named(node: &str) -> impl FnMut(&&(f64, String)) -> bool {
    move |fact| fact.1.contains(&format!("{node} "))
}

/// A repair that is under way when the fault itself is over: the machine comes up when the repair
/// ends, once.
#[test]
fn a_repair_outlasts_the_fault() {
    let probe = repaired("nodeLoss: {cluster: primary}", "15m");
    let began_s = instants(&probe, "repair-started")[0];
    let lasts_s = began_s - 120.0 + 30.0;
    let rest = format!("duration: {lasts_s:.0}s, nodeLoss: {{cluster: primary}}");
    let finished = repaired(&rest, "20m");
    assert_at(&instants(&finished, "repair-started"), &[began_s]);
    assert_at(&instants(&finished, "node-back"), &[began_s + 120.0]);
}

/// Who is not repaired: machines that the cloud has stopped, and all of a cluster without
/// auto-repair. A node that recovers within five minutes is not touched either.
#[test]
fn who_is_not_repaired() {
    let stopped = repaired("nodeLoss: {cluster: primary, instance: stopped}", "30m");
    let brief = repaired("duration: 4m, nodeLoss: {cluster: primary, mode: kubeletStopped}", "30m");
    let horizon = ["run.horizon=30m"];
    let off = run(&small(&fault("nodeLoss: {cluster: primary}"), &horizon), Options::default());
    for (rule, finished) in [("stopped", stopped), ("brief", brief), ("off", off)] {
        assert_eq!(facts_named(&finished, "repair-started"), [], "{rule}");
    }
}

/// The switch and its profile: on in AKS, off in Kubernetes as released.
#[test]
fn auto_repair_belongs_to_aks() {
    for (profile, n_actions) in [("aks", 1), ("k8s-1.33", 0)] {
        let profile = format!("profile={profile}");
        let faults = fault("nodeLoss: {cluster: primary, mode: notReady}");
        let finished = run(&small(&faults, &[&profile]), Options::default());
        let n_found = facts_named(&finished, "repair-started").len();
        assert_eq!(n_found, n_actions, "{profile}");
    }
}
