//! The outcome of one run: what `summary.json` holds, as plain data (`tideover/summary/v1`).
//!
//! Counts are integers, so that outcomes of many trials merge exactly; instants and lengths are
//! seconds since t = 0 with `_s` in their name; ratios are 1 = 100 %. A figure that does not apply
//! is `None`, `null` in the file, never zero.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Name of the schema that an [`Outcome`] follows.
pub const SCHEMA: &str = "tideover/summary/v1";

/// What one run came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Name of the scenario.
    pub scenario: String,
    /// Seed of all its random streams.
    pub seed: u64,
    /// Number of the trial.
    pub trial: u64,
    /// Which traffic engine ran: `requests` or `flow`.
    pub fidelity: String,
    /// Time in which a deployment was asked for 95 % to 105 % of what its workers can do, where
    /// `flow` is least exact; absent for `requests` \[s\].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub near_saturation_s: Option<f64>,
    /// Length of the run after the warm-up \[s\].
    pub horizon_s: f64,
    /// The kind of failure that was drawn, where the scenario says how often each happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_kind: Option<String>,
    /// Hash of all facts and counts, 16 hexadecimal digits: equal runs have equal ones.
    pub fingerprint: String,
    /// Values that nobody published and the scenario does not set: path and assumed value. What
    /// depends on them has low confidence.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub assumptions: BTreeMap<String, String>,
    /// Requests of all users.
    pub requests: Requests,
    /// Latency of all served users.
    pub latency_ms: Option<Latency>,
    /// Requests by workload, in the order of the scenario.
    pub workloads: Vec<WorkloadOutcome>,
    /// Latency by the users' place.
    pub geographies: Vec<GeographyOutcome>,
    /// What each fault did, in the order of the scenario, without those of other kinds of failure
    /// than the one that was drawn.
    pub faults: Vec<FaultOutcome>,
    /// Least headroom of each cluster.
    pub headroom: Vec<HeadroomOutcome>,
    /// What each cluster grew to.
    pub clusters: Vec<ClusterOutcome>,
}

/// Counts of user requests: `offered = served + failed + in_flight`, exactly.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requests {
    /// Users' requests; a request and all its retries are one.
    pub offered: u64,
    /// Answered well, within the deadline.
    pub served: u64,
    /// Given up.
    pub failed: u64,
    /// Without an outcome when the run ended.
    pub in_flight: u64,
    /// Tries, first ones and retries.
    pub attempts: u64,
    /// Tries after the first one.
    pub retries: u64,
    /// Failed requests by the reason of their last attempt; absent reasons are zero.
    pub failed_by_reason: BTreeMap<String, u64>,
}

/// Quantiles of latency, from the first send to the response, of served requests \[ms\].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// 99.9th percentile.
    pub p999: f64,
    /// Longest.
    pub max: f64,
}

/// Requests of one workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkloadOutcome {
    /// Name in the scenario.
    pub name: String,
    /// Its requests.
    pub requests: Requests,
}

/// Latency before, during and after a time of trouble; `None` where nobody was served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LatencyPhases {
    /// Users who first arrived before the fault.
    pub before: Option<Latency>,
    /// Users who first arrived while it lasted or users suffered from it.
    pub during: Option<Latency>,
    /// Users who first arrived later.
    pub after: Option<Latency>,
}

/// Latency that users of one place had.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GeographyOutcome {
    /// Name in the scenario.
    pub name: String,
    /// Before the first fault, during any fault, and at other times after the first fault.
    pub latency_ms: LatencyPhases,
    /// The same around each fault by itself, in the order of the scenario.
    pub faults: Vec<LatencyPhases>,
}

