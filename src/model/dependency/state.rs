//! A dependency in motion: where it serves from, what is lost, and what is being done about it.

use crate::model::ids::{DependencyId, DeploymentId, FaultId, GateId, RegionId, ZoneId};
use crate::model::region::Outages;
use crate::sim::laws::Law;
use crate::units::{Bytes, Span};

/// A dependency.
#[derive(Clone, Debug)]
pub struct Dependency {
    /// Name in the scenario.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Where it is: first where it began to serve, then its copy, if it has one.
    pub places: Vec<Place>,
    /// Index of the place that serves, or would if it were up. Of a registry, all do.
    pub serving: usize,
    /// The zone of its first place that its primary is in.
    pub zone: Option<ZoneId>,
    /// How it recovers.
    pub rules: FailoverRules,
    /// What is being done about a loss.
    pub phase: Phase,
    /// Service times of requests that need it are this many times as long; 1 unless it is cold or
    /// stormed.
    pub slower: f64,
    /// Losses so far, for its draws.
    pub n_losses: u32,
    /// The fault behind the present loss.
    pub fault: Option<FaultId>,
    /// Writes that a failover to another region would lose.
    pub at_risk: u32,
    /// Whether it is changing places as planned.
    pub failing_back: bool,
}

/// One of the places of a dependency.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Its region.
    pub region: RegionId,
    /// Faults of the dependency itself that hold it down there.
    pub outages: Outages,
    /// Of a registry: whether pulls of this region go to another place.
    pub redirected: bool,
}

/// What a dependency is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A database.
    Database(DatabaseRules),
    /// A cache.
    Cache {
        /// Whether requests go on without it while it is down.
        bypass: bool,
        /// What being cold costs.
        cold: Settling,
    },
    /// A container registry.
    Registry {
        /// From the push of a tag to its being in the other copy \[s\].
        replication_lag: Law,
        /// Bytes a second for all nodes of a cluster.
        bandwidth: Bytes,
        /// Read operations a minute.
        reads_per_min: u32,
        /// Of which a pull takes so many: the manifest and each layer.
        reads_per_pull: u32,
    },
    /// A vault of secrets.
    KeyVault {
        /// Secrets that a pod reads when it starts.
        secrets_per_pod: u32,
        /// Reads in 10 s.
        reads_per_10s: u32,
    },
    /// A workspace of alerts.
    LogAnalytics {
        /// From an event to its alert \[s\].
        alert_lag: Law,
    },
}

/// What requests meet at a database.
#[derive(Clone, Debug)]
pub struct DatabaseRules {
    /// Whether calls hang while it is down, and how long a pod waits for one; None: refused.
    pub hangs: Option<Span>,
    /// Whether reads go on with the copy while it is down.
    pub read_replica: bool,
    /// What a request from another region takes longer.
    pub remote_delay: Span,
    /// How far the copy is behind \[s\].
    pub replication_lag: Law,
    /// What connections that come back at once cost.
    pub storm: Option<Settling>,
    /// How much it takes, if that is bounded.
    pub bound: Option<Bound>,
}

/// How much a database takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    /// Where it began to serve.
    pub first: Limits,
    /// Where its copy serves.
    pub copy: Limits,
    /// The gate that requests pass, once it is made.
    pub gate: Option<GateId>,
    /// Deployments that need it, and the share of their requests that do.
    pub shares: Vec<(DeploymentId, f64)>,
}

impl Bound {
    /// The limits at a place.
    #[must_use]
    pub const fn at(&self, place: usize) -> Limits {
        if place == 0 { self.first } else { self.copy }
    }
}

/// How much a database takes in one of its places.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Requests a second \[1/s\]; infinite for no bound.
    pub per_s: f64,
    /// Requests in progress; None for no bound.
    pub connections: Option<u32>,
}

/// A stretch in which a dependency is slow, after it has come or come back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settling {
    /// Service times are this many times as long at first.
    pub slower: f64,
    /// For how long.
    pub duration: Span,
    /// Whether that falls evenly meanwhile; if not, it ends at once.
    pub fades: bool,
}

/// How a dependency recovers from a loss.
#[derive(Clone, Debug)]
pub struct FailoverRules {
    /// From the loss of its zone to a replica in another that serves \[s\]; None: it waits.
    pub zone: Option<Law>,
    /// From the loss of its region to the decision.
    pub region: RegionFailover,
    /// From the decision to the promoted copy that serves \[s\].
    pub switch: Law,
    /// The planned return to its first place; None: it stays.
    pub failback: Option<Failback>,
}

/// A planned return to the first place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failback {
    /// From the return of that place.
    pub after: Span,
    /// How long nobody can use it meanwhile.
    pub interruption: Span,
}

/// From the loss of a region to the decision for a failover.
#[derive(Clone, Debug)]
pub enum RegionFailover {
    /// There is none: it waits for its region.
    Never,
    /// The service decides.
    Automatic {
        /// After this \[s\].
        grace: Law,
    },
    /// A script decides when the alert fires.
    Scripted {
        /// And this has passed \[s\].
        after: Law,
    },
    /// Somebody decides when the alert has fired.
    Approval {
        /// Who takes this long \[s\].
        decision: Law,
    },
}

/// What is being done about a loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Phase {
    /// Nothing is lost.
    #[default]
    Serving,
    /// The alert has not fired.
    Unnoticed,
    /// The decision is not made: a grace period runs, or somebody thinks.
    Undecided,
    /// The place with this index is being promoted.
    Switching(usize),
    /// It waits for what it has lost.
    Waiting,
}

/// What the requests and the pods of a deployment need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Every request that only reads.
    pub reads: Vec<DependencyId>,
    /// Every request that writes.
    pub writes: Vec<DependencyId>,
    /// Every pod that starts.
    pub start: Vec<DependencyId>,
}

impl Needs {
    /// Whether a request of any class needs it.
    #[must_use]
    pub fn request_needs(&self, dependency: DependencyId) -> bool {
        self.reads.contains(&dependency) || self.writes.contains(&dependency)
    }
}
