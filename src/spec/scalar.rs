//! Scalars, strictly: one word or number each, with exactly one way to read it.
//!
//! Booleans are `true` and `false`; whole numbers plain decimals; numbers finite. Everything that
//! YAML dialects read differently (`yes`, `010`, `0x10`, `1_000`, `1:30`, `3.0` for a count) is
//! refused with the reason and what to type.

use std::cmp::Ordering;

use super::decode::{Decode, Decoder};
use super::diagnostic::{Code, Diagnostic};
use super::node::{Kind, Node, Style, is_null, shortened};
use super::section::Shape;
use crate::units::{Bytes, IntOrPercent, MilliCpu, ParseError, Quantity, Rate, Ratio, Span};

/// The text of a scalar and how it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word<'t> {
    /// The text without quotes.
    pub text: &'t str,
    /// Whether it stood in quotes.
    pub style: Style,
}

/// Why a scalar is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The kind of the mistake.
    pub code: Code,
    /// What is wrong with what was read, or nothing if the text speaks for itself.
    pub reason: Option<String>,
    /// What is allowed, where the field declares no range of its own.
    pub allowed: Option<String>,
    /// What to type.
    pub help: Option<String>,
}

impl Refusal {
    /// A refusal that the text itself explains.
    #[must_use]
    pub const fn new(code: Code) -> Self {
        Self { code, reason: None, allowed: None, help: None }
    }

    /// Adds what is wrong.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Adds what to type.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// A type that is written as one word or number.
pub trait Scalar: Sized {
    /// Reads one scalar.
    ///
    /// # Errors
    /// Why it is not a `Self`.
    fn read(word: Word<'_>) -> Result<Self, Refusal>;

    /// What may be written.
    fn form() -> Shape;

    /// The value as it would be written.
    fn shown(&self) -> String;

    /// The order of two values, by which ranges are checked; `None` for unordered types.
    fn order(&self, other: &Self) -> Option<Ordering>;
}

impl<T: Scalar> Decode for T {
    fn decode(node: &Node, cx: &mut Decoder<'_>) -> Option<Self> {
        let Kind::Scalar { text, style } = &node.kind else {
            if node.kind != Kind::Refused {
                cx.wrong_type(node, &T::form().described());
            }
            return None;
        };
        if *style == Style::Plain && is_null(text) {
            cx.wrong_type(node, &T::form().described());
            return None;
        }
        let value = match T::read(Word { text, style: *style }) {
            Ok(value) => value,
            Err(refusal) => {
                refuse::<T>(refusal, node, cx);
                return None;
            }
        };
        if !in_range(&value, node, cx) {
            return None;
        }
        cx.leaf(node.span, &value.shown());
        Some(value)
    }

    fn shape() -> Shape {
        T::form()
    }
}

fn refuse<T: Scalar>(refusal: Refusal, node: &Node, cx: &mut Decoder<'_>) {
    let message = match &refusal.reason {
        Some(reason) => format!("read {}: {reason}", node.described()),
        None => format!("read {}", node.described()),
    };
    let form = T::form().described();
    let allowed = match cx.range() {
        Some(range) => format!("{form}, from {} to {}", range.least, range.most),
        None => refusal.allowed.unwrap_or(form),
    };
    let mut diagnostic =
        Diagnostic::error(refusal.code, cx.place(node.span), message).allowed(allowed);
    diagnostic.help = refusal.help;
    cx.report(diagnostic);
}

fn in_range<T: Scalar>(value: &T, node: &Node, cx: &mut Decoder<'_>) -> bool {
    let Some(range) = cx.range() else { return true };
    let bound = |text| T::read(Word { text, style: Style::Plain }).expect("a declared bound reads");
    let (least, most) = (bound(range.least), bound(range.most));
    let inside = least.order(value).is_some_and(Ordering::is_le)
        && value.order(&most).is_some_and(Ordering::is_le);
    if !inside {
        let message = format!("read {}", node.described());
        let outside = Diagnostic::error(Code::OutOfRange, cx.place(node.span), message)
            .allowed(format!("{} to {}", range.least, range.most));
        cx.report(outside);
    }
    inside
}

impl Scalar for bool {
    fn read(word: Word<'_>) -> Result<Self, Refusal> {
        match (word.text, word.style) {
            ("true", Style::Plain) => Ok(true),
            ("false", Style::Plain) => Ok(false),
            ("true" | "false", Style::Quoted) => Err(Refusal::new(Code::WrongType)
                .because("a text, not a boolean")
                .help(format!("write {} without quotes", word.text))),
            (other, _) => match other.to_ascii_lowercase().as_str() {
                "yes" | "on" | "y" | "true" => {
                    Err(Refusal::new(Code::AmbiguousScalar).help("write true"))
                }
                "no" | "off" | "n" | "false" => {
                    Err(Refusal::new(Code::AmbiguousScalar).help("write false"))
                }
                _ => Err(Refusal::new(Code::WrongType)),
            },
        }
    }

