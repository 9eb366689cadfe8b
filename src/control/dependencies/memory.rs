//! What dependencies remember from one event to the next, besides their phase; no rule of
//! upstream's is in it.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::ids::{DependencyId, PodId, WorkloadId};
use crate::units::Time;

use super::secrets::Reads;

/// The memory of all dependencies.
#[derive(Clone, Debug, Default)]
pub struct DependencyMemory {
    /// Places of registries that are lost.
    pub lost_places: BTreeSet<(DependencyId, usize)>,
    /// When the first place of a registry was lost last.
    pub home_lost: BTreeMap<DependencyId, Time>,
    /// When it was back, and its tags were copied again.
    pub copying_resumed: BTreeMap<DependencyId, Time>,
    /// When images were pushed that are no older than the run, by workload and revision.
    pub pushed: BTreeMap<(WorkloadId, u32), Time>,
    /// Pods that have read their secrets from a vault.
    pub mounted: BTreeSet<(PodId, DependencyId)>,
    /// Failed mounts of a pod in a row.
    pub failed_mounts: BTreeMap<PodId, u32>,
    /// Reads of each vault and registry.
    pub reads: BTreeMap<DependencyId, Reads>,
}
