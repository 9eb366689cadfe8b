//! What a section consists of, and the macros that declare one beside its component.

use super::decode::{Decode, Decoder};
use super::node::Node;

/// Whether a field may be left out, and what it is then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It must be given.
    Required,
    /// It may be left out and is then nothing, or an empty list.
    Optional,
    /// It is this text when left out, read like a user's.
    Default(&'static str),
    /// A section that may be left out if all its fields may.
    Section,
    /// A list or map with between `least` and `most` items; left out, it is empty.
    List {
        /// Fewest items.
        least: usize,
        /// Most items.
        most: usize,
    },
}

/// The least and greatest value of a range, both in it, as a user would write them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Range {
    /// The least value.
    pub least: &'static str,
    /// The greatest value.
    pub most: &'static str,
}

/// How well its source supports a default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Confidence {
    /// Somebody who knows wrote it down, or it is a choice that is no claim about the world.
    Sourced,
    /// A guess, because nobody published the value.
    Low,
}

/// One field of a section.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The key as it is written in the file.
    pub key: &'static str,
    /// The documentation, line by line.
    pub doc: &'static [&'static str],
    /// Whether it may be left out.
    pub presence: Presence,
    /// Where the default is documented; empty if there is none.
    pub source: &'static str,
    /// How well the source supports the default.
    pub confidence: Confidence,
    /// Between which values a guess may lie, where something is known about that.
    pub plausible: Option<Range>,
    /// The bounds of its scalar, or of each of its scalars.
    pub range: Option<Range>,
    /// Whether the items of its list must have different names.
    pub unique: bool,
    /// What may be written.
    pub shape: fn() -> Shape,
    /// Whether its type reads a node.
    pub(super) reads: fn(&Node, &mut Decoder<'_>) -> bool,
    /// Whether its type has a value for a key that is not there.
    pub(super) may_be_absent: fn() -> bool,
}

impl Field {
    /// A field of type `T` as the macro declares it.
    #[must_use]
    pub const fn new<T: Decode>(
        key: &'static str,
        doc: &'static [&'static str],
        presence: Presence,
    ) -> Self {
        Self {
            key,
            doc,
            presence,
            source: "",
            confidence: Confidence::Sourced,
            plausible: None,
            range: None,
            unique: false,
            shape: T::shape,
            reads: |node, cx| T::decode(node, cx).is_some(),
            may_be_absent: || T::absent().is_some(),
        }
    }

    /// The same field with the documentation of its default.
    #[must_use]
    pub const fn source(self, source: &'static str) -> Self {
        Self { source, ..self }
    }

    /// The same field, whose default nobody published: it is our guess.
    #[must_use]
    pub const fn low(self) -> Self {
        Self { confidence: Confidence::Low, ..self }
    }

    /// The same field, whose default is a guess between two values.
    #[must_use]
    pub const fn low_between(self, least: &'static str, most: &'static str) -> Self {
        Self { plausible: Some(Range::new(least, most)), ..self.low() }
    }

    /// The same field with bounds.
    #[must_use]
    pub const fn range(self, least: &'static str, most: &'static str) -> Self {
        Self { range: Some(Range::new(least, most)), ..self }
    }

    /// The same field, whose items have different names.
    #[must_use]
    pub const fn unique(self) -> Self {
        Self { unique: true, ..self }
    }

    /// The first sentence of the documentation.
    #[must_use]
    pub fn summary(&self) -> String {
        let doc = self.doc.join("");
        let doc = doc.trim();
        match doc.find(". ") {
            Some(end) => doc[..end].to_owned(),
            None => doc.trim_end_matches('.').to_owned(),
        }
    }
}

/// A mapping with known keys.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// Name of the Rust type.
    pub name: &'static str,
    /// The documentation, line by line.
    pub doc: &'static [&'static str],
    /// The fields in the order of the reference.
    pub fields: &'static [Field],
}

impl Section {
    /// The field with this key.
    #[must_use]
    pub fn field(&self, key: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.key == key)
    }

    /// The known keys.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.fields.iter().map(|field| field.key)
    }
}

/// An externally tagged choice: a mapping with exactly one key, or a word.
#[derive(Clone, Copy, Debug)]
pub struct OneOf {
    /// Name of the Rust type.
    pub name: &'static str,
    /// The documentation, line by line.
    pub doc: &'static [&'static str],
    /// What may be chosen.
    pub variants: &'static [Variant],
}

