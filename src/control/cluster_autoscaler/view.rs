//! What the autoscaler sees of a cluster: its nodes as a packing problem, and the pods that wait.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::control::{Cx, scheduler};
use crate::model::cluster::Cluster;
use crate::model::ids::{ClusterId, DeploymentId, NodeId, PodId, PoolId, ZoneId};
use crate::model::node::{Condition, Stage};
use crate::model::placement::{SpreadConstraint, TopologyKey as DomainKey, WhenUnsatisfiable};
use crate::model::workload::AntiAffinity;
use crate::units::Time;

use super::estimator::binpacking::Template;
use super::estimator::snapshot::{Near, Neighbours, Node, PodGroup, Snapshot, Spread, TopologyKey};
use super::registry::PoolView;
use super::similar::{DifferenceRatios, NodeShape, Provider, Rules, are_similar};

/// The nodes that pending pods may use soon, with the pool of each.
#[derive(Clone, Debug)]
pub(super) struct Imagined {
    /// Existing nodes first, then upcoming ones as if they were ready.
    pub(super) nodes: Vec<Node>,
    /// Which node each is; None for upcoming ones.
    pub(super) ids: Vec<Option<NodeId>>,
    /// The pool of each.
    pub(super) pools: Vec<PoolId>,
    rules: PlacementRules,
}

/// Which pods may be where in a cluster: nothing of that changes in a run.
#[derive(Clone, Debug)]
pub(super) struct PlacementRules {
    /// Whose pods the taints and labels of which pool and zone let in.
    admitted: Arc<BTreeSet<(DeploymentId, PoolId, ZoneId)>>,
    /// Pods that others must be near to or away from.
    neighbours: Arc<BTreeMap<DeploymentId, Neighbours>>,
}

/// Schedulable nodes, and those on their way as far as the registry counts on them.
pub(super) fn imagine(cx: &mut Cx, cluster: ClusterId, views: &[PoolView]) -> Imagined {
    let mut imagined = existing(cx, cluster);
    for (index, view) in views.iter().enumerate() {
        for _ in 0..view.upcoming(cx, cluster, index) {
            imagined.nodes.push(template(cx, cluster, index).node);
            imagined.ids.push(None);
            imagined.pools.push(view.pool);
        }
    }
    imagined
}

/// The schedulable nodes of a cluster.
pub(super) fn existing(cx: &mut Cx, cluster: ClusterId) -> Imagined {
    let rules = rules(cx, cluster);
    let usable = |&node: &NodeId| cx.world[node].is_schedulable();
    let nodes: Vec<NodeId> = cx.world.cluster_nodes(cluster).filter(usable).collect();
    Imagined {
        rules,
        nodes: nodes.iter().map(|&node| packed(cx, node)).collect(),
        pools: nodes.iter().map(|&node| cx.world[node].pool).collect(),
        ids: nodes.into_iter().map(Some).collect(),
    }
}

/// The placement rules of a cluster, made when they are first asked for.
fn rules(cx: &mut Cx, cluster: ClusterId) -> PlacementRules {
    if let Some(known) = &cx.memory.autoscalers[cluster.index()].rules {
        return known.clone();
    }
    let rules = PlacementRules {
        admitted: Arc::new(admitted(cx, cluster)),
        neighbours: Arc::new(neighbours(cx, cluster)),
    };
    cx.memory.autoscalers[cluster.index()].rules = Some(rules.clone());
    rules
}

fn admitted(cx: &Cx, cluster: ClusterId) -> BTreeSet<(DeploymentId, PoolId, ZoneId)> {
    let Cluster { deployments, pools, .. } = &cx.world[cluster];
    let mut admitted = BTreeSet::new();
    for &pool in pools {
        let zones = cx.world[pool].zones.iter().copied().chain([zone_of_its_own(cx, pool)]);
        for zone in zones {
            let of = deployments.iter().copied().filter(|&of| admits(cx, pool, zone, of));
            admitted.extend(of.map(|of| (of, pool, zone)));
        }
    }
    admitted
}

