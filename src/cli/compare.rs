//! `tideover compare`: several scenarios on the same seeds, in one table.

use anyhow::Context;

use crate::experiment;

use crate::report::{comparison, stdout};

use super::command_line::{CompareArguments, ScenarioArguments};
use super::exit::Failure;
use super::scenario_file;
use super::talk::say;

/// Replays every scenario with every seed and prints one CSV.
pub(super) fn compare(arguments: &CompareArguments) -> Result<(), Failure> {
    let mut scenarios = Vec::new();
    for path in &arguments.scenarios {
        let one = ScenarioArguments {
            scenario: path.clone(),
            sets: arguments.sets.clone(),
            strict: false,
        };
        scenarios.push(scenario_file::read_or_say(&one, !arguments.quiet)?);
    }
    let seeds = arguments.seeds.first..=arguments.seeds.last;
    let outcomes = experiment::compare::compare(&scenarios, seeds, |scenario, seed| {
        if !arguments.quiet {
            say(&format!("{}, seed {seed}\n", scenario.name()));
        }
    });
    stdout::print(&comparison::render(&outcomes)).context("cannot write to the standard output")?;
    Ok(())
}
