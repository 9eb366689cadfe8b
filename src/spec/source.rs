//! The texts a scenario comes from.

use super::span::SourceId;

/// One text with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    name: String,
    text: String,
}

impl Source {
    /// How messages call it: the path as it was typed, `-` or `--set`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text, without byte order mark.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Line `number`, counted from 1, without its line end.
    #[must_use]
    pub fn line(&self, number: u32) -> Option<&str> {
        self.text.lines().nth(number.checked_sub(1)? as usize)
    }
}

/// All texts of one scenario; a span names its text by index.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    sources: Vec<Source>,
}

impl Sources {
    /// Adds a text under a name.
    pub fn add(&mut self, name: &str, text: &str) -> SourceId {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
        self.sources.push(Source { name: name.to_owned(), text });
        SourceId::new(self.sources.len() - 1)
    }

    /// The text with this id.
    #[must_use]
    pub fn get(&self, id: SourceId) -> &Source {
        &self.sources[id.index()]
    }
}
