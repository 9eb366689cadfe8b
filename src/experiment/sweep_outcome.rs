//! What a sweep came to, as plain data (`tideover/sweep/v1`).

use serde::Serialize;

use crate::scenario::Scenario;
use crate::scenario::variation::Variation;

use crate::sim::intervals::Tails;

use super::metric::{Metric, Row, values};
use super::monte_carlo::CONFIDENCE;
use super::paired::restricted;
use super::precision::{mean_of, quantile_of};
use super::study::Reported;
use super::sweep::{SweepPlan, knob_effects, restricted_mean};
use super::sweep_design::{Design, Points};

/// Name of the schema that a [`SweepOutcome`] follows.
pub const SCHEMA: &str = "tideover/sweep/v1";

/// What a sweep came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SweepOutcome {
    /// Always [`SCHEMA`].
    pub schema: &'static str,
    /// Version of the program.
    pub version: &'static str,
    /// Name of the scenario.
    pub scenario: String,
    /// Hash of its text, its assignments and the files that it names, 16 hexadecimal digits.
    pub scenario_hash: String,
    /// What was set on the command line.
    pub sets: Vec<String>,
    /// Seed of all draws.
    pub seed: u64,
    /// Which traffic engine ran.
    pub fidelity: &'static str,
    /// `grid`, `latin` or `sobol`.
    pub design: &'static str,
    /// What is varied, as typed.
    pub vary: Vec<String>,
    /// The knobs in the order of columns.
    pub knobs: Vec<String>,
    /// Trials of each point.
    pub trials: u64,
    /// Points that were to be run.
    pub n_points: usize,
    /// Whether points are missing: it was stopped before.
    pub partial: bool,
    /// Confidence of each interval.
    pub confidence: f64,
    /// What a figure counts as in a mean that was not reached by the end of the run \[s\].
    pub restricted_to_s: f64,
    /// Where the indices come from.
    pub indices: &'static str,
    /// The points in their order.
    pub points: Vec<PointOutcome>,
    /// What each knob does to each metric that varies over points; empty if points are missing.
    pub effects: Vec<EffectOutcome>,
}

/// A point.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PointOutcome {
    /// The value of each knob.
    pub values: Vec<String>,
    /// The metrics that apply.
    pub metrics: Vec<PointMetric>,
}

/// A metric at a point.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PointMetric {
    /// Name of the metric.
    pub metric: &'static str,
    /// Trials in which it applies.
    pub n: u64,
    /// Trials in which it was not reached by the end of the run.
    pub n_never: u64,
    /// Restricted mean with Student's interval.
    pub mean: Reported,
    /// Median with its interval by order statistics.
    pub p50: Reported,
    /// 95th percentile with its interval.
    pub p95: Reported,
    /// 99th percentile with its interval.
    pub p99: Reported,
}

/// What a knob does to the restricted mean of a metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EffectOutcome {
    /// Path of the knob.
    pub knob: String,
    /// Name of the metric.
    pub metric: &'static str,
    /// Share of the variance over points that the knob explains by itself.
    pub first_order: Option<f64>,
    /// Standard error of it, where it is estimated.
    pub first_order_error: Option<f64>,
    /// Share that would remain if all other knobs were known.
    pub total_order: Option<f64>,
    /// Standard error of it, where it is estimated.
    pub total_order_error: Option<f64>,
    /// Means over all points with each value, or each quarter of the values, of the knob.
    pub means: Vec<LevelMean>,
}

/// The mean over all points with a value of a knob.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LevelMean {
    /// The value, or the first and last of several.
    pub level: String,
    /// Points that have it.
    pub n_points: usize,
    /// Mean over them.
    pub mean: f64,
}

/// What was asked.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'s> {
    /// The scenario before any knob is turned.
    pub scenario: &'s Scenario,
    /// What was set on the command line.
    pub sets: &'s [String],
    /// What is varied.
    pub knobs: &'s [Variation],
    /// The same as typed.
    pub vary: &'s [String],
}

