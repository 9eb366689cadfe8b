//! A pod's container from binding to its end, as the kubelet drives it.
//!
//! Follows `pkg/kubelet/kuberuntime` in outline: pull, create, start, restart
//! with back-off, and graceful termination: preStop, SIGTERM, SIGKILL at the end of the grace
//! period. A container that ends by itself stays unnoticed until the kubelet lists containers; one
//! that fails its liveness or startup probe is stopped like that of a deleted pod and restarts in
//! the same sync. A process that is still starting up ends at SIGTERM. Init containers, volumes and
//! sidecars are left out: their time belongs into `startUp`. While a node has no kubelet its
//! processes go on, and every other step waits.

use crate::control::cloud::addresses;
use crate::control::kubelet::restart::{Restart, RestartBackoff};
use crate::control::kubelet::termination::{self, Termination};
use crate::control::kubelet::{probing, pulling};
use crate::control::network::backends;
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
/// Most syncs of one back-off whose draws are apart from those of the next.
const SYNCS_MAX: u64 = 1 << 10;

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
    probing::admitted(cx, pod);
    pulling::ensure_image(cx, pod);
}

/// The container of a pod enters its next state.
pub fn step(cx: &mut Cx, pod: PodId) {
    if waits_for_kubelet(cx, pod) {
        return;
    }
    match cx.world[pod].container {
        Container::Pulling => pulling::ensure_image(cx, pod),
        Container::Creating => start(cx, pod),
        Container::Exited => noticed(cx, pod),
        Container::BackingOff => sync(cx, pod),
        Container::Starting => answers(cx, pod),
        Container::Answering | Container::Ending if cx.world[pod].deleted_at.is_some() => {
            sigterm(cx, pod);
        }
        Container::Ending => sigterm_to_restart(cx, pod),
        Container::Stopping => killed(cx, pod),
        state => unreachable!("no step is armed for a container that is {state:?}"),
    }
}

/// Whether the next step is the kubelet's, and there is none now: it takes it when it is back. A
/// process that has started goes on by itself.
fn waits_for_kubelet(cx: &Cx, pod: PodId) -> bool {
    let has_kubelet = cx.world[pod].node.is_some_and(|node| cx.world[node].has_kubelet());
    !has_kubelet && cx.world[pod].container != Container::Starting
}

/// The image is there: sandbox and container are made.
pub(super) fn create(cx: &mut Cx, pod: PodId) {
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
    answer_changed(cx, pod);
}

/// Requests and probes may be answered otherwise by a pod from now on.
fn answer_changed(cx: &mut Cx, pod: PodId) {
    backends::pod_changed(cx, pod);
    front_door_health::origin_changed(cx, cx.world.cluster_of(pod));
}

/// The container's process ends by itself.
pub fn die(cx: &mut Cx, pod: PodId, why: Why) {
    end_process(cx, pod, why);
    if cx.world[pod].deleted_at.is_some() {
        cx.world[pod].container = Container::Dead;
        cx.clock.disarm(Event::ContainerStep(pod));
        cx.clock.arm(Event::PodGone(pod), cx.now);
        return;
    }
    cx.memory.restarts_mut(pod).exited_at = Some(cx.now);
    cx.world[pod].container = Container::Exited;
    let node = cx.world[pod].node.expect("a container exists on a node");
    let phase = cx.chance.phase("pleg", &cx.world.node_name(node), PLEG_RELIST);
    let relist = cx.now.next_on_grid(Time::ZERO + phase, PLEG_RELIST);
    cx.clock.arm(Event::ContainerStep(pod), relist);
    answer_changed(cx, pod);
}

fn end_process(cx: &mut Cx, pod: PodId, why: Why) {
    cx.traffic.kill_pod(pod, Kill::Reset);
    metrics_pipeline::forget(cx, pod);
    probing::container_stopped(cx, pod);
    cx.say(What::ContainerDied { pod, why });
}

