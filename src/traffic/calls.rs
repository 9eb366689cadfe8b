//! The exact engine of call graphs: services call services, and a request waits for answers.
//!
//! It is another engine than [`requests`](super::requests) because it cannot know, when a request
//! arrives, when it will end: that depends on pods that others load. So there is no recursion and
//! no ring of tentative entries; everything happens in order of time. A call (`callers`) is what
//! somebody waits for, a user or a request that calls; each of its attempts is at most one visit
//! of a pod. What is on its way moves along a wire of constant latency, which is a queue. The next
//! event is the earliest of three kinds: a worker is done, something arrives at an end of a wire
//! or a user sends, something is due (`timers`).
//!
//! A request does its own work, makes its calls one after the other (parallel ones at once), and
//! is answered. CPU is used by its own work only; its worker is held to the end, unless the
//! workload is an event loop. A call that fails for good fails the request, which its own caller
//! sees as any other failure; users see [`dependency`](super::ledger::Reason::Dependency). Limits,
//! circuit breakers and retry budgets belong to single caller pods, as in the libraries that they
//! are part of. What [protects](Protection) a pod from overload (an adaptive limit, shedding by
//! criticality) looks at requests in order of time, too, and so it is here, with or without calls.
//!
//! Users, routing, gates, endpoints, dependencies and the account are those of `requests`, draw by
//! draw: without calls that are made, both engines give the same account, which a test holds them
//! to. What is not exact: how long a probe would wait ([`virtual_wait_s`](Traffic::virtual_wait_s))
//! is the work in hand over the workers, with the mean of past calls for those to come; and
//! [`drain_pod`](Traffic::drain_pod) tells an instant by which time-outs have ended everything.

mod arrive;
mod breaker;
mod callers;
mod concurrency_limit;
mod criticality;
mod earliest;
mod endings;
mod gates;
mod guards;
mod plan;
mod pods;
mod protection;
mod protection_spec;
mod slab;
mod spec;
mod timers;
mod users;
mod visits;
mod wires;

pub use breaker::BreakerRules;
pub use concurrency_limit::ConcurrencyLimitRules;
pub use criticality::{Criticality, ShedRules};
pub use plan::{CallGraph, CallPlan, CallerPlan};
pub use protection::{PodProtection, Protection};
pub use protection_spec::{ConcurrencyLimitSpec, CriticalitySpec, ShedSpec};
pub use spec::{CallSpec, CircuitBreakerSpec};

use crate::model::ids::{DeploymentId, GateId, PodId};
use crate::units::{Span, Time};

use super::gate::{Gate, GateReading, Pass};
use super::ledger::Ledger;
use super::plan::{Arrivals, TrafficPlan};
use super::requests::{Demand, nanosecond_after};
use super::routing::{GreyShare, Routing};
use super::{Advance, Kill, Traffic};

use callers::Call;
use earliest::Earliest;
use pods::{Deployment, Pod, Process};
use protection::Protected;
use slab::Slab;
use timers::{Due, Timer, Timers};
use visits::Visit;
use wires::Wire;

/// The exact engine of call graphs; see the module page.
#[derive(Clone, Debug)]
pub struct Calls {
    now: Time,
    end: Time,
    n_clusters: usize,
    demands: Vec<Demand>,
    /// By demand, without probes.
    criticalities: Vec<Criticality>,
    deployments: Vec<Deployment>,
    /// Those of users by demand, then cluster; then those of calls by caller.
    wires: Vec<Wire>,
    /// By `GateId`.
    gates: Vec<Gate>,
    /// By `DeploymentId`: the gates that its requests pass.
    passes: Vec<Vec<(usize, Pass)>>,
    /// By `PodId`.
    pods: Vec<Pod>,
    calls: Slab<Call>,
    visits: Slab<Visit>,
    timers: Timers,
    /// By pod: when the first of its workers is done.
    finishes: Earliest,
    /// Answers, requests and waits by wire, timers, users by demand.
    sources: Earliest,
    /// The pod that the present event has made slow.
    slow_pod: Option<PodId>,
    ledger: Ledger,
}

/// What happens next, besides a worker that is done.
enum Source {
    Answers(usize),
    Requests(usize),
    Waits(usize),
    Timers,
    Users(usize),
}

