//! Labels of nodes, and the requirements by which pods select nodes.
//!
//! Follows apimachinery/pkg/labels/selector.go for the operators and
//! component-helpers/scheduling/corev1/nodeaffinity for terms: a term holds if all its
//! expressions hold, a list of terms if one of them does. Left out: `matchFields`.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::spec::{
    Code, Decode, Decoder, Diagnostic, Kind, Node, Origin, Refusal, Scalar, Set, Shape, Text, Word,
    choice, section,
};

/// topology.kubernetes.io/zone, e.g. `eastus2-1`.
pub const ZONE: &str = "topology.kubernetes.io/zone";
/// kubernetes.io/hostname, the name of the node.
pub const HOSTNAME: &str = "kubernetes.io/hostname";
/// node.kubernetes.io/instance-type, e.g. `Standard_D8s_v5`.
pub const INSTANCE_TYPE: &str = "node.kubernetes.io/instance-type";
/// What AKS calls the pool of a node; older name.
pub const AGENT_POOL: &str = "agentpool";
/// What AKS calls the pool of a node.
pub const AKS_AGENT_POOL: &str = "kubernetes.azure.com/agentpool";

/// Nodes with this label, whatever its value, do not count when a zone is judged by how many of its
/// nodes are ready (pkg/controller/nodelifecycle: labelNodeDisruptionExclusion).
pub const EXCLUDE_DISRUPTION: &str = "node.kubernetes.io/exclude-disruption";

/// The labels of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(BTreeMap<String, String>);

impl Labels {
    /// Sets a label.
    pub fn set(&mut self, key: &str, value: &str) {
        self.0.insert(key.to_owned(), value.to_owned());
    }

    /// All labels, in order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The value of a label.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }
}

choice! {
    /// How the value of a label is compared.
    pub enum LabelOperator {
        /// It is one of the values.
        "In" => In,
        /// It is none of the values, or there is no such label.
        "NotIn" => NotIn,
        /// There is such a label.
        "Exists" => Exists,
        /// There is no such label.
        "DoesNotExist" => DoesNotExist,
        /// It is a whole number above the one value.
        "Gt" => Gt,
        /// It is a whole number below the one value.
        "Lt" => Lt,
    }
}

/// One expression about a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The label.
    pub key: String,
    /// How it is compared.
    pub operator: LabelOperator,
    /// With what.
    pub values: Vec<String>,
}

impl Requirement {
    /// The label has this value.
    #[must_use]
    pub fn equals(key: &str, value: &str) -> Self {
        let (key, values) = (key.to_owned(), vec![value.to_owned()]);
        Self { key, operator: LabelOperator::In, values }
    }

    /// Whether labels meet it (Requirement.Matches).
    #[must_use]
    pub fn holds(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.key);
        let is_listed = || value.is_some_and(|value| self.values.iter().any(|v| v == value));
        let compared = || {
            let bound: i64 = self.values.first()?.parse().ok()?;
            Some(value?.parse::<i64>().ok()?.cmp(&bound))
        };
        match self.operator {
            LabelOperator::In => is_listed(),
            LabelOperator::NotIn => !is_listed(),
            LabelOperator::Exists => value.is_some(),
            LabelOperator::DoesNotExist => value.is_none(),
            LabelOperator::Gt => compared() == Some(Ordering::Greater),
            LabelOperator::Lt => compared() == Some(Ordering::Less),
        }
    }
}

section! {
    /// One expression about a label of a node.
    pub struct RequirementSpec {
        /// The label, e.g. `topology.kubernetes.io/zone`.
        "key" key: LabelKey = required;
        /// How its value is compared.
        "operator" operator: LabelOperator = required;
        /// With what: some values for `In` and `NotIn`, one for `Gt` and `Lt`, else none.
        "values" values: Vec<LabelValue> = list 0..=64;
    }
    check RequirementSpec::check_values;
}

impl RequirementSpec {
    fn check_values(&self, cx: &mut Decoder<'_>) {
        let given = self.values.len();
        let (right, allowed) = match *self.operator {
            LabelOperator::In | LabelOperator::NotIn => (0 < given, "at least one value"),
            LabelOperator::Exists | LabelOperator::DoesNotExist => (given == 0, "no values"),
            LabelOperator::Gt | LabelOperator::Lt => {
                let number = |value: &LabelValue| value.as_str().parse::<i64>().is_ok();
                (given == 1 && self.values.iter().all(number), "one whole number in quotes")
            }
        };
        if !right {
            let message = format!("`{}` with {given} values", *self.operator);
            let place = self.values.place.clone();
            cx.report(Diagnostic::error(Code::Contradiction, place, message).allowed(allowed));
        }
    }

    /// The expression.
    #[must_use]
    pub fn requirement(&self) -> Requirement {
        Requirement {
            key: self.key.as_str().to_owned(),
            operator: *self.operator,
            values: self.values.iter().map(|value| value.as_str().to_owned()).collect(),
        }
    }
}

/// The key of a label: an optional prefix and slash, then 1 to 63 letters, digits, `-`, `_`, `.`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LabelKey(String);

/// The value of a label: at most 63 letters, digits, `-`, `_` and `.`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LabelValue(String);

fn is_label_part(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let outer = |c: char| c.is_ascii_alphanumeric();
    (1..=63).contains(&text.len())
        && text.chars().all(inner)
        && text.starts_with(outer)
        && text.ends_with(outer)
}

