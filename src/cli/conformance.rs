//! `tideover conformance`: recorded decisions of the real controllers, run through ours.
//!
//! A verb for those who work on tideover: it is not in the help.

use anyhow::Context;

use crate::spec::escaped;

use crate::experiment::conformance::folder::run;

use crate::report::stdout;

use super::command_line::ConformanceArguments;
use super::exit::{Exit, Failure};
use super::talk::say;

/// Prints `kind passed/total` for each kind; every wrong line is said with its place.
pub(super) fn conformance(arguments: &ConformanceArguments) -> Result<(), Failure> {
    let tally = run(&arguments.folder).map_err(|bad| {
        let help = "name a folder of vectors, such as tests/vectors";
        say(&format!("error: {}\n  = help: {help}\n", escaped(&bad.to_string())));
        Failure::told(Exit::InvalidInput)
    })?;
    let printed = stdout::print(&tally.table());
    for wrong in tally.wrong() {
        say(&format!("{}\n", escaped(wrong)));
    }
    printed.context("cannot write to the standard output")?;
    if tally.wrong().is_empty() { Ok(()) } else { Err(Failure::told(Exit::Internal)) }
}
