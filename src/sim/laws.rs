//! Laws of positive durations in seconds: what a scenario states, with exact mean, moments and
//! quantiles. [`sampler`](crate::sim::sampler) draws from them fast.
//!
//! Every law is a scale family and every draw is the inverse CDF of one uniform number, so
//! common random numbers keep two designs comparable draw by draw.

use std::sync::Arc;

use crate::sim::maths;

pub use crate::sim::sampler::Sampler;

/// A distribution of durations in seconds. Build with the constructors, which check.
#[derive(Clone, Debug, PartialEq)]
pub enum Law {
    /// Always the same duration.
    Constant {
        /// The duration \[s\].
        value_s: f64,
    },
    /// Evenly spread over an interval.
    Uniform {
        /// Shortest duration \[s\].
        min_s: f64,
        /// Longest duration \[s\].
        max_s: f64,
    },
    /// Memoryless.
    Exponential {
        /// Mean duration \[s\].
        mean_s: f64,
    },
    /// The logarithm of the duration in seconds is normal.
    LogNormal {
        /// Mean of the logarithm; the median is e to this power.
        mu: f64,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
    /// A sum of `shape` exponential stages, for any positive shape.
    Gamma {
        /// Number of stages; 1 / (squared coefficient of variation).
        shape: f64,
        /// Mean of one stage \[s\].
        scale_s: f64,
    },
    /// P(X > t) = exp(-(t / scale)^shape).
    Weibull {
        /// Below 1 the hazard falls with age, above 1 it rises.
        shape: f64,
        /// The duration exceeded with probability 1/e \[s\].
        scale_s: f64,
    },
    /// One of two exponentials: short ones and long ones.
    HyperExponential {
        /// Share of the first kind.
        share: f64,
        /// Mean of the first kind \[s\].
        first_mean_s: f64,
        /// Mean of the others \[s\].
        second_mean_s: f64,
    },
    /// Measured values, each equally likely.
    Empirical(Empirical),
}

/// Measured durations, sorted; shared, not copied, by clones.
#[derive(Clone, Debug, PartialEq)]
pub struct Empirical {
    sorted_s: Arc<[f64]>,
}

impl Empirical {
    /// The values in ascending order \[s\].
    #[must_use]
    pub fn sorted_s(&self) -> &[f64] {
        &self.sorted_s
    }
}

fn assert_positive(name: &str, value: f64) {
    assert!(value > 0.0 && value.is_finite(), "{name} must be positive and finite, not {value}");
}

/// Constructors: they panic on values that a scenario check must have refused.
impl Law {
    /// Always `value_s`, which may be zero.
    #[must_use]
    pub fn constant(value_s: f64) -> Self {
        assert!(value_s >= 0.0 && value_s.is_finite(), "a duration is not negative: {value_s}");
        Self::Constant { value_s }
    }

    /// Evenly spread over `[min_s, max_s]`.
    #[must_use]
    pub fn uniform(min_s: f64, max_s: f64) -> Self {
        assert!(
            0.0 <= min_s && min_s <= max_s && max_s.is_finite(),
            "a uniform law needs 0 <= min <= max, not {min_s} and {max_s}"
        );
        Self::Uniform { min_s, max_s }
    }

    /// Memoryless with mean `mean_s`.
    #[must_use]
    pub fn exponential(mean_s: f64) -> Self {
        assert_positive("the mean", mean_s);
        Self::Exponential { mean_s }
    }

    /// Lognormal with the given mean and coefficient of variation (deviation / mean).
    #[must_use]
    pub fn lognormal_mean_cv(mean_s: f64, cv: f64) -> Self {
        assert_positive("the mean", mean_s);
        assert_positive("the coefficient of variation", cv);
        let variance = maths::ln_1p(cv * cv);
        Self::LogNormal { mu: maths::ln(mean_s) - 0.5 * variance, sigma: variance.sqrt() }
    }

    /// Lognormal with median `median_s` whose quantile at `p` (above one half) is `quantile_s`.
    #[must_use]
    pub fn lognormal_median_quantile(median_s: f64, p: f64, quantile_s: f64) -> Self {
        assert_positive("the median", median_s);
        assert!(0.5 < p && p < 1.0, "the second percentile lies above the median, not at {p}");
        assert!(
            median_s < quantile_s && quantile_s.is_finite(),
            "the upper percentile {quantile_s} must exceed the median {median_s}"
        );
        let sigma = maths::ln(quantile_s / median_s) / maths::normal_quantile(p);
        Self::LogNormal { mu: maths::ln(median_s), sigma }
    }

