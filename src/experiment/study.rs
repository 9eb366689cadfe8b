//! What many trials come to: `summary.json` of a study, as plain data (`tideover/study/v1`).
//!
//! A figure is a number, `null` where it does not apply or there are too few trials for it, or
//! the text `inf`: not reached by the end of the run. Quantiles and their intervals are order
//! statistics of all trials in which the figure applies, infinite ones included; a mean exists
//! only where none is infinite.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::sim::intervals::Tails;
use crate::sim::statistics::Worst;

use crate::control::sampling::Sampler;

use crate::model::fact::FactLog;

use crate::metrics::capacity_plan::Room;

use super::estimator::Estimator;
use super::kinds::{self, KindRate, Kinds};
use super::metric::{Metric, Row, Worse, values};
use super::monte_carlo::{CONFIDENCE, Ended, Study};
use super::precision::{Estimate, Precision, n_looks};
use super::prices::Prices;
use super::study_breakdown::{Breakdown, rooms};
use super::study_verdict::ObjectiveShown;
use super::yearly::{Yearly, yearly};

/// Name of the schema that a [`StudyOutcome`] follows.
pub const SCHEMA: &str = "tideover/study/v1";

/// The quantiles that are reported.
const QUANTILES: [f64; 10] = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999];

/// The worst trials that are named for each metric.
const N_WORST: usize = 5;

/// What the rows of a study were made from: only rows of equal identity belong together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// Name of the scenario.
    pub scenario: String,
    /// Hash of its text and of the files that it names, 16 hexadecimal digits.
    pub scenario_hash: String,
    /// Version of the program.
    pub version: String,
    /// Fingerprint of trial 0: programs that differ in it give other results for this scenario.
    pub engine: String,
    /// Seed of all draws.
    pub seed: u64,
    /// Which traffic engine ran.
    pub fidelity: String,
    /// How random inputs were drawn.
    pub sampler: String,
    /// How many trials the study has at most, from trial 0 on.
    pub trials: u64,
    /// When it stops before, as typed.
    pub until: Option<String>,
    /// Flags that change the result, as typed.
    pub flags: Vec<String>,
    /// How often each kind of failure happens, where the scenario says so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failure_rates: Vec<KindRate>,
    /// Names of the clusters, in the order of the scenario.
    pub clusters: Vec<String>,
    /// Addresses that each cluster has, where one states its network.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rooms: Vec<Room>,
    /// What costs of its trials were made from, where prices are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices: Option<PricesIdentity>,
    /// Length of a run after its warm-up \[s\].
    pub horizon_s: f64,
    /// Recovery time objective of the scenario \[s\].
    pub recovery_objective_s: Option<f64>,
    /// Names of the metrics, in the order of columns.
    pub metrics: Vec<String>,
}

/// What the costs of a study were made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PricesIdentity {
    /// Their currency.
    pub currency: String,
    /// Hash of the prices, 16 hexadecimal digits.
    pub hash: String,
}

impl From<&Prices> for PricesIdentity {
    fn from(prices: &Prices) -> Self {
        Self { currency: prices.currency.clone(), hash: prices.hash() }
    }
}

impl Identity {
    /// The identity of a study whose trial 0 has that row.
    #[must_use]
    pub fn new(
        study: &Study<'_>,
        n_trials: u64,
        until: Option<Precision>,
        first: &Row,
        flags: Vec<String>,
    ) -> Self {
        let run = study.scenario.run();
        Self {
            scenario: study.scenario.name().to_owned(),
            scenario_hash: format!("{:016x}", study.scenario.hash()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            engine: format!("{:016x}", first.fingerprint),
            seed: study.seed,
            fidelity: study.fidelity.name().to_owned(),
            sampler: study.sampler.name().to_owned(),
            trials: n_trials,
            until: until.map(|until| until.to_string()),
            flags,
            failure_rates: kinds::rates(study.scenario),
            clusters: study.scenario.world().clusters.iter().map(|it| it.name.clone()).collect(),
            rooms: rooms(study.scenario.world()),
            prices: study.prices.map(Into::into),
            horizon_s: run.horizon.as_secs_f64(),
            recovery_objective_s: run.recovery_objective.map(|objective| objective.as_secs_f64()),
            metrics: Metric::ALL.iter().map(|metric| metric.name().to_owned()).collect(),
        }
    }

    /// Tails of the intervals: the confidence is shared out between the looks, if there are some.
    #[must_use]
    pub fn tails(&self) -> Tails {
        Tails::both(CONFIDENCE).split(self.n_looks())
    }

    /// How its random inputs were drawn.
    #[must_use]
    pub fn sampling(&self) -> Sampler {
        let named = Sampler::ALL.into_iter().find(|sampler| sampler.name() == self.sampler);
        named.unwrap_or_default()
    }

    /// The kinds of failure of its trials, where the scenario says how often each happens.
    #[must_use]
    pub fn kinds(&self) -> Option<Kinds<'_>> {
        Kinds::new(&self.failure_rates, self.seed, self.sampling())
    }

