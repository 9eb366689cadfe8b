//! Several scenarios on the same seeds: equal seeds are equal users, so what differs between two
//! runs of a seed is what differs between the scenarios.

use std::ops::RangeInclusive;

use crate::scenario::Scenario;

use crate::metrics::outcome::Outcome;

use super::run::run_once;

/// Runs every scenario with every seed, in this order; `begins` is told of each run before.
pub fn compare(
    scenarios: &[Scenario],
    seeds: RangeInclusive<u64>,
    mut begins: impl FnMut(&Scenario, u64),
) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for scenario in scenarios {
        for seed in seeds.clone() {
            begins(scenario, seed);
            outcomes.push(run_once(scenario, Some(seed), 0, |_| {}).outcome);
        }
    }
    outcomes
}