/// Whose pods those of each deployment of a cluster must be near to or away from, by required
/// affinity and anti-affinity; deployments without such rules are not in it. The shorthand
/// `podAntiAffinity` is a matter of the group itself, see [`group`].
fn neighbours(cx: &Cx, cluster: ClusterId) -> BTreeMap<DeploymentId, Neighbours> {
    let deployments = &cx.world[cluster].deployments;
    let has_terms = |&&of: &&DeploymentId| {
        let placement = &cx.world[of].template.placement;
        !placement.affinity.required.is_empty() || !placement.anti_affinity.required.is_empty()
    };
    if !deployments.iter().any(|of| has_terms(&of)) {
        return BTreeMap::new();
    }
    let owner = |class: &usize| {
        deployments.iter().copied().find(|&of| cx.world[of].workload.index() == *class)
    };
    let classes = scheduler::view::classes(cx, cluster);
    let mut all = BTreeMap::new();
    for &deployment in deployments {
        let class = &classes[cx.world[deployment].workload.index()];
        let near = class.near.as_ref().map(|near| Near {
            keys: near.keys.iter().copied().map(domain_key).collect(),
            owners: near.classes.iter().filter_map(owner).collect(),
            means_itself: near.means_itself,
        });
        let mut found = Neighbours { near, ..Neighbours::default() };
        for (key, other) in class.apart.iter().chain(&class.repelled) {
            match key {
                DomainKey::Hostname => found.not_on_node.extend(owner(other)),
                DomainKey::Zone => found.not_in_zone.extend(owner(other)),
            }
        }
        if found != Neighbours::default() {
            all.insert(deployment, found);
        }
    }
    all
}

const fn domain_key(key: DomainKey) -> TopologyKey {
    match key {
        DomainKey::Hostname => TopologyKey::Hostname,
        DomainKey::Zone => TopologyKey::Zone,
    }
}

impl Imagined {
    /// These nodes, to place pods on.
    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot::with_neighbours(self.nodes.clone(), Arc::clone(&self.rules.neighbours))
    }

    /// Places a pod of `group` on the first of these nodes that its pool and `may_take` allow.
    pub(super) fn place(
        &self,
        snapshot: &mut Snapshot,
        group: &PodGroup,
        may_take: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let admits = |index: usize| {
            let (pool, zone) = (self.pools[index], self.nodes[index].zone);
            self.rules.admitted.contains(&(group.owner, pool, zone))
        };
        let allows = |index: usize| may_take(index) && admits(index);
        snapshot.place_anywhere(group, allows)
    }
}

/// A node as the packing sees it: what is left on it, and whose pods it has. Expendable pods are
/// not seen at all.
fn packed(cx: &Cx, node: NodeId) -> Node {
    let state = &cx.world[node];
    let pool = &cx.world[state.pool];
    let mut packed = Node::empty(pool.allocatable - state.requested, state.zone);
    for &pod in &state.pods {
        let owner = cx.world[pod].deployment;
        if is_expendable(cx, owner) {
            packed.free += cx.world[owner].template.requests;
            continue;
        }
        match packed.pods_of.iter_mut().find(|(other, _)| *other == owner) {
            Some((_, count)) => *count += 1,
            None => packed.pods_of.push((owner, 1)),
        }
    }
    packed
}

/// Whether a deployment's pods are below `--expendable-pods-priority-cutoff`: they call for no
/// nodes and hold none.
pub(super) fn is_expendable(cx: &Cx, deployment: DeploymentId) -> bool {
    let deployment = &cx.world[deployment];
    let plan = &cx.memory.autoscalers[deployment.cluster.index()].plan;
    deployment.template.priority < plan.help.priority_cutoff
}

/// A new node of a cluster's pool.
///
/// Like upstream's it is made after a ready node of the pool, its zone included: the autoscaler
/// does not know which zone the scale set will choose. Only a pool without one ever is made after
/// the scale set itself, whose several zones are one that no other node is in.
pub(super) fn template(cx: &Cx, cluster: ClusterId, index: usize) -> Template {
    let id = cx.world[cluster].pools[index];
    let pool = &cx.world[id];
    let known = cx.memory.autoscalers[cluster.index()].template_zones[index];
    let zone = known.unwrap_or_else(|| match pool.zones[..] {
        [zone] => zone,
        _ => zone_of_its_own(cx, id),
    });
    Template {
        node: Node::empty(pool.allocatable, zone),
        allocatable: pool.allocatable,
        capacity: pool.capacity,
    }
}

/// What stands for all zones of a pool together.
fn zone_of_its_own(cx: &Cx, pool: PoolId) -> ZoneId {
    ZoneId::new(cx.world.zones.len() + pool.index())
}

/// Remembers the zone of a ready node of each pool, for its templates.
pub(super) fn update_templates(cx: &mut Cx, cluster: ClusterId) {
    for index in 0..cx.world[cluster].pools.len() {
        let pool = &cx.world[cx.world[cluster].pools[index]];
        let sample = pool.nodes.iter().find(|&&node| cx.world[node].is_schedulable());
        if let Some(&sample) = sample {
            let zone = cx.world[sample].zone;
            cx.memory.autoscalers[cluster.index()].template_zones[index] = Some(zone);
        }
    }
}