/// The kubelet lists the containers of the node and misses one.
fn noticed(cx: &mut Cx, pod: PodId) {
    set_ready(cx, pod, false, Why("its container ended"));
    sync(cx, pod);
}

/// A sync of a pod whose container has ended: it starts again unless it has to wait.
fn sync(cx: &mut Cx, pod: PodId) {
    let limits = cx.settings.restarts.limits;
    let backoff = cx.memory.restarts_mut(pod);
    let exited_at = backoff.exited_at.expect("what restarts has ended");
    let restart = backoff.restart(exited_at, cx.now, limits);
    start_again(cx, pod, restart);
}

fn start_again(cx: &mut Cx, pod: PodId, restart: Restart) {
    let Restart::BackedOffUntil(due) = restart else {
        cx.world[pod].restarts += 1;
        return pulling::ensure_image(cx, pod);
    };
    cx.world[pod].container = Container::BackingOff;
    let round = u64::from(cx.world[pod].restarts);
    sync_again(cx, pod, due, "pod-sync", round);
}

/// Arms the first sync of a pod at or after `due`, as the present one ended in an error.
pub(super) fn sync_again(cx: &mut Cx, pod: PodId, due: Time, purpose: &str, round: u64) {
    let (name, chance) = (cx.world.pod_name(pod), cx.chance);
    let mut index = round * SYNCS_MAX;
    let at = cx.settings.restarts.retry.sync_from(cx.now, due, || {
        index += 1;
        unit(chance.draw(purpose, &name, index))
    });
    cx.clock.arm(Event::ContainerStep(pod), at);
}

/// A container failed its startup or liveness probe for good: the kubelet stops it, within the
/// grace period of the probe or else of the pod.
pub fn stop_to_restart(cx: &mut Cx, pod: PodId) {
    let (_, hook) = last_words(cx, pod);
    match cx.world[pod].container {
        Container::Answering => {
            cx.world[pod].container = Container::Ending;
            cx.clock.arm(Event::ContainerStep(pod), cx.now + hook);
        }
        Container::Starting => {
            // It ends at SIGTERM, with nothing in hand.
            cx.world[pod].container = Container::Stopping;
            cx.clock.arm(Event::ContainerStep(pod), cx.now + hook);
        }
        state => unreachable!("no probe runs on a container that is {state:?}"),
    }
}

/// Grace period and length of the hook of a container that failed a probe.
fn last_words(cx: &Cx, pod: PodId) -> (Span, Span) {
    let template = &cx.world[cx.world[pod].deployment].template;
    let grace = probing::grace_of_failed(cx, pod).unwrap_or(template.termination_grace);
    let stop = termination::terminate(Time::ZERO, grace, template.pre_stop);
    (stop.sigkill_at - stop.sigterm_at, stop.sigterm_at - Time::ZERO)
}

fn sigterm_to_restart(cx: &mut Cx, pod: PodId) {
    let (left, _) = last_words(cx, pod);
    cx.world[pod].container = Container::Stopping;
    answer_changed(cx, pod);
    let done = cx.traffic.drain_pod(pod);
    cx.clock.arm(Event::ContainerStep(pod), done.max(cx.now).min(cx.now + left));
    probing::container_refuses(cx, pod);
}

/// A container that the kubelet stopped has ended; it restarts in the same sync.
fn killed(cx: &mut Cx, pod: PodId) {
    let why = probing::failed(cx, pod);
    end_process(cx, pod, why);
    set_ready(cx, pod, false, why);
    let limits = cx.settings.restarts.limits;
    let backoff = cx.memory.restarts_mut(pod);
    let restart = backoff.restart_killed(cx.now, limits);
    backoff.exited_at = Some(cx.now);
    answer_changed(cx, pod);
    start_again(cx, pod, restart);
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
        Container::Answering | Container::Ending => arm_sigterm(cx, pod),
        Container::Starting => {
            cx.clock.disarm(Event::ContainerStep(pod));
            let stop = stop_of(cx, pod);
            cx.clock.arm(Event::PodGone(pod), stop.sigterm_at);
        }
        state => {
            // What a failed probe has stopped ends as it would; nothing else runs.
            let ends = cx.clock.armed_for(Event::ContainerStep(pod));
            let ends = ends.filter(|_| state == Container::Stopping).unwrap_or(cx.now);
            cx.clock.disarm(Event::ContainerStep(pod));
            cx.clock.arm(Event::PodGone(pod), ends);
        }
    }
}

