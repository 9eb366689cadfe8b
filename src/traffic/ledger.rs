//! The account of a run in integers: what users were offered and got, second by second.
//!
//! Users are booked under the second in which they first sent (that is what recovery is defined
//! by), attempts under the second in which they arrived or ended. Users who first sent before
//! t = 0 are simulated but not booked. Integers make every sum exact and independent of order,
//! so merging windows, trials or shards cannot change a result.

use crate::model::ids::{DemandId, DeploymentId};
use crate::sim::histogram::Histogram;
use crate::units::Time;

use super::Kill;
use super::ring::{Entry, TILE};

pub(super) mod cells;
pub(super) mod in_bulk;
mod latencies;
pub(super) mod mixture;

pub use latencies::Latencies;

/// Why a request failed: the reason of its last attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The edge had no origin to send to.
    NoOrigin,
    /// The origin refused the connection or answered 5xx.
    OriginRefused,
    /// The origin did not answer within the edge's time-out.
    OriginTimeout,
    /// The gateway was out of capacity.
    GatewayFull,
    /// The service had no endpoint.
    NoReadyPod,
    /// The pod's queue was full.
    QueueFull,
    /// The pod's process or node went away.
    PodLost,
    /// The client gave up: attempt time-out or deadline.
    Timeout,
    /// A dependency failed.
    Dependency,
    /// An overloaded server or a retry budget turned it away.
    Shed,
}

/// Number of reasons.
pub const N_REASONS: usize = Reason::ALL.len();

impl Reason {
    /// Every reason, in the order of reports.
    pub const ALL: [Self; 10] = [
        Self::NoOrigin,
        Self::OriginRefused,
        Self::OriginTimeout,
        Self::GatewayFull,
        Self::NoReadyPod,
        Self::QueueFull,
        Self::PodLost,
        Self::Timeout,
        Self::Dependency,
        Self::Shed,
    ];

    /// The stable name of files and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoOrigin => "no-origin",
            Self::OriginRefused => "origin-refused",
            Self::OriginTimeout => "origin-timeout",
            Self::GatewayFull => "gateway-full",
            Self::NoReadyPod => "no-ready-pod",
            Self::QueueFull => "queue-full",
            Self::PodLost => "pod-lost",
            Self::Timeout => "timeout",
            Self::Dependency => "dependency",
            Self::Shed => "shed",
        }
    }
}

/// The whole account; see the module page.
#[derive(Clone, Debug)]
pub struct Ledger {
    demands: Vec<DemandAccount>,
    deployments: Vec<DeploymentAccount>,
}

/// The users of one demand.
#[derive(Clone, Debug)]
pub struct DemandAccount {
    totals: UserTotals,
    seconds: Vec<UserCounts>,
    latencies: Latencies,
}

/// Users who first sent in one second, by outcome; the rest is in flight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserCounts {
    /// Users who sent.
    pub offered: u32,
    /// Users who got an answer.
    pub served: u32,
    /// Users who failed, by [`Reason::ALL`].
    pub failed: [u32; N_REASONS],
}

impl UserCounts {
    /// Users who failed for any reason.
    #[must_use]
    pub fn failed_total(&self) -> u32 {
        self.failed.iter().sum()
    }

    /// Users without an outcome.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.offered - self.served - self.failed_total()
    }
}

/// Totals of a demand since t = 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserTotals {
    /// Users who sent.
    pub offered: u64,
    /// Users who got an answer.
    pub served: u64,
    /// Users who failed, by [`Reason::ALL`].
    pub failed: [u64; N_REASONS],
    /// Users without an outcome.
    pub in_flight: u64,
    /// Tries of these users, retries included.
    pub attempts: u64,
    /// Tries after the first.
    pub retries: u64,
}

impl UserTotals {
    /// Users who failed for any reason.
    #[must_use]
    pub fn failed_total(&self) -> u64 {
        self.failed.iter().sum()
    }
}

/// The attempts that reached one deployment, from t = 0 on.
#[derive(Clone, Debug)]
pub struct DeploymentAccount {
    arrived_ever: u64,
    totals: AttemptTotals,
    seconds: Vec<AttemptCounts>,
    record_waits: bool,
    waits: Histogram,
    /// Writes accepted, by tenth of a second, if they are kept.
    writes: Vec<u32>,
}

/// Attempts at a deployment in one second, each booked when it happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AttemptCounts {
    /// Arrived at the balancer.
    pub arrived: u32,
    /// Finished by a worker, whether or not somebody still waited.
    pub served: u32,
    /// No endpoint, refused, dropped, aborted or lost.
    pub failed: u32,
}