impl Calls {
    /// An engine at the start of `plan`, without any pod, in which requests call as in `graph`.
    ///
    /// # Panics
    /// If the plan is out of its limits; a checked scenario never is.
    #[must_use]
    pub fn new(plan: &TrafficPlan, graph: &CallGraph) -> Self {
        let start_s = plan.start.as_secs_f64();
        let seconds = plan.end.as_secs_f64().max(0.0).ceil() as usize + 1;
        let (n_demands, n_deployments) = (plan.demands.len(), plan.deployments.len());
        let (wires, deployments) = wires::of(plan, graph);
        let mut passes = vec![Vec::new(); n_deployments];
        for (gate, plan) in plan.gates.iter().enumerate() {
            for pass in &plan.passes {
                passes[pass.deployment.index()].push((gate, *pass));
            }
        }
        let mut calls = Self {
            now: plan.start,
            end: plan.end,
            n_clusters: plan.n_clusters,
            demands: plan.demands.iter().map(|demand| Demand::new(plan, demand)).collect(),
            criticalities: Vec::new(),
            deployments,
            gates: plan.gates.iter().map(|gate| Gate::new(gate, start_s)).collect(),
            passes,
            pods: Vec::new(),
            calls: Slab::new(),
            visits: Slab::new(),
            timers: Timers::new(start_s),
            finishes: Earliest::new(64),
            sources: Earliest::new(3 * wires.len() + 1 + n_demands),
            wires,
            slow_pod: None,
            ledger: Ledger::new(n_demands, n_deployments, seconds, plan.record_waits),
        };
        for (index, demand) in plan.demands.iter().enumerate() {
            calls.start_clients(index, &demand.arrivals, start_s);
            let next_s = calls.demands[index].source.next_s();
            calls.sources.set(calls.slot_of_users(index), next_s);
        }
        calls
    }

    /// The same engine in which pods refuse requests as `protection` says.
    #[must_use]
    pub fn protected(plan: &TrafficPlan, graph: &CallGraph, protection: &Protection) -> Self {
        let mut calls = Self::new(plan, graph);
        calls.criticalities.clone_from(&protection.demands);
        for (deployment, rules) in calls.deployments.iter_mut().zip(&protection.deployments) {
            deployment.protected = rules.is_any().then(|| Protected::new(plan, rules));
        }
        calls
    }

    /// First requests of closed-loop clients, spread over one pause.
    fn start_clients(&mut self, demand: usize, arrivals: &Arrivals, start_s: f64) {
        let Arrivals::ClosedLoop { clients, begin, .. } = *arrivals else { return };
        let closed = self.demands[demand].closed_loop.expect("made of the same plan");
        for client in 0..clients {
            let share = f64::from(client) / f64::from(clients);
            let time_s = begin.as_secs_f64() + share * closed.pause_s;
            self.set_timer(time_s, Due::Next { demand: demand as u32, ordinal: client }, start_s);
        }
    }

    /// Everything that happens before `to_s`, or up to the first event that makes a pod slow.
    fn run_before(&mut self, to_s: f64, routing: &Routing) -> f64 {
        loop {
            let (finish_s, pod) = self.finishes.first();
            let (event_s, slot) = self.sources.first();
            if finish_s <= event_s {
                if to_s <= finish_s {
                    return to_s;
                }
                self.work_done(pod, finish_s);
                continue;
            }
            if to_s <= event_s {
                return to_s;
            }
            match self.source_of(slot) {
                Source::Answers(wire) => self.answer_comes(wire, event_s),
                Source::Requests(wire) => self.request_comes(wire, event_s, routing),
                Source::Waits(wire) => {
                    if let Some(call) = self.take_wait(wire, event_s) {
                        self.gives_up(call, event_s);
                    }
                }
                Source::Timers => self.timer_rings(event_s, routing),
                Source::Users(demand) => self.user_sends(demand, event_s, routing),
            }
            if self.slow_pod.is_some() {
                return event_s;
            }
        }
    }

    const fn slot_of_timers(&self) -> usize {
        3 * self.wires.len()
    }

    const fn slot_of_users(&self, demand: usize) -> usize {
        3 * self.wires.len() + 1 + demand
    }

    fn source_of(&self, slot: usize) -> Source {
        let n_wires = self.wires.len();
        match slot {
            _ if slot < n_wires => Source::Answers(slot),
            _ if slot < 2 * n_wires => Source::Requests(slot - n_wires),
            _ if slot < 3 * n_wires => Source::Waits(slot - 2 * n_wires),
            _ if slot == 3 * n_wires => Source::Timers,
            _ => Source::Users(slot - 3 * n_wires - 1),
        }
    }

    /// Sets a timer at `time_s`; none for what is never due.
    fn set_timer(&mut self, time_s: f64, due: Due, now_s: f64) {
        if time_s < f64::INFINITY {
            self.timers.add(Timer { time_s, due }, now_s);
            self.sources.set(self.slot_of_timers(), self.timers.next_s());
        }
    }

