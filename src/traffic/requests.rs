//! The exact engine: every request is simulated, and none costs an event.
//!
//! A window is run in slices. In a slice, first every demand sends (`dispatch`): its users in
//! order, merged with their retries, into one *lane* per demand and cluster; latency is constant
//! on a lane, so a lane is a FIFO queue. Then arrivals are taken from the lanes in time order
//! (`arrive`): balancer, queue, workers. Then outcomes that fall into the slice are booked
//! (`outcomes`). Answers are read off the pods' rings; everything that a client must act on
//! (failures, and answers to closed-loop clients) waits for its instant as a notice.
//!
//! A slice ends before anything could be sent because of what arrives in it: that nothing fails at
//! once is assumed, and where something does, the slice is cut short and later sends are taken
//! back. What clients send because of earlier arrivals is known when it begins. So order in time
//! is kept although sending and serving are separate loops. How time is sliced changes no bit of
//! the result.

mod arrive;
mod dispatch;
mod endings;
mod gates;
mod least;
mod notices;
mod outcomes;
mod plain;
mod settle;

use std::sync::OnceLock;

use crate::model::ids::{DeploymentId, GateId, PodId};
use crate::sim::sampler::Sampler;
use crate::sim::streams::Stream;
use crate::units::{Span, Time};

use super::arrivals::Source;
use super::gate::{Gate, GateReading, NOWHERE, UserPart};
use super::ledger::{Ledger, Reason};
use super::plan::{Arrivals, Balancer, DemandPlan, DeploymentPlan, OnTimeout, TrafficPlan};
use super::pods::{Pod, Process};
use super::retries::{Backoff, Bucket, Release, TURNAROUND_S};
use super::ring::{ARMED, BOOKED, Entry};
use super::routing::Routing;
use super::wheel::Wheel;
use super::{Advance, Kill, Traffic, kiefer_wolfowitz};

use arrive::Arrived;
pub(super) use arrive::nanosecond_after;
use gates::Passing;
use notices::{Notice, Notices};

/// The exact engine; see the module page.
#[derive(Clone, Debug)]
pub struct Requests {
    now: Time,
    end: Time,
    n_clusters: usize,
    demands: Vec<Demand>,
    /// By demand, then cluster.
    lanes: Vec<Lane>,
    /// By lane: first sends of users, then what is sent because of outcomes.
    transits: Vec<[Transit; 2]>,
    deployments: Vec<Deployment>,
    /// By `GateId`.
    gates: Vec<Gate>,
    /// By `DeploymentId`.
    passings: Vec<Vec<Passing>>,
    /// By `PodId`.
    pods: Vec<Pod>,
    /// Outcomes that a client must act on.
    notices: Notices,
    /// Notices made in this slice; filed at its end.
    fresh_notices: Vec<Notice>,
    /// Notices of earlier slices that are due in this one.
    due_notices: Vec<Notice>,
    /// Retries, and next requests of closed-loop clients.
    releases: Wheel<Release>,
    /// Retries that the budget refused in this slice.
    denied: Vec<Release>,
    /// The account but for what is [put off](settle).
    ledger: Ledger,
    /// The whole account, if somebody asked since anything happened.
    account: OnceLock<Ledger>,
    lengths: SliceLengths,
    /// By demand: what clients send in this slice because of outcomes, in order of time.
    due_releases: Vec<Vec<Release>>,
    lists: plain::Lists,
}

/// A demand at run time.
#[derive(Clone, Debug)]
pub(super) struct Demand {
    pub(super) source: Source,
    pub(super) edge_stream: Stream,
    pub(super) backoff: Backoff,
    pub(super) budget: Option<Bucket>,
    /// The budget at the begin of the slice.
    pub(super) budget_before: Option<Bucket>,
    pub(super) closed_loop: Option<ClosedLoop>,
    pub(super) pops: Vec<u32>,
    pub(super) client_to_pop_s: f64,
    pub(super) attempt_timeout_s: f64,
    pub(super) deadline_s: f64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct ClosedLoop {
    pub(super) clients: u64,
    pub(super) users: u64,
    pub(super) pause_s: f64,
}

/// The way of one demand to one cluster.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub(super) demand: u32,
    pub(super) cluster: u32,
    pub(super) deployment: Option<u32>,
    /// Client to pod [s]; the way back takes as long.
    pub(super) one_way_s: f64,
    /// From send to the client's or the edge's time-out, whichever comes first [s].
    pub(super) patience_s: f64,
    /// Why an attempt ends at its patience.
    pub(super) patience_reason: Reason,
    /// From the first send to the user's deadline [s].
    pub(super) deadline_s: f64,
    pub(super) closed_loop: bool,
    /// Whether its deployment keeps the instants at which it accepts writes.
    pub(super) counts_writes: bool,
    /// The requests that write.
    pub(super) writes: UserPart,
    pub(super) pod_stream: Stream,
    pub(super) service_stream: Stream,
    pub(super) part_stream: Stream,
    pub(super) grey_stream: Stream,
}