    fn n_looks(&self) -> u32 {
        if self.until.is_some() { n_looks(self.trials).max(1) } else { 1 }
    }
}

/// What a study came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StudyOutcome {
    /// Always [`SCHEMA`].
    pub schema: Cow<'static, str>,
    /// What it was made from.
    #[serde(flatten)]
    pub identity: Identity,
    /// Trials that were run, from trial 0 on.
    pub n_trials: u64,
    /// Why there are no more.
    pub ended: Cow<'static, str>,
    /// Whether trials are missing: it was stopped before it was complete or precise enough.
    pub partial: bool,
    /// What every statement is conditional on.
    pub condition: Cow<'static, str>,
    /// Confidence of each interval.
    pub confidence: f64,
    /// How often the growing sample was to be looked at; the confidence is shared out between
    /// the looks.
    pub n_looks: u32,
    /// How the intervals were made.
    pub methods: Methods,
    /// The distribution of each metric.
    pub distributions: Vec<Distribution>,
    /// Probabilities of events.
    pub probabilities: Vec<Probability>,
    /// What the failures of a year come to, where the scenario says how often they happen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yearly: Option<Yearly>,
    /// Why requests failed, and how each cluster fared.
    #[serde(flatten)]
    pub breakdown: Breakdown,
    /// What the trials say about the scenario's objectives.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objectives: Vec<ObjectiveShown>,
    /// Hash of all rows, 16 hexadecimal digits: equal studies have equal ones.
    pub fingerprint: String,
}

/// How the intervals were made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Methods {
    /// For quantiles.
    pub quantiles: Cow<'static, str>,
    /// For probabilities.
    pub probabilities: Cow<'static, str>,
    /// For means.
    pub means: Cow<'static, str>,
}

impl Methods {
    pub(super) const INDEPENDENT: Self = Self {
        quantiles: Cow::Borrowed(
            "order statistics by binomial ranks, conservative; never-reached values are inf",
        ),
        probabilities: Cow::Borrowed("Clopper-Pearson"),
        means: Cow::Borrowed("Student's t; none where a value is inf"),
    };

    pub(super) const SOBOL: Self = Self {
        quantiles: Cow::Borrowed(
            "Woodruff: Student's t for the share below, over 16 independent scrambles; \
             never-reached values are inf",
        ),
        probabilities: Cow::Borrowed(
            "Student's t over 16 independent scrambles; Clopper-Pearson on their first points \
             where all have the same share",
        ),
        means: Cow::Borrowed(
            "Student's t over 16 independent scrambles; none where a value is inf",
        ),
    };

    pub(super) const STRATIFIED: Self = Self {
        quantiles: Cow::Borrowed(
            "trials weigh their kind's share of failures; binomial ranks among as many as the \
             heaviest allows, conservative; never-reached values are inf",
        ),
        probabilities: Cow::Borrowed(
            "trials weigh their kind's share of failures; Clopper-Pearson for as many as the \
             heaviest allows, conservative",
        ),
        means: Cow::Borrowed(
            "trials weigh their kind's share of failures; Student's t with Satterthwaite's \
             degrees; none where a value is inf",
        ),
    };
}

