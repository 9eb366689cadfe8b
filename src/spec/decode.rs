//! From a tree to typed values, collecting every mistake on the way.

use std::collections::BTreeMap;
use std::fmt;

use super::diagnostic::{Code, Diagnostic, Diagnostics};
use super::nearest::nearest;
use super::node::{Kind, Node, is_null, shortened};
use super::origin::{Origin, Set};
use super::scalar::quoted;
use super::section::{Confidence, Field, OneOf, Presence, Range, Section, Shape};
use super::span::{Place, SourceSpan};

/// A type that a node of the tree can be read as.
///
/// Implemented by [`section!`](crate::section), [`one_of!`](crate::one_of) and, through
/// [`Scalar`](super::Scalar), by everything that is written as one word or number.
pub trait Decode: Sized {
    /// Reads `node`; reports to `cx` whatever is wrong and gives `None` if anything needed is.
    fn decode(node: &Node, cx: &mut Decoder<'_>) -> Option<Self>;

    /// What may be written, for the JSON Schema and the reference page.
    fn shape() -> Shape;

    /// The value of a field that was left out and may be: nothing, or an empty list.
    #[must_use]
    fn absent() -> Option<Self> {
        None
    }
}

/// Other defaults than those of the sections, chosen by a version such as `k8s-1.33`.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    /// Name of the version profile.
    pub name: &'static str,
    /// The defaults that differ.
    pub values: &'static [ProfileValue],
}

/// One default of a [`Profile`].
#[derive(Clone, Copy, Debug)]
pub struct ProfileValue {
    /// Name of the section's Rust type, e.g. `NodeLifecycleSpec`.
    pub section: &'static str,
    /// Key within the section.
    pub key: &'static str,
    /// The default, as a user would write it.
    pub value: &'static str,
    /// Where it is documented.
    pub source: &'static str,
}

/// A decoded value without structure, for `check --explain`.
#[derive(Clone, Debug, PartialEq)]
pub struct Leaf {
    /// Where it stands and its path.
    pub place: Place,
    /// The value as it would be written.
    pub shown: String,
    /// Who chose it.
    pub origin: Origin,
}

/// The state of one decoding: where it is, what it found wrong, what it read.
#[derive(Debug)]
pub struct Decoder<'p> {
    profile: Option<&'p Profile>,
    diagnostics: Diagnostics,
    leaves: Vec<Leaf>,
    path: String,
    origin: Origin,
    range: Option<Range>,
}

impl<'p> Decoder<'p> {
    /// A decoder at the top of a scenario, with the defaults of `profile`.
    #[must_use]
    pub const fn new(profile: Option<&'p Profile>) -> Self {
        Self {
            profile,
            diagnostics: Diagnostics::new(),
            leaves: Vec::new(),
            path: String::new(),
            origin: Origin::Given,
            range: None,
        }
    }

    /// A decoder whose paths start with `path`, e.g. `workloads[2]`.
    #[must_use]
    pub fn at(path: &str, profile: Option<&'p Profile>) -> Self {
        Self { path: path.to_owned(), ..Self::new(profile) }
    }

    /// What was found wrong and what was read.
    #[must_use]
    pub fn finish(self) -> (Diagnostics, Vec<Leaf>) {
        (self.diagnostics, self.leaves)
    }

    /// The place of the field that is being decoded, at `span`.
    #[must_use]
    pub fn place(&self, span: SourceSpan) -> Place {
        Place::new(span, &self.path)
    }

    /// Adds a diagnostic, e.g. from a section's check.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Reports an error at `span` of the field that is being decoded.
    pub fn error(&mut self, code: Code, span: SourceSpan, message: impl Into<String>) {
        self.report(Diagnostic::error(code, self.place(span), message));
    }

    /// Decodes `node` one step further down the path, under `key`.
    pub fn at_key<T>(&mut self, key: &str, step: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        if !self.path.is_empty() {
            self.path.push('.');
        }
        self.path.push_str(key);
        let result = step(self);
        self.path.truncate(length);
        result
    }

