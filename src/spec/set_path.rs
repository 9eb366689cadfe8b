//! `--set path=value`: edits the tree before it is decoded, so that an edited scenario passes
//! the same checks as a written one, and messages point to the `--set` that made the mistake.

use super::diagnostic::{Code, Diagnostic, Diagnostics};
use super::nearest::nearest;
use super::node::{Key, Kind, Node};
use super::source::Sources;
use super::span::{Place, Position, SourceId, SourceSpan};
use super::yaml::{MAX_DEPTH, parse_from};

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// Into a mapping.
    Key(String),
    /// Into a list by index or by the `name` of an item, or into a mapping by key.
    Item(String),
}

/// Applies one `path=value` to `root`, e.g. `clusters[secondary].pools[user].min=3`.
///
/// List items are addressed by index, from 0, or by their `name`. Keys that are not there are
/// added (decoding then knows whether they exist); list items are not. The value is YAML, so
/// `faults=[]` empties a list. Whatever is wrong is reported, pointing into the assignment.
pub fn set_path(
    root: &mut Node,
    assignment: &str,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) {
    let id = sources.add("--set", assignment);
    let whole = span_between(id, assignment, 0, assignment.len());
    let malformed = |message: &str| {
        Diagnostic::error(Code::UnknownPath, Place::new(whole, ""), message)
            .allowed("path=value, e.g. clusters[secondary].pools[user].min=3")
    };
    if assignment.chars().any(char::is_control) {
        diagnostics.push(malformed("control characters stand in this assignment"));
        return;
    }
    let Some(equals) = assignment.find('=') else {
        diagnostics.push(malformed("no `=` stands in this assignment"));
        return;
    };
    let Some(steps) = steps_of(&assignment[..equals]) else {
        diagnostics.push(malformed("this path is malformed"));
        return;
    };
    let Some(mut value) = parse_from(sources, id, equals + 1, diagnostics).or_else(|| {
        // An empty value is no document; the decoder says what belongs there.
        assignment[equals + 1..].trim().is_empty().then(|| Node::plain("", whole))
    }) else {
        return;
    };
    value.span.end = whole.end;
    let mut walk = Walk { id, assignment, diagnostics };
    if let Some(target) = walk.find(root, &steps) {
        *target = value;
    }
}

/// The steps of `path` with the bytes where each starts and ends, or `None` if it is malformed.
fn steps_of(path: &str) -> Option<Vec<(Step, usize, usize)>> {
    let mut steps = Vec::new();
    let mut at = 0;
    while at < path.len() {
        let rest = &path[at..];
        let (step, length) = if let Some(inner) = rest.strip_prefix('[') {
            let end = inner.find(']')?;
            (Step::Item(inner[..end].to_owned()), end + 2)
        } else {
            let skip = usize::from(!steps.is_empty());
            let key = if skip == 1 { rest.strip_prefix('.')? } else { rest };
            let end = key.find(['.', '[']).unwrap_or(key.len());
            (Step::Key(key[..end].to_owned()), end + skip)
        };
        let (Step::Key(text) | Step::Item(text)) = &step;
        if text.is_empty() || text.contains(']') {
            return None;
        }
        steps.push((step, at, at + length));
        at += length;
    }
    (!steps.is_empty() && steps.len() < MAX_DEPTH).then_some(steps)
}

fn span_between(id: SourceId, text: &str, start: usize, end: usize) -> SourceSpan {
    let position = |at: usize| {
        let column = u32::try_from(text[..at].chars().count() + 1).unwrap_or(u32::MAX);
        Position { line: 1, column }
    };
    SourceSpan { source: id, start: position(start), end: position(end) }
}

struct Walk<'w> {
    id: SourceId,
    assignment: &'w str,
    diagnostics: &'w mut Diagnostics,
}

