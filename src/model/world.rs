//! The world: every thing that exists, each kind in one vector indexed by its id.

use super::client::{Demand, Geography};
use super::cluster::Cluster;
use super::dependency::state::Dependency;
use super::front_door::FrontDoor;
use super::ids::{
    ClusterId, DemandId, DependencyId, DeploymentId, EndpointId, GeographyId, NodeId, PodId,
    PoolId, RackId, RegionId, WorkloadId, ZoneId,
};
use super::node::Node;
use super::node_pool::NodePool;
use super::pod::Pod;
use super::region::{Rack, Region, Zone};
use super::rollout::TemplateChange;
use super::traffic_manager::TrafficManager;
use super::workload::{Deployment, Workload};

/// Everything that exists. Index it by id: `world[pod]`, `world[node]`.
#[derive(Clone, Debug)]
pub struct World {
    /// Regions.
    pub regions: Vec<Region>,
    /// Zones of all regions.
    pub zones: Vec<Zone>,
    /// Racks of all zones.
    pub racks: Vec<Rack>,
    /// Clusters.
    pub clusters: Vec<Cluster>,
    /// Node pools of all clusters.
    pub pools: Vec<NodePool>,
    /// Nodes that ever existed.
    pub nodes: Vec<Node>,
    /// Workloads.
    pub workloads: Vec<Workload>,
    /// Workloads in clusters.
    pub deployments: Vec<Deployment>,
    /// Pods that ever existed.
    pub pods: Vec<Pod>,
    /// The global entry point.
    pub front_door: FrontDoor,
    /// The DNS name in front of it, if there is one.
    pub traffic_manager: Option<TrafficManager>,
    /// Places that clients are in.
    pub geographies: Vec<Geography>,
    /// What clients ask for.
    pub demands: Vec<Demand>,
    /// What requests and pod starts need besides pods.
    pub dependencies: Vec<Dependency>,
    /// Names of the scenario's faults, by id.
    pub fault_names: Vec<String>,
    /// Names of the scenario's operations, by id.
    pub operation_names: Vec<String>,
    /// Rises whenever something that exists is lent out to be changed, so that who has seen all
    /// at one version need not look again before the next.
    pub version: u64,
}

/// Indexing by id; what is lent out to be changed counts as changed.
macro_rules! index {
    ($($id:ident => $field:ident: $thing:ty $(, changes $also:expr)?;)+) => {$(
        impl std::ops::Index<$id> for World {
            type Output = $thing;
            #[inline]
            fn index(&self, id: $id) -> &$thing {
                &self.$field[id.index()]
            }
        }

        impl std::ops::IndexMut<$id> for World {
            #[inline]
            fn index_mut(&mut self, id: $id) -> &mut $thing {
                self.version += 1;
                $($also(self, id);)?
                &mut self.$field[id.index()]
            }
        }
    )+};
}

index! {
    RegionId => regions: Region;
    ZoneId => zones: Zone;
    RackId => racks: Rack;
    ClusterId => clusters: Cluster;
    PoolId => pools: NodePool;
    NodeId => nodes: Node;
    WorkloadId => workloads: Workload;
    DeploymentId => deployments: Deployment, changes World::deployment_changes;
    PodId => pods: Pod, changes World::pod_changes;
    GeographyId => geographies: Geography;
    DemandId => demands: Demand;
    DependencyId => dependencies: Dependency;
}

impl World {
    #[inline]
    fn deployment_changes(&mut self, deployment: DeploymentId) {
        self.deployments[deployment.index()].version += 1;
    }

    #[inline]
    fn pod_changes(&mut self, pod: PodId) {
        self.deployment_changes(self.pods[pod.index()].deployment);
    }

    /// The cluster that a pod belongs to.
    #[must_use]
    pub fn cluster_of(&self, pod: PodId) -> ClusterId {
        self[self[pod].deployment].cluster
    }

    /// Name of a pod, e.g. `web-primary-17`.
    #[must_use]
    pub fn pod_name(&self, pod: PodId) -> String {
        let Pod { deployment, ordinal, .. } = self[pod];
        format!("{}-{ordinal}", self.deployment_name(deployment))
    }

    /// Name of a deployment, e.g. `web-primary`.
    #[must_use]
    pub fn deployment_name(&self, deployment: DeploymentId) -> String {
        let Deployment { workload, cluster, .. } = &self[deployment];
        format!("{}-{}", self[*workload].name, self[*cluster].name)
    }

    /// Name of a node, e.g. `primary-user-3`.
    #[must_use]
    pub fn node_name(&self, node: NodeId) -> String {
        let Node { pool, ordinal, .. } = self[node];
        format!("{}-{ordinal}", self.pool_name(pool))
    }

    /// Name of a pool with its cluster, e.g. `primary-user`.
    #[must_use]
    pub fn pool_name(&self, pool: PoolId) -> String {
        format!("{}-{}", self[self[pool].cluster].name, self[pool].name)
    }

    /// Name of an endpoint of Traffic Manager.
    #[must_use]
    pub fn endpoint_name(&self, endpoint: EndpointId) -> &str {
        let manager = self.traffic_manager.as_ref();
        manager.map_or("", |manager| &manager.endpoints[endpoint.index()].name)
    }

    /// What a pod has different from its deployment's template. A pod that outlives its
    /// ReplicaSet is being deleted: nothing of it starts any more.
    #[must_use]
    pub fn template_change(&self, pod: PodId) -> Option<&TemplateChange> {
        let Pod { deployment, revision, .. } = self[pod];
        let mut sets = self[deployment].replica_sets.iter();
        sets.find(|set| set.revision == revision).map(|set| &set.change)
    }

    /// The ready, not terminating pods of a deployment.
    pub fn ready_pods(&self, deployment: DeploymentId) -> impl Iterator<Item = PodId> + '_ {
        self[deployment].pods.iter().copied().filter(|&pod| self[pod].is_ready())
    }

    /// The deployment of a workload in a cluster, if the cluster runs it.
    #[must_use]
    pub fn deployment_in(&self, workload: WorkloadId, cluster: ClusterId) -> Option<DeploymentId> {
        self[workload].deployments.iter().copied().find(|&d| self[d].cluster == cluster)
    }

    /// The racks of a zone.
    pub fn racks_of(&self, zone: ZoneId) -> impl Iterator<Item = RackId> + '_ {
        let all = (0..self.racks.len()).map(RackId::new);
        all.filter(move |&rack| self[rack].zone == zone)
    }

    /// The nodes of a cluster that exist or are on order, pool by pool.
    pub fn cluster_nodes(&self, cluster: ClusterId) -> impl Iterator<Item = NodeId> + '_ {
        self[cluster].pools.iter().flat_map(|&pool| self[pool].nodes.iter().copied())
    }
}
