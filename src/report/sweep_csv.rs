//! `points.csv` (a row for each point and metric), `trials.csv` (a row for each point and trial)
//! and `effects.csv` (a row for each knob, metric and value): tidy tables of a sweep.
//!
//! A knob is a column by its path; a range of numbers with a unit has the unit at the end of the
//! column's name and bare numbers in its cells. Figures have the unit that ends the metric's name,
//! empty where they do not apply, `inf` where they were not reached by the end of the run.

use crate::scenario::variation::Variation;

use crate::experiment::metric::Row;
use crate::experiment::study::Reported;
use crate::experiment::sweep_outcome::{EffectOutcome, PointMetric, SweepOutcome};

use super::cells::{guarded, table, table_of};
use super::diff_csv::number;
use super::trials_csv;

/// Name of the file with a row for each point and metric.
pub const POINTS: &str = "points.csv";

/// Name of the file with a row for each knob, metric and value.
pub const EFFECTS: &str = "effects.csv";

const POINT_COLUMNS: [&str; 15] = [
    "metric",
    "trials",
    "never_trials",
    "mean",
    "mean_low",
    "mean_high",
    "p50",
    "p50_low",
    "p50_high",
    "p95",
    "p95_low",
    "p95_high",
    "p99",
    "p99_low",
    "p99_high",
];

const EFFECT_COLUMNS: [&str; 9] = [
    "knob",
    "metric",
    "first_order_share",
    "first_order_error",
    "total_order_share",
    "total_order_error",
    "level",
    "points",
    "mean",
];

/// One row a point and metric.
#[must_use]
pub fn points(sweep: &SweepOutcome, knobs: &[Variation]) -> String {
    let header = header(knobs, &POINT_COLUMNS);
    let rows = sweep.points.iter().enumerate().flat_map(|(number, point)| {
        let first = first_cells(number, &point.values, knobs);
        point.metrics.iter().map(move |metric| [&first[..], &metric_cells(metric)].concat())
    });
    table_of(&header, rows)
}

/// One row a point and trial, with the columns of `mc` after those of the point.
#[must_use]
pub fn trials(sweep: &SweepOutcome, knobs: &[Variation], rows: &[Vec<Row>]) -> String {
    let header = header(knobs, &trials_csv::header());
    let points = sweep.points.iter().enumerate().zip(rows);
    let rows = points.flat_map(|((number, point), rows)| {
        let first = first_cells(number, &point.values, knobs);
        rows.iter().map(move |row| [&first[..], &trials_csv::cells(row)].concat())
    });
    table_of(&header, rows)
}

/// One row a knob, metric and value of the knob.
#[must_use]
pub fn effects(sweep: &SweepOutcome) -> String {
    table(EFFECT_COLUMNS, sweep.effects.iter().flat_map(effect_rows))
}

fn header(knobs: &[Variation], rest: &[&str]) -> Vec<String> {
    let knobs = knobs.iter().map(|knob| guarded(&knob.column().0).into_owned());
    let rest = rest.iter().map(|&name| name.to_owned());
    std::iter::once("point".to_owned()).chain(knobs).chain(rest).collect()
}

fn first_cells(number: usize, values: &[String], knobs: &[Variation]) -> Vec<String> {
    let cell = |(value, knob): (&String, &Variation)| match knob.column() {
        (_, "") => guarded(value).into_owned(),
        (_, unit) => value.strip_suffix(unit).unwrap_or(value).to_owned(),
    };
    std::iter::once(number.to_string()).chain(values.iter().zip(knobs).map(cell)).collect()
}

fn metric_cells(found: &PointMetric) -> Vec<String> {
    let counts = [found.metric.to_owned(), found.n.to_string(), found.n_never.to_string()];
    let figures = [found.mean, found.p50, found.p95, found.p99];
    counts.into_iter().chain(figures.iter().flat_map(reported)).collect()
}

fn reported(found: &Reported) -> [String; 3] {
    let end = |end: Option<f64>| end.map_or_else(String::new, figure);
    [figure(found.value), end(found.low), end(found.high)]
}

fn figure(value: f64) -> String {
    if value.is_finite() { number(value) } else { "inf".to_owned() }
}

fn effect_rows(effect: &EffectOutcome) -> Vec<[String; 9]> {
    let share = |share: Option<f64>| share.map_or_else(String::new, number);
    let row = |level: &crate::experiment::sweep_outcome::LevelMean| {
        [
            guarded(&effect.knob).into_owned(),
            effect.metric.to_owned(),
            share(effect.first_order),
            share(effect.first_order_error),
            share(effect.total_order),
            share(effect.total_order_error),
            guarded(&level.level).into_owned(),
            level.n_points.to_string(),
            number(level.mean),
        ]
    };
    effect.means.iter().map(row).collect()
}
