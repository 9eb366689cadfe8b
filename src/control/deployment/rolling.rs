//! One step of a rolling update: the new ReplicaSet up, or the old ones down.
//!
//! Follows `reconcileNewReplicaSet`, `reconcileOldReplicaSets`, `cleanupUnhealthyReplicas` and
//! `scaleDownOldReplicaSetsForRollingUpdate` of pkg/controller/deployment/rolling.go and
//! `NewRSNewReplicas` of util/deployment_util.go.

use super::fenceposts::Fenceposts;
use super::{SetView, total};

/// Why the old ReplicaSets keep their sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// They are empty already.
    NothingOld,
    /// Fewer pods would be available than must be: new ones are not available yet.
    TooFewAvailable,
    /// An old one still has more available pods than its size says: its last step is under way.
    StepUnderWay,
}

/// The size that the newest ReplicaSet gets now, if it is another than it has.
///
/// `sets` are all of them, the newest last.
#[must_use]
pub fn resize_new(wanted: u32, fence: Fenceposts, sets: &[SetView]) -> Option<u32> {
    let newest = sets.last()?.replicas;
    let size = if wanted <= newest { wanted } else { raised(wanted, fence, total(sets), newest) };
    (size != newest).then_some(size)
}

/// `NewRSNewReplicas` of a rolling update: up to the surge, and to what is wanted.
fn raised(wanted: u32, fence: Fenceposts, total: u32, newest: u32) -> u32 {
    let room = (wanted + fence.surge).saturating_sub(total);
    newest + room.min(wanted.saturating_sub(newest))
}

/// The sizes that the old ReplicaSets get now, from the oldest on.
///
/// `sets` are all of them, the newest last. Pods that are not available go first, so that they
/// do not hold up the rollout; then as many as stay above the least availability.
///
/// # Errors
/// Why they keep their sizes.
pub fn resize_old(wanted: u32, fence: Fenceposts, sets: &[SetView]) -> Result<Vec<u32>, Held> {
    let Some((newest, old)) = sets.split_last() else { return Err(Held::NothingOld) };
    if total(old) == 0 {
        return Err(Held::NothingOld);
    }
    let least_available = i64::from(wanted) - i64::from(fence.unavailable);
    let new_unavailable = i64::from(newest.replicas) - i64::from(newest.available);
    let most_removed = i64::from(total(sets)) - least_available - new_unavailable;
    if most_removed <= 0 {
        return Err(Held::TooFewAvailable);
    }
    if old.iter().any(|set| 0 < set.replicas && set.replicas < set.available) {
        return Err(Held::StepUnderWay);
    }
    let mut sizes: Vec<u32> = old.iter().map(|set| set.replicas).collect();
    let cleaned = clean_up_unhealthy(&mut sizes, old, most_removed);
    let available: u32 = sets.iter().map(|set| set.available).sum();
    let removed = scale_down(&mut sizes, i64::from(available) - least_available);
    if cleaned + removed == 0 { Err(Held::TooFewAvailable) } else { Ok(sizes) }
}

/// Takes away up to `most` pods that are not available; how many it took.
fn clean_up_unhealthy(sizes: &mut [u32], old: &[SetView], most: i64) -> i64 {
    let mut left = most;
    for (size, set) in sizes.iter_mut().zip(old) {
        let unhealthy = size.saturating_sub(set.available);
        left -= take(size, i64::from(unhealthy).min(left));
    }
    most - left
}

/// Takes away up to `most` pods, the oldest ReplicaSet's first; how many it took.
fn scale_down(sizes: &mut [u32], most: i64) -> i64 {
    let most = most.max(0);
    let mut left = most;
    for size in sizes {
        left -= take(size, left);
    }
    most - left
}