    /// Decodes one step further down the path, in item `index` of a list.
    pub fn at_index<T>(&mut self, index: usize, step: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        self.path.push_str(&format!("[{index}]"));
        let result = step(self);
        self.path.truncate(length);
        result
    }

    /// Records a decoded value without structure.
    pub fn leaf(&mut self, span: SourceSpan, shown: &str) {
        let shown = shown.to_owned();
        let leaf = Leaf { place: self.place(span), shown, origin: self.origin };
        self.leaves.push(leaf);
    }

    /// The bounds of the scalars of the field that is being decoded.
    pub(super) const fn range(&self) -> Option<Range> {
        self.range
    }

    /// Reports that `node` is not what `expected` says.
    pub(super) fn wrong_type(&mut self, node: &Node, expected: &str) {
        let place = self.place(node.span);
        let read = format!("read {}", node.described());
        let mut wrong = Diagnostic::error(Code::WrongType, place, read).allowed(expected);
        if node.text().is_some_and(is_null) {
            wrong = wrong.help("give a value, or remove the key to use its default");
        }
        self.report(wrong);
    }

    /// Opens the mapping of `section`: reports a node of another kind and unknown keys.
    pub fn open(&mut self, node: &Node, section: &Section) -> Option<()> {
        match &node.kind {
            Kind::Mapping(entries) => {
                for (key, _) in entries {
                    if section.field(&key.text).is_none() {
                        self.unknown_key(&key.text, key.span, section.keys());
                    }
                }
                Some(())
            }
            Kind::Refused => None,
            _ => {
                let keys: Vec<&str> = section.keys().collect();
                self.wrong_type(node, &format!("a mapping with keys {}", keys.join(", ")));
                None
            }
        }
    }

