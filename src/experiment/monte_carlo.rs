//! Many trials of one scenario: trial i is a pure function of scenario, seed and i.
//!
//! ```no_run
//! use std::num::NonZeroUsize;
//! use std::path::Path;
//! use tideover::experiment::monte_carlo::{Plan, Study, monte_carlo};
//! use tideover::simulation::Fidelity;
//!
//! let scenario = tideover::scenario::load(Path::new("region-loss.yaml"), &[]).unwrap();
//! let study = Study::new(&scenario, None, Fidelity::Flow);
//! let plan = Plan { trials: 0..1_000, threads: NonZeroUsize::MIN, until: None };
//! let done = monte_carlo(&study, &plan, Vec::new(), &|| false, |_| {});
//! assert_eq!(done.rows.len(), 1_000);
//! ```

use std::num::NonZeroUsize;
use std::ops::{ControlFlow, Range};

use crate::control::sampling::Sampler;

use crate::scenario::Scenario;

use crate::sim::intervals::Tails;
use crate::simulation::{Fidelity, Options};

use super::in_order::in_order;
use super::metric::Row;
use super::precision::{Precision, is_look, n_looks};
use super::prices::Prices;
use super::row_detail::ClusterRow;
use super::run::outcome_and_plan;

/// Confidence of the intervals of a study.
pub const CONFIDENCE: f64 = 0.95;

/// What makes a trial, but for its number.
#[derive(Clone, Copy, Debug)]
pub struct Study<'s> {
    /// The scenario.
    pub scenario: &'s Scenario,
    /// Seed of all draws.
    pub seed: u64,
    /// How requests are simulated.
    pub fidelity: Fidelity,
    /// How structural inputs are drawn.
    pub sampler: Sampler,
    /// What nodes cost, if that is known.
    pub prices: Option<&'s Prices>,
}

impl<'s> Study<'s> {
    /// A study of independent trials of `scenario`; `seed` overrules the scenario's own.
    #[must_use]
    pub fn new(scenario: &'s Scenario, seed: Option<u64>, fidelity: Fidelity) -> Self {
        let sampler = Sampler::Independent;
        let seed = seed.unwrap_or(scenario.run().seed);
        Self { scenario, seed, fidelity, sampler, prices: None }
    }

    /// The same study with prices of nodes.
    #[must_use]
    pub const fn priced(self, prices: Option<&'s Prices>) -> Self {
        Self { prices, ..self }
    }

    /// The same study with another sampler.
    #[must_use]
    pub const fn sampled(self, sampler: Sampler) -> Self {
        Self { sampler, ..self }
    }

    /// What `run --trial` needs to replay a trial bit for bit.
    #[must_use]
    pub fn options(&self, trial: u64) -> Options {
        let (seed, fidelity, sampler) = (Some(self.seed), self.fidelity, self.sampler);
        Options { seed, trial, fidelity, sampler, ..Options::default() }
    }

    /// Runs a trial, on any thread, in any order.
    #[must_use]
    pub fn row(&self, trial: u64) -> Row {
        let (outcome, plan) = outcome_and_plan(self.scenario, self.options(trial), self.prices);
        Row::new(&outcome, &plan)
    }
}

/// Which trials, how, and when to stop.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Numbers of the trials.
    pub trials: Range<u64>,
    /// Threads to run them on; results do not depend on it.
    pub threads: NonZeroUsize,
    /// Stop before the last one as soon as this is met.
    pub until: Option<Precision>,
}

impl Plan {
    /// Tails of the interval of `until`: the confidence is shared out between the looks.
    #[must_use]
    pub fn tails(&self) -> Tails {
        let n = self.trials.end - self.trials.start;
        Tails::both(CONFIDENCE).split(if self.until.is_some() { n_looks(n) } else { 1 })
    }
}

/// The most memory that the rows of so many trials take while they are summed up \[bytes\]: each
/// row with its clusters, and the values of one metric, twice.
#[must_use]
pub const fn memory_of(n_trials: u64, n_clusters: usize) -> u64 {
    let row = size_of::<Row>() + n_clusters * size_of::<ClusterRow>() + 2 * size_of::<f64>();
    n_trials.saturating_mul(row as u64)
}

/// Why a study ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All trials were run.
    Complete,
    /// It is precise enough.
    Precise,
    /// It was told to stop; the rows are those of the longest complete prefix of its trials.
    Stopped,
}

/// The rows of a study, in the order of the trials, without a gap.
#[derive(Clone, Debug)]
pub struct Done {
    /// One row a trial.
    pub rows: Vec<Row>,
    /// Why there are no more.
    pub ended: Ended,
}

/// Runs the trials of `plan` that come after those of `earlier`, which hold its first ones.
///
/// `is_stopped` is asked before each trial and must stay true once it was: trials that run then
/// are finished. `seen` gets all rows so far after each new one, in order.
///
/// # Panics
/// If a trial breaks an assertion, with its number.
pub fn monte_carlo(
    study: &Study<'_>,
    plan: &Plan,
    earlier: Vec<Row>,
    is_stopped: &(dyn Fn() -> bool + Sync),
    mut seen: impl FnMut(&[Row]),
) -> Done {
    let mut rows = earlier;
    assert!(rows.iter().map(|row| row.trial).eq(plan.trials.clone().take(rows.len())));
    let tails = plan.tails();
    let is_precise = |rows: &[Row]| {
        plan.until.is_some_and(|until| is_look(rows.len() as u64) && until.is_met(rows, tails))
    };
    if let Some(n) = (1..=rows.len()).find(|&n| is_precise(&rows[..n])) {
        rows.truncate(n);
        return Done { rows, ended: Ended::Precise };
    }
    let rest = plan.trials.start + rows.len() as u64..plan.trials.end;
    let mut ended = Ended::Stopped;
    let end = in_order(
        rest,
        plan.threads,
        is_stopped,
        |trial| study.row(trial),
        |_, row| {
            rows.push(row);
            seen(&rows);
            if is_precise(&rows) {
                ended = Ended::Precise;
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        },
    );
    if ended == Ended::Stopped && end == plan.trials.end {
        ended = Ended::Complete;
    }
    Done { rows, ended }
}
