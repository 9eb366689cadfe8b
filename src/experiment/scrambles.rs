//! Intervals of a study whose structural inputs are scrambled Sobol points.
//!
//! Trial i is point ⌊i / 16⌋ of scramble i mod 16. Trials of one scramble are not independent, so
//! binomial ranks do not hold; the scrambles are, so that Student's t over their figures does
//! (Owen, Monte Carlo variance of scrambled net quadrature, 1997). Only whole rounds of all
//! scrambles count, so that each has as many points.

use crate::control::sampling::N_SCRAMBLES;
use crate::sim::intervals::{self, Interval, Tails};
use crate::sim::statistics::{mean, order_statistic};

use super::metric::{Metric, Row};
use super::precision::Estimate;

/// The rows of whole rounds.
#[must_use]
pub fn whole_rounds(rows: &[Row]) -> &[Row] {
    &rows[..rows.len() - rows.len() % N_SCRAMBLES as usize]
}

/// The values of a metric in each scramble; `None` if one has none.
fn by_scramble(rows: &[Row], metric: Metric) -> Option<Vec<Vec<f64>>> {
    let mut scrambles = vec![Vec::new(); N_SCRAMBLES as usize];
    for row in whole_rounds(rows) {
        scrambles[(row.trial % N_SCRAMBLES) as usize].extend(row.figure(metric).value());
    }
    (!scrambles.iter().any(Vec::is_empty)).then_some(scrambles)
}

/// The mean of a metric with Student's interval over the means of the scrambles; `None` if one is
/// infinite or missing.
#[must_use]
pub fn mean_of(rows: &[Row], metric: Metric, tails: Tails) -> Option<Estimate> {
    let scrambles = by_scramble(rows, metric)?;
    let value = mean(&scrambles.concat()).filter(|mean| mean.is_finite())?;
    let means: Vec<f64> = scrambles.iter().filter_map(|values| mean(values)).collect();
    let Interval { low, high } = intervals::mean_interval(&means, tails)?;
    Some(Estimate { value, low: Some(low), high: Some(high) })
}

/// The quantile of a metric at `p`. Its interval is that of Woodruff (Journal of the American
/// Statistical Association 47, 1952): Student's for the share of values below it, over the
/// scrambles, turned back into values; one rank more on each side, for a share is known to a rank.
#[must_use]
pub fn quantile_of(rows: &[Row], metric: Metric, p: f64, tails: Tails) -> Option<Estimate> {
    let scrambles = by_scramble(rows, metric)?;
    let mut sorted = scrambles.concat();
    sorted.sort_by(f64::total_cmp);
    let value = order_statistic(&sorted, p)?;
    let share = |values: &Vec<f64>| {
        values.iter().filter(|&&it| it <= value).count() as f64 / values.len() as f64
    };
    let shares: Vec<f64> = scrambles.iter().map(share).collect();
    let Interval { low, high } = intervals::mean_interval(&shares, tails)?;
    let reach = 0.5 * (high - low);
    let rank = |share: f64| (share * sorted.len() as f64).ceil();
    let at = |rank: f64| (1.0 <= rank).then(|| sorted.get(rank as usize - 1).copied()).flatten();
    Some(Estimate { value, low: at(rank(p - reach) - 1.0), high: at(rank(p + reach) + 1.0) })
}