impl Lane {
    /// Whether the request `key` writes; all its attempts do as the first.
    pub(super) fn is_write(&self, key: u64) -> bool {
        self.writes.contains(self.part_bits(key))
    }
}

/// The attempts in transit on a lane, by arrival; those before `next` have arrived.
#[derive(Clone, Debug, Default)]
struct Transit {
    attempts: Vec<Attempt>,
    next: usize,
}

impl Transit {
    fn waiting(&self) -> &[Attempt] {
        &self.attempts[self.next..]
    }

    /// When the next attempt arrives [s]; infinity if none is on its way.
    #[inline]
    fn head_s(&self) -> f64 {
        self.attempts.get(self.next).map_or(f64::INFINITY, |attempt| attempt.arrival_s)
    }

    /// Forgets what has arrived, once that is the larger part.
    fn compact(&mut self) {
        if self.attempts.len() < 2 * self.next {
            self.attempts.drain(..self.next);
            self.next = 0;
        }
    }
}

/// An attempt on its way to a cluster.
#[derive(Clone, Copy, Debug)]
struct Attempt {
    send_s: f64,
    arrival_s: f64,
    first_s: f64,
    give_up_s: f64,
    key: u64,
}

impl Attempt {
    /// Whether the client gives up before the attempt arrives.
    #[inline]
    fn abandoned(&self) -> bool {
        self.give_up_s <= self.arrival_s
    }
}

#[derive(Clone, Debug)]
struct Deployment {
    workers: u16,
    queue: usize,
    speed: f64,
    sampler: Sampler,
    on_timeout: OnTimeout,
    balancer: Balancer,
    stale_failures: u32,
    /// Next endpoint in turn.
    turn: usize,
    /// Whether all endpoints of the window are processes that serve, and there are some.
    endpoints_run: bool,
}

/// How long slices are. Each tries what the last one reached, and a quarter more if that was not
/// cut short.
#[derive(Clone, Copy, Debug)]
struct SliceLengths {
    /// Within this, no client acts on what happens in the slice [s].
    sure_s: f64,
    /// Holds [`SLICE_SENDS`] [s].
    full_s: f64,
    next_s: f64,
}

/// First sends of a full slice, which stay in the caches.
const SLICE_SENDS: f64 = 512.0;

/// So many that little is left to be put in order.
const RELEASE_BUCKETS_PER_S: f64 = 16_384.0;

/// A little less than clients wait at least, so that rounding cannot overtake a bound.
const REACTION_PART: f64 = 0.999;

impl SliceLengths {
    fn new(sure_s: f64, full_s: f64) -> Self {
        let sure_s = (REACTION_PART * sure_s).min(full_s);
        Self { sure_s, full_s, next_s: sure_s }
    }

    /// A slice got so far [s].
    fn reached(&mut self, length_s: f64, was_cut: bool) {
        let next_s = if was_cut { length_s } else { 1.25 * self.next_s };
        self.next_s = next_s.clamp(self.sure_s, self.full_s);
    }
}

