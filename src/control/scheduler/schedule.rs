//! One scheduling decision: filter, score, choose.
//!
//! Follows pkg/scheduler/schedule_one.go: in large clusters only a part of the nodes is looked
//! at, from a rotating start; the best score wins, and ties are drawn.

use std::fmt;

use super::fit::{MISFITS, fewest, fits};
use super::score::{
    FitStrategy, SPREAD_WEIGHT, SpreadWeights, resource_score, spread_cost, spread_score,
};
use super::snapshot::{PodView, Snapshot};

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

/// What one scheduler keeps between decisions.
#[derive(Clone, Debug, Default)]
pub struct Scheduler {
    /// Which nodes the resource rule prefers.
    pub strategy: FitStrategy,
    /// Place in the order of nodes at which the next search starts.
    next_start: usize,
    /// Nodes that fit, with score and spread cost; kept to save the allocation.
    feasible: Vec<Candidate>,
}

#[derive(Clone, Copy, Debug)]
struct Candidate {
    node: u32,
    score: i64,
    spread_cost: i64,
}

/// Chooses a node for a pod. `draw` breaks ties, uniformly.
///
/// # Errors
/// If no node fits: how many were refused by which rule.
pub fn schedule_one(
    scheduler: &mut Scheduler,
    snapshot: &Snapshot,
    pod: &PodView<'_>,
    draw: u64,
) -> Result<Placement, Unschedulable> {
    find_feasible(scheduler, snapshot, pod)?;
    let candidates = &mut scheduler.feasible;
    if 1 < candidates.len() {
        score(candidates, snapshot, pod, scheduler.strategy);
    }
    let best = candidates.iter().map(|candidate| candidate.score).max().unwrap_or(0);
    let n_best = candidates.iter().filter(|candidate| candidate.score == best).count();
    let chosen = usize::try_from((u128::from(draw) * n_best as u128) >> 64).expect("below n_best");
    let mut winners = candidates.iter().filter(|candidate| candidate.score == best);
    let winner = winners.nth(chosen).expect("the draw is below the number of winners");
    Ok(Placement {
        node: winner.node as usize,
        n_feasible: small(candidates.len()),
        n_best: small(n_best),
    })
}

/// Nodes that are enough to choose from: all up to 100, then a share that falls from 50 to 5 %
/// (numFeasibleNodesToFind).
#[must_use]
pub fn nodes_to_find(n_nodes: usize) -> usize {
    if n_nodes < 100 {
        return n_nodes;
    }
    let percent = 50_usize.saturating_sub(n_nodes / 125).max(5);
    (n_nodes * percent / 100).max(100)
}

fn find_feasible(
    scheduler: &mut Scheduler,
    snapshot: &Snapshot,
    pod: &PodView<'_>,
) -> Result<(), Unschedulable> {
    let n_nodes = snapshot.order.len();
    let wanted = nodes_to_find(n_nodes);
    let fewest = fewest(snapshot, pod);
    let mut refused = [0; MISFITS.len()];
    scheduler.feasible.clear();
    let start = if n_nodes == 0 { 0 } else { scheduler.next_start % n_nodes };
    let (after, before) = (&snapshot.order[start..], &snapshot.order[..start]);
    let mut n_looked_at = 0;
    for &node in after.iter().chain(before) {
        n_looked_at += 1;
        match fits(snapshot, pod, node as usize, &fewest) {
            Ok(()) => scheduler.feasible.push(Candidate { node, score: 0, spread_cost: 0 }),
            Err(misfit) => refused[misfit as usize] += 1,
        }
        if scheduler.feasible.len() == wanted {
            break;
        }
    }
    scheduler.next_start = start + n_looked_at;
    if scheduler.feasible.is_empty() {
        return Err(Unschedulable { n_nodes: small(n_nodes), refused });
    }
    Ok(())
}

