//! All that a sizing solves: the smallest design, and the same with faults at a random time and at
//! the ends of its inputs.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use crate::scenario::Scenario;
use crate::scenario::fault_time::FaultTimes;
use crate::scenario::sizing::Knob;

use crate::experiment::estimator::Estimator;
use crate::experiment::frontier::knee;
use crate::experiment::prices::Prices;
use crate::experiment::size::{INDIFFERENCE, SizePlan, Sizes, size};
use crate::experiment::size_fault_time::{FaultTimeOutcome, RandomTimeOutcome};
use crate::experiment::size_findings::violations;
use crate::experiment::size_outcome::{SCHEMA, SizeOutcome, designs, fingerprint};
use crate::experiment::study_breakdown::{Breakdown, rooms};

use super::size_catalogue::Catalogue;
use super::size_ends::{self, Inputs};
use super::size_line::MaxDemandArgument;
use super::size_reasons::{binds, one_less};
use super::{interrupt, size_cost, size_demand, size_fault_time};

/// How trials are run.
#[derive(Clone, Copy, Debug)]
pub(super) struct How {
    /// Trials of a design at most.
    pub(super) max_trials: u64,
    /// Threads to run trials on.
    pub(super) threads: NonZeroUsize,
    /// The design whose largest demand is looked for.
    pub(super) max_demand: Option<MaxDemandArgument>,
}

/// What was found.
pub(super) struct Found {
    /// As plain data.
    pub(super) outcome: SizeOutcome,
    /// The scenario of the answer.
    pub(super) answer: Option<Arc<Scenario>>,
    /// Hash of all trials.
    pub(super) fingerprint: String,
}

/// Solves it all; `None` if it was told to stop.
///
/// # Errors
/// What is wrong with the scenario, the knobs or the prices.
pub(super) fn study(
    written: &Catalogue,
    inputs: &Inputs,
    how: How,
    prices: Option<&Prices>,
) -> Result<Option<Found>, String> {
    let sizing = &written.sizing;
    let ranges: Vec<_> = sizing.knobs.iter().map(|knob| (knob.min, knob.max)).collect();
    let plan = SizePlan {
        ranges: &ranges,
        objectives: &sizing.objectives,
        confidence: sizing.confidence,
        max_trials: how.max_trials,
        threads: how.threads,
    };
    let losses = size_cost::losses(written, prices)?;
    let times = size_fault_time::times(written)?;
    let busiest = size_fault_time::busiest(written, times.as_ref())?;
    let catalogue = busiest.as_ref().unwrap_or(written);
    if how.max_demand == Some(MaxDemandArgument::Written) {
        return written_demand(catalogue, &plan, times.as_ref());
    }
    let sizes = size(&plan, &interrupt::is_asked, |values| catalogue.trials(values))?;
    if sizes.stopped {
        return Ok(None);
    }
    let mut outcome = outcome(catalogue, &sizes, prices)?;
    outcome.scenario_hash = format!("{:016x}", written.scenario.hash());
    outcome.fault_time = times.as_ref().map(FaultTimeOutcome::new);
    let mut searches = vec![sizes];
    let answer = outcome.answer.clone();
    if let Some(answer) = &answer {
        let random = size_fault_time::random(written, times.as_ref(), &plan, answer)?;
        if let (Some(sizes), Some(time)) = (random, &mut outcome.fault_time) {
            if sizes.stopped {
                return Ok(None);
            }
            time.random = Some(RandomTimeOutcome::new(&sizes, answer));
            searches.push(sizes);
        }
    }
    if !inputs.is_empty() {
        let ends = size_ends::solved(catalogue, inputs, &plan, &searches[0], answer.as_deref())?;
        let Some(ends) = ends else { return Ok(None) };
        outcome.ends = Some(ends.outcome);
        searches.extend(ends.solved);
    }
    if let Some(answer) = &answer {
        let next = size_cost::next(catalogue, &searches[0], answer, prices, how)?;
        let Some(next) = next else { return Ok(None) };
        outcome.next = next;
    }
    if let Some(losses) = &losses {
        let random = size_fault_time::at_random(written, times.as_ref())?;
        let there = random.as_ref().map_or((catalogue, false), |random| (random, true));
        if !size_cost::add_costs(&mut outcome, losses, there, how)? {
            return Ok(None);
        }
    }
    if let (Some(answer), Some(_)) = (&answer, how.max_demand) {
        let largest = size_demand::largest(catalogue, &plan, Some(answer))?;
        let Some((found, sizes)) = largest else { return Ok(None) };
        outcome.max_demand = Some(found);
        searches.push(sizes);
    }
    let answer = answer.and_then(|values| catalogue.design(&values).ok());
    Ok(Some(Found { outcome, answer, fingerprint: fingerprint(&searches) }))
}

