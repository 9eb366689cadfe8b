//! How many pods a PodDisruptionBudget lets go.
//!
//! Follows pkg/controller/disruption/disruption.go. A budget binds the eviction API only (drains,
//! cluster autoscaler), not the deletion of pods on tainted nodes. Left out: the policy for
//! evicting unhealthy pods.

use super::deployment::IntOrPercent;

/// `spec` of a PodDisruptionBudget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// This many stay healthy.
    MinAvailable(IntOrPercent),
    /// This many may be missing.
    MaxUnavailable(IntOrPercent),
}

/// How many healthy pods may be evicted now.
///
/// `n_expected` is the scale of the pods' controllers; healthy pods are Ready, not being deleted
/// and not just evicted. Shares of both kinds round up.
#[must_use]
pub fn disruptions_allowed(budget: Budget, n_expected: usize, n_healthy: usize) -> usize {
    if n_expected == 0 {
        return 0;
    }
    let healthy_wanted = match budget {
        Budget::MinAvailable(least) => least.of_rounded_up(n_expected),
        Budget::MaxUnavailable(most) => n_expected.saturating_sub(most.of_rounded_up(n_expected)),
    };
    n_healthy.saturating_sub(healthy_wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shares of both kinds round up; nothing expected means nothing allowed.
    #[test]
    fn shares_round_up() {
        use Budget::{MaxUnavailable, MinAvailable};
        use IntOrPercent::{Int, Percent};
        for (rule, budget, n_expected, n_healthy, allowed) in [
            ("a number stays", MinAvailable(Int(2)), 5, 5, 3),
            ("minAvailable 50 % of 5 is 3", MinAvailable(Percent(50)), 5, 5, 2),
            ("maxUnavailable 30 % of 5 is 2", MaxUnavailable(Percent(30)), 5, 5, 2),
            ("unhealthy pods use the budget up", MaxUnavailable(Percent(30)), 5, 3, 0),
            ("never negative", MinAvailable(Int(9)), 5, 5, 0),
            ("nothing expected", MaxUnavailable(Int(1)), 0, 3, 0),
        ] {
            assert_eq!(disruptions_allowed(budget, n_expected, n_healthy), allowed, "{rule}");
        }
    }
}
