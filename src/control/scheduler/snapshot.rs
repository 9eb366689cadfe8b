//! What the scheduler knows of a cluster: its nodes, what is on them, and where the pods of each
//! class are.
//!
//! Counters are kept as pods come and go, so that a decision reads a few integers per node and
//! allocates nothing. What a node is worth for a class depends only on what is on that node, so
//! it is kept, too, until something on the node changes. Nodes keep their index for ever; it is
//! the caller's id.

use crate::model::labels::Labels;
use crate::model::node_pool::Resources;
use crate::model::placement::{SpreadConstraint, TopologyKey, WhenUnsatisfiable};
use crate::model::taint::{Taint, TaintEffect, untolerated};
use crate::units::{Bytes, MilliCpu};

use super::fit::{Worth, judge};
use super::pod_class::PodClass;
use super::score::FitStrategy;
use super::spread::Domains;

/// A set of conditions of a node that keep new pods away, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taints(pub u32);

impl Taints {
    /// No taint.
    pub const NONE: Self = Self(0);
    /// node.kubernetes.io/not-ready, any effect that keeps new pods away.
    pub const NOT_READY: Self = Self(1);
    /// node.kubernetes.io/unreachable.
    pub const UNREACHABLE: Self = Self(1 << 1);
    /// node.kubernetes.io/unschedulable: cordoned.
    pub const UNSCHEDULABLE: Self = Self(1 << 2);
    /// ToBeDeletedByClusterAutoscaler.
    pub const TO_BE_DELETED: Self = Self(1 << 3);

    /// Every one with its key.
    pub const NAMED: [(Self, &'static str); 4] = [
        (Self::NOT_READY, "node.kubernetes.io/not-ready"),
        (Self::UNREACHABLE, "node.kubernetes.io/unreachable"),
        (Self::UNSCHEDULABLE, "node.kubernetes.io/unschedulable"),
        (Self::TO_BE_DELETED, "ToBeDeletedByClusterAutoscaler"),
    ];

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those of `self` that are not in `tolerated`.
    #[must_use]
    pub const fn without(self, tolerated: Self) -> Self {
        Self(self.0 & !tolerated.0)
    }
}

/// A node that joins.
#[derive(Clone, Copy, Debug)]
pub struct NewNode<'a> {
    /// Its zone, counted from 0 in its cluster; at most 63.
    pub zone: u32,
    /// Conditions that keep pods away.
    pub taints: Taints,
    /// What it offers.
    pub allocatable: Resources,
    /// Its labels.
    pub labels: &'a Labels,
    /// The taints that its pool gives it.
    pub pool_taints: &'a [Taint],
}

/// A node and what is on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeState {
    /// Its zone.
    pub zone: u32,
    /// Conditions that keep pods away.
    pub taints: Taints,
    /// What it offers.
    pub allocatable: Resources,
    /// What its pods request.
    pub requested: Resources,
    /// The same with 100m for pods that request nothing, for scoring.
    pub scored_cpu: MilliCpu,
    /// The same with 200 MiB for pods that request nothing, for scoring.
    pub scored_memory: Bytes,
    /// Whether it is still there.
    pub exists: bool,
}

/// What never changes between a node and a class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Match {
    /// A taint of the pool that the class does not tolerate.
    pub(crate) is_tainted: bool,
    /// Node selector or required node affinity does not hold.
    pub(crate) is_excluded: bool,
    /// PreferNoSchedule taints that the class does not tolerate.
    pub(crate) n_soft_taints: u16,
    /// Weights of preferred node affinity that hold.
    pub(crate) preference: u32,
}

/// Pods of a class somewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// All, those that are being deleted included: affinity sees them.
    pub all: u32,
    /// Those that are not being deleted: spread constraints see these.
    pub staying: u32,
}

/// What is known about one class, by node.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClassState {
    pub(crate) matches: Vec<Match>,
    /// What each node is worth, or [`Worth::STALE`].
    pub(crate) worth: Vec<Worth>,
    /// Nodes whose worth is stale, some perhaps twice.
    stale: Vec<u32>,
    pub(crate) on_node: Vec<Count>,
    in_zone: Vec<Count>,
    /// Nodes that the class selects, by what spread constraints count.
    pub(crate) domains: Domains,
    /// Pods everywhere.
    pub(crate) total: u32,
    /// Nodes, existing or not, that have the image.
    pub(crate) has_image: Vec<bool>,
    /// How many of the existing nodes have it.
    pub(crate) n_with_image: u32,
    /// Existing nodes with a PreferNoSchedule taint that the class does not tolerate.
    pub(crate) n_softly_tainted: u32,
}

/// What pods without own constraints get (systemDefaultConstraints).
pub const SYSTEM_DEFAULT_SPREAD: [SpreadConstraint; 2] = [
    SpreadConstraint {
        key: TopologyKey::Hostname,
        max_skew: 3,
        when: WhenUnsatisfiable::ScheduleAnyway,
        min_domains: 1,
    },
    SpreadConstraint {
        key: TopologyKey::Zone,
        max_skew: 5,
        when: WhenUnsatisfiable::ScheduleAnyway,
        min_domains: 1,
    },
];

