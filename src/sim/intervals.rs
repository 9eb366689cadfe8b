//! Confidence intervals that hold for every sample size and every law, ties and infinity
//! included, and Student's for means.
//!
//! Probabilities: Clopper and Pearson (Biometrika 26, 1934), which covers at least as often as it
//! says. Quantiles: two order statistics, by ranks of the binomial law (Conover, Practical
//! Nonparametric Statistics, section 3.2); values may be infinite, as a recovery time is that was
//! not seen by the end of the run, for only their order counts. Looking at a growing sample
//! several times costs confidence: [`Tails::split`] shares it out between the looks (Bonferroni).

use crate::sim::beta::{beta_quantile, binomial_cdf, student_quantile};
use crate::sim::statistics::{mean, variance};

/// How often an interval may miss the truth, by side; 0 leaves that side open.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tails {
    /// Probability that the truth lies below the interval.
    pub below: f64,
    /// Probability that the truth lies above the interval.
    pub above: f64,
}

impl Tails {
    /// An interval with two ends that covers with probability `confidence`.
    #[must_use]
    pub fn both(confidence: f64) -> Self {
        let miss = 0.5 * (1.0 - checked(confidence));
        Self { below: miss, above: miss }
    }

    /// An upper bound only.
    #[must_use]
    pub fn upper(confidence: f64) -> Self {
        Self { below: 0.0, above: 1.0 - checked(confidence) }
    }

    /// A lower bound only.
    #[must_use]
    pub fn lower(confidence: f64) -> Self {
        Self { below: 1.0 - checked(confidence), above: 0.0 }
    }

    /// The tails of each of `n` looks such that all their intervals cover together as often as
    /// one with these tails.
    #[must_use]
    pub fn split(self, n_looks: u32) -> Self {
        let n = f64::from(n_looks.max(1));
        Self { below: self.below / n, above: self.above / n }
    }
}

fn checked(confidence: f64) -> f64 {
    assert!(0.0 < confidence && confidence < 1.0, "a confidence lies in (0, 1), not {confidence}");
    confidence
}

/// An interval; an end may be infinite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// The interval of Clopper and Pearson for the probability of success, after `successes` in
/// `n` independent tries. Without tries it is [0, 1].
#[must_use]
pub fn proportion(successes: u64, n: u64, tails: Tails) -> Interval {
    assert!(successes <= n, "{successes} of {n} tries cannot succeed");
    weighed_proportion(successes as f64, (n - successes) as f64, tails)
}

/// The interval of Clopper and Pearson after `wins` and `losses` that need not be whole: sums of
/// weights of at most 1 each. It covers at least as often as by their number in whole tries, for
/// such sums spread no further (Hoeffding, Probability inequalities for sums of bounded random
/// variables, 1963).
#[must_use]
pub fn weighed_proportion(wins: f64, losses: f64, tails: Tails) -> Interval {
    let low = match tails.below {
        miss if 0.0 < miss && 0.0 < wins => beta_quantile(wins, losses + 1.0, miss),
        _ => 0.0,
    };
    let high = match tails.above {
        miss if 0.0 < miss && 0.0 < losses => beta_quantile(wins + 1.0, losses, 1.0 - miss),
        _ => 1.0,
    };
    Interval { low, high }
}

/// Ranks, from 1, of the order statistics that enclose a quantile; `None` where the sample is
/// too small for an end, or the end is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ranks {
    /// Rank of the lower end.
    pub low: Option<usize>,
    /// Rank of the upper end.
    pub high: Option<usize>,
}

