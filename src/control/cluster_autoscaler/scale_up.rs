//! Which pods and which groups a scale-up is about, and how far it may go.
//!
//! Follows core/scaleup/orchestrator/orchestrator.go and core/static_autoscaler.go.

use std::fmt;

use crate::units::{Span, Time};

use super::estimator::limiter::NodeLimit;

/// Why a pending pod does not call for nodes, or not yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotHelped {
    /// Its priority is below `--expendable-pods-priority-cutoff`.
    Expendable,
    /// It is younger than `--new-pod-scale-up-delay`, or its own annotation.
    TooYoung,
}

/// What decides whether a pending pod calls for nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HelpRules {
    /// `--expendable-pods-priority-cutoff`, -10 by default.
    pub priority_cutoff: i32,
    /// `--new-pod-scale-up-delay`, 0 by default.
    pub new_pod_delay: Span,
    /// If even the oldest pod is younger, more are likely to come: wait a loop (2 s,
    /// core/static_autoscaler.go).
    pub newest_pod_buffer: Span,
}

impl HelpRules {
    /// Upstream's defaults.
    pub const DEFAULT: Self = Self {
        priority_cutoff: -10,
        new_pod_delay: Span::ZERO,
        newest_pod_buffer: Span::from_secs(2),
    };

    /// Whether a pod of this priority and creation time calls for nodes now.
    pub fn check(&self, priority: i32, created: Time, now: Time) -> Result<(), NotHelped> {
        if priority < self.priority_cutoff {
            Err(NotHelped::Expendable)
        } else if now - created <= self.new_pod_delay {
            Err(NotHelped::TooYoung)
        } else {
            Ok(())
        }
    }

    /// Whether to wait for a loop, given when the oldest of the pods was created.
    #[must_use]
    pub fn waits_for_more(&self, oldest_created: Time, now: Time) -> bool {
        now - oldest_created < self.newest_pod_buffer
    }
}

/// Why a node group is not considered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ineligible {
    /// It is short of too many nodes itself.
    Unhealthy,
    /// It failed to grow lately.
    BackedOff,
    /// It is as large as it may be.
    AtMaxSize,
}

impl Ineligible {
    /// The reason in words for users.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Unhealthy => "its pool lacks too many nodes",
            Self::BackedOff => "its pool is in back-off after a failed scale-up",
            Self::AtMaxSize => "its pool is at its maximum size",
        }
    }
}

impl fmt::Display for Ineligible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// A node group before a scale-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupState {
    /// See [`super::cluster_state::is_group_healthy`].
    pub healthy: bool,
    /// See [`super::backoff::Backoff::status`].
    pub backed_off: bool,
    /// Present target size.
    pub target: usize,
    /// Largest allowed size.
    pub max: usize,
}

/// Whether a group may grow.
pub const fn check_group(group: &GroupState) -> Result<(), Ineligible> {
    if !group.healthy {
        Err(Ineligible::Unhealthy)
    } else if group.backed_off {
        Err(Ineligible::BackedOff)
    } else if group.max <= group.target {
        Err(Ineligible::AtMaxSize)
    } else {
        Ok(())
    }
}

/// The nodes to order of `estimated` ones: `--max-nodes-total` counts upcoming nodes, too.
#[must_use]
pub fn capped(
    estimated: usize,
    max_nodes_total: usize,
    n_current: usize,
    n_upcoming: usize,
) -> usize {
    let taken = (n_current + n_upcoming) as i64;
    match NodeLimit::of_cluster(max_nodes_total as i64, taken) {
        NodeLimit::Unlimited => estimated,
        NodeLimit::AtMost(nodes) => estimated.min(nodes),
        NodeLimit::Closed => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Balloon pods below the cutoff get no nodes, and fresh pods wait for company.
    #[test]
    fn some_pods_call_for_no_nodes() {
        let rules = HelpRules { new_pod_delay: Span::from_secs(30), ..HelpRules::DEFAULT };
        let now = Time::from_secs(100);
        for (rule, priority, created_s, expected) in [
            ("an ordinary pod", 0, 69, Ok(())),
            ("at the cutoff", -10, 69, Ok(())),
            ("below the cutoff", -11, 0, Err(NotHelped::Expendable)),
            ("exactly as old as the delay is too young", 0, 70, Err(NotHelped::TooYoung)),
        ] {
            assert_eq!(rules.check(priority, Time::from_secs(created_s), now), expected, "{rule}");
        }
        assert!(rules.waits_for_more(Time::from_secs(99), now));
        assert!(!rules.waits_for_more(Time::from_secs(98), now));
    }

    /// Health comes before back-off, back-off before size; the total counts upcoming nodes.
    #[test]
    fn groups_and_the_total_bound_a_scale_up() {
        let group = GroupState { healthy: true, backed_off: false, target: 3, max: 5 };
        assert_eq!(check_group(&group), Ok(()));
        let full = GroupState { target: 5, ..group };
        assert_eq!(check_group(&full), Err(Ineligible::AtMaxSize));
        let backed_off = GroupState { backed_off: true, ..full };
        assert_eq!(check_group(&backed_off), Err(Ineligible::BackedOff));
        let unhealthy = GroupState { healthy: false, ..backed_off };
        assert_eq!(check_group(&unhealthy), Err(Ineligible::Unhealthy));
        assert_eq!([capped(7, 0, 90, 9), capped(7, 100, 90, 5), capped(7, 100, 95, 5)], [7, 5, 0]);
    }
}
