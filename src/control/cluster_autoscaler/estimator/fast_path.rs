//! Which group of pods is packed last, where a short cut can stand in for the simulation.
//!
//! Follows `determineBestPEGToFastpath` of estimator/binpacking_estimator.go
//! (`--fastpath-binpacking-enabled`, off by default). The short cut packs one node and takes all
//! others to be alike, so it is for the group with the most simulated placements to save.

use super::super::resources::Resources;
use super::snapshot::{PodGroup, TopologyKey};

/// Whether all nodes of a group's pods would be alike: no spread, nothing kept apart by zone.
#[must_use]
pub fn is_possible(group: &PodGroup) -> bool {
    group.count > 0 && group.spread == [None; 2] && group.apart != Some(TopologyKey::Zone)
}

/// The possible group that saves the most placements; of equals the last, as it comes last anyway.
#[must_use]
pub fn best_group(groups: &[PodGroup], capacity: &Resources) -> Option<usize> {
    let possible = groups.iter().enumerate().filter(|(_, group)| is_possible(group));
    let best = possible.max_by_key(|(_, group)| placements_saved(group, capacity));
    best.map(|(index, _)| index)
}

/// Pods beyond those of the one node that is simulated.
fn placements_saved(group: &PodGroup, capacity: &Resources) -> usize {
    match nodes_by_one_resource(group, capacity) {
        0 => 0,
        nodes => group.count - group.count / nodes,
    }
}

/// Nodes that the pods would need by their scarcest resource alone.
fn nodes_by_one_resource(group: &PodGroup, capacity: &Resources) -> usize {
    let nodes = |request: f64, have: f64| (group.count as f64 * request / have).ceil() as usize;
    let cores = (group.request.cpu.cores(), capacity.cpu.cores());
    let bytes = (group.request.memory.get() as f64, capacity.memory.get() as f64);
    let apart = if group.apart == Some(TopologyKey::Hostname) { group.count } else { 0 };
    apart.max(nodes(cores.0, cores.1)).max(nodes(bytes.0, bytes.1))
}
