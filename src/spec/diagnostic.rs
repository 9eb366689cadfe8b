//! What is wrong with a text, said so that it can be mended: one [`Diagnostic`] per mistake.

use std::fmt;

use serde::Serialize;

use super::span::Place;

/// Declares the codes: meaning, variant, stable name.
macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident $name:literal;)+) => {
        /// The kind of a mistake; its kebab-case name is stable, so scripts and tests can rely on
        /// it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Code {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Code {
            /// All kinds, in the order of their reference page.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable name, e.g. `unknown-key`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// What it means, line by line.
            #[must_use]
            pub const fn doc(self) -> &'static [&'static str] {
                match self {
                    $(Self::$variant => &[$($doc),+],)+
                }
            }
        }
    };
}

codes! {
    /// The file cannot be read: missing, a folder, no permission, not a regular file.
    Unreadable "unreadable";
    /// Nothing is in the file, or only comments.
    EmptyFile "empty-file";
    /// The bytes are not UTF-8 text.
    NotUtf8 "not-utf8";
    /// A character that no text file has: NUL and other control characters.
    ControlCharacter "control-character";
    /// A limit on size or number is passed.
    TooLarge "too-large";
    /// Lists and mappings nest too deeply.
    TooDeep "too-deep";
    /// The text is not YAML.
    YamlSyntax "yaml-syntax";
    /// More than one YAML document in the file.
    SeveralDocuments "several-documents";
    /// YAML anchors and aliases are not allowed.
    AliasNotAllowed "alias-not-allowed";
    /// YAML tags are not allowed.
    TagNotAllowed "tag-not-allowed";
    /// YAML merge keys are not allowed.
    MergeKey "merge-key";
    /// The same key occurs twice in one mapping.
    DuplicateKey "duplicate-key";
    /// A key that this section does not have.
    UnknownKey "unknown-key";
    /// A key that must be given is not there.
    MissingKey "missing-key";
    /// A list, mapping or scalar stands where another kind belongs.
    WrongType "wrong-type";
    /// A plain word that YAML dialects read differently, such as `no`.
    AmbiguousScalar "ambiguous-scalar";
    /// Not a number where one belongs.
    NotANumber "not-a-number";
    /// Infinite, not a number, or too large or small to be held exactly enough.
    NotFinite "not-finite";
    /// A quantity with a missing or unknown unit.
    BadUnit "bad-unit";
    /// Well-formed, but not between the allowed bounds.
    OutOfRange "out-of-range";
    /// A word that is not among the choices.
    UnknownChoice "unknown-choice";
    /// Not allowed as a name.
    BadName "bad-name";
    /// Two items of a list have the same name.
    DuplicateName "duplicate-name";
    /// A name that nothing in the scenario has.
    UnknownReference "unknown-reference";
    /// Things that need each other in a circle.
    Cycle "cycle";
    /// Values that are each allowed, but not together.
    Contradiction "contradiction";
    /// The scenario is written for another version of the schema.
    SchemaVersion "schema-version";
    /// A `--set` path that leads nowhere.
    UnknownPath "unknown-path";
    /// A trace or table file is malformed.
    BadTable "bad-table";
    /// A field of a manifest that no Kubernetes type knows; an error with `--strict`.
    UnknownManifestField "unknown-manifest-field";
    /// A field of a manifest that matters and is not modelled; an error with `--strict`.
    NotModelled "not-modelled";
    /// The run would need more time or memory than is allowed.
    TooCostly "too-costly";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether a diagnostic forbids the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The scenario cannot be run.
    Error,
    /// The scenario can be run, but probably says something that was not meant.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One mistake: what was read and where, what is allowed, and what to type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The kind of the mistake.
    pub code: Code,
    /// Whether it forbids the run.
    pub severity: Severity,
    /// File, line, column and field path.
    pub place: Place,
    /// What was read, in one lowercase sentence without a full stop.
    pub message: String,
    /// What is allowed there.
    pub allowed: Option<String>,
    /// What to type.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error of kind `code` at `place`.
    #[must_use]
    pub fn error(code: Code, place: Place, message: impl Into<String>) -> Self {
        let (message, severity) = (message.into(), Severity::Error);
        Self { code, severity, place, message, allowed: None, help: None }
    }

    /// A warning of kind `code` at `place`.
    #[must_use]
    pub fn warning(code: Code, place: Place, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, place, message) }
    }

    /// Adds what is allowed.
    #[must_use]
    pub fn allowed(mut self, allowed: impl Into<String>) -> Self {
        self.allowed = Some(allowed.into());
        self
    }

    /// Adds what to type.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// All mistakes found so far; at most [`Diagnostics::KEPT`] are kept, the others counted.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    kept: Vec<Diagnostic>,
    dropped: usize,
    errors: usize,
}

