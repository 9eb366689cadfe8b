//! Random counts, each from one draw by an inverse distribution function.
//!
//! Small means walk up the distribution; large ones take the normal quantile with the corrections
//! of Cornish and Fisher (Revue de l'Institut International de Statistique 5, 1938) to the second
//! order, continuity included. Beyond a mean of 30 that is off by less than a hundredth of a
//! count. Both use `+ - * /`, `sqrt` and the pinned `ln` and `exp` only.

use crate::sim::maths;
use crate::sim::streams::unit;

/// Largest mean for which the distribution is walked.
const WALKED: f64 = 30.0;

/// The Poisson count of this mean that belongs to `draw`.
pub(super) fn poisson(mean: f64, draw: u64) -> u64 {
    if mean <= 0.0 {
        return 0;
    }
    let u = unit(draw);
    if mean <= WALKED {
        return walk(u, maths::exp(-mean), |k| mean / k);
    }
    // The count plus a uniform part has the variance mean + 1/12.
    corrected(u, mean, mean + 1.0 / 12.0, 1.0 / mean.sqrt(), 1.0 / mean)
}

/// The number of successes in `n` trials that belongs to `draw`.
pub(super) fn binomial(n: u64, p: f64, draw: u64) -> u64 {
    if p <= 0.0 || n == 0 {
        return 0;
    }
    if 1.0 <= p {
        return n;
    }
    if 0.5 < p {
        return n - binomial(n, 1.0 - p, !draw);
    }
    let (u, trials) = (unit(draw), n as f64);
    let mean = trials * p;
    if mean <= WALKED {
        let odds = p / (1.0 - p);
        let none = maths::exp(trials * maths::ln_1p(-p));
        return walk(u, none, |k| (trials - k + 1.0) / k * odds).min(n);
    }
    let variance = mean * (1.0 - p);
    let skewness = (1.0 - 2.0 * p) / variance.sqrt();
    let excess = (1.0 - 6.0 * p * (1.0 - p)) / variance;
    corrected(u, mean, variance + 1.0 / 12.0, skewness, excess).min(n)
}

/// Walks up a distribution whose first probability is `p` and whose k-th is `ratio(k)` times the
/// one before, until the sum reaches `u`.
fn walk(u: f64, mut p: f64, ratio: impl Fn(f64) -> f64) -> u64 {
    let (mut sum, mut count) = (p, 0);
    // Rounding may leave the sum below 1: what is no longer added to is the end.
    while sum < u && 0.0 < p {
        count += 1;
        p *= ratio(count as f64);
        sum += p;
        if 1000 < count {
            break;
        }
    }
    count
}

fn corrected(u: f64, mean: f64, variance: f64, skewness: f64, excess: f64) -> u64 {
    let w = maths::normal_quantile(u);
    let (w2, w3) = (w * w, w * w * w);
    let z = w + (w2 - 1.0) * skewness / 6.0 + (w3 - 3.0 * w) * excess / 24.0
        - (2.0 * w3 - 5.0 * w) * skewness * skewness / 36.0;
    // To the nearest, by way of the integer: `round` is a call on most machines.
    (mean + variance.sqrt() * z + 0.5).max(0.0) as u64
}

/// Takes from `total` the part of `n` among `rest`, to the nearest, and subtracts both: after the
/// last part nothing is left, and no part is larger than its `n`.
#[inline]
pub(super) fn proportional(total: &mut u64, n: u64, rest: &mut u64) -> u64 {
    if *total == 0 || n == 0 {
        *rest -= n;
        return 0;
    }
    let share = (*total as f64 * (n as f64 / *rest as f64) + 0.5) as u64;
    // What comes after cannot take more than it has.
    let least = total.saturating_sub(*rest - n);
    let share = share.clamp(least, n.min(*total));
    *total -= share;
    *rest -= n;
    share
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::statistics::{chi_square, chi_square_p};
    use crate::sim::streams::Stream;

    /// Counts of 200,000 draws against the probabilities of the law, tails pooled, on both sides
    /// of the limit between walking and correcting.
    #[test]
    fn counts_follow_their_law() {
        const N: u64 = 200_000;
        let poisson_of = |mean: f64| {
            let mass =
                move |k: f64| maths::exp(k * maths::ln(mean) - mean - maths::ln_gamma(k + 1.0));
            (format!("poisson {mean}"), Box::new(mass) as Box<dyn Fn(f64) -> f64>)
        };
        let binomial_of = |n: f64, p: f64| {
            let choose = move |k: f64| {
                maths::ln_gamma(n + 1.0) - maths::ln_gamma(k + 1.0) - maths::ln_gamma(n - k + 1.0)
            };
            let mass =
                move |k: f64| maths::exp(choose(k) + k * maths::ln(p) + (n - k) * maths::ln_1p(-p));
            (format!("binomial {n} {p}"), Box::new(mass) as Box<dyn Fn(f64) -> f64>)
        };
        type Named = (String, Box<dyn Fn(f64) -> f64>);
        type Draw = Box<dyn Fn(u64) -> u64>;
        let mut cases: Vec<(Named, Draw, usize)> = Vec::new();
        for mean in [0.2, 3.0, 29.9, 30.1, 400.0] {
            cases.push((poisson_of(mean), Box::new(move |u| poisson(mean, u)), 1_000));
        }
        for (n, p) in [(1, 0.3), (7, 0.9), (100, 0.299), (100, 0.5), (3_000, 0.02), (3_000, 0.97)] {
            let draw = move |u| binomial(n, p, u);
            cases.push((binomial_of(n as f64, p), Box::new(draw), n as usize));
        }
        for (((name, mass), draw, most), case) in cases.into_iter().zip(0..) {
            let stream = Stream::new(case, 0, "test", "counts");
            let mut observed = vec![0_u64; most + 1];
            (0..N).for_each(|i| observed[draw(stream.at(i)) as usize] += 1);
            let expected: Vec<f64> = (0..=most).map(|k| N as f64 * mass(k as f64)).collect();
            let kept: Vec<usize> = (0..=most).filter(|k| 10.0 <= expected[*k]).collect();
            let mut cells: Vec<(u64, f64)> =
                kept.iter().map(|k| (observed[*k], expected[*k])).collect();
            let (seen, due) = cells.iter().fold((0, 0.0), |(s, d), (o, e)| (s + o, d + e));
            if 1.0 < N as f64 - due {
                cells.push((N - seen, N as f64 - due));
            }
            let (observed, expected): (Vec<_>, Vec<_>) = cells.into_iter().unzip();
            let p = chi_square_p(chi_square(&observed, &expected), observed.len() - 1);
            assert!(1e-4 < p, "{name}: p = {p}");
        }
    }

    /// Parts of a total add up to it, and none exceeds what it is taken from.
    #[test]
    fn parts_add_up() {
        for (total, parts) in [(10, vec![1, 5, 30]), (36, vec![1, 5, 30]), (1, vec![9, 9, 9])] {
            let (mut left, mut rest) = (total, parts.iter().sum());
            let taken: Vec<u64> =
                parts.iter().map(|&n| proportional(&mut left, n, &mut rest)).collect();
            assert_eq!((taken.iter().sum::<u64>(), left, rest), (total, 0, 0), "{taken:?}");
            assert!(taken.iter().zip(&parts).all(|(taken, n)| taken <= n), "{taken:?}");
        }
    }
}
