//! The end of a pod: preStop, SIGTERM, SIGKILL.
//!
//! Follows pkg/kubelet/kuberuntime/kuberuntime_container.go (killContainer): the grace period
//! counts from the deletion and covers the preStop hook; a container always gets 2 s between
//! SIGTERM and SIGKILL. Endpoints learn of the deletion by their own path at the same time, so
//! without a preStop sleep new requests still meet the dying pod.

use std::fmt;

use crate::units::{Span, Time};

/// Time that every container gets between SIGTERM and SIGKILL (minimumGracePeriodInSeconds).
pub const MINIMUM_GRACE: Span = Span::from_secs(2);

/// When a pod stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Termination {
    /// SIGTERM: the process takes nothing new and finishes what it has.
    pub sigterm_at: Time,
    /// The process is gone.
    pub ends_at: Time,
    /// How it went.
    pub how: TerminationEnd,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TerminationEnd {
    /// It finished its work and exited.
    Exited,
    /// The grace period was over first; what it had in hand is lost.
    Killed,
}

/// When a pod deleted at `deleted_at` stops: `pre_stop` is the length of its hook, `drains_in`
/// the time from SIGTERM that its process needs to finish.
#[must_use]
pub fn terminate(deleted_at: Time, grace: Span, pre_stop: Span, drains_in: Span) -> Termination {
    let sigterm_at = deleted_at + pre_stop.min(grace);
    let killed_at = kill_at(deleted_at, grace, pre_stop);
    let exits_at = sigterm_at + drains_in;
    if exits_at <= killed_at {
        Termination { sigterm_at, ends_at: exits_at, how: TerminationEnd::Exited }
    } else {
        Termination { sigterm_at, ends_at: killed_at, how: TerminationEnd::Killed }
    }
}

/// When SIGKILL comes: at the end of the grace period, but 2 s after SIGTERM at the earliest.
#[must_use]
pub fn kill_at(deleted_at: Time, grace: Span, pre_stop: Span) -> Time {
    let used = pre_stop.min(grace);
    deleted_at + used + (grace - used).max(MINIMUM_GRACE)
}

impl fmt::Display for TerminationEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exited => "exited after its last request",
            Self::Killed => "killed at the end of its grace period",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row per rule: grace, preStop and drain time; SIGTERM and end, in seconds.
    #[test]
    fn the_grace_period_covers_the_hook() {
        use TerminationEnd::{Exited, Killed};
        let table = [
            ("exits when drained", 30, 0, 4, 0, 4, Exited),
            ("the hook comes first", 30, 10, 4, 10, 14, Exited),
            ("killed at the end of the grace period", 30, 10, 25, 10, 30, Killed),
            ("exiting just in time counts", 30, 10, 20, 10, 30, Exited),
            ("a hook as long as the grace leaves 2 s", 30, 60, 5, 30, 32, Killed),
            ("grace 0 leaves 2 s", 0, 0, 1, 0, 1, Exited),
        ];
        for (rule, grace, pre_stop, drains_in, sigterm, ends, how) in table {
            let span = Span::from_secs;
            let end = terminate(Time::ZERO, span(grace), span(pre_stop), span(drains_in));
            let (sigterm_at, ends_at) = (Time::from_secs(sigterm), Time::from_secs(ends));
            assert_eq!(end, Termination { sigterm_at, ends_at, how }, "{rule}");
        }
    }
}
