//! From a checked scenario to a world in motion: draws the phases, builds the steady state, arms
//! every controller.

use crate::control::clock::Clock;
use crate::control::custom_metrics::adapter::Adapter;
use crate::control::dependencies;
use crate::control::front_door_health::configuration::probe_row;
use crate::control::front_door_health::edge::probes_of;
use crate::control::front_door_health::{self, OriginCondition, ProbedOrigin};
use crate::control::hpa::plan::HpaPlan;
use crate::control::memory::Memory;
use crate::control::network;
use crate::control::node_lifecycle::monitor::MonitorState;
use crate::control::operations::begin;
use crate::control::sampling::{Input, Sampler};
use crate::control::settings::Settings;
use crate::control::{Chance, Cx, traffic_manager};
use crate::model::event::Event;
use crate::model::fact::FactLog;
use crate::model::front_door::ProbeTarget;
use crate::model::ids::{ClusterId, DeploymentId, FaultId, GeographyId, HpaId, NodeId, PopId};
use crate::model::sample::Samples;
use crate::model::workload::Deployment;
use crate::model::world::World;
use crate::scenario::Scenario;
use crate::sim::rates::RateCurve;
use crate::sim::streams::Stream;
use crate::traffic::Traffic;
use crate::traffic::calls::Calls;
use crate::traffic::cpu_load::CpuLoads;
use crate::traffic::flow::Flow;
use crate::traffic::gate::GateLimit;
use crate::traffic::level::Level;
use crate::traffic::plan::{Arrivals, DemandPlan, RetryPolicy, TrafficPlan};
use crate::traffic::requests::Requests;
use crate::traffic::routing::{CountedRouting, OriginMode, PopRoute, Routing};
use crate::units::{Ratio, Span, Time};

use super::steady_state;

/// What may differ between runs of one scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Options {
    /// Master seed; the scenario's own if None.
    pub seed: Option<u64>,
    /// Trial number.
    pub trial: u64,
    /// Every probe has its own timer; gives the same results, slower. For tests.
    pub explicit_probing: bool,
    /// Stops the data plane this often besides, to look and change nothing. For tests.
    pub extra_observer: Option<Span>,
    /// How requests are simulated.
    pub fidelity: Fidelity,
    /// How structural inputs are drawn.
    pub sampler: Sampler,
    /// What may scale once a fault has struck.
    pub scaling: Scaling,
}

/// What may scale once the first fault has struck; before, everything does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Scaling {
    /// What the scenario states: HPAs, cluster autoscalers, gateways and firewalls.
    #[default]
    AsStated,
    /// Nothing: as if all their loops stood still. Nodes that were ordered before still come.
    Nothing,
    /// HPAs, gateways and firewalls, but no cluster autoscaler.
    NoNodes,
    /// As stated, and regions have every machine that is asked for: no quota, pace or shortage.
    FreeCapacity,
}

/// How requests are simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Fidelity {
    /// Each of them: exact, and as slow as there are many.
    #[default]
    Requests,
    /// As counts: approximate, and equally fast at any rate.
    Flow,
}

impl Fidelity {
    /// The word of command line and files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Flow => "flow",
        }
    }

    /// Whether a scenario can be run like this.
    ///
    /// # Errors
    /// Names the workload or demand that cannot be simulated as counts, and what to do.
    pub fn check(self, scenario: &Scenario) -> Result<(), String> {
        let unknown = Flow::unknown_of_calls(scenario.calls());
        if let (Self::Flow, Some((caller, callee, key))) = (self, unknown) {
            let name = |deployment: DeploymentId| {
                let workload = scenario.deployments()[deployment.index()].workload;
                &scenario.world()[workload].name
            };
            return Err(format!(
                "workload {}: its calls of {} have `{key}`, which counts do not know; allowed: \
                 --fidelity requests",
                name(caller),
                name(callee)
            ));
        }
        let protection = scenario.protection().deployments.iter().zip(scenario.deployments());
        let mut protected = protection.filter(|(protection, _)| protection.is_any());
        if let (Self::Flow, Some((_, deployment))) = (self, protected.next()) {
            return Err(format!(
                "workload {}: its `concurrencyLimit` or `shed` looks at each request, which counts \
                 do not know; allowed: --fidelity requests",
                scenario.world()[deployment.workload].name
            ));
        }
        let is_closed = |demand: &&DemandPlan| {
            matches!(demand.arrivals, Arrivals::ClosedLoop { .. }) && self == Self::Flow
        };
        match scenario.demands().iter().find(is_closed) {
            None => Ok(()),
            Some(demand) => Err(format!(
                "demand {}: clients of a closed loop wait for their answers, which counts do not \
                 know; allowed: --fidelity requests",
                demand.name
            )),
        }
    }
}

