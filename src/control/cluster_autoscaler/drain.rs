//! Scale-down: finds nodes that nobody needs, waits, drains and deletes them.
//!
//! Follows core/scaledown/planner and core/scaledown/actuation. A node is unneeded if it is used
//! little and all its pods would fit elsewhere. Left out: the random node order, DaemonSets,
//! pods that forbid eviction, the quick retry of evictions that a PDB refused.

use crate::control::kubelet::container;
use crate::control::{Cx, node_lifecycle, scheduler};
use crate::model::event::Event;
use crate::model::fact::Why;
use crate::model::ids::{ClusterId, NodeId, PodId, PoolId};
use crate::model::node::{Condition, Stage};
use crate::units::Span;

use super::estimator::snapshot::Snapshot;
use super::scale_down::budgets::{Budget, crop};
use super::scale_down::cooldown::cooldown;
use super::scale_down::removable::{Room, UnneededNode, try_remove};
use super::scale_down::unneeded::{Pace, unneeded_limit};
use super::view;

/// Between two looks at a node that is being drained.
const DRAIN_POLL: Span = Span::from_secs(5);

/// Beyond the pods' own grace period, a drain may take this long.
const DRAIN_HEADROOM: Span = Span::from_secs(30);

/// The scale-down half of a loop.
pub(super) fn scale_down(cx: &mut Cx, cluster: ClusterId) {
    let state = &cx.memory.autoscalers[cluster.index()];
    if !state.plan.scale_down {
        return;
    }
    let pace = Pace {
        max_parallelism: state.plan.max_parallelism,
        unneeded_time: state.plan.wait_times.unneeded,
        update_interval: state.plan.scan_interval,
    };
    let limit = unneeded_limit(state.unneeded.len(), pace);
    let found = unneeded_nodes(cx, cluster, limit);
    let now = cx.now;
    let state = &mut cx.memory.autoscalers[cluster.index()];
    state.unneeded.update(found, now);
    if state.unneeded.is_empty() || cooldown(&state.last, &state.plan.delays, now).is_some() {
        return;
    }
    for node in removable(cx, cluster) {
        begin_removal(cx, cluster, node);
    }
}

/// Nodes that are used little and whose pods fit elsewhere, each removal using up room.
fn unneeded_nodes(cx: &Cx, cluster: ClusterId, limit: usize) -> Vec<NodeId> {
    let threshold = cx.memory.autoscalers[cluster.index()].plan.utilization_threshold;
    let candidates: Vec<NodeId> =
        cx.world.cluster_nodes(cluster).filter(|&node| is_candidate(cx, node, threshold)).collect();
    if candidates.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<NodeId> = Vec::new();
    for node in candidates {
        if found.len() == limit {
            break;
        }
        found.push(node);
        if !pods_fit_elsewhere(cx, cluster, &found) {
            found.pop();
        }
    }
    found
}

fn is_candidate(cx: &Cx, id: NodeId, threshold: f64) -> bool {
    let node = &cx.world[id];
    let pool = &cx.world[node.pool];
    let share = |used: i64, of: i64| if of > 0 { used as f64 / of as f64 } else { 0.0 };
    let cpu = share(node.requested.cpu.milli(), pool.allocatable.cpu.milli());
    let memory = share(node.requested.memory.get(), pool.allocatable.memory.get());
    node.stage == Stage::Joined
        && pool.autoscaled
        && pool.min_nodes < pool.target
        && !node.to_be_deleted
        && cpu.max(memory) <= threshold
}

/// Whether all pods of the nodes that go would fit on those that stay.
fn pods_fit_elsewhere(cx: &Cx, cluster: ClusterId, going: &[NodeId]) -> bool {
    let stays = |node: &NodeId| cx.world[*node].is_schedulable() && !going.contains(node);
    let stays: Vec<NodeId> = cx.world.cluster_nodes(cluster).filter(stays).collect();
    let mut snapshot = Snapshot::new(stays.iter().map(|&node| view::packed(cx, node)).collect());
    let active = |&&pod: &&PodId| cx.world[pod].is_active();
    going.iter().flat_map(|&node| cx.world[node].pods.iter().filter(active)).all(|&pod| {
        let deployment = cx.world[pod].deployment;
        let group = view::group(cx, deployment, 1);
        let admits = |index: usize| view::admits(cx, cx.world[stays[index]].pool, deployment);
        snapshot.place_anywhere(&group, admits).is_some()
    })
}