/// What one fault did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultOutcome {
    /// Name in the scenario.
    pub name: String,
    /// Kind, e.g. `region-loss`.
    pub kind: String,
    /// The fault that it came along with, in whose recovery it is included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub came_with: Option<String>,
    /// When it strikes.
    pub at_s: f64,
    /// When it was repaired, if it was within the run.
    pub repaired_at_s: Option<f64>,
    /// Until the first PoP changed its mind about an affected origin.
    pub detect_s: Option<f64>,
    /// Until 95 % of the affected user traffic, by PoP weight, went elsewhere.
    pub reroute_s: Option<f64>,
    /// Until ready capacity was at least what users asked for, and stayed so for 60 s.
    pub capacity_s: Option<f64>,
    /// Recovery time: until users were served again; 0 if they always were. The slowest workload
    /// counts.
    pub rto_s: Option<f64>,
    /// Times that service fell below its objective again after it had recovered.
    pub relapses: Option<u32>,
    /// Seconds below the objective in all, until the next fault.
    pub below_objective_s: Option<u32>,
    /// From the repair until 95 % of the traffic that had moved was back.
    pub failback_s: Option<f64>,
    /// Whether service recovered within the run; `None` if the fault was not scored.
    pub recovered: Option<bool>,
    /// Failures among users who first arrived from the fault until the recovery (without an
    /// episode: for 60 s).
    pub failed_requests: Option<u64>,
    /// Writes acknowledged and lost; `None` without a data tier.
    pub lost_writes: Option<u64>,
    /// Until every dependency that it took was promoted elsewhere or was back; `None` if it took
    /// none, or one is still lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dependencies_s: Option<f64>,
    /// The workload that recovered last.
    pub slowest_workload: Option<String>,
    /// The same by workload.
    pub workloads: Vec<WorkloadRecovery>,
}

impl FaultOutcome {
    /// Whether it struck within the run.
    #[must_use]
    pub const fn has_struck(&self) -> bool {
        !self.workloads.is_empty()
    }
}

/// How one workload came through one fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkloadRecovery {
    /// Name in the scenario.
    pub name: String,
    /// Whether it was below its objective before the fault: then it is not scored.
    pub below_before: bool,
    /// Recovery time.
    pub rto_s: Option<f64>,
    /// Whether it recovered; `None` if it was not scored.
    pub recovered: Option<bool>,
    /// Episodes after the first one.
    pub relapses: u32,
    /// Seconds below the objective in all, until the next fault.
    pub below_objective_s: u32,
}

/// Least headroom of a cluster after t = 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeadroomOutcome {
    /// Name in the scenario.
    pub cluster: String,
    /// Least of capacity / offered - 1.
    pub min_ratio: Option<f64>,
    /// When that was.
    pub min_at_s: Option<f64>,
    /// The least against the demand it would have, were every cluster of higher priority lost.
    pub failover_min_ratio: Option<f64>,
    /// When the failover headroom was least.
    pub at_s: Option<f64>,
    /// What limited further capacity at that time.
    pub binding: Option<Binding>,
    /// The workload that had the least.
    pub workload: Option<String>,
}

/// What limits the capacity of a deployment next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Binding {
    /// `maxReplicas` of its HPA.
    HpaMaxReplicas,
    /// `max_nodes` of the pools that it may use.
    NodePoolMax,
    /// It has no HPA: `spec.replicas`.
    FixedReplicas,
    /// Instances of its Application Gateway.
    GatewayUnits,
    /// Throughput of its firewall.
    FirewallThroughput,
    /// Source ports of its connections to the outside (SNAT).
    SnatPorts,
    /// vCPU quota of its region or of its family of sizes.
    VcpuQuota,
    /// Addresses of its cluster's subnets or pod ranges.
    Addresses,
    /// Requests a second or connections of a database that it needs.
    DependencyLimits,
}

impl Binding {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::HpaMaxReplicas,
        Self::NodePoolMax,
        Self::FixedReplicas,
        Self::GatewayUnits,
        Self::FirewallThroughput,
        Self::SnatPorts,
        Self::VcpuQuota,
        Self::Addresses,
        Self::DependencyLimits,
    ];
}

/// What a cluster grew to after t = 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClusterOutcome {
    /// Name in the scenario.
    pub name: String,
    /// The region it stands in.
    pub region: String,
    /// Most active pods at a time.
    pub peak_pods: u32,
    /// Most nodes at a time.
    pub peak_nodes: u32,
    /// Nodes times hours.
    pub node_hours: f64,
}
