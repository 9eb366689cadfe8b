//! `check --explain`: every value with its origin, aligned and grouped by section.

use serde_json::{Value, json};

use crate::spec::{Leaf, Origin, escaped};

use crate::scenario::Scenario;

/// Every value of the scenario as aligned lines: key, value, origin.
pub(super) fn text(scenario: &Scenario) -> String {
    let mut out = String::new();
    for group in grouped(scenario.explained()) {
        let heading = group[0].section;
        if !heading.is_empty() {
            out += &format!("{}\n", escaped(heading));
        }
        let longest = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or(0);
        let keys = longest(&mut group.iter().map(|line| line.key.chars().count())).min(40);
        let values = longest(&mut group.iter().map(|line| line.value.chars().count())).min(32);
        for Line { key, value, origin, .. } in &group {
            let line = format!("  {key:keys$}  {value:values$}  {origin}");
            out += &format!("{}\n", escaped(line.trim_end()));
        }
        out.push('\n');
    }
    out
}

/// The same as data.
pub(super) fn data(scenario: &Scenario) -> Value {
    let leaves = scenario.explained().iter();
    let row = |leaf: &Leaf| {
        json!({
            "path": &*leaf.place.path,
            "value": leaf.shown,
            "origin": origin_word(leaf.origin),
            "source": leaf.origin.to_string(),
        })
    };
    leaves.map(row).collect()
}

const fn origin_word(origin: Origin) -> &'static str {
    match origin {
        Origin::Given => "given",
        Origin::Default { .. } => "default",
        Origin::Profile { .. } => "profile",
        Origin::Derived { .. } => "derived",
        Origin::Absent => "absent",
    }
}

/// A value as a line under the heading of its section.
#[derive(Clone, Debug)]
struct Line<'l> {
    section: &'l str,
    key: &'l str,
    value: &'l str,
    origin: String,
}

/// The values in runs of the same section; the section of `a.b[1].c` is `a.b[1]`.
fn grouped(leaves: &[Leaf]) -> Vec<Vec<Line<'_>>> {
    let mut groups: Vec<Vec<Line<'_>>> = Vec::new();
    for leaf in leaves {
        let path = &*leaf.place.path;
        let (section, key) = path.rsplit_once('.').unwrap_or(("", path));
        let line = Line { section, key, value: &leaf.shown, origin: leaf.origin.to_string() };
        match groups.last_mut().filter(|group| group[0].section == section) {
            Some(group) => group.push(line),
            None => groups.push(vec![line]),
        }
    }
    groups
}
