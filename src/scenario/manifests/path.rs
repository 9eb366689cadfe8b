//! Fields of an object by path, and which of them were taken.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use crate::spec::{Key, Kind, Node, SourceSpan, Style};

/// A step from a value to one inside it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// Under a key.
    Key(String),
    /// At a place of a list, from 0.
    Index(usize),
}

/// The way from an object to a field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct FieldPath(pub Vec<Step>);

impl FieldPath {
    /// A path such as `spec.template.spec.containers[0]`; keys with dots cannot be written so.
    pub(super) fn of(text: &str) -> Self {
        let mut steps = Vec::new();
        for part in text.split('.') {
            let (key, indices) = part.split_once('[').unwrap_or((part, ""));
            steps.push(Step::Key(key.to_owned()));
            for index in indices.split(['[', ']']).filter(|index| !index.is_empty()) {
                steps.push(Step::Index(index.parse().expect("written in this program")));
            }
        }
        Self(steps)
    }

    /// This path and one more step.
    pub(super) fn then(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// The value at the end of the path from `node`.
    pub(super) fn find<'n>(&self, node: &'n Node) -> Option<&'n Node> {
        self.0.iter().try_fold(node, |node, step| match (step, &node.kind) {
            (Step::Key(key), Kind::Mapping(_)) => node.get(key),
            (Step::Index(index), Kind::Sequence(items)) => items.get(*index),
            _ => None,
        })
    }

    /// Where the last key of the path stands; the value where there is none.
    pub(super) fn span(&self, node: &Node) -> SourceSpan {
        let Some((last, before)) = self.0.split_last() else { return node.span };
        let parent = Self(before.to_vec());
        match (parent.find(node), last) {
            (Some(parent), Step::Key(key)) => {
                parent.entry(key).map_or(parent.span, |(key, _)| key.span)
            }
            (Some(_), Step::Index(_)) => self.find(node).map_or(node.span, |item| item.span),
            (None, _) => node.span,
        }
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if index == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// An object that is being read: what was taken is remembered.
#[derive(Debug)]
pub(super) struct Fields<'n> {
    node: &'n Node,
    taken: RefCell<BTreeSet<FieldPath>>,
}

impl<'n> Fields<'n> {
    /// Nothing of `node` is taken yet.
    pub(super) fn new(node: &'n Node) -> Self {
        Self { node, taken: RefCell::default() }
    }

    /// Nothing but `said` is taken yet: fields that something was said about.
    pub(super) fn but_for(node: &'n Node, said: &[FieldPath]) -> Self {
        Self { node, taken: RefCell::new(said.iter().cloned().collect()) }
    }

    /// Takes the value at `path`, if it is there and not null.
    pub(super) fn take(&self, path: &str) -> Option<&'n Node> {
        let path = FieldPath::of(path);
        let value = path.find(self.node).filter(|value| !is_null(value))?;
        self.taken.borrow_mut().insert(path);
        Some(value)
    }

    /// Looks at the value at `path` without taking it.
    pub(super) fn look(&self, path: &str) -> Option<&'n Node> {
        FieldPath::of(path).find(self.node).filter(|value| !is_null(value))
    }

    /// The items of the list at `path`; none if there is no list.
    pub(super) fn items(&self, path: &str) -> &'n [Node] {
        match self.look(path).map(|node| &node.kind) {
            Some(Kind::Sequence(items)) => items,
            _ => &[],
        }
    }

    /// Whether the field or one that contains it was taken.
    pub(super) fn is_taken(&self, path: &FieldPath) -> bool {
        let taken = self.taken.borrow();
        (1..=path.0.len()).any(|n| taken.contains(&FieldPath(path.0[..n].to_vec())))
    }

    /// The fields without fields of their own, nulls and empty collections left out.
    pub(super) fn leaves(&self) -> Vec<(FieldPath, &'n Node)> {
        let mut leaves = Vec::new();
        let mut open = vec![(FieldPath::default(), self.node)];
        while let Some((path, node)) = open.pop() {
            match &node.kind {
                Kind::Mapping(entries) => {
                    let inner = entries.iter().rev();
                    open.extend(
                        inner.map(|(key, value)| (path.then(Step::Key(key.text.clone())), value)),
                    );
                }
                Kind::Sequence(items) => {
                    let inner = items.iter().enumerate().rev();
                    open.extend(inner.map(|(at, item)| (path.then(Step::Index(at)), item)));
                }
                Kind::Scalar { .. } if !is_null(node) => leaves.push((path, node)),
                Kind::Scalar { .. } | Kind::Refused => {}
            }
        }
        leaves
    }
}

/// Whether YAML reads `node` as "no value".
pub(super) fn is_null(node: &Node) -> bool {
    matches!(
        &node.kind,
        Kind::Scalar { text, style: Style::Plain }
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    )
}

/// A mapping that grows key by key, each value keeping its own place.
#[derive(Debug, Default)]
pub(super) struct Mapping(Vec<(Key, Node)>);

impl Mapping {
    /// Adds `value` under `key`.
    pub(super) fn put(&mut self, key: &str, value: Node) {
        let key = Key { span: value.span.head(), text: key.to_owned() };
        self.0.push((key, value));
    }

    /// Adds `value` under `key`, if there is one.
    pub(super) fn put_some(&mut self, key: &str, value: Option<&Node>) {
        if let Some(value) = value {
            self.put(key, value.clone());
        }
    }

    /// Adds the list of `items` under `key`.
    pub(super) fn put_list(&mut self, key: &str, items: Vec<Node>, span: SourceSpan) {
        self.put(key, Node { span, kind: Kind::Sequence(items) });
    }

    /// Whether nothing was added.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The mapping as a value that stands at `span`.
    pub(super) fn node(self, span: SourceSpan) -> Node {
        Node { span, kind: Kind::Mapping(self.0) }
    }
}
