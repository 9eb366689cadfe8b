//! The largest demand that a design survives, in steps of a hundredth of the scenario's, as plain
//! data.
//!
//! More demand never helps, it is assumed: the search is that of a knob which takes demand away.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::scenario::growth::Growth;

use super::size::{Sizes, Tried};
use super::size_findings::Violation;
use super::size_outcome::{OneLess, kept};

/// Demand is looked for up to so many hundredths of the scenario's.
pub const MOST_PERCENT: u32 = 1_000;

/// The knob: how many hundredths are taken away from the most.
pub const RANGE: (u32, u32) = (0, MOST_PERCENT - 1);

/// Where the search begins: at the scenario's demand.
pub const AS_WRITTEN: u32 = MOST_PERCENT - 100;

/// The first step from there: to twice the demand.
pub const FIRST_STEP: u32 = 100;

/// The demand at a value of the knob, in hundredths of the scenario's.
#[must_use]
pub fn percent_at(values: &[u32]) -> u32 {
    MOST_PERCENT - values.last().copied().unwrap_or(AS_WRITTEN)
}

/// What a search for the largest demand came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MaxDemandOutcome {
    /// The design; `None` for the scenario as it is written.
    pub design: Option<Vec<u32>>,
    /// The largest demand that it survives, in hundredths of the scenario's; `None` if none.
    pub percent: Option<u32>,
    /// What was tried, least demand first.
    pub tried: Vec<DemandOutcome>,
    /// Why one hundredth more fails; its `values` are that demand.
    pub one_more: Option<OneLess>,
    /// What binds there.
    pub binds: Vec<String>,
    /// Until when it is enough.
    pub growth: Option<GrowthOutcome>,
    /// Trials that fare worse with less demand.
    pub violations: Vec<DemandViolation>,
}

/// A demand that was tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DemandOutcome {
    /// In hundredths of the scenario's.
    pub percent: u32,
    /// `met`, `missed` or `undecided`.
    pub verdict: Cow<'static, str>,
    /// Trials that were run.
    pub n_trials: u64,
    /// Share of them that keep each objective's limit.
    pub kept: Vec<f64>,
}

/// Until when a design is enough.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrowthOutcome {
    /// The rate in words, with the month whose demand the scenario has.
    pub growth: String,
    /// The first month in which demand is more than the design survives; `None` if that is over a
    /// hundred years ahead.
    pub ends: Option<String>,
}

/// Trials that fare worse with less demand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemandViolation {
    /// The demand with which they keep the limit, in hundredths.
    pub kept_at_percent: u32,
    /// The smaller one with which they do not.
    pub missed_at_percent: u32,
    /// The objective.
    pub objective: String,
    /// The first such trial.
    pub trial: u64,
    /// How many there are.
    pub n: u64,
}

impl MaxDemandOutcome {
    /// What a search came to, without the reasons.
    #[must_use]
    pub fn new(sizes: &Sizes, design: Option<Vec<u32>>, growth: Option<&Growth>) -> Self {
        let percent = sizes.smallest.first().map(|values| percent_at(values));
        let row = |tried: &Tried| DemandOutcome {
            percent: percent_at(&tried.values),
            verdict: tried.word().into(),
            n_trials: tried.judgement.rows.len() as u64,
            kept: kept(tried),
        };
        let mut tried: Vec<DemandOutcome> = sizes.tried.iter().map(row).collect();
        tried.sort_by_key(|tried| tried.percent);
        let growth = growth.zip(percent).map(|(growth, percent)| GrowthOutcome {
            growth: format!("{} from {}", growth.words, growth.from),
            ends: growth.outgrows(f64::from(percent) / 100.0).map(|month| month.to_string()),
        });
        let (one_more, binds, violations) = (None, Vec::new(), Vec::new());
        Self { design, percent, tried, one_more, binds, growth, violations }
    }
}

impl From<Violation> for DemandViolation {
    fn from(violation: Violation) -> Self {
        Self {
            kept_at_percent: percent_at(&violation.less),
            missed_at_percent: percent_at(&violation.more),
            objective: violation.objective.to_string(),
            trial: violation.trial,
            n: violation.n,
        }
    }
}
