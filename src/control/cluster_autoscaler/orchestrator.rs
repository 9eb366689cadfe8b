//! The shell of a scale-up: which pool grows, by how much, and what the cloud says to that.
//!
//! Follows `ScaleUp` of core/scaleup/orchestrator/orchestrator.go and `ExecuteScaleUps` of
//! executor.go. Left out: limits on cores and memory of the cluster (`--cores-total`).

use crate::control::Cx;
use crate::model::fact::{What, Why};
use crate::model::ids::{ClusterId, DeploymentId, PodId, PoolId};
use crate::model::node_pool::Resources;
use crate::units::Span;

use super::balancing::{Group, balance};
use super::cluster_state::ScaleUpRequest;
use super::estimator::binpacking::{Method, estimate};
use super::estimator::limiter::{Limiter, NodeLimit};
use super::estimator::snapshot::{PodGroup, Snapshot};
use super::expander::{ScaleUpOption, choose};
use super::registry::{self, PoolView};
use super::scale_up::{GroupState, Ineligible, capped, check_group};
use super::{provider, view};

/// How long one estimation may take; in a simulation it takes no time.
const MAX_BINPACKING_DURATION: Span = Span::from_secs(10);

/// How a scale-up ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nodes were ordered.
    Ordered,
    /// No pool can help.
    NoOption,
    /// The cloud refused, or the cluster is full: the loop ends here.
    Failed,
}

/// A pool that could help, with what it would do.
struct Candidate {
    /// Its place among the cluster's pools.
    index: usize,
    option: ScaleUpOption,
    /// Places of the pools that share the scale-up.
    similar: Vec<usize>,
}

/// A scale-up in the making.
struct ScaleUp<'a> {
    cluster: ClusterId,
    views: &'a [PoolView],
    /// Nodes that are there or on their way.
    existing: Snapshot,
    groups: Vec<PodGroup>,
    /// For each pool: may it grow at all, and which groups would fit on an empty node of it.
    valid: Vec<Result<Vec<bool>, Ineligible>>,
    n_ready: usize,
}

/// Raises the target of the best pool for pods that have no room.
pub(super) fn scale_up(
    cx: &mut Cx,
    cluster: ClusterId,
    views: &[PoolView],
    existing: Snapshot,
    helpless: &[PodId],
) -> Outcome {
    let mut plan = ScaleUp {
        cluster,
        views,
        existing,
        groups: equivalent_pods(cx, helpless),
        valid: Vec::new(),
        n_ready: view::n_ready(cx, cluster),
    };
    plan.valid = (0..views.len()).map(|index| plan.validate(cx, index)).collect();
    let mut candidates = Vec::new();
    let mut because = "no autoscaled pool may take them";
    for index in 0..views.len() {
        match plan.candidate(cx, index) {
            Ok(candidate) => candidates.push(candidate),
            Err(why) => because = why,
        }
    }
    let state = &mut cx.memory.autoscalers[cluster.index()];
    state.n_loops += 1;
    let draw = cx.chance.draw("expander", &cx.world[cluster].name, state.n_loops);
    let options: Vec<ScaleUpOption> = candidates.iter().map(|one| one.option).collect();
    let Some(best) = choose(&state.plan.expanders, &options, draw) else {
        say_helpless(cx, cluster, because);
        return Outcome::NoOption;
    };
    let best = candidates.swap_remove(best);
    plan.execute(cx, &best)
}

