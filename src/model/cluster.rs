//! A cluster: one Kubernetes control plane, its node pools, and the origin that Front Door sees.

use super::elastic::Elastic;
use super::gateway::BackendProbes;
use super::ids::{DeploymentId, FaultId, PoolId, RegionId};
use super::network::Network;
use super::outbound::Outbound;
use super::region::Outages;
use crate::spec::choice;
use crate::units::{Bytes, Ratio, Time};

choice! {
    /// Whether a cluster runs when the simulation begins.
    pub enum ClusterStateSpec {
        /// It runs.
        "running" => Running,
        /// It was stopped long ago (`az aks stop`); `minCount` and `count` say with how many
        /// nodes.
        "stopped" => Stopped,
    }
}

/// A Kubernetes cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Name in the scenario, e.g. `primary`.
    pub name: String,
    /// The region it stands in.
    pub region: RegionId,
    /// Its node pools.
    pub pools: Vec<PoolId>,
    /// Its workloads' deployments.
    pub deployments: Vec<DeploymentId>,
    /// Faults that hold its control plane down: no controller of the cluster acts meanwhile.
    pub control_plane: Outages,
    /// Faults that keep its registry from answering.
    pub registry: Outages,
    /// Bytes a second that its registry serves in all; None: no bound.
    pub registry_bandwidth: Option<Bytes>,
    /// Its Application Gateway; in capacity units.
    pub gateway: Option<Elastic>,
    /// How its Application Gateway or load balancer finds out which pods work.
    pub backend_probes: Option<BackendProbes>,
    /// The firewall that its egress passes; in bytes a second.
    pub firewall: Option<Elastic>,
    /// How its connections to the outside get a source port; None: there are always enough.
    pub outbound: Option<Outbound>,
    /// Since when it has been stopped, control plane, machines and all; None: it runs.
    pub stopped_since: Option<Time>,
    /// Where its nodes and pods get their addresses; None: there are enough.
    pub network: Option<Network>,
    /// How its ingress answers requests and probes from outside.
    pub origin: OriginState,
    /// Faults by which its ingress fails in part now.
    pub greys: Vec<(FaultId, Grey)>,
}

impl Cluster {
    /// How its ingress fails in part: of several faults, the one that fails most probes.
    #[must_use]
    pub fn grey(&self) -> Option<Grey> {
        let most = |a: &Grey, b: &Grey| {
            let by = |grey: &Grey| (grey.probes.get(), grey.requests.get());
            by(a).0.total_cmp(&by(b).0).then(by(a).1.total_cmp(&by(b).1))
        };
        self.greys.iter().map(|&(_, grey)| grey).max_by(most)
    }
}

/// An ingress that fails in part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grey {
    /// Share of probes that fail, each by itself.
    pub probes: Ratio,
    /// Share of requests that fail, each attempt by itself.
    pub requests: Ratio,
    /// Whether they get no answer in time, rather than an error at once.
    pub hangs: bool,
}

/// How a cluster's ingress answers, as a client or a probe from outside sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OriginState {
    /// It forwards requests to the pods.
    #[default]
    Serving,
    /// Connections are refused at once.
    Refused,
    /// Packets vanish: nobody answers, clients and Front Door time out.
    Hang,
    /// The gateway answers every request with a 5xx.
    ServerError,
}
