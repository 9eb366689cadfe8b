//! The shell of the cluster autoscaler: one loop every scan interval.
//!
//! Follows `RunOnce` of core/static_autoscaler.go with all its early exits. Left out: expendable
//! pods, DaemonSets (their requests belong into the node's reservation), quotas and allocation
//! failures.

use crate::control::{Cx, node_lifecycle};
use crate::model::event::Event;
use crate::model::fact::{What, Why};
use crate::model::ids::{ClusterId, DeploymentId, NodeId, PodId, PoolId};
use crate::model::node::Stage;
use crate::model::node_pool::Resources;
use crate::units::Span;

use super::balancing::{Group, balance};
use super::cluster_state::{
    Readiness, ScaleUpProgress, ScaleUpRequest, acceptable_range, is_cluster_healthy,
    is_group_healthy,
};
use super::estimator::binpacking::{Method, estimate};
use super::estimator::limiter::{Limiter, NodeLimit};
use super::estimator::snapshot::{Node, PodGroup, Snapshot};
use super::expander::{ScaleUpOption, choose};
use super::scale_up::{GroupState, Ineligible, check_group};
use super::{drain, view};

/// How long one estimation may take; in a simulation it takes no time.
const MAX_BINPACKING_DURATION: Span = Span::from_secs(10);

/// One loop of a cluster's autoscaler.
pub fn scan(cx: &mut Cx, cluster: ClusterId) {
    let plan = cx.memory.autoscalers[cluster.index()].plan.clone();
    cx.clock.arm(Event::AutoscalerScan(cluster), cx.now + plan.scan_interval);
    if !plan.enabled || !cx.control_plane_is_up(cluster) {
        return;
    }
    let pools = cx.world[cluster].pools.clone();
    let (startup, provision) = (plan.max_node_startup_time, plan.max_node_provision_time);
    let of_pool = |cx: &Cx, pool| view::readiness(cx, pool, startup, provision);
    let readiness: Vec<Readiness> = pools.iter().map(|&pool| of_pool(cx, pool)).collect();
    let healthy = is_cluster_healthy(&view::sum(&readiness), plan.unready_limits);
    if halt(cx, cluster, !healthy) {
        return;
    }
    // First the verdict on open scale-ups: giving up their machines would make them look done.
    follow_open_requests(cx, cluster, &pools, &readiness);
    delete_overdue_machines(cx, cluster, &pools);
    let waiting = view::unschedulable(cx, cluster, &plan.help);
    let helpless = pods_without_room(cx, cluster, &waiting);
    let oldest = view::oldest(cx, &helpless);
    if oldest.is_some_and(|oldest| plan.help.waits_for_more(oldest, cx.now)) {
        return;
    }
    if helpless.is_empty() {
        cx.memory.autoscalers[cluster.index()].failed_because = None;
        drain::scale_down(cx, cluster);
    } else if scale_up(cx, cluster, &pools, &readiness, &helpless) {
        if plan.frequent_loops {
            cx.clock.arm(Event::AutoscalerScan(cluster), cx.now + Span::from_millis(100));
        }
    } else {
        drain::scale_down(cx, cluster);
    }
}

/// Halts while too many nodes are unready; says so when that changes.
fn halt(cx: &mut Cx, cluster: ClusterId, halted: bool) -> bool {
    let state = &mut cx.memory.autoscalers[cluster.index()];
    if halted {
        state.unneeded.clear();
    }
    if state.halted != halted {
        state.halted = halted;
        cx.say(What::AutoscalerHalted { cluster, halted });
    }
    halted
}

/// Machines that are on order for too long are given up, down to the pool's minimum.
fn delete_overdue_machines(cx: &mut Cx, cluster: ClusterId, pools: &[PoolId]) {
    let provision = cx.memory.autoscalers[cluster.index()].plan.max_node_provision_time;
    for &pool in pools {
        let overdue = |&&node: &&NodeId| {
            let node = &cx.world[node];
            node.stage == Stage::Provisioning && node.ordered_at + provision < cx.now
        };
        let spare = cx.world[pool].target.saturating_sub(cx.world[pool].min_nodes) as usize;
        let overdue: Vec<NodeId> =
            cx.world[pool].nodes.iter().filter(overdue).take(spare).copied().collect();
        for node in overdue {
            node_lifecycle::remove(cx, node, Why("not provisioned in time"));
        }
    }
}

