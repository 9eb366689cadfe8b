//! How demand grows: until when a design is enough.

use std::cmp::Ordering;
use std::fmt;

use crate::sim::maths;
use crate::spec::{Code, Decoder, Diagnostic, Refusal, Scalar, Shape, Word, section};
use crate::units::Ratio;

section! {
    /// How demand grows.
    pub struct GrowthSpec {
        /// By how much a month; each month on top of the one before.
        "perMonth" per_month: Option<Ratio> = optional, range "0.01%"..="1000%";
        /// By how much a year, evenly over its months, instead.
        "perYear" per_year: Option<Ratio> = optional, range "0.01%"..="1000%";
        /// The month whose demand the scenario has, such as 2026-11.
        "from" from: Month = required;
    }
    check GrowthSpec::check_rate;
}

impl GrowthSpec {
    fn check_rate(&self, cx: &mut Decoder<'_>) {
        if self.per_month.is_some() == self.per_year.is_some() {
            let message = "`perMonth` and `perYear`: one of them says how demand grows";
            let place = self.from.place.clone();
            let wrong = Diagnostic::error(Code::Contradiction, place, message);
            cx.report(wrong.allowed("one of the two").help("write `perMonth: 3%`"));
        }
    }

    /// What it says.
    #[must_use]
    pub fn growth(&self) -> Growth {
        let of = |rate: Option<Ratio>| rate.map_or(0.0, Ratio::get);
        let (month, year) = (of(*self.per_month), of(*self.per_year));
        let words = match (*self.per_month, *self.per_year) {
            (Some(rate), _) => format!("{rate} a month"),
            (None, Some(rate)) => format!("{rate} a year"),
            (None, None) => "0% a month".to_owned(),
        };
        let log_a_month = maths::ln_1p(month) + maths::ln_1p(year) / 12.0;
        Growth { log_a_month, from: *self.from, words }
    }
}

/// A month of a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(u32);

impl Month {
    /// So many months later.
    #[must_use]
    pub const fn plus(self, months: u32) -> Self {
        Self(self.0 + months)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0 / 12, self.0 % 12 + 1)
    }
}

impl Scalar for Month {
    fn read(word: Word<'_>) -> Result<Self, Refusal> {
        let digits = |text: &str, length: usize| {
            let is_number = text.len() == length && text.bytes().all(|c| c.is_ascii_digit());
            is_number.then(|| text.parse::<u32>().ok()).flatten()
        };
        let read = word.text.split_once('-').and_then(|(year, month)| {
            let month = digits(month, 2).filter(|month| (1..=12).contains(month))?;
            Some(Self(digits(year, 4)? * 12 + month - 1))
        });
        read.ok_or_else(|| Refusal::new(Code::WrongType).help("write year and month: 2026-11"))
    }

    fn form() -> Shape {
        Shape::Text("a month such as 2026-11")
    }

    fn shown(&self) -> String {
        self.to_string()
    }

    fn order(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// How demand grows.
#[derive(Clone, Debug, PartialEq)]
pub struct Growth {
    /// Natural logarithm of the growth of a month.
    log_a_month: f64,
    /// The month whose demand the scenario has.
    pub from: Month,
    /// The rate in words.
    pub words: String,
}

/// Months that are looked ahead.
const MOST_MONTHS: u32 = 1_200;

impl Growth {
    /// The first month whose demand is more than `factor` times that of the first; `None` if that
    /// is over a hundred years ahead.
    #[must_use]
    pub fn outgrows(&self, factor: f64) -> Option<Month> {
        // Twelve months of a twelfth of a year's growth are that year's, but for the last digits.
        let limit = factor * (1.0 + 1e-9);
        let demand = |months: u32| maths::exp(self.log_a_month * f64::from(months));
        let first = (0..MOST_MONTHS).find(|&months| limit < demand(months))?;
        Some(self.from.plus(first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::spec::decode_text;

    /// The month in which demand is more than so many times that of the first, by hand: 1.1 to the
    /// power of 7 is 1.9487, of 8 it is 2.1436; 20 % a year is 1.2 after twelve months to the dot,
    /// so the thirteenth is the first above it.
    #[test]
    fn demand_outgrows_a_factor() {
        for (growth, factor, month) in [
            ("{perMonth: 10%, from: 2026-11}", 2.0, Some("2027-07")),
            ("{perMonth: 10%, from: 2026-11}", 1.1, Some("2027-01")),
            ("{perMonth: 10%, from: 2026-11}", 1.0, Some("2026-12")),
            ("{perMonth: 10%, from: 2026-11}", 0.99, Some("2026-11")),
            ("{perYear: 20%, from: 2026-01}", 1.2, Some("2027-02")),
            ("{perYear: 20%, from: 2026-01}", 1.19, Some("2027-01")),
            ("{perYear: 100%, from: 2026-12}", 8.0, Some("2030-01")),
            ("{perYear: 0.01%, from: 2026-12}", 1.5, None),
        ] {
            let found = decode_text::<GrowthSpec>(growth).unwrap().growth().outgrows(factor);
            assert_eq!(found.map(|month| month.to_string()).as_deref(), month, "{growth} {factor}");
        }
    }

    /// Months and rates that are none are refused with what to write.
    #[test]
    fn wrong_growth_is_refused() {
        for (growth, says) in [
            ("{perMonth: 3%, from: 2026-13}", "write year and month: 2026-11"),
            ("{perMonth: 3%, from: 2026-1}", "write year and month: 2026-11"),
            ("{perMonth: 3%, from: november}", "write year and month: 2026-11"),
            ("{perMonth: 3%, perYear: 3%, from: 2026-11}", "one of them says"),
            ("{from: 2026-11}", "one of them says"),
            ("{perMonth: 3%}", "`from` is missing"),
            ("{perMonth: 0%, from: 2026-11}", "0.01% to 1000%"),
        ] {
            let said = decode_text::<GrowthSpec>(growth).unwrap_err();
            assert!(said.contains(says), "{growth}: {said}");
        }
    }
}
