//! How far the answer of a sizing can be trusted, and what to measure first, as rows and
//! sentences for the terminal and the report.

use crate::experiment::size_ends::{EndOutcome, EndsOutcome, InputOutcome, WorstOutcome};
use crate::experiment::size_outcome::SizeOutcome;

use super::size_table::spelled;
use super::words::printable;

/// Names of the columns of [`rows`]; `#` stands before those of numbers.
pub const COLUMNS: [&str; 7] =
    ["measure first", "value", "low", "# needs", "high", "# needs", "# width"];

/// The least and the greatest answer of all ends, `24-38`, if any were tried.
#[must_use]
pub fn range(size: &SizeOutcome) -> Option<String> {
    let ends = size.ends.as_ref().filter(|ends| !ends.inputs.is_empty())?;
    let least = spelled(&ends.least);
    Some(match &ends.most {
        Some(most) => format!("{least}-{}", spelled(most)),
        None => format!("{least} to over {}", range_end(size)),
    })
}

/// A row for each input, the one that moves the answer most first.
pub fn rows(size: &SizeOutcome, ends: &EndsOutcome) -> impl Iterator<Item = [String; 7]> {
    let needs = |end: &EndOutcome| needs(size, end.answer.as_deref());
    ends.inputs.iter().map(move |input: &InputOutcome| {
        [
            printable(&input.path),
            printable(input.value.as_deref().unwrap_or("-")),
            printable(&input.low.value),
            needs(&input.low),
            printable(&input.high.value),
            needs(&input.high),
            input.width.map_or_else(|| "-".to_owned(), |width| width.to_string()),
        ]
    })
}

/// What all worse ends together need.
#[must_use]
pub fn worst(size: &SizeOutcome, worst: &WorstOutcome) -> String {
    let inputs = worst.inputs.iter().map(|it| printable(it)).collect::<Vec<_>>();
    let needs = needs(size, worst.answer.as_deref());
    match inputs.len() {
        1 => format!("Only {} is worse: {needs}", inputs[0]),
        _ => format!("All worse ends at once ({}): {needs}", inputs.join(", ")),
    }
}

fn needs(size: &SizeOutcome, answer: Option<&[u32]>) -> String {
    answer.map_or_else(|| format!("over {}", range_end(size)), spelled)
}

/// The upper end of the last knob's range.
fn range_end(size: &SizeOutcome) -> &str {
    let range = size.knobs.last().and_then(|knob| knob.rsplit_once(".."));
    range.map_or("the range", |(_, end)| end)
}
