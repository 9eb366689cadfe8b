//! CPU in milli-cores, written as a Kubernetes quantity: `500m`, `2`, `0.5`.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul, Sub, SubAssign};
use std::str::FromStr;

use super::{ParseError, number_and_unit};

/// An amount of CPU in milli-cores (1/1000 of a vCPU).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MilliCpu(i64);

impl MilliCpu {
    /// No CPU.
    pub const ZERO: Self = Self(0);

    /// `milli` milli-cores.
    #[must_use]
    pub const fn new(milli: i64) -> Self {
        Self(milli)
    }

    /// The amount in milli-cores.
    #[must_use]
    pub const fn milli(self) -> i64 {
        self.0
    }

    /// The amount in cores.
    #[must_use]
    pub fn cores(self) -> f64 {
        self.0 as f64 / 1_000.0
    }
}

impl Add for MilliCpu {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for MilliCpu {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for MilliCpu {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl SubAssign for MilliCpu {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Mul<i64> for MilliCpu {
    type Output = Self;
    fn mul(self, times: i64) -> Self {
        Self(self.0.saturating_mul(times))
    }
}

impl Sum for MilliCpu {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

const EXPECTED: &str = "an amount of CPU such as 500m, 2 or 0.5";

impl FromStr for MilliCpu {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let milli = match number_and_unit(text) {
            Some((value, "m")) => value,
            Some((value, "")) => value * 1_000.0,
            _ => return Err(ParseError::new(EXPECTED)),
        };
        if milli.fract() != 0.0 || milli.abs() > 1e15 {
            return Err(ParseError::with_hint(EXPECTED, "the finest step is 1m"));
        }
        Ok(Self(milli as i64))
    }
}

impl fmt::Display for MilliCpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 % 1_000 == 0 { write!(f, "{}", self.0 / 1_000) } else { write!(f, "{}m", self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kubernetes' spellings read, and print back the shorter way.
    #[test]
    fn quantities_read_and_print() {
        for (text, milli, printed) in
            [("500m", 500, "500m"), ("2", 2_000, "2"), ("0.5", 500, "500m"), ("0", 0, "0")]
        {
            let cpu: MilliCpu = text.parse().expect(text);
            assert_eq!((cpu.milli(), cpu.to_string().as_str()), (milli, printed));
        }
        for text in ["", "m", "1.5m", "0.0001", "2 cores", "1e3", "1_000m"] {
            assert!(text.parse::<MilliCpu>().is_err(), "{text}");
        }
    }
}
