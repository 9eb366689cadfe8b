//! The observer: looks at the whole world once a second and writes down what it sees.
//!
//! It changes nothing and draws nothing, so a run is the same with and without it. While nothing
//! has happened since its last look, it repeats what it wrote.

use crate::control::Cx;
use crate::model::cluster::OriginState;
use crate::model::event::Event;
use crate::model::ids::{ClusterId, DeploymentId, NodeId};
use crate::model::node::{Condition, Stage};
use crate::model::sample::{ClusterSample, DeploymentSample};
use crate::units::Span;

const PERIOD: Span = Span::from_secs(1);

/// Takes one sample of every cluster and deployment.
pub(super) fn observe(cx: &mut Cx) {
    cx.clock.arm(Event::Observe, cx.now + PERIOD);
    if std::mem::replace(&mut cx.memory.observed, true) {
        repeat(cx);
        return;
    }
    for cluster in (0..cx.world.clusters.len()).map(ClusterId::new) {
        let sample = sample_cluster(cx, cluster);
        cx.samples.clusters.push(sample);
    }
    for deployment in (0..cx.world.deployments.len()).map(DeploymentId::new) {
        let sample = sample_deployment(cx, deployment);
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

fn count(n: usize) -> u32 {
    u32::try_from(n).expect("limits keep every count below 2^32")
}

fn sample_cluster(cx: &Cx, cluster: ClusterId) -> ClusterSample {
    let of_stage = |stage| {
        count(cx.world.cluster_nodes(cluster).filter(|&n| cx.world[n].stage == stage).count())
    };
    // A dead node stays Ready in a lost control plane; nobody who looks would call it that.
    let ready = |&node: &NodeId| cx.world[node].is_up() && cx.world[node].ready == Condition::True;
    let pods = |is_counted: &dyn Fn(&crate::model::pod::Pod) -> bool| {
        let deployments = cx.world[cluster].deployments.iter();
        let pods = deployments.flat_map(|&deployment| &cx.world[deployment].pods);
        count(pods.filter(|&&pod| is_counted(&cx.world[pod])).count())
    };
    ClusterSample {
        at: cx.now,
        cluster,
        serving: cx.world[cluster].origin == OriginState::Serving,
        nodes: of_stage(Stage::Joined),
        ready_nodes: count(cx.world.cluster_nodes(cluster).filter(ready).count()),
        ordered_nodes: of_stage(Stage::Provisioning),
        pods: pods(&|pod| pod.is_active()),
        ready_pods: pods(&|pod| pod.is_ready()),
    }
}

fn sample_deployment(cx: &Cx, id: DeploymentId) -> DeploymentSample {
    let deployment = &cx.world[id];
    let serves = |&pod: &crate::model::ids::PodId| {
        let node = cx.world[pod].node;
        cx.world[pod].in_endpoints && node.is_some_and(|node| cx.world[node].is_up())
    };
    let ready = cx.world.ready_pods(id).filter(serves).count();
    let active = deployment.pods.iter().filter(|&&pod| cx.world[pod].is_active()).count();
    let most = deployment.hpa_bounds.map_or(deployment.replicas, |(_, most)| most);
    DeploymentSample {
        at: cx.now,
        deployment: id,
        replicas: deployment.replicas,
        pods: count(active),
        ready_pods: count(ready),
        sustained: deployment.sustained(ready),
        hpa_room: most.saturating_sub(deployment.replicas),
        node_room: node_room(cx, id),
    }
}

/// How many more pods of a deployment the cluster's pools could hold at their largest.
fn node_room(cx: &Cx, id: DeploymentId) -> u32 {
    let deployment = &cx.world[id];
    let request = &deployment.template.requests;
    let mut room = 0_u32;
    for &pool in &cx.world[deployment.cluster].pools {
        let pool = &cx.world[pool];
        if deployment.template.pool.as_ref().is_some_and(|name| *name != pool.name) {
            continue;
        }
        let usable = |&&node: &&NodeId| cx.world[node].is_schedulable();
        for &node in pool.nodes.iter().filter(usable) {
            let free = pool.allocatable - cx.world[node].requested;
            room = room.saturating_add(free.times(request));
        }
        // Dead nodes hold their place in the pool: they are no room, nor may others be ordered
        // for them.
        let largest = if pool.autoscaled { pool.max_nodes } else { pool.target };
        let ordered = |&&node: &&NodeId| {
            cx.world[node].stage == Stage::Provisioning && cx.world[node].allocated
        };
        let ordered = count(pool.nodes.iter().filter(ordered).count());
        let to_come = largest.saturating_sub(pool.target) + ordered;
        room = room.saturating_add(to_come.saturating_mul(pool.allocatable.times(request)));
    }
    room
}