/// Number of Ready nodes of a cluster.
pub(super) fn n_ready(cx: &Cx, cluster: ClusterId) -> usize {
    let is_ready = |node: &NodeId| {
        let node = &cx.world[*node];
        node.stage == Stage::Joined && node.ready == Condition::True
    };
    cx.world.cluster_nodes(cluster).filter(is_ready).count()
}

/// Pods of one deployment as a group of equivalent pods.
pub(super) fn group(cx: &Cx, deployment: DeploymentId, count: usize) -> PodGroup {
    let template = &cx.world[deployment].template;
    let mut spread = [None; 2];
    let hard = |one: &&SpreadConstraint| one.when == WhenUnsatisfiable::DoNotSchedule;
    for (place, constraint) in spread.iter_mut().zip(template.placement.spread.iter().filter(hard))
    {
        *place = Some(Spread {
            max_skew: constraint.max_skew as usize,
            key: domain_key(constraint.key),
            min_domains: constraint.min_domains as usize,
        });
    }
    PodGroup {
        owner: deployment,
        count,
        request: template.requests,
        host_port: None,
        spread,
        apart: match template.anti_affinity {
            AntiAffinity::None => None,
            AntiAffinity::Hostname => Some(TopologyKey::Hostname),
            AntiAffinity::Zone => Some(TopologyKey::Zone),
        },
    }
}

/// Pods that the scheduler could not place, expendable ones left out, in order of their ids; and
/// those of nodes that are being drained, as they will have to be placed anew.
pub(super) fn unschedulable(cx: &Cx, cluster: ClusterId) -> Vec<PodId> {
    let mut waiting = Vec::new();
    if 0 < n_unbound(cx, cluster) {
        let deployments = cx.world[cluster].deployments.iter().copied();
        let waits = |&pod: &PodId| {
            let state = &cx.world[pod];
            state.is_active() && state.node.is_none() && state.attempts > 0
        };
        for deployment in deployments.filter(|&deployment| !is_expendable(cx, deployment)) {
            waiting.extend(cx.world[deployment].pods.iter().copied().filter(waits));
        }
    }
    let state = &cx.memory.autoscalers[cluster.index()];
    for removal in state.removals.iter().filter(|removal| removal.drains) {
        let pods = cx.world[removal.node].pods.iter().copied();
        waiting.extend(pods.filter(|&pod| !is_expendable(cx, cx.world[pod].deployment)));
    }
    waiting
}

/// Pods of a cluster that are on no node; most scans end with this number being zero.
fn n_unbound(cx: &Cx, cluster: ClusterId) -> usize {
    let deployments = cx.world[cluster].deployments.iter();
    let all: usize = deployments.map(|&deployment| cx.world[deployment].pods.len()).sum();
    let bound: usize = cx.world.cluster_nodes(cluster).map(|node| cx.world[node].pods.len()).sum();
    all - bound
}

/// When the oldest of some pods was created.
pub(super) fn oldest(cx: &Cx, pods: &[PodId]) -> Option<Time> {
    pods.iter().map(|&pod| cx.world[pod].created_at).min()
}

/// Whether the pods of a deployment tolerate the taints of a pool and want its labels, for a node
/// in a zone, or in any zone of the pool.
pub(super) fn admits(cx: &Cx, pool: PoolId, zone: ZoneId, deployment: DeploymentId) -> bool {
    match cx.world.zones.get(zone.index()) {
        Some(zone) => scheduler::admits(&cx.world, deployment, pool, &zone.name),
        None => scheduler::admits_anywhere(&cx.world, deployment, pool),
    }
}

/// Whether a scale-up may be spread over both pools.
pub(super) fn similar(cx: &Cx, a: PoolId, b: PoolId) -> bool {
    let labels = [a, b].map(|pool| cx.world[pool].labels.iter().collect::<Vec<_>>());
    let shape = |pool: PoolId, labels| NodeShape {
        capacity: cx.world[pool].capacity,
        allocatable: cx.world[pool].allocatable,
        requested: cx.world[pool].daemon_sets,
        gpus: 0,
        allocatable_gpus: 0,
        labels,
    };
    let rules = Rules {
        provider: Provider::Azure,
        ratios: DifferenceRatios::DEFAULT,
        extra_ignored_labels: &[],
    };
    are_similar(&shape(a, &labels[0]), &shape(b, &labels[1]), &rules)
}
