//! The incomplete beta function and what follows from it: binomial, beta and Student's t.
//!
//! Continued fraction of the NIST Digital Library of Mathematical Functions, 8.17.22, evaluated
//! by the modified Lentz algorithm on the side where it converges fast. Its relative error is
//! that of `ln_gamma`, below 1e-9 for arguments up to a million. Quantiles are found by
//! bisection to the last bit of the answer.

use crate::sim::maths;

/// I_x(a, b), the probability that a beta variable with these shapes is at most `x`.
///
/// Both shapes are positive, `x` lies in [0, 1].
#[must_use]
pub fn beta_cdf(a: f64, b: f64, x: f64) -> f64 {
    assert!(0.0 < a && 0.0 < b, "shapes are positive, not {a} and {b}");
    assert!((0.0..=1.0).contains(&x), "a share lies in [0, 1], not {x}");
    if x == 0.0 || x == 1.0 {
        return x;
    }
    let ln_beta = maths::ln_gamma(a) + maths::ln_gamma(b) - maths::ln_gamma(a + b);
    let front = maths::exp(a * maths::ln(x) + b * maths::ln_1p(-x) - ln_beta);
    if x < (a + 1.0) / (a + b + 2.0) {
        front * fraction(a, b, x) / a
    } else {
        1.0 - front * fraction(b, a, 1.0 - x) / b
    }
}

/// The continued fraction; it needs about sqrt(max(a, b)) steps.
fn fraction(a: f64, b: f64, x: f64) -> f64 {
    const STEPS: u32 = 100_000;
    const TINY: f64 = 1e-300;
    let away_from_zero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut product = d;
    for step in 1..=STEPS {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        for term in [even, odd] {
            d = 1.0 / away_from_zero(1.0 + term * d);
            c = away_from_zero(1.0 + term / c);
            product *= c * d;
        }
        if (c * d - 1.0).abs() < 1e-15 {
            return product;
        }
    }
    unreachable!("the fraction of {a}, {b}, {x} converges within {STEPS} steps")
}

/// The value that a beta variable does not exceed with probability `p`, which lies in [0, 1].
#[must_use]
pub fn beta_quantile(a: f64, b: f64, p: f64) -> f64 {
    assert!((0.0..=1.0).contains(&p), "a probability lies in [0, 1], not {p}");
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || high <= middle {
            return high;
        }
        if beta_cdf(a, b, middle) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
}

/// The probability of at most `k` successes in `n` tries that each succeed with probability `p`.
#[must_use]
pub fn binomial_cdf(n: u64, p: f64, k: u64) -> f64 {
    if n <= k {
        return 1.0;
    }
    beta_cdf((n - k) as f64, k as f64 + 1.0, 1.0 - p)
}

/// The value that Student's t with `degrees` of freedom does not exceed with probability `p`,
/// which lies inside (0, 1).
#[must_use]
pub fn student_quantile(degrees: u64, p: f64) -> f64 {
    assert!(0 < degrees, "Student's t needs a degree of freedom");
    assert!(0.0 < p && p < 1.0, "a quantile needs a probability inside (0, 1), not {p}");
    if p < 0.5 {
        return -student_quantile(degrees, 1.0 - p);
    }
    let degrees = degrees as f64;
    // P(|T| > t) = I_x(degrees / 2, 1 / 2) with x = degrees / (degrees + t^2); the share 1 - x is
    // found directly, for x itself is close to 1 where degrees are many.
    let rest = beta_quantile(0.5, 0.5 * degrees, 2.0 * p - 1.0);
    (degrees * rest / (1.0 - rest)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close(what: &str, got: f64, exact: f64, tolerance: f64) {
        assert!((got - exact).abs() <= tolerance * exact.abs(), "{what}: {got} against {exact}");
    }

    /// Binomial probabilities against the sum of their terms in exact integers (n = 20), where
    /// the function is small, large and in the middle; beyond the last success it is 1.
    #[test]
    fn binomial_probabilities_are_sums_of_terms() {
        for p in [0.01, 0.3, 0.5, 0.97] {
            let (mut choose, mut sum) = (1_u64, 0.0);
            for k in 0..20_u64 {
                let power =
                    |base: f64, times: u64| (0..times).fold(1.0, |product, _| product * base);
                sum += choose as f64 * power(p, k) * power(1.0 - p, 20 - k);
                choose = choose * (20 - k) / (k + 1);
                assert_close(&format!("p {p}, k {k}"), binomial_cdf(20, p, k), sum, 1e-12);
            }
            assert_eq!((binomial_cdf(20, p, 20), binomial_cdf(20, p, 21)), (1.0, 1.0));
        }
    }

    /// A million tries: the closed ends (1 - p)^n and 1 - p^n, and the reflection of the beta.
    #[test]
    fn many_tries_stay_accurate() {
        let n = 1_000_000_u64;
        let none = maths::exp(n as f64 * maths::ln_1p(-1e-6));
        assert_close("no success", binomial_cdf(n, 1e-6, 0), none, 1e-8);
        let not_all = -maths::exp_m1(n as f64 * maths::ln(0.999_999));
        assert_close("not all succeed", binomial_cdf(n, 0.999_999, n - 1), not_all, 1e-8);
        let sum = beta_cdf(990_000.0, 10_001.0, 0.99) + beta_cdf(10_001.0, 990_000.0, 0.01);
        assert_close("reflection", sum, 1.0, 1e-8);
    }

    /// Quantiles of Student's t from the printed table (Abramowitz and Stegun 26.10), and its
    /// symmetry; with one degree it is the Cauchy law, tan(pi (p - 1/2)).
    #[test]
    fn student_meets_the_printed_table() {
        for (degrees, p, t) in [
            (1, 0.975, 12.706),
            (2, 0.975, 4.303),
            (5, 0.95, 2.015),
            (15, 0.975, 2.131),
            (30, 0.995, 2.750),
            (120, 0.975, 1.980),
        ] {
            let got = student_quantile(degrees, p);
            assert!((got - t).abs() < 6e-4, "{degrees} at {p}: {got}");
            assert_eq!(
                student_quantile(degrees, 1.0 - p),
                -student_quantile(degrees, 1.0 - (1.0 - p))
            );
        }
        assert_close("Cauchy", student_quantile(1, 0.75), 1.0, 1e-12);
        let many = student_quantile(1_000_000, 0.975);
        assert_close("nearly normal", many, maths::normal_quantile(0.975), 1e-5);
    }

    /// The quantile undoes the distribution function, into both tails.
    #[test]
    fn quantiles_invert_the_beta() {
        for (a, b) in [(0.5, 0.5), (1.0, 3.0), (10.0, 2.0), (300.0, 4_000.0)] {
            for p in [1e-6, 0.01, 0.5, 0.99, 0.999_999] {
                let x = beta_quantile(a, b, p);
                assert_close(&format!("{a}, {b}"), beta_cdf(a, b, x), p, 1e-9);
            }
        }
    }
}
