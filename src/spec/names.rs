//! Names and free texts: what may reach file names, tables, pages and terminals.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Deref;

use super::decode::{Decode, Decoder};
use super::diagnostic::{Code, Diagnostic};
use super::node::{Kind, Node, Style};
use super::origin::{Origin, Set};
use super::scalar::{Refusal, Scalar, Word, is_ambiguous};
use super::section::Shape;

/// The name of a region, cluster, pool, workload, fault or scenario: an RFC 1123 label, so 1 to
/// 63 lowercase letters, digits and inner hyphens, as Kubernetes wants names of services.
///
/// Such a name is safe as part of a file name, in CSV cells, HTML, SVG and terminals, and two
/// different ones never look alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// The longest name, in characters.
    pub const MAX_CHARS: usize = 63;

    /// `text` as a name.
    ///
    /// # Errors
    /// The exact reason why it is not one.
    pub fn new(text: &str) -> Result<Self, String> {
        match name_mistake(text) {
            Some(reason) => Err(reason),
            None => Ok(Self(text.to_owned())),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names of devices that some systems find in every folder.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

fn name_mistake(text: &str) -> Option<String> {
    let length = text.chars().count();
    if length == 0 || Name::MAX_CHARS < length {
        return Some(format!("{length} characters"));
    }
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if let Some(wrong) = text.chars().find(|&c| !allowed(c)) {
        return Some(format!("the character {}", named_character(wrong)));
    }
    if text.starts_with('-') || text.ends_with('-') {
        return Some("a hyphen at its start or end".to_owned());
    }
    let port = text.strip_prefix("com").or_else(|| text.strip_prefix("lpt"));
    let port = port.is_some_and(|digit| matches!(digit.as_bytes(), [b'0'..=b'9']));
    (port || DEVICES.contains(&text)).then(|| "the name of a device".to_owned())
}

/// A character for a message: itself if it is harmless, and its code point.
fn named_character(c: char) -> String {
    match c {
        ' ' => "space".to_owned(),
        c if c.is_ascii_graphic() => format!("`{c}`"),
        c => format!("U+{:04X}", u32::from(c)),
    }
}

/// The name that `text` probably stands for: lowercase, hyphens instead of anything else.
fn suggested_name(text: &str) -> Option<String> {
    let mut name = String::new();
    for c in text.chars().take(Name::MAX_CHARS) {
        match c.to_ascii_lowercase() {
            c if c.is_ascii_lowercase() || c.is_ascii_digit() => name.push(c),
            _ if name.ends_with('-') => {}
            _ => name.push('-'),
        }
    }
    let name = name.trim_matches('-');
    name_mistake(name).is_none().then(|| name.to_owned())
}

impl Scalar for Name {
    fn read(word: Word<'_>) -> Result<Self, Refusal> {
        if word.style == Style::Plain && is_ambiguous(word.text) {
            return Err(Refusal::new(Code::AmbiguousScalar)
                .because("not a text in every YAML dialect")
                .help(format!("write \"{}\" with quotes if it is a name", word.text)));
        }
        Self::new(word.text).map_err(|reason| {
            let refusal = Refusal::new(Code::BadName).because(reason);
            match suggested_name(word.text) {
                Some(name) => refusal.help(format!("write {name}")),
                None => refusal,
            }
        })
    }

    fn form() -> Shape {
        Shape::Text("a name: 1 to 63 characters a-z, 0-9 and inner hyphens")
    }

    fn shown(&self) -> String {
        self.0.clone()
    }

    fn order(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// One line of free text, such as a title or a question: escaped where it is shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(String);

impl Text {
    /// The longest text, in characters.
    pub const MAX_CHARS: usize = 2_000;

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Scalar for Text {
    fn read(word: Word<'_>) -> Result<Self, Refusal> {
        if word.style == Style::Plain && is_ambiguous(word.text) {
            return Err(Refusal::new(Code::AmbiguousScalar)
                .because("not a text in every YAML dialect")
                .help(format!("write \"{}\" with quotes", word.text)));
        }
        // A block scalar ends with a line end; line ends inside are spaces of one paragraph.
        let text = word.text.trim_end().replace('\n', " ");
        let length = text.chars().count();
        if Self::MAX_CHARS < length {
            return Err(Refusal::new(Code::TooLarge).because(format!("{length} characters")));
        }
        if let Some(wrong) = text.chars().find(|&c| is_hidden(c)) {
            return Err(Refusal::new(Code::ControlCharacter)
                .because(format!("the character {}", named_character(wrong)))
                .help("remove it"));
        }
        Ok(Self(text))
    }

    fn form() -> Shape {
        Shape::Text("a text of at most 2000 characters")
    }

    fn shown(&self) -> String {
        self.0.clone()
    }

    fn order(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Whether `c` is invisible or changes how its neighbours are shown: control characters,
/// direction marks (Unicode Bidi_Control), zero-width characters and line separators.
#[must_use]
pub(super) fn is_hidden(c: char) -> bool {
    const HIDDEN: [std::ops::RangeInclusive<char>; 9] = [
        '\u{ad}'..='\u{ad}',
        '\u{61c}'..='\u{61c}',
        '\u{180e}'..='\u{180e}',
        '\u{200b}'..='\u{200f}',
        '\u{2028}'..='\u{202e}',
        '\u{2060}'..='\u{206f}',
        '\u{feff}'..='\u{feff}',
        '\u{fff9}'..='\u{fffb}',
        '\u{e0000}'..='\u{e007f}',
    ];
    c.is_control() || HIDDEN.iter().any(|range| range.contains(&c))
}

/// A mapping from names to values, in the order of the text.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct NameMap<T> {
    /// The entries; no name occurs twice.
    pub entries: Vec<(Set<Name>, T)>,
}

impl<T> NameMap<T> {
    /// The value under `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&T> {
        self.entries.iter().find(|(known, _)| known.as_str() == name).map(|(_, value)| value)
    }

    /// The entries in the order of the text.
    pub fn iter(&self) -> std::slice::Iter<'_, (Set<Name>, T)> {
        self.entries.iter()
    }
}

impl<'m, T> IntoIterator for &'m NameMap<T> {
    type Item = &'m (Set<Name>, T);
    type IntoIter = std::slice::Iter<'m, (Set<Name>, T)>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T: Decode> Decode for NameMap<T> {
    fn decode(node: &Node, cx: &mut Decoder<'_>) -> Option<Self> {
        let Kind::Mapping(entries) = &node.kind else {
            if node.kind != Kind::Refused {
                cx.wrong_type(node, &Self::shape().described());
            }
            return None;
        };
        let mut decoded = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let entry = cx.at_key(&key.text, |cx| {
                let place = cx.place(key.span);
                let name = Name::new(&key.text).map_err(|reason| {
                    let message =
                        format!("read the name {}: {reason}", super::scalar::quoted(&key.text));
                    let bad = Diagnostic::error(Code::BadName, place.clone(), message);
                    cx.report(bad.allowed(Name::form().described()));
                });
                let value = T::decode(value, cx);
                Some((Set { value: name.ok()?, place, origin: Origin::Given }, value?))
            });
            decoded.extend(entry);
        }
        (decoded.len() == entries.len()).then_some(Self { entries: decoded })
    }

    fn shape() -> Shape {
        Shape::NameMap(Box::new(T::shape()))
    }

    fn absent() -> Option<Self> {
        Some(Self { entries: Vec::new() })
    }
}
