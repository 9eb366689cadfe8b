//! Why requests failed, and how each cluster fared, over the trials of a study.
//!
//! Without intervals: they say where to look and what to grant, the objectives decide.

use serde::{Deserialize, Serialize};

use crate::model::ids::ClusterId;
use crate::model::world::World;

use crate::metrics::capacity_plan::{Phase, Room};
use crate::metrics::outcome::Binding;

use crate::traffic::ledger::Reason;

use super::estimator::Estimator;
use super::metric::{Figure, Row};
use super::row_detail::{ClusterRow, PhaseRow};

/// What trials tell beyond their figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Breakdown {
    /// Why requests failed, the most frequent reason first.
    pub failed_by_reason: Vec<ReasonOutcome>,
    /// How each cluster fared, in the order of the scenario.
    pub by_cluster: Vec<ClusterStudy>,
}

impl Breakdown {
    /// What rows tell of the clusters with those names and that [room](rooms).
    #[must_use]
    pub fn new(names: &[String], rooms: &[Room], rows: &[Row], by: &Estimator) -> Self {
        Self { failed_by_reason: reasons(rows, by), by_cluster: clusters(names, rooms, rows, by) }
    }
}

/// Addresses that each cluster has; empty if none states its network.
#[must_use]
pub fn rooms(world: &World) -> Vec<Room> {
    let clusters = (0..world.clusters.len()).map(ClusterId::new);
    let rooms: Vec<Room> = clusters.map(|cluster| Room::of(world, cluster)).collect();
    if rooms.iter().all(|room| *room == Room::default()) { Vec::new() } else { rooms }
}

/// A reason for which requests failed in some trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReasonOutcome {
    /// Its name.
    pub reason: String,
    /// Mean failed requests in a trial.
    pub mean: f64,
    /// Its share of all failed requests.
    pub share: f64,
    /// Trials with any.
    pub n_trials: u64,
    /// The most in a trial.
    pub most: u64,
}

/// How a cluster fared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClusterStudy {
    /// Name in the scenario.
    pub cluster: String,
    /// Least headroom of a trial.
    pub headroom: Option<Spread>,
    /// The same, were all clusters of higher priority lost.
    pub failover: Option<Spread>,
    /// What limited further capacity when that was least, the most frequent first.
    pub binding: Vec<BindingCount>,
    /// Most active pods at a time.
    pub peak_pods: Option<Spread>,
    /// Most nodes at a time.
    pub peak_nodes: Option<Spread>,
    /// Nodes times hours.
    pub node_hours: Option<Spread>,
    /// What it took in each phase that some trial had.
    pub phases: Vec<PhaseStudy>,
}

/// What a cluster took at most at a time in a phase, over the trials that had it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhaseStudy {
    /// Which phase.
    pub phase: Phase,
    /// Trials that had it.
    pub n_trials: u64,
    /// Active pods.
    pub pods: Option<Spread>,
    /// Nodes.
    pub nodes: Option<Spread>,
    /// vCPUs of nodes.
    pub vcpus: Option<Spread>,
    /// Addresses of the nodes' subnet; `None` without a network.
    pub subnet_addresses: Option<AddressStudy>,
    /// What pods take beside that: /24 ranges or blocks of 16.
    pub pod_ranges: Option<AddressStudy>,
    /// What the dearest moment would cost, were it kept for a month; `None` without prices.
    pub monthly_cost: Option<Spread>,
}

/// Addresses that were taken, and how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AddressStudy {
    /// Most at a time.
    #[serde(flatten)]
    pub taken: Spread,
    /// How many there are.
    pub room: u32,
}

/// A figure over trials.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Its median.
    pub median: f64,
    /// What it is in one of twenty trials, or worse.
    pub rare: f64,
    /// The worst.
    pub worst: f64,
}

/// In how many trials something limited further capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BindingCount {
    /// What.
    pub binding: Binding,
    /// Trials.
    pub n_trials: u64,
}

fn reasons(rows: &[Row], by: &Estimator) -> Vec<ReasonOutcome> {
    let failed = |place: usize| rows.iter().map(move |row| row.detail.failed[place]);
    let mean = |place| by.value_mean(&failed(place).map(|it| Some(it as f64)).collect::<Vec<_>>());
    let means: Vec<f64> = (0..Reason::ALL.len()).map(|it| mean(it).unwrap_or(0.0)).collect();
    let all: f64 = means.iter().sum();
    let mut found: Vec<ReasonOutcome> = Reason::ALL
        .iter()
        .enumerate()
        .filter(|&(place, _)| 0.0 < means[place])
        .map(|(place, reason)| ReasonOutcome {
            reason: reason.name().to_owned(),
            mean: means[place],
            share: means[place] / all,
            n_trials: failed(place).filter(|&it| 0 < it).count() as u64,
            most: failed(place).max().unwrap_or(0),
        })
        .collect();
    found.sort_by(|a, b| b.mean.total_cmp(&a.mean));
    found
}

