//! What the autoscaler sees of a cluster: readiness counts, its nodes as a packing problem, and
//! the pods that wait.

use crate::control::{Cx, scheduler};
use crate::model::ids::{ClusterId, DeploymentId, NodeId, PodId, PoolId};
use crate::model::node::{Condition, Stage};
use crate::model::node_pool::Resources;
use crate::model::workload::AntiAffinity;
use crate::units::{Span, Time};

use super::cluster_state::{NodeSigns, Readiness, classify};
use super::estimator::binpacking::Template;
use super::estimator::snapshot::{Node, PodGroup, TopologyKey};
use super::scale_up::HelpRules;
use super::similar::{DifferenceRatios, NodeShape, Provider, Rules, are_similar};

/// Readiness of the nodes of one pool.
pub(super) fn readiness(cx: &Cx, pool: PoolId, startup: Span, provision: Span) -> Readiness {
    let mut readiness = Readiness::default();
    for &node in &cx.world[pool].nodes {
        let node = &cx.world[node];
        match node.stage {
            Stage::Provisioning if node.ordered_at + provision < cx.now => {
                readiness.long_unregistered += 1;
            }
            Stage::Provisioning | Stage::Deleted => {}
            Stage::Joined => readiness.count(classify(
                &NodeSigns {
                    to_be_deleted: node.to_be_deleted,
                    suspended: false,
                    ready: node.ready == Condition::True,
                    created: node.joined_at,
                },
                startup,
                cx.now,
            )),
        }
    }
    readiness
}

/// Adds up the readiness of several pools.
pub(super) fn sum(parts: &[Readiness]) -> Readiness {
    let total = |field: fn(&Readiness) -> usize| parts.iter().map(field).sum();
    Readiness {
        ready: total(|r| r.ready),
        unready: total(|r| r.unready),
        not_started: total(|r| r.not_started),
        suspended: total(|r| r.suspended),
        deleted: total(|r| r.deleted),
        long_unregistered: total(|r| r.long_unregistered),
    }
}

/// A node as the packing sees it: what is left on it, and whose pods it has.
pub(super) fn packed(cx: &Cx, node: NodeId) -> Node {
    let state = &cx.world[node];
    let pool = &cx.world[state.pool];
    let mut packed = Node::empty(pool.allocatable - state.requested, state.zone);
    for &pod in &state.pods {
        let owner = cx.world[pod].deployment;
        match packed.pods_of.iter_mut().find(|(other, _)| *other == owner) {
            Some((_, count)) => *count += 1,
            None => packed.pods_of.push((owner, 1)),
        }
    }
    packed
}

/// The nodes that pending pods may use soon: schedulable ones, and those on order as if ready.
pub(super) fn usable_nodes(cx: &Cx, cluster: ClusterId) -> Vec<NodeId> {
    let usable = |&node: &NodeId| {
        cx.world[node].is_schedulable() || cx.world[node].stage == Stage::Provisioning
    };
    cx.world.cluster_nodes(cluster).filter(usable).collect()
}

/// A new node of a pool.
pub(super) fn template(cx: &Cx, pool: PoolId) -> Template {
    let pool = &cx.world[pool];
    let zone = *pool.zones.first().expect("a pool has at least one zone");
    Template {
        node: Node::empty(pool.allocatable, zone),
        allocatable: pool.allocatable,
        capacity: pool.capacity,
    }
}

/// Pods of one deployment as a group of equivalent pods.
pub(super) fn group(cx: &Cx, deployment: DeploymentId, count: usize) -> PodGroup {
    let template = &cx.world[deployment].template;
    PodGroup {
        owner: deployment,
        count,
        request: template.requests,
        host_port: None,
        spread: None,
        apart: match template.anti_affinity {
            AntiAffinity::None => None,
            AntiAffinity::Hostname => Some(TopologyKey::Hostname),
            AntiAffinity::Zone => Some(TopologyKey::Zone),
        },
    }
}

/// Pods that the scheduler could not place and that call for nodes, in order of their ids.
pub(super) fn unschedulable(cx: &Cx, cluster: ClusterId, rules: &HelpRules) -> Vec<PodId> {
    let waits = |&pod: &PodId| {
        let state = &cx.world[pod];
        let priority = cx.world[state.deployment].template.priority;
        state.is_active()
            && state.node.is_none()
            && state.attempts > 0
            && rules.check(priority, state.created_at, cx.now).is_ok()
    };
    let deployments = cx.world[cluster].deployments.iter();
    let pods = deployments.flat_map(|&deployment| cx.world[deployment].pods.iter().copied());
    pods.filter(waits).collect()
}

/// When the oldest of some pods was created.
pub(super) fn oldest(cx: &Cx, pods: &[PodId]) -> Option<Time> {
    pods.iter().map(|&pod| cx.world[pod].created_at).min()
}

/// Whether a deployment's pods may run in a pool at all.
pub(super) fn admits(cx: &Cx, pool: PoolId, deployment: DeploymentId) -> bool {
    scheduler::admits_anywhere(&cx.world, deployment, pool)
}

/// Whether a scale-up may be spread over both pools.
pub(super) fn similar(cx: &Cx, a: PoolId, b: PoolId) -> bool {
    let shape = |pool: PoolId| NodeShape {
        capacity: cx.world[pool].capacity,
        allocatable: cx.world[pool].allocatable,
        requested: Resources::default(),
        gpus: 0,
        allocatable_gpus: 0,
        labels: &[],
    };
    let rules = Rules {
        provider: Provider::Azure,
        ratios: DifferenceRatios::DEFAULT,
        extra_ignored_labels: &[],
    };
    are_similar(&shape(a), &shape(b), &rules)
}
