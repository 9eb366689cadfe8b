//! Memory and sizes in bytes, written as a Kubernetes quantity: `128Mi`, `1Gi`, `500M`.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul, Sub, SubAssign};
use std::str::FromStr;

use super::{ParseError, number_and_unit};

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bytes(i64);

impl Bytes {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// `bytes` bytes.
    #[must_use]
    pub const fn new(bytes: i64) -> Self {
        Self(bytes)
    }

    /// `mib` mebibytes.
    #[must_use]
    pub const fn from_mib(mib: i64) -> Self {
        Self(mib << 20)
    }

    /// The number of bytes.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl Add for Bytes {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Bytes {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Bytes {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl SubAssign for Bytes {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Mul<i64> for Bytes {
    type Output = Self;
    fn mul(self, times: i64) -> Self {
        Self(self.0.saturating_mul(times))
    }
}

impl Sum for Bytes {
    fn sum<I: Iterator<Item = Self>>(sizes: I) -> Self {
        sizes.fold(Self::ZERO, Add::add)
    }
}

const EXPECTED: &str = "a size such as 128Mi, 1Gi or 500M";

const UNITS: [(&str, i64); 9] = [
    ("Ti", 1 << 40),
    ("Gi", 1 << 30),
    ("Mi", 1 << 20),
    ("Ki", 1 << 10),
    ("T", 1_000_000_000_000),
    ("G", 1_000_000_000),
    ("M", 1_000_000),
    ("k", 1_000),
    ("", 1),
];

impl FromStr for Bytes {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let (value, unit) = number_and_unit(text).ok_or(ParseError::new(EXPECTED))?;
        let size = UNITS.iter().find(|(name, _)| *name == unit);
        let (_, size) = size.ok_or(ParseError::new(EXPECTED))?;
        let bytes = (value * *size as f64).ceil();
        if bytes.abs() > 1e18 {
            return Err(ParseError::with_hint(EXPECTED, "at most 1e18 bytes"));
        }
        Ok(Self(bytes as i64))
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = UNITS.iter().find(|(_, size)| self.0 != 0 && self.0 % size == 0);
        let (name, size) = exact.copied().unwrap_or(("", 1));
        write!(f, "{}{name}", self.0 / size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Binary and decimal suffixes read, and print back in the largest exact unit.
    #[test]
    fn sizes_read_and_print() {
        for (text, bytes, printed) in [
            ("128Mi", 128 << 20, "128Mi"),
            ("1.5Gi", 3 << 29, "1536Mi"),
            ("500M", 500_000_000, "500M"),
            ("0", 0, "0"),
            ("1024", 1024, "1Ki"),
        ] {
            let size: Bytes = text.parse().expect(text);
            assert_eq!((size.get(), size.to_string().as_str()), (bytes, printed));
        }
        for text in ["", "Mi", "1 Gi", "1GB", "99999999Ti"] {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
    }
}
