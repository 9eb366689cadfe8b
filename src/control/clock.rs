//! The control plane's clock: one timer for each event, armed and disarmed by the event itself.
//!
//! Finding the timer of an event is two array look-ups, so that arming costs what the tournament
//! tree costs. The timers of pods and nodes are made on first use and given back when the thing
//! is gone. What comes again after the same period all the time, most of all events, goes in
//! [`rounds`](super::rounds) beside the tree.

use crate::model::event::{Event, ProbeKind};
use crate::model::ids::{HpaId, NodeId, PodId};
use crate::sim::timers::{TimerId, Timers};
use crate::units::Time;

use super::rounds::Rounds;

/// The armed events of a run, popped by time, then class, then timer.
#[derive(Debug)]
pub struct Clock {
    timers: Timers<Event>,
    slots: Vec<Vec<Option<TimerId>>>,
    n_clusters: usize,
    /// At one instant a round comes before the tree's timers of its class.
    rounds: [Rounds; ROUNDS.len()],
}

/// What goes in rounds, in order of class: the event of an index.
const ROUNDS: [fn(usize) -> Event; 3] = [
    |index| Event::KubeletStats(NodeId::new(index)),
    |index| Event::HpaSync(HpaId::new(index)),
    |_| Event::Observe,
];

/// The round that an event goes in, and its index there.
const fn round_of(event: Event) -> Option<(usize, usize)> {
    match event {
        Event::KubeletStats(id) => Some((0, id.index())),
        Event::HpaSync(id) => Some((1, id.index())),
        Event::Observe => Some((2, 0)),
        _ => None,
    }
}

const N_KINDS: usize = 42;

impl Clock {
    /// An empty clock for a world of `n_clusters` clusters.
    #[must_use]
    pub fn new(n_clusters: usize) -> Self {
        Self {
            timers: Timers::new(),
            slots: vec![Vec::new(); N_KINDS],
            n_clusters,
            rounds: Default::default(),
        }
    }

    /// Makes the timer of `event` without arming it.
    ///
    /// Events at one instant and of one class happen in the order of their timers. Timers made
    /// together with the thing they belong to, whether they are ever armed or not, keep that
    /// order the same however lazily they are armed.
    pub fn register(&mut self, event: Event) {
        if round_of(event).is_some() {
            return;
        }
        let (kind, index) = self.place(event);
        let slots = &mut self.slots[kind];
        if slots.len() <= index {
            slots.resize(index + 1, None);
        }
        slots[index].get_or_insert_with(|| self.timers.add(event.class(), event));
    }

    /// Makes all timers of a new pod.
    pub fn register_pod(&mut self, pod: PodId) {
        for event in pod_events(pod) {
            self.register(event);
        }
        self.register(Event::EndpointsChange(pod));
    }

    /// Makes all timers of a new node.
    pub fn register_node(&mut self, node: NodeId) {
        for event in node_events(node) {
            self.register(event);
        }
    }

    /// Arms `event` for `at`, instead of any instant that it was armed for before.
    pub fn arm(&mut self, event: Event, at: Time) {
        if let Some((round, index)) = round_of(event) {
            self.rounds[round].arm(index, at);
            return;
        }
        self.register(event);
        let (kind, index) = self.place(event);
        let timer = self.slots[kind][index].expect("just registered");
        self.timers.set(timer, at);
    }

    /// Arms `event` for `at` unless it is armed for an earlier instant.
    pub fn arm_by(&mut self, event: Event, at: Time) {
        if self.armed_for(event).is_none_or(|armed| at < armed) {
            self.arm(event, at);
        }
    }

    /// Makes sure that `event` does not happen.
    pub fn disarm(&mut self, event: Event) {
        if let Some((round, index)) = round_of(event) {
            self.rounds[round].arm(index, Time::NEVER);
            return;
        }
        let (kind, index) = self.place(event);
        if let Some(Some(timer)) = self.slots[kind].get(index) {
            self.timers.cancel(*timer);
        }
    }

    /// The instant that `event` is armed for.
    #[must_use]
    pub fn armed_for(&self, event: Event) -> Option<Time> {
        if let Some((round, index)) = round_of(event) {
            return self.rounds[round].armed_for(index);
        }
        let (kind, index) = self.place(event);
        let timer = (*self.slots[kind].get(index)?)?;
        Some(self.timers.time_of(timer)).filter(|&at| at < Time::NEVER)
    }

    /// The instant of the next event.
    #[must_use]
    pub fn next_at(&self) -> Option<Time> {
        let rounds = self.first_round().map(|(at, _)| at);
        match (rounds, self.timers.peek()) {
            (Some(round), Some(timer)) => Some(round.min(timer)),
            (round, timer) => round.or(timer),
        }
    }

    /// Takes the next event.
    pub fn pop(&mut self) -> Option<(Time, Event)> {
        if let Some((at, round)) = self.first_round() {
            let class = ROUNDS[round](0).class();
            if self.timers.peek_with_class().is_none_or(|timer| (at, class) <= timer) {
                let (at, index) = self.rounds[round].pop()?;
                return Some((at, ROUNDS[round](index)));
            }
        }
        self.timers.pop().map(|(at, _, event)| (at, event))
    }

