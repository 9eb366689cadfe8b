//! `tideover size`: the smallest design that meets the objectives, and why one less fails.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::scenario::Scenario;
use crate::scenario::fault_time::FaultTimeSpec;
use crate::scenario::sizing::Sizing;

use crate::experiment::monte_carlo::Study;
use crate::experiment::premises::Premises;
use crate::experiment::prices::Prices;
use crate::experiment::size_outcome::SizeOutcome;

use crate::report::size_folder::{self, SizeManifest};
use crate::report::writer::OutputFolder;
use crate::report::{size_table, stdout};

use super::exit::{Exit, Failure};
use super::price_list::folder_of;
use super::size_catalogue::Catalogue;
use super::size_ends::{self, Inputs};
use super::size_line::{MaxDemandArgument, SizeArguments};
use super::size_progress::SizeProgress;
use super::size_study::{self, Found, How};
use super::talk::say;
use super::{interrupt, price_list, run, scenario_file, stability};

/// Finds the smallest design and says why it is that.
pub(super) fn size(arguments: &SizeArguments) -> Result<(), Failure> {
    let scenario = scenario_file::read_or_say(&arguments.scenario, !arguments.how.quiet)?;
    let sizing = sizing(&scenario, arguments)?;
    let prices = prices(&scenario, arguments, &sizing)?;
    let fidelity = run::fidelity(arguments.how.fidelity, &scenario)?;
    let seed = arguments.how.seed(&scenario);
    let sets = arguments.scenario.sets.clone();
    let progress = SizeProgress::new(arguments.how.quiet);
    let catalogue =
        Catalogue::new(scenario, sets, sizing, seed, fidelity, prices.clone(), progress.clone());
    let inputs =
        if arguments.no_ends { Ok(Inputs::default()) } else { size_ends::inputs(&catalogue) };
    let inputs = inputs.map_err(invalid)?;
    let path = result_path(arguments, &catalogue.scenario);
    let folder = OutputFolder::create(&path).map_err(run::said);
    let folder = folder.context("cannot make the result folder")?;
    interrupt::listen()?;
    let (max_trials, max_demand) = (arguments.max_trials, arguments.max_demand);
    let how = How { max_trials, threads: arguments.how.threads(), max_demand };
    let found = size_study::study(&catalogue, &inputs, how, prices.as_ref());
    progress.finish();
    let Some(found) = found.map_err(invalid)? else {
        say("interrupted: there is no answer\n");
        return Err(Failure::told(Exit::Interrupted));
    };
    let outcome = &found.outcome;
    let text =
        if arguments.json { size_folder::json(outcome) } else { size_table::render(outcome) };
    let written = write(&folder, &catalogue, arguments, &found);
    stdout::print(&text).context("cannot write to the standard output")?;
    written.context("the results are incomplete")?;
    if !arguments.how.quiet {
        say(&format!("results in {}\n", run::shown(&path)));
    }
    if let Some(demand) = &outcome.max_demand {
        let is_open = demand.tried.iter().any(|tried| tried.verdict == "undecided");
        return verdict(demand.percent.is_some(), is_open);
    }
    let is_open = outcome.designs.iter().any(|design| design.verdict == "undecided");
    verdict(outcome.answer.is_some(), is_open)
}

/// What the shell is told: an answer, none, or that it cannot be told.
fn verdict(is_found: bool, is_open: bool) -> Result<(), Failure> {
    match (is_found, is_open) {
        (true, _) => Ok(()),
        (false, true) => Err(Failure::told(Exit::Undecided)),
        (false, false) => Err(Failure::told(Exit::Missed)),
    }
}

fn result_path(arguments: &SizeArguments, scenario: &Scenario) -> PathBuf {
    let name = format!("{}-size", scenario.name());
    arguments.out.clone().unwrap_or_else(|| Path::new("results").join(name))
}