/// Totals of a deployment, from t = 0 on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AttemptTotals {
    /// Arrived at the balancer.
    pub arrived: u64,
    /// Taken on by a pod and started by a worker.
    pub started: u64,
    /// Started after a wait.
    pub waited: u64,
    /// Sum of the waits of those that started [ns].
    pub wait_ns: u64,
    /// Finished by a worker.
    pub served: u64,
    /// Refused because the queue was full.
    pub queue_full: u64,
    /// Dropped at their turn, abandoned by then.
    pub dropped: u64,
    /// Aborted in service.
    pub aborted: u64,
    /// Lost with their pod, or sent to a dead one.
    pub lost: u64,
    /// No endpoint to send to.
    pub no_pod: u64,
    /// Refused by a gate, or by a pod that protects itself.
    pub refused: u64,
    /// Worker time spent on finished attempts [ns].
    pub busy_ns: u64,
    /// The part of it after the client had given up [ns].
    pub zombie_ns: u64,
}

/// Resolution in which accepted writes are kept [1/s].
const WRITE_BINS_PER_S: f64 = 10.0;

/// Seconds of first sends that share a latency histogram.
pub const LATENCY_BUCKET_S: usize = 10;

impl Ledger {
    /// An empty account for a run of `seconds`, counted from t = 0.
    pub(super) fn new(
        n_demands: usize,
        n_deployments: usize,
        seconds: usize,
        record_waits: bool,
    ) -> Self {
        let demand = DemandAccount {
            totals: UserTotals::default(),
            seconds: vec![UserCounts::default(); seconds],
            latencies: Latencies::counted(vec![
                Histogram::EMPTY;
                seconds.div_ceil(LATENCY_BUCKET_S)
            ]),
        };
        let deployment = DeploymentAccount {
            arrived_ever: 0,
            totals: AttemptTotals::default(),
            seconds: vec![AttemptCounts::default(); seconds],
            record_waits,
            waits: Histogram::EMPTY,
            writes: Vec::new(),
        };
        Self { demands: vec![demand; n_demands], deployments: vec![deployment; n_deployments] }
    }

    /// The users of `demand`.
    #[must_use]
    pub fn demand(&self, demand: DemandId) -> &DemandAccount {
        &self.demands[demand.index()]
    }

    /// The users of every demand, by `DemandId`.
    #[must_use]
    pub fn demands(&self) -> &[DemandAccount] {
        &self.demands
    }

    /// The attempts at `deployment`.
    #[must_use]
    pub fn deployment(&self, deployment: DeploymentId) -> &DeploymentAccount {
        &self.deployments[deployment.index()]
    }

    /// Asserts that offered = served + failed + in flight, for every demand.
    ///
    /// # Panics
    /// If a user was lost or counted twice: a bug of the engine.
    pub fn assert_conserved(&self) {
        for (index, demand) in self.demands.iter().enumerate() {
            let UserTotals { offered, served, in_flight, .. } = demand.totals;
            let failed = demand.totals.failed_total();
            assert!(
                offered == served + failed + in_flight,
                "demand {index}: {offered} offered, but {served} served + {failed} failed \
                 + {in_flight} in flight"
            );
        }
    }

    /// `n` users sent their first attempt in the second of `second_s`.
    pub(super) fn offered(&mut self, demand: usize, second_s: f64, n: u32) {
        if 0.0 <= second_s {
            let account = &mut self.demands[demand];
            account.seconds[whole(second_s)].offered += n;
            account.totals.offered += u64::from(n);
            account.totals.in_flight += u64::from(n);
            account.totals.attempts += u64::from(n);
        }
    }

    /// Takes [`offered`](Self::offered) users back: the window ended before they sent.
    pub(super) fn not_offered(&mut self, demand: usize, second_s: f64, n: u32) {
        if 0.0 <= second_s {
            let account = &mut self.demands[demand];
            account.seconds[whole(second_s)].offered -= n;
            account.totals.offered -= u64::from(n);
            account.totals.in_flight -= u64::from(n);
            account.totals.attempts -= u64::from(n);
        }
    }

    /// A user who first sent at `first_s` sent again.
    pub(super) fn retried(&mut self, demand: usize, first_s: f64) {
        if 0.0 <= first_s {
            self.demands[demand].totals.attempts += 1;
            self.demands[demand].totals.retries += 1;
        }
    }

    /// Takes a [`retried`](Self::retried) back.
    pub(super) fn not_retried(&mut self, demand: usize, first_s: f64) {
        if 0.0 <= first_s {
            self.demands[demand].totals.attempts -= 1;
            self.demands[demand].totals.retries -= 1;
        }
    }

