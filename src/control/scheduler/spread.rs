//! Topology spread: how evenly are the pods of a class spread over hosts and zones?
//!
//! Follows pkg/scheduler/framework/plugins/podtopologyspread: filtering.go for hard constraints,
//! scoring.go for soft ones. A class is spread against itself only. Every node that the pod
//! selects is a domain, tainted or not (nodeTaintsPolicy: Ignore), so a dead zone with no pods
//! left in it blocks a hard constraint. Pods that are being deleted do not count.
//!
//! What skew is measured from is kept as pods come and go ([`Domains`]); a decision then looks at
//! two integers per node: its zone and the pods of the class on it. Costs depend on nothing else,
//! so they are worked out once for each pair that occurs and not for each node.

use crate::model::placement::{SpreadConstraint, TopologyKey, WhenUnsatisfiable};
use crate::sim::maths::ln;

use super::schedule::Feasible;
use super::score::{MAX_SCORE, SPREAD_WEIGHT};
use super::snapshot::Snapshot;

/// The domains of a class: nodes that exist and that it selects, and their zones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Domains {
    /// How many nodes have so many pods of the class, by the number of pods.
    nodes_with: Vec<u32>,
    /// By zone.
    zones: Vec<ZoneCount>,
}

/// Nodes of a zone that a class selects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct ZoneCount {
    n_nodes: u32,
    /// Pods of the class on them.
    n_pods: u32,
}

impl Domains {
    /// An empty node joins.
    pub(super) fn add(&mut self, zone: u32) {
        let zone = zone as usize;
        self.zones.resize(self.zones.len().max(zone + 1), ZoneCount::default());
        self.zones[zone].n_nodes += 1;
        self.one_more_with(0);
    }

    /// A node with so many pods of the class leaves.
    pub(super) fn remove(&mut self, zone: u32, n_pods: u32) {
        let count = &mut self.zones[zone as usize];
        count.n_nodes -= 1;
        count.n_pods -= n_pods;
        self.nodes_with[n_pods as usize] -= 1;
    }

    /// The pods of the class on a node become more or fewer.
    pub(super) fn change(&mut self, zone: u32, from: u32, to: u32) {
        let count = &mut self.zones[zone as usize];
        count.n_pods = count.n_pods + to - from;
        self.nodes_with[from as usize] -= 1;
        self.one_more_with(to);
    }

    fn one_more_with(&mut self, n_pods: u32) {
        let n_pods = n_pods as usize;
        self.nodes_with.resize(self.nodes_with.len().max(n_pods + 1), 0);
        self.nodes_with[n_pods] += 1;
    }

    /// Whether both count the same, however many pods a node once had.
    pub(super) fn agree(&self, other: &Self) -> bool {
        let hosts = |domains: &Self| {
            let counted = (0..).zip(domains.nodes_with.clone());
            counted.filter(|(_, n_nodes)| 0 < *n_nodes).collect::<Vec<(u32, u32)>>()
        };
        hosts(self) == hosts(other) && self.zones().eq(other.zones())
    }

    /// The fewest pods on any node, and the number of nodes; None without nodes.
    fn hosts(&self) -> Option<(u32, u32)> {
        let fewest = self.nodes_with.iter().position(|&n_nodes| 0 < n_nodes)?;
        Some((fewest as u32, self.zones.iter().map(|zone| zone.n_nodes).sum()))
    }

    /// The zones that have nodes, and the pods there.
    fn zones(&self) -> impl Iterator<Item = (u32, u32)> + Clone {
        let zones = (0..).zip(&self.zones).filter(|(_, count)| 0 < count.n_nodes);
        zones.map(|(zone, count)| (zone, count.n_pods))
    }
}

/// Where hard spread constraints allow one more pod of a class, as its pods are spread now.
/// Worked out once per pod ([`limits`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A node that has so many pods of the class gets no more.
    on_node: u32,
    /// Zones that have so many that they get no more, one bit each.
    full_zones: u64,
}

impl Limits {
    /// No hard constraint.
    const NONE: Self = Self { on_node: u32::MAX, full_zones: 0 };

    /// Whether a node in this zone with so many pods of the class may get one more.
    #[must_use]
    pub fn allow(&self, zone: u32, n_on_node: u32) -> bool {
        n_on_node < self.on_node && self.full_zones & (1 << zone) == 0
    }
}

/// Where hard constraints of this class allow one more pod: `matching + 1 − fewest <= maxSkew`,
/// where the fewest is 0 if there are fewer domains than `minDomains`.
#[must_use]
pub fn limits(snapshot: &Snapshot, class: usize) -> Limits {
    let domains = &snapshot.by_class[class].domains;
    let mut limits = Limits::NONE;
    let is_hard = |c: &&SpreadConstraint| c.when == WhenUnsatisfiable::DoNotSchedule;
    for constraint in snapshot.classes[class].spread.iter().filter(is_hard) {
        let measured = |fewest: u32, n_domains: u32| {
            let counted = if constraint.min_domains <= n_domains { fewest } else { 0 };
            counted + constraint.max_skew
        };
        match constraint.key {
            TopologyKey::Hostname => {
                let Some((fewest, n_nodes)) = domains.hosts() else { continue };
                limits.on_node = limits.on_node.min(measured(fewest, n_nodes));
            }
            TopologyKey::Zone => {
                let zones = domains.zones();
                let Some(fewest) = zones.clone().map(|(_, n)| n).min() else { continue };
                let most = measured(fewest, zones.clone().count() as u32);
                let full = zones.filter(|&(_, n_pods)| most <= n_pods);
                let bits = full.fold(0, |bits, (zone, _)| bits | 1 << zone);
                limits.full_zones |= bits;
            }
        }
    }
    limits
}

