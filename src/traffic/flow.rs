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
//! as if its distribution were stationary (pointwise stationary fluid flow), but for its spread,
//! which takes its time (`spread`); balancers that look at load are treated as pools of pods that
//! share a queue, and fill up emptier pods (`balance`). Latency below saturation is the
//! convolution of wait and service, above it the fluid wait; of users who are served in time, it
//! is so on condition that it was in time (`lateness`).
//!
//! Requests that call others wait for them by a law of two moments (`calls`, `calling`,
//! `response`), with or without their worker; the calls themselves are demands of their own.
//!
//! A step ends on a grid of its own, or where the state of pods changes: one ends, or balancers
//! learn another list. So looking in between changes nothing. The grid is as fine as the last step
//! has moved the queues (`Unrest`), and where nothing moves, seconds are counted in one go
//! (`calm`). Users send, and try again, by the routes of their instant in any step (`edge`).

mod balance;
mod calling;
mod calls;
mod calm;
mod clients;
mod counts;
mod course;
mod curve;
mod deployment;
mod edge;
mod entering;
mod gates;
mod groups;
mod lateness;
mod pop_sets;
mod processes;
mod response;
mod sends;
mod serving;
mod spread;
mod waits;

use std::sync::Arc;

use crate::model::ids::{DeploymentId, GateId, PodId};
use crate::sim::streams::{Cursor, Stream};
use crate::units::{Span, Time};

use super::calls::CallGraph;
use super::gate::{GateLimit, GateReading};
use super::ledger::Ledger;
use super::ledger::cells::ServiceCells;
use super::plan::{Arrivals, TrafficPlan};
use super::routing::{GreyShare, OriginMode, Routing};
use super::{Advance, Kill, Traffic};

use calls::Site;
use clients::Notice;
use deployment::Deployment;
use gates::FlowGate;
use groups::Group;
use sends::{Cohort, Demand, Lane, Release};
use serving::Class;

/// Lengths of steps, by pace: the first while much happens.
const LENGTHS: [Span; 4] =
    [Span::from_millis(125), Span::from_millis(250), Span::from_millis(500), Span::from_secs(1)];

/// The pace after requests were lost or clients were cut off.
const STRUCK_PACE: usize = 0;

/// The pace after another change.
const CHANGED_PACE: usize = 1;

/// The pace when nothing moves.
const STEADY_PACE: usize = LENGTHS.len() - 1;

/// Where a larger share fails at pods, steps are at most of this pace: who has failed at a pod
/// tries again in the next step.
const RETRYING: f64 = 0.01;
const RETRYING_PACE: usize = 2;

/// A queue that changes by more than this part in a step is followed more closely.
const MOVES: f64 = 0.1;

/// One that changes by less than this in a step may be followed less closely.
const RESTS: f64 = 0.03;

/// One that changes by less than this stands still.
const STANDS: f64 = 0.005;

/// Loads at which queues are what chance has made of them: random systems that were there differ
/// more from single requests than others.
pub(super) const NEAR_SATURATION: std::ops::Range<f64> = 0.95..1.05;

/// Where a larger share of the attempts fails at pods, steps are fine: what they do when they have
/// failed depends on the instant at which that ends.
const FAILING: f64 = 0.3;

/// The engine; see the module page.
#[derive(Clone, Debug)]
pub struct Flow {
    now: Time,
    end: Time,
    /// Steps have been done up to here.
    done_until: Time,
    /// Everything has been sent up to here, at or after the end of the last step.
    sent_until: Time,
    /// The length of the next step.
    pace: usize,
    /// What the present step does to the queues.
    unrest: Unrest,
    /// Where the next step or calm stretch would end if nothing happened.
    next_end: Time,
    /// The version of the routing that was last learnt; 0 for none.
    routing_version: u64,
    /// Who is told of a failure sends again from then on [s].
    told_from_s: f64,
    n_clusters: usize,
    /// Those of users; then one for each call.
    demands: Vec<Demand>,
    /// How many of them are of users.
    n_users: usize,
    /// Those of users by demand, then cluster; then one for each call.
    lanes: Vec<Lane>,
    /// Calls of each kind.
    sites: Vec<Site>,
    /// Deployments, callers before those that they call; empty if nobody calls.
    order: Vec<usize>,
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
    /// No pod is watched for a shorter wait [s].
    least_threshold_s: f64,
    /// Whether any pod was above its threshold when they were last looked at.
    any_above: bool,
    arrived: Vec<Cohort>,
    nowhere: Vec<Cohort>,
    due_notices: Vec<Notice>,
    due_releases: Vec<Release>,
    /// Requests finished in this step, by the step of their arrival.
    done: Vec<u64>,
    classes: Vec<Class>,
    /// Of the groups of a deployment in what comes to it.
    shares: Vec<f64>,
    /// Whether a deployment is near saturation in this step.
    is_near_saturation: bool,
    /// Time since t = 0 in which one was [s].
    near_saturation_s: f64,
}

