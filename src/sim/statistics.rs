//! Statistics of finished runs: order statistics, the worst trials, and tests of fit.
//!
//! Sums run in index order, so that equal inputs give equal bits; what has to cross threads or
//! shards is integers, [histograms](crate::sim::histogram) or [`Worst`], which merge exactly.

use crate::sim::maths;

/// The mean, summed in index order; `None` for no values.
#[must_use]
pub fn mean(values: &[f64]) -> Option<f64> {
    let sum: f64 = values.iter().sum();
    (!values.is_empty()).then(|| sum / values.len() as f64)
}

/// The variance of a sample around its mean (divisor n - 1); `None` below two values.
#[must_use]
pub fn variance(values: &[f64]) -> Option<f64> {
    let centre = mean(values)?;
    let squares: f64 = values.iter().map(|value| (value - centre) * (value - centre)).sum();
    (2 <= values.len()).then(|| squares / (values.len() - 1) as f64)
}

/// The value of rank `ceil(p * n)` of `sorted`: the least that at least a share `p` does not
/// exceed. `None` for no values; `p` is in [0, 1].
#[must_use]
pub fn order_statistic<T: Copy>(sorted: &[T], p: f64) -> Option<T> {
    assert!((0.0..=1.0).contains(&p), "a share lies in [0, 1], not {p}");
    let rank = (p * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied()
}

/// The k worst trials by (value, trial): a larger value is worse, an earlier trial goes first.
#[derive(Clone, Debug, PartialEq)]
pub struct Worst {
    limit: usize,
    /// (value, trial), worst first.
    trials: Vec<(f64, u64)>,
}

impl Worst {
    /// Keeps the `limit` worst.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { limit, trials: Vec::new() }
    }

    /// Offers the `value` of `trial`; infinite is allowed (not recovered), NaN is not.
    pub fn offer(&mut self, value: f64, trial: u64) {
        assert!(!value.is_nan(), "trial {trial} has no value");
        let at = self.trials.partition_point(|&(other, earlier)| {
            value < other || value == other && earlier < trial
        });
        self.trials.insert(at, (value, trial));
        self.trials.truncate(self.limit);
    }

    /// Offers every trial of `other`: exact, and the same in any order.
    pub fn merge(&mut self, other: &Self) {
        for &(value, trial) in &other.trials {
            self.offer(value, trial);
        }
    }

    /// (value, trial), worst first.
    #[must_use]
    pub fn trials(&self) -> &[(f64, u64)] {
        &self.trials
    }
}

/// The probability that a chi-square statistic with `degrees` of freedom is at least as large.
#[must_use]
pub fn chi_square_p(statistic: f64, degrees: usize) -> f64 {
    1.0 - maths::gamma_cdf(0.5 * degrees as f64, 0.5 * statistic)
}

/// Pearson's statistic of observed counts against expected ones, cell by cell.
#[must_use]
pub fn chi_square(observed: &[u64], expected: &[f64]) -> f64 {
    assert_eq!(observed.len(), expected.len(), "every count needs an expectation");
    let term = |(&seen, &due): (&u64, &f64)| (seen as f64 - due) * (seen as f64 - due) / due;
    observed.iter().zip(expected).map(term).sum()
}

/// The probability that `n` draws from a law stray from its distribution function by at least
/// `distance` (Kolmogorov's limit with the correction of Stephens, 1970).
#[must_use]
pub fn kolmogorov_p(distance: f64, n: f64) -> f64 {
    let root = n.sqrt();
    let x = distance * (root + 0.12 + 0.11 / root);
    if x < 0.3 {
        // The series converges slowly here, and the probability is above 1 - 1e-5.
        return 1.0;
    }
    let term = |k: f64| maths::exp(-2.0 * k * k * x * x);
    let sum: f64 = (1..=20).map(|k| [1.0, -1.0][(k + 1) % 2] * term(k as f64)).sum();
    (2.0 * sum).clamp(0.0, 1.0)
}

/// The largest distance between the distribution of `sorted` values and the function `cdf`.
#[must_use]
pub fn kolmogorov_distance(sorted: &[f64], cdf: impl Fn(f64) -> f64) -> f64 {
    let n = sorted.len() as f64;
    let mut distance = 0.0_f64;
    for (i, &value) in sorted.iter().enumerate() {
        let p = cdf(value);
        distance = distance.max(p - i as f64 / n).max((i + 1) as f64 / n - p);
    }
    distance
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ranks of five values by hand, and the edges.
    #[test]
    fn order_statistics_follow_the_rank_rule() {
        let sorted = [10, 20, 30, 40, 50];
        let table = [(0.0, 10), (0.2, 10), (0.21, 20), (0.5, 30), (0.99, 50), (1.0, 50)];
        for (p, value) in table {
            assert_eq!(order_statistic(&sorted, p), Some(value), "{p}");
        }
        assert_eq!(order_statistic::<u64>(&[], 0.5), None);
    }

    /// Mean and variance of 1..=4 by hand.
    #[test]
    fn moments_of_a_sample() {
        let values = [1.0, 2.0, 3.0, 4.0];
        assert_eq!(mean(&values), Some(2.5));
        assert_eq!(variance(&values), Some(5.0 / 3.0));
        assert_eq!((mean(&[]), variance(&[1.0])), (None, None));
    }

    /// Whatever the split into shards and their order, the same worst trials remain.
    #[test]
    fn worst_trials_do_not_depend_on_the_order() {
        let values = [3.0, f64::INFINITY, 1.0, 3.0, 2.0, f64::INFINITY, 3.0];
        let mut forward = Worst::new(4);
        let mut shards = [Worst::new(4), Worst::new(4)];
        for (trial, &value) in values.iter().enumerate() {
            forward.offer(value, trial as u64);
            shards[trial % 2].offer(value, trial as u64);
        }
        let [mut merged, first] = [shards[1].clone(), shards[0].clone()];
        merged.merge(&first);
        assert_eq!(merged, forward);
        let worst = [(f64::INFINITY, 1), (f64::INFINITY, 5), (3.0, 0), (3.0, 3)];
        assert_eq!(forward.trials(), worst);
    }

    /// Critical values from the printed tables of both tests (chi-square: Abramowitz and Stegun
    /// 26.8; Kolmogorov: Smirnov 1948, 1.3581 at 5 %, 1.6276 at 1 %).
    #[test]
    fn probabilities_meet_the_printed_tables() {
        for (statistic, degrees, p) in [(3.8415, 1, 0.05), (18.307, 10, 0.05), (135.807, 100, 0.01)]
        {
            assert!((chi_square_p(statistic, degrees) - p).abs() < 1e-5, "{degrees}");
        }
        for (x, p) in [(1.3581, 0.05), (1.6276, 0.01)] {
            let n = 1e12_f64;
            assert!((kolmogorov_p(x / n.sqrt(), n) - p).abs() < 1e-5, "{x}");
        }
    }
}
