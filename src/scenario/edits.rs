//! The edits that lead from one scenario file to another, and the first with one of them made.
//!
//! Edits are those of the files as they are written, `--set` included: values that rules derive
//! follow by themselves. Mappings are compared key by key, lists whose items have names item by
//! item, other lists of equal length place by place.

use std::collections::BTreeSet;

use crate::spec::{Diagnostics, Kind, Node, SourceId, Sources, parse, set_path};

use super::checked::Scenario;
use super::load::{Rejected, resolved};

/// Sections that change no run.
const BESIDE_THE_RUN: [&str; 5] = ["schema", "name", "question", "objectives", "sizing"];

/// A scenario with the `--set` assignments that it was loaded with.
#[derive(Clone, Copy, Debug)]
pub struct Version<'s> {
    /// The scenario.
    pub scenario: &'s Scenario,
    /// The assignments.
    pub sets: &'s [String],
}

/// A place of the file at which two versions differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    steps: Vec<Step>,
    /// What stood there, as it is written; `None` if nothing did.
    pub before: Option<String>,
    /// What stands there; `None` if nothing does any more.
    pub after: Option<String>,
}

/// One step into a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Named(String),
    Index(usize),
}

impl Edit {
    /// Where it is, as `--set` understands it.
    #[must_use]
    pub fn path(&self) -> String {
        self.steps.iter().fold(String::new(), |path, step| match step {
            Step::Key(key) if path.is_empty() => key.clone(),
            Step::Key(key) => format!("{path}.{key}"),
            Step::Named(name) => format!("{path}[{name}]"),
            Step::Index(index) => format!("{path}[{index}]"),
        })
    }
}

/// What was found between two versions.
#[derive(Debug)]
pub struct Edits {
    /// Edits that can be made one by one, each with `before` so edited.
    pub alone: Vec<(Edit, Scenario)>,
    /// Edits that make no valid scenario by themselves, with the reason.
    pub not_alone: Vec<(Edit, String)>,
}

/// The edits that lead from `before` to `after` and change runs, at most `most` of them; `Err`
/// with their number if there are more.
///
/// An edit that makes no valid scenario by itself is taken together with those beside it.
///
/// # Errors
/// The number of edits, if there are more than `most`.
pub fn edits(before: Version<'_>, after: Version<'_>, most: usize) -> Result<Edits, usize> {
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::new());
    let (_, old) = tree(before, &mut sources, &mut diagnostics);
    let (_, new) = tree(after, &mut sources, &mut diagnostics);
    let mut open = between(&old, &new);
    open.retain(changes_runs);
    if most < open.len() {
        return Err(open.len());
    }
    let mut found = Edits { alone: Vec::new(), not_alone: Vec::new() };
    while !open.is_empty() {
        let edit = open.remove(0);
        let reason = match edited(before, after, &edit) {
            Ok(scenario) => {
                found.alone.push((edit, scenario));
                continue;
            }
            Err(rejected) => reason(&rejected),
        };
        let parent = &edit.steps[..edit.steps.len() - 1];
        if parent.is_empty() || matches!(parent, [Step::Key(list)] if is_list(&old, list)) {
            found.not_alone.push((edit, reason));
            continue;
        }
        let beside = |other: &Edit| other.steps.starts_with(parent);
        open.retain(|other| !beside(other));
        found.alone.retain(|(other, _)| !beside(other));
        open.insert(0, edit_at(parent.to_vec(), at(&old, parent), at(&new, parent)));
    }
    Ok(found)
}

fn changes_runs(edit: &Edit) -> bool {
    let path = edit.path();
    let first = path.split(['.', '[']).next().unwrap_or_default();
    !BESIDE_THE_RUN.contains(&first) && path != "run.seed"
}

fn is_list(root: &Node, key: &str) -> bool {
    root.get(key).is_some_and(|node| matches!(node.kind, Kind::Sequence(_)))
}