/// What a step did to the queues.
#[derive(Clone, Copy, Debug, Default)]
struct Unrest {
    /// Largest relative change of the queues of a group, by its share of the pods.
    change: f64,
    /// Attempts that came to pods, and those of them that failed.
    arrived: u64,
    failed: u64,
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

impl Unrest {
    /// The pace after a step of this pace, which lasted for its whole length or not.
    fn pace(&self, pace: usize, is_whole: bool) -> usize {
        let failing = self.failed as f64 / (self.arrived as f64 + 1.0);
        if MOVES < self.change || FAILING < failing {
            return 0;
        }
        let faster = match self.change {
            change if change <= STANDS => 2,
            change if change <= RESTS => 1,
            _ => 0,
        };
        let most = if RETRYING < failing { RETRYING_PACE } else { STEADY_PACE };
        if is_whole { (pace + faster).min(most) } else { pace.min(most) }
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
        Self::with_calls(plan, &CallGraph::default())
    }

    /// The same engine in which requests call as in `graph`.
    ///
    /// # Panics
    /// As [`new`](Self::new), and where calls have [what counts do not
    /// know](Self::unknown_of_calls).
    #[must_use]
    pub fn with_calls(plan: &TrafficPlan, graph: &CallGraph) -> Self {
        let demand = |(index, demand)| Demand::new(plan, index, demand);
        let mut demands: Vec<_> = plan.demands.iter().enumerate().map(demand).collect();
        let of = |(index, demand)| {
            (0..plan.n_clusters).map(move |cluster| Lane::new(plan, index, demand, cluster))
        };
        let mut lanes: Vec<Lane> = plan.demands.iter().enumerate().flat_map(of).collect();
        let n_users = demands.len();
        let (sites, order) = calls::sites_of(plan, graph, &mut demands, &mut lanes);
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
            sent_until: plan.start,
            pace: 0,
            unrest: Unrest::default(),
            next_end: plan.start,
            routing_version: 0,
            told_from_s: plan.start.as_secs_f64(),
            n_clusters: plan.n_clusters,
            deployments: calls::with_calling(deployments.collect(), graph, &sites),
            sites,
            order,
            n_users,
            lanes,
            pods: Vec::new(),
            gates: plan.gates.iter().map(FlowGate::new).collect(),
            origins: vec![OriginMode::Serving; plan.n_clusters],
            grey: Vec::new(),
            notices: Vec::new(),
            ledger: Ledger::new(n_users, plan.deployments.len(), seconds, plan.record_waits),
            demands,
            draws: Cursor::new(Stream::new(plan.seed, plan.trial, "flow", "splits")),
            slow: Vec::new(),
            least_threshold_s: f64::INFINITY,
            any_above: false,
            arrived: Vec::new(),
            nowhere: Vec::new(),
            due_notices: Vec::new(),
            due_releases: Vec::new(),
            done: Vec::new(),
            classes: Vec::new(),
            shares: Vec::new(),
            is_near_saturation: false,
            near_saturation_s: 0.0,
        }
    }

    /// Finds the grid point at which the step that begins now ends.
    fn plan_step(&mut self) {
        let length = if self.is_calm() { calm::CALM } else { LENGTHS[self.pace] };
        let end = (self.done_until + Span::from_nanos(1)).next_on_grid(Time::ZERO, length);
        self.next_end = end.min(self.end);
    }

    /// Does what is left up to now, before something changes; goes on at this pace.
    fn settle(&mut self, pace: usize) {
        self.proceed(self.now);
        self.pace = pace;
        self.plan_step();
    }