impl Requests {
    /// An engine at the start of `plan`, without any pod.
    ///
    /// # Panics
    /// If the plan is out of its limits; a checked scenario never is.
    #[must_use]
    pub fn new(plan: &TrafficPlan) -> Self {
        let start_s = plan.start.as_secs_f64();
        let demands: Vec<_> = plan.demands.iter().map(|d| Demand::new(plan, d)).collect();
        let lanes = plan
            .demands
            .iter()
            .enumerate()
            .flat_map(|(d, demand)| {
                (0..plan.n_clusters).map(move |c| Lane::new(plan, d, demand, c))
            })
            .collect::<Vec<_>>();
        assert!(lanes.len() <= usize::from(u16::MAX), "at most 65,535 pairs of demand and cluster");
        let peak: f64 = demands.iter().map(|demand| demand.source.peak_rate()).sum();
        let least_reaction_s = REACTION_PART * least_reaction_s(&demands);
        let seconds = plan.end.as_secs_f64().max(0.0).ceil() as usize + 1;
        let mut requests = Self {
            now: plan.start,
            end: plan.end,
            n_clusters: plan.n_clusters,
            deployments: plan.deployments.iter().map(Deployment::new).collect(),
            gates: plan.gates.iter().map(|gate| Gate::new(gate, start_s)).collect(),
            passings: gates::passings(&plan.gates, plan.deployments.len()),
            pods: Vec::new(),
            notices: Notices::new(lanes.len(), start_s),
            fresh_notices: Vec::new(),
            due_notices: Vec::new(),
            releases: Wheel::new(start_s, RELEASE_BUCKETS_PER_S),
            denied: Vec::new(),
            ledger: Ledger::new(
                plan.demands.len(),
                plan.deployments.len(),
                seconds,
                plan.record_waits,
            ),
            account: OnceLock::new(),
            lengths: SliceLengths::new(
                least_notice_s(&demands, &lanes) + least_reaction_s,
                SLICE_SENDS / peak.max(1e-3),
            ),
            due_releases: vec![Vec::new(); demands.len()],
            lists: plain::Lists::default(),
            demands,
            transits: vec![Default::default(); lanes.len()],
            lanes,
        };
        for (index, demand) in plan.demands.iter().enumerate() {
            requests.start_clients(index, demand);
        }
        requests
    }

    /// First requests of closed-loop clients, spread over one pause.
    fn start_clients(&mut self, index: usize, plan: &DemandPlan) {
        let Arrivals::ClosedLoop { clients, begin, .. } = plan.arrivals else { return };
        let closed = self.demands[index].closed_loop.expect("made of the same plan");
        for client in 0..clients {
            let share = f64::from(client) / f64::from(clients);
            let time_s = begin.as_secs_f64() + share * closed.pause_s;
            self.releases.push(Release {
                time_s,
                first_s: time_s,
                key: u64::from(client) << 4,
                demand: index as u32,
                reason: 0,
                foreseen: false,
            });
        }
    }

    /// Finds out which deployments have only endpoints that serve, for the window that begins.
    fn look_at_endpoints(&mut self, routing: &Routing) {
        for (deployment, endpoints) in self.deployments.iter_mut().zip(&routing.endpoints) {
            let runs = |pod: &PodId| {
                self.pods.get(pod.index()).is_some_and(|pod| pod.process == Process::Runs)
            };
            deployment.endpoints_run = !endpoints.is_empty() && endpoints.iter().all(runs);
        }
    }

    /// Users with neither answer nor final failure, counted where they are.
    fn count_in_flight(&self) -> u64 {
        let counts = |first_s: f64| u64::from(0.0 <= first_s);
        let in_transit = self.transits.iter().flatten().flat_map(Transit::waiting);
        let in_transit = in_transit.filter(|a| !a.abandoned()).map(|a| counts(a.first_s));
        let in_pods = self.pods.iter().flat_map(|pod| pod.ring.iter());
        let now_s = self.now.as_secs_f64();
        let told = |e: &Entry| {
            e.has(ARMED) && e.outcome_s(self.lanes[usize::from(e.lane)].one_way_s) < now_s
        };
        let in_pods = in_pods.filter(|e| !e.has(BOOKED) && !told(e)).map(|e| counts(e.first_s));
        let failing = self.notices.iter().filter(|n| n.pod == NOWHERE);
        let failing = failing.map(|n| counts(n.first_s));
        let retrying = self.releases.iter().filter(|r| !r.is_first()).map(|r| counts(r.first_s));
        in_transit.chain(in_pods).chain(failing).chain(retrying).sum()
    }

    fn pod(&self, pod: PodId) -> Option<&Pod> {
        self.pods.get(pod.index())
    }

    fn pod_mut(&mut self, pod: PodId) -> &mut Pod {
        while self.pods.len() <= pod.index() {
            self.pods.push(Pod::absent());
        }
        &mut self.pods[pod.index()]
    }
}

impl Traffic for Requests {
    fn now(&self) -> Time {
        self.now
    }

