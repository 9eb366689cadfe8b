//! What the control plane waits for: the closed list of events, each armed as one timer.
//!
//! The one `match` on it, in `simulation`, is the map of the program. Requests are not events.

use super::ids::{
    ClusterId, DependencyId, DeploymentId, EndpointId, FaultId, HpaId, NodeId, OperationId, PodId,
    PopId,
};

/// Something that is due at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// A fault strikes.
    FaultStrikes(FaultId),
    /// A fault is repaired.
    FaultHeals(FaultId),
    /// An operation begins.
    OperationStarts(OperationId),
    /// An operation goes on.
    OperationStep(OperationId),
    /// What is being done about a lost dependency goes on.
    DependencyStep(DependencyId),
    /// A dependency that was cold or stormed gets faster.
    DependencySettles(DependencyId),
    /// An ordered virtual machine is up and its node joins.
    NodeJoins(NodeId),
    /// A kubelet posts its node's status.
    NodeStatus(NodeId),
    /// The cloud node lifecycle controller looks at the nodes of a cluster.
    CloudNodePass(ClusterId),
    /// PodGC removes the pods of nodes that are gone.
    PodGarbage(ClusterId),
    /// Auto-repair checks the nodes of a cluster.
    RepairCheck(ClusterId),
    /// A repair of a node ends.
    RepairEnds(NodeId),
    /// The autoscaler's drained or empty node is deleted.
    NodeDeletes(NodeId),
    /// The node lifecycle controller looks at all nodes of a cluster.
    NodeMonitorPass(ClusterId),
    /// The node lifecycle controller works its eviction queues.
    EvictionQueue(ClusterId),
    /// A pod's toleration of a NoExecute taint ends.
    TolerationEnds(PodId),
    /// The scheduler looks at the pending pods of a cluster.
    Schedule(ClusterId),
    /// The Deployment controller looks at a rollout.
    DeploymentSync(DeploymentId),
    /// The ReplicaSet controller compares a deployment's pods with its replicas.
    ReplicaSetSync(DeploymentId),
    /// A node has pulled an image.
    ImagePull(NodeId),
    /// A pod's container enters its next state: pulled, created, answering, restarted, stopped.
    ContainerStep(PodId),
    /// The kubelet probes a pod.
    ProbeTick(PodId, ProbeKind),
    /// A pod's grace period ends, or its process is done: the pod object goes.
    PodGone(PodId),
    /// A change of a pod's readiness reaches the load balancers.
    EndpointsChange(PodId),
    /// A PoP's probe of an origin is answered or fails.
    PopProbe(PopId, ClusterId),
    /// The routes of a lost PoP are withdrawn.
    EdgeWithdrawn(PopId),
    /// Sessions of a PoP's users end and begin elsewhere.
    SessionsMove(PopId),
    /// A probe of an endpoint by Traffic Manager is answered or fails.
    EndpointProbe(EndpointId),
    /// The resolver of a PoP's users asks Traffic Manager again.
    ResolverRefresh(PopId),
    /// Connections of a PoP's users to an old entry point are closed.
    ConnectionsEnd(PopId),
    /// The kubelet refreshes the CPU counters of a node's pods.
    KubeletStats(NodeId),
    /// metrics-server scrapes the nodes of a cluster.
    MetricsScrape(ClusterId),
    /// The monitoring of a cluster scrapes what HPAs ask for besides CPU and memory.
    CustomMetricsScrape(ClusterId),
    /// An HPA runs.
    HpaSync(HpaId),
    /// The cluster autoscaler runs.
    AutoscalerScan(ClusterId),
    /// Gateway and firewall of a cluster look at their load.
    NetworkLook(ClusterId),
    /// Ordered instances of a gateway or a firewall begin to work.
    NetworkScales(ClusterId),
    /// A gateway's probe of a pod is answered or fails.
    BackendProbe(PodId),
    /// Requests in a pod that left a gateway's backend pool are cut off.
    BackendDrained(PodId),
    /// The observer takes its sample of the whole world.
    Observe,
}

/// Which of a container's probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProbeKind {
    /// Gates the others.
    Startup,
    /// Decides about traffic.
    Readiness,
    /// Decides about restarts.
    Liveness,
}

impl Event {
    /// Order of events at the same instant: fault, demand, node, pod, endpoints, metrics, HPA,
    /// autoscaler, observer. Front Door's view is routing, so it goes with the endpoints. (Demand
    /// has no event: rates are a property of the traffic plan.) Probes come after every other event
    /// of pods: they see what containers become at the instant, in one order however lazily they
    /// are armed.
    #[must_use]
    pub const fn class(self) -> u8 {
        match self {
            Self::FaultStrikes(_) | Self::FaultHeals(_) | Self::OperationStarts(_) => 0,
            Self::DependencyStep(_)
            | Self::DependencySettles(_)
            | Self::NodeJoins(_)
            | Self::NodeStatus(_)
            | Self::CloudNodePass(_)
            | Self::PodGarbage(_)
            | Self::RepairCheck(_)
            | Self::RepairEnds(_)
            | Self::NodeDeletes(_)
            | Self::NodeMonitorPass(_)
            | Self::EvictionQueue(_) => 2,
            Self::TolerationEnds(_)
            | Self::Schedule(_)
            | Self::OperationStep(_)
            | Self::DeploymentSync(_)
            | Self::ReplicaSetSync(_)
            | Self::ImagePull(_)
            | Self::ContainerStep(_)
            | Self::PodGone(_) => 3,
            Self::ProbeTick(..) => 4,
            Self::EndpointsChange(_)
            | Self::PopProbe(..)
            | Self::NetworkScales(_)
            | Self::BackendProbe(_)
            | Self::BackendDrained(_)
            | Self::SessionsMove(_)
            | Self::EdgeWithdrawn(_)
            | Self::EndpointProbe(_)
            | Self::ResolverRefresh(_)
            | Self::ConnectionsEnd(_) => 5,
            Self::KubeletStats(_) | Self::MetricsScrape(_) | Self::CustomMetricsScrape(_) => 6,
            Self::HpaSync(_) => 7,
            Self::AutoscalerScan(_) | Self::NetworkLook(_) => 8,
            Self::Observe => 9,
        }
    }
}
