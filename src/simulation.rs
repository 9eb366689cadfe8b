//! One run: the world of a scenario, its controllers and faults, from warm-up to horizon.
//!
//! The queue holds control events only. Before each one the data plane is advanced to its
//! instant; the one `match` in [`handle`] is the map of the program. Nothing reads a clock of
//! the machine: the same scenario, seed and trial give the same facts.

use crate::control::kubelet::{container, probing, pulling};
use crate::control::operations::{Operation, begin};
use crate::control::{
    Cx, cluster_autoscaler, custom_metrics, dependencies, deployment, endpoints, front_door_health,
    hpa, metrics_pipeline, network, node_lifecycle, replica_set, scheduler, traffic_manager,
};
use crate::model::event::Event;
use crate::model::fact::{FactLog, What, Why};
use crate::model::ids::{FaultId, OperationId};
use crate::model::sample::Samples;
use crate::model::world::World;
use crate::scenario::Scenario;
use crate::traffic::ledger::Ledger;
use crate::units::{Span, Time};

mod assemble;
mod observe;
mod steady_state;

pub use assemble::{Fidelity, Options, Scaling};

/// What a finished run leaves behind.
#[derive(Debug)]
pub struct Finished {
    /// The world at the horizon.
    pub world: World,
    /// All facts, with the fingerprint of the run.
    pub facts: FactLog,
    /// The observer's samples, one a second from t = 0.
    pub samples: Samples,
    /// What became of the requests.
    pub ledger: Ledger,
    /// Time in which counts were least exact; see [`Traffic::near_saturation_s`] \[s\].
    ///
    /// [`Traffic::near_saturation_s`]: crate::traffic::Traffic::near_saturation_s
    pub near_saturation_s: Option<f64>,
    /// Control events that were handled.
    pub n_events: u64,
}

/// Runs one trial of a scenario from the start of its warm-up to its horizon.
///
/// `progress` is called about once a simulated minute with the present instant.
pub fn run(scenario: &Scenario, options: Options, mut progress: impl FnMut(Time)) -> Finished {
    let mut simulation = Simulation::new(scenario, options);
    let mut next_report = simulation.cx.now;
    while simulation.step().is_some() {
        let now = simulation.cx.now;
        if next_report <= now {
            progress(now);
            next_report = now + Span::from_secs(60);
        }
    }
    simulation.finish()
}

/// A trial that goes on event by event, for those who look at the world in between: replays of
/// recordings set in it what was recorded, property tests check it after every event.
#[derive(Debug)]
pub struct Simulation<'s> {
    /// The world in motion.
    pub cx: Cx,
    scenario: &'s Scenario,
    extra_observer: Option<Span>,
    n_events: u64,
    warming_up: bool,
    scaling: Scaling,
    /// Whether a fault has struck.
    struck: bool,
}

impl<'s> Simulation<'s> {
    /// A trial at the start of its warm-up.
    #[must_use]
    pub fn new(scenario: &'s Scenario, options: Options) -> Self {
        let cx = assemble::assemble(scenario, options);
        let extra_observer = options.extra_observer;
        let scaling = options.scaling;
        let (warming_up, struck) = (true, false);
        Self { cx, scenario, extra_observer, n_events: 0, warming_up, scaling, struck }
    }

    /// Goes on to the next control event and handles it; None at the horizon.
    pub fn step(&mut self) -> Option<Event> {
        let cx = &mut self.cx;
        let end = Time::ZERO + self.scenario.run().horizon;
        let (at, event) = next_event(cx, end, self.extra_observer)?;
        cx.now = at;
        if self.warming_up && Time::ZERO <= at {
            self.warming_up = false;
            report_unrest(cx);
        }
        if !self.struck && matches!(event, Event::FaultStrikes(_)) {
            self.struck = true;
            if self.scaling == Scaling::FreeCapacity {
                cx.world.regions.iter_mut().for_each(|region| region.capacity = None);
            }
        }
        if !(self.struck && stands_still(self.scaling, event)) {
            handle(cx, self.scenario, event);
        }
        self.n_events += 1;
        Some(event)
    }

    /// What the trial leaves behind; complete once [`step`](Self::step) has returned None.
    #[must_use]
    pub fn finish(self) -> Finished {
        let Self { mut cx, n_events, .. } = self;
        let ledger = cx.traffic.ledger().clone();
        ledger.assert_conserved();
        absorb(&ledger, &mut cx.facts);
        let near_saturation_s = cx.traffic.near_saturation_s();
        let Cx { world, facts, samples, .. } = cx;
        Finished { world, facts, samples, ledger, near_saturation_s, n_events }
    }
}

/// Whether the loop that an event belongs to stands still; it then arms no further one.
const fn stands_still(scaling: Scaling, event: Event) -> bool {
    match event {
        Event::AutoscalerScan(_) => matches!(scaling, Scaling::Nothing | Scaling::NoNodes),
        Event::HpaSync(_) | Event::NetworkLook(_) => matches!(scaling, Scaling::Nothing),
        _ => false,
    }
}

/// Says so if something still moves at the end of the warm-up.
fn report_unrest(cx: &mut Cx) {
    if let Some((deployment, why)) = steady_state::unrest(cx) {
        cx.say(What::NotSteady { deployment, why: Why(why) });
    }
}

/// Advances the data plane to the next event and takes it; None at the end of the run.
///
/// On the way a pod may turn slow; its probes are then armed, perhaps for an earlier instant.
fn next_event(cx: &mut Cx, end: Time, extra: Option<Span>) -> Option<(Time, Event)> {
    loop {
        let due = cx.clock.next_at().unwrap_or(Time::NEVER).min(end);
        let extra = extra.map_or(due, |every| next_look(cx.now, every));
        let advance = cx.traffic.advance(due.min(extra), &cx.routing);
        cx.now = advance.reached;
        match advance.slow_pod {
            Some(pod) => probing::turned_slow(cx, pod),
            None if cx.now < due => {}
            None if due == end => return None,
            None => return cx.clock.pop(),
        }
    }
}

