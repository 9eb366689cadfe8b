//! The values that facts hold: ids, numbers, sets of clusters and reasons in words.

use super::super::ids::{
    ClusterId, DependencyId, DeploymentId, EndpointId, FaultId, NodeId, OperationId, PodId, PoolId,
    PopId, RegionId,
};
use super::super::world::World;
use super::{FNV_OFFSET, absorb};

/// A reason in words for users; always one of a fixed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Why(pub &'static str);

/// A set of clusters, as bits over cluster ids (scenarios have at most 64).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct ClusterSet(pub u64);

impl ClusterSet {
    /// Adds a cluster.
    pub const fn insert(&mut self, cluster: ClusterId) {
        self.0 |= 1 << cluster.index();
    }

    /// Whether it contains a cluster.
    #[must_use]
    pub const fn contains(self, cluster: ClusterId) -> bool {
        self.0 >> cluster.index() & 1 == 1
    }

    /// Names of its clusters, or `none`.
    pub(super) fn names(self, world: &World) -> String {
        let ids = (0..world.clusters.len()).map(ClusterId::new).filter(|&c| self.contains(c));
        let names: Vec<&str> = ids.map(|c| world[c].name.as_str()).collect();
        if names.is_empty() { "none".to_owned() } else { names.join("+") }
    }
}

/// A value of a fact as an integer, for the fingerprint.
pub(super) trait Code {
    /// The integer.
    fn code(self) -> u64;
}

macro_rules! code_of_ids {
    ($($id:ident)+) => {$(
        impl Code for $id {
            fn code(self) -> u64 {
                self.index() as u64
            }
        }
    )+};
}

code_of_ids!(
    ClusterId DependencyId DeploymentId EndpointId FaultId NodeId OperationId PodId PoolId PopId
    RegionId
);

impl Code for u32 {
    fn code(self) -> u64 {
        u64::from(self)
    }
}

impl Code for bool {
    fn code(self) -> u64 {
        u64::from(self)
    }
}

impl Code for ClusterSet {
    fn code(self) -> u64 {
        self.0
    }
}

impl Code for Why {
    fn code(self) -> u64 {
        self.0.bytes().fold(FNV_OFFSET, |hash, byte| absorb(hash, u64::from(byte)))
    }
}