/// What pods without own constraints get on AKS from 1.33 (aks-docs reliability pages).
pub const AKS_DEFAULT_SPREAD: [SpreadConstraint; 1] = [SpreadConstraint {
    key: TopologyKey::Zone,
    max_skew: 1,
    when: WhenUnsatisfiable::ScheduleAnyway,
    min_domains: 1,
}];

/// The nodes of a cluster and the pods on them.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(crate) classes: Vec<PodClass>,
    pub(crate) nodes: Vec<NodeState>,
    /// The zone of each node once more, side by side.
    pub(crate) zone_of: Vec<u8>,
    /// Node indices in the order in which they are looked at: zone by zone in turn.
    pub(crate) order: Vec<u32>,
    pub(crate) by_class: Vec<ClassState>,
    strategy: FitStrategy,
}

impl Snapshot {
    /// A cluster without nodes that runs pods of these classes.
    #[must_use]
    pub fn new(classes: Vec<PodClass>, strategy: FitStrategy) -> Self {
        let by_class = vec![ClassState::default(); classes.len()];
        Self {
            classes,
            nodes: Vec::new(),
            zone_of: Vec::new(),
            order: Vec::new(),
            by_class,
            strategy,
        }
    }

    /// Adds empty nodes; their indices follow those given before and are never used again.
    ///
    /// # Panics
    /// If a zone is above 63.
    pub fn add_nodes<'a>(&mut self, nodes: impl IntoIterator<Item = NewNode<'a>>) {
        for node in nodes {
            self.push(&node);
        }
        self.interleave_zones();
    }

    fn push(&mut self, node: &NewNode<'_>) {
        assert!(node.zone < 64, "a cluster has at most 64 zones");
        let index = u32::try_from(self.nodes.len()).expect("nodes are few");
        self.zone_of.push(node.zone as u8);
        self.nodes.push(NodeState {
            zone: node.zone,
            taints: node.taints,
            allocatable: node.allocatable,
            requested: Resources::default(),
            scored_cpu: MilliCpu::ZERO,
            scored_memory: Bytes::ZERO,
            exists: true,
        });
        for (class, state) in self.classes.iter().zip(&mut self.by_class) {
            let matched = matched(class, node);
            state.n_softly_tainted += u32::from(0 < matched.n_soft_taints);
            if !matched.is_excluded {
                state.domains.add(node.zone);
            }
            state.matches.push(matched);
            state.worth.push(Worth::STALE);
            state.stale.push(index);
            state.on_node.push(Count::default());
            state.has_image.push(false);
            let n_zones = state.in_zone.len().max(node.zone as usize + 1);
            state.in_zone.resize(n_zones, Count::default());
        }
    }

    /// Takes a node away, with everything on it.
    pub fn remove_node(&mut self, node: usize) {
        let zone = self.nodes[node].zone as usize;
        for state in &mut self.by_class {
            let pods = std::mem::take(&mut state.on_node[node]);
            if !state.matches[node].is_excluded {
                state.domains.remove(zone as u32, pods.staying);
            }
            state.in_zone[zone].all -= pods.all;
            state.in_zone[zone].staying -= pods.staying;
            state.total -= pods.all;
            state.n_with_image -= u32::from(std::mem::take(&mut state.has_image[node]));
            state.n_softly_tainted -= u32::from(0 < state.matches[node].n_soft_taints);
        }
        self.nodes[node].exists = false;
        self.interleave_zones();
    }

    /// Changes the conditions of a node.
    pub fn set_taints(&mut self, node: usize, taints: Taints) {
        if self.nodes[node].taints != taints {
            self.nodes[node].taints = taints;
            self.changed(node);
        }
    }

    /// Whether a node has the image of a class.
    pub fn set_image(&mut self, class: usize, node: usize, has_image: bool) {
        let state = &mut self.by_class[class];
        let had = std::mem::replace(&mut state.has_image[node], has_image);
        state.n_with_image = state.n_with_image + u32::from(has_image) - u32::from(had);
    }

    /// Puts a pod on a node: it reserves what it requests.
    pub fn place(&mut self, class: usize, node: usize) {
        let pod = &self.classes[class];
        let state = &mut self.nodes[node];
        state.requested += pod.requests;
        state.scored_cpu += pod.scored_cpu();
        state.scored_memory += pod.scored_memory();
        self.count(class, node, 1, 1);
        self.changed(node);
    }

    /// Takes a pod off a node. A pod that is being deleted reserves until it is gone, but does
    /// not count for spreading: call [`Self::stop_counting`] when its deletion starts.
    pub fn release(&mut self, class: usize, node: usize, is_staying: bool) {
        let pod = &self.classes[class];
        let state = &mut self.nodes[node];
        if !state.exists {
            return;
        }
        state.requested -= pod.requests;
        state.scored_cpu -= pod.scored_cpu();
        state.scored_memory -= pod.scored_memory();
        self.count(class, node, -1, -i32::from(is_staying));
        self.changed(node);
    }

    /// The deletion of a pod has started: spreading ignores it from now on.
    pub fn stop_counting(&mut self, class: usize, node: usize) {
        if self.nodes[node].exists {
            self.count(class, node, 0, -1);
        }
    }

    fn count(&mut self, class: usize, node: usize, all: i32, staying: i32) {
        let zone = self.nodes[node].zone as usize;
        let state = &mut self.by_class[class];
        let add = |count: &mut u32, change| {
            *count = count.checked_add_signed(change).expect("a pod is counted before it leaves");
        };
        let before = state.on_node[node].staying;
        for count in [&mut state.on_node[node], &mut state.in_zone[zone]] {
            add(&mut count.all, all);
            add(&mut count.staying, staying);
        }
        if !state.matches[node].is_excluded {
            state.domains.change(zone as u32, before, state.on_node[node].staying);
        }
        add(&mut state.total, all);
    }

    /// Something on a node changed: what it is worth has to be judged anew.
    fn changed(&mut self, node: usize) {
        for state in &mut self.by_class {
            if std::mem::replace(&mut state.worth[node], Worth::STALE) != Worth::STALE {
                state.stale.push(node as u32);
            }
        }
    }

    /// What a node is worth for a class, as far as only the node decides.
    pub(crate) fn worth(&mut self, class: usize, node: usize) -> Worth {
        let state = &mut self.by_class[class];
        let known = state.worth[node];
        if known != Worth::STALE {
            return known;
        }
        let fresh =
            judge(&self.classes[class], &self.nodes[node], state.matches[node], self.strategy);
        state.worth[node] = fresh;
        fresh
    }

    /// Judges every node anew that changed since the class was last asked about.
    pub(crate) fn refresh(&mut self, class: usize) {
        let state = &mut self.by_class[class];
        let (pod, strategy) = (&self.classes[class], self.strategy);
        for node in state.stale.drain(..) {
            let node = node as usize;
            if state.worth[node] == Worth::STALE {
                state.worth[node] = judge(pod, &self.nodes[node], state.matches[node], strategy);
            }
        }
    }

    /// Forgets what nodes are worth; the next decision judges every node anew.
    pub fn forget_worth(&mut self) {
        for state in &mut self.by_class {
            state.worth.fill(Worth::STALE);
            state.stale = (0..state.worth.len() as u32).collect();
        }
    }

    /// What is known of a node.
    #[must_use]
    pub fn node(&self, node: usize) -> &NodeState {
        &self.nodes[node]
    }

    /// Nodes that exist.
    #[must_use]
    pub fn n_nodes(&self) -> usize {
        self.order.len()
    }

    /// Pods of a class on a node.
    #[must_use]
    pub fn on_node(&self, class: usize, node: usize) -> Count {
        self.by_class[class].on_node[node]
    }

    /// Pods of a class in a zone.
    #[must_use]
    pub fn in_zone(&self, class: usize, zone: u32) -> Count {
        self.by_class[class].in_zone.get(zone as usize).copied().unwrap_or_default()
    }

    /// Pods of a class in the domain of a node.
    pub(crate) fn in_domain(&self, key: TopologyKey, class: usize, node: usize) -> Count {
        match key {
            TopologyKey::Hostname => self.on_node(class, node),
            TopologyKey::Zone => self.in_zone(class, self.nodes[node].zone),
        }
    }

    /// The order of backend/cache/node_tree.go: one node of each zone in turn.
    fn interleave_zones(&mut self) {
        let mut position = [0_u32; 64];
        let existing = self.nodes.iter().enumerate().filter(|(_, node)| node.exists);
        let mut keyed: Vec<(u32, u32, u32)> = existing
            .map(|(index, node)| {
                let place = &mut position[node.zone as usize];
                *place += 1;
                (*place, node.zone, u32::try_from(index).expect("nodes are few"))
            })
            .collect();
        keyed.sort_unstable();
        self.order.clear();
        self.order.extend(keyed.iter().map(|(.., index)| index));
    }
}

/// What a pool's labels and taints mean for a class.
fn matched(class: &PodClass, node: &NewNode<'_>) -> Match {
    const HARD: &[TaintEffect] = &[TaintEffect::NoSchedule, TaintEffect::NoExecute];
    const SOFT: &[TaintEffect] = &[TaintEffect::PreferNoSchedule];
    let (taints, own) = (node.pool_taints, class.tolerations.as_slice());
    let n_soft = untolerated(taints, own, SOFT).count();
    Match {
        is_tainted: untolerated(taints, own, HARD).next().is_some(),
        is_excluded: !class.nodes.admit(node.labels),
        n_soft_taints: u16::try_from(n_soft).expect("a pool has few taints"),
        preference: class.nodes.preference(node.labels),
    }
}
