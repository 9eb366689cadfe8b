//! An Application Gateway's probes of the pods behind it, and draining, in whole runs.

use tideover::control::Chance;
use tideover::control::front_door_health::ProbeGrid;
use tideover::model::fact::What;
use tideover::model::ids::DeploymentId;
use tideover::simulation::{Finished, Options};
use tideover::traffic::ledger::Reason;
use tideover::units::{Span, Time};

use super::{SMALL, facts_named, load, run};

/// The small scenario without retries, whose primary has a gateway that is large enough.
fn with(gateway: &str, more: &str, sets: &[&str]) -> Finished {
    run(&load(&text(gateway, more), sets), Options::default())
}

fn text(gateway: &str, more: &str) -> String {
    let anchor = "    region: east\n";
    let gateway = match gateway {
        "" => anchor.to_owned(),
        keys => format!("{anchor}    gateway: {{minCapacity: 10, {keys}}}\n"),
    };
    let text = SMALL.replace("    retries: {attempts: 3}\n", "").replacen(anchor, &gateway, 1);
    format!("{text}{more}")
}

/// Users who failed for a reason, by second of their send.
fn failed(finished: &Finished, reason: Reason) -> Vec<u32> {
    let seconds = finished.ledger.demands()[0].seconds();
    seconds.iter().map(|second| second.failed[reason as usize]).collect()
}

const LOSE_A_NODE: &str =
    "faults:\n  - {name: lost, at: 2m, nodeLoss: {cluster: primary, repairedBy: none}}\n";

/// Nobody but the gateway notices that a machine has lost its power: the node monitor waits ten
/// minutes. Each pod on it leaves at its third probe from the loss on, when that has waited 30 s:
/// 90 to 120 s after the loss, to the nanosecond of its own phase. Users fail until then, and not
/// after; without a gateway they do all the time.
#[test]
fn a_gateway_leaves_pods_that_do_not_answer() {
    let slow = ["kubernetes.nodeMonitorGracePeriod=10m"];
    let finished = with("scaleInDelay: 10m", LOSE_A_NODE, &slow);
    let chance = Chance::independent(7, 0);
    let mut last_s = 0.0_f64;
    let mut n_left = 0;
    for fact in finished.facts.facts() {
        let What::BackendHealth { pod, healthy } = fact.what else { continue };
        assert!(!healthy);
        let draw = chance.draw("backend-probe", &finished.world.pod_name(pod), 0);
        let grid = ProbeGrid::staggered(Span::from_secs(30), draw);
        let first = Time::from_secs(120).next_on_grid(grid.phase, grid.interval);
        assert_eq!(fact.at, first + Span::from_secs(90));
        last_s = last_s.max(fact.at.as_secs_f64());
        n_left += 1;
    }
    assert!(0 < n_left, "no pod was on the lost node");
    let lost = failed(&finished, Reason::PodLost);
    assert!(lost[120..209].iter().all(|&users| 0 < users), "{:?}", &lost[118..212]);
    assert!(lost[last_s as usize + 1..].iter().all(|&users| users == 0));

    let without = failed(&with("", LOSE_A_NODE, &slow), Reason::PodLost);
    assert!(without[120..700].iter().all(|&users| 0 < users), "nobody else notices");
}

/// A machine that comes back: its pods are healthy again at one success.
#[test]
fn one_success_brings_a_pod_back() {
    let fault = "faults:\n  - {name: lost, at: 2m, duration: 4m, nodeLoss: {cluster: primary}}\n";
    let finished = with(
        "probe: {interval: 5s, timeout: 2s}",
        fault,
        &[
            "kubernetes.nodeMonitorGracePeriod=20m",
            "workloads[web].readinessProbe.periodSeconds=10",
        ],
    );
    let health = facts_named(&finished, "backend-health");
    let of = |verdict: &str| health.iter().filter(|(_, words)| words.ends_with(verdict)).count();
    assert!(0 < of(" unhealthy"), "{health:?}");
    let (bad, good) = health.split_at(of(" unhealthy"));
    assert!(bad.iter().all(|(at, _)| (132.0..137.1).contains(at)), "{bad:?}");
    assert!(good.iter().all(|(at, words)| 360.0 < *at && words.ends_with(" healthy")), "{good:?}");
}

/// A path that answers 302 is well for the gateway (200 to 399), one that answers 404 is not: with
/// no backend left the gateway answers 502, Front Door's probes fail, even if they want nothing
/// but the gateway, and users go to the standby.
#[test]
fn a_gateway_without_backends_answers_502() {
    for (status, target, serves) in [
        (200, "workload", true),
        (302, "workload", true),
        (404, "workload", false),
        (302, "gateway", true),
        (404, "gateway", false),
    ] {
        let set = format!("frontDoor.probe.target={target}");
        let finished = with(&format!("probe: {{status: {status}}}"), "", &[&set]);
        let arrived = [0, 1].map(|index| {
            let standby = finished.ledger.deployment(DeploymentId::new(index));
            standby.totals().served > 0
        });
        assert_eq!(arrived, [serves, !serves], "{status}, {target}");
        let totals = finished.ledger.demands()[0].totals();
        assert_eq!(totals.failed_total(), 0, "{status}, {target}");
        let unhealthy = facts_named(&finished, "origin-health").len();
        assert_eq!(unhealthy, if serves { 0 } else { 20 }, "{status}, {target}");
    }
}

