//! A number of pods or a share of them, as Kubernetes' `maxSurge: 25%` or `minAvailable: 2`.
//!
//! Follows `IntOrString` and `GetScaledValueFromIntOrPercent` of apimachinery's
//! pkg/util/intstr/intstr.go: a percentage is a whole number, and who uses it decides which way
//! it is rounded.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use super::ParseError;

/// An absolute number or a share, as in `maxSurge: 25%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntOrPercent {
    /// A number of pods.
    Int(u32),
    /// A share of the pods \[%\].
    Percent(u32),
}

impl IntOrPercent {
    /// The number of pods out of `total`, a share rounded up.
    #[must_use]
    pub const fn of_rounded_up(self, total: usize) -> usize {
        match self {
            Self::Int(pods) => pods as usize,
            Self::Percent(percent) => (total * percent as usize).div_ceil(100),
        }
    }

    /// The number of pods out of `total`, a share rounded down.
    #[must_use]
    pub const fn of_rounded_down(self, total: usize) -> usize {
        match self {
            Self::Int(pods) => pods as usize,
            Self::Percent(percent) => total * percent as usize / 100,
        }
    }

    /// Whether it is 0 or 0 %.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        matches!(self, Self::Int(0) | Self::Percent(0))
    }

    /// Whether it is a share of more than everything, which makes no sense for what may be
    /// missing.
    #[must_use]
    pub const fn is_more_than_all(self) -> bool {
        matches!(self, Self::Percent(percent) if 100 < percent)
    }
}

/// Numbers compare with numbers, shares with shares.
impl PartialOrd for IntOrPercent {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) | (Self::Percent(a), Self::Percent(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }
}

const EXPECTED: &str = "a number of pods or a percentage of whole numbers, such as 2 or 25%";

impl FromStr for IntOrPercent {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let (digits, percent) = match text.strip_suffix('%') {
            Some(digits) => (digits, true),
            None => (text, false),
        };
        let is_plain = !digits.is_empty()
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && (digits == "0" || !digits.starts_with('0'));
        match digits.parse::<u32>() {
            // As many as a workload may have, or as many percent.
            Ok(value) if is_plain && value <= 100_000 => {
                Ok(if percent { Self::Percent(value) } else { Self::Int(value) })
            }
            _ => Err(ParseError::new(EXPECTED)),
        }
    }
}

impl fmt::Display for IntOrPercent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(pods) => write!(f, "{pods}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Kubernetes reads, and nothing else.
    #[test]
    fn numbers_and_percentages_read_and_print() {
        use IntOrPercent::{Int, Percent};
        for (text, value) in
            [("0", Int(0)), ("3", Int(3)), ("0%", Percent(0)), ("25%", Percent(25))]
        {
            assert_eq!(text.parse(), Ok(value), "{text}");
            assert_eq!(value.to_string(), text);
        }
        for wrong in ["", "%", "-1", "2.5%", "1e2", "03", "+1", "25 %", "100001", "all"] {
            assert!(wrong.parse::<IntOrPercent>().is_err(), "{wrong}");
        }
    }

    /// A share of 5 pods: 50 % is 2.5, 40 % is exactly 2.
    #[test]
    fn shares_round_as_asked() {
        use IntOrPercent::{Int, Percent};
        for (value, up, down) in
            [(Percent(50), 3, 2), (Percent(40), 2, 2), (Percent(1), 1, 0), (Int(9), 9, 9)]
        {
            let rounded = (value.of_rounded_up(5), value.of_rounded_down(5));
            assert_eq!(rounded, (up, down), "{value}");
        }
    }
}
