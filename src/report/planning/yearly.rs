//! What the failures of a year come to, where the scenario says how often they happen.

use crate::experiment::study::{Reported, StudyOutcome};
use crate::experiment::yearly::Yearly;

use crate::report::document::{Block, Section, Table};
use crate::report::gate_table::percent;
use crate::report::study_table::short;
use crate::report::yearly_table::{figures, notes, row};

/// The year in figures, then kind by kind; nothing without rates, of which the report then says
/// that nothing is known of how often.
#[must_use]
pub fn section(study: &StudyOutcome) -> Section {
    const TITLE: &str = "A year of failures";
    let Some(yearly) = &study.yearly else { return Section::new(TITLE, Vec::new()) };
    let words = format!(
        "By the rates that the scenario states there are {} failures in a year. For each kind its \
         rate times the mean over its trials; intervals have confidence {} and do not include \
         any doubt about the rates.",
        short(yearly.failures_per_year),
        percent(study.confidence)
    );
    let blocks = vec![
        Block::Paragraph(words.into()),
        Block::Table(year(yearly)),
        Block::Table(kinds(yearly)),
        Block::Paragraph(notes(yearly).join(" ").into()),
    ];
    Section::new(TITLE, blocks)
}

fn year(yearly: &Yearly) -> Table {
    let mut table = Table::new(&["in a year", "# expected", "# interval"]);
    for row in figures(yearly) {
        table.add(row);
    }
    table
}

fn kinds(yearly: &Yearly) -> Table {
    let columns = [
        "failure",
        "# a year",
        "# trials",
        "# median recovery time, s",
        "# mean seconds below the objective",
        "# mean failed requests",
        "# minutes a year",
        "# failed requests a year",
    ];
    let mut table = Table::new(&columns);
    for kind in &yearly.kinds {
        table.add(row(kind, with_interval));
    }
    table
}

/// A mean with its interval.
fn with_interval(mean: Reported) -> String {
    let end = |end: Option<f64>| end.map_or_else(|| "?".to_owned(), short);
    format!("{} ({} to {})", short(mean.value), end(mean.low), end(mean.high))
}
