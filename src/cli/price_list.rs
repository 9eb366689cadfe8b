//! How the verbs read the prices that a scenario or the command line names.

use std::fs;
use std::path::{Path, PathBuf};

use crate::spec::{SourceId, escaped};

use crate::scenario::Scenario;

use crate::experiment::prices::Prices;

use super::talk::say;

/// The prices of a file, or what is wrong with it.
pub(super) fn read(path: &Path) -> Result<Prices, String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string());
    let prices = text.and_then(|text| Prices::parse(&text));
    prices.map_err(|wrong| format!("prices {}: {wrong}", escaped(&path.to_string_lossy())))
}

/// The file that the section `sizing` names, beside the scenario.
pub(super) fn stated(scenario: &Scenario) -> Option<PathBuf> {
    let file = scenario.sizing()?.prices.as_ref()?;
    Some(folder_of(scenario).join(file))
}

/// The prices that the scenario names; without them the report of a run has no cost, which is said.
pub(super) fn known(scenario: &Scenario, quiet: bool) -> Option<Prices> {
    match read(&stated(scenario)?) {
        Ok(prices) => Some(prices),
        Err(wrong) => {
            if !quiet {
                say(&format!("warning: {wrong}\n  = help: the report has no cost without them\n"));
            }
            None
        }
    }
}

/// The folder of the scenario file.
pub(super) fn folder_of(scenario: &Scenario) -> PathBuf {
    scenario.sources().get(SourceId::default()).folder().to_owned()
}
