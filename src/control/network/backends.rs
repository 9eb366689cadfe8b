//! The backends of an Application Gateway or a load balancer: its own probes of what is behind it,
//! and what becomes of requests in a pod that leaves a gateway's pool.
//!
//! Follows azure-docs application-gateway/application-gateway-probe-overview.md: a backend is
//! unhealthy after so many failed probes in a row, v2 waits the interval between them, and one
//! success brings it back; and configuration-http-settings.md: connections to a backend that is
//! removed go on for the draining time and are then cut off; those to one that probes found
//! unhealthy go on. That is Traffic Manager's rule for endpoints, so the same probes carry it out.
//!
//! Backends are pods, as the Ingress Controller makes them: the pool is what the Service lists.
//! A load balancer's probes of nodes are the same with other numbers, where a node leads to its
//! own pods only ([`Probed::Nodes`]). All instances of a gateway count as one, with one phase for
//! each pod. A pod that is new in the pool gets requests until its probes fail, which is assumed.
//! A probe finds a pod that answers, however busy it is; a machine that is off lets it wait for
//! its time-out. Left out: the load of these probes (instances / 30 s for each pod).

use std::collections::BTreeMap;

use crate::control::Cx;
use crate::control::endpoints;
use crate::control::front_door_health::{
    OriginCondition, ProbeGrid, ProbeTiming, ProbedOrigin, SampleWindow,
};
use crate::model::event::Event;
use crate::model::fact::What;
use crate::model::gateway::{BackendProbes, Probed};
use crate::model::ids::{ClusterId, DeploymentId, PodId};
use crate::traffic::Kill;
use crate::units::{Span, Time};

/// The pods in a gateway's backend pool, by the workload that they serve.
pub(super) type Backends = BTreeMap<(DeploymentId, PodId), Backend>;

/// A pod in a backend pool.
#[derive(Clone, Debug)]
pub(super) struct Backend {
    probed: ProbedOrigin,
    /// What probes meet now.
    met: OriginCondition,
}

/// A fresh backend, whose probes begin at the phase `draw`.
fn backend(probes: &BackendProbes, met: OriginCondition, draw: u64, now: Time) -> Backend {
    let grid = ProbeGrid::staggered(probes.interval, draw);
    let timing = ProbeTiming { answer: Span::ZERO, timeout: probes.timeout };
    let window = SampleWindow::filled(probes.unhealthy_threshold, 1, true);
    let mut probed = ProbedOrigin::new(grid, timing, window, OriginCondition::Answering, now);
    if met != OriginCondition::Answering {
        probed.change(now, met, no_draw);
    }
    Backend { probed, met }
}

/// What a gateway's probe meets at a pod.
fn condition(cx: &Cx, probes: &BackendProbes, pod: PodId) -> OriginCondition {
    let has_power = cx.world[pod].node.is_some_and(|node| cx.world[node].running);
    if !has_power {
        OriginCondition::Hanging
    } else if probes.of == Probed::Nodes {
        // A node says whether it has ready pods of the Service: those that leave it leave the pool.
        OriginCondition::Answering
    } else if cx.world[pod].container.answers() && probes.accepts_answer {
        OriginCondition::Answering
    } else {
        OriginCondition::Refusing
    }
}

/// Leaves those of a Service's endpoints that the gateway of its cluster finds healthy, and keeps
/// its backend pool. Without a gateway that is all of them.
pub fn keep_healthy(cx: &mut Cx, deployment: DeploymentId, endpoints: &mut Vec<PodId>) {
    let (cluster, workload) = (cx.world[deployment].cluster, cx.world[deployment].workload);
    let Some(probes) = cx.world[cluster].backend_probes else { return };
    if cx.world[workload].internal {
        return;
    }
    let in_pool = of(cx, cluster, deployment);
    for &pod in in_pool.iter().filter(|pod| !endpoints.contains(pod)) {
        remove(cx, cluster, pod, probes.drain);
    }
    for &pod in endpoints.iter().filter(|pod| !in_pool.contains(pod)) {
        add(cx, cluster, pod, &probes);
    }
    let pool = &cx.memory.networks.entry(cluster).or_default().backends;
    endpoints.retain(|&pod| pool[&(deployment, pod)].probed.healthy());
}

/// The pods in the backend pool of a workload.
fn of(cx: &mut Cx, cluster: ClusterId, deployment: DeploymentId) -> Vec<PodId> {
    let pool = &cx.memory.networks.entry(cluster).or_default().backends;
    let all =
        (deployment, PodId::new(0))..(DeploymentId::new(deployment.index() + 1), PodId::new(0));
    pool.range(all).map(|(&(_, pod), _)| pod).collect()
}

fn add(cx: &mut Cx, cluster: ClusterId, pod: PodId, probes: &BackendProbes) {
    cx.clock.disarm(Event::BackendDrained(pod));
    // Made with the backend, so that their order does not depend on which are ever armed.
    cx.clock.register(Event::BackendProbe(pod));
    let draw = match (probes.of, cx.world[pod].node) {
        (Probed::Nodes, Some(node)) => {
            cx.chance.draw("balancer-probe", &cx.world.node_name(node), 0)
        }
        _ => cx.chance.draw("backend-probe", &cx.world.pod_name(pod), 0),
    };
    let fresh = backend(probes, condition(cx, probes, pod), draw, cx.now);
    let key = (cx.world[pod].deployment, pod);
    cx.memory.networks.entry(cluster).or_default().backends.insert(key, fresh);
    arm(cx, pod);
}