fn clusters(names: &[String], rooms: &[Room], rows: &[Row], by: &Estimator) -> Vec<ClusterStudy> {
    let room = |place: usize| rooms.get(place).copied().unwrap_or_default();
    let names = names.iter().enumerate();
    names.map(|(place, name)| cluster(name, place, room(place), rows, by)).collect()
}

fn cluster(name: &str, place: usize, room: Room, rows: &[Row], by: &Estimator) -> ClusterStudy {
    let here = || rows.iter().map(|row| row.detail.clusters.get(place));
    let values = |figure: fn(&ClusterRow) -> Option<f64>| -> Vec<Option<f64>> {
        here().map(|cluster| figure(cluster?)).collect()
    };
    let low_is_bad = |figure: fn(&ClusterRow) -> Figure| {
        let values: Vec<Option<f64>> =
            here().map(|it| it.and_then(|it| figure(it).value())).collect();
        spread(&values, 0.05, f64::min, by)
    };
    let high_is_bad = |figure| spread(&values(figure), 0.95, f64::max, by);
    ClusterStudy {
        cluster: name.to_owned(),
        headroom: low_is_bad(|it| it.headroom),
        failover: low_is_bad(|it| it.failover),
        binding: bindings(here().flatten()),
        peak_pods: high_is_bad(|it| Some(it.peak_pods.into())),
        peak_nodes: high_is_bad(|it| Some(it.peak_nodes.into())),
        node_hours: high_is_bad(|it| it.node_hours.value()),
        phases: Phase::ALL.iter().filter_map(|&it| phase(it, place, room, rows, by)).collect(),
    }
}

/// What a cluster took in a phase; `None` if no trial had it.
fn phase(
    phase: Phase,
    place: usize,
    room: Room,
    rows: &[Row],
    by: &Estimator,
) -> Option<PhaseStudy> {
    let of = |row: &Row| row.detail.clusters.get(place)?.phases[phase as usize];
    let here: Vec<Option<PhaseRow>> = rows.iter().map(of).collect();
    let n_trials = here.iter().flatten().count() as u64;
    let spread = |figure: &dyn Fn(&PhaseRow) -> Option<f64>| {
        let values: Vec<Option<f64>> = here.iter().map(|it| figure(it.as_ref()?)).collect();
        spread(&values, 0.95, f64::max, by)
    };
    let count = |figure: fn(&PhaseRow) -> u32| spread(&|it| Some(figure(it).into()));
    let addresses = |room: Option<u32>, figure| {
        let (room, taken) = room.zip(count(figure))?;
        Some(AddressStudy { taken, room })
    };
    (0 < n_trials).then(|| PhaseStudy {
        phase,
        n_trials,
        pods: count(|it| it.pods),
        nodes: count(|it| it.nodes),
        vcpus: count(|it| it.vcpus),
        subnet_addresses: addresses(room.subnet_addresses, |it| it.subnet_addresses),
        pod_ranges: addresses(room.pod_ranges, |it| it.pod_ranges),
        monthly_cost: spread(&|it| it.monthly_cost.value()),
    })
}

fn spread(
    values: &[Option<f64>],
    rare: f64,
    worse: fn(f64, f64) -> f64,
    by: &Estimator,
) -> Option<Spread> {
    Some(Spread {
        median: by.value_quantile(values, 0.5)?,
        rare: by.value_quantile(values, rare)?,
        worst: values.iter().flatten().copied().reduce(worse)?,
    })
}

