//! `tideover report`: what a result folder says, for the one who has to decide.

use anyhow::Context;

use crate::spec::escaped;

use crate::report::planning::result_texts::ResultTexts;
use crate::report::{markdown, stdout};

use super::command_line::{ReportArguments, ReportFormat};
use super::exit::{Exit, Failure};

/// Prints the report of a finished result folder.
pub(super) fn report(arguments: &ReportArguments) -> Result<(), Failure> {
    let document = ResultTexts::read(&arguments.folder).and_then(|texts| texts.document());
    let document = document.map_err(|wrong| Failure {
        exit: Exit::InvalidInput,
        error: Some(anyhow::Error::msg(lines(&wrong))),
    })?;
    let text = match arguments.format {
        ReportFormat::Md => markdown::render(&document),
    };
    Ok(stdout::print(&text).context("cannot write to the standard output")?)
}

/// A message whose lines a name of a file cannot break.
fn lines(text: &str) -> String {
    text.lines().map(escaped).collect::<Vec<_>>().join("\n")
}