/// How a metric is distributed over trials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    /// Name of the metric.
    pub metric: Cow<'static, str>,
    /// Trials in which it applies.
    pub n: u64,
    /// Trials in which it does not apply.
    pub n_inapplicable: u64,
    /// Trials in which it was not reached by the end of the run.
    pub n_never: u64,
    /// Least value.
    #[serde(serialize_with = "figure", deserialize_with = "read_figure")]
    pub min: Option<f64>,
    /// Largest value.
    #[serde(serialize_with = "figure", deserialize_with = "read_figure")]
    pub max: Option<f64>,
    /// Mean with its interval; none where a value is infinite.
    pub mean: Option<Reported>,
    /// Quantiles with their intervals.
    pub quantiles: Vec<QuantileReported>,
    /// Numbers of the worst trials, worst first.
    pub worst_trials: Vec<u64>,
}

/// An estimate with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reported {
    /// The estimate.
    #[serde(serialize_with = "bare_figure", deserialize_with = "read_bare_figure")]
    pub value: f64,
    /// Lower end of the interval.
    #[serde(serialize_with = "figure", deserialize_with = "read_figure")]
    pub low: Option<f64>,
    /// Upper end of the interval.
    #[serde(serialize_with = "figure", deserialize_with = "read_figure")]
    pub high: Option<f64>,
}

/// A quantile with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuantileReported {
    /// The share of trials that do not exceed it.
    pub p: f64,
    /// The estimate.
    #[serde(flatten)]
    pub estimate: Reported,
}

/// The probability of an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probability {
    /// What happens, e.g. `rto_s<=300`.
    pub event: String,
    /// Trials in which it happened.
    pub n_happened: u64,
    /// Trials in which it could be told.
    pub n: u64,
    /// Share of the trials.
    pub value: Option<f64>,
    /// Lower end of its interval.
    pub low: f64,
    /// Upper end of its interval.
    pub high: f64,
}

impl From<Estimate> for Reported {
    fn from(estimate: Estimate) -> Self {
        Self { value: estimate.value, low: estimate.low, high: estimate.high }
    }
}

/// Folds the rows of a study, which are those of its first trials, into its outcome.
#[must_use]
pub fn outcome(identity: Identity, rows: &[Row], ended: Ended) -> StudyOutcome {
    let tails = identity.tails();
    let estimator = Estimator::new(&identity, rows);
    let kinds = identity.kinds();
    let yearly = kinds.map(|kinds| yearly(rows, &kinds, identity.horizon_s, tails));
    StudyOutcome {
        schema: SCHEMA.into(),
        n_trials: rows.len() as u64,
        ended: match ended {
            Ended::Complete => "complete".into(),
            Ended::Precise => "precise".into(),
            Ended::Stopped => "stopped".into(),
        },
        partial: ended == Ended::Stopped,
        condition: if yearly.is_some() {
            "one failure, drawn by the rates that the scenario states".into()
        } else {
            "the faults as the scenario states them: it says nothing about how often".into()
        },
        confidence: CONFIDENCE,
        n_looks: identity.n_looks(),
        methods: estimator.methods(),
        distributions: Metric::ALL
            .iter()
            .map(|&metric| distribution(rows, metric, tails, &estimator))
            .collect(),
        probabilities: probabilities(&identity, rows, tails, &estimator),
        yearly,
        breakdown: Breakdown::new(&identity.clusters, &identity.rooms, rows, &estimator),
        objectives: Vec::new(),
        fingerprint: format!("{:016x}", fingerprint(rows)),
        identity,
    }
}

fn distribution(rows: &[Row], metric: Metric, tails: Tails, by: &Estimator) -> Distribution {
    let mut sorted = values(rows, metric);
    sorted.sort_by(f64::total_cmp);
    let quantile = |&p: &f64| {
        let estimate = by.quantile_of(rows, &sorted, metric, p, tails);
        Some(QuantileReported { p, estimate: estimate?.into() })
    };
    Distribution {
        metric: metric.name().into(),
        n: sorted.len() as u64,
        n_inapplicable: (rows.len() - sorted.len()) as u64,
        n_never: sorted.iter().filter(|value| value.is_infinite()).count() as u64,
        min: sorted.first().copied(),
        max: sorted.last().copied(),
        mean: by.mean_of(rows, metric, tails).map(Reported::from),
        quantiles: QUANTILES.iter().filter_map(quantile).collect(),
        worst_trials: worst(rows, metric, N_WORST),
    }
}

/// The numbers of the `n` worst trials of a metric, worst first, earlier ones first among equals.
#[must_use]
pub fn worst(rows: &[Row], metric: Metric, n: usize) -> Vec<u64> {
    let mut worst = Worst::new(n);
    for row in rows {
        if let Some(value) = row.figure(metric).value() {
            let badness = if metric.worse() == Worse::Higher { value } else { -value };
            worst.offer(badness, row.trial);
        }
    }
    worst.trials().iter().map(|&(_, trial)| trial).collect()
}