fn reason(rejected: &Rejected) -> String {
    let first = rejected.diagnostics.sorted().into_iter().next();
    first.map_or_else(String::new, |it| format!("{}: {}", it.place.path, it.message))
}

/// The tree of a version that was loaded, so that nothing is wrong with it.
fn tree(
    version: Version<'_>,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> (SourceId, Node) {
    let source = version.scenario.sources().get(SourceId::default());
    let id = sources.add(source.name(), source.text());
    let mut root = parse(sources, id, diagnostics).expect("it was read before");
    for assignment in version.sets {
        set_path(&mut root, assignment, sources, diagnostics);
    }
    (id, root)
}

/// `before` with one edit made.
fn edited(before: Version<'_>, after: Version<'_>, edit: &Edit) -> Result<Scenario, Box<Rejected>> {
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::new());
    let (id, mut root) = tree(before, &mut sources, &mut diagnostics);
    let (_, other) = tree(after, &mut sources, &mut diagnostics);
    graft(&mut root, &edit.steps, at(&other, &edit.steps));
    let folder = before.scenario.sources().get(SourceId::default()).folder().to_owned();
    let sets: Vec<String> = before.sets.iter().cloned().chain([edit.path()]).collect();
    resolved(id, root, sources, &folder, &sets, diagnostics)
}

fn between(before: &Node, after: &Node) -> Vec<Edit> {
    let mut found = Vec::new();
    compare(&mut Vec::new(), Some(before), Some(after), &mut found);
    found
}

fn compare(
    steps: &mut Vec<Step>,
    before: Option<&Node>,
    after: Option<&Node>,
    found: &mut Vec<Edit>,
) {
    let inner = match (before.map(|node| &node.kind), after.map(|node| &node.kind)) {
        (Some(Kind::Mapping(old)), Some(Kind::Mapping(new))) => {
            let keys = old.iter().chain(new).map(|(key, _)| &key.text);
            Some(unique(keys).map(|key| Step::Key(key.clone())).collect())
        }
        (Some(Kind::Sequence(old)), Some(Kind::Sequence(new))) => item_steps(old, new),
        _ => None,
    };
    let inner: Vec<Step> = match inner {
        Some(inner) => inner,
        None if before.map(written) == after.map(written) => return,
        None => return found.push(edit_at(steps.clone(), before, after)),
    };
    for step in inner {
        let child = |node: Option<&Node>| node.and_then(|node| into(node, &step)).cloned();
        let (old, new) = (child(before), child(after));
        steps.push(step);
        compare(steps, old.as_ref(), new.as_ref(), found);
        steps.pop();
    }
}

fn unique<'t>(names: impl Iterator<Item = &'t String>) -> impl Iterator<Item = &'t String> {
    let mut known = BTreeSet::new();
    names.filter(move |name| known.insert(name.as_str()))
}

/// How the items of two lists are told apart; `None` if only the lists as a whole can be compared.
fn item_steps(old: &[Node], new: &[Node]) -> Option<Vec<Step>> {
    let names = |items: &[Node]| -> Option<Vec<String>> {
        let names: Vec<String> =
            items.iter().map(|item| item.name().map(str::to_owned)).collect::<Option<_>>()?;
        (unique(names.iter()).count() == names.len()).then_some(names)
    };
    match (names(old), names(new)) {
        (Some(old), Some(new)) => {
            Some(unique(old.iter().chain(&new)).map(|name| Step::Named(name.clone())).collect())
        }
        _ if old.len() == new.len() => Some((0..old.len()).map(Step::Index).collect()),
        _ => None,
    }
}

fn edit_at(steps: Vec<Step>, before: Option<&Node>, after: Option<&Node>) -> Edit {
    Edit { steps, before: before.map(written), after: after.map(written) }
}

