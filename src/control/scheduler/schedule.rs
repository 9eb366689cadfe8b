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
