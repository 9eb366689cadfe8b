//! The same account for an engine that moves counts, not single requests.

use std::sync::Arc;

use super::cells::{Delayed, ServiceCells};
use super::{AttemptFailure, DemandAccount, DeploymentAccount, LATENCY_BUCKET_S, Ledger, Reason};

/// Attempts that left their workers in one step.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::traffic) struct Leaving {
    /// Of those, all that were answered or served for nobody.
    pub(in crate::traffic) served: u64,
    /// Left without an answer.
    pub(in crate::traffic) aborted: u64,
    /// Had waited.
    pub(in crate::traffic) waited: u64,
    /// Sum of their waits [ns].
    pub(in crate::traffic) wait_ns: u64,
    /// Worker time spent on them [ns].
    pub(in crate::traffic) busy_ns: u64,
    /// The part of it after the client had given up [ns].
    pub(in crate::traffic) zombie_ns: u64,
}

impl Ledger {
    /// `n` users sent their first attempt in the second of `second_s` and are served.
    pub(in crate::traffic) fn offered_and_served(&mut self, demand: usize, second_s: f64, n: u64) {
        if 0.0 <= second_s {
            let account = &mut self.demands[demand];
            let second = &mut account.seconds[second_s as usize];
            second.offered += n as u32;
            second.served += n as u32;
            account.totals.offered += n;
            account.totals.served += n;
            account.totals.attempts += n;
        }
    }

    /// `n` users who first sent at `first_s` sent again.
    pub(in crate::traffic) fn retried_many(&mut self, demand: usize, first_s: f64, n: u64) {
        if 0.0 <= first_s {
            self.demands[demand].totals.attempts += n;
            self.demands[demand].totals.retries += n;
        }
    }

    /// `n` users who first sent at `first_s` have finally failed.
    pub(in crate::traffic) fn failed_many(
        &mut self,
        demand: usize,
        first_s: f64,
        reason: Reason,
        n: u64,
    ) {
        if 0.0 <= first_s {
            let account = &mut self.demands[demand];
            account.seconds[first_s as usize].failed[reason as usize] += n as u32;
            account.totals.failed[reason as usize] += n;
            account.totals.in_flight -= n;
        }
    }
}

impl DemandAccount {
    /// `n` users who first sent at `first_s` are served; their latencies are told apart.
    pub(in crate::traffic) fn served_many(&mut self, first_s: f64, n: u64) {
        if 0.0 <= first_s {
            self.seconds[first_s as usize].served += n as u32;
            self.totals.served += n;
            self.totals.in_flight -= n;
        }
    }

    /// The number of the mixture of latencies for users of this way and law of service.
    pub(in crate::traffic) fn mixture(
        &mut self,
        service: &Arc<ServiceCells>,
        slower: f64,
        ways_s: f64,
    ) -> usize {
        self.latencies.mixture(service, slower, ways_s)
    }

    /// `n` of the users served, who first sent in a window, belong to a mixture.
    pub(in crate::traffic) fn latency_of(
        &mut self,
        mixture: usize,
        window: usize,
        n: u64,
        delayed: Delayed,
    ) {
        debug_assert!(window * LATENCY_BUCKET_S < self.seconds.len(), "beyond the run");
        self.latencies.mixture_mut(mixture).add(window, n, delayed);
    }
}

impl DeploymentAccount {
    /// `n` attempts reached the balancer in the second of `second_s` and left their workers; their
    /// sums are told [apart](Self::left_in_calm).
    pub(in crate::traffic) fn passed(&mut self, second_s: f64, n: u64) {
        self.arrived_ever += n;
        if let Some(second) = self.second(second_s) {
            second.arrived += n as u32;
            second.served += n as u32;
            self.totals.arrived += n;
        }
    }

    /// Sums of attempts that [passed](Self::passed) from `from_s` on.
    pub(in crate::traffic) fn left_in_calm(&mut self, from_s: f64, leaving: &Leaving) {
        if 0.0 <= from_s {
            let totals = &mut self.totals;
            totals.started += leaving.served;
            totals.served += leaving.served;
            totals.waited += leaving.waited;
            totals.wait_ns += leaving.wait_ns;
            totals.busy_ns += leaving.busy_ns;
        }
    }

    /// Attempts left their workers in the second of `time_s`.
    pub(in crate::traffic) fn left_many(&mut self, time_s: f64, leaving: &Leaving) {
        if let Some(second) = self.second(time_s) {
            second.served += leaving.served as u32;
            second.failed += leaving.aborted as u32;
            let totals = &mut self.totals;
            totals.started += leaving.served + leaving.aborted;
            totals.served += leaving.served;
            totals.aborted += leaving.aborted;
            totals.waited += leaving.waited;
            totals.wait_ns += leaving.wait_ns;
            totals.busy_ns += leaving.busy_ns;
            totals.zombie_ns += leaving.zombie_ns;
        }
    }

    /// `n` attempts failed at the deployment without being served.
    pub(in crate::traffic) fn failed_many(&mut self, time_s: f64, how: AttemptFailure, n: u64) {
        if let Some(second) = self.second(time_s) {
            second.failed += n as u32;
            let totals = &mut self.totals;
            match how {
                AttemptFailure::QueueFull => totals.queue_full += n,
                AttemptFailure::Dropped => totals.dropped += n,
                AttemptFailure::Lost(_) => totals.lost += n,
                AttemptFailure::NoPod => totals.no_pod += n,
                AttemptFailure::Refused(_) => totals.refused += n,
            }
        }
    }

    /// Whether waits are recorded.
    pub(in crate::traffic) const fn records_waits(&self) -> bool {
        self.record_waits
    }

    /// `n` of the attempts that started had a wait in this bin.
    pub(in crate::traffic) fn waits_many(&mut self, bin: usize, n: u64) {
        self.waits.add_many(bin, n);
    }

    /// Pods finished `n` writes around `finish_s`.
    pub(in crate::traffic) fn accepted_writes(&mut self, from_s: f64, to_s: f64, n: u64) {
        let mut left = n;
        let first = (from_s * super::WRITE_BINS_PER_S).floor() as i64;
        let last = ((to_s * super::WRITE_BINS_PER_S).ceil() as i64).max(first + 1);
        for bin in first..last {
            let share = left / (last - bin) as u64;
            left -= share;
            let Ok(bin) = usize::try_from(bin) else { continue };
            if self.writes.len() <= bin {
                self.writes.resize(bin + 1, 0);
            }
            self.writes[bin] += share as u32;
        }
    }
}

/// A sum of durations in whole nanoseconds.
pub(in crate::traffic) fn nanos_of(secs: f64) -> u64 {
    (secs * 1e9 + 0.5) as u64
}
