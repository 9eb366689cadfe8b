//! A node pool: identical virtual machines in one or several zones, with bounds on their number.

use crate::sim::laws::Law;
use crate::units::{Bytes, MilliCpu, Span};

use super::ids::{ClusterId, NodeId, ZoneId};

/// A node pool of one cluster (AKS agent pool, a virtual machine scale set).
#[derive(Clone, Debug)]
pub struct NodePool {
    /// Name in the scenario, e.g. `user`.
    pub name: String,
    /// The cluster it belongs to.
    pub cluster: ClusterId,
    /// The zones that new nodes are spread over; the one with the fewest nodes is next.
    pub zones: Vec<ZoneId>,
    /// What pods may request on one node.
    pub allocatable: Resources,
    /// What the machine has in all; the least-waste expander reads it.
    pub capacity: Resources,
    /// Bounds of the cluster autoscaler; equal bounds mean a fixed size.
    pub min_nodes: u32,
    /// Upper bound, see `min_nodes`.
    pub max_nodes: u32,
    /// Whether the cluster autoscaler may change the size.
    pub autoscaled: bool,
    /// Time from the order of a virtual machine to its node being Ready \[s\].
    pub provisioning: Law,
    /// Time from power coming back to the kubelet running \[s\].
    pub reboot: Law,
    /// Image pull bandwidth of one node \[bytes a second\].
    pub pull_bandwidth: Bytes,
    /// Time from image present to container started: sandbox, volumes, runtime.
    pub container_start: Span,
    /// Nodes that exist or are on order, in order of creation; deleted ones are removed.
    pub nodes: Vec<NodeId>,
    /// Nodes ordered so far, for their names.
    pub ordered: u32,
    /// Size that was asked for: existing and ordered nodes.
    pub target: u32,
}

/// What a pod requests and a node offers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// CPU.
    pub cpu: MilliCpu,
    /// Memory.
    pub memory: Bytes,
    /// Pods (a pod counts one).
    pub pods: u32,
}

impl Resources {
    /// Whether `request` fits into what is left.
    #[must_use]
    pub fn fits(&self, request: &Self) -> bool {
        request.cpu <= self.cpu && request.memory <= self.memory && request.pods <= self.pods
    }

    /// How many times `request` fits; `u32::MAX` if it asks for nothing.
    #[must_use]
    pub fn times(&self, request: &Self) -> u32 {
        let of = |have: i64, need: i64| if need > 0 { have / need } else { i64::MAX };
        let fit = of(self.cpu.milli(), request.cpu.milli())
            .min(of(self.memory.get(), request.memory.get()))
            .min(of(i64::from(self.pods), i64::from(request.pods)))
            .max(0);
        u32::try_from(fit).unwrap_or(u32::MAX)
    }
}

impl std::ops::Sub for Resources {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self {
            cpu: self.cpu - other.cpu,
            memory: self.memory - other.memory,
            pods: self.pods.saturating_sub(other.pods),
        }
    }
}

impl std::ops::AddAssign for Resources {
    fn add_assign(&mut self, other: Self) {
        self.cpu += other.cpu;
        self.memory += other.memory;
        self.pods += other.pods;
    }
}

impl std::ops::SubAssign for Resources {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The scarcest resource decides how often a request fits.
    #[test]
    fn the_scarcest_resource_decides() {
        let node =
            Resources { cpu: MilliCpu::new(3_860), memory: Bytes::from_mib(14_034), pods: 30 };
        let pod = Resources { cpu: MilliCpu::new(500), memory: Bytes::from_mib(512), pods: 1 };
        assert_eq!(node.times(&pod), 7, "CPU: 3860m / 500m");
        let fat = Resources { memory: Bytes::from_mib(8_000), ..pod };
        assert_eq!(node.times(&fat), 1, "memory");
        let none = Resources { cpu: MilliCpu::ZERO, memory: Bytes::ZERO, pods: 1 };
        assert_eq!(node.times(&none), 30, "pods");
    }
}
