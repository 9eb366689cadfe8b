//! The record of one run: everything that the folds of this layer read, and nothing else.
//!
//! Users are counted by demand and by the second in which they first arrived, so that one request
//! with all its retries is one count in one place. Attempts are counted by deployment and by the
//! second in which they reached it.

use crate::model::fact::{ClusterSet, FactLog};
use crate::model::ids::{DemandId, DeploymentId, WorkloadId};
use crate::model::sample::Samples;
use crate::model::world::World;

use crate::traffic::ledger::{
    AttemptCounts, DemandAccount, DeploymentAccount, LATENCY_BUCKET_S, Latencies, Ledger,
    UserCounts,
};

use crate::units::{Ratio, Span, Time};

/// Length of the windows in which latency is kept \[s\].
pub const LATENCY_WINDOW_S: usize = LATENCY_BUCKET_S;

/// A finished run.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// What the run was.
    pub frame: &'a RunFrame,
    /// The world at its end.
    pub world: &'a World,
    /// What happened.
    pub facts: &'a FactLog,
    /// What the observer saw each second.
    pub samples: &'a Samples,
    /// What became of the requests.
    pub traffic: &'a TrafficRecord,
}

/// What a run was: the parts of its scenario that its figures refer to.
#[derive(Clone, Debug)]
pub struct RunFrame {
    /// Name of the scenario.
    pub scenario: String,
    /// Seed of all random streams.
    pub seed: u64,
    /// Number of the trial.
    pub trial: u64,
    /// Which traffic engine ran.
    pub fidelity: &'static str,
    /// Time in which a deployment was asked for 95 % to 105 % of what its workers can do, where
    /// counts are least exact; `None` where requests were simulated one by one \[s\].
    pub near_saturation_s: Option<f64>,
    /// Length after the warm-up.
    pub horizon: Span,
    /// Length of the warm-up, which lies before t = 0.
    pub warm_up: Span,
    /// Share of users who must be served.
    pub objective: Ratio,
    /// Guesses that the run rests on: path and value.
    pub assumptions: Vec<(String, String)>,
    /// The kind of failure that was drawn, where the scenario says how often each happens.
    pub failure_kind: Option<String>,
    /// The faults, in the order of the scenario.
    pub faults: Vec<FaultFrame>,
}

/// A fault of the scenario as the metrics see it.
#[derive(Clone, Debug)]
pub struct FaultFrame {
    /// Name in the scenario.
    pub name: String,
    /// Kind, e.g. `region-loss`.
    pub kind: String,
    /// When it strikes.
    pub at: Time,
    /// When it is repaired; `None` if never, or if it is over at once, such as a crash.
    pub until: Option<Time>,
    /// The clusters that it affects.
    pub affected: ClusterSet,
    /// Whether it did strike within the run.
    pub struck: bool,
    /// What part it has in the trial.
    pub part: Part,
}

/// What part a fault has in a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It strikes by itself.
    Alone,
    /// It comes along with another one, in whose recovery it is included.
    Companion,
    /// None: another kind of failure was drawn.
    Absent,
}

/// Counts of requests over time.
#[derive(Clone, Debug, Default)]
pub struct TrafficRecord {
    /// Users, by demand.
    pub demands: Vec<DemandSeries>,
    /// Attempts, by deployment.
    pub deployments: Vec<DeploymentSeries>,
}

/// The users of one demand.
#[derive(Clone, Debug, Default)]
pub struct DemandSeries {
    /// By second of first arrival, from t = 0.
    pub seconds: Vec<UserCounts>,
    /// Latency of served users by window of [`LATENCY_WINDOW_S`] of first arrival.
    pub latency: Latencies,
    /// Tries, first ones and retries.
    pub attempts: u64,
    /// Tries after the first one.
    pub retries: u64,
}

/// The attempts at one deployment by second, from t = 0.
#[derive(Clone, Debug, Default)]
pub struct DeploymentSeries {
    /// Attempts that reached it.
    pub attempts: Vec<u64>,
    /// Answered well.
    pub served: Vec<u64>,
    /// Refused, lost or given up.
    pub failed: Vec<u64>,
}

