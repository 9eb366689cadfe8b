//! What can be typed after `sweep`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::command_line::{ScenarioArguments, trials};
use super::study_arguments::{StudyArguments, TimeArguments};

/// Which points to run, and how.
#[derive(Clone, Debug, Args)]
pub struct SweepArguments {
    /// The scenario.
    #[command(flatten)]
    pub scenario: ScenarioArguments,
    /// What is varied: a range of numbers, of which a grid has N (or 5), or a list, e.g.
    /// --vary 'frontDoor.probe.interval=5s..30s:6' or --vary 'workloads[web].queue=50,100,200';
    /// can be given several times
    #[arg(long, value_name = "PATH=A..B[:N]|V1,V2,...", required = true)]
    pub vary: Vec<String>,
    /// How points are chosen
    #[arg(long, value_enum, default_value_t = DesignArgument::Grid)]
    pub design: DesignArgument,
    /// Points of a Latin hypercube; with sobol, rows, a power of two, each of which is K + 2 points
    /// for K values that are varied [default: 64]
    #[arg(long, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub points: Option<u32>,
    /// Number of trials of each point
    #[arg(long, value_name = "N", default_value_t = 100)]
    #[arg(value_parser = trials, allow_hyphen_values = true)]
    pub trials: u64,
    /// How long it may take.
    #[command(flatten)]
    pub time: TimeArguments,
    /// Result folder [default: results/<name of the scenario>-sweep]
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Print summary.json instead of the table
    #[arg(long)]
    pub json: bool,
    /// How its trials are run.
    #[command(flatten)]
    pub how: StudyArguments,
}

/// How points are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DesignArgument {
    /// Every combination of the values
    Grid,
    /// A Latin hypercube: each value's range is spread evenly over few points
    Latin,
    /// Scrambled Sobol points that tell which value explains how much
    Sobol,
}