/// The largest demand of the scenario as it is written, without a search for a design.
fn written_demand(
    catalogue: &Catalogue,
    plan: &SizePlan<'_>,
    times: Option<&FaultTimes>,
) -> Result<Option<Found>, String> {
    let Some((found, sizes)) = size_demand::largest(catalogue, plan, None)? else {
        return Ok(None);
    };
    let mut outcome = outcome(catalogue, &Sizes::default(), None)?;
    outcome.knobs.clear();
    outcome.fault_time = times.map(FaultTimeOutcome::new);
    outcome.max_demand = Some(found);
    let answer = catalogue.loaded(&[]).ok().map(Arc::new);
    Ok(Some(Found { outcome, answer, fingerprint: fingerprint([&sizes]) }))
}

/// The smallest design alone.
fn outcome(
    catalogue: &Catalogue,
    sizes: &Sizes,
    prices: Option<&Prices>,
) -> Result<SizeOutcome, String> {
    let sizing = &catalogue.sizing;
    let mut costs = BTreeMap::new();
    for tried in &sizes.tried {
        let cost = catalogue.monthly_cost(&tried.values, prices)?;
        costs.insert(tried.values.clone(), cost);
    }
    let answer = cheapest(&sizes.smallest, &costs);
    let binds = if answer.is_none() { binds(catalogue, sizes) } else { Vec::new() };
    let knob = |knob: &Knob| format!("{}={}..{}", knob.path, knob.min, knob.max);
    let designs = designs(sizes, |values| costs.get(values).copied().flatten());
    Ok(SizeOutcome {
        schema: SCHEMA.into(),
        scenario: catalogue.scenario.name().to_owned(),
        scenario_hash: format!("{:016x}", catalogue.scenario.hash()),
        version: env!("CARGO_PKG_VERSION").into(),
        seed: catalogue.seed,
        fidelity: catalogue.fidelity.name().into(),
        confidence: sizing.confidence,
        indifference: INDIFFERENCE,
        objectives: sizing.objectives.iter().map(ToString::to_string).collect(),
        knobs: sizing.knobs.iter().map(knob).collect(),
        one_less: answer.as_ref().and_then(|answer| one_less(catalogue, sizes, answer)),
        answer_trials: answer.as_ref().and_then(|answer| {
            let clusters = catalogue.scenario.world().clusters.iter();
            let names: Vec<String> = clusters.map(|cluster| cluster.name.clone()).collect();
            let rows = &sizes.tried(answer)?.judgement.rows;
            let rooms = rooms(catalogue.scenario.world());
            Some(Breakdown::new(&names, &rooms, rows, &Estimator::Independent))
        }),
        answer,
        fault_time: None,
        ends: None,
        max_demand: None,
        smallest: sizes.smallest.clone(),
        binds,
        next: Vec::new(),
        knee: knee(&designs),
        loss: None,
        designs,
        currency: prices.map(|prices| prices.currency.clone()),
        violations: violations(sizes, &sizing.objectives).into_iter().map(Into::into).collect(),
    })
}

/// The cheapest of some designs; without prices the one with the least sum of its knobs.
fn cheapest(smallest: &[Vec<u32>], costs: &BTreeMap<Vec<u32>, Option<f64>>) -> Option<Vec<u32>> {
    let cost = |values: &Vec<u32>| {
        let sum = values.iter().map(|&value| f64::from(value)).sum();
        costs.get(values).copied().flatten().unwrap_or(sum)
    };
    smallest.iter().min_by(|left, right| cost(left).total_cmp(&cost(right))).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cheapest design wins over the one with fewer nodes; without prices the least sum does.
    #[test]
    fn the_cheapest_design_is_the_answer() {
        let smallest = [vec![1, 9], vec![3, 4], vec![8, 1]];
        let costs = |prices: [Option<f64>; 3]| smallest.iter().cloned().zip(prices).collect();
        let dear = costs([Some(50.0), Some(80.0), Some(60.0)]);
        assert_eq!(cheapest(&smallest, &dear), Some(vec![1, 9]));
        assert_eq!(cheapest(&smallest, &costs([None; 3])), Some(vec![3, 4]));
        assert_eq!(cheapest(&[], &costs([None; 3])), None);
    }
}
