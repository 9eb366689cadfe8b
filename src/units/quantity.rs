//! A plain Kubernetes quantity in milli-units, as metrics and their targets have: `500m`, `2k`.

use std::fmt;
use std::str::FromStr;

use super::{ParseError, number_and_unit};

/// A value of a metric in thousandths, the finest step that an HPA computes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Quantity(i64);

impl Quantity {
    /// `milli` thousandths.
    #[must_use]
    pub const fn from_milli(milli: i64) -> Self {
        Self(milli)
    }

    /// The value in thousandths.
    #[must_use]
    pub const fn milli(self) -> i64 {
        self.0
    }

    /// The value.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0 as f64 / 1_000.0
    }
}

const EXPECTED: &str = "a quantity such as 100, 0.5, 500m, 2k or 512Mi";

const UNITS: [(&str, i64); 10] = [
    ("m", 1),
    ("", 1_000),
    ("k", 1_000_000),
    ("M", 1_000_000_000),
    ("G", 1_000_000_000_000),
    ("T", 1_000_000_000_000_000),
    ("Ki", 1_000 << 10),
    ("Mi", 1_000 << 20),
    ("Gi", 1_000 << 30),
    ("Ti", 1_000 << 40),
];

impl FromStr for Quantity {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let (value, unit) = number_and_unit(text).ok_or(ParseError::new(EXPECTED))?;
        let size = UNITS.iter().find(|(name, _)| *name == unit);
        let (_, size) = size.ok_or(ParseError::new(EXPECTED))?;
        // Kubernetes rounds up what is finer than a thousandth (resource.Quantity.MilliValue).
        let milli = (value * *size as f64).ceil();
        if milli.abs() > 9e18 {
            return Err(ParseError::with_hint(EXPECTED, "at most 9e15"));
        }
        Ok(Self(milli as i64))
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = UNITS.iter().rev().find(|(_, size)| self.0 != 0 && self.0 % size == 0);
        let (name, size) = exact.copied().unwrap_or(("", 1_000));
        write!(f, "{}{name}", self.0 / size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kubernetes' spellings read, and print back in the largest exact unit.
    #[test]
    fn quantities_read_and_print() {
        for (text, milli, printed) in [
            ("100", 100_000, "100"),
            ("500m", 500, "500m"),
            ("0.5", 500, "500m"),
            ("2k", 2_000_000, "2k"),
            ("2000", 2_000_000, "2k"),
            ("512Mi", 512_000 << 20, "512Mi"),
            ("0", 0, "0"),
            ("0.0001", 1, "1m"),
        ] {
            let quantity: Quantity = text.parse().expect(text);
            assert_eq!((quantity.milli(), quantity.to_string().as_str()), (milli, printed));
        }
        for text in ["", "k", "1 k", "10%", "1e3", "9999999T"] {
            assert!(text.parse::<Quantity>().is_err(), "{text}");
        }
    }
}
