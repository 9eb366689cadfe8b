//! Plot `headroom`: how much more each cluster could serve than it is asked to.

use crate::metrics::headroom::Headroom;
use crate::metrics::outcome::Outcome;
use crate::metrics::timeline::{ClusterSeries, Timeline};

use super::super::words::printable;
use super::figure::{Axis, Colour, Figure, Panel, Scale, Series, Stroke, Unit, runs};
use super::milestones;

/// Headroom beyond this tells nobody anything and would flatten the rest.
const MOST: f64 = 2.0;

/// Headroom now and after a failover, by cluster; below zero users must wait or fail.
#[must_use]
pub fn figure(outcome: &Outcome, timeline: &Timeline) -> Figure {
    let mut series = Vec::new();
    for (index, cluster) in timeline.clusters.iter().enumerate() {
        let colour = Colour::nth(index);
        series.push(Series {
            name: printable(&cluster.name),
            colour,
            stroke: Stroke::Solid,
            runs: by_minute(cluster, |headroom| headroom.now),
        });
        series.push(Series {
            name: String::new(),
            colour,
            stroke: Stroke::Dashed,
            runs: by_minute(cluster, |headroom| headroom.failover),
        });
    }
    let (lowest, highest) = range(&series);
    let quarters = |ratio: f64, round: fn(f64) -> f64| round(ratio * 4.0) / 4.0;
    let axis = Axis {
        min: quarters(lowest.min(-0.05), f64::floor),
        max: quarters(highest.clamp(0.3, MOST), f64::ceil),
        scale: Scale::Linear,
        unit: Unit::Percent,
    };
    let clipped = if MOST < highest { ", cut off at +200 %" } else { "" };
    let panel = Panel {
        label: format!(
            "Spare capacity as a share of demand (broken line: after a failover){clipped}"
        ),
        axis,
        series,
        threshold: Some((0.0, "demand = capacity")),
    };
    milestones::figure(outcome, "Headroom of each cluster", vec![panel])
}

fn by_minute(cluster: &ClusterSeries, ratio: fn(&Headroom) -> Option<f64>) -> Vec<Vec<(f64, f64)>> {
    let seconds = cluster.seconds.iter().enumerate();
    runs(seconds.map(|(at_s, second)| (at_s as f64 / 60.0, ratio(&second.headroom))))
}

fn range(series: &[Series]) -> (f64, f64) {
    let values = series.iter().flat_map(|series| series.runs.iter().flatten());
    values.fold((0.0, 0.0), |(low, high), &(_, value)| (value.min(low), value.max(high)))
}
