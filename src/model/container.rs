//! The containers of a pod beside what it serves: sidecars, and what containers use.
//!
//! The main container serves requests; its CPU follows from busy workers. A sidecar (a mesh
//! proxy, a log shipper) requests and uses a constant amount. Memory is a working set plus a part
//! for each request in the pod, which the HPA can see; nothing is ever killed for it.

use crate::spec::{Name, section};
use crate::units::{Bytes, MilliCpu};

section! {
    /// A container beside the one that serves; its use does not depend on the load.
    pub struct SidecarSpec {
        /// Its name.
        "name" name: Name = required;
        /// What the scheduler reserves for it.
        "requests" requests: SidecarRequestsSpec = section;
        /// What it uses.
        "usage" usage: SidecarUsageSpec = section;
    }
}

section! {
    /// What the scheduler reserves for a sidecar. An HPA cannot compute the utilisation of a pod
    /// with a container that requests nothing.
    pub struct SidecarRequestsSpec {
        /// CPU; left out, none is requested.
        "cpu" cpu: Option<MilliCpu> = optional, range "1m"..="1000";
        /// Memory; left out, none is requested.
        "memory" memory: Option<Bytes> = optional, range "1"..="32Ti";
    }
}

section! {
    /// What a sidecar uses.
    pub struct SidecarUsageSpec {
        /// CPU, constant.
        "cpu" cpu: MilliCpu = default "0", source "assumed: idle", range "0"..="1000";
        /// Memory, constant.
        "memory" memory: Bytes = default "0", source "assumed: nothing", range "0"..="32Ti";
    }
}

section! {
    /// Memory that the main container uses.
    pub struct MemoryUsageSpec {
        /// While it serves nothing.
        "workingSet" working_set: Bytes = required, range "0"..="32Ti";
        /// For each request that it serves or queues.
        "perRequest" per_request: Bytes = default "0", source "assumed: constant",
            range "0"..="1Ti";
    }
}

/// The containers of a pod.
#[derive(Clone, Debug, Default)]
pub struct Containers {
    /// What the main container requests; None where it requests nothing.
    pub main: Requested,
    /// The others.
    pub sidecars: Vec<Sidecar>,
    /// Memory of the main container, where the scenario states it.
    pub memory_use: Option<MemoryUse>,
}

/// What a container requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requested {
    /// CPU.
    pub cpu: Option<MilliCpu>,
    /// Memory.
    pub memory: Option<Bytes>,
}

/// A container beside the main one.
#[derive(Clone, Debug)]
pub struct Sidecar {
    /// Its name.
    pub name: String,
    /// What it requests.
    pub requested: Requested,
    /// CPU that it uses.
    pub cpu: MilliCpu,
    /// Memory that it uses.
    pub memory: Bytes,
}

/// Memory of the main container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryUse {
    /// While it serves nothing.
    pub working_set: Bytes,
    /// For each request that it serves or queues.
    pub per_request: Bytes,
}

/// Which containers of a pod are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContainerPick {
    /// All of them.
    All,
    /// The one that serves.
    Main,
    /// A sidecar, by position.
    Sidecar(usize),
}

impl Containers {
    /// The containers of a workload.
    #[must_use]
    pub fn new(
        main: Requested,
        sidecars: &[SidecarSpec],
        memory_usage: Option<&MemoryUsageSpec>,
    ) -> Self {
        let sidecar = |spec: &SidecarSpec| Sidecar {
            name: spec.name.as_str().to_owned(),
            requested: Requested { cpu: *spec.requests.cpu, memory: *spec.requests.memory },
            cpu: *spec.usage.cpu,
            memory: *spec.usage.memory,
        };
        let memory_use = |spec: &MemoryUsageSpec| MemoryUse {
            working_set: *spec.working_set,
            per_request: *spec.per_request,
        };
        Self {
            main,
            sidecars: sidecars.iter().map(sidecar).collect(),
            memory_use: memory_usage.map(memory_use),
        }
    }

    /// What the sidecars request together; what requests nothing counts as nothing.
    #[must_use]
    pub fn requested_by_sidecars(&self) -> (MilliCpu, Bytes) {
        let sidecars = self.sidecars.iter().map(|sidecar| sidecar.requested);
        let cpu = sidecars.clone().filter_map(|requested| requested.cpu).sum();
        (cpu, sidecars.filter_map(|requested| requested.memory).sum())
    }

    /// CPU that the sidecars use together.
    #[must_use]
    pub fn sidecar_cpu(&self) -> MilliCpu {
        self.sidecars.iter().map(|sidecar| sidecar.cpu).sum()
    }
}
