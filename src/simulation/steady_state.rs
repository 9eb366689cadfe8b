//! The controllers' steady state for the demand at the start of the run.
//!
//! Replicas are what the HPA would settle at, nodes what the autoscaler would have ordered for
//! them, pods are placed by the scheduler's own rules and have been ready for a while. The
//! warm-up then lets phases, metrics and queues find their level.

use crate::control::cloud::{addresses, quota};
use crate::control::hpa::plan::HpaPlan;
use crate::control::hpa::settled;
use crate::control::kubelet::probing;
use crate::control::network::{ceiling, elastic};
use crate::control::operations::cluster_power;
use crate::control::{Cx, endpoints, node_lifecycle, replica_set, scheduler, traffic_manager};
use crate::model::elastic::Elastic;
use crate::model::front_door::Pop;
use crate::model::ids::{ClusterId, DemandId, DeploymentId, NodeId, PodId, PoolId, ZoneId};
use crate::model::pod::Container;
use crate::model::workload::{AntiAffinity, Deployment};
use crate::scenario::Scenario;
use crate::units::{Span, Time};

use super::assemble::level_draw;

/// How long everything has been as it is: longer than every start-up or readiness rule looks
/// back, shorter than any age that matters.
const AGE: Span = Span::from_secs(3_600);

/// Makes nodes and pods so that every controller finds nothing to do.
pub(super) fn build(cx: &mut Cx, scenario: &Scenario) {
    let is_stopped = |cx: &Cx, cluster: ClusterId| cx.world[cluster].stopped_since.is_some();
    for cluster in (0..cx.world.clusters.len()).map(ClusterId::new) {
        if is_stopped(cx, cluster) {
            cluster_power::begin_stopped(cx, cluster);
        }
    }
    for pool in (0..cx.world.pools.len()).map(PoolId::new) {
        if is_stopped(cx, cx.world[pool].cluster) {
            continue;
        }
        for _ in 0..cx.world[pool].target.max(cx.world[pool].min_nodes) {
            add_node(cx, pool);
        }
    }
    for deployment in (0..cx.world.deployments.len()).map(DeploymentId::new) {
        let busy_workers = expected_busy_workers(cx, scenario, deployment);
        cx.world[deployment].replicas = settled_replicas(cx, deployment, busy_workers);
        if is_stopped(cx, cx.world[deployment].cluster) {
            continue;
        }
        for _ in 0..cx.world[deployment].replicas {
            replica_set::create_pod(cx, deployment, 0);
        }
    }
    for cluster in (0..cx.world.clusters.len()).map(ClusterId::new) {
        place_pods(cx, cluster);
    }
    for deployment in (0..cx.world.deployments.len()).map(DeploymentId::new) {
        endpoints::publish(cx, deployment);
    }
    for cluster in (0..cx.world.clusters.len()).map(ClusterId::new) {
        settle_services(cx, scenario, cluster);
    }
}

/// Gateway and firewall have the instances that they want for the requests at the start.
fn settle_services(cx: &mut Cx, scenario: &Scenario, cluster: ClusterId) {
    let here = &cx.world[cluster];
    let probes = ceiling::probe_units(&cx.world, cluster);
    let wanted = [(&here.gateway, probes), (&here.firewall, 0.0)].map(|(service, besides)| {
        service.as_ref().map(|service| settled(cx, scenario, service, besides))
    });
    let here = &mut cx.world[cluster];
    for (service, wanted) in [&mut here.gateway, &mut here.firewall].into_iter().zip(wanted) {
        if let (Some(service), Some(instances)) = (service, wanted) {
            service.instances = instances;
        }
    }
}

/// Instances that a gateway or firewall wants for the requests at the start, and `besides`.
fn settled(cx: &Cx, scenario: &Scenario, service: &Elastic, besides: f64) -> u32 {
    let used = service.costs.iter().map(|&(id, cost)| expected_rate(cx, scenario, id) * cost);
    elastic::wanted(used.sum::<f64>() + besides, service).0
}

/// Workers that a deployment keeps busy at the start.
fn expected_busy_workers(cx: &Cx, scenario: &Scenario, deployment: DeploymentId) -> f64 {
    if let Some(loads) = scenario.cpu_loads() {
        return loads[deployment.index()].busy_workers_at_start();
    }
    let by_users = |deployment| expected_rate(cx, scenario, deployment);
    let rate = scenario.calls().rate(deployment, &by_users);
    rate * cx.world[deployment].template.service.mean_s()
}

/// Requests of users a second that reach a deployment at the start, all origins being healthy.
fn expected_rate(cx: &Cx, scenario: &Scenario, deployment: DeploymentId) -> f64 {
    let (workload, cluster) = (cx.world[deployment].workload, cx.world[deployment].cluster);
    let mut rate = 0.0;
    for demand in (0..cx.world.demands.len()).map(DemandId::new) {
        if cx.world[demand].workload != workload {
            continue;
        }
        let geography = cx.world[demand].geography;
        let is_there = |pop: &&Pop| pop.geography == geography;
        let pops: Vec<&Pop> = cx.world.front_door.pops.iter().filter(is_there).collect();
        let share: f64 = pops.iter().map(|pop| share_of(cx, pop, cluster)).sum();
        let level = scenario.levels()[demand.index()].as_ref();
        let level = level.map_or(1.0, |level| level.factor(level_draw(level, cx.chance)));
        let users = scenario.demands()[demand.index()].arrivals.rate_at(cx.now) * level;
        rate += users * share / pops.len() as f64;
    }
    rate
}

