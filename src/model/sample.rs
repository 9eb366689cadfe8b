//! What the observer sees each second: plain numbers, folded into headroom and timelines later.

use crate::units::{Rate, Time};

use super::ids::{ClusterId, DeploymentId};

/// One cluster at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClusterSample {
    /// When.
    pub at: Time,
    /// Which cluster.
    pub cluster: ClusterId,
    /// Whether its region, control plane included or not, serves: its ingress answers.
    pub serving: bool,
    /// Node objects.
    pub nodes: u32,
    /// Nodes whose Ready condition is True.
    pub ready_nodes: u32,
    /// Nodes on order.
    pub ordered_nodes: u32,
    /// Active pods of all deployments.
    pub pods: u32,
    /// Ready pods of all deployments.
    pub ready_pods: u32,
}

/// What stands between a deployment and the rest, and bounds its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ceiling {
    /// Capacity units of the gateway.
    GatewayUnits,
    /// Throughput of the firewall.
    FirewallThroughput,
    /// Source ports of connections to the outside.
    SourcePorts,
    /// Requests a second or connections of a database.
    DependencyLimits,
}

/// What ends the room of a cluster for more pods first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeLimit {
    /// Its pools have their maximum of nodes.
    PoolMax,
    /// vCPU quota of its region.
    VcpuQuota,
    /// Addresses of its subnets or pod ranges.
    Addresses,
}

/// One deployment at one instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeploymentSample {
    /// When.
    pub at: Time,
    /// Which deployment.
    pub deployment: DeploymentId,
    /// Replicas wanted.
    pub replicas: u32,
    /// Active pods.
    pub pods: u32,
    /// Ready pods that balancers know, on machines that are up.
    pub ready_pods: u32,
    /// The rate that the ready pods sustain within the latency objective, and that what stands
    /// before them lets pass.
    pub sustained: Rate,
    /// What stands before them, if it lets less pass than they sustain.
    pub ceiling: Option<Ceiling>,
    /// Pods that its HPA may still add before `maxReplicas`; 0 without an HPA.
    pub hpa_room: u32,
    /// Pods that its cluster's nodes may still take, with every pool at its maximum, or as far as
    /// quota and addresses go.
    pub node_room: u32,
    /// What ends that room.
    pub node_limit: NodeLimit,
}

/// The observer's samples in order of time, then of id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Samples {
    /// Clusters.
    pub clusters: Vec<ClusterSample>,
    /// Deployments.
    pub deployments: Vec<DeploymentSample>,
}