    fn unknown_key<'k>(
        &mut self,
        key: &str,
        span: SourceSpan,
        known: impl Iterator<Item = &'k str>,
    ) {
        if self.diagnostics.is_full() {
            self.error(Code::UnknownKey, span, "unknown key");
            return;
        }
        let known: Vec<&str> = known.collect();
        let place = self.at_key(key, |cx| cx.place(span));
        let mut unknown =
            Diagnostic::error(Code::UnknownKey, place, format!("unknown key `{key}`"))
                .allowed(format!("the keys {}", known.join(", ")));
        if let Some(meant) = nearest(key, known) {
            unknown = unknown.help(format!("did you mean `{meant}`?"));
        }
        self.report(unknown);
    }

    /// Decodes the field `key` of `section` from its mapping `node`, or its default.
    pub fn field<T: Decode>(
        &mut self,
        node: &Node,
        section: &Section,
        key: &str,
    ) -> Option<Set<T>> {
        let field = section.field(key).expect("the macro asks only for keys it declared");
        let outer = (self.origin, self.range);
        self.range = field.range;
        let decoded = self.at_key(key, |cx| match node.entry(key) {
            Some((_, value)) => cx.given(value, field),
            None => cx.left_out(node.span, section, field),
        });
        (self.origin, self.range) = outer;
        decoded
    }

    fn given<T: Decode>(&mut self, value: &Node, field: &Field) -> Option<Set<T>> {
        self.check_length(value, field);
        if field.unique {
            self.check_unique(value);
        }
        let value_here = T::decode(value, self)?;
        Some(Set { value: value_here, place: self.place(value.span), origin: self.origin })
    }

    fn left_out<T: Decode>(
        &mut self,
        around: SourceSpan,
        section: &Section,
        field: &Field,
    ) -> Option<Set<T>> {
        let here = around.head();
        let (text, origin) = match field.presence {
            Presence::Optional | Presence::List { least: 0, .. } => {
                let value = T::absent().expect("an optional field is an Option or a list");
                return Some(Set { value, place: self.place(here), origin: Origin::Absent });
            }
            Presence::Required | Presence::List { .. } => {
                self.missing(here, field);
                return None;
            }
            Presence::Section => {
                let value = T::decode(&Node::empty_mapping(here), self)?;
                return Some(Set { value, place: self.place(here), origin: Origin::Absent });
            }
            Presence::Default(text) => self.default_of(section, field, text),
        };
        self.origin = origin;
        let value = T::decode(&Node::plain(text, here), self)?;
        Some(Set { value, place: self.place(here), origin })
    }

    fn default_of(
        &self,
        section: &Section,
        field: &Field,
        text: &'static str,
    ) -> (&'static str, Origin) {
        let overruled = self.profile.and_then(|profile| {
            let mut values = profile.values.iter();
            let value = values.find(|v| v.section == section.name && v.key == field.key)?;
            Some((value.value, Origin::Profile { name: profile.name, source: value.source }))
        });
        let source = field.source;
        overruled.unwrap_or(match field.confidence {
            Confidence::Sourced => (text, Origin::Default { source }),
            Confidence::Low => (text, Origin::Assumed { source, plausible: field.plausible }),
        })
    }

    /// What is wrong with `text` as the value of `field`.
    pub(super) fn try_text(field: &Field, text: &str) -> Diagnostics {
        let mut decoder = Decoder { range: field.range, ..Decoder::new(None) };
        let read = (field.reads)(&Node::plain(text, SourceSpan::default()), &mut decoder);
        assert!(read != decoder.diagnostics.has_errors(), "a refusal has a reason");
        decoder.diagnostics
    }

    fn missing(&mut self, here: SourceSpan, field: &Field) {
        let message = format!("`{}` is missing", field.key);
        let allowed = (field.shape)().described();
        let missing = Diagnostic::error(Code::MissingKey, self.place(here), message)
            .allowed(allowed)
            .help(format!("add `{}: ..` ({})", field.key, field.summary()));
        self.report(missing);
    }

    fn check_length(&mut self, value: &Node, field: &Field) {
        let Presence::List { least, most } = field.presence else { return };
        let length = match &value.kind {
            Kind::Sequence(items) => items.len(),
            Kind::Mapping(entries) => entries.len(),
            Kind::Scalar { .. } | Kind::Refused => return,
        };
        if length < least || most < length {
            let message = format!("{length} items");
            let place = self.place(value.span);
            let wrong = Diagnostic::error(Code::OutOfRange, place, message)
                .allowed(format!("{least} to {most} items"));
            self.report(wrong);
        }
    }

    /// Reports items of a list whose `name` another item has already, letter case aside.
    fn check_unique(&mut self, value: &Node) {
        let Kind::Sequence(items) = &value.kind else { return };
        let mut first: BTreeMap<String, (usize, SourceSpan)> = BTreeMap::new();
        for (index, item) in items.iter().enumerate() {
            let Some(name) = item.get("name") else { continue };
            let Some(text) = name.text() else { continue };
            let folded: String = text.chars().flat_map(char::to_lowercase).collect();
            if let Some((other, at)) = first.get(&folded) {
                let message = format!("the name {} is taken by item [{other}]", quoted(text));
                let place = self.at_index(index, |cx| cx.at_key("name", |cx| cx.place(name.span)));
                let taken = Diagnostic::error(Code::DuplicateName, place, message)
                    .allowed("names that differ in more than letter case")
                    .help(format!(
                        "rename one of them; the other stands in line {}",
                        at.start.line
                    ));
                self.report(taken);
            } else {
                first.insert(folded, (index, name.span));
            }
        }
    }

    /// Reads a node of an externally tagged choice: which variant, and its content.
    ///
    /// A variant without content is a plain word; any other a mapping with exactly one key.
    pub fn variant<'n>(
        &mut self,
        node: &'n Node,
        choice: &OneOf,
    ) -> Option<(&'static str, Option<&'n Node>)> {
        let (tag, span, content) = match &node.kind {
            Kind::Scalar { text, .. } if !is_null(text) => (text.as_str(), node.span, None),
            Kind::Mapping(entries) if entries.len() == 1 => {
                (entries[0].0.text.as_str(), entries[0].0.span, Some(&entries[0].1))
            }
            Kind::Refused => return None,
            _ => {
                let read = format!("read {}", node.described());
                let wrong = Diagnostic::error(Code::WrongType, self.place(node.span), read)
                    .allowed(format!("exactly one of {}", choice.forms()));
                self.report(wrong);
                return None;
            }
        };
        let Some(variant) = choice.variants.iter().find(|variant| variant.key == tag) else {
            self.unknown_choice(tag, span, choice.variants.iter().map(|v| v.key));
            return None;
        };
        match (variant.shape.is_some(), content) {
            (true, Some(_)) | (false, None) => Some((variant.key, content)),
            (true, None) => {
                let message = format!("`{tag}` needs its values");
                let wrong = Diagnostic::error(Code::WrongType, self.place(span), message)
                    .help(format!("write `{tag}: {{ .. }}`"));
                self.report(wrong);
                None
            }
            (false, Some(_)) => {
                let message = format!("`{tag}` has no values");
                let wrong = Diagnostic::error(Code::WrongType, self.place(span), message)
                    .help(format!("write only `{tag}`"));
                self.report(wrong);
                None
            }
        }
    }

    /// Reports a word that is not among `known`.
    pub(super) fn unknown_choice<'k>(
        &mut self,
        word: &str,
        span: SourceSpan,
        known: impl Iterator<Item = &'k str>,
    ) {
        if self.diagnostics.is_full() {
            self.error(Code::UnknownChoice, span, "unknown word");
            return;
        }
        let known: Vec<&str> = known.collect();
        let message = format!("unknown word `{}`", shortened(word));
        let mut unknown = Diagnostic::error(Code::UnknownChoice, self.place(span), message)
            .allowed(known.join(", "));
        if let Some(meant) = nearest(word, known) {
            unknown = unknown.help(format!("did you mean `{meant}`?"));
        }
        self.report(unknown);
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode(node: &Node, cx: &mut Decoder<'_>) -> Option<Self> {
        T::decode(node, cx).map(Some)
    }

    fn shape() -> Shape {
        T::shape()
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: Decode> Decode for Set<T> {
    fn decode(node: &Node, cx: &mut Decoder<'_>) -> Option<Self> {
        let value = T::decode(node, cx)?;
        Some(Self { value, place: cx.place(node.span), origin: cx.origin })
    }

    fn shape() -> Shape {
        T::shape()
    }
}

impl<T: Decode> Decode for Vec<T> {
    /// Decodes every item, so that each wrong one is reported.
    fn decode(node: &Node, cx: &mut Decoder<'_>) -> Option<Self> {
        match &node.kind {
            Kind::Sequence(items) => {
                let mut decoded = Self::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    decoded.extend(cx.at_index(index, |cx| T::decode(item, cx)));
                }
                (decoded.len() == items.len()).then_some(decoded)
            }
            Kind::Refused => None,
            _ => {
                cx.wrong_type(node, &Self::shape().described());
                None
            }
        }
    }

    fn shape() -> Shape {
        Shape::List(Box::new(T::shape()))
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }
}

/// Reads `text` as a `T` with the plain defaults: for tests and examples.
///
/// # Errors
/// The rendered diagnostics, if any is an error.
pub fn decode_text<T: Decode>(text: &str) -> Result<T, String> {
    let mut sources = super::Sources::default();
    let mut diagnostics = Diagnostics::new();
    let id = sources.add("text", text);
    let node = super::parse(&sources, id, &mut diagnostics);
    let mut decoder = Decoder::new(None);
    let decoded = node.and_then(|node| T::decode(&node, &mut decoder));
    diagnostics.append(decoder.finish().0);
    match decoded {
        Some(value) if !diagnostics.has_errors() => Ok(value),
        _ => Err(super::render(&diagnostics, &sources)),
    }
}

impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {} [{}]", self.place.path, self.shown, self.origin)
    }
}
