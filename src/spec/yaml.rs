//! YAML text to [`Node`] tree: the one module that knows the YAML parser (`saphyr-parser`).
//!
//! Only the plain part of YAML is accepted: one document of mappings, lists and scalars. Anchors,
//! aliases, tags and merge keys are refused by name, since they hide what a scenario says (and an
//! alias can blow up a small file); duplicate keys, because half of the text would be ignored.
//! Depth, number and length are limited, and the tree is built without recursion.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError};

use super::diagnostic::{Code, Diagnostic, Diagnostics};
use super::node::{Key, Kind, Node, Style, is_null, shortened};
use super::source::Sources;
use super::span::{Place, Position, SourceId, SourceSpan};

/// Deepest nesting of lists and mappings.
pub(super) const MAX_DEPTH: usize = 64;
/// Most values, lists and mappings in one text.
pub(super) const MAX_NODES: usize = 250_000;
/// Most characters that may start a token. The parser holds all tokens of a `[..]` or `{..}`
/// before it gives the first event, so their number is bounded before it starts.
pub(super) const MAX_INDICATORS: usize = 500_000;
/// Longest scalar in bytes.
pub(super) const MAX_SCALAR_BYTES: usize = 1 << 20;
/// The characters that start a token inside `[..]` and `{..}`.
const INDICATORS: [char; 12] = [',', '[', ']', '{', '}', ':', '?', '"', '\'', '&', '*', '!'];
/// Longest key in bytes.
pub(super) const MAX_KEY_BYTES: usize = 256;

/// The tree of source `id`, or `None` if its syntax is wrong or a limit is passed.
#[must_use]
pub fn parse(sources: &Sources, id: SourceId, diagnostics: &mut Diagnostics) -> Option<Node> {
    parse_from(sources, id, 0, diagnostics)
}

/// The trees of all documents of source `id`, empty ones left out, or `None` after a report.
#[must_use]
pub fn parse_all(
    sources: &Sources,
    id: SourceId,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<Node>> {
    let mut documents = Vec::new();
    let last = read(sources, id, 0, Some(&mut documents), diagnostics)?;
    documents.extend(last);
    documents.retain(|document| match &document.kind {
        Kind::Scalar { text, style: Style::Plain } => !is_null(text),
        _ => true,
    });
    Some(documents)
}

/// Like [`parse`], but starting at the byte `start` of the first line.
pub(super) fn parse_from(
    sources: &Sources,
    id: SourceId,
    start: usize,
    diagnostics: &mut Diagnostics,
) -> Option<Node> {
    read(sources, id, start, None, diagnostics)?
}

/// The last document of the text from byte `start` on, the others pushed to `several`; one that
/// is not wanted there is a mistake.
fn read(
    sources: &Sources,
    id: SourceId,
    start: usize,
    mut several: Option<&mut Vec<Node>>,
    diagnostics: &mut Diagnostics,
) -> Option<Option<Node>> {
    let (before, text) = sources.get(id).text().split_at(start);
    let shift = before.chars().count();
    let mut builder = Builder { source: id, shift, diagnostics, open: vec![], root: None, n: 0 };
    if let Some((at, _)) = text.match_indices(INDICATORS).nth(MAX_INDICATORS) {
        let here = sources.get(id).position(start + at);
        let span = SourceSpan { source: id, start: here, end: here };
        builder.too_many(span);
        return None;
    }
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                builder.syntax_error(&error, sources.get(id).position(start + text.len()));
                return None;
            }
        };
        let span = builder.span(span);
        if matches!(event, Event::DocumentStart(_)) {
            documents += 1;
            if let Some(earlier) = &mut several {
                earlier.extend(builder.root.take());
            } else if 1 < documents {
                builder.report(
                    Code::SeveralDocuments,
                    span,
                    "a second document starts here",
                    "remove the line `---` and what follows, or make it a file of its own",
                );
                return None;
            }
            continue;
        }
        builder.take(event, span)?;
    }
    Some(builder.root)
}

/// A list or mapping whose end has not come yet.
struct Open {
    node: Node,
    /// The key that waits for its value; `None` inside for one that was refused.
    key: Option<Option<Key>>,
    /// The keys so far and their lines.
    seen: BTreeMap<String, u32>,
    refused: bool,
}

