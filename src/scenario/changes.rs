//! What differs between two scenarios: every value that one has and the other has not, or has
//! otherwise. Values that rules derive are left out: they follow from the others.

use std::collections::BTreeMap;

use crate::spec::{Leaf, Origin};

use super::checked::Scenario;
use super::item_names::ItemNames;

/// A value that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where it stands, as `--set` understands it.
    pub path: String,
    /// What it was; `None` if there was none.
    pub before: Option<String>,
    /// What it is; `None` if there is none any more.
    pub after: Option<String>,
}

/// The values that differ between `before` and `after`, by their paths.
#[must_use]
pub fn changes(before: &Scenario, after: &Scenario) -> Vec<Change> {
    between(&values(before.explained()), &values(after.explained()))
}

fn between(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<Change> {
    let change = |path: &String| Change {
        path: path.clone(),
        before: before.get(path).cloned(),
        after: after.get(path).cloned(),
    };
    let new = after.keys().filter(|path| !before.contains_key(*path));
    let mut changes: Vec<Change> = before.keys().chain(new).map(change).collect();
    changes.retain(|change| change.before != change.after);
    changes.sort_by(|left, right| left.path.cmp(&right.path));
    changes
}

/// The values by path; what stands at one path several times is joined.
fn values(leaves: &[Leaf]) -> BTreeMap<String, String> {
    let names = ItemNames::among(leaves);
    let mut values: BTreeMap<String, String> = BTreeMap::new();
    for leaf in leaves.iter().filter(|leaf| !matches!(leaf.origin, Origin::Derived { .. })) {
        let value = values.entry(names.path(&leaf.place.path)).or_default();
        if value.is_empty() {
            value.clone_from(&leaf.shown);
        } else if !value.split(", ").any(|known| known == leaf.shown) {
            *value += &format!(", {}", leaf.shown);
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::spec::{Place, SourceSpan};

    fn leaf(path: &str, shown: &str) -> Leaf {
        let place = Place::new(SourceSpan::default(), path);
        Leaf { place, shown: shown.to_owned(), origin: Origin::Given }
    }

    /// A value that changed, one that came and one that went are named by the items' names; a
    /// list in another order is no change, and what a rule derives is none either.
    #[test]
    fn changes_are_named() {
        let before = [
            leaf("pools[0].name", "user"),
            leaf("pools[0].minCount", "3"),
            leaf("pools[1].name", "system"),
            leaf("pools[1].minCount", "1"),
            leaf("run.seed", "1"),
        ];
        let derived = Leaf { origin: Origin::Derived { rule: "" }, ..leaf("x", "1") };
        let after = [
            leaf("pools[0].name", "system"),
            leaf("pools[0].minCount", "1"),
            leaf("pools[1].name", "user"),
            leaf("pools[1].minCount", "4"),
            leaf("run.objective", "99%"),
            derived,
        ];
        let change = |path: &str, before: Option<&str>, after: Option<&str>| Change {
            path: path.to_owned(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
        };
        assert_eq!(
            between(&values(&before), &values(&after)),
            [
                change("pools[user].minCount", Some("3"), Some("4")),
                change("run.objective", None, Some("99%")),
                change("run.seed", Some("1"), None),
            ]
        );
    }
}
