//! Which knob to turn next: what one more of each than the answer would buy, as plain data.

use serde::{Deserialize, Serialize};

use crate::sim::intervals::Tails;

use super::metric::{Metric, Row};
use super::paired::Bounded;
use super::study::Reported;

/// Trials that are compared.
pub const N_TRIALS: u64 = 100;

/// What one more of a knob would buy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NextOutcome {
    /// The knob, `path=min..max`.
    pub knob: String,
    /// The design with one more of it.
    pub values: Vec<u32>,
    /// Failed requests that it saves in a trial on average, of the same trials as the answer's.
    pub saved_requests: Reported,
    /// What it costs a month more; `None` without prices.
    pub monthly_cost: Option<f64>,
}

impl NextOutcome {
    /// Whether it saves anything, as far as can be told.
    #[must_use]
    pub fn helps(&self) -> bool {
        self.saved_requests.low.is_some_and(|low| 0.0 < low)
    }

    /// Requests saved for each unit of money, or for each one of the knob without prices.
    fn worth(&self) -> f64 {
        let cost = self.monthly_cost.filter(|&cost| 0.0 < cost);
        self.saved_requests.value / cost.unwrap_or(1.0)
    }
}

/// The failed requests that `more` saves in the same trials, with the interval of their mean;
/// `None` if no trial has the figure.
#[must_use]
pub fn saved(answer: &[Row], more: &[Row], tails: Tails) -> Option<Reported> {
    let figure = |row: &Row| row.figure(Metric::FailedRequests).value();
    let pairs = answer.iter().zip(more);
    let saved: Vec<f64> =
        pairs.filter_map(|(answer, more)| Some(figure(answer)? - figure(more)?)).collect();
    let Bounded { value, low, high } = (!saved.is_empty()).then(|| Bounded::mean(&saved, tails))?;
    Some(Reported { value, low, high })
}

/// Puts the knob that is worth most first: one that helps before one of which that cannot be told.
pub fn rank(next: &mut [NextOutcome]) {
    next.sort_by(|left, right| {
        let key = |it: &NextOutcome| (it.helps(), it.worth());
        let ((left_helps, left), (right_helps, right)) = (key(left), key(right));
        right_helps.cmp(&left_helps).then(right.total_cmp(&left))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::experiment::metric::{Figure, N_METRICS};

    fn rows(failed: impl Fn(u64) -> f64) -> Vec<Row> {
        let row = |trial| {
            let mut figures = [Figure::ABSENT; N_METRICS];
            figures[Metric::FailedRequests as usize] = Figure::new(failed(trial));
            Row::bare(trial, figures)
        };
        (0..N_TRIALS).map(row).collect()
    }

    /// Trials differ by far more than the knob changes, but each by itself loses 10 less: paired,
    /// that is seen without any doubt.
    #[test]
    fn the_same_trials_are_compared() {
        let spread = |trial: u64| 1e6 * trial as f64;
        let found = saved(&rows(spread), &rows(|trial| spread(trial) - 10.0), Tails::both(0.95));
        let found = found.unwrap();
        assert_eq!((found.value, found.low, found.high), (10.0, Some(10.0), Some(10.0)));
    }

    /// What saves more for the same money comes first, then what costs less; what may save nothing
    /// comes last, however much it seems to save.
    #[test]
    fn the_knob_that_is_worth_most_comes_first() {
        let next = |knob: &str, value: f64, low: f64, monthly_cost: Option<f64>| NextOutcome {
            knob: knob.to_owned(),
            values: vec![1],
            saved_requests: Reported { value, low: Some(low), high: None },
            monthly_cost,
        };
        let mut all = [
            next("noise", 900.0, -1.0, Some(1.0)),
            next("dear", 200.0, 100.0, Some(50.0)),
            next("cheap", 100.0, 50.0, Some(10.0)),
        ];
        rank(&mut all);
        assert_eq!(all.map(|it| it.knob), ["cheap", "dear", "noise"]);
    }
}
