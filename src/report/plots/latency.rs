//! Plot `latency`: how long served users waited for their answer.

use crate::metrics::outcome::{Latency, Outcome};
use crate::metrics::timeline::Timeline;

use super::figure::{Axis, Colour, Figure, Panel, Scale, Series, Stroke, Unit, runs};
use super::milestones;

/// Median and 99th percentile by window of first arrival, on a logarithmic axis; gaps where
/// nobody was served.
#[must_use]
pub fn figure(outcome: &Outcome, timeline: &Timeline) -> Figure {
    let line = |name: &str, colour: Colour, of: fn(&Latency) -> f64| {
        let windows = timeline.users.iter();
        let points = windows.map(|window| {
            let middle_s = window.at_s as f64 + window.length_s as f64 / 2.0;
            (middle_s / 60.0, window.latency_ms.as_ref().map(of))
        });
        let (name, stroke) = (name.to_owned(), Stroke::Solid);
        Series { name, colour, stroke, runs: runs(points) }
    };
    let series = vec![
        line("median", Colour::nth(0), |latency| latency.p50),
        line("99th percentile", Colour::nth(1), |latency| latency.p99),
    ];
    let panel = Panel {
        label: "Milliseconds from first send to answer, logarithmic (10 s windows)".to_owned(),
        axis: axis(&series),
        series,
        threshold: None,
    };
    milestones::figure(outcome, "Latency of served users", vec![panel])
}

/// Whole decades would waste half of the picture: the axis runs from and to 1, 2 or 5 times a
/// power of ten.
fn axis(series: &[Series]) -> Axis {
    let values = || series.iter().flat_map(|s| s.runs.iter().flatten()).map(|&(_, ms)| ms);
    let lowest = values().reduce(f64::min).unwrap_or(10.0).clamp(0.01, 1e6);
    let highest = values().reduce(f64::max).unwrap_or(1_000.0).clamp(lowest, 1e7);
    let marks = || super::layout::log_marks(0.001, 1e8);
    let min = marks().into_iter().rfind(|&mark| mark <= lowest * 0.9).unwrap_or(0.001);
    let max = marks().into_iter().find(|&mark| highest * 1.1 <= mark && min * 9.0 <= mark);
    Axis { min, max: max.unwrap_or(1e8), scale: Scale::Logarithmic, unit: Unit::Plain }
}
