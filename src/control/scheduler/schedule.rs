//! One scheduling decision: filter, score, choose.
//!
//! Follows pkg/scheduler/schedule_one.go: in large clusters only a part of the nodes is looked
//! at, from a rotating start; the best score wins, and ties are drawn. Rules that can make no
//! difference between the nodes that fit are skipped: they would add the same to each.

use std::fmt;
use std::ops::Range;

use super::fit::{MISFITS, Misfit, fits};
use super::score::{
    IMAGE_WEIGHT, NODE_AFFINITY_WEIGHT, POD_AFFINITY_WEIGHT, TAINT_WEIGHT, image_score, normalized,
    normalized_reverse, pod_affinity_score,
};
use super::snapshot::Snapshot;
use super::spread::{Limits, SpreadCells, limits, score_spread};

/// A node for a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Index of the node in the snapshot.
    pub node: usize,
    /// Nodes that fitted, of those looked at.
    pub n_feasible: u32,
    /// Of these, nodes with the best score; the draw chose among them.
    pub n_best: u32,
}

/// No node for a pod, and why each was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unschedulable {
    /// Nodes looked at.
    pub n_nodes: u32,
    /// How many each rule refused, in the order of [`MISFITS`].
    pub refused: [u32; MISFITS.len()],
}

/// Room that is kept for a pod which is waiting for its victims to go (nominatedNodeName).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nominated {
    /// The node.
    pub node: usize,
    /// The class of the pod.
    pub class: usize,
}

/// A pod to be placed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    /// Its class.
    pub class: usize,
    /// The node that it is nominated for: tried first, and taken if it fits.
    pub nominated: Option<usize>,
    /// Room kept for other pods of at least its priority.
    pub kept: &'a [Nominated],
    /// Breaks ties, uniformly.
    pub draw: u64,
}

/// What one scheduler keeps between decisions.
#[derive(Clone, Debug, Default)]
pub struct Scheduler {
    /// `percentageOfNodesToScore`; None: by the number of nodes.
    pub percentage: Option<usize>,
    /// Place in the order of nodes at which the next search starts.
    next_start: usize,
    /// Nodes that fit; kept to save the allocation.
    feasible: Feasible,
    /// Room for the values of the other rules.
    scratch: Scratch,
}

/// Nodes that fit a pod, with their scores.
#[derive(Clone, Debug, Default)]
pub(super) struct Feasible {
    /// The nodes, in the order in which they were looked at.
    pub(super) nodes: Vec<u32>,
    /// The score of each.
    pub(super) scores: Vec<i32>,
}

/// Room to work in, kept to save the allocations.
#[derive(Clone, Debug, Default)]
pub(super) struct Scratch {
    values: Vec<i64>,
    cells: SpreadCells,
}

/// Chooses a node for a pod.
///
/// # Errors
/// If no node fits: how many were refused by which rule.
pub fn schedule_one(
    scheduler: &mut Scheduler,
    snapshot: &mut Snapshot,
    request: &Request<'_>,
) -> Result<Placement, Unschedulable> {
    snapshot.refresh(request.class);
    let limits = limits(snapshot, request.class);
    if let Some(node) = request.nominated
        && snapshot.nodes[node].exists
        && fits_beside(snapshot, request, node, &limits).is_ok()
    {
        return Ok(Placement { node, n_feasible: 1, n_best: 1 });
    }
    find_feasible(scheduler, snapshot, request, &limits)?;
    let Scheduler { feasible, scratch, .. } = scheduler;
    if 1 < feasible.nodes.len() {
        score(feasible, scratch, snapshot, request.class);
    }
    Ok(choose(feasible, request.draw))
}

/// The best of nodes that fit; the draw chooses among equals.
fn choose(feasible: &Feasible, draw: u64) -> Placement {
    let Feasible { nodes, scores } = feasible;
    let best = scores.iter().copied().max().expect("a node fits");
    let n_best: u32 = scores.iter().map(|&score| u32::from(score == best)).sum();
    let chosen = (u128::from(draw) * u128::from(n_best)) >> 64;
    let chosen = usize::try_from(chosen).expect("below n_best");
    let mut winners = nodes.iter().zip(scores).filter(|&(_, &score)| score == best);
    let (&node, _) = winners.nth(chosen).expect("the draw is below the number of winners");
    Placement { node: node as usize, n_feasible: small(nodes.len()), n_best }
}

