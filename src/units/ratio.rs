//! Shares and probabilities, written with a percent sign so that 0.5 and 50 cannot be confused.

use std::fmt;
use std::str::FromStr;

use super::{ParseError, number_and_unit};

/// A dimensionless ratio; 1 is 100 %. Always finite.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Default)]
pub struct Ratio(f64);

impl Ratio {
    /// The ratio `value`, 1 being 100 %.
    ///
    /// # Panics
    /// If `value` is not finite.
    #[must_use]
    pub const fn new(value: f64) -> Self {
        assert!(value.is_finite(), "a ratio is finite");
        Self(value)
    }

    /// The ratio as a number, 1 being 100 %.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }

    /// The ratio in percent.
    #[must_use]
    pub fn percent(self) -> f64 {
        self.0 * 100.0
    }
}

const EXPECTED: &str = "a percentage such as 70% or 99.9%";

impl FromStr for Ratio {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match number_and_unit(text) {
            Some((value, "%")) if value.abs() <= 1e9 => Ok(Self(value / 100.0)),
            Some((value, "")) => {
                let percent = if value.abs() <= 1.0 { value * 100.0 } else { value };
                let hint = format!("write the percent sign: {percent}%");
                Err(ParseError::with_hint(EXPECTED, hint))
            }
            _ => Err(ParseError::new(EXPECTED)),
        }
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Twelve significant digits hide the last-bit noise of the division by 100.
        let percent = format!("{:.10}", self.percent());
        let shown = percent.trim_end_matches('0').trim_end_matches('.');
        write!(f, "{shown}%")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Only percentages read; a bare number gets the hint that its size suggests.
    #[test]
    fn percentages_read_and_print() {
        for (text, value) in [("70%", 0.7), ("99.9%", 0.999), ("0%", 0.0), ("150%", 1.5)] {
            let ratio: Ratio = text.parse().expect(text);
            assert!((ratio.get() - value).abs() < 1e-15, "{text}");
            assert_eq!(ratio.to_string(), text);
        }
        let hint = |text: &str| text.parse::<Ratio>().unwrap_err().hint.unwrap();
        assert_eq!(hint("0.5"), "write the percent sign: 50%");
        assert_eq!(hint("70"), "write the percent sign: 70%");
        assert!("%".parse::<Ratio>().is_err());
    }
}
