//! The result folder of a sizing: `size.json`, `frontier.csv`, `premises.json`, `report.md` and,
//! last, `manifest.json`.

use serde::{Deserialize, Serialize};

use crate::experiment::premises::Premises;
use crate::experiment::size_outcome::{DesignOutcome, SizeOutcome};

use super::cells::table;
use super::planning::result_texts::{REPORT, ResultTexts};
use super::size_table::spelled;
use super::writer::{OutputFolder, WriteError};
use super::{manifest_json, premises_json, size_cost};

/// Name of the file with the answer.
pub const SIZE: &str = "size.json";

/// Name of the file with the designs.
const FRONTIER: &str = "frontier.csv";

/// Name of the schema of the manifest.
pub const SCHEMA: &str = "tideover/size-manifest/v1";

/// What a sizing was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SizeManifest {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Version of the program.
    pub version: String,
    /// Name of the scenario.
    pub scenario: String,
    /// Hash of its text and of the files that it names, 16 hexadecimal digits.
    pub scenario_hash: String,
    /// Seed of all draws.
    pub seed: u64,
    /// Flags that change the result.
    pub flags: Vec<String>,
    /// Hash of all trials of all designs.
    pub fingerprint: String,
}

impl SizeManifest {
    /// The manifest of a sizing of this version.
    #[must_use]
    pub fn new(size: &SizeOutcome, flags: Vec<String>, fingerprint: String) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            version: size.version.to_string(),
            scenario: size.scenario.clone(),
            scenario_hash: size.scenario_hash.clone(),
            seed: size.seed,
            flags,
            fingerprint,
        }
    }
}

/// `size.json`: the sizing as JSON, indented, with a line break at its end.
#[must_use]
pub fn json(size: &SizeOutcome) -> String {
    pretty(size)
}

fn pretty(value: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(value);
    text.expect("a sizing has string keys only and every value can be written") + "\n"
}

/// Writes every file of a sizing.
///
/// # Errors
/// At the first file that cannot be written whole; those before it stay, without a manifest of
/// this sizing.
pub fn write(
    folder: &OutputFolder,
    size: &SizeOutcome,
    premises: &Premises,
    manifest: &SizeManifest,
) -> Result<(), WriteError> {
    let (answer, manifest) = (json(size), pretty(manifest));
    let premises = premises_json::render(premises);
    folder.remove(manifest_json::FILE_NAME)?;
    folder.write(SIZE, answer.as_bytes())?;
    folder.write(FRONTIER, frontier(size).as_bytes())?;
    folder.write(premises_json::FILE_NAME, premises.as_bytes())?;
    let texts = [
        (SIZE, answer.as_str()),
        (premises_json::FILE_NAME, premises.as_str()),
        (manifest_json::FILE_NAME, manifest.as_str()),
    ];
    folder.write(REPORT, ResultTexts::new(texts, &[]).markdown().as_bytes())?;
    folder.write(manifest_json::FILE_NAME, manifest.as_bytes())
}

/// `frontier.csv`: one row a design, smallest first.
fn frontier(size: &SizeOutcome) -> String {
    let header = [
        "design",
        "verdict",
        "n_trials",
        "rto_s_p95",
        "failed_requests_p95",
        "monthly_cost",
        "currency",
        "dominated_by",
        "is_knee",
        "yearly_nodes",
        "yearly_loss",
    ];
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    let row = |design: &DesignOutcome| {
        [
            spelled(&design.values),
            design.verdict.to_string(),
            design.n_trials.to_string(),
            number(design.rto_s_p95),
            number(design.failed_requests_p95),
            number(design.monthly_cost),
            size_cost::currency(size).to_owned(),
            design.dominated_by.as_ref().map_or_else(String::new, |values| spelled(values)),
            (size.knee.as_ref() == Some(&design.values)).to_string(),
            number(design.yearly_cost.as_ref().and_then(|cost| cost.nodes)),
            number(design.yearly_cost.as_ref().map(|cost| cost.loss.value)),
        ]
    };
    table(header, size.designs.iter().map(row))
}