/// When an observer that looks every so often looks next.
fn next_look(now: Time, every: Span) -> Time {
    (now + Span::from_nanos(1)).next_on_grid(Time::ZERO, every)
}

/// The map of the program: who handles what.
fn handle(cx: &mut Cx, scenario: &Scenario, event: Event) {
    match event {
        Event::FaultStrikes(fault) => strike(cx, scenario, fault),
        Event::FaultHeals(fault) => heal(cx, scenario, fault),
        Event::OperationStarts(id) => {
            cx.say(What::OperationStarted { operation: id });
            operate(cx, scenario, id, Operation::start);
        }
        Event::OperationStep(id) => operate(cx, scenario, id, Operation::step),
        Event::DependencyStep(dependency) => dependencies::step(cx, dependency),
        Event::DependencySettles(dependency) => dependencies::settles(cx, dependency),
        Event::NodeJoins(node) => node_lifecycle::joins(cx, node),
        Event::NodeStatus(node) => node_lifecycle::post_status(cx, node),
        Event::CloudNodePass(cluster) => node_lifecycle::cloud::pass(cx, cluster),
        Event::PodGarbage(cluster) => node_lifecycle::pod_gc::collect(cx, cluster),
        Event::RepairCheck(cluster) => node_lifecycle::repair::check(cx, cluster),
        Event::RepairEnds(node) => node_lifecycle::repair::ends(cx, node),
        Event::NodeDeletes(node) => cluster_autoscaler::delete_due(cx, node),
        Event::NodeMonitorPass(cluster) => node_lifecycle::monitor_pass(cx, cluster),
        Event::EvictionQueue(cluster) => node_lifecycle::work_eviction_queue(cx, cluster),
        Event::TolerationEnds(pod) => node_lifecycle::toleration_ends(cx, pod),
        Event::Schedule(cluster) => scheduler::cycle(cx, cluster),
        Event::DeploymentSync(deployment) => deployment::sync(cx, deployment),
        Event::ReplicaSetSync(deployment) => replica_set::sync(cx, deployment),
        Event::ImagePull(node) => pulling::done(cx, node),
        Event::ContainerStep(pod) => container::step(cx, pod),
        Event::ProbeTick(pod, kind) => probing::tick(cx, pod, kind),
        Event::PodGone(pod) => container::ended(cx, pod),
        Event::EndpointsChange(pod) => endpoints::apply(cx, pod),
        Event::PopProbe(pop, cluster) => front_door_health::result_due(cx, pop, cluster),
        Event::EdgeWithdrawn(pop) => front_door_health::anycast::withdrawn(cx, pop),
        Event::SessionsMove(pop) => front_door_health::edge::reroute(cx, pop),
        Event::EndpointProbe(endpoint) => traffic_manager::answers::result_due(cx, endpoint),
        Event::ResolverRefresh(pop) => traffic_manager::answers::refresh(cx, pop),
        Event::ConnectionsEnd(pop) => traffic_manager::answers::connections_end(cx, pop),
        Event::KubeletStats(node) => metrics_pipeline::refresh_kubelet_stats(cx, node),
        Event::MetricsScrape(cluster) => metrics_pipeline::scrape(cx, cluster),
        Event::CustomMetricsScrape(cluster) => custom_metrics::scrape(cx, cluster),
        Event::HpaSync(deployment) => hpa::sync(cx, deployment),
        Event::AutoscalerScan(cluster) => cluster_autoscaler::scan(cx, cluster),
        Event::NetworkLook(cluster) => network::scaling::look(cx, cluster),
        Event::NetworkScales(cluster) => network::scaling::arrive(cx, cluster),
        Event::BackendProbe(pod) => network::backends::result_due(cx, pod),
        Event::BackendDrained(pod) => network::backends::drained(cx, pod),
        Event::Observe => observe::observe(cx),
    }
}

fn strike(cx: &mut Cx, scenario: &Scenario, fault: FaultId) {
    let planned = &scenario.faults()[fault.index()];
    cx.say(What::FaultStruck { fault });
    planned.fault.strike(cx, fault);
    begin::fault_struck(cx, scenario.operations(), fault);
    if let Some(duration) = planned.lasts(cx.chance) {
        cx.clock.arm(Event::FaultHeals(fault), cx.now + duration);
    }
}

fn heal(cx: &mut Cx, scenario: &Scenario, fault: FaultId) {
    cx.say(What::FaultHealed { fault });
    scenario.faults()[fault.index()].fault.heal(cx, fault);
}

/// An operation begins or goes on; others may follow its end.
fn operate(
    cx: &mut Cx,
    scenario: &Scenario,
    id: OperationId,
    act: impl FnOnce(&Operation, &mut Cx, OperationId),
) {
    let n_before = cx.facts.facts().len();
    act(&scenario.operations()[id.index()].operation, cx, id);
    let is_end =
        |what: &What| matches!(what, What::OperationDone { operation, .. } if *operation == id);
    if cx.facts.facts()[n_before..].iter().any(|fact| is_end(&fact.what)) {
        begin::operation_done(cx, scenario.operations(), id);
    }
}

/// Makes the fingerprint cover what became of the requests, second by second.
fn absorb(ledger: &Ledger, facts: &mut FactLog) {
    for demand in ledger.demands() {
        for second in demand.seconds() {
            facts.absorb(u64::from(second.offered) << 32 | u64::from(second.served));
            facts.absorb(u64::from(second.failed_total()));
        }
    }
}
