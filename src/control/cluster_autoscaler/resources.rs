//! CPU, memory and number of pods: what a node offers and pods request.

use crate::units::{Bytes, MilliCpu};

/// An amount of each resource that nodes are packed by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// CPU.
    pub cpu: MilliCpu,
    /// Memory.
    pub memory: Bytes,
    /// Pods; a pod counts one.
    pub pods: u32,
}

impl Resources {
    /// Whether `request` fits into what is left.
    #[must_use]
    pub fn fits(&self, request: &Self) -> bool {
        request.cpu <= self.cpu && request.memory <= self.memory && request.pods <= self.pods
    }
}

impl std::ops::SubAssign for Resources {
    fn sub_assign(&mut self, other: Self) {
        self.cpu -= other.cpu;
        self.memory -= other.memory;
        self.pods = self.pods.saturating_sub(other.pods);
    }
}