/// Where the probability of an event lies of which the trials from 0 on show whether it happened,
/// if that can be told: Student
/// over the shares of the scrambles. Where all have the same share, nothing is known of their
/// spread: then the first points of the scrambles count, which are independent (Clopper-Pearson).
#[must_use]
pub fn proportion(happened: &[Option<bool>], tails: Tails) -> Interval {
    let n = N_SCRAMBLES as usize;
    let whole = &happened[..happened.len() - happened.len() % n];
    let share = |number: usize| {
        let of_scramble = whole.iter().skip(number).step_by(n).flatten();
        let numbers: Vec<f64> = of_scramble.map(|&it| f64::from(u8::from(it))).collect();
        mean(&numbers)
    };
    let Some(shares) = (0..n).map(share).collect::<Option<Vec<f64>>>() else {
        return Interval { low: 0.0, high: 1.0 };
    };
    if shares.iter().all(|share| *share == shares[0]) {
        let first: Vec<bool> = whole[..n].iter().copied().flatten().collect();
        let successes = first.iter().filter(|&&it| it).count() as u64;
        return intervals::proportion(successes, first.len() as u64, tails);
    }
    let around = intervals::mean_interval(&shares, tails).expect("there are sixteen shares");
    Interval { low: around.low.max(0.0), high: around.high.min(1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::control::Chance;
    use crate::control::sampling::{Input, Sampler};
    use crate::experiment::metric::{Figure, N_METRICS};
    use crate::sim::streams::unit;

    const TAILS: Tails = Tails { below: 0.025, above: 0.025 };

    /// Trials whose figure is a function of three inputs that are uniform in (0, 1), of which the
    /// last is no structural one.
    fn rows(seed: u64, n: u64, figure: impl Fn([f64; 3]) -> f64) -> Vec<Row> {
        let row = |trial| {
            let chance = Chance { seed, trial, sampler: Sampler::Sobol };
            let drawn = [
                chance.structural(Input::FaultDelay, 0, "f"),
                chance.structural(Input::DemandLevel, 0, "web"),
                chance.draw("noise", "web", 0),
            ];
            let mut figures = [Figure::ABSENT; N_METRICS];
            let value = figure(drawn.map(unit));
            figures[Metric::RecoveryTime as usize] =
                if value.is_finite() { Figure::new(value) } else { Figure::NEVER };
            Row::bare(trial, figures)
        };
        (0..n).map(row).collect()
    }

    const METRIC: Metric = Metric::RecoveryTime;

    fn covers(found: &Estimate, truth: f64) -> bool {
        found.low.unwrap() <= truth && truth <= found.high.unwrap()
    }

    /// In 400 repeats of 16 times 16 trials three intervals cover at least 367 times (95 % less
    /// three standard errors): the mean 125.5 of 200 x + 100 x y + noise, the median 1/2 of a
    /// uniform figure, and the probability 0.3 of x + y below sqrt(0.6). The interval of the mean
    /// is below a third of that of independent trials, 4 sqrt(V / 256) with V above 200^2 / 12.
    #[test]
    fn intervals_cover() {
        let mut covered = [0; 3];
        let limit = 0.6_f64.sqrt();
        for seed in 0..400 {
            let rows = rows(seed, 256, |[x, y, noise]| 200.0 * x + 100.0 * x * y + noise);
            let found = mean_of(&rows, METRIC, TAILS).unwrap();
            covered[0] += u32::from(covers(&found, 125.5));
            let width = found.high.unwrap() - found.low.unwrap();
            assert!(3.0 * width < 4.0 * (200.0 * 200.0 / 12.0 / 256.0_f64).sqrt(), "{width}");
            let uniform = self::rows(seed, 256, |[x, _, _]| x);
            let median = quantile_of(&uniform, METRIC, 0.5, TAILS).unwrap();
            covered[1] += u32::from(covers(&median, 0.5));
            let sums = self::rows(seed, 256, |[x, y, _]| x + y);
            let happened = |row: &Row| row.figure(METRIC).value().map(|it| it < limit);
            let found = proportion(&sums.iter().map(happened).collect::<Vec<_>>(), TAILS);
            covered[2] += u32::from(found.low <= 0.3 && 0.3 <= found.high);
        }
        assert!(covered.iter().all(|&n| 367 <= n), "{covered:?}");
    }

    /// What was never reached leaves no mean, and a quantile only where it does not reach; an end
    /// beyond the last value is open; trials of an incomplete round do not count; a probability
    /// that is the same in all scrambles keeps the interval of sixteen independent trials.
    #[test]
    fn edges_are_honest() {
        let seldom = rows(1, 256, |[x, _, _]| if x < 0.9 { x } else { f64::INFINITY });
        assert_eq!(mean_of(&seldom, METRIC, TAILS), None);
        let quantile = |p: f64| quantile_of(&seldom, METRIC, p, TAILS).unwrap();
        assert!(quantile(0.5).high.is_some_and(f64::is_finite));
        let reached = (f64::INFINITY, Some(f64::INFINITY));
        assert_eq!((quantile(0.95).value, quantile(0.95).high), reached);
        assert_eq!(quantile(0.999).high, None);
        let all = rows(1, 256, |[x, _, _]| x);
        let mean_of = |n: usize| mean_of(&all[..n], METRIC, TAILS);
        assert_eq!(mean_of(47), mean_of(32));
        assert_eq!(whole_rounds(&all[..15]), []);
        let never = proportion(&[Some(false); 64], TAILS);
        let sixteen = intervals::proportion(0, 16, TAILS);
        assert_eq!(never, sixteen);
        assert_eq!(proportion(&[None; 64], TAILS), Interval { low: 0.0, high: 1.0 });
        assert_eq!(proportion(&[Some(true); 15], TAILS), Interval { low: 0.0, high: 1.0 });
    }
}