/// Unneeded nodes whose time is up, within the limits on parallel deletions; empty ones first.
fn removable(cx: &Cx, cluster: ClusterId) -> Vec<NodeId> {
    let state = &cx.memory.autoscalers[cluster.index()];
    let leaving = |pool: PoolId| {
        state.leaving.iter().filter(|(node, _)| cx.world[*node].pool == pool).count() as i64
    };
    let mut rooms: Vec<(PoolId, Room)> = Vec::new();
    for &id in &cx.world[cluster].pools {
        let pool = &cx.world[id];
        let group = i64::from(pool.target) - leaving(id) - i64::from(pool.min_nodes);
        rooms.push((id, Room { group, cluster: None }));
    }
    let (mut empty, mut full) = (Vec::new(), Vec::new());
    for (node, since) in state.unneeded.iter() {
        let seen = &cx.world[node];
        let room = rooms.iter_mut().find(|(pool, _)| *pool == seen.pool).map(|(_, room)| room);
        let unneeded = UnneededNode {
            ready: seen.ready == Condition::True,
            scale_down_disabled: false,
            unneeded_for: cx.now - since,
            wait: Some(state.plan.wait_times),
        };
        if try_remove(&unneeded, room).is_ok() {
            (if seen.pods.is_empty() { &mut empty } else { &mut full }).push(node);
        }
    }
    let draining = state.leaving.iter().filter(|(node, _)| !cx.world[*node].pods.is_empty());
    let drain_in_progress = draining.count();
    let budget = Budget {
        max_parallelism: state.plan.max_parallelism,
        max_drain_parallelism: state.plan.max_drain_parallelism,
        empty_in_progress: state.leaving.len() - drain_in_progress,
        drain_in_progress,
    };
    let cropped = crop(budget, &[empty.len()], &[full.len()]);
    empty.truncate(cropped.empty[0]);
    full.truncate(cropped.drain[0]);
    empty.extend(full);
    empty
}

/// Marks a node; its pods are evicted after the delay, and its machine deleted when they are gone.
fn begin_removal(cx: &mut Cx, cluster: ClusterId, node: NodeId) {
    cx.world[node].to_be_deleted = true;
    scheduler::node_changed(cx, node);
    let grace = |pod: &PodId| cx.world[cx.world[*pod].deployment].template.termination_grace;
    let longest = cx.world[node].pods.iter().map(grace).max().unwrap_or(Span::ZERO);
    let state = &mut cx.memory.autoscalers[cluster.index()];
    let delay = state.plan.delete_delay_after_taint;
    let patience = longest.min(state.plan.max_graceful_termination) + DRAIN_HEADROOM;
    state.leaving.push((node, cx.now + delay + patience));
    cx.clock.arm(Event::NodeDeletes(node), cx.now + delay);
}

/// A marked node is looked at: its pods are evicted, and it goes when they are gone.
pub fn delete_due(cx: &mut Cx, node: NodeId) {
    let cluster = cx.world[node].cluster;
    if !cx.control_plane_is_up(cluster) {
        return;
    }
    let state = &cx.memory.autoscalers[cluster.index()];
    let Some(&(_, until)) = state.leaving.iter().find(|(other, _)| *other == node) else {
        return;
    };
    let pods: Vec<PodId> = cx.world[node].pods.clone();
    if !pods.is_empty() && until <= cx.now {
        // The drain failed: the node stays, and scale-down rests for a while.
        forget_leaving(cx, cluster, node);
        cx.world[node].to_be_deleted = false;
        cx.memory.autoscalers[cluster.index()].last.failure = Some(cx.now);
        scheduler::node_changed(cx, node);
        return;
    }
    if pods.is_empty() {
        forget_leaving(cx, cluster, node);
        cx.memory.autoscalers[cluster.index()].last.delete = Some(cx.now);
        node_lifecycle::remove(cx, node, Why("autoscaler: not needed any more"));
        return;
    }
    for pod in pods {
        container::delete(cx, pod, Why("evicted: its node is scaled down"));
    }
    cx.clock.arm(Event::NodeDeletes(node), cx.now + DRAIN_POLL);
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
    forget_leaving(cx, cx.world[node].cluster, node);
}

fn forget_leaving(cx: &mut Cx, cluster: ClusterId, node: NodeId) {
    cx.memory.autoscalers[cluster.index()].leaving.retain(|(other, _)| *other != node);
}
