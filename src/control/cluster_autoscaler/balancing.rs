//! Spreading new nodes over similar node groups, so that their sizes stay even.
//!
//! Follows `BalanceScaleUpBetweenGroups` of processors/nodegroupset/balancing_processor.go.

/// A node group that may grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// Present target size.
    pub target: usize,
    /// Largest allowed size.
    pub max: usize,
}

/// Adds `new_nodes` one at a time, each to the smallest group below its maximum.
///
/// Returns the new size of each group, in the given order. What exceeds the free capacity is
/// dropped. Equal groups are served in the given order.
#[must_use]
pub fn balance(groups: &[Group], new_nodes: usize) -> Vec<usize> {
    let mut sizes: Vec<usize> = groups.iter().map(|group| group.target).collect();
    // Upstream sorts once and cycles; the smallest group below its maximum is the same choice.
    for _ in 0..new_nodes {
        let open = (0..groups.len()).filter(|&index| sizes[index] < groups[index].max);
        let Some(smallest) = open.min_by_key(|&index| (sizes[index], index)) else {
            break;
        };
        sizes[smallest] += 1;
    }
    sizes
}
