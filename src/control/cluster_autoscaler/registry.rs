//! The shell of the cluster state registry: what has become of nodes and open scale-ups.
//!
//! Follows `UpdateNodes` of clusterstate/clusterstate.go and the clean-ups of
//! core/static_autoscaler.go. Wrong target sizes cannot arise: a scale set here always has as many
//! machines, with or without a node, as its target says.

use crate::control::Cx;
use crate::model::fact::{What, Why};
use crate::model::ids::{ClusterId, NodeId, PoolId};
use crate::model::node::{Condition, Instance, Stage};

use super::cluster_state::{
    AcceptableRange, NodeSigns, Readiness, ScaleUpProgress, acceptable_range, classify,
    is_cluster_healthy, is_group_healthy, upcoming_nodes,
};
use super::provider;

/// What a loop knows of one pool.
#[derive(Clone, Copy, Debug)]
pub(super) struct PoolView {
    /// The pool.
    pub(super) pool: PoolId,
    /// Its nodes by class.
    pub(super) readiness: Readiness,
    /// Its target when the registry was updated.
    target: usize,
}

/// Takes in what has changed since the last loop: readiness, open scale-ups, failed machines.
pub(super) fn update(cx: &mut Cx, cluster: ClusterId) -> Vec<PoolView> {
    let n_pools = cx.world[cluster].pools.len();
    let views: Vec<PoolView> = (0..n_pools)
        .map(|index| {
            let pool = cx.world[cluster].pools[index];
            let readiness = readiness(cx, cluster, pool);
            PoolView { pool, readiness, target: size_with_suspended(cx, pool, &readiness) }
        })
        .collect();
    follow_requests(cx, cluster, &views);
    for index in 0..n_pools {
        note_failures(cx, cluster, index);
    }
    views
}

/// The size of a scale set with its deallocated machines: a pool's target is without them.
fn size_with_suspended(cx: &Cx, pool: PoolId, readiness: &Readiness) -> usize {
    cx.world[pool].target as usize + readiness.suspended
}

/// Readiness of the nodes of one pool.
fn readiness(cx: &Cx, cluster: ClusterId, pool: PoolId) -> Readiness {
    let plan = &cx.memory.autoscalers[cluster.index()].plan;
    let mut readiness = Readiness::default();
    for &node in &cx.world[pool].nodes {
        let node = &cx.world[node];
        match node.stage {
            Stage::Provisioning if node.ordered_at + plan.max_node_provision_time < cx.now => {
                readiness.long_unregistered += 1;
            }
            Stage::Provisioning | Stage::Deleted => {}
            Stage::Joined => readiness.count(classify(
                &NodeSigns {
                    deleted: node.instance == Instance::Deleted,
                    suspended: node.suspended,
                    ready: node.ready == Condition::True,
                    created: node.joined_at,
                },
                plan.max_node_startup_time,
                cx.now,
            )),
        }
    }
    readiness
}

/// Closes scale-ups whose nodes have come, and backs off from pools whose nodes have not.
fn follow_requests(cx: &mut Cx, cluster: ClusterId, views: &[PoolView]) {
    let now = cx.now;
    let state = &mut cx.memory.autoscalers[cluster.index()];
    let rules = state.plan.backoff;
    state.backoffs.iter_mut().for_each(|backoff| backoff.remove_stale(rules, now));
    let mut overdue = Vec::new();
    let backoffs = &mut state.backoffs;
    state.requests.retain(|(pool, request)| {
        let index = views.iter().position(|view| view.pool == *pool).expect("one of the cluster");
        match request.progress(&views[index].readiness, views[index].target, now) {
            ScaleUpProgress::Done => {
                backoffs[index].remove();
                false
            }
            ScaleUpProgress::Waiting => true,
            ScaleUpProgress::TimedOut => {
                overdue.push(index);
                false
            }
        }
    });
    for index in overdue {
        back_off(cx, cluster, index, "nodes were not provisioned in time");
    }
}

/// A scale-up of a pool failed: it is left alone for a while.
pub(super) fn back_off(cx: &mut Cx, cluster: ClusterId, index: usize, why: &'static str) {
    let now = cx.now;
    let pool = cx.world[cluster].pools[index];
    let state = &mut cx.memory.autoscalers[cluster.index()];
    let until = state.backoffs[index].fail(state.plan.backoff, why, now);
    let seconds = u32::try_from((until - now).nanos() / 1_000_000_000).unwrap_or(u32::MAX);
    cx.say(What::PoolBackedOff { pool, seconds, why: Why(why) });
}

