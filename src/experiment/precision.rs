//! How precise a study has to be: `rto_s p99 ±2%`.
//!
//! A growing sample is looked at when it holds 256, 512, 1024, ... trials and at no other time,
//! so that where it stops does not depend on threads; the confidence is shared out between the
//! looks that the largest number of trials allows, so that stopping at the first precise one
//! does not make the interval cover less often than it says.

use std::fmt;
use std::str::FromStr;

use crate::sim::intervals::{self, Interval, Tails};
use crate::sim::statistics::{mean, order_statistic};

use super::metric::{Metric, Row, values};

/// Trials at the first look.
pub const FIRST_LOOK: u64 = 256;

/// Whether a sample of `n` trials is looked at.
#[must_use]
pub const fn is_look(n: u64) -> bool {
    FIRST_LOOK <= n && n.is_multiple_of(FIRST_LOOK) && (n / FIRST_LOOK).is_power_of_two()
}

/// How often a sample that grows to `n` trials is looked at.
#[must_use]
pub fn n_looks(n: u64) -> u32 {
    (n / FIRST_LOOK).checked_ilog2().map_or(0, |doublings| doublings + 1)
}

/// A figure of the distribution of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Statistic {
    /// Its mean.
    Mean,
    /// The value that a share of trials does not exceed.
    Quantile(f64),
}

/// An estimate with its interval; an end is `None` where there are too few trials for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// Lower end of the interval.
    pub low: Option<f64>,
    /// Upper end of the interval.
    pub high: Option<f64>,
}

impl Estimate {
    /// Half the width of the interval, if it has two finite ends.
    #[must_use]
    pub fn half_width(&self) -> Option<f64> {
        let width = self.high? - self.low?;
        width.is_finite().then_some(0.5 * width)
    }
}

impl Statistic {
    /// The estimate from the rows in which the metric applies; `None` if there is none, or a
    /// mean that is infinite.
    #[must_use]
    pub fn estimate(self, rows: &[Row], metric: Metric, tails: Tails) -> Option<Estimate> {
        let mut found = values(rows, metric);
        match self {
            Self::Mean => mean_of(&found, tails),
            Self::Quantile(p) => {
                found.sort_by(f64::total_cmp);
                quantile_of(&found, p, tails)
            }
        }
    }
}

/// The mean of values with its interval; `None` if there is none or one is infinite.
#[must_use]
pub fn mean_of(values: &[f64], tails: Tails) -> Option<Estimate> {
    let value = mean(values).filter(|mean| mean.is_finite())?;
    let interval = intervals::mean_interval(values, tails);
    let ends = interval.map(|Interval { low, high }| (low, high));
    Some(Estimate { value, low: ends.map(|ends| ends.0), high: ends.map(|ends| ends.1) })
}

/// The quantile at `p` of sorted values with its interval; `None` if there is none.
#[must_use]
pub fn quantile_of(sorted: &[f64], p: f64, tails: Tails) -> Option<Estimate> {
    let value = order_statistic(sorted, p)?;
    let (low, high) = intervals::quantile(sorted, p, tails);
    Some(Estimate { value, low, high })
}

/// Half the width that an interval may have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Width {
    /// In the metric's unit.
    Absolute(f64),
    /// As a share of the estimate.
    Relative(f64),
}

/// How precise a study has to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Precision {
    /// Which metric.
    pub metric: Metric,
    /// Which figure of its distribution.
    pub statistic: Statistic,
    /// Half the width that its interval may have.
    pub width: Width,
}

impl Precision {
    /// Whether the interval of these trials is narrow enough.
    #[must_use]
    pub fn is_met(&self, rows: &[Row], tails: Tails) -> bool {
        let Some(estimate) = self.statistic.estimate(rows, self.metric, tails) else {
            return false;
        };
        let allowed = match self.width {
            Width::Absolute(width) => width,
            Width::Relative(share) => share * estimate.value.abs(),
        };
        estimate.half_width().is_some_and(|half| half <= allowed)
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mean => f.write_str("mean"),
            Self::Quantile(p) => write!(f, "p{}", percent(*p)),
        }
    }
}

/// A share in percent with as many digits as it needs.
fn percent(share: f64) -> f64 {
    (share * 1e10).round() / 1e8
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ±", self.metric.name(), self.statistic)?;
        match self.width {
            Width::Absolute(width) => write!(f, "{width}"),
            Width::Relative(share) => write!(f, "{}%", percent(share)),
        }
    }
}

impl FromStr for Statistic {
    type Err = String;

    /// `mean`, `p99`, `p99.9` or `p(99)`.
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "mean" {
            return Ok(Self::Mean);
        }
        let number = text.strip_prefix('p').map(|rest| {
            rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(rest)
        });
        // A division by 100 would give another number than 0.999 for 99.9.
        let is_plain = |number: &&str| number.chars().all(|c| c.is_ascii_digit() || c == '.');
        let share = number.filter(is_plain).map(|number| format!("{number}e-2").parse::<f64>());
        match share {
            Some(Ok(share)) if 0.0 < share && share < 1.0 => Ok(Self::Quantile(share)),
            _ => Err(format!("read `{text}`; allowed: mean, or p and a percentage, such as p99")),
        }
    }
}