/// A pod leaves the pool: what it has in hand may go on for a while.
fn remove(cx: &mut Cx, cluster: ClusterId, pod: PodId, drain: Option<Span>) {
    let key = (cx.world[pod].deployment, pod);
    cx.memory.networks.entry(cluster).or_default().backends.remove(&key);
    cx.clock.retire_backend(pod);
    if let Some(drain) = drain.filter(|_| 0 < cx.traffic.in_flight(pod)) {
        cx.clock.arm(Event::BackendDrained(pod), cx.now + drain);
    }
}

/// The draining time of a pod is over: whoever still waits for it is cut off.
pub fn drained(cx: &mut Cx, pod: PodId) {
    cx.clock.retire_drained(pod);
    cx.traffic.sever_pod(pod, Kill::Reset);
}

/// A pod may answer otherwise from now on.
pub fn pod_changed(cx: &mut Cx, pod: PodId) {
    let Some(probes) = cx.world[cx.world.cluster_of(pod)].backend_probes else { return };
    let met = condition(cx, &probes, pod);
    let now = cx.now;
    let Some(backend) = get(cx, pod) else { return };
    if backend.met != met {
        backend.met = met;
        backend.probed.change(now, met, no_draw);
        arm(cx, pod);
    }
}

/// The backend that a pod is, if it is one.
fn get(cx: &mut Cx, pod: PodId) -> Option<&mut Backend> {
    let deployment = cx.world[pod].deployment;
    let cluster = cx.world[deployment].cluster;
    cx.memory.networks.get_mut(&cluster)?.backends.get_mut(&(deployment, pod))
}

fn arm(cx: &mut Cx, pod: PodId) {
    let (now, explicit) = (cx.now, cx.settings.explicit_probing);
    let Some(backend) = get(cx, pod) else { return };
    match backend.probed.next_timer(now, explicit, no_draw) {
        Some(at) => cx.clock.arm(Event::BackendProbe(pod), at),
        None => cx.clock.disarm(Event::BackendProbe(pod)),
    }
}

/// A probe of a pod is answered or has failed; if that tips the verdict, its workload's requests
/// go elsewhere or come back.
pub fn result_due(cx: &mut Cx, pod: PodId) {
    let now = cx.now;
    let Some(backend) = get(cx, pod) else { return };
    let before = backend.probed.healthy();
    backend.probed.absorb(now, no_draw);
    let healthy = backend.probed.healthy();
    arm(cx, pod);
    if healthy != before {
        cx.say(What::BackendHealth { pod, healthy });
        endpoints::publish(cx, cx.world[pod].deployment);
    }
}

/// Whether a cluster's gateway has nobody to send requests to: it answers 502 then.
#[must_use]
pub fn has_none(cx: &Cx, cluster: ClusterId) -> bool {
    let here = &cx.world[cluster];
    let is_empty = |&deployment: &DeploymentId| cx.routing.endpoints[deployment.index()].is_empty();
    here.gateway.is_some() && here.deployments.iter().all(is_empty)
}

fn no_draw(_probe: u64) -> u64 {
    unreachable!("no pod is flaky to a gateway")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROBES: BackendProbes = BackendProbes {
        of: Probed::Pods,
        interval: Span::from_secs(30),
        timeout: Span::from_secs(30),
        unhealthy_threshold: 3,
        accepts_answer: true,
        drain: Some(Span::from_secs(30)),
    };

    /// Probes at 0, 30, 60, …; the pod fails at 100 s. A refusal is known at once: the third one
    /// comes at 180 s. A machine that is off lets each wait 30 s: 210 s. Two failures are not
    /// enough, and one success brings the pod back at its next probe.
    #[test]
    fn three_failures_take_a_pod_out_and_one_success_brings_it_back() {
        use OriginCondition::{Answering, Hanging, Refusing};
        let at = Time::from_secs;
        for (rule, met, threshold, until) in [
            ("refused", Refusing, 3, 180),
            ("no answer", Hanging, 3, 210),
            ("one failure is enough", Refusing, 1, 120),
        ] {
            let probes = BackendProbes { unhealthy_threshold: threshold, ..PROBES };
            let mut pod = backend(&probes, Answering, 0, at(0)).probed;
            pod.change(at(100), met, no_draw);
            let change = pod.next_change(Time::NEVER, no_draw).map(|change| change.at);
            assert_eq!(change, Some(at(until)), "{rule}");
            pod.absorb(at(until + 400), no_draw);
            pod.change(at(until + 401), Answering, no_draw);
            let back = pod.next_change(Time::NEVER, no_draw).expect("it answers");
            assert_eq!((back.at, back.healthy), (at((until + 401 + 29) / 30 * 30), true), "{rule}");
        }
        let mut pod = backend(&PROBES, Answering, 0, at(0)).probed;
        pod.change(at(100), Refusing, no_draw);
        pod.change(at(170), Answering, no_draw);
        assert_eq!(pod.next_change(Time::NEVER, no_draw), None, "two failures");
    }

    /// A pod that does not answer when it enters the pool gets requests until it is found out.
    #[test]
    fn a_new_backend_counts_as_healthy() {
        let mut pod = backend(&PROBES, OriginCondition::Refusing, 0, Time::from_secs(10)).probed;
        assert!(pod.healthy());
        pod.absorb(Time::from_secs(89), no_draw);
        assert!(pod.healthy());
        pod.absorb(Time::from_secs(90), no_draw);
        assert!(!pod.healthy());
    }
}
