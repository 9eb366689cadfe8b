//! The tree of a text: scalars, sequences and mappings, each with its span.
//!
//! Nothing in a tree is interpreted yet: a scalar is its text and whether it was quoted.

use std::collections::BTreeMap;

use super::span::SourceSpan;

/// A value of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Where it stands.
    pub span: SourceSpan,
    /// What it is.
    pub kind: Kind,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text without structure; what it means depends on the field.
    Scalar {
        /// The text without quotes.
        text: String,
        /// Whether it stood in quotes.
        style: Style,
    },
    /// An ordered list.
    Sequence(Vec<Node>),
    /// Keys with values in the order of the text; no key occurs twice.
    Mapping(Vec<(Key, Node)>),
    /// Something that was refused and reported already; decoding skips it silently.
    Refused,
}

/// How a scalar was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without quotes: `true` may be a boolean, `3` a number.
    Plain,
    /// In quotes or as a block: always a text.
    Quoted,
}

/// The key of a mapping entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Where it stands.
    pub span: SourceSpan,
    /// Its text.
    pub text: String,
}

impl Node {
    /// An unquoted scalar at `span`.
    #[must_use]
    pub fn plain(text: &str, span: SourceSpan) -> Self {
        Self { span, kind: Kind::Scalar { text: text.to_owned(), style: Style::Plain } }
    }

    /// An empty mapping at `span`.
    #[must_use]
    pub const fn empty_mapping(span: SourceSpan) -> Self {
        Self { span, kind: Kind::Mapping(Vec::new()) }
    }

    /// The value under `key`, if this is a mapping that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|(_, value)| value)
    }

    /// The key and value under `key`, if this is a mapping that has it.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&(Key, Self)> {
        match &self.kind {
            Kind::Mapping(entries) => entries.iter().find(|(known, _)| known.text == key),
            _ => None,
        }
    }

    /// The scalar text under `name`, by which list items are addressed.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.get("name").and_then(Self::text)
    }

    /// The text of a scalar.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// What this is, in words for users: "a list", "a mapping", "`3`".
    #[must_use]
    pub fn described(&self) -> String {
        match &self.kind {
            Kind::Scalar { text, style: Style::Plain } if is_null(text) => "nothing".to_owned(),
            Kind::Scalar { text, style: Style::Plain } => format!("`{}`", shortened(text)),
            Kind::Scalar { text, style: Style::Quoted } => {
                format!("the text \"{}\"", shortened(text))
            }
            Kind::Sequence(items) => format!("a list of {}", items.len()),
            Kind::Mapping(entries) => format!("a mapping with {} keys", entries.len()),
            Kind::Refused => "a refused value".to_owned(),
        }
    }
}

/// Whether YAML reads the plain scalar `text` as "no value".
#[must_use]
pub(super) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// The first 60 characters of `text`, for messages.
#[must_use]
pub(super) fn shortened(text: &str) -> String {
    const SHOWN: usize = 60;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// `base` with everything that `over` says laid over it: mappings merge key by key, anything
/// else (scalars and lists) is replaced whole. Spans stay, so messages point to the file part
/// that a value came from.
#[must_use]
pub fn overlay(base: &Node, over: &Node) -> Node {
    let (Kind::Mapping(below), Kind::Mapping(above)) = (&base.kind, &over.kind) else {
        return over.clone();
    };
    let mut entries = below.clone();
    let keys = below.iter().enumerate().map(|(index, (key, _))| (key.text.as_str(), index));
    let known: BTreeMap<&str, usize> = keys.collect();
    for (key, value) in above {
        match known.get(key.text.as_str()) {
            Some(&index) => {
                let merged = overlay(&entries[index].1, value);
                entries[index] = (key.clone(), merged);
            }
            None => entries.push((key.clone(), value.clone())),
        }
    }
    Node { span: over.span, kind: Kind::Mapping(entries) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Diagnostics, Position, Sources, parse};

    /// The workload of a cluster is the common one except for what the cluster says, and each
    /// value still points to the line that it was written in.
    #[test]
    fn mappings_merge_and_the_rest_is_replaced() {
        let text = "
base: {replicas: 10, hpa: {min: 10, max: 50}, zones: [1, 2]}
over: {hpa: {min: 3}, zones: [1], extra: true}
";
        let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::new());
        let id = sources.add("text", text);
        let node = parse(&sources, id, &mut diagnostics).unwrap();
        let merged = overlay(node.get("base").unwrap(), node.get("over").unwrap());
        let hpa = merged.get("hpa").unwrap();
        let line = |node: &Node| node.span.start.line;
        let min = hpa.get("min").unwrap();
        assert_eq!((min.text(), line(min)), (Some("3"), 3));
        let max = hpa.get("max").unwrap();
        assert_eq!((max.text(), line(max)), (Some("50"), 2));
        assert_eq!(merged.get("zones").unwrap().described(), "a list of 1");
        assert_eq!(merged.get("replicas").unwrap().text(), Some("10"));
        assert_eq!(merged.get("extra").unwrap().span.start, Position { line: 3, column: 42 });
    }
}
