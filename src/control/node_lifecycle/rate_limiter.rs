//! The token bucket that paces evictions of one zone, and the rule for swapping it.
//!
//! Follows nodelifecycle/scheduler/rate_limited_queue.go (SwapLimiter) over golang.org/x/time/rate.
//! Integer nanoseconds: the bucket is kept as the instant at which it was last empty.

use crate::units::{Span, Time};

/// A token bucket: holds `burst` tokens, gains `rate` a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimiter {
    rate: f64,
    burst: i64,
    /// Time for one token to drip in; [`Span::MAX`] at rate 0.
    period: Span,
    /// The bucket holds (now − empty_at) / period tokens, at most `burst`.
    empty_at: Time,
}

impl RateLimiter {
    /// A full bucket. At rate 0 it never gives a token.
    ///
    /// # Panics
    /// If the rate is negative or the burst is not positive.
    #[must_use]
    pub fn full(rate: f64, burst: i64, now: Time) -> Self {
        assert!(0.0 <= rate && 0 < burst, "a rate limiter has a rate and a burst");
        let period = if rate == 0.0 { Span::MAX } else { Span::from_secs_f64(1.0 / rate) };
        let empty_at = if rate == 0.0 { now } else { now - period * burst };
        Self { rate, burst, period, empty_at }
    }

    /// Tokens a second.
    #[must_use]
    pub const fn rate(&self) -> f64 {
        self.rate
    }

    /// Takes a token if there is one.
    pub fn try_accept(&mut self, now: Time) -> bool {
        if self.rate == 0.0 || now < self.next_token_at() {
            return false;
        }
        self.empty_at = self.empty_at.max(now - self.period * self.burst) + self.period;
        true
    }

    /// Takes the next token that nobody has taken yet, and says when it is there: at once, or later
    /// if others wait for theirs. Never at rate 0.
    pub fn reserve(&mut self, now: Time) -> Time {
        if self.rate == 0.0 {
            return Time::NEVER;
        }
        let at = self.next_token_at().max(now);
        self.empty_at = self.empty_at.max(now - self.period * self.burst) + self.period;
        at
    }

    /// The first instant with a token, if none is taken before; never at rate 0.
    #[must_use]
    pub fn next_token_at(&self) -> Time {
        if self.rate == 0.0 { Time::NEVER } else { self.empty_at + self.period }
    }

    /// Changes the rate. The same rate changes nothing; a new bucket starts full, but without
    /// its first token if the old one has none to give now.
    pub fn swap(&mut self, rate: f64, now: Time) {
        if rate == self.rate {
            return;
        }
        let waiting = !self.try_accept(now);
        *self = Self::full(rate, self.burst, now);
        if waiting {
            self.try_accept(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Time {
        Time::from_secs(secs)
    }

    /// Burst 1 at 0.1 a second: the first at once, then one per 10 s; idle time is not saved up.
    #[test]
    fn one_token_then_one_per_period() {
        let mut limiter = RateLimiter::full(0.1, 1, at(0));
        let taken = [0, 5, 10, 19, 20, 100, 101, 110].map(|secs| limiter.try_accept(at(secs)));
        assert_eq!(taken, [true, false, true, false, true, true, false, true]);
    }

    /// A burst of 3 gives three at once and then one per period.
    #[test]
    fn a_burst_is_given_at_once() {
        let mut limiter = RateLimiter::full(1.0, 3, at(0));
        let taken = [0, 0, 0, 0, 1, 1].map(|secs| limiter.try_accept(at(secs)));
        assert_eq!(taken, [true, true, true, false, true, false]);
    }

    /// Reserved tokens come one by one, the burst at once, and time without calls fills it again.
    #[test]
    fn reservations_queue_up() {
        let mut limiter = RateLimiter::full(1.0, 2, at(0));
        let reserved = [0, 0, 0, 0, 1, 10, 10, 10].map(|secs| limiter.reserve(at(secs)));
        assert_eq!(reserved, [0, 0, 1, 2, 3, 10, 10, 11].map(at));
        assert_eq!(RateLimiter::full(0.0, 2, at(0)).reserve(at(0)), Time::NEVER);
    }

    /// The swap rules, one row each: rates before and after, whether the old token was spent,
    /// and when the next token is there.
    #[test]
    fn swapping_keeps_a_waiting_zone_waiting() {
        let table = [
            ("the same rate changes nothing", 0.1, true, 0.1, at(10)),
            ("a full bucket stays full", 0.1, false, 0.01, at(5)),
            ("an empty one starts empty", 0.1, true, 0.01, at(105)),
            ("from rate 0 it starts empty", 0.0, false, 0.1, at(15)),
            ("at rate 0 there is never one", 0.1, false, 0.0, Time::NEVER),
        ];
        for (rule, before, spent, after, next) in table {
            let mut limiter = RateLimiter::full(before, 1, at(0));
            assert!(!limiter.try_accept(at(-1)), "{rule}: before it was filled");
            if spent {
                assert!(limiter.try_accept(at(0)), "{rule}");
            }
            limiter.swap(after, at(5));
            let next_token = limiter.next_token_at().max(at(5));
            assert_eq!(next_token, next, "{rule}");
        }
    }
}