impl Diagnostics {
    /// How many diagnostics are kept; a bomb must not turn into a heap of messages.
    pub const KEPT: usize = 1_000;

    /// No diagnostics.
    #[must_use]
    pub const fn new() -> Self {
        Self { kept: Vec::new(), dropped: 0, errors: 0 }
    }

    /// Adds `diagnostic`, unless the same was said of the same place: a workload is decoded once
    /// for each of its clusters, but a mistake in it is one mistake.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let said = |old: &Diagnostic| {
            (old.code, old.place.span, &old.message)
                == (diagnostic.code, diagnostic.place.span, &diagnostic.message)
        };
        if !self.is_full() && self.kept.iter().any(said) {
            return;
        }
        self.errors += usize::from(diagnostic.severity == Severity::Error);
        if self.kept.len() < Self::KEPT {
            self.kept.push(diagnostic);
        } else {
            self.dropped += 1;
        }
    }

    /// Adds all of `others`.
    pub fn append(&mut self, others: Self) {
        let Self { kept, dropped, errors } = others;
        let dropped_errors = errors - kept.iter().filter(|d| d.severity == Severity::Error).count();
        for diagnostic in kept {
            self.push(diagnostic);
        }
        self.dropped += dropped;
        self.errors += dropped_errors;
    }

    /// The same, with every warning of one of `codes` as an error.
    #[must_use]
    pub fn with_errors(mut self, codes: &[Code]) -> Self {
        for diagnostic in &mut self.kept {
            if diagnostic.severity == Severity::Warning && codes.contains(&diagnostic.code) {
                diagnostic.severity = Severity::Error;
                self.errors += 1;
            }
        }
        self
    }

    /// Whether further ones are only counted, so that good advice is not worth computing.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        Self::KEPT <= self.kept.len()
    }

    /// Whether an error is among them, so that the scenario cannot be run.
    #[must_use]
    pub const fn has_errors(&self) -> bool {
        0 < self.errors
    }

    /// How many errors and how many warnings there are, the dropped ones included.
    #[must_use]
    pub const fn totals(&self) -> (usize, usize) {
        (self.errors, self.len() - self.errors)
    }

    /// Whether there is nothing to say.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// How many there are, the dropped ones included.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.kept.len() + self.dropped
    }

    /// The kept diagnostics in the order of the sources and their text.
    #[must_use]
    pub fn sorted(&self) -> Vec<&Diagnostic> {
        let mut sorted: Vec<&Diagnostic> = self.kept.iter().collect();
        // A stable sort: mistakes at one place stay in the order they were found.
        sorted.sort_by_key(|diagnostic| diagnostic.place.span);
        sorted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Position, SourceId, SourceSpan};

    fn at(line: u32, message: &str) -> Diagnostic {
        let here = Position { line, column: 1 };
        let span = SourceSpan { source: SourceId::new(0), start: here, end: here };
        Diagnostic::error(Code::OutOfRange, Place::new(span, ""), message)
    }

    /// The same mistake counts once, each other one is kept up to the limit and then counted.
    #[test]
    fn mistakes_are_kept_once_and_counted() {
        let mut diagnostics = Diagnostics::new();
        diagnostics.push(at(2, "b"));
        diagnostics.push(at(1, "a"));
        diagnostics.push(at(2, "b"));
        let messages: Vec<_> = diagnostics.sorted().iter().map(|d| d.message.clone()).collect();
        assert_eq!(messages, ["a", "b"]);
        for line in 3..2_000 {
            diagnostics.push(at(line, "c"));
        }
        assert_eq!((diagnostics.len(), diagnostics.sorted().len()), (1_999, Diagnostics::KEPT));
        let mut all = Diagnostics::new();
        all.push(Diagnostic { severity: Severity::Warning, ..at(1, "w") });
        assert!(!all.has_errors() && !all.is_empty());
        all.append(diagnostics);
        assert_eq!(all.totals(), (1_999, 1));
    }

    /// The name in the text and in JSON is the same for a code, kebab-case.
    #[test]
    fn codes_have_one_name() {
        for code in Code::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.name());
        }
    }
}
