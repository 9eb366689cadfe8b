//! Rates of requests, written with their period: `120/s`, `6000/min`.

use std::fmt;
use std::str::FromStr;

use super::{ParseError, number_and_unit};

/// Events a second; finite and never negative.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Default)]
pub struct Rate(f64);

impl Rate {
    /// `per_s` events a second.
    ///
    /// # Panics
    /// If `per_s` is negative or not finite.
    #[must_use]
    pub const fn per_second(per_s: f64) -> Self {
        assert!(per_s.is_finite() && 0.0 <= per_s, "a rate is finite and not negative");
        Self(per_s)
    }

    /// Events a second.
    #[must_use]
    pub const fn per_s(self) -> f64 {
        self.0
    }
}

const EXPECTED: &str = "a rate such as 120/s, 6000/min or 1.5/h";

impl FromStr for Rate {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let (value, unit) = number_and_unit(text).ok_or(ParseError::new(EXPECTED))?;
        let period_s = match unit {
            "/s" => 1.0,
            "/min" => 60.0,
            "/h" => 3_600.0,
            "" => {
                return Err(ParseError::with_hint(EXPECTED, format!("write the period: {text}/s")));
            }
            _ => return Err(ParseError::new(EXPECTED)),
        };
        if !(0.0..=1e15).contains(&value) {
            return Err(ParseError::with_hint(EXPECTED, "a rate is not negative"));
        }
        Ok(Self(value / period_s))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rate needs its period and is never negative.
    #[test]
    fn rates_need_a_period() {
        assert_eq!("120/s".parse(), Ok(Rate(120.0)));
        assert_eq!("6000/min".parse(), Ok(Rate(100.0)));
        assert_eq!(Rate(0.5).to_string(), "0.5/s");
        for text in ["120", "-1/s", "/s", "1/d", "1,5/s", "nan/s", "inf/s"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }
}