    /// Lognormal with the given median and 95th percentile.
    #[must_use]
    pub fn lognormal_p50_p95(p50_s: f64, p95_s: f64) -> Self {
        Self::lognormal_median_quantile(p50_s, 0.95, p95_s)
    }

    /// Lognormal with the given median and 99th percentile.
    #[must_use]
    pub fn lognormal_p50_p99(p50_s: f64, p99_s: f64) -> Self {
        Self::lognormal_median_quantile(p50_s, 0.99, p99_s)
    }

    /// Gamma with the given shape and mean.
    #[must_use]
    pub fn gamma(shape: f64, mean_s: f64) -> Self {
        assert_positive("the shape", shape);
        assert_positive("the mean", mean_s);
        Self::Gamma { shape, scale_s: mean_s / shape }
    }

    /// The sum of `stages` equal exponential stages with mean `mean_s` in total.
    #[must_use]
    pub fn erlang(stages: u32, mean_s: f64) -> Self {
        Self::gamma(f64::from(stages), mean_s)
    }

    /// Weibull with the given shape and scale.
    #[must_use]
    pub fn weibull(shape: f64, scale_s: f64) -> Self {
        assert_positive("the shape", shape);
        assert_positive("the scale", scale_s);
        Self::Weibull { shape, scale_s }
    }

    /// A share of exponentials with one mean, the rest with another.
    #[must_use]
    pub fn hyper_exponential(share: f64, first_mean_s: f64, second_mean_s: f64) -> Self {
        assert!((0.0..=1.0).contains(&share), "a share lies in [0, 1], not {share}");
        assert_positive("the first mean", first_mean_s);
        assert_positive("the second mean", second_mean_s);
        Self::HyperExponential { share, first_mean_s, second_mean_s }
    }

    /// Measured values in any order, at least one.
    #[must_use]
    pub fn empirical(mut values_s: Vec<f64>) -> Self {
        assert!(!values_s.is_empty(), "an empirical law needs a value");
        assert!(
            values_s.iter().all(|v| *v >= 0.0 && v.is_finite()),
            "measured durations are finite and not negative"
        );
        values_s.sort_by(f64::total_cmp);
        Self::Empirical(Empirical { sorted_s: values_s.into() })
    }

    /// The law of `factor` times this duration.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        assert_positive("the factor", factor);
        match *self {
            Self::Constant { value_s } => Self::Constant { value_s: value_s * factor },
            Self::Uniform { min_s, max_s } => {
                Self::Uniform { min_s: min_s * factor, max_s: max_s * factor }
            }
            Self::Exponential { mean_s } => Self::Exponential { mean_s: mean_s * factor },
            Self::LogNormal { mu, sigma } => Self::LogNormal { mu: mu + maths::ln(factor), sigma },
            Self::Gamma { shape, scale_s } => Self::Gamma { shape, scale_s: scale_s * factor },
            Self::Weibull { shape, scale_s } => Self::Weibull { shape, scale_s: scale_s * factor },
            Self::HyperExponential { share, first_mean_s, second_mean_s } => {
                Self::HyperExponential {
                    share,
                    first_mean_s: first_mean_s * factor,
                    second_mean_s: second_mean_s * factor,
                }
            }
            Self::Empirical(ref values) => Self::Empirical(Empirical {
                sorted_s: values.sorted_s.iter().map(|value| value * factor).collect(),
            }),
        }
    }
}

impl Law {
    /// Mean duration \[s\].
    #[must_use]
    pub fn mean_s(&self) -> f64 {
        self.moment(1)
    }