impl TrafficRecord {
    /// Reads the account that a traffic engine kept.
    #[must_use]
    pub fn from_ledger(ledger: &Ledger, world: &World) -> Self {
        let deployments = (0..world.deployments.len()).map(DeploymentId::new);
        // After the users' demands come those of probes, who are no users.
        let users = &ledger.demands()[..world.demands.len()];
        Self {
            demands: users.iter().map(DemandSeries::from_account).collect(),
            deployments: deployments
                .map(|id| DeploymentSeries::from_account(ledger.deployment(id)))
                .collect(),
        }
    }
}

impl DemandSeries {
    fn from_account(account: &DemandAccount) -> Self {
        Self {
            seconds: account.seconds().to_vec(),
            latency: account.latencies().clone(),
            attempts: account.totals().attempts,
            retries: account.totals().retries,
        }
    }
}

impl DeploymentSeries {
    fn from_account(account: &DeploymentAccount) -> Self {
        let column = |count: fn(&AttemptCounts) -> u32| {
            account.seconds().iter().map(|counts| u64::from(count(counts))).collect()
        };
        Self {
            attempts: column(|counts| counts.arrived),
            served: column(|counts| counts.served),
            failed: column(|counts| counts.failed),
        }
    }
}

impl Record<'_> {
    /// Whole seconds of the run after the warm-up.
    #[must_use]
    pub fn n_seconds(&self) -> usize {
        usize::try_from((Time::ZERO + self.frame.horizon).whole_secs()).unwrap_or(0)
    }

    /// The users of a workload, summed over its demands.
    #[must_use]
    pub fn users_of(&self, workload: WorkloadId) -> Users {
        self.users(|demand| self.world[demand].workload == workload)
    }

    /// The users of some demands, summed.
    #[must_use]
    pub fn users(&self, wanted: impl Fn(DemandId) -> bool) -> Users {
        let mut users = Users::empty(self.n_seconds());
        for (index, demand) in self.traffic.demands.iter().enumerate() {
            if wanted(DemandId::new(index)) {
                users.add(&demand.seconds);
            }
        }
        users
    }
}

/// Mean rates of a count by second over the ten seconds before each of `n_seconds` seconds; 0
/// before t = 10 s.
#[must_use]
pub fn trailing_rates(counts: &[u64], n_seconds: usize) -> Vec<f64> {
    let count = |at_s: Option<usize>| at_s.and_then(|at_s| counts.get(at_s)).copied().unwrap_or(0);
    let mut sum = 0;
    let rate = |at_s: usize| {
        sum += count(at_s.checked_sub(1));
        sum -= count(at_s.checked_sub(1 + TRAILING_S));
        if at_s < TRAILING_S { 0.0 } else { sum as f64 / TRAILING_S as f64 }
    };
    (0..n_seconds).map(rate).collect()
}

/// Offered demand is the mean over this many seconds (offered = attempts over the
/// trailing 10 s).
const TRAILING_S: usize = 10;

/// Users by second of first arrival, summed over demands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Users {
    /// All of them.
    pub offered: Vec<u64>,
    /// Served within the deadline.
    pub served: Vec<u64>,
    /// Failed for any reason.
    pub failed: Vec<u64>,
}

impl Users {
    /// Nobody, for `n_seconds` seconds.
    #[must_use]
    pub fn empty(n_seconds: usize) -> Self {
        let zeros = vec![0; n_seconds];
        Self { offered: zeros.clone(), served: zeros.clone(), failed: zeros }
    }

    fn add(&mut self, seconds: &[UserCounts]) {
        for (at_s, second) in seconds.iter().enumerate().take(self.offered.len()) {
            self.offered[at_s] += u64::from(second.offered);
            self.served[at_s] += u64::from(second.served);
            self.failed[at_s] += u64::from(second.failed_total());
        }
    }
}
