//! Scores: how good is a node that fits? Integers from 0 to 100 per rule, then weighted.
//!
//! Follows pkg/scheduler/framework/plugins: noderesources (least_allocated.go, most_allocated.go,
//! balanced_allocation.go), interpodaffinity, tainttoleration, nodeaffinity and imagelocality
//! (scoring.go of each), helper/normalize_score.go, with the default weights of
//! apis/config/v1/default_plugins.go. Topology spread has a file of its own.

use crate::units::{Bytes, MilliCpu};

use super::pod_class::PodClass;
use super::snapshot::NodeState;

/// The best score of one rule.
pub const MAX_SCORE: i64 = 100;
/// Weight of taints of effect PreferNoSchedule.
pub const TAINT_WEIGHT: i64 = 3;
/// Weight of preferred node affinity.
pub const NODE_AFFINITY_WEIGHT: i64 = 2;
/// Weight of topology spread.
pub const SPREAD_WEIGHT: i64 = 2;
/// Weight of preferred pod affinity.
pub const POD_AFFINITY_WEIGHT: i64 = 2;
/// Weight of resource fit.
pub const FIT_WEIGHT: i64 = 1;
/// Weight of balanced allocation.
pub const BALANCED_WEIGHT: i64 = 1;
/// Weight of image locality.
pub const IMAGE_WEIGHT: i64 = 1;

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
pub fn least_allocated(cpu: Load, memory: Load) -> i64 {
    let free = |load: Load| {
        if load.capacity < load.requested {
            0
        } else {
            (load.capacity - load.requested) * MAX_SCORE / load.capacity
        }
    };
    mean_of_offered([cpu, memory], free)
}

/// MostAllocated: the used share in percent, mean of CPU and memory, rounded down twice; a pod
/// that requests nothing may overfill a node, which counts as full.
#[must_use]
pub fn most_allocated(cpu: Load, memory: Load) -> i64 {
    mean_of_offered([cpu, memory], |load| {
        load.requested.min(load.capacity) * MAX_SCORE / load.capacity
    })
}

/// The mean over resources that the node offers at all, rounded down; 0 if it offers none.
fn mean_of_offered(loads: [Load; 2], score: impl Fn(Load) -> i64) -> i64 {
    let offered = loads.into_iter().filter(|load| 0 < load.capacity);
    let (sum, n) = offered.fold((0, 0), |(sum, n), load| (sum + score(load), n + 1));
    if n < 2 { sum } else { sum / 2 }
}

/// BalancedAllocation: 100 if CPU and memory are used alike; the deviation of two shares is half
/// their difference, that of one is none.
#[must_use]
pub fn balanced(cpu: Load, memory: Load) -> i64 {
    if cpu.capacity <= 0 || memory.capacity <= 0 {
        return MAX_SCORE;
    }
    let share = |load: Load| (load.requested as f64 / load.capacity as f64).min(1.0);
    let deviation = ((share(cpu) - share(memory)) / 2.0).abs();
    ((1.0 - deviation) * MAX_SCORE as f64) as i64
}

/// The resource scores of a node, weighted.
#[must_use]
pub fn resource_score(class: &PodClass, node: &NodeState, strategy: FitStrategy) -> i64 {
    let has = &node.allocatable;
    let cpu = |used: MilliCpu| Load { requested: used.milli(), capacity: has.cpu.milli() };
    let memory = |used: Bytes| Load { requested: used.get(), capacity: has.memory.get() };
    let scored_cpu = cpu(node.scored_cpu + class.scored_cpu());
    let scored_memory = memory(node.scored_memory + class.scored_memory());
    let fit = match strategy {
        FitStrategy::LeastAllocated => least_allocated(scored_cpu, scored_memory),
        FitStrategy::MostAllocated => most_allocated(scored_cpu, scored_memory),
    };
    let requested_cpu = cpu(node.requested.cpu + class.requests.cpu);
    let requested_memory = memory(node.requested.memory + class.requests.memory);
    FIT_WEIGHT * fit + BALANCED_WEIGHT * balanced(requested_cpu, requested_memory)
}

/// The score of preferred pod affinity: a sum of weights among sums from `least` to `most`; all
/// alike score 0.
#[must_use]
pub fn pod_affinity_score(sum: i64, least: i64, most: i64) -> i64 {
    if least == most {
        return 0;
    }
    (MAX_SCORE as f64 * ((sum - least) as f64 / (most - least) as f64)) as i64
}

/// DefaultNormalizeScore: the share of the greatest one in percent; all 0 stay 0.
#[must_use]
pub const fn normalized(score: i64, most: i64) -> i64 {
    if most == 0 { 0 } else { MAX_SCORE * score / most }
}

