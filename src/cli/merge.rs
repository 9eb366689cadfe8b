//! `tideover merge`: shards of a study put together, with the same files as the whole study.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::experiment::monte_carlo::Ended;
use crate::experiment::shard::{self, Shard};
use crate::experiment::study::{self, StudyOutcome};
use crate::experiment::study_verdict::with_objectives;

use crate::report::writer::OutputFolder;
use crate::report::{stdout, study_folder, study_table};

use super::command_line::MergeArguments;
use super::exit::{Exit, Failure};
use super::talk::say;

/// Reads the shards, puts them together, prints what they come to, and writes the result folder.
pub(super) fn merge(arguments: &MergeArguments) -> Result<(), Failure> {
    let shards: Vec<Shard> =
        arguments.shards.iter().map(|path| read(path)).collect::<Result<_, _>>()?;
    let merged = shard::merge(shards).map_err(|mismatch| invalid(mismatch.to_string()))?;
    if merged.rows.is_empty() {
        return Err(invalid("trial 0 is in no shard: nothing can be said".to_owned()));
    }
    let ended = if merged.missing.is_empty() { Ended::Complete } else { Ended::Stopped };
    let outcome = study::outcome(merged.identity, &merged.rows, ended);
    let outcome = with_objectives(outcome, &merged.premises, &merged.rows);
    let path = arguments.out.clone().unwrap_or_else(|| default_folder(&outcome.identity.scenario));
    let folder = OutputFolder::create(&path).map_err(|e| anyhow::Error::msg(e.to_string()));
    let folder = folder.context("cannot make the result folder")?;
    let written = study_folder::write(&folder, &outcome, &merged.premises, &merged.rows);
    print(&outcome, arguments.json)?;
    written.map_err(|e| anyhow::Error::msg(e.to_string())).context("the results are incomplete")?;
    if !arguments.quiet {
        say(&format!("results in {}/\n", path.display()));
    }
    if merged.missing.is_empty() {
        return Ok(());
    }
    let ranges = merged.missing.iter().map(|range| format!("{}..{}", range.start, range.end));
    let ranges = ranges.collect::<Vec<_>>().join(", ");
    Err(invalid(format!(
        "trials are missing: {ranges}; the result is partial and holds those before them"
    )))
}

/// Where the results of a study go.
pub(super) fn default_folder(scenario: &str) -> PathBuf {
    Path::new("results").join(format!("{scenario}-mc"))
}

/// The table or the summary on the standard output.
pub(super) fn print(outcome: &StudyOutcome, json: bool) -> Result<(), Failure> {
    let text = if json { study_folder::summary(outcome) } else { study_table::render(outcome) };
    Ok(stdout::print(&text).context("cannot write to the standard output")?)
}

fn read(path: &Path) -> Result<Shard, Failure> {
    let shown = path.display();
    let text =
        fs::read_to_string(path).map_err(|e| invalid(format!("cannot read {shown}: {e}")))?;
    shard::parse(&text).map_err(|wrong| invalid(format!("{shown} is no shard: {wrong}")))
}

fn invalid(message: String) -> Failure {
    Failure { exit: Exit::InvalidInput, error: Some(anyhow::Error::msg(message)) }
}
