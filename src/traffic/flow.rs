//! The aggregate engine: it moves counts of requests, and costs the same at any rate.
//!
//! Time goes in steps. In a step every demand sends a number of users drawn from its law, and the
//! retries that are due; they travel as cohorts (`sends`) to the clusters, where the pods of a
//! deployment in the same state are one group (`groups`). A group follows the mean state of its
//! queues along a curve of stationary states (`curve`), which is exact in steady states and in the
//! fluid limit; whole requests enter and leave it first in, first out (`serving`). Whoever is
//! refused, lost or will wait too long is told when a client would learn it, and tries again or
//! has failed (`clients`). Every user is in exactly one place at any time.
//!
//! What is approximated, and how well: waits and refusals of laws other than the exponential
//! enter by their variance only (Allen and Cunneen); between steady states the mean state moves
//! as if its distribution were stationary (pointwise stationary fluid flow), which is within a few
//! percent away from saturation and worst where the load is within 5 % of it; balancers that look
//! at load are treated as pools of pods that share a queue. Latency below saturation is the
//! convolution of wait and service, above it the fluid wait.
//!
//! A step ends on a grid of its own, or where a state changes: a pod begins or ends, routing is
//! another one. So looking in between changes nothing. While nothing happens the grid is coarse,
//! after a change it is fine.

mod calm;
mod clients;
mod counts;
mod curve;
mod deployment;
mod gates;
mod groups;
mod pop_sets;
mod processes;
mod sends;
mod serving;
mod waits;

use std::sync::Arc;

use crate::model::ids::{DeploymentId, GateId, PodId};
use crate::sim::streams::{Cursor, Stream};
use crate::units::{Span, Time};

use super::gate::{GateLimit, GateReading};
use super::ledger::cells::ServiceCells;
use super::ledger::{Ledger, Reason};
use super::plan::{Arrivals, TrafficPlan};
use super::routing::{GreyShare, OriginMode, Routing};
use super::{Advance, Kill, Traffic};

use clients::Notice;
use deployment::Deployment;
use gates::FlowGate;
use groups::Group;
use sends::{Cohort, Demand, Lane, Moving};

/// Length of a step while much happens.
const FINE: Span = Span::from_millis(125);

/// Length of a step otherwise.
const COARSE: Span = Span::from_secs(1);

/// Steps stay fine for so long after the last change.
const STIRRED: Span = Span::from_secs(2);

/// The engine; see the module page.
#[derive(Clone, Debug)]
pub struct Flow {
    now: Time,
    end: Time,
    /// Steps have been done up to here.
    done_until: Time,
    /// Steps are fine until then.
    stirred_until: Time,
    /// Where the next step or calm stretch would end if nothing happened.
    next_end: Time,
    /// The version of the routing that was last learnt; 0 for none.
    routing_version: u64,
    /// End of the present step [s].
    step_end_s: f64,
    n_clusters: usize,
    demands: Vec<Demand>,
    /// By demand, then cluster.
    lanes: Vec<Lane>,
    deployments: Vec<Deployment>,
    /// By `PodId`.
    pods: Vec<Pod>,
    gates: Vec<FlowGate>,
    /// By `ClusterId`.
    origins: Vec<OriginMode>,
    /// By `ClusterId`, as far as there are grey failures.
    grey: Vec<GreyShare>,
    notices: Vec<Notice>,
    ledger: Ledger,
    draws: Cursor,
    /// Pods that were found to be slow and not told of yet.
    slow: Vec<PodId>,
    arrived: Vec<Cohort>,
    nowhere: Vec<Cohort>,
    due_notices: Vec<Notice>,
    /// Requests finished in this step, by the step of their arrival.
    done: Vec<u64>,
}

/// A pod at run time.
#[derive(Clone, Copy, Debug)]
struct Pod {
    deployment: u32,
    process: Process,
    /// Its group among those of its deployment, while its process is there.
    group: usize,
    stale_failures: u32,
    threshold_s: f64,
    /// Whether its virtual wait was above the threshold when it was last looked at.
    above: bool,
    /// What its process did before it joined its group, less what the group had done [worker
    /// seconds].
    busy_s: f64,
    /// Likewise, requests that it finished.
    finished: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Process {
    Runs,
    Drains,
    Gone(Kill),
}

impl Pod {
    const ABSENT: Self = Self {
        deployment: 0,
        process: Process::Gone(Kill::Reset),
        group: 0,
        stale_failures: 0,
        threshold_s: f64::INFINITY,
        above: false,
        busy_s: 0.0,
        finished: 0.0,
    };

