//! The scenario of a recording, and a run of it with what the recording states.

use std::fmt::Write;
use std::path::Path;

use tideover::control::node_lifecycle;
use tideover::control::node_lifecycle::monitor::MonitorState;
use tideover::model::ids::{ClusterId, NodeId, PodId, ZoneId};
use tideover::scenario::{Scenario, from_text};
use tideover::simulation::{Options, Simulation};
use tideover::units::{Span, Time};

use super::file::{Recording, place};

/// Simulated time before the fault: the recordings begin 330 s before it.
pub(super) const WARM_UP_S: i64 = 330;

/// The scenario of a recording, until `end_s`. The killed nodes of each zone have their own pool.
pub(super) fn scenario(recording: &Recording, end_s: i64) -> Scenario {
    let per_zone = recording.nodes_per_zone();
    let mut n_killed = [0; 3];
    for (node, _) in recording.killed() {
        n_killed[place(&node).0] += 1;
    }
    let (mut pools, mut faults) = (String::new(), String::new());
    let duration = recording.healed_at().map_or(String::new(), |s| format!(", duration: {s}s"));
    for (zone, &killed) in (1..).zip(&n_killed) {
        for (name, count) in [("killed", killed), ("other", per_zone - killed)] {
            if count == 0 {
                continue;
            }
            let size = "allocatable: {cpu: 16, memory: 64Gi}, containerStart: 2s";
            writeln!(
                pools,
                "      - {{name: {name}{zone}, zones: [{zone}], count: {count}, {size}, reboot: \
                 {{constant: 0s}}}}"
            )
            .unwrap();
        }
        if 0 < killed {
            let nodes = format!("{{cluster: main, pool: killed{zone}, count: {killed}}}");
            writeln!(faults, "  - {{name: zone{zone}, at: 0s{duration}, nodeLoss: {nodes}}}")
                .unwrap();
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

/// Unrecorded phases of the node lifecycle controller.
#[derive(Clone, Copy, Debug)]
pub(super) struct MonitorPhases {
    /// Of its passes, in [0, 5.01 s): a pass takes 10 ms, the next follows 5 s after its end.
    pub(super) pass: Span,
    /// Of the loop that works the eviction queues, in [0, 0.1 s).
    pub(super) queue: Span,
}

/// A run at its start, with the recorded lease renewals and the monitor at `phases`.
pub(super) fn begin<'s>(
    recording: &Recording,
    scenario: &'s Scenario,
    phases: MonitorPhases,
) -> Simulation<'s> {
    let mut run = Simulation::new(scenario, Options::default());
    for (name, renewed_s) in recording.killed() {
        if let Some(renewed_s) = renewed_s {
            let node = node(&run, &name);
            node_lifecycle::begin_renewals(&mut run.cx, node, Time::from_secs_f64(renewed_s));
        }
    }
    let start = run.cx.now;
    let monitor = MonitorState::new(run.cx.settings.monitor, start + phases.pass);
    run.cx.memory.monitors[0] = monitor.with_queue_phase(start + phases.queue);
    run
}

/// The simulated node that stands for the recorded one: killed ones come first in their zone.
fn node(run: &Simulation<'_>, name: &str) -> NodeId {
    let (zone, number) = place(name);
    let in_zone = |&node: &NodeId| run.cx.world[node].zone == ZoneId::new(zone);
    let mut nodes = run.cx.world.cluster_nodes(ClusterId::new(0)).filter(in_zone);
    nodes.nth(number).expect("the scenario has every recorded node")
}

/// The recorded name of a simulated node.
pub(super) fn node_name(run: &Simulation<'_>, node: NodeId) -> String {
    let zone = run.cx.world[node].zone;
    let in_zone = |&other: &NodeId| run.cx.world[other].zone == zone;
    let mut nodes = run.cx.world.cluster_nodes(ClusterId::new(0)).filter(in_zone);
    let number = nodes.position(|other| other == node).expect("it is in its zone");
    format!("z{}-n{:02}", zone.index() + 1, number + 1)
}

/// The recorded name of the node that a pod is on.
pub(super) fn node_of(run: &Simulation<'_>, pod: PodId) -> String {
    run.cx.world[pod].node.map_or_else(String::new, |node| node_name(run, node))
}