/// The same turned around, so that the greatest one scores 0; all 0 score 100.
#[must_use]
pub const fn normalized_reverse(score: i64, most: i64) -> i64 {
    MAX_SCORE - normalized(score, most)
}

/// ImageLocality of a node that has the image: its size, less the rarer it is in the cluster, in
/// percent of the way from 23 MiB to 1,000 MiB (one container).
#[must_use]
pub fn image_score(size: Bytes, n_with_image: u32, n_nodes: u32) -> i64 {
    const LEAST: i64 = 23 << 20;
    const MOST: i64 = 1_000 << 20;
    if n_nodes == 0 {
        return 0;
    }
    let spread = f64::from(n_with_image) / f64::from(n_nodes);
    let scaled = (size.get() as f64 * spread) as i64;
    MAX_SCORE * (scaled.clamp(LEAST, MOST) - LEAST) / (MOST - LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(requested: i64, capacity: i64) -> Load {
        Load { requested, capacity }
    }

    /// TestLeastAllocatedScoringStrategy (noderesources/least_allocated_test.go), rows with
    /// the default resources: CPU and memory of the node with the pod, and upstream's score. A
    /// pod that requests nothing counts 100m and 200 MiB on these nodes of 4,000 or 10,000 bytes.
    #[test]
    fn least_allocated_scoring_strategy() {
        let table = [
            (
                "nothing scheduled, resources requested, differently sized nodes: 1",
                37,
                [3_000, 4_000],
                [5_000, 10_000],
            ),
            (
                "nothing scheduled, resources requested, differently sized nodes: 2",
                50,
                [3_000, 6_000],
                [5_000, 10_000],
            ),
            (
                "no resources requested, pods scheduled with resources: 1",
                70,
                [6_000, 10_000],
                [0, 20_000],
            ),
            (
                "no resources requested, pods scheduled with resources: 2",
                57,
                [6_000, 10_000],
                [5_000, 20_000],
            ),
            (
                "resources requested, pods scheduled with resources: 1",
                57,
                [6_000, 10_000],
                [5_000, 20_000],
            ),
            (
                "resources requested, pods scheduled with resources: 2",
                45,
                [6_000, 10_000],
                [10_000, 20_000],
            ),
            (
                "resources requested, pods scheduled with resources, differently sized nodes: 2",
                60,
                [6_000, 10_000],
                [10_000, 50_000],
            ),
            ("requested resources exceed node capacity: 1", 50, [6_000, 4_000], [0, 10_000]),
            ("requested resources exceed node capacity: 2", 25, [6_000, 4_000], [5_000, 10_000]),
        ];
        for (name, expected, cpu, memory) in table {
            let score = least_allocated(load(cpu[0], cpu[1]), load(memory[0], memory[1]));
            assert_eq!(score, expected, "{name}");
        }
    }

    /// TestMostAllocatedScoringStrategy (noderesources/most_allocated_test.go), the same.
    #[test]
    fn most_allocated_scoring_strategy() {
        let table = [
            (
                "nothing scheduled, resources requested, differently sized nodes: 1",
                62,
                [3_000, 4_000],
                [5_000, 10_000],
            ),
            (
                "nothing scheduled, resources requested, differently sized nodes: 2",
                50,
                [3_000, 6_000],
                [5_000, 10_000],
            ),
            (
                "no resources requested, pods scheduled with resources: 1",
                30,
                [6_000, 10_000],
                [0, 20_000],
            ),
            (
                "no resources requested, pods scheduled with resources: 2",
                42,
                [6_000, 10_000],
                [5_000, 20_000],
            ),
            (
                "resources requested, pods scheduled with resources: 2",
                55,
                [6_000, 10_000],
                [10_000, 20_000],
            ),
            (
                "resources requested with more than the node, pods scheduled with resources: 1",
                95,
                [10_000, 10_000],
                [9_000, 10_000],
            ),
            ("requested resources exceed node capacity", 100, [6_000, 4_000], [15_000, 10_000]),
        ];
        for (name, expected, cpu, memory) in table {
            let score = most_allocated(load(cpu[0], cpu[1]), load(memory[0], memory[1]));
            assert_eq!(score, expected, "{name}");
        }
    }

    /// TestNodeResourcesBalancedAllocation (noderesources/balanced_allocation_test.go), rows
    /// without extended resources, each node of a row a row of its own.
    #[test]
    fn node_resources_balanced_allocation() {
        let table = [
            (
                "nothing scheduled, resources requested, differently sized nodes: 1",
                87,
                [3_000, 4_000],
                [5_000, 10_000],
            ),
            (
                "nothing scheduled, resources requested, differently sized nodes: 2",
                100,
                [3_000, 6_000],
                [5_000, 10_000],
            ),
            (
                "resources requested, pods scheduled with resources: 1",
                82,
                [6_000, 10_000],
                [5_000, 20_000],
            ),
            (
                "resources requested, pods scheduled with resources: 2",
                95,
                [6_000, 10_000],
                [10_000, 20_000],
            ),
            (
                "resources requested, pods scheduled with resources, differently sized nodes: 2",
                80,
                [6_000, 10_000],
                [10_000, 50_000],
            ),
            ("requested resources at node capacity: 1", 50, [6_000, 6_000], [0, 10_000]),
            ("requested resources at node capacity: 2", 75, [6_000, 6_000], [5_000, 10_000]),
            (
                "node without the scalar resource should skip the scalar resource",
                63,
                [3_000, 3_500],
                [5_000, 40_000],
            ),
            ("more than the node has counts as full", 50, [6_000, 4_000], [0, 10_000]),
            ("a node that offers nothing", 100, [6_000, 0], [0, 0]),
        ];
        for (name, expected, cpu, memory) in table {
            let score = balanced(load(cpu[0], cpu[1]), load(memory[0], memory[1]));
            assert_eq!(score, expected, "{name}");
        }
    }

    /// A resource that a node does not offer is left out of the mean; rounding is downward, of
    /// each share and of the mean.
    #[test]
    fn shares_round_down() {
        let table = [
            ("rounded down twice", load(1_999, 3_000), load(1, 3), 49, 49, 83),
            ("exactly full", load(10, 10), load(10, 10), 0, 100, 100),
            ("no CPU offered", load(0, 0), load(5_000, 10_000), 50, 50, 100),
            ("nothing offered", load(0, 0), load(0, 0), 0, 0, 100),
        ];
        for (rule, cpu, memory, least, most, even) in table {
            let found = (least_allocated(cpu, memory), most_allocated(cpu, memory));
            assert_eq!(found, (least, most), "{rule}");
            assert_eq!(balanced(cpu, memory), even, "{rule}");
        }
    }

    /// TestDefaultNormalizeScore (framework/plugins/helper/normalize_score_test.go).
    #[test]
    fn default_normalize_score() {
        let all = |scores: &[i64], rule: fn(i64, i64) -> i64| -> Vec<i64> {
            let most = scores.iter().copied().max().unwrap();
            scores.iter().map(|&score| rule(score, most)).collect()
        };
        assert_eq!(all(&[1, 2, 3, 4], normalized), [25, 50, 75, 100]);
        assert_eq!(all(&[1, 2, 3, 4], normalized_reverse), [75, 50, 25, 0]);
        assert_eq!(all(&[1_000, 10, 20, 30], normalized), [100, 1, 2, 3]);
        assert_eq!(all(&[1_000, 10, 20, 30], normalized_reverse), [0, 99, 98, 97]);
        assert_eq!(all(&[1, 1, 1, 1], normalized), [100; 4]);
        assert_eq!(all(&[1, 1, 1, 1], normalized_reverse), [0; 4]);
        assert_eq!(all(&[0, 0, 0, 0], normalized), [0; 4]);
        assert_eq!(all(&[0, 0, 0, 0], normalized_reverse), [100; 4]);
    }

    /// Sums of weights between the least and the most, also negative ones, rounded toward 0.
    #[test]
    fn affinity_sums_are_stretched() {
        assert_eq!([-5, 0, 10].map(|sum| pod_affinity_score(sum, -5, 10)), [0, 33, 100]);
        assert_eq!(pod_affinity_score(7, 7, 7), 0);
    }

    /// imagelocality/image_locality.go by hand: 250 MiB on one of two nodes scores
    /// 100·(125−23)/977 = 10; below 23 MiB counts as 23, above 1,000 MiB as 1,000.
    #[test]
    fn image_locality() {
        let mib = Bytes::from_mib;
        for (rule, size, with, nodes, expected) in [
            ("40 MiB on one of two", 40, 1, 2, 0),
            ("250 MiB on one of two", 250, 1, 2, 10),
            ("2,000 MiB on one of two is 1,000", 2_000, 1, 2, 100),
            ("4,000 MiB everywhere", 4_000, 3, 3, 100),
            ("500 MiB everywhere: 100·477/977", 500, 3, 3, 48),
            ("nowhere", 500, 0, 3, 0),
            ("no nodes", 500, 0, 0, 0),
        ] {
            assert_eq!(image_score(mib(size), with, nodes), expected, "{rule}");
        }
    }
}
