//! From words on the command line to the verb that they call.

use std::ffi::OsString;
use std::io;

use anyhow::Context;
use clap::Parser;
use clap::error::ErrorKind;

use super::command_line::{CommandLine, Verb};
use super::exit::{Exit, Failure};
use super::{check, compare, conformance, diff, gate, mc, merge, report, run, size, sweep};

/// Reads the command line; `None` if it asked only for help or the version, which were printed.
///
/// # Errors
/// [`Exit::Usage`], after the mistake was explained; [`Exit::Internal`] if help could not be
/// printed.
pub fn parse(words: impl Iterator<Item = OsString>) -> Result<Option<CommandLine>, Failure> {
    let answer = match CommandLine::try_parse_from(words) {
        Ok(command_line) => return Ok(Some(command_line)),
        Err(answer) => answer,
    };
    let printed = answer.print();
    match answer.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => match printed {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(error).context("cannot write to the standard output")?
            }
            _ => Ok(None),
        },
        _ => Err(Failure::told(Exit::Usage)),
    }
}

/// Does what the command line says.
///
/// # Errors
/// What went wrong, with the exit code for it.
pub fn start(command_line: &CommandLine) -> Result<(), Failure> {
    match &command_line.verb {
        Verb::Run(arguments) => run::run(arguments),
        Verb::Mc(arguments) => mc::mc(arguments),
        Verb::Merge(arguments) => merge::merge(arguments),
        Verb::Gate(arguments) => gate::gate(arguments),
        Verb::Size(arguments) => size::size(arguments),
        Verb::Sweep(arguments) => sweep::sweep(arguments),
        Verb::Diff(arguments) => diff::diff(arguments),
        Verb::Report(arguments) => report::report(arguments),
        Verb::Check(arguments) => check::check(arguments),
        Verb::Compare(arguments) => compare::compare(arguments),
        Verb::Conformance(arguments) => conformance::conformance(arguments),
    }
}
