//! Mistakes in the declarations themselves: a test asks for them, so that no user meets them.

use super::decode::Decoder;
use super::manual::{Part, parts_of};
use super::section::{Field, Presence, Range, Section, Shape};

/// What is wrong with the sections under `root`, each as `Section.key: reason`: a default that
/// its own field refuses or that names no source, a bound that is not a value, an optional field
/// whose type cannot be absent, a field or section without documentation.
#[must_use]
pub fn declaration_mistakes(root: &Shape) -> Vec<String> {
    let mut mistakes = Vec::new();
    for part in parts_of(root) {
        let Part::Section(section) = part else { continue };
        for field in section.fields {
            let found = field_mistakes(section, field).into_iter();
            mistakes.extend(found.map(|why| format!("{}.{}: {why}", section.name, field.key)));
        }
    }
    mistakes
}

fn field_mistakes(section: &Section, field: &Field) -> Vec<String> {
    let mut mistakes = Vec::new();
    if field.doc.is_empty() || section.doc.is_empty() {
        mistakes.push("has no documentation".to_owned());
    }
    let mut check = |what: &str, text: &str| {
        for wrong in Decoder::try_text(field, text).sorted() {
            mistakes.push(format!("{what} `{text}`: {}", wrong.message));
        }
    };
    // Bounds of a field with parts are those of each scalar in it.
    let has_parts = !matches!(
        (field.shape)(),
        Shape::Boolean | Shape::Integer | Shape::Number | Shape::Text(_) | Shape::Quantity(_)
    );
    if let (Some(range), false) = (field.range, has_parts) {
        check("bound", range.least);
        check("bound", range.most);
    }
    if let Some(Range { least, most }) = field.plausible {
        check("plausible end", least);
        check("plausible end", most);
    }
    match field.presence {
        Presence::Default(text) => check("default", text),
        Presence::Optional | Presence::List { least: 0, .. } if !(field.may_be_absent)() => {
            mistakes.push("may be left out, but its type has no value for that".to_owned());
        }
        _ => {}
    }
    if let (Some(_), Presence::Default(text)) = (field.plausible, field.presence) {
        let within = Field { range: field.plausible, ..*field };
        if Decoder::try_text(&within, text).has_errors() {
            mistakes.push(format!("its default `{text}` lies outside what is plausible"));
        }
    }
    if matches!(field.presence, Presence::Default(_)) && field.source.is_empty() {
        mistakes.push("its default names no source".to_owned());
    }
    mistakes
}
