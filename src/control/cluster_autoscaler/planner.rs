//! The planning half of a scale-down: which nodes nobody needs, and since when.
//!
//! Follows core/scaledown/planner/planner.go, eligibility/eligibility.go and
//! simulator/cluster.go. A node is unneeded if it is used little and all its pods would fit
//! elsewhere; each one found takes room from the next. A pod with the annotation `safe-to-evict:
//! "false"` keeps its node. Left out: hints of earlier simulations, and the rules about system
//! pods and local storage (no pod here has either).

use std::collections::BTreeMap;

use crate::control::{Cx, eviction};
use crate::model::ids::{ClusterId, DeploymentId, NodeId, PodId, PoolId};
use crate::model::node::{Condition, Node, Stage};
use crate::model::node_pool::Resources;
use crate::units::{Span, Time};

use super::actuator;
use super::estimator::snapshot::{PodGroup, Snapshot};
use super::scale_down::budgets::{Budget, crop};
use super::scale_down::cooldown::cooldown;
use super::scale_down::removable::{Room, UnneededNode, try_remove};
use super::scale_down::unneeded::{Pace, unneeded_limit};
use super::scale_down::utilization::{
    Amounts, Ignored, PodKind, PodUse, is_long_terminating, utilization,
};
use super::view::{self, Imagined};

/// The scale-down half of a loop; `forbidden` keeps it from starting anything.
pub(super) fn scale_down(cx: &mut Cx, cluster: ClusterId, forbidden: bool) {
    let now = cx.now;
    let state = &mut cx.memory.autoscalers[cluster.index()];
    if !state.plan.scale_down {
        return;
    }
    if let Some(last) = state.last_planned.replace(now) {
        state.update_interval = state.update_interval.min((now - last).max(Span::from_nanos(1)));
    }
    let pace = Pace {
        max_parallelism: state.plan.max_parallelism,
        unneeded_time: state.plan.wait_times.unneeded,
        update_interval: state.update_interval,
    };
    let limit = unneeded_limit(state.unneeded.len(), pace);
    if !is_as_before(cx, cluster, limit) {
        let found = unneeded_nodes(cx, cluster, limit);
        let state = &mut cx.memory.autoscalers[cluster.index()];
        state.limit_was_met = limit <= found.len();
        state.unneeded.update(found, now);
    }
    let state = &cx.memory.autoscalers[cluster.index()];
    let rests = cooldown(&state.last, &state.plan.delays, now).is_some();
    if state.unneeded.is_empty() || forbidden || rests {
        return;
    }
    let going = removable(cx, cluster);
    if !going.is_empty() {
        cx.memory.autoscalers[cluster.index()].last.delete = Some(now);
    }
    for node in going {
        actuator::begin_removal(cx, cluster, node);
    }
}

/// Whether nothing has changed since the last pass that could change its result.
///
/// The result depends on the nodes, on what is bound to them, and on the time only where a node
/// is not ready, or where one that could not be removed is due for another look.
fn is_as_before(cx: &mut Cx, cluster: ClusterId, limit: usize) -> bool {
    let seen = fingerprint(cx, cluster);
    let now = cx.now;
    let state = &mut cx.memory.autoscalers[cluster.index()];
    let same = seen.is_some() && state.planned_for == seen;
    state.planned_for = seen;
    let is_due = state.unremovable.values().any(|&until| until <= now);
    same && !is_due && !state.limit_was_met && state.unneeded.len() < limit
}

/// A number that changes whenever nodes or what is bound to them change; None while a node is
/// not ready.
fn fingerprint(cx: &Cx, cluster: ClusterId) -> Option<u64> {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut absorb = |value: usize| {
        hash = (hash ^ value as u64).wrapping_mul(0x0000_0100_0000_01b3);
        hash ^= hash.rotate_right(29);
    };
    for &pool in &cx.world[cluster].pools {
        absorb(cx.world[pool].target as usize);
        for &id in &cx.world[pool].nodes {
            let node = &cx.world[id];
            if node.stage == Stage::Joined && !(node.running && node.ready == Condition::True) {
                return None;
            }
            // Pods are bound in order of their ids, so these two tell every change of the list.
            absorb(id.index() << 2 | usize::from(node.is_schedulable()) << 1);
            absorb(node.pods.len() << 32 | node.pods.last().map_or(0, |pod| pod.index()));
        }
    }
    for &deployment in &cx.world[cluster].deployments {
        if let Some(status) = eviction::status_of(cx, deployment) {
            absorb(status.allowed);
        }
    }
    Some(hash)
}

