//! The reference page and the list of all defaults, from the declarations of the sections.

use std::fmt::{Result, Write};

use super::schema::doc_text;
use super::section::{Confidence, Field, OneOf, Presence, Range, Section, Shape};

/// A section or choice that is explained under its own heading.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Section(&'static Section),
    OneOf(&'static OneOf),
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Self::Section(section) => section.name,
            Self::OneOf(choice) => choice.name,
        }
    }
}

/// All parts that `root` consists of, each once, in the order in which they are first met.
pub(super) fn parts_of(root: &Shape) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut waiting = vec![root.clone()];
    while let Some(shape) = waiting.pop() {
        let part = match shape {
            Shape::List(inner) | Shape::NameMap(inner) => {
                waiting.push(*inner);
                continue;
            }
            Shape::Section(section) => Part::Section(section),
            Shape::OneOf(choice) | Shape::Choice(choice) => Part::OneOf(choice),
            _ => continue,
        };
        if parts.iter().any(|known| known.name() == part.name()) {
            continue;
        }
        parts.push(part);
        // Reversed, since the last one pushed is looked at first.
        match part {
            Part::Section(section) => {
                waiting.extend(section.fields.iter().rev().map(|field| (field.shape)()));
            }
            Part::OneOf(choice) => {
                let shapes = choice.variants.iter().rev().filter_map(|variant| variant.shape);
                waiting.extend(shapes.map(|shape| shape()));
            }
        }
    }
    parts
}

/// The title that a reader sees for a Rust type: `NodePoolSpec` is "Node pool".
fn heading(name: &str) -> String {
    let bare = name.strip_suffix("Spec").unwrap_or(name);
    let mut words = String::new();
    for (at, c) in bare.char_indices() {
        if c.is_ascii_uppercase() && at > 0 {
            words.push(' ');
            words.push(c.to_ascii_lowercase());
        } else {
            words.push(c);
        }
    }
    words
}

/// The Markdown reference of everything that may stand under `root`.
#[must_use]
pub fn reference(root: &Shape) -> String {
    let mut out = String::new();
    for part in parts_of(root) {
        match part {
            Part::Section(section) => write_section(&mut out, section),
            Part::OneOf(choice) => write_choice(&mut out, choice),
        }
        .expect("a String takes all");
    }
    out
}

fn write_section(out: &mut String, section: &Section) -> Result {
    writeln!(out, "## {}\n\n{}\n", heading(section.name), doc_text(section.doc))?;
    writeln!(out, "| key | value | default | range | meaning |\n|---|---|---|---|---|")?;
    for field in section.fields {
        let range = match (field.range, field.presence) {
            (Some(range), _) => format!("{} to {}", range.least, range.most),
            (None, Presence::List { least, most }) => format!("{least} to {most} items"),
            _ => String::new(),
        };
        let meaning = cell(&doc_text(field.doc));
        let (key, value) = (field.key, cell(&linked(&(field.shape)())));
        writeln!(out, "| `{key}` | {value} | {} | {range} | {meaning} |", default_cell(field))?;
    }
    writeln!(out)
}

fn write_choice(out: &mut String, choice: &OneOf) -> Result {
    writeln!(out, "## {}\n\n{}\n", heading(choice.name), doc_text(choice.doc))?;
    writeln!(out, "| write | content | meaning |\n|---|---|---|")?;
    for variant in choice.variants {
        let content = variant.shape.map_or_else(String::new, |shape| linked(&shape()));
        let meaning = cell(&doc_text(variant.doc));
        writeln!(out, "| `{}` | {} | {meaning} |", variant.key, cell(&content))?;
    }
    writeln!(out)
}

fn default_cell(field: &Field) -> String {
    match field.presence {
        Presence::Required | Presence::List { least: 1.., .. } => "**required**".to_owned(),
        Presence::Default(text) if field.source.is_empty() => format!("`{text}`"),
        Presence::Default(text) => format!("`{text}` ({}{})", cell(field.source), doubt(field)),
        Presence::Optional | Presence::List { .. } => "none".to_owned(),
        Presence::Section => "its defaults".to_owned(),
    }
}

