//! How many pods a PodDisruptionBudget lets go, and whether a certain pod may go.
//!
//! Follows pkg/controller/disruption/disruption.go (`getExpectedPodCount`, `countHealthyPods`,
//! `buildDisruptedPodMap`, `updatePdbStatus`) and, for the verdict, pkg/registry/core/pod/storage/
//! eviction.go. A budget binds the eviction API only (drains, cluster autoscaler), not the
//! deletion of pods on tainted nodes. Left out: several budgets for one pod, pods without a
//! controller, conflicting writes of the status.

use std::fmt;

use crate::model::disruption_budget::{DisruptionBudget, Limit};
use crate::units::{Span, Time};

/// How long the controller believes that an evicted pod will be deleted (`DeletionTimeout`).
pub const DELETION_TIMEOUT: Span = Span::from_secs(120);

/// Most evictions that the controller may not have seen yet (`MaxDisruptedPodSize`).
pub const MOST_DISRUPTED_PODS: usize = 2_000;

/// `status` of a PodDisruptionBudget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// `expectedPods`.
    pub expected: usize,
    /// `desiredHealthy`.
    pub desired_healthy: usize,
    /// `currentHealthy`.
    pub current_healthy: usize,
    /// `disruptionsAllowed`.
    pub allowed: usize,
}

/// The status of a budget over `n_pods` pods, terminating ones included, whose controller wants
/// `scale`; `n_healthy` of them are Ready, not being deleted and not just evicted.
///
/// Shares of both kinds round up. A plain `minAvailable` expects the pods that there are.
#[must_use]
pub fn status(limit: Limit, n_pods: usize, scale: usize, n_healthy: usize) -> Status {
    use crate::units::IntOrPercent::Int;
    let scale = if n_pods == 0 { 0 } else { scale };
    let (expected, desired_healthy) = match limit {
        Limit::MinAvailable(Int(least)) => (n_pods, least as usize),
        Limit::MinAvailable(least) => (scale, least.of_rounded_up(scale)),
        Limit::MaxUnavailable(most) => (scale, scale.saturating_sub(most.of_rounded_up(scale))),
    };
    let allowed = if expected == 0 { 0 } else { n_healthy.saturating_sub(desired_healthy) };
    Status { expected, desired_healthy, current_healthy: n_healthy, allowed }
}

/// A pod as the disruption controller knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownPod {
    /// Whether it is Ready.
    pub ready: bool,
    /// Whether it has a deletionTimestamp.
    pub deleting: bool,
    /// When its eviction was granted, if it is in `disruptedPods`.
    pub evicted_at: Option<Time>,
}

/// Whether a pod counts as healthy: Ready, not being deleted, and not about to be.
#[must_use]
pub fn is_healthy(pod: KnownPod, now: Time) -> bool {
    let expected_to_go = pod.evicted_at.is_some_and(|at| now < at + DELETION_TIMEOUT);
    !pod.deleting && !expected_to_go && pod.ready
}

/// A pod as the eviction API sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvictionSubject {
    /// Whether its phase is Pending: no container runs yet.
    pub pending: bool,
    /// Whether it is Ready.
    pub ready: bool,
    /// Whether it has a deletionTimestamp.
    pub deleting: bool,
}

/// Why an eviction is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// No budget guards a pod that is pending or being deleted already.
    Unguarded,
    /// It is not ready, and the budget's policy lets it go.
    NotReady,
    /// The budget allows one more disruption.
    WithinBudget,
}

/// Why an eviction is refused (429 Too Many Requests, or 403).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// The budget allows no disruption now.
    BudgetUsedUp,
    /// Too many granted evictions have not been seen by the controller yet.
    TooManyUnseen,
}

/// Whether a pod may be evicted. `n_unseen` evictions have been granted and not been seen yet.
///
/// # Errors
/// Why not.
pub fn may_evict(
    pod: EvictionSubject,
    budget: &DisruptionBudget,
    status: &Status,
    n_unseen: usize,
) -> Result<Grant, Denial> {
    if pod.pending || pod.deleting {
        return Ok(Grant::Unguarded);
    }
    let is_met = status.desired_healthy <= status.current_healthy && 0 < status.desired_healthy;
    if !pod.ready && (budget.unhealthy_may_go || is_met) {
        return Ok(Grant::NotReady);
    }
    if MOST_DISRUPTED_PODS < n_unseen {
        return Err(Denial::TooManyUnseen);
    }
    if status.allowed == 0 {
        return Err(Denial::BudgetUsedUp);
    }
    Ok(Grant::WithinBudget)
}

impl Denial {
    /// The reason in words for users.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::BudgetUsedUp => "its PodDisruptionBudget allows no disruption now",
            Self::TooManyUnseen => "too many evictions are not confirmed yet",
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::IntOrPercent::{Int, Percent};
    use Limit::{MaxUnavailable, MinAvailable};