/// Nodes that are used little and whose pods fit elsewhere, each removal using up room.
fn unneeded_nodes(cx: &mut Cx, cluster: ClusterId, limit: usize) -> Vec<NodeId> {
    let now = cx.now;
    let state = &mut cx.memory.autoscalers[cluster.index()];
    state.unremovable.retain(|_, until| now < *until);
    let recheck = state.plan.unremovable_recheck;
    state.risky.clear();
    let candidates = candidates(cx, cluster);
    let mut simulation = None;
    let mut found: Vec<NodeId> = Vec::new();
    for node in candidates {
        if limit <= found.len() {
            break;
        }
        let simulation = simulation.get_or_insert_with(|| Simulation::of(cx, cluster));
        let removal = simulation.remove(cx, node);
        let state = &mut cx.memory.autoscalers[cluster.index()];
        match removal {
            Ok(risk) => {
                found.push(node);
                state.risky.extend((risk == Risk::Budget).then_some(node));
            }
            Err(Stuck) => drop(state.unremovable.insert(node, now + recheck)),
        }
    }
    found
}

/// Nodes that are used little, in the order in which they are tried: empty ones first, then those
/// that were unneeded before.
fn candidates(cx: &Cx, cluster: ClusterId) -> Vec<NodeId> {
    let state = &cx.memory.autoscalers[cluster.index()];
    let before: Vec<NodeId> = state.unneeded.iter().map(|(node, _)| node).collect();
    let mut candidates: Vec<NodeId> =
        cx.world.cluster_nodes(cluster).filter(|&node| is_candidate(cx, cluster, node)).collect();
    candidates.sort_by_key(|node| (!is_empty(cx, *node), before.binary_search(node).is_err()));
    candidates
}

fn is_candidate(cx: &Cx, cluster: ClusterId, id: NodeId) -> bool {
    let node = &cx.world[id];
    let pool = &cx.world[node.pool];
    let state = &cx.memory.autoscalers[cluster.index()];
    node.stage == Stage::Joined
        && pool.autoscaled
        && pool.min_nodes < pool.target
        && !node.to_be_deleted
        && !node.suspended
        && !is_awaited(cx, node)
        && !state.unremovable.contains_key(&id)
        && is_used_little(cx, cluster, id)
}

/// Whether a node counts among those on their way: it joined lately and is not ready.
fn is_awaited(cx: &Cx, node: &Node) -> bool {
    let state = &cx.memory.autoscalers[node.cluster.index()];
    let is_young = cx.now - node.joined_at < state.plan.max_node_startup_time;
    node.ready != Condition::True
        && is_young
        && state.requests.iter().any(|(pool, _)| *pool == node.pool)
}

fn is_used_little(cx: &Cx, cluster: ClusterId, id: NodeId) -> bool {
    let node = &cx.world[id];
    let pool = &cx.world[node.pool];
    let plan = &cx.memory.autoscalers[cluster.index()].plan;
    let amounts = |of: Resources| Amounts { cpu: of.cpu, memory: of.memory };
    let daemon_sets =
        PodUse { request: amounts(pool.daemon_sets), kind: PodKind::DaemonSet, terminating: None };
    let pods = node.pods.iter().map(|&pod| {
        let deployment = cx.world[pod].deployment;
        let template = &cx.world[deployment].template;
        let request = match view::is_expendable(cx, deployment) {
            true => Amounts::default(),
            false => amounts(template.requests),
        };
        PodUse { request, kind: PodKind::Movable, terminating: terminating(cx, pod) }
    });
    let pods: Vec<PodUse> = pods.chain([daemon_sets]).collect();
    let mut whole = pool.allocatable;
    whole += pool.daemon_sets;
    let ignored = Ignored { daemonsets: plan.ignore_daemonsets, mirrors: false };
    utilization(amounts(whole), &pods, ignored, cx.now)
        .is_some_and(|used| used.is_at_most(plan.utilization_threshold))
}

/// A pod's deletionTimestamp, which lies its grace period after the deletion, and that period.
fn terminating(cx: &Cx, pod: PodId) -> Option<(Time, Span)> {
    let own = cx.world[cx.world[pod].deployment].template.termination_grace;
    let grace = cx.world[pod].deletion_grace.unwrap_or(own);
    cx.world[pod].deleted_at.map(|at| (at + grace, grace))
}

/// The pods that have to find another place when a node goes.
pub(super) fn pods_to_move(cx: &Cx, node: NodeId) -> Vec<PodId> {
    let moves = |&pod: &PodId| {
        let is_stuck = terminating(cx, pod).is_some_and(|it| is_long_terminating(it, cx.now));
        !is_stuck && !view::is_expendable(cx, cx.world[pod].deployment)
    };
    cx.world[node].pods.iter().copied().filter(moves).collect()
}

/// Whether a node has no pods that would have to move.
fn is_empty(cx: &Cx, node: NodeId) -> bool {
    cx.world[node].pods.is_empty() || pods_to_move(cx, node).is_empty()
}

/// Whether the budget of one of these pods lets none go at present.
pub(super) fn is_blocked(cx: &Cx, pods: &[PodId]) -> bool {
    let mut pods = pods.iter();
    pods.any(|&pod| budget_of(cx, cx.world[pod].deployment).is_some_and(|left| left == 0))
}

