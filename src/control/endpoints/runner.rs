//! When a proxy writes its rules: at once if it may, never more often than it should.
//!
//! Follows `tryRun` of pkg/util/async/bounded_frequency_runner.go as kube-proxy's iptables and
//! IPVS proxiers use it up to 1.34: a token bucket of `minSyncPeriod` and a burst of 2 (burstSyncs
//! of pkg/proxy/iptables/proxier.go), and a full sync `syncPeriod` after the last one, which takes
//! a token, too. What comes while a sync is put off goes with it. From 1.35 on
//! pkg/proxy/runner (PR 131615) knows no burst: a bucket of one token. Left out: how long a sync
//! takes, and its retries.
//!
//! Changes come in the order of their times, so the runner needs no timer: asked for a change at
//! an instant it says when the sync is that carries it.

use crate::units::{Span, Time};

/// How often a proxy syncs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncPolicy {
    /// Between two syncs, bursts aside (`minSyncPeriod`); 0 is no bound.
    pub min_period: Span,
    /// After a sync the next one comes at the latest (`syncPeriod`).
    pub period: Span,
    /// Syncs that may follow each other at once after a rest.
    pub burst: u32,
}

/// What a proxy remembers of its syncs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncRunner {
    last_run: Time,
    /// When the token bucket would have been empty.
    empty_at: Time,
    /// The sync that is put off, if one is.
    pending: Option<Time>,
}

impl SyncRunner {
    /// A proxy that had nothing to do but full syncs, the last one at `last_run`.
    #[must_use]
    pub const fn resting_since(last_run: Time) -> Self {
        Self { last_run, empty_at: Time::from_nanos(i64::MIN), pending: None }
    }

    /// When a change that the proxy sees at `at` is in its rules. Calls come in the order of `at`.
    pub fn sync_for(&mut self, at: Time, policy: &SyncPolicy) -> Time {
        self.catch_up(at, policy);
        if let Some(pending) = self.pending {
            return pending;
        }
        if self.last_run == at {
            // The sync of this instant carries all that is seen at it.
            return at;
        }
        if self.take_token(at, policy) {
            self.last_run = at;
            return at;
        }
        let next = self.last_run + policy.min_period.min(policy.period);
        self.pending = Some(next);
        next
    }

    /// Carries out what was due before `at`.
    fn catch_up(&mut self, at: Time, policy: &SyncPolicy) {
        if let Some(due) = self.pending.filter(|&due| due < at) {
            self.run(due, policy);
            self.pending = None;
        }
        if self.pending.is_none() && self.last_run + policy.period < at {
            let n_missed = (at - self.last_run).nanos().saturating_sub(1) / policy.period.nanos();
            self.run(self.last_run + policy.period * n_missed, policy);
        }
    }

    fn run(&mut self, at: Time, policy: &SyncPolicy) {
        self.take_token(at, policy);
        self.last_run = at;
    }

    /// Takes a token if there is one; the bucket holds (now - empty_at) / min_period of them.
    fn take_token(&mut self, now: Time, policy: &SyncPolicy) -> bool {
        if policy.min_period == Span::ZERO {
            return true;
        }
        let full = now - policy.min_period * i64::from(policy.burst);
        self.empty_at = self.empty_at.max(full);
        let left = self.empty_at + policy.min_period;
        if now < left {
            return false;
        }
        self.empty_at = left;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: SyncPolicy =
        SyncPolicy { min_period: Span::from_secs(1), period: Span::from_secs(30), burst: 2 };

    fn ms(ms: i64) -> Time {
        Time::from_nanos(ms * 1_000_000)
    }

    /// Changes, in ms, and when each is in the rules, for a proxy whose last sync was at 0.
    #[test]
    fn syncs_are_bounded_and_coalesce() {
        let one = SyncPolicy { burst: 1, ..POLICY };
        let free = SyncPolicy { min_period: Span::ZERO, ..POLICY };
        for (rule, policy, changes) in [
            ("one change after a rest goes at once", POLICY, &[(5_000, 5_000)][..]),
            ("so does a second one, by the burst", POLICY, &[(5_000, 5_000), (5_100, 5_100)]),
            (
                "the third waits until 1 s after the last sync, and takes others along",
                POLICY,
                &[(5_000, 5_000), (5_100, 5_100), (5_200, 6_100), (5_900, 6_100), (6_100, 6_100)],
            ),
            (
                "what comes after that sync waits for the next",
                POLICY,
                &[(5_000, 5_000), (5_100, 5_100), (5_200, 6_100), (6_200, 7_100), (9_000, 9_000)],
            ),
            (
                "a token is there again exactly 1 s later",
                POLICY,
                &[(5_000, 5_000), (5_100, 5_100), (6_000, 6_000), (6_999, 7_000)],
            ),
            (
                "what comes at the instant of a sync goes with it",
                POLICY,
                &[(5_000, 5_000), (5_000, 5_000), (5_100, 5_100), (5_100, 5_100), (5_200, 6_100)],
            ),
            ("a full sync costs a token", POLICY, &[(30_100, 30_100), (30_200, 31_100)]),
            ("the full sync counts from the last one", POLICY, &[(5_000, 5_000), (30_900, 30_900)]),
            ("without a burst the second waits", one, &[(5_000, 5_000), (5_100, 6_000)]),
            ("and so does one after a full sync", one, &[(60_400, 61_000), (61_000, 61_000)]),
            ("at the full sync itself", one, &[(60_000, 60_000), (60_001, 61_000)]),
            ("no least period, no wait", free, &[(5, 5), (6, 6), (7, 7), (8, 8)]),
        ] {
            let mut runner = SyncRunner::resting_since(Time::ZERO);
            for &(at, expected) in changes {
                assert_eq!(runner.sync_for(ms(at), &policy), ms(expected), "{rule}: {at}");
            }
        }
    }
}
