//! What the failures of a year come to: for each kind its rate times the mean over its trials.
//!
//! The rates are the scenario's and count as exact; what is uncertain is what a failure of each
//! kind does. Its mean is taken within the kind, however its trials were drawn, so that chance in
//! how many of them a study has does not matter (post-stratification: Holt and Smith, Journal of
//! the Royal Statistical Society A 142, 1979). A failure counts up to the end of the run.
//!
//! Kinds strike independently of each other, so that two may come within one run; that is
//! neglected. There are at most rate² times the length of a run of such pairs in a year.

use serde::{Deserialize, Serialize};

use crate::sim::intervals::{self, MeanPart, Tails};
use crate::sim::statistics::{mean, order_statistic, variance};

use super::kinds::Kinds;
use super::metric::{Figure, Metric, Row};
use super::precision::{Estimate, mean_of};
use super::study::{Reported, figure, read_figure};

/// Minutes of a year of 365 days.
const YEAR_MIN: f64 = 525_600.0;

/// What the failures of a year come to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Yearly {
    /// Failures in a year on average: the sum of the rates.
    pub failures_per_year: f64,
    /// Minutes in a year in which service is below its objective.
    pub below_objective_min_per_year: Option<Reported>,
    /// Requests in a year that fail by failures, until users are served again.
    pub failed_requests_per_year: Option<Reported>,
    /// Writes in a year that are acknowledged and lost; `None` without a data tier.
    pub lost_writes_per_year: Option<Reported>,
    /// Share of a year in which service is not below its objective by a failure.
    pub availability: Option<Reported>,
    /// Failures in a year that begin within a run's length after another one, at most: what they
    /// do together is neglected.
    pub overlaps_per_year_at_most: f64,
    /// By kind of failure.
    pub kinds: Vec<KindOutcome>,
}

/// What failures of a kind come to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KindOutcome {
    /// Its name.
    pub name: String,
    /// How often it happens, in a year on average.
    pub rate_per_year: f64,
    /// Its trials.
    pub n_trials: u64,
    /// Those in which users were not served again within the run: what comes later is not counted.
    pub n_not_recovered: u64,
    /// Median recovery time \[s\].
    #[serde(serialize_with = "figure", deserialize_with = "read_figure")]
    pub rto_s_p50: Option<f64>,
    /// Mean seconds below the objective.
    pub below_objective_s: Option<Reported>,
    /// Mean failed requests.
    pub failed_requests: Option<Reported>,
    /// Mean lost writes.
    pub lost_writes: Option<Reported>,
    /// Its minutes below the objective in a year.
    pub below_objective_min_per_year: Option<f64>,
    /// Its failed requests in a year.
    pub failed_requests_per_year: Option<f64>,
}

/// The values of a metric in the trials of each kind; lost writes are none where no database was
/// taken.
fn by_kind(rows: &[Row], kinds: &Kinds<'_>, metric: Metric) -> Vec<Vec<f64>> {
    let mut found = vec![Vec::new(); kinds.rates.len()];
    for row in rows {
        let value = match row.figure(metric) {
            Figure::ABSENT if metric == Metric::LostWrites => Some(0.0),
            figure => figure.value(),
        };
        found[kinds.of(row.trial)].extend(value);
    }
    found
}

/// The sum over kinds of rate times mean, times `unit`; `None` if a kind has no trial with a
/// figure. It cannot be below zero, nor can its interval.
fn sum(values: &[Vec<f64>], kinds: &Kinds<'_>, unit: f64, tails: Tails) -> Option<Reported> {
    let mut value = 0.0;
    let mut parts = Vec::new();
    for (values, kind) in values.iter().zip(kinds.rates) {
        let factor = kind.rate_per_year * unit;
        value += factor * mean(values)?;
        let spread = variance(values).unwrap_or(0.0) / values.len() as f64;
        let degrees = values.len() as u64 - 1;
        parts.push(MeanPart { variance: factor * factor * spread, degrees });
    }
    let ends = intervals::sum_of_means(value, &parts, tails);
    let (low, high) = (ends.map(|it| it.low.max(0.0)), ends.map(|it| it.high));
    Some(Reported { value, low, high })
}

/// What the failures of a year come to, from the rows of a study with runs of `horizon_s`.
#[must_use]
pub fn yearly(rows: &[Row], kinds: &Kinds<'_>, horizon_s: f64, tails: Tails) -> Yearly {
    let below = by_kind(rows, kinds, Metric::BelowObjective);
    let failed = by_kind(rows, kinds, Metric::FailedRequests);
    let lost = by_kind(rows, kinds, Metric::LostWrites);
    let has_writes = rows.iter().any(|row| row.figure(Metric::LostWrites) != Figure::ABSENT);
    let below_min = sum(&below, kinds, 1.0 / 60.0, tails);
    let total = kinds.total_per_year();
    let outcome = |kind: usize| {
        let reported = |values: &[f64]| mean_of(values, tails).map(not_below_zero);
        let a_year = |values: &[f64]| Some(kinds.rates[kind].rate_per_year * mean(values)?);
        let of_kind = || rows.iter().filter(|row| kinds.of(row.trial) == kind);
        let mut times: Vec<f64> =
            of_kind().filter_map(|row| row.figure(Metric::RecoveryTime).value()).collect();
        times.sort_by(f64::total_cmp);
        KindOutcome {
            name: kinds.rates[kind].name.clone(),
            rate_per_year: kinds.rates[kind].rate_per_year,
            n_trials: of_kind().count() as u64,
            n_not_recovered: times.iter().filter(|time| time.is_infinite()).count() as u64,
            rto_s_p50: order_statistic(&times, 0.5),
            below_objective_s: reported(&below[kind]),
            failed_requests: reported(&failed[kind]),
            lost_writes: reported(&lost[kind]).filter(|_| has_writes),
            below_objective_min_per_year: a_year(&below[kind]).map(|secs| secs / 60.0),
            failed_requests_per_year: a_year(&failed[kind]),
        }
    };
    Yearly {
        failures_per_year: total,
        below_objective_min_per_year: below_min,
        failed_requests_per_year: sum(&failed, kinds, 1.0, tails),
        lost_writes_per_year: sum(&lost, kinds, 1.0, tails).filter(|_| has_writes),
        availability: below_min.map(availability),
        overlaps_per_year_at_most: total * total * horizon_s / (60.0 * YEAR_MIN),
        kinds: (0..kinds.rates.len()).map(outcome).collect(),
    }
}

fn not_below_zero(found: Estimate) -> Reported {
    let Estimate { value, low, high } = found;
    Reported { value, low: low.map(|low| low.max(0.0)), high }
}

/// The share of a year that is left.
fn availability(below_min: Reported) -> Reported {
    let left = |minutes: f64| 1.0 - minutes / YEAR_MIN;
    Reported {
        value: left(below_min.value),
        low: below_min.high.map(left),
        high: below_min.low.map(left),
    }
}