/// The mark of a default that is a guess.
fn doubt(field: &Field) -> String {
    match (field.confidence, field.plausible) {
        (Confidence::Sourced, _) => String::new(),
        (Confidence::Low, None) => "; low confidence".to_owned(),
        (Confidence::Low, Some(Range { least, most })) => {
            format!("; low confidence, {least} to {most}")
        }
    }
}

/// Text that fits into a cell of a Markdown table.
fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}

fn linked(shape: &Shape) -> String {
    match shape {
        Shape::Section(Section { name, .. })
        | Shape::OneOf(OneOf { name, .. })
        | Shape::Choice(OneOf { name, .. }) => {
            let heading = heading(name);
            let anchor = heading.to_lowercase().replace(' ', "-");
            format!("[{heading}](#{anchor})")
        }
        Shape::List(item) => format!("list of {}", linked(item)),
        Shape::NameMap(value) => format!("names with {}", linked(value)),
        other => other.described(),
    }
}

/// Every default with its source, as commented YAML: one block per section.
#[must_use]
pub fn defaults(root: &Shape) -> String {
    let mut out = String::new();
    for part in parts_of(root) {
        let Part::Section(section) = part else { continue };
        let fields = section.fields.iter();
        let given = fields.filter_map(|field| match field.presence {
            Presence::Default(text) => Some((field, text)),
            _ => None,
        });
        let lines: Vec<String> = given
            .map(|(field, text)| {
                let source = if field.source.is_empty() { "our choice" } else { field.source };
                let (summary, key, doubt) = (field.summary(), field.key, doubt(field));
                format!("  # {summary}. Source: {source}{doubt}\n  {key}: {text}\n")
            })
            .collect();
        if !lines.is_empty() {
            out += &format!("{}:\n{}\n", section.name, lines.concat());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Decode, section};
    use crate::units::Span;

    section! {
        /// A health probe.
        struct ProbeSpec {
            /// Time between probes. Jitter comes on top.
            "period" period: Span = default "10s", source "core/v1", range "1s"..="1h";
            /// Time to give up.
            "patience" patience: Span = default "9s", source "a guess", low confidence "1s"..="1m";
        }
    }

    section! {
        /// One workload.
        struct WorkloadSpec {
            /// Its probes.
            "probes" probes: Vec<ProbeSpec> = list 0..=3;
            /// Replicas.
            "replicas" replicas: u32 = required;
        }
    }

    /// The page has one table per part, in the order of the file, and links between them.
    #[test]
    fn the_reference_shows_each_field() {
        let page = reference(&WorkloadSpec::shape());
        let expected = "\
## Workload

One workload.

| key | value | default | range | meaning |
|---|---|---|---|---|
| `probes` | list of [Probe](#probe) | none | 0 to 3 items | Its probes. |
| `replicas` | a whole number | **required** |  | Replicas. |

## Probe

A health probe.

| key | value | default | range | meaning |
|---|---|---|---|---|
| `period` | a duration such as 250ms, 90s, 10m, 1h30m or 2d | `10s` (core/v1) | 1s to 1h \
| Time between probes. Jitter comes on top. |
| `patience` | a duration such as 250ms, 90s, 10m, 1h30m or 2d \
| `9s` (a guess; low confidence, 1s to 1m) |  \
| Time to give up. |

";
        assert_eq!(page, expected);
    }

    /// The list of defaults is YAML with each value's source beside it.
    #[test]
    fn defaults_name_their_source() {
        let listed = defaults(&WorkloadSpec::shape());
        let expected = "\
ProbeSpec:
  # Time between probes. Source: core/v1
  period: 10s
  # Time to give up. Source: a guess; low confidence, 1s to 1m
  patience: 9s

";
        assert_eq!(listed, expected);
    }
}
