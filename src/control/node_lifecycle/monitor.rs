//! The node monitor: finds silent nodes, queues them for eviction, and stops evicting when too
//! much is down.
//!
//! Follows nodelifecycle/node_lifecycle_controller.go (monitorNodeHealth, handleDisruption,
//! doNoExecuteTaintingPass). A pass takes time: its [`workers`](super::workers) take the nodes one
//! after the other, and each call to the API server that a node needs holds one of them up; at the
//! end of the pass the zone states are recomputed. The eviction queue is worked every 100 ms in
//! between, so the first node queued of a failing zone may be evicted before the pass that stops
//! evictions has ended; recordings of real clusters show that.
//!
//! While every node is ready a pass changes nothing but the times at which leases were seen.
//! Those follow from the grid of passes, so quiet passes need not be run
//! ([`MonitorState::is_quiet`], [`MonitorState::pass_from`]).
//!
//! A kubelet that itself reports Ready=False keeps its pods Ready: the controller marks pods only
//! when it turns a Ready node Unknown (monitorNodeHealth compares the condition before and after
//! its own update, so a condition that the kubelet changed is no change to it).
//!
//! Left out: the wait of informers, retries of failed API calls, and the order of the nodes, which
//! upstream is that of a Go map, so another one in each pass; here it is always the same.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use crate::model::ids::{NodeId, PodId};
use crate::model::node::Condition;
use crate::units::{Span, Time};

use super::rate_limiter::RateLimiter;
use super::taint_eviction::TaintKey;
use super::workers::{ClientPolicy, Job, Next, Workers};
use super::zones::{EvictionPolicy, ZoneState, eviction_rate, zone_state};

/// A change of a node's taints: the Node object is read and patched
/// (pkg/controller/controller_utils.go).
const CALLS_PER_TAINT: u32 = 2;

/// The settings of the monitor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MonitorPolicy {
    /// From the end of one pass to the start of the next (--node-monitor-period).
    pub period: Span,
    /// Silence after which a node is unknown (--node-monitor-grace-period).
    pub grace: Span,
    /// The same for a node that has never reported (--node-startup-grace-period).
    pub startup_grace: Span,
    /// Rates and thresholds of eviction.
    pub eviction: EvictionPolicy,
    /// How often the eviction queues are worked (nodeEvictionPeriod).
    pub queue_period: Span,
    /// How long a pass takes besides its calls; positive, so that a pass that falls on the end of
    /// the grace period comes just after it.
    pub run_time: Span,
    /// Nodes that a pass deals with at once (nodeUpdateWorkerSize).
    pub workers: usize,
    /// How fast it may call the API server.
    pub client: ClientPolicy,
}

impl MonitorPolicy {
    /// Kubernetes up to 1.31: grace 40 s.
    pub const K8S_1_31: Self = Self {
        period: Span::from_secs(5),
        grace: Span::from_secs(40),
        startup_grace: Span::from_secs(60),
        eviction: EvictionPolicy {
            rate: 0.1,
            secondary_rate: 0.01,
            large_zone_above: 50,
            unhealthy_share: 0.55,
        },
        queue_period: Span::from_millis(100),
        // Recordings: 76 passes in 380.03 s.
        run_time: Span::from_millis(1),
        workers: 8,
        // Recordings show 17 to 18 ms from one call of a worker to the next.
        client: ClientPolicy { qps: 20.0, burst: 30, call_time: Span::from_millis(18) },
    };

    /// Kubernetes from 1.32: grace 50 s (PR 126287).
    pub const K8S_1_32: Self = Self { grace: Span::from_secs(50), ..Self::K8S_1_31 };
}

/// A Node object as the API server has it at the start of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeReport {
    /// Which node.
    pub node: NodeId,
    /// Its zone, counted from 0 in its cluster; all 0 in a cluster without zone labels.
    pub zone: usize,
    /// Its Ready condition; `None` = it has never reported.
    pub ready: Option<Condition>,
    /// When it was last heard of: its lease, its status, or its creation.
    pub heartbeat: Time,
    /// Its unreachable or not-ready taint with effect NoExecute.
    pub taint: Option<TaintKey>,
    /// Labelled node.kubernetes.io/exclude-disruption: not counted in its zone.
    pub excluded: bool,
}

