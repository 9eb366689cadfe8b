//! Control time: integer nanoseconds, so that order and equality are exact.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub, SubAssign};
use std::str::FromStr;

use super::{ParseError, number_and_unit};

/// An instant of simulated time, in nanoseconds since the run's t = 0; the warm-up is negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(i64);

/// A length of simulated time in nanoseconds; written `250ms`, `90s`, `10m`, `1h30m`, `2d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(i64);

const NANOS_PER_SEC: i64 = 1_000_000_000;

impl Time {
    /// The run's t = 0, the end of the warm-up.
    pub const ZERO: Self = Self(0);
    /// Later than every instant of any run: "never".
    pub const NEVER: Self = Self(i64::MAX);

    /// The instant `nanos` nanoseconds after t = 0.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// The instant `secs` whole seconds after t = 0.
    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs * NANOS_PER_SEC)
    }

    /// The instant `secs` seconds after t = 0, rounded to the nearest nanosecond.
    #[must_use]
    pub fn from_secs_f64(secs: f64) -> Self {
        Self((secs * NANOS_PER_SEC as f64).round() as i64)
    }

    /// Nanoseconds since t = 0.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Seconds since t = 0.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / NANOS_PER_SEC as f64
    }

    /// The whole second that contains this instant, rounded down.
    #[must_use]
    pub const fn whole_secs(self) -> i64 {
        self.0.div_euclid(NANOS_PER_SEC)
    }

    /// The first instant of the grid `phase + k * period` that is not before `self`.
    ///
    /// `period` must be positive.
    #[must_use]
    pub const fn next_on_grid(self, phase: Self, period: Span) -> Self {
        let behind = (self.0 - phase.0).rem_euclid(period.0);
        if behind == 0 { self } else { Self(self.0 - behind + period.0) }
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// Longer than every run.
    pub const MAX: Self = Self(i64::MAX);

    /// `nanos` nanoseconds.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// `millis` milliseconds.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis * 1_000_000)
    }

    /// `secs` whole seconds.
    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs * NANOS_PER_SEC)
    }

    /// `secs` seconds, rounded to the nearest nanosecond.
    #[must_use]
    pub fn from_secs_f64(secs: f64) -> Self {
        Self((secs * NANOS_PER_SEC as f64).round() as i64)
    }

    /// Length in nanoseconds.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Length in seconds.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / NANOS_PER_SEC as f64
    }

    /// This span scaled by `factor`, rounded to the nearest nanosecond.
    #[must_use]
    pub fn scale(self, factor: f64) -> Self {
        Self((self.0 as f64 * factor).round() as i64)
    }
}

