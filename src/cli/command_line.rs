//! What can be typed: verbs, arguments and flags, with their help.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::units::Span;

use crate::control::sampling::Sampler;

use crate::simulation::Fidelity;

use crate::experiment::precision::Precision;

use super::diff_line::DiffArguments;
use super::gate_line::GateArguments;
use super::size_line::SizeArguments;
use super::study_arguments::{StudyArguments, TimeArguments};
use super::sweep_line::SweepArguments;

/// Exit codes, for the end of the help.
const EXIT_CODES: &str = "\
Exit codes: 0 success, 1 a file could not be written or tideover made a mistake, \
2 wrong command line, 3 wrong scenario, 98 undecided, 99 objective missed, 130 interrupted.";

/// Replays failures of multi-region Kubernetes systems: how long until users are served again,
/// how many requests are lost, and what limits the rest.
#[derive(Clone, Debug, Parser)]
#[command(name = "tideover", version, after_help = EXIT_CODES)]
pub struct CommandLine {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Verb {
    /// Replay a scenario once and write a result folder
    ///
    /// A short table goes to the standard output. The folder gets report.md, summary.json,
    /// timeline.csv, users.csv, events.csv, capacity_plan.csv, premises.json, plots as SVG and
    /// PNG, and manifest.json.
    Run(RunArguments),
    /// Run many trials of a scenario (Monte Carlo)
    ///
    /// Each trial draws its random inputs anew; trial I is the same as run --trial I with the same
    /// --fidelity. A short
    /// table goes to the standard output. The folder gets trials.csv, histograms.csv,
    /// summary.json with quantiles and intervals, and manifest.json. Ctrl-C finishes the running
    /// trials and writes what is there.
    Mc(McArguments),
    /// Put the shards of a study together
    ///
    /// The files are those of mc --shard. The folder gets the same bytes as mc writes for the
    /// whole study.
    Merge(MergeArguments),
    /// Decide whether the objectives of a scenario are met, for CI
    ///
    /// Trials run until the section `objectives` of the scenario is met or missed with the
    /// confidence that is asked for. The exit code is the verdict: 0 met, 99 missed, 98 cannot be
    /// told after all trials.
    Gate(GateArguments),
    /// Find the smallest design that meets the objectives
    ///
    /// A whole number of the scenario, such as the nodes that the secondary keeps, is varied until
    /// the smallest value that meets all objectives is known with the confidence that is asked
    /// for. Says which trial shows that one less fails; 99 if nothing in range suffices.
    Size(SizeArguments),
    /// Run a scenario at many points and say which value moves what
    ///
    /// Every point runs the same trials with the same draws. Prints what comes out at each point,
    /// and how much of the difference each value explains, by itself and in all. The folder gets
    /// points.csv, trials.csv, effects.csv and summary.json.
    Sweep(SweepArguments),
    /// Say what a change does: two versions of a scenario on the same trials
    ///
    /// For each metric the mean difference with its interval, the share of trials that are better
    /// or worse, and what each edit of the file does by itself. The folder gets differences.csv,
    /// attribution.csv, the trials of both versions, and summary.json.
    Diff(DiffArguments),
    /// Print the capacity-planning report of a result folder
    ///
    /// It is made from the files of the folder alone: question, verdict, what each fault did,
    /// headroom, capacity plan, assumptions, and how to get the same figures again. The folder
    /// itself holds it as report.md.
    Report(ReportArguments),
    /// Check a scenario without running it
    ///
    /// All mistakes are shown at once, each with its place, what is allowed and what to type.
    Check(CheckArguments),
    /// Replay several scenarios with the same seeds and print one table
    ///
    /// The standard output gets CSV: one row for each scenario, seed and place of users, with
    /// recovery, failed requests, lost writes, node hours, and latency before, during and after.
    Compare(CompareArguments),
    /// Run recorded decisions of the real controllers through tideover's
    #[command(hide = true)]
    Conformance(ConformanceArguments),
}

/// Which scenario, and what to change in it.
#[derive(Clone, Debug, Args)]
pub struct ScenarioArguments {
    /// Scenario file, YAML; - reads the standard input
    #[arg(value_name = "SCENARIO")]
    pub scenario: PathBuf,
    /// Change a value of the scenario, e.g. --set clusters[secondary].pools[user].minCount=3;
    /// can be given several times
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
    /// Refuse manifests with fields that Kubernetes does not know, or that matter and are not
    /// modelled
    #[arg(long)]
    pub strict: bool,
}

/// How to replay a scenario.
#[derive(Clone, Debug, Args)]
pub struct RunArguments {
    /// The scenario.
    #[command(flatten)]
    pub scenario: ScenarioArguments,
    /// Result folder [default: results/<name of the scenario>]
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Seed of all random draws [default: run.seed of the scenario]
    #[arg(long, value_name = "N", value_parser = whole_number, allow_hyphen_values = true)]
    pub seed: Option<u64>,
    /// Number of the trial; each trial draws differently from the same seed
    #[arg(long, value_name = "N", default_value_t = 0)]
    #[arg(value_parser = whole_number, allow_hyphen_values = true)]
    pub trial: u64,
    /// How requests are simulated
    #[arg(long, value_enum, default_value_t = FidelityArgument::Requests)]
    pub fidelity: FidelityArgument,
    /// How the random inputs of the scenario are drawn, as in mc
    #[arg(long, value_enum, default_value_t = SamplerArgument::Independent)]
    pub sampler: SamplerArgument,
    /// Print summary.json instead of the table
    #[arg(long)]
    pub json: bool,
    /// Print why an edge location of Front Door sends its users where it does, e.g.
    /// --why-origin pop=europe/0,at=5m; the number counts within the geography, or, without one,
    /// as in events.csv. Can be given several times
    #[arg(long, value_name = "pop=POP,at=TIME", conflicts_with = "json")]
    pub why_origin: Vec<WhichDecision>,
    /// Write no plots
    #[arg(long)]
    pub no_plots: bool,
    /// Say nothing on the standard error but errors
    #[arg(long, short)]
    pub quiet: bool,
}

/// How requests are simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FidelityArgument {
    /// Every request: exact
    Requests,
    /// Counts of requests: approximate, and equally fast at any rate
    Flow,
}

