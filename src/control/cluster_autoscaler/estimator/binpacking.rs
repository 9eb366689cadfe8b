//! First fit, decreasing: packing pods onto new nodes of one group.
//!
//! Follows estimator/binpacking_estimator.go, its quirk included that a real node which takes a
//! pod for the sake of a hostname spread counts as a new one.

use std::fmt;

use crate::units::Span;

use super::super::resources::Resources;
use super::fast_path;
use super::limiter::Limiter;
use super::order;
use super::snapshot::{Misfit, Node, PodGroup, Snapshot, TopologyKey};

/// The node group whose size is estimated.
#[derive(Clone, Debug)]
pub struct Template {
    /// A new node of the group, DaemonSets subtracted.
    pub node: Node,
    /// What such a node offers before DaemonSets are subtracted.
    pub allocatable: Resources,
    /// What the machine has.
    pub capacity: Resources,
}

/// How to pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Simulate every pod.
    Simulate,
    /// Simulate one node of the costliest group and multiply (`--fastpath-binpacking-enabled`).
    FastPath,
}

/// What an estimation found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// Nodes that hold at least one of the pods.
    pub n_nodes: usize,
    /// Pods placed, for each group in the given order.
    pub placed: Vec<usize>,
    /// Why pods were left over, if some were.
    pub left_over: Option<LeftOver>,
}

impl Estimate {
    /// Pods placed in all.
    #[must_use]
    pub fn n_pods(&self) -> usize {
        self.placed.iter().sum()
    }
}

/// Why an estimation leaves pods over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftOver {
    /// No more nodes were granted.
    Limit,
    /// Some pod does not fit on an empty node of the group.
    Misfit(Misfit),
}

impl LeftOver {
    /// The reason in words for users.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Limit => "the group may not grow further",
            Self::Misfit(Misfit::HostPort) => "a host port is taken on a new node",
            Self::Misfit(Misfit::Resources) => "a pod is larger than a new node",
            Self::Misfit(Misfit::Spread) => "a new node would not even out the spread",
            Self::Misfit(Misfit::Affinity) => "a new node has no pod near that they ask for",
            Self::Misfit(Misfit::AntiAffinity) => "anti-affinity rules a new node out",
        }
    }
}

impl fmt::Display for LeftOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// How many nodes of the group `groups` need beside the `existing` ones.
///
/// Pods are assumed not to fit on existing nodes: the loop has filtered those out.
#[must_use]
pub fn estimate(
    groups: &[PodGroup],
    template: &Template,
    existing: Snapshot,
    limiter: Limiter,
    method: Method,
) -> Estimate {
    let requests: Vec<Resources> = groups.iter().map(|group| group.request).collect();
    let mut order = order::decreasing(&requests, &template.allocatable);
    let mut short_cut = false;
    if method == Method::FastPath {
        let ordered: Vec<PodGroup> = order.iter().map(|&index| groups[index]).collect();
        if let Some(best) = fast_path::best_group(&ordered, &template.capacity) {
            let last = order.remove(best);
            order.push(last);
            short_cut = true;
        }
    }
    let mut packing = Packing {
        n_existing: existing.len(),
        snapshot: existing,
        template,
        limiter,
        last: None,
        used: Vec::new(),
        n_multiplied: 0,
        left_over: None,
    };
    let mut placed = vec![0; groups.len()];
    let mut is_open = true;
    for (position, &index) in order.iter().enumerate() {
        let group = &groups[index];
        placed[index] = packing.fill_new_nodes(group);
        if !is_open {
            continue;
        }
        let rest = PodGroup { count: group.count - placed[index], ..*group };
        let is_last = position + 1 == order.len();
        let (added, stays_open) = if short_cut && is_last {
            packing.multiply_one_node(&rest)
        } else {
            packing.add_nodes(&rest)
        };
        placed[index] += added;
        is_open = stays_open;
    }
    let n_used = packing.used.iter().filter(|used| **used).count();
    let n_nodes = n_used + packing.n_multiplied;
    Estimate { n_nodes, placed, left_over: packing.left_over }
}

/// An estimation under way.
struct Packing<'a> {
    /// The first so many nodes of the snapshot are real.
    n_existing: usize,
    snapshot: Snapshot,
    template: &'a Template,
    limiter: Limiter,
    /// The node added last.
    last: Option<usize>,
    /// Which nodes of the snapshot hold a placed pod.
    used: Vec<bool>,
    /// Nodes that the fast path counted without simulating them.
    n_multiplied: usize,
    left_over: Option<LeftOver>,
}