impl Add<Span> for Time {
    type Output = Self;
    /// Saturates at [`Time::NEVER`], so that "never" plus anything stays "never".
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl AddAssign<Span> for Time {
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}

impl Sub<Span> for Time {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl Sub for Time {
    type Output = Span;
    fn sub(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Span {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Span {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl SubAssign for Span {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Neg for Span {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Mul<i64> for Span {
    type Output = Self;
    fn mul(self, times: i64) -> Self {
        Self(self.0.saturating_mul(times))
    }
}

impl Div<i64> for Span {
    type Output = Self;
    fn div(self, parts: i64) -> Self {
        Self(self.0 / parts)
    }
}

impl Sum for Span {
    fn sum<I: Iterator<Item = Self>>(spans: I) -> Self {
        spans.fold(Self::ZERO, Add::add)
    }
}

const EXPECTED: &str = "a duration such as 250ms, 90s, 10m, 1h30m or 2d";

/// Units from longest to shortest, in which order they must stand in a duration.
const UNITS: [(&str, i64); 7] = [
    ("d", 86_400 * NANOS_PER_SEC),
    ("h", 3_600 * NANOS_PER_SEC),
    ("m", 60 * NANOS_PER_SEC),
    ("s", NANOS_PER_SEC),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

impl FromStr for Span {
    type Err = ParseError;

    /// Reads Go-style durations plus `d`: `1h30m`, `1.5s`, `250ms`. A bare number is refused.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let (negative, mut rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if rest.is_empty() || rest.starts_with('-') {
            return Err(ParseError::new(EXPECTED));
        }
        let mut total = 0_i64;
        let mut next_unit = 0;
        while !rest.is_empty() {
            let (value, tail) = number_and_unit(rest).ok_or(ParseError::new(EXPECTED))?;
            let unit_end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
            let (unit, after) = tail.split_at(unit_end);
            if unit.is_empty() {
                let hint = format!("write the unit: {text}s");
                return Err(ParseError::with_hint(EXPECTED, hint));
            }
            let position = UNITS[next_unit..].iter().position(|(name, _)| *name == unit);
            let index = next_unit + position.ok_or(ParseError::new(EXPECTED))?;
            let nanos = value * UNITS[index].1 as f64;
            if nanos >= i64::MAX as f64 {
                return Err(ParseError::with_hint(EXPECTED, "at most 292 years fit"));
            }
            total = total
                .checked_add(nanos.round() as i64)
                .ok_or(ParseError::with_hint(EXPECTED, "at most 292 years fit"))?;
            next_unit = index + 1;
            rest = after;
        }
        Ok(Self(if negative { -total } else { total }))
    }
}

impl fmt::Display for Span {
    /// Prints what [`Span::from_str`] reads: `1h30m`, `1m30s`, `2.5s`, `250ms`, `0s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let mut rest = self.0.unsigned_abs();
        for (name, size) in &UNITS[..3] {
            let count = rest / size.unsigned_abs();
            rest %= size.unsigned_abs();
            if count > 0 {
                write!(f, "{count}{name}")?;
            }
        }
        let (size, name) = match rest {
            0 => return Ok(()),
            1..1_000 => (1, "ns"),
            1_000..1_000_000 => (1_000, "us"),
            1_000_000..1_000_000_000 => (1_000_000, "ms"),
            _ => (1_000_000_000_u64, "s"),
        };
        let digits = size.ilog10() as usize;
        let fraction = format!("{:0digits$}", rest % size);
        match fraction.trim_end_matches('0') {
            "" => write!(f, "{}{name}", rest / size),
            _ if digits == 0 => write!(f, "{rest}{name}"),
            kept => write!(f, "{}.{kept}{name}", rest / size),
        }
    }
}

impl fmt::Display for Time {
    /// Prints the distance from t = 0, e.g. `20m0.5s`; the warm-up is negative.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NEVER { f.write_str("never") } else { Span(self.0).fmt(f) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each text reads as the nanoseconds beside it.
    #[test]
    fn durations_read_as_written() {
        let table = [
            ("0s", 0),
            ("90s", 90 * NANOS_PER_SEC),
            ("1.5s", 1_500_000_000),
            ("1h30m", 5_400 * NANOS_PER_SEC),
            ("250ms", 250_000_000),
            ("-5s", -5 * NANOS_PER_SEC),
            ("2d", 172_800 * NANOS_PER_SEC),
            ("1m0.25s", 60_250_000_000),
        ];
        for (text, nanos) in table {
            assert_eq!(text.parse(), Ok(Span(nanos)), "{text}");
        }
    }

    /// A duration needs units in falling order; everything else is refused, nothing overflows.
    #[test]
    fn other_texts_are_refused() {
        for text in ["", "-", "90", "1:30", "s", "1s1h", "1 s", "1e3s", "1__0s", "01s", "--1s"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
        assert!("1000000000000d".parse::<Span>().is_err());
        assert_eq!("30".parse::<Span>().unwrap_err().hint.unwrap(), "write the unit: 30s");
    }

    /// What is printed reads back as the same span.
    #[test]
    fn printing_reads_back() {
        for nanos in [1, 999, 1_500, 30_000_000, 1_000_000_001, 5_400_000_000_000, -7_250_000_000] {
            let printed = Span(nanos).to_string();
            assert_eq!(printed.parse(), Ok(Span(nanos)), "{printed}");
        }
        assert_eq!(Span::from_secs(5_400).to_string(), "1h30m");
        assert_eq!(Span::from_secs_f64(62.5).to_string(), "1m2.5s");
    }

    /// The grid point at or after an instant, also before the phase.
    #[test]
    fn next_on_grid_never_goes_back() {
        let at = |now: i64| {
            Time::from_secs(now).next_on_grid(Time::from_secs(3), Span::from_secs(10)).whole_secs()
        };
        assert_eq!([at(3), at(4), at(13), at(-8), at(-7)], [3, 13, 13, -7, -7]);
    }
}