fn take(size: &mut u32, most: i64) -> i64 {
    let taken = u32::try_from(most.max(0)).unwrap_or(u32::MAX).min(*size);
    *size -= taken;
    i64::from(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(replicas: u32, available: u32) -> SetView {
        SetView { replicas, available, desired: 10, most: 10 }
    }

    const fn fence(surge: u32, unavailable: u32) -> Fenceposts {
        Fenceposts { surge, unavailable }
    }

    /// `TestDeploymentController_reconcileNewReplicaSet` (rolling_test.go), and
    /// `TestNewRSNewReplicas` (deployment_util_test.go), whose list leaves the new one out.
    #[test]
    fn the_new_replica_set_grows_to_the_surge() {
        for (rule, wanted, surge, old, new, expected) in [
            ("should not scale up", 10, 0, 10, 0, None),
            ("up by the surge", 10, 2, 10, 0, Some(2)),
            ("up into the room", 10, 2, 5, 0, Some(7)),
            ("at the surge", 10, 2, 10, 2, None),
            ("should scale down", 10, 2, 2, 11, Some(10)),
        ] {
            let sets = [set(old, old), set(new, new)];
            assert_eq!(resize_new(wanted, fence(surge, 1), &sets), expected, "{rule}");
        }
        for (rule, wanted, new, surge, expected) in [
            ("can not scale up - to newRSReplicas", 1, 5, 1, 5),
            ("scale up - to depReplicas", 6, 2, 10, 6),
        ] {
            assert_eq!(raised(wanted, fence(surge, 1), 5, new), expected, "{rule}");
        }
    }

    /// `TestDeploymentController_reconcileOldReplicaSets`: one old and one new ReplicaSet with so
    /// many available pods.
    #[test]
    fn old_replica_sets_shrink_as_availability_allows() {
        for (rule, unavailable, old, new, expected) in [
            // Both bounds 0 resolve to one unavailable pod.
            ("maxUnavailable 0: one goes", 1, set(10, 10), set(0, 0), Ok(vec![9])),
            ("down by maxUnavailable", 2, set(10, 10), set(0, 0), Ok(vec![8])),
            ("unhealthy replicas are cleaned up", 2, set(10, 8), set(0, 0), Ok(vec![8])),
            ("1 unhealthy and 1 ready", 2, set(10, 9), set(0, 0), Ok(vec![8])),
            (
                "unavailable new pods hold the old ones",
                2,
                set(8, 8),
                set(2, 0),
                Err(Held::TooFewAvailable),
            ),
            ("nothing old", 2, set(0, 0), set(10, 0), Err(Held::NothingOld)),
            ("the last step is under way", 2, set(8, 10), set(5, 3), Err(Held::StepUnderWay)),
        ] {
            assert_eq!(resize_old(10, fence(0, unavailable), &[old, new]), expected, "{rule}");
        }
    }

    /// `TestDeploymentController_cleanupUnhealthyReplicas`: 10 old replicas, so many ready, at most
    /// so many cleaned up.
    #[test]
    fn unhealthy_replicas_go_first() {
        for (ready, most, expected) in [(8, 1, 1), (8, 3, 2), (8, 0, 0), (10, 3, 0)] {
            let old = [set(10, ready)];
            let cleaned = clean_up_unhealthy(&mut [10], &old, most);
            assert_eq!(cleaned, expected, "{ready} ready, at most {most}");
        }
    }

    /// `TestDeploymentController_scaleDownOldReplicaSetsForRollingUpdate`: how far ready pods
    /// exceed the least availability of 10 wanted ones.
    #[test]
    fn old_pods_go_down_to_the_least_availability() {
        for (unavailable, ready, old, expected) in
            [(1, 10, 10, 9), (2, 10, 10, 8), (2, 8, 10, 10), (2, 10, 0, 0), (2, 1, 10, 10)]
        {
            let mut sizes = [old];
            scale_down(&mut sizes, ready - (10 - unavailable));
            assert_eq!(sizes, [expected], "{unavailable} unavailable, {ready} of {old} ready");
        }
    }

    /// Several old ReplicaSets: the oldest gives first, also of its unhealthy pods.
    #[test]
    fn the_oldest_gives_first() {
        let sets = [set(3, 3), set(5, 4), set(2, 2)];
        // 10 - 8 = 2 may go: one unhealthy of the second, then 9 available - 8 = 1 of the first.
        assert_eq!(resize_old(10, fence(3, 2), &sets), Ok(vec![2, 4]));
    }
}
