//! Where a value stands: file, lines and columns, and the path of its field.

use std::fmt;
use std::sync::Arc;

/// One of the texts that a scenario was read from, an index into [`super::Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SourceId(u32);

impl SourceId {
    /// The source with this index.
    #[must_use]
    pub fn new(index: usize) -> Self {
        Self(u32::try_from(index).expect("a scenario has few sources"))
    }

    /// The index of this source.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A character of a text: line and column, both counted from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl Default for Position {
    fn default() -> Self {
        Self { line: 1, column: 1 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A stretch of one source, from `start` up to but without `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SourceSpan {
    /// The text.
    pub source: SourceId,
    /// Its first character.
    pub start: Position,
    /// The character after its last.
    pub end: Position,
}

impl SourceSpan {
    /// The empty stretch at the start of `self`: where something that is missing belongs.
    #[must_use]
    pub const fn head(self) -> Self {
        Self { source: self.source, start: self.start, end: self.start }
    }
}

/// A field's place for messages: its span and its path such as `workloads[0].hpa.minReplicas`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Where the value stands; for a default, where its section starts.
    pub span: SourceSpan,
    /// The path from the top of the scenario; empty for the scenario itself.
    pub path: Arc<str>,
}

impl Place {
    /// The place of `path` at `span`.
    #[must_use]
    pub fn new(span: SourceSpan, path: &str) -> Self {
        Self { span, path: Arc::from(path) }
    }
}