/// Nodes that are enough to choose from: all up to 100, then a share that falls from 50 to 5 %
/// unless it is set (numFeasibleNodesToFind).
#[must_use]
pub fn nodes_to_find(n_nodes: usize, percentage: Option<usize>) -> usize {
    if n_nodes < 100 {
        return n_nodes;
    }
    let percent = percentage.unwrap_or_else(|| 50_usize.saturating_sub(n_nodes / 125).max(5));
    (n_nodes * percent / 100).max(100)
}

fn find_feasible(
    scheduler: &mut Scheduler,
    snapshot: &mut Snapshot,
    request: &Request<'_>,
    limits: &Limits,
) -> Result<(), Unschedulable> {
    let n_nodes = snapshot.order.len();
    let wanted = nodes_to_find(n_nodes, scheduler.percentage);
    let start = if n_nodes == 0 { 0 } else { scheduler.next_start % n_nodes };
    let Scheduler { feasible, .. } = scheduler;
    feasible.nodes.clear();
    feasible.scores.clear();
    let is_alone = request.kept.is_empty();
    let nodes_decide = is_alone && !snapshot.classes[request.class].minds_neighbours();
    let mut n_looked_at = 0;
    for places in [start..n_nodes, 0..start] {
        n_looked_at += if nodes_decide {
            look_at_nodes(feasible, snapshot, request.class, places, wanted)
        } else {
            look_at_neighbours(feasible, snapshot, request, limits, places, wanted)
        };
    }
    scheduler.next_start = start + n_looked_at;
    if feasible.nodes.is_empty() {
        let refused = refusals(snapshot, request, limits);
        return Err(Unschedulable { n_nodes: small(n_nodes), refused });
    }
    Ok(())
}

/// Looks for nodes that fit, in these places of the order, where only what is on a node decides;
/// gives how many it looked at.
fn look_at_nodes(
    feasible: &mut Feasible,
    snapshot: &Snapshot,
    class: usize,
    places: Range<usize>,
    wanted: usize,
) -> usize {
    let (order, worth) = (&snapshot.order[places], &snapshot.by_class[class].worth);
    let (mut n_found, mut n_looked_at) = (feasible.nodes.len(), 0);
    let room = wanted.min(n_found + order.len());
    feasible.nodes.resize(room, 0);
    feasible.scores.resize(room, 0);
    let (nodes, scores) = (&mut feasible.nodes[..], &mut feasible.scores[..]);
    for &node in order {
        if n_found == room {
            break;
        }
        let worth = worth[node as usize];
        // Written in any case, and kept if it fits: most nodes do.
        (nodes[n_found], scores[n_found]) = (node, worth.points());
        n_found += usize::from(worth.is_score());
        n_looked_at += 1;
    }
    feasible.nodes.truncate(n_found);
    feasible.scores.truncate(n_found);
    n_looked_at
}

/// The same where it matters which pods are near, or where room is kept for others.
fn look_at_neighbours(
    feasible: &mut Feasible,
    snapshot: &mut Snapshot,
    request: &Request<'_>,
    limits: &Limits,
    places: Range<usize>,
    wanted: usize,
) -> usize {
    let n_places = places.len();
    for (n_looked_at, place) in places.enumerate() {
        if feasible.nodes.len() == wanted {
            return n_looked_at;
        }
        let node = snapshot.order[place];
        if let Ok(score) = fits_beside(snapshot, request, node as usize, limits) {
            feasible.nodes.push(node);
            feasible.scores.push(score);
        }
    }
    n_places
}

/// How many nodes each rule refuses.
fn refusals(
    snapshot: &mut Snapshot,
    request: &Request<'_>,
    limits: &Limits,
) -> [u32; MISFITS.len()] {
    let mut refused = [0; MISFITS.len()];
    for place in 0..snapshot.order.len() {
        let node = snapshot.order[place] as usize;
        if let Err(misfit) = fits_beside(snapshot, request, node, limits) {
            refused[misfit as usize] += 1;
        }
    }
    refused
}

