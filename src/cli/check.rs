//! `tideover check`: what is wrong with a scenario, and what all its values are.

use std::fmt::Write;

use anyhow::Context;
use serde::Serialize;

use crate::spec::{Diagnostics, Reported, Sources, render, reported};

use crate::scenario::Scenario;

use crate::report::stdout;

use super::command_line::CheckArguments;
use super::exit::{Exit, Failure};
use super::talk::say;
use super::{explain, scenario_file};

/// Checks the scenario; with `--explain`, prints every value and where it comes from.
pub(super) fn check(arguments: &CheckArguments) -> Result<(), Failure> {
    let read = scenario_file::read(&arguments.scenario);
    let (diagnostics, sources) = match &read {
        Ok(scenario) => (scenario.warnings(), scenario.sources()),
        Err(rejected) => (&rejected.diagnostics, &rejected.sources),
    };
    let scenario = read.as_ref().ok();
    let text = if arguments.json {
        let values = scenario.filter(|_| arguments.explain).map(explain::data);
        as_json(diagnostics, sources, values)
    } else {
        say(&render(diagnostics, sources));
        let explained = scenario.filter(|_| arguments.explain).map(explain::text);
        let summary = scenario.map(|scenario| summary(arguments, scenario));
        [explained, summary].into_iter().flatten().collect()
    };
    stdout::print(&text).context("cannot write to the standard output")?;
    if scenario.is_some() { Ok(()) } else { Err(Failure::told(Exit::InvalidInput)) }
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Findings {
    schema: &'static str,
    valid: bool,
    errors: usize,
    warnings: usize,
    diagnostics: Vec<Reported>,
    #[serde(skip_serializing_if = "Option::is_none")]
    values: Option<Vec<explain::Explained>>,
}

fn as_json(
    diagnostics: &Diagnostics,
    sources: &Sources,
    values: Option<Vec<explain::Explained>>,
) -> String {
    let (errors, warnings) = diagnostics.totals();
    let findings = Findings {
        schema: "tideover/check/v1",
        valid: !diagnostics.has_errors(),
        errors,
        warnings,
        diagnostics: reported(diagnostics, sources),
        values,
    };
    let text = serde_json::to_string_pretty(&findings).expect("findings have string keys only");
    text + "\n"
}

/// One line that a user can hold against what they meant.
fn summary(arguments: &CheckArguments, scenario: &Scenario) -> String {
    let world = scenario.world();
    let counts = [
        (world.regions.len(), "region"),
        (world.clusters.len(), "cluster"),
        (world.workloads.len(), "workload"),
        (scenario.faults().len(), "fault"),
    ];
    let name = scenario_file::shown(&arguments.scenario.scenario);
    let mut words = format!("{name} is valid:");
    for (index, (count, word)) in counts.into_iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let plural = if count == 1 { "" } else { "s" };
        write!(words, "{comma} {count} {word}{plural}").expect("a String takes all");
    }
    let run = scenario.run();
    format!("{words}; it simulates {} after {} of warm-up\n", run.horizon, run.warm_up)
}