/// What the monitor does to the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Sets Ready to Unknown. The NoSchedule taint follows at once.
    SetUnknown {
        /// The silent node.
        node: NodeId,
    },
    /// Sets Ready = False on a pod of a silent node, so that endpoints drop it.
    MarkPodNotReady {
        /// The pod.
        pod: PodId,
    },
    /// Gives the node this NoExecute taint, in place of the other one; toleration timers start.
    Taint {
        /// The node to evict from.
        node: NodeId,
        /// Why.
        key: TaintKey,
    },
    /// Takes the NoExecute taint away; toleration timers stop.
    Untaint {
        /// The node to keep.
        node: NodeId,
    },
    /// A zone changed its state, and with it how fast its nodes are evicted.
    SetZone {
        /// Which zone.
        zone: usize,
        /// Its new state.
        state: ZoneState,
    },
    /// Every zone is down: nothing is evicted any more.
    StopEvictions,
    /// Not every zone is down any more: every node gets a fresh grace period.
    ResumeEvictions,
}

/// What the monitor asks about the cluster.
pub trait ApiServer {
    /// Every Node object.
    fn nodes(&mut self) -> Vec<NodeReport>;

    /// When a listed node has last been heard of by now: leases are read when a worker comes to
    /// the node.
    fn heartbeat(&mut self, listed: &NodeReport) -> Time {
        listed.heartbeat
    }

    /// The pods of a node whose Ready condition is True.
    fn ready_pods(&mut self, node: NodeId) -> Vec<PodId>;
}

/// What a worker has done for a node.
#[derive(Clone, Copy, Debug)]
enum Deed {
    /// A change of the cluster.
    Act(Action),
    /// The node is in the queue of its zone, at its end.
    Queue(usize, NodeId),
}

/// A pass that is not over.
#[derive(Clone, Debug)]
struct Pass {
    /// The nodes, as they were listed at its start.
    listed: std::vec::IntoIter<NodeReport>,
    /// When it ends, once no worker is busy.
    ends: Option<Time>,
}

#[derive(Clone, Copy, Debug)]
struct NodeHealth {
    heartbeat: Time,
    /// When the monitor saw that heartbeat.
    seen_at: Time,
    /// Its taint at the start of the pass.
    taint: Option<TaintKey>,
    /// The pass that listed it last.
    pass: u64,
}

#[derive(Clone, Debug)]
struct Zone {
    state: ZoneState,
    limiter: RateLimiter,
    queue: VecDeque<NodeId>,
    n_ready: u32,
    n_not_ready: u32,
}

/// What the monitor of one cluster remembers between passes.
#[derive(Clone, Debug)]
pub struct MonitorState {
    policy: MonitorPolicy,
    nodes: BTreeMap<NodeId, NodeHealth>,
    zones: Vec<Zone>,
    workers: Workers<Deed>,
    /// The pass that is not over.
    pass: Option<Pass>,
    next_pass: Time,
    queue_phase: Time,
    n_passes: u64,
    quiet: bool,
}

impl MonitorState {
    /// A monitor whose first pass is due at `first_pass`; its eviction queues are worked on a grid
    /// through the same instant.
    #[must_use]
    pub fn new(policy: MonitorPolicy, first_pass: Time) -> Self {
        Self {
            policy,
            nodes: BTreeMap::new(),
            zones: Vec::new(),
            workers: Workers::new(policy.workers, policy.client, first_pass),
            pass: None,
            next_pass: first_pass,
            queue_phase: first_pass,
            n_passes: 0,
            quiet: false,
        }
    }

    /// The monitor of a controller manager that starts anew at `now`: it knows no node.
    #[must_use]
    pub fn restarted(&self, now: Time) -> Self {
        Self { queue_phase: self.queue_phase, ..Self::new(self.policy, now) }
    }

