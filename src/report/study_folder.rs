//! The result folder of a study: `trials.csv`, `histograms.csv`, `summary.json`, `premises.json`,
//! `report.md` and, last, `manifest.json`.

use serde::Serialize;

use crate::experiment::metric::Row;
use crate::experiment::premises::Premises;
use crate::experiment::study::{Identity, StudyOutcome};

use super::planning::result_texts::{REPORT, ResultTexts};
use super::writer::{OutputFolder, WriteError};
use super::{histograms_csv, manifest_json, premises_json, summary_json, trials_csv};

/// Name of the schema of the manifest.
pub const SCHEMA: &str = "tideover/study-manifest/v1";

/// What a study was made from, and what came out.
#[derive(Debug, Serialize)]
struct StudyManifest<'a> {
    schema: &'static str,
    #[serde(flatten)]
    identity: &'a Identity,
    n_trials: u64,
    ended: &'a str,
    partial: bool,
    fingerprint: &'a str,
}

/// `summary.json` of a study.
#[must_use]
pub fn summary(outcome: &StudyOutcome) -> String {
    json(outcome)
}

fn json(value: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(value);
    text.expect("a study has string keys only and every value can be written") + "\n"
}

/// Writes every file of a study.
///
/// # Errors
/// At the first file that cannot be written whole; those before it stay, without a manifest of
/// this study.
pub fn write(
    folder: &OutputFolder,
    outcome: &StudyOutcome,
    premises: &Premises,
    rows: &[Row],
) -> Result<(), WriteError> {
    let manifest = StudyManifest {
        schema: SCHEMA,
        identity: &outcome.identity,
        n_trials: outcome.n_trials,
        ended: &outcome.ended,
        partial: outcome.partial,
        fingerprint: &outcome.fingerprint,
    };
    folder.remove(manifest_json::FILE_NAME)?;
    let trials = match outcome.identity.kinds() {
        Some(kinds) => trials_csv::render_kinds(rows, &kinds),
        None => trials_csv::render(rows),
    };
    folder.write(trials_csv::FILE_NAME, trials.as_bytes())?;
    folder.write(histograms_csv::FILE_NAME, histograms_csv::render(rows).as_bytes())?;
    let (summary, manifest) = (summary(outcome), json(&manifest));
    let premises = premises_json::render(premises);
    folder.write(summary_json::FILE_NAME, summary.as_bytes())?;
    folder.write(premises_json::FILE_NAME, premises.as_bytes())?;
    let texts = [
        (summary_json::FILE_NAME, summary.as_str()),
        (premises_json::FILE_NAME, premises.as_str()),
        (manifest_json::FILE_NAME, manifest.as_str()),
    ];
    folder.write(REPORT, ResultTexts::new(texts, &[]).markdown().as_bytes())?;
    folder.write(manifest_json::FILE_NAME, manifest.as_bytes())
}
