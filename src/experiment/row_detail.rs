//! What a trial tells beyond its figures: why requests failed, and how each cluster fared.
//!
//! In whole numbers, as figures are, so that rows cross threads, files and machines unchanged.

use crate::metrics::outcome::{Binding, Outcome};

use crate::traffic::ledger::{N_REASONS, Reason};

use super::metric::Figure;

/// What a trial tells beyond its figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowDetail {
    /// Failed requests of the whole run, by [`Reason::ALL`].
    pub failed: [u64; N_REASONS],
    /// By cluster, in the order of the scenario.
    pub clusters: Vec<ClusterRow>,
}

/// How a cluster fared in a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClusterRow {
    /// Least headroom.
    pub headroom: Figure,
    /// Least headroom, were all clusters of higher priority lost.
    pub failover: Figure,
    /// What limited further capacity when that was least.
    pub binding: Option<Binding>,
    /// Most active pods at a time.
    pub peak_pods: u32,
    /// Most nodes at a time.
    pub peak_nodes: u32,
    /// Nodes times hours.
    pub node_hours: Figure,
}

/// Whole numbers of a cluster in a line.
const N_NUMBERS: usize = 6;

/// Clusters of a scenario at most.
const MOST_CLUSTERS: u64 = 64;

impl RowDetail {
    /// The detail of a trial with that outcome.
    #[must_use]
    pub fn new(outcome: &Outcome) -> Self {
        let by_reason = &outcome.requests.failed_by_reason;
        let failed = |reason: Reason| by_reason.get(reason.name()).copied().unwrap_or(0);
        let clusters = outcome.headroom.iter().zip(&outcome.clusters);
        Self {
            failed: Reason::ALL.map(failed),
            clusters: clusters
                .map(|(room, grown)| ClusterRow {
                    headroom: room.min_ratio.into(),
                    failover: room.failover_min_ratio.into(),
                    binding: room.binding,
                    peak_pods: grown.peak_pods,
                    peak_nodes: grown.peak_nodes,
                    node_hours: Some(grown.node_hours).into(),
                })
                .collect(),
        }
    }

    /// It as whole numbers, which [`read`](Self::read) understands.
    #[must_use]
    pub fn numbers(&self) -> Vec<i64> {
        let mut numbers: Vec<i64> = self.failed.iter().map(|&failed| failed as i64).collect();
        numbers.push(self.clusters.len() as i64);
        for cluster in &self.clusters {
            let binding = Binding::ALL.iter().position(|&it| Some(it) == cluster.binding);
            let numbered: [i64; N_NUMBERS] = [
                cluster.headroom.millionths(),
                cluster.failover.millionths(),
                binding.map_or(0, |place| place as i64 + 1),
                cluster.peak_pods.into(),
                cluster.peak_nodes.into(),
                cluster.node_hours.millionths(),
            ];
            numbers.extend(numbered);
        }
        numbers
    }

    /// The detail of which `next` gives the numbers; `None` if they are none.
    pub fn read(mut next: impl FnMut() -> Option<i64>) -> Option<Self> {
        let mut failed = [0; N_REASONS];
        for count in &mut failed {
            *count = u64::try_from(next()?).ok()?;
        }
        let n_clusters = u64::try_from(next()?).ok().filter(|&n| n <= MOST_CLUSTERS)?;
        let mut clusters = Vec::new();
        for _ in 0..n_clusters {
            let mut numbers = [0; N_NUMBERS];
            for number in &mut numbers {
                *number = next()?;
            }
            let [headroom, failover, binding, peak_pods, peak_nodes, node_hours] = numbers;
            let binding = match usize::try_from(binding).ok()?.checked_sub(1) {
                None => None,
                Some(place) => Some(*Binding::ALL.get(place)?),
            };
            clusters.push(ClusterRow {
                headroom: Figure::from_millionths(headroom),
                failover: Figure::from_millionths(failover),
                binding,
                peak_pods: u32::try_from(peak_pods).ok()?,
                peak_nodes: u32::try_from(peak_nodes).ok()?,
                node_hours: Figure::from_millionths(node_hours),
            });
        }
        Some(Self { failed, clusters })
    }
}