    const fn is_gone(&self) -> bool {
        matches!(self.process, Process::Gone(_))
    }
}

impl Flow {
    /// Whether the engine can serve a plan: closed loops it cannot, for their clients are no
    /// counts.
    #[must_use]
    pub fn serves(plan: &TrafficPlan) -> bool {
        plan.demands.iter().all(|demand| !matches!(demand.arrivals, Arrivals::ClosedLoop { .. }))
    }

    /// An engine at the start of `plan`, without any pod.
    ///
    /// # Panics
    /// If the engine does not [serve](Self::serves) the plan, or it is out of its limits.
    #[must_use]
    pub fn new(plan: &TrafficPlan) -> Self {
        let demands: Vec<_> = plan
            .demands
            .iter()
            .enumerate()
            .map(|(d, demand)| Demand::new(plan, d, demand))
            .collect();
        let of = |(index, demand)| {
            (0..plan.n_clusters).map(move |cluster| Lane::new(plan, index, demand, cluster))
        };
        let lanes: Vec<Lane> = plan.demands.iter().enumerate().flat_map(of).collect();
        assert!(lanes.len() <= usize::from(u16::MAX), "at most 65,535 pairs of demand and cluster");
        let mut cells: Vec<Arc<ServiceCells>> = Vec::new();
        let deployments = (0..plan.deployments.len()).map(|index| {
            let law = &plan.deployments[index].law;
            let alike = plan.deployments[..index].iter().position(|other| other.law == *law);
            let law_cells = match alike {
                Some(alike) => Arc::clone(&cells[alike]),
                None => Arc::new(ServiceCells::new(law)),
            };
            cells.push(Arc::clone(&law_cells));
            let mine = || lanes.iter().filter(|lane| lane.deployment == Some(index));
            let patience_s = mine().map(|lane| lane.patience_s.min(lane.deadline_s));
            let n = mine().count().max(1) as f64;
            let gaps = mine().map(|lane| demands[lane.demand].fresh.gap_scv());
            let gap_scv = if mine().count() == 0 { 1.0 } else { gaps.sum::<f64>() / n };
            let patience_s = patience_s.sum::<f64>() / n;
            Deployment::new(&plan.deployments[index], law_cells, gap_scv, patience_s)
        });
        let seconds = plan.end.as_secs_f64().max(0.0).ceil() as usize + 1;
        Self {
            now: plan.start,
            end: plan.end,
            done_until: plan.start,
            stirred_until: plan.start + STIRRED,
            next_end: plan.start,
            routing_version: 0,
            step_end_s: plan.start.as_secs_f64(),
            n_clusters: plan.n_clusters,
            deployments: deployments.collect(),
            lanes,
            pods: Vec::new(),
            gates: plan.gates.iter().map(FlowGate::new).collect(),
            origins: vec![OriginMode::Serving; plan.n_clusters],
            grey: Vec::new(),
            notices: Vec::new(),
            ledger: Ledger::new(demands.len(), plan.deployments.len(), seconds, plan.record_waits),
            demands,
            draws: Cursor::new(Stream::new(plan.seed, plan.trial, "flow", "splits")),
            slow: Vec::new(),
            arrived: Vec::new(),
            nowhere: Vec::new(),
            due_notices: Vec::new(),
            done: Vec::new(),
        }
    }

    /// Steps are fine for a while from `at_s` on.
    fn stir(&mut self, at_s: f64) {
        let until = Time::from_secs_f64(at_s) + STIRRED;
        self.stirred_until = self.stirred_until.max(until);
    }

    /// Finds the grid point at which the step that begins now ends.
    fn plan_step(&mut self) {
        let length = if self.done_until < self.stirred_until {
            FINE
        } else if self.is_calm() {
            calm::CALM
        } else {
            COARSE
        };
        let end = (self.done_until + Span::from_nanos(1)).next_on_grid(Time::ZERO, length);
        self.next_end = end.min(self.end);
    }

    /// Does what is left up to now, before something changes.
    fn settle(&mut self) {
        self.proceed(self.now);
        self.stir(self.now.as_secs_f64());
        self.plan_step();
    }

