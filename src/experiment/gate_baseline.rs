//! What a change does to the metrics of a gate: the baseline on the very trials that the gate ran.
//!
//! Equal trials have equal draws, so that few of them show a small difference. Its interval holds
//! for each metric by itself; the verdict of the gate does not depend on it.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use crate::scenario::objectives::Objective;

use crate::sim::intervals::Tails;

use super::diff::difference;
use super::diff_outcome::Difference;
use super::gate::metric_of;
use super::in_order::in_order;
use super::metric::{Metric, Row};
use super::monte_carlo::Study;

/// The baseline, and how it is run.
#[derive(Clone, Copy, Debug)]
pub struct BaselinePlan<'s> {
    /// Its study, with the seed and the fidelity of the gate.
    pub study: Study<'s>,
    /// Confidence of each interval.
    pub confidence: f64,
    /// What figures that were not reached count as \[s\]: the longer of both runs.
    pub horizon_s: f64,
    /// Threads to run it on; results do not depend on it.
    pub threads: NonZeroUsize,
}

/// How the metrics of `objectives` moved from the baseline to the gate, whose trials have these
/// rows; `None` if it was told to stop before the baseline had run them all.
#[must_use]
pub fn moved(
    plan: &BaselinePlan<'_>,
    objectives: &[Objective],
    rows: &[Row],
    is_stopped: &(dyn Fn() -> bool + Sync),
) -> Option<Vec<Difference>> {
    let mut before: Vec<Row> = Vec::with_capacity(rows.len());
    let trials = 0..rows.len() as u64;
    in_order(
        trials,
        plan.threads,
        is_stopped,
        |trial| plan.study.row(trial),
        |_, row| {
            before.push(row);
            ControlFlow::Continue(())
        },
    );
    if before.len() < rows.len() {
        return None;
    }
    let tails = Tails::both(plan.confidence);
    let mut metrics: Vec<Metric> = objectives.iter().map(metric_of).collect();
    metrics.sort_unstable();
    metrics.dedup();
    let of_metric = |metric: Metric| {
        let paired = difference(&before, rows, metric, plan.horizon_s, tails)?;
        Some(Difference { metric: metric.name(), paired })
    };
    Some(metrics.into_iter().filter_map(of_metric).collect())
}