/// The trial whose value of a metric is the median, the earliest among equals.
#[must_use]
pub fn median(rows: &[Row], metric: Metric) -> Option<u64> {
    let mut found: Vec<&Row> =
        rows.iter().filter(|row| row.figure(metric).value().is_some()).collect();
    found.sort_by_key(|row| (row.figure(metric), row.trial));
    let value = found.get(found.len().div_ceil(2).checked_sub(1)?)?.figure(metric);
    found.iter().find(|row| row.figure(metric) == value).map(|row| row.trial)
}

fn probabilities(
    identity: &Identity,
    rows: &[Row],
    tails: Tails,
    by: &Estimator,
) -> Vec<Probability> {
    let share = |event: String, metric: Metric, limit: f64| {
        let figures = rows.iter().map(|row| row.figure(metric).value());
        let happened: Vec<Option<bool>> =
            figures.map(|figure| figure.map(|figure| figure <= limit)).collect();
        probability(event, &happened, tails, by)
    };
    let within = |event: String, limit_s: f64| share(event, Metric::RecoveryTime, limit_s);
    let objective = identity.recovery_objective_s;
    let has_writes = rows.iter().any(|row| row.figure(Metric::LostWrites).value().is_some());
    let lossless = has_writes.then(|| share("lost_writes=0".to_owned(), Metric::LostWrites, 0.0));
    [
        Some(within("users never fell below the objective (rto_s=0)".to_owned(), 0.0)),
        objective.map(|limit_s| within(format!("rto_s<={limit_s}"), limit_s)),
        Some(within("recovered within the run".to_owned(), f64::MAX)),
        lossless,
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn probability(
    event: String,
    happened: &[Option<bool>],
    tails: Tails,
    by: &Estimator,
) -> Probability {
    let n = happened.iter().flatten().count() as u64;
    let n_happened = happened.iter().flatten().filter(|&&it| it).count() as u64;
    let (value, interval) = by.proportion(happened, tails);
    Probability { event, n_happened, n, value, low: interval.low, high: interval.high }
}

/// Hash of some rows.
pub(super) fn fingerprint(rows: &[Row]) -> u64 {
    let mut hash = FactLog::default();
    for row in rows {
        hash.absorb(row.trial);
        hash.absorb(row.fingerprint);
        row.figures.iter().for_each(|figure| hash.absorb(figure.millionths() as u64));
    }
    hash.fingerprint()
}

fn bare_figure<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() {
        serializer.serialize_f64(*value)
    } else {
        serializer.serialize_str("inf")
    }
}

/// A figure as it is written: a number, `inf` or nothing.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(f64),
    Word(String),
}

impl Written {
    fn value<E: serde::de::Error>(self) -> Result<f64, E> {
        match self {
            Self::Number(value) => Ok(value),
            Self::Word(word) if word == "inf" => Ok(f64::INFINITY),
            Self::Word(word) => Err(E::custom(format!("read `{word}`, allowed: a number, inf"))),
        }
    }
}

pub(super) fn read_figure<'d, D: Deserializer<'d>>(from: D) -> Result<Option<f64>, D::Error> {
    Option::<Written>::deserialize(from)?.map(Written::value).transpose()
}

fn read_bare_figure<'d, D: Deserializer<'d>>(from: D) -> Result<f64, D::Error> {
    Written::deserialize(from)?.value()
}

#[expect(clippy::ref_option, reason = "the signature is that of serialize_with")]
pub(super) fn figure<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => bare_figure(value, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers, infinity and nothing read back as they were written; another word is refused.
    #[test]
    fn figures_read_back() {
        let written = |value: &str| format!("{{\"value\":3.5,\"low\":{value},\"high\":null}}");
        for value in ["1.25", "\"inf\"", "null"] {
            let read: Reported = serde_json::from_str(&written(value)).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), written(value));
        }
        let wrong = serde_json::from_str::<Reported>(&written("\"many\"")).unwrap_err();
        assert!(wrong.to_string().contains("read `many`, allowed: a number, inf"), "{wrong}");
    }
}
