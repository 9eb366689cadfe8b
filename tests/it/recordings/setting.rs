//! The scenario of a recording, and a run of it with what the recording states.

use std::fmt::Write;
use std::path::Path;

use tideover::control::node_lifecycle;
use tideover::control::node_lifecycle::monitor::MonitorState;
use tideover::model::ids::{ClusterId, NodeId, PodId};
use tideover::scenario::{Scenario, from_text};
use tideover::simulation::{Options, Simulation};
use tideover::units::{Span, Time};

use super::file::{Recording, place};

/// Simulated time before the fault: the recordings begin 330 s before it.
pub(super) const WARM_UP_S: i64 = 330;

/// The scenario of a recording, until `end_s`. Each node has its own pool, called as the node; the
/// monitor looks at them in this order.
pub(super) fn scenario(recording: &Recording, end_s: i64) -> Scenario {
    let (mut pools, mut faults) = (String::new(), String::new());
    let duration = recording.healed_at().map_or(String::new(), |s| format!(", duration: {s}s"));
    let killed = recording.killed();
    for node in recording.nodes_in_order() {
        let (zone, _) = place(&node);
        let size = "allocatable: {cpu: 16, memory: 64Gi}, containerStart: 2s";
        writeln!(
            pools,
            "      - {{name: {node}, zones: [{}], count: 1, {size}, reboot: {{constant: 0s}}}}",
            zone + 1
        )
        .unwrap();
        if killed.iter().any(|(name, _)| *name == node) {
            let lost = format!("{{cluster: main, pool: {node}, count: 1}}");
            writeln!(faults, "  - {{name: {node}, at: 0s{duration}, nodeLoss: {lost}}}").unwrap();
        }
    }
    let faults = if faults.is_empty() { faults } else { format!("faults:\n{faults}") };
    let text = format!(
        "schema: tideover/v1
name: recording
profile: k8s-1.31
kubernetes: {{statusPatchDelay: 0s, proxyMinSyncPeriod: 0s}}
run: {{horizon: {end_s}s, warmUp: {WARM_UP_S}s, seed: 1}}
regions: [{{name: here, zones: 3}}]
clusters:
  - name: main
    region: here
    autoscaler: {{enabled: false}}
    pools:
{pools}
workloads:
  - name: web
    requests: {{cpu: 500m, memory: 128Mi}}
    limits: {{cpu: 1}}
    service: {{workers: 1, time: {{constant: 1s}}, cpuPerWorker: 1}}
    image: 0Mi
    startUp: {{constant: 0s}}
    {}
cpuLoads:
  - {{workload: web, cluster: main, steps: [{}]}}
{faults}",
        size(recording),
        load(recording),
    );
    from_text("recording.yaml", &text, Path::new("."), &[])
        .unwrap_or_else(|e| panic!("{e}\n{text}"))
}

fn size(recording: &Recording) -> String {
    let hpa = &recording.params;
    let replicas = recording.replicas();
    match hpa["target_pct"].as_u64() {
        Some(target) => format!(
            "hpa: {{minReplicas: {}, maxReplicas: {}, targetCPUUtilization: {target}%}}",
            hpa["min"], hpa["max"]
        ),
        None => format!("replicas: {replicas}"),
    }
}

/// Load steps; without one, the pods are at their target of 300m from the start.
fn load(recording: &Recording) -> String {
    let mut steps = vec![format!("{{at: 0s, load: {}m}}", recording.replicas() * 300)];
    for event in recording.of("load") {
        // The first step is taken by the run itself: a load at 0 s holds before it, too.
        let at = event.at_s.max(0.001);
        steps.push(format!("{{at: {at}s, load: {}m}}", event.number("total_milli")));
    }
    steps.join(", ")
}

/// The phase of the monitor's passes at which a run is closest to its recording.
///
/// Phases are tried every 20 ms of the period by when nodes turn Unknown, then every 5 ms around
/// the best by all that happens. `distance` tells how far a run at a phase is off.
pub(super) fn fit(distance: impl Fn(Span, Part) -> f64) -> Span {
    let best = |part: Part, tried: &mut dyn Iterator<Item = i64>| {
        let fits = tried.map(|ms| (distance(Span::from_millis(ms), part), ms));
        fits.min_by(|a, b| a.0.total_cmp(&b.0)).expect("phases are tried").1
    };
    let coarse_ms = best(Part::Unknown, &mut (0..250).map(|step| 20 * step));
    let around = (-20..=20).map(|step| (coarse_ms + 5 * step).rem_euclid(5_001));
    Span::from_millis(best(Part::Nodes, &mut around.into_iter()))
}

/// Which part of the course of events a comparison looks at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Part {
    /// When nodes turn Unknown.
    Unknown,
    /// What the monitor does to nodes.
    Nodes,
    /// Everything.
    All,
}

/// A run at its start, with the recorded lease renewals and the monitor's passes at a phase, in
/// [0, 5.001 s): a quiet one takes 1 ms, and the next follows 5 s later.
///
/// The loop that works the eviction queues starts with the run: passes on which a node is tainted
/// take longer than its 100 ms.
pub(super) fn begin<'s>(
    recording: &Recording,
    scenario: &'s Scenario,
    phase: Span,
) -> Simulation<'s> {
    let mut run = Simulation::new(scenario, Options::default());
    for (name, renewed_s) in recording.killed() {
        if let Some(renewed_s) = renewed_s {
            let node = node(&run, &name);
            node_lifecycle::begin_renewals(&mut run.cx, node, Time::from_secs_f64(renewed_s));
        }
    }
    let start = run.cx.now;
    // v1.20.2 dealt with one node after the other; later versions have eight workers.
    run.cx.settings.monitor.workers = 1;
    let monitor = MonitorState::new(run.cx.settings.monitor, start + phase);
    run.cx.memory.monitors[0] = monitor.with_queue_phase(start);
    run
}

/// The simulated node that stands for the recorded one.
fn node(run: &Simulation<'_>, name: &str) -> NodeId {
    let mut nodes = run.cx.world.cluster_nodes(ClusterId::new(0));
    nodes.find(|&node| node_name(run, node) == name).expect("the scenario has every recorded node")
}

/// The recorded name of a simulated node.
pub(super) fn node_name(run: &Simulation<'_>, node: NodeId) -> String {
    run.cx.world[run.cx.world[node].pool].name.clone()
}

/// The recorded name of the node that a pod is on.
pub(super) fn node_of(run: &Simulation<'_>, pod: PodId) -> String {
    run.cx.world[pod].node.map_or_else(String::new, |node| node_name(run, node))
}