fn into<'n>(node: &'n Node, step: &Step) -> Option<&'n Node> {
    match (&node.kind, step) {
        (Kind::Mapping(_), Step::Key(key)) => node.get(key),
        (Kind::Sequence(items), Step::Named(name)) => {
            items.iter().find(|item| item.name() == Some(name))
        }
        (Kind::Sequence(items), Step::Index(index)) => items.get(*index),
        _ => None,
    }
}

fn at<'n>(root: &'n Node, steps: &[Step]) -> Option<&'n Node> {
    steps.iter().try_fold(root, into)
}

/// Puts `value` where the steps lead, or takes away what is there; all but the last step exist.
fn graft(node: &mut Node, steps: &[Step], value: Option<&Node>) {
    let (step, rest) = steps.split_first().expect("an edit lies below the root");
    let place = match (&mut node.kind, step) {
        (Kind::Mapping(entries), Step::Key(key)) => {
            entries.iter().position(|(known, _)| known.text == *key)
        }
        (Kind::Sequence(items), Step::Named(name)) => {
            items.iter().position(|item| item.name() == Some(name))
        }
        (Kind::Sequence(_), Step::Index(index)) => Some(*index),
        _ => unreachable!("the steps were found in both trees"),
    };
    match (&mut node.kind, place) {
        (Kind::Mapping(entries), Some(place)) if !rest.is_empty() => {
            graft(&mut entries[place].1, rest, value);
        }
        (Kind::Sequence(items), Some(place)) if !rest.is_empty() => {
            graft(&mut items[place], rest, value);
        }
        (Kind::Mapping(entries), place) => {
            let key = place.map(|place| entries.remove(place).0);
            if let (Some(value), Step::Key(text)) = (value, step) {
                let new = crate::spec::Key { span: value.span, text: text.clone() };
                let place = place.unwrap_or(entries.len());
                entries.insert(place, (key.unwrap_or(new), value.clone()));
            }
        }
        (Kind::Sequence(items), place) => {
            if let Some(place) = place {
                items.remove(place);
            }
            if let Some(value) = value {
                items.insert(place.unwrap_or(items.len()), value.clone());
            }
        }
        _ => unreachable!("the steps were found in both trees"),
    }
}

