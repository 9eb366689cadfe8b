//! Inputs that nobody knows well, with both ends of what they may be.
//!
//! They are the scenario's own, from `sizing.assumptions`, and those defaults that are guesses
//! whose documentation says between which values they lie.

use std::cmp::Ordering;

use crate::spec::{Leaf, Origin, Range, Refusal, Scalar, Shape, Style, Text, Word, section};
use crate::units::{Bytes, MilliCpu, Rate, Ratio, Span};

use super::checked::Scenario;
use super::item_names::{ItemNames, everywhere};

section! {
    /// An input that may be another one where the system runs.
    pub struct AssumptionSpec {
        /// Where it stands, as for `--set`; `[*]` is every item of a list, for example
        /// `clusters[*].pools[*].visibleMemory`.
        "path" path: Text = required;
        /// The least that it may be, as it would be written there.
        "low" low: EndValue = required;
        /// The most that it may be.
        "high" high: EndValue = required;
    }
}

/// A value as it would be written somewhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndValue(pub String);

impl Scalar for EndValue {
    fn read(word: Word<'_>) -> Result<Self, Refusal> {
        Text::read(Word { style: Style::Quoted, ..word }).map(|text| Self(text.to_string()))
    }

    fn form() -> Shape {
        Shape::Quantity("a value as it would be written at the path")
    }

    fn shown(&self) -> String {
        self.0.clone()
    }

    fn order(&self, _: &Self) -> Option<Ordering> {
        None
    }
}

/// What the scenario says of such an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assumption {
    /// Where it stands.
    pub path: String,
    /// The least that it may be.
    pub low: String,
    /// The most that it may be.
    pub high: String,
}

impl AssumptionSpec {
    /// What it says.
    #[must_use]
    pub fn assumption(&self) -> Assumption {
        Assumption {
            path: self.path.to_string(),
            low: self.low.0.clone(),
            high: self.high.0.clone(),
        }
    }
}

/// An input with both ends of what it may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncertain {
    /// Where it stands; `[*]` is every item of a list.
    pub path: String,
    /// What it is in the scenario; `None` if that is no single value.
    pub value: Option<String>,
    /// The least and the most that it may be.
    pub ends: [String; 2],
    /// Where the ends come from.
    pub source: String,
    /// Whether the scenario states the ends.
    pub is_stated: bool,
    /// The places that it stands for, for `--set`.
    places: Vec<String>,
}

impl Uncertain {
    /// An input with one place, for tests.
    #[cfg(test)]
    #[must_use]
    pub fn at(path: &str, value: &str, ends: [&str; 2]) -> Self {
        Self {
            path: path.to_owned(),
            value: Some(value.to_owned()),
            ends: ends.map(str::to_owned),
            source: "test".to_owned(),
            is_stated: true,
            places: vec![path.to_owned()],
        }
    }

    /// What gives the input one of its ends, for `--set`.
    #[must_use]
    pub fn assignments(&self, end: usize) -> Vec<String> {
        self.places.iter().map(|place| format!("{place}={}", self.ends[end])).collect()
    }

    /// Whether an end is what the scenario has anyway.
    #[must_use]
    pub fn is_value(&self, end: usize) -> bool {
        self.value.as_ref().is_some_and(|value| {
            let end = &self.ends[end];
            end == value || order(end, value) == Some(Ordering::Equal)
        })
    }

    /// # Errors
    /// If an end lies on the wrong side of the other one, or of the value.
    fn checked(self) -> Result<Self, String> {
        let [low, high] = &self.ends;
        let wrong = |what: String| Err(format!("sizing.assumptions: `{}`: {what}", self.path));
        if order(high, low) == Some(Ordering::Less) {
            return wrong(format!("`high` {high} is below `low` {low}; swap the two"));
        }
        if let Some(value) = &self.value {
            let is_outside = order(value, low) == Some(Ordering::Less)
                || order(high, value) == Some(Ordering::Less);
            if is_outside {
                return wrong(format!("the scenario has {value}, outside {low} to {high}"));
            }
        }
        Ok(self)
    }
}