struct Builder<'d> {
    source: SourceId,
    /// Columns to add in the first line.
    shift: usize,
    diagnostics: &'d mut Diagnostics,
    open: Vec<Open>,
    root: Option<Node>,
    /// Nodes so far.
    n: usize,
}

impl Builder<'_> {
    fn report(&mut self, code: Code, span: SourceSpan, message: impl Into<String>, help: &str) {
        let place = Place::new(span, &self.path());
        let diagnostic = Diagnostic::error(code, place, message).allowed(allowed(code)).help(help);
        self.diagnostics.push(diagnostic);
    }

    /// The path of the value that is being read.
    fn path(&self) -> String {
        let mut path = String::new();
        for open in &self.open {
            match (&open.node.kind, &open.key) {
                (Kind::Sequence(items), _) => path += &format!("[{}]", items.len()),
                (_, Some(Some(key))) if path.is_empty() => path += &key.text,
                (_, Some(Some(key))) => path += &format!(".{}", key.text),
                _ => {}
            }
        }
        path
    }

    /// Adds one event to the tree; `None` ends the parsing.
    fn take(&mut self, event: Event<'_>, span: SourceSpan) -> Option<()> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.count(span)?;
                self.anchored(anchor, span);
                let refused = self.tagged(tag.as_deref().map(ToString::to_string), span);
                let kind = if refused { Kind::Refused } else { self.scalar(&text, style, span) };
                self.complete(Node { span, kind });
            }
            Event::SequenceStart(anchor, tag) => {
                self.begin(Kind::Sequence(Vec::new()), anchor, tag.map(|t| t.to_string()), span)?;
            }
            Event::MappingStart(anchor, tag) => {
                self.begin(Kind::Mapping(Vec::new()), anchor, tag.map(|t| t.to_string()), span)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Open { mut node, refused, .. } = self.open.pop().expect("ends match starts");
                node.span.end = span.end;
                if refused {
                    node.kind = Kind::Refused;
                }
                self.complete(node);
            }
            Event::Alias(_) => {
                self.count(span)?;
                self.report(
                    Code::AliasNotAllowed,
                    span,
                    "an alias stands here",
                    "write the value out",
                );
                self.complete(Node { span, kind: Kind::Refused });
            }
            Event::StreamStart | Event::StreamEnd | Event::Nothing => {}
            Event::DocumentStart(_) | Event::DocumentEnd => {}
        }
        Some(())
    }

    fn count(&mut self, span: SourceSpan) -> Option<()> {
        self.n += 1;
        if MAX_NODES < self.n {
            self.too_many(span);
            return None;
        }
        Some(())
    }

    fn too_many(&mut self, span: SourceSpan) {
        let message = format!("more than {MAX_NODES} values in one file");
        let help = "put long series into CSV files and refer to them";
        self.report(Code::TooLarge, span, message, help);
    }

    fn anchored(&mut self, anchor: usize, span: SourceSpan) {
        if anchor != 0 {
            self.report(
                Code::AliasNotAllowed,
                span,
                "an anchor (`&..`) stands before this value",
                "remove it and write the value out where its aliases are",
            );
        }
    }

    /// Reports a tag; says whether there was one.
    fn tagged(&mut self, tag: Option<String>, span: SourceSpan) -> bool {
        if let Some(tag) = &tag {
            let tag = tag.replace("tag:yaml.org,2002:!", "!!");
            let message = format!("the tag `{}` stands before this value", shortened(&tag));
            self.report(
                Code::TagNotAllowed,
                span,
                message,
                "remove the tag: the field decides how its value is read",
            );
        }
        tag.is_some()
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, span: SourceSpan) -> Kind {
        if MAX_SCALAR_BYTES < text.len() {
            let message = format!("a text of {} bytes", text.len());
            self.report(Code::TooLarge, span, message, "at most 1 MiB is read");
            return Kind::Refused;
        }
        let style = if style == ScalarStyle::Plain { Style::Plain } else { Style::Quoted };
        Kind::Scalar { text: text.to_owned(), style }
    }

    fn begin(
        &mut self,
        kind: Kind,
        anchor: usize,
        tag: Option<String>,
        span: SourceSpan,
    ) -> Option<()> {
        self.count(span)?;
        self.anchored(anchor, span);
        let refused = self.tagged(tag, span);
        if MAX_DEPTH <= self.open.len() {
            let message = format!("lists and mappings nest more than {MAX_DEPTH} deep");
            self.report(Code::TooDeep, span, message, "no scenario needs that: flatten it");
            return None;
        }
        let node = Node { span, kind };
        self.open.push(Open { node, key: None, seen: BTreeMap::new(), refused });
        Some(())
    }

    /// Puts a finished node where it belongs: as root, item, key or value.
    fn complete(&mut self, node: Node) {
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        match &mut parent.node.kind {
            Kind::Sequence(items) => items.push(node),
            Kind::Mapping(entries) => match parent.key.take() {
                Some(Some(key)) => entries.push((key, node)),
                Some(None) => {}
                None => {
                    let key = self.key(node);
                    self.open.last_mut().expect("still open").key = Some(key);
                }
            },
            Kind::Scalar { .. } | Kind::Refused => unreachable!("only lists and mappings open"),
        }
    }

    /// The key that `node` is, or `None` if it is refused.
    fn key(&mut self, node: Node) -> Option<Key> {
        let span = node.span;
        let text = match node.kind {
            Kind::Scalar { text, .. } if !text.is_empty() => text,
            Kind::Refused => return None,
            _ => {
                let read = format!("read {} as a key", node.described());
                self.report(Code::WrongType, span, read, "a key is a word");
                return None;
            }
        };
        if text == "<<" {
            self.report(
                Code::MergeKey,
                span,
                "a merge key `<<` stands here",
                "write the keys of the merged mapping out",
            );
            return None;
        }
        if MAX_KEY_BYTES < text.len() {
            self.report(
                Code::TooLarge,
                span,
                format!("a key of {} bytes", text.len()),
                "a key is a word",
            );
            return None;
        }
        let seen = &mut self.open.last_mut().expect("a key stands in a mapping").seen;
        if let Some(line) = seen.get(&text).copied() {
            let message = format!("the key `{text}` stands in line {line} already");
            self.report(Code::DuplicateKey, span, message, "remove one of the two");
            return None;
        }
        seen.insert(text.clone(), span.start.line);
        Some(Key { span, text })
    }

    fn syntax_error(&mut self, error: &ScanError, end: Position) {
        // The parser counts one line too many where the text ends without a line end.
        let at = self.position(error.marker()).min(end);
        let span = SourceSpan { source: self.source, start: at, end: at };
        let info = error.info();
        if info.contains("unknown anchor") {
            self.report(
                Code::AliasNotAllowed,
                span,
                "an alias stands here",
                "write the value out; a text that starts with `*` needs quotes",
            );
            return;
        }
        let too_deep = info.contains("recursion");
        let code = if too_deep { Code::TooDeep } else { Code::YamlSyntax };
        let message = format!("this is not YAML: {info}");
        self.report(code, span, message, syntax_help(info));
    }

    fn span(&self, span: saphyr_parser::Span) -> SourceSpan {
        let (start, end) = (self.position(&span.start), self.position(&span.end));
        SourceSpan { source: self.source, start, end }
    }

    fn position(&self, marker: &Marker) -> Position {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let shift = if marker.line() <= 1 { self.shift } else { 0 };
        Position { line: number(marker.line()), column: number(marker.col() + 1 + shift) }
    }
}

/// What is allowed instead of what `code` refuses.
const fn allowed(code: Code) -> &'static str {
    match code {
        Code::SeveralDocuments => "one document in a file",
        Code::AliasNotAllowed => "values without anchors and aliases",
        Code::TagNotAllowed => "values without tags",
        Code::MergeKey => "keys that are written out",
        Code::DuplicateKey => "each key once",
        Code::TooDeep => "at most 64 levels of lists and mappings",
        Code::TooLarge => "250000 values, texts of 1 MiB, keys of 256 bytes",
        _ => "YAML 1.2 mappings, lists and scalars",
    }
}

/// What probably mends a syntax error that the parser describes with `info`.
fn syntax_help(info: &str) -> &'static str {
    let has = |word| info.contains(word);
    if has("tab") {
        "indent with spaces instead of tabs"
    } else if has("flow") || has("bracket") || has("']'") || has("'}'") {
        "close every `[` and `{`, and separate items with commas"
    } else if has("quote") {
        "close the quotes"
    } else if has("mapping values") || has("simple key") || has("':'") {
        "write `key: value` with a space; a text with `: ` in it needs quotes"
    } else {
        "look at the indentation: keys of one mapping start in the same column"
    }
}
