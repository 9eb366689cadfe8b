//! A node: from the order of its virtual machine to the deletion of its Node object.

use crate::units::Time;

use super::ids::{ClusterId, PodId, PoolId, RackId, WorkloadId, ZoneId};
use super::node_pool::Resources;
use super::region::Outages;

/// A node of a pool.
#[derive(Clone, Debug)]
pub struct Node {
    /// Cluster that it joins.
    pub cluster: ClusterId,
    /// Pool that it belongs to.
    pub pool: PoolId,
    /// Number within the pool, for its name.
    pub ordinal: u32,
    /// Failure domain.
    pub zone: ZoneId,
    /// Failure domain within the zone.
    pub rack: RackId,
    /// Where it is in its life.
    pub stage: Stage,
    /// Whether the cloud had capacity for its machine; if not, it never joins.
    pub allocated: bool,
    /// Faults that cut its power now.
    pub power: Outages,
    /// Whether the machine runs: powered, and booted since.
    pub running: bool,
    /// Faults that stop its kubelet now, or cut it off from the API server; processes go on.
    pub kubelet: Outages,
    /// Faults that make its kubelet report Ready=False now.
    pub fitness: Outages,
    /// The Ready condition of the Node object.
    pub ready: Condition,
    /// Instant of the last change of `ready`.
    pub ready_since: Time,
    /// What the cloud has of its machine.
    pub instance: Instance,
    /// Whether the autoscaler has deallocated its machine, to start it again when it needs one.
    pub suspended: bool,
    /// Whether the taint node.cloudprovider.kubernetes.io/shutdown:NoSchedule is on it.
    pub shutdown_taint: bool,
    /// The taint with effect NoExecute that the node monitor has put on it.
    pub taint: Option<TaintKey>,
    /// Whether the autoscaler has marked it for deletion (ToBeDeleted taint).
    pub to_be_deleted: bool,
    /// `spec.unschedulable`: cordoned, for a drain; its pods stay until they are evicted.
    pub cordoned: bool,
    /// When its virtual machine was ordered.
    pub ordered_at: Time,
    /// When its Node object appeared.
    pub joined_at: Time,
    /// When its kubelet last started.
    pub kubelet_since: Time,
    /// What its pods request in all.
    pub requested: Resources,
    /// Pods bound to it, terminating ones included.
    pub pods: Vec<PodId>,
    /// The images that it has, by workload and the revision that they date from, and since when.
    pub images: Vec<((WorkloadId, u32), Time)>,
}

/// The stages of a node's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Ordered, not yet a Node object.
    Provisioning,
    /// A Node object exists.
    Joined,
    /// Gone.
    Deleted,
}

/// A Kubernetes condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The kubelet reports that all is well.
    True,
    /// The kubelet reports trouble, or has not reported yet.
    False,
    /// The kubelet has been silent for the grace period.
    Unknown,
}

/// What the cloud has of a node's virtual machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instance {
    /// It exists and is meant to run.
    Running,
    /// It was shut down or deallocated.
    Stopped,
    /// It does not exist any more.
    Deleted,
}

/// A taint with effect NoExecute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaintKey {
    /// node.kubernetes.io/not-ready: the kubelet says that it is not ready.
    NotReady,
    /// node.kubernetes.io/unreachable: the kubelet is silent.
    Unreachable,
    /// node.kubernetes.io/out-of-service: a human says that the node is gone for good.
    OutOfService,
}

impl TaintKey {
    /// The taint as it is written after `node.kubernetes.io/`.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::NotReady => "not-ready:NoExecute",
            Self::Unreachable => "unreachable:NoExecute",
            Self::OutOfService => "out-of-service:NoExecute",
        }
    }
}

impl Condition {
    /// What `kubectl get nodes` shows of a Ready condition, and whether it is Unknown.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::True => "Ready",
            Self::False => "NotReady",
            Self::Unknown => "Unknown",
        }
    }
}

impl Node {
    /// Whether its machine runs: joined, powered and booted. Its processes answer then, whatever
    /// became of its kubelet.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.stage == Stage::Joined && self.running
    }

    /// Whether its kubelet works: it is heard, probes, starts and stops containers.
    #[must_use]
    pub fn has_kubelet(&self) -> bool {
        self.is_up() && self.kubelet.is_up()
    }

    /// Since when an image of a workload, from this revision on, is on it; None if it has to be
    /// pulled first.
    #[must_use]
    pub fn image_ready_at(&self, image: (WorkloadId, u32)) -> Option<Time> {
        self.images.iter().find(|(known, _)| *known == image).map(|&(_, at)| at)
    }

    /// Whether the scheduler may place pods on it.
    ///
    /// The monitor's NoExecute taints do not matter: every pod tolerates them for a while
    /// (plugin defaulttolerationseconds), and what keeps pods away is the NoSchedule taint, which
    /// follows the Ready condition at once.
    #[must_use]
    pub fn is_schedulable(&self) -> bool {
        self.stage == Stage::Joined
            && self.ready == Condition::True
            && !self.shutdown_taint
            && !self.to_be_deleted
            && !self.cordoned
            && !self.suspended
    }
}
