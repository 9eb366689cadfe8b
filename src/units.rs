//! Unit types, one file each: every quantity of a scenario, a model or a result has one.
//!
//! Control time is exact: integer nanoseconds ([`Time`], [`Span`]). CPU is integer milli-cores
//! ([`MilliCpu`]), memory integer bytes ([`Bytes`]); both parse Kubernetes quantities. [`Ratio`]
//! is written with a percent sign, [`Rate`] with its period, a [`Quantity`] bare. Each parses and
//! prints the same text, and parsing says what was wrong in words for users.

mod bytes;
mod cpu;
mod int_or_percent;
mod quantity;
mod rate;
mod ratio;
mod time;

pub use bytes::Bytes;
pub use cpu::MilliCpu;
pub use int_or_percent::IntOrPercent;
pub use quantity::Quantity;
pub use rate::Rate;
pub use ratio::Ratio;
pub use time::{Span, Time};

/// Why a text is not a quantity: what was expected, in words for users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// What is allowed, e.g. "a duration such as 90s, 10m or 1h30m".
    pub expected: &'static str,
    /// What to change, where that is known, e.g. "write the unit: 30s".
    pub hint: Option<String>,
}

impl ParseError {
    const fn new(expected: &'static str) -> Self {
        Self { expected, hint: None }
    }

    fn with_hint(expected: &'static str, hint: impl Into<String>) -> Self {
        Self { expected, hint: Some(hint.into()) }
    }
}

impl std::fmt::Display for ParseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "expected {}", self.expected)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ParseError {}

/// Splits a number from the unit that follows it: `"1.5Gi"` gives `(1.5, "Gi")`.
///
/// Only plain decimal notation is a number here: digits, at most one point, an optional leading
/// minus, no exponent, no underscore, no leading zero before another digit.
fn number_and_unit(text: &str) -> Option<(f64, &str)> {
    let end = text
        .char_indices()
        .find(|&(i, c)| !(c.is_ascii_digit() || c == '.' || (c == '-' && i == 0)))
        .map_or(text.len(), |(i, _)| i);
    let (number, unit) = text.split_at(end);
    let digits = number.strip_prefix('-').unwrap_or(number);
    let whole = digits.split('.').next().unwrap_or("");
    let has_leading_zero = whole.len() > 1 && whole.starts_with('0');
    let has_open_point = digits.ends_with('.') || digits.matches('.').count() > 1;
    if whole.is_empty() || has_leading_zero || has_open_point {
        return None;
    }
    number.parse().ok().map(|value| (value, unit))
}