impl OneOf {
    /// How the variants are written: "`none`, `exponential: ..`".
    #[must_use]
    pub fn forms(&self) -> String {
        let form = |variant: &Variant| match variant.shape {
            Some(_) => format!("`{}: ..`", variant.key),
            None => format!("`{}`", variant.key),
        };
        self.variants.iter().map(form).collect::<Vec<_>>().join(", ")
    }
}

/// One possibility of a choice.
#[derive(Clone, Copy, Debug)]
pub struct Variant {
    /// The word as it is written in the file.
    pub key: &'static str,
    /// The documentation, line by line.
    pub doc: &'static [&'static str],
    /// What stands under it, if anything.
    pub shape: Option<fn() -> Shape>,
}

/// What may be written in a place.
#[derive(Clone, Debug)]
pub enum Shape {
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer,
    /// A decimal number.
    Number,
    /// A text of a certain form, e.g. "a name".
    Text(&'static str),
    /// A number with its unit, e.g. "a duration such as 90s".
    Quantity(&'static str),
    /// One of several words.
    Choice(&'static OneOf),
    /// A mapping with known keys.
    Section(&'static Section),
    /// One of several tagged contents.
    OneOf(&'static OneOf),
    /// A list.
    List(Box<Shape>),
    /// A mapping from names.
    NameMap(Box<Shape>),
}

impl Shape {
    /// What may be written, in words: "a list of mappings".
    #[must_use]
    pub fn described(&self) -> String {
        match self {
            Self::Boolean => "true or false".to_owned(),
            Self::Integer => "a whole number".to_owned(),
            Self::Number => "a number".to_owned(),
            Self::Text(expected) | Self::Quantity(expected) => (*expected).to_owned(),
            Self::Choice(choice) | Self::OneOf(choice) => format!("one of {}", choice.forms()),
            Self::Section(section) => {
                let keys: Vec<&str> = section.keys().collect();
                format!("a mapping with keys {}", keys.join(", "))
            }
            Self::List(item) => format!("a list; each item {}", item.described()),
            Self::NameMap(value) => {
                format!("a mapping from names; each value {}", value.described())
            }
        }
    }
}

/// Declares a section: the struct, its decoder, its defaults, its schema and its reference.
///
/// Each field reads `"key" field: Type = presence, attributes;` with a documentation comment
/// before it, and becomes a public field of type [`Set<Type>`](crate::spec::Set).
///
/// | presence | when the key is left out |
/// |---|---|
/// | `required` | an error |
/// | `optional` | `None` or an empty list; the type is an `Option`, `Vec` or `NameMap` |
/// | `default "text"` | the text, read as if the user had written it; give its `source` |
/// | `section` | the section's own defaults |
/// | `list 1..=100` | an empty list, or an error if the list may not be empty |
///
/// Attributes: `source "where the default is documented"`; `low confidence` for a default that is
/// a guess, on which a run is said to rest unless the user sets the value, or `low confidence
/// "1s"..="60s"` where it is known between which values it lies; `range 1..=5000` or
/// `range "1s"..="1h"` bounds the scalar (or each scalar of an option or list); `unique` wants
/// different names among the items of a list.
///
/// After the struct, `check path;` names a `fn(&Self, &mut Decoder)` that reports what is wrong
/// between fields.
///
/// ```
/// use tideover::spec::{Code, Decoder, Diagnostic, decode_text, section};
/// use tideover::units::Span;
///
/// section! {
///     /// A health probe.
///     pub struct ProbeSpec {
///         /// Time between probes.
///         "period" period: Span = default "10s", source "core/v1 defaults", range "1s"..="1h";
///         /// Time to answer.
///         "timeout" timeout: Span = default "1s", source "core/v1 defaults", range "1s"..="1h";
///         /// Paths that are probed.
///         "paths" paths: Vec<tideover::spec::Text> = list 0..=10;
///     }
///     check ProbeSpec::check_timeout;
/// }
///
/// impl ProbeSpec {
///     fn check_timeout(&self, cx: &mut Decoder<'_>) {
///         if self.period.value < self.timeout.value {
///             let message = format!("`timeout` {} is above the period", self.timeout.value);
///             let place = self.timeout.place.clone();
///             cx.report(Diagnostic::error(Code::Contradiction, place, message));
///         }
///     }
/// }
///
/// let probe: ProbeSpec = decode_text("timeout: 5s").unwrap();
/// assert_eq!(*probe.period, Span::from_secs(10));
/// assert!(decode_text::<ProbeSpec>("timeout: 60s").is_err());
/// ```
#[macro_export]
macro_rules! section {
    (
        $(#[doc = $doc:literal])*
        $vis:vis struct $name:ident {
            $(
                $(#[doc = $field_doc:literal])*
                $key:literal $field:ident : $ty:ty = $presence:ident
                    $($bound:literal $(..= $top:literal)?)?
                    $(, $attribute:ident $($word:ident)? $($low:literal $(..= $high:literal)?)?)* ;
            )*
        }
        $(check $check:path;)?
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq)]
        $vis struct $name {
            $($(#[doc = $field_doc])* pub $field: $crate::spec::Set<$ty>,)*
        }

        impl $name {
            /// Its keys, defaults and documentation.
            $vis const SECTION: &'static $crate::spec::Section = &$crate::spec::Section {
                name: stringify!($name),
                doc: &[$($doc),*],
                fields: &[$({
                    let field = $crate::spec::Field::new::<$ty>(
                        $key,
                        &[$($field_doc),*],
                        $crate::section!(@presence $presence $($bound $(..= $top)?)?),
                    );
                    $(let field =
                        $crate::section!(
                            @attribute field $attribute $($word)? $($low $(..= $high)?)?
                        );)*
                    field
                }),*],
            };
        }

        impl $crate::spec::Decode for $name {
            fn decode(
                node: &$crate::spec::Node,
                cx: &mut $crate::spec::Decoder<'_>,
            ) -> ::core::option::Option<Self> {
                cx.open(node, Self::SECTION)?;
                // Every field is decoded before the first missing one ends it: all mistakes show.
                $(let $field = cx.field::<$ty>(node, Self::SECTION, $key);)*
                let section = Self { $($field: $field?),* };
                $($check(&section, cx);)?
                ::core::option::Option::Some(section)
            }

            fn shape() -> $crate::spec::Shape {
                $crate::spec::Shape::Section(Self::SECTION)
            }
        }
    };
    (@presence required) => { $crate::spec::Presence::Required };
    (@presence optional) => { $crate::spec::Presence::Optional };
    (@presence section) => { $crate::spec::Presence::Section };
    (@presence default $text:literal) => { $crate::spec::Presence::Default($text) };
    (@presence list $least:literal ..= $most:literal) => {
        $crate::spec::Presence::List { least: $least, most: $most }
    };
    (@attribute $to:ident source $text:literal) => { $to.source($text) };
    (@attribute $to:ident low confidence) => { $to.low() };
    (@attribute $to:ident low confidence $least:literal ..= $most:literal) => {
        $to.low_between(stringify!($least), stringify!($most))
    };
    (@attribute $to:ident unique) => { $to.unique() };
    (@attribute $to:ident range $least:literal ..= $most:literal) => {
        $to.range(stringify!($least), stringify!($most))
    };
}

impl Range {
    /// A range between two literals of Rust source: numbers, or texts in quotes.
    #[must_use]
    pub const fn new(least: &'static str, most: &'static str) -> Self {
        Self { least: unquoted(least), most: unquoted(most) }
    }
}

/// `"1s"` without its quotes; anything else as it is.
const fn unquoted(literal: &'static str) -> &'static str {
    let bytes = literal.as_bytes();
    if bytes.len() < 2 || bytes[0] != b'"' {
        return literal;
    }
    literal.split_at(1).1.split_at(bytes.len() - 2).0
}

/// Declares an externally tagged choice: a mapping with exactly one key, or a plain word for a
/// variant without content.
///
/// ```
/// use tideover::spec::{decode_text, one_of};
/// use tideover::units::Span;
///
/// one_of! {
///     /// How long a request takes.
///     pub enum ServiceTimeSpec {
///         /// Always the same.
///         "constant" => Constant(Span),
///         /// No time at all.
///         "none" => Nothing,
///     }
/// }
///
/// let law: ServiceTimeSpec = decode_text("constant: 40ms").unwrap();
/// assert_eq!(law, ServiceTimeSpec::Constant(Span::from_millis(40)));
/// assert_eq!(decode_text("none"), Ok(ServiceTimeSpec::Nothing));
/// assert!(decode_text::<ServiceTimeSpec>("constnat: 40ms").is_err());
/// ```
#[macro_export]
macro_rules! one_of {
    (
        $(#[doc = $doc:literal])*
        $vis:vis enum $name:ident {
            $($(#[doc = $variant_doc:literal])* $key:literal => $variant:ident $(($ty:ty))?),*
            $(,)?
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq)]
        $vis enum $name {
            $($(#[doc = $variant_doc])* $variant $(($ty))?,)*
        }

        impl $name {
            /// Its variants and their documentation.
            $vis const ONE_OF: &'static $crate::spec::OneOf = &$crate::spec::OneOf {
                name: stringify!($name),
                doc: &[$($doc),*],
                variants: &[$($crate::spec::Variant {
                    key: $key,
                    doc: &[$($variant_doc),*],
                    shape: $crate::one_of!(@shape $($ty)?),
                }),*],
            };
        }

        impl $crate::spec::Decode for $name {
            fn decode(
                node: &$crate::spec::Node,
                cx: &mut $crate::spec::Decoder<'_>,
            ) -> ::core::option::Option<Self> {
                let (key, content) = cx.variant(node, Self::ONE_OF)?;
                $(if key == $key {
                    return $crate::one_of!(@decode cx node content $key $variant $($ty)?);
                })*
                unreachable!("the decoder gives declared variants only")
            }

            fn shape() -> $crate::spec::Shape {
                $crate::spec::Shape::OneOf(Self::ONE_OF)
            }
        }
    };
    (@shape) => { ::core::option::Option::None };
    (@shape $ty:ty) => {
        ::core::option::Option::Some(<$ty as $crate::spec::Decode>::shape)
    };
    (@decode $cx:ident $node:ident $content:ident $key:literal $variant:ident) => {
        {
            $cx.leaf($node.span, $key);
            ::core::option::Option::Some(Self::$variant)
        }
    };
    (@decode $cx:ident $node:ident $content:ident $key:literal $variant:ident $ty:ty) => {
        {
            let content = $content.expect("a variant with content has one");
            $cx.at_key($key, |cx| <$ty as $crate::spec::Decode>::decode(content, cx))
                .map(Self::$variant)
        }
    };
}

/// Declares a choice among words.
///
/// ```
/// use tideover::spec::{choice, decode_text};
///
/// choice! {
///     /// How a lost region answers.
///     pub enum LossMode {
///         /// Connections are refused at once.
///         "refused" => Refused,
///         /// Nothing ever answers.
///         "hang" => Hang,
///     }
/// }
///
/// assert_eq!(decode_text("hang"), Ok(LossMode::Hang));
/// assert_eq!(LossMode::Refused.to_string(), "refused");
/// assert!(decode_text::<LossMode>("hnag").unwrap_err().contains("did you mean `hang`?"));
/// ```
#[macro_export]
macro_rules! choice {
    (
        $(#[doc = $doc:literal])*
        $vis:vis enum $name:ident {
            $($(#[doc = $variant_doc:literal])* $key:literal => $variant:ident),* $(,)?
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis enum $name {
            $($(#[doc = $variant_doc])* $variant,)*
        }

        impl $name {
            /// All values in the order of the reference.
            $vis const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The words and their documentation.
            $vis const CHOICE: &'static $crate::spec::OneOf = &$crate::spec::OneOf {
                name: stringify!($name),
                doc: &[$($doc),*],
                variants: &[$($crate::spec::Variant {
                    key: $key,
                    doc: &[$($variant_doc),*],
                    shape: ::core::option::Option::None,
                }),*],
            };

            /// The word as it is written in the file.
            #[must_use]
            $vis const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $key),* }
            }
        }

        impl ::core::fmt::Display for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::spec::Decode for $name {
            fn decode(
                node: &$crate::spec::Node,
                cx: &mut $crate::spec::Decoder<'_>,
            ) -> ::core::option::Option<Self> {
                let (key, _) = cx.variant(node, Self::CHOICE)?;
                cx.leaf(node.span, key);
                Self::ALL.iter().copied().find(|value| value.as_str() == key)
            }

            fn shape() -> $crate::spec::Shape {
                $crate::spec::Shape::Choice(Self::CHOICE)
            }
        }
    };
}
