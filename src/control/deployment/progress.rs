//! Whether a rollout is done, moves, or is stuck: the Progressing condition of a Deployment.
//!
//! Follows `syncRolloutStatus` of pkg/controller/deployment/progress.go and `DeploymentComplete`,
//! `DeploymentProgressing`, `DeploymentTimedOut` of util/deployment_util.go.

use crate::model::rollout::{RolloutCounts, RolloutStatus};
use crate::units::{Span, Time};

/// What a look at a rollout shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// All wanted pods are of the newest revision and available, and no other is left
    /// (`NewReplicaSetAvailable`).
    Complete,
    /// Something moved since the last look (`ReplicaSetUpdated`).
    Moved,
    /// Nothing moved for longer than the deadline (`ProgressDeadlineExceeded`).
    Stuck,
    /// Nothing moved, and there is time left.
    Waiting,
}

/// Compares the counts with those of the last look.
#[must_use]
pub fn progress(
    wanted: u32,
    before: &RolloutStatus,
    counts: RolloutCounts,
    deadline: Span,
    now: Time,
) -> Progress {
    if is_complete(wanted, counts) {
        Progress::Complete
    } else if has_moved(before.counts, counts) {
        Progress::Moved
    } else if before.stuck || before.moved_at + deadline < now {
        Progress::Stuck
    } else {
        Progress::Waiting
    }
}

fn is_complete(wanted: u32, counts: RolloutCounts) -> bool {
    counts.updated == wanted && counts.replicas == wanted && counts.available == wanted
}

fn has_moved(before: RolloutCounts, after: RolloutCounts) -> bool {
    let old = |counts: RolloutCounts| counts.replicas.saturating_sub(counts.updated);
    before.updated < after.updated
        || old(after) < old(before)
        || before.ready < after.ready
        || before.available < after.available
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn counts([replicas, updated, ready, available]: [u32; 4]) -> RolloutCounts {
        RolloutCounts { replicas, updated, ready, available }
    }

    /// `TestDeploymentComplete` (deployment_util_test.go): wanted; replicas, updated, available.
    #[test]
    fn complete_is_all_new_and_available() {
        for (name, wanted, [replicas, updated, available], complete) in [
            ("not complete: min but not all pods become available", 5, [5, 5, 4], false),
            ("not complete: min availability is not honored", 5, [5, 5, 3], false),
            ("complete", 5, [5, 5, 5], true),
            ("not complete: all pods are available but not updated", 5, [5, 4, 5], false),
            ("not complete: still running old pods", 1, [2, 1, 1], false),
            ("not complete: one replica deployment never comes up", 1, [1, 1, 0], false),
        ] {
            let counts = counts([replicas, updated, available, available]);
            assert_eq!(is_complete(wanted, counts), complete, "{name}");
        }
    }

    /// `TestDeploymentProgressing` (deployment_util_test.go): replicas, updated, ready, available.
    #[test]
    fn progress_is_any_of_four_movements() {
        for (name, before, after, moved) in [
            ("progressing: updated pods", [10, 4, 4, 4], [10, 6, 4, 4], true),
            ("not progressing", [10, 4, 4, 4], [10, 4, 4, 4], false),
            ("progressing: old pods removed", [10, 4, 6, 6], [8, 4, 6, 6], true),
            ("not progressing: less new pods", [10, 7, 3, 3], [10, 6, 3, 3], false),
            ("progressing: less overall but more new", [10, 4, 7, 7], [8, 8, 5, 5], true),
            ("progressing: more ready pods", [10, 10, 9, 8], [10, 10, 10, 8], true),
            ("progressing: more available pods", [10, 10, 10, 9], [10, 10, 10, 10], true),
        ] {
            assert_eq!(has_moved(counts(before), counts(after)), moved, "{name}");
        }
    }

    /// `TestDeploymentTimedOut` (deployment_util_test.go): a deadline of 10 s.
    #[test]
    fn a_rollout_is_stuck_after_its_deadline() {
        let now = Time::from_secs(80);
        let same = counts([10, 4, 4, 4]);
        for (name, ago_s, stuck, expected) in [
            ("now - started => 00:01:20 - 00:01:09 => 11s", 11, false, Progress::Stuck),
            ("now - started => 00:01:20 - 00:01:11 => 9s", 9, false, Progress::Waiting),
            ("exactly the deadline", 10, false, Progress::Waiting),
            ("once stuck, stuck until it moves", 0, true, Progress::Stuck),
        ] {
            let moved_at = now - Span::from_secs(ago_s);
            let before = RolloutStatus { counts: same, moved_at, stuck };
            assert_eq!(progress(10, &before, same, Span::from_secs(10), now), expected, "{name}");
        }
        let stuck = RolloutStatus { counts: same, moved_at: Time::ZERO, stuck: true };
        let moved = progress(10, &stuck, counts([10, 5, 4, 4]), Span::from_secs(10), now);
        assert_eq!(moved, Progress::Moved, "a stuck rollout that moves goes on");
    }
}
