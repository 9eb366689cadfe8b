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
    /// Faults that cut its power now.
    pub power: Outages,
    /// Whether the machine runs with its kubelet: powered, and booted since.
    pub running: bool,
    /// The Ready condition of the Node object.
    pub ready: Condition,
    /// Instant of the last change of `ready`.
    pub ready_since: Time,
    /// Whether the NoExecute taint `unreachable` is on it.
    pub tainted: bool,
    /// Whether the autoscaler has marked it for deletion (ToBeDeleted taint).
    pub to_be_deleted: bool,
    /// `spec.unschedulable`: cordoned, for a drain; its pods stay until they are evicted.
    pub cordoned: bool,
    /// When its virtual machine was ordered.
    pub ordered_at: Time,
    /// When its Node object appeared.
    pub joined_at: Time,
    /// What its pods request in all.
    pub requested: Resources,
    /// Pods bound to it, terminating ones included.
    pub pods: Vec<PodId>,
    /// When its image puller is free again (serial pulls).
    pub puller_free_at: Time,
    /// The images that it has or pulls, and since or from when it has them.
    pub images: Vec<(WorkloadId, Time)>,
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

impl Node {
    /// Whether its machine runs: joined, powered and booted.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.stage == Stage::Joined && self.running
    }

    /// When the image of a workload is on it; None if it has to be pulled first.
    #[must_use]
    pub fn image_ready_at(&self, workload: WorkloadId) -> Option<Time> {
        self.images.iter().find(|(image, _)| *image == workload).map(|&(_, at)| at)
    }

    /// Whether the scheduler may place pods on it.
    #[must_use]
    pub fn is_schedulable(&self) -> bool {
        self.stage == Stage::Joined
            && self.ready == Condition::True
            && !self.tainted
            && !self.to_be_deleted
            && !self.cordoned
    }
}