    /// The same with the queues worked on the grid through `phase`: the two loops of the
    /// controller drift apart.
    #[must_use]
    pub fn with_queue_phase(self, phase: Time) -> Self {
        Self { queue_phase: phase, ..self }
    }

    /// Did the last pass find every node ready and nothing queued? Then passes may be left out
    /// until something happens to a node.
    #[must_use]
    pub const fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// The first pass at or after `now`, if the passes until then are quiet ones.
    #[must_use]
    pub fn pass_from(&self, now: Time) -> Time {
        let period = self.policy.period + self.policy.run_time;
        self.next_pass.max(now).next_on_grid(self.next_pass, period)
    }

    /// Starts a pass or goes on with it, and returns when to call again: at the next answer that
    /// the pass waits for, at its end, or at the start of the next one.
    ///
    /// A silent node is set Unknown in the pass that finds it, but queued by the condition that it
    /// came with, so one pass later.
    pub fn advance(
        &mut self,
        now: Time,
        api: &mut impl ApiServer,
        actions: &mut Vec<Action>,
    ) -> Time {
        while let Some((at, worker)) = self.workers.answer(now) {
            self.work(at, worker, api, actions);
        }
        if self.pass.is_none() {
            self.begin_pass(now, api, actions);
        }
        let run_time = self.policy.run_time;
        let pass = self.pass.as_mut().expect("it is under way");
        if self.workers.are_busy() {
            return self.workers.next_answer().expect("a busy worker waits for an answer");
        }
        let ends = *pass.ends.get_or_insert(now + run_time);
        if now < ends { ends } else { self.end_pass(now, actions) }
    }

    fn begin_pass(&mut self, now: Time, api: &mut impl ApiServer, actions: &mut Vec<Action>) {
        self.n_passes += 1;
        self.quiet = true;
        for zone in &mut self.zones {
            (zone.n_ready, zone.n_not_ready) = (0, 0);
        }
        self.pass = Some(Pass { listed: api.nodes().into_iter(), ends: None });
        for worker in self.workers.all() {
            self.work(now, worker, api, actions);
        }
    }

    /// A worker of the pass goes on until it waits for an answer or no node is left.
    fn work(
        &mut self,
        now: Time,
        worker: usize,
        api: &mut impl ApiServer,
        actions: &mut Vec<Action>,
    ) {
        while let Some(next) = self.workers.go_on(worker, now) {
            match next {
                Next::Deed(Deed::Act(action)) => actions.push(action),
                Next::Deed(Deed::Queue(zone, node)) => self.zones[zone].put_last(node),
                Next::Free => {
                    let pass = self.pass.as_mut().expect("workers work in a pass");
                    let Some(report) = pass.listed.next() else { return };
                    let jobs = self.look_at(now, &report, api);
                    self.workers.give(worker, jobs);
                }
            }
        }
    }

    /// Ends a pass: recomputes zone states and rates. Returns when the next pass starts.
    fn end_pass(&mut self, now: Time, actions: &mut Vec<Action>) -> Time {
        self.pass = None;
        let pass = self.n_passes;
        self.nodes.retain(|_, health| health.pass == pass);
        self.next_pass = now + self.policy.period;
        self.handle_disruption(now, actions);
        self.quiet &= self.zones.iter().all(|zone| {
            matches!(zone.state, ZoneState::Normal | ZoneState::Initial) && zone.queue.is_empty()
        });
        self.next_pass
    }

    /// Whether a pass is under way.
    #[must_use]
    pub const fn is_in_pass(&self) -> bool {
        self.pass.is_some()
    }

    /// When a queue can be worked next with effect, on the grid of `queue_period`.
    #[must_use]
    pub fn queues_due(&self, now: Time) -> Option<Time> {
        let waiting = self.zones.iter().filter(|zone| !zone.queue.is_empty());
        let tokens = waiting.map(|zone| zone.limiter.next_token_at());
        let next = tokens.filter(|at| *at < Time::NEVER).min()?;
        Some(next.max(now).next_on_grid(self.queue_phase, self.policy.queue_period))
    }

