//! Two versions of a scenario on the same trials: the difference of a metric, pair by pair.
//!
//! Equal trials have equal draws (common random numbers), so that a difference within a pair is
//! the version's and not chance's; its mean has a far narrower interval than the difference of two
//! means. A figure that was not reached by the end of the run counts as the length of the run:
//! means are restricted to it, as with other censored times.

use serde::Serialize;

use crate::sim::intervals::{self, Interval, Tails};
use crate::sim::statistics::{mean, variance};

use super::metric::{Figure, Worse};

/// The difference of a metric between two versions, second less first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Paired {
    /// Pairs in which the metric applies to both.
    pub n: u64,
    /// Pairs in which it applies to one of them only; they are left out.
    pub n_unpaired: u64,
    /// Pairs in which one or both were not reached by the end of the run.
    pub n_restricted: u64,
    /// Mean of the first.
    pub before: f64,
    /// Mean of the second.
    pub after: f64,
    /// Mean of the differences with its interval.
    pub difference: Bounded,
    /// Share of pairs in which the second is better.
    pub better: Bounded,
    /// Share of pairs in which the second is worse.
    pub worse: Bounded,
    /// Share of pairs in which both are equal.
    pub equal: Bounded,
    /// How many times more trials independent versions would need for the same interval; `None`
    /// where the differences do not vary.
    pub gain: Option<f64>,
}

/// An estimate with its interval; an end is `None` where there are too few pairs for it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bounded {
    /// The estimate.
    pub value: f64,
    /// Lower end of the interval.
    pub low: Option<f64>,
    /// Upper end of the interval.
    pub high: Option<f64>,
}

impl Bounded {
    /// The mean of some values, of which there is at least one, with Student's interval.
    #[must_use]
    pub fn mean(values: &[f64], tails: Tails) -> Self {
        let interval = intervals::mean_interval(values, tails);
        Self {
            value: mean(values).expect("there is a value"),
            low: interval.map(|ends| ends.low),
            high: interval.map(|ends| ends.high),
        }
    }

    fn share(part: u64, n: u64, tails: Tails) -> Self {
        let Interval { low, high } = intervals::proportion(part, n, tails);
        Self { value: part as f64 / n as f64, low: Some(low), high: Some(high) }
    }
}

/// The value of a figure; the length of the run \[s\] if it was not reached by its end.
#[must_use]
pub fn restricted(figure: Figure, horizon_s: f64) -> Option<f64> {
    figure.value().map(|value| if value.is_finite() { value } else { horizon_s })
}

/// Compares a metric trial by trial; `None` if no pair has it.
#[must_use]
pub fn paired(pairs: &[[Figure; 2]], worse: Worse, horizon_s: f64, tails: Tails) -> Option<Paired> {
    let both = |pair: &&[Figure; 2]| !pair.contains(&Figure::ABSENT);
    let applies: Vec<[Figure; 2]> = pairs.iter().filter(both).copied().collect();
    if applies.is_empty() {
        return None;
    }
    let n_absent = pairs.iter().filter(|pair| **pair == [Figure::ABSENT; 2]).count();
    let n = applies.len() as u64;
    let side = |side: usize| -> Vec<f64> {
        applies.iter().filter_map(|pair| restricted(pair[side], horizon_s)).collect()
    };
    let (before, after) = (side(0), side(1));
    let differences: Vec<f64> = before.iter().zip(&after).map(|(old, new)| new - old).collect();
    let n_more = applies.iter().filter(|[old, new]| old < new).count() as u64;
    let n_less = applies.iter().filter(|[old, new]| new < old).count() as u64;
    let (n_better, n_worse) = match worse {
        Worse::Higher => (n_less, n_more),
        Worse::Lower => (n_more, n_less),
    };
    let centre = |values: &[f64]| mean(values).expect("there is a pair");
    Some(Paired {
        n,
        n_unpaired: pairs.len() as u64 - n - n_absent as u64,
        n_restricted: applies.iter().filter(|pair| pair.contains(&Figure::NEVER)).count() as u64,
        before: centre(&before),
        after: centre(&after),
        difference: Bounded::mean(&differences, tails),
        better: Bounded::share(n_better, n, tails),
        worse: Bounded::share(n_worse, n, tails),
        equal: Bounded::share(n - n_more - n_less, n, tails),
        gain: gain(&before, &after, &differences),
    })
}