impl Packing<'_> {
    /// Places pods on nodes added before, until one fits nowhere; returns how many.
    fn fill_new_nodes(&mut self, group: &PodGroup) -> usize {
        let n_existing = self.n_existing;
        for placed in 0..group.count {
            match self.snapshot.place_anywhere(group, |index| n_existing <= index) {
                Some(node) => self.mark(node),
                None => return placed,
            }
        }
        group.count
    }

    /// Places pods on the last node, adding nodes as it fills up; returns how many, and whether
    /// more nodes may be added.
    fn add_nodes(&mut self, group: &PodGroup) -> (usize, bool) {
        for placed in 0..group.count {
            if let Some(last) = self.last
                && self.place_on_last_or_spread(group, last)
            {
                continue;
            }
            // A pod that fits on no empty node will not fit on another one.
            if self.last.is_some_and(|last| !self.is_used(last)) {
                return (placed, true);
            }
            if !self.limiter.grant(Span::ZERO) {
                self.left_over = Some(LeftOver::Limit);
                return (placed, false);
            }
            let new = self.add_node();
            if let Err(misfit) = self.snapshot.place(group, new) {
                self.left_over = Some(LeftOver::Misfit(misfit));
                return (placed, true);
            }
            self.mark(new);
        }
        (group.count, true)
    }

    /// On the last node, or, where only an uneven hostname spread forbids it, on any other.
    fn place_on_last_or_spread(&mut self, group: &PodGroup, last: usize) -> bool {
        let mut spreads = group.spread.iter().flatten();
        let by_host = spreads.any(|spread| spread.key == TopologyKey::Hostname);
        let node = match self.snapshot.place(group, last) {
            Ok(()) => Some(last),
            Err(Misfit::Spread) if by_host => {
                self.snapshot.place_anywhere(group, |index| index != last)
            }
            Err(_) => None,
        };
        if let Some(node) = node {
            self.mark(node);
        }
        node.is_some()
    }

    /// Packs one node and takes all others to be alike; returns as [`Self::add_nodes`].
    fn multiply_one_node(&mut self, group: &PodGroup) -> (usize, bool) {
        if group.count == 0 {
            return (0, true);
        }
        if !self.limiter.grant(Span::ZERO) {
            self.left_over = Some(LeftOver::Limit);
            return (0, false);
        }
        let first = self.add_node();
        let mut per_node = 0;
        while per_node < group.count {
            if let Err(misfit) = self.snapshot.place(group, first) {
                if per_node == 0 {
                    self.left_over = Some(LeftOver::Misfit(misfit));
                    return (0, true);
                }
                break;
            }
            self.mark(first);
            per_node += 1;
        }
        let mut placed = per_node;
        while placed < group.count {
            if !self.limiter.grant(Span::ZERO) {
                self.left_over = Some(LeftOver::Limit);
                return (placed, false);
            }
            self.n_multiplied += 1;
            placed += per_node.min(group.count - placed);
        }
        (placed, true)
    }

    fn add_node(&mut self) -> usize {
        let new = self.snapshot.add(self.template.node.clone());
        self.last = Some(new);
        new
    }

    fn mark(&mut self, node: usize) {
        if self.used.len() <= node {
            self.used.resize(self.snapshot.len(), false);
        }
        self.used[node] = true;
    }

    fn is_used(&self, node: usize) -> bool {
        self.used.get(node).copied().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::super::limiter::NodeLimit;
    use super::super::snapshot::{Near, Neighbours};
    use super::*;
    use crate::model::ids::{DeploymentId, ZoneId};
    use crate::units::{Bytes, MilliCpu};

    fn resources(cpu: i64, pods: u32) -> Resources {
        Resources { cpu: MilliCpu::new(cpu), memory: Bytes::from_mib(cpu), pods }
    }

    fn template(cpu: i64) -> Template {
        let size = resources(cpu, 110);
        Template { node: Node::empty(size, ZoneId::new(0)), allocatable: size, capacity: size }
    }

    fn group(owner: usize, count: usize, cpu: i64) -> PodGroup {
        PodGroup {
            owner: DeploymentId::new(owner),
            count,
            request: resources(cpu, 1),
            host_port: None,
            spread: [None; 2],
            apart: None,
        }
    }

    fn pack(groups: &[PodGroup], limit: i64) -> Estimate {
        let limiter = Limiter::new(NodeLimit::from_signed(limit), Span::ZERO);
        estimate(groups, &template(1_000), Snapshot::new(Vec::new()), limiter, Method::Simulate)
    }

    /// Pods that must be apart take a node each; by zone only one fits into a one-zone group.
    #[test]
    fn anti_affinity_takes_a_node_for_each_pod() {
        let by_host = PodGroup { apart: Some(TopologyKey::Hostname), ..group(0, 4, 100) };
        assert_eq!(pack(&[by_host], 0).n_nodes, 4);
        let others = group(1, 4, 100);
        assert_eq!(pack(&[by_host, others], 0).n_nodes, 4, "other pods share those nodes");
        let by_zone = PodGroup { apart: Some(TopologyKey::Zone), ..group(0, 4, 100) };
        let estimate = pack(&[by_zone], 0);
        assert_eq!((estimate.n_nodes, estimate.n_pods()), (1, 1));
        assert_eq!(estimate.left_over, Some(LeftOver::Misfit(Misfit::AntiAffinity)));
    }

    /// One row per rule of required pod affinity: the rules of pods of owner 0 (owner 1 is on the
    /// only real node, in the zone of the template or not), how many wait, nodes and pods placed.
    #[test]
    fn neighbours_decide_about_new_nodes() {
        use TopologyKey::{Hostname, Zone};
        let [own, other] = [0, 1].map(DeploymentId::new);
        let near = |keys: &[TopologyKey], owners: &[DeploymentId]| Neighbours {
            near: Some(Near {
                keys: keys.to_vec(),
                owners: owners.to_vec(),
                means_itself: owners.contains(&own),
            }),
            ..Neighbours::default()
        };
        let not_on_node = |owners: &[DeploymentId]| Neighbours {
            not_on_node: owners.to_vec(),
            ..Neighbours::default()
        };
        let not_in_zone = Neighbours { not_in_zone: vec![other], ..Neighbours::default() };
        let (here, elsewhere) = (ZoneId::new(0), ZoneId::new(1));
        for (rule, neighbours, zone, expected) in [
            ("near others of the same zone", near(&[Zone], &[other]), here, (1, 4)),
            ("but not of another one", near(&[Zone], &[other]), elsewhere, (0, 0)),
            ("nor on a node without them", near(&[Hostname], &[other]), here, (0, 0)),
            ("the first of its kind may be alone", near(&[Hostname], &[own]), here, (1, 4)),
            ("every key must hold", near(&[Zone, Hostname], &[other]), here, (0, 0)),
            ("away from themselves by node", not_on_node(&[own]), here, (4, 4)),
            ("away from others by node", not_on_node(&[other]), here, (1, 4)),
            ("away from others by zone", not_in_zone.clone(), here, (0, 0)),
            ("who are in another zone", not_in_zone, elsewhere, (1, 4)),
        ] {
            let mut real = Node::empty(resources(0, 110), zone);
            real.pods_of.push((other, 1));
            let rules = Arc::new(BTreeMap::from([(own, neighbours)]));
            let snapshot = Snapshot::with_neighbours(vec![real], rules);
            let limiter = Limiter::new(NodeLimit::Unlimited, Span::ZERO);
            let groups = [group(0, 4, 100)];
            let found = estimate(&groups, &template(1_000), snapshot, limiter, Method::Simulate);
            assert_eq!((found.n_nodes, found.n_pods()), expected, "{rule}");
        }
    }

    /// What is left over is explained: too large a pod, or no more nodes.
    #[test]
    fn left_over_pods_have_a_reason() {
        let too_large = pack(&[group(0, 2, 1_001)], 0);
        assert_eq!(too_large.left_over, Some(LeftOver::Misfit(Misfit::Resources)));
        assert_eq!((too_large.n_nodes, too_large.n_pods()), (0, 0));
        let limited = pack(&[group(0, 30, 100)], 2);
        assert_eq!(limited.left_over, Some(LeftOver::Limit));
        assert_eq!((limited.n_nodes, limited.n_pods()), (2, 20));
        assert_eq!(pack(&[group(0, 30, 100)], 0).left_over, None);
    }

    proptest! {
        /// Without rules beyond size, every pod is placed, on no fewer nodes than their sum or
        /// the large pods need, and on at most twice that: of any two nodes in order, the later
        /// one was opened for a pod that no longer fitted on the earlier one.
        #[test]
        fn packing_wastes_at_most_half(
            sizes in proptest::collection::vec((1..8_usize, 50..1_000_i64), 1..12),
        ) {
            let groups: Vec<PodGroup> = sizes
                .iter()
                .enumerate()
                .map(|(owner, &(count, cpu))| group(owner, count, cpu))
                .collect();
            let total: i64 = sizes.iter().map(|&(count, cpu)| count as i64 * cpu).sum();
            let large = sizes.iter().filter(|&&(_, cpu)| 500 < cpu).map(|&(count, _)| count);
            let least = usize::try_from((total + 999) / 1_000).unwrap().max(large.sum());
            let estimate = pack(&groups, 0);
            prop_assert_eq!(estimate.left_over, None);
            prop_assert!(least <= estimate.n_nodes);
            prop_assert!(estimate.n_nodes <= 2 * least);
        }
    }
}
