//! When faults strike in a sizing, and what another time would come to, as plain data.

use serde::{Deserialize, Serialize};

use crate::scenario::fault_time::{FaultTimes, Stretch};

use super::size::Sizes;
use super::size_outcome::kept;

/// When faults strike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultTimeOutcome {
    /// The stretch in which they do: the busiest one of the run.
    pub busiest: StretchOutcome,
    /// The stretch in which they do as the scenario is written.
    pub written: StretchOutcome,
    /// What a random time comes to; `None` if no time differs from another in demand, if several
    /// faults come one after the other, or without an answer.
    pub random: Option<RandomTimeOutcome>,
}

/// A stretch of the run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StretchOutcome {
    /// When it begins \[s\].
    pub at_s: f64,
    /// Its length \[s\]: that of the faults.
    pub length_s: f64,
    /// What users ask for in it, on average \[1/s\].
    pub demand_per_s: f64,
}

/// What a random time comes to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RandomTimeOutcome {
    /// What is enough then; `None` if nothing in range is.
    pub answer: Option<Vec<u32>>,
    /// Share of trials in which the answer keeps each objective's limit then.
    pub kept: Vec<f64>,
    /// Trials of the answer.
    pub n_trials: u64,
}

impl FaultTimeOutcome {
    /// The times without what a random one comes to.
    #[must_use]
    pub fn new(times: &FaultTimes) -> Self {
        let stretch = |stretch: Stretch| StretchOutcome {
            at_s: stretch.at_s,
            length_s: stretch.length_s,
            demand_per_s: stretch.rate,
        };
        Self { busiest: stretch(times.busiest), written: stretch(times.written), random: None }
    }
}

impl RandomTimeOutcome {
    /// What a search around `answer` with a random time came to.
    #[must_use]
    pub fn new(sizes: &Sizes, answer: &[u32]) -> Self {
        let tried = sizes.tried(answer);
        Self {
            answer: sizes.smallest.first().cloned(),
            kept: tried.map(kept).unwrap_or_default(),
            n_trials: tried.map_or(0, |tried| tried.judgement.rows.len() as u64),
        }
    }
}