/// The inputs of a scenario that nobody knows well: those stated first, in their order, then
/// guesses among the defaults, by path.
///
/// # Errors
/// Says which of the stated ones is wrong and why.
pub fn uncertain(scenario: &Scenario, stated: &[Assumption]) -> Result<Vec<Uncertain>, String> {
    let leaves = scenario.explained();
    let names = ItemNames::among(leaves);
    let mut found: Vec<Uncertain> = Vec::new();
    for assumption in stated {
        let at: Vec<&Leaf> = leaves
            .iter()
            .filter(|leaf| stands_for(&assumption.path, &leaf.place.path, &names))
            .collect();
        let mut places: Vec<String> = at.iter().map(|leaf| leaf.place.path.to_string()).collect();
        if places.is_empty() && assumption.path.contains("[*]") {
            let path = &assumption.path;
            return Err(format!("sizing.assumptions: `{path}`: no such value in the scenario"));
        }
        if places.is_empty() {
            places.push(assumption.path.clone());
        }
        let input = Uncertain {
            path: assumption.path.clone(),
            value: one_value(&at),
            ends: [assumption.low.clone(), assumption.high.clone()],
            source: "sizing.assumptions".to_owned(),
            is_stated: true,
            places,
        };
        found.push(input.checked()?);
    }
    let mut guesses = guesses(scenario, &names, |place| {
        found.iter().flat_map(|input| &input.places).any(|known| known == place)
    });
    guesses.sort_by(|left, right| left.path.cmp(&right.path));
    found.append(&mut guesses);
    Ok(found)
}

/// The guesses among the defaults whose documentation says between which values they lie.
fn guesses(
    scenario: &Scenario,
    names: &ItemNames<'_>,
    is_stated: impl Fn(&str) -> bool,
) -> Vec<Uncertain> {
    let used: Vec<String> = scenario.assumptions().into_iter().map(|(path, _)| path).collect();
    let mut found: Vec<Uncertain> = Vec::new();
    for leaf in scenario.explained() {
        let Origin::Assumed { source, plausible: Some(Range { least, most }) } = leaf.origin else {
            continue;
        };
        let place = leaf.place.path.to_string();
        if is_stated(&place) || !used.contains(&place) {
            continue;
        }
        let path = everywhere(&names.path(&place));
        match found.iter_mut().find(|input| input.path == path) {
            Some(input) => input.places.push(place),
            None => found.push(Uncertain {
                path,
                value: Some(leaf.shown.clone()),
                ends: [least.to_owned(), most.to_owned()],
                source: source.to_owned(),
                is_stated: false,
                places: vec![place],
            }),
        }
    }
    found
}

/// The value of all these, if it is the same.
fn one_value(leaves: &[&Leaf]) -> Option<String> {
    let (first, rest) = leaves.split_first()?;
    rest.iter().all(|leaf| leaf.shown == first.shown).then(|| first.shown.clone())
}

/// Whether a path with `[*]` stands for the place `path`, by numbers or by names.
fn stands_for(pattern: &str, path: &str, names: &ItemNames<'_>) -> bool {
    let named = names.path(path);
    let (mut items, mut named) = (brackets(path), brackets(&named));
    let mut wanted = brackets(pattern);
    loop {
        match (wanted.next(), items.next(), named.next()) {
            (None, None, None) => return true,
            (Some(wanted), Some(item), Some(name)) => {
                let is_any = wanted == "*" && item.bytes().all(|c| c.is_ascii_digit());
                if !is_any && wanted != item && wanted != name {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

/// What stands between and in the brackets of a path.
fn brackets(path: &str) -> std::str::Split<'_, [char; 2]> {
    path.split(['[', ']'])
}

/// The order of two values, if both are written as the same kind of number.
fn order(left: &str, right: &str) -> Option<Ordering> {
    let kinds = [of::<f64>, of::<Span>, of::<Ratio>, of::<Rate>, of::<MilliCpu>, of::<Bytes>];
    kinds.iter().find_map(|of| of(left, right))
}

fn of<T: Scalar>(left: &str, right: &str) -> Option<Ordering> {
    let read = |text| T::read(Word { text, style: Style::Plain }).ok();
    read(left)?.order(&read(right)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values are compared as what both are; what is nothing of the same kind has no order.
    #[test]
    fn values_have_an_order() {
        use Ordering::{Equal, Greater, Less};
        for (left, right, expected) in [
            ("2", "10", Some(Less)),
            ("90s", "1m", Some(Greater)),
            ("60s", "1m", Some(Equal)),
            ("98%", "100%", Some(Less)),
            ("500m", "2", Some(Less)),
            ("1Gi", "512Mi", Some(Greater)),
            ("60/min", "1/s", Some(Equal)),
            ("2s", "2", None),
            ("freeze", "fail", None),
        ] {
            assert_eq!(order(left, right), expected, "{left} {right}");
        }
    }
}
