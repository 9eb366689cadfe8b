//! YAML text to [`Node`] tree: the one module that knows the YAML parser.

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::diagnostic::{Code, Diagnostic, Diagnostics};
use super::node::{Key, Kind, Node, Style};
use super::source::Sources;
use super::span::{Place, Position, SourceId, SourceSpan};

/// The tree of source `id`, or `None` if its syntax is wrong.
#[must_use]
pub fn parse(sources: &Sources, id: SourceId, diagnostics: &mut Diagnostics) -> Option<Node> {
    let parser = Parser::new_from_str(sources.get(id).text());
    let mut stack: Vec<Node> = Vec::new();
    let mut keys: Vec<Option<Key>> = Vec::new();
    let mut root = None;
    for event in parser {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                let here = position(error.marker());
                let span = SourceSpan { source: id, start: here, end: here };
                let place = Place::new(span, "");
                diagnostics.push(Diagnostic::error(Code::YamlSyntax, place, error.info()));
                return None;
            }
        };
        let span =
            SourceSpan { source: id, start: position(&span.start), end: position(&span.end) };
        let complete = match event {
            Event::Scalar(text, style, _, _) => {
                let style = if style == ScalarStyle::Plain { Style::Plain } else { Style::Quoted };
                Node { span, kind: Kind::Scalar { text: text.into_owned(), style } }
            }
            Event::SequenceStart(..) => {
                stack.push(Node { span, kind: Kind::Sequence(Vec::new()) });
                keys.push(None);
                continue;
            }
            Event::MappingStart(..) => {
                stack.push(Node { span, kind: Kind::Mapping(Vec::new()) });
                keys.push(None);
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                keys.pop();
                stack.pop().expect("ends match starts")
            }
            Event::Alias(_) => Node { span, kind: Kind::Refused },
            _ => continue,
        };
        match stack.last_mut() {
            None => root = Some(complete),
            Some(Node { kind: Kind::Sequence(items), .. }) => items.push(complete),
            Some(Node { kind: Kind::Mapping(entries), .. }) => {
                let waiting = keys.last_mut().expect("one per open node");
                match waiting.take() {
                    Some(key) => entries.push((key, complete)),
                    None => {
                        let text = complete.text().unwrap_or("").to_owned();
                        *waiting = Some(Key { span: complete.span, text });
                    }
                }
            }
            Some(_) => unreachable!("only lists and mappings are open"),
        }
    }
    root
}

fn position(marker: &saphyr_parser::Marker) -> Position {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Position { line: number(marker.line()), column: number(marker.col() + 1) }
}
