//! How many nodes are deleted at the same time.
//!
//! Follows `CropNodes` of core/scaledown/budgets/budgets.go; groups of size zero or maximum are
//! left out.

/// The limits, and what is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// `--max-scale-down-parallelism`: deletions of any kind.
    pub max_parallelism: usize,
    /// `--max-drain-parallelism`: deletions of nodes with pods.
    pub max_drain_parallelism: usize,
    /// Deletions of empty nodes under way.
    pub empty_in_progress: usize,
    /// Deletions of nodes with pods under way.
    pub drain_in_progress: usize,
}

/// How many nodes of each group may be deleted now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cropped {
    /// Empty nodes, for each given group.
    pub empty: Vec<usize>,
    /// Nodes with pods, for each given group.
    pub drain: Vec<usize>,
}

/// Crops what could be deleted, given as numbers of nodes by group; empty nodes go first.
#[must_use]
pub fn crop(budget: Budget, empty: &[usize], drain: &[usize]) -> Cropped {
    let under_way = budget.empty_in_progress + budget.drain_in_progress;
    let mut parallel = budget.max_parallelism.saturating_sub(under_way);
    let empty = crop_groups(empty, &mut parallel);
    let drains = budget.max_drain_parallelism.saturating_sub(budget.drain_in_progress);
    let drain = crop_groups(drain, &mut drains.min(parallel));
    Cropped { empty, drain }
}

/// Takes nodes group by group while the budget lasts.
fn crop_groups(groups: &[usize], budget: &mut usize) -> Vec<usize> {
    let take = |nodes: &usize| {
        let taken = (*nodes).min(*budget);
        *budget -= taken;
        taken
    };
    groups.iter().map(take).collect()
}