    fn advance(&mut self, to: Time, routing: &Routing) -> Advance {
        assert!(self.now <= to && to <= self.end, "{} to {to} is not in the run", self.now);
        self.account.take();
        self.set_limits(routing);
        self.look_at_endpoints(routing);
        let mut to = to;
        let mut slow_pod = None;
        let mut now_s = self.now.as_secs_f64();
        while now_s < to.as_secs_f64() {
            let planned_s = to.as_secs_f64().min(now_s + self.lengths.next_s);
            self.foresee(planned_s);
            self.dispatch(planned_s, routing);
            let Arrived { upto_s, stop } = self.arrive(planned_s, routing);
            self.lengths.reached(upto_s - now_s, upto_s < planned_s);
            if let (Some((instant, pod)), None) = (stop, slow_pod) {
                slow_pod = Some(pod);
                to = to.min(instant);
            }
            now_s = upto_s.min(to.as_secs_f64());
            if now_s < planned_s {
                self.take_back_sends(now_s);
            }
            self.book_notices(now_s);
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
        let Deployment { workers, speed, .. } = self.deployments[deployment.index()];
        let process = self.pod_mut(pod);
        assert!(matches!(process.process, Process::Gone(_)), "{pod:?} runs already");
        process.start(deployment.index() as u32, workers, speed, now_s);
    }

    fn kill_pod(&mut self, pod: PodId, how: Kill) {
        self.account.take();
        self.kill(pod.index(), how);
    }

    fn drain_pod(&mut self, pod: PodId) -> Time {
        self.drain(pod.index())
    }

    fn sever_pod(&mut self, pod: PodId, how: Kill) {
        self.account.take();
        self.sever(pod.index(), how);
    }

    fn set_speed(&mut self, pod: PodId, speed: f64) {
        assert!(0.0 < speed && speed.is_finite(), "a speed is positive: {speed}");
        self.account.take();
        self.change_speed(pod.index(), speed);
    }

    fn virtual_wait_s(&self, pod: PodId) -> f64 {
        match self.pod(pod) {
            Some(pod) if !matches!(pod.process, Process::Gone(_)) => {
                (pod.free_s[0] - self.now.as_secs_f64()).max(0.0)
            }
            _ => f64::INFINITY,
        }
    }

    fn watch(&mut self, pod: PodId, threshold: Option<Span>) {
        let threshold_s = threshold.map_or(f64::INFINITY, Span::as_secs_f64);
        self.pod_mut(pod).threshold_s = threshold_s;
    }

    fn busy_s(&self, pod: PodId) -> f64 {
        let Some(pod) = self.pod(pod) else { return 0.0 };
        pod.busy_ns(self.now.as_secs_f64()) as f64 / 1e9
    }

    fn in_flight(&self, pod: PodId) -> u32 {
        self.pod(pod).map_or(0, |pod| pod.in_system(self.now.as_secs_f64()) as u32)
    }

    fn accepted(&self, pod: PodId) -> u64 {
        self.pod(pod).map_or(0, |pod| pod.ring.tail as u64)
    }

    fn gate(&self, gate: GateId) -> GateReading {
        self.gate_reading(gate.index())
    }

    fn arrived(&self, deployment: DeploymentId) -> u64 {
        self.ledger.deployment(deployment).arrived_ever()
    }

    fn ledger(&self) -> &Ledger {
        self.account.get_or_init(|| self.settled())
    }
}

impl Demand {
    pub(super) fn new(plan: &TrafficPlan, demand: &DemandPlan) -> Self {
        assert!(!demand.pops.is_empty(), "{}: users need an edge location", demand.name);
        let stream = |purpose| Stream::new(plan.seed, plan.trial, purpose, &demand.name);
        let start_s = plan.start.as_secs_f64();
        let closed_loop = match demand.arrivals {
            Arrivals::ClosedLoop { clients, requests, pause, .. } => Some(ClosedLoop {
                clients: u64::from(clients),
                users: u64::from(clients) * u64::from(requests),
                pause_s: pause.as_secs_f64().max(TURNAROUND_S),
            }),
            _ => None,
        };
        let budget = demand.retries.budget.map(|budget| Bucket::new(budget, start_s));
        Self {
            source: Source::new(&demand.arrivals, stream("arrival"), start_s),
            edge_stream: stream("edge"),
            backoff: Backoff::new(&demand.retries, stream("back-off")),
            budget,
            budget_before: budget,
            closed_loop,
            pops: demand.pops.iter().map(|pop| pop.index() as u32).collect(),
            client_to_pop_s: demand.client_to_pop.as_secs_f64(),
            attempt_timeout_s: demand.attempt_timeout.as_secs_f64(),
            deadline_s: demand.deadline.map_or(f64::INFINITY, Span::as_secs_f64),
        }
    }

    /// What a client of this demand, which is number `index`, sends after `notice` that its
    /// attempt has failed for `reason`; `None` if it gives up.
    #[inline]
    fn retry(&self, index: u32, notice: &Notice, reason: Reason) -> Option<Release> {
        let Notice { first_s, key, .. } = *notice;
        let time_s = notice.time_s + self.backoff.after(key)?;
        let in_time = time_s < first_s + self.deadline_s;
        in_time.then_some(Release {
            time_s,
            first_s,
            key: key + 1,
            demand: index,
            reason: reason as u8,
            foreseen: false,
        })
    }

