//! What the scheduler is told: nodes and pods that come, change and go.
//!
//! Follows pkg/scheduler/eventhandlers.go. Each function updates the kept snapshot, wakes the
//! pods that the change may help, and makes the scheduler look soon.

use crate::control::Cx;
use crate::model::event::Event;
use crate::model::ids::{ClusterId, NodeId, PodId};
use crate::model::node::Condition;
use crate::units::Span;

use super::queue::ClusterEvent;
use super::view::class_of;

/// From a watch event to the end of a scheduling cycle; recordings show bindings within 0.1 s.
const REACTION: Span = Span::from_millis(20);

/// Anything may have happened in a cluster: all pending pods are woken.
pub fn wake(cx: &mut Cx, cluster: ClusterId) {
    tell(cx, cluster, ClusterEvent::NodeAvailable);
    look_soon(cx, cluster);
}

/// Pods were created in a cluster.
pub fn pods_created(cx: &mut Cx, cluster: ClusterId) {
    look_soon(cx, cluster);
}

/// A node joined, left, or changed a condition that keeps pods away.
pub fn node_changed(cx: &mut Cx, node: NodeId) {
    let cluster = cx.world[node].cluster;
    if let Some(mut view) = cx.memory.schedulers[cluster.index()].view.take() {
        view.node_changed(cx, node);
        cx.memory.schedulers[cluster.index()].view = Some(view);
    }
    let state = &cx.world[node];
    if state.is_up() && state.ready == Condition::True && state.is_schedulable() {
        wake(cx, cluster);
    }
}

/// The deletion of a pod began: it still reserves, but spreading ignores it.
pub fn deletion_began(cx: &mut Cx, pod: PodId) {
    let (cluster, class) = (cx.world.cluster_of(pod), class_of(cx, pod));
    let node = cx.world[pod].node;
    let state = &mut cx.memory.schedulers[cluster.index()];
    if let (Some(node), Some(view)) = (node, &mut state.view)
        && let Some(index) = view.index(node)
    {
        view.snapshot.stop_counting(class, index);
    }
    if node.is_some() {
        tell(cx, cluster, ClusterEvent::PodMoved(class));
    }
}

/// A pod object is gone, after [`deletion_began`] or at once (`was_active`).
pub fn pod_gone(cx: &mut Cx, pod: PodId, was_active: bool) {
    let (cluster, class) = (cx.world.cluster_of(pod), class_of(cx, pod));
    let node = cx.world[pod].node;
    let state = &mut cx.memory.schedulers[cluster.index()];
    state.forget(pod);
    if let (Some(node), Some(view)) = (node, &mut state.view)
        && let Some(index) = view.index(node)
    {
        view.snapshot.release(class, index, was_active);
    }
    if node.is_some() {
        tell(cx, cluster, ClusterEvent::PodGone(class));
        look_soon(cx, cluster);
    }
}

/// Wakes the pending pods that an event may help; a cycle is armed for when they are due.
pub(super) fn tell(cx: &mut Cx, cluster: ClusterId, event: ClusterEvent) {
    let at = cx.now + REACTION;
    let queue = &mut cx.memory.schedulers[cluster.index()].queue;
    queue.wake(event, at);
    if let Some(due) = queue.next_due() {
        cx.clock.arm_by(Event::Schedule(cluster), due.max(cx.now));
    }
}

fn look_soon(cx: &mut Cx, cluster: ClusterId) {
    let at = cx.now + REACTION;
    cx.clock.arm_by(Event::Schedule(cluster), at);
}
