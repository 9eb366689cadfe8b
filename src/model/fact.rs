//! Facts: what happened in the domain, when, and why. Everything reported is a fold over them.
//!
//! A fact names things by id; [`Fact::words`] puts it into a sentence. The fingerprint of a run
//! is a hash over the numbers of all its facts, so a fact holds integers and fixed words only.

mod log;
mod values;

pub use log::FactLog;
pub use values::{ClusterSet, Why};

use values::Code;

use crate::units::Time;

use super::ids::{
    ClusterId, DependencyId, DeploymentId, EndpointId, FaultId, NodeId, OperationId, PodId, PoolId,
    PopId, RegionId,
};
use super::world::World;

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fact {
    /// When.
    pub at: Time,
    /// What.
    pub what: What,
}

/// A kind of fact in words.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Stable name, as in `events.csv`.
    pub name: &'static str,
    /// What happened, line by line.
    pub doc: &'static [&'static str],
    /// What it tells, each with its meaning, line by line.
    pub fields: &'static [(&'static str, &'static [&'static str])],
}

/// Declares the kinds of fact: number (for the fingerprint), fields, name and sentence.
macro_rules! facts {
    ($($(#[doc = $doc:literal])* $number:literal $kind:ident {
        $($(#[doc = $field_doc:literal])* $field:ident: $type:ty),+ $(,)?
    } $name:literal, |$world:ident| $words:expr;)+) => {
        /// The kinds of fact.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum What {
            $($(#[doc = $doc])* $kind { $($(#[doc = $field_doc])* $field: $type),+ },)+
        }

        impl What {
            /// All kinds in words, for the reference page.
            pub const KINDS: &'static [Kind] = &[$(Kind {
                name: $name,
                doc: &[$($doc),*],
                fields: &[$((stringify!($field), &[$($field_doc),*])),+],
            }),+];

            /// Stable name of the kind, as in `events.csv`.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$kind { .. } => $name,)+
                }
            }

            /// The fact as a sentence without its time.
            #[must_use]
            pub fn words(&self, world: &World) -> String {
                match *self {
                    $(Self::$kind { $($field),+ } => { let $world = world; $words })+
                }
            }

            /// Absorbs the fact into a running hash.
            fn absorb_into(&self, hash: u64) -> u64 {
                match *self {
                    $(Self::$kind { $($field),+ } => {
                        let hash = absorb(hash, $number);
                        $(let hash = absorb(hash, $field.code());)+
                        hash
                    })+
                }
            }
        }
    };
}

