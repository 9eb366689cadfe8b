//! What the controllers remember from one event to the next, by id.

use std::collections::BTreeMap;

use crate::model::fact::ClusterSet;
use crate::model::ids::{ClusterId, DeploymentId, FaultId, NodeId, OperationId, PodId, PopId};
use crate::model::world::World;
use crate::units::{Span, Time};

use super::cloud::api::CloudState;
use super::cluster_autoscaler::plan::{AutoscalerPlan, AutoscalerState};
use super::cluster_autoscaler::provider::Capacity;
use super::custom_metrics::adapter::Adapter;
use super::dependencies::memory::DependencyMemory;
use super::endpoints::Batch;
use super::endpoints::runner::SyncRunner;
use super::front_door_health::affinity::Sessions;
use super::front_door_health::configuration::Configuration;
use super::front_door_health::{OriginCondition, ProbedOrigin};
use super::hpa::plan::HpaPlan;
use super::hpa::sync::HpaState;
use super::kubelet::image_pull::NodePulls;
use super::kubelet::probing::PodProbes;
use super::kubelet::restart::RestartBackoff;
use super::metrics_pipeline::{ContainerUse, PodCounters};
use super::network::scaling::NetworkState;
use super::node_lifecycle::lease::Renewals;
use super::node_lifecycle::monitor::MonitorState;
use super::node_lifecycle::repair::{NodeRepair, Remedy};
use super::node_lifecycle::taint_eviction::EvictionTimer;
use super::operations::drain::DrainState;
use super::operations::upgrade::UpgradeState;
use super::replica_set::sync::Work;
use super::scheduler::cycle::SchedulerState;
use super::settings::Settings;
use super::traffic_manager::answers::TrafficManagerState;

/// The controllers' memory.
#[derive(Debug)]
pub struct Memory {
    /// The version of the world that the observer saw last.
    pub observed: Option<u64>,
    pods: Vec<PodMemory>,
    /// Kubelet's and metrics-server's counters, by pod: read again and again, so kept together.
    pub(super) counters: Vec<PodCounters>,
    /// What the kubelet reads them by, by deployment.
    pub container_uses: Vec<ContainerUse>,
    nodes: Vec<NodeMemory>,
    /// HPAs, in the order of their deployments.
    pub hpas: Vec<HpaState>,
    /// What the monitoring of each cluster has scraped for HPAs, where one asks for it.
    pub adapters: Vec<Option<Adapter>>,
    /// Pods that are gone without a word, and until when callers keep connections to them.
    pub stale_connections: BTreeMap<PodId, Time>,
    /// The last batch of changes of each deployment's Service.
    pub slice_batches: Vec<Option<Batch>>,
    /// The syncs of each cluster's proxies, once something has changed.
    pub proxies: Vec<Option<SyncRunner>>,
    /// Image pulls, by node.
    pub pulls: BTreeMap<NodeId, NodePulls>,
    /// When an HPA last changed a deployment's replicas.
    pub scaled_at: Vec<Option<Time>>,
    /// Autoscalers by cluster.
    pub autoscalers: Vec<AutoscalerState>,
    /// What the cloud is short of.
    pub capacity: Capacity,
    /// What the cloud remembers of calls, turns and addresses.
    pub cloud: CloudState,
    /// Schedulers by cluster.
    pub schedulers: Vec<SchedulerState>,
    /// Node monitors by cluster.
    pub monitors: Vec<MonitorState>,
    /// The controller managers' client rate limits, by cluster.
    api_tokens: Vec<Tokens>,
    /// What each PoP's probes met at each origin, PoP by PoP in cluster order.
    probed: Vec<ProbedOrigin>,
    /// What probes meet at each origin now.
    pub origin_conditions: Vec<OriginCondition>,
    /// Operations that answer a fault of which no alert could fire, and how long their decision
    /// takes.
    pub(super) unheard: Vec<(OperationId, Span)>,
    /// Changes of Front Door's configuration on their way.
    pub configuration: Configuration,
    /// What Traffic Manager and the resolvers remember, if the scenario has one.
    pub traffic_manager: Option<TrafficManagerState>,
    /// Sessions that stay with their origin, by PoP, if the scenario has any.
    pub sessions: BTreeMap<PopId, Sessions>,
    /// Lost PoPs whose routes are withdrawn, and where their users enter instead.
    pub stand_ins: BTreeMap<PopId, Option<PopId>>,
    /// Where each PoP sends its traffic.
    pub routes: Vec<Option<ClusterSet>>,
    /// What the ReplicaSet controllers have decided and not done yet, by deployment and revision.
    pub pod_work: BTreeMap<(DeploymentId, u32), Work>,
    /// Gateways, firewalls and source ports of the clusters that have them.
    pub networks: BTreeMap<ClusterId, NetworkState>,
    /// Evictions that the disruption controller has not seen as deletions yet, by deployment.
    pub disrupted: BTreeMap<DeploymentId, Vec<(PodId, Time)>>,
    /// Drains that go on.
    pub drains: BTreeMap<OperationId, DrainState>,
    /// Upgrades that go on.
    pub upgrades: BTreeMap<OperationId, UpgradeState>,
    /// Nodes that each fault took down and has to give back.
    pub struck: BTreeMap<FaultId, Vec<NodeId>>,
    /// What ends a fault for a node before the fault itself ends.
    pub remedies: BTreeMap<FaultId, Remedy>,
    /// Nodes that auto-repair watches.
    pub repairs: BTreeMap<NodeId, NodeRepair>,
    /// What dependencies remember.
    pub dependencies: DependencyMemory,
    /// Deleted nodes that pods are still bound to, and when PodGC removes those.
    pub orphaned: BTreeMap<NodeId, Time>,
}