impl From<FidelityArgument> for Fidelity {
    fn from(argument: FidelityArgument) -> Self {
        match argument {
            FidelityArgument::Requests => Self::Requests,
            FidelityArgument::Flow => Self::Flow,
        }
    }
}

/// How the random inputs that a scenario declares are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SamplerArgument {
    /// Each trial by itself
    Independent,
    /// Scrambled Sobol points: times of faults, zones, levels of demand and decisions spread evenly
    Sobol,
    /// The kinds of failure of the scenario's `failureModel` in turn, each as often as the others
    Stratified,
}

impl From<SamplerArgument> for Sampler {
    fn from(argument: SamplerArgument) -> Self {
        match argument {
            SamplerArgument::Independent => Self::Independent,
            SamplerArgument::Sobol => Self::Sobol,
            SamplerArgument::Stratified => Self::Stratified,
        }
    }
}

/// How to run many trials.
#[derive(Clone, Debug, Args)]
pub struct McArguments {
    /// The scenario.
    #[command(flatten)]
    pub scenario: ScenarioArguments,
    /// Number of trials; with --until, at most so many [default: 1000, with --until 65536]
    #[arg(long, value_name = "N", value_parser = trials, allow_hyphen_values = true)]
    pub trials: Option<u64>,
    /// Stop as soon as a figure is known so well, e.g. 'rto_s p99 ±2%' or 'rto_s mean ±5'; looked
    /// at after 256, 512, 1024, ... trials
    #[arg(long, value_name = "METRIC STATISTIC ±WIDTH")]
    pub until: Option<Precision>,
    /// How long it may take.
    #[command(flatten)]
    pub time: TimeArguments,
    /// How the random inputs of the scenario are drawn; with sobol 16 scrambles give the intervals,
    /// and 16 times a power of two trials spread best [default trials: 1024]
    #[arg(long, value_enum, default_value_t = SamplerArgument::Independent)]
    pub sampler: SamplerArgument,
    /// Result folder [default: results/<name of the scenario>-mc]; with --shard, a file
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Write the whole result folder of a trial as well: worst, median or its number; can be
    /// given several times
    #[arg(long, value_name = "worst|median|I", conflicts_with = "shard")]
    pub keep: Vec<Keep>,
    /// Go on with a study that was killed or stopped, from its result folder
    #[arg(long)]
    pub resume: bool,
    /// Print the commands that run the study on N machines
    #[arg(long, value_name = "N", conflicts_with_all = ["until", "shard", "keep", "resume"])]
    pub plan: Option<NonZeroUsize>,
    /// Run only the trials from A to below B and write them to the file --out, for merge
    #[arg(long, value_name = "A..B", value_parser = shard, requires = "out")]
    #[arg(conflicts_with = "until")]
    pub shard: Option<ShardRange>,
    /// Print summary.json instead of the table
    #[arg(long)]
    pub json: bool,
    /// How its trials are run.
    #[command(flatten)]
    pub how: StudyArguments,
}

/// Which trial to write whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The one with the longest recovery.
    Worst,
    /// The one with the median recovery.
    Median,
    /// The one with that number.
    Trial(u64),
}

impl FromStr for Keep {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "worst" => Ok(Self::Worst),
            "median" => Ok(Self::Median),
            _ => {
                let number = text.parse().map(Self::Trial);
                number.map_err(|_| "write worst, median or the number of a trial".to_owned())
            }
        }
    }
}

/// Trials from the first to below the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardRange {
    /// The first.
    pub first: u64,
    /// The one after the last.
    pub end: u64,
}

/// `0..2500`, or what a shard is.
fn shard(text: &str) -> Result<ShardRange, String> {
    let parsed = text.split_once("..").and_then(|(first, end)| {
        Some(ShardRange { first: first.parse().ok()?, end: end.parse().ok()? })
    });
    parsed
        .filter(|range| range.first < range.end)
        .ok_or_else(|| "write the first trial and the one after the last, e.g. 0..2500".to_owned())
}

