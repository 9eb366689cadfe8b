//! The observer: looks at the whole world once a second and writes down what it sees.
//!
//! It changes nothing and draws nothing, so a run is the same with and without it. While nothing
//! has happened since its last look, it repeats what it wrote.

use crate::control::Cx;
use crate::control::cloud::addresses;
use crate::control::cloud::room::Taking;
use crate::control::network::ceiling::ceiling;
use crate::model::cluster::OriginState;
use crate::model::event::Event;
use crate::model::ids::{ClusterId, DeploymentId};
use crate::model::node::{Condition, Stage};
use crate::model::node_pool::{NodePool, Resources};
use crate::model::sample::{ClusterSample, DeploymentSample, NodeLimit};
use crate::units::Span;

const PERIOD: Span = Span::from_secs(1);

/// Takes one sample of every cluster and deployment.
pub(super) fn observe(cx: &mut Cx) {
    cx.clock.arm(Event::Observe, cx.now + PERIOD);
    let version = cx.world.version;
    if cx.memory.observed.replace(version) == Some(version) {
        repeat(cx);
        return;
    }
    let rooms = PoolRoom::all(cx);
    let of = |id| (id, PodCounts::of(cx, id));
    let counts = (0..cx.world.deployments.len()).map(DeploymentId::new).map(of);
    let counts: Vec<(DeploymentId, PodCounts)> = counts.collect();
    for cluster in (0..cx.world.clusters.len()).map(ClusterId::new) {
        let sample = sample_cluster(cx, cluster, &counts);
        cx.samples.clusters.push(sample);
    }
    for (deployment, counts) in counts {
        let sample = sample_deployment(cx, deployment, counts, &rooms);
        cx.samples.deployments.push(sample);
    }
}

/// Writes the last samples once more.
fn repeat(cx: &mut Cx) {
    let (clusters, deployments) = (&mut cx.samples.clusters, &mut cx.samples.deployments);
    for index in clusters.len() - cx.world.clusters.len()..clusters.len() {
        clusters.push(ClusterSample { at: cx.now, ..clusters[index] });
    }
    for index in deployments.len() - cx.world.deployments.len()..deployments.len() {
        deployments.push(DeploymentSample { at: cx.now, ..deployments[index] });
    }
}

/// The pods of a deployment, counted.
#[derive(Clone, Copy, Default)]
struct PodCounts {
    active: u32,
    ready: u32,
    /// Ready pods that balancers know, on machines that are up.
    serving: u32,
}

impl PodCounts {
    fn of(cx: &Cx, deployment: DeploymentId) -> Self {
        let mut counts = Self::default();
        for &pod in &cx.world[deployment].pods {
            let pod = &cx.world[pod];
            let is_up = || pod.node.is_some_and(|node| cx.world[node].is_up());
            counts.active += u32::from(pod.is_active());
            counts.ready += u32::from(pod.is_ready());
            counts.serving += u32::from(pod.in_endpoints && pod.is_ready() && is_up());
        }
        counts
    }
}

fn sample_cluster(
    cx: &Cx,
    cluster: ClusterId,
    counts: &[(DeploymentId, PodCounts)],
) -> ClusterSample {
    let mut sample = ClusterSample {
        at: cx.now,
        cluster,
        serving: cx.world[cluster].origin == OriginState::Serving,
        nodes: 0,
        ready_nodes: 0,
        ordered_nodes: 0,
        pods: 0,
        ready_pods: 0,
    };
    for node in cx.world.cluster_nodes(cluster) {
        let node = &cx.world[node];
        sample.nodes += u32::from(node.stage == Stage::Joined && !node.suspended);
        sample.ordered_nodes += u32::from(node.stage == Stage::Provisioning);
        // A dead node stays Ready in a lost control plane; nobody who looks would call it that.
        sample.ready_nodes += u32::from(node.is_up() && node.ready == Condition::True);
    }
    for &deployment in &cx.world[cluster].deployments {
        let (_, counts) = counts[deployment.index()];
        sample.pods += counts.active;
        sample.ready_pods += counts.ready;
    }
    sample
}