/// Builds the world of a trial at the start of its warm-up.
pub(super) fn assemble(scenario: &Scenario, options: Options) -> Cx {
    let run = scenario.run();
    let (seed, trial) = (options.seed.unwrap_or(run.seed), options.trial);
    let chance = Chance { seed, trial, sampler: options.sampler };
    let start = Time::ZERO - run.warm_up;
    let world = scenario.world().clone();
    let settings =
        Settings { explicit_probing: options.explicit_probing, ..scenario.settings().clone() };
    let monitors = monitors(&world, &settings, chance, start);
    let probed = probed_origins(&world, chance, start);
    let mut memory = Memory::new(&world, scenario.hpas(), scenario.autoscalers(), monitors, probed);
    memory.adapters = adapters(&world, scenario.hpas(), &settings);
    let mut cx = Cx {
        now: start,
        run_start: start,
        clock: Clock::new(world.clusters.len()),
        traffic: traffic(scenario, chance, options.fidelity),
        routing: CountedRouting::new(closed(&world, scenario.gates().len())),
        facts: FactLog::default(),
        samples: Samples::default(),
        memory,
        settings,
        chance,
        world,
    };
    register_controllers(&mut cx);
    dependencies::publish_all(&mut cx);
    steady_state::build(&mut cx, scenario);
    arm_controllers(&mut cx, scenario);
    traffic_manager::start(&mut cx);
    front_door_health::start(&mut cx);
    network::scaling::start(&mut cx);
    for (index, strike) in scenario.strikes(cx.chance).into_iter().enumerate() {
        if let Some(strike) = strike {
            cx.clock.arm(Event::FaultStrikes(FaultId::new(index)), strike.at);
        }
    }
    begin::arm(&mut cx, scenario.operations());
    cx.clock.arm(Event::Observe, Time::ZERO);
    cx
}

/// The data plane: CPU loads if the scenario has any, requests otherwise.
fn traffic(scenario: &Scenario, chance: Chance, fidelity: Fidelity) -> Box<dyn Traffic> {
    let run = scenario.run();
    let (start, end) = (Time::ZERO - run.warm_up, Time::ZERO + run.horizon);
    if let Some(loads) = scenario.cpu_loads() {
        return Box::new(CpuLoads::new(loads.to_vec(), start, end));
    }
    let plan = TrafficPlan {
        seed: chance.seed,
        trial: chance.trial,
        start,
        end,
        n_clusters: scenario.world().clusters.len(),
        record_waits: false,
        demands: demands(scenario, chance).into_iter().chain(probe_load(scenario)).collect(),
        deployments: scenario.deployments().to_vec(),
        gates: scenario.gates().to_vec(),
    };
    match fidelity {
        Fidelity::Requests if !scenario.calls().is_empty() || scenario.protection().is_any() => {
            Box::new(Calls::protected(&plan, scenario.calls(), scenario.protection()))
        }
        Fidelity::Requests => Box::new(Requests::new(&plan)),
        Fidelity::Flow => Box::new(Flow::with_calls(&plan, scenario.calls())),
    }
}

