//! How many nodes may be called unneeded, and since when each has been.
//!
//! Follows `unneededNodesLimit` of core/scaledown/planner/planner.go and `Update` of
//! core/scaledown/unneeded/nodes.go.

use std::collections::BTreeMap;

use crate::model::ids::NodeId;
use crate::units::{Span, Time};

/// What bounds the number of unneeded nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// `--max-scale-down-parallelism`.
    pub max_parallelism: usize,
    /// `--scale-down-unneeded-time`.
    pub unneeded_time: Span,
    /// Shortest time between two passes so far.
    pub update_interval: Span,
}

/// A pass stops looking once it has found so many unneeded nodes.
///
/// It lets the last pass's number grow by two rounds of deletions, but never above what can be
/// deleted while a node waits for its time to be up.
#[must_use]
pub fn unneeded_limit(previously_unneeded: usize, pace: Pace) -> usize {
    let n = pace.max_parallelism;
    let rounds =
        pace.unneeded_time.max(pace.update_interval).nanos() / pace.update_interval.nanos();
    let rounds = usize::try_from(rounds).expect("an interval is positive");
    (previously_unneeded + 2 * n).min(n.saturating_mul(rounds).saturating_add(n))
}

/// How many of `n_eligible` nodes a pass finds unneeded, if all of them could go.
///
/// Nodes of a group that has either no node or all of them do not count towards the limit.
#[must_use]
pub fn found_unneeded(n_eligible: usize, limit: usize, zero_or_max_group: bool) -> usize {
    if zero_or_max_group { n_eligible } else { n_eligible.min(limit) }
}

/// Since when each unneeded node has been unneeded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unneeded {
    since: BTreeMap<NodeId, Time>,
}

impl Unneeded {
    /// Takes the result of a pass: nodes found again keep their time, others are forgotten.
    pub fn update(&mut self, found: impl IntoIterator<Item = NodeId>, now: Time) {
        let since = |node: NodeId| (node, self.since.get(&node).copied().unwrap_or(now));
        self.since = found.into_iter().map(since).collect();
    }

    /// Forgets all, as after an unhealthy pass.
    pub fn clear(&mut self) {
        self.since.clear();
    }

    /// Unneeded nodes with the instant since which they are, in order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, Time)> {
        self.since.iter().map(|(node, since)| (*node, *since))
    }

    /// Number of unneeded nodes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.since.len()
    }

    /// Whether none is unneeded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.since.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A node that is needed for one pass starts its wait anew.
    #[test]
    fn a_needed_pass_restarts_the_wait() {
        let [a, b] = [0, 1].map(NodeId::new);
        let mut unneeded = Unneeded::default();
        let at = Time::from_secs;
        unneeded.update([a, b], at(0));
        unneeded.update([a], at(10));
        unneeded.update([a, b], at(20));
        assert_eq!(unneeded.iter().collect::<Vec<_>>(), [(a, at(0)), (b, at(20))]);
    }
}