    /// One step from where the last one ended to `to`, within a whole second.
    fn step(&mut self, to: Time) {
        let (from_s, to_s) = (self.done_until.as_secs_f64(), to.as_secs_f64());
        self.step_end_s = to_s;
        self.send(from_s, to_s);
        if !self.gates.is_empty() {
            self.open_gates(from_s, to_s - from_s);
        }
        self.arrive(from_s, to_s);
        for deployment in 0..self.deployments.len() {
            self.serve(deployment, from_s, to_s);
        }
        if !self.gates.is_empty() {
            self.close_gates();
        }
        self.give_up(to_s);
        self.done_until = to;
        self.look_for_slow_pods();
        self.join_groups();
        self.ledger.assert_conserved();
        if cfg!(debug_assertions) {
            let in_flight: u64 = self.ledger.demands().iter().map(|d| d.totals().in_flight).sum();
            assert_eq!(self.count_in_flight(), in_flight, "users in flight at {to}");
        }
    }

    /// Users send, and those who try again.
    fn send(&mut self, from_s: f64, to_s: f64) {
        for index in 0..self.demands.len() {
            let first_lane = index * self.n_clusters;
            let (n, mean) = self.demands[index].fresh.send(from_s, to_s);
            self.ledger.offered(index, from_s, n as u32);
            let middle_s = 0.5 * (from_s + to_s);
            let cohort = Cohort {
                lane: first_lane as u16,
                attempt: 0,
                pops: pop_sets::ALL,
                first_s: middle_s,
                send_s: middle_s,
                n,
                mean,
            };
            if 0 < n || 0.0 < mean {
                self.dispatch(index, &Moving { cohort, from_s, to_s });
            }
            if self.demands[index].releases.is_empty() {
                continue;
            }
            self.stir(to_s);
            let (due, denied) = self.demands[index].due_retries((from_s, to_s), n);
            self.deny(index, &denied);
            for (tick, release) in due {
                let begin_s = (tick as f64 * sends::TICK_S).max(from_s);
                let end_s = ((tick + 1) as f64 * sends::TICK_S).min(to_s).max(begin_s + 1e-6);
                self.ledger.retried_many(index, release.first_s, release.n);
                let cohort = Cohort {
                    attempt: release.attempt,
                    pops: release.pops,
                    first_s: release.first_s,
                    send_s: 0.5 * (begin_s + end_s),
                    n: release.n,
                    mean: release.n as f64,
                    ..cohort
                };
                self.dispatch(index, &Moving { cohort, from_s: begin_s, to_s: end_s });
            }
        }
    }

    /// A cohort takes the ways of its edge locations; without an origin it fails at the edge.
    fn dispatch(&mut self, index: usize, sent: &Moving) {
        let first_lane = index * self.n_clusters;
        let lanes = &mut self.lanes[first_lane..first_lane + self.n_clusters];
        let demand = &mut self.demands[index];
        let mut nowhere = std::mem::take(&mut self.nowhere);
        sends::route(demand, lanes, sent, &mut self.draws, &mut nowhere);
        for cohort in nowhere.drain(..).filter(|cohort| 0 < cohort.n) {
            let demand = &self.demands[index];
            let told_s = (cohort.send_s + 2.0 * demand.client_to_pop_s)
                .min(cohort.send_s + demand.attempt_timeout_s)
                .min(cohort.first_s + demand.deadline_s);
            let width_s = sent.to_s - sent.from_s;
            self.told(&cohort, cohort.n, Reason::NoOrigin, (told_s, width_s));
        }
        self.nowhere = nowhere;
    }

    /// Takes on the routing of the window that begins now, if it is another one.
    fn learn(&mut self, routing: &Routing) {
        if routing.version != 0 && routing.version == self.routing_version {
            return;
        }
        self.routing_version = routing.version;
        if !self.differs(routing) {
            return;
        }
        self.settle();
        sends::learn_ways(&mut self.demands, routing);
        self.origins.clone_from(&routing.origins);
        self.grey.clone_from(&routing.grey);
        for (index, gate) in self.gates.iter_mut().enumerate() {
            gate.set(routing.gates.get(index).copied().unwrap_or(GateLimit::OPEN));
        }
        for index in 0..self.deployments.len() {
            let writes = self.share_of_writes(index);
            self.deployments[index].set_effects(routing.dependencies.get(index), writes);
            let listed = routing.endpoints.get(index).map_or(&[][..], |listed| listed);
            let endpoints = &mut self.deployments[index].endpoints;
            let n_stale = routing.n_stale.get(index).copied().unwrap_or(0);
            let listed = listed.iter().map(|pod| pod.index() as u32);
            if endpoints.n_stale != n_stale || !endpoints.listed.iter().copied().eq(listed.clone())
            {
                endpoints.n_stale = n_stale;
                endpoints.listed = listed.collect();
                self.refresh_endpoints(index);
            }
        }
    }

