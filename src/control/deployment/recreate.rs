//! One step of a rollout that recreates: all old pods go before the first new one comes.
//!
//! Follows `rolloutRecreate`, `scaleDownOldReplicaSetsForRecreate` and `oldPodsRunning` of
//! pkg/controller/deployment/recreate.go.

use super::SetView;

/// What a rollout that recreates does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The old ReplicaSets go to nothing.
    EmptyOld,
    /// It waits until the last old pod is gone, terminating ones included.
    Wait,
    /// The new ReplicaSet gets all that is wanted.
    FillNew,
    /// Nothing is left to do.
    Done,
}

/// What to do with `sets`, the newest last, while `n_old_pods` old pods exist in any state.
#[must_use]
pub fn step(wanted: u32, sets: &[SetView], n_old_pods: usize) -> Step {
    let Some((newest, old)) = sets.split_last() else { return Step::Done };
    if old.iter().any(|set| 0 < set.replicas) {
        Step::EmptyOld
    } else if 0 < n_old_pods {
        Step::Wait
    } else if newest.replicas != wanted {
        Step::FillNew
    } else {
        Step::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row per rule, in their order. The first is `TestScaleDownOldReplicaSets`, the next two
    /// are "old RSs with running pods" and "old RSs without pods or non-zero status replicas" of
    /// `TestOldPodsRunning` (recreate_test.go @003e8629).
    #[test]
    fn old_pods_are_gone_before_new_ones_come() {
        let set = |replicas| SetView { replicas, available: replicas, desired: 5, most: 5 };
        for (rule, old, new, n_old_pods, expected) in [
            ("old ReplicaSets are emptied", 5, 0, 5, Step::EmptyOld),
            ("a running old pod is waited for", 0, 0, 1, Step::Wait),
            ("no old pod is left", 0, 0, 0, Step::FillNew),
            ("all is there", 0, 5, 0, Step::Done),
            ("fewer are wanted", 0, 6, 0, Step::FillNew),
        ] {
            assert_eq!(step(5, &[set(old), set(new)], n_old_pods), expected, "{rule}");
        }
    }
}