    /// The raw moment E[X^k] \[s^k\], exact for every k.
    #[must_use]
    pub fn moment(&self, k: u32) -> f64 {
        let order = f64::from(k);
        let power = |base: f64| (0..k).fold(1.0, |product, _| product * base);
        let factorial = (1..=k).fold(1.0, |product, i| product * f64::from(i));
        match self {
            Self::Constant { value_s } => power(*value_s),
            Self::Uniform { min_s, max_s } => {
                // (max^(k+1) - min^(k+1)) / ((k + 1)(max - min)), without the cancellation.
                let mut sum = 0.0;
                let mut min_power = 1.0;
                for _ in 0..=k {
                    sum = sum * max_s + min_power;
                    min_power *= min_s;
                }
                sum / (order + 1.0)
            }
            Self::Exponential { mean_s } => factorial * power(*mean_s),
            Self::LogNormal { mu, sigma } => {
                maths::exp(order * mu + 0.5 * order * order * sigma * sigma)
            }
            Self::Gamma { shape, scale_s } => {
                (0..k).fold(1.0, |product, i| product * scale_s * (shape + f64::from(i)))
            }
            Self::Weibull { shape, scale_s } => power(*scale_s) * maths::gamma(1.0 + order / shape),
            Self::HyperExponential { share, first_mean_s, second_mean_s } => {
                factorial * (share * power(*first_mean_s) + (1.0 - share) * power(*second_mean_s))
            }
            Self::Empirical(values) => {
                let sum: f64 = values.sorted_s.iter().map(|value| power(*value)).sum();
                sum / values.sorted_s.len() as f64
            }
        }
    }

    /// Squared coefficient of variation, variance / mean²: 0 for constant, 1 for exponential.
    #[must_use]
    pub fn scv(&self) -> f64 {
        match self {
            Self::Constant { .. } => 0.0,
            // Closed forms where moment(2) / mean^2 - 1 would cancel.
            Self::Uniform { min_s, max_s } => {
                let (width, sum) = (max_s - min_s, max_s + min_s);
                if sum > 0.0 { width * width / (3.0 * sum * sum) } else { 0.0 }
            }
            Self::LogNormal { sigma, .. } => maths::exp_m1(sigma * sigma),
            Self::Gamma { shape, .. } => 1.0 / shape,
            _ => {
                let mean = self.mean_s();
                if mean > 0.0 { (self.moment(2) / (mean * mean) - 1.0).max(0.0) } else { 0.0 }
            }
        }
    }

    /// The smallest duration with P(X <= duration) >= `u` \[s\], for `u` in (0, 1).
    #[must_use]
    pub fn quantile(&self, u: f64) -> f64 {
        assert!(0.0 < u && u < 1.0, "a quantile needs a probability inside (0, 1), not {u}");
        match self {
            Self::Constant { value_s } => *value_s,
            Self::Uniform { min_s, max_s } => min_s + (max_s - min_s) * u,
            Self::Exponential { mean_s } => -mean_s * maths::ln_1p(-u),
            Self::LogNormal { mu, sigma } => maths::exp(mu + sigma * maths::normal_quantile(u)),
            Self::Gamma { shape, scale_s } => scale_s * maths::gamma_quantile(*shape, u),
            Self::Weibull { shape, scale_s } => {
                scale_s * maths::pow(-maths::ln_1p(-u), 1.0 / shape)
            }
            Self::HyperExponential { share, first_mean_s, second_mean_s } => {
                let ends = [first_mean_s * -maths::ln_1p(-u), second_mean_s * -maths::ln_1p(-u)];
                let (low, high) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
                if low == high {
                    return low;
                }
                maths::solve_rising(low, high, low, |x| {
                    let first = share * maths::exp(-x / first_mean_s);
                    let second = (1.0 - share) * maths::exp(-x / second_mean_s);
                    (1.0 - u - first - second, first / first_mean_s + second / second_mean_s)
                })
            }
            Self::Empirical(values) => {
                let n = values.sorted_s.len();
                let rank = (u * n as f64).ceil() as usize;
                values.sorted_s[rank.clamp(1, n) - 1]
            }
        }
    }

    /// P(X <= `duration_s`).
    #[must_use]
    pub fn cdf(&self, duration_s: f64) -> f64 {
        if duration_s < 0.0 {
            return 0.0;
        }
        match self {
            Self::Constant { value_s } => f64::from(u8::from(*value_s <= duration_s)),
            Self::Uniform { min_s, max_s } if min_s < max_s => {
                ((duration_s - min_s) / (max_s - min_s)).clamp(0.0, 1.0)
            }
            Self::Uniform { min_s, .. } => f64::from(u8::from(*min_s <= duration_s)),
            Self::Exponential { mean_s } => -maths::exp_m1(-duration_s / mean_s),
            Self::LogNormal { mu, sigma } => {
                maths::normal_cdf((maths::ln(duration_s) - mu) / sigma)
            }
            Self::Gamma { shape, scale_s } => maths::gamma_cdf(*shape, duration_s / scale_s),
            Self::Weibull { shape, scale_s } => {
                -maths::exp_m1(-maths::pow(duration_s / scale_s, *shape))
            }
            Self::HyperExponential { share, first_mean_s, second_mean_s } => {
                -share * maths::exp_m1(-duration_s / first_mean_s)
                    - (1.0 - share) * maths::exp_m1(-duration_s / second_mean_s)
            }
            Self::Empirical(values) => {
                let below = values.sorted_s.partition_point(|value| *value <= duration_s);
                below as f64 / values.sorted_s.len() as f64
            }
        }
    }

