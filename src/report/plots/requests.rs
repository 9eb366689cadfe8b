//! Plot `requests`: what users asked for, and what they got.

use crate::metrics::outcome::Outcome;
use crate::metrics::timeline::{Timeline, UserWindow};

use super::figure::{Axis, Colour, Figure, Panel, Scale, Series, Stroke, Unit, round_up, steps};
use super::milestones;

/// Served and failed users stacked below the line of those offered, by first arrival.
#[must_use]
pub fn figure(outcome: &Outcome, timeline: &Timeline) -> Figure {
    let users = &timeline.users;
    let end_min = outcome.horizon_s / 60.0;
    let line = |count: fn(&UserWindow) -> u64| {
        let rate = |window: &UserWindow| {
            (window.at_s as f64 / 60.0, count(window) as f64 / window.length_s as f64)
        };
        steps(&users.iter().map(rate).collect::<Vec<_>>(), end_min)
    };
    let served = line(|window| window.served);
    let done = line(|window| window.served + window.failed);
    let offered = line(|window| window.offered);
    let top = offered.iter().map(|&(_, rate)| rate).fold(0.0, f64::max);
    let panel = Panel {
        label: "User requests per second, by first attempt (10 s means)".to_owned(),
        axis: Axis { min: 0.0, max: round_up(top), scale: Scale::Linear, unit: Unit::Count },
        series: vec![
            area("failed", Colour::VERMILLION, done),
            area("served", Colour::SKY, served),
            Series {
                name: "offered".to_owned(),
                colour: Colour::BLACK,
                stroke: Stroke::Solid,
                runs: vec![offered],
            },
        ],
        threshold: None,
    };
    milestones::figure(outcome, "What users asked for and what they got", vec![panel])
}

/// An area down to zero; the areas in front hide what they share.
fn area(name: &str, colour: Colour, line: Vec<(f64, f64)>) -> Series {
    let stroke = Stroke::Area;
    Series { name: name.to_owned(), colour, stroke, runs: vec![line] }
}
