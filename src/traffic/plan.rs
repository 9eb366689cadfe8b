//! What a traffic engine is built from: who sends, how, and what serves it. Fixed for a run.

use crate::model::ids::{ClusterId, GeographyId, PopId, WorkloadId};
use crate::sim::laws::Law;
use crate::sim::rates::RateCurve;
use crate::units::{Ratio, Span, Time};

use super::gate::GatePlan;

/// The constructor's input of a [`Traffic`](super::Traffic) engine.
#[derive(Clone, Debug)]
pub struct TrafficPlan {
    /// Master seed of the run.
    pub seed: u64,
    /// Number of the trial, which selects other draws of the same seed.
    pub trial: u64,
    /// Where the engine's clock starts; negative when there is a warm-up.
    pub start: Time,
    /// Horizon; arrays are sized for it. Advancing past it is a bug of the caller.
    pub end: Time,
    /// Number of clusters; every [`ClusterId`] is below it.
    pub n_clusters: usize,
    /// Whether the ledger keeps a histogram of waits per deployment.
    pub record_waits: bool,
    /// By `DemandId`.
    pub demands: Vec<DemandPlan>,
    /// By `DeploymentId`.
    pub deployments: Vec<DeploymentPlan>,
    /// By `GateId`, in the order in which a request passes them.
    pub gates: Vec<GatePlan>,
}

/// The requests of one workload from one geography.
#[derive(Clone, Debug)]
pub struct DemandPlan {
    /// Names its random streams, so that other demands never move its draws.
    pub name: String,
    /// What is asked for.
    pub workload: WorkloadId,
    /// Where the clients are.
    pub geography: GeographyId,
    /// When users send.
    pub arrivals: Arrivals,
    /// Share of the requests that write; the others only read.
    pub writes: Ratio,
    /// A client gives up an attempt this long after it sent it.
    pub attempt_timeout: Span,
    /// A client gives up the request this long after its first send.
    pub deadline: Option<Span>,
    /// What a client does when an attempt has failed.
    pub retries: RetryPolicy,
    /// The edge locations of the geography; each user uses one of them, evenly drawn, for all
    /// attempts. At least one.
    pub pops: Vec<PopId>,
    /// One way from client to edge.
    pub client_to_pop: Span,
    /// One way from edge to origin and pod, by `ClusterId`.
    pub pop_to_cluster: Vec<Span>,
    /// The edge fails an attempt that the origin has not answered for this long.
    // Azure Front Door's "origin response timeout": 30 s by default in Standard and Premium.
    pub origin_response_timeout: Span,
}

/// When the users of a demand send their first attempt.
#[derive(Clone, Debug)]
pub enum Arrivals {
    /// A Poisson process of this rate; everything that only shapes a rate becomes a curve.
    Poisson {
        /// Users a second over time.
        curve: RateCurve,
    },
    /// One user at each of these instants, in order; equal instants are allowed.
    Replay {
        /// When to send.
        instants: Vec<Time>,
    },
    /// Clients that send their next request some time after the outcome of the last.
    ClosedLoop {
        /// Number of clients; client k sends its first request at `begin` + k/n of `pause`.
        clients: u32,
        /// Requests of each client.
        requests: u32,
        /// From an outcome to the next request. At least 1 ms is taken.
        pause: Span,
        /// When client 0 sends its first request.
        begin: Time,
    },
}

impl Arrivals {
    /// Users a second to expect around `at`, for sizing the steady state at the start.
    #[must_use]
    pub fn rate_at(&self, at: Time) -> f64 {
        const AROUND: Span = Span::from_secs(60);
        match self {
            Self::Poisson { curve } => curve.rate_at(at.as_secs_f64()),
            Self::Replay { instants } => {
                let soon = instants.iter().filter(|&&t| at <= t && t < at + AROUND).count();
                soon as f64 / AROUND.as_secs_f64()
            }
            Self::ClosedLoop { clients, pause, .. } => {
                f64::from(*clients) / pause.as_secs_f64().max(1e-3)
            }
        }
    }
}

