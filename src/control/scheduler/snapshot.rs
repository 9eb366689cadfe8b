//! What the scheduler knows of a cluster: its nodes, what is on them, and where the pods of each
//! workload are.
//!
//! Counters are kept as pods come and go, so that a decision reads a few integers per node and
//! allocates nothing. Nodes keep their index for ever; it is the caller's id.

use crate::model::ids::PoolId;
use crate::model::node_pool::Resources;
use crate::model::workload::AntiAffinity;
use crate::units::{Bytes, MilliCpu};

/// A set of taints, one bit each; a pod tolerates a set of them.
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
    /// The first bit for taints of the user's pools.
    pub const FIRST_OF_USER: u32 = 8;

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

/// A node as the scheduler sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeView {
    /// Its pool; pods select nodes by pool.
    pub pool: PoolId,
    /// Its zone, counted from 0 in its cluster; at most 63.
    pub zone: u32,
    /// Its taints.
    pub taints: Taints,
    /// What it offers.
    pub allocatable: Resources,
}

/// A node and what is on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NodeState {
    pub(crate) view: NodeView,
    pub(crate) requested: Resources,
    /// The same with 100m and 200 MiB for pods that request nothing, for scoring.
    pub(crate) scored_cpu: MilliCpu,
    /// See `scored_cpu`.
    pub(crate) scored_memory: Bytes,
    pub(crate) exists: bool,
}

/// Where pods must or should be spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopologyKey {
    /// kubernetes.io/hostname: every node is a domain.
    Hostname,
    /// topology.kubernetes.io/zone.
    Zone,
}

/// What a violated spread constraint means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenUnsatisfiable {
    /// The node is out of the question.
    DoNotSchedule,
    /// The node scores lower.
    ScheduleAnyway,
}

/// A topology spread constraint over the pods of the pod's own workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpreadConstraint {
    /// The domains.
    pub key: TopologyKey,
    /// Pods that a domain may have more than the one with the fewest; at least 1.
    pub max_skew: u32,
    /// Hard or soft.
    pub when: WhenUnsatisfiable,
    /// With fewer domains than this the fewest count as 0; 1 if not set.
    pub min_domains: u32,
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

/// A pod as the scheduler sees it.
#[derive(Clone, Copy, Debug)]
pub struct PodView<'a> {
    /// Its workload in this cluster, below the snapshot's `n_workloads`.
    pub workload: usize,
    /// What it requests; `pods` is 1, zero means unset.
    pub requests: Resources,
    /// Taints that it tolerates.
    pub tolerates: Taints,
    /// The only pool that it may run on, if any.
    pub pool: Option<PoolId>,
    /// Required anti-affinity with pods of its own workload.
    pub anti_affinity: AntiAffinity,
    /// Its spread constraints, or the cluster's default ones.
    pub spread: &'a [SpreadConstraint],
}

impl PodView<'_> {
    /// CPU that counts for scoring: 100m where nothing is requested (DefaultMilliCPURequest).
    #[must_use]
    pub fn scored_cpu(&self) -> MilliCpu {
        let cpu = self.requests.cpu;
        if cpu == MilliCpu::ZERO { MilliCpu::new(100) } else { cpu }
    }

    /// Memory that counts for scoring: 200 MiB where nothing is requested (DefaultMemoryRequest).
    #[must_use]
    pub fn scored_memory(&self) -> Bytes {
        let memory = self.requests.memory;
        if memory == Bytes::ZERO { Bytes::from_mib(200) } else { memory }
    }
}

/// The nodes of a cluster and the pods on them.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(crate) nodes: Vec<NodeState>,
    /// Node indices in the order in which they are looked at: zone by zone in turn.
    pub(crate) order: Vec<u32>,
    n_workloads: usize,
    /// Pods of each workload on each node: node × workload.
    on_node: Vec<u32>,
    /// Pods of each workload in each zone: zone × workload.
    in_zone: Vec<u32>,
}

impl Snapshot {
    /// A cluster without nodes that runs pods of `n_workloads` workloads.
    #[must_use]
    pub const fn new(n_workloads: usize) -> Self {
        Self {
            nodes: Vec::new(),
            order: Vec::new(),
            n_workloads,
            on_node: Vec::new(),
            in_zone: Vec::new(),
        }
    }

    /// A cluster of these nodes, all empty; their indices are their positions.
    ///
    /// # Panics
    /// If a zone is above 63.
    #[must_use]
    pub fn of(n_workloads: usize, views: impl IntoIterator<Item = NodeView>) -> Self {
        let mut snapshot = Self::new(n_workloads);
        for view in views {
            snapshot.push(view);
        }
        snapshot.interleave_zones();
        snapshot
    }

