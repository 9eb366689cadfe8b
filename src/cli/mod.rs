//! The command line: one verb each, and nothing that another front end would need.
//!
//! Data goes to the standard output, talk to the standard error. Reading order:
//! [`command_line`] (what can be typed), [`run`], [`mc`], [`merge`], [`gate`], [`size`], [`sweep`],
//! [`diff`], [`report`], [`check`] and [`compare`] (the verbs), [`scenario_file`] and
//! [`price_list`] (what they read), [`stability`] (what several of them add), [`interrupt`] (how
//! they stop), [`explain`], [`progress`], [`study_progress`], [`count_progress`] and [`talk`] (how
//! they speak), [`exit`] (what the shell is told).

mod command_line;

mod start;

mod run;
mod sampler;

mod interrupt;
mod mc;
mod merge;
mod study_arguments;
mod study_progress;

mod gate;
mod gate_line;

mod size;
mod size_catalogue;
mod size_cost;
mod size_demand;
mod size_ends;
mod size_fault_time;
mod size_line;
mod size_progress;
mod size_reasons;
mod size_study;

mod count_progress;
mod sweep;
mod sweep_line;

mod diff;
mod diff_line;

mod stability;

mod report;

mod check;

mod compare;

mod conformance;

mod price_list;
mod scenario_file;

mod explain;

mod progress;

mod talk;

mod exit;

pub use command_line::{
    CheckArguments, CommandLine, CompareArguments, ConformanceArguments, Keep, McArguments,
    MergeArguments, ReportArguments, ReportFormat, RunArguments, SamplerArgument,
    ScenarioArguments, ShardRange, Verb,
};
pub use diff_line::DiffArguments;
pub use exit::{Exit, Failure, guarded};
pub use gate_line::GateArguments;
pub use size_line::{MaxDemandArgument, SizeArguments};
pub use start::{parse, start};
pub use study_arguments::StudyArguments;
pub use sweep_line::{DesignArgument, SweepArguments};