/// Puts together what a sweep came to; `rows` are those of its first points.
#[must_use]
pub fn outcome(
    asked: Asked<'_>,
    points: &Points,
    plan: &SweepPlan<'_>,
    rows: &[Vec<Row>],
) -> SweepOutcome {
    let horizon_s = plan.scenarios.iter().map(|it| it.run().horizon.as_secs_f64());
    let horizon_s = horizon_s.fold(0.0, f64::max);
    let partial = rows.len() < points.values.len();
    let point = |(values, rows): (&Vec<String>, &Vec<Row>)| PointOutcome {
        values: values.clone(),
        metrics: Metric::ALL.iter().filter_map(|&it| point_metric(rows, it, horizon_s)).collect(),
    };
    let effects = Metric::ALL.iter().filter(|_| !partial);
    SweepOutcome {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION"),
        scenario: asked.scenario.name().to_owned(),
        scenario_hash: format!("{:016x}", asked.scenario.hash()),
        sets: asked.sets.to_vec(),
        seed: plan.seed,
        fidelity: plan.fidelity.name(),
        design: points.design.name(),
        vary: asked.vary.to_vec(),
        knobs: asked.knobs.iter().map(|knob| knob.path.clone()).collect(),
        trials: plan.trials,
        n_points: points.values.len(),
        partial,
        confidence: CONFIDENCE,
        restricted_to_s: horizon_s,
        indices: match points.design {
            Design::Grid => "exact for the points of the grid, each equally likely",
            Design::Sobol(_) => {
                "estimated: first order by Saltelli et al. 2010, total order by Jansen 1999, \
                 errors by the jackknife"
            }
            Design::Latin(_) => "none: a Latin hypercube does not show them",
        },
        points: points.values.iter().zip(rows).map(point).collect(),
        effects: effects
            .flat_map(|&metric| effects_on(asked.knobs, points, rows, metric, horizon_s))
            .collect(),
    }
}

fn point_metric(rows: &[Row], metric: Metric, horizon_s: f64) -> Option<PointMetric> {
    let tails = Tails::both(CONFIDENCE);
    let mut sorted = values(rows, metric);
    let in_trials: Vec<f64> =
        rows.iter().filter_map(|row| restricted(row.figure(metric), horizon_s)).collect();
    sorted.sort_by(f64::total_cmp);
    let quantile = |p: f64| quantile_of(&sorted, p, tails).map(Reported::from);
    Some(PointMetric {
        metric: metric.name(),
        n: sorted.len() as u64,
        n_never: sorted.iter().filter(|value| value.is_infinite()).count() as u64,
        mean: mean_of(&in_trials, tails)?.into(),
        p50: quantile(0.5)?,
        p95: quantile(0.95)?,
        p99: quantile(0.99)?,
    })
}

/// What each knob does to a metric; nothing where it does not apply to a point, or does not vary.
fn effects_on(
    knobs: &[Variation],
    points: &Points,
    rows: &[Vec<Row>],
    metric: Metric,
    horizon_s: f64,
) -> Vec<EffectOutcome> {
    let outputs = rows.iter().map(|rows| restricted_mean(rows, metric, horizon_s));
    let Some(outputs) = outputs.collect::<Option<Vec<f64>>>() else { return Vec::new() };
    let effects = knob_effects(knobs, points, &outputs).into_iter().flatten();
    let outcome = |(knob, effect): (&Variation, super::sweep::KnobEffect)| EffectOutcome {
        knob: knob.path.clone(),
        metric: metric.name(),
        first_order: effect.index.map(|index| index.first),
        first_order_error: effect.index.and_then(|index| index.errors).map(|it| it[0]),
        total_order: effect.index.map(|index| index.total),
        total_order_error: effect.index.and_then(|index| index.errors).map(|it| it[1]),
        means: effect
            .means
            .into_iter()
            .map(|(level, n_points, mean)| LevelMean { level, n_points, mean })
            .collect(),
    };
    knobs.iter().zip(effects).map(outcome).collect()
}
