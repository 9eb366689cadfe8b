//! `tideover run`: one replay, a short table on the terminal, a result folder on disk.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::units::{Span, Time};

use crate::model::fact::What;
use crate::model::ids::PopId;
use crate::model::world::World;

use crate::control::Chance;
use crate::control::sampling::Sampler;

use crate::scenario::Scenario;

use crate::metrics::why_origin;

use crate::simulation::{Fidelity, Options};

use crate::experiment::premises::Premises;
use crate::experiment::prices::Prices;
use crate::experiment::run::{Trial, run_trial};
use crate::experiment::stability::Stability;

use crate::report::manifest_json::Manifest;
use crate::report::run_folder::{self, Plots, RunResult};
use crate::report::writer::{OutputFolder, WriteError};
use crate::report::{self, stdout, summary_json, table};

use super::command_line::{FidelityArgument, RunArguments, ScenarioArguments, WhichDecision};
use super::exit::{Exit, Failure};
use super::progress::Progress;
use super::talk::say;
use super::{price_list, sampler, scenario_file, stability};

/// Replays the scenario, prints what it came to, and writes the result folder.
///
/// The folder is made first, so that nobody waits for a run whose results have no place; and the
/// table is printed even if the folder then cannot be written.
pub(super) fn run(arguments: &RunArguments) -> Result<(), Failure> {
    let scenario = scenario_file::read_or_say(&arguments.scenario, !arguments.quiet)?;
    let fidelity = fidelity(arguments.fidelity, &scenario)?;
    let decisions = decisions(arguments, &scenario)?;
    let path = result_path(arguments, &scenario);
    let folder =
        OutputFolder::create(&path).map_err(said).context("cannot make the result folder")?;
    let seed = arguments.seed.unwrap_or(scenario.run().seed);
    let sampler = sampler::checked(arguments.sampler, &scenario)?;
    let chance = Chance { seed, trial: arguments.trial, sampler };
    let progress = Progress::new(&scenario, chance, arguments.quiet);
    let (seed, trial) = (arguments.seed, arguments.trial);
    let options = Options { seed, trial, fidelity, sampler, ..Options::default() };
    let trial = run_trial(&scenario, options, |now| progress.reached(now));
    progress.say("writing the results");
    let flags = flags(&arguments.scenario, fidelity, sampler);
    let plots = if arguments.no_plots { Plots::LeftOut } else { Plots::Drawn };
    let graded = stability::graded(&scenario, options, 1, NonZeroUsize::MIN);
    let prices = price_list::known(&scenario, arguments.quiet);
    let beside = Beside { flags, plots, stability: graded.as_ref(), prices: prices.as_ref() };
    let written = write(&folder, &scenario, &trial, beside);
    progress.finish();
    let mut text = if arguments.json {
        summary_json::render(&trial.outcome)
    } else {
        table::render(&trial.outcome) + &stability::line(graded.as_ref())
    };
    let (door, facts) = (&scenario.world().front_door, trial.finished.facts.facts());
    for (pop, at) in decisions {
        let why = why_origin::why_origin(door, facts, pop, at);
        text += &format!("\n{}", report::why_origin::render(&why, scenario.world()));
    }
    let printed = stdout::print(&text);
    if !arguments.quiet {
        say(&warnings(&trial));
    }
    written.context("the results are incomplete")?;
    printed.context("cannot write to the standard output")?;
    if !arguments.quiet {
        say(&format!("results in {}\n", shown(&path)));
    }
    Ok(())
}

/// The traffic engine that was asked for, if it can run the scenario.
pub(super) fn fidelity(asked: FidelityArgument, scenario: &Scenario) -> Result<Fidelity, Failure> {
    let fidelity = Fidelity::from(asked);
    let checked = fidelity.check(scenario);
    checked.map(|()| fidelity).map_err(|message| Failure {
        exit: Exit::InvalidInput,
        error: Some(anyhow::Error::msg(message)),
    })
}