impl LabelKey {
    /// `text` as a key, if it is one.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let right = match text.split_once('/') {
            Some((prefix, name)) => {
                let labels = |part: &str| is_label_part(part);
                prefix.len() <= 253 && prefix.split('.').all(labels) && is_label_part(name)
            }
            None => is_label_part(text),
        };
        right.then(|| Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl LabelValue {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Scalar for LabelKey {
    fn read(word: Word<'_>) -> Result<Self, Refusal> {
        let text = <Text as Scalar>::read(word)?;
        Self::new(&text).ok_or_else(|| Refusal::new(Code::BadName))
    }

    fn form() -> Shape {
        Shape::Text("a label's key such as agentpool or example.com/disk")
    }

    fn shown(&self) -> String {
        self.0.clone()
    }

    fn order(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Scalar for LabelValue {
    fn read(word: Word<'_>) -> Result<Self, Refusal> {
        let text = <Text as Scalar>::read(word)?;
        let right = text.is_empty() || is_label_part(&text);
        right.then(|| Self(text.to_string())).ok_or_else(|| Refusal::new(Code::BadName))
    }

    fn form() -> Shape {
        Shape::Text("a label's value: at most 63 letters, digits, inner -, _ and .")
    }

    fn shown(&self) -> String {
        self.0.clone()
    }

    fn order(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A mapping from labels to values, in the order of the text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabelMap {
    /// The entries; no key occurs twice.
    pub entries: Vec<(Set<LabelKey>, LabelValue)>,
}

impl LabelMap {
    /// Each label as an expression that wants just its value.
    #[must_use]
    pub fn requirements(&self) -> Vec<Requirement> {
        let equals = |(key, value): &(Set<LabelKey>, LabelValue)| {
            Requirement::equals(key.as_str(), value.as_str())
        };
        self.entries.iter().map(equals).collect()
    }
}

impl Decode for LabelMap {
    fn decode(node: &Node, cx: &mut Decoder<'_>) -> Option<Self> {
        let Kind::Mapping(entries) = &node.kind else {
            if node.kind != Kind::Refused {
                let read = format!("read {}", node.described());
                let wrong = Diagnostic::error(Code::WrongType, cx.place(node.span), read);
                cx.report(wrong.allowed(Self::shape().described()));
            }
            return None;
        };
        let mut decoded = Self::default();
        for (key, value) in entries {
            let entry = cx.at_key(&key.text, |cx| {
                let place = cx.place(key.span);
                let value = LabelValue::decode(value, cx);
                let Some(label) = LabelKey::new(&key.text) else {
                    let message = format!("read the label `{}`", key.text);
                    let bad = Diagnostic::error(Code::BadName, place, message);
                    cx.report(bad.allowed(LabelKey::form().described()));
                    return None;
                };
                Some((Set { value: label, place, origin: Origin::Given }, value?))
            });
            decoded.entries.extend(entry);
        }
        (decoded.entries.len() == entries.len()).then_some(decoded)
    }

    fn shape() -> Shape {
        Shape::NameMap(Box::new(LabelValue::form()))
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::decode_text;

    /// One row per operator and case: apimachinery's selector_test.go, TestRequirementMatches in
    /// outline, on a node labelled `disk: ssd, cores: 8`.
    #[test]
    fn operators_compare_labels() {
        use LabelOperator::{DoesNotExist, Exists, Gt, In, Lt, NotIn};
        let mut labels = Labels::default();
        labels.set("disk", "ssd");
        labels.set("cores", "8");
        for (key, operator, values, expected) in [
            ("disk", In, vec!["hdd", "ssd"], true),
            ("disk", In, vec!["hdd"], false),
            ("gpu", In, vec!["yes"], false),
            ("disk", NotIn, vec!["ssd"], false),
            ("disk", NotIn, vec!["hdd"], true),
            ("gpu", NotIn, vec!["yes"], true),
            ("disk", Exists, vec![], true),
            ("gpu", Exists, vec![], false),
            ("disk", DoesNotExist, vec![], false),
            ("gpu", DoesNotExist, vec![], true),
            ("cores", Gt, vec!["7"], true),
            ("cores", Gt, vec!["8"], false),
            ("cores", Lt, vec!["9"], true),
            ("cores", Lt, vec!["8"], false),
            ("disk", Gt, vec!["1"], false),
            ("gpu", Lt, vec!["1"], false),
        ] {
            let values = values.into_iter().map(str::to_owned).collect();
            let requirement = Requirement { key: key.to_owned(), operator, values };
            assert_eq!(requirement.holds(&labels), expected, "{requirement:?}");
        }
    }

    /// Keys and values are those that Kubernetes takes; operators want their number of values.
    #[test]
    fn labels_are_validated() {
        assert!(decode_text::<LabelMap>("{example.com/disk: ssd, empty: \"\"}").is_ok());
        assert!(decode_text::<LabelMap>("{-disk: ssd}").is_err());
        assert!(decode_text::<LabelMap>("{a/b/c: ssd}").is_err());
        assert!(decode_text::<LabelMap>("{disk: 'a b'}").is_err());
        for (text, right) in [
            ("{key: disk, operator: In, values: [ssd]}", true),
            ("{key: disk, operator: In}", false),
            ("{key: disk, operator: Exists}", true),
            ("{key: disk, operator: Exists, values: [ssd]}", false),
            ("{key: cores, operator: Gt, values: ['4']}", true),
            ("{key: cores, operator: Gt, values: [four]}", false),
        ] {
            assert_eq!(decode_text::<RequirementSpec>(text).is_ok(), right, "{text}");
        }
    }
}
