//! A pod's container from binding to its end, as the kubelet drives it.
//!
//! Follows `pkg/kubelet/kuberuntime` in outline: pull (serial on a node), create, start, restart
//! with back-off, and graceful termination: preStop, SIGTERM, SIGKILL at the end of the grace
//! period. Init containers, volumes and sidecars are left out: their time belongs into
//! `startUp`. While a node has no kubelet its processes go on, and every other step waits.

use crate::control::kubelet::{probing, restart};
use crate::control::node_lifecycle::kubelet_outage::Return;
use crate::control::{
    Cx, deployment, endpoints, front_door_health, metrics_pipeline, node_lifecycle, replica_set,
    scheduler,
};
use crate::model::event::Event;
use crate::model::fact::{What, Why};
use crate::model::ids::{NodeId, PodId};
use crate::model::pod::Container;
use crate::sim::streams::unit;
use crate::traffic::Kill;
use crate::units::{Span, Time};

/// The kubelet learns of container deaths when it lists containers (PLEG relist period 1 s).
const PLEG_RELIST: Span = Span::from_secs(1);

/// A pod was bound to a node: its image is pulled unless the node has it.
///
/// The scheduler may choose a dead node that nobody has missed yet; nothing happens there until
/// the node is back.
pub fn bound(cx: &mut Cx, pod: PodId, node: NodeId) {
    cx.world[pod].container = Container::Pulling;
    node_lifecycle::pod_bound(cx, pod, node);
    if !cx.world[node].has_kubelet() {
        return;
    }
    let done = pull(cx, pod, node);
    cx.clock.arm(Event::ContainerStep(pod), done);
}

/// The instant at which the image is on the node; pulls of a node queue up one behind the other.
fn pull(cx: &mut Cx, pod: PodId, node: NodeId) -> Time {
    let deployment = &cx.world[cx.world[pod].deployment];
    let revision = cx.world.template_change(pod).map_or(0, |change| change.image);
    let (image, size) = ((deployment.workload, revision), deployment.template.image);
    let bandwidth = cx.world[cx.world[node].pool].pull_bandwidth;
    let machine = &mut cx.world[node];
    if let Some(ready_at) = machine.image_ready_at(image) {
        return ready_at.max(cx.now);
    }
    let seconds = size.get() as f64 / bandwidth.get() as f64;
    let done = machine.puller_free_at.max(cx.now) + Span::from_secs_f64(seconds);
    machine.puller_free_at = done;
    machine.images.push((image, done));
    done
}

/// The container of a pod enters its next state.
pub fn step(cx: &mut Cx, pod: PodId) {
    if waits_for_kubelet(cx, pod) {
        return;
    }
    match cx.world[pod].container {
        Container::Pulling => {
            if cx.world[pod].bound_at < Some(cx.now) {
                cx.say(What::ImagePulled { pod });
            }
            create(cx, pod);
        }
        Container::Creating => start(cx, pod),
        Container::BackingOff => {
            cx.world[pod].restarts += 1;
            create(cx, pod);
        }
        Container::Starting => answers(cx, pod),
        Container::Answering if cx.world[pod].deleted_at.is_some() => sigterm(cx, pod),
        state => unreachable!("no step is armed for a container that is {state:?}"),
    }
}

/// Whether the next step is the kubelet's, and there is none now: it takes it when it is back. A
/// process that has started goes on by itself.
fn waits_for_kubelet(cx: &Cx, pod: PodId) -> bool {
    let has_kubelet = cx.world[pod].node.is_some_and(|node| cx.world[node].has_kubelet());
    !has_kubelet && cx.world[pod].container != Container::Starting
}

fn create(cx: &mut Cx, pod: PodId) {
    let node = cx.world[pod].node.expect("a container exists on a node");
    cx.world[pod].container = Container::Creating;
    let delay = cx.world[cx.world[node].pool].container_start;
    cx.clock.arm(Event::ContainerStep(pod), cx.now + delay);
}