/// Requests take 8 s and pods are drained from a node. What they have in hand when they leave the
/// pool may go on for the draining time: with 1 s most of it is cut off, with 30 s nothing is,
/// and without a gateway neither.
#[test]
fn requests_beyond_the_draining_time_are_cut_off() {
    let drain = "operations:\n  - {name: d, at: 2m, drain: {cluster: primary, nodes: 1}}\n";
    let sets = [
        "workloads[web].service.time={constant: 8s}",
        "demands[0].arrivals.constant=2/s",
        "demands[0].attemptTimeout=25s",
        "demands[0].deadline=30s",
        "workloads[web].hpa.maxReplicas=4",
    ];
    let cut = |gateway: &str| {
        let finished = with(gateway, drain, &sets);
        let left = facts_named(&finished, "endpoints-changed");
        let left: Vec<f64> = left.iter().map(|fact| fact.0).filter(|at| 120.0 <= *at).collect();
        (failed(&finished, Reason::PodLost), left)
    };
    let (lost, left) = cut("drainTimeout: 1s");
    assert!((120.0..121.2).contains(&left[0]), "{left:?}");
    let n_lost: u32 = lost.iter().sum();
    // Two or three pods of 2/s · 8 s / 4 requests each, 7 of 8 of which have more than 1 s left.
    assert!((3..=12).contains(&n_lost), "{n_lost}");
    assert_eq!(lost[112..122].iter().sum::<u32>(), n_lost, "those who had come before");
    for gateway in ["drainTimeout: 30s", ""] {
        assert_eq!(cut(gateway).0.iter().sum::<u32>(), 0, "{gateway}");
    }
}

/// A timer for each probe, or only for changes of mind: the same facts.
#[test]
fn lazy_and_explicit_probes_of_backends_agree() {
    let faults = "faults:
  - {name: one, at: 2m, duration: 3m, nodeLoss: {cluster: primary}}
  - {name: two, at: 4m, duration: 5m, zoneLoss: {region: east, zone: 2}}
  - {name: crash, at: 3m, podCrash: {workload: web, cluster: primary, count: 3}}
";
    for probe in ["interval: 30s", "interval: 7s, timeout: 30s", "interval: 1s, timeout: 1s"] {
        let slow = ["kubernetes.nodeMonitorGracePeriod=3m"];
        let scenario = load(&text(&format!("probe: {{{probe}}}"), faults), &slow);
        let explicit = Options { explicit_probing: true, ..Options::default() };
        let (lazy, explicit) = (run(&scenario, Options::default()), run(&scenario, explicit));
        let (a, b) = (lazy.facts.facts(), explicit.facts.facts());
        assert_eq!(a.iter().zip(b).find(|(a, b)| a != b), None, "{probe}");
        assert_eq!(lazy.facts.fingerprint(), explicit.facts.fingerprint(), "{probe}");
        assert!(!facts_named(&lazy, "backend-health").is_empty(), "{probe}");
    }
}

/// Behind a load balancer with `externalTrafficPolicy: Local` all pods of a dead node leave at its
/// first probe from the loss on, when that has waited 5 s: 5 to 10 s after the loss, while the node
/// monitor waits ten minutes. With `Cluster` they do not leave, as without any balancer.
#[test]
fn a_load_balancer_leaves_a_dead_node() {
    let slow = ["kubernetes.nodeMonitorGracePeriod=10m"];
    let run_with = |keys: &str| {
        let text = text("", LOSE_A_NODE);
        let text = text.replacen("    region: east\n", &format!("    region: east\n{keys}"), 1);
        run(&load(&text, &slow), Options::default())
    };
    let local = run_with("    loadBalancer: {externalTrafficPolicy: Local}\n");
    let left = local.facts.facts().iter().filter_map(|fact| match fact.what {
        What::BackendHealth { pod, healthy: false } => Some((fact.at, local.world[pod].node)),
        _ => None,
    });
    let left: Vec<_> = left.collect();
    assert!(!left.is_empty(), "no pod was on the lost node");
    let interval = Span::from_secs(5);
    for &(at, node) in &left {
        let name = local.world.node_name(node.expect("it ran there"));
        let draw = Chance::independent(7, 0).draw("balancer-probe", &name, 0);
        let grid = ProbeGrid::staggered(interval, draw);
        assert_eq!(at, Time::from_secs(120).next_on_grid(grid.phase, interval) + interval);
        assert_eq!(at, left[0].0, "one probe speaks for all pods of the node");
    }
    let lost = failed(&local, Reason::PodLost);
    let end_s = left[0].0.as_secs_f64() as usize + 1;
    assert!(0 < lost[121] && lost[end_s..].iter().all(|&users| users == 0));

    let cluster = run_with("    loadBalancer: {externalTrafficPolicy: Cluster}\n");
    let lost = failed(&cluster, Reason::PodLost);
    assert!(lost[120..700].iter().all(|&users| 0 < users), "nobody notices");
    assert_eq!(cluster.facts.fingerprint(), run_with("").facts.fingerprint());
}
