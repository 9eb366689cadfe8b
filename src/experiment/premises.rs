//! What a result rests on, for its report: `premises.json` of a result folder, as plain data.
//!
//! The question, what must be met, how well the system stands still, and every value that nobody
//! stated, with its source and how far to trust it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::spec::{Leaf, Origin};

use crate::scenario::Scenario;
use crate::scenario::item_names::{ItemNames, everywhere};

use super::stability::Stability;

/// Name of the schema that [`Premises`] follow.
pub const SCHEMA: &str = "tideover/premises/v1";

/// What a result rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Premises {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The question that the scenario answers, if it states one.
    pub question: Option<String>,
    /// The scenario's objectives.
    pub objectives: Vec<String>,
    /// The grade of static stability in words, if something fails and it was found.
    pub stability: Option<String>,
    /// How many values the scenario states itself.
    pub n_stated: u64,
    /// The values that it does not state, the least certain first.
    pub assumptions: Vec<Assumption>,
}

/// A value that the scenario does not state.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Assumption {
    /// How far to trust it.
    pub confidence: Confidence,
    /// Where it stands, as `--set` understands it; `[*]` is every place where it holds.
    pub path: String,
    /// The value.
    pub value: String,
    /// Where it comes from.
    pub source: String,
}

/// How far to trust a value that the scenario does not state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// A guess: nobody published it.
    Low,
    /// An ordinary value, which may be another one where the system runs.
    Medium,
    /// Documented, or read from the source of the system that is simulated.
    High,
}

impl Premises {
    /// The premises of a scenario.
    #[must_use]
    pub fn new(scenario: &Scenario, stability: Option<&Stability>) -> Self {
        let leaves = scenario.explained();
        let names = ItemNames::among(leaves);
        let n_stated = leaves.iter().filter(|leaf| leaf.origin == Origin::Given).count();
        let is_guess = |leaf: &Leaf| matches!(leaf.origin, Origin::Assumed { .. });
        let used: BTreeSet<String> =
            scenario.assumptions().into_iter().map(|(path, _)| path).collect();
        let counts = |leaf: &&Leaf| !is_guess(leaf) || used.contains(&*leaf.place.path);
        let assumptions = leaves.iter().filter(counts).filter_map(|leaf| {
            let (confidence, source) = trusted(leaf.origin)?;
            let path = everywhere(&names.path(&leaf.place.path));
            Some(Assumption { confidence, path, value: leaf.shown.clone(), source })
        });
        let assumptions: BTreeSet<Assumption> = assumptions.collect();
        Self {
            schema: SCHEMA.to_owned(),
            question: Some(scenario.question()).filter(|it| !it.is_empty()).map(str::to_owned),
            objectives: scenario.objectives().iter().map(|it| it.value.to_string()).collect(),
            stability: stability.map(Stability::to_string),
            n_stated: n_stated as u64,
            assumptions: assumptions.into_iter().collect(),
        }
    }
}

/// How far to trust a value of that origin, and its source; `None` for what the scenario states or
/// what follows from other values.
fn trusted(origin: Origin) -> Option<(Confidence, String)> {
    let ordinary = |source: &str| {
        let is_assumed = source.starts_with("assumed") || source.contains("left out");
        if is_assumed { Confidence::Medium } else { Confidence::High }
    };
    match origin {
        Origin::Assumed { source, .. } => Some((Confidence::Low, source.to_owned())),
        Origin::Default { source } => Some((ordinary(source), source.to_owned())),
        Origin::Profile { name, source } => {
            Some((ordinary(source), format!("profile {name}: {source}")))
        }
        Origin::Derived { rule } if rule.starts_with("left out") => {
            Some((Confidence::Medium, rule.to_owned()))
        }
        Origin::Given | Origin::Derived { .. } | Origin::Absent => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Guesses have low confidence, ordinary values a medium one, documented ones a high one; what
    /// was stated or follows from it is no assumption.
    #[test]
    fn confidence_follows_the_source() {
        use Confidence::{High, Low, Medium};
        let default = |source| Origin::Default { source };
        for (rule, origin, confidence) in [
            (
                "nobody publishes it",
                Origin::Assumed { source: "tried out", plausible: None },
                Some(Low),
            ),
            ("documented", default("autoscaler config/flags/flags.go"), Some(High)),
            ("an ordinary value", default("assumed: registry in the same region"), Some(Medium)),
            (
                "by a profile",
                Origin::Profile { name: "aks", source: "aks-docs: default" },
                Some(High),
            ),
            ("a law left out", Origin::Derived { rule: "left out: assumed" }, Some(Medium)),
            ("a rule", Origin::Derived { rule: "f = sampleSize + 1" }, None),
            ("stated", Origin::Given, None),
            ("not set", Origin::Absent, None),
        ] {
            assert_eq!(trusted(origin).map(|(found, _)| found), confidence, "{rule}");
        }
    }
}
