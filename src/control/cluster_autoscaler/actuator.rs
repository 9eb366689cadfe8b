//! The acting half of a scale-down: nodes are marked, drained and deleted.
//!
//! Follows core/scaledown/actuation/actuator.go and drain.go: mark, wait, evict all pods at once,
//! try refused evictions again, wait for the pods to go, delete the machine. Pods get their own
//! grace period, `--max-graceful-termination-sec` at most. Left out: batched deletions, and
//! `--node-deletion-delay-timeout`, which waits for annotations.

use crate::control::eviction::{self, Eviction};
use crate::control::{Cx, scheduler};
use crate::model::event::Event;
use crate::model::fact::{What, Why};
use crate::model::ids::{ClusterId, NodeId, PodId};
use crate::units::{Span, Time};

use super::{planner, provider};

/// Between two tries of a refused eviction (DefaultEvictionRetryTime).
const EVICTION_RETRY: Span = Span::from_secs(10);

/// Between two looks whether evicted pods are gone.
const DRAIN_POLL: Span = Span::from_secs(5);

/// Beyond the longest grace period, pods may take this long (DefaultPodEvictionHeadroom).
const DRAIN_HEADROOM: Span = Span::from_secs(30);

/// A node on its way out.
#[derive(Clone, Debug)]
pub(super) struct Removal {
    /// The node.
    pub(super) node: NodeId,
    /// Whether it has pods that must go first.
    pub(super) drains: bool,
    stage: Stage,
}

#[derive(Clone, Debug)]
enum Stage {
    /// It is marked, so that the scheduler leaves it alone.
    Marked,
    /// Evictions are being asked for.
    Evicting {
        /// Those that are still refused.
        refused: Vec<PodId>,
        /// All that have to go.
        pods: Vec<PodId>,
        /// When refused ones are given up.
        until: Time,
    },
    /// The evicted pods are awaited.
    Waiting {
        /// All that have to go.
        pods: Vec<PodId>,
        /// When they are given up.
        until: Time,
    },
}

/// Marks a node; what follows comes after the delay.
pub(super) fn begin_removal(cx: &mut Cx, cluster: ClusterId, node: NodeId) {
    let n_pods = planner::pods_to_move(cx, node).len();
    cx.world[node].to_be_deleted = true;
    scheduler::node_changed(cx, node);
    let pods = u32::try_from(n_pods).expect("limits keep every count below 2^32");
    cx.say(What::ScaleDown { node, pods });
    let state = &mut cx.memory.autoscalers[cluster.index()];
    let delay = state.plan.delete_delay_after_taint;
    state.removals.push(Removal { node, drains: 0 < n_pods, stage: Stage::Marked });
    cx.clock.arm(Event::NodeDeletes(node), cx.now + delay);
}

/// A marked node is looked at: its pods are evicted, and it goes when they are gone.
pub fn delete_due(cx: &mut Cx, node: NodeId) {
    let cluster = cx.world[node].cluster;
    if !cx.control_plane_is_up(cluster) {
        return;
    }
    let removals = &mut cx.memory.autoscalers[cluster.index()].removals;
    let Some(at) = removals.iter().position(|removal| removal.node == node) else { return };
    let Removal { drains, stage, .. } = removals[at].clone();
    match stage {
        Stage::Marked => {
            let pods = planner::pods_to_move(cx, node);
            if pods.is_empty() {
                delete(cx, cluster, node);
            } else if drains && planner::is_blocked(cx, &pods) {
                fail(cx, cluster, node, "a budget lets no pod of it go");
            } else if drains {
                let patience = cx.memory.autoscalers[cluster.index()].plan.max_pod_eviction_time;
                evict(cx, cluster, at, (pods.clone(), pods), cx.now + patience);
            } else {
                fail(cx, cluster, node, "pods came to the empty node");
            }
        }
        Stage::Evicting { refused, pods, until } => {
            if until <= cx.now {
                fail(cx, cluster, node, "a pod could not be evicted in time");
            } else {
                evict(cx, cluster, at, (refused, pods), until);
            }
        }
        Stage::Waiting { pods, until } => await_pods(cx, cluster, at, pods, until),
    }
}

