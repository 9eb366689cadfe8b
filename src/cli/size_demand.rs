//! `size --max-demand`: the largest demand that a design survives.

use crate::experiment::size::{SizePlan, Sizes, size_near};
use crate::experiment::size_demand::{AS_WRITTEN, FIRST_STEP, MaxDemandOutcome, RANGE, percent_at};
use crate::experiment::size_findings::{violations, witness};
use crate::experiment::size_outcome::OneLess;

use super::interrupt;
use super::size_catalogue::Catalogue;
use super::size_reasons::{binding, one_less, why};

/// Searches the largest demand that a design survives, or the scenario as it is written, with the
/// search itself; `None` if it was told to stop.
///
/// # Errors
/// If there is no such scenario.
pub(super) fn largest(
    catalogue: &Catalogue,
    plan: &SizePlan<'_>,
    design: Option<&[u32]>,
) -> Result<Option<(MaxDemandOutcome, Sizes)>, String> {
    let demands = catalogue.by_demand(design.unwrap_or_default())?;
    let plan = SizePlan { ranges: &[RANGE], ..plan.clone() };
    let trials = |values: &[u32]| demands.trials(values);
    let sizes = size_near(&plan, &[AS_WRITTEN], FIRST_STEP, &interrupt::is_asked, trials)?;
    if sizes.stopped {
        return Ok(None);
    }
    let growth = catalogue.sizing.growth.as_ref();
    let mut outcome = MaxDemandOutcome::new(&sizes, design.map(<[u32]>::to_vec), growth);
    let objectives = plan.objectives;
    outcome.violations = violations(&sizes, objectives).into_iter().map(Into::into).collect();
    match sizes.smallest.first() {
        Some(answer) => {
            outcome.one_more = one_less(&demands, &sizes, answer);
            if let Some(OneLess { values, trial: Some(trial), .. }) = &outcome.one_more {
                outcome.binds = binding(&demands, values, *trial);
            }
            let more = outcome.one_more.as_mut();
            more.into_iter().for_each(|more| more.values = vec![percent_at(&more.values)]);
        }
        None => {
            let least = sizes.tried.iter().max_by_key(|tried| tried.values.clone());
            let shown = least.and_then(|least| Some((least, witness(objectives, least, None)?)));
            outcome.binds = shown.map_or_else(Vec::new, |(least, (objective, trial))| {
                let values = &least.values;
                let words = why(&demands, values, None, &objective, trial);
                let mut found = vec![format!("at {} %: {words}", percent_at(values))];
                found.extend(binding(&demands, values, trial));
                found
            });
        }
    }
    Ok(Some((outcome, sizes)))
}