    fn timer_rings(&mut self, now_s: f64, routing: &Routing) {
        let (calls, visits) = (&self.calls, &self.visits);
        let matters = |due: &Due| match *due {
            Due::GiveUp(call) | Due::Retry(call) => calls.is_live(call),
            Due::Abort(visit) => visits.is_live(visit),
            Due::Next { .. } => true,
        };
        let due = self.timers.pop(now_s, matters);
        self.sources.set(self.slot_of_timers(), self.timers.next_s());
        match due {
            Some(Due::GiveUp(call)) => self.gives_up(call, now_s),
            Some(Due::Retry(call)) => self.tries_again(call, now_s, routing),
            Some(Due::Abort(visit)) => self.abort(visit, now_s),
            Some(Due::Next { demand, ordinal }) => {
                self.client_sends(demand as usize, u64::from(ordinal), now_s, routing);
            }
            None => {}
        }
    }

    fn pod_mut(&mut self, pod: PodId) -> &mut Pod {
        while self.pods.len() <= pod.index() {
            self.finishes.reach(self.pods.len());
            self.pods.push(Pod::absent());
        }
        &mut self.pods[pod.index()]
    }

    /// Users with neither answer nor final failure, counted where they are.
    fn count_in_flight(&self) -> u64 {
        let users = self.calls.iter().filter(|call| call.is_of_users());
        users.map(|call| u64::from(0.0 <= call.first_s)).sum()
    }
}

impl Traffic for Calls {
    fn now(&self) -> Time {
        self.now
    }

    fn advance(&mut self, to: Time, routing: &Routing) -> Advance {
        assert!(self.now <= to && to <= self.end, "{} to {to} is not in the run", self.now);
        self.set_limits(routing);
        let mut to = to;
        let mut slow_pod = None;
        loop {
            let reached_s = self.run_before(to.as_secs_f64(), routing);
            let Some(pod) = self.slow_pod.take() else { break };
            if slow_pod.is_none() {
                slow_pod = Some(pod);
                to = to.min(nanosecond_after(reached_s));
            }
        }
        self.now = to;
        self.ledger.assert_conserved();
        if cfg!(debug_assertions) {
            let in_flight: u64 = self.ledger.demands().iter().map(|d| d.totals().in_flight).sum();
            assert_eq!(self.count_in_flight(), in_flight, "users in flight at {}", self.now);
        }
        Advance { reached: self.now, slow_pod }
    }

    fn start_pod(&mut self, pod: PodId, deployment: DeploymentId) {
        let now_s = self.now.as_secs_f64();
        self.pod_mut(pod);
        let process = &mut self.pods[pod.index()];
        assert!(matches!(process.process, Process::Gone(_)), "{pod:?} runs already");
        let rules = &mut self.deployments[deployment.index()];
        process.start(deployment.index(), rules, now_s);
        process.limit = rules.protected.as_mut().and_then(|protected| protected.start(now_s));
    }

    fn kill_pod(&mut self, pod: PodId, how: Kill) {
        self.kill(pod.index(), how);
    }

    fn drain_pod(&mut self, pod: PodId) -> Time {
        self.drain(pod.index())
    }

    fn sever_pod(&mut self, pod: PodId, how: Kill) {
        self.sever(pod.index(), how);
    }

    fn set_speed(&mut self, pod: PodId, speed: f64) {
        assert!(0.0 < speed && speed.is_finite(), "a speed is positive: {speed}");
        self.change_speed(pod.index(), 1.0 / speed);
    }

    fn virtual_wait_s(&self, pod: PodId) -> f64 {
        self.wait_s(pod.index(), self.now.as_secs_f64())
    }

    fn watch(&mut self, pod: PodId, threshold: Option<Span>) {
        let threshold_s = threshold.map_or(f64::INFINITY, Span::as_secs_f64);
        self.pod_mut(pod).threshold_s = threshold_s;
    }

    fn busy_s(&self, pod: PodId) -> f64 {
        let now_s = self.now.as_secs_f64();
        self.pods.get(pod.index()).map_or(0.0, |pod| pod.busy_ns(&self.visits, now_s) as f64 / 1e9)
    }

    fn in_flight(&self, pod: PodId) -> u32 {
        self.pods.get(pod.index()).map_or(0, |pod| pod.n_visits)
    }

    fn accepted(&self, pod: PodId) -> u64 {
        self.pods.get(pod.index()).map_or(0, |pod| pod.accepted)
    }

    fn gate(&self, gate: GateId) -> GateReading {
        let generation = |slot| self.visits.generation(slot);
        self.gates[gate.index()].reading(self.now.as_secs_f64(), generation)
    }

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }
}

/// What an ingress fails in part, if it does.
fn grey_of(routing: &Routing, cluster: usize) -> Option<GreyShare> {
    routing.grey.get(cluster).copied().filter(|grey| grey.is_any())
}
