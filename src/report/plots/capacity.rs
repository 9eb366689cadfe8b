//! Plot `capacity`: ready pods and ready nodes of each cluster.

use crate::metrics::outcome::Outcome;
use crate::metrics::timeline::{ClusterSecond, ClusterSeries, Timeline};

use super::super::words::printable;
use super::figure::{Axis, Colour, Figure, Panel, Scale, Series, Stroke, Unit, round_up, steps};
use super::milestones;

/// Ready pods above, ready nodes below; broken lines are those that exist, ready or not.
#[must_use]
pub fn figure(outcome: &Outcome, timeline: &Timeline) -> Figure {
    let end_min = outcome.horizon_s / 60.0;
    let pods = panel(
        "Ready pods (broken line: all pods)",
        timeline,
        end_min,
        |s| s.ready_pods,
        |s| s.pods,
    );
    let nodes = panel(
        "Ready nodes (broken line: all nodes)",
        timeline,
        end_min,
        |s| s.ready_nodes,
        |s| s.nodes,
    );
    milestones::figure(outcome, "Ready pods and nodes of each cluster", vec![pods, nodes])
}

fn panel(
    label: &str,
    timeline: &Timeline,
    end_min: f64,
    ready: fn(&ClusterSecond) -> u32,
    all: fn(&ClusterSecond) -> u32,
) -> Panel {
    let most = timeline.clusters.iter().flat_map(|cluster| cluster.seconds.iter().map(all)).max();
    let mut series = Vec::new();
    for (index, cluster) in timeline.clusters.iter().enumerate() {
        let line = |name: String, stroke: Stroke, count: fn(&ClusterSecond) -> u32| Series {
            name,
            colour: Colour::nth(index),
            stroke,
            runs: vec![by_minute(cluster, end_min, count)],
        };
        series.push(line(printable(&cluster.name), Stroke::Solid, ready));
        series.push(line(String::new(), Stroke::Dashed, all));
    }
    Panel {
        label: label.to_owned(),
        axis: Axis {
            min: 0.0,
            max: round_up(f64::from(most.unwrap_or(0))),
            scale: Scale::Linear,
            unit: Unit::Count,
        },
        series,
        threshold: None,
    }
}

fn by_minute(
    cluster: &ClusterSeries,
    end_min: f64,
    count: fn(&ClusterSecond) -> u32,
) -> Vec<(f64, f64)> {
    let seconds = cluster.seconds.iter().enumerate();
    let points: Vec<(f64, f64)> =
        seconds.map(|(at_s, second)| (at_s as f64 / 60.0, f64::from(count(second)))).collect();
    steps(&points, end_min)
}