#[derive(Clone, Copy, Debug, Default)]
struct PodMemory {
    probes: PodProbes,
    restarts: RestartBackoff,
    eviction: Option<EvictionTimer>,
    n_failed_pulls: u32,
}

/// What the node lifecycle controller knows of a node's lease.
#[derive(Clone, Copy, Debug)]
pub struct NodeMemory {
    /// The renewals since the kubelet started.
    pub renewals: Renewals,
    /// The last renewal, once the kubelet has fallen silent.
    pub last_heard: Option<Time>,
    /// Since when the kubelet has been stopped or cut off on a machine that runs.
    pub cut_off_since: Option<Time>,
}

/// A token bucket in exact time.
#[derive(Clone, Copy, Debug)]
struct Tokens {
    /// When the bucket would have been empty: it holds (now - empty_at) x rate tokens.
    empty_at: Time,
}

impl Memory {
    /// The memory of controllers that have just started.
    #[must_use]
    pub fn new(
        world: &World,
        hpas: &[HpaPlan],
        autoscalers: &[AutoscalerPlan],
        monitors: Vec<MonitorState>,
        probed: Vec<ProbedOrigin>,
    ) -> Self {
        let n_clusters = world.clusters.len();
        let pools = |index: usize| world.clusters[index].pools.len();
        let autoscaler = |(index, plan): (usize, &AutoscalerPlan)| {
            AutoscalerState::new(plan.clone(), pools(index))
        };
        let uses = world.deployments.iter().map(|it| ContainerUse::of(&it.template));
        Self {
            observed: None,
            pods: Vec::new(),
            counters: Vec::new(),
            container_uses: uses.collect(),
            nodes: Vec::new(),
            hpas: hpas.iter().cloned().map(HpaState::new).collect(),
            adapters: vec![None; n_clusters],
            stale_connections: BTreeMap::new(),
            slice_batches: vec![None; world.deployments.len()],
            proxies: vec![None; n_clusters],
            pulls: BTreeMap::new(),
            scaled_at: vec![None; world.deployments.len()],
            autoscalers: autoscalers.iter().enumerate().map(autoscaler).collect(),
            capacity: Capacity::default(),
            cloud: CloudState::default(),
            schedulers: vec![SchedulerState::default(); n_clusters],
            monitors,
            api_tokens: vec![Tokens { empty_at: Time::from_nanos(i64::MIN) }; n_clusters],
            probed,
            origin_conditions: vec![OriginCondition::Answering; n_clusters],
            unheard: Vec::new(),
            configuration: Configuration::default(),
            traffic_manager: None,
            sessions: BTreeMap::new(),
            stand_ins: BTreeMap::new(),
            routes: vec![None; world.front_door.pops.len()],
            pod_work: BTreeMap::new(),
            networks: BTreeMap::new(),
            disrupted: BTreeMap::new(),
            drains: BTreeMap::new(),
            upgrades: BTreeMap::new(),
            struck: BTreeMap::new(),
            remedies: BTreeMap::new(),
            repairs: BTreeMap::new(),
            dependencies: DependencyMemory::default(),
            orphaned: BTreeMap::new(),
        }
    }