    /// Shares of both kinds round up; what is expected depends on the kind. Rows with a name of
    /// disruption_test.go (@003e8629) are those of that test.
    #[test]
    fn shares_round_up() {
        // limit; pods, scale, healthy; expected, desired healthy, allowed
        for (rule, limit, [n_pods, scale, healthy], [expected, desired, allowed]) in [
            ("a number stays", MinAvailable(Int(2)), [5, 5, 5], [5, 2, 3]),
            ("a number expects the pods that exist", MinAvailable(Int(2)), [6, 5, 5], [6, 2, 3]),
            ("minAvailable 50 % of 5 is 3", MinAvailable(Percent(50)), [5, 5, 5], [5, 3, 2]),
            ("minAvailable 40 % of 5 is 2", MinAvailable(Percent(40)), [5, 5, 5], [5, 2, 3]),
            ("a share is one of the scale", MinAvailable(Percent(50)), [9, 5, 5], [5, 3, 2]),
            ("maxUnavailable 30 % of 5 is 2", MaxUnavailable(Percent(30)), [5, 5, 5], [5, 3, 2]),
            ("maxUnavailable 20 % of 5 is 1", MaxUnavailable(Percent(20)), [5, 5, 5], [5, 4, 1]),
            ("TestIntegerMaxUnavailableWithScaling", MaxUnavailable(Int(2)), [1, 7, 1], [7, 5, 0]),
            ("the same, scaled down", MaxUnavailable(Int(2)), [1, 5, 1], [5, 3, 0]),
            (
                "TestPercentageMaxUnavailableWithScaling",
                MaxUnavailable(Percent(30)),
                [1, 7, 1],
                [7, 4, 0],
            ),
            ("the same, scaled down", MaxUnavailable(Percent(30)), [1, 3, 1], [3, 2, 0]),
            ("TestReplicaSet", MinAvailable(Percent(20)), [1, 10, 1], [10, 2, 0]),
            ("unhealthy pods use it up", MaxUnavailable(Percent(30)), [5, 5, 3], [5, 3, 0]),
            ("more than all may be missing", MaxUnavailable(Int(9)), [5, 5, 5], [5, 0, 5]),
            ("never negative", MinAvailable(Int(9)), [5, 5, 5], [5, 9, 0]),
            ("a scale of 0 allows nothing", MaxUnavailable(Int(1)), [3, 0, 3], [0, 0, 0]),
            ("no pods allow nothing", MinAvailable(Int(0)), [0, 5, 0], [0, 0, 0]),
            ("no pods have no scale", MaxUnavailable(Int(1)), [0, 5, 0], [0, 0, 0]),
        ] {
            let found = status(limit, n_pods, scale, healthy);
            let found = [found.expected, found.desired_healthy, found.allowed];
            assert_eq!(found, [expected, desired, allowed], "{rule}");
        }
    }

    /// `countHealthyPods` and `buildDisruptedPodMap` (disruption.go): who counts as healthy.
    /// `TestUpdateDisruptedPods` (disruption_test.go @003e8629) has a pod that is being deleted,
    /// one evicted a minute ago and one evicted 3 min ago; the bound between these is 2 min.
    #[test]
    fn healthy_is_ready_and_there_to_stay() {
        let now = Time::from_secs(1_000);
        let pod = KnownPod { ready: true, deleting: false, evicted_at: None };
        let evicted = |ago_s| KnownPod { evicted_at: Some(now - Span::from_secs(ago_s)), ..pod };
        for (rule, pod, healthy) in [
            ("ready", pod, true),
            ("not ready", KnownPod { ready: false, ..pod }, false),
            ("being deleted", KnownPod { deleting: true, ..pod }, false),
            ("just evicted", evicted(0), false),
            ("evicted 119 s ago, still there", evicted(119), false),
            ("evicted 120 s ago, still there: it stays", evicted(120), true),
        ] {
            assert_eq!(is_healthy(pod, now), healthy, "{rule}");
        }
    }

    /// The rows of `TestEviction` and `TestEvictionIgnorePDB` (eviction_test.go) that our world
    /// knows, under their names without "matching pdbs with no disruptions allowed", and the
    /// bounds of the rules.
    #[test]
    fn evictions_are_granted_as_upstream() {
        use Denial::{BudgetUsedUp, TooManyUnseen};
        use Grant::{NotReady, Unguarded, WithinBudget};
        let pod = |pending, ready, deleting| EvictionSubject { pending, ready, deleting };
        let (running, unhealthy) = (pod(false, true, false), pod(false, false, false));
        let (pending, terminating) = (pod(true, false, false), pod(false, true, true));
        let (if_healthy, always) = (false, true);
        // allowed, healthy, desired; evictions not seen yet
        for (name, pod, unhealthy_may_go, [allowed, healthy, desired], n_unseen, verdict) in [
            ("pod running", unhealthy, if_healthy, [0, 0, 0], 0, Err(BudgetUsedUp)),
            ("pod pending", pending, if_healthy, [0, 0, 0], 0, Ok(Unguarded)),
            ("disruptions allowed", running, if_healthy, [1, 0, 0], 0, Ok(WithinBudget)),
            ("pod terminating", terminating, if_healthy, [0, 0, 0], 0, Ok(Unguarded)),
            ("unhealthy pod not ours", running, if_healthy, [0, 2, 2], 0, Err(BudgetUsedUp)),
            ("healthy pod ours", running, always, [1, 3, 3], 0, Ok(WithinBudget)),
            ("unhealthy pod ours", unhealthy, if_healthy, [0, 2, 2], 0, Ok(NotReady)),
            ("skips the PDB check and deletes", unhealthy, always, [0, 0, 0], 0, Ok(NotReady)),
            ("one healthy pod short", unhealthy, if_healthy, [0, 1, 2], 0, Err(BudgetUsedUp)),
            ("2,000 are unseen", running, if_healthy, [1, 2, 1], 2_000, Ok(WithinBudget)),
            ("2,001 are too many", running, if_healthy, [1, 2, 1], 2_001, Err(TooManyUnseen)),
        ] {
            let budget = DisruptionBudget { limit: MinAvailable(Int(0)), unhealthy_may_go };
            let (desired_healthy, current_healthy) = (desired, healthy);
            let status = Status { expected: 3, desired_healthy, current_healthy, allowed };
            assert_eq!(may_evict(pod, &budget, &status, n_unseen), verdict, "{name}");
        }
    }
}
