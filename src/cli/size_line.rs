//! What can be typed after `size`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::scenario::objectives::Objective;
use crate::scenario::sizing::Knob;

use crate::experiment::size::MAX_TRIALS;

use super::command_line::ScenarioArguments;
use super::gate_line::confidence;
use super::study_arguments::StudyArguments;

/// How to find the smallest design.
#[derive(Clone, Debug, Args)]
pub struct SizeArguments {
    /// The scenario; its section `sizing` says what may change and what is to be met.
    #[command(flatten)]
    pub scenario: ScenarioArguments,
    /// What may change instead, e.g. --vary 'clusters[secondary].pools[user].minCount=0..40';
    /// can be given twice
    #[arg(long, value_name = "PATH=A..B", value_parser = Knob::parse)]
    pub vary: Vec<Knob>,
    /// What must be met instead, e.g. --objective 'p(rto_s<=300) >= 0.99' or
    /// --objective 'failed_requests p95 <= 5000'; can be given several times
    #[arg(long, value_name = "OBJECTIVE", value_parser = Objective::parse)]
    pub objective: Vec<Objective>,
    /// How sure the answer must be, e.g. 95% or 0.99 [default: that of `sizing`, or else 95%]
    #[arg(long, value_name = "SHARE", value_parser = confidence)]
    pub confidence: Option<f64>,
    /// Prices, CSV: item,region,unit,price,currency,term,source,date
    #[arg(long, value_name = "FILE")]
    pub cost: Option<PathBuf>,
    /// Leave `minReplicas` of HPAs alone when the size of their pool is varied
    #[arg(long)]
    pub untied: bool,
    /// Do not solve again at both ends of the inputs that nobody knows well
    #[arg(long)]
    pub no_ends: bool,
    /// Look for the largest demand that the scenario survives as it is written, instead of a
    /// size, or for the largest that the answer survives
    #[arg(long, value_enum, value_name = "DESIGN", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "written")]
    pub max_demand: Option<MaxDemandArgument>,
    /// Trials of a design at most
    #[arg(long, value_name = "N", default_value_t = MAX_TRIALS)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub max_trials: u64,
    /// Result folder [default: results/<name of the scenario>-size]
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Print size.json instead of the table
    #[arg(long)]
    pub json: bool,
    /// How its trials are run.
    #[command(flatten)]
    pub how: StudyArguments,
}

/// The design whose largest demand is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MaxDemandArgument {
    /// The scenario as it is written.
    Written,
    /// The answer of the sizing.
    Answered,
}
