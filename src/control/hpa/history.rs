//! What an HPA remembers between passes: recent recommendations and recent changes.
//!
//! Follows `timestampedRecommendation` and `timestampedScaleEvent` of horizontal.go, with its
//! fixed rule for slots: the *last* expired slot is overwritten, and without one the list grows.
//! So a list stays as short as its window and allocates nothing in the steady state.

use crate::units::{Span, Time};

/// What one pass recommended before any stabilisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recommendation {
    /// When.
    pub at: Time,
    /// How many replicas.
    pub replicas: i32,
}

/// The recommendations of recent passes.
#[derive(Clone, Debug, Default)]
pub struct Recommendations {
    /// In order of their slots; none before the first pass.
    slots: Option<Vec<Recommendation>>,
}

impl Recommendations {
    /// A memory that holds `slots`, and is not new.
    #[must_use]
    pub const fn known(slots: Vec<Recommendation>) -> Self {
        Self { slots: Some(slots) }
    }

    /// The slots in their order.
    #[must_use]
    pub fn slots(&self) -> &[Recommendation] {
        self.slots.as_deref().unwrap_or_default()
    }

    /// On the very first pass the present size counts as a recommendation.
    pub(super) fn record_initial(&mut self, at: Time, replicas: i32) {
        self.slots.get_or_insert_with(|| vec![Recommendation { at, replicas }]);
    }

    /// Stores `new` in the last slot that `is_old`, else in a new slot.
    pub(super) fn store(&mut self, new: Recommendation, is_old: impl Fn(&Recommendation) -> bool) {
        let slots = self.slots.get_or_insert_default();
        match slots.iter().rposition(is_old) {
            Some(old) => slots[old] = new,
            None => slots.push(new),
        }
    }
}

/// A change of the replicas that the HPA made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScaleEvent {
    /// When.
    pub at: Time,
    /// By how many replicas, always positive.
    pub change: i32,
    /// Whether it is older than every policy's period, so that its slot may be used again.
    pub outdated: bool,
}

/// The changes in one direction.
#[derive(Clone, Debug, Default)]
pub struct ScaleEvents {
    slots: Vec<ScaleEvent>,
}

impl ScaleEvents {
    /// A memory that holds `slots`.
    #[must_use]
    pub const fn new(slots: Vec<ScaleEvent>) -> Self {
        Self { slots }
    }

    /// The slots in their order.
    #[must_use]
    pub fn slots(&self) -> &[ScaleEvent] {
        &self.slots
    }

    /// Replicas changed within the last `period`; a change exactly that old no longer counts.
    #[must_use]
    pub fn change_within(&self, period: Span, now: Time) -> i32 {
        let recent = self.slots.iter().filter(|event| now - event.at < period);
        recent.fold(0, |sum, event| event.change.saturating_add(sum))
    }

    /// Stores a change; events older than `longest_period` make room first.
    pub fn store(&mut self, change: i32, longest_period: Span, now: Time) {
        for event in &mut self.slots {
            event.outdated |= longest_period < now - event.at;
        }
        let new = ScaleEvent { at: now, change, outdated: false };
        match self.slots.iter().rposition(|event| event.outdated) {
            Some(old) => self.slots[old] = new,
            None => self.slots.push(new),
        }
    }
}

/// All that an HPA remembers.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Recommendations of recent passes.
    pub recommendations: Recommendations,
    /// Recent additions of replicas; kept only with `spec.behavior`.
    pub up_events: ScaleEvents,
    /// Recent removals of replicas; kept only with `spec.behavior`.
    pub down_events: ScaleEvents,
}