fn sample_deployment(
    cx: &Cx,
    id: DeploymentId,
    counts: PodCounts,
    rooms: &[PoolRoom],
) -> DeploymentSample {
    let deployment = &cx.world[id];
    let most = deployment.hpa_bounds.map_or(deployment.replicas, |(_, most)| most);
    let pods = deployment.sustained(counts.serving as usize);
    let (node_room, node_limit) = node_room(cx, id, rooms);
    let bound = ceiling(&cx.world, id).filter(|(rate, _)| rate.per_s() < pods.per_s());
    DeploymentSample {
        at: cx.now,
        deployment: id,
        replicas: deployment.replicas,
        pods: counts.active,
        ready_pods: counts.serving,
        sustained: bound.map_or(pods, |(rate, _)| rate),
        ceiling: bound.map(|(_, which)| which),
        hpa_room: most.saturating_sub(deployment.replicas),
        node_room,
        node_limit,
    }
}

/// The room of a pool for more pods.
struct PoolRoom {
    /// What is left on each node that takes pods and has any left.
    free: Vec<Resources>,
    /// Nodes on order.
    ordered: u32,
    /// Nodes on order, and those that may still be ordered.
    to_come: u32,
    /// What ends that.
    limit: NodeLimit,
}

impl PoolRoom {
    fn all(cx: &Cx) -> Vec<Self> {
        let mut rooms: Vec<Self> = cx.world.pools.iter().map(|pool| Self::of(cx, pool)).collect();
        for cluster in (0..cx.world.clusters.len()).map(ClusterId::new) {
            let region = cx.world[cluster].region;
            if cx.world[region].capacity.is_none() && cx.world[cluster].network.is_none() {
                continue;
            }
            let mut taking = Taking::new(cx, cluster);
            for &pool in &cx.world[cluster].pools {
                let PoolRoom { to_come, ordered, limit, .. } = &mut rooms[pool.index()];
                let each = addresses::of_a_machine(&cx.world, pool);
                let more = taking.take(pool, *to_come - *ordered, each);
                (*to_come, *limit) = (*ordered + more.machines, more.limit);
            }
        }
        rooms
    }

    /// Dead nodes hold their place in the pool: they are no room, nor may others be ordered for
    /// them.
    fn of(cx: &Cx, pool: &NodePool) -> Self {
        let mut free = Vec::with_capacity(pool.nodes.len());
        let mut ordered = 0;
        for &node in &pool.nodes {
            let node = &cx.world[node];
            ordered += u32::from(node.stage == Stage::Provisioning && node.allocated);
            let left = pool.allocatable - node.requested;
            if node.is_schedulable() && 0 < left.pods {
                free.push(left);
            }
        }
        let largest = if pool.autoscaled { pool.max_nodes } else { pool.target };
        let to_come = largest.saturating_sub(pool.target) + ordered;
        Self { free, ordered, to_come, limit: NodeLimit::PoolMax }
    }
}

/// How many more pods of a deployment the cluster's pools could hold at their largest, and what
/// ends that: of several pools, what ends the growth of the first that cannot reach its maximum.
fn node_room(cx: &Cx, id: DeploymentId, rooms: &[PoolRoom]) -> (u32, NodeLimit) {
    let deployment = &cx.world[id];
    let request = &deployment.template.requests;
    let (mut room, mut limit) = (0_u32, NodeLimit::PoolMax);
    for &pool in &cx.world[deployment.cluster].pools {
        let PoolRoom { free, to_come, limit: of_pool, .. } = &rooms[pool.index()];
        let pool = &cx.world[pool];
        if deployment.template.pool.as_ref().is_some_and(|name| *name != pool.name) {
            continue;
        }
        if limit == NodeLimit::PoolMax {
            limit = *of_pool;
        }
        for free in free.iter().filter(|free| free.fits(request)) {
            room = room.saturating_add(free.times(request));
        }
        room = room.saturating_add(to_come.saturating_mul(pool.allocatable.times(request)));
    }
    match addresses::room_for_pods(cx, deployment.cluster) {
        Some(pods) if pods < room => (pods, NodeLimit::Addresses),
        _ => (room, limit),
    }
}
