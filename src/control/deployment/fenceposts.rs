//! How far a rolling update may leave the wanted number of pods.
//!
//! Follows `ResolveFenceposts` of pkg/controller/deployment/util/deployment_util.go.

use crate::model::rollout::Strategy;

/// How far a rolling update may leave the wanted number of pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fenceposts {
    /// Pods above the wanted number.
    pub surge: u32,
    /// Pods that may be unavailable.
    pub unavailable: u32,
}

impl Fenceposts {
    /// Resolves `maxSurge` (rounded up) and `maxUnavailable` (rounded down, and at most all, as
    /// `MaxUnavailable` has it); a strategy that recreates leaves no room.
    ///
    /// If both come to nothing, one pod may be unavailable: otherwise nothing could move.
    #[must_use]
    pub fn resolve(strategy: Strategy, wanted: u32) -> Self {
        let Strategy::RollingUpdate { max_surge, max_unavailable } = strategy else {
            return Self { surge: 0, unavailable: 0 };
        };
        let pods = |count: usize| u32::try_from(count).expect("limits keep counts below 2^32");
        let surge = pods(max_surge.of_rounded_up(wanted as usize));
        let unavailable = pods(max_unavailable.of_rounded_down(wanted as usize));
        let stands_still = surge == 0 && unavailable == 0;
        let unavailable = if stands_still { 1 } else { unavailable };
        Self { surge, unavailable: unavailable.min(wanted) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::IntOrPercent::{self, Int, Percent};

    fn rolling(max_surge: IntOrPercent, max_unavailable: IntOrPercent) -> Strategy {
        Strategy::RollingUpdate { max_surge, max_unavailable }
    }

    /// The rows of `TestResolveFenceposts` and `TestMaxUnavailable` (deployment_util_test.go) that
    /// can be written here, and the rounding of each bound.
    #[test]
    fn fenceposts_round_apart() {
        for (rule, surge, unavailable, wanted, expected) in [
            ("the default of 25 % each", Percent(25), Percent(25), 10, (3, 2)),
            ("few pods: one more, none less", Percent(25), Percent(25), 1, (1, 0)),
            ("numbers stay", Int(2), Int(0), 10, (2, 0)),
            ("both nothing: one unavailable", Int(0), Percent(25), 3, (0, 1)),
            ("0 % and 0 % of 10", Percent(0), Percent(0), 10, (0, 1)),
            ("39 % and 39 % of 10", Percent(39), Percent(39), 10, (4, 3)),
            ("39 % and nothing of 10", Percent(39), Int(0), 10, (4, 0)),
            ("maxUnavailable less than replicas", Int(1), Int(5), 10, (1, 5)),
            ("maxUnavailable equal replicas", Int(1), Int(10), 10, (1, 10)),
            ("maxUnavailable greater than replicas", Int(1), Int(5), 4, (1, 4)),
            ("maxUnavailable with replicas is 0", Int(1), Int(1), 0, (1, 0)),
            ("maxUnavailable less than replicas with percents", Int(1), Percent(50), 10, (1, 5)),
        ] {
            let found = Fenceposts::resolve(rolling(surge, unavailable), wanted);
            assert_eq!((found.surge, found.unavailable), expected, "{rule}");
        }
        let none = Fenceposts { surge: 0, unavailable: 0 };
        assert_eq!(Fenceposts::resolve(Strategy::Recreate, 10), none, "recreate leaves no room");
    }
}
