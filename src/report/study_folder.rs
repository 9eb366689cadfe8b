//! The result folder of a study: `trials.csv`, `histograms.csv`, `summary.json` and, last,
//! `manifest.json`.

use serde::Serialize;

use crate::experiment::metric::Row;
use crate::experiment::study::{Identity, StudyOutcome};

use super::writer::{OutputFolder, WriteError};
use super::{histograms_csv, manifest_json, summary_json, trials_csv};

/// What a study was made from, and what came out.
#[derive(Debug, Serialize)]
struct StudyManifest<'a> {
    schema: &'static str,
    #[serde(flatten)]
    identity: &'a Identity,
    n_trials: u64,
    ended: &'static str,
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
    rows: &[Row],
) -> Result<(), WriteError> {
    let manifest = StudyManifest {
        schema: "tideover/study-manifest/v1",
        identity: &outcome.identity,
        n_trials: outcome.n_trials,
        ended: outcome.ended,
        partial: outcome.partial,
        fingerprint: &outcome.fingerprint,
    };
    folder.remove(manifest_json::FILE_NAME)?;
    folder.write(trials_csv::FILE_NAME, trials_csv::render(rows).as_bytes())?;
    folder.write(histograms_csv::FILE_NAME, histograms_csv::render(rows).as_bytes())?;
    folder.write(summary_json::FILE_NAME, summary(outcome).as_bytes())?;
    folder.write(manifest_json::FILE_NAME, json(&manifest).as_bytes())
}