/// Says why pods are not helped, once for each reason in a row.
pub(super) fn say_helpless(cx: &mut Cx, cluster: ClusterId, because: &'static str) {
    let state = &mut cx.memory.autoscalers[cluster.index()];
    if state.failed_because != Some(because) {
        state.failed_because = Some(because);
        cx.say(What::ScaleUpFailed { cluster, why: Why(because) });
    }
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

impl ScaleUp<'_> {
    /// Which groups of pods an empty node of a pool could hold, if the pool may grow.
    fn validate(&self, cx: &Cx, index: usize) -> Result<Vec<bool>, Ineligible> {
        let (view, pool) = (&self.views[index], &cx.world[self.views[index].pool]);
        let state = &cx.memory.autoscalers[self.cluster.index()];
        let target = pool.target as usize;
        check_group(&GroupState {
            healthy: view.is_healthy(cx, self.cluster),
            backed_off: state.backoffs[index].status(cx.now).is_some(),
            target,
            max: if pool.autoscaled { pool.max_nodes as usize } else { target },
        })?;
        let mut snapshot = self.existing.afresh();
        let template = view::template(cx, self.cluster, index).node;
        let zone = template.zone;
        let new = snapshot.add(template);
        let fits = |group: &PodGroup| {
            view::admits(cx, view.pool, zone, group.owner) && snapshot.check(group, new).is_ok()
        };
        Ok(self.groups.iter().map(fits).collect())
    }

    /// The pools, by their places, that may share a scale-up of the pool at `index`.
    fn similar(&self, cx: &Cx, index: usize, fitting: &[bool]) -> Vec<usize> {
        if !cx.memory.autoscalers[self.cluster.index()].plan.balance_similar {
            return Vec::new();
        }
        let may_share = |&other: &usize| {
            let Ok(theirs) = &self.valid[other] else { return false };
            other != index
                && view::similar(cx, self.views[index].pool, self.views[other].pool)
                && fitting.iter().zip(theirs).all(|(ours, theirs)| !ours || *theirs)
        };
        (0..self.views.len()).filter(may_share).collect()
    }

    /// What a pool could do for the pods, or why nothing.
    fn candidate(&self, cx: &Cx, index: usize) -> Result<Candidate, &'static str> {
        let fitting = self.valid[index].as_ref().map_err(|why| why.words())?;
        let similar = self.similar(cx, index, fitting);
        let plan = &cx.memory.autoscalers[self.cluster.index()].plan;
        let with = fitting.iter().zip(&self.groups).filter(|(fits, _)| **fits);
        let usable: Vec<PodGroup> = with.map(|(_, group)| *group).collect();
        let room = |&other: &usize| {
            let pool = &cx.world[self.views[other].pool];
            (i64::from(pool.max_nodes), i64::from(pool.target))
        };
        let room = NodeLimit::of_groups([index].iter().chain(&similar).map(room))
            .and(NodeLimit::from_signed(i64::from(plan.max_nodes_per_scale_up)))
            .and(NodeLimit::of_cluster(plan.max_nodes_total as i64, self.n_ready as i64));
        let limiter = Limiter::new(room, MAX_BINPACKING_DURATION);
        let template = view::template(cx, self.cluster, index);
        let existing = self.existing.afresh();
        let found = estimate(&usable, &template, existing, limiter, Method::Simulate);
        if found.n_nodes == 0 {
            let because = "no waiting pod fits on a new node";
            return Err(found.left_over.map_or(because, |left| left.words()));
        }
        let mut requests = Resources::default();
        for (group, &placed) in usable.iter().zip(&found.placed) {
            for _ in 0..placed {
                requests += group.request;
            }
        }
        let pool = &cx.world[self.views[index].pool];
        let option = ScaleUpOption {
            n_nodes: found.n_nodes,
            n_pods: found.n_pods(),
            requests,
            node_capacity: pool.capacity,
            priority: plan.priorities.of(&scale_set_name(&pool.name)),
        };
        Ok(Candidate { index, option, similar })
    }

    /// Orders the nodes of the best option, spread over similar pools.
    fn execute(&self, cx: &mut Cx, best: &Candidate) -> Outcome {
        let upcoming: usize = (0..self.views.len())
            .map(|index| self.views[index].upcoming(cx, self.cluster, index))
            .sum();
        let total = cx.memory.autoscalers[self.cluster.index()].plan.max_nodes_total;
        let nodes = capped(best.option.n_nodes, total, self.n_ready, upcoming);
        if nodes == 0 {
            say_helpless(cx, self.cluster, "the cluster is at its maximum of nodes");
            return Outcome::Failed;
        }
        cx.memory.autoscalers[self.cluster.index()].failed_because = None;
        let sharing: Vec<usize> =
            [best.index].into_iter().chain(best.similar.iter().copied()).collect();
        let size = |&index: &usize| {
            let pool = &cx.world[self.views[index].pool];
            Group { target: pool.target as usize, max: pool.max_nodes as usize }
        };
        let sizes: Vec<Group> = sharing.iter().map(size).collect();
        let new_sizes = balance(&sizes, nodes);
        for ((&index, before), after) in sharing.iter().zip(&sizes).zip(new_sizes) {
            let more = after - before.target;
            if more > 0 && !self.order(cx, index, more, best.option.n_pods) {
                return Outcome::Failed;
            }
        }
        Outcome::Ordered
    }

    /// Enlarges one scale set; if that fails, its pool is left alone for a while.
    fn order(&self, cx: &mut Cx, index: usize, nodes: usize, pods: usize) -> bool {
        let pool = self.views[index].pool;
        let order = match provider::ask(cx, pool, nodes) {
            Ok(order) => order,
            Err(why) => {
                registry::back_off(cx, self.cluster, index, why);
                return false;
            }
        };
        let count = |n: usize| u32::try_from(n).expect("limits keep every count below 2^32");
        cx.say(What::ScaleUp { pool, nodes: count(nodes), pods: count(pods) });
        provider::enlarge(cx, order);
        register(cx, self.cluster, pool, nodes);
        true
    }
}

/// The name of a pool's scale set on AKS, with zeros for its random digits: what the priority
/// expander's patterns are searched in.
fn scale_set_name(pool: &str) -> String {
    format!("aks-{pool}-00000000-vmss")
}

/// Opens a scale-up, or adds to an open one.
fn register(cx: &mut Cx, cluster: ClusterId, pool: PoolId, nodes: usize) {
    let now = cx.now;
    let state = &mut cx.memory.autoscalers[cluster.index()];
    let provision = state.plan.max_node_provision_time;
    let open = state.requests.iter().position(|(other, _)| *other == pool);
    let before = open.map(|index| state.requests.swap_remove(index).1);
    state.requests.push((pool, ScaleUpRequest::increased(before, nodes, provision, now)));
}