/// Whether a pod fits with and without the pods that room is kept for on the node
/// (RunFilterPluginsWithNominatedPods).
fn fits_beside(
    snapshot: &mut Snapshot,
    request: &Request<'_>,
    node: usize,
    own: &Limits,
) -> Result<i32, Misfit> {
    let here = request.kept.iter().filter(|kept| kept.node == node);
    if here.clone().next().is_some() {
        here.clone().for_each(|kept| snapshot.place(kept.class, node));
        let beside_them = limits(snapshot, request.class);
        let beside = fits(snapshot, request.class, node, &beside_them);
        here.for_each(|kept| snapshot.release(kept.class, node, true));
        beside?;
    }
    fits(snapshot, request.class, node, own)
}

/// Adds the scores of all rules but resources, which [`fits`] has given.
pub(super) fn score(
    feasible: &mut Feasible,
    scratch: &mut Scratch,
    snapshot: &Snapshot,
    class: usize,
) {
    let (pod, state) = (&snapshot.classes[class], &snapshot.by_class[class]);
    let values = &mut scratch.values;
    if 0 < state.n_softly_tainted {
        let taints = |node: usize| i64::from(state.matches[node].n_soft_taints);
        let rule = |value, _, most| TAINT_WEIGHT * normalized_reverse(value, most);
        add(feasible, values, taints, rule);
    }
    if !pod.nodes.preferred.is_empty() {
        let preference = |node: usize| i64::from(state.matches[node].preference);
        let rule = |value, _, most| NODE_AFFINITY_WEIGHT * normalized(value, most);
        add(feasible, values, preference, rule);
    }
    if !pod.attraction.is_empty() {
        let attraction = |node: usize| attraction(snapshot, class, node);
        let rule = |sum, least, most| POD_AFFINITY_WEIGHT * pod_affinity_score(sum, least, most);
        add(feasible, values, attraction, rule);
    }
    if 0 < state.n_with_image {
        let n_nodes = small(snapshot.order.len());
        let with = IMAGE_WEIGHT * image_score(pod.image, state.n_with_image, n_nodes);
        let image = |node: usize| if state.has_image[node] { with } else { 0 };
        add(feasible, values, image, |value, _, _| value);
    }
    score_spread(feasible, &mut scratch.cells, snapshot, class);
}

/// Adds the score of one rule: a value of each node, and what it is worth among values from the
/// least to the most one.
fn add(
    feasible: &mut Feasible,
    values: &mut Vec<i64>,
    value: impl Fn(usize) -> i64,
    rule: impl Fn(i64, i64, i64) -> i64,
) {
    values.clear();
    values.extend(feasible.nodes.iter().map(|&node| value(node as usize)));
    let least = values.iter().copied().min().unwrap_or(0);
    let most = values.iter().copied().max().unwrap_or(0);
    for (score, &value) in feasible.scores.iter_mut().zip(&*values) {
        *score += i32::try_from(rule(value, least, most)).expect("a few hundred");
    }
}

fn attraction(snapshot: &Snapshot, class: usize, node: usize) -> i64 {
    let of = |&(weight, key, other): &(i64, _, usize)| {
        weight * i64::from(snapshot.in_domain(key, other, node).all)
    };
    snapshot.classes[class].attraction.iter().map(of).sum()
}

fn small(count: usize) -> u32 {
    u32::try_from(count).expect("limits keep every count below 2^32")
}