/// The demands with the level and the over-dispersion of this trial.
fn demands(scenario: &Scenario, chance: Chance) -> Vec<DemandPlan> {
    let mut demands = scenario.demands().to_vec();
    for (demand, level) in demands.iter_mut().zip(scenario.levels()) {
        if let (Some(level), Arrivals::Poisson { curve }) = (level, &mut demand.arrivals) {
            *curve = curve.scaled(level.factor(level_draw(level, chance)));
        }
    }
    for (demand, over) in demands.iter_mut().zip(scenario.over_dispersion()) {
        if let (Some(over), Arrivals::Poisson { curve }) = (over, &mut demand.arrivals) {
            let stream = Stream::new(chance.seed, chance.trial, "over-dispersion", &demand.name);
            *curve = over.modulate(curve, stream);
        }
    }
    demands
}

/// The draw of a demand's level.
pub(super) fn level_draw(level: &Level, chance: Chance) -> u64 {
    chance.structural(Input::DemandLevel, level.number, &level.demand)
}

/// Routing in which nothing is reachable yet.
fn closed(world: &World, n_gates: usize) -> Routing {
    let door = &world.front_door;
    let n_probe_rows = door.probing_locations.map_or(0, |_| world.clusters.len());
    Routing {
        pops: vec![PopRoute::NOWHERE; door.pops.len() + n_probe_rows],
        origins: vec![OriginMode::Serving; world.clusters.len()],
        endpoints: vec![Vec::new(); world.deployments.len()],
        dependencies: Vec::new(),
        n_stale: vec![0; world.deployments.len()],
        grey: Vec::new(),
        gates: vec![GateLimit::OPEN; n_gates],
        version: 0,
    }
}

/// Node monitors, each at its own phase.
fn monitors(world: &World, settings: &Settings, chance: Chance, start: Time) -> Vec<MonitorState> {
    let monitor = |cluster: &crate::model::cluster::Cluster| {
        let phase = chance.phase("node-monitor", &cluster.name, settings.monitor.period);
        let queue = chance.phase("eviction-queue", &cluster.name, settings.monitor.queue_period);
        MonitorState::new(settings.monitor, start + phase).with_queue_phase(start + queue)
    };
    world.clusters.iter().map(monitor).collect()
}

/// What every PoP's probes know at the start: all origins have long been healthy, and every PoP
/// probes every origin at its own phase.
fn probed_origins(world: &World, chance: Chance, start: Time) -> Vec<ProbedOrigin> {
    let n_pops = world.front_door.pops.len();
    let pops = (0..n_pops).map(PopId::new);
    let clusters = || (0..world.clusters.len()).map(ClusterId::new);
    let met = (OriginCondition::Answering, true);
    pops.flat_map(|pop| clusters().map(move |cluster| (pop, cluster)))
        .map(|pair| probes_of(world, chance, pair, met, start))
        .collect()
}

/// Probes as a load: a constant rate of requests for each deployment of a probed origin, by rows
/// of the routing table of their own. Nobody counts them as users.
fn probe_load(scenario: &Scenario) -> Vec<DemandPlan> {
    let world = scenario.world();
    let door = &world.front_door;
    let (Some(rate), Some(place)) = (door.probe_rate(), world.geographies.first()) else {
        return Vec::new();
    };
    if door.probe_target == ProbeTarget::Gateway {
        return Vec::new();
    }
    let start_s = (Time::ZERO - scenario.run().warm_up).as_secs_f64();
    let load = |(index, deployment): (usize, &Deployment)| DemandPlan {
        name: format!("probe/{}", world.deployment_name(DeploymentId::new(index))),
        workload: deployment.workload,
        geography: GeographyId::new(0),
        arrivals: Arrivals::Poisson { curve: RateCurve::constant(start_s, rate.per_s()) },
        writes: Ratio::new(0.0),
        attempt_timeout: door.probe_timeout,
        deadline: None,
        retries: RetryPolicy::NEVER,
        pops: vec![probe_row(door.pops.len(), deployment.cluster)],
        client_to_pop: Span::ZERO,
        pop_to_cluster: place.pop_to_cluster.clone(),
        origin_response_timeout: door.probe_timeout,
    };
    let probed = |(_, deployment): &(usize, &Deployment)| !world[deployment.workload].internal;
    world.deployments.iter().enumerate().filter(probed).map(load).collect()
}