fn start(cx: &mut Cx, pod: PodId) {
    let name = cx.world.pod_name(pod);
    let change = cx.world.template_change(pod);
    let is_broken = change.is_some_and(|change| change.broken);
    let changed = change.and_then(|change| change.start_up.as_ref());
    let start_up = changed.unwrap_or(&cx.world[cx.world[pod].deployment].template.start_up);
    let draw = cx.chance.draw("start-up", &name, u64::from(cx.world[pod].restarts));
    let start_up = Span::from_secs_f64(start_up.quantile(unit(draw)));
    cx.world[pod].container = Container::Starting;
    cx.world[pod].started_at = cx.now;
    cx.say(What::ContainerStarted { pod });
    if !is_broken {
        cx.clock.arm(Event::ContainerStep(pod), cx.now + start_up);
    }
    probing::container_started(cx, pod);
}

fn answers(cx: &mut Cx, pod: PodId) {
    cx.world[pod].container = Container::Answering;
    let deployment = cx.world[pod].deployment;
    cx.traffic.start_pod(pod, deployment);
    probing::container_answers(cx, pod);
    front_door_health::origin_changed(cx, cx.world.cluster_of(pod));
    if let Some(deleted_at) = cx.world[pod].deleted_at {
        arm_sigterm(cx, pod, deleted_at);
    }
}

/// The container's process ends by itself, or its liveness probe has it killed.
pub fn die(cx: &mut Cx, pod: PodId, why: Why) {
    cx.traffic.kill_pod(pod, Kill::Reset);
    metrics_pipeline::forget(cx, pod);
    probing::container_stopped(cx, pod);
    cx.say(What::ContainerDied { pod, why });
    let ran = cx.now - cx.world[pod].started_at;
    if cx.world[pod].deleted_at.is_some() {
        cx.world[pod].container = Container::Dead;
        cx.clock.disarm(Event::ContainerStep(pod));
        cx.clock.arm(Event::PodGone(pod), cx.now);
        return;
    }
    let wait = restart::wait_after_crash(cx.memory.restarts_mut(pod), ran);
    let name = cx.world.pod_name(pod);
    let noticed = cx.chance.draw("pleg", &name, u64::from(cx.world[pod].restarts));
    let noticed = cx.now + PLEG_RELIST.scale(unit(noticed));
    cx.world[pod].container = Container::BackingOff;
    front_door_health::origin_changed(cx, cx.world.cluster_of(pod));
    cx.clock.arm(Event::ContainerStep(pod), noticed + wait);
    if !waits_for_kubelet(cx, pod) {
        set_ready(cx, pod, false, why);
    }
}

/// A pod got its deletionTimestamp: it leaves the endpoints while it stops.
pub fn delete(cx: &mut Cx, pod: PodId, why: Why) {
    if !cx.world[pod].is_active() {
        return;
    }
    cx.world[pod].deleted_at = Some(cx.now);
    cx.say(What::PodDeleted { pod, why });
    cx.clock.disarm(Event::TolerationEnds(pod));
    scheduler::deletion_began(cx, pod);
    probing::deletion_began(cx, pod);
    let deployment = cx.world[pod].deployment;
    replica_set::enqueue(cx, deployment);
    endpoints::readiness_changed(cx, pod);
    let Some(node) = cx.world[pod].node else {
        cx.clock.arm(Event::PodGone(pod), cx.now);
        return;
    };
    if !cx.world[node].has_kubelet() {
        // Nobody there to stop it: it stays Terminating until the node returns or is deleted.
        return;
    }
    terminate(cx, pod);
}

/// The kubelet learns that a pod is being deleted.
fn terminate(cx: &mut Cx, pod: PodId) {
    match cx.world[pod].container {
        Container::Answering => arm_sigterm(cx, pod, cx.now),
        Container::Starting => {
            let grace = cx.world[cx.world[pod].deployment].template.termination_grace;
            cx.clock.arm(Event::PodGone(pod), cx.now + grace);
        }
        _ => {
            cx.clock.disarm(Event::ContainerStep(pod));
            cx.clock.arm(Event::PodGone(pod), cx.now);
        }
    }
}

/// SIGTERM follows the preStop sleep, SIGKILL the grace period; both count from the deletion.
fn arm_sigterm(cx: &mut Cx, pod: PodId, deleted_at: Time) {
    let template = &cx.world[cx.world[pod].deployment].template;
    let (pre_stop, grace) = (template.pre_stop, template.termination_grace);
    cx.clock.arm(Event::PodGone(pod), (deleted_at + grace).max(cx.now));
    cx.clock.arm(Event::ContainerStep(pod), (deleted_at + pre_stop.min(grace)).max(cx.now));
}

