//! The arithmetic of a Deployment's rolling update.
//!
//! Follows pkg/controller/deployment/util/deployment_util.go (`ResolveFenceposts`,
//! `NewRSNewReplicas`) and rolling.go (`reconcileOldReplicaSets`). Left out: progress deadlines,
//! revision history, pausing, and several old ReplicaSets at once.

use crate::units::IntOrPercent;

/// How far a rolling update may leave the wanted number of pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fenceposts {
    /// Pods above the wanted number.
    pub surge: usize,
    /// Pods that may be unavailable.
    pub unavailable: usize,
}

impl Fenceposts {
    /// Resolves `maxSurge` (rounded up) and `maxUnavailable` (rounded down).
    ///
    /// If both come to nothing, one pod may be unavailable: otherwise nothing could move.
    #[must_use]
    pub const fn resolve(surge: IntOrPercent, unavailable: IntOrPercent, wanted: usize) -> Self {
        let surge = surge.of_rounded_up(wanted);
        let unavailable = unavailable.of_rounded_down(wanted);
        Self { surge, unavailable: if surge == 0 && unavailable == 0 { 1 } else { unavailable } }
    }
}

/// How many pods the new ReplicaSet may add now.
///
/// `n_total` counts the pods of all ReplicaSets, `n_new` those of the new one.
#[must_use]
pub fn new_pods_to_add(wanted: usize, fence: Fenceposts, n_total: usize, n_new: usize) -> usize {
    let room = (wanted + fence.surge).saturating_sub(n_total);
    room.min(wanted.saturating_sub(n_new))
}

/// How many pods the old ReplicaSets may lose now; unhealthy ones go first.
///
/// `n_new_unavailable` are pods of the new ReplicaSet that are not available yet.
#[must_use]
pub fn old_pods_to_remove(
    wanted: usize,
    fence: Fenceposts,
    n_total: usize,
    n_new_unavailable: usize,
) -> usize {
    let least_available = wanted.saturating_sub(fence.unavailable);
    n_total.saturating_sub(least_available + n_new_unavailable)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Surge rounds up, unavailable rounds down, and a rollout can always move.
    #[test]
    fn fenceposts_round_apart() {
        use IntOrPercent::{Int, Percent};
        for (rule, surge, unavailable, wanted, fence) in [
            ("the default of 25 % each", Percent(25), Percent(25), 10, (3, 2)),
            ("few pods: one more, none less", Percent(25), Percent(25), 1, (1, 0)),
            ("numbers stay", Int(2), Int(0), 10, (2, 0)),
            ("both nothing: one unavailable", Int(0), Percent(25), 3, (0, 1)),
        ] {
            let resolved = Fenceposts::resolve(surge, unavailable, wanted);
            assert_eq!((resolved.surge, resolved.unavailable), fence, "{rule}");
        }
    }

    /// A rollout of 10 pods at the defaults: 3 more at once, 2 old ones gone, then as new ones
    /// turn available.
    #[test]
    fn a_rollout_stays_between_its_fenceposts() {
        let fence = Fenceposts { surge: 3, unavailable: 2 };
        assert_eq!(new_pods_to_add(10, fence, 10, 0), 3);
        assert_eq!(old_pods_to_remove(10, fence, 13, 3), 2, "13 - 8 kept - 3 not available");
        assert_eq!(new_pods_to_add(10, fence, 11, 3), 2, "room up to 13");
        assert_eq!(new_pods_to_add(10, fence, 10, 10), 0, "the new ReplicaSet is complete");
    }
}
