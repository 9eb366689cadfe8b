//! The world as a snapshot of nodes and pods. Stands in for the scheduler's cache
//! (pkg/scheduler/backend/cache).
//!
//! Built once and then kept up to date by [`watch`](super::watch); in debug builds each cycle
//! compares it with a freshly built one.

use std::collections::BTreeMap;

use crate::control::Cx;
use crate::model::ids::{ClusterId, DeploymentId, NodeId, PodId, PoolId};
use crate::model::labels::{HOSTNAME, Labels, ZONE};
use crate::model::node::{Condition, Stage};
use crate::model::taint::{TaintEffect, untolerated};
use crate::model::workload::Deployment;
use crate::model::world::World;
use crate::units::{Span, Time};

use super::pod_class::{PodClass, PodRules, node_rules};
use super::preemption::Running;
use super::snapshot::{NewNode, Snapshot, Taints};

/// Nodes list their images every so often (image_gc_manager.go, ListImages).
const IMAGES_LISTED: Span = Span::from_secs(30);

/// The nodes of a cluster as the scheduler's rules read them.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) snapshot: Snapshot,
    /// The node behind each index of the snapshot.
    pub(super) nodes: Vec<NodeId>,
    indices: BTreeMap<NodeId, usize>,
    /// Up to when pulled images are known.
    images_listed_at: Time,
}

impl View {
    /// A cluster as it is now.
    pub(super) fn of(cx: &Cx, cluster: ClusterId) -> Self {
        let classes = classes(cx, cluster);
        let mut view = Self {
            snapshot: Snapshot::new(classes, cx.settings.scheduler.strategy),
            nodes: Vec::new(),
            indices: BTreeMap::new(),
            images_listed_at: Time::from_nanos(i64::MIN),
        };
        let joined = |&node: &NodeId| cx.world[node].stage == Stage::Joined;
        let mut nodes: Vec<NodeId> = cx.world.cluster_nodes(cluster).filter(joined).collect();
        nodes.sort_by_key(|&node| (cx.world[node].joined_at, node));
        view.add(cx, &nodes);
        view
    }

    /// Nodes that joined, with what is on them.
    fn add(&mut self, cx: &Cx, nodes: &[NodeId]) {
        let labels: Vec<Labels> = nodes.iter().map(|&node| node_labels(&cx.world, node)).collect();
        let new = nodes.iter().zip(&labels).map(|(&node, labels)| NewNode {
            zone: zone_index(&cx.world, node),
            taints: taints(cx, node),
            allocatable: cx.world[cx.world[node].pool].allocatable,
            labels,
            pool_taints: &cx.world[cx.world[node].pool].taints,
        });
        self.snapshot.add_nodes(new);
        for &node in nodes {
            let index = self.nodes.len();
            self.nodes.push(node);
            self.indices.insert(node, index);
            for &pod in &cx.world[node].pods {
                self.snapshot.place(class_of(cx, pod), index);
                if !cx.world[pod].is_active() {
                    self.snapshot.stop_counting(class_of(cx, pod), index);
                }
            }
            self.list_images_of(cx, node, index);
        }
    }

    /// A node joined, left, or has other conditions than before.
    pub(super) fn node_changed(&mut self, cx: &Cx, node: NodeId) {
        let is_joined = cx.world[node].stage == Stage::Joined;
        match (self.indices.get(&node), is_joined) {
            (Some(&index), true) => self.snapshot.set_taints(index, taints(cx, node)),
            (Some(&index), false) => {
                self.snapshot.remove_node(index);
                self.indices.remove(&node);
            }
            (None, true) => self.add(cx, &[node]),
            (None, false) => {}
        }
    }

    /// The index of a node in the snapshot, while it exists.
    pub(super) fn index(&self, node: NodeId) -> Option<usize> {
        self.indices.get(&node).copied()
    }

    /// Learns of images pulled up to the last time that nodes have listed theirs.
    pub(super) fn list_images(&mut self, cx: &Cx) {
        let listed_at = images_listed_at(cx.now);
        if self.images_listed_at == listed_at {
            return;
        }
        self.images_listed_at = listed_at;
        for (node, index) in self.indices.clone() {
            self.list_images_of(cx, node, index);
        }
    }

    /// Notes for each class whether a node has the image of its newest revision.
    fn list_images_of(&mut self, cx: &Cx, node: NodeId, index: usize) {
        let listed_at = images_listed_at(cx.now);
        for &deployment in &cx.world[cx.world[node].cluster].deployments {
            let Deployment { workload, replica_sets, .. } = &cx.world[deployment];
            let newest = replica_sets.last().map_or(0, |set| set.change.image);
            let ready_at = cx.world[node].image_ready_at((*workload, newest));
            let has_image = ready_at.is_some_and(|at| at <= listed_at);
            self.snapshot.set_image(workload.index(), index, has_image);
        }
    }

