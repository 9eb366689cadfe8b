//! A cluster in the autoscaler's imagination: nodes, and whether a pod would fit on them.
//!
//! Stands in for simulator/clustersnapshot with the scheduler's filters, in their order: host
//! ports, resources, topology spread, pod affinity and anti-affinity. All pods of a deployment are
//! matched by its spread constraints; which deployments its affinity terms mean, and whose terms
//! mean it, say its [`Neighbours`]. Node affinity is the caller's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::ids::{DeploymentId, ZoneId};

use super::super::resources::Resources;

/// Pods that are all alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodGroup {
    /// Whose pods they are.
    pub owner: DeploymentId,
    /// How many wait for a node.
    pub count: usize,
    /// What each requests; `pods` is 1.
    pub request: Resources,
    /// A port of the node that each needs for itself.
    pub host_port: Option<u16>,
    /// Spreads that must hold (`whenUnsatisfiable: DoNotSchedule`), at most one for each key.
    pub spread: [Option<Spread>; 2],
    /// Where at most one of them may be (required anti-affinity).
    pub apart: Option<TopologyKey>,
}

/// The pods that those of a deployment must be near to or away from (interpodaffinity).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Neighbours {
    /// Required affinity.
    pub near: Option<Near>,
    /// Whose pods may not be on the same node: required anti-affinity of either side.
    pub not_on_node: Vec<DeploymentId>,
    /// Whose pods may not be in the same zone.
    pub not_in_zone: Vec<DeploymentId>,
}

/// Required pod affinity: in the node's domain of each key there is a pod of one of `owners`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Near {
    /// The keys.
    pub keys: Vec<TopologyKey>,
    /// The deployments that all terms mean.
    pub owners: Vec<DeploymentId>,
    /// Whether the terms mean the pods themselves: then the first of all may go anywhere.
    pub means_itself: bool,
}

/// A topology spread constraint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// `maxSkew`.
    pub max_skew: usize,
    /// `topologyKey`.
    pub key: TopologyKey,
    /// `minDomains`: with fewer domains the least full one counts as empty.
    pub min_domains: usize,
}

/// What makes a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopologyKey {
    /// A node of its own (`kubernetes.io/hostname`).
    Hostname,
    /// A zone (`topology.kubernetes.io/zone`).
    Zone,
}

/// A node, real or imagined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What is left for pods.
    pub free: Resources,
    /// Its zone.
    pub zone: ZoneId,
    /// Host ports in use.
    pub host_ports: Vec<u16>,
    /// Pods on it, by owner.
    pub pods_of: Vec<(DeploymentId, usize)>,
}

impl Node {
    /// A node without pods.
    #[must_use]
    pub const fn empty(free: Resources, zone: ZoneId) -> Self {
        Self { free, zone, host_ports: Vec::new(), pods_of: Vec::new() }
    }

    fn has_any_of(&self, owners: &[DeploymentId]) -> bool {
        self.pods_of.iter().any(|(of, n_pods)| 0 < *n_pods && owners.contains(of))
    }

    fn n_pods_of(&self, owner: DeploymentId) -> usize {
        self.pods_of.iter().find(|(of, _)| *of == owner).map_or(0, |(_, n_pods)| *n_pods)
    }

    fn place(&mut self, group: &PodGroup) {
        self.free -= group.request;
        self.host_ports.extend(group.host_port);
        match self.pods_of.iter_mut().find(|(of, _)| *of == group.owner) {
            Some((_, n_pods)) => *n_pods += 1,
            None => self.pods_of.push((group.owner, 1)),
        }
    }

    fn take_off(&mut self, group: &PodGroup) {
        self.free += group.request;
        self.host_ports.retain(|port| Some(*port) != group.host_port);
        let of_owner = self.pods_of.iter_mut().find(|(of, _)| *of == group.owner);
        of_owner.expect("the pod is on the node").1 -= 1;
    }
}

/// Why a pod does not fit on a node: the first filter that rules it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// The host port is taken.
    HostPort,
    /// Too little CPU, memory or room for pods is left.
    Resources,
    /// The spread would become too uneven.
    Spread,
    /// No pod that it must be near to is there.
    Affinity,
    /// A pod that it must keep apart from is there.
    AntiAffinity,
}

/// Nodes with the position from which the next search starts.
#[derive(Clone, Debug)]
pub struct Snapshot {
    nodes: Vec<Node>,
    /// By deployment, where there are any.
    neighbours: Arc<BTreeMap<DeploymentId, Neighbours>>,
    next: usize,
}

impl Snapshot {
    /// The real nodes.
    #[must_use]
    pub fn new(nodes: Vec<Node>) -> Self {
        Self::with_neighbours(nodes, Arc::default())
    }

    /// The real nodes, and which deployments have pods to be near to or away from.
    #[must_use]
    pub const fn with_neighbours(
        nodes: Vec<Node>,
        neighbours: Arc<BTreeMap<DeploymentId, Neighbours>>,
    ) -> Self {
        Self { nodes, neighbours, next: 0 }
    }

    /// The same nodes, searched from the first on.
    #[must_use]
    pub fn afresh(&self) -> Self {
        Self { next: 0, ..self.clone() }
    }