    /// E[X; X <= quantile(u)] \[s\]: what the share `u` of shortest durations adds to the mean.
    ///
    /// Its increments are the exact cell means of the sampler's tables.
    #[must_use]
    pub fn partial_mean_s(&self, u: f64) -> f64 {
        if u <= 0.0 {
            return 0.0;
        }
        if 1.0 <= u {
            return self.mean_s();
        }
        match self {
            Self::Constant { value_s } => value_s * u,
            Self::Uniform { min_s, max_s } => (min_s + 0.5 * (max_s - min_s) * u) * u,
            Self::Exponential { mean_s } => mean_s * (u + (1.0 - u) * maths::ln_1p(-u)),
            Self::LogNormal { sigma, .. } => {
                self.mean_s() * maths::normal_cdf(maths::normal_quantile(u) - sigma)
            }
            Self::Gamma { shape, .. } => {
                self.mean_s() * maths::gamma_cdf(shape + 1.0, maths::gamma_quantile(*shape, u))
            }
            Self::Weibull { shape, .. } => {
                self.mean_s() * maths::gamma_cdf(1.0 + 1.0 / shape, -maths::ln_1p(-u))
            }
            Self::HyperExponential { share, first_mean_s, second_mean_s } => {
                let end_s = self.quantile(u);
                let part = |mean_s: f64| {
                    let y = end_s / mean_s;
                    mean_s * (-maths::exp_m1(-y) - y * maths::exp(-y))
                };
                share * part(*first_mean_s) + (1.0 - share) * part(*second_mean_s)
            }
            Self::Empirical(values) => {
                let n = values.sorted_s.len() as f64;
                let whole = (u * n).floor() as usize;
                let sum: f64 = values.sorted_s[..whole].iter().sum();
                let rest = values.sorted_s.get(whole).map_or(0.0, |v| v * (u * n - whole as f64));
                (sum + rest) / n
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One law of each kind, with rows of the published M/G/1 table among them.
    fn laws() -> Vec<Law> {
        vec![
            Law::uniform(0.5, 2.0),
            Law::exponential(0.04),
            Law::lognormal_mean_cv(1.0, 0.5),
            Law::lognormal_p50_p99(0.04, 0.18),
            Law::erlang(2, 1.0),
            Law::gamma(0.4, 3.0),
            Law::weibull(0.7, 2.0),
            Law::weibull(3.0, 2.0),
            Law::hyper_exponential(
                0.887_298_334_621,
                1.0 / 1.774_596_669_24,
                1.0 / 0.225_403_330_759,
            ),
        ]
    }

    fn assert_close(what: &str, got: f64, exact: f64, tolerance: f64) {
        assert!((got / exact - 1.0).abs() < tolerance, "{what}: {got} against {exact}");
    }

    /// Means, moments and variation from textbooks: lognormal parameters of the published M/G/1
    /// rows (cv2 0.25 and 4), Erlang, balanced hyperexponential (cv2 4), Weibull by Gamma(1.5).
    #[test]
    fn moments_meet_published_values() {
        for (cv, mu, sigma) in [
            (0.5, -0.111_571_775_657, 0.472_380_727_077),
            (2.0, -0.804_718_956_217, 1.268_636_241_18),
        ] {
            let Law::LogNormal { mu: got_mu, sigma: got_sigma } = Law::lognormal_mean_cv(1.0, cv)
            else {
                panic!("a lognormal law")
            };
            assert_close("mu", got_mu, mu, 1e-11);
            assert_close("sigma", got_sigma, sigma, 1e-11);
        }
        let gamma = maths::gamma(1.5);
        let h2 = laws().remove(8);
        let table = [
            (Law::constant(2.0), 2.0, 8.0, 0.0),
            (Law::uniform(0.0, 2.0), 1.0, 2.0, 1.0 / 3.0),
            (Law::uniform(1.0, 3.0), 2.0, 10.0, 1.0 / 12.0),
            (Law::exponential(2.0), 2.0, 48.0, 1.0),
            (Law::lognormal_mean_cv(1.0, 2.0), 1.0, 125.0, 4.0),
            (Law::erlang(2, 1.0), 1.0, 3.0, 0.5),
            (Law::weibull(2.0, 1.0), gamma, 1.5 * gamma, 1.0 / (gamma * gamma) - 1.0),
            (Law::empirical(vec![3.0, 1.0]), 2.0, 14.0, 0.25),
            (h2.clone(), 1.0, h2.moment(3), 4.0),
        ];
        for (law, mean, third, scv) in table {
            assert_close(&format!("{law:?} mean"), law.mean_s(), mean, 1e-10);
            assert_close(&format!("{law:?} third"), law.moment(3), third, 1e-10);
            assert!((law.scv() - scv).abs() < 1e-9, "{law:?}: scv {}", law.scv());
        }
    }

    /// The quantile undoes the distribution function into both tails, and rises.
    #[test]
    fn quantiles_invert_the_cdf() {
        for law in laws() {
            let mut last_s = 0.0;
            for u in [1e-6, 1e-3, 0.1, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999, 1.0 - 1e-6] {
                let value_s = law.quantile(u);
                assert!(last_s < value_s, "{law:?} at {u}");
                assert!((law.cdf(value_s) - u).abs() < 1e-13, "{law:?} at {u}");
                last_s = value_s;
            }
        }
        let law = Law::lognormal_p50_p99(0.04, 0.18);
        assert_close("p50", law.quantile(0.5), 0.04, 1e-14);
        assert_close("p99", law.quantile(0.99), 0.18, 1e-14);
        assert_close("p95", Law::lognormal_p50_p95(1.0, 9.0).quantile(0.95), 9.0, 1e-14);
    }

    /// Partial means against the midpoint rule over the quantile, 20,000 steps between 5 % and
    /// 95 %, where its error is below h^2 / 24 times the second derivative, 1e-7 of the mean.
    #[test]
    fn partial_means_integrate_the_quantile() {
        const STEPS: u32 = 20_000;
        for law in laws() {
            let (from, to) = (0.05, 0.95);
            let width = (to - from) / f64::from(STEPS);
            let middle = |i: u32| law.quantile(from + (f64::from(i) + 0.5) * width);
            let sum: f64 = (0..STEPS).map(middle).sum::<f64>() * width;
            let exact = law.partial_mean_s(to) - law.partial_mean_s(from);
            assert_close(&format!("{law:?}"), exact, sum, 1e-6);
            assert_eq!((law.partial_mean_s(0.0), law.partial_mean_s(1.0)), (0.0, law.mean_s()));
            assert_close("end", law.partial_mean_s(1.0 - 1e-12), law.mean_s(), 1e-9);
        }
    }

    /// An empirical law is a step function: ranks by hand.
    #[test]
    fn empirical_quantiles_are_measured_values() {
        let law = Law::empirical(vec![4.0, 1.0, 2.0, 2.0]);
        let table = [(1e-9, 1.0), (0.25, 1.0), (0.26, 2.0), (0.75, 2.0), (0.76, 4.0), (0.999, 4.0)];
        for (u, value_s) in table {
            assert_eq!(law.quantile(u), value_s, "{u}");
        }
        assert_eq!([law.cdf(0.5), law.cdf(2.0), law.cdf(4.0)], [0.0, 0.75, 1.0]);
        assert_eq!(law.partial_mean_s(0.5), 0.75);
    }

    /// Every law is a scale family: moments, quantiles and variation scale as they must.
    #[test]
    fn scaling_scales() {
        let others = [Law::constant(2.0), Law::empirical(vec![1.0, 5.0])];
        for law in laws().into_iter().chain(others) {
            let scaled = law.scaled(2.5);
            assert_close("mean", scaled.mean_s(), 2.5 * law.mean_s(), 1e-13);
            assert_close("median", scaled.quantile(0.5), 2.5 * law.quantile(0.5), 1e-13);
            assert!((scaled.scv() - law.scv()).abs() < 1e-12, "{law:?}");
        }
    }
}
