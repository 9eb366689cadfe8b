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

#[cfg(test)]
mod tests {
    use crate::metrics::example::{health, log, world};

    use super::*;

    /// One row for each fact, with its sentence; the warm-up is negative.
    #[test]
    fn facts_in_words() {
        let text = render(&log(&[(-5, health(0, 0, true)), (210, health(1, 0, false))]), &world());
        let expected = "t_s,kind,words\n\
            -5.000,origin-health,PoP 0 now finds primary healthy\n\
            210.000,origin-health,PoP 1 now finds primary unhealthy\n";
        assert_eq!(text, expected);
    }
}
