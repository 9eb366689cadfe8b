//! Leaving a node group alone after it could not grow.
//!
//! Follows utils/backoff/exponential_backoff.go.

use crate::units::{Span, Time};

/// How long a failed group is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackoffRules {
    /// After the first failure.
    pub initial: Span,
    /// Longest.
    pub max: Span,
    /// A group that has not failed for this long starts anew.
    pub reset: Span,
}

impl BackoffRules {
    /// Upstream's defaults (config/flags/flags.go).
    pub const DEFAULT: Self = Self {
        initial: Span::from_secs(300),
        max: Span::from_secs(1_800),
        reset: Span::from_secs(10_800),
    };
}

/// The back-off of one node group; `E` says what failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff<E> {
    last: Option<Failed<E>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Failed<E> {
    at: Time,
    length: Span,
    until: Time,
    error: E,
}

impl<E: Copy> Backoff<E> {
    /// A group that has not failed.
    #[must_use]
    pub const fn new() -> Self {
        Self { last: None }
    }

    /// A scale-up failed; returns until when the group is left alone.
    ///
    /// The length doubles only if the previous back-off was over: several scale-ups that fail at
    /// the same time count as one.
    pub fn fail(&mut self, rules: BackoffRules, error: E, now: Time) -> Time {
        let length = match self.last {
            Some(last) if last.until < now => (last.length + last.length).min(rules.max),
            Some(_) | None => rules.initial,
        };
        let until = now + length;
        self.last = Some(Failed { at: now, length, until, error });
        until
    }

    /// What failed, while the group is left alone.
    #[must_use]
    pub fn status(&self, now: Time) -> Option<E> {
        self.last.filter(|last| now < last.until).map(|last| last.error)
    }

    /// Forgets all failures.
    pub const fn remove(&mut self) {
        self.last = None;
    }

    /// Forgets failures that lie more than the reset time back.
    pub fn remove_stale(&mut self, rules: BackoffRules, now: Time) {
        if self.last.is_some_and(|last| last.at + rules.reset < now) {
            self.remove();
        }
    }
}
