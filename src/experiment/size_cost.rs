//! What a design costs in a year: its nodes, and what its users lose when something fails.
//!
//! The loss is the rate of failures times the mean of failed requests times what one costs, summed
//! over the kinds of failure. The mean is that of the first trials of each design, a number that
//! does not depend on what they show: those that decide about a design stop when it is clear.

use serde::{Deserialize, Serialize};

use crate::control::sampling::Sampler;
use crate::sim::intervals::Tails;

use super::kinds::{KindRate, Kinds};
use super::metric::Row;
use super::size_outcome::DesignOutcome;
use super::study::Reported;
use super::yearly::yearly;

/// Trials of a design that say what a failure costs.
pub const N_TRIALS: u64 = 200;

/// What a design costs in a year on average.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct YearlyCost {
    /// Its nodes; `None` without prices.
    pub nodes: Option<f64>,
    /// Failed requests, with the interval at the confidence of the sizing.
    pub loss: Reported,
}

/// What the costs of a year rest on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LossOutcome {
    /// What a failed request costs.
    pub price: f64,
    /// Currency of all costs.
    pub currency: String,
    /// Failures in a year on average.
    pub failures_per_year: f64,
    /// Trials of each design.
    pub n_trials: u64,
    /// Whether faults strike at a random time in them; else as in the sizing.
    pub is_random_time: bool,
    /// The design that costs least of those that were tried, whether it meets the objectives or
    /// not.
    pub cheapest: Vec<u32>,
}

impl YearlyCost {
    /// Nodes and loss together.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.nodes.unwrap_or(0.0) + self.loss.value
    }
}

/// What a design costs in a year, whose trials are `rows`; `None` if a kind of failure has none of
/// them.
#[must_use]
pub fn yearly_cost(
    rows: &[Row],
    (rates, seed): (&[KindRate], u64),
    price: f64,
    monthly: Option<f64>,
    tails: Tails,
) -> Option<YearlyCost> {
    let kinds = Kinds::new(rates, seed, Sampler::Independent)?;
    // How often two failures meet, which needs the length of a run, is no part of it.
    let Reported { value, low, high } = yearly(rows, &kinds, 0.0, tails).failed_requests_per_year?;
    let of = |requests: f64| requests * price;
    let loss = Reported { value: of(value), low: low.map(of), high: high.map(of) };
    Some(YearlyCost { nodes: monthly.map(|monthly| 12.0 * monthly), loss })
}

/// The design that costs least in a year; the smallest of equals.
#[must_use]
pub fn cheapest(designs: &[DesignOutcome]) -> Option<Vec<u32>> {
    let costs = designs.iter().filter_map(|it| Some((it, it.yearly_cost.as_ref()?.total())));
    let least = costs.min_by(|left, right| left.1.total_cmp(&right.1))?;
    Some(least.0.values.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::experiment::metric::{Figure, Metric, N_METRICS};

    /// Half a failure a year, in which 900 or 1,100 requests fail, at a price of 0.01 each, and
    /// nodes for 100 a month: 0.5 x 1,000 x 0.01 = 5 and 1,200 a year. A kind of failure that no
    /// trial had leaves the year unknown.
    #[test]
    fn a_year_costs_its_nodes_and_its_failures() {
        let row = |trial: u64| {
            let mut figures = [Figure::ABSENT; N_METRICS];
            let failed = if trial.is_multiple_of(2) { 900.0 } else { 1_100.0 };
            figures[Metric::FailedRequests as usize] = Figure::new(failed);
            figures[Metric::BelowObjective as usize] = Figure::new(1.0);
            Row::bare(trial, figures)
        };
        let rows: Vec<Row> = (0..N_TRIALS).map(row).collect();
        let rate = |rate_per_year| KindRate { name: "loss".to_owned(), rate_per_year };
        let of = |rates: &[KindRate], monthly| {
            yearly_cost(&rows, (rates, 1), 0.01, monthly, Tails::both(0.95))
        };
        let found = of(&[rate(0.5)], Some(100.0)).unwrap();
        assert_eq!((found.nodes, found.loss.value, found.total()), (Some(1_200.0), 5.0, 1_205.0));
        assert!(found.loss.low.unwrap() < 5.0 && 5.0 < found.loss.high.unwrap());
        assert_eq!(of(&[rate(2.0)], None).unwrap().total(), 20.0);
        assert_eq!(of(&[rate(2.0), rate(1e-6)], None), None);
    }
}