    /// Works the eviction queues: taints as many nodes as there are tokens.
    ///
    /// `ready` gives a node's Ready condition as it is now; a node that is ready again takes a
    /// token and is left alone.
    pub fn work_queues(
        &mut self,
        now: Time,
        ready: impl Fn(NodeId) -> Condition,
        actions: &mut Vec<Action>,
    ) {
        for zone in &mut self.zones {
            while !zone.queue.is_empty() && zone.limiter.try_accept(now) {
                let node = zone.queue.pop_front().expect("the queue is not empty");
                if let Some(key) = taint_for(ready(node)) {
                    self.workers.take_tokens(now, CALLS_PER_TAINT);
                    actions.push(Action::Taint { node, key });
                }
            }
        }
    }

    /// What a worker that comes to a node has to do.
    fn look_at(
        &mut self,
        now: Time,
        report: &NodeReport,
        api: &mut impl ApiServer,
    ) -> Vec<Job<Deed>> {
        let node = report.node;
        let heartbeat = api.heartbeat(report);
        let first_seen = self.pass_from(heartbeat).min(now);
        let is_new = !self.nodes.contains_key(&node);
        let health = self.nodes.entry(node).or_insert(NodeHealth {
            heartbeat,
            // A node that never reported is counted from its creation.
            seen_at: if report.ready.is_some() { first_seen } else { heartbeat },
            taint: None,
            pass: 0,
        });
        if health.heartbeat < heartbeat {
            (health.heartbeat, health.seen_at) = (heartbeat, first_seen);
        }
        let never_reported = report.ready.is_none();
        let grace = if never_reported { self.policy.startup_grace } else { self.policy.grace };
        let silent = health.seen_at + grace < now;
        let current = if silent { Some(Condition::Unknown) } else { report.ready };
        health.pass = self.n_passes;
        health.taint = report.taint;
        let is_ready = current == Some(Condition::True);
        self.quiet &= is_ready && report.taint.is_none();
        self.know_zone(now, report.zone);
        let zone = &mut self.zones[report.zone];
        if !report.excluded {
            *(if is_ready { &mut zone.n_ready } else { &mut zone.n_not_ready }) += 1;
        }
        let mut jobs = Vec::new();
        let was_ready = report.ready == Some(Condition::True);
        if is_new && report.taint.is_some() && !is_ready {
            // A controller that starts takes the taints off every node that it sees first.
            jobs.push(Job::new(CALLS_PER_TAINT, Deed::Act(Action::Untaint { node })));
        }
        if current != report.ready {
            let deed = Deed::Act(Action::SetUnknown { node });
            jobs.push(Job { n_calls: 1, deed, event: was_ready, no_schedule: true });
        }
        if current.is_some() {
            jobs.extend(evict_or_keep(report, is_new));
        }
        if silent && was_ready {
            let mark = |pod| Deed::Act(Action::MarkPodNotReady { pod });
            let pods = api.ready_pods(node).into_iter();
            jobs.extend(pods.map(|pod| Job { event: true, ..Job::new(1, mark(pod)) }));
        }
        jobs
    }

    /// Makes the eviction queue of a zone that has not been seen before.
    fn know_zone(&mut self, now: Time, zone: usize) {
        while self.zones.len() <= zone {
            self.zones.push(Zone {
                state: ZoneState::Initial,
                limiter: RateLimiter::full(self.policy.eviction.rate, 1, now),
                queue: VecDeque::new(),
                n_ready: 0,
                n_not_ready: 0,
            });
        }
    }