facts! {
    /// A fault of the scenario strikes.
    1 FaultStruck {
        /// Which.
        fault: FaultId
    } "fault-struck", |w| format!("fault {} strikes", w.fault_names[fault.index()]);
    /// A fault of the scenario is repaired.
    2 FaultHealed {
        /// Which.
        fault: FaultId
    } "fault-healed", |w| format!("fault {} is repaired", w.fault_names[fault.index()]);
    /// A PoP changed its mind about an origin.
    3 OriginHealth {
        /// The edge location.
        pop: PopId,
        /// The origin.
        cluster: ClusterId,
        /// What it now thinks.
        healthy: bool
    } "origin-health", |w| format!(
        "PoP {} now finds {} {}", pop.index(), w[cluster].name,
        if healthy { "healthy" } else { "unhealthy" }
    );
    /// A PoP sends its traffic elsewhere.
    4 RouteChanged {
        /// The edge location.
        pop: PopId,
        /// The clusters that it now sends traffic to.
        to: ClusterSet,
        /// Which step of the decision chose them.
        why: Why
    } "route-changed", |w| format!("PoP {} routes to {}: {}", pop.index(), to.names(w), why.0);
    /// An operation of the scenario begins.
    5 OperationStarted {
        /// Which.
        operation: OperationId
    } "operation-started", |w| format!(
        "operation {} begins", w.operation_names[operation.index()]
    );
    /// An operation of the scenario is over.
    6 OperationDone {
        /// Which.
        operation: OperationId,
        /// How it went.
        why: Why
    } "operation-done", |w| format!(
        "operation {} is over: {}", w.operation_names[operation.index()], why.0
    );
    /// An operation of the scenario could not be done, or not to its end.
    7 OperationFailed {
        /// Which.
        operation: OperationId,
        /// Where.
        cluster: ClusterId,
        /// Why not.
        why: Why
    } "operation-failed", |w| format!(
        "operation {} fails in {}: {}",
        w.operation_names[operation.index()], w[cluster].name, why.0
    );
    /// A change of Front Door's configuration waits.
    8 ConfigurationWaits {
        /// The operation that asks for it.
        operation: OperationId,
        /// For what.
        why: Why
    } "configuration-waits", |w| format!(
        "change {} of Front Door waits: {}", w.operation_names[operation.index()], why.0
    );
    /// A change of Front Door's configuration was accepted and goes out to the edge locations.
    9 ConfigurationAccepted {
        /// The operation that asked for it.
        operation: OperationId,
        /// Until all edge locations have it \[s\].
        seconds: u32
    } "configuration-accepted", |w| format!(
        "change {} goes out to the edge locations, for {seconds} s",
        w.operation_names[operation.index()]
    );
    /// All edge locations have a new configuration of an origin.
    62 OriginConfigured {
        /// The origin.
        cluster: ClusterId,
        /// Whether it may get traffic.
        enabled: bool,
        /// Its priority.
        priority: u32,
        /// Its weight.
        weight: u32
    } "origin-configured", |w| format!(
        "origin {} is {}, priority {priority}, weight {weight}", w[cluster].name,
        if enabled { "enabled" } else { "disabled" }
    );
    /// An edge location of Front Door is lost, or back.
    63 EdgeLost {
        /// The edge location.
        pop: PopId,
        /// Whether it is lost now.
        lost: bool
    } "edge-lost", |_w| format!(
        "PoP {} is {}", pop.index(), if lost { "lost" } else { "back" }
    );
    /// Traffic Manager changed its mind about an endpoint.
    64 EndpointHealth {
        /// The endpoint.
        endpoint: EndpointId,
        /// What it now thinks.
        healthy: bool
    } "endpoint-health", |w| format!(
        "Traffic Manager now finds {} {}", w.endpoint_name(endpoint),
        if healthy { "healthy" } else { "degraded" }
    );
    /// An endpoint of Traffic Manager has a new configuration.
    65 EndpointConfigured {
        /// The endpoint.
        endpoint: EndpointId,
        /// Whether it may be an answer.
        enabled: bool,
        /// Its priority.
        priority: u32,
        /// Its weight.
        weight: u32
    } "endpoint-configured", |w| format!(
        "endpoint {} is {}, priority {priority}, weight {weight}", w.endpoint_name(endpoint),
        if enabled { "enabled" } else { "disabled" }
    );
    /// A pod was created.
    10 PodCreated {
        /// The pod.
        pod: PodId
    } "pod-created", |w| format!("pod {} is created", w.pod_name(pod));
    /// The scheduler bound a pod to a node.
    11 PodScheduled {
        /// The pod.
        pod: PodId,
        /// Its node.
        node: NodeId
    } "pod-scheduled", |w| format!("pod {} is bound to {}", w.pod_name(pod), w.node_name(node));
    /// The scheduler found no node for a pod; said once for a pod.
    12 PodUnschedulable {
        /// The pod.
        pod: PodId,
        /// What rules most nodes out.
        why: Why
    } "pod-unschedulable", |w| format!("pod {} fits no node: {}", w.pod_name(pod), why.0);
    /// A pod's image is on its node.
    13 ImagePulled {
        /// The pod.
        pod: PodId
    } "image-pulled", |w| format!("image of {} is pulled", w.pod_name(pod));
    /// A pod's image could not be pulled; it is tried again.
    19 ImagePullFailed {
        /// The pod.
        pod: PodId,
        /// Cause.
        why: Why
    } "image-pull-failed", |w| format!("image of {} is not pulled: {}", w.pod_name(pod), why.0);
    /// A pod's container started.
    14 ContainerStarted {
        /// The pod.
        pod: PodId
    } "container-started", |w| format!("container of {} starts", w.pod_name(pod));
    /// A pod turned Ready.
    15 PodReady {
        /// The pod.
        pod: PodId
    } "pod-ready", |w| format!("pod {} is ready", w.pod_name(pod));
    /// A pod turned not Ready.
    16 PodNotReady {
        /// The pod.
        pod: PodId,
        /// Cause.
        why: Why
    } "pod-not-ready", |w| format!("pod {} is not ready: {}", w.pod_name(pod), why.0);
    /// A container ended by itself or was killed by its liveness probe.
    17 ContainerDied {
        /// The pod.
        pod: PodId,
        /// Cause.
        why: Why
    } "container-died", |w| format!("container of {} died: {}", w.pod_name(pod), why.0);
    /// A pod is being deleted (deletionTimestamp).
    18 PodDeleted {
        /// The pod.
        pod: PodId,
        /// Who deletes it and why.
        why: Why
    } "pod-deleted", |w| format!("pod {} is deleted: {}", w.pod_name(pod), why.0);
    /// A pod object is gone.
    19 PodGone {
        /// The pod.
        pod: PodId
    } "pod-gone", |w| format!("pod {} is gone", w.pod_name(pod));
    /// The balancers now know that a pod takes traffic, or no longer does.
    20 EndpointsChanged {
        /// The pod.
        pod: PodId,
        /// Whether it is among the endpoints.
        serving: bool
    } "endpoints-changed", |w| format!(
        "balancers {} {}", if serving { "add" } else { "drop" }, w.pod_name(pod)
    );
    /// The eviction of a pod was refused; said once for a pod and a drain.
    21 EvictionRefused {
        /// The pod.
        pod: PodId,
        /// Why.
        why: Why
    } "eviction-refused", |w| format!("eviction of {} is refused: {}", w.pod_name(pod), why.0);
    /// A virtual machine was ordered.
    30 NodeOrdered {
        /// The node that it will be.
        node: NodeId
    } "node-ordered", |w| format!("node {} is ordered", w.node_name(node));
    /// A node joined its cluster and is Ready.
    31 NodeJoined {
        /// The node.
        node: NodeId
    } "node-joined", |w| format!("node {} joins", w.node_name(node));
    /// A node lost power.
    32 NodeLost {
        /// The node.
        node: NodeId
    } "node-lost", |w| format!("node {} loses power", w.node_name(node));
    /// A node's power is back.
    33 NodeBack {
        /// The node.
        node: NodeId
    } "node-back", |w| format!("node {} is powered again", w.node_name(node));
    /// The node lifecycle controller or the kubelet changed a node's Ready condition.
    34 NodeReadiness {
        /// The node.
        node: NodeId,
        /// What it is now: Ready, NotReady by its kubelet's own report, or Unknown.
        status: Why
    } "node-readiness", |w| format!("node {} is now {}", w.node_name(node), status.0);
    /// The node lifecycle controller set or took away the NoExecute taint.
    35 NodeTainted {
        /// The node.
        node: NodeId,
        /// The taint, without `node.kubernetes.io/`.
        taint: Why,
        /// Whether it is tainted now.
        tainted: bool
    } "node-tainted", |w| format!(
        "taint {} {} {}", taint.0,
        if tainted { "is set on" } else { "is taken from" }, w.node_name(node)
    );
    /// A fault stopped a node's kubelet or cut it off; its containers go on.
    37 KubeletSilent {
        /// The node.
        node: NodeId,
        /// What became of the kubelet.
        why: Why
    } "kubelet-silent", |w| format!("kubelet of {}: {}", w.node_name(node), why.0);
    /// A node's kubelet works again.
    38 KubeletBack {
        /// The node.
        node: NodeId
    } "kubelet-back", |w| format!("kubelet of {} is back", w.node_name(node));
    /// Auto-repair begins an action at a node.
    39 RepairStarted {
        /// The node.
        node: NodeId,
        /// Reboot, reimage or redeploy.
        action: Why
    } "repair-started", |w| format!("auto-repair begins to {} {}", action.0, w.node_name(node));
    /// An action of auto-repair ended.
    56 RepairEnded {
        /// The node.
        node: NodeId,
        /// Reboot, reimage or redeploy.
        action: Why,
        /// Whether it ended a fault of the node.
        helped: bool
    } "repair-ended", |w| format!(
        "{} of {} ended and {}", action.0, w.node_name(node),
        if helped { "helped" } else { "did not help" }
    );
    /// Auto-repair gave a node up.
    57 RepairGaveUp {
        /// The node.
        node: NodeId
    } "repair-gave-up", |w| format!("auto-repair gives up {}", w.node_name(node));
    /// A node was deleted.
    36 NodeDeleted {
        /// The node.
        node: NodeId,
        /// Who deleted it and why.
        why: Why
    } "node-deleted", |w| format!("node {} is deleted: {}", w.node_name(node), why.0);
    /// A node was closed to new pods, or opened again.
    37 NodeCordoned {
        /// The node.
        node: NodeId,
        /// Whether it is closed now.
        cordoned: bool
    } "node-cordoned", |w| format!(
        "node {} is {}", w.node_name(node), if cordoned { "cordoned" } else { "uncordoned" }
    );
    /// A drain is done with a node.
    38 NodeDrained {
        /// The node.
        node: NodeId,
        /// Whether all its pods are gone; if not, the drain gave up on it.
        drained: bool
    } "node-drained", |w| format!(
        "node {} {}", w.node_name(node),
        if drained { "is drained" } else { "is not drained: timed out" }
    );
    /// An HPA changed a deployment's replicas.
    40 Scaled {
        /// The deployment.
        deployment: DeploymentId,
        /// Replicas before.
        from: u32,
        /// Replicas after.
        to: u32,
        /// What limited the step, in the HPA's own words.
        why: Why
    } "scaled", |w| format!(
        "HPA scales {} from {from} to {to}: {}", w.deployment_name(deployment), why.0
    );
    /// A condition in the status of an HPA has another status or reason than before.
    42 HpaCondition {
        /// The deployment.
        deployment: DeploymentId,
        /// Which of its HPAs, from 0.
        hpa: u32,
        /// `type` of the condition: AbleToScale, ScalingActive or ScalingLimited.
        condition: Why,
        /// Its `status`.
        holds: bool,
        /// Its `reason`, as upstream calls it.
        reason: Why,
        /// The reason in words.
        why: Why
    } "hpa-condition", |w| format!(
        "HPA{} of {}: {} is {}, {} ({})",
        if hpa == 0 { String::new() } else { format!(" {}", hpa + 1) },
        w.deployment_name(deployment), condition.0,
        if holds { "True" } else { "False" }, reason.0, why.0
    );
    /// The pod template of a deployment changed: a new revision rolls out.
    44 RolloutStarted {
        /// The deployment.
        deployment: DeploymentId,
        /// The new revision.
        revision: u32
    } "rollout-started", |w| format!(
        "revision {revision} of {} rolls out", w.deployment_name(deployment)
    );
    /// The Deployment controller resized a ReplicaSet.
    45 ReplicaSetScaled {
        /// The deployment.
        deployment: DeploymentId,
        /// The ReplicaSet's revision.
        revision: u32,
        /// Its size before.
        from: u32,
        /// Its size after.
        to: u32,
        /// What allowed it.
        why: Why
    } "replica-set-scaled", |w| format!(
        "revision {revision} of {} goes from {from} to {to} pods: {}",
        w.deployment_name(deployment), why.0
    );
    /// All wanted pods of a deployment are of its newest revision and available.
    46 RolloutComplete {
        /// The deployment.
        deployment: DeploymentId,
        /// The revision.
        revision: u32
    } "rollout-complete", |w| format!(
        "revision {revision} of {} is rolled out", w.deployment_name(deployment)
    );
    /// A rollout has stood still for longer than its progress deadline.
    47 RolloutStuck {
        /// The deployment.
        deployment: DeploymentId,
        /// The revision.
        revision: u32
    } "rollout-stuck", |w| format!(
        "revision {revision} of {} is stuck: progress deadline exceeded",
        w.deployment_name(deployment)
    );
    /// The cluster autoscaler raised a pool's target.
    50 ScaleUp {
        /// The pool.
        pool: PoolId,
        /// Nodes ordered.
        nodes: u32,
        /// Pods that asked for them.
        pods: u32
    } "scale-up", |w| format!(
        "autoscaler adds {nodes} nodes to {} for {pods} pending pods", w.pool_name(pool)
    );
    /// The cluster autoscaler could not help pending pods, for another reason than before.
    51 ScaleUpFailed {
        /// The cluster.
        cluster: ClusterId,
        /// Why.
        why: Why
    } "scale-up-failed", |w| format!("autoscaler of {} cannot help: {}", w[cluster].name, why.0);
    /// The cluster autoscaler halted, or goes on, because of unready nodes.
    52 AutoscalerHalted {
        /// The cluster.
        cluster: ClusterId,
        /// Whether it stands still now.
        halted: bool
    } "autoscaler-halted", |w| format!(
        "autoscaler of {} {}", w[cluster].name,
        if halted { "halts: too many unready nodes" } else { "goes on" }
    );
    /// The cluster autoscaler leaves a pool alone after a failed scale-up.
    53 PoolBackedOff {
        /// The pool.
        pool: PoolId,
        /// For how long \[s\].
        seconds: u32,
        /// What failed.
        why: Why
    } "pool-backed-off", |w| format!(
        "autoscaler leaves {} alone for {seconds} s: {}", w.pool_name(pool), why.0
    );
    /// The cloud has no capacity for machines that were ordered.
    54 AllocationFailed {
        /// The pool.
        pool: PoolId,
        /// How many of its machines will not come.
        nodes: u32
    } "allocation-failed", |w| format!(
        "the cloud cannot allocate {nodes} machines of {}", w.pool_name(pool)
    );
    /// Machines or pods found no address in their subnet.
    62 AddressesExhausted {
        /// The pool.
        pool: PoolId,
        /// How many of its machines found none.
        nodes: u32,
        /// What ran out.
        why: Why
    } "addresses-exhausted", |w| format!(
        "{}: {nodes} machines of {} find no address", why.0, w.pool_name(pool)
    );
    /// A pod found no address for its sandbox; it tries again.
    63 PodWithoutAddress {
        /// The pod.
        pod: PodId,
        /// What ran out.
        why: Why
    } "pod-without-address", |w| format!("{}: {} finds no address", why.0, w.pod_name(pod));
    /// The region grants machines one after the other, and an order has to wait.
    64 MachinesWait {
        /// The pool.
        pool: PoolId,
        /// How many of its machines wait.
        nodes: u32,
        /// How long the last of them waits \[s\].
        seconds: u32
    } "machines-wait", |w| format!(
        "{nodes} machines of {} wait for their turn, the last one {seconds} s", w.pool_name(pool)
    );
    /// The machine of a node was deallocated, to be started again when it is needed.
    65 NodeDeallocated {
        /// The node.
        node: NodeId
    } "node-deallocated", |w| format!("the machine of {} is deallocated", w.node_name(node));
    /// A deallocated machine begins to start, or cannot.
    66 NodeStarted {
        /// The node.
        node: NodeId,
        /// What the cloud says to it.
        why: Why
    } "node-started", |w| format!("{} is to start: {}", w.node_name(node), why.0);
    /// The cluster autoscaler marks a node that nobody needs, to drain and delete it.
    55 ScaleDown {
        /// The node.
        node: NodeId,
        /// Pods that have to move.
        pods: u32
    } "scale-down", |w| format!(
        "autoscaler begins to remove {} with {pods} pods", w.node_name(node)
    );
    /// The cluster autoscaler could not remove a node.
    56 ScaleDownFailed {
        /// The node.
        node: NodeId,
        /// Why.
        why: Why
    } "scale-down-failed", |w| format!("autoscaler keeps {}: {}", w.node_name(node), why.0);
    /// A dependency was lost where it served.
    70 DependencyLost {
        /// Which.
        dependency: DependencyId,
        /// Where it served.
        region: RegionId,
        /// The fault behind it.
        fault: FaultId,
        /// What was lost, and what follows.
        why: Why
    } "dependency-lost", |w| format!(
        "{} is lost in {} by {}: {}", w[dependency].name, w[region].name,
        w.fault_names[fault.index()], why.0
    );
    /// The alert for a lost dependency fired.
    71 DependencyNoticed {
        /// Which.
        dependency: DependencyId,
        /// What follows.
        why: Why
    } "dependency-noticed", |w| format!("alert: {} is lost; {}", w[dependency].name, why.0);
    /// The failover of a dependency was decided.
    72 DependencyDecided {
        /// Which.
        dependency: DependencyId,
        /// To where.
        region: RegionId,
        /// Who decided.
        why: Why
    } "dependency-decided", |w| format!(
        "{} is to fail over to {}: {}", w[dependency].name, w[region].name, why.0
    );
    /// A copy of a dependency was promoted and serves.
    73 DependencyPromoted {
        /// Which.
        dependency: DependencyId,
        /// Where it serves now.
        region: RegionId,
        /// The fault behind it.
        fault: FaultId,
        /// Writes that the copy had not received.
        lost_writes: u32,
        /// How it serves.
        why: Why
    } "dependency-promoted", |w| format!(
        "{} serves from {} after {}{}: {}", w[dependency].name, w[region].name,
        w.fault_names[fault.index()],
        if lost_writes == 0 { String::new() } else { format!(", {lost_writes} writes are lost") },
        why.0
    );
    /// A dependency is back where it was lost.
    74 DependencyBack {
        /// Which.
        dependency: DependencyId,
        /// Where.
        region: RegionId,
        /// How.
        why: Why
    } "dependency-back", |w| format!(
        "{} is back in {}: {}", w[dependency].name, w[region].name, why.0
    );
    /// A dependency that was cold or stormed serves at its usual speed.
    75 DependencyWarm {
        /// Which.
        dependency: DependencyId
    } "dependency-warm", |w| format!("{} is at its usual speed", w[dependency].name);
    /// A pod could not start for want of a dependency; it is tried again.
    76 PodStartBlocked {
        /// The pod.
        pod: PodId,
        /// What it needs.
        dependency: DependencyId,
        /// What it met.
        why: Why
    } "pod-start-blocked", |w| format!(
        "{} cannot start: {} {}", w.pod_name(pod), w[dependency].name, why.0
    );
    /// The warm-up ended without a steady state.
    60 NotSteady {
        /// The deployment that was not steady.
        deployment: DeploymentId,
        /// What was still moving.
        why: Why
    } "not-steady", |w| format!(
        "{} is not steady after the warm-up: {}", w.deployment_name(deployment), why.0
    );
    /// A gateway or a firewall ordered further instances.
    80 NetworkOrdered {
        /// The cluster that it belongs to.
        cluster: ClusterId,
        /// Which: gateway or firewall.
        service: Why,
        /// Instances that work now.
        from: u32,
        /// Instances that will.
        to: u32,
        /// What for.
        why: Why
    } "network-ordered", |w| format!(
        "{} of {} orders {to} instances, has {from}: {}", service.0, w[cluster].name, why.0
    );
    /// A gateway or a firewall has another number of instances.
    81 NetworkScaled {
        /// The cluster that it belongs to.
        cluster: ClusterId,
        /// Which: gateway or firewall.
        service: Why,
        /// Instances before.
        from: u32,
        /// Instances now.
        to: u32
    } "network-scaled", |w| format!(
        "{} of {} has {to} instances instead of {from}", service.0, w[cluster].name
    );
    /// A gateway, a firewall or the source ports of a cluster do not suffice, or do again.
    82 NetworkFull {
        /// The cluster that it belongs to.
        cluster: ClusterId,
        /// Which: gateway, firewall or outbound.
        service: Why,
        /// Whether it turns requests away or slows pulls down now.
        full: bool,
        /// Cause.
        why: Why
    } "network-full", |w| format!(
        "{} of {} {}: {}", service.0, w[cluster].name,
        if full { "is full" } else { "suffices again" }, why.0
    );
    /// The number of nodes changed the source ports that each of them has.
    83 OutboundPorts {
        /// The cluster.
        cluster: ClusterId,
        /// Its nodes.
        nodes: u32,
        /// Ports of each node before.
        from: u32,
        /// Ports of each node now.
        to: u32,
        /// Cause.
        why: Why
    } "outbound-ports", |w| format!(
        "{nodes} nodes of {} have {to} source ports each instead of {from}: {}",
        w[cluster].name, why.0
    );
    /// A gateway or load balancer changed its mind about a pod behind it.
    84 BackendHealth {
        /// The pod.
        pod: PodId,
        /// What it now thinks.
        healthy: bool
    } "backend-health", |w| format!(
        "balancer of {} now finds {} {}", w[w.cluster_of(pod)].name, w.pod_name(pod),
        if healthy { "healthy" } else { "unhealthy" }
    );
    /// A limit of the simulator was reached and something was left out.
    61 LimitReached {
        /// Which limit.
        why: Why
    } "limit-reached", |_w| format!("limit reached: {}", why.0);
}

impl Fact {
    /// The fact as a sentence without its time.
    #[must_use]
    pub fn words(&self, world: &World) -> String {
        self.what.words(world)
    }
}

/// FNV-1a, 64 bits: enough to tell two runs apart, and simple enough to be the same anywhere.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;

const fn absorb(hash: u64, value: u64) -> u64 {
    // One byte at a time would be FNV proper; a whole word with a rotation mixes as well here.
    let mixed = (hash ^ value).wrapping_mul(0x0000_0100_0000_01b3);
    mixed ^ mixed.rotate_right(29)
}
