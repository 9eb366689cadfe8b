//! What a gate came to, as plain data (`tideover/gate/v1`).
//!
//! A figure is a number, `null` where it does not apply, or the text `inf`: not reached by the end
//! of the run.

use serde::{Serialize, Serializer};

use crate::scenario::changes::Change;
use crate::scenario::{Scenario, changes};

use super::diff_outcome::Difference;
use super::gate::{Judged, Judgement, Verdict};
use super::metric::Figure;
use super::sequential::Answer;

/// Name of the schema that a [`GateOutcome`] follows.
pub const SCHEMA: &str = "tideover/gate/v1";

/// What a gate came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GateOutcome {
    /// Always [`SCHEMA`].
    pub schema: &'static str,
    /// Name of the scenario.
    pub scenario: String,
    /// Hash of its text and of the files that it names, 16 hexadecimal digits.
    pub scenario_hash: String,
    /// Version of the program.
    pub version: &'static str,
    /// Seed of all draws.
    pub seed: u64,
    /// Which traffic engine ran.
    pub fidelity: &'static str,
    /// `met`, `missed`, `undecided` or `stopped`.
    pub verdict: &'static str,
    /// How sure the verdict is.
    pub confidence: f64,
    /// Trials that were run.
    pub n_trials: u64,
    /// Trials that would have been run at most.
    pub max_trials: u64,
    /// One by one.
    pub objectives: Vec<ObjectiveOutcome>,
    /// How well the system withstands the failure with fewer and fewer controllers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stability: Option<String>,
    /// Values that differ from the baseline; `None` without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Vec<ChangeOutcome>>,
    /// How the metrics of the objectives moved from the baseline, on the same trials; `None`
    /// without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moved: Option<Vec<Difference>>,
}

/// What became of one objective.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ObjectiveOutcome {
    /// The objective, e.g. `rto_s p(99)<300`.
    pub objective: String,
    /// What a trial must show, e.g. `rto_s<300`.
    pub event: String,
    /// `met`, `missed` or `undecided`.
    pub answer: &'static str,
    /// Share of trials that must show it.
    pub needed: f64,
    /// Trials when it was answered.
    pub n: u64,
    /// Trials that showed it.
    pub n_kept: u64,
    /// Trials to which the metric does not apply; they count as not showing it.
    pub n_inapplicable: u64,
    /// Lower end of the interval for the probability of showing it.
    pub low: f64,
    /// Upper end of that interval.
    pub high: f64,
    /// The quantile that the limit is for, as it was seen.
    #[serde(serialize_with = "figure")]
    pub quantile: Option<f64>,
    /// The first trial that did not show it: replay it with `run --trial`.
    pub first_failure: Option<u64>,
    /// The scenario file and the line that state it.
    pub place: Option<FilePlace>,
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FilePlace {
    /// The file as it was named.
    pub file: String,
    /// Number of the line, from 1.
    pub line: u32,
}

/// A value that differs from the baseline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangeOutcome {
    /// Where it stands, as `--set` understands it.
    pub path: String,
    /// What it is in the baseline.
    pub before: Option<String>,
    /// What it is here.
    pub after: Option<String>,
}

/// What a gate was asked, but for the objectives.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'s> {
    /// The scenario.
    pub scenario: &'s Scenario,
    /// The one that it is compared with.
    pub baseline: Option<&'s Scenario>,
    /// Seed of all draws.
    pub seed: u64,
    /// Which traffic engine ran.
    pub fidelity: &'static str,
    /// How sure the verdict must be.
    pub confidence: f64,
    /// Trials at most.
    pub max_trials: u64,
}

/// Puts together what a gate came to.
#[must_use]
pub fn outcome(
    asked: Asked<'_>,
    judgement: &Judgement,
    stability: Option<String>,
    moved: Option<Vec<Difference>>,
) -> GateOutcome {
    let scenario = asked.scenario;
    let places = scenario.objectives().iter().map(|objective| {
        let span = objective.span();
        let file = scenario.sources().get(span.source).name().to_owned();
        (file != "--set").then_some(FilePlace { file, line: span.start.line })
    });
    let judged = judgement.judged.iter().zip(places);
    GateOutcome {
        schema: SCHEMA,
        scenario: scenario.name().to_owned(),
        scenario_hash: format!("{:016x}", scenario.hash()),
        version: env!("CARGO_PKG_VERSION"),
        seed: asked.seed,
        fidelity: asked.fidelity,
        verdict: match judgement.verdict {
            Verdict::Met => "met",
            Verdict::Missed => "missed",
            Verdict::Undecided => "undecided",
            Verdict::Stopped => "stopped",
        },
        confidence: asked.confidence,
        n_trials: judgement.rows.len() as u64,
        max_trials: asked.max_trials,
        objectives: judged.map(|(judged, place)| objective(judged, place)).collect(),
        stability,
        changes: asked.baseline.map(|baseline| {
            changes::changes(baseline, scenario).into_iter().map(ChangeOutcome::from).collect()
        }),
        moved,
    }
}

fn objective(judged: &Judged, place: Option<FilePlace>) -> ObjectiveOutcome {
    ObjectiveOutcome {
        objective: judged.objective.to_string(),
        event: judged.objective.event(),
        answer: match judged.answer {
            Answer::Met => "met",
            Answer::Missed => "missed",
            Answer::Open => "undecided",
        },
        needed: judged.objective.statement.share,
        n: judged.n,
        n_kept: judged.n_kept,
        n_inapplicable: judged.n_without,
        low: judged.interval.low,
        high: judged.interval.high,
        quantile: Some(judged.quantile).and_then(Figure::value),
        first_failure: judged.first_failure,
        place,
    }
}

impl From<Change> for ChangeOutcome {
    fn from(change: Change) -> Self {
        Self { path: change.path, before: change.before, after: change.after }
    }
}

#[expect(clippy::ref_option, reason = "the signature is that of serialize_with")]
fn figure<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) if value.is_infinite() => serializer.serialize_str("inf"),
        Some(value) => serializer.serialize_f64(*value),
        None => serializer.serialize_none(),
    }
}
