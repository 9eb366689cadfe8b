//! A report apart from its format: headings, paragraphs, tables, lists, commands and figures.
//!
//! What a report says is made once, in [`super::planning`]; a renderer such as
//! [`super::markdown`] knows one format and no figure.

/// A report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its title.
    pub title: String,
    /// Its parts in order.
    pub sections: Vec<Section>,
}

/// A part of a report under its own heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The heading.
    pub heading: String,
    /// What it says.
    pub blocks: Vec<Block>,
}

impl Section {
    /// A part with its heading.
    #[must_use]
    pub fn new(heading: &str, blocks: Vec<Block>) -> Self {
        Self { heading: heading.to_owned(), blocks }
    }
}

/// A piece of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// Some sentences.
    Paragraph(Words),
    /// Points without an order.
    List(Vec<Words>),
    /// Rows and columns.
    Table(Table),
    /// What to type into a shell.
    Command(String),
    /// A picture that lies beside the report.
    Figure {
        /// Name of its file.
        file: String,
        /// What it shows.
        caption: String,
    },
}

/// Rows and columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Names of the columns, and how their cells stand.
    pub columns: Vec<(String, Align)>,
    /// As many cells each as there are columns.
    pub rows: Vec<Vec<Words>>,
}

/// How the cells of a column stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

impl Table {
    /// A table without rows; columns whose name begins with `#` hold numbers and are called what
    /// follows it.
    #[must_use]
    pub fn new(columns: &[&str]) -> Self {
        let column = |name: &&str| match name.strip_prefix('#') {
            Some(name) => (name.trim_start().to_owned(), Align::Right),
            None => ((*name).to_owned(), Align::Left),
        };
        Self { columns: columns.iter().map(column).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    ///
    /// # Panics
    /// If it has not as many cells as there are columns.
    pub fn add<W: Into<Words>>(&mut self, cells: impl IntoIterator<Item = W>) {
        let row: Vec<Words> = cells.into_iter().map(Into::into).collect();
        assert_eq!(row.len(), self.columns.len(), "a cell for each column");
        self.rows.push(row);
    }
}

/// A text in which some words stand out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// Its pieces in order.
    pub pieces: Vec<Piece>,
}

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Ordinary words.
    Plain(String),
    /// Words that matter.
    Strong(String),
    /// Something to type, or a name in a file.
    Code(String),
}

impl Words {
    /// No words, to begin with.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds ordinary words.
    #[must_use]
    pub fn plain(self, text: impl Into<String>) -> Self {
        self.with(Piece::Plain(text.into()))
    }

    /// Adds words that matter.
    #[must_use]
    pub fn strong(self, text: impl Into<String>) -> Self {
        self.with(Piece::Strong(text.into()))
    }

    /// Adds something to type, or a name in a file.
    #[must_use]
    pub fn code(self, text: impl Into<String>) -> Self {
        self.with(Piece::Code(text.into()))
    }

    fn with(mut self, piece: Piece) -> Self {
        self.pieces.push(piece);
        self
    }
}

impl From<&str> for Words {
    fn from(text: &str) -> Self {
        Self::new().plain(text)
    }
}

impl From<String> for Words {
    fn from(text: String) -> Self {
        Self::new().plain(text)
    }
}
