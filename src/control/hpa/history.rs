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

#[cfg(test)]
mod tests {
    use super::super::behavior::{self, Windows};
    use super::super::legacy;
    use super::*;

    const WINDOW: Span = Span::from_secs(300);

    fn one_of(replicas: i32, age_s: i64) -> Recommendations {
        Recommendations::known(vec![Recommendation { at: Time::from_secs(-age_s), replicas }])
    }

    /// A recommendation of 9 at each age around the window: whether it still holds a
    /// recommendation of 5 up, and whether its slot is used again. On the grid of 15 s all ages
    /// hit the window exactly.
    #[test]
    fn recommendations_end_with_their_window() {
        for (age_s, legacy_holds, legacy_slots, behavior_holds, behavior_slots) in [
            (285, true, 2, true, 2),
            (299, true, 2, true, 2),
            (300, true, 2, false, 2),
            (301, false, 1, false, 1),
            (315, false, 1, false, 1),
        ] {
            let mut old = one_of(9, age_s);
            let replicas = legacy::stabilize(&mut old, 5, WINDOW, Time::ZERO);
            let got = (replicas == 9, old.slots().len());
            assert_eq!(got, (legacy_holds, legacy_slots), "without behavior, {age_s} s");
            let mut old = one_of(9, age_s);
            let windows = Windows { up: Span::ZERO, down: WINDOW };
            let replicas = behavior::stabilize(&mut old, 9, 5, windows, Time::ZERO);
            let got = (replicas == 9, old.slots().len());
            assert_eq!(got, (behavior_holds, behavior_slots), "with behavior, {age_s} s");
        }
    }

    /// A slot is used again only when it is older than both windows, and the last such one is.
    #[test]
    fn slots_are_used_again_from_the_last() {
        let slot = |age_s: i64, replicas| Recommendation { at: Time::from_secs(-age_s), replicas };
        let windows = Windows { up: Span::from_secs(400), down: WINDOW };
        for (rule, slots, expected) in [
            ("older than one window only", vec![slot(350, 1)], vec![1, 5]),
            ("older than both", vec![slot(401, 1)], vec![5]),
            ("the last of three", vec![slot(500, 1), slot(450, 2), slot(20, 3)], vec![1, 5, 3]),
        ] {
            let mut old = Recommendations::known(slots);
            let _ = behavior::stabilize(&mut old, 5, 5, windows, Time::ZERO);
            let left: Vec<i32> = old.slots().iter().map(|slot| slot.replicas).collect();
            assert_eq!(left, expected, "{rule}");
        }
    }

    /// A change counts while it is younger than the period, and its slot is used again only when
    /// it is older than the longest one: exactly at the period it does neither.
    #[test]
    fn changes_end_with_their_period() {
        let period = Span::from_secs(60);
        for (age_s, counted, slots) in [(59, 3, 2), (60, 0, 2), (61, 0, 1)] {
            let at = Time::from_secs(-age_s);
            let mut events = ScaleEvents::new(vec![ScaleEvent { at, change: 3, outdated: false }]);
            assert_eq!(events.change_within(period, Time::ZERO), counted, "{age_s} s");
            events.store(4, period, Time::ZERO);
            assert_eq!(events.slots().len(), slots, "{age_s} s");
        }
    }
}