fn bindings<'r>(clusters: impl Iterator<Item = &'r ClusterRow>) -> Vec<BindingCount> {
    let bound: Vec<Binding> = clusters.filter_map(|cluster| cluster.binding).collect();
    let count = |&binding: &Binding| BindingCount {
        binding,
        n_trials: bound.iter().filter(|&&it| it == binding).count() as u64,
    };
    let mut found: Vec<BindingCount> = Binding::ALL.iter().map(count).collect();
    found.retain(|it| 0 < it.n_trials);
    found.sort_by_key(|it| std::cmp::Reverse(it.n_trials));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::control::sampling::Sampler;
    use crate::experiment::kinds::{KindRate, Kinds};
    use crate::experiment::metric::N_METRICS;
    use crate::experiment::row_detail::RowDetail;
    use crate::experiment::strata::Strata;

    /// A trial in which so many requests timed out and met a full queue, with one cluster.
    fn row(trial: u64, timeout: u64, queue_full: u64, headroom: f64) -> Row {
        let mut detail = RowDetail::default();
        detail.failed[Reason::Timeout as usize] = timeout;
        detail.failed[Reason::QueueFull as usize] = queue_full;
        detail.clusters.push(ClusterRow {
            headroom: Figure::new(headroom),
            failover: Figure::ABSENT,
            binding: Some(if headroom < 0.0 { Binding::NodePoolMax } else { Binding::VcpuQuota }),
            peak_pods: 10 * (trial as u32 + 1),
            peak_nodes: 3,
            node_hours: Figure::new(1.5),
            phases: [
                Some(PhaseRow {
                    pods: 10,
                    nodes: 2,
                    vcpus: 16,
                    subnet_addresses: 62,
                    pod_ranges: 0,
                    monthly_cost: Figure::ABSENT,
                }),
                (0.0 <= headroom).then_some(PhaseRow {
                    pods: 40 + trial as u32,
                    nodes: 5,
                    vcpus: 40,
                    subnet_addresses: 155,
                    pod_ranges: 0,
                    monthly_cost: Figure::new(500.0),
                }),
                None,
            ],
        });
        Row { detail, ..Row::bare(trial, [Figure::ABSENT; N_METRICS]) }
    }

    /// By hand over four trials: 40 time-outs in two of them and 120 full queues in three, least
    /// headroom -50 %, and the node pool binds in three. What does not apply to any trial is none.
    #[test]
    fn a_breakdown_by_hand() {
        let rows =
            [row(0, 0, 60, 0.5), row(1, 30, 40, -0.1), row(2, 10, 20, -0.5), row(3, 0, 0, -0.2)];
        let found = reasons(&rows, &Estimator::Independent);
        let shown: Vec<_> =
            found.iter().map(|it| (&*it.reason, it.mean, it.share, it.n_trials, it.most)).collect();
        let expected = [("queue-full", 30.0, 0.75, 3, 60), ("timeout", 10.0, 0.25, 2, 30)];
        assert_eq!(shown, expected);
        let names = ["primary".to_owned()];
        let [primary] = &clusters(&names, &[], &rows, &Estimator::Independent)[..] else {
            panic!()
        };
        let spread = |median, rare, worst| Some(Spread { median, rare, worst });
        assert_eq!(primary.headroom, spread(-0.2, -0.5, -0.5));
        assert_eq!((primary.failover, primary.node_hours), (None, spread(1.5, 1.5, 1.5)));
        assert_eq!(primary.peak_pods, spread(20.0, 40.0, 40.0));
        let counted = |binding, n_trials| BindingCount { binding, n_trials };
        let expected = [counted(Binding::NodePoolMax, 3), counted(Binding::VcpuQuota, 1)];
        assert_eq!(primary.binding, expected);
        assert!(reasons(&rows[3..], &Estimator::Independent).is_empty());
    }

    /// A phase is told of over the trials that had it, and not at all if none had; addresses only
    /// where the cluster has some, cost only where it is known.
    #[test]
    fn phases_are_told_of_where_they_were() {
        let rows = [row(0, 0, 0, 0.5), row(1, 0, 0, -0.1), row(2, 0, 0, 0.2)];
        let room = Room { subnet_addresses: Some(250), pod_ranges: None };
        let found = clusters(&["primary".to_owned()], &[room], &rows, &Estimator::Independent);
        let [before, during] = &found[0].phases[..] else { panic!("{found:?}") };
        let spread = |median, rare, worst| Some(Spread { median, rare, worst });
        assert_eq!((before.n_trials, before.vcpus), (3, spread(16.0, 16.0, 16.0)));
        assert_eq!((during.n_trials, during.pods), (2, spread(40.0, 42.0, 42.0)));
        let subnet = during.subnet_addresses.unwrap();
        assert_eq!((Some(subnet.taken), subnet.room), (spread(155.0, 155.0, 155.0), 250));
        assert_eq!((during.pod_ranges, before.monthly_cost), (None, None));
        assert_eq!(during.monthly_cost, spread(500.0, 500.0, 500.0));
        let without = clusters(&["primary".to_owned()], &[], &rows, &Estimator::Independent);
        assert_eq!(without[0].phases[1].subnet_addresses, None);
    }

    /// Stratified trials weigh their kind's share: of two kinds, one three times as frequent, the
    /// mean leans to that one, and the median is its value.
    #[test]
    fn strata_weigh_their_share() {
        let rate = |name: &str, rate_per_year| KindRate { name: name.to_owned(), rate_per_year };
        let rates = [rate("often", 3.0), rate("rare", 1.0)];
        let kinds = Kinds::new(&rates, 1, Sampler::Stratified).unwrap();
        let rows = [row(0, 10, 0, 0.1), row(1, 50, 0, -0.9)];
        let by = Estimator::Stratified(Strata::new(&rows, &kinds));
        assert_eq!(reasons(&rows, &by)[0].mean, 20.0);
        let headroom = clusters(&["primary".to_owned()], &[], &rows, &by)[0].headroom.unwrap();
        assert_eq!((headroom.median, headroom.rare, headroom.worst), (0.1, -0.9, -0.9));
    }
}
