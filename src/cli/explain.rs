//! `check --explain`: every value with its origin, aligned and grouped by section.
//!
//! List items are called by their names, as `--set` understands them, so that a line shows what
//! to type to change it.

use serde::Serialize;

use crate::spec::{Leaf, Origin, SourceId, escaped};

use crate::scenario::Scenario;
use crate::scenario::item_names::ItemNames;

/// Widest column of keys and of values that is kept aligned.
const WIDEST: usize = 40;

/// Every value of the scenario as aligned lines: key, value, origin.
pub(super) fn text(scenario: &Scenario) -> String {
    let mut out = String::new();
    for (section, rows) in &sections(scenario.explained(), |leaf| origin(scenario, leaf)) {
        if !section.is_empty() {
            out += &format!("{}\n", escaped(section));
        }
        let keys = width(rows.iter().map(|row| row.key.as_str()));
        let values = width(rows.iter().map(|row| row.value.as_str()));
        for Row { key, value, origin } in rows {
            let line = format!("  {key:keys$}  {value:values$}  {origin}");
            out += &format!("{}\n", escaped(&line));
        }
        out.push('\n');
    }
    out
}

/// A value as data.
#[derive(Debug, Serialize)]
pub(super) struct Explained {
    path: String,
    value: String,
    /// `given`, `default`, `profile`, `derived` or `absent`.
    origin: &'static str,
    /// The origin in words, with the source of a default and the rule of a derived value.
    source: String,
    /// `low` for a default that is a guess; left out otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<&'static str>,
}

/// Every value of the scenario as data.
pub(super) fn data(scenario: &Scenario) -> Vec<Explained> {
    let leaves = scenario.explained().iter();
    let explained = |leaf: &Leaf| Explained {
        path: leaf.place.path.to_string(),
        value: leaf.shown.clone(),
        origin: origin_word(leaf.origin),
        source: origin(scenario, leaf),
        confidence: matches!(leaf.origin, Origin::Assumed { .. }).then_some("low"),
    };
    leaves.map(explained).collect()
}

/// The origin in words; a value that the scenario file does not state says where it stands.
fn origin(scenario: &Scenario, leaf: &Leaf) -> String {
    let span = leaf.place.span;
    let source = scenario.sources().get(span.source);
    match leaf.origin {
        Origin::Given if span.source == SourceId::default() => leaf.origin.to_string(),
        Origin::Given if source.name() == "--set" => "given (--set)".to_owned(),
        Origin::Given => format!("given ({}:{})", source.name(), span.start.line),
        _ => leaf.origin.to_string(),
    }
}

const fn origin_word(origin: Origin) -> &'static str {
    match origin {
        Origin::Given => "given",
        Origin::Default { .. } | Origin::Assumed { .. } => "default",
        Origin::Profile { .. } => "profile",
        Origin::Derived { .. } => "derived",
        Origin::Absent => "absent",
    }
}

/// The widest of some texts, as far as it is not too wide.
fn width<'t>(texts: impl Iterator<Item = &'t str>) -> usize {
    texts.map(|text| text.chars().count()).filter(|&n| n <= WIDEST).max().unwrap_or(0)
}

/// A value as a line under the heading of its section.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    key: String,
    value: String,
    origin: String,
}

/// The values by section; the section of `a.b[1].c` is `a.b[1]`. Sections keep the order in which
/// they first occur, but those of one parent stand together. What is said twice (a workload is
/// resolved for each of its clusters) is kept once.
fn sections(leaves: &[Leaf], origin: impl Fn(&Leaf) -> String) -> Vec<(String, Vec<Row>)> {
    let names = ItemNames::among(leaves);
    let mut sections: Vec<(String, Vec<Row>)> = Vec::new();
    for leaf in leaves {
        let (section, key) = section_and_key(&leaf.place.path);
        let section = names.path(section);
        let row = Row { key: key.to_owned(), value: leaf.shown.clone(), origin: origin(leaf) };
        match sections.iter_mut().find(|(known, _)| *known == section) {
            Some((_, rows)) if rows.contains(&row) => {}
            Some((_, rows)) => rows.push(row),
            None => sections.insert(home_of(&section, &sections), (section, vec![row])),
        }
    }
    sections
}

/// The section that a path is in, and its key there: what stands after the last dot, but for keys
/// of labels, which may have dots of their own.
fn section_and_key(path: &str) -> (&str, &str) {
    for labels in [".nodeSelector.", "].labels."] {
        if let Some(at) = path.find(labels) {
            let key = at + labels.len();
            return (&path[..key - 1], &path[key..]);
        }
    }
    path.rsplit_once('.').unwrap_or(("", path))
}

/// Where a new section belongs: after the last one of the same parent, or else at the end.
fn home_of(section: &str, sections: &[(String, Vec<Row>)]) -> usize {
    let parent = section.rsplit_once('.').map_or("", |(parent, _)| parent);
    let is_kin = |known: &str| {
        let below = known.strip_prefix(parent);
        !parent.is_empty() && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let last = sections.iter().rposition(|(known, _)| is_kin(known));
    last.map_or(sections.len(), |last| last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Place, SourceSpan};

    fn leaf(path: &str, shown: &str) -> Leaf {
        let place = Place::new(SourceSpan::default(), path);
        Leaf { place, shown: shown.to_owned(), origin: Origin::Given }
    }

    /// Items are called by name where they have one, values of a section stand together, and what
    /// is said twice stands once.
    #[test]
    fn values_stand_in_their_sections() {
        let leaves = [
            leaf("seed", "1"),
            leaf("clusters[0].name", "primary"),
            leaf("clusters[0].pools[0].name", "user"),
            leaf("clusters[0].origins[1].weight", "50"),
            leaf("clusters[0].region", "east"),
            leaf("clusters[0].region", "east"),
            leaf("faults[0].at", "1m"),
            leaf("clusters[0].autoscaler.enabled", "true"),
        ];
        let found = sections(&leaves, |leaf| leaf.origin.to_string());
        let shape: Vec<(&str, Vec<&str>)> = found
            .iter()
            .map(|(section, rows)| (&**section, rows.iter().map(|row| &*row.key).collect()))
            .collect();
        let expected = [
            ("", vec!["seed"]),
            ("clusters[primary]", vec!["name", "region"]),
            ("clusters[primary].pools[user]", vec!["name"]),
            ("clusters[primary].origins[1]", vec!["weight"]),
            ("clusters[primary].autoscaler", vec!["enabled"]),
            ("faults[0]", vec!["at"]),
        ];
        assert_eq!(shape, expected);
    }
    /// Keys of labels have dots; all other dots lead from a section to its key.
    #[test]
    fn label_keys_keep_their_dots() {
        for (path, section, key) in [
            ("seed", "", "seed"),
            ("run.seed", "run", "seed"),
            (
                "workloads[0].nodeSelector.kubernetes.azure.com/agentpool",
                "workloads[0].nodeSelector",
                "kubernetes.azure.com/agentpool",
            ),
            (
                "workloads[0].clusters.west.nodeSelector.disk.kind",
                "workloads[0].clusters.west.nodeSelector",
                "disk.kind",
            ),
            (
                "clusters[0].pools[1].labels.example.com/disk",
                "clusters[0].pools[1].labels",
                "example.com/disk",
            ),
        ] {
            assert_eq!(section_and_key(path), (section, key), "{path}");
        }
    }
}