    /// The round that is due first; of several at one instant the one of the lowest class.
    fn first_round(&self) -> Option<(Time, usize)> {
        let due = self.rounds.iter().enumerate();
        due.filter_map(|(round, events)| Some((events.next_at()?, round))).min()
    }

    /// Gives back all timers of a pod that is gone.
    pub fn retire_pod(&mut self, pod: PodId) {
        for event in pod_events(pod) {
            self.retire(event);
        }
    }

    /// Gives back the endpoints timer of a pod that is gone and that no balancer knows any more.
    pub fn retire_endpoints(&mut self, pod: PodId) {
        self.retire(Event::EndpointsChange(pod));
    }

    /// Gives back the timer of a gateway's probes of a pod that left its backend pool.
    pub fn retire_backend(&mut self, pod: PodId) {
        self.retire(Event::BackendProbe(pod));
    }

    /// Gives back the timer of the draining of a pod.
    pub fn retire_drained(&mut self, pod: PodId) {
        self.retire(Event::BackendDrained(pod));
    }

    /// Gives back all timers of a node that is deleted.
    pub fn retire_node(&mut self, node: NodeId) {
        for event in node_events(node) {
            self.retire(event);
        }
        self.retire(Event::NodeStatus(node));
        self.retire(Event::RepairEnds(node));
    }

    fn retire(&mut self, event: Event) {
        if round_of(event).is_some() {
            self.disarm(event);
            return;
        }
        let (kind, index) = self.place(event);
        if let Some(timer) = self.slots[kind].get_mut(index).and_then(Option::take) {
            self.timers.remove(timer);
        }
    }

    /// The table and the row of an event's timer.
    const fn place(&self, event: Event) -> (usize, usize) {
        match event {
            Event::FaultStrikes(id) => (0, id.index()),
            Event::FaultHeals(id) => (1, id.index()),
            Event::NodeJoins(id) => (2, id.index()),
            Event::NodeDeletes(id) => (3, id.index()),
            Event::NodeMonitorPass(id) => (4, id.index()),
            Event::EvictionQueue(id) => (5, id.index()),
            Event::TolerationEnds(id) => (6, id.index()),
            Event::Schedule(id) => (7, id.index()),
            Event::ReplicaSetSync(id) => (8, id.index()),
            Event::ContainerStep(id) => (9, id.index()),
            Event::ProbeTick(id, ProbeKind::Startup) => (10, id.index()),
            Event::ProbeTick(id, ProbeKind::Readiness) => (11, id.index()),
            Event::ProbeTick(id, ProbeKind::Liveness) => (12, id.index()),
            Event::PodGone(id) => (13, id.index()),
            Event::EndpointsChange(id) => (14, id.index()),
            Event::PopProbe(pop, cluster) => (15, pop.index() * self.n_clusters + cluster.index()),
            Event::KubeletStats(id) => (16, id.index()),
            Event::MetricsScrape(id) => (17, id.index()),
            Event::HpaSync(id) => (18, id.index()),
            Event::AutoscalerScan(id) => (19, id.index()),
            Event::Observe => (20, 0),
            Event::CustomMetricsScrape(id) => (21, id.index()),
            Event::NodeStatus(id) => (22, id.index()),
            Event::CloudNodePass(id) => (23, id.index()),
            Event::PodGarbage(id) => (24, id.index()),
            Event::RepairCheck(id) => (25, id.index()),
            Event::RepairEnds(id) => (26, id.index()),
            Event::DeploymentSync(id) => (27, id.index()),
            Event::OperationStarts(id) => (28, id.index()),
            Event::OperationStep(id) => (29, id.index()),
            Event::ImagePull(id) => (30, id.index()),
            Event::DependencyStep(id) => (31, id.index()),
            Event::DependencySettles(id) => (32, id.index()),
            Event::NetworkLook(id) => (33, id.index()),
            Event::NetworkScales(id) => (34, id.index()),
            Event::EndpointProbe(id) => (35, id.index()),
            Event::ResolverRefresh(id) => (36, id.index()),
            Event::ConnectionsEnd(id) => (37, id.index()),
            Event::SessionsMove(id) => (38, id.index()),
            Event::BackendProbe(id) => (39, id.index()),
            Event::BackendDrained(id) => (40, id.index()),
            Event::EdgeWithdrawn(id) => (41, id.index()),
        }
    }
}

/// The events of a pod that end with it; its endpoints may change after that.
const fn pod_events(pod: PodId) -> [Event; 6] {
    [
        Event::TolerationEnds(pod),
        Event::ContainerStep(pod),
        Event::ProbeTick(pod, ProbeKind::Startup),
        Event::ProbeTick(pod, ProbeKind::Readiness),
        Event::ProbeTick(pod, ProbeKind::Liveness),
        Event::PodGone(pod),
    ]
}

const fn node_events(node: NodeId) -> [Event; 4] {
    [
        Event::NodeJoins(node),
        Event::NodeDeletes(node),
        Event::KubeletStats(node),
        Event::ImagePull(node),
    ]
}
