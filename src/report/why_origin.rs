//! `run --why-origin`: the decision of one edge location at one instant, as a few lines.

use comfy_table::{Table, presets};

use crate::model::front_door::FrontDoor;
use crate::model::world::World;

use crate::metrics::why_origin::{LeftOut, OriginStanding, WhyOrigin};

use super::words::{duration, printable};

/// The decision in words: who gets how much, and at which step the others dropped out.
#[must_use]
pub fn render(why: &WhyOrigin, world: &World) -> String {
    let door = &world.front_door;
    let place = &world[door.pops[why.pop.index()].geography].name;
    let reason = why.reason.map_or_else(
        || "the edge location is lost: its users find no origin".to_owned(),
        |reason| reason.to_string(),
    );
    let since = why.since.filter(|since| 0 <= since.nanos());
    let since = since
        .map_or_else(String::new, |since| format!(", since {}", duration(since.as_secs_f64())));
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for origin in &why.origins {
        table.add_row(row(origin, door, world));
    }
    let mut text = format!(
        "Why PoP {} ({}) sends its users there at {}: {reason}{since}\n",
        why.pop.index(),
        printable(place),
        duration(why.at.as_secs_f64()),
    );
    for line in table.lines() {
        text.push(' ');
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn row(origin: &OriginStanding, door: &FrontDoor, world: &World) -> Vec<String> {
    let view = origin.view;
    let health = if view.healthy { "healthy" } else { "unhealthy" };
    let health = match origin.since.filter(|since| 0 <= since.nanos()) {
        Some(since) => format!("{health} since {}", duration(since.as_secs_f64())),
        None => health.to_owned(),
    };
    let fate = match origin.left_out {
        None => format!("gets {:.1} %", origin.share * 100.0),
        Some(LeftOut::EdgeLost) => "out of reach".to_owned(),
        Some(LeftOut::Disabled) => "out: disabled".to_owned(),
        Some(LeftOut::Unhealthy) => "out: unhealthy".to_owned(),
        Some(LeftOut::Priority) => "out: a lower priority number is there".to_owned(),
        Some(LeftOut::Latency) => {
            format!("out: more than {} slower than the fastest", door.latency_sensitivity)
        }
    };
    vec![
        printable(&world[origin.cluster].name),
        if view.enabled { "enabled" } else { "disabled" }.to_owned(),
        health,
        format!("priority {}", view.priority),
        format!("{}", view.latency),
        format!("weight {}", view.weight),
        fate,
    ]
}