/// How many pods of a deployment may be evicted, if it has a budget.
fn budget_of(cx: &Cx, deployment: DeploymentId) -> Option<usize> {
    eviction::status_of(cx, deployment).map(|status| status.allowed)
}

/// Whether the removal of a node may get stuck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Risk {
    /// No.
    None,
    /// It has more pods than their budget lets go at once.
    Budget,
}

/// A node that cannot be removed: a pod of it may not go, or has no other place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stuck;

/// The cluster as it would be without the nodes found so far.
struct Simulation {
    seen: Imagined,
    snapshot: Snapshot,
    /// Nodes that take no more pods.
    gone: Vec<bool>,
    /// Evictions that budgets still allow after the nodes found so far.
    budgets: BTreeMap<DeploymentId, usize>,
}

impl Simulation {
    /// The cluster now, with the pods of nodes being drained placed elsewhere.
    fn of(cx: &mut Cx, cluster: ClusterId) -> Self {
        let seen = view::existing(cx, cluster);
        let snapshot = seen.snapshot();
        let gone = vec![false; seen.nodes.len()];
        let deployments = cx.world[cluster].deployments.iter();
        let budgets = deployments.filter_map(|&id| Some((id, budget_of(cx, id)?))).collect();
        let mut simulation = Self { seen, snapshot, gone, budgets };
        let state = &cx.memory.autoscalers[cluster.index()];
        for removal in state.removals.iter().filter(|removal| removal.drains) {
            for pod in pods_to_move(cx, removal.node) {
                simulation.place(cx, pod);
            }
        }
        simulation
    }

    fn place(&mut self, cx: &Cx, pod: PodId) -> Option<usize> {
        let group = view::group(cx, cx.world[pod].deployment, 1);
        let gone = &self.gone;
        self.seen.place(&mut self.snapshot, &group, |index| !gone[index])
    }

    /// Removes a node if all its pods may go and would fit on those that stay.
    fn remove(&mut self, cx: &Cx, node: NodeId) -> Result<Risk, Stuck> {
        let pods = pods_to_move(cx, node);
        if pods.iter().any(|&pod| !cx.world[cx.world[pod].deployment].template.safe_to_evict) {
            return Err(Stuck);
        }
        let risk = self.check_budgets(cx, &pods)?;
        let groups: Vec<PodGroup> =
            pods.iter().map(|&pod| view::group(cx, cx.world[pod].deployment, 1)).collect();
        let index = self.seen.ids.iter().position(|id| *id == Some(node));
        if let Some(index) = index {
            self.gone[index] = true;
            groups.iter().for_each(|group| self.snapshot.take_off(group, index));
        }
        let places: Vec<usize> = pods.iter().map_while(|&pod| self.place(cx, pod)).collect();
        if places.len() < pods.len() {
            for (group, place) in groups.iter().zip(places) {
                self.snapshot.take_off(group, place);
            }
            if let Some(index) = index {
                self.gone[index] = false;
                groups.iter().for_each(|group| self.snapshot.put_on(group, index));
            }
            return Err(Stuck);
        }
        for &pod in &pods {
            if let Some(left) = self.budgets.get_mut(&cx.world[pod].deployment) {
                *left = left.saturating_sub(1);
            }
        }
        Ok(risk)
    }

    /// A budget without a single eviction left keeps a node; one with too few makes it risky.
    fn check_budgets(&self, cx: &Cx, pods: &[PodId]) -> Result<Risk, Stuck> {
        let mut risk = Risk::None;
        for (&deployment, &left) in &self.budgets {
            let n_pods = pods.iter().filter(|&&pod| cx.world[pod].deployment == deployment).count();
            if 0 < n_pods && left == 0 {
                return Err(Stuck);
            }
            if left < n_pods {
                risk = Risk::Budget;
            }
        }
        Ok(risk)
    }
}

/// Unneeded nodes whose time is up, within the limits on parallel deletions; empty ones first.
fn removable(cx: &Cx, cluster: ClusterId) -> Vec<NodeId> {
    let state = &cx.memory.autoscalers[cluster.index()];
    let leaving = |pool: PoolId| {
        state.removals.iter().filter(|removal| cx.world[removal.node].pool == pool).count() as i64
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
            (if is_empty(cx, node) { &mut empty } else { &mut full }).push(node);
        }
    }
    full.sort_by_key(|node| state.risky.contains(node));
    let drain_in_progress = state.removals.iter().filter(|removal| removal.drains).count();
    let budget = Budget {
        max_parallelism: state.plan.max_parallelism,
        max_drain_parallelism: state.plan.max_drain_parallelism,
        empty_in_progress: state.removals.len() - drain_in_progress,
        drain_in_progress,
    };
    let cropped = crop(budget, &[empty.len()], &[full.len()]);
    empty.truncate(cropped.empty[0]);
    full.truncate(cropped.drain[0]);
    empty.extend(full);
    empty
}