/// The ranks among `n` independent values that enclose the quantile at `p`, which lies inside
/// (0, 1).
#[must_use]
pub fn quantile_ranks(n: usize, p: f64, tails: Tails) -> Ranks {
    assert!(0.0 < p && p < 1.0, "a quantile needs a probability inside (0, 1), not {p}");
    let at_most = |k: usize| binomial_cdf(n as u64, p, k as u64);
    // The quantile lies below the value of rank r if fewer than r values are at most it, and
    // above that value if at least r values are.
    let first_above = |limit: f64| first(n, |k| limit < at_most(k));
    let low = (0.0 < tails.below).then(|| first_above(tails.below)).filter(|&rank| 0 < rank);
    let high = first(n, |k| 1.0 - at_most(k) <= tails.above) + 1;
    Ranks { low, high: (0.0 < tails.above && high <= n).then_some(high) }
}

/// The first of 0..n for which `holds`, which then holds for all after it; `n` if none.
fn first(n: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, n);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

/// The interval for the quantile at `p` from `sorted` independent values, which may be infinite;
/// an end that the sample is too small for is `None`.
#[must_use]
pub fn quantile(sorted: &[f64], p: f64, tails: Tails) -> (Option<f64>, Option<f64>) {
    let ranks = quantile_ranks(sorted.len(), p, tails);
    let value = |rank: Option<usize>| rank.map(|rank| sorted[rank - 1]);
    (value(ranks.low), value(ranks.high))
}

/// Student's interval for the mean of independent values; `None` below two values or if one is
/// infinite. It assumes that the mean of that many values is about normal.
#[must_use]
pub fn mean_interval(values: &[f64], tails: Tails) -> Option<Interval> {
    let centre = mean(values)?;
    let error = (variance(values)? / values.len() as f64).sqrt();
    if !error.is_finite() {
        return None;
    }
    let degrees = values.len() as u64 - 1;
    let reach = |miss: f64| {
        if miss <= 0.0 {
            return f64::INFINITY;
        }
        student_quantile(degrees, 1.0 - miss) * error
    };
    Some(Interval { low: centre - reach(tails.below), high: centre + reach(tails.above) })
}

/// What a part adds to a sum of independent means: its variance and its degrees of freedom.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanPart {
    /// Variance of the mean.
    pub variance: f64,
    /// Degrees of freedom of that variance: one less than the values.
    pub degrees: u64,
}

/// Student's interval around a sum of independent means, with Satterthwaite's degrees of freedom
/// (An approximate distribution of estimates of variance components, Biometrics Bulletin 2, 1946);
/// `None` if a part has none. Parts that do not vary leave the sum alone.
#[must_use]
pub fn sum_of_means(centre: f64, parts: &[MeanPart], tails: Tails) -> Option<Interval> {
    if parts.iter().any(|part| part.degrees == 0) {
        return None;
    }
    let variance: f64 = parts.iter().map(|part| part.variance).sum();
    if variance == 0.0 {
        return Some(Interval { low: centre, high: centre });
    }
    let spread = |part: &MeanPart| part.variance * part.variance / part.degrees as f64;
    let degrees = variance * variance / parts.iter().map(spread).sum::<f64>();
    let reach = |miss: f64| {
        if miss <= 0.0 {
            return f64::INFINITY;
        }
        student_quantile((degrees as u64).max(1), 1.0 - miss) * variance.sqrt()
    };
    Some(Interval { low: centre - reach(tails.below), high: centre + reach(tails.above) })
}

#[cfg(test)]
mod tests {
    use crate::sim::laws::Law;
    use crate::sim::streams::{Cursor, Stream};

    use super::*;

    /// Least share of 1,000 repeats that an interval of nominal 95 % must cover: the nominal
    /// share less three standard errors, sqrt(0.95 * 0.05 / 1000).
    const LEAST_COVERED: u32 = 929;

    fn covered(repeat: impl Fn(&mut Cursor) -> bool) -> u32 {
        let one = |seed| repeat(&mut Cursor::new(Stream::new(seed, 0, "test", "coverage")));
        (0..1_000).map(|seed| u32::from(one(seed))).sum()
    }