/// Asks for the eviction of the refused ones of all pods.
fn evict(
    cx: &mut Cx,
    cluster: ClusterId,
    at: usize,
    (mut refused, pods): (Vec<PodId>, Vec<PodId>),
    until: Time,
) {
    refused.retain(|&pod| !is_evicted(cx, pod));
    let node = cx.memory.autoscalers[cluster.index()].removals[at].node;
    if refused.is_empty() {
        let most = cx.memory.autoscalers[cluster.index()].plan.max_graceful_termination;
        await_pods(cx, cluster, at, pods, cx.now + most + DRAIN_HEADROOM);
        return;
    }
    let stage = Stage::Evicting { refused, pods, until };
    cx.memory.autoscalers[cluster.index()].removals[at].stage = stage;
    cx.clock.arm(Event::NodeDeletes(node), cx.now + EVICTION_RETRY);
}

/// Whether a pod is gone or on its way out after asking once.
fn is_evicted(cx: &mut Cx, pod: PodId) -> bool {
    let why = Why("evicted: its node is scaled down");
    let most =
        cx.memory.autoscalers[cx.world.cluster_of(pod).index()].plan.max_graceful_termination;
    let own = cx.world[cx.world[pod].deployment].template.termination_grace;
    let grace = Some(own.min(most));
    cx.world[pod].gone
        || matches!(eviction::evict_within(cx, pod, grace, why), Eviction::Evicted(_))
}

/// Deletes the node when its pods are gone; they may take until `until`.
fn await_pods(cx: &mut Cx, cluster: ClusterId, at: usize, pods: Vec<PodId>, until: Time) {
    let node = cx.memory.autoscalers[cluster.index()].removals[at].node;
    if until <= cx.now {
        fail(cx, cluster, node, "pods did not stop in time");
    } else if pods.iter().all(|&pod| cx.world[pod].gone) {
        delete(cx, cluster, node);
    } else {
        let stage = Stage::Waiting { pods, until };
        cx.memory.autoscalers[cluster.index()].removals[at].stage = stage;
        cx.clock.arm(Event::NodeDeletes(node), cx.now + DRAIN_POLL);
    }
}

fn delete(cx: &mut Cx, cluster: ClusterId, node: NodeId) {
    match provider::scale_in(cx, node, "autoscaler: not needed any more") {
        Ok(()) => forget(cx, cluster, node),
        Err(why) => fail(cx, cluster, node, why),
    }
}

/// The removal failed: the node stays, and scale-down rests for a while.
fn fail(cx: &mut Cx, cluster: ClusterId, node: NodeId, why: &'static str) {
    forget(cx, cluster, node);
    cx.world[node].to_be_deleted = false;
    cx.say(What::ScaleDownFailed { node, why: Why(why) });
    cx.memory.autoscalers[cluster.index()].last.failure = Some(cx.now);
    scheduler::node_changed(cx, node);
}

/// The autoscaler starts anew: like upstream, it first takes its marks off all nodes.
pub fn clean_up(cx: &mut Cx, cluster: ClusterId) {
    let nodes: Vec<NodeId> = cx.world.cluster_nodes(cluster).collect();
    for node in nodes {
        if std::mem::take(&mut cx.world[node].to_be_deleted) {
            cx.clock.disarm(Event::NodeDeletes(node));
        }
    }
}

/// A node is gone by other hands than the autoscaler's.
pub fn node_is_gone(cx: &mut Cx, node: NodeId) {
    forget(cx, cx.world[node].cluster, node);
}

fn forget(cx: &mut Cx, cluster: ClusterId, node: NodeId) {
    cx.memory.autoscalers[cluster.index()].removals.retain(|removal| removal.node != node);
}
