//! The facts of a run, with the fingerprint that tells two runs apart.

use crate::units::Time;

use super::{FNV_OFFSET, Fact, What, absorb};

/// The facts of a run in order of time, with their fingerprint.
#[derive(Clone, Debug)]
pub struct FactLog {
    facts: Vec<Fact>,
    hash: u64,
}

impl Default for FactLog {
    fn default() -> Self {
        Self { facts: Vec::new(), hash: FNV_OFFSET }
    }
}

impl FactLog {
    /// Adds a fact.
    ///
    /// # Panics
    /// If it lies before the last one: time never goes back.
    pub fn push(&mut self, at: Time, what: What) {
        assert!(self.facts.last().is_none_or(|last| last.at <= at), "time goes back at {at}");
        self.hash = what.absorb_into(absorb(self.hash, at.nanos().cast_unsigned()));
        self.facts.push(Fact { at, what });
    }

    /// All facts, in order.
    #[must_use]
    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// Absorbs further numbers of the run, such as request counts, into the fingerprint.
    pub fn absorb(&mut self, value: u64) {
        self.hash = absorb(self.hash, value);
    }

    /// The fingerprint: equal runs have equal ones.
    #[must_use]
    pub const fn fingerprint(&self) -> u64 {
        self.hash
    }
}
