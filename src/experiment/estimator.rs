//! How the figures of a study are estimated from its rows: by the way in which they were drawn.

use crate::control::sampling::Sampler;

use crate::sim::intervals::{self, Interval, Tails};
use crate::sim::statistics::{mean, order_statistic};

use super::metric::{Metric, Row, values};
use super::precision::{Estimate, mean_of, quantile_of};
use super::scrambles;
use super::strata::Strata;
use super::study::{Identity, Methods};

/// How figures are estimated.
#[derive(Clone, Debug, PartialEq)]
pub enum Estimator {
    /// From independent trials.
    Independent,
    /// From scrambled Sobol points.
    Sobol,
    /// From kinds of failure that were taken in turn; not at all before each has a trial.
    Stratified(Option<Strata>),
}

impl Estimator {
    /// The estimator for the rows of a study.
    #[must_use]
    pub fn new(identity: &Identity, rows: &[Row]) -> Self {
        match identity.sampling() {
            Sampler::Independent => Self::Independent,
            Sampler::Sobol => Self::Sobol,
            Sampler::Stratified => {
                Self::Stratified(identity.kinds().and_then(|kinds| Strata::new(rows, &kinds)))
            }
        }
    }

    /// How it is done, in words.
    #[must_use]
    pub const fn methods(&self) -> Methods {
        match self {
            Self::Independent => Methods::INDEPENDENT,
            Self::Sobol => Methods::SOBOL,
            Self::Stratified(_) => Methods::STRATIFIED,
        }
    }

    /// The mean of a metric where it applies; `None` if it nowhere does, or one value is infinite.
    #[must_use]
    pub fn mean_of(&self, rows: &[Row], metric: Metric, tails: Tails) -> Option<Estimate> {
        match self {
            Self::Independent => mean_of(&values(rows, metric), tails),
            Self::Sobol => scrambles::mean_of(rows, metric, tails),
            Self::Stratified(strata) => strata.as_ref()?.mean_of(rows, metric, tails),
        }
    }

    /// The quantile of a metric at `p`, where it applies, with its values in `sorted` order.
    #[must_use]
    pub fn quantile_of(
        &self,
        rows: &[Row],
        sorted: &[f64],
        metric: Metric,
        p: f64,
        tails: Tails,
    ) -> Option<Estimate> {
        match self {
            Self::Independent => quantile_of(sorted, p, tails),
            Self::Sobol => scrambles::quantile_of(rows, metric, p, tails),
            Self::Stratified(strata) => strata.as_ref()?.quantile_of(rows, metric, p, tails),
        }
    }

    /// The probability of an event of which rows show whether it happened, if they can tell, and
    /// where it lies.
    #[must_use]
    pub fn proportion(&self, happened: &[Option<bool>], tails: Tails) -> (Option<f64>, Interval) {
        let n = happened.iter().flatten().count() as u64;
        let n_happened = happened.iter().flatten().filter(|&&it| it).count() as u64;
        let share = (0 < n).then(|| n_happened as f64 / n as f64);
        match self {
            Self::Independent => (share, intervals::proportion(n_happened, n, tails)),
            Self::Sobol => (share, scrambles::proportion(happened, tails)),
            Self::Stratified(Some(strata)) => strata.proportion(happened, tails),
            Self::Stratified(None) => (None, Interval { low: 0.0, high: 1.0 }),
        }
    }
    /// The mean of values by row where there are some.
    #[must_use]
    pub fn value_mean(&self, values: &[Option<f64>]) -> Option<f64> {
        match self {
            Self::Independent | Self::Sobol => {
                mean(&values.iter().copied().flatten().collect::<Vec<_>>())
            }
            Self::Stratified(strata) => strata.as_ref()?.value_mean(values),
        }
    }

    /// The quantile at `p` of values by row where there are some.
    #[must_use]
    pub fn value_quantile(&self, values: &[Option<f64>], p: f64) -> Option<f64> {
        if let Self::Stratified(strata) = self {
            return strata.as_ref()?.value_quantile(values, p);
        }
        let mut found: Vec<f64> = values.iter().copied().flatten().collect();
        found.sort_by(f64::total_cmp);
        order_statistic(&found, p)
    }
}
