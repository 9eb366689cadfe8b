//! The end of a container: preStop, SIGTERM, SIGKILL.
//!
//! Follows pkg/kubelet/kuberuntime/kuberuntime_container.go (killContainer) for pods that are
//! deleted and for containers that failed a liveness or startup probe: the grace period counts
//! from the deletion and covers the preStop hook, whose time it counts in whole seconds; a
//! container always gets 2 s between SIGTERM and SIGKILL. Endpoints learn of the deletion by
//! their own path at the same time, so without a preStop sleep new requests still meet the dying
//! pod. Left out: a pod with a grace period of 0 stays until its container has ended, though the
//! API server forgets it at once.

use crate::units::{Span, Time};

/// Time that every container gets between SIGTERM and SIGKILL (minimumGracePeriodInSeconds).
pub const MINIMUM_GRACE: Span = Span::from_secs(2);
/// No grace period is shorter for the kubelet (pod_workers.go, calculateEffectiveGracePeriod).
const LEAST: Span = Span::from_secs(1);

/// When a container stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Termination {
    /// SIGTERM: the process takes nothing new and finishes what it has.
    pub sigterm_at: Time,
    /// SIGKILL: what it still has in hand is lost.
    pub sigkill_at: Time,
}

/// How a container stops that is told to at `from`: `pre_stop` is the length of its hook.
#[must_use]
pub fn terminate(from: Time, grace: Span, pre_stop: Span) -> Termination {
    let grace = grace.max(LEAST);
    let hook = pre_stop.min(grace);
    let left = grace - Span::from_secs(hook.nanos() / 1_000_000_000);
    let sigterm_at = from + hook;
    Termination { sigterm_at, sigkill_at: sigterm_at + left.max(MINIMUM_GRACE) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row per rule: grace, preStop; SIGTERM and SIGKILL, in seconds.
    #[test]
    fn the_grace_period_covers_the_hook() {
        let table = [
            ("no hook", 30.0, 0.0, 0.0, 30.0),
            ("the hook comes first", 30.0, 10.0, 10.0, 30.0),
            ("the hook counts in whole seconds", 30.0, 5.9, 5.9, 30.9),
            ("28 s of 30 leave 2 s", 30.0, 28.0, 28.0, 30.0),
            ("29 s of 30 leave 2 s, too", 30.0, 29.0, 29.0, 31.0),
            ("a hook as long as the grace leaves 2 s", 30.0, 60.0, 30.0, 32.0),
            ("grace 0 is 1 s, and leaves 2 s", 0.0, 0.0, 0.0, 2.0),
            ("a hook is cut short after 1 s, then", 0.0, 5.0, 1.0, 3.0),
        ];
        for (rule, grace, pre_stop, sigterm, sigkill) in table {
            let span = Span::from_secs_f64;
            let expected = Termination {
                sigterm_at: Time::ZERO + span(sigterm),
                sigkill_at: Time::ZERO + span(sigkill),
            };
            assert_eq!(terminate(Time::ZERO, span(grace), span(pre_stop)), expected, "{rule}");
        }
    }
}