/// The flags that change the result of a trial.
pub(super) fn flags(
    arguments: &ScenarioArguments,
    fidelity: Fidelity,
    sampler: Sampler,
) -> Vec<String> {
    let sets = arguments.sets.iter().map(|set| format!("--set {set}"));
    let other =
        (fidelity != Fidelity::default()).then(|| format!("--fidelity {}", fidelity.name()));
    let sampled = (sampler != Sampler::default()).then(|| format!("--sampler {}", sampler.name()));
    sets.chain(other).chain(sampled).collect()
}

/// The edge locations and instants that `--why-origin` asks about.
fn decisions(arguments: &RunArguments, scenario: &Scenario) -> Result<Vec<(PopId, Time)>, Failure> {
    let wrong = |message: String| Failure {
        exit: Exit::Usage,
        error: Some(anyhow::Error::msg(format!("--why-origin: {message}"))),
    };
    let asked = arguments.why_origin.iter();
    asked
        .map(|asked| {
            let horizon = scenario.run().horizon;
            if asked.at < Span::ZERO || horizon < asked.at {
                return Err(wrong(format!("read {}, allowed: 0s to {horizon}", asked.at)));
            }
            Ok((pop(asked, scenario.world()).map_err(wrong)?, Time::ZERO + asked.at))
        })
        .collect()
}

/// The edge location that was meant, or what is allowed.
fn pop(asked: &WhichDecision, world: &World) -> Result<PopId, String> {
    let pops = (0..world.front_door.pops.len()).map(PopId::new);
    let place = |id: &PopId| world[world.front_door.pops[id.index()].geography].name.as_str();
    let there = |id: &PopId| asked.geography.as_ref().is_none_or(|name| name == place(id));
    let pops: Vec<PopId> = pops.filter(there).collect();
    pops.get(asked.number).copied().ok_or_else(|| {
        if pops.is_empty() {
            let names = world.geographies.iter().map(|place| place.name.as_str());
            format!("no such geography; there is {}", names.collect::<Vec<_>>().join(", "))
        } else {
            format!("no edge location {}; there are 0 to {}", asked.number, pops.len() - 1)
        }
    })
}

fn result_path(arguments: &RunArguments, scenario: &Scenario) -> PathBuf {
    arguments.out.clone().unwrap_or_else(|| Path::new("results").join(scenario.name()))
}

/// A folder with a slash at its end, so that it can be told from a file.
pub(super) fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    format!("{}/", text.trim_end_matches('/'))
}

/// What a result folder holds beside the trial.
pub(super) struct Beside<'a> {
    /// Flags that change the result.
    pub(super) flags: Vec<String>,
    /// Whether to draw it.
    pub(super) plots: Plots,
    /// The grade of static stability.
    pub(super) stability: Option<&'a Stability>,
    /// What machines cost.
    pub(super) prices: Option<&'a Prices>,
}

/// Writes the result folder of a trial.
pub(super) fn write(
    folder: &OutputFolder,
    scenario: &Scenario,
    trial: &Trial,
    beside: Beside<'_>,
) -> Result<(), anyhow::Error> {
    let hash = format!("{:016x}", scenario.hash());
    let result = RunResult {
        outcome: &trial.outcome,
        timeline: &trial.timeline,
        facts: &trial.finished.facts,
        world: &trial.finished.world,
        capacity_plan: &trial.capacity_plan(beside.prices),
        premises: &Premises::new(scenario, beside.stability),
        manifest: &Manifest::new(&trial.outcome, hash, beside.flags),
        plots: beside.plots,
    };
    run_folder::write(folder, &result).map_err(said)
}

/// The error as its own words: they say what the operating system said, so its text adds nothing.
pub(super) fn said(error: WriteError) -> anyhow::Error {
    anyhow::Error::msg(error.to_string())
}

/// What the run itself wants to be known about how far to trust it.
fn warnings(trial: &Trial) -> String {
    let world = &trial.finished.world;
    let mut words = String::new();
    for fact in trial.finished.facts.facts() {
        match fact.what {
            What::NotSteady { .. } => {
                words += &format!(
                    "warning: {}\n  = help: lengthen `run.warmUp`, or start with enough replicas\n",
                    fact.words(world)
                );
            }
            What::LimitReached { .. } => words += &format!("warning: {}\n", fact.words(world)),
            _ => {}
        }
    }
    words
}