impl FromStr for Precision {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = "write METRIC STATISTIC ±WIDTH, e.g. 'rto_s p99 ±2%' or 'rto_s mean ±5'";
        let words: Vec<&str> = text.split_whitespace().collect();
        let [metric, statistic, width] = words[..] else { return Err(form.to_owned()) };
        let width = width.strip_prefix('±').or_else(|| width.strip_prefix("+-")).ok_or(form)?;
        let (number, is_share) = match width.strip_suffix('%') {
            Some(number) => (number, true),
            None => (width, false),
        };
        let number = number.parse().ok().filter(|width: &f64| 0.0 < *width && width.is_finite());
        let number = number.ok_or(form)?;
        Ok(Self {
            metric: metric_named(metric)?,
            statistic: statistic.parse()?,
            width: if is_share { Width::Relative(number / 100.0) } else { Width::Absolute(number) },
        })
    }
}

/// The metric of that name, or which there are.
///
/// # Errors
/// Says what was read, what is near and what is allowed.
pub fn metric_named(name: &str) -> Result<Metric, String> {
    Metric::named(name).ok_or_else(|| {
        let names = || Metric::ALL.iter().map(|metric| metric.name());
        let meant = crate::spec::nearest(name, names());
        let meant = meant.map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"));
        let allowed = names().collect::<Vec<_>>().join(", ");
        format!("there is no metric `{name}`{meant}; allowed: {allowed}")
    })
}

#[cfg(test)]
mod tests {
    use crate::experiment::metric::{Figure, N_METRICS};

    use super::*;

    fn rows(recovery_times: impl Iterator<Item = f64>) -> Vec<Row> {
        let row = |(trial, rto_s): (usize, f64)| {
            let mut figures = [Figure::ABSENT; N_METRICS];
            figures[Metric::RecoveryTime as usize] =
                if rto_s.is_finite() { Figure::new(rto_s) } else { Figure::NEVER };
            Row::bare(trial as u64, figures)
        };
        recovery_times.enumerate().map(row).collect()
    }

    /// Looks double from 256 on; nothing between them is one.
    #[test]
    fn looks_double() {
        let looks: Vec<u64> = (0..5_000).filter(|&n| is_look(n)).collect();
        assert_eq!(looks, [256, 512, 1_024, 2_048, 4_096]);
        for (n, count) in [(0, 0), (255, 0), (256, 1), (511, 1), (512, 2), (5_000, 5)] {
            assert_eq!(n_looks(n), count, "{n}");
        }
    }

    /// What can be typed reads as what is meant, prints back, and everything else is refused with
    /// what is allowed.
    #[test]
    fn precisions_are_read() {
        let metric = Metric::RecoveryTime;
        for (text, statistic, width) in [
            ("rto_s p99 ±2%", Statistic::Quantile(0.99), Width::Relative(0.02)),
            ("rto_s p99.9 ±5", Statistic::Quantile(0.999), Width::Absolute(5.0)),
            ("rto_s mean ±0.5%", Statistic::Mean, Width::Relative(0.005)),
        ] {
            let read: Precision = text.parse().unwrap();
            assert_eq!(read, Precision { metric, statistic, width });
            assert_eq!(read.to_string(), text);
        }
        assert_eq!("rto_s p(50) +-1%".parse::<Precision>(), "rto_s p50 ±1%".parse());
        for wrong in ["", "rto_s", "rto_s p99", "rto_s p99 2%", "rto_s p99 ±x", "rto_s p99 ±0"] {
            assert!(wrong.parse::<Precision>().unwrap_err().starts_with("write METRIC"), "{wrong}");
        }
        for (wrong, says) in [
            (
                "rto p99 ±1%",
                "there is no metric `rto` (did you mean `rto_s`?); allowed: rto_s, detect_s",
            ),
            ("rtos_s p99 ±1%", "did you mean `rto_s`?"),
            ("rto_s p100 ±1%", "read `p100`"),
            ("rto_s p0 ±1%", "read `p0`"),
            ("rto_s median ±1%", "read `median`"),
        ] {
            let said = wrong.parse::<Precision>().unwrap_err();
            assert!(said.contains(says), "{said}");
        }
    }

    /// The median of 1..=400 has ranks 180 and 221 (two-sided 95 %), half width 20.5: met from
    /// there on, not below. Infinite values leave the width open, absent ones do not count.
    #[test]
    fn a_width_is_met_or_not() {
        let tails = Tails::both(0.95);
        let rows = rows((1..=400).map(f64::from));
        let estimate = Statistic::Quantile(0.5).estimate(&rows, Metric::RecoveryTime, tails);
        let half = estimate.unwrap().half_width().unwrap();
        assert_eq!((estimate.unwrap().value, half), (200.0, 20.5));
        let met = |text: &str, rows: &[Row]| text.parse::<Precision>().unwrap().is_met(rows, tails);
        assert!(met("rto_s p50 ±20.5", &rows) && !met("rto_s p50 ±20.4", &rows));
        assert!(met("rto_s p50 ±10.25%", &rows) && !met("rto_s p50 ±10.24%", &rows));
        assert!(!met("lost_writes mean ±1000", &rows));
        let censored = self::rows((1..=400).map(|i| if i < 100 { 1.0 } else { f64::INFINITY }));
        assert!(!met("rto_s p50 ±1000", &censored) && !met("rto_s mean ±1000", &censored));
        assert!(met("rto_s p10 ±1", &censored));
    }
}