    /// Number of nodes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is no node.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Adds a node and returns its index.
    pub fn add(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// Whether a pod of `group` would fit on the node at `index`.
    ///
    /// # Errors
    /// The first filter that rules it out.
    pub fn check(&self, group: &PodGroup, index: usize) -> Result<(), Misfit> {
        check(&self.nodes[index], group, &Topology::of(self, group))
    }

    /// Takes a pod of `group` off the node at `index`, on which it is.
    pub fn take_off(&mut self, group: &PodGroup, index: usize) {
        self.nodes[index].take_off(group);
    }

    /// Puts a pod of `group` on the node at `index`, whether it fits or not.
    pub fn put_on(&mut self, group: &PodGroup, index: usize) {
        self.nodes[index].place(group);
    }

    /// Places a pod of `group` on the node at `index`, if it fits.
    pub fn place(&mut self, group: &PodGroup, index: usize) -> Result<(), Misfit> {
        check(&self.nodes[index], group, &Topology::of(self, group))?;
        self.nodes[index].place(group);
        Ok(())
    }

    /// Places a pod of `group` on the first node that it fits on and that `allows`.
    ///
    /// The search starts after the node that the last one ended on.
    pub fn place_anywhere(
        &mut self,
        group: &PodGroup,
        allows: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let topology = Topology::of(self, group);
        let n_nodes = self.nodes.len();
        let fits =
            |index: &usize| check(&self.nodes[*index], group, &topology).is_ok() && allows(*index);
        let found = (0..n_nodes).map(|step| (self.next + step) % n_nodes).find(fits)?;
        self.nodes[found].place(group);
        self.next = (found + 1) % n_nodes;
        Some(found)
    }
}

/// How pods are spread now, as far as a group's rules ask.
struct Topology<'a> {
    neighbours: Option<&'a Neighbours>,
    /// Zones with a pod to be near to.
    near: BTreeSet<ZoneId>,
    /// Whether such a pod is anywhere.
    has_near: bool,
    /// Zones with a pod to be away from.
    away: BTreeSet<ZoneId>,
    /// Pods in each zone; empty unless a rule asks for zones.
    by_zone: BTreeMap<ZoneId, usize>,
    /// Pods in the least full domain of each spread constraint.
    least: [usize; 2],
}

impl<'a> Topology<'a> {
    fn of(snapshot: &'a Snapshot, group: &PodGroup) -> Self {
        let nodes = &snapshot.nodes;
        let neighbours = snapshot.neighbours.get(&group.owner);
        let with_any_of = |owners: &[DeploymentId]| -> BTreeSet<ZoneId> {
            if owners.is_empty() {
                return BTreeSet::new();
            }
            nodes.iter().filter(|node| node.has_any_of(owners)).map(|node| node.zone).collect()
        };
        let near = neighbours.and_then(|of| of.near.as_ref());
        let near = near.map_or_else(BTreeSet::new, |near| with_any_of(&near.owners));
        let away = neighbours.map_or_else(BTreeSet::new, |of| with_any_of(&of.not_in_zone));
        let mut by_zone = BTreeMap::new();
        let [one, other] = group.spread.map(|spread| spread.map(|spread| spread.key));
        if [one, other, group.apart].contains(&Some(TopologyKey::Zone)) {
            for node in nodes {
                *by_zone.entry(node.zone).or_default() += node.n_pods_of(group.owner);
            }
        }
        let least = group.spread.map(|spread| {
            let Some(spread) = spread else { return 0 };
            let (n_domains, least) = match spread.key {
                TopologyKey::Zone => (by_zone.len(), by_zone.values().copied().min()),
                TopologyKey::Hostname => {
                    (nodes.len(), nodes.iter().map(|node| node.n_pods_of(group.owner)).min())
                }
            };
            if n_domains < spread.min_domains { 0 } else { least.unwrap_or(0) }
        });
        Self { neighbours, has_near: !near.is_empty(), near, away, by_zone, least }
    }

    /// Whether required affinity holds on `node`.
    fn is_near(&self, node: &Node) -> bool {
        let Some(near) = self.neighbours.and_then(|of| of.near.as_ref()) else { return true };
        let has = |key: &TopologyKey| match key {
            TopologyKey::Hostname => node.has_any_of(&near.owners),
            TopologyKey::Zone => self.near.contains(&node.zone),
        };
        near.keys.iter().all(has) || (near.means_itself && !self.has_near)
    }

    /// Whether a pod to be away from is on `node` or in its zone.
    fn is_repelled(&self, node: &Node) -> bool {
        let on_node = self.neighbours.is_some_and(|of| node.has_any_of(&of.not_on_node));
        on_node || self.away.contains(&node.zone)
    }

    /// Pods in the domain of `node`.
    fn in_domain(&self, node: &Node, key: TopologyKey, owner: DeploymentId) -> usize {
        match key {
            TopologyKey::Hostname => node.n_pods_of(owner),
            TopologyKey::Zone => self.by_zone.get(&node.zone).copied().unwrap_or(0),
        }
    }
}

fn check(node: &Node, group: &PodGroup, topology: &Topology<'_>) -> Result<(), Misfit> {
    if group.host_port.is_some_and(|port| node.host_ports.contains(&port)) {
        return Err(Misfit::HostPort);
    }
    if !node.free.fits(&group.request) {
        return Err(Misfit::Resources);
    }
    for (spread, least) in group.spread.iter().zip(topology.least) {
        let Some(spread) = spread else { continue };
        let here = topology.in_domain(node, spread.key, group.owner);
        if spread.max_skew + least < here + 1 {
            return Err(Misfit::Spread);
        }
    }
    if !topology.is_near(node) {
        return Err(Misfit::Affinity);
    }
    let own_is_there = |key| topology.in_domain(node, key, group.owner) > 0;
    if group.apart.is_some_and(own_is_there) || topology.is_repelled(node) {
        return Err(Misfit::AntiAffinity);
    }
    Ok(())
}
