//! PodGC: removes pods whose Node object is gone.
//!
//! Follows podgc/gc_controller.go (gcOrphaned). A pass each 20 s; the first pass that misses
//! the node starts a quarantine of 40 s, the first pass after that force-deletes its pods. Passes
//! start a little more than 20 s apart, so a pass that falls exactly on the end of the quarantine
//! counts as after it.

use crate::units::{Span, Time};

/// Time between two passes (gcCheckPeriod).
pub const PERIOD: Span = Span::from_secs(20);

/// How long a node must have been missing (quarantineTime).
pub const QUARANTINE: Span = Span::from_secs(40);

/// The pass, on the grid through `phase`, that force-deletes the pods of a node whose object is
/// deleted at `node_deleted_at`: 40 to 60 s later.
#[must_use]
pub fn orphans_deleted_at(node_deleted_at: Time, phase: Time) -> Time {
    let missed = node_deleted_at.next_on_grid(phase, PERIOD);
    (missed + QUARANTINE).next_on_grid(phase, PERIOD)
}

/// The pass that force-deletes the pods of a node tainted out-of-service at `tainted_at`.
#[must_use]
pub fn out_of_service_deleted_at(tainted_at: Time, phase: Time) -> Time {
    tainted_at.next_on_grid(phase, PERIOD)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Passes at 5, 25, 45, 65, …: a node gone at 6 is missed at 25 and its pods go at 65; an
    /// out-of-service taint acts on the next pass.
    #[test]
    fn quarantine_ends_on_a_pass() {
        let (at, phase) = (Time::from_secs, Time::from_secs(5));
        let gone = [5, 6, 24, 25, 26].map(|secs| orphans_deleted_at(at(secs), phase));
        assert_eq!(gone, [45, 65, 65, 65, 85].map(at));
        assert_eq!(out_of_service_deleted_at(at(6), phase), at(25));
    }
}
