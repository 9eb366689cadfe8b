//! What a trial tells beyond its figures: why requests failed, and how each cluster fared.
//!
//! In whole numbers, as figures are, so that rows cross threads, files and machines unchanged.

use crate::metrics::capacity_plan::{ClusterPhase, Phase};
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
    /// What it took in each phase, by [`Phase::ALL`]; `None` if there was no such one.
    pub phases: [Option<PhaseRow>; 3],
}

/// What a cluster took at most at a time in a phase of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhaseRow {
    /// Active pods.
    pub pods: u32,
    /// Nodes.
    pub nodes: u32,
    /// vCPUs of nodes.
    pub vcpus: u32,
    /// Addresses of the nodes' subnet; 0 without a network.
    pub subnet_addresses: u32,
    /// What pods take beside that; 0 if nothing.
    pub pod_ranges: u32,
    /// What the dearest moment would cost, were it kept for a month.
    pub monthly_cost: Figure,
}

/// Whole numbers of a cluster in a line, before its phases.
const N_NUMBERS: usize = 6;

/// Whole numbers of a phase.
const N_PHASE_NUMBERS: usize = 6;

/// Clusters of a scenario at most.
const MOST_CLUSTERS: u64 = 64;

impl RowDetail {
    /// The detail of a trial with that outcome and capacity plan.
    #[must_use]
    pub fn new(outcome: &Outcome, plan: &[ClusterPhase]) -> Self {
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
                    phases: Phase::ALL.map(|phase| {
                        let here =
                            |it: &&ClusterPhase| (&it.cluster, it.phase) == (&grown.name, phase);
                        plan.iter().find(here).map(PhaseRow::from)
                    }),
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
            for phase in cluster.phases {
                numbers.push(phase.is_some().into());
                numbers.extend(phase.iter().flat_map(PhaseRow::numbers));
            }
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
                phases: read_phases(&mut next)?,
            });
        }
        Some(Self { failed, clusters })
    }
}

fn read_phases(next: &mut impl FnMut() -> Option<i64>) -> Option<[Option<PhaseRow>; 3]> {
    let mut phases = [None; 3];
    for phase in &mut phases {
        *phase = match next()? {
            0 => None,
            1 => Some(PhaseRow::read(next)?),
            _ => return None,
        };
    }
    Some(phases)
}

impl From<&ClusterPhase> for PhaseRow {
    fn from(phase: &ClusterPhase) -> Self {
        Self {
            pods: phase.peak_pods,
            nodes: phase.peak_nodes,
            vcpus: phase.peak_vcpus,
            subnet_addresses: phase.peak_subnet_addresses.unwrap_or(0),
            pod_ranges: phase.peak_pod_ranges.unwrap_or(0),
            monthly_cost: phase.monthly_cost.into(),
        }
    }
}

impl PhaseRow {
    fn numbers(&self) -> [i64; N_PHASE_NUMBERS] {
        let Self { pods, nodes, vcpus, subnet_addresses, pod_ranges, monthly_cost } = *self;
        let [pods, nodes, vcpus] = [pods, nodes, vcpus].map(i64::from);
        let [subnet, ranges] = [subnet_addresses, pod_ranges].map(i64::from);
        [pods, nodes, vcpus, subnet, ranges, monthly_cost.millionths()]
    }

    fn read(next: &mut impl FnMut() -> Option<i64>) -> Option<Self> {
        let mut count = || u32::try_from(next()?).ok();
        let (pods, nodes, vcpus) = (count()?, count()?, count()?);
        let (subnet_addresses, pod_ranges) = (count()?, count()?);
        let monthly_cost = Figure::from_millionths(next()?);
        Some(Self { pods, nodes, vcpus, subnet_addresses, pod_ranges, monthly_cost })
    }
}
