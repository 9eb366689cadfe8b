//! What can be typed after every verb that runs many trials.

use std::num::NonZeroUsize;
use std::thread;

use clap::Args;

use crate::units::Span;

use crate::scenario::Scenario;

use super::command_line::{FidelityArgument, whole_number};

/// How long a study may take.
#[derive(Clone, Copy, Debug, Args)]
pub struct TimeArguments {
    /// Stop after so much time, e.g. 10m; the result is then marked partial
    #[arg(long, value_name = "TIME")]
    pub max_wall: Option<Span>,
}

/// How the trials of a study are run.
#[derive(Clone, Debug, Args)]
pub struct StudyArguments {
    /// Seed of all random draws [default: run.seed of the scenario]
    #[arg(long, value_name = "N", value_parser = whole_number, allow_hyphen_values = true)]
    pub seed: Option<u64>,
    /// How requests are simulated
    #[arg(long, value_enum, default_value_t = FidelityArgument::Flow)]
    pub fidelity: FidelityArgument,
    /// Threads; results do not depend on it [default: one for each processor]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Say nothing on the standard error but errors
    #[arg(long, short)]
    pub quiet: bool,
}

impl StudyArguments {
    /// The seed of a study of `scenario`.
    pub(super) fn seed(&self, scenario: &Scenario) -> u64 {
        self.seed.unwrap_or(scenario.run().seed)
    }

    /// Threads to run on.
    pub(super) fn threads(&self) -> NonZeroUsize {
        let available = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        self.threads.unwrap_or_else(available)
    }
}