/// The process stops listening, finishes what it has, and exits.
fn sigterm(cx: &mut Cx, pod: PodId) {
    cx.world[pod].container = Container::Stopping;
    front_door_health::origin_changed(cx, cx.world.cluster_of(pod));
    let done = cx.traffic.drain_pod(pod);
    cx.clock.arm_by(Event::PodGone(pod), done.max(cx.now));
}

/// A pod's grace period ends or its process is done: the kubelet removes the pod object, once
/// there is one.
pub fn ended(cx: &mut Cx, pod: PodId) {
    if cx.world[pod].node.is_none_or(|node| cx.world[node].has_kubelet()) {
        gone(cx, pod);
    }
}

/// The pod object goes: its place on the node is free.
pub fn gone(cx: &mut Cx, pod: PodId) {
    if cx.world[pod].gone {
        return;
    }
    cx.traffic.kill_pod(pod, Kill::Reset);
    probing::container_stopped(cx, pod);
    metrics_pipeline::forget(cx, pod);
    cx.world[pod].container = Container::Dead;
    cx.world[pod].ready = false;
    let was_active = cx.world[pod].deleted_at.is_none();
    scheduler::pod_gone(cx, pod, was_active);
    cx.world[pod].gone = true;
    cx.say(What::PodGone { pod });
    let deployment = cx.world[pod].deployment;
    if let Some(node) = cx.world[pod].node {
        let requests = cx.world[deployment].template.requests;
        cx.world[node].requested -= requests;
        cx.world[node].pods.retain(|&other| other != pod);
    }
    cx.world[deployment].pods.retain(|&other| other != pod);
    endpoints::readiness_changed(cx, pod);
    cx.clock.retire_pod(pod);
    replica_set::enqueue(cx, deployment);
}

/// The machine under a container lost power.
pub fn power_lost(cx: &mut Cx, pod: PodId) {
    cx.traffic.kill_pod(pod, Kill::Silent);
    probing::container_stopped(cx, pod);
    metrics_pipeline::forget(cx, pod);
    cx.world[pod].container = Container::Dead;
    cx.clock.disarm(Event::ContainerStep(pod));
    cx.clock.disarm(Event::PodGone(pod));
    front_door_health::origin_changed(cx, cx.world.cluster_of(pod));
}

/// The kubelet stopped or was cut off while the machine goes on: nobody probes any more.
pub fn kubelet_stopped(cx: &mut Cx, pod: PodId) {
    probing::container_stopped(cx, pod);
}

/// The kubelet of the pod's node is back: it ends what was deleted meanwhile, probes what runs,
/// and starts the rest again, cold.
pub fn kubelet_starts(cx: &mut Cx, pod: PodId, how: Return) {
    if cx.world[pod].deleted_at.is_some() {
        terminate(cx, pod);
        return;
    }
    let node = cx.world[pod].node.expect("a kubelet has only pods that are bound");
    match cx.world[pod].container {
        Container::Pulling => bound(cx, pod, node),
        Container::Creating => create(cx, pod),
        Container::BackingOff if cx.clock.armed_for(Event::ContainerStep(pod)).is_none() => {
            cx.clock.arm(Event::ContainerStep(pod), cx.now);
        }
        Container::BackingOff => {}
        Container::Starting | Container::Answering => probing::kubelet_starts(cx, pod, how),
        Container::Unbound | Container::Stopping | Container::Dead => {
            cx.world[pod].restarts += 1;
            set_ready(cx, pod, false, Why("its node restarted"));
            create(cx, pod);
        }
    }
}

/// Sets the Ready condition; the endpoints follow.
pub fn set_ready(cx: &mut Cx, pod: PodId, ready: bool, why: Why) {
    if cx.world[pod].ready == ready || cx.world[pod].gone {
        return;
    }
    cx.world[pod].ready = ready;
    cx.world[pod].ready_since = cx.now;
    cx.say(if ready { What::PodReady { pod } } else { What::PodNotReady { pod, why } });
    deployment::enqueue(cx, cx.world[pod].deployment);
    endpoints::readiness_changed(cx, pod);
}
