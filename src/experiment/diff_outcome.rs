//! What a comparison of two versions came to, as plain data (`tideover/diff/v1`).

use serde::Serialize;

use crate::scenario::Scenario;
use crate::scenario::changes::changes;
use crate::scenario::edits::{Edit, Edits};

use super::diff::{Compared, DiffPlan, difference, rest};
use super::gate_outcome::ChangeOutcome;
use super::metric::{Metric, Row};
use super::monte_carlo::{CONFIDENCE, Ended};
use super::paired::{Bounded, Paired};

/// Name of the schema that a [`DiffOutcome`] follows.
pub const SCHEMA: &str = "tideover/diff/v1";

/// What a comparison came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DiffOutcome {
    /// Always [`SCHEMA`].
    pub schema: &'static str,
    /// Version of the program.
    pub version: &'static str,
    /// The first version.
    pub before: VersionOutcome,
    /// The second version.
    pub after: VersionOutcome,
    /// Seed of all draws.
    pub seed: u64,
    /// Which traffic engine ran.
    pub fidelity: &'static str,
    /// Trials of each version.
    pub n_trials: u64,
    /// Why there are no more.
    pub ended: &'static str,
    /// Whether trials are missing: it was stopped before it was complete or precise enough.
    pub partial: bool,
    /// When it stops before all trials, as typed.
    pub until: Option<String>,
    /// Confidence of each interval.
    pub confidence: f64,
    /// What a figure counts as that was not reached by the end of the run \[s\].
    pub restricted_to_s: f64,
    /// How the intervals were made.
    pub methods: Methods,
    /// Metrics that apply to both versions.
    pub differences: Vec<Difference>,
    /// What each edit of the file does by itself; `None` if there are too many edits.
    pub attribution: Option<Attribution>,
    /// Every value that differs, defaults included.
    pub changes: Vec<ChangeOutcome>,
}

/// Which scenario a version is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VersionOutcome {
    /// Its name.
    pub scenario: String,
    /// Hash of its text, its assignments and the files that it names, 16 hexadecimal digits.
    pub scenario_hash: String,
    /// What was set on the command line.
    pub sets: Vec<String>,
}

impl VersionOutcome {
    /// The scenario, which was loaded with those assignments.
    #[must_use]
    pub fn new(scenario: &Scenario, sets: &[String]) -> Self {
        Self {
            scenario: scenario.name().to_owned(),
            scenario_hash: format!("{:016x}", scenario.hash()),
            sets: sets.to_vec(),
        }
    }
}

/// How the intervals were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Methods {
    /// For differences.
    pub differences: &'static str,
    /// For shares of trials.
    pub shares: &'static str,
}

const METHODS: Methods = Methods {
    differences: "Student's t on differences within trials; a figure that was not reached by the \
                  end of the run counts as the length of the run (restricted mean)",
    shares: "Clopper-Pearson",
};

/// The difference of a metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Name of the metric.
    pub metric: &'static str,
    /// What is known of it.
    #[serde(flatten)]
    pub paired: Paired,
}

/// Which edit makes what of the difference.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Attribution {
    /// The edits, each by itself.
    pub edits: Vec<EditOutcome>,
    /// What is left when the edits' own effects are taken away: their interaction, edits that
    /// make no valid scenario by themselves, and files that changed.
    pub rest: Vec<Effect>,
    /// Edits that make no valid scenario by themselves.
    pub not_alone: Vec<NotAlone>,
}

/// What an edit does by itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EditOutcome {
    /// Where it is and what it is.
    #[serde(flatten)]
    pub edit: ChangeOutcome,
    /// What it does.
    pub effects: Vec<Effect>,
}

/// What something does to the mean of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Effect {
    /// Name of the metric.
    pub metric: &'static str,
    /// The mean difference with its interval.
    #[serde(flatten)]
    pub difference: Bounded,
}

/// An edit that makes no valid scenario by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotAlone {
    /// Where it is and what it is.
    #[serde(flatten)]
    pub edit: ChangeOutcome,
    /// Why.
    pub reason: String,
}

/// Puts together what a comparison of these versions came to.
///
/// `edits` are those whose versions the plan has after the first two: none of them if there is
/// only one, which then is the whole difference; `None` if there are too many.
#[must_use]
pub fn outcome(
    plan: &DiffPlan<'_>,
    versions: [VersionOutcome; 2],
    edits: Option<&Edits>,
    compared: &Compared,
) -> DiffOutcome {
    let [before, after] = versions;
    let (tails, horizon_s) = (plan.tails(), plan.horizon_s());
    let rows = &compared.rows;
    let pairs = Metric::ALL.iter().filter_map(|&metric| {
        let paired = difference(&rows[0], &rows[1], metric, horizon_s, tails)?;
        Some(Difference { metric: metric.name(), paired })
    });
    DiffOutcome {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION"),
        before,
        after,
        seed: plan.seed,
        fidelity: plan.fidelity.name(),
        n_trials: rows[0].len() as u64,
        ended: match compared.ended {
            Ended::Complete => "complete",
            Ended::Precise => "precise",
            Ended::Stopped => "stopped",
        },
        partial: compared.ended == Ended::Stopped,
        until: plan.until.map(|until| until.to_string()),
        confidence: CONFIDENCE,
        restricted_to_s: horizon_s,
        methods: METHODS,
        differences: pairs.collect(),
        attribution: edits.map(|edits| attribution(plan, edits, rows)),
        changes: changes(plan.versions[0], plan.versions[1]).into_iter().map(Into::into).collect(),
    }
}

fn attribution(plan: &DiffPlan<'_>, edits: &Edits, rows: &[Vec<Row>]) -> Attribution {
    let (tails, horizon_s) = (plan.tails(), plan.horizon_s());
    let is_whole = rows.len() == 2;
    let effects = |index: usize| {
        let after = if is_whole { &rows[1] } else { &rows[2 + index] };
        let effect = move |&metric: &Metric| {
            let difference = difference(&rows[0], after, metric, horizon_s, tails)?.difference;
            Some(Effect { metric: metric.name(), difference })
        };
        Metric::ALL.iter().filter_map(effect).collect()
    };
    let alone = edits.alone.iter().enumerate();
    let rest_of = |&metric: &Metric| {
        let difference = rest(rows, metric, horizon_s, tails)?;
        Some(Effect { metric: metric.name(), difference })
    };
    let is_explained = is_whole && edits.not_alone.is_empty() && !edits.alone.is_empty();
    Attribution {
        edits: alone
            .map(|(index, (edit, _))| EditOutcome { edit: edit.into(), effects: effects(index) })
            .collect(),
        rest: Metric::ALL.iter().filter(|_| !is_explained).filter_map(rest_of).collect(),
        not_alone: edits
            .not_alone
            .iter()
            .map(|(edit, reason)| NotAlone { edit: edit.into(), reason: reason.clone() })
            .collect(),
    }
}

impl From<&Edit> for ChangeOutcome {
    fn from(edit: &Edit) -> Self {
        Self { path: edit.path(), before: edit.before.clone(), after: edit.after.clone() }
    }
}
