//! Pods must fit: each on some node, and the first replicas on as many nodes as there may be.

use crate::control::scheduler;
use crate::model::ids::{DeploymentId, PoolId};
use crate::model::workload::AntiAffinity;
use crate::model::world::World;
use crate::scenario::resolve::{Resolved, Resolving, deployments};
use crate::spec::{Code, Diagnostic, Place};

pub(super) fn check(cx: &mut Resolving<'_, '_>, made: &Resolved) {
    for deployment in deployments(&made.world) {
        check_deployment(cx, &made.world, deployment);
    }
    for cluster in &made.world.clusters {
        let most: u32 = cluster.pools.iter().map(|&pool| made.world[pool].max_nodes).sum();
        if MAX_NODES < most {
            let index = made.world.clusters.iter().position(|other| other.name == cluster.name);
            let spec = &cx.decoded.spec.clusters[index.expect("it is one of them")];
            let message = format!("cluster `{}` may have {most} nodes", cluster.name);
            let wrong = Diagnostic::error(Code::TooCostly, spec.pools.place.clone(), message);
            cx.diagnostics.push(wrong.allowed(format!("at most {MAX_NODES}, as in AKS")));
        }
    }
}

/// azure-docs quotas-skus-regions: nodes of one cluster.
const MAX_NODES: u32 = 5_000;

fn check_deployment(cx: &mut Resolving<'_, '_>, world: &World, id: DeploymentId) {
    let deployment = &world[id];
    let spec = &cx.decoded.spec.workloads[deployment.workload.index()];
    let cluster = &world[deployment.cluster];
    let mut report = |code, place: &Place, message: String, allowed: String| {
        cx.diagnostics.push(Diagnostic::error(code, place.clone(), message).allowed(allowed));
    };
    let template = &deployment.template;
    let pools: Vec<PoolId> = cluster
        .pools
        .iter()
        .copied()
        .filter(|&pool| template.pool.as_ref().is_none_or(|name| *name == world[pool].name))
        .collect();
    let n_named = pools.len();
    let pools: Vec<PoolId> =
        pools.into_iter().filter(|&pool| scheduler::admits_anywhere(world, id, pool)).collect();
    let names = || cluster.pools.iter().map(|&pool| world[pool].name.as_str()).collect::<Vec<_>>();
    if pools.is_empty() && 0 < n_named {
        let message = format!("no pool of cluster `{}` admits these pods", cluster.name);
        let allowed =
            "tolerations, a node selector and node affinity that some pool meets".to_owned();
        report(Code::Contradiction, &spec.name.place, message, allowed);
        return;
    }
    if pools.is_empty() {
        let pool = template.pool.as_deref().unwrap_or_default();
        let message = format!("cluster `{}` has no pool `{pool}`", cluster.name);
        report(Code::UnknownReference, &spec.node_pool.place, message, names().join(", "));
        return;
    }
    let request = &template.requests;
    if !pools.iter().any(|&pool| world[pool].allocatable.fits(request)) {
        let largest = pools.iter().map(|&pool| world[pool].allocatable);
        let cpu = largest.clone().map(|have| have.cpu).max().unwrap_or_default();
        let memory = largest.map(|have| have.memory).max().unwrap_or_default();
        let message = format!(
            "a pod of {} CPU and {} fits no node of cluster `{}`",
            request.cpu, request.memory, cluster.name
        );
        let allowed = format!("at most {cpu} CPU and {memory} on one node");
        report(Code::Contradiction, &spec.requests.place, message, allowed);
        return;
    }
    let room = room(world, id, &pools);
    let replicas = u64::from(deployment.replicas);
    if room < replicas {
        let place = if spec.replicas.is_some() { &spec.replicas.place } else { &spec.hpa.place };
        let message = format!(
            "{replicas} replicas never fit into cluster `{}`, whatever is ordered",
            cluster.name
        );
        report(Code::Contradiction, place, message, format!("at most {room}"));
    }
}

/// Pods of a deployment that fit at most, with every pool at its largest and nothing else there.
fn room(world: &World, id: DeploymentId, pools: &[PoolId]) -> u64 {
    let template = &world[id].template;
    let on = |pool: PoolId| {
        let fit = u64::from(world[pool].allocatable.times(&template.requests));
        let per_node =
            if template.anti_affinity == AntiAffinity::Hostname { fit.min(1) } else { fit };
        per_node * u64::from(world[pool].max_nodes)
    };
    let room: u64 = pools.iter().map(|&pool| on(pool)).sum();
    if template.anti_affinity == AntiAffinity::Zone {
        let mut zones: Vec<_> = pools.iter().flat_map(|&pool| world[pool].zones.clone()).collect();
        zones.sort_unstable();
        zones.dedup();
        return room.min(zones.len() as u64);
    }
    room
}
