//! The shell of the scheduler: looks at the pending pods of a cluster and binds what fits.
//!
//! Follows pkg/scheduler/schedule_one.go (ScheduleOne, handleSchedulingFailure). New pods and
//! pods whose wait is over are tried in queue order. What fails waits for an event that may help
//! it, or five minutes; before that it may push out pods of lower priority.

use crate::control::kubelet::container;
use crate::control::{Cx, cluster_autoscaler, eviction};
use crate::model::event::Event;
use crate::model::fact::{What, Why};
use crate::model::ids::{ClusterId, NodeId, PodId};

use super::fit::{MISFITS, Misfit};
use super::preemption::{NoPreemption, Pods, may_preempt, preempt};
use super::queue::{ClusterEvent, Queue, Turn};
use super::schedule::{Nominated, Request, Scheduler, Unschedulable, schedule_one};
use super::view::{View, class_of, running};
use super::watch::{pods_created, tell};

/// What the scheduler of one cluster remembers.
#[derive(Clone, Debug, Default)]
pub struct SchedulerState {
    scheduler: Scheduler,
    /// Pending pods.
    pub(super) queue: Queue,
    /// Pods of the world that have been looked at for the queue.
    n_seen: usize,
    /// The cluster's nodes and pods; None until they are needed.
    pub(super) view: Option<View>,
    /// Pods that wait for their victims to go, with the node that they will get.
    nominated: Vec<(PodId, NodeId)>,
    /// Victims of preemption that are not gone yet.
    preempted: Vec<PodId>,
    /// Decisions so far, for the draws.
    n_decisions: u64,
}

impl SchedulerState {
    /// A pod is gone or bound: nothing is kept for it.
    pub(super) fn forget(&mut self, pod: PodId) {
        self.queue.remove(pod);
        self.nominated.retain(|&(other, _)| other != pod);
        self.preempted.retain(|&other| other != pod);
    }
}

/// Tries every pending pod that is due.
pub fn cycle(cx: &mut Cx, cluster: ClusterId) {
    if !cx.control_plane_is_up(cluster) {
        return;
    }
    queue_new_pods(cx, cluster);
    while let Some(turn) = cx.memory.schedulers[cluster.index()].queue.pop(cx.now) {
        if cx.world[turn.pod].is_active() && cx.world[turn.pod].node.is_none() {
            attempt(cx, cluster, turn);
        }
    }
    if let Some(due) = cx.memory.schedulers[cluster.index()].queue.next_due() {
        cx.clock.arm_by(Event::Schedule(cluster), due);
    }
    debug_assert_eq!(difference(cx, cluster), None, "the kept snapshot is that of the world");
}

fn difference(cx: &Cx, cluster: ClusterId) -> Option<String> {
    let view = cx.memory.schedulers[cluster.index()].view.as_ref()?;
    view.difference(cx, cluster)
}

/// Pods that were created since the last look.
fn queue_new_pods(cx: &mut Cx, cluster: ClusterId) {
    let state = &mut cx.memory.schedulers[cluster.index()];
    let world = &cx.world;
    for index in state.n_seen..world.pods.len() {
        let pod = &world.pods[index];
        let deployment = &world[pod.deployment];
        if deployment.cluster == cluster && pod.is_active() && pod.node.is_none() {
            let (class, priority) = (deployment.workload.index(), deployment.template.priority);
            state.queue.add(PodId::new(index), class, priority, pod.created_at);
        }
    }
    state.n_seen = world.pods.len();
}

/// One attempt to place a pod.
fn attempt(cx: &mut Cx, cluster: ClusterId, turn: Turn) {
    match with_view(cx, cluster, |cx, view| place(cx, cluster, view, turn.pod)) {
        Ok(node) => {
            cx.memory.schedulers[cluster.index()].forget(turn.pod);
            bind(cx, turn.pod, node);
            container::bound(cx, turn.pod, node);
            tell(cx, cluster, ClusterEvent::PodMoved(turn.class));
        }
        Err(why) => {
            refuse(cx, turn.pod, &why);
            cx.memory.schedulers[cluster.index()].queue.failed(turn, &why, cx.now);
            make_room(cx, cluster, turn);
        }
    }
}

