//! When a container that ended is started again.
//!
//! Follows pkg/kubelet/kuberuntime (doBackOff), pkg/kubelet/kubelet.go and client-go's back-off:
//! the first crash restarts at once, then after 10, 20, 40, 80, 160, 300, 300 s from the end of
//! the container; one that ended more than 10 min after its last restart starts afresh. A
//! back-off is looked at when the kubelet syncs the pod (pod_workers.go): when it lists
//! containers and finds one gone (PLEG, once a second), and after a sync that ended in a
//! back-off again 10 to 15 s later; from v1.35 on at its end, give or take half of what was left
//! (PR 133066). So a restart comes up to a sync later than its back-off ends.
//!
//! A container that the kubelet kills itself (failed liveness probe) restarts in the same sync.
//! What the back-off counts from there is the end of the container *before* it, for the sync
//! does not know yet that this one ended; the first kill restarts at once and makes no entry.
//!
//! KEP 5593 (`maxContainerRestartPeriod`, a node's own limit) and KEP 4603
//! (`ReduceDefaultCrashLoopBackOffDecay`: 1 s to 60 s; off by default) are other
//! [`BackoffLimits`].

use crate::units::{Span, Time};

/// Wait before the second restart.
pub const INITIAL: Span = Span::from_secs(10);
/// Longest wait.
pub const MAX: Span = Span::from_secs(300);
/// A container that ended this long after its last restart starts afresh: twice the default
/// longest wait, and the same whatever the longest wait is (kubelet.go, HasExpiredFunc).
const FORGIVEN_AFTER: Span = Span::from_secs(600);
/// From a sync that ended in an error to the next one, before jitter (kubelet.go, backOffPeriod).
const SYNC_RETRY: Span = Span::from_secs(10);
/// Longest wait for the next sync of a pod, before jitter (syncFrequency).
const RESYNC: Span = Span::from_secs(60);
/// A wait for a sync is lengthened by up to this part (workerBackOffPeriodJitterFactor).
const JITTER: f64 = 0.5;

/// The first and the longest wait of a back-off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackoffLimits {
    /// Wait before the second restart.
    pub initial: Span,
    /// Longest wait.
    pub max: Span,
}

impl Default for BackoffLimits {
    fn default() -> Self {
        Self { initial: INITIAL, max: MAX }
    }
}

/// How the kubelets restart containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestartPolicy {
    /// The waits.
    pub limits: BackoffLimits,
    /// When a back-off is looked at again.
    pub retry: SyncRetry,
}

/// The restart back-off of one container; the default is one that never crashed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RestartBackoff {
    entry: Option<Entry>,
    /// The end of the container before the present one.
    pub exited_at: Option<Time>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    wait: Span,
    restarted_at: Time,
}

/// What a sync does about a container that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// Starts it.
    Now,
    /// Leaves it: CrashLoopBackOff until this instant.
    BackedOffUntil(Time),
}

impl RestartBackoff {
    /// A sync at `now` finds a container that ended at `exited_at`; a restart is remembered.
    pub fn restart(&mut self, exited_at: Time, now: Time, limits: BackoffLimits) -> Restart {
        let known = self.entry.filter(|entry| exited_at - entry.restarted_at <= FORGIVEN_AFTER);
        if let Some(entry) = known
            && now - exited_at < entry.wait
        {
            return Restart::BackedOffUntil(exited_at + entry.wait);
        }
        let wait = known.map_or(limits.initial, |entry| (entry.wait * 2).min(limits.max));
        self.entry = Some(Entry { wait: wait.min(limits.max), restarted_at: now });
        Restart::Now
    }

    /// The same for a container that the kubelet has just killed at `now`.
    pub fn restart_killed(&mut self, now: Time, limits: BackoffLimits) -> Restart {
        match self.exited_at {
            None => Restart::Now,
            Some(before) => match self.restart(before, now, limits) {
                Restart::Now => Restart::Now,
                // The next sync sees the end of this container.
                Restart::BackedOffUntil(_) => {
                    let wait = self.entry.map_or(Span::ZERO, |entry| entry.wait);
                    Restart::BackedOffUntil(now + wait)
                }
            },
        }
    }
}

/// When the kubelet syncs a pod again after a sync that ended in an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncRetry {
    /// 10 s later, whatever is waited for: before v1.35.
    Periodic,
    /// When the back-off ends, at most 60 s later: from v1.35 on.
    AtExpiry,
}

impl SyncRetry {
    /// The first sync at or after `due`, after one at `now` that ended in an error; `draw` gives
    /// the jitter of each sync, in `[0, 1)`.
    pub fn sync_from(self, now: Time, due: Time, mut draw: impl FnMut() -> f64) -> Time {
        let mut sync = now;
        while sync < due || sync == now {
            let wait = match self {
                Self::Periodic => SYNC_RETRY,
                Self::AtExpiry => (due - sync).min(RESYNC),
            };
            sync += wait.scale(1.0 + JITTER * draw()).max(Span::from_nanos(1));
        }
        sync
    }
}

