//! What holds in every run.

use tideover::control::operations::Operation;
use tideover::experiment::run::Trial;
use tideover::metrics::outcome::Latency;
use tideover::model::fact::What;
use tideover::model::ids::ClusterId;
use tideover::model::node::Stage;
use tideover::model::node_pool::Resources;
use tideover::scenario::Scenario;
use tideover::simulation::Finished;
use tideover::units::{Span, Time};

use super::voluntary;

/// A machine that got its power back this long ago has booted.
const BOOTED: Span = Span::from_secs(130);

/// Time goes on, no node is overbooked, nodes and replicas are within bounds, machines come back.
pub(super) fn of_world(case: u64, scenario: &Scenario, finished: &Finished) {
    let mut before = Time::from_secs(-86_400);
    for fact in finished.facts.facts() {
        assert!(before <= fact.at, "case {case}: {fact:?} comes after {before:?}");
        before = fact.at;
    }
    no_node_is_overbooked(case, finished);
    kubelets_obey_their_rules(case, finished);
    sizes_are_within_bounds(case, scenario, finished);
    machines_come_back(case, scenario, finished);
    voluntary::keeps_its_bounds(case, finished);
}

/// The requests of the pods of a node never exceed what it offers.
fn no_node_is_overbooked(case: u64, finished: &Finished) {
    let world = &finished.world;
    let mut used = vec![Resources::default(); world.nodes.len()];
    let mut place = vec![None; world.pods.len()];
    for fact in finished.facts.facts() {
        match fact.what {
            What::PodScheduled { pod, node } => {
                let requests = world[world[pod].deployment].template.requests;
                used[node.index()] += requests;
                place[pod.index()] = Some((node, requests));
                let allocatable = world[world[node].pool].allocatable;
                assert!(
                    allocatable.fits(&used[node.index()]),
                    "case {case}: {node:?} is overbooked at {:?}",
                    fact.at
                );
            }
            What::PodGone { pod } => {
                if let Some((node, requests)) = place[pod.index()].take() {
                    used[node.index()] -= requests;
                }
            }
            _ => {}
        }
    }
    for (index, node) in world.nodes.iter().enumerate() {
        if node.stage != Stage::Deleted {
            assert_eq!(
                node.requested, used[index],
                "case {case}: node {index} has what its pods ask"
            );
        }
    }
}

/// No container starts on a machine without power; no probe ends a pod that is being deleted.
fn kubelets_obey_their_rules(case: u64, finished: &Finished) {
    let world = &finished.world;
    let mut is_down = vec![false; world.nodes.len()];
    let mut is_deleted = vec![false; world.pods.len()];
    for fact in finished.facts.facts() {
        match fact.what {
            What::NodeLost { node } => is_down[node.index()] = true,
            What::NodeBack { node } => is_down[node.index()] = false,
            What::PodDeleted { pod, .. } => is_deleted[pod.index()] = true,
            What::ContainerStarted { pod } => {
                let node = world[pod].node.expect("a container runs on a node");
                assert!(!is_down[node.index()], "case {case}: {pod:?} starts on dead {node:?}");
            }
            What::ContainerDied { pod, why } if why.0.contains("probe") => {
                assert!(!is_deleted[pod.index()], "case {case}: a probe kills deleted {pod:?}");
            }
            _ => {}
        }
    }
}

fn sizes_are_within_bounds(case: u64, scenario: &Scenario, finished: &Finished) {
    let world = &finished.world;
    let deleted: Vec<(Time, ClusterId)> = finished
        .facts
        .facts()
        .iter()
        .filter_map(|fact| match fact.what {
            What::NodeDeleted { node, why } if why.0 == "its machine no longer exists" => {
                Some((fact.at, world[node].cluster))
            }
            _ => None,
        })
        .collect();
    let operations = || scenario.operations().iter().map(|planned| &planned.operation);
    let is_stopped = operations().any(|operation| matches!(operation, Operation::StopCluster(_)));
    let has_surge = operations().any(|operation| matches!(operation, Operation::Upgrade(_)));
    for sample in &finished.samples.clusters {
        let pools = world[sample.cluster].pools.iter().map(|&pool| &world[pool]);
        let most: u32 = pools.map(|p| if p.autoscaled { p.max_nodes } else { p.min_nodes }).sum();
        let least: u32 = world[sample.cluster].pools.iter().map(|&p| world[p].min_nodes).sum();
        let nodes = sample.nodes + sample.ordered_nodes;
        // Nobody replaces a machine that the cloud has deleted.
        let lost = deleted.iter().filter(|(at, of)| *at <= sample.at && *of == sample.cluster);
        let least = least.saturating_sub(u32::try_from(lost.count()).unwrap());
        // A stop takes all nodes of some cluster away, an upgrade may double those of a pool.
        let least = if is_stopped { 0 } else { least };
        let most = if has_surge { 2 * most } else { most };
        assert!((least..=most).contains(&nodes), "case {case}: {nodes} nodes at {:?}", sample.at);
        assert!(sample.ready_nodes <= sample.nodes && sample.ready_pods <= sample.pods);
    }
    for sample in &finished.samples.deployments {
        if scenario.hpas().iter().any(|hpa| hpa.deployment == sample.deployment) {
            let (least, most) = world[sample.deployment].hpa_bounds.unwrap();
            let within = (least..=most).contains(&sample.replicas);
            assert!(within, "case {case}: {} replicas at {:?}", sample.replicas, sample.at);
        }
    }
}