/// Closes scale-ups whose nodes have come, and backs off from pools whose nodes have not.
fn follow_open_requests(cx: &mut Cx, cluster: ClusterId, pools: &[PoolId], ready: &[Readiness]) {
    let now = cx.now;
    let state = &mut cx.memory.autoscalers[cluster.index()];
    let world = &cx.world;
    let (backoffs, rules) = (&mut state.backoffs, state.plan.backoff);
    backoffs.iter_mut().for_each(|backoff| backoff.remove_stale(rules, now));
    state.requests.retain(|(pool, request)| {
        let index = pools.iter().position(|p| p == pool).expect("a pool of this cluster");
        match request.progress(&ready[index], world[*pool].target as usize, now) {
            ScaleUpProgress::Done => false,
            ScaleUpProgress::Waiting => true,
            ScaleUpProgress::TimedOut => {
                backoffs[index].fail(rules, "nodes were not provisioned in time", now);
                false
            }
        }
    });
}

/// Pods that fit neither on existing nodes nor on those on order.
fn pods_without_room(cx: &Cx, cluster: ClusterId, waiting: &[PodId]) -> Vec<PodId> {
    if waiting.is_empty() {
        return Vec::new();
    }
    let usable = view::usable_nodes(cx, cluster);
    let mut snapshot = Snapshot::new(usable.iter().map(|&node| view::packed(cx, node)).collect());
    let mut by_priority = waiting.to_vec();
    by_priority.sort_by_key(|&pod| -cx.world[cx.world[pod].deployment].template.priority);
    by_priority.retain(|&pod| {
        let deployment = cx.world[pod].deployment;
        let group = view::group(cx, deployment, 1);
        let admits = |index: usize| view::admits(cx, cx.world[usable[index]].pool, deployment);
        snapshot.place_anywhere(&group, admits).is_none()
    });
    by_priority
}

/// Raises the target of the best pool; false if none can help.
fn scale_up(
    cx: &mut Cx,
    cluster: ClusterId,
    pools: &[PoolId],
    readiness: &[Readiness],
    helpless: &[PodId],
) -> bool {
    let groups = equivalent_pods(cx, helpless);
    let existing: Vec<Node> =
        view::usable_nodes(cx, cluster).iter().map(|&node| view::packed(cx, node)).collect();
    let mut options = Vec::new();
    let mut because = "no autoscaled pool may take them";
    for (index, &pool) in pools.iter().enumerate() {
        match candidate(cx, cluster, index, pool, &readiness[index], &groups, &existing) {
            Ok(option) => options.push((pool, option)),
            Err(why) => because = why,
        }
    }
    let state = &mut cx.memory.autoscalers[cluster.index()];
    state.n_loops += 1;
    let draw = cx.chance.draw("expander", &cx.world[cluster].name, state.n_loops);
    let plain: Vec<ScaleUpOption> = options.iter().map(|&(_, option)| option).collect();
    let Some(best) = choose(&state.plan.expanders, &plain, draw) else {
        if state.failed_because != Some(because) {
            state.failed_because = Some(because);
            cx.say(What::ScaleUpFailed { cluster, why: Why(because) });
        }
        return false;
    };
    state.failed_because = None;
    let (pool, option) = options[best];
    increase(cx, cluster, pools, pool, option);
    true
}

/// Waiting pods by deployment.
fn equivalent_pods(cx: &Cx, pods: &[PodId]) -> Vec<PodGroup> {
    let mut counts: Vec<(DeploymentId, usize)> = Vec::new();
    for &pod in pods {
        let deployment = cx.world[pod].deployment;
        match counts.iter_mut().find(|(other, _)| *other == deployment) {
            Some((_, count)) => *count += 1,
            None => counts.push((deployment, 1)),
        }
    }
    counts.into_iter().map(|(deployment, count)| view::group(cx, deployment, count)).collect()
}

