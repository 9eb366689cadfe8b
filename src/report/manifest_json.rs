//! `manifest.json`: what a result was made from, so that anybody can make it again.
//!
//! It holds no absolute path, no clock and no host: the same run writes the same bytes anywhere.

use serde::{Deserialize, Serialize};

/// Name of the file in a result folder.
pub const FILE_NAME: &str = "manifest.json";

/// Name of the schema of the file.
pub const SCHEMA: &str = "tideover/manifest/v1";

/// What a result was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Version of the program.
    pub version: String,
    /// Name of the scenario.
    pub scenario: String,
    /// Hash of the scenario's text and of the files that it names, 16 hexadecimal digits.
    pub scenario_hash: String,
    /// Seed of all random streams.
    pub seed: u64,
    /// Number of the trial.
    pub trial: u64,
    /// Flags that change the result, as typed, such as `--set clusters.secondary.warm=5`.
    pub flags: Vec<String>,
    /// Fingerprint of the run.
    pub fingerprint: String,
}

impl Manifest {
    /// The manifest of a run of this version.
    #[must_use]
    pub fn new(
        outcome: &crate::metrics::outcome::Outcome,
        scenario_hash: String,
        flags: Vec<String>,
    ) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            scenario: outcome.scenario.clone(),
            scenario_hash,
            seed: outcome.seed,
            trial: outcome.trial,
            flags,
            fingerprint: outcome.fingerprint.clone(),
        }
    }
}

/// The manifest as JSON, indented, with a line break at its end.
#[must_use]
pub fn render(manifest: &Manifest) -> String {
    let mut text = serde_json::to_string_pretty(manifest)
        .expect("a manifest has string keys only and every value can be written");
    text.push('\n');
    text
}
