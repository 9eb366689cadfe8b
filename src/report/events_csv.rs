//! `events.csv`: the facts of a run in words, in order.

use crate::model::fact::FactLog;
use crate::model::world::World;

use super::cells::{guarded, table};

/// Name of the file in a result folder.
pub const FILE_NAME: &str = "events.csv";

/// The facts as CSV: time, kind and sentence. Times in the warm-up are negative.
#[must_use]
pub fn render(facts: &FactLog, world: &World) -> String {
    let rows = facts.facts().iter().map(|fact| {
        let words = fact.words(world);
        [
            format!("{:.3}", fact.at.as_secs_f64()),
            fact.what.name().to_owned(),
            guarded(&words).into_owned(),
        ]
    });
    table(["t_s", "kind", "words"], rows)
}
