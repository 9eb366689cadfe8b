//! Draws for the swarms: everything about a case follows from its number.

use tideover::sim::streams::{Cursor, Stream};

/// Draws for one part of a case.
pub(crate) struct Draw(Cursor);

impl Draw {
    /// The draws for `part` of case `case`; those of other parts do not move them.
    pub(crate) fn of(case: u64, part: &str) -> Self {
        Self(Cursor::new(Stream::new(case, 0, "swarm", part)))
    }

    /// A whole number from `least` to `most`.
    pub(crate) fn between(&mut self, least: usize, most: usize) -> usize {
        least + self.0.next_below(most - least + 1)
    }

    /// True in about `percent` of 100.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.0.next_below(100) < percent
    }

    /// One of several texts.
    pub(crate) fn one_of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.0.next_below(all.len())]
    }
}