    /// Clopper-Pearson limits in closed form where all or none succeed, and from the tables of
    /// Documenta Geigy for 3 of 10 and 50 of 100.
    #[test]
    fn proportions_meet_known_limits() {
        let tails = Tails::both(0.95);
        let rule_of_three = 1.0 - crate::sim::maths::pow(0.025, 0.1);
        for (successes, n, low, high) in [
            (0, 10, 0.0, rule_of_three),
            (10, 10, 1.0 - rule_of_three, 1.0),
            (3, 10, 0.066_74, 0.652_45),
            (50, 100, 0.398_32, 0.601_68),
            (0, 0, 0.0, 1.0),
        ] {
            let got = proportion(successes, n, tails);
            let off = (got.low - low).abs().max((got.high - high).abs());
            assert!(off < 1e-5, "{successes} of {n}: {got:?}");
        }
        let upper = proportion(3, 10, Tails::upper(0.975));
        assert_eq!((upper.low, upper.high), (0.0, proportion(3, 10, tails).high));
        let lower = proportion(3, 10, Tails::lower(0.975));
        assert_eq!((lower.low, lower.high), (proportion(3, 10, tails).low, 1.0));
    }

    /// One part is Student's own interval; two alike have twice the degrees; a part that does not
    /// vary changes nothing, and one value alone says nothing.
    #[test]
    fn sums_of_means_meet_known_limits() {
        let tails = Tails::both(0.95);
        let part = |variance, degrees| MeanPart { variance, degrees };
        let reach = |parts: &[MeanPart]| sum_of_means(5.0, parts, tails).unwrap().high - 5.0;
        for (parts, quantile) in [
            (vec![part(1.0, 3)], 3.182_446),
            (vec![part(0.5, 3), part(0.5, 3)], 2.446_912),
            (vec![part(1.0, 3), part(0.0, 9)], 3.182_446),
            (vec![part(0.0, 3)], 0.0),
        ] {
            assert!((reach(&parts) - quantile).abs() < 1e-5, "{parts:?}: {}", reach(&parts));
        }
        assert_eq!(sum_of_means(5.0, &[part(1.0, 3), part(0.0, 0)], tails), None);
        let values = [1.0, 2.0, 4.0, 9.0];
        let own = mean_interval(&values, tails).unwrap();
        let parts = [part(variance(&values).unwrap() / 4.0, 3)];
        assert_eq!(sum_of_means(4.0, &parts, tails), Some(own));
    }

    /// The least samples for a one-sided 95 % bound: 299 for p99 (0.99^299 < 0.05 < 0.99^298),
    /// 2,995 for p99.9, 59 for p95; one fewer gives none. Two-sided ranks by the printed table
    /// for the median of 10 (2 and 9).
    #[test]
    fn ranks_meet_known_sizes() {
        for (p, least) in [(0.99, 299), (0.999, 2_995), (0.95, 59)] {
            let bound = |n| quantile_ranks(n, p, Tails::upper(0.95));
            assert_eq!(bound(least), Ranks { low: None, high: Some(least) }, "{p}");
            assert_eq!(bound(least - 1).high, None, "{p}");
        }
        let lower = |n| quantile_ranks(n, 0.01, Tails::lower(0.95));
        assert_eq!((lower(299), lower(298).low), (Ranks { low: Some(1), high: None }, None));
        let median = quantile_ranks(10, 0.5, Tails::both(0.95));
        assert_eq!(median, Ranks { low: Some(2), high: Some(9) });
        assert_eq!(quantile_ranks(0, 0.5, Tails::both(0.95)), Ranks { low: None, high: None });
    }

    /// Proportions cover at 1 %, 30 % and 97 %, in 1,000 repeats of 200 tries.
    #[test]
    fn proportions_cover() {
        for p in [0.01, 0.3, 0.97] {
            let hits = covered(|cursor| {
                let wins = (0..200).filter(|_| cursor.next_unit() < p).count() as u64;
                let interval = proportion(wins, 200, Tails::both(0.95));
                interval.low <= p && p <= interval.high
            });
            assert!(LEAST_COVERED <= hits, "{p}: {hits}");
        }
    }

