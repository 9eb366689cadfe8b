//! Static stability: what must work after a failure so that users are served again.
//!
//! The same trials are run with everything standing still from the first fault on, then with
//! HPAs, then with everything that the scenario has, then with regions that have every machine
//! that is asked for. The grade is the first of these with which all trials survive. A system that
//! survives with nothing scaling is statically stable (Amazon Builders' Library, "Static
//! stability using Availability Zones").
//!
//! To survive a fault is to serve users again within the time that the scenario allows, or, where
//! it states none, before the fault is repaired: what comes back with the repair was not carried.

use std::fmt;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use crate::scenario::Scenario;

use crate::simulation::{Options, Scaling};

use crate::metrics::outcome::FaultOutcome;

use super::in_order::in_order;
use super::run::outcome_of;

/// What is needed to survive, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// Nothing has to scale.
    Stable,
    /// HPAs, on the nodes that are there.
    NeedsHpa,
    /// New nodes, which the scenario's regions have.
    NeedsNodes,
    /// More machines than the scenario's regions have.
    NeedsCapacity,
    /// Nothing of this helps.
    Lost,
}

impl Grade {
    /// All but the last, with what may scale.
    const RUNGS: [(Self, Scaling, &'static str); 4] = [
        (Self::Stable, Scaling::Nothing, "nothing scaling"),
        (Self::NeedsHpa, Scaling::NoNodes, "HPA"),
        (Self::NeedsNodes, Scaling::AsStated, "HPA and new nodes"),
        (Self::NeedsCapacity, Scaling::FreeCapacity, "free capacity"),
    ];

    /// The grade in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Stable => "survives with nothing scaling",
            Self::NeedsHpa => "needs HPA",
            Self::NeedsNodes => "needs nodes",
            Self::NeedsCapacity => "needs free capacity in the region",
            Self::Lost => "does not survive",
        }
    }
}

/// A grade with what it rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Stability {
    /// The grade.
    pub grade: Grade,
    /// Trials that were run at each rung that was needed.
    pub n_trials: u64,
    /// Trials that survived, by rung.
    pub survived: Vec<u64>,
    /// The longest recovery time that counts as surviving, where the scenario states one \[s\];
    /// else it is the time until the repair.
    pub limit_s: Option<f64>,
}

impl fmt::Display for Stability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.grade.words())?;
        match self.limit_s {
            Some(limit_s) => write!(f, " (users served again within {limit_s} s")?,
            None => f.write_str(" (users served again before the repair")?,
        }
        if self.n_trials == 1 {
            return f.write_str(")");
        }
        let rungs = self.survived.iter().zip(Grade::RUNGS);
        let counts = rungs.map(|(n, (_, _, with))| format!("with {with} {n}"));
        let counts = counts.collect::<Vec<_>>().join(", ");
        write!(f, "; {counts} of {} trials survive)", self.n_trials)
    }
}

/// The stability of `scenario` over its trials from 0 on, `first` being the first of them; None
/// if it has no faults.
#[must_use]
pub fn stability(
    scenario: &Scenario,
    first: Options,
    n_trials: u64,
    threads: NonZeroUsize,
) -> Option<Stability> {
    if scenario.faults().is_empty() || n_trials == 0 {
        return None;
    }
    let limit_s = limit_s(scenario);
    Some(graded(n_trials, limit_s, |scaling| {
        let mut n = 0;
        let survived = |trial| {
            let options = Options { trial: first.trial + trial, scaling, ..first };
            let outcome = outcome_of(scenario, options);
            let mut alone = outcome.faults.iter().filter(|fault| fault.came_with.is_none());
            alone.all(|fault| survives(fault, limit_s))
        };
        in_order(0..n_trials, threads, &|| false, survived, |_, survived| {
            n += u64::from(survived);
            ControlFlow::Continue(())
        });
        n
    }))
}

