//! How far the answer of a sizing can be trusted, and what to measure first, as rows and
//! sentences for the terminal and the report.

use crate::experiment::size_ends::{EndOutcome, EndsOutcome, InputOutcome, WorstOutcome};
use crate::experiment::size_fault_time::{FaultTimeOutcome, StretchOutcome};
use crate::experiment::size_outcome::{SizeOutcome, ViolationOutcome};

use super::gate_table::percent;
use super::size_table::{spelled, violation};
use super::words::{count, duration, printable};

/// Names of the columns of [`rows`]; `#` stands before those of numbers.
pub const COLUMNS: [&str; 7] =
    ["measure first", "value", "low", "# needs", "high", "# needs", "# width"];

/// The least and the greatest answer of all ends, `24-38`, if any were tried.
#[must_use]
pub fn range(size: &SizeOutcome) -> Option<String> {
    let ends = size.ends.as_ref().filter(|ends| !ends.inputs.is_empty())?;
    let least = spelled(ends.least.as_ref()?);
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

/// What would suffice at some end, where nothing does as the inputs are.
#[must_use]
pub fn relief(size: &SizeOutcome) -> Option<String> {
    let ends = size.ends.as_ref().filter(|ends| !ends.inputs.is_empty())?;
    if size.answer.is_some() {
        return None;
    }
    let enough = |input: &InputOutcome, end: &EndOutcome| {
        let answer = end.answer.as_deref().map(spelled)?;
        Some(format!("{answer} with {}={}", printable(&input.path), printable(&end.value)))
    };
    let input = |it: &InputOutcome| [enough(it, &it.low), enough(it, &it.high)];
    let found: Vec<String> = ends.inputs.iter().flat_map(input).flatten().collect();
    Some(if found.is_empty() {
        "Nor does anything at either end of an input that nobody knows well".to_owned()
    } else {
        format!("But this would suffice: {}", found.join(", "))
    })
}

/// Trials that fare worse with more at some end.
pub fn findings(ends: &EndsOutcome) -> impl Iterator<Item = String> {
    let of = |at: String, found: &[ViolationOutcome]| -> Vec<String> {
        found.iter().map(|it| format!("at {}: {}", printable(&at), violation(it))).collect()
    };
    let input = move |it: &InputOutcome| {
        let end = |end: &EndOutcome| of(format!("{}={}", it.path, end.value), &end.violations);
        [end(&it.low), end(&it.high)].concat()
    };
    let worst = ends.worst.iter();
    let worst = worst.flat_map(move |it| of("all worse ends".to_owned(), &it.violations));
    ends.inputs.iter().flat_map(input).chain(worst)
}

/// When faults strike, and what a random time comes to.
#[must_use]
pub fn fault_time(size: &SizeOutcome, time: &FaultTimeOutcome) -> String {
    let stretch = |it: StretchOutcome| {
        format!("{} into the run ({}/s)", duration(it.at_s), count(it.demand_per_s.round() as u64))
    };
    let (busiest, written) = (stretch(time.busiest), stretch(time.written));
    let mut words = if time.busiest == time.written {
        format!("Faults strike as written, {written}")
    } else {
        format!("Faults strike when demand is highest, {busiest}; as written {written}")
    };
    if let Some(random) = &time.random {
        let needs = needs(size, random.answer.as_deref());
        let kept = random.kept.iter().map(|&share| percent(share)).collect::<Vec<_>>();
        words += &format!(
            "; at a random time {needs} would do, and the answer keeps the limits in {} of {} \
             trials",
            kept.join(" and "),
            count(random.n_trials)
        );
    }
    words
}

fn needs(size: &SizeOutcome, answer: Option<&[u32]>) -> String {
    answer.map_or_else(|| format!("over {}", range_end(size)), spelled)
}

/// The upper end of the last knob's range.
fn range_end(size: &SizeOutcome) -> &str {
    let range = size.knobs.last().and_then(|knob| knob.rsplit_once(".."));
    range.map_or("the range", |(_, end)| end)
}
