//! How a scenario states a law of durations: boot times, service times, start-up times.
//!
//! Parameters are what people measure (medians, percentiles, means), never the mathematician's
//! mu and sigma. Measured values come from a CSV column.

use crate::sim::laws::Law;
use crate::spec::{Code, Decoder, Diagnostic, Set, Text, choice, one_of, section};
use crate::units::Span;

one_of! {
    /// A law of durations.
    pub enum DurationSpec {
        /// Always the same, e.g. `constant: 5s`.
        "constant" => Constant(Span),
        /// Evenly spread between two durations.
        "uniform" => Uniform(UniformSpec),
        /// Memoryless.
        "exponential" => Exponential(ExponentialSpec),
        /// Right-skewed, by two percentiles or by mean and variation.
        "lognormal" => LogNormal(LogNormalSpec),
        /// A sum of exponential stages.
        "gamma" => Gamma(GammaSpec),
        /// Hazard that falls (shape below 1) or rises with age.
        "weibull" => Weibull(WeibullSpec),
        /// Measured values, each equally likely.
        "empirical" => Empirical(EmpiricalSpec),
    }
}

section! {
    /// Evenly spread between two durations.
    pub struct UniformSpec {
        /// Shortest duration.
        "min" min: Span = required, range "0s"..="30d";
        /// Longest duration.
        "max" max: Span = required, range "0s"..="30d";
    }
    check UniformSpec::check_order;
}

section! {
    /// Memoryless.
    pub struct ExponentialSpec {
        /// Mean duration.
        "mean" mean: Span = required, range "1us"..="30d";
    }
}

section! {
    /// Right-skewed: give `p50` with `p95` or `p99`, or `mean` with `cv`.
    pub struct LogNormalSpec {
        /// Median.
        "p50" p50: Option<Span> = optional, range "1us"..="30d";
        /// 95th percentile.
        "p95" p95: Option<Span> = optional, range "1us"..="30d";
        /// 99th percentile.
        "p99" p99: Option<Span> = optional, range "1us"..="30d";
        /// Mean.
        "mean" mean: Option<Span> = optional, range "1us"..="30d";
        /// Coefficient of variation: standard deviation / mean.
        "cv" cv: Option<f64> = optional, range 0.001..=100.0;
    }
    check LogNormalSpec::check_parameters;
}

section! {
    /// A sum of exponential stages.
    pub struct GammaSpec {
        /// Mean duration.
        "mean" mean: Span = required, range "1us"..="30d";
        /// Number of stages, any positive number: 1 is exponential, more is steadier.
        "shape" shape: f64 = required, range 0.01..=10000.0;
    }
}

section! {
    /// P(longer than t) = exp(-(t / scale)^shape).
    pub struct WeibullSpec {
        /// The duration exceeded with probability 37 %.
        "scale" scale: Span = required, range "1us"..="30d";
        /// Below 1 the hazard falls with age, above 1 it rises.
        "shape" shape: f64 = required, range 0.1..=100.0;
    }
}

section! {
    /// Measured values, each equally likely.
    pub struct EmpiricalSpec {
        /// The CSV file, relative to the scenario's folder.
        "csv" csv: Text = required;
        /// The column that holds the durations.
        "column" column: Text = required;
        /// The unit of the column; left out, the column's name must end in it, as `boot_s` does.
        "unit" unit: Option<TimeUnit> = optional;
    }
}

choice! {
    /// The unit of a column of numbers.
    pub enum TimeUnit {
        /// Microseconds.
        "us" => Micros,
        /// Milliseconds.
        "ms" => Millis,
        /// Seconds.
        "s" => Seconds,
        /// Minutes.
        "min" => Minutes,
        /// Hours.
        "h" => Hours,
    }
}

impl TimeUnit {
    /// One unit in seconds.
    #[must_use]
    pub const fn seconds(self) -> f64 {
        match self {
            Self::Micros => 1e-6,
            Self::Millis => 1e-3,
            Self::Seconds => 1.0,
            Self::Minutes => 60.0,
            Self::Hours => 3_600.0,
        }
    }

    /// The unit that a column's name ends in: `boot_s` is in seconds.
    #[must_use]
    pub fn of_column(column: &str) -> Option<Self> {
        let (_, suffix) = column.rsplit_once('_')?;
        Self::ALL.iter().copied().find(|unit| unit.as_str() == suffix)
    }
}

impl UniformSpec {
    fn check_order(&self, cx: &mut Decoder<'_>) {
        if self.max.value < self.min.value {
            let message = format!("`max` {} is below `min` {}", *self.max, *self.min);
            let wrong = Diagnostic::error(Code::Contradiction, self.max.place.clone(), message);
            cx.report(wrong.allowed(format!("at least {}", *self.min)).help("swap the two"));
        }
    }
}

/// The ways to state a lognormal law.
enum LogNormalForm {
    Percentiles { p50: Span, p: f64, upper: Span },
    Moments { mean: Span, cv: f64 },
}

impl LogNormalSpec {
    fn form(&self) -> Option<LogNormalForm> {
        match (*self.p50, *self.p95, *self.p99, *self.mean, *self.cv) {
            (Some(p50), Some(upper), None, None, None) => {
                Some(LogNormalForm::Percentiles { p50, p: 0.95, upper })
            }
            (Some(p50), None, Some(upper), None, None) => {
                Some(LogNormalForm::Percentiles { p50, p: 0.99, upper })
            }
            (None, None, None, Some(mean), Some(cv)) => Some(LogNormalForm::Moments { mean, cv }),
            _ => None,
        }
    }

    fn check_parameters(&self, cx: &mut Decoder<'_>) {
        let place = self.p50.place.clone();
        match self.form() {
            None => {
                let message = "these parameters do not make one lognormal law";
                let wrong = Diagnostic::error(Code::Contradiction, place, message);
                cx.report(wrong.allowed("p50 with p95, p50 with p99, or mean with cv"));
            }
            Some(LogNormalForm::Percentiles { p50, upper, .. }) if upper <= p50 => {
                let message = format!("the upper percentile {upper} is not above p50 {p50}");
                let wrong = Diagnostic::error(Code::Contradiction, place, message);
                cx.report(wrong.allowed(format!("more than {p50}")));
            }
            Some(_) => {}
        }
    }
}

impl DurationSpec {
    /// The law; `measured` reads the values \[s\] of an empirical one and reports what is wrong.
    ///
    /// The section's own checks must have passed.
    pub fn law(&self, measured: &mut dyn FnMut(&EmpiricalSpec) -> Option<Vec<f64>>) -> Option<Law> {
        let seconds = |span: &Set<Span>| span.value.as_secs_f64();
        Some(match self {
            Self::Constant(span) => Law::constant(span.as_secs_f64()),
            Self::Uniform(law) => Law::uniform(seconds(&law.min), seconds(&law.max)),
            Self::Exponential(law) => Law::exponential(seconds(&law.mean)),
            Self::LogNormal(law) => match law.form()? {
                LogNormalForm::Percentiles { p50, p, upper } => {
                    Law::lognormal_median_quantile(p50.as_secs_f64(), p, upper.as_secs_f64())
                }
                LogNormalForm::Moments { mean, cv } => {
                    Law::lognormal_mean_cv(mean.as_secs_f64(), cv)
                }
            },
            Self::Gamma(law) => Law::gamma(*law.shape, seconds(&law.mean)),
            Self::Weibull(law) => Law::weibull(*law.shape, seconds(&law.scale)),
            Self::Empirical(law) => Law::empirical(measured(law)?),
        })
    }
}