    /// Adds an empty node; returns its index, which is never used again.
    ///
    /// # Panics
    /// If the zone is above 63.
    pub fn add_node(&mut self, view: NodeView) -> usize {
        self.push(view);
        self.interleave_zones();
        self.nodes.len() - 1
    }

    fn push(&mut self, view: NodeView) {
        assert!(view.zone < 64, "a cluster has at most 64 zones");
        self.nodes.push(NodeState {
            view,
            requested: Resources::default(),
            scored_cpu: MilliCpu::ZERO,
            scored_memory: Bytes::ZERO,
            exists: true,
        });
        self.on_node.resize(self.nodes.len() * self.n_workloads, 0);
        let n_zones = (view.zone as usize + 1).max(self.in_zone.len() / self.n_workloads.max(1));
        self.in_zone.resize(n_zones * self.n_workloads, 0);
    }

    /// Takes a node away, with everything on it.
    pub fn remove_node(&mut self, node: usize) {
        let zone = self.nodes[node].view.zone as usize;
        for workload in 0..self.n_workloads {
            let pods = std::mem::take(&mut self.on_node[node * self.n_workloads + workload]);
            self.in_zone[zone * self.n_workloads + workload] -= pods;
        }
        self.nodes[node].exists = false;
        self.interleave_zones();
    }

    /// Changes the taints of a node.
    pub fn set_taints(&mut self, node: usize, taints: Taints) {
        self.nodes[node].view.taints = taints;
    }

    /// Puts a pod on a node: it reserves what it requests.
    pub fn place(&mut self, pod: &PodView<'_>, node: usize) {
        let state = &mut self.nodes[node];
        state.requested += pod.requests;
        state.scored_cpu += pod.scored_cpu();
        state.scored_memory += pod.scored_memory();
        self.count(pod.workload, node, 1);
    }

    /// Takes a pod off a node. A pod that is being deleted reserves until it is gone, but does
    /// not count for spreading: call [`Self::stop_counting`] when its deletion starts.
    pub fn release(&mut self, pod: &PodView<'_>, node: usize, counted: bool) {
        let state = &mut self.nodes[node];
        state.requested -= pod.requests;
        state.scored_cpu -= pod.scored_cpu();
        state.scored_memory -= pod.scored_memory();
        if counted && state.exists {
            self.count(pod.workload, node, -1);
        }
    }

    /// The deletion of a pod has started: spreading ignores it from now on.
    pub fn stop_counting(&mut self, workload: usize, node: usize) {
        if self.nodes[node].exists {
            self.count(workload, node, -1);
        }
    }

    /// What is requested on a node.
    #[must_use]
    pub fn requested(&self, node: usize) -> Resources {
        self.nodes[node].requested
    }

    /// Nodes that exist.
    #[must_use]
    pub fn n_nodes(&self) -> usize {
        self.order.len()
    }

    /// Pods of a workload on a node.
    pub(crate) fn on_node(&self, workload: usize, node: usize) -> u32 {
        self.on_node[node * self.n_workloads + workload]
    }

    /// Pods of a workload in a zone.
    pub(crate) fn in_zone(&self, workload: usize, zone: u32) -> u32 {
        self.in_zone[zone as usize * self.n_workloads + workload]
    }

    /// Pods of a workload in the domain of a node.
    pub(crate) fn in_domain(&self, key: TopologyKey, workload: usize, node: usize) -> u32 {
        match key {
            TopologyKey::Hostname => self.on_node(workload, node),
            TopologyKey::Zone => self.in_zone(workload, self.nodes[node].view.zone),
        }
    }

    fn count(&mut self, workload: usize, node: usize, change: i32) {
        let zone = self.nodes[node].view.zone as usize;
        for count in [
            &mut self.on_node[node * self.n_workloads + workload],
            &mut self.in_zone[zone * self.n_workloads + workload],
        ] {
            *count = count.checked_add_signed(change).expect("a pod is counted before it leaves");
        }
    }

    /// The order of backend/cache/node_tree.go: one node of each zone in turn.
    fn interleave_zones(&mut self) {
        let mut position = [0_u32; 64];
        let existing = self.nodes.iter().enumerate().filter(|(_, node)| node.exists);
        let mut keyed: Vec<(u32, u32, u32)> = existing
            .map(|(index, node)| {
                let place = &mut position[node.view.zone as usize];
                *place += 1;
                (*place, node.view.zone, u32::try_from(index).expect("nodes are few"))
            })
            .collect();
        keyed.sort_unstable();
        self.order.clear();
        self.order.extend(keyed.iter().map(|(.., index)| index));
    }
}
