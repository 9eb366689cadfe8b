//! Where a value came from: every decoded field can say who chose it.

use std::fmt;
use std::ops::Deref;

use super::section::Range;
use super::span::{Place, SourceSpan};

/// Who chose a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The user, in the scenario file or with `--set`.
    Given,
    /// Nobody: the default of the system that is simulated.
    Default {
        /// Where that default is documented.
        source: &'static str,
    },
    /// Nobody: a guess, since the default of the system that is simulated is not published. Results
    /// that depend on it have low confidence.
    Assumed {
        /// What is known about it.
        source: &'static str,
        /// Between which values it may lie, if something is known about that.
        plausible: Option<Range>,
    },
    /// The version profile of the scenario.
    Profile {
        /// The profile, e.g. `k8s-1.33`.
        name: &'static str,
        /// Where the profile's value is documented.
        source: &'static str,
    },
    /// A rule, from other values.
    Derived {
        /// The rule in words.
        rule: &'static str,
    },
    /// An optional field that was left out.
    Absent,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given => f.write_str("given"),
            Self::Default { source } => write!(f, "default ({source})"),
            Self::Assumed { source, plausible: None } => {
                write!(f, "default, low confidence ({source})")
            }
            Self::Assumed { source, plausible: Some(Range { least, most }) } => {
                write!(f, "default, low confidence, {least} to {most} ({source})")
            }
            Self::Profile { name, source } => write!(f, "profile {name} ({source})"),
            Self::Derived { rule } => write!(f, "derived: {rule}"),
            Self::Absent => f.write_str("not set"),
        }
    }
}

/// A value together with its place and its origin; reads like the value itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Set<T> {
    /// The value.
    pub value: T,
    /// Where messages about it point to.
    pub place: Place,
    /// Who chose it.
    pub origin: Origin,
}

impl<T> Set<T> {
    /// Where the value stands in its source.
    #[must_use]
    pub const fn span(&self) -> SourceSpan {
        self.place.span
    }

    /// Whether the user wrote the value.
    #[must_use]
    pub fn is_given(&self) -> bool {
        self.origin == Origin::Given
    }

    /// Another value at the same place and of the same origin, such as an item of a list.
    pub fn same_place<U>(&self, value: U) -> Set<U> {
        Set { value, place: self.place.clone(), origin: self.origin }
    }

    /// A value computed from this one by `rule`, standing at the same place.
    pub fn derive<U>(&self, value: U, rule: &'static str) -> Set<U> {
        Set { value, place: self.place.clone(), origin: Origin::Derived { rule } }
    }
}

impl<T> Deref for Set<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}
