//! What a client does after a failed attempt: wait, and send again if the budget allows.

use crate::sim::streams::{Stream, unit};

use super::plan::{Jitter, RetryBudget, RetryPolicy};
use super::wheel::Timed;

/// No client turns round faster than this [s].
pub(super) const TURNAROUND_S: f64 = 0.001;

/// A send that waits for its instant: a retry, or the next request of a closed-loop client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Release {
    /// When to send [s].
    pub(super) time_s: f64,
    /// First send of the user [s]; of a new user, its own.
    pub(super) first_s: f64,
    /// Ordinal of the user times 16, plus the number of the attempt.
    pub(super) key: u64,
    pub(super) demand: u32,
    /// Index of the reason why the attempt before failed.
    pub(super) reason: u8,
    /// It is known from a notice that is not booked yet.
    pub(super) foreseen: bool,
}

impl Release {
    /// Whether it is the first send of a user, not a retry.
    pub(super) const fn is_first(&self) -> bool {
        self.key & 15 == 0
    }

    /// Whether it is sent before `other`.
    #[inline]
    fn precedes(&self, other: &Self) -> bool {
        self.time_s < other.time_s || (self.time_s == other.time_s && self.key < other.key)
    }
}

/// Puts releases in order of time, that are nearly so as they come out of a wheel.
pub(super) fn put_in_order(releases: &mut [Release]) {
    let mut n_moves = 0;
    for i in 1..releases.len() {
        let release = releases[i];
        let mut at = i;
        while 0 < at && release.precedes(&releases[at - 1]) {
            releases[at] = releases[at - 1];
            at -= 1;
        }
        releases[at] = release;
        n_moves += i - at;
        if 8 * releases.len() < n_moves {
            // Many at the same instant, as where backing off has no jitter.
            let order = |a: &Release, b: &Release| a.time_s.total_cmp(&b.time_s);
            return releases.sort_unstable_by(|a, b| order(a, b).then(a.key.cmp(&b.key)));
        }
    }
}

impl Timed for Release {
    fn time_s(&self) -> f64 {
        self.time_s
    }
}

/// The prepared policy of a demand.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    max_attempts: u64,
    /// By number of the attempt that failed [s].
    lengths_s: [f64; 16],
    jitter: Jitter,
    stream: Stream,
}

impl Backoff {
    pub(super) fn new(policy: &RetryPolicy, stream: Stream) -> Self {
        assert!((1..=16).contains(&policy.max_attempts), "between 1 and 16 attempts");
        let cap_s = policy.cap.as_secs_f64();
        let mut lengths_s = [0.0; 16];
        let mut length_s = policy.backoff.as_secs_f64();
        for slot in &mut lengths_s {
            *slot = length_s.min(cap_s);
            length_s *= policy.factor;
        }
        let max_attempts = u64::from(policy.max_attempts);
        Self { max_attempts, lengths_s, jitter: policy.jitter, stream }
    }

    /// Whether a client ever sends twice.
    pub(super) const fn retries(&self) -> bool {
        1 < self.max_attempts
    }

    /// How long the client waits after the attempt `key` has failed [s]; `None` if it was the
    /// last.
    pub(super) fn after(&self, key: u64) -> Option<f64> {
        let attempt = key & 15;
        if self.max_attempts <= attempt + 1 {
            return None;
        }
        let length_s = self.lengths_s[attempt as usize];
        let drawn_s = match self.jitter {
            Jitter::None => length_s,
            Jitter::Full => length_s * unit(self.stream.at(key)),
            Jitter::Equal => length_s * (0.5 + 0.5 * unit(self.stream.at(key))),
        };
        Some(drawn_s.max(TURNAROUND_S))
    }

    /// No wait is shorter [s].
    pub(super) fn least_s(&self) -> f64 {
        let shortest = self.lengths_s.iter().fold(f64::INFINITY, |least, s| s.min(least));
        let least_s = match self.jitter {
            Jitter::None => shortest,
            Jitter::Full => 0.0,
            Jitter::Equal => 0.5 * shortest,
        };
        least_s.max(TURNAROUND_S)
    }

    /// No caller whose attempts take at most `timeout_s` waits longer for the last of them [s].
    pub(super) fn longest_s(&self, timeout_s: f64) -> f64 {
        let waits_s = self.lengths_s.iter().take(self.max_attempts as usize - 1);
        let waited_s: f64 = waits_s.map(|length_s| length_s.max(TURNAROUND_S)).sum();
        self.max_attempts as f64 * timeout_s + waited_s
    }
}

/// The token bucket of a demand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    budget: RetryBudget,
    tokens: f64,
    filled_s: f64,
}

impl Bucket {
    pub(super) fn new(budget: RetryBudget, start_s: f64) -> Self {
        let mut bucket = Self { budget, tokens: 0.0, filled_s: start_s };
        bucket.tokens = bucket.capacity();
        bucket
    }

    fn capacity(&self) -> f64 {
        (self.budget.min_per_s * self.budget.ttl.as_secs_f64()).max(10.0)
    }

    fn fill(&mut self, now_s: f64, tokens: f64) {
        let added = tokens + (now_s - self.filled_s) * self.budget.min_per_s;
        self.tokens = (self.tokens + added).min(self.capacity());
        self.filled_s = now_s;
    }

    /// First attempts are sent at these instants, in order.
    pub(super) fn first_sent(&mut self, times_s: &[f64]) {
        let full = self.capacity();
        let mut rest = times_s.iter();
        while self.tokens < full
            && let Some(time_s) = rest.next()
        {
            self.fill(*time_s, self.budget.ratio.get());
        }
        // What is full stays so.
        if let Some(last_s) = rest.next_back() {
            self.filled_s = *last_s;
        }
    }

    /// Users send first at `users_s` and others at their release, both in order of time: tells of
    /// each release whether the budget allows it.
    pub(super) fn spend(
        &mut self,
        users_s: &[f64],
        releases: &[Release],
        mut tell: impl FnMut(&Release, bool),
    ) {
        let mut users_s = users_s;
        for release in releases {
            let n_before = users_s.partition_point(|send_s| *send_s <= release.time_s);
            let (before, after) = users_s.split_at(n_before);
            self.first_sent(before);
            users_s = after;
            let allowed = if release.is_first() {
                self.first_sent(&[release.time_s]);
                true
            } else {
                self.allows_retry(release.time_s)
            };
            tell(release, allowed);
        }
        self.first_sent(users_s);
    }

    /// Whether a retry may be sent; takes its token.
    pub(super) fn allows_retry(&mut self, now_s: f64) -> bool {
        self.fill(now_s, 0.0);
        let allowed = 1.0 <= self.tokens;
        if allowed {
            self.tokens -= 1.0;
        }
        allowed
    }
}