    /// The controllers of a cluster start anew and forget what they knew.
    pub fn restart_controllers(&mut self, world: &World, cluster: ClusterId, now: Time) {
        let index = cluster.index();
        for hpa in &mut self.hpas {
            if world[hpa.plan.deployment].cluster == cluster {
                hpa.restart();
            }
        }
        let autoscaler = &mut self.autoscalers[index];
        *autoscaler = AutoscalerState::new(autoscaler.plan.clone(), world[cluster].pools.len());
        self.schedulers[index] = SchedulerState::default();
        self.monitors[index] = self.monitors[index].restarted(now);
        self.pod_work.retain(|(deployment, _), _| world[*deployment].cluster != cluster);
    }

    fn pod(&self, pod: PodId) -> PodMemory {
        self.pods.get(pod.index()).copied().unwrap_or_default()
    }

    fn pod_mut(&mut self, pod: PodId) -> &mut PodMemory {
        if self.pods.len() <= pod.index() {
            self.pods.resize(pod.index() + 1, PodMemory::default());
        }
        &mut self.pods[pod.index()]
    }

    /// The counters of a pod, if anybody has read any.
    #[must_use]
    #[inline]
    pub fn counters(&self, pod: PodId) -> Option<&PodCounters> {
        self.counters.get(pod.index())
    }

    /// The counters of a pod.
    pub fn counters_mut(&mut self, pod: PodId) -> &mut PodCounters {
        self.make_room_for_counters(pod.index() + 1);
        &mut self.counters[pod.index()]
    }

    /// Makes counters for so many pods.
    pub(super) fn make_room_for_counters(&mut self, n_pods: usize) {
        if self.counters.len() < n_pods {
            self.counters.resize(n_pods, PodCounters::default());
        }
    }

    /// The probe workers of a pod.
    #[must_use]
    pub fn probes(&self, pod: PodId) -> PodProbes {
        self.pod(pod).probes
    }

    /// The probe workers of a pod.
    pub fn probes_mut(&mut self, pod: PodId) -> &mut PodProbes {
        &mut self.pod_mut(pod).probes
    }

    /// The restart back-off of a pod's container.
    pub fn restarts_mut(&mut self, pod: PodId) -> &mut RestartBackoff {
        &mut self.pod_mut(pod).restarts
    }

    /// The toleration timer of a pod on a tainted node.
    pub fn eviction_mut(&mut self, pod: PodId) -> &mut Option<EvictionTimer> {
        &mut self.pod_mut(pod).eviction
    }

    /// Counts a failed pull of a pod's image; returns how many there were.
    pub fn pull_failed(&mut self, pod: PodId) -> u32 {
        let memory = self.pod_mut(pod);
        memory.n_failed_pulls = memory.n_failed_pulls.saturating_add(1);
        memory.n_failed_pulls
    }

    /// The lease of a node.
    pub fn node_mut(&mut self, node: NodeId) -> &mut NodeMemory {
        &mut self.nodes[node.index()]
    }

    /// Begins to follow the lease of a node.
    pub fn set_node(&mut self, node: NodeId, memory: NodeMemory) {
        if self.nodes.len() <= node.index() {
            self.nodes.resize(node.index() + 1, memory);
        }
        self.nodes[node.index()] = memory;
    }

    /// The number of endpoints of Traffic Manager; 0 without one.
    #[must_use]
    pub fn traffic_manager_endpoints(&self) -> usize {
        self.traffic_manager.as_ref().map_or(0, TrafficManagerState::n_endpoints)
    }

    /// A PoP's probes of an origin.
    pub fn probed(&mut self, pop: PopId, cluster: ClusterId) -> &mut ProbedOrigin {
        let n_clusters = self.origin_conditions.len();
        &mut self.probed[pop.index() * n_clusters + cluster.index()]
    }

    /// Takes a token of a cluster's controller manager, or says when there will be one.
    pub fn take_api_token(
        &mut self,
        cluster: ClusterId,
        now: Time,
        settings: &Settings,
    ) -> Option<Time> {
        let period = Span::from_secs_f64(1.0 / settings.controller_qps);
        let tokens = &mut self.api_tokens[cluster.index()];
        let full = now - period * i64::from(settings.controller_burst);
        tokens.empty_at = tokens.empty_at.max(full);
        let next = tokens.empty_at + period;
        if now < next {
            return Some(next);
        }
        tokens.empty_at = next;
        None
    }
}
