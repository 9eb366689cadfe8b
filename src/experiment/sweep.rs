//! A sweep: the same trials at many points of a scenario's knobs, and which knob moves what.
//!
//! Every point runs the same trials with the same draws (common random numbers), so that what
//! differs between points is the knobs.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use crate::scenario::Scenario;
use crate::scenario::variation::Variation;

use crate::sim::statistics::mean;

use crate::simulation::Fidelity;

use super::in_order::in_order;
use super::metric::{Metric, Row};
use super::monte_carlo::Study;
use super::paired::restricted;
use super::sensitivity::{Index, Outputs, estimated, means, on_grid};
use super::sweep_design::{Design, Points};

/// What is run.
#[derive(Clone, Copy, Debug)]
pub struct SweepPlan<'p> {
    /// The scenario of each point.
    pub scenarios: &'p [Scenario],
    /// Seed of all draws.
    pub seed: u64,
    /// How requests are simulated.
    pub fidelity: Fidelity,
    /// Trials of each point.
    pub trials: u64,
    /// Threads to run trials on; results do not depend on it.
    pub threads: NonZeroUsize,
}

/// Runs the trials, point by point; the rows of each point that has all of them.
///
/// `is_stopped` is asked before each trial and must stay true once it was. `seen` gets the number
/// of trials that are done after each.
pub fn sweep(
    plan: &SweepPlan<'_>,
    is_stopped: &(dyn Fn() -> bool + Sync),
    mut seen: impl FnMut(u64),
) -> Vec<Vec<Row>> {
    let n_pieces = plan.scenarios.len() as u64 * plan.trials;
    let run = |piece: u64| {
        let scenario = &plan.scenarios[(piece / plan.trials) as usize];
        Study::new(scenario, Some(plan.seed), plan.fidelity).row(piece % plan.trials)
    };
    let mut rows: Vec<Vec<Row>> = Vec::new();
    in_order(0..n_pieces, plan.threads, is_stopped, run, |piece, row| {
        if piece.is_multiple_of(plan.trials) {
            rows.push(Vec::new());
        }
        rows.last_mut().expect("its first trial came before").push(row);
        seen(piece + 1);
        ControlFlow::Continue(())
    });
    rows.retain(|rows| rows.len() as u64 == plan.trials);
    rows
}

/// The mean of a metric over trials, where one that was not reached by the end of the run counts
/// as its length; `None` if the metric applies to no trial.
#[must_use]
pub fn restricted_mean(rows: &[Row], metric: Metric, horizon_s: f64) -> Option<f64> {
    let values: Vec<f64> =
        rows.iter().filter_map(|row| restricted(row.figure(metric), horizon_s)).collect();
    mean(&values)
}

/// Parts of a continuous range whose means show what a knob does.
const N_PARTS: usize = 4;

/// What a knob does to a metric.
#[derive(Clone, Debug, PartialEq)]
pub struct KnobEffect {
    /// The mean over all points with each value of the knob, or each quarter of its values: the
    /// values, how many points have them, and the mean.
    pub means: Vec<(String, usize, f64)>,
    /// Which share of the variance over points it explains; `None` for a Latin hypercube, which
    /// does not show it.
    pub index: Option<Index>,
}

/// What each knob does to an output, of which there is one for each point; `None` if it does not
/// vary.
#[must_use]
pub fn knob_effects(
    knobs: &[Variation],
    points: &Points,
    outputs: &[f64],
) -> Option<Vec<KnobEffect>> {
    if outputs.iter().all(|output| *output == outputs[0]) {
        return None;
    }
    let indices = match points.design {
        Design::Grid => {
            let sizes: Vec<usize> = knobs.iter().map(|knob| knob.levels().len()).collect();
            on_grid(&sizes, outputs)
        }
        Design::Sobol(_) => {
            let at = |rows: &Vec<usize>| rows.iter().map(|&point| outputs[point]).collect();
            let ab = points.rows[2..].iter().map(at).collect();
            estimated(&Outputs { a: at(&points.rows[0]), b: at(&points.rows[1]), ab })
        }
        Design::Latin(_) => None,
    };
    let effect = |knob: usize| KnobEffect {
        means: level_means(points, knob, outputs),
        index: indices.as_ref().map(|indices| indices[knob]),
    };
    Some((0..knobs.len()).map(effect).collect())
}