/// Retries of one client.
#[derive(Clone, Debug, PartialEq)]
pub struct RetryPolicy {
    /// Tries in all, the first included; 1 to 16. 1 never retries.
    pub max_attempts: u8,
    /// From the notice of the first failure to the next send. At least 1 ms is taken, also
    /// after jitter: no client turns round faster, and it bounds the engine's look-ahead.
    pub backoff: Span,
    /// Each further back-off is this many times the one before.
    pub factor: f64,
    /// No back-off is longer.
    pub cap: Span,
    /// How a back-off is spread.
    pub jitter: Jitter,
    /// A limit on retries of all clients of the demand together.
    pub budget: Option<RetryBudget>,
}

impl RetryPolicy {
    /// A client that never retries.
    pub const NEVER: Self = Self {
        max_attempts: 1,
        backoff: Span::ZERO,
        factor: 1.0,
        cap: Span::ZERO,
        jitter: Jitter::None,
        budget: None,
    };
}

/// How a back-off of length b is spread, in the words of the AWS Architecture Blog
/// ("Exponential Backoff And Jitter", 2015).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jitter {
    /// Exactly b.
    None,
    /// Uniform from 0 to b.
    Full,
    /// b/2 plus a uniform part of b/2.
    Equal,
}

/// A token bucket for retries, as in Finagle and Linkerd: each first attempt adds `ratio`
/// tokens, time adds `min_per_s`, a retry takes one; without a token the request fails.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryBudget {
    /// Tokens per first attempt: the sustained share of retries.
    pub ratio: Ratio,
    /// Tokens a second that come for free [1/s].
    pub min_per_s: f64,
    /// The bucket holds what this long a stretch of `min_per_s` adds, and at least 10 tokens.
    pub ttl: Span,
}

/// One workload in one cluster: how a pod of it serves.
#[derive(Clone, Debug)]
pub struct DeploymentPlan {
    /// Where it runs.
    pub cluster: ClusterId,
    /// What it serves.
    pub workload: WorkloadId,
    /// Requests that a pod serves at once, 1 to 64.
    pub workers: u16,
    /// Requests that may wait for a worker; more are refused. `u32::MAX` for no bound.
    pub queue: u32,
    /// Nominal work of a request: service time at speed 1.
    pub law: Law,
    /// Speed at which a process starts; 1 is nominal.
    pub speed: f64,
    /// What the server does with a request whose client has given up.
    pub on_timeout: OnTimeout,
    /// How a pod is picked for a request.
    pub balancer: Balancer,
    /// Whether the instants at which it accepts writes are kept, to tell which of them a database
    /// loses.
    pub counts_writes: bool,
    /// Requests that fail on connections to a pod that is gone without a word before all of them
    /// are closed; 0 if every request opens its own.
    pub stale_failures: u32,
}

/// What a server does with a request whose client (or edge) has given up. It learns that one
/// client-to-pod latency later. A waiting request holds its queue slot until dequeued in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnTimeout {
    /// Serves it all the same: zombie work.
    Serve,
    /// Drops it instead of starting it; what has started is finished.
    DropQueued,
    /// Also aborts it in service.
    Cancel,
}

/// How a pod is picked among the endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Balancer {
    /// Evenly at random: kube-proxy in iptables mode.
    Random,
    /// In turn: kube-proxy in IPVS mode, Application Gateway.
    RoundRobin,
    /// The less loaded of two drawn at random (the first of equals).
    PowerOfTwo,
    /// The least loaded (the first of equals).
    LeastOutstanding,
}

impl Balancer {
    /// Whether it needs the number of unanswered requests per pod.
    pub(super) const fn counts_outstanding(self) -> bool {
        matches!(self, Self::PowerOfTwo | Self::LeastOutstanding)
    }
}