    /// A user who first sent at `first_s` has finally failed.
    #[inline]
    pub(super) fn failed(&mut self, demand: usize, first_s: f64, reason: Reason) {
        if 0.0 <= first_s {
            let account = &mut self.demands[demand];
            account.seconds[whole(first_s)].failed[reason as usize] += 1;
            account.totals.failed[reason as usize] += 1;
            account.totals.in_flight -= 1;
        }
    }

    #[inline]
    pub(super) fn demand_mut(&mut self, demand: usize) -> &mut DemandAccount {
        &mut self.demands[demand]
    }

    /// The accounts of all users and of the attempts at `deployment`.
    pub(super) fn split(
        &mut self,
        deployment: usize,
    ) -> (&mut [DemandAccount], &mut DeploymentAccount) {
        (&mut self.demands, &mut self.deployments[deployment])
    }

    #[inline]
    pub(super) fn deployment_mut(&mut self, deployment: usize) -> &mut DeploymentAccount {
        &mut self.deployments[deployment]
    }
}

impl DemandAccount {
    /// A user who first sent at `first_s` has its answer at `response_s`.
    #[inline(always)]
    pub(super) fn served(&mut self, first_s: f64, response_s: f64) {
        if 0.0 <= first_s {
            let second = whole(first_s);
            self.seconds[second].served += 1;
            self.latencies.record(second / LATENCY_BUCKET_S, response_s - first_s);
            self.totals.served += 1;
            self.totals.in_flight -= 1;
        }
    }

    /// Totals since t = 0.
    #[must_use]
    pub const fn totals(&self) -> &UserTotals {
        &self.totals
    }

    /// By whole second of the first send, from t = 0.
    #[must_use]
    pub fn seconds(&self) -> &[UserCounts] {
        &self.seconds
    }

    /// Latency (first send to answer) of the users served, by [`LATENCY_BUCKET_S`] of their
    /// first send.
    #[must_use]
    pub const fn latencies(&self) -> &Latencies {
        &self.latencies
    }

    /// Latency of all users served.
    #[must_use]
    pub fn latency(&self) -> Histogram {
        self.latencies.over(|_| true)
    }
}

impl DeploymentAccount {
    /// Totals from t = 0 on.
    #[must_use]
    pub const fn totals(&self) -> &AttemptTotals {
        &self.totals
    }

    /// Attempts that reached the balancer since the start of the warm-up.
    #[must_use]
    pub const fn arrived_ever(&self) -> u64 {
        self.arrived_ever
    }

    /// By second of the event, from t = 0.
    #[must_use]
    pub fn seconds(&self) -> &[AttemptCounts] {
        &self.seconds
    }

    /// Waits for a worker of the attempts that started, if the plan asked to record them.
    #[must_use]
    pub const fn waits(&self) -> &Histogram {
        &self.waits
    }

    /// Writes that pods finished from `from` to before `to`, to a tenth of a second; 0 unless the
    /// plan asked to keep them. Writes before t = 0 are not kept.
    #[must_use]
    pub fn writes_between(&self, from: Time, to: Time) -> u64 {
        let bin = |at: Time| (at.as_secs_f64().max(0.0) * WRITE_BINS_PER_S).round() as usize;
        let end = bin(to).min(self.writes.len());
        self.writes[bin(from).min(end)..end].iter().map(|&n| u64::from(n)).sum()
    }

    /// A pod finished a write.
    #[cold]
    pub(super) fn accepted_write(&mut self, finish_s: f64) {
        if finish_s < 0.0 {
            return;
        }
        let bin = (finish_s * WRITE_BINS_PER_S) as usize;
        if self.writes.len() <= bin {
            self.writes.resize(bin + 1, 0);
        }
        self.writes[bin] += 1;
    }

    /// The counts of the second of `time_s`, if that is in the run.
    fn second(&mut self, time_s: f64) -> Option<&mut AttemptCounts> {
        if 0.0 <= time_s { self.seconds.get_mut(whole(time_s)) } else { None }
    }

    /// `n` attempts reached the balancer in the second of `second_s`.
    pub(super) fn arrived(&mut self, second_s: f64, n: u32) {
        self.arrived_ever += u64::from(n);
        if let Some(second) = self.second(second_s) {
            second.arrived += n;
            self.totals.arrived += u64::from(n);
        }
    }