/// Climbs until all trials survive; `survivors` counts them.
fn graded(
    n_trials: u64,
    limit_s: Option<f64>,
    mut survivors: impl FnMut(Scaling) -> u64,
) -> Stability {
    let mut survived = Vec::new();
    for (grade, scaling, _) in Grade::RUNGS {
        survived.push(survivors(scaling));
        if survived.last() == Some(&n_trials) {
            return Stability { grade, n_trials, survived, limit_s };
        }
    }
    Stability { grade: Grade::Lost, n_trials, survived, limit_s }
}

/// The longest recovery time that the scenario allows: the largest limit of its objectives for it,
/// else its recovery objective.
fn limit_s(scenario: &Scenario) -> Option<f64> {
    let objectives = scenario.objectives().iter();
    let limits = objectives
        .filter(|it| it.metric == "rto_s" && it.statement.relation.is_upper())
        .map(|it| it.statement.limit);
    let objective = scenario.run().recovery_objective.map(|span| span.as_secs_f64());
    limits.max_by(f64::total_cmp).or(objective)
}

/// Whether users were served again after a fault, soon enough. A fault that could not be scored,
/// because service was bad before, is not survived.
fn survives(fault: &FaultOutcome, limit_s: Option<f64>) -> bool {
    let until_repair_s = fault.repaired_at_s.map(|repaired_at_s| repaired_at_s - fault.at_s);
    let limit_s = limit_s.or(until_repair_s).unwrap_or(f64::INFINITY);
    fault.recovered == Some(true) && fault.rto_s.is_some_and(|rto_s| rto_s <= limit_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The grade is the first rung on which all trials survive; rungs above it are not tried.
    #[test]
    fn the_first_rung_that_carries_all_is_the_grade() {
        for (survivors, grade, tried) in [
            ([8, 8, 8, 8], Grade::Stable, 1),
            ([7, 8, 8, 8], Grade::NeedsHpa, 2),
            ([0, 7, 8, 8], Grade::NeedsNodes, 3),
            ([0, 0, 7, 8], Grade::NeedsCapacity, 4),
            ([0, 0, 7, 7], Grade::Lost, 4),
        ] {
            let mut left = survivors.into_iter();
            let found = graded(8, None, |_| left.next().unwrap());
            assert_eq!((found.grade, found.survived.len()), (grade, tried), "{survivors:?}");
        }
        let mut left = [0, 3, 8].into_iter();
        assert_eq!(
            graded(8, Some(300.0), |_| left.next().unwrap()).to_string(),
            "needs nodes (users served again within 300 s; with nothing scaling 0, with HPA 3, \
             with HPA and new nodes 8 of 8 trials survive)"
        );
        assert_eq!(
            graded(1, None, |_| 1).to_string(),
            "survives with nothing scaling (users served again before the repair)"
        );
    }

    /// Users are served again 137 s after the fault: that is survival within the stated time, or
    /// else before the repair; what comes back only with the repair was not carried.
    #[test]
    fn what_the_repair_brings_back_was_not_survived() {
        let text = r#"{"name": "f", "kind": "regionLoss", "at_s": 60.0, "workloads": []}"#;
        let bare: FaultOutcome = serde_json::from_str(text).unwrap();
        for (rto_s, repaired_at_s, limit_s, survived) in [
            (137.0, Some(1_200.0), None, true),
            (1_201.0, Some(1_200.0), None, false),
            (1_201.0, None, None, true),
            (137.0, Some(100.0), None, false),
            (137.0, Some(1_200.0), Some(137.0), true),
            (137.0, Some(1_200.0), Some(136.0), false),
            (137.0, Some(100.0), Some(300.0), true),
        ] {
            let fault = FaultOutcome {
                recovered: Some(true),
                rto_s: Some(rto_s),
                repaired_at_s: repaired_at_s.map(|after_s: f64| 60.0 + after_s),
                ..bare.clone()
            };
            let found = survives(&fault, limit_s);
            assert_eq!(found, survived, "{rto_s} {repaired_at_s:?} {limit_s:?}");
        }
    }
}
