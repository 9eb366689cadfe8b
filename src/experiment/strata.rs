//! Figures of a study whose kinds of failure were taken in turn, each as often as the others.
//!
//! A trial of a kind then stands for that kind's share of all failures: it weighs that share over
//! the number of its trials, so that figures are those of independent trials. Rare kinds are known
//! as well as frequent ones. Means have Student's interval over the kinds (ratio of weighted sums,
//! linearised: Cochran, Sampling Techniques, sections 5.3 and 6.11). Quantiles and probabilities
//! have those of as many independent trials as the heaviest trial allows, which is conservative.

use crate::sim::intervals::{self, Interval, MeanPart, Tails};

use super::kinds::Kinds;
use super::metric::{Metric, Row};
use super::precision::Estimate;

/// The kinds of some rows, with what a row of each weighs.
#[derive(Clone, Debug, PartialEq)]
pub struct Strata {
    /// By row.
    kinds: Vec<usize>,
    /// By kind.
    weights: Vec<f64>,
}

/// A figure of a row with the row's weight.
#[derive(Clone, Copy, Debug)]
struct Weighed {
    weight: f64,
    value: f64,
}

impl Strata {
    /// The strata of rows; `None` if a kind has no trial, for then nothing stands for it.
    #[must_use]
    pub fn new(rows: &[Row], kinds: &Kinds<'_>) -> Option<Self> {
        let of_rows: Vec<usize> = rows.iter().map(|row| kinds.of(row.trial)).collect();
        let n_trials = |kind| of_rows.iter().filter(|&&it| it == kind).count();
        let weight = |kind| kinds.share(kind) / n_trials(kind) as f64;
        let weights: Vec<f64> = (0..kinds.rates.len()).map(weight).collect();
        weights.iter().all(|weight| weight.is_finite()).then_some(Self { kinds: of_rows, weights })
    }

    /// The mean of a metric where it applies; `None` if it nowhere does, or one value is infinite.
    #[must_use]
    pub fn mean_of(&self, rows: &[Row], metric: Metric, tails: Tails) -> Option<Estimate> {
        let found = self.weighed(rows, metric);
        let whole: f64 = found.iter().flatten().map(|it| it.weight).sum();
        let sum: f64 = found.iter().flatten().map(|it| it.weight * it.value).sum();
        let value = Some(sum / whole).filter(|mean| 0.0 < whole && mean.is_finite())?;
        let part = |kind: usize| {
            let here = found.iter().zip(&self.kinds).filter(|(_, of)| **of == kind);
            let pull = |it: &Weighed| it.weight * (it.value - value) / whole;
            let pulls: Vec<f64> = here.map(|(it, _)| it.as_ref().map_or(0.0, pull)).collect();
            let variance = crate::sim::statistics::variance(&pulls).unwrap_or(0.0);
            let n = pulls.len() as u64;
            MeanPart { variance: variance * n as f64, degrees: n - 1 }
        };
        let parts: Vec<MeanPart> = (0..self.weights.len()).map(part).collect();
        let ends = intervals::sum_of_means(value, &parts, tails);
        Some(Estimate { value, low: ends.map(|it| it.low), high: ends.map(|it| it.high) })
    }

    /// The quantile of a metric at `p`, where it applies; `None` if it nowhere does.
    #[must_use]
    pub fn quantile_of(
        &self,
        rows: &[Row],
        metric: Metric,
        p: f64,
        tails: Tails,
    ) -> Option<Estimate> {
        let sorted = self.sorted(rows.iter().map(|row| row.figure(metric).value()));
        let whole: f64 = sorted.iter().map(|it| it.weight).sum();
        let heaviest = sorted.iter().map(|it| it.weight).fold(0.0, f64::max);
        let at = |share: f64| reached(&sorted, share);
        let value = at(p)?;
        let n = (whole / heaviest + 1e-9) as usize;
        let ranks = intervals::quantile_ranks(n, p, tails);
        let end = |rank: Option<usize>| rank.and_then(|rank| at(rank as f64 / n as f64));
        Some(Estimate { value, low: end(ranks.low), high: end(ranks.high) })
    }

    /// The probability of an event of which some rows show whether it happened, and where it
    /// lies; `None` without any.
    #[must_use]
    pub fn proportion(&self, happened: &[Option<bool>], tails: Tails) -> (Option<f64>, Interval) {
        let weight = |(it, kind): (&Option<bool>, &usize)| Some(((*it)?, self.weights[*kind]));
        let known: Vec<(bool, f64)> = happened.iter().zip(&self.kinds).filter_map(weight).collect();
        let whole: f64 = known.iter().map(|it| it.1).sum();
        let heaviest = known.iter().map(|it| it.1).fold(0.0, f64::max);
        // Not `sum`, which is minus zero of nothing.
        let sum =
            |which: bool| known.iter().filter(|it| it.0 == which).fold(0.0, |sum, it| sum + it.1);
        if known.is_empty() {
            return (None, Interval { low: 0.0, high: 1.0 });
        }
        let [wins, losses] = [sum(true), sum(false)].map(|weight| weight / heaviest);
        (Some(sum(true) / whole), intervals::weighed_proportion(wins, losses, tails))
    }

    /// The mean of values by row where there are some.
    #[must_use]
    pub fn value_mean(&self, values: &[Option<f64>]) -> Option<f64> {
        let found = self.sorted(values.iter().copied());
        let whole: f64 = found.iter().map(|it| it.weight).sum();
        let sum: f64 = found.iter().map(|it| it.weight * it.value).sum();
        (!found.is_empty()).then(|| sum / whole)
    }

    /// The quantile at `p` of values by row where there are some.
    #[must_use]
    pub fn value_quantile(&self, values: &[Option<f64>], p: f64) -> Option<f64> {
        reached(&self.sorted(values.iter().copied()), p)
    }

    fn sorted(&self, values: impl Iterator<Item = Option<f64>>) -> Vec<Weighed> {
        let weighed = |(value, &kind): (Option<f64>, &usize)| {
            value.map(|value| Weighed { weight: self.weights[kind], value })
        };
        let mut found: Vec<Weighed> = values.zip(&self.kinds).filter_map(weighed).collect();
        found.sort_by(|a, b| a.value.total_cmp(&b.value));
        found
    }

    fn weighed(&self, rows: &[Row], metric: Metric) -> Vec<Option<Weighed>> {
        let weighed = |(row, &kind): (&Row, &usize)| {
            let weight = self.weights[kind];
            row.figure(metric).value().map(|value| Weighed { weight, value })
        };
        rows.iter().zip(&self.kinds).map(weighed).collect()
    }
}

/// The first of sorted values up to which there is at least a share of the weight, but for a
/// rounding.
fn reached(sorted: &[Weighed], share: f64) -> Option<f64> {
    let whole: f64 = sorted.iter().map(|it| it.weight).sum();
    let mut below = 0.0;
    let is_reached = |it: &&Weighed| {
        below += it.weight / whole;
        share <= below + 1e-9
    };
    sorted.iter().find(is_reached).map(|it| it.value)
}
