//! The result folder of a sweep: `points.csv`, `trials.csv`, `effects.csv` and, last,
//! `summary.json`.

use crate::scenario::variation::Variation;

use crate::experiment::metric::Row;
use crate::experiment::sweep_outcome::SweepOutcome;

use super::writer::{OutputFolder, WriteError};
use super::{summary_json, sweep_csv, trials_csv};

/// `summary.json` of a sweep.
#[must_use]
pub fn summary(sweep: &SweepOutcome) -> String {
    serde_json::to_string_pretty(sweep).expect("a sweep has string keys only") + "\n"
}

/// Writes every file of a sweep.
///
/// # Errors
/// At the first file that cannot be written whole; those before it stay, without a summary.
pub fn write(
    folder: &OutputFolder,
    sweep: &SweepOutcome,
    knobs: &[Variation],
    rows: &[Vec<Row>],
) -> Result<(), WriteError> {
    folder.remove(summary_json::FILE_NAME)?;
    folder.write(sweep_csv::POINTS, sweep_csv::points(sweep, knobs).as_bytes())?;
    folder.write(trials_csv::FILE_NAME, sweep_csv::trials(sweep, knobs, rows).as_bytes())?;
    folder.write(sweep_csv::EFFECTS, sweep_csv::effects(sweep).as_bytes())?;
    folder.write(summary_json::FILE_NAME, summary(sweep).as_bytes())
}
