//! The shell of the Deployment controller: looks at a rollout, resizes its ReplicaSets, says how
//! far it has come.
//!
//! Level-triggered: the ReplicaSets' changes and their pods' readiness bring it back. It lags a
//! little more than the ReplicaSet controller, which writes the status that it reads.

use crate::control::{Cx, replica_set};
use crate::model::event::Event;
use crate::model::fact::{What, Why};
use crate::model::ids::{DeploymentId, PodId};
use crate::model::rollout::{ReplicaSet, RolloutCounts, RolloutStatus, Strategy, TemplateChange};
use crate::units::{Span, Time};

use super::fenceposts::Fenceposts;
use super::progress::{Progress, progress};
use super::recreate::{self, Step};
use super::rolling::{resize_new, resize_old};
use super::scaling::{is_scaling_event, scale};
use super::{SetView, total};

/// From a change of a pod to this controller's reaction: the ReplicaSet controller's status
/// update and a watch event, two reactions of 15 ms.
const REACTION: Span = Span::from_millis(30);

/// How long after its deadline a rollout is looked at (`requeueStuckDeployment`).
const DEADLINE_SLACK: Span = Span::from_secs(1);

/// Makes the controller look at a deployment soon, if it is rolling out.
pub fn enqueue(cx: &mut Cx, deployment: DeploymentId) {
    if cx.world[deployment].rollout.is_some() {
        let at = cx.now + REACTION;
        cx.clock.arm_by(Event::DeploymentSync(deployment), at);
    }
}

/// The pod template of a deployment changes: a new revision rolls out.
///
/// A rollout in flight is rolled over: its ReplicaSet is an old one from now on.
pub fn begin(cx: &mut Cx, id: DeploymentId, change: TemplateChange) {
    let deployment = &mut cx.world[id];
    let wanted = deployment.replicas;
    let most = wanted + Fenceposts::resolve(deployment.rules.strategy, wanted).surge;
    if deployment.rollout.is_none() {
        let only = deployment.replica_sets.last_mut().expect("a deployment has a ReplicaSet");
        (only.replicas, only.desired, only.most) = (wanted, wanted, most);
    }
    let revision = deployment.revision() + 1;
    let new = ReplicaSet { revision, replicas: 0, desired: wanted, most, created: false, change };
    deployment.replica_sets.push(new);
    let counts = counts(cx, id);
    cx.world[id].rollout = Some(RolloutStatus { counts, moved_at: cx.now, stuck: false });
    cx.say(What::RolloutStarted { deployment: id, revision });
    enqueue(cx, id);
}

/// Looks at a rollout and does its next step.
pub fn sync(cx: &mut Cx, id: DeploymentId) {
    if !cx.control_plane_is_up(cx.world[id].cluster) || cx.world[id].rollout.is_none() {
        return;
    }
    let deployment = &cx.world[id];
    let (wanted, strategy) = (deployment.replicas, deployment.rules.strategy);
    let fence = Fenceposts::resolve(strategy, wanted);
    let sets = views(cx, id);
    let newest = sets.len() - 1;
    if is_scaling_event(wanted, &sets) {
        let newest = Some(newest).filter(|&index| cx.world[id].replica_sets[index].created);
        let sizes = scale(wanted, fence, &sets, newest);
        for (index, (size, is_noted)) in sizes.into_iter().enumerate() {
            if is_noted {
                resize(cx, id, index, size, Why("the deployment changed its size"));
            }
        }
    } else if strategy == Strategy::Recreate {
        step_of_recreate(cx, id, &sets);
    } else {
        step_of_rolling(cx, id, fence, &sets);
    }
    follow(cx, id);
}

/// `rolloutRolling`: the new ReplicaSet up if it can, else the old ones down.
///
/// A new ReplicaSet is made with its first size, so that the pass goes on to the old ones.
fn step_of_rolling(cx: &mut Cx, id: DeploymentId, fence: Fenceposts, sets: &[SetView]) {
    let (wanted, newest) = (cx.world[id].replicas, sets.len() - 1);
    let mut sets = sets.to_vec();
    let is_new = !std::mem::replace(&mut cx.world[id].replica_sets[newest].created, true);
    if let Some(size) = resize_new(wanted, fence, &sets) {
        resize(cx, id, newest, size, Why("room up to the surge"));
        if !is_new {
            return;
        }
        sets[newest].replicas = size;
    }
    if let Ok(sizes) = resize_old(wanted, fence, &sets) {
        for (index, size) in sizes.into_iter().enumerate() {
            if size != sets[index].replicas {
                resize(cx, id, index, size, Why("enough pods are available"));
            }
        }
    }
}