    /// An attempt has left its worker; `sums` are [added](Self::add) later.
    #[inline(always)]
    pub(super) fn served(&mut self, times: ServiceTimes, aborted: bool, sums: &mut ServiceSums) {
        let ServiceTimes { arrival_s, start_s, finish_s, abandoned_s } = times;
        let wait_s = start_s - arrival_s;
        let busy_ns = nanos(finish_s - start_s);
        sums.busy_ns_of_process += busy_ns;
        if finish_s < 0.0 {
            return;
        }
        if let Some(second) = self.seconds.get_mut(whole(finish_s)) {
            second.served += u32::from(!aborted);
            second.failed += u32::from(aborted);
        }
        sums.started += 1;
        sums.aborted += u64::from(aborted);
        sums.waited += u64::from(0.0 < wait_s);
        sums.wait_ns += nanos(wait_s);
        sums.busy_ns += busy_ns;
        if abandoned_s < finish_s {
            sums.zombie_ns += nanos(finish_s - abandoned_s.max(start_s));
        }
        if self.record_waits {
            self.waits.record(wait_s);
        }
    }

    /// As [`served`](Self::served) for each attempt of a tile: all were served from t = 0 on,
    /// while somebody waited.
    #[inline(always)]
    pub(super) fn served_tile(&mut self, tile: &[Entry; TILE], sums: &mut ServiceSums) {
        let (mut waited, mut wait_ns, mut busy_ns) = (0, 0, 0);
        for entry in tile {
            let wait_s = entry.start_s - entry.arrival_s;
            waited += u64::from(0.0 < wait_s);
            wait_ns += nanos(wait_s);
            busy_ns += nanos(entry.finish_s - entry.start_s);
            if let Some(second) = self.seconds.get_mut(whole(entry.finish_s)) {
                second.served += 1;
            }
        }
        sums.started += TILE as u64;
        sums.waited += waited;
        sums.wait_ns += wait_ns;
        sums.busy_ns += busy_ns;
        sums.busy_ns_of_process += busy_ns;
    }

    /// Adds what a batch of [`served`](Self::served) attempts amounts to.
    #[inline]
    pub(super) fn add(&mut self, sums: &ServiceSums) {
        let totals = &mut self.totals;
        totals.started += sums.started;
        totals.served += sums.started - sums.aborted;
        totals.aborted += sums.aborted;
        totals.waited += sums.waited;
        totals.wait_ns += sums.wait_ns;
        totals.busy_ns += sums.busy_ns;
        totals.zombie_ns += sums.zombie_ns;
    }

    /// An attempt failed at the deployment without being served.
    pub(super) fn failed(&mut self, time_s: f64, how: AttemptFailure) {
        if let Some(second) = self.second(time_s) {
            second.failed += 1;
            let totals = &mut self.totals;
            match how {
                AttemptFailure::QueueFull => totals.queue_full += 1,
                AttemptFailure::Dropped => totals.dropped += 1,
                AttemptFailure::Lost(_) => totals.lost += 1,
                AttemptFailure::NoPod => totals.no_pod += 1,
                AttemptFailure::Refused(_) => totals.refused += 1,
            }
        }
    }
}

/// When an attempt was in a pod, and until when somebody waited for it [s].
#[derive(Clone, Copy, Debug)]
pub(super) struct ServiceTimes {
    pub(super) arrival_s: f64,
    pub(super) start_s: f64,
    pub(super) finish_s: f64,
    pub(super) abandoned_s: f64,
}

/// Sums over attempts that have left their worker; local to a loop, so that they stay in
/// registers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ServiceSums {
    started: u64,
    aborted: u64,
    waited: u64,
    wait_ns: u64,
    busy_ns: u64,
    zombie_ns: u64,
    /// Busy time before t = 0 included [ns].
    pub(super) busy_ns_of_process: u64,
}

/// How an attempt ended at a deployment unserved.
#[derive(Clone, Copy, Debug)]
pub(super) enum AttemptFailure {
    QueueFull,
    Dropped,
    Lost(Kill),
    NoPod,
    /// By a gate, for its reason.
    Refused(Reason),
}

/// A duration of at most 52 days in whole nanoseconds, to the nearest: sums of integers do not
/// depend on their order. Adding 2^52 leaves the integer in the low bits of the mantissa, which
/// takes a quarter of the instructions of a saturating conversion.
#[inline]
pub(super) fn nanos(secs: f64) -> u64 {
    const SHIFT: f64 = (1_u64 << 52) as f64;
    debug_assert!((0.0..4.5e6).contains(&secs), "not a duration within the run: {secs}");
    (secs * 1e9 + SHIFT).to_bits() & ((1 << 52) - 1)
}

/// The whole seconds of a time that is not negative; by way of `u32`, which takes the fewest
/// instructions.
#[inline]
fn whole(secs: f64) -> usize {
    secs as u32 as usize
}
