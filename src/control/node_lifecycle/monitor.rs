//! The node monitor: finds silent nodes, queues them for eviction, and stops evicting when too
//! much is down.
//!
//! Follows nodelifecycle/node_lifecycle_controller.go (monitorNodeHealth, handleDisruption,
//! doNoExecuteTaintingPass). One pass has two instants, because it takes time: at its start nodes
//! are looked at and queued, at its end the zone states are recomputed. The eviction queue is
//! worked every 100 ms in between, so the first node queued of a failing zone may be evicted
//! before the pass that stops evictions has ended; recordings of real clusters show that.
//!
//! While every node is ready a pass changes nothing but the times at which leases were seen.
//! Those follow from the grid of passes, so quiet passes need not be run
//! ([`MonitorState::is_quiet`], [`MonitorState::pass_from`]).
//!
//! A kubelet that itself reports Ready=False keeps its pods Ready: the controller marks pods only
//! when it turns a Ready node Unknown (monitorNodeHealth compares the condition before and after
//! its own update, so a condition that the kubelet changed is no change to it).
//!
//! Left out: the wait of informers and retries of failed API calls.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use crate::model::ids::NodeId;
use crate::model::node::Condition;
use crate::units::{Span, Time};

use super::rate_limiter::RateLimiter;
use super::taint_eviction::TaintKey;
use super::zones::{EvictionPolicy, ZoneState, eviction_rate, zone_state};

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
    /// How long a pass takes that changes nothing; positive, so that a pass that falls on the
    /// end of the grace period comes just after it.
    pub run_time: Span,
    /// What each node adds whose condition changes: API calls for it and its pods (recordings:
    /// 0.04 s for two nodes, 0.08 s for three; 0.46 s for five, by the client's rate limit, which
    /// is left out).
    pub run_time_per_change: Span,
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
        run_time: Span::from_millis(10),
        run_time_per_change: Span::from_millis(20),
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
    /// Sets Ready = False on all pods of the node, so that endpoints drop them.
    MarkPodsNotReady {
        /// Their node.
        node: NodeId,
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
    next_pass: Time,
    queue_phase: Time,
    n_passes: u64,
    quiet: bool,
}

impl MonitorState {
    /// A monitor whose first pass is due at `first_pass`; its eviction queues are worked on a grid
    /// through the same instant.
    #[must_use]
    pub const fn new(policy: MonitorPolicy, first_pass: Time) -> Self {
        Self {
            policy,
            nodes: BTreeMap::new(),
            zones: Vec::new(),
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

    /// Starts a pass: looks at every node and queues those to evict. Returns when the pass ends.
    ///
    /// `reports` lists every Node object. A silent node is set Unknown now, but queued by the
    /// condition that it came with, so one pass later.
    pub fn begin_pass(
        &mut self,
        now: Time,
        reports: &[NodeReport],
        actions: &mut Vec<Action>,
    ) -> Time {
        self.n_passes += 1;
        self.quiet = true;
        let mut waiting = Vec::new();
        for zone in &mut self.zones {
            (zone.n_ready, zone.n_not_ready) = (0, 0);
            // Every node that still waits is queued again below.
            waiting.push(std::mem::take(&mut zone.queue));
        }
        let n_before = actions.len();
        for report in reports {
            self.look_at(now, report, actions);
        }
        let pass = self.n_passes;
        self.nodes.retain(|_, health| health.pass == pass);
        for (zone, waiting) in self.zones.iter_mut().zip(waiting) {
            // The entry of a node that was deleted stays, ahead of the others, and costs a token.
            let deleted = waiting.into_iter().filter(|node| !self.nodes.contains_key(node));
            for node in deleted.rev() {
                zone.queue.push_front(node);
            }
        }
        let changed = |action: &&Action| matches!(action, Action::SetUnknown { .. });
        let n_changes = actions[n_before..].iter().filter(changed).count();
        let n_changes = i64::try_from(n_changes).expect("nodes are counted in 32 bits");
        now + self.policy.run_time + self.policy.run_time_per_change * n_changes
    }

    /// Ends a pass: recomputes zone states and rates. Returns when the next pass starts.
    pub fn end_pass(&mut self, now: Time, actions: &mut Vec<Action>) -> Time {
        self.next_pass = now + self.policy.period;
        self.handle_disruption(now, actions);
        self.quiet &= self.zones.iter().all(|zone| {
            matches!(zone.state, ZoneState::Normal | ZoneState::Initial) && zone.queue.is_empty()
        });
        self.next_pass
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
                    actions.push(Action::Taint { node, key });
                }
            }
        }
    }

    fn look_at(&mut self, now: Time, report: &NodeReport, actions: &mut Vec<Action>) {
        let node = report.node;
        let first_seen = self.pass_from(report.heartbeat).min(now);
        let is_new = !self.nodes.contains_key(&node);
        let health = self.nodes.entry(node).or_insert(NodeHealth {
            heartbeat: report.heartbeat,
            // A node that never reported is counted from its creation.
            seen_at: if report.ready.is_some() { first_seen } else { report.heartbeat },
            taint: None,
            pass: 0,
        });
        if health.heartbeat < report.heartbeat {
            (health.heartbeat, health.seen_at) = (report.heartbeat, first_seen);
        }
        let never_reported = report.ready.is_none();
        let grace = if never_reported { self.policy.startup_grace } else { self.policy.grace };
        let silent = health.seen_at + grace < now;
        let current = if silent { Some(Condition::Unknown) } else { report.ready };
        if current != report.ready {
            actions.push(Action::SetUnknown { node });
        }
        if silent && report.ready == Some(Condition::True) {
            actions.push(Action::MarkPodsNotReady { node });
        }
        health.pass = self.n_passes;
        health.taint = report.taint;
        let is_ready = current == Some(Condition::True);
        self.quiet &= is_ready && report.taint.is_none();
        self.know_zone(now, report.zone);
        if is_new && report.taint.is_some() && !is_ready {
            // A controller that starts takes the taints off every node that it sees first.
            actions.push(Action::Untaint { node });
        }
        if current.is_some() {
            self.queue(report, is_new, actions);
        }
        let zone = &mut self.zones[report.zone];
        if !report.excluded {
            *(if is_ready { &mut zone.n_ready } else { &mut zone.n_not_ready }) += 1;
        }
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

    /// Decides about the NoExecute taint by the condition that the node came with; one that never
    /// reported came with Unknown, as far as this rule goes.
    ///
    /// A node that is seen first is queued even if it carries the taint, which was just taken off.
    fn queue(&mut self, report: &NodeReport, is_new: bool, actions: &mut Vec<Action>) {
        let node = report.node;
        let observed = report.ready.unwrap_or(Condition::Unknown);
        match (taint_for(observed), report.taint) {
            (None, None) => {}
            (None, Some(_)) => actions.push(Action::Untaint { node }),
            (Some(_), None) => self.zones[report.zone].queue.push_back(node),
            (Some(key), Some(taint)) if key == taint => {
                if is_new {
                    self.zones[report.zone].queue.push_back(node);
                }
            }
            (Some(key), Some(_)) => actions.push(Action::Taint { node, key }),
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
        let tainted = self.nodes.iter().filter(|(_, health)| health.taint.is_some());
        actions.extend(tainted.map(|(&node, _)| Action::Untaint { node }));
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
            Self::MarkPodsNotReady { .. } => f.write_str("pods of a node that is not ready"),
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