/// What a pool could do for the pods, or why nothing.
fn candidate(
    cx: &Cx,
    cluster: ClusterId,
    index: usize,
    id: PoolId,
    readiness: &Readiness,
    groups: &[PodGroup],
    existing: &[Node],
) -> Result<ScaleUpOption, &'static str> {
    let state = &cx.memory.autoscalers[cluster.index()];
    let pool = &cx.world[id];
    let open = state.requests.iter().find(|(other, _)| *other == id);
    let increase = open.map_or(0, |(_, request)| request.increase);
    let leaving = state.leaving.iter().filter(|(node, _)| cx.world[*node].pool == id).count();
    let target = pool.target as usize;
    let range = acceptable_range(target, readiness.long_unregistered, increase, leaving);
    let group = GroupState {
        healthy: is_group_healthy(readiness, range, state.plan.unready_limits),
        backed_off: state.backoffs[index].status(cx.now).is_some(),
        target,
        max: if pool.autoscaled { pool.max_nodes as usize } else { target },
    };
    check_group(&group).map_err(Ineligible::words)?;
    let usable: Vec<PodGroup> =
        groups.iter().filter(|group| view::admits(cx, id, group.owner)).copied().collect();
    let room = NodeLimit::of_groups([(i64::from(pool.max_nodes), i64::from(pool.target))])
        .and(NodeLimit::from_signed(i64::from(state.plan.max_nodes_per_scale_up)));
    let limiter = Limiter::new(room, MAX_BINPACKING_DURATION);
    let template = view::template(cx, id);
    let found = estimate(&usable, &template, existing.to_vec(), limiter, Method::Simulate);
    if found.n_nodes == 0 {
        return Err(found.left_over.map_or("no pod of the pool waits", |left| left.words()));
    }
    let mut requests = Resources::default();
    for (group, &placed) in usable.iter().zip(&found.placed) {
        for _ in 0..placed {
            requests += group.request;
        }
    }
    Ok(ScaleUpOption {
        n_nodes: found.n_nodes,
        n_pods: found.n_pods(),
        requests,
        node_capacity: pool.capacity,
        priority: None,
    })
}

/// Orders the nodes, spread over similar pools if that is on.
fn increase(
    cx: &mut Cx,
    cluster: ClusterId,
    pools: &[PoolId],
    best: PoolId,
    option: ScaleUpOption,
) {
    let similar: Vec<PoolId> = if cx.memory.autoscalers[cluster.index()].plan.balance_similar {
        let alike = |&&pool: &&PoolId| cx.world[pool].autoscaled && view::similar(cx, pool, best);
        pools.iter().filter(alike).copied().collect()
    } else {
        vec![best]
    };
    let sizes: Vec<Group> = similar
        .iter()
        .map(|&pool| Group {
            target: cx.world[pool].target as usize,
            max: cx.world[pool].max_nodes as usize,
        })
        .collect();
    let new_sizes = balance(&sizes, option.n_nodes);
    for ((&pool, before), after) in similar.iter().zip(&sizes).zip(new_sizes) {
        let nodes = after - before.target;
        if nodes > 0 {
            order(cx, cluster, pool, nodes, option.n_pods);
        }
    }
    let now = cx.now;
    cx.memory.autoscalers[cluster.index()].last.add = Some(now);
}

fn order(cx: &mut Cx, cluster: ClusterId, pool: PoolId, nodes: usize, pods: usize) {
    let count = |n: usize| u32::try_from(n).expect("limits keep every count below 2^32");
    cx.say(What::ScaleUp { pool, nodes: count(nodes), pods: count(pods) });
    for _ in 0..nodes {
        node_lifecycle::order(cx, pool);
    }
    let now = cx.now;
    let state = &mut cx.memory.autoscalers[cluster.index()];
    let provision = state.plan.max_node_provision_time;
    let open = state.requests.iter().position(|(other, _)| *other == pool);
    let before = open.map(|index| state.requests.swap_remove(index).1);
    state.requests.push((pool, ScaleUpRequest::increased(before, nodes, provision, now)));
}