/// Means by value of a knob, or by quarters of its values if there are many.
fn level_means(points: &Points, knob: usize, outputs: &[f64]) -> Vec<(String, usize, f64)> {
    let values: Vec<&str> = points.values.iter().map(|values| values[knob].as_str()).collect();
    let levels = in_order_of_size(&values[..outputs.len()]);
    let ranks: BTreeMap<&str, usize> = levels.iter().enumerate().map(|(i, it)| (*it, i)).collect();
    let is_few = levels.len() <= 2 * N_PARTS || points.design == Design::Grid;
    let n_groups = if is_few { levels.len() } else { N_PARTS };
    let group = |point: usize| ranks[values[point]] * n_groups / levels.len();
    let mut n_points = vec![0; n_groups];
    (0..outputs.len()).for_each(|point| n_points[group(point)] += 1);
    let first = |index: usize| (index * levels.len()).div_ceil(n_groups);
    let name = |index: usize| match (levels[first(index)], levels[first(index + 1) - 1]) {
        (low, high) if low == high => low.to_owned(),
        (low, high) => format!("{low} to {high}"),
    };
    let means = means(outputs, n_groups, group).into_iter().enumerate();
    means.filter_map(|(index, mean)| Some((name(index), n_points[index], mean?))).collect()
}

/// Each value once: by its number if each begins with one, otherwise as they come.
fn in_order_of_size<'v>(values: &[&'v str]) -> Vec<&'v str> {
    let mut known = BTreeSet::new();
    let mut levels: Vec<&str> = values.iter().copied().filter(|it| known.insert(*it)).collect();
    let number = |text: &str| {
        let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-'));
        text[..end.unwrap_or(text.len())].parse::<f64>().ok()
    };
    if levels.iter().all(|level| number(level).is_some()) {
        levels.sort_by(|left, right| number(left).partial_cmp(&number(right)).expect("no NaN"));
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::experiment::sweep_design::points;

    fn knobs(texts: &[&str]) -> Vec<Variation> {
        texts.iter().map(|text| Variation::parse(text).unwrap()).collect()
    }

    /// What each knob does to x + 2 y, x y in 1..=5 and 1 to 3: exact on a grid; the mean rises by
    /// one and two from value to value.
    #[test]
    fn a_grid_shows_what_knobs_do() {
        let knobs = knobs(&["x=1..5", "y=1s,2s,3s"]);
        let points = points(Design::Grid, &knobs, 1).unwrap();
        let output = |values: &Vec<String>| {
            let number = |text: &str| text.trim_end_matches('s').parse::<f64>().unwrap();
            number(&values[0]) + 2.0 * number(&values[1])
        };
        let outputs: Vec<f64> = points.values.iter().map(output).collect();
        let found = knob_effects(&knobs, &points, &outputs).unwrap();
        let named = |names: &[&str], n: usize, means: &[f64]| -> Vec<(String, usize, f64)> {
            let both = names.iter().zip(means);
            both.map(|(name, mean)| ((*name).to_owned(), n, *mean)).collect()
        };
        let x = named(&["1", "2", "3", "4", "5"], 3, &[5.0, 6.0, 7.0, 8.0, 9.0]);
        let y = named(&["1s", "2s", "3s"], 5, &[5.0, 7.0, 9.0]);
        assert_eq!((&found[0].means, &found[1].means), (&x, &y));
        let whole = 2.0 + 4.0 * 2.0 / 3.0;
        for (effect, share) in found.iter().zip([2.0 / whole, 1.0 - 2.0 / whole]) {
            let index = effect.index.unwrap();
            assert!((index.first - share).abs() < 1e-12 && (index.total - share).abs() < 1e-12);
        }
        assert_eq!(knob_effects(&knobs, &points, &[3.0; 15]), None);
    }

    /// Many values are taken by quarters of equal size; a Latin hypercube has no indices.
    #[test]
    fn many_values_are_taken_together() {
        let knobs = knobs(&["x=1..100"]);
        let points = points(Design::Latin(100), &knobs, 1).unwrap();
        let outputs: Vec<f64> = points.values.iter().map(|it| it[0].parse().unwrap()).collect();
        let found = &knob_effects(&knobs, &points, &outputs).unwrap()[0];
        let quarters = [("1 to 25", 13.0), ("26 to 50", 38.0), ("51 to 75", 63.0)];
        for ((name, n, mean), quarter) in found.means.iter().zip(quarters) {
            assert_eq!((name.as_str(), *n, *mean), (quarter.0, 25, quarter.1));
        }
        assert_eq!((found.means.len(), found.index), (4, None));
    }
}