/// Variance of a difference of independent values over that of the paired differences.
fn gain(before: &[f64], after: &[f64], differences: &[f64]) -> Option<f64> {
    let independent = variance(before)? + variance(after)?;
    variance(differences).filter(|&paired| 0.0 < paired).map(|paired| independent / paired)
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::sim::laws::Law;
    use crate::sim::streams::{Cursor, Stream};

    const TAILS: Tails = Tails { below: 0.025, above: 0.025 };

    fn pairs(values: &[[f64; 2]]) -> Vec<[Figure; 2]> {
        let figure = |value: f64| match value {
            value if value.is_nan() => Figure::ABSENT,
            value if value.is_infinite() => Figure::NEVER,
            value => Figure::new(value),
        };
        values.iter().map(|pair| pair.map(figure)).collect()
    }

    /// By hand: differences -1, -2, -3, -6 have mean -3 and error sqrt(14/3/4), Student's t at
    /// three degrees is 3.182; what was not reached counts as 100 s and is worse than any value;
    /// a pair with one figure is left out and counted, one without any is not.
    #[test]
    fn a_difference_by_hand() {
        let values =
            [[5.0, 4.0], [5.0, 3.0], [5.0, 2.0], [9.0, 3.0], [1.0, f64::NAN], [f64::NAN; 2]];
        let found = paired(&pairs(&values), Worse::Higher, 100.0, TAILS).unwrap();
        let reach = 3.182_446 * (14.0_f64 / 12.0).sqrt();
        let ends = [found.difference.low.unwrap() + reach, found.difference.high.unwrap() - reach];
        assert_eq!((found.n, found.n_unpaired, found.difference.value), (4, 1, -3.0));
        assert!(ends.iter().all(|end| (end + 3.0).abs() < 1e-5), "{ends:?}");
        assert_eq!([found.better.value, found.worse.value, found.equal.value], [1.0, 0.0, 0.0]);
        let lower = paired(&pairs(&values), Worse::Lower, 100.0, TAILS).unwrap();
        assert_eq!([lower.better.value, lower.worse.value], [0.0, 1.0]);
        let never = f64::INFINITY;
        let values = [[40.0, never], [never, never], [never, 90.0], [100.0, never]];
        let found = paired(&pairs(&values), Worse::Higher, 100.0, TAILS).unwrap();
        assert_eq!((found.before, found.after, found.n_restricted), (85.0, 97.5, 4));
        assert_eq!([found.better.value, found.worse.value, found.equal.value], [0.25, 0.5, 0.25]);
        assert_eq!(paired(&pairs(&[[f64::NAN, 1.0]]), Worse::Higher, 1.0, TAILS), None);
    }

    /// Equal figures differ by exactly nothing; one pair has no interval.
    #[test]
    fn no_change_is_exactly_zero() {
        let values: Vec<[f64; 2]> = (0..9).map(|i| [f64::from(i) / 3.0; 2]).collect();
        let found = paired(&pairs(&values), Worse::Higher, 9.0, TAILS).unwrap();
        let zero = Bounded { value: 0.0, low: Some(0.0), high: Some(0.0) };
        assert_eq!((found.difference, found.equal.value, found.gain), (zero, 1.0, None));
        let one = paired(&pairs(&values[..1]), Worse::Higher, 9.0, TAILS).unwrap();
        assert_eq!((one.difference.low, one.gain), (None, None));
    }

    /// Censored times of which the restricted mean is known: exponential with mean 60 s, and the
    /// same less a tenth, both seen for 100 s. E min(T, h) = m (1 - exp(-h / m)). In 1,000
    /// repeats of 200 pairs the 95 % interval covers the difference at least 929 times (95 % less
    /// three standard errors).
    #[test]
    fn intervals_cover_also_when_censored() {
        let (slow, fast, horizon_s) = (Law::exponential(60.0), Law::exponential(54.0), 100.0_f64);
        let truth = |mean: f64| mean * (1.0 - crate::sim::maths::exp(-horizon_s / mean));
        let truth = truth(54.0) - truth(60.0);
        let covers = |seed: u64| {
            let mut draws = Cursor::new(Stream::new(seed, 0, "paired", "test"));
            let seen = |value: f64| if horizon_s < value { f64::INFINITY } else { value };
            let values: Vec<[f64; 2]> = (0..200)
                .map(|_| draws.next_unit())
                .map(|u| [seen(slow.quantile(u)), seen(fast.quantile(u))])
                .collect();
            let found = paired(&pairs(&values), Worse::Higher, horizon_s, TAILS).unwrap();
            assert!(20.0 < found.gain.unwrap());
            let Bounded { low, high, .. } = found.difference;
            low.unwrap() <= truth && truth <= high.unwrap()
        };
        let n_covered = (0..1_000).filter(|&seed| covers(seed)).count();
        assert!(929 <= n_covered, "{n_covered}");
    }
}
