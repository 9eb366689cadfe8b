//! One trial of a scenario: the simulation, then every fold over its record.

use crate::units::{Span, Time};

use crate::model::fact::{FactLog, What};
use crate::model::ids::FaultId;

use crate::control::Chance;

use crate::scenario::failure_model::Strike;
use crate::scenario::{PlannedFault, Scenario};

use crate::simulation::{self, Finished, Options};

use crate::metrics::capacity_plan::{ClusterPhase, PlanInput, capacity_plan};
use crate::metrics::headroom::{self, Headroom};
use crate::metrics::outcome::Outcome;
use crate::metrics::record::{FaultFrame, Part, Record, RunFrame, TrafficRecord};
use crate::metrics::summary;
use crate::metrics::timeline::{self, Timeline};

use super::prices::Prices;

/// What one trial came to.
#[derive(Debug)]
pub struct Trial {
    /// Its figures.
    pub outcome: Outcome,
    /// Its series.
    pub timeline: Timeline,
    /// The simulation at its horizon: facts, world and counts.
    pub finished: Finished,
}

impl Trial {
    /// What each cluster took before, during and after the trouble, with its cost where there are
    /// prices.
    #[must_use]
    pub fn capacity_plan(&self, prices: Option<&Prices>) -> Vec<ClusterPhase> {
        plan_of(&self.finished, &self.outcome, prices)
    }
}

/// Runs trial number `trial` of `scenario`; `seed` overrules the scenario's own.
///
/// `progress` is called about once a simulated minute with the present instant; it cannot change
/// the run.
pub fn run_once(
    scenario: &Scenario,
    seed: Option<u64>,
    trial: u64,
    progress: impl FnMut(Time),
) -> Trial {
    run_trial(scenario, Options { seed, trial, ..Options::default() }, progress)
}

/// Runs one trial of `scenario` as `options` say; the rest is as in [`run_once`].
pub fn run_trial(scenario: &Scenario, options: Options, progress: impl FnMut(Time)) -> Trial {
    let finished = simulation::run(scenario, options, progress);
    let (outcome, timeline) = folded(scenario, options, &finished, |record, headroom| {
        (summary::outcome(record, headroom), timeline::timeline(record, headroom))
    });
    Trial { outcome, timeline, finished }
}

/// The outcome of a trial of a study, without its geographies.
#[must_use]
pub fn outcome_of(scenario: &Scenario, options: Options) -> Outcome {
    let finished = simulation::run(scenario, options, |_| {});
    folded(scenario, options, &finished, summary::without_geographies)
}

/// The outcome of a trial of a study, without its geographies, and its capacity plan.
#[must_use]
pub fn outcome_and_plan(
    scenario: &Scenario,
    options: Options,
    prices: Option<&Prices>,
) -> (Outcome, Vec<ClusterPhase>) {
    let finished = simulation::run(scenario, options, |_| {});
    let outcome = folded(scenario, options, &finished, summary::without_geographies);
    let plan = plan_of(&finished, &outcome, prices);
    (outcome, plan)
}

fn plan_of(finished: &Finished, outcome: &Outcome, prices: Option<&Prices>) -> Vec<ClusterPhase> {
    let input = PlanInput {
        world: &finished.world,
        facts: finished.facts.facts(),
        samples: &finished.samples,
        horizon: Span::from_secs_f64(outcome.horizon_s),
        faults: &outcome.faults,
    };
    let mut plan = capacity_plan(&input, |pool| prices?.of_a_node(&finished.world, pool));
    for row in &mut plan {
        row.currency = prices.map(|prices| prices.currency.clone());
        row.monthly_cost = row.monthly_cost.filter(|_| prices.is_some());
    }
    plan
}

/// What `fold` makes of the record of a finished simulation and its headroom.
fn folded<T>(
    scenario: &Scenario,
    options: Options,
    finished: &Finished,
    fold: impl FnOnce(&Record<'_>, &[Vec<Headroom>]) -> T,
) -> T {
    let frame = frame(scenario, options, finished);
    let traffic = TrafficRecord::from_ledger(&finished.ledger, &finished.world);
    let record = Record {
        frame: &frame,
        world: &finished.world,
        facts: &finished.facts,
        samples: &finished.samples,
        traffic: &traffic,
    };
    let headroom = headroom::headroom(&record);
    fold(&record, &headroom)
}

fn frame(scenario: &Scenario, options: Options, finished: &Finished) -> RunFrame {
    let run = scenario.run();
    let seed = options.seed.unwrap_or(run.seed);
    let chance = Chance { seed, trial: options.trial, sampler: options.sampler };
    RunFrame {
        scenario: scenario.name().to_owned(),
        seed,
        trial: options.trial,
        fidelity: options.fidelity.name(),
        near_saturation_s: finished.near_saturation_s,
        horizon: run.horizon,
        warm_up: run.warm_up,
        objective: run.objective,
        assumptions: scenario.assumptions(),
        failure_kind: scenario.failure_model().map(|model| model.kind(chance).name.clone()),
        faults: fault_frames(scenario, chance, finished),
    }
}

/// The faults of a trial. What one takes that comes along counts for the one that it comes with:
/// their users recover once.
fn fault_frames(scenario: &Scenario, chance: Chance, finished: &Finished) -> Vec<FaultFrame> {
    let faults = scenario.faults().iter().zip(scenario.strikes(chance)).enumerate();
    let mut frames: Vec<FaultFrame> = faults
        .map(|(index, (fault, strike))| {
            fault_frame(fault, FaultId::new(index), strike, chance, finished)
        })
        .collect();
    if scenario.failure_model().is_some() {
        let struck = frames.iter().filter(|frame| frame.struck);
        let affected = struck.fold(0, |all, frame| all | frame.affected.0);
        let first = frames.iter_mut().find(|frame| frame.part == Part::Alone);
        first.expect("one kind of failure was drawn").affected.0 |= affected;
    }
    frames
}

fn fault_frame(
    planned: &PlannedFault,
    id: FaultId,
    strike: Option<Strike>,
    chance: Chance,
    finished: &Finished,
) -> FaultFrame {
    let at = strike.map_or(planned.at, |strike| strike.at);
    FaultFrame {
        name: planned.name.clone(),
        kind: planned.fault.kind().to_owned(),
        at,
        until: planned.lasts(chance).map(|duration| at + duration),
        affected: planned.fault.hits_in_trial(&finished.world, chance, id),
        struck: has_struck(&finished.facts, id),
        part: match strike {
            None => Part::Absent,
            Some(strike) if strike.is_companion => Part::Companion,
            Some(_) => Part::Alone,
        },
    }
}

fn has_struck(facts: &FactLog, fault: FaultId) -> bool {
    facts.facts().iter().any(|fact| fact.what == What::FaultStruck { fault })
}
