//! The answer of a sizing at both ends of the inputs that nobody knows well.

use crate::scenario::uncertain::{Uncertain, uncertain};

use crate::experiment::size::{SizePlan, Sizes, size_again};
use crate::experiment::size_ends::{Ends, EndsPlan, ends};

use super::interrupt;
use super::size_catalogue::Catalogue;

/// The inputs that are tried, and why others are not.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    known: Vec<Uncertain>,
    skipped: Vec<String>,
}

/// The inputs of a scenario that nobody knows well, each with two ends that make a scenario. A
/// default's end that makes none is skipped, one that the scenario states is a mistake.
///
/// # Errors
/// What is wrong in `sizing.assumptions`.
pub(super) fn inputs(catalogue: &Catalogue) -> Result<Inputs, String> {
    let mut found = Inputs::default();
    for input in uncertain(&catalogue.scenario, &catalogue.sizing.assumptions)? {
        let wrong = |end: &usize| {
            let why = catalogue.with(&input.assignments(*end)).err()?;
            Some(format!("`{}` at {}: {why}", input.path, input.ends[*end]))
        };
        match [0, 1].iter().filter(|end| !input.is_value(**end)).find_map(wrong) {
            None => found.known.push(input),
            Some(why) if input.is_stated => return Err(format!("sizing.assumptions: {why}")),
            Some(why) => found.skipped.push(why),
        }
    }
    Ok(found)
}

/// The answer at the ends of these inputs; `None` if it was told to stop.
///
/// # Errors
/// If no design of the range is a scenario at some end.
pub(super) fn solved(
    catalogue: &Catalogue,
    inputs: &Inputs,
    plan: &SizePlan<'_>,
    base: &Sizes,
    answer: Option<&[u32]>,
) -> Result<Option<Ends>, String> {
    let objectives = plan.objectives;
    let ends_plan = EndsPlan { inputs: &inputs.known, objectives, base, answer };
    let found = ends(&ends_plan, |ends| {
        let sets = ends.iter().flat_map(|&(number, end)| inputs.known[number].assignments(end));
        let there = catalogue.with(&sets.collect::<Vec<_>>())?;
        size_again(plan, ends_plan.start(), &interrupt::is_asked, |values| there.trials(values))
    })?;
    Ok(found.map(|mut found| {
        found.outcome.skipped.splice(0..0, inputs.skipped.iter().cloned());
        found
    }))
}

impl Inputs {
    /// Whether there is nothing to tell.
    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty() && self.skipped.is_empty()
    }
}