/// A number of trials, or what one is.
pub(super) fn trials(text: &str) -> Result<u64, String> {
    const MOST: u64 = 10_000_000;
    let number = text.parse().ok().filter(|n| (1..=MOST).contains(n));
    number.ok_or_else(|| format!("write a whole number from 1 to {MOST}"))
}

/// Which shards to put together.
#[derive(Clone, Debug, Args)]
pub struct MergeArguments {
    /// Files that mc --shard wrote
    #[arg(value_name = "SHARD", required = true)]
    pub shards: Vec<PathBuf>,
    /// Result folder [default: results/<name of the scenario>-mc]
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Print summary.json instead of the table
    #[arg(long)]
    pub json: bool,
    /// Say nothing on the standard error but errors
    #[arg(long, short)]
    pub quiet: bool,
}

/// How to check a scenario.
#[derive(Clone, Debug, Args)]
pub struct CheckArguments {
    /// The scenario.
    #[command(flatten)]
    pub scenario: ScenarioArguments,
    /// Print every value with its origin, and what is derived from it
    #[arg(long)]
    pub explain: bool,
    /// Print the findings as JSON
    #[arg(long)]
    pub json: bool,
}

/// Which scenarios to compare.
#[derive(Clone, Debug, Args)]
pub struct CompareArguments {
    /// Scenario files, YAML
    #[arg(value_name = "SCENARIO", required = true)]
    pub scenarios: Vec<PathBuf>,
    /// Seeds: the first and the last, e.g. 1..5
    #[arg(long, value_name = "A..B", default_value = "1..5", value_parser = seeds)]
    pub seeds: Seeds,
    /// Change a value of every scenario; can be given several times
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
    /// Say nothing on the standard error but errors
    #[arg(long, short)]
    pub quiet: bool,
}

/// Some seeds in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seeds {
    /// The first.
    pub first: u64,
    /// The last, which belongs to them.
    pub last: u64,
}

/// `1..5`, or what seeds are.
fn seeds(text: &str) -> Result<Seeds, String> {
    let parsed = text.split_once("..").and_then(|(first, last)| {
        Some(Seeds { first: first.parse().ok()?, last: last.parse().ok()? })
    });
    let few = |seeds: &Seeds| seeds.first <= seeds.last && seeds.last - seeds.first < 100_000;
    parsed.filter(few).ok_or_else(|| {
        "write the first and the last seed, at most 100000 of them, e.g. 1..5".to_owned()
    })
}

/// Which result to report on.
#[derive(Clone, Debug, Args)]
pub struct ReportArguments {
    /// Result folder that run, mc, merge or size wrote
    #[arg(value_name = "RESULT_DIR")]
    pub folder: PathBuf,
    /// Format of the report
    #[arg(long, value_enum, default_value_t = ReportFormat::Md)]
    pub format: ReportFormat,
}

/// Format of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// Markdown
    Md,
}

/// Which decisions to run.
#[derive(Clone, Debug, Args)]
pub struct ConformanceArguments {
    /// Folder of vectors, *.jsonl with one JSON object a line
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}

/// Which decision of Front Door `--why-origin` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhichDecision {
    /// The geography of the edge location, if it is named.
    pub geography: Option<String>,
    /// Number of the edge location, in the geography or of all.
    pub number: usize,
    /// When, from the end of the warm-up.
    pub at: Span,
}

impl FromStr for WhichDecision {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = "write pop=GEOGRAPHY/NUMBER,at=TIME, e.g. pop=europe/0,at=5m";
        let (pop, at) = text
            .split_once(",at=")
            .and_then(|(pop, at)| Some((pop.strip_prefix("pop=")?, at)))
            .ok_or(form)?;
        let (geography, number) = match pop.split_once('/') {
            Some((geography, number)) => (Some(geography.to_owned()), number),
            None => (None, pop),
        };
        let number = number.parse().map_err(|_| form.to_owned())?;
        let at = at.parse().map_err(|wrong| format!("read `{at}`: {wrong}"))?;
        Ok(Self { geography, number, at })
    }
}

/// A whole number, or what one is.
pub(super) fn whole_number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("write a whole number from 0 to {}", u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both forms of an edge location are read, and whatever else is typed is refused.
    #[test]
    fn decisions_are_read() {
        let read = |text: &str| text.parse::<WhichDecision>();
        let at = Span::from_secs(300);
        let named = WhichDecision { geography: Some("europe".to_owned()), number: 3, at };
        assert_eq!(read("pop=europe/3,at=5m"), Ok(named));
        assert_eq!(read("pop=17,at=300s"), Ok(WhichDecision { geography: None, number: 17, at }));
        for wrong in ["", "pop=1", "at=5m", "1,at=5m", "pop=x,at=5m", "pop=1,at=5", "pop=a/b,at=1s"]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
