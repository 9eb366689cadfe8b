//! The kubelet's lease: when it was last renewed.
//!
//! Follows component-helpers apimachinery/lease/controller.go and pkg/kubelet/kubelet.go: the
//! lease lasts 40 s and is renewed every quarter of that, each wait stretched by up to 4 %.
//! Renewals of a running node are known in advance, so nothing is armed for them; only the last
//! one before a failure matters. Left out: the five immediate retries of a failed renewal.

use crate::units::{Span, Time};

/// Lease duration over four (kubelet.go: nodeLeaseRenewIntervalFraction 0.25 of 40 s).
pub const RENEW_INTERVAL: Span = Span::from_secs(10);

/// Longest stretch of one wait (kubelet.go: leaseController jitter factor 0.04).
const JITTER_NANOS: u64 = 400_000_000;

/// The renewals of one node's lease, walked forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renewals {
    index: u64,
    last: Time,
}

impl Renewals {
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