/// The monitoring of each cluster in which an HPA asks for more than CPU and memory.
fn adapters(world: &World, hpas: &[HpaPlan], settings: &Settings) -> Vec<Option<Adapter>> {
    let adapter = |cluster: ClusterId| {
        let here = |hpa: &&HpaPlan| world[hpa.deployment].cluster == cluster;
        let asking: Vec<&HpaPlan> =
            hpas.iter().filter(here).filter(|hpa| hpa.reads_custom_metrics()).collect();
        let delay = asking.iter().map(|hpa| hpa.longest_delay()).max()?;
        let deployments = asking.iter().map(|hpa| hpa.deployment).collect();
        Some(Adapter::new(deployments, settings.custom_metrics_window, delay))
    };
    (0..world.clusters.len()).map(ClusterId::new).map(adapter).collect()
}

/// Makes the timers of clusters and deployments, so that their order is that of the scenario.
fn register_controllers(cx: &mut Cx) {
    for cluster in (0..cx.world.clusters.len()).map(ClusterId::new) {
        for event in [
            Event::NodeMonitorPass(cluster),
            Event::EvictionQueue(cluster),
            Event::Schedule(cluster),
            Event::MetricsScrape(cluster),
            Event::AutoscalerScan(cluster),
        ] {
            cx.clock.register(event);
        }
    }
    for deployment in (0..cx.world.deployments.len()).map(DeploymentId::new) {
        cx.clock.register(Event::ReplicaSetSync(deployment));
    }
    for hpa in (0..cx.memory.hpas.len()).map(HpaId::new) {
        cx.clock.register(Event::HpaSync(hpa));
    }
}

/// Every controller loop has its own phase, as after a restart at a random instant.
fn arm_controllers(cx: &mut Cx, scenario: &Scenario) {
    for cluster in (0..cx.world.clusters.len()).map(ClusterId::new) {
        let name = cx.world[cluster].name.clone();
        arm_at_phase(cx, Event::MetricsScrape(cluster), &name, cx.settings.scrape_interval);
        let scan = scenario.autoscalers()[cluster.index()].scan_interval;
        arm_at_phase(cx, Event::AutoscalerScan(cluster), &name, scan);
    }
    for cluster in (0..cx.world.clusters.len()).map(ClusterId::new) {
        if cx.memory.adapters[cluster.index()].is_some() {
            let name = cx.world[cluster].name.clone();
            let interval = cx.settings.custom_metrics_interval;
            arm_at_phase(cx, Event::CustomMetricsScrape(cluster), &name, interval);
        }
    }
    for id in (0..cx.memory.hpas.len()).map(HpaId::new) {
        let HpaPlan { deployment, number, .. } = cx.memory.hpas[id.index()].plan;
        let mut name = cx.world.deployment_name(deployment);
        if 0 < number {
            name = format!("{name}/{number}");
        }
        arm_at_phase(cx, Event::HpaSync(id), &name, cx.settings.hpa_sync_period);
    }
    for node in (0..cx.world.nodes.len()).map(NodeId::new) {
        let name = cx.world.node_name(node);
        arm_at_phase(cx, Event::KubeletStats(node), &name, cx.settings.kubelet_stats_period);
    }
}

fn arm_at_phase(cx: &mut Cx, event: Event, entity: &str, period: Span) {
    let purpose = match event {
        Event::MetricsScrape(_) => "scrape-phase",
        Event::AutoscalerScan(_) => "scan-phase",
        Event::CustomMetricsScrape(_) => "custom-metrics-phase",
        Event::HpaSync(_) => "hpa-phase",
        Event::KubeletStats(_) => "kubelet-stats-phase",
        other => unreachable!("{other:?} has no phase"),
    };
    let phase = cx.chance.phase(purpose, entity, period);
    cx.clock.arm(event, cx.now + phase);
}
