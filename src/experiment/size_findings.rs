//! What the trials of a sizing show beside its answer: which of them fare worse with more, and
//! which of them shows why one less fails.

use crate::scenario::objectives::Objective;

use super::gate::metric_of;
use super::metric::Row;
use super::size::{Sizes, Tried};

/// A trial that fares worse with more.
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    /// The smaller design, which keeps the limit.
    pub less: Vec<u32>,
    /// The larger design, which does not.
    pub more: Vec<u32>,
    /// The objective.
    pub objective: Objective,
    /// The first such trial.
    pub trial: u64,
    /// How many there are.
    pub n: u64,
    /// Of how many trials that both designs ran.
    pub n_trials: u64,
}

/// Where trials fare worse with more, for each pair of designs of which one is larger.
#[must_use]
pub fn violations(sizes: &Sizes, objectives: &[Objective]) -> Vec<Violation> {
    let mut found = Vec::new();
    for less in &sizes.tried {
        for more in &sizes.tried {
            let pairs = less.values.iter().zip(&more.values);
            if less.values != more.values && pairs.clone().all(|(less, more)| less <= more) {
                let of = |objective| violation(less, more, objective);
                found.extend(objectives.iter().filter_map(of));
            }
        }
    }
    found
}

fn violation(less: &Tried, more: &Tried, objective: &Objective) -> Option<Violation> {
    let keeps = |row: &Row| keeps(objective, row);
    let pairs = less.judgement.rows.iter().zip(&more.judgement.rows);
    let n_trials = pairs.len() as u64;
    let worse: Vec<u64> = pairs
        .filter(|(less, more)| keeps(less) && !keeps(more))
        .map(|(less, _)| less.trial)
        .collect();
    Some(Violation {
        less: less.values.clone(),
        more: more.values.clone(),
        objective: *objective,
        trial: *worse.first()?,
        n: worse.len() as u64,
        n_trials,
    })
}

/// Whether a trial keeps an objective's limit.
#[must_use]
pub fn keeps(objective: &Objective, row: &Row) -> bool {
    objective.statement.holds(row.figure(metric_of(objective)).value())
}

/// The trial that shows why one less fails: the first in which the smaller design does not keep a
/// limit that the larger one keeps; else the first that does not keep one.
#[must_use]
pub fn witness(
    objectives: &[Objective],
    smaller: &Tried,
    larger: Option<&Tried>,
) -> Option<(Objective, u64)> {
    let missing = |also_missing: bool| {
        smaller.judgement.rows.iter().enumerate().find_map(|(index, row)| {
            let other = larger.and_then(|larger| larger.judgement.rows.get(index));
            let fails = |objective: &&Objective| {
                let shows = also_missing || other.is_some_and(|row| keeps(objective, row));
                !keeps(objective, row) && shows
            };
            objectives.iter().find(fails).map(|objective| (*objective, row.trial))
        })
    };
    missing(false).or_else(|| missing(true))
}
