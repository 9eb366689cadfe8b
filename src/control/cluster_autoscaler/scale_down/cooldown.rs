//! Whether scale-down rests after a change.
//!
//! Follows `isScaleDownInCooldown` of core/static_autoscaler.go.

use crate::units::{Span, Time};

/// How long scale-down rests after what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delays {
    /// `--scale-down-delay-after-add`.
    pub after_add: Span,
    /// `--scale-down-delay-after-delete`.
    pub after_delete: Span,
    /// `--scale-down-delay-after-failure`.
    pub after_failure: Span,
}

/// When things last happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LastChanges {
    /// A scale-up.
    pub add: Option<Time>,
    /// A node's deletion.
    pub delete: Option<Time>,
    /// A scale-down that failed.
    pub failure: Option<Time>,
}

/// Why scale-down rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cooldown {
    /// Nodes were added.
    AfterAdd,
    /// A deletion failed.
    AfterFailure,
    /// Nodes were deleted.
    AfterDelete,
}

impl Cooldown {
    /// The reason in words for users.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::AfterAdd => "scale-down rests after a scale-up",
            Self::AfterFailure => "scale-down rests after a failure",
            Self::AfterDelete => "scale-down rests after a deletion",
        }
    }
}

/// The reason why scale-down rests now, if it does.
#[must_use]
pub fn cooldown(last: &LastChanges, delays: &Delays, now: Time) -> Option<Cooldown> {
    let rests = |at: Option<Time>, delay: Span| at.is_some_and(|at| now < at + delay);
    if rests(last.add, delays.after_add) {
        Some(Cooldown::AfterAdd)
    } else if rests(last.failure, delays.after_failure) {
        Some(Cooldown::AfterFailure)
    } else if rests(last.delete, delays.after_delete) {
        Some(Cooldown::AfterDelete)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each delay ends exactly when it has passed.
    #[test]
    fn each_change_has_its_own_delay() {
        let delays = Delays {
            after_add: Span::from_secs(600),
            after_delete: Span::from_secs(10),
            after_failure: Span::from_secs(180),
        };
        let zero = Some(Time::ZERO);
        let none = LastChanges::default();
        for (rule, last, now_s, expected) in [
            ("nothing happened", none, 0, None),
            ("added", LastChanges { add: zero, ..none }, 599, Some(Cooldown::AfterAdd)),
            ("added long ago", LastChanges { add: zero, ..none }, 600, None),
            ("failed", LastChanges { failure: zero, ..none }, 179, Some(Cooldown::AfterFailure)),
            ("deleted", LastChanges { delete: zero, ..none }, 9, Some(Cooldown::AfterDelete)),
            ("deleted, one scan ago", LastChanges { delete: zero, ..none }, 10, None),
        ] {
            assert_eq!(cooldown(&last, &delays, Time::from_secs(now_s)), expected, "{rule}");
        }
    }
}
