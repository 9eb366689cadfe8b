//! Scores: how good is a node that fits? Integers from 0 to 100 per rule, then weighted.
//!
//! Follows pkg/scheduler/framework/plugins: noderesources (least_allocated.go, most_allocated.go,
//! balanced_allocation.go) and podtopologyspread/scoring.go, with the default weights of
//! apis/config/v1/default_plugins.go.

use crate::sim::maths::ln;
use crate::units::{Bytes, MilliCpu};

use super::snapshot::{PodView, Snapshot, SpreadConstraint, TopologyKey, WhenUnsatisfiable};

/// The best score of one rule.
pub const MAX_SCORE: i64 = 100;
/// Weight of topology spread.
pub const SPREAD_WEIGHT: i64 = 2;
/// Weight of resource fit.
pub const FIT_WEIGHT: i64 = 1;
/// Weight of balanced allocation.
pub const BALANCED_WEIGHT: i64 = 1;

/// Which nodes the resource rule prefers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FitStrategy {
    /// Empty ones (the default).
    #[default]
    LeastAllocated,
    /// Full ones, for bin packing.
    MostAllocated,
}

/// One resource of a node as it would be with the pod: what is requested, of what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Requested in all, this pod included.
    pub requested: i64,
    /// Allocatable.
    pub capacity: i64,
}

/// LeastAllocated: the free share in percent, mean of CPU and memory, rounded down twice.
#[must_use]
pub const fn least_allocated(cpu: Load, memory: Load) -> i64 {
    const fn free(load: Load) -> i64 {
        if load.capacity <= 0 || load.capacity < load.requested {
            0
        } else {
            (load.capacity - load.requested) * MAX_SCORE / load.capacity
        }
    }
    (free(cpu) + free(memory)) / 2
}

/// MostAllocated: the used share in percent, mean of CPU and memory, rounded down twice; a pod
/// that requests nothing may overfill a node, which counts as full.
#[must_use]
pub const fn most_allocated(cpu: Load, memory: Load) -> i64 {
    const fn used(load: Load) -> i64 {
        if load.capacity <= 0 {
            0
        } else if load.capacity < load.requested {
            MAX_SCORE
        } else {
            load.requested * MAX_SCORE / load.capacity
        }
    }
    (used(cpu) + used(memory)) / 2
}

/// BalancedAllocation: 100 when CPU and memory are used to the same share, less by half the
/// difference of the shares.
#[must_use]
pub fn balanced(cpu: Load, memory: Load) -> i64 {
    let share = |load: Load| {
        if load.capacity <= 0 {
            1.0
        } else {
            (load.requested as f64 / load.capacity as f64).min(1.0)
        }
    };
    let deviation = ((share(cpu) - share(memory)) / 2.0).abs();
    ((1.0 - deviation) * MAX_SCORE as f64) as i64
}

/// The resource scores of a node, weighted.
#[must_use]
pub fn resource_score(
    snapshot: &Snapshot,
    pod: &PodView<'_>,
    node: usize,
    strategy: FitStrategy,
) -> i64 {
    let state = &snapshot.nodes[node];
    let has = &state.view.allocatable;
    let cpu = |used: MilliCpu| Load { requested: used.milli(), capacity: has.cpu.milli() };
    let memory = |used: Bytes| Load { requested: used.get(), capacity: has.memory.get() };
    let scored_cpu = cpu(state.scored_cpu + pod.scored_cpu());
    let scored_memory = memory(state.scored_memory + pod.scored_memory());
    let fit = match strategy {
        FitStrategy::LeastAllocated => least_allocated(scored_cpu, scored_memory),
        FitStrategy::MostAllocated => most_allocated(scored_cpu, scored_memory),
    };
    let requested_cpu = cpu(state.requested.cpu + pod.requests.cpu);
    let requested_memory = memory(state.requested.memory + pod.requests.memory);
    FIT_WEIGHT * fit + BALANCED_WEIGHT * balanced(requested_cpu, requested_memory)
}

/// The weight of one more pod in a domain: more domains, more weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpreadWeights {
    hostname: f64,
    zone: f64,
}

impl SpreadWeights {
    /// ln(domains + 2), where the domains are those of the nodes that fit.
    #[must_use]
    pub fn new(n_nodes: usize, n_zones: u32) -> Self {
        Self { hostname: ln(n_nodes as f64 + 2.0), zone: ln(f64::from(n_zones) + 2.0) }
    }
}

/// Soft spread constraints of a node, lower is better; 0 if the pod has none.
#[must_use]
pub fn spread_cost(
    snapshot: &Snapshot,
    pod: &PodView<'_>,
    node: usize,
    weights: &SpreadWeights,
) -> i64 {
    let soft = |c: &&SpreadConstraint| c.when == WhenUnsatisfiable::ScheduleAnyway;
    let mut cost = 0.0;
    for constraint in pod.spread.iter().filter(soft) {
        let weight = match constraint.key {
            TopologyKey::Hostname => weights.hostname,
            TopologyKey::Zone => weights.zone,
        };
        let matching = snapshot.in_domain(constraint.key, pod.workload, node);
        cost += f64::from(matching) * weight + f64::from(constraint.max_skew - 1);
    }
    cost.round() as i64
}

/// The spread score of a cost among costs from `least` to `most`.
#[must_use]
pub const fn spread_score(cost: i64, least: i64, most: i64) -> i64 {
    if most == 0 { MAX_SCORE } else { MAX_SCORE * (most + least - cost) / most }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(requested: i64, capacity: i64) -> Load {
        Load { requested, capacity }
    }

    /// Free shares of CPU and memory, mean, each rounded down; overfull counts as nothing free.
    #[test]
    fn resource_rules() {
        let table = [
            ("empty", load(0, 4_000), load(0, 10_000), 100, 0, 100),
            ("scaled shares", load(3_000, 4_000), load(5_000, 10_000), 37, 62, 87),
            ("rounded down twice", load(1_999, 3_000), load(1, 3), 49, 49, 83),
            ("overfull", load(5_000, 4_000), load(5_000, 10_000), 25, 75, 75),
            ("no capacity", load(0, 0), load(5_000, 10_000), 25, 25, 75),
        ];
        for (rule, cpu, memory, least, most, even) in table {
            let found = (least_allocated(cpu, memory), most_allocated(cpu, memory));
            assert_eq!(found, (least, most), "{rule}");
            assert_eq!(balanced(cpu, memory), even, "{rule}");
        }
    }

    /// Normalisation turns costs around: the fewest pods score best, nothing to spread scores 100.
    #[test]
    fn spread_costs_are_turned_around() {
        assert_eq!([2, 4, 8].map(|cost| spread_score(cost, 2, 8)), [100, 75, 25]);
        assert_eq!(spread_score(0, 0, 0), 100);
        assert_eq!(spread_score(3, 3, 3), 100);
    }
}
