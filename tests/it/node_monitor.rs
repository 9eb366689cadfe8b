//! The node monitor with its own timers, at every phase of its passes.
//!
//! What it did in recorded courses of events is in [`super::recordings`], what it does at stated
//! phases in [`super::timelines`].

use tideover::control::node_lifecycle::monitor::{
    Action, ApiServer, MonitorPolicy, MonitorState, NodeReport,
};
use tideover::control::node_lifecycle::taint_eviction::TaintKey;
use tideover::model::ids::{NodeId, PodId};
use tideover::model::node::Condition;
use tideover::units::{Span, Time};

/// A node of the cluster: killed nodes renewed their lease for the last time at `last_renewal`,
/// the others go on.
#[derive(Clone, Copy, Debug)]
struct Node {
    zone: usize,
    last_renewal: Option<Time>,
    ready: Condition,
    taint: Option<TaintKey>,
}

/// Plays the API server and the kubelets around the monitor, with its own timers. Each node has
/// two pods.
struct Cluster {
    nodes: Vec<Node>,
    now: Time,
    heals_at: Time,
    log: Vec<(f64, Action)>,
}

impl ApiServer for Cluster {
    fn nodes(&mut self) -> Vec<NodeReport> {
        let report = |(index, node): (usize, &Node)| NodeReport {
            node: NodeId::new(index),
            zone: node.zone,
            ready: Some(node.ready),
            heartbeat: self.renewed(node),
            taint: node.taint,
            excluded: false,
        };
        self.nodes.iter().enumerate().map(report).collect()
    }

    fn heartbeat(&mut self, listed: &NodeReport) -> Time {
        self.renewed(&self.nodes[listed.node.index()])
    }

    fn ready_pods(&mut self, node: NodeId) -> Vec<PodId> {
        [0, 1].map(|pod| PodId::new(2 * node.index() + pod)).to_vec()
    }
}

impl Cluster {
    /// `n_zones` zones of `per_zone` nodes; `killed` names node numbers, counted zone by zone,
    /// and their last renewals in seconds before the power loss at t = 0.
    fn new(n_zones: usize, per_zone: usize, killed: &[(usize, f64)]) -> Self {
        let node = |index| {
            let dead = killed.iter().find(|(node, _)| *node == index);
            let last_renewal = dead.map(|(_, before_s)| Time::from_secs_f64(-before_s));
            Node { zone: index / per_zone, last_renewal, ready: Condition::True, taint: None }
        };
        let nodes = (0..n_zones * per_zone).map(node).collect();
        Self { nodes, now: Time::ZERO, heals_at: Time::NEVER, log: Vec::new() }
    }

    /// When a node was last heard of. A running node has renewed at some time in the last 10 s: the
    /// grid of passes hides when, so any such time will do.
    fn renewed(&self, node: &Node) -> Time {
        match node.last_renewal {
            Some(last) if self.now < self.heals_at => last.min(self.now),
            _ => self.now,
        }
    }

    fn apply(&mut self, actions: &mut Vec<Action>) {
        for action in actions.drain(..) {
            match action {
                Action::SetUnknown { node } => self.nodes[node.index()].ready = Condition::Unknown,
                Action::Taint { node, key } => self.nodes[node.index()].taint = Some(key),
                Action::Untaint { node } => self.nodes[node.index()].taint = None,
                _ => {}
            }
            self.log.push((self.now.as_secs_f64(), action));
        }
    }

    /// Runs monitor and queue until `until_s`, with a pass at `first_pass`. With `skip_quiet`
    /// passes without effect are left out between the first one and the power loss.
    fn run(&mut self, first_pass: Time, until_s: i64, skip_quiet: bool) {
        let mut monitor =
            MonitorState::new(MonitorPolicy::K8S_1_31, first_pass).with_queue_phase(Time::ZERO);
        let mut actions = Vec::new();
        let mut passes = first_pass;
        self.now = first_pass;
        loop {
            let works = monitor.queues_due(self.now).unwrap_or(Time::NEVER);
            self.now = passes.min(works);
            if Time::from_secs(until_s) < self.now {
                return;
            }
            if self.heals_at <= self.now {
                // The kubelets are back: they report Ready at once.
                for node in self.nodes.iter_mut().filter(|node| node.last_renewal.is_some()) {
                    (node.last_renewal, node.ready) = (None, Condition::True);
                }
            }
            if works <= self.now {
                let nodes = &self.nodes;
                monitor.work_queues(self.now, |node| nodes[node.index()].ready, &mut actions);
            } else {
                passes = monitor.advance(self.now, self, &mut actions);
                if skip_quiet && monitor.is_quiet() && !monitor.is_in_pass() {
                    passes = monitor.pass_from(passes.max(Time::ZERO));
                }
            }
            self.apply(&mut actions);
        }
    }

    /// The instants of the logged actions that `of` picks.
    fn times(&self, of: impl Fn(&Action) -> bool) -> Vec<f64> {
        self.log.iter().filter(|(_, action)| of(action)).map(|(at, _)| *at).collect()
    }
}

/// One of 30 nodes dies: Unknown 40 to 45.2 s after its last renewal whatever the phase, the
/// NoExecute taint one pass later.
#[test]
fn one_dead_node() {
    for step in 0..100 {
        let mut cluster = Cluster::new(3, 10, &[(0, 4.771)]);
        cluster.run(Time::from_secs(-60) + Span::from_millis(50 * step), 100, false);
        let unknown = cluster.times(|action| matches!(action, Action::SetUnknown { .. }));
        let tainted = cluster.times(|action| matches!(action, Action::Taint { .. }));
        assert_eq!((unknown.len(), tainted.len()), (1, 1));
        let silent = unknown[0] + 4.771;
        assert!(40.0 < silent && silent <= 45.2, "{silent}");
        let wait = tainted[0] - unknown[0];
        assert!((5.0..5.3).contains(&wait), "{wait}");
    }
}

/// Passes over a healthy cluster may be left out: everything afterwards happens at the same
/// instants, for many phases and renewals.
#[test]
fn quiet_passes_can_be_left_out() {
    for step in 0..200_i64 {
        let killed: Vec<(usize, f64)> = (0..7)
            .map(|node| (node, (step * 37 + node as i64 * 711) as f64 % 10_000.0 / 1e3))
            .collect();
        let phase = Time::from_secs(-600) + Span::from_millis(step * 53);
        let log = |skip_quiet| {
            let mut cluster = Cluster::new(2, 5, &killed);
            cluster.heals_at = Time::from_secs(200);
            cluster.run(phase, 300, skip_quiet);
            let happens = |(at, _): &&(f64, Action)| 0.0 <= *at;
            cluster.log.iter().filter(happens).copied().collect::<Vec<_>>()
        };
        assert_eq!(log(true), log(false), "step {step}");
    }
}
