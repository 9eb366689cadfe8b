//! `tideover sweep`: the same trials at many points, and which value moves what.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context;

use crate::spec::SourceId;

use crate::scenario::variation::Variation;
use crate::scenario::{Scenario, from_text};

use crate::experiment::in_order::in_order;
use crate::experiment::metric::Row;
use crate::experiment::monte_carlo::memory_of;
use crate::experiment::sweep::{SweepPlan, sweep as run_points};
use crate::experiment::sweep_design::{Design, Points, points};
use crate::experiment::sweep_outcome::{Asked, outcome};

use crate::report::writer::OutputFolder;
use crate::report::{stdout, sweep_folder, sweep_table};

use super::count_progress::CountProgress;
use super::exit::{Exit, Failure};
use super::interrupt::{self, Deadline};
use super::sweep_line::{DesignArgument, SweepArguments};
use super::talk::say;
use super::{run, scenario_file};

/// Points of a Latin hypercube or rows of Sobol points, if nothing is said.
const USUAL_POINTS: usize = 64;

/// Rows that take more memory than this are announced.
const LARGE: u64 = 256 << 20;

/// Runs every point, prints what comes out, and writes the result folder.
pub(super) fn sweep(arguments: &SweepArguments) -> Result<(), Failure> {
    let deadline = Deadline::after(arguments.time.max_wall);
    let scenario = scenario_file::read_or_say(&arguments.scenario, !arguments.how.quiet)?;
    let knobs = knobs(arguments)?;
    let seed = arguments.how.seed(&scenario);
    let points = points(design(arguments)?, &knobs, seed).map_err(|wrong| usage(&wrong))?;
    let n_rows = arguments.trials.saturating_mul(points.values.len() as u64);
    let memory = memory_of(n_rows, scenario.world().clusters.len());
    if LARGE < memory && !arguments.how.quiet {
        say(&format!("note: the rows of all trials take up to {} MiB\n", memory >> 20));
    }
    let fidelity = run::fidelity(arguments.how.fidelity, &scenario)?;
    let threads = arguments.how.threads();
    let scenarios = scenarios(&scenario, arguments, &knobs, &points, threads)?;
    let plan =
        SweepPlan { scenarios: &scenarios, seed, fidelity, trials: arguments.trials, threads };
    let path = arguments.out.clone().unwrap_or_else(|| default_folder(&scenario));
    let folder =
        OutputFolder::create(&path).map_err(run::said).context("cannot make the result folder")?;
    interrupt::listen()?;
    let rows = rows(&plan, deadline, arguments.how.quiet);
    let (sets, vary) = (&arguments.scenario.sets, &arguments.vary);
    let asked = Asked { scenario: &scenario, sets, knobs: &knobs, vary };
    let outcome = outcome(asked, &points, &plan, &rows);
    let written = sweep_folder::write(&folder, &outcome, &knobs, &rows);
    let text = if arguments.json {
        sweep_folder::summary(&outcome)
    } else {
        sweep_table::render(&outcome)
    };
    stdout::print(&text).context("cannot write to the standard output")?;
    written.map_err(run::said).context("the results are incomplete")?;
    if !arguments.how.quiet {
        if outcome.partial {
            interrupt::say_partial("");
        }
        say(&format!("results in {}\n", run::shown(&path)));
    }
    interrupt::told(outcome.partial)
}

/// The rows of each point that was run; of the first one, unless the user asks to stop.
fn rows(plan: &SweepPlan<'_>, deadline: Deadline, quiet: bool) -> Vec<Vec<Row>> {
    let progress = CountProgress::new(plan.scenarios.len() as u64 * plan.trials, quiet);
    let n_done = AtomicU64::new(0);
    let is_stopped = || deadline.stops(plan.trials <= n_done.load(Ordering::Relaxed));
    let rows = run_points(plan, &is_stopped, |n| {
        n_done.store(n, Ordering::Relaxed);
        progress.reached(n);
    });
    progress.finish();
    rows
}

fn usage(message: &str) -> Failure {
    Failure { exit: Exit::Usage, error: Some(anyhow::Error::msg(message.to_owned())) }
}

fn knobs(arguments: &SweepArguments) -> Result<Vec<Variation>, Failure> {
    let knobs: Result<Vec<Variation>, String> =
        arguments.vary.iter().map(|text| Variation::parse(text)).collect();
    let knobs = knobs.map_err(|wrong| usage(&format!("--vary: {wrong}")))?;
    let twice = |index: &usize| knobs[..*index].iter().any(|it| it.path == knobs[*index].path);
    match (0..knobs.len()).find(twice) {
        Some(index) => Err(usage(&format!("--vary: `{}` is varied twice", knobs[index].path))),
        None => Ok(knobs),
    }
}

fn design(arguments: &SweepArguments) -> Result<Design, Failure> {
    let n = arguments.points.map_or(USUAL_POINTS, |n| n as usize);
    match (arguments.design, arguments.points) {
        (DesignArgument::Grid, None) => Ok(Design::Grid),
        (DesignArgument::Grid, Some(_)) => {
            Err(usage("--points is for --design latin or sobol; a grid has A..B:N"))
        }
        (DesignArgument::Latin, _) => Ok(Design::Latin(n)),
        (DesignArgument::Sobol, _) => Ok(Design::Sobol(n)),
    }
}

/// The scenario of each point; if one is wrong, the first of these is explained.
fn scenarios(
    scenario: &Scenario,
    arguments: &SweepArguments,
    knobs: &[Variation],
    points: &Points,
    threads: NonZeroUsize,
) -> Result<Vec<Scenario>, Failure> {
    let source = scenario.sources().get(SourceId::default());
    let load = |point: u64| {
        let turned = knobs.iter().zip(&points.values[point as usize]);
        let turned = turned.map(|(knob, value)| knob.assignment(value));
        let sets: Vec<String> = arguments.scenario.sets.iter().cloned().chain(turned).collect();
        from_text(source.name(), source.text(), source.folder(), &sets)
    };
    let mut scenarios = Vec::new();
    let mut wrong = None;
    in_order(0..points.values.len() as u64, threads, &|| false, load, |_, loaded| match loaded {
        Ok(scenario) => {
            scenarios.push(scenario);
            ControlFlow::Continue(())
        }
        Err(rejected) => {
            wrong = Some(rejected);
            ControlFlow::Break(())
        }
    });
    match wrong {
        None => Ok(scenarios),
        Some(rejected) => {
            say(&rejected.to_string());
            Err(Failure::told(Exit::InvalidInput))
        }
    }
}

fn default_folder(scenario: &Scenario) -> PathBuf {
    Path::new("results").join(format!("{}-sweep", scenario.name()))
}