    /// When a client sends again because of `notice`, at the earliest [s].
    fn acts_s(&self, notice: &Notice) -> f64 {
        let retry_s = self.backoff.after(notice.key).unwrap_or(f64::INFINITY);
        notice.time_s + retry_s.min(self.pause_s())
    }

    /// From an outcome to the next request of a client of a closed loop [s]; others have none.
    fn pause_s(&self) -> f64 {
        self.closed_loop.map_or(f64::INFINITY, |closed| closed.pause_s)
    }

    /// Whether an outcome makes clients send again.
    const fn reacts(&self) -> bool {
        self.backoff.retries() || self.closed_loop.is_some()
    }
}

impl Lane {
    pub(super) fn new(
        plan: &TrafficPlan,
        index: usize,
        demand: &DemandPlan,
        cluster: usize,
    ) -> Self {
        let client_to_pop_s = demand.client_to_pop.as_secs_f64();
        let timeout_s = demand.attempt_timeout.as_secs_f64();
        let edge_s = 2.0 * client_to_pop_s + demand.origin_response_timeout.as_secs_f64();
        let serves =
            |d: &DeploymentPlan| d.cluster.index() == cluster && d.workload == demand.workload;
        let deployment = plan.deployments.iter().position(serves);
        let patience_reason =
            if edge_s < timeout_s { Reason::OriginTimeout } else { Reason::Timeout };
        let stream = |purpose| Stream::new(plan.seed, plan.trial, purpose, &demand.name);
        Self {
            demand: index as u32,
            cluster: cluster as u32,
            deployment: deployment.map(|d| d as u32),
            one_way_s: client_to_pop_s + demand.pop_to_cluster[cluster].as_secs_f64(),
            patience_s: timeout_s.min(edge_s),
            patience_reason,
            deadline_s: demand.deadline.map_or(f64::INFINITY, Span::as_secs_f64),
            closed_loop: matches!(demand.arrivals, Arrivals::ClosedLoop { .. }),
            counts_writes: deployment.is_some_and(|d| plan.deployments[d].counts_writes),
            writes: UserPart::share(demand.writes),
            pod_stream: stream("pod"),
            service_stream: stream("service"),
            part_stream: stream("part-of-users"),
            grey_stream: stream("grey-request"),
        }
    }
}

impl Lane {
    /// The bits that say to which part of the users the user of an attempt belongs.
    pub(super) fn part_bits(&self, key: u64) -> u32 {
        (self.part_stream.at(key & !15) >> 32) as u32
    }
}

impl Deployment {
    fn new(plan: &DeploymentPlan) -> Self {
        assert!((1..=kiefer_wolfowitz::WORKERS_MAX).contains(&plan.workers), "1 to 64 workers");
        assert!(0.0 < plan.speed && plan.speed.is_finite(), "a speed is positive");
        Self {
            workers: plan.workers,
            queue: plan.queue as usize,
            speed: plan.speed,
            sampler: Sampler::new(&plan.law),
            on_timeout: plan.on_timeout,
            balancer: plan.balancer,
            stale_failures: plan.stale_failures,
            turn: 0,
            endpoints_run: false,
        }
    }
}

/// A lower bound on the time from sending or arriving to a notice [s].
fn least_notice_s(demands: &[Demand], lanes: &[Lane]) -> f64 {
    let reacting = |lane: &&Lane| demands[lane.demand as usize].reacts();
    lanes.iter().filter(reacting).fold(f64::INFINITY, |least, lane| {
        let edge_s = 2.0 * demands[lane.demand as usize].client_to_pop_s;
        let after_arrival_s = lane.patience_s - lane.one_way_s;
        let arrived_s = if 0.0 < after_arrival_s { after_arrival_s } else { f64::INFINITY };
        least.min(edge_s).min(lane.one_way_s).min(lane.patience_s).min(arrived_s)
    })
}

/// The least time from a notice to the send that it causes [s].
fn least_reaction_s(demands: &[Demand]) -> f64 {
    demands.iter().filter(|demand| demand.reacts()).fold(f64::INFINITY, |least, demand| {
        let retry_s =
            if demand.backoff.retries() { demand.backoff.least_s() } else { f64::INFINITY };
        least.min(retry_s).min(demand.pause_s())
    })
}