    /// One step from where the last one ended to `to`, within a whole second.
    fn step(&mut self, to: Time) {
        let (from_s, to_s) = (self.done_until.as_secs_f64(), to.as_secs_f64());
        self.go_on_at_edge(to);
        if !self.gates.is_empty() {
            self.open_gates(from_s, to_s - from_s);
        }
        if self.sites.is_empty() {
            for deployment in 0..self.deployments.len() {
                self.serve(deployment, from_s, to_s);
            }
        } else {
            self.serve_callers_first(from_s, to_s);
        }
        if !self.gates.is_empty() {
            self.close_gates();
        }
        for deployment in 0..self.deployments.len() {
            self.give_up_in(deployment, to_s);
            let deployment = &mut self.deployments[deployment];
            deployment.came = std::mem::take(&mut deployment.coming) / (to_s - from_s);
        }
        if std::mem::take(&mut self.is_near_saturation) && 0.0 <= from_s {
            self.near_saturation_s += to_s - from_s;
        }
        let is_whole = LENGTHS[self.pace] <= to - self.done_until;
        self.pace = self.unrest.pace(self.pace, is_whole);
        self.unrest = Unrest::default();
        self.done_until = to;
        self.look_for_slow_pods();
        self.join_groups();
        self.ledger.assert_conserved();
        if cfg!(debug_assertions) {
            let in_flight: u64 = self.ledger.demands().iter().map(|d| d.totals().in_flight).sum();
            let users = |lane: usize, first_s: f64| {
                0.0 <= first_s && self.lanes[lane].demand < self.n_users
            };
            assert_eq!(self.count_in_flight(users), in_flight, "users in flight at {to}");
            self.assert_calls_conserved();
        }
    }

    /// Takes on the routing of the window that begins now, if it is another one.
    fn learn(&mut self, routing: &Routing) {
        if routing.version != 0 && routing.version == self.routing_version {
            return;
        }
        self.routing_version = routing.version;
        let edges_differ = self.edges_differ(routing);
        if !self.pods_differ(routing) {
            // Only who sends where changes, and the step goes on.
            if edges_differ && self.next_end - self.done_until <= LENGTHS[STEADY_PACE] {
                self.go_on_at_edge(self.now);
                self.learn_edges(routing);
                return;
            }
            if !edges_differ {
                return;
            }
        }
        self.settle(CHANGED_PACE);
        if edges_differ {
            self.learn_edges(routing);
        }
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

    /// Whether users are sent otherwise than in the last step.
    fn edges_differ(&self, routing: &Routing) -> bool {
        self.origins != routing.origins
            || self.demands.iter().any(|demand| demand.pops.differs(routing))
    }

    fn learn_edges(&mut self, routing: &Routing) {
        self.demands.iter_mut().for_each(|demand| demand.pops.learn(routing));
        self.origins.clone_from(&routing.origins);
    }

    /// Whether the clusters do otherwise with what reaches them.
    fn pods_differ(&self, routing: &Routing) -> bool {
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
        gates || endpoints || self.grey != routing.grey
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

    /// Those with neither answer nor final failure whose lane and first send are `wanted`,
    /// counted where they are.
    fn count_in_flight(&self, wanted: impl Fn(usize, f64) -> bool) -> u64 {
        let counted = |cohort: &Cohort, n: u64| {
            if wanted(usize::from(cohort.lane), cohort.first_s) { n } else { 0 }
        };
        let moving = self.lanes.iter().flat_map(|lane| &lane.moving);
        let moving: u64 = moving.map(|m| counted(&m.cohort, m.cohort.n)).sum();
        let steps = self.deployments.iter().flat_map(|deployment| &deployment.steps);
        let inside: u64 = steps
            .flat_map(|step| &step.parts)
            .map(|part| counted(&part.cohort, part.timely + part.late + part.hung + part.doomed))
            .sum();
        let calling = self.deployments.iter().filter_map(|deployment| deployment.calling.as_ref());
        let parked = calling.flat_map(|calling| &calling.parked);
        let parked: u64 = parked.map(|parked| counted(&parked.cohort, parked.timely)).sum();
        let noticed: u64 = self.notices.iter().map(|n| counted(&n.cohort, n.cohort.n)).sum();
        let releases = self
            .demands
            .iter()
            .flat_map(|demand| demand.releases.iter().map(|release| (demand.first_lane, release)));
        let counted = |(lane, release): (usize, &Release)| {
            u64::from(wanted(lane, release.first_s)) * release.n
        };
        let releases: u64 = releases.map(counted).sum();
        moving + inside + parked + noticed + releases
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
        // What no balancer knows has nothing to do, and need not be waited for.
        let known = &self.deployments[deployment.index()].endpoints.listed;
        if known.contains(&(pod.index() as u32)) {
            self.settle(CHANGED_PACE);
        }
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
        self.any_above |= threshold_s < wait_s;
        self.least_threshold_s =
            self.pods.iter().map(|pod| pod.threshold_s).fold(f64::INFINITY, f64::min);
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

    fn near_saturation_s(&self) -> Option<f64> {
        Some(self.near_saturation_s)
    }

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }
}
