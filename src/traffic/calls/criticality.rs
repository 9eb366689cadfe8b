//! Load shedding by criticality: as a pod fills up, it refuses what matters least first.
//!
//! Follows "Handling Overload" of Site Reliability Engineering (Google, 2016, chapter 21): four
//! classes, thresholds of utilisation that are higher for higher classes, and a class that goes
//! along with all calls that a request causes. Utilisation is the share of a pod's places that are
//! taken: workers and queue, or the [limit](super::ConcurrencyLimitRules) of requests in hand.
//!
//! Left out: smoothing of the utilisation, limits for each customer, clients that throttle
//! themselves.

use crate::units::Ratio;

/// How much a request matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Criticality {
    /// Partial, even total loss is expected now and then, and tried again later.
    Sheddable,
    /// Partial loss is expected: the default of batch jobs.
    SheddablePlus,
    /// Loss is seen by users: the default of production jobs.
    Critical,
    /// Loss is serious, and seen by users.
    CriticalPlus,
}

/// From which share of its places on a pod refuses a class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShedRules {
    /// By [`Criticality`]; 100 %: never, only what is full refuses it.
    pub thresholds: [Ratio; 4],
}

impl ShedRules {
    /// Whether a pod refuses a request although it has places.
    pub(super) fn sheds(&self, criticality: Criticality, taken: u32, places: u32) -> bool {
        let threshold = self.thresholds[criticality as usize].get();
        threshold < 1.0 && threshold * f64::from(places) <= f64::from(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row per rule: thresholds are reached from below, and a class of 100 % is never refused.
    #[test]
    fn classes_are_refused_from_their_threshold_on() {
        use Criticality::*;
        let rules = ShedRules { thresholds: [0.5, 0.75, 0.9, 1.0].map(Ratio::new) };
        for (rule, class, taken, places, sheds) in [
            ("below the threshold", Sheddable, 4, 10, false),
            ("at the threshold", Sheddable, 5, 10, true),
            ("between two places", SheddablePlus, 7, 10, false),
            ("above it", SheddablePlus, 8, 10, true),
            ("higher classes later", Critical, 8, 10, false),
            ("but they are", Critical, 9, 10, true),
            ("the highest is not", CriticalPlus, 10, 10, false),
            ("nothing is let in where there is no place", Sheddable, 0, 0, true),
        ] {
            assert_eq!(rules.sheds(class, taken, places), sheds, "{rule}");
        }
    }
}