    /// What differs from a freshly built view, if anything; images aside, which kubelets may
    /// list a little later.
    pub(super) fn difference(&self, cx: &Cx, cluster: ClusterId) -> Option<String> {
        let fresh = Self::of(cx, cluster);
        if !self.indices.keys().eq(fresh.indices.keys()) {
            return Some("the nodes differ".to_owned());
        }
        let classes = self.snapshot.by_class.iter().zip(&fresh.snapshot.by_class);
        for (class, (kept, other)) in classes.enumerate() {
            if !kept.domains.agree(&other.domains) {
                return Some(format!("class {class}: {:?}, not {:?}", kept.domains, other.domains));
            }
        }
        let differs = |(node, &index): (&NodeId, &usize)| {
            let (kept, other) = (&self.snapshot, &fresh.snapshot);
            let other_index = fresh.indices[node];
            let counts = (0..kept.classes.len())
                .find(|&class| kept.on_node(class, index) != other.on_node(class, other_index));
            if kept.node(index) != other.node(other_index) || counts.is_some() {
                let (kept, other) = (kept.node(index), other.node(other_index));
                return Some(format!("{node:?}: {kept:?}, not {other:?}; class {counts:?}"));
            }
            None
        };
        self.indices.iter().find_map(differs)
    }
}

/// The pods on a node, as preemption sees them.
pub(super) fn running(cx: &Cx, node: NodeId, preempted: &[PodId]) -> Vec<Running> {
    let running = |&pod: &PodId| Running {
        pod,
        class: class_of(cx, pod),
        started_at: cx.world[pod].bound_at.unwrap_or(cx.now),
        is_leaving: !cx.world[pod].is_active(),
        is_preempted: preempted.contains(&pod),
    };
    cx.world[node].pods.iter().map(running).collect()
}

/// When nodes last listed their images.
fn images_listed_at(now: Time) -> Time {
    let ended = now + Span::from_nanos(1) - IMAGES_LISTED;
    ended.next_on_grid(Time::ZERO, IMAGES_LISTED)
}

/// The class of a pod: its workload.
pub(super) fn class_of(cx: &Cx, pod: PodId) -> usize {
    cx.world[cx.world[pod].deployment].workload.index()
}

/// The classes of a cluster: all workloads, also those that it does not run.
#[must_use]
pub fn classes(cx: &Cx, cluster: ClusterId) -> Vec<PodClass> {
    let mut rules = vec![PodRules::default(); cx.world.workloads.len()];
    for &deployment in &cx.world[cluster].deployments {
        let workload = cx.world[deployment].workload;
        rules[workload.index()] = pod_rules(&cx.world, deployment);
    }
    PodClass::all(&rules, &cx.settings.default_spread)
}

/// The rules of a deployment's pods.
#[must_use]
pub fn pod_rules(world: &World, deployment: DeploymentId) -> PodRules {
    let template = &world[deployment].template;
    PodRules {
        requests: template.requests,
        priority: template.priority,
        image: template.image,
        pool: template.pool.clone(),
        anti_affinity: template.anti_affinity,
        placement: template.placement.clone(),
    }
}

/// Whether the pods of a deployment may run on a new node of a pool in a zone, as far as taints,
/// node selector and required node affinity say: what the cluster autoscaler asks of a template
/// node. Resources, spread and pod affinity depend on what is on the nodes: see
/// [`fits`](super::fit::fits).
#[must_use]
pub fn admits(world: &World, deployment: DeploymentId, pool: PoolId, zone: &str) -> bool {
    let rules = pod_rules(world, deployment);
    let mut labels = world[pool].labels.clone();
    labels.set(ZONE, zone);
    let hard = &[TaintEffect::NoSchedule, TaintEffect::NoExecute];
    let (taints, own) = (&world[pool].taints, &rules.placement.tolerations);
    node_rules(&rules).admit(&labels) && untolerated(taints, own, hard).next().is_none()
}

/// The same for a zone that is not known yet: any zone of the pool.
#[must_use]
pub fn admits_anywhere(world: &World, deployment: DeploymentId, pool: PoolId) -> bool {
    let zones = &world[pool].zones;
    zones.iter().any(|&zone| admits(world, deployment, pool, &world[zone].name))
}

/// The labels of a node.
fn node_labels(world: &World, node: NodeId) -> Labels {
    let mut labels = world[world[node].pool].labels.clone();
    labels.set(HOSTNAME, &world.node_name(node));
    labels.set(ZONE, &world[world[node].zone].name);
    labels
}

fn zone_index(world: &World, node: NodeId) -> u32 {
    let region = world[world[node].cluster].region;
    let mut zones = world[region].zones.iter();
    let zone = zones.position(|&zone| zone == world[node].zone).expect("a node is in its region");
    u32::try_from(zone).expect("a region has few zones")
}

/// The conditions of a node that keep pods away. Whoever adds one calls
/// [`node_changed`](super::watch::node_changed) when it changes.
fn taints(cx: &Cx, id: NodeId) -> Taints {
    let node = &cx.world[id];
    let mut taints = match node.ready {
        Condition::True => Taints::NONE,
        Condition::False => Taints::NOT_READY,
        Condition::Unknown => Taints::UNREACHABLE,
    };
    // node.cloudprovider.kubernetes.io/shutdown is NoSchedule, as a cordon is.
    if node.shutdown_taint {
        taints = taints.with(Taints::UNSCHEDULABLE);
    }
    if node.to_be_deleted {
        taints = taints.with(Taints::TO_BE_DELETED);
    }
    if node.cordoned {
        taints = taints.with(Taints::UNSCHEDULABLE);
    }
    taints
}
