//! The largest demand that a design survives, in the report of a sizing.

use crate::experiment::size_demand::MaxDemandOutcome;
use crate::experiment::size_outcome::SizeOutcome;

use crate::report::document::{Block, Section, Table, Words};
use crate::report::size_demand;

use super::size::replay;

/// The answer, and until when it holds.
#[must_use]
pub fn answer(demand: &MaxDemandOutcome) -> Block {
    let until = size_demand::until(demand).map_or_else(String::new, |until| format!(" {until}."));
    Block::Paragraph(Words::new().strong(size_demand::answer(demand) + ".").plain(until))
}

/// What was tried, and why more fails.
#[must_use]
pub fn section(size: &SizeOutcome, demand: &MaxDemandOutcome) -> Section {
    let mut blocks = Vec::new();
    if let Some(more) = &demand.one_more {
        blocks.push(Block::Paragraph((size_demand::one_more(more) + ".").into()));
        blocks.extend(replay(size, more));
    }
    if !demand.binds.is_empty() {
        blocks.push(Block::List(demand.binds.iter().map(|it| it.as_str().into()).collect()));
    }
    let rows = size_demand::tried(size, demand);
    let number = |name: &String| format!("# {name}");
    let mut columns = vec!["# demand".to_owned(), "verdict".to_owned()];
    columns.extend(rows[0][2..].iter().map(number));
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let mut table = Table::new(&columns);
    rows.into_iter().skip(1).for_each(|row| table.add(row));
    blocks.push(Block::Table(table));
    let found: Vec<Words> = size_demand::violations(demand).map(|it| (it + ".").into()).collect();
    if !found.is_empty() {
        blocks.push(Block::List(found));
    }
    Section::new("Largest demand", blocks)
}