/// The weight of one more pod in a domain: more domains, more weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpreadWeights {
    hostname: f64,
    zone: f64,
}

impl SpreadWeights {
    /// ln(domains + 2), where the domains are those of the nodes that fit.
    #[must_use]
    pub fn new(n_nodes: usize, n_zones: u32) -> Self {
        Self { hostname: ln(n_nodes as f64 + 2.0), zone: ln(f64::from(n_zones) + 2.0) }
    }

    /// The cost of a constraint where a domain has so many pods already (scoreForCount).
    #[must_use]
    fn cost(&self, key: TopologyKey, n_matching: u32, max_skew: u32) -> f64 {
        let weight = match key {
            TopologyKey::Hostname => self.hostname,
            TopologyKey::Zone => self.zone,
        };
        f64::from(n_matching) * weight + f64::from(max_skew - 1)
    }
}

/// The cost of soft constraints on a node, rounded to a whole number: by the pods of the class on
/// the node and in its zone.
#[must_use]
pub fn spread_cost(
    spread: &[SpreadConstraint],
    n_on_node: u32,
    n_in_zone: u32,
    weights: &SpreadWeights,
) -> i64 {
    let mut cost = 0.0;
    for constraint in spread {
        if constraint.when == WhenUnsatisfiable::ScheduleAnyway {
            let n_matching = match constraint.key {
                TopologyKey::Hostname => n_on_node,
                TopologyKey::Zone => n_in_zone,
            };
            cost += weights.cost(constraint.key, n_matching, constraint.max_skew);
        }
    }
    cost.round() as i64
}

/// The spread score of a cost among costs from `least` to `most`.
#[must_use]
pub const fn spread_score(cost: i64, least: i64, most: i64) -> i64 {
    if most == 0 { MAX_SCORE } else { MAX_SCORE * (most + least - cost) / most }
}

/// Nodes in the same zone with equally many pods of the class: they cost the same.
#[derive(Clone, Copy, Debug)]
struct Cell {
    /// Whether a node that fits is in it.
    occurs: bool,
    cost: i64,
    score: i32,
}

/// Room to work in, kept to save the allocations.
#[derive(Clone, Debug, Default)]
pub(super) struct SpreadCells {
    /// By zone and pods on the node.
    cells: Vec<Cell>,
    /// The cell of each node that fits.
    of: Vec<u32>,
}

/// Adds the score of soft constraints to nodes that fit.
pub(super) fn score_spread(
    feasible: &mut Feasible,
    scratch: &mut SpreadCells,
    snapshot: &Snapshot,
    class: usize,
) {
    let spread = &snapshot.classes[class].spread;
    let is_soft = |c: &&SpreadConstraint| c.when == WhenUnsatisfiable::ScheduleAnyway;
    if !spread.iter().any(|constraint| is_soft(&constraint)) {
        return;
    }
    let by_hostname = spread.iter().filter(is_soft).any(|c| c.key == TopologyKey::Hostname);
    let state = &snapshot.by_class[class];
    let width = if by_hostname { state.domains.nodes_with.len() } else { 1 };
    let zones = &state.domains.zones;
    let SpreadCells { cells, of } = scratch;
    cells.clear();
    cells.resize(zones.len() * width, Cell { occurs: false, cost: 0, score: 0 });
    of.clear();
    of.extend(feasible.nodes.iter().map(|&node| {
        let on_node = if by_hostname { state.on_node[node as usize].staying } else { 0 };
        let cell = usize::from(snapshot.zone_of[node as usize]) * width + on_node as usize;
        cells[cell].occurs = true;
        cell as u32
    }));
    let occurs = |row: &&[Cell]| row.iter().any(|cell| cell.occurs);
    let n_zones = cells.chunks_exact(width).filter(occurs).count();
    let weights = SpreadWeights::new(feasible.nodes.len(), n_zones as u32);
    let (mut least, mut most) = (i64::MAX, 0);
    for (zone, row) in zones.iter().zip(cells.chunks_exact_mut(width)) {
        for (n_on_node, cell) in (0..).zip(row).filter(|(_, cell)| cell.occurs) {
            cell.cost = spread_cost(spread, n_on_node, zone.n_pods, &weights);
            (least, most) = (least.min(cell.cost), most.max(cell.cost));
        }
    }
    for cell in cells.iter_mut().filter(|cell| cell.occurs) {
        let score = SPREAD_WEIGHT * spread_score(cell.cost, least, most);
        cell.score = i32::try_from(score).expect("a few hundred");
    }
    for (score, &cell) in feasible.scores.iter_mut().zip(&*of) {
        *score += cells[cell as usize].score;
    }
}

#[cfg(test)]
mod tests {
    use super::super::snapshot::SYSTEM_DEFAULT_SPREAD;
    use super::*;

    /// Normalisation turns costs around: the fewest pods score best, nothing to spread scores 100.
    #[test]
    fn spread_costs_are_turned_around() {
        assert_eq!([2, 4, 8].map(|cost| spread_score(cost, 2, 8)), [100, 75, 25]);
        assert_eq!(spread_score(0, 0, 0), 100);
        assert_eq!(spread_score(3, 3, 3), 100);
    }

    /// Spread score by hand: 2 nodes in 2 zones, 3 pods of the workload on the first. Costs
    /// 3·ln 4 + 3·ln 4 + 2 + 4 = 14.3 and 6, scores 100·(14+6−14)/14 = 42 and 100.
    #[test]
    fn spread_score_by_hand() {
        let weights = SpreadWeights::new(2, 2);
        let costs = [3, 0].map(|n| spread_cost(&SYSTEM_DEFAULT_SPREAD, n, n, &weights));
        assert_eq!(costs, [14, 6]);
        assert_eq!(costs.map(|cost| spread_score(cost, 6, 14)), [42, 100]);
    }
}