/// SIGTERM follows the preStop sleep, SIGKILL the grace period; both count from the deletion.
fn arm_sigterm(cx: &mut Cx, pod: PodId) {
    let stop = stop_of(cx, pod);
    cx.clock.arm(Event::PodGone(pod), stop.sigkill_at);
    // The hook of a container that failed a probe runs already.
    cx.clock.arm_by(Event::ContainerStep(pod), stop.sigterm_at);
}

/// How a pod stops that the kubelet begins to stop now.
fn stop_of(cx: &Cx, pod: PodId) -> Termination {
    let template = &cx.world[cx.world[pod].deployment].template;
    let grace = cx.world[pod].deletion_grace.unwrap_or(template.termination_grace);
    termination::terminate(cx.now, grace, template.pre_stop)
}

/// The process stops listening, finishes what it has, and exits.
fn sigterm(cx: &mut Cx, pod: PodId) {
    cx.world[pod].container = Container::Stopping;
    answer_changed(cx, pod);
    let done = cx.traffic.drain_pod(pod);
    cx.clock.arm_by(Event::PodGone(pod), done.max(cx.now));
    probing::container_refuses(cx, pod);
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
    addresses::pod_gone(cx, pod);
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
    if cx.world[pod].container.is_running() {
        endpoints::connections_go_stale(cx, pod);
    }
    cx.traffic.kill_pod(pod, Kill::Silent);
    probing::container_stopped(cx, pod);
    metrics_pipeline::forget(cx, pod);
    cx.world[pod].container = Container::Dead;
    cx.clock.disarm(Event::ContainerStep(pod));
    cx.clock.disarm(Event::PodGone(pod));
    answer_changed(cx, pod);
}

/// The kubelet stopped or was cut off while the machine goes on: nobody probes any more.
pub fn kubelet_stopped(cx: &mut Cx, pod: PodId) {
    probing::container_stopped(cx, pod);
}

/// The kubelet of the pod's node is back: it ends what was deleted meanwhile, probes what runs,
/// and starts the rest again, cold. A machine that was off resets connections that it does not
/// know.
pub fn kubelet_starts(cx: &mut Cx, pod: PodId, how: Return) {
    endpoints::connections_are_reset(cx, pod);
    if cx.world[pod].deleted_at.is_some() {
        terminate(cx, pod);
        return;
    }
    let node = cx.world[pod].node.expect("a kubelet has only pods that are bound");
    match cx.world[pod].container {
        Container::Pulling => bound(cx, pod, node),
        Container::Creating => create(cx, pod),
        Container::Exited | Container::BackingOff => {
            if cx.clock.armed_for(Event::ContainerStep(pod)).is_none() {
                cx.clock.arm(Event::ContainerStep(pod), cx.now);
            }
        }
        Container::Starting | Container::Answering => probing::kubelet_starts(cx, pod, how),
        Container::Ending => {
            // A kubelet that starts anew judges the container by new probes.
            cx.clock.disarm(Event::ContainerStep(pod));
            cx.world[pod].container = Container::Answering;
            probing::kubelet_starts(cx, pod, how);
        }
        Container::Stopping => killed(cx, pod),
        Container::Unbound | Container::Dead => {
            cx.world[pod].restarts += 1;
            *cx.memory.restarts_mut(pod) = RestartBackoff::default();
            set_ready(cx, pod, false, Why("its node restarted"));
            probing::admitted(cx, pod);
            pulling::ensure_image(cx, pod);
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