fn score(
    candidates: &mut [Candidate],
    snapshot: &Snapshot,
    pod: &PodView<'_>,
    strategy: FitStrategy,
) {
    let zone = |candidate: &Candidate| snapshot.nodes[candidate.node as usize].view.zone;
    let zones = candidates.iter().fold(0_u64, |zones, candidate| zones | 1 << zone(candidate));
    let weights = SpreadWeights::new(candidates.len(), zones.count_ones());
    let (mut least, mut most) = (i64::MAX, 0);
    for candidate in &mut *candidates {
        let node = candidate.node as usize;
        candidate.score = resource_score(snapshot, pod, node, strategy);
        candidate.spread_cost = spread_cost(snapshot, pod, node, &weights);
        least = least.min(candidate.spread_cost);
        most = most.max(candidate.spread_cost);
    }
    for candidate in candidates {
        candidate.score += SPREAD_WEIGHT * spread_score(candidate.spread_cost, least, most);
    }
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
    use super::super::snapshot::{
        NodeView, SYSTEM_DEFAULT_SPREAD, SpreadConstraint, Taints, TopologyKey, WhenUnsatisfiable,
    };
    use super::*;
    use crate::model::ids::PoolId;
    use crate::model::node_pool::Resources;
    use crate::model::workload::AntiAffinity;
    use crate::units::{Bytes, MilliCpu};

    fn resources(milli: i64, mib: i64, pods: u32) -> Resources {
        Resources { cpu: MilliCpu::new(milli), memory: Bytes::from_mib(mib), pods }
    }

    fn node(zone: u32) -> NodeView {
        let allocatable = resources(4_000, 16_000, 30);
        NodeView { pool: PoolId::new(0), zone, taints: Taints::NONE, allocatable }
    }

    /// A cluster with one node in each of these zones.
    fn cluster(zones: &[u32]) -> Snapshot {
        let mut snapshot = Snapshot::new(2);
        for &zone in zones {
            snapshot.add_node(node(zone));
        }
        snapshot
    }

    fn pod(spread: &[SpreadConstraint]) -> PodView<'_> {
        PodView {
            workload: 0,
            requests: resources(500, 1_000, 1),
            tolerates: Taints::NONE,
            pool: None,
            anti_affinity: AntiAffinity::None,
            spread,
        }
    }

    fn hard(key: TopologyKey, min_domains: u32) -> [SpreadConstraint; 1] {
        [SpreadConstraint { key, max_skew: 1, when: WhenUnsatisfiable::DoNotSchedule, min_domains }]
    }

    /// Schedules `n` equal pods one after the other; the nodes they went to, or the refusal.
    fn fill(snapshot: &mut Snapshot, pod: &PodView<'_>, n: u64) -> Result<Vec<usize>, String> {
        let mut scheduler = Scheduler::default();
        let mut nodes = Vec::new();
        for i in 0..n {
            let draw = i.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let placed = schedule_one(&mut scheduler, snapshot, pod, draw);
            let placed = placed.map_err(|why| why.to_string())?;
            snapshot.place(pod, placed.node);
            nodes.push(placed.node);
        }
        Ok(nodes)
    }

    /// Each rule refuses with its own words; several are counted side by side.
    #[test]
    fn refusals_name_the_rule() {
        let full = |cpu, mib, pods| NodeView { allocatable: resources(cpu, mib, pods), ..node(0) };
        let tainted = |taints| NodeView { taints, ..node(0) };
        let other = NodeView { pool: PoolId::new(7), ..node(0) };
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
            (
                vec![tainted(Taints::NOT_READY.with(Taints::UNREACHABLE)), tainted(Taints(1 << 9))],
                "0/2 nodes are available: 1 node(s) had untolerated taint \
                 {node.kubernetes.io/unreachable: }, 1 node(s) had untolerated taints",
            ),
            (
                vec![tainted(Taints::UNSCHEDULABLE)],
                "0/1 nodes are available: 1 node(s) were unschedulable",
            ),
            (
                vec![other],
                "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector",
            ),
        ];
        for (nodes, message) in table {
            let mut snapshot = Snapshot::new(1);
            for node in nodes {
                snapshot.add_node(node);
            }
            let pod = PodView { pool: Some(PoolId::new(0)), ..pod(&[]) };
            assert_eq!(fill(&mut snapshot, &pod, 1), Err(message.to_owned()));
        }
    }

    /// A node filled to the last millicore takes the last pod, and not one more: 4,000m / 500m.
    #[test]
    fn a_node_takes_exactly_what_fits() {
        let mut snapshot = cluster(&[0]);
        assert_eq!(fill(&mut snapshot, &pod(&[]), 8), Ok(vec![0; 8]));
        let message = "0/1 nodes are available: 1 Insufficient cpu";
        assert_eq!(fill(&mut snapshot, &pod(&[]), 1), Err(message.to_owned()));
    }

    /// Required anti-affinity: one pod per node or per zone, then none.
    #[test]
    fn anti_affinity_keeps_pods_apart() {
        for (anti_affinity, fit) in [(AntiAffinity::Hostname, 4), (AntiAffinity::Zone, 2)] {
            let mut snapshot = cluster(&[0, 0, 1, 1]);
            let pod = PodView { anti_affinity, ..pod(&[]) };
            assert!(fill(&mut snapshot, &pod, fit).is_ok());
            let refusal = fill(&mut snapshot, &pod, 1).unwrap_err();
            assert!(refusal.ends_with("4 node(s) didn't match pod anti-affinity rules"));
        }
    }

    /// A hard zone constraint measures from the emptiest zone that the pod may use: also from one
    /// whose nodes are all unreachable, so the surviving zones stop at one more than it has.
    #[test]
    fn a_hard_spread_measures_from_the_emptiest_zone() {
        let spread = hard(TopologyKey::Zone, 1);
        let mut snapshot = cluster(&[0, 1, 2]);
        let mut nodes = fill(&mut snapshot, &pod(&spread), 3).unwrap();
        nodes.sort_unstable();
        assert_eq!(nodes, [0, 1, 2]);
        snapshot.set_taints(2, Taints::UNREACHABLE);
        assert!(fill(&mut snapshot, &pod(&spread), 2).is_ok());
        let refusal = fill(&mut snapshot, &pod(&spread), 1).unwrap_err();
        assert!(refusal.ends_with("2 node(s) didn't match pod topology spread constraints"));
        snapshot.remove_node(2);
        assert!(fill(&mut snapshot, &pod(&spread), 2).is_ok(), "the dead zone is no domain now");
    }

    /// With fewer domains than minDomains the fewest counts as 0.
    #[test]
    fn too_few_domains_count_as_an_empty_one() {
        let spread = hard(TopologyKey::Zone, 3);
        let mut snapshot = cluster(&[0, 1]);
        assert!(fill(&mut snapshot, &pod(&spread), 2).is_ok());
        assert!(fill(&mut snapshot, &pod(&spread), 1).is_err());
    }

    /// The system's soft constraints spread evenly over zones and nodes, and give way when full.
    #[test]
    fn soft_spread_is_even_and_gives_way() {
        let mut snapshot = cluster(&[0, 1, 2, 0, 1, 2]);
        fill(&mut snapshot, &pod(&SYSTEM_DEFAULT_SPREAD), 24).unwrap();
        let on_nodes = (0..6).map(|node| snapshot.on_node(0, node)).collect::<Vec<_>>();
        assert_eq!(on_nodes, [4; 6]);
        assert!(fill(&mut snapshot, &pod(&SYSTEM_DEFAULT_SPREAD), 24).is_ok());
        assert!(fill(&mut snapshot, &pod(&SYSTEM_DEFAULT_SPREAD), 1).is_err(), "all full");
    }

    /// Spread score by hand: 2 nodes in 2 zones, 3 pods of the workload on the first. Costs
    /// 3·ln 4 + 3·ln 4 + 2 + 4 = 14.3 and 6, scores 100·(14+6−14)/14 = 42 and 100.
    #[test]
    fn spread_score_by_hand() {
        let mut snapshot = cluster(&[0, 1]);
        for _ in 0..3 {
            snapshot.place(&pod(&[]), 0);
        }
        let weights = SpreadWeights::new(2, 2);
        let costs =
            [0, 1].map(|n| spread_cost(&snapshot, &pod(&SYSTEM_DEFAULT_SPREAD), n, &weights));
        assert_eq!(costs, [14, 6]);
        assert_eq!(costs.map(|cost| spread_score(cost, 6, 14)), [42, 100]);
    }

    /// Equal nodes are drawn uniformly: 8 nodes, draws equally spaced, each wins as often.
    #[test]
    fn ties_are_drawn_uniformly() {
        let snapshot = cluster(&[0; 8]);
        let mut wins = [0; 8];
        for i in 0..800_u64 {
            let draw = i * (u64::MAX / 800) + (1 << 50);
            let mut scheduler = Scheduler::default();
            let placed = schedule_one(&mut scheduler, &snapshot, &pod(&[]), draw).unwrap();
            assert_eq!((placed.n_feasible, placed.n_best), (8, 8));
            wins[placed.node] += 1;
        }
        assert_eq!(wins, [100; 8]);
    }

    /// The share of nodes looked at falls with their number; the start rotates; the order of nodes
    /// takes zones in turn; a thousand pods on a thousand nodes are spread.
    #[test]
    fn large_clusters_are_searched_in_part() {
        let found = [99, 100, 250, 1_000, 5_000, 6_000].map(nodes_to_find);
        assert_eq!(found, [99, 100, 120, 420, 500, 300]);
        let zones: Vec<u32> = (0..1_000).map(|i| i / 334).collect();
        let mut snapshot = cluster(&zones);
        let first: Vec<u32> = snapshot.order[..6].to_vec();
        assert_eq!(first, [0, 334, 668, 1, 335, 669]);
        let mut scheduler = Scheduler::default();
        let starts = [(); 3].map(|()| {
            let placed = schedule_one(&mut scheduler, &snapshot, &pod(&[]), 0).unwrap();
            assert_eq!(placed.n_feasible, 420);
            scheduler.next_start % 1_000
        });
        assert_eq!(starts, [420, 840, 260]);
        let nodes = fill(&mut snapshot, &pod(&SYSTEM_DEFAULT_SPREAD), 1_000).unwrap();
        let most = (0..1_000).map(|node| snapshot.on_node(0, node)).max();
        assert!(nodes.len() == 1_000 && most <= Some(2), "a searched part may have no empty node");
    }

    /// Deleting pods reserve until they are gone but do not count for spreading; when all are
    /// gone nothing is left behind.
    #[test]
    fn deleted_pods_reserve_until_they_are_gone() {
        let mut snapshot = cluster(&[0]);
        let pod = pod(&[]);
        snapshot.place(&pod, 0);
        snapshot.place(&pod, 0);
        snapshot.stop_counting(0, 0);
        assert_eq!((snapshot.on_node(0, 0), snapshot.requested(0).pods), (1, 2));
        snapshot.release(&pod, 0, false);
        snapshot.release(&pod, 0, true);
        assert_eq!((snapshot.in_zone(0, 0), snapshot.requested(0)), (0, Resources::default()));
    }
}