/// Writes the result folder; the grade is that of the answer, if there is one.
fn write(
    folder: &OutputFolder,
    catalogue: &Catalogue,
    arguments: &SizeArguments,
    found: &Found,
) -> Result<(), anyhow::Error> {
    let graded = found.answer.as_ref().and_then(|scenario| {
        let study = Study::new(scenario, Some(catalogue.seed), catalogue.fidelity);
        let threads = arguments.how.threads();
        stability::graded(scenario, study.options(0), stability::N_TRIALS, threads)
    });
    let premises = Premises::new(&catalogue.scenario, graded.as_ref());
    let flags = flags(arguments, &found.outcome);
    let manifest = SizeManifest::new(&found.outcome, flags, found.fingerprint.clone());
    size_folder::write(folder, &found.outcome, &premises, &manifest).map_err(run::said)
}

/// The flags that make the same sizing, whatever the scenario's section says by then.
fn flags(arguments: &SizeArguments, outcome: &SizeOutcome) -> Vec<String> {
    let mut flags: Vec<String> =
        arguments.scenario.sets.iter().map(|set| format!("--set {set}")).collect();
    flags.extend(outcome.knobs.iter().map(|knob| format!("--vary {knob}")));
    flags.extend(outcome.objectives.iter().map(|it| format!("--objective {it}")));
    flags.push(format!("--confidence {}", outcome.confidence));
    flags.push(format!("--max-trials {}", arguments.max_trials));
    flags.push(format!("--fidelity {}", outcome.fidelity));
    if arguments.untied {
        flags.push("--untied".to_owned());
    }
    if let Some(design) = arguments.max_demand {
        let name = if design == MaxDemandArgument::Written { "written" } else { "answered" };
        flags.push(format!("--max-demand={name}"));
    }
    if arguments.no_ends {
        flags.push("--no-ends".to_owned());
    }
    let cost = arguments.cost.as_ref().and_then(|path| path.file_name());
    flags.extend(cost.map(|name| format!("--cost {}", name.to_string_lossy())));
    flags
}

/// What is looked for: the scenario's section, overruled by what was typed.
fn sizing(scenario: &Scenario, arguments: &SizeArguments) -> Result<Sizing, Failure> {
    let stated = scenario.sizing().cloned();
    let mut sizing = stated.unwrap_or_else(|| Sizing {
        knobs: Vec::new(),
        objectives: Vec::new(),
        confidence: 0.95,
        prices: None,
        fault_time: FaultTimeSpec::Busiest,
        growth: None,
        loss: None,
        faults_per_year: None,
        assumptions: Vec::new(),
    });
    if !arguments.vary.is_empty() {
        sizing.knobs.clone_from(&arguments.vary);
    }
    if !arguments.objective.is_empty() {
        sizing.objectives.clone_from(&arguments.objective);
    } else if sizing.objectives.is_empty() {
        sizing.objectives = scenario.objectives().iter().map(|it| it.value).collect();
    }
    if arguments.untied {
        sizing.knobs.iter_mut().for_each(|knob| knob.ties_replicas = false);
    }
    sizing.confidence = arguments.confidence.unwrap_or(sizing.confidence);
    let (n_knobs, exit) = (sizing.knobs.len(), Exit::InvalidInput);
    let is_fixed = arguments.max_demand == Some(MaxDemandArgument::Written);
    let message = if n_knobs == 0 && !is_fixed {
        "there is nothing to vary; add a section `sizing`, or \
         --vary 'clusters[secondary].pools[user].minCount=0..40'"
    } else if 2 < n_knobs {
        "--vary can be given twice at most"
    } else if sizing.objectives.is_empty() {
        "there are no objectives; add `sizing.objectives`, `objectives`, or \
         --objective 'p(rto_s<=300) >= 0.99'"
    } else {
        return Ok(sizing);
    };
    Err(Failure { exit, error: Some(anyhow::Error::msg(message)) })
}

fn prices(
    scenario: &Scenario,
    arguments: &SizeArguments,
    sizing: &Sizing,
) -> Result<Option<Prices>, Failure> {
    let beside = || sizing.prices.as_ref().map(|file| folder_of(scenario).join(file));
    let path = arguments.cost.clone().or_else(beside);
    path.map(|path| price_list::read(&path)).transpose().map_err(invalid)
}

fn invalid(message: String) -> Failure {
    Failure { exit: Exit::InvalidInput, error: Some(anyhow::Error::msg(message)) }
}
