//! When faults strike in a sizing: while demand is highest, or at any time of the run.
//!
//! Nobody knows when a region will be lost, so a size is asked for the worst moment: the stretch
//! of the run, as long as the fault, in which users ask most. The run goes on after the moved
//! fault for as long as it does as written.

use crate::faults::Repair;
use crate::spec::choice;
use crate::traffic::plan::Arrivals;

use super::checked::Scenario;

choice! {
    /// When faults strike in a sizing.
    pub enum FaultTimeSpec {
        /// While demand is highest; the answer with a random time is shown beside.
        "busiest" => Busiest,
        /// When the scenario says.
        "asWritten" => AsWritten,
    }
}

/// Other times at which the faults of a scenario may strike.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultTimes {
    /// The stretch that is as long as the faults last and begins with the first as written.
    pub written: Stretch,
    /// The busiest stretch of the same length; that as written if none is busier.
    pub busiest: Stretch,
    /// What makes the faults strike in the busiest stretch, for `--set`; nothing if they do.
    pub busiest_sets: Vec<String>,
    /// What makes them strike at a random time of the run; `None` if no time differs from another
    /// in demand, or if several faults come one after the other.
    pub random_sets: Option<Vec<String>>,
}

/// A stretch of the run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    /// When it begins \[s\].
    pub at_s: f64,
    /// Its length \[s\].
    pub length_s: f64,
    /// What users ask for in it, on average \[1/s\].
    pub rate: f64,
}

/// How much more is more: sums of rates over the same curve differ in their last digits.
const SAME: f64 = 1e-9;

/// Steps of the search, at most a minute each.
const STEPS: f64 = 1_440.0;

/// Other times at which the faults of a scenario may strike; `longer` gives the scenario with more
/// assignments. `None` if there is no fault, or no demand by rates.
///
/// # Errors
/// That of `longer`.
pub fn fault_times(
    scenario: &Scenario,
    longer: impl Fn(&[String]) -> Result<Scenario, String>,
) -> Result<Option<FaultTimes>, String> {
    let faults = scenario.faults();
    let horizon_s = scenario.run().horizon.as_secs_f64();
    let starts = faults.iter().map(|fault| fault.at.as_secs_f64());
    let Some(at_s) = starts.reduce(f64::min) else { return Ok(None) };
    let rest_s = horizon_s - at_s;
    let lasts = faults.iter().map(|fault| match &fault.repair {
        Repair::After(duration) => duration.as_secs_f64(),
        Repair::Never | Repair::Drawn(_) => rest_s,
    });
    let length_s = lasts.fold(1.0, f64::max).min(horizon_s);
    let end_s = horizon_s + rest_s.max(length_s);
    let whole = longer(&[horizon(end_s)])?;
    let rate = |at_s: f64| {
        let curves = whole.demands().iter().filter_map(|demand| match &demand.arrivals {
            Arrivals::Poisson { curve } => Some(curve.mean(at_s, at_s + length_s)),
            Arrivals::Replay { .. } | Arrivals::ClosedLoop { .. } => None,
        });
        curves.sum::<f64>()
    };
    let written = Stretch { at_s, length_s, rate: rate(at_s) };
    let step_s = (horizon_s / STEPS).max(60.0).ceil();
    let times = (0..=(horizon_s / step_s) as u64).map(|step| step as f64 * step_s);
    let stretches = times.map(|at_s| Stretch { at_s, length_s, rate: rate(at_s) });
    let (mut busiest, mut is_even) = (written, true);
    for stretch in stretches {
        is_even &= (stretch.rate - written.rate).abs() <= SAME * written.rate;
        if busiest.rate * (1.0 + SAME) < stretch.rate {
            busiest = stretch;
        }
    }
    if busiest.rate <= 0.0 {
        return Ok(None);
    }
    // Where no time differs from another, faults keep the times that the scenario draws.
    let busiest_sets = moved(scenario, (at_s, busiest.at_s), rest_s);
    let busiest_sets = if is_even { Vec::new() } else { busiest_sets };
    let random_sets = random(scenario, rest_s).filter(|_| !is_even);
    Ok(Some(FaultTimes { written, busiest, busiest_sets, random_sets }))
}

/// What moves the faults from one time to another, all together or each kind of failure to that
/// very time; the run goes on for `rest_s` after it.
fn moved(scenario: &Scenario, (from_s, to_s): (f64, f64), rest_s: f64) -> Vec<String> {
    let faults = scenario.faults();
    let is_drawn = faults.iter().any(|fault| fault.delay.is_some());
    if from_s == to_s && !is_drawn && !is_one_by_one(scenario) {
        return Vec::new();
    }
    let horizon_s = scenario.run().horizon.as_secs_f64();
    let mut sets = vec![horizon(horizon_s.max(to_s + rest_s))];
    for (index, fault) in faults.iter().enumerate() {
        let after_s = fault.at.as_secs_f64() - from_s;
        let at_s = if is_one_by_one(scenario) { to_s } else { to_s + after_s };
        sets.push(format!("faults[{index}].at={at_s}s"));
        if fault.delay.is_some() {
            sets.push(format!("faults[{index}].delay={{constant: 0s}}"));
        }
    }
    sets
}

/// Whether a trial has one kind of failure of several.
fn is_one_by_one(scenario: &Scenario) -> bool {
    scenario.failure_model().is_some() && 1 < scenario.faults().len()
}

/// What makes the faults strike at a random time, each by itself: when the scenario draws them, or
/// evenly over its run.
fn random(scenario: &Scenario, rest_s: f64) -> Option<Vec<String>> {
    let faults = scenario.faults();
    if 1 < faults.len() && !is_one_by_one(scenario) {
        return None;
    }
    let horizon_s = scenario.run().horizon.as_secs_f64();
    let mut sets = vec![horizon(horizon_s + rest_s)];
    for index in (0..faults.len()).filter(|&index| faults[index].delay.is_none()) {
        sets.push(format!("faults[{index}].at=0s"));
        sets.push(format!("faults[{index}].delay={{uniform: {{min: 0s, max: {horizon_s}s}}}}"));
    }
    // Where all are drawn the scenario says how.
    Some(if sets.len() == 1 { Vec::new() } else { sets })
}

fn horizon(end_s: f64) -> String {
    format!("run.horizon={}s", end_s.ceil())
}
