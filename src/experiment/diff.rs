//! Two versions of a scenario on the same trials, and which edit makes what of the difference.
//!
//! Each trial is run with the first version, with the second, and with the first after each edit
//! by itself. What the edits do one by one need not add up to what they do together: the rest is
//! their interaction, and what is no edit of the file, such as a CSV file that changed.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use crate::spec::SourceId;

use crate::scenario::Scenario;
use crate::scenario::edits::Edits;

use crate::sim::intervals::Tails;

use crate::simulation::Fidelity;

use super::in_order::in_order;
use super::metric::{Figure, Metric, Row};
use super::monte_carlo::{CONFIDENCE, Ended, Study};
use super::paired::{Bounded, Paired, paired, restricted};
use super::precision::{Precision, Statistic, Width, is_look, n_looks};

/// What is compared, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct DiffPlan<'p> {
    /// The first version, the second, then the first after each edit by itself.
    pub versions: &'p [&'p Scenario],
    /// Seed of all draws.
    pub seed: u64,
    /// How requests are simulated.
    pub fidelity: Fidelity,
    /// Trials of each version at most.
    pub trials: u64,
    /// Stop before as soon as the mean difference is known so well.
    pub until: Option<Precision>,
    /// Threads to run trials on; results do not depend on it.
    pub threads: NonZeroUsize,
}

/// The versions to run: the first, the second, and the first after each edit by itself, unless
/// that is the second.
#[must_use]
pub fn versions<'v>(
    before: &'v Scenario,
    after: &'v Scenario,
    edits: Option<&'v Edits>,
) -> Vec<&'v Scenario> {
    let folder = |version: &'v Scenario| version.sources().get(SourceId::default()).folder();
    let mut versions = vec![before, after];
    if let Some(edits) = edits {
        let is_second =
            edits.alone.len() == 1 && edits.not_alone.is_empty() && folder(before) == folder(after);
        if !is_second {
            versions.extend(edits.alone.iter().map(|(_, edited)| edited));
        }
    }
    versions
}

/// The trials of all versions.
#[derive(Clone, Debug)]
pub struct Compared {
    /// The rows of each version, in the order of the versions; all have the same trials.
    pub rows: Vec<Vec<Row>>,
    /// Why there are no more.
    pub ended: Ended,
}

impl DiffPlan<'_> {
    /// Tails of the intervals: the confidence is shared out between the looks.
    #[must_use]
    pub fn tails(&self) -> Tails {
        let n_looks = if self.until.is_some() { n_looks(self.trials) } else { 1 };
        Tails::both(CONFIDENCE).split(n_looks)
    }

    /// The longest run of any version \[s\]: what figures that were not reached count as.
    #[must_use]
    pub fn horizon_s(&self) -> f64 {
        let horizons = self.versions.iter().map(|version| version.run().horizon.as_secs_f64());
        horizons.fold(0.0, f64::max)
    }

    fn is_precise(&self, rows: &[Vec<Row>]) -> bool {
        let Some(until) = self.until.filter(|_| is_look(rows[0].len() as u64)) else {
            return false;
        };
        assert_eq!(until.statistic, Statistic::Mean, "the mean of differences has an interval");
        let found = difference(&rows[0], &rows[1], until.metric, self.horizon_s(), self.tails());
        let Some(Bounded { value, low: Some(low), high: Some(high) }) =
            found.map(|found| found.difference)
        else {
            return false;
        };
        let allowed = match until.width {
            Width::Absolute(width) => width,
            Width::Relative(share) => share * value.abs(),
        };
        0.5 * (high - low) <= allowed
    }
}

/// Runs every version on every trial, trial by trial.
///
/// `is_stopped` is asked before each run and must stay true once it was; a trial that not all
/// versions have run is left out then. `seen` gets the rows of the first version so far after
/// each trial.
pub fn compare(
    plan: &DiffPlan<'_>,
    is_stopped: &(dyn Fn() -> bool + Sync),
    mut seen: impl FnMut(&[Row]),
) -> Compared {
    let n_versions = plan.versions.len() as u64;
    let run = |piece: u64| {
        let version = plan.versions[(piece % n_versions) as usize];
        Study::new(version, Some(plan.seed), plan.fidelity).row(piece / n_versions)
    };
    let mut rows: Vec<Vec<Row>> = vec![Vec::new(); plan.versions.len()];
    let mut ended = Ended::Stopped;
    in_order(0..plan.trials * n_versions, plan.threads, is_stopped, run, |piece, row| {
        rows[(piece % n_versions) as usize].push(row);
        if (piece + 1) % n_versions != 0 {
            return ControlFlow::Continue(());
        }
        seen(&rows[0]);
        if plan.is_precise(&rows) {
            ended = Ended::Precise;
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    let n_trials = rows.iter().map(Vec::len).min().unwrap_or(0);
    rows.iter_mut().for_each(|rows| rows.truncate(n_trials));
    if ended == Ended::Stopped && n_trials as u64 == plan.trials {
        ended = Ended::Complete;
    }
    Compared { rows, ended }
}

/// The difference of a metric between two versions; `None` if no trial has it in both.
#[must_use]
pub fn difference(
    before: &[Row],
    after: &[Row],
    metric: Metric,
    horizon_s: f64,
    tails: Tails,
) -> Option<Paired> {
    let pairs: Vec<[Figure; 2]> = before
        .iter()
        .zip(after)
        .map(|(old, new)| [old.figure(metric), new.figure(metric)])
        .collect();
    paired(&pairs, metric.worse(), horizon_s, tails)
}

/// What is left of the difference of a metric when what each edit does by itself is taken away:
/// the mean over the trials in which all versions have it, `None` without any.
#[must_use]
pub fn rest(rows: &[Vec<Row>], metric: Metric, horizon_s: f64, tails: Tails) -> Option<Bounded> {
    let of_trial = |trial: usize| -> Option<f64> {
        let value = |rows: &Vec<Row>| restricted(rows[trial].figure(metric), horizon_s);
        let values: Vec<f64> = rows.iter().map(value).collect::<Option<_>>()?;
        let alone: f64 = values[2..].iter().map(|edited| edited - values[0]).sum();
        Some(values[1] - values[0] - alone)
    };
    let rests: Vec<f64> = (0..rows[0].len()).filter_map(of_trial).collect();
    (!rests.is_empty()).then(|| Bounded::mean(&rests, tails))
}
