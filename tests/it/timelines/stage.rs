//! The cluster that the timelines play in: zones of equal size, one workload, all phases given.

use std::path::Path;

use tideover::control::node_lifecycle;
use tideover::control::node_lifecycle::monitor::MonitorState;
use tideover::model::event::Event;
use tideover::model::fact::{What, Why};
use tideover::model::ids::{ClusterId, HpaId, NodeId};
use tideover::scenario::{Scenario, from_text};
use tideover::simulation::{Options, Simulation};
use tideover::units::{Span, Time};

/// What differs between timelines, in the words of a scenario.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stage<'s> {
    pub(super) profile: &'s str,
    pub(super) zones: u32,
    /// Size and machines of the pool, which spans the zones.
    pub(super) pool: &'s str,
    /// Replicas, HPA, limits, … of the workload; a pod requests 1 CPU.
    pub(super) workload: &'s str,
    /// Steps of its load.
    pub(super) load: &'s str,
    /// Further constants of Kubernetes.
    pub(super) constants: &'s str,
    /// Faults and other sections.
    pub(super) more: &'s str,
}

impl Stage<'_> {
    /// The scenario, 20 min long.
    pub(super) fn scenario(&self) -> Scenario {
        self.scenario_with(&[])
    }

    /// The scenario with edits as in `--set`.
    pub(super) fn scenario_with(&self, sets: &[&str]) -> Scenario {
        let sets: Vec<String> = sets.iter().map(|&set| set.to_owned()).collect();
        let Self { profile, zones, pool, workload, load, constants, more } = self;
        let text = format!(
            "schema: tideover/v1
name: timeline
profile: {profile}
kubernetes: {{statusPatchDelay: 0s, proxyMinSyncPeriod: 0s{constants}}}
run: {{horizon: 20m, warmUp: 10m, seed: 1}}
regions: [{{name: here, zones: {zones}}}]
clusters:
  - name: main
    region: here
    pools:
      - {{name: user, {pool}, containerStart: 2s, provisioning: {{constant: 90s}}}}
workloads:
  - name: web
    requests: {{cpu: 1, memory: 128Mi}}
    service: {{workers: 1, time: {{constant: 1s}}, cpuPerWorker: 1}}
    image: 0Mi
    startUp: {{constant: 0s}}
    {workload}
cpuLoads:
  - {{workload: web, cluster: main, steps: [{load}]}}
{more}"
        );
        match from_text("timeline.yaml", &text, Path::new("."), &sets) {
            Ok(scenario) => scenario,
            Err(rejected) => panic!("{rejected}\n{text}"),
        }
    }
}

/// Clients without a rate limit.
pub(super) const UNLIMITED: &str = ", controllerQps: 100000/s";

/// A time in seconds.
pub(super) fn at(s: f64) -> Time {
    Time::from_secs_f64(s)
}

/// A run whose monitor passes at `pass_s` and every 5.001 s before it, works its queues at whole
/// tenths of a second, and whose HPA and autoscaler run at whole multiples of 15 s and 10 s.
pub(super) fn begin(scenario: &Scenario, pass_s: f64) -> Simulation<'_> {
    let mut run = Simulation::new(scenario, Options::default());
    let period = Span::from_millis(5_001);
    let first = run.cx.now.next_on_grid(at(pass_s), period);
    let monitor = MonitorState::new(run.cx.settings.monitor, first);
    run.cx.memory.monitors[0] = monitor.with_queue_phase(Time::ZERO);
    let now = run.cx.now;
    for index in 0..run.cx.memory.hpas.len() {
        run.cx.clock.arm(Event::HpaSync(HpaId::new(index)), now);
    }
    run.cx.clock.arm(Event::AutoscalerScan(ClusterId::new(0)), now);
    run
}

/// Sets the last renewal of a node before a fault.
pub(super) fn renew(run: &mut Simulation<'_>, node: NodeId, at_s: f64) {
    node_lifecycle::begin_renewals(&mut run.cx, node, at(at_s));
}

/// The nodes of a zone, by number from 0.
pub(super) fn nodes_of(run: &Simulation<'_>, zone: usize) -> Vec<NodeId> {
    let all = run.cx.world.cluster_nodes(ClusterId::new(0));
    all.filter(|&node| run.cx.world[node].zone.index() == zone).collect()
}

/// Runs to the horizon.
pub(super) fn play(run: &mut Simulation<'_>) {
    while run.step().is_some() {}
}

/// The instants of the facts from 0 s on that `of` picks, rounded to milliseconds \[s\].
pub(super) fn times(run: &Simulation<'_>, of: impl Fn(&What) -> bool) -> Vec<f64> {
    let facts = run.cx.facts.facts().iter();
    let picked = facts.filter(|fact| Time::ZERO <= fact.at && of(&fact.what));
    picked.map(|fact| millis(fact.at.as_secs_f64())).collect()
}

/// Rounded to milliseconds \[s\].
pub(super) fn millis(s: f64) -> f64 {
    (s * 1e3).round() / 1e3
}

/// What an HPA set the replicas to from 0 s on, and when.
pub(super) fn scaled(run: &Simulation<'_>) -> Vec<(f64, u32)> {
    let facts = run.cx.facts.facts().iter().filter(|fact| Time::ZERO <= fact.at);
    let scaled = facts.filter_map(|fact| match fact.what {
        What::Scaled { to, .. } => Some((millis(fact.at.as_secs_f64()), to)),
        _ => None,
    });
    scaled.collect()
}

pub(super) fn is_unknown(what: &What) -> bool {
    matches!(what, What::NodeReadiness { status: Why("Unknown"), .. })
}

pub(super) fn is_tainted(what: &What) -> bool {
    matches!(what, What::NodeTainted { tainted: true, .. })
}

pub(super) fn is_not_ready(what: &What) -> bool {
    matches!(what, What::PodNotReady { .. })
}

pub(super) fn is_deleted(what: &What) -> bool {
    matches!(what, What::PodDeleted { .. })
}

pub(super) fn is_created(what: &What) -> bool {
    matches!(what, What::PodCreated { .. })
}

pub(super) fn is_scheduled(what: &What) -> bool {
    matches!(what, What::PodScheduled { .. })
}

pub(super) fn is_ready(what: &What) -> bool {
    matches!(what, What::PodReady { .. })
}
