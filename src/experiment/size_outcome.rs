//! What a sizing came to, as plain data (`tideover/size/v2`).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::sim::statistics::order_statistic;

use crate::model::fact::FactLog;

use super::frontier;
use super::metric::{Figure, Metric};
use super::size::{Sizes, Tried};
use super::size_cost::{LossOutcome, YearlyCost};
use super::size_demand::MaxDemandOutcome;
use super::size_ends::EndsOutcome;
use super::size_fault_time::FaultTimeOutcome;
use super::size_findings::Violation;
use super::size_next::NextOutcome;
use super::study::{self, figure, read_figure};
use super::study_breakdown::Breakdown;

/// Name of the schema that a [`SizeOutcome`] follows.
pub const SCHEMA: &str = "tideover/size/v2";

/// What a sizing came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SizeOutcome {
    /// Always [`SCHEMA`].
    pub schema: Cow<'static, str>,
    /// Name of the scenario.
    pub scenario: String,
    /// Hash of its text and of the files that it names, 16 hexadecimal digits.
    pub scenario_hash: String,
    /// Version of the program.
    pub version: Cow<'static, str>,
    /// Seed of all draws.
    pub seed: u64,
    /// Which traffic engine ran.
    pub fidelity: Cow<'static, str>,
    /// How sure the answer is.
    pub confidence: f64,
    /// How little below its share a probability may lie for a design to be called either.
    pub indifference: f64,
    /// What must be met.
    pub objectives: Vec<String>,
    /// The knobs as `path=min..max`.
    pub knobs: Vec<String>,
    /// The answer: the cheapest of `smallest`; `None` if nothing in range suffices.
    pub answer: Option<Vec<u32>>,
    /// Designs that suffice and of which no knob can be less.
    pub smallest: Vec<Vec<u32>>,
    /// Why one less of the last knob fails.
    pub one_less: Option<OneLess>,
    /// When faults strike; `None` if as the scenario is written, without another look.
    pub fault_time: Option<FaultTimeOutcome>,
    /// The answer at both ends of inputs that nobody knows well; `None` if there are none.
    pub ends: Option<EndsOutcome>,
    /// The largest demand that a design survives, if it was asked for.
    pub max_demand: Option<MaxDemandOutcome>,
    /// What binds if nothing suffices, or at the largest value that is valid.
    pub binds: Vec<String>,
    /// What one more of each knob would buy, what is worth most first.
    pub next: Vec<NextOutcome>,
    /// The design at the knee of the frontier, if it has one.
    pub knee: Option<Vec<u32>>,
    /// What the costs of a year rest on; `None` if nothing says what a failed request costs.
    pub loss: Option<LossOutcome>,
    /// Why requests failed with the answer, and how each cluster fared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_trials: Option<Breakdown>,
    /// Every design that was tried, smallest first.
    pub designs: Vec<DesignOutcome>,
    /// Currency of costs.
    pub currency: Option<String>,
    /// Trials that fare worse with more.
    pub violations: Vec<ViolationOutcome>,
}

impl SizeOutcome {
    /// Whether the design was given, and only its largest demand was looked for.
    #[must_use]
    pub const fn is_fixed(&self) -> bool {
        self.knobs.is_empty()
    }
}

/// A design that was tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DesignOutcome {
    /// The value of each knob.
    pub values: Vec<u32>,
    /// `met`, `missed` or `undecided`; `screened` if it kept its objectives in a few trials and was
    /// not judged further, for less suffices.
    pub verdict: Cow<'static, str>,
    /// Trials that were run.
    pub n_trials: u64,
    /// Share of them that keep each objective's limit.
    pub kept: Vec<f64>,
    /// What its nodes cost a month that are there whether something fails or not.
    pub monthly_cost: Option<f64>,
    /// 95th percentile of its recovery time \[s\]; infinite if more trials did not recover.
    #[serde(serialize_with = "figure", deserialize_with = "read_figure")]
    pub rto_s_p95: Option<f64>,
    /// 95th percentile of its failed requests.
    #[serde(serialize_with = "figure", deserialize_with = "read_figure")]
    pub failed_requests_p95: Option<f64>,
    /// A design that is no dearer, recovers as fast and loses as little, and is better in one of
    /// these; `None` on the frontier.
    pub dominated_by: Option<Vec<u32>>,
    /// What it costs in a year, if that was asked for.
    pub yearly_cost: Option<YearlyCost>,
}

/// Why one less of the last knob fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneLess {
    /// The design.
    pub values: Vec<u32>,
    /// `missed`, or `undecided`: then it may suffice, but was not shown to.
    pub verdict: Cow<'static, str>,
    /// The trial that shows it, if it does.
    pub trial: Option<u64>,
    /// What happens in it, in words.
    pub words: String,
    /// Assignments that make the design, for `--set`.
    pub sets: Vec<String>,
}

/// Trials that fare worse with more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViolationOutcome {
    /// The smaller design, which keeps the limit.
    pub less: Vec<u32>,
    /// The larger design, which does not.
    pub more: Vec<u32>,
    /// The objective.
    pub objective: String,
    /// The first such trial.
    pub trial: u64,
    /// How many there are.
    pub n: u64,
    /// Of how many.
    pub n_trials: u64,
}

/// The designs that were tried, smallest first; `monthly_cost` gives what one costs.
#[must_use]
pub fn designs(
    sizes: &Sizes,
    mut monthly_cost: impl FnMut(&[u32]) -> Option<f64>,
) -> Vec<DesignOutcome> {
    let mut designs: Vec<DesignOutcome> = sizes
        .tried
        .iter()
        .map(|tried| DesignOutcome {
            values: tried.values.clone(),
            verdict: tried.word().into(),
            n_trials: tried.judgement.rows.len() as u64,
            kept: kept(tried),
            monthly_cost: monthly_cost(&tried.values),
            rto_s_p95: p95(tried, Metric::RecoveryTime),
            failed_requests_p95: p95(tried, Metric::FailedRequests),
            dominated_by: None,
            yearly_cost: None,
        })
        .collect();
    designs.sort_by(|left, right| left.values.cmp(&right.values));
    frontier::mark(&mut designs);
    designs
}

/// The share of a design's trials that keep each objective's limit.
#[must_use]
pub fn kept(tried: &Tried) -> Vec<f64> {
    let judged = tried.judgement.judged.iter();
    judged.map(|it| it.n_kept as f64 / it.n.max(1) as f64).collect()
}

/// The 95th percentile over the trials of a design to which the metric applies.
fn p95(tried: &Tried, metric: Metric) -> Option<f64> {
    let mut figures: Vec<Figure> =
        tried.judgement.rows.iter().map(|row| row.figure(metric)).collect();
    figures.retain(|&figure| figure != Figure::ABSENT);
    figures.sort_unstable();
    order_statistic(&figures, 0.95).and_then(Figure::value)
}

/// Hash of all trials of all designs of some searches, 16 hexadecimal digits: equal sizings have
/// equal ones.
pub fn fingerprint<'s>(searches: impl IntoIterator<Item = &'s Sizes>) -> String {
    let mut hash = FactLog::default();
    for tried in searches.into_iter().flat_map(|sizes| &sizes.tried) {
        tried.values.iter().for_each(|&value| hash.absorb(value.into()));
        hash.absorb(study::fingerprint(&tried.judgement.rows));
    }
    format!("{:016x}", hash.fingerprint())
}

impl From<Violation> for ViolationOutcome {
    fn from(violation: Violation) -> Self {
        let Violation { less, more, objective, trial, n, n_trials } = violation;
        Self { less, more, objective: objective.to_string(), trial, n, n_trials }
    }
}