fn share_of(cx: &Cx, pop: &Pop, cluster: ClusterId) -> f64 {
    traffic_manager::entry_share(&cx.world, pop, cluster)
}

/// Replicas at which the HPA of a deployment rests, if it has one.
fn settled_replicas(cx: &Cx, deployment: DeploymentId, busy_workers: f64) -> u32 {
    let hpas = cx.memory.hpas.iter().map(|hpa| &hpa.plan);
    let hpas: Vec<&HpaPlan> = hpas.filter(|plan| plan.deployment == deployment).collect();
    let Deployment { template, replicas, .. } = &cx.world[deployment];
    settled::settled_replicas(&hpas, template, busy_workers, *replicas)
}

/// A node that has been there for long.
fn add_node(cx: &mut Cx, pool: PoolId) -> NodeId {
    let node = node_lifecycle::new_node(cx, pool);
    node_lifecycle::settle(cx, node, cx.now - AGE);
    node
}

/// Binds all pods of a cluster by the scheduler's rules, adding nodes while a pool may grow.
fn place_pods(cx: &mut Cx, cluster: ClusterId) {
    loop {
        let left_over = scheduler::place_all(cx, cluster);
        for pod in bound_pods(cx, cluster) {
            settle_pod(cx, pod);
        }
        let helped = left_over.iter().find_map(|&pod| pool_with_room(cx, cluster, pod));
        let Some(pool) = helped else { return };
        add_node(cx, pool);
    }
}

fn bound_pods(cx: &Cx, cluster: ClusterId) -> Vec<PodId> {
    let deployments = cx.world[cluster].deployments.iter();
    let pods = deployments.flat_map(|&deployment| cx.world[deployment].pods.iter().copied());
    let fresh = |&pod: &PodId| {
        cx.world[pod].node.is_some() && cx.world[pod].container == Container::Unbound
    };
    pods.filter(fresh).collect()
}

/// The first pool that may grow and whose new node would hold the pod.
fn pool_with_room(cx: &Cx, cluster: ClusterId, pod: PodId) -> Option<PoolId> {
    let owner = cx.world[pod].deployment;
    let deployment = &cx.world[owner];
    let template = &deployment.template;
    let zone_name = |id: PoolId| cx.world[node_lifecycle::next_zone(&cx.world, id)].name.clone();
    let zones: Vec<ZoneId> = deployment
        .pods
        .iter()
        .filter_map(|&other| Some(cx.world[cx.world[other].node?].zone))
        .collect();
    let fits = |id: PoolId| {
        let pool = &cx.world[id];
        let is_apart = template.anti_affinity != AntiAffinity::Zone
            || !zones.contains(&node_lifecycle::next_zone(&cx.world, id));
        is_apart
            && pool.autoscaled
            && (pool.nodes.len() as u32) < pool.max_nodes
            && 0 < addresses::room_for_machines(cx, id)
            && quota::allows(&cx.world, id, 1).is_ok()
            && pool.allocatable.fits(&template.requests)
            && scheduler::admits(&cx.world, owner, id, &zone_name(id))
    };
    cx.world[cluster].pools.iter().copied().find(|&pool| fits(pool))
}

/// A bound pod has been running and ready for long.
fn settle_pod(cx: &mut Cx, pod: PodId) {
    let (deployment, since) = (cx.world[pod].deployment, cx.now - AGE);
    let workload = cx.world[deployment].workload;
    let node = cx.world[pod].node.expect("only bound pods settle");
    cx.world[pod].container = Container::Pulling;
    if !addresses::has_address(cx, pod) {
        return;
    }
    if cx.world[node].image_ready_at((workload, 0)).is_none() {
        cx.world[node].images.push(((workload, 0), since));
    }
    let pod_state = &mut cx.world[pod];
    pod_state.created_at = since;
    pod_state.bound_at = Some(since);
    pod_state.started_at = since;
    pod_state.container = Container::Answering;
    pod_state.ready = true;
    pod_state.ready_since = since;
    pod_state.in_endpoints = true;
    cx.traffic.start_pod(pod, deployment);
    probing::settled(cx, pod);
}

/// Whether everything rests at the end of the warm-up; if not, the deployment and the reason.
pub(super) fn unrest(cx: &Cx) -> Option<(DeploymentId, &'static str)> {
    for deployment in (0..cx.world.deployments.len()).map(DeploymentId::new) {
        if cx.world[cx.world[deployment].cluster].stopped_since.is_some() {
            continue;
        }
        let pods = &cx.world[deployment].pods;
        let active = pods.iter().filter(|&&pod| cx.world[pod].is_active()).count();
        let ready = cx.world.ready_pods(deployment).count();
        if active != cx.world[deployment].replicas as usize {
            return Some((deployment, "pods are being created or deleted"));
        }
        if ready != active {
            return Some((deployment, "not all pods are ready"));
        }
        let scaled_at = cx.memory.scaled_at[deployment.index()];
        if scaled_at.is_some_and(|at| Time::ZERO - Span::from_secs(120) < at) {
            return Some((deployment, "the HPA changed its replicas in the last 2 min"));
        }
    }
    None
}