/// Works with the view of a cluster, which is built if there is none.
fn with_view<T>(cx: &mut Cx, cluster: ClusterId, work: impl FnOnce(&mut Cx, &mut View) -> T) -> T {
    let kept = cx.memory.schedulers[cluster.index()].view.take();
    let mut view = kept.unwrap_or_else(|| View::of(cx, cluster));
    view.list_images(cx);
    let result = work(cx, &mut view);
    cx.memory.schedulers[cluster.index()].view = Some(view);
    result
}

/// Chooses a node for a pod and reserves it.
fn place(
    cx: &mut Cx,
    cluster: ClusterId,
    view: &mut View,
    pod: PodId,
) -> Result<NodeId, Unschedulable> {
    let kept = kept_rooms(cx, cluster, view, pod);
    let request = Request {
        class: class_of(cx, pod),
        nominated: nominated(cx, cluster, view, pod),
        kept: &kept,
        draw: next_draw(cx, cluster),
    };
    let percentage = cx.settings.scheduler.percentage;
    let scheduler = &mut cx.memory.schedulers[cluster.index()].scheduler;
    scheduler.percentage = percentage;
    let placement = schedule_one(scheduler, &mut view.snapshot, &request)?;
    view.snapshot.place(request.class, placement.node);
    Ok(view.nodes[placement.node])
}

fn next_draw(cx: &mut Cx, cluster: ClusterId) -> u64 {
    let state = &mut cx.memory.schedulers[cluster.index()];
    state.n_decisions += 1;
    cx.chance.draw("scheduler", &cx.world[cluster].name, state.n_decisions)
}

/// The index of the node that a pod is nominated for.
fn nominated(cx: &Cx, cluster: ClusterId, view: &View, pod: PodId) -> Option<usize> {
    let nominated = &cx.memory.schedulers[cluster.index()].nominated;
    let (_, node) = nominated.iter().find(|(other, _)| *other == pod)?;
    view.index(*node)
}

/// Room that is kept for other pods of at least the priority of this one.
fn kept_rooms(cx: &Cx, cluster: ClusterId, view: &View, pod: PodId) -> Vec<Nominated> {
    let priority = |pod: PodId| cx.world[cx.world[pod].deployment].template.priority;
    let nominated = cx.memory.schedulers[cluster.index()].nominated.iter();
    let others = nominated.filter(|(other, _)| *other != pod && priority(pod) <= priority(*other));
    let room = |&(other, node): &(PodId, NodeId)| {
        Some(Nominated { node: view.index(node)?, class: class_of(cx, other) })
    };
    others.filter_map(room).collect()
}

/// A pod that fits nowhere may push out pods of lower priority: they are deleted with their own
/// grace period, and their room is kept for it.
fn make_room(cx: &mut Cx, cluster: ClusterId, turn: Turn) {
    let found = with_view(cx, cluster, |cx, view| find_victims(cx, cluster, view, turn));
    let Ok((node, victims)) = found else {
        if found == Err(NoPreemption::NoCandidate) {
            let state = &mut cx.memory.schedulers[cluster.index()];
            state.nominated.retain(|&(other, _)| other != turn.pod);
        }
        return;
    };
    let state = &mut cx.memory.schedulers[cluster.index()];
    let (world, class_priority) = (&cx.world, turn.place.priority);
    let priority = |pod: PodId| world[world[pod].deployment].template.priority;
    // Pods of lower priority that were to get this node have to look for another one.
    state.nominated.retain(|&(other, to)| {
        other != turn.pod && (to != node || class_priority <= priority(other))
    });
    state.nominated.push((turn.pod, node));
    for victim in victims {
        cx.memory.schedulers[cluster.index()].preempted.push(victim);
        container::delete(cx, victim, Why("preempted by a pod of higher priority"));
    }
}

