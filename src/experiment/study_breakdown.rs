//! Why requests failed, and how each cluster fared, over the trials of a study.
//!
//! Without intervals: they say where to look and what to grant, the objectives decide.

use serde::{Deserialize, Serialize};

use crate::metrics::outcome::Binding;

use crate::traffic::ledger::Reason;

use super::estimator::Estimator;
use super::metric::{Figure, Row};
use super::row_detail::ClusterRow;

/// What trials tell beyond their figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Breakdown {
    /// Why requests failed, the most frequent reason first.
    pub failed_by_reason: Vec<ReasonOutcome>,
    /// How each cluster fared, in the order of the scenario.
    pub by_cluster: Vec<ClusterStudy>,
}

impl Breakdown {
    /// What rows tell of the clusters with those names.
    #[must_use]
    pub fn new(names: &[String], rows: &[Row], by: &Estimator) -> Self {
        Self { failed_by_reason: reasons(rows, by), by_cluster: clusters(names, rows, by) }
    }
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

fn clusters(names: &[String], rows: &[Row], by: &Estimator) -> Vec<ClusterStudy> {
    names.iter().enumerate().map(|(place, name)| cluster(name, place, rows, by)).collect()
}

fn cluster(name: &str, place: usize, rows: &[Row], by: &Estimator) -> ClusterStudy {
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
    }
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
        let [primary] = &clusters(&names, &rows, &Estimator::Independent)[..] else { panic!() };
        let spread = |median, rare, worst| Some(Spread { median, rare, worst });
        assert_eq!(primary.headroom, spread(-0.2, -0.5, -0.5));
        assert_eq!((primary.failover, primary.node_hours), (None, spread(1.5, 1.5, 1.5)));
        assert_eq!(primary.peak_pods, spread(20.0, 40.0, 40.0));
        let counted = |binding, n_trials| BindingCount { binding, n_trials };
        let expected = [counted(Binding::NodePoolMax, 3), counted(Binding::VcpuQuota, 1)];
        assert_eq!(primary.binding, expected);
        assert!(reasons(&rows[3..], &Estimator::Independent).is_empty());
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
        let headroom = clusters(&["primary".to_owned()], &rows, &by)[0].headroom.unwrap();
        assert_eq!((headroom.median, headroom.rare, headroom.worst), (0.1, -0.9, -0.9));
    }
}
