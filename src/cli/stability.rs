//! The line that grades static stability, for `run`, `mc` and `gate`.

use std::fmt::Display;
use std::num::NonZeroUsize;

use crate::scenario::Scenario;

use crate::simulation::{Fidelity, Options};

use crate::experiment::stability::{Stability, stability};

/// Trials of `mc` and `gate` that are run again for the grade.
pub(super) const N_TRIALS: u64 = 8;

/// The grade of a scenario; None if nothing fails in it.
///
/// Requests are simulated as counts where that is possible, whatever the trials themselves were,
/// for the grade takes up to four times as many runs.
pub(super) fn graded(
    scenario: &Scenario,
    options: Options,
    n_trials: u64,
    threads: NonZeroUsize,
) -> Option<Stability> {
    let by_counts = Fidelity::Flow.check(scenario).is_ok();
    let fidelity = if by_counts { Fidelity::Flow } else { options.fidelity };
    stability(scenario, Options { fidelity, ..options }, n_trials, threads)
}

/// The grade as a line with an empty one before it; nothing without a grade.
pub(super) fn line(graded: Option<&impl Display>) -> String {
    graded.map_or_else(String::new, |graded| format!("\nStatic stability: {graded}\n"))
}