/// Once every fault is repaired for long enough, every machine runs and no node is left marked.
fn machines_come_back(case: u64, scenario: &Scenario, finished: &Finished) {
    let end = Time::ZERO + scenario.run().horizon;
    let repaired = |fault: &tideover::faults::PlannedFault| {
        let over = fault.always_lasts().flatten().map(|duration| fault.at + duration);
        fault.fault.kind() == "podCrash" || over.is_some_and(|at| at + BOOTED < end)
    };
    if !scenario.faults().iter().all(repaired) {
        return;
    }
    for (index, node) in finished.world.nodes.iter().enumerate() {
        let is_gone = node.stage == Stage::Deleted;
        assert!(is_gone || node.power.is_up(), "case {case}: node {index} is still held down");
        let runs = node.stage != Stage::Joined || node.running;
        assert!(runs, "case {case}: node {index} never came back");
    }
}

fn monotone(case: u64, latency: Option<Latency>) {
    if let Some(Latency { p50, p95, p99, p999, max }) = latency {
        let ordered = p50 <= p95 && p95 <= p99 && p99 <= p999 && p999 <= max;
        assert!(0.0 <= p50 && ordered, "case {case}: {latency:?}");
    }
}

/// Figures are within their ranges.
pub(super) fn of_outcome(case: u64, scenario: &Scenario, trial: &Trial) {
    let outcome = &trial.outcome;
    let requests = &outcome.requests;
    assert_eq!(requests.offered, requests.served + requests.failed + requests.in_flight);
    assert!(requests.retries <= requests.attempts, "case {case}: {requests:?}");
    monotone(case, outcome.latency_ms);
    for geography in &outcome.geographies {
        let phases = &geography.latency_ms;
        for latency in [phases.before, phases.during, phases.after] {
            monotone(case, latency);
        }
    }
    let horizon_s = scenario.run().horizon.as_secs_f64();
    for fault in &outcome.faults {
        let left_s = horizon_s - fault.at_s;
        let times =
            [fault.detect_s, fault.reroute_s, fault.capacity_s, fault.rto_s, fault.failback_s];
        for time in times.into_iter().flatten() {
            assert!((0.0..=left_s).contains(&time), "case {case}: {fault:?}");
        }
        assert!(fault.rto_s.is_none() || fault.recovered == Some(true), "case {case}: {fault:?}");
        if let (Some(detect), Some(reroute)) = (fault.detect_s, fault.reroute_s) {
            assert!(0.0 <= detect.min(reroute), "case {case}: {fault:?}");
        }
        let failed = fault.failed_requests.unwrap_or(0);
        assert!(failed <= requests.failed, "case {case}: {fault:?}");
    }
    for headroom in &outcome.headroom {
        let ratios = [headroom.min_ratio, headroom.failover_min_ratio];
        assert!(ratios.into_iter().flatten().all(|r| r.is_finite() && -1.0 <= r), "case {case}");
    }
}

/// Two runs agree in every fact and count; if not, says which fact differs first.
pub(super) fn same_run(case: u64, how: &str, one: &Finished, other: &Finished) {
    let (a, b) = (one.facts.facts(), other.facts.facts());
    if let Some(i) = a.iter().zip(b).position(|(a, b)| a != b) {
        let (x, y) = (a[i].words(&one.world), b[i].words(&other.world));
        panic!("case {case}, {how}: at {:?} \"{x}\", at {:?} \"{y}\"", a[i].at, b[i].at);
    }
    assert_eq!(a.len(), b.len(), "case {case}, {how}: one run has more facts");
    assert_eq!(one.facts.fingerprint(), other.facts.fingerprint(), "case {case}, {how}: counts");
}