    /// Quantiles of recovery times cover, smooth, with ties (whole minutes) and censored: a
    /// value beyond the horizon counts as infinite, and so may the quantile itself.
    #[test]
    fn quantiles_cover_also_when_censored() {
        let law = Law::lognormal_p50_p95(120.0, 400.0);
        let seen = |value: f64, minutes: bool, horizon: f64| match value {
            value if horizon < value => f64::INFINITY,
            value if minutes => (value / 60.0).ceil() * 60.0,
            value => value,
        };
        for (p, minutes, horizon) in [
            (0.5, false, f64::INFINITY),
            (0.5, true, f64::INFINITY),
            (0.9, true, 300.0),
            (0.9, false, 350.0),
            (0.95, false, 300.0),
        ] {
            let truth = seen(law.quantile(p), minutes, horizon);
            let hits = covered(|cursor| {
                let draw = |_| seen(law.quantile(cursor.next_unit()), minutes, horizon);
                let mut values: Vec<f64> = (0..200).map(draw).collect();
                values.sort_by(f64::total_cmp);
                let (low, high) = quantile(&values, p, Tails::both(0.95));
                low.is_some_and(|low| low <= truth) && high.is_some_and(|high| truth <= high)
            });
            assert!(LEAST_COVERED <= hits, "{p}, {minutes}, {horizon}: {hits}");
        }
    }

    /// One-sided bounds of a quantile cover, each by itself.
    #[test]
    fn bounds_cover() {
        let law = Law::exponential(60.0);
        let truth = law.quantile(0.99);
        for (tails, n) in [(Tails::upper(0.95), 299), (Tails::lower(0.95), 400)] {
            let hits = covered(|cursor| {
                let mut values: Vec<f64> =
                    (0..n).map(|_| law.quantile(cursor.next_unit())).collect();
                values.sort_by(f64::total_cmp);
                match quantile(&values, 0.99, tails) {
                    (Some(low), None) => low <= truth,
                    (None, Some(high)) => truth <= high,
                    ends => panic!("one end, not {ends:?}"),
                }
            });
            assert!(LEAST_COVERED <= hits, "{tails:?}: {hits}");
        }
    }

    /// Means cover: 256 values, the smallest sample that is looked at, of an exponential and a
    /// uniform law.
    #[test]
    fn means_cover() {
        for law in [Law::exponential(60.0), Law::uniform(10.0, 20.0)] {
            let hits = covered(|cursor| {
                let values: Vec<f64> = (0..256).map(|_| law.quantile(cursor.next_unit())).collect();
                let interval = mean_interval(&values, Tails::both(0.95)).unwrap();
                interval.low <= law.mean_s() && law.mean_s() <= interval.high
            });
            assert!(LEAST_COVERED <= hits, "{law:?}: {hits}");
        }
    }

    /// Student's interval by hand for 1..=4 (mean 2.5, error sqrt(5/12), t 3.182), and where it
    /// does not exist.
    #[test]
    fn means_by_hand() {
        let got = mean_interval(&[1.0, 2.0, 3.0, 4.0], Tails::both(0.95)).unwrap();
        let reach = 3.182_446 * (5.0_f64 / 12.0).sqrt();
        assert!((got.low - (2.5 - reach)).abs() < 1e-6 && (got.high - (2.5 + reach)).abs() < 1e-6);
        assert_eq!(mean_interval(&[1.0], Tails::both(0.95)), None);
        assert_eq!(mean_interval(&[1.0, f64::INFINITY], Tails::both(0.95)), None);
        let open = mean_interval(&[1.0, 2.0], Tails::upper(0.9)).unwrap();
        assert_eq!(open.low, f64::NEG_INFINITY);
    }

    /// Looks share the confidence: together they miss as often as one.
    #[test]
    fn looks_share_the_confidence() {
        assert_eq!(Tails::upper(0.95).split(5), Tails::upper(0.99));
        assert_eq!(Tails::both(0.9).split(0), Tails::both(0.9));
    }
}