impl fmt::Display for Unschedulable {
    /// As kubectl prints it: `0/3 nodes are available: 2 Insufficient cpu, 1 Too many pods`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0/{} nodes are available", self.n_nodes)?;
        let given = MISFITS.iter().zip(self.refused).filter(|(_, count)| 0 < *count);
        for (index, (misfit, count)) in given.enumerate() {
            write!(f, "{} {count} {misfit}", if index == 0 { ":" } else { "," })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::pod_class::{PodClass, PodRules};
    use super::super::score::FitStrategy;
    use super::super::snapshot::{NewNode, SYSTEM_DEFAULT_SPREAD, Taints};
    use super::*;
    use crate::model::labels::{AGENT_POOL, Labels};
    use crate::model::node_pool::Resources;
    use crate::model::placement::{SpreadConstraint, TopologyKey, WhenUnsatisfiable};
    use crate::model::taint::{Taint, TaintEffect};
    use crate::model::workload::AntiAffinity;
    use crate::units::{Bytes, MilliCpu};

    fn resources(milli: i64, mib: i64, pods: u32) -> Resources {
        Resources { cpu: MilliCpu::new(milli), memory: Bytes::from_mib(mib), pods }
    }

    /// A cluster of one class with these rules, and nodes that offer so much in these zones.
    fn cluster_of(rules: PodRules, nodes: &[(u32, Resources)]) -> Snapshot {
        let classes = PodClass::all(&[rules, PodRules::default()], &[]);
        let mut snapshot = Snapshot::new(classes, FitStrategy::LeastAllocated);
        let labels = Labels::default();
        snapshot.add_nodes(nodes.iter().map(|&(zone, allocatable)| NewNode {
            zone,
            taints: Taints::NONE,
            allocatable,
            labels: &labels,
            pool_taints: &[],
        }));
        snapshot
    }

    /// A cluster with one node of 4 CPU in each of these zones.
    fn cluster(rules: PodRules, zones: &[u32]) -> Snapshot {
        let nodes: Vec<(u32, Resources)> =
            zones.iter().map(|&zone| (zone, resources(4_000, 16_000, 30))).collect();
        cluster_of(rules, &nodes)
    }

    fn pod(spread: &[SpreadConstraint]) -> PodRules {
        let mut rules = PodRules { requests: resources(500, 1_000, 1), ..PodRules::default() };
        rules.placement.spread = spread.to_vec();
        rules
    }

    fn hard(key: TopologyKey, min_domains: u32) -> [SpreadConstraint; 1] {
        [SpreadConstraint { key, max_skew: 1, when: WhenUnsatisfiable::DoNotSchedule, min_domains }]
    }

    /// Schedules `n` pods of class 0 one after the other; the nodes they went to, or the refusal.
    fn fill(snapshot: &mut Snapshot, n: u64) -> Result<Vec<usize>, String> {
        let mut scheduler = Scheduler::default();
        let mut nodes = Vec::new();
        for i in 0..n {
            let request =
                Request { draw: i.wrapping_mul(0x9E37_79B9_7F4A_7C15), ..Request::default() };
            let placed = schedule_one(&mut scheduler, snapshot, &request);
            let placed = placed.map_err(|why| why.to_string())?;
            snapshot.place(0, placed.node);
            nodes.push(placed.node);
        }
        Ok(nodes)
    }

    /// Each rule refuses with its own words; several are counted side by side.
    #[test]
    fn refusals_name_the_rule() {
        let full = |cpu, mib, pods| (0, resources(cpu, mib, pods));
        let table = [
            (vec![], "0/0 nodes are available"),
            (
                vec![full(499, 9_000, 9), full(499, 999, 9)],
                "0/2 nodes are available: 2 Insufficient cpu",
            ),
            (
                vec![full(500, 999, 9), full(500, 1_000, 0)],
                "0/2 nodes are available: 1 Too many pods, 1 Insufficient memory",
            ),
        ];
        for (nodes, message) in table {
            assert_eq!(fill(&mut cluster_of(pod(&[]), &nodes), 1), Err(message.to_owned()));
        }
        let conditions = [
            (
                Taints::NOT_READY.with(Taints::UNREACHABLE),
                "node(s) had untolerated taint {node.kubernetes.io/unreachable: }",
            ),
            (Taints::UNSCHEDULABLE.with(Taints::NOT_READY), "node(s) were unschedulable"),
        ];
        for (taints, message) in conditions {
            let mut snapshot = cluster(pod(&[]), &[0]);
            snapshot.set_taints(0, taints);
            let message = format!("0/1 nodes are available: 1 {message}");
            assert_eq!(fill(&mut snapshot, 1), Err(message));
        }
    }

    /// Labels and taints of a pool keep away pods that do not select or tolerate them.
    #[test]
    fn pools_choose_their_pods() {
        let spot =
            Taint { key: "spot".to_owned(), value: String::new(), effect: TaintEffect::NoSchedule };
        let mut labels = Labels::default();
        labels.set(AGENT_POOL, "user");
        for (rules, message) in [
            (pod(&[]), "1 node(s) had untolerated taints"),
            (
                PodRules { pool: Some("other".to_owned()), ..pod(&[]) },
                "1 node(s) didn't match Pod's node affinity/selector",
            ),
        ] {
            let taints: &[Taint] =
                if rules.pool.is_none() { std::slice::from_ref(&spot) } else { &[] };
            let classes = PodClass::all(&[rules], &[]);
            let mut snapshot = Snapshot::new(classes, FitStrategy::LeastAllocated);
            snapshot.add_nodes([NewNode {
                zone: 0,
                taints: Taints::NONE,
                allocatable: resources(4_000, 16_000, 30),
                labels: &labels,
                pool_taints: taints,
            }]);
            let message = format!("0/1 nodes are available: {message}");
            assert_eq!(fill(&mut snapshot, 1), Err(message));
        }
    }

    /// A node filled to the last millicore takes the last pod, and not one more: 4,000m / 500m.
    #[test]
    fn a_node_takes_exactly_what_fits() {
        let mut snapshot = cluster(pod(&[]), &[0]);
        assert_eq!(fill(&mut snapshot, 8), Ok(vec![0; 8]));
        let message = "0/1 nodes are available: 1 Insufficient cpu";
        assert_eq!(fill(&mut snapshot, 1), Err(message.to_owned()));
    }

    /// Required anti-affinity: one pod per node or per zone, then none.
    #[test]
    fn anti_affinity_keeps_pods_apart() {
        for (anti_affinity, fit) in [(AntiAffinity::Hostname, 4), (AntiAffinity::Zone, 2)] {
            let rules = PodRules { anti_affinity, ..pod(&[]) };
            let mut snapshot = cluster(rules, &[0, 0, 1, 1]);
            assert!(fill(&mut snapshot, fit).is_ok());
            let refusal = fill(&mut snapshot, 1).unwrap_err();
            assert!(refusal.ends_with("4 node(s) didn't match pod anti-affinity rules"));
        }
    }

    /// A hard zone constraint measures from the emptiest zone that the pod may use: also from one
    /// whose nodes are all unreachable, so the surviving zones stop at one more than it has.
    #[test]
    fn a_hard_spread_measures_from_the_emptiest_zone() {
        let spread = hard(TopologyKey::Zone, 1);
        let mut snapshot = cluster(pod(&spread), &[0, 1, 2]);
        let mut nodes = fill(&mut snapshot, 3).unwrap();
        nodes.sort_unstable();
        assert_eq!(nodes, [0, 1, 2]);
        snapshot.set_taints(2, Taints::UNREACHABLE);
        assert!(fill(&mut snapshot, 2).is_ok());
        let refusal = fill(&mut snapshot, 1).unwrap_err();
        assert!(refusal.ends_with("2 node(s) didn't match pod topology spread constraints"));
        snapshot.remove_node(2);
        assert!(fill(&mut snapshot, 2).is_ok(), "the dead zone is no domain now");
    }

    /// With fewer domains than minDomains the fewest counts as 0.
    #[test]
    fn too_few_domains_count_as_an_empty_one() {
        let spread = hard(TopologyKey::Zone, 3);
        let mut snapshot = cluster(pod(&spread), &[0, 1]);
        assert!(fill(&mut snapshot, 2).is_ok());
        assert!(fill(&mut snapshot, 1).is_err());
    }

    /// What only just fits: the last pod of a node, a pod without requests on a node whose CPU is
    /// overcommitted, and one more pod in as many zones as minDomains asks for.
    #[test]
    fn what_only_just_fits() {
        let mut full = cluster_of(pod(&[]), &[(0, resources(4_000, 16_000, 1))]);
        assert_eq!(fill(&mut full, 1), Ok(vec![0]));
        assert!(fill(&mut full, 1).is_err(), "a second pod on a node for one");

        let nothing = PodRules { requests: resources(0, 0, 1), ..PodRules::default() };
        let huge = PodRules { requests: resources(4_001, 16_001, 1), ..PodRules::default() };
        let classes = PodClass::all(&[nothing, huge], &[]);
        let mut overcommitted = Snapshot::new(classes, FitStrategy::LeastAllocated);
        let labels = Labels::default();
        overcommitted.add_nodes([NewNode {
            zone: 0,
            taints: Taints::NONE,
            allocatable: resources(4_000, 16_000, 30),
            labels: &labels,
            pool_taints: &[],
        }]);
        overcommitted.place(1, 0);
        assert_eq!(fill(&mut overcommitted, 1), Ok(vec![0]));

        let mut two_zones = cluster(pod(&hard(TopologyKey::Zone, 2)), &[0, 1]);
        assert!(fill(&mut two_zones, 4).is_ok(), "two domains are two");
    }

    /// The system's soft constraints spread evenly over zones and nodes, and give way when full.
    #[test]
    fn soft_spread_is_even_and_gives_way() {
        let mut snapshot = cluster(pod(&SYSTEM_DEFAULT_SPREAD), &[0, 1, 2, 0, 1, 2]);
        fill(&mut snapshot, 24).unwrap();
        let on_nodes = (0..6).map(|node| snapshot.on_node(0, node).all).collect::<Vec<_>>();
        assert_eq!(on_nodes, [4; 6]);
        assert!(fill(&mut snapshot, 24).is_ok());
        assert!(fill(&mut snapshot, 1).is_err(), "all full");
    }

    /// Equal nodes are drawn uniformly: 8 nodes, draws equally spaced, each wins as often.
    #[test]
    fn ties_are_drawn_uniformly() {
        let mut snapshot = cluster(pod(&[]), &[0; 8]);
        let mut wins = [0; 8];
        for i in 0..800_u64 {
            let draw = i * (u64::MAX / 800) + (1 << 50);
            let mut scheduler = Scheduler::default();
            let request = Request { draw, ..Request::default() };
            let placed = schedule_one(&mut scheduler, &mut snapshot, &request).unwrap();
            assert_eq!((placed.n_feasible, placed.n_best), (8, 8));
            wins[placed.node] += 1;
        }
        assert_eq!(wins, [100; 8]);
    }

    /// The share of nodes looked at falls with their number; the start rotates; the order of nodes
    /// takes zones in turn; a thousand pods on a thousand nodes are spread.
    #[test]
    fn large_clusters_are_searched_in_part() {
        assert_eq!(nodes_to_find(101, None), 100, "half of 101 would be less than 100");
        let found = [99, 100, 250, 1_000, 5_000, 6_000].map(|n| nodes_to_find(n, None));
        assert_eq!(found, [99, 100, 120, 420, 500, 300]);
        assert_eq!([5_000, 120].map(|n| nodes_to_find(n, Some(40))), [2_000, 100]);
        let zones: Vec<u32> = (0..1_000).map(|i| i / 334).collect();
        let mut snapshot = cluster(pod(&SYSTEM_DEFAULT_SPREAD), &zones);
        let first: Vec<u32> = snapshot.order[..6].to_vec();
        assert_eq!(first, [0, 334, 668, 1, 335, 669]);
        let mut scheduler = Scheduler::default();
        let starts = [(); 3].map(|()| {
            let placed = schedule_one(&mut scheduler, &mut snapshot, &Request::default()).unwrap();
            assert_eq!(placed.n_feasible, 420);
            scheduler.next_start % 1_000
        });
        assert_eq!(starts, [420, 840, 260]);
        let nodes = fill(&mut snapshot, 1_000).unwrap();
        let most = (0..1_000).map(|node| snapshot.on_node(0, node).all).max();
        assert!(nodes.len() == 1_000 && most <= Some(2), "a searched part may have no empty node");
    }

    /// Deleting pods reserve until they are gone but do not count for spreading; when all are
    /// gone nothing is left behind.
    #[test]
    fn deleted_pods_reserve_until_they_are_gone() {
        let mut snapshot = cluster(pod(&[]), &[0]);
        snapshot.place(0, 0);
        snapshot.place(0, 0);
        snapshot.stop_counting(0, 0);
        let count = snapshot.on_node(0, 0);
        assert_eq!((count.staying, count.all, snapshot.node(0).requested.pods), (1, 2, 2));
        snapshot.release(0, 0, false);
        snapshot.release(0, 0, true);
        assert_eq!(snapshot.in_zone(0, 0).all, 0);
        assert_eq!(snapshot.node(0).requested, Resources::default());
    }
}