    fn handle_disruption(&mut self, now: Time, actions: &mut Vec<Action>) {
        let policy = self.policy.eviction;
        let full = ZoneState::FullDisruption;
        let found = |zone: &Zone| zone_state(zone.n_ready, zone.n_not_ready, &policy);
        let mut listed = self.zones.iter().filter(|zone| 0 < zone.n_ready + zone.n_not_ready);
        if listed.clone().next().is_none() {
            return;
        }
        let all_were_full = listed.clone().all(|zone| zone.state == full);
        let all_are_full = listed.all(|zone| found(zone) == full);
        if all_were_full && all_are_full {
            return;
        }
        if all_are_full {
            self.stop_evictions(now, actions);
            return;
        }
        if all_were_full {
            self.nodes.values_mut().for_each(|health| health.seen_at = now);
            actions.push(Action::ResumeEvictions);
        }
        for (index, zone) in self.zones.iter_mut().enumerate() {
            let n_nodes = zone.n_ready + zone.n_not_ready;
            let state = found(zone);
            if n_nodes == 0 {
                // Forgotten; its next node finds a new queue.
                zone.state = ZoneState::Initial;
                zone.limiter = RateLimiter::full(policy.rate, 1, now);
            } else if state != zone.state || all_were_full {
                zone.state = state;
                zone.limiter.swap(eviction_rate(state, n_nodes, &policy), now);
                actions.push(Action::SetZone { zone: index, state });
            }
        }
    }

    /// Takes away the taints that the nodes had at the start of the pass (not those given since)
    /// and empties the queues.
    fn stop_evictions(&mut self, now: Time, actions: &mut Vec<Action>) {
        actions.push(Action::StopEvictions);
        for (&node, _) in self.nodes.iter().filter(|(_, health)| health.taint.is_some()) {
            self.workers.take_tokens(now, CALLS_PER_TAINT);
            actions.push(Action::Untaint { node });
        }
        for (index, zone) in self.zones.iter_mut().enumerate() {
            if zone.n_not_ready == 0 {
                continue;
            }
            zone.queue.clear();
            zone.limiter.swap(0.0, now);
            if zone.state != ZoneState::FullDisruption {
                zone.state = ZoneState::FullDisruption;
                actions.push(Action::SetZone { zone: index, state: zone.state });
            }
        }
    }
}

impl Zone {
    /// Queues a node at the end, whether or not it waits already.
    fn put_last(&mut self, node: NodeId) {
        // Passes keep the order, so that the node is at or near the front.
        if let Some(place) = self.queue.iter().position(|&other| other == node) {
            self.queue.remove(place);
        }
        self.queue.push_back(node);
    }
}

/// Decides about the NoExecute taint by the condition that the node came with; one that never
/// reported came with Unknown, as far as this rule goes.
///
/// A node that is seen first is queued even if it carries the taint, which was just taken off.
fn evict_or_keep(report: &NodeReport, is_new: bool) -> Option<Job<Deed>> {
    let node = report.node;
    let observed = report.ready.unwrap_or(Condition::Unknown);
    let queue = Job::new(0, Deed::Queue(report.zone, node));
    match (taint_for(observed), report.taint) {
        (None, None) => None,
        (None, Some(_)) => Some(Job::new(CALLS_PER_TAINT, Deed::Act(Action::Untaint { node }))),
        (Some(_), None) => Some(queue),
        (Some(key), Some(taint)) if key == taint => is_new.then_some(queue),
        // One taint is added, the other one removed.
        (Some(key), Some(_)) => {
            Some(Job::new(2 * CALLS_PER_TAINT, Deed::Act(Action::Taint { node, key })))
        }
    }
}

/// The NoExecute taint of a node in this condition.
#[must_use]
pub const fn taint_for(ready: Condition) -> Option<TaintKey> {
    match ready {
        Condition::True => None,
        Condition::False => Some(TaintKey::NotReady),
        Condition::Unknown => Some(TaintKey::Unreachable),
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SetUnknown { .. } => f.write_str("silent for the grace period"),
            Self::MarkPodNotReady { .. } => f.write_str("pod of a node that is not ready"),
            Self::Taint { key: TaintKey::NotReady, .. } => f.write_str("evicted: not ready"),
            Self::Taint { key: TaintKey::Unreachable, .. } => f.write_str("evicted: unreachable"),
            Self::Taint { .. } => f.write_str("evicted: out of service"),
            Self::Untaint { .. } => f.write_str("no longer evicted"),
            Self::SetZone { zone, state } => write!(f, "zone {zone} {state}"),
            Self::StopEvictions => f.write_str("every zone is down, evictions stop"),
            Self::ResumeEvictions => f.write_str("a zone is back, evictions may go on"),
        }
    }
}
