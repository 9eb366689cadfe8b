//! Which kind of failure each trial of a study had: a pure function of the study and the number.
//!
//! So that rows need not say it, and parts of a study that were run elsewhere agree.

use serde::{Deserialize, Serialize};

use crate::control::Chance;
use crate::control::sampling::Sampler;

use crate::scenario::Scenario;
use crate::scenario::failure_model::kind_of_trial;

/// How often a kind of failure happens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KindRate {
    /// Its name: that of its first fault.
    pub name: String,
    /// How often it happens, in a year on average.
    pub rate_per_year: f64,
}

/// The rates of a scenario's kinds of failure; none if it does not say how often.
#[must_use]
pub fn rates(scenario: &Scenario) -> Vec<KindRate> {
    let kinds = scenario.failure_model().map_or(&[][..], |model| &model.kinds);
    let rate = |name: &String, rate_per_year| KindRate { name: name.clone(), rate_per_year };
    kinds.iter().map(|kind| rate(&kind.name, kind.rate_per_year)).collect()
}

/// The kinds of failure of a study's trials.
#[derive(Clone, Debug, PartialEq)]
pub struct Kinds<'r> {
    /// How often each happens; at least one.
    pub rates: &'r [KindRate],
    per_year: Vec<f64>,
    seed: u64,
    sampler: Sampler,
}

impl<'r> Kinds<'r> {
    /// The kinds of a study; `None` if nothing says how often they happen.
    #[must_use]
    pub fn new(rates: &'r [KindRate], seed: u64, sampler: Sampler) -> Option<Self> {
        let per_year = rates.iter().map(|kind| kind.rate_per_year).collect();
        (!rates.is_empty()).then_some(Self { rates, per_year, seed, sampler })
    }

    /// Failures of all kinds in a year on average.
    #[must_use]
    pub fn total_per_year(&self) -> f64 {
        self.per_year.iter().sum()
    }

    /// The share of a kind among all failures.
    #[must_use]
    pub fn share(&self, kind: usize) -> f64 {
        self.per_year[kind] / self.total_per_year()
    }

    /// The kind of a trial, by its place among the rates.
    #[must_use]
    pub fn of(&self, trial: u64) -> usize {
        let (seed, sampler) = (self.seed, self.sampler);
        kind_of_trial(&self.per_year, Chance { seed, trial, sampler })
    }
}