    fn form() -> Shape {
        Shape::Boolean
    }

    fn shown(&self) -> String {
        self.to_string()
    }

    fn order(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What is wrong with `word` as a plain decimal number, if anything; `whole` wants no fraction.
fn number_mistake(word: Word<'_>, whole: bool) -> Option<Refusal> {
    let text = word.text;
    let digits = text.strip_prefix('-').unwrap_or(text);
    let not_a_number = Refusal::new(Code::NotANumber);
    if word.style == Style::Quoted {
        return Some(Refusal::new(Code::WrongType).because("a text").help("remove the quotes"));
    }
    if is_not_finite(text) {
        return Some(Refusal::new(Code::NotFinite).because("not a finite number"));
    }
    let all_of = |allowed: &str| digits.chars().all(|c| c.is_ascii_digit() || allowed.contains(c));
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return Some(match digits.strip_prefix('+') {
            Some(rest) => not_a_number.because("a plus sign").help(format!("write {rest}")),
            None if digits.starts_with('.') => not_a_number.help("write the zero before the point"),
            None => not_a_number,
        });
    }
    if all_of("_") && digits.contains('_') {
        let plain = text.replace('_', "");
        return Some(not_a_number.because("an underscore").help(format!("write {plain}")));
    }
    if all_of(",") && digits.contains(',') {
        let help = if whole { text.replace(',', "") } else { text.replace(',', ".") };
        return Some(not_a_number.because("a comma").help(format!("write {help}")));
    }
    if all_of(":") && digits.contains(':') {
        return Some(not_a_number.because("base 60 in some YAML dialects"));
    }
    if digits.len() > 1 && digits.starts_with("0x") | digits.starts_with("0o") {
        let help =
            match i64::from_str_radix(&digits[2..], if &digits[1..2] == "x" { 16 } else { 8 }) {
                Ok(value) => format!("write {value}"),
                Err(_) => "write a decimal number".to_owned(),
            };
        return Some(Refusal::new(Code::AmbiguousScalar).because("not decimal").help(help));
    }
    let second = digits.as_bytes().get(1).copied().unwrap_or(b'.');
    if digits.starts_with('0') && second.is_ascii_digit() {
        let plain = digits.trim_start_matches('0');
        return Some(
            Refusal::new(Code::AmbiguousScalar)
                .because("a leading zero is octal in some YAML dialects")
                .help(format!("write {plain}")),
        );
    }
    if whole && !all_of("") {
        return Some(match digits.parse::<f64>() {
            Ok(value) if value.fract() == 0.0 && value < 1e15 => Refusal::new(Code::NotANumber)
                .because("not a whole number as written")
                .help(format!("write {}{value}", &text[..text.len() - digits.len()])),
            Ok(_) => not_a_number.because("not a whole number"),
            Err(_) => not_a_number,
        });
    }
    None
}

/// Whether `text` is one of the ways to write infinity or "not a number".
fn is_not_finite(text: &str) -> bool {
    let bare = text.trim_start_matches(['-', '+', '.']).to_ascii_lowercase();
    matches!(bare.as_str(), "nan" | "inf" | "infinity")
}

macro_rules! whole_number {
    ($($ty:ty),*) => {$(
        impl Scalar for $ty {
            fn read(word: Word<'_>) -> Result<Self, Refusal> {
                if let Some(mistake) = number_mistake(word, true) {
                    return Err(mistake);
                }
                // The text is decimal digits with at most one minus: only its size can be wrong.
                word.text.parse().map_err(|_| {
                    let bounds = format!("a whole number, from {} to {}", <$ty>::MIN, <$ty>::MAX);
                    Refusal { allowed: Some(bounds), ..Refusal::new(Code::OutOfRange) }
                })
            }

            fn form() -> Shape {
                Shape::Integer
            }

            fn shown(&self) -> String {
                self.to_string()
            }

            fn order(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }
    )*};
}

whole_number!(u8, u16, u32, u64, i32, i64, usize);

impl Scalar for f64 {
    fn read(word: Word<'_>) -> Result<Self, Refusal> {
        if let Some(mistake) = number_mistake(word, false) {
            return Err(mistake);
        }
        let value: Self = word.text.parse().map_err(|_| Refusal::new(Code::NotANumber))?;
        if !value.is_finite() {
            return Err(Refusal::new(Code::NotFinite).because("too large for a number"));
        }
        let mantissa = word.text.split(['e', 'E']).next().unwrap_or("");
        let written_zero = !mantissa.contains(|c: char| ('1'..='9').contains(&c));
        if value.is_subnormal() || (value == 0.0 && !written_zero) {
            let refusal = Refusal::new(Code::NotFinite).because("too small for a number");
            return Err(refusal.help("write 0"));
        }
        if value == 0.0 && value.is_sign_negative() {
            return Err(Refusal::new(Code::OutOfRange).because("negative zero").help("write 0"));
        }
        Ok(value)
    }

    fn form() -> Shape {
        Shape::Number
    }

    fn shown(&self) -> String {
        self.to_string()
    }

    fn order(&self, other: &Self) -> Option<Ordering> {
        self.partial_cmp(other)
    }
}

macro_rules! quantity {
    ($($ty:ty: $expected:literal),*) => {$(
        impl Scalar for $ty {
            fn read(word: Word<'_>) -> Result<Self, Refusal> {
                word.text.parse().map_err(|error| quantity_refusal(word.text, error))
            }

            fn form() -> Shape {
                Shape::Quantity($expected)
            }

            fn shown(&self) -> String {
                self.to_string()
            }

            fn order(&self, other: &Self) -> Option<Ordering> {
                self.partial_cmp(other)
            }
        }
    )*};
}

quantity! {
    Span: "a duration such as 250ms, 90s, 10m, 1h30m or 2d",
    MilliCpu: "a CPU quantity such as 500m, 2 or 0.5",
    Bytes: "a size such as 128Mi, 1Gi or 500M",
    Ratio: "a percentage such as 70% or 99.9%",
    IntOrPercent: "a number of pods or a percentage of whole numbers, such as 2 or 25%",
    Rate: "a rate such as 120/s, 6000/min or 1.5/h",
    Quantity: "a quantity such as 100, 0.5, 500m, 2k or 512Mi"
}

fn quantity_refusal(text: &str, error: ParseError) -> Refusal {
    let code = if is_not_finite(text) { Code::NotFinite } else { Code::BadUnit };
    Refusal { help: error.hint, ..Refusal::new(code) }
}

/// Whether YAML dialects may read the plain scalar `text` as something else than a text:
/// a boolean, a number, a date or nothing.
#[must_use]
pub(super) fn is_ambiguous(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let word = matches!(
        lower.as_str(),
        "" | "~" | "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n"
    );
    let numeric = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c))
        && (text.parse::<f64>().is_ok()
            || text.chars().all(|c| c.is_ascii_digit() || "+-._:,".contains(c))
            || lower.starts_with("0x") && lower[2..].chars().all(|c| c.is_ascii_hexdigit())
            || lower.starts_with("0o") && lower[2..].chars().all(|c| c.is_digit(8)));
    word || numeric || is_not_finite(text)
}

/// `text` for a message, cut where it is long.
pub(super) fn quoted(text: &str) -> String {
    format!("`{}`", shortened(text))
}