    /// Whether a routing is another one than that of the last step.
    fn differs(&self, routing: &Routing) -> bool {
        let gates = self.gates.iter().enumerate().any(|(index, gate)| {
            gate.limit() != routing.gates.get(index).copied().unwrap_or(GateLimit::OPEN)
        });
        let endpoints = self.deployments.iter().enumerate().any(|(index, deployment)| {
            let known = &deployment.endpoints;
            let listed = routing.endpoints.get(index).map_or(&[][..], |listed| listed);
            let n_stale = routing.n_stale.get(index).copied().unwrap_or(0);
            let effects = routing.dependencies.get(index);
            known.n_stale != n_stale
                || known.listed.len() != listed.len()
                || known.listed.iter().zip(listed).any(|(a, b)| *a != b.index() as u32)
                || !deployment.knows(effects)
        });
        gates
            || endpoints
            || self.origins != routing.origins
            || self.grey != routing.grey
            || self.demands.iter().any(|demand| demand.pops.differs(routing))
    }

    /// The share of writes among the requests of a deployment, by the rates of its demands.
    fn share_of_writes(&self, deployment: usize) -> f64 {
        let mine = self.lanes.iter().filter(|lane| lane.deployment == Some(deployment));
        let (mut writes, mut all) = (0.0, 1e-12);
        for lane in mine {
            let rate = self.demands[lane.demand].fresh.peak();
            writes += rate * lane.writes;
            all += rate;
        }
        writes / all
    }

    /// Users with neither answer nor final failure, counted where they are.
    fn count_in_flight(&self) -> u64 {
        let counted = |cohort: &Cohort, n: u64| if 0.0 <= cohort.first_s { n } else { 0 };
        let moving = self.lanes.iter().flat_map(|lane| &lane.moving);
        let moving: u64 = moving.map(|m| counted(&m.cohort, m.cohort.n)).sum();
        let steps = self.deployments.iter().flat_map(|deployment| &deployment.steps);
        let inside: u64 = steps
            .flat_map(|step| &step.parts)
            .map(|part| counted(&part.cohort, part.timely + part.late + part.hung + part.doomed))
            .sum();
        let noticed: u64 = self.notices.iter().map(|n| counted(&n.cohort, n.cohort.n)).sum();
        let releases = self.demands.iter().flat_map(|demand| demand.releases.values().flatten());
        let releases: u64 =
            releases.map(|release| if 0.0 <= release.first_s { release.n } else { 0 }).sum();
        moving + inside + noticed + releases
    }
}

impl Traffic for Flow {
    fn now(&self) -> Time {
        self.now
    }

    fn advance(&mut self, to: Time, routing: &Routing) -> Advance {
        assert!(self.now <= to && to <= self.end, "{} to {to} is not in the run", self.now);
        self.learn(routing);
        if self.next_end <= self.done_until {
            self.plan_step();
        }
        loop {
            if let Some(pod) = self.slow.pop() {
                self.now = self.now.max(self.done_until);
                return Advance { reached: self.now, slow_pod: Some(pod) };
            }
            if to < self.next_end || self.next_end <= self.done_until {
                break;
            }
            self.proceed(self.next_end);
            self.plan_step();
        }
        self.now = to;
        if to == self.end {
            self.flush_waits();
        }
        Advance { reached: self.now, slow_pod: None }
    }

    fn start_pod(&mut self, pod: PodId, deployment: DeploymentId) {
        self.settle();
        self.begin(pod.index(), deployment.index());
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
        self.change_speed(pod.index(), speed);
    }

    fn virtual_wait_s(&self, pod: PodId) -> f64 {
        self.wait_at(pod.index())
    }

    fn watch(&mut self, pod: PodId, threshold: Option<Span>) {
        let threshold_s = threshold.map_or(f64::INFINITY, Span::as_secs_f64);
        self.make_room(pod.index());
        let wait_s = self.wait_at(pod.index());
        let pod = &mut self.pods[pod.index()];
        pod.threshold_s = threshold_s;
        pod.above = threshold_s < wait_s;
    }

    fn busy_s(&self, pod: PodId) -> f64 {
        self.busy_of(pod.index())
    }

    fn in_flight(&self, pod: PodId) -> u32 {
        self.present_in(pod.index()) as u32
    }

    fn accepted(&self, pod: PodId) -> u64 {
        self.finished_by(pod.index()) + self.present_in(pod.index())
    }

    fn gate(&self, gate: GateId) -> GateReading {
        self.gate_reading(gate.index())
    }

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }
}
