//! The shell of the EndpointSlice controller and the proxies: readiness becomes routing.
//!
//! Each change of a pod's readiness travels by itself and takes effect with the sync of the
//! proxies that carries it, with the pod's readiness of that moment. One balancer stands for all
//! of a cluster's: they see the same changes at the same time, so their syncs fall together from
//! the first change on; only its full syncs have a phase of their own until then.

use crate::control::network::backends;
use crate::control::{Cx, front_door_health};
use crate::model::event::Event;
use crate::model::fact::What;
use crate::model::ids::{ClusterId, DeploymentId, PodId};
use crate::units::Time;

use super::runner::SyncRunner;
use super::{Endpoint, endpoints_in_use, propagation};

/// A pod's readiness changed, or it is being deleted: balancers learn it after a while.
pub fn readiness_changed(cx: &mut Cx, pod: PodId) {
    if cx.world[pod].gone && !cx.world[pod].in_endpoints {
        cx.clock.disarm(Event::EndpointsChange(pod));
        await_end_of_connections(cx, pod);
        return;
    }
    if !cx.control_plane_is_up(cx.world.cluster_of(pod)) {
        return;
    }
    let deployment = cx.world[pod].deployment;
    let cluster = cx.world[deployment].cluster;
    let mut proxies = proxies(cx, cluster);
    let batch = &mut cx.memory.slice_batches[deployment.index()];
    let way = propagation(cx.now, batch, &mut proxies, &cx.settings.propagation);
    cx.memory.proxies[cluster.index()] = Some(proxies);
    cx.clock.arm_by(Event::EndpointsChange(pod), way.in_effect_at);
}

/// The proxies of a cluster; full syncs have a phase that is drawn once.
fn proxies(cx: &Cx, cluster: ClusterId) -> SyncRunner {
    cx.memory.proxies[cluster.index()].unwrap_or_else(|| {
        let period = cx.settings.propagation.proxy.period;
        let phase = cx.chance.phase("proxy-sync", &cx.world[cluster].name, period);
        let next = cx.now.next_on_grid(Time::ZERO + phase, period);
        SyncRunner::resting_since(next - period)
    })
}

/// The balancers of a deployment act on a pod's present readiness.
pub fn apply(cx: &mut Cx, pod: PodId) {
    let is_over = |&until: &Time| until <= cx.now;
    let ended = cx.memory.stale_connections.get(&pod).is_some_and(is_over);
    if ended {
        cx.memory.stale_connections.remove(&pod);
    }
    await_end_of_connections(cx, pod);
    if !cx.control_plane_is_up(cx.world.cluster_of(pod)) {
        if ended {
            publish(cx, cx.world[pod].deployment);
        }
        return;
    }
    let serving = cx.world[pod].is_ready();
    if cx.world[pod].in_endpoints != serving {
        cx.world[pod].in_endpoints = serving;
        cx.say(What::EndpointsChanged { pod, serving });
    }
    publish(cx, cx.world[pod].deployment);
    if cx.world[pod].gone && !cx.memory.stale_connections.contains_key(&pod) {
        cx.clock.retire_endpoints(pod);
    }
}

/// The machine of a pod lost power while callers had connections to it: nothing resets them.
pub fn connections_go_stale(cx: &mut Cx, pod: PodId) {
    let connections = cx.world[cx.world[pod].deployment].template.connections;
    let listed = cx.routing.endpoints[cx.world[pod].deployment.index()].contains(&pod);
    if let (Some(connections), true) = (connections, listed) {
        cx.memory.stale_connections.insert(pod, cx.now + connections.dead_after);
        await_end_of_connections(cx, pod);
    }
}

/// The machine is back and resets connections that it does not know.
pub fn connections_are_reset(cx: &mut Cx, pod: PodId) {
    if cx.memory.stale_connections.remove(&pod).is_some() {
        publish(cx, cx.world[pod].deployment);
    }
}

fn await_end_of_connections(cx: &mut Cx, pod: PodId) {
    if let Some(&until) = cx.memory.stale_connections.get(&pod) {
        cx.clock.arm_by(Event::EndpointsChange(pod), until);
    }
}

/// The pods of a deployment that callers have connections to, though no balancer lists them.
fn stale(cx: &Cx, deployment: DeploymentId, used: &[PodId]) -> Vec<PodId> {
    let pods = cx.memory.stale_connections.keys().copied();
    pods.filter(|pod| cx.world[*pod].deployment == deployment && !used.contains(pod)).collect()
}

/// Writes the endpoints that balancers use into the routing.
pub fn publish(cx: &mut Cx, deployment: DeploymentId) {
    let endpoint = |&pod: &PodId| {
        let state = &cx.world[pod];
        let serves = state.ready && state.container.is_running();
        Endpoint { serving: state.in_endpoints || serves, terminating: !state.in_endpoints }
    };
    let known = |pod: &&PodId| {
        let state = &cx.world[**pod];
        state.in_endpoints || (state.ready && state.deleted_at.is_some())
    };
    let pods: Vec<PodId> = cx.world[deployment].pods.iter().filter(known).copied().collect();
    let used = endpoints_in_use(pods.iter().map(endpoint));
    let mut endpoints: Vec<PodId> =
        pods.into_iter().filter(|pod| used.uses(endpoint(pod))).collect();
    let stale = stale(cx, deployment, &endpoints);
    cx.routing.n_stale[deployment.index()] = stale.len();
    backends::keep_healthy(cx, deployment, &mut endpoints);
    endpoints.extend(stale);
    cx.routing.endpoints[deployment.index()] = endpoints;
    front_door_health::origin_changed(cx, cx.world[deployment].cluster);
}