/// A node on one line, as YAML in flow style.
fn written(node: &Node) -> String {
    match &node.kind {
        Kind::Scalar { text, .. } => text.clone(),
        Kind::Sequence(items) => {
            format!("[{}]", items.iter().map(written).collect::<Vec<_>>().join(", "))
        }
        Kind::Mapping(entries) => {
            let entry = |(key, value): &(crate::spec::Key, Node)| {
                format!("{}: {}", key.text, written(value))
            };
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        Kind::Refused => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    use crate::scenario::from_text;

    const TEXT: &str = include_str!("../../tests/scenarios/small.yaml");

    fn version(text: &str, sets: &[String]) -> Scenario {
        from_text("small.yaml", text, Path::new("."), sets).unwrap_or_else(|no| panic!("{no}"))
    }

    /// The edits between the small scenario with some assignments and a text with others.
    fn found(before: &[&str], after: &str, sets: &[&str]) -> Edits {
        let owned = |sets: &[&str]| sets.iter().map(|&set| set.to_owned()).collect::<Vec<_>>();
        let (old_sets, new_sets) = (owned(before), owned(sets));
        let (old, new) = (version(TEXT, &old_sets), version(after, &new_sets));
        let before = Version { scenario: &old, sets: &old_sets };
        edits(before, Version { scenario: &new, sets: &new_sets }, 9).unwrap()
    }

    fn shown(edit: &Edit) -> String {
        let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "-".to_owned());
        format!("{}: {} -> {}", edit.path(), side(&edit.before), side(&edit.after))
    }

    fn alone(edits: &Edits) -> Vec<String> {
        edits.alone.iter().map(|(edit, _)| shown(edit)).collect()
    }

    /// Values that change, come and go, in files and assignments; items by their names, also in
    /// another order; what changes no run is left out.
    #[test]
    fn edits_are_found() {
        let swapped =
            TEXT.replace("  - name: east\n  - name: west", "  - name: west\n  - name: east");
        let other = "name: other\nobjectives: {rto_s: [\"p(9)<9\"]}\nquestion: another, ";
        let renamed = TEXT.replacen("name: small\nquestion: ", other, 1);
        let added = TEXT.to_owned() + "  - {name: crash, at: 1m, regionLoss: {region: west}}\n";
        for (before, after, sets, expected) in [
            (vec![], TEXT, vec![], vec![]),
            (vec![], &*swapped, vec!["run.seed=9"], vec![]),
            (vec![], &*renamed, vec![], vec![]),
            (vec![], TEXT, vec!["faults[0].at=90s"], vec!["faults[lose-east].at: 2m -> 90s"]),
            (vec!["faults[0].at=90s"], TEXT, vec![], vec!["faults[lose-east].at: 90s -> 2m"]),
            (
                vec![],
                TEXT,
                vec!["demands[0].deadline=9s", "demands[0].retries.attempts=2"],
                vec!["demands[0].retries.attempts: 3 -> 2", "demands[0].deadline: - -> 9s"],
            ),
            (
                vec![],
                &*added,
                vec![],
                vec!["faults[crash]: - -> {name: crash, at: 1m, regionLoss: {region: west}}"],
            ),
        ] {
            let found = found(&before, after, &sets);
            assert_eq!(alone(&found), expected);
            assert_eq!(found.not_alone.len(), 0);
        }
    }

    /// An edit is made without the others, and one that goes is taken away.
    #[test]
    fn one_edit_is_made() {
        let found = found(&["demands[0].deadline=9s"], TEXT, &["faults[0].at=90s"]);
        let [(deadline, without), (at, later)] = &found.alone[..] else { panic!("{found:?}") };
        assert_eq!(
            (shown(deadline), shown(at)),
            (
                "demands[0].deadline: 9s -> -".to_owned(),
                "faults[lose-east].at: 2m -> 90s".to_owned(),
            )
        );
        let strikes_s = |scenario: &Scenario| scenario.faults()[0].at.as_secs_f64();
        assert_eq!([strikes_s(without), strikes_s(later)], [120.0, 90.0]);
    }

    /// One law for another, and both bounds beyond the old ones: neither half is a scenario, so
    /// they are taken together. A new region needs the cluster in it: nothing holds both.
    #[test]
    fn halves_are_taken_together() {
        let laws =
            found(&[], TEXT, &["demands[0].arrivals={diurnal: {trough: 300/s, peak: 400/s}}"]);
        let arrivals = "demands[0].arrivals: {constant: 300/s} -> \
                        {diurnal: {trough: 300/s, peak: 400/s}}";
        assert_eq!(alone(&laws), [arrivals]);
        let more =
            ["minReplicas=30", "maxReplicas=40"].map(|it| format!("workloads[web].hpa.{it}"));
        let bounds = found(&[], TEXT, &[&more[0], &more[1]]);
        let hpa = "workloads[web].hpa: {minReplicas: 2, maxReplicas: 20} -> \
                   {minReplicas: 30, maxReplicas: 40}";
        assert_eq!(alone(&bounds), [hpa]);
        let moved = TEXT.replace("west", "north");
        let apart = found(&[], &moved, &[]);
        assert!(!apart.not_alone.is_empty(), "{:?}", alone(&apart));
    }

    /// More edits than are wanted are counted.
    #[test]
    fn too_many_edits_are_counted() {
        let sets = ["faults[0].at=90s".to_owned(), "run.horizon=20m".to_owned()];
        let (old, new) = (version(TEXT, &[]), version(TEXT, &sets));
        let (before, after) =
            (Version { scenario: &old, sets: &[] }, Version { scenario: &new, sets: &sets });
        assert_eq!(edits(before, after, 1).err(), Some(2));
        assert_eq!(edits(before, after, 2).unwrap().alone.len(), 2);
    }
}