/// Machines that the provider reports as failed shrink the open scale-up and back the pool off.
fn note_failures(cx: &mut Cx, cluster: ClusterId, index: usize) {
    let pool = cx.world[cluster].pools[index];
    let failed = provider::newly_failed(cx, pool);
    if failed.is_empty() {
        return;
    }
    let requests = &mut cx.memory.autoscalers[cluster.index()].requests;
    if let Some(open) = requests.iter().position(|(other, _)| *other == pool) {
        match requests[open].1.decreased(failed.len()) {
            Some(request) => requests[open].1 = request,
            None => drop(requests.swap_remove(open)),
        }
        back_off(cx, cluster, index, "the cloud is out of capacity");
    }
    cx.memory.autoscalers[cluster.index()].failed.extend(failed);
}

/// Machines that are on order for too long are given up, down to the pool's minimum.
pub(super) fn delete_long_unregistered(cx: &mut Cx, cluster: ClusterId, views: &[PoolView]) {
    let provision = cx.memory.autoscalers[cluster.index()].plan.max_node_provision_time;
    for view in views.iter().filter(|view| 0 < view.readiness.long_unregistered) {
        let pool = &cx.world[view.pool];
        if !pool.autoscaled {
            continue;
        }
        let is_overdue = |&&node: &&NodeId| {
            let node = &cx.world[node];
            node.stage == Stage::Provisioning && node.ordered_at + provision < cx.now
        };
        let spare = pool.target.saturating_sub(pool.min_nodes) as usize;
        let overdue: Vec<NodeId> =
            pool.nodes.iter().filter(is_overdue).take(spare).copied().collect();
        for node in overdue {
            provider::delete(cx, node, "not provisioned in time").ok();
        }
    }
}

/// Machines that failed are deleted, whatever the pool's minimum.
pub(super) fn delete_failed(cx: &mut Cx, cluster: ClusterId, views: &mut [PoolView]) {
    let failed = std::mem::take(&mut cx.memory.autoscalers[cluster.index()].failed);
    if failed.is_empty() {
        return;
    }
    for node in failed {
        let why = "its machine could not be allocated";
        if cx.world[node].stage != Stage::Deleted && provider::delete(cx, node, why).is_err() {
            // The next loop tries again.
            cx.memory.autoscalers[cluster.index()].failed.push(node);
        }
    }
    for view in views {
        view.target = size_with_suspended(cx, view.pool, &view.readiness);
    }
}

/// Whether the autoscaler works at all, by all nodes of the cluster.
pub(super) fn is_healthy(cx: &Cx, cluster: ClusterId, views: &[PoolView]) -> bool {
    let limits = cx.memory.autoscalers[cluster.index()].plan.unready_limits;
    let mut all = Readiness::default();
    for view in views {
        all += view.readiness;
    }
    is_cluster_healthy(&all, limits)
}

impl PoolView {
    /// Whether the pool is not short of too many nodes.
    pub(super) fn is_healthy(&self, cx: &Cx, cluster: ClusterId) -> bool {
        let limits = cx.memory.autoscalers[cluster.index()].plan.unready_limits;
        is_group_healthy(&self.readiness, self.range(cx, cluster), limits)
    }

    fn range(&self, cx: &Cx, cluster: ClusterId) -> AcceptableRange {
        let state = &cx.memory.autoscalers[cluster.index()];
        let open = state.requests.iter().find(|(pool, _)| *pool == self.pool);
        let increase = open.map_or(0, |(_, request)| request.increase);
        acceptable_range(self.target, self.readiness.long_unregistered, increase, 0)
    }

    /// Nodes that will soon be there; none unless a scale-up is open and not known to fail.
    pub(super) fn upcoming(&self, cx: &Cx, cluster: ClusterId, index: usize) -> usize {
        let state = &cx.memory.autoscalers[cluster.index()];
        let is_open = state.requests.iter().any(|(pool, _)| *pool == self.pool);
        if is_open && state.backoffs[index].status(cx.now).is_none() {
            upcoming_nodes(&self.readiness, self.target)
        } else {
            0
        }
    }
}