fn step_of_recreate(cx: &mut Cx, id: DeploymentId, sets: &[SetView]) {
    let (wanted, newest) = (cx.world[id].replicas, cx.world[id].revision());
    let is_old = |&&pod: &&PodId| cx.world[pod].revision != newest;
    let n_old_pods = cx.world[id].pods.iter().filter(is_old).count();
    match recreate::step(wanted, sets, n_old_pods) {
        Step::EmptyOld => {
            for index in 0..sets.len() - 1 {
                resize(cx, id, index, 0, Why("all old pods go first"));
            }
        }
        Step::FillNew => {
            resize(cx, id, sets.len() - 1, wanted, Why("all old pods are gone"));
        }
        Step::Wait | Step::Done => {}
    }
}

/// Gives a ReplicaSet its size; its controller and this one look again soon.
fn resize(cx: &mut Cx, id: DeploymentId, index: usize, size: u32, why: Why) {
    let deployment = &mut cx.world[id];
    let wanted = deployment.replicas;
    let most = wanted + Fenceposts::resolve(deployment.rules.strategy, wanted).surge;
    let set = &mut deployment.replica_sets[index];
    let (from, revision) = (set.replicas, set.revision);
    (set.replicas, set.desired, set.most) = (size, wanted, most);
    if from != size {
        cx.say(What::ReplicaSetScaled { deployment: id, revision, from, to: size, why });
    }
    replica_set::enqueue(cx, id);
}

/// Says how far the rollout has come, ends it when it is complete, and plans the next look.
fn follow(cx: &mut Cx, id: DeploymentId) {
    let (wanted, rules) = (cx.world[id].replicas, cx.world[id].rules);
    let counts = counts(cx, id);
    let Some(mut status) = cx.world[id].rollout else { return };
    let revision = cx.world[id].revision();
    match progress(wanted, &status, counts, rules.progress_deadline, cx.now) {
        Progress::Complete if total(&views(cx, id)) == wanted => {
            let sets = &mut cx.world[id].replica_sets;
            sets.drain(..sets.len() - 1);
            cx.world[id].rollout = None;
            cx.clock.disarm(Event::DeploymentSync(id));
            cx.say(What::RolloutComplete { deployment: id, revision });
            return;
        }
        Progress::Moved => (status.moved_at, status.stuck) = (cx.now, false),
        Progress::Stuck if !status.stuck => {
            status.stuck = true;
            cx.say(What::RolloutStuck { deployment: id, revision });
        }
        Progress::Complete | Progress::Stuck | Progress::Waiting => {}
    }
    status.counts = counts;
    cx.world[id].rollout = Some(status);
    let deadline = status.moved_at + rules.progress_deadline + DEADLINE_SLACK;
    let next = if status.stuck { Time::NEVER } else { deadline };
    let next = next.min(next_available(cx, id));
    if next < Time::NEVER {
        cx.clock.arm_by(Event::DeploymentSync(id), next);
    }
}

/// When the next ready pod has been so for long enough.
fn next_available(cx: &Cx, id: DeploymentId) -> Time {
    let min_ready = cx.world[id].rules.min_ready;
    let pods = cx.world.ready_pods(id).map(|pod| cx.world[pod].ready_since + min_ready);
    pods.filter(|&at| cx.now < at).min().map_or(Time::NEVER, |at| at + REACTION)
}

/// The ReplicaSets with the pods that they have available.
fn views(cx: &Cx, id: DeploymentId) -> Vec<SetView> {
    let deployment = &cx.world[id];
    let view = |set: &ReplicaSet| {
        let is_its =
            |&&pod: &&PodId| cx.world[pod].revision == set.revision && is_available(cx, pod);
        let available = deployment.pods.iter().filter(is_its).count();
        SetView {
            replicas: set.replicas,
            available: small(available),
            desired: set.desired,
            most: set.most,
        }
    };
    deployment.replica_sets.iter().map(view).collect()
}

fn counts(cx: &Cx, id: DeploymentId) -> RolloutCounts {
    let newest = cx.world[id].revision();
    let mut counts = RolloutCounts::default();
    for &pod in &cx.world[id].pods {
        if cx.world[pod].is_active() {
            counts.replicas += 1;
            counts.updated += u32::from(cx.world[pod].revision == newest);
            counts.ready += u32::from(cx.world[pod].ready);
            counts.available += u32::from(is_available(cx, pod));
        }
    }
    counts
}

/// Whether a pod has been Ready for long enough (`IsPodAvailable`).
fn is_available(cx: &Cx, id: PodId) -> bool {
    let pod = &cx.world[id];
    let min_ready = cx.world[pod.deployment].rules.min_ready;
    let lasts = min_ready == Span::ZERO || pod.ready_since + min_ready < cx.now;
    pod.is_ready() && lasts
}

fn small(count: usize) -> u32 {
    u32::try_from(count).expect("limits keep every count below 2^32")
}
