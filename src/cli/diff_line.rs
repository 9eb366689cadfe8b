//! What can be typed after `diff`.

use std::path::PathBuf;

use clap::Args;

use crate::experiment::precision::{Precision, Statistic};

use super::command_line::trials;
use super::study_arguments::{StudyArguments, TimeArguments};

/// Which versions to compare, and how.
#[derive(Clone, Debug, Args)]
pub struct DiffArguments {
    /// Scenario before the change
    #[arg(value_name = "BEFORE")]
    pub before: PathBuf,
    /// Scenario after the change; left out, BEFORE with the --edit assignments
    #[arg(value_name = "AFTER", required_unless_present = "edit")]
    pub after: Option<PathBuf>,
    /// Change a value of the scenario after the change only, e.g.
    /// --edit clusters[secondary].pools[user].minCount=3; can be given several times
    #[arg(long, value_name = "PATH=VALUE")]
    pub edit: Vec<String>,
    /// Change a value of both scenarios; can be given several times
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
    /// Number of trials of each; with --until, at most so many [default: 1000, with --until 65536]
    #[arg(long, value_name = "N", value_parser = trials, allow_hyphen_values = true)]
    pub trials: Option<u64>,
    /// Stop as soon as the mean difference of a metric is known so well, e.g. 'rto_s mean ±2';
    /// looked at after 256, 512, 1024, ... trials
    #[arg(long, value_name = "METRIC mean ±WIDTH", value_parser = mean_precision)]
    pub until: Option<Precision>,
    /// How long it may take.
    #[command(flatten)]
    pub time: TimeArguments,
    /// Result folder [default: results/<name of the scenario before the change>-diff]
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Do not run each edit by itself
    #[arg(long)]
    pub no_attribution: bool,
    /// Print summary.json instead of the table
    #[arg(long)]
    pub json: bool,
    /// How its trials are run.
    #[command(flatten)]
    pub how: StudyArguments,
}

/// A precision of a mean: other figures of paired differences have no interval.
fn mean_precision(text: &str) -> Result<Precision, String> {
    let precision: Precision = text.parse()?;
    match precision.statistic {
        Statistic::Mean => Ok(precision),
        Statistic::Quantile(_) => {
            Err("differences have an interval for their mean: write METRIC mean ±WIDTH".to_owned())
        }
    }
}