/// The node and the pods that give way.
fn find_victims(
    cx: &mut Cx,
    cluster: ClusterId,
    view: &mut View,
    turn: Turn,
) -> Result<(NodeId, Vec<PodId>), NoPreemption> {
    let lower = |class: &super::PodClass| class.priority < turn.place.priority;
    if !view.snapshot.classes.iter().any(lower) {
        return Err(NoPreemption::NoCandidate);
    }
    let nominated = nominated(cx, cluster, view, turn.pod);
    let preempted = &cx.memory.schedulers[cluster.index()].preempted;
    let there = nominated.map(|index| (index, running(cx, view.nodes[index], preempted)));
    let there = there.as_ref().map(|(index, pods)| (*index, pods.as_slice()));
    may_preempt(&mut view.snapshot, turn.class, there)?;
    let kept = kept_rooms(cx, cluster, view, turn.pod);
    let draw = next_draw(cx, cluster);
    let request = Request { class: turn.class, nominated: None, kept: &kept, draw };
    let preempted = &cx.memory.schedulers[cluster.index()].preempted;
    let View { snapshot, nodes, .. } = view;
    let on_node = |index: usize| running(cx, nodes[index], preempted);
    let allowed = allowed_disruptions(cx, cluster, snapshot.classes.len());
    let pods = Pods { on_node: &on_node, allowed: &allowed };
    let best = preempt(snapshot, &request, &pods)?;
    let victims = best.victims.iter().map(|victim| victim.pod).collect();
    Ok((nodes[best.node], victims))
}

/// Pods of each class that disruption budgets let go; None: no budget.
fn allowed_disruptions(cx: &Cx, cluster: ClusterId, n_classes: usize) -> Vec<Option<usize>> {
    let mut allowed = vec![None; n_classes];
    for &deployment in &cx.world[cluster].deployments {
        let class = cx.world[deployment].workload.index();
        allowed[class] = eviction::status_of(cx, deployment).map(|status| status.allowed);
    }
    allowed
}

fn bind(cx: &mut Cx, pod: PodId, node: NodeId) {
    let requests = cx.world[cx.world[pod].deployment].template.requests;
    cx.world[pod].node = Some(node);
    cx.world[pod].bound_at = Some(cx.now);
    cx.world[node].requested += requests;
    cx.world[node].pods.push(pod);
    cx.say(What::PodScheduled { pod, node });
}

fn refuse(cx: &mut Cx, pod: PodId, why: &Unschedulable) {
    cx.world[pod].attempts += 1;
    cx.world[pod].refused_at = cx.now;
    if cx.world[pod].attempts == 1 {
        cx.say(What::PodUnschedulable { pod, why: Why(most_common(why)) });
        let cluster = cx.world.cluster_of(pod);
        cluster_autoscaler::pod_became_unschedulable(cx, cluster);
    }
}

/// The rule that refused most nodes, in words for users.
fn most_common(why: &Unschedulable) -> &'static str {
    let ranked = MISFITS.iter().zip(why.refused).max_by_key(|&(_, count)| count);
    match ranked {
        Some((_, 0)) | None => "the cluster has no nodes",
        Some((misfit, _)) => match misfit {
            Misfit::NotReady => "nodes are not ready",
            Misfit::Unreachable => "nodes are unreachable",
            Misfit::Unschedulable => "nodes are cordoned",
            Misfit::ToBeDeleted => "nodes are being scaled down",
            Misfit::Tainted => "nodes have untolerated taints",
            Misfit::NodeAffinity => "node selector or affinity excludes the nodes",
            Misfit::TooManyPods => "nodes are at their pod limit",
            Misfit::Cpu => "insufficient cpu",
            Misfit::Memory => "insufficient memory",
            Misfit::Spread => "topology spread forbids the nodes",
            Misfit::Affinity => "pod affinity forbids the nodes",
            Misfit::AntiAffinity => "anti-affinity forbids the nodes",
            Misfit::Repelled => "anti-affinity of other pods forbids the nodes",
        },
    }
}

/// Places all pending pods of a cluster at once, without kubelets; returns what is left over.
pub fn place_all(cx: &mut Cx, cluster: ClusterId) -> Vec<PodId> {
    cx.memory.schedulers[cluster.index()].view = None;
    let mut left_over = Vec::new();
    for pod in pending(cx, cluster) {
        match with_view(cx, cluster, |cx, view| place(cx, cluster, view, pod)) {
            Ok(node) => bind(cx, pod, node),
            Err(_) => left_over.push(pod),
        }
    }
    if !left_over.is_empty() {
        pods_created(cx, cluster);
    }
    left_over
}

fn pending(cx: &Cx, cluster: ClusterId) -> Vec<PodId> {
    let waits = |&pod: &PodId| cx.world[pod].is_active() && cx.world[pod].node.is_none();
    let deployments = cx.world[cluster].deployments.iter();
    let pods = deployments.flat_map(|&deployment| cx.world[deployment].pods.iter().copied());
    pods.filter(waits).collect()
}