impl Walk<'_> {
    fn find<'n>(
        &mut self,
        root: &'n mut Node,
        steps: &[(Step, usize, usize)],
    ) -> Option<&'n mut Node> {
        let mut node = root;
        for (step, start, end) in steps {
            let span = span_between(self.id, self.assignment, *start, *end);
            if matches!(&node.kind, Kind::Scalar { .. }) && matches!(step, Step::Key(_)) {
                // `{kind: none}` becomes a mapping, as if it had been written so.
                *node = Node::empty_mapping(span);
            }
            node = self.step(node, step, span, &self.assignment[..*end])?;
        }
        Some(node)
    }

    fn step<'n>(
        &mut self,
        node: &'n mut Node,
        step: &Step,
        span: SourceSpan,
        path: &str,
    ) -> Option<&'n mut Node> {
        let (Step::Key(text) | Step::Item(text)) = step;
        let described = node.described();
        match &mut node.kind {
            Kind::Mapping(entries) => {
                let known = entries.iter().position(|(key, _)| key.text == *text);
                let index = known.unwrap_or_else(|| {
                    let key = Key { span, text: text.clone() };
                    entries.push((key, Node::empty_mapping(span)));
                    entries.len() - 1
                });
                Some(&mut entries[index].1)
            }
            Kind::Sequence(items) if matches!(step, Step::Item(_)) => {
                let index = index_of(items, text);
                if index.is_none() {
                    self.no_item(items, text, span, path);
                }
                items.get_mut(index?)
            }
            _ => {
                let message = format!("`{path}` leads into {described}");
                let place = Place::new(span, path);
                let help = "address list items as `list[0]` or `list[name]`";
                self.diagnostics
                    .push(Diagnostic::error(Code::UnknownPath, place, message).help(help));
                None
            }
        }
    }

    fn no_item(&mut self, items: &[Node], text: &str, span: SourceSpan, path: &str) {
        let names: Vec<&str> = items.iter().filter_map(Node::name).collect();
        let allowed = match (items.len(), names.is_empty()) {
            (0, _) => "nothing: the list is empty".to_owned(),
            (n, true) => format!("an index from 0 to {}", n - 1),
            (n, false) => format!("{}, or an index from 0 to {}", names.join(", "), n - 1),
        };
        let message = format!("no item `{text}` in this list");
        let mut missing =
            Diagnostic::error(Code::UnknownPath, Place::new(span, path), message).allowed(allowed);
        if let Some(meant) = nearest(text, names) {
            missing = missing.help(format!("did you mean `[{meant}]`?"));
        }
        self.diagnostics.push(missing);
    }
}

/// The item called `text`; else the one with that index.
fn index_of(items: &[Node], text: &str) -> Option<usize> {
    let named = items.iter().position(|item| item.name() == Some(text));
    named.or_else(|| text.parse().ok().filter(|index| *index < items.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::parse;

    const SCENARIO: &str = "
clusters:
  - name: primary
    pools: [{name: user, min: 1}]
  - name: secondary
    pools: [{name: system, min: 1}, {name: user, min: 2}]
seed: 1
";

    fn edited(assignment: &str) -> (Node, Vec<(Code, u32, Option<String>)>) {
        let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::new());
        let id = sources.add("scenario.yaml", SCENARIO);
        let mut root = parse(&sources, id, &mut diagnostics).unwrap();
        set_path(&mut root, assignment, &mut sources, &mut diagnostics);
        let found = diagnostics.sorted().into_iter();
        let found = found.map(|d| (d.code, d.place.span.start.column, d.help.clone())).collect();
        (root, found)
    }

    /// Items are found by name or index; the value's span lies in the assignment.
    #[test]
    fn paths_lead_to_values() {
        for (assignment, column) in
            [("clusters[secondary].pools[user].min=3", 37), ("clusters[1].pools[1].min=3", 26)]
        {
            let (root, found) = edited(assignment);
            assert_eq!(found, [], "{assignment}");
            let Kind::Sequence(clusters) = &root.get("clusters").unwrap().kind else { panic!() };
            let Kind::Sequence(pools) = &clusters[1].get("pools").unwrap().kind else { panic!() };
            let min = pools[1].get("min").unwrap();
            assert_eq!(min.text(), Some("3"));
            assert_eq!(min.span.source, SourceId::new(1));
            assert_eq!(min.span.start, Position { line: 1, column });
        }
    }

    /// Keys that a scenario leaves to their default can be set, also several levels deep.
    #[test]
    fn absent_keys_are_added() {
        let (root, found) = edited("client.retries.max=2");
        assert_eq!(found, []);
        let retries = root.get("client").unwrap().get("retries").unwrap();
        assert_eq!(retries.get("max").unwrap().text(), Some("2"));
        let (root, _) = edited("clusters=[]");
        assert_eq!(root.get("clusters").unwrap().kind, Kind::Sequence(Vec::new()));
    }

    /// A path that leads nowhere is reported at the step that fails, with the nearest name.
    #[test]
    fn wrong_paths_are_reported() {
        for (assignment, column, help) in [
            ("clusters[secondray].pools=[]", 9, Some("did you mean `[secondary]`?")),
            ("clusters[2].pools=[]", 9, None),
            ("clusters.pools=1", 9, Some("address list items as `list[0]` or `list[name]`")),
            ("seed", 1, None),
            ("=1", 1, None),
            ("a..b=1", 1, None),
            ("a[=1", 1, None),
        ] {
            let (_, found) = edited(assignment);
            let expected = (Code::UnknownPath, column, help.map(str::to_owned));
            assert_eq!(found, [expected], "{assignment}");
        }
    }
}
