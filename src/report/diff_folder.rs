//! The result folder of a comparison: `differences.csv`, `attribution.csv`, the trials of both
//! versions as `mc` writes them, and `summary.json`.

use crate::experiment::diff::Compared;
use crate::experiment::diff_outcome::DiffOutcome;

use super::writer::{OutputFolder, WriteError};
use super::{diff_csv, summary_json, trials_csv};

/// Names of the files with the trials of each version.
const TRIALS: [&str; 2] = ["trials-before.csv", "trials-after.csv"];

/// `summary.json` of a comparison.
///
/// # Panics
/// Never: a comparison has string keys only.
#[must_use]
pub fn summary(diff: &DiffOutcome) -> String {
    serde_json::to_string_pretty(diff).expect("a comparison has string keys only") + "\n"
}

/// Writes every file of a comparison, `summary.json` last.
///
/// # Errors
/// At the first file that cannot be written whole; those before it stay, without a summary.
pub fn write(
    folder: &OutputFolder,
    diff: &DiffOutcome,
    compared: &Compared,
) -> Result<(), WriteError> {
    folder.remove(summary_json::FILE_NAME)?;
    for (name, rows) in TRIALS.iter().zip(&compared.rows) {
        folder.write(name, trials_csv::render(rows).as_bytes())?;
    }
    folder.write(diff_csv::DIFFERENCES, diff_csv::differences(diff).as_bytes())?;
    match &diff.attribution {
        Some(found) => {
            folder.write(diff_csv::ATTRIBUTION, diff_csv::attribution(found).as_bytes())?;
        }
        None => folder.remove(diff_csv::ATTRIBUTION)?,
    }
    folder.write(summary_json::FILE_NAME, summary(diff).as_bytes())
}