/// The wait between a crash and the restart, if the pod were synced at every instant, after the
/// container ran for `ran` since its last restart.
pub fn wait_with(backoff: &mut RestartBackoff, ran: Span, initial: Span, max: Span) -> Span {
    let limits = BackoffLimits { initial, max };
    let exited_at = backoff.entry.map_or(Time::ZERO, |entry| entry.restarted_at) + ran;
    match backoff.restart(exited_at, exited_at, limits) {
        Restart::Now => Span::ZERO,
        Restart::BackedOffUntil(due) => {
            let restart = backoff.restart(exited_at, due, limits);
            assert_eq!(restart, Restart::Now, "a back-off is over when it is due");
            due - exited_at
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(limits: BackoffLimits, runs_s: &[f64]) -> Vec<f64> {
        let mut backoff = RestartBackoff::default();
        let wait = |&ran: &f64| {
            let ran = Span::from_secs_f64(ran);
            wait_with(&mut backoff, ran, limits.initial, limits.max).as_secs_f64()
        };
        runs_s.iter().map(wait).collect()
    }

    /// 600 s is not long enough to be forgiven, a nanosecond more is; the same with a shorter
    /// longest wait.
    #[test]
    fn a_long_run_is_forgiven() {
        let runs = [1.0, 1.0, 600.0, 600.000_000_001, 1.0];
        assert_eq!(waits(BackoffLimits::default(), &runs), [0.0, 10.0, 20.0, 0.0, 10.0]);
        let capped = BackoffLimits { max: Span::from_secs(15), ..BackoffLimits::default() };
        assert_eq!(waits(capped, &runs), [0.0, 10.0, 15.0, 0.0, 10.0]);
    }

    /// The limits of KEP 4603: 1, 2, 4, …, 32, 60, 60 s. A longest wait below the first one is
    /// the first one, too (KEP 5593 allows 1 s).
    #[test]
    fn other_limits() {
        let secs = Span::from_secs;
        let reduced = BackoffLimits { initial: secs(1), max: secs(60) };
        let expected = [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0];
        assert_eq!(waits(reduced, &[1.0; 9]), expected);
        let short = BackoffLimits { initial: secs(10), max: secs(3) };
        assert_eq!(waits(short, &[1.0; 3]), [0.0, 3.0, 3.0]);
    }

    /// A wait counts from the end of the container and is over at its very end.
    #[test]
    fn a_wait_counts_from_the_end() {
        let at = Time::from_secs;
        let limits = BackoffLimits::default();
        let mut backoff = RestartBackoff::default();
        assert_eq!(backoff.restart(at(0), at(1), limits), Restart::Now, "the first crash");
        assert_eq!(backoff.restart(at(4), at(5), limits), Restart::BackedOffUntil(at(14)));
        let just_before = at(14) - Span::from_nanos(1);
        assert_eq!(backoff.restart(at(4), just_before, limits), Restart::BackedOffUntil(at(14)));
        assert_eq!(backoff.restart(at(4), at(14), limits), Restart::Now);
        assert_eq!(backoff.restart(at(20), at(21), limits), Restart::BackedOffUntil(at(40)));
    }

    /// Kills by a liveness probe every 40 s: what counts is the end of the container before, so
    /// the first ones restart at once; the wait of 40 s holds a container that ran for 35 s.
    #[test]
    fn killed_containers_restart_in_the_same_sync() {
        let limits = BackoffLimits::default();
        let mut backoff = RestartBackoff::default();
        let mut now = Time::ZERO;
        let mut held = Vec::new();
        for _ in 0..5 {
            let restart = backoff.restart_killed(now, limits);
            backoff.exited_at = Some(now);
            held.push(restart == Restart::Now);
            now += Span::from_secs(35);
        }
        assert_eq!(held, [true, true, true, true, false], "none, 10, 20, 40: 35 s are not enough");
        let last = now - Span::from_secs(35);
        let due = last + Span::from_secs(40);
        assert_eq!(backoff.restart(last, last, limits), Restart::BackedOffUntil(due));
    }

    /// The first sync that finds the back-off over, without jitter and with all of it.
    #[test]
    fn syncs_after_an_error() {
        let secs = |n: f64| Time::ZERO + Span::from_secs_f64(n);
        let table = [
            ("every 10 s", SyncRetry::Periodic, 25.0, 0.0, 30.0),
            ("every 15 s", SyncRetry::Periodic, 25.0, 1.0, 30.0),
            ("a due sync is not late", SyncRetry::Periodic, 30.0, 0.0, 30.0),
            ("not before 10 s", SyncRetry::Periodic, 1.0, 0.0, 10.0),
            ("at expiry", SyncRetry::AtExpiry, 25.0, 0.0, 25.0),
            ("half of it late", SyncRetry::AtExpiry, 25.0, 1.0, 37.5),
            ("60 s at most", SyncRetry::AtExpiry, 100.0, 0.0, 100.0),
            ("90 s, then half of 10 s late", SyncRetry::AtExpiry, 100.0, 1.0, 105.0),
        ];
        for (rule, retry, due, jitter, expected) in table {
            let sync = retry.sync_from(Time::ZERO, secs(due), || jitter);
            assert_eq!(sync, secs(expected), "{rule}");
        }
    }
}
