//! The kubelet's lease: when it was last renewed.
//!
//! Follows component-helpers apimachinery/lease/controller.go and pkg/kubelet/kubelet.go: the
//! lease lasts 40 s and is renewed every quarter of that, each wait stretched by up to 4 %.
//! Renewals of a running node are known in advance, so nothing is armed for them; only the last
//! one before a failure matters. A renewal that fails is tried five times at once and then given
//! up until the next period, see [`first_success`]. Left out: renewals that fail while the control
//! plane of a whole cluster is down; its node monitor, starting anew, counts every node from its
//! own first look.

use crate::units::{Span, Time};

/// Lease duration over four (kubelet.go: nodeLeaseRenewIntervalFraction 0.25 of 40 s).
pub const RENEW_INTERVAL: Span = Span::from_secs(10);

/// Longest stretch of one wait (kubelet.go: leaseController jitter factor 0.04).
const JITTER_NANOS: u64 = 400_000_000;

/// Tries of one renewal, one right after the other (lease/controller.go: maxUpdateRetries).
const N_TRIES: u32 = 5;

/// A try that nobody answers fails after this (kubelet server.go: the heartbeat client's time-out,
/// the lesser of lease duration and nodeStatusUpdateFrequency).
pub const TRY_TIMEOUT: Span = Span::from_secs(10);

/// The first renewal that succeeds after the API server was out of reach until `back`.
///
/// `due` is the first renewal that could not succeed; each of its tries fails after
/// `fails_after`: at once if connections are refused, [`TRY_TIMEOUT`] if nobody answers. A try
/// that begins at or after `back` succeeds. `draw(i)` stretches the i-th wait between rounds.
pub fn first_success(due: Time, back: Time, fails_after: Span, draw: impl Fn(u64) -> u64) -> Time {
    let mut at = due;
    for round in 0.. {
        for _ in 0..N_TRIES {
            if back <= at {
                return at;
            }
            at += fails_after;
        }
        at += wait(draw(round));
    }
    unreachable!("time goes on with every round")
}

/// The renewals of one node's lease, walked forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renewals {
    index: u64,
    last: Time,
}

impl Renewals {
    /// The next renewal after the last one that [`Self::last_before`] found.
    #[must_use]
    pub fn next(&self, draw: impl Fn(u64) -> u64) -> Time {
        self.last + wait(draw(self.index))
    }

    /// Renewals of which the first one happens at `first`.
    #[must_use]
    pub const fn starting_at(first: Time) -> Self {
        Self { index: 0, last: first }
    }

    /// The last renewal at or before `now`; the first one if `now` is before it.
    ///
    /// `draw(i)` stretches the wait after renewal i; the same draws must be given each time.
    pub fn last_before(&mut self, now: Time, draw: impl Fn(u64) -> u64) -> Time {
        loop {
            let next = self.last + wait(draw(self.index));
            if now < next {
                return self.last;
            }
            self.last = next;
            self.index += 1;
        }
    }
}

/// One wait: 10 s stretched by a uniform share of 4 %.
fn wait(draw: u64) -> Span {
    let jitter = (u128::from(draw) * u128::from(JITTER_NANOS)) >> 64;
    RENEW_INTERVAL + Span::from_nanos(i64::try_from(jitter).expect("less than 4 % of 10 s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row per rule: how long a try takes to fail, when the API server is back, and when the
    /// renewal that was due at 100 s succeeds; no jitter.
    #[test]
    fn failed_renewals_are_tried_five_times_and_then_wait() {
        for (rule, fails_after_s, back_s, success_s) in [
            ("back in time", 0, 100, 100),
            ("refused: five tries at once, then the next period", 0, 101, 110),
            ("refused: period after period", 0, 131, 140),
            ("silent: the second try", 10, 101, 110),
            ("silent: the fifth try", 10, 140, 140),
            ("silent: after the fifth try a whole period", 10, 141, 160),
            ("silent: and five tries again", 10, 161, 170),
        ] {
            let (due, back) = (Time::from_secs(100), Time::from_secs(back_s));
            let found = first_success(due, back, Span::from_secs(fails_after_s), |_| 0);
            assert_eq!(found, Time::from_secs(success_s), "{rule}");
        }
    }

    /// Without jitter renewals fall on a 10 s grid, with the longest on a 10.4 s grid; walking in
    /// two steps ends where one step ends.
    #[test]
    fn renewals_follow_each_other_by_10_to_10_4_seconds() {
        let last = |now: i64, draw: u64| {
            Renewals::starting_at(Time::from_secs(3)).last_before(Time::from_secs(now), |_| draw)
        };
        assert_eq!([last(3, 0), last(12, 0), last(13, 0)], [3, 3, 13].map(Time::from_secs));
        let stretched = last(3 + 105, u64::MAX) - Time::from_secs(3);
        let expected = Span::from_millis(104_000) - Span::from_nanos(10);
        assert_eq!(stretched, expected);

        let draw = |i: u64| (i + 7).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut once = Renewals::starting_at(Time::ZERO);
        let mut twice = once;
        twice.last_before(Time::from_secs(333), draw);
        let now = Time::from_secs(1_000);
        assert_eq!(once.last_before(now, draw), twice.last_before(now, draw));
        assert!(now - once.last_before(now, draw) <= Span::from_millis(10_400));
    }
}
