//! The circuit breaker of a caller: stops calls that would fail, and tries again after a while.
//!
//! Follows resilience4j 2 (CircuitBreakerStateMachine.java) with a count-based window: closed, it
//! opens when of the last calls too many have failed; open, it refuses until a wait is over; then
//! half open, it lets a few calls through and closes or opens by what becomes of them. So "5
//! failures in a row" are a window and a minimum of 5 and a threshold of 100 %.
//!
//! Left out: slow calls as failures, the automatic transition to half open (the next call does
//! it), a time-based window, a longest stay in half open.

use crate::units::{Ratio, Span};

/// Limits of a circuit breaker.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakerRules {
    /// It opens when at least this share of calls has failed.
    pub failure_rate: Ratio,
    /// How many of the last calls count, at least 1.
    pub window: u32,
    /// No rate is computed of fewer calls; at most the window.
    pub minimum_calls: u32,
    /// How long it stays open.
    pub wait: Span,
    /// Calls that it lets through half open.
    pub permitted: u32,
}

/// A circuit breaker at run time.
#[derive(Clone, Debug)]
pub(super) struct Breaker {
    rules: BreakerRules,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Closed(Window),
    Open { until_s: f64 },
    HalfOpen { permits: u32, window: Window },
}

/// The last calls, failures as set bits of a ring.
#[derive(Clone, Debug)]
struct Window {
    size: u32,
    bits: Vec<u64>,
    next: u32,
    n_calls: u32,
    n_failed: u32,
}

impl Breaker {
    pub(super) fn new(rules: BreakerRules) -> Self {
        let state = State::Closed(Window::new(rules.window));
        Self { rules, state }
    }

    /// Whether a call may be made now; it must then be [recorded](Self::record) or
    /// [released](Self::release).
    pub(super) fn permits(&mut self, now_s: f64) -> bool {
        if let State::Open { until_s } = self.state
            && until_s <= now_s
        {
            let (permits, window) = (self.rules.permitted, Window::new(self.rules.permitted));
            self.state = State::HalfOpen { permits, window };
        }
        match &mut self.state {
            State::Closed(_) => true,
            State::Open { .. } => false,
            State::HalfOpen { permits, .. } => {
                let permitted = 0 < *permits;
                *permits = permits.saturating_sub(1);
                permitted
            }
        }
    }

    /// A call that was permitted has ended.
    pub(super) fn record(&mut self, failed: bool, now_s: f64) {
        let minimum = self.rules.minimum_calls.min(self.rules.window);
        let too_many = |window: &Window| {
            self.rules.failure_rate.get() * f64::from(window.n_calls) <= f64::from(window.n_failed)
        };
        let opens = match &mut self.state {
            State::Closed(window) => {
                window.record(failed);
                (minimum <= window.n_calls && too_many(window)).then_some(true)
            }
            State::HalfOpen { window, .. } => {
                window.record(failed);
                (self.rules.permitted <= window.n_calls).then(|| too_many(window))
            }
            // A call that began before it opened.
            State::Open { .. } => None,
        };
        match opens {
            Some(true) => {
                self.state = State::Open { until_s: now_s + self.rules.wait.as_secs_f64() };
            }
            Some(false) => self.state = State::Closed(Window::new(self.rules.window)),
            None => {}
        }
    }

    /// Nobody waits any more for a call that was permitted: it neither succeeded nor failed.
    pub(super) fn release(&mut self) {
        if let State::HalfOpen { permits, .. } = &mut self.state {
            *permits = (*permits + 1).min(self.rules.permitted);
        }
    }
}

impl Window {
    fn new(size: u32) -> Self {
        let bits = vec![0; size.div_ceil(64) as usize];
        Self { size, bits, next: 0, n_calls: 0, n_failed: 0 }
    }

    fn record(&mut self, failed: bool) {
        let (word, bit) = ((self.next / 64) as usize, 1_u64 << (self.next % 64));
        let forgets = self.n_calls == self.size;
        self.n_failed -= u32::from(forgets && self.bits[word] & bit != 0);
        self.n_failed += u32::from(failed);
        self.n_calls += u32::from(!forgets);
        self.bits[word] = if failed { self.bits[word] | bit } else { self.bits[word] & !bit };
        self.next = (self.next + 1) % self.size;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each row is a story, a letter at a time, one second apart: `+` and `-` are calls that
    /// succeed and fail, `?` asks and must be refused, `r` is permitted and released, `s` and `f`
    /// are late results of calls that were permitted before, `.` lets a second pass.
    #[test]
    fn transitions() {
        let rules = |window, minimum_calls, percent: f64, permitted| BreakerRules {
            failure_rate: Ratio::new(percent / 100.0),
            window,
            minimum_calls,
            wait: Span::from_secs(5),
            permitted,
        };
        let table = [
            ("below the minimum nothing opens it", rules(9, 4, 50.0, 1), "---+"),
            ("it opens at the minimum", rules(9, 4, 50.0, 1), "++--?"),
            ("a rate just below the threshold", rules(4, 4, 50.1, 1), "++--++--+"),
            ("five failures in a row, not four", rules(5, 5, 100.0, 1), "----+----+-----?"),
            ("the minimum is at most the window", rules(2, 100, 100.0, 1), "--?"),
            ("old failures leave the window", rules(3, 3, 60.0, 1), "+-++-++-++--?"),
            ("open for the wait, and no longer", rules(1, 1, 100.0, 1), "-????+"),
            ("success half open closes it", rules(2, 2, 100.0, 1), "--????+-+--?"),
            ("failure half open opens it again", rules(1, 1, 100.0, 1), "-????-????+-?"),
            ("half open lets a few through", rules(1, 1, 50.0, 3), "-????+-+-?"),
            ("no result of half open, no more calls", rules(1, 1, 50.0, 1), "-....p??s+"),
            ("what is released may be tried again", rules(1, 1, 50.0, 1), "-....r+"),
            ("late results do not move an open one", rules(1, 1, 50.0, 1), "-fsf?+"),
        ];
        for (name, rules, story) in table {
            let mut breaker = Breaker::new(rules);
            for (second, letter) in story.chars().enumerate() {
                let now_s = second as f64;
                let at = format!("{name}: letter {second}, `{letter}`");
                match letter {
                    '+' | '-' => {
                        assert!(breaker.permits(now_s), "{at}");
                        breaker.record(letter == '-', now_s);
                    }
                    '?' => assert!(!breaker.permits(now_s), "{at}"),
                    'p' => assert!(breaker.permits(now_s), "{at}"),
                    'r' => {
                        assert!(breaker.permits(now_s), "{at}");
                        breaker.release();
                    }
                    's' | 'f' => breaker.record(letter == 'f', now_s),
                    _ => {}
                }
            }
        }
    }
}
