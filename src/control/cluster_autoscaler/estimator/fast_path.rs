//! Which group of pods is packed last, where a short cut can stand in for the simulation.
//!
//! Follows `determineBestPEGToFastpath` of estimator/binpacking_estimator.go
//! (`--fastpath-binpacking-enabled`, off by default).

use super::super::resources::Resources;
use super::snapshot::{PodGroup, TopologyKey};

/// Whether the short cut is sound for a group: no rule looks beyond the single node.
#[must_use]
pub fn is_possible(group: &PodGroup) -> bool {
    let zonal = |key: Option<TopologyKey>| key == Some(TopologyKey::Zone);
    group.count > 0 && !zonal(group.spread.map(|spread| spread.key)) && !zonal(group.apart)
}

/// The group with the most simulation to save: the product of its pods and of the nodes they
/// would need by one resource alone.
#[must_use]
pub fn best_group(groups: &[PodGroup], capacity: &Resources) -> Option<usize> {
    let mut best = None;
    let mut most = 0;
    for (index, group) in groups.iter().enumerate() {
        let saved = nodes_by_one_resource(group, capacity) * group.count;
        if most < saved && is_possible(group) {
            most = saved;
            best = Some(index);
        }
    }
    best
}

fn nodes_by_one_resource(group: &PodGroup, capacity: &Resources) -> usize {
    let nodes = |request: f64, have: f64| (group.count as f64 * request / have).ceil() as usize;
    let cores = (group.request.cpu.cores(), capacity.cpu.cores());
    let bytes = (group.request.memory.get() as f64, capacity.memory.get() as f64);
    let apart = if group.apart == Some(TopologyKey::Hostname) { group.count } else { 0 };
    apart.max(nodes(cores.0, cores.1)).max(nodes(bytes.0, bytes.1))
}
