//! When faults strike in a sizing: in the busiest stretch of demand, and at random times beside.

use crate::scenario::fault_time::{FaultTimeSpec, FaultTimes, fault_times};

use crate::experiment::size::{SizePlan, Sizes, size_near};

use super::interrupt;
use super::size_catalogue::Catalogue;

/// Other times for the faults of a scenario, if others are wanted and make sense.
///
/// # Errors
/// If there is no such scenario for as long as it takes.
pub(super) fn times(written: &Catalogue) -> Result<Option<FaultTimes>, String> {
    match written.sizing.fault_time {
        FaultTimeSpec::AsWritten => Ok(None),
        FaultTimeSpec::Busiest => fault_times(&written.scenario, |sets| written.loaded(sets)),
    }
    .map_err(explained)
}

/// The designs with the faults in the busiest stretch; `None` if they strike there anyway.
///
/// # Errors
/// If there is no such scenario.
pub(super) fn busiest(
    written: &Catalogue,
    times: Option<&FaultTimes>,
) -> Result<Option<Catalogue>, String> {
    let sets = times.map(|times| &times.busiest_sets).filter(|sets| !sets.is_empty());
    sets.map(|sets| written.with(sets)).transpose().map_err(explained)
}

/// The search around `answer` with faults at a random time, if that makes sense.
///
/// # Errors
/// If there is no such scenario.
pub(super) fn random(
    written: &Catalogue,
    times: Option<&FaultTimes>,
    plan: &SizePlan<'_>,
    answer: &[u32],
) -> Result<Option<Sizes>, String> {
    let Some(there) = at_random(written, times)? else { return Ok(None) };
    size_near(plan, answer, 1, &interrupt::is_asked, |values| there.trials(values)).map(Some)
}

/// The designs with faults at a random time, if that makes sense.
///
/// # Errors
/// If there is no such scenario.
pub(super) fn at_random(
    written: &Catalogue,
    times: Option<&FaultTimes>,
) -> Result<Option<Catalogue>, String> {
    let sets = times.and_then(|times| times.random_sets.as_ref());
    sets.map(|sets| written.with(sets)).transpose().map_err(explained)
}

fn explained(why: String) -> String {
    format!("with faults at another time: {why}; `sizing.faultTime: asWritten` leaves them alone")
}
