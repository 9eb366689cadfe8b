//! AKS node auto-repair: reboot, reimage, redeploy, at most three rounds in one hour.
//!
//! Follows aks-docs node-auto-repair.md (2026-07): a node that is NotReady for 10 minutes, or
//! silent for 10, is unhealthy; when it has been unhealthy for 5 more, a repair starts. The page
//! gives no time between the steps; nine steps in the hour it names are 6 min 40 s each
//! (inferred).

use std::fmt;

use crate::units::{Span, Time};

/// NotReady or silent for this long makes a node unhealthy.
pub const UNHEALTHY_AFTER: Span = Span::from_secs(600);
/// Unhealthy for this long starts the repair.
pub const REPAIR_AFTER: Span = Span::from_secs(300);
/// The sequence is tried this often.
pub const N_ROUNDS: u32 = 3;
/// Time between two steps (inferred: one hour over nine steps).
pub const STEP: Span = Span::from_secs(400);

/// What is tried, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepairAction {
    /// Restart the VM.
    Reboot,
    /// Write its disk anew; images and emptyDir are lost.
    Reimage,
    /// Move it to another host (Linux nodes).
    Redeploy,
}

/// What auto-repair does with a node now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// Carry out this action.
    Act(RepairAction),
    /// Nothing is due before this instant.
    Wait(Time),
    /// The node is being shut down or removed by the cluster autoscaler: hands off.
    Excluded,
    /// Three rounds did not help; a human must.
    GaveUp,
}

/// What to do at `now` with a node that has been NotReady or silent since `not_ready_since`,
/// after `n_done` actions. `excluded` says that it is tainted shutdown or
/// ToBeDeletedByClusterAutoscaler.
#[must_use]
pub fn next_repair(not_ready_since: Time, n_done: u32, excluded: bool, now: Time) -> Repair {
    const SEQUENCE: [RepairAction; 3] =
        [RepairAction::Reboot, RepairAction::Reimage, RepairAction::Redeploy];
    if excluded {
        return Repair::Excluded;
    }
    if N_ROUNDS * SEQUENCE.len() as u32 <= n_done {
        return Repair::GaveUp;
    }
    let due = not_ready_since + UNHEALTHY_AFTER + REPAIR_AFTER + STEP * i64::from(n_done);
    if now < due {
        return Repair::Wait(due);
    }
    Repair::Act(SEQUENCE[n_done as usize % SEQUENCE.len()])
}

impl fmt::Display for RepairAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reboot => "reboot",
            Self::Reimage => "reimage",
            Self::Redeploy => "redeploy",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first action comes 15 minutes after the node fell silent, nine follow each other
    /// within the hour, then it gives up; excluded nodes are left alone.
    #[test]
    fn three_rounds_then_nothing() {
        let at = Time::from_secs;
        assert_eq!(next_repair(at(0), 0, false, at(899)), Repair::Wait(at(900)));
        let actions = (0..9).map(|n| next_repair(at(0), n, false, at(900 + 400 * i64::from(n))));
        let round = [RepairAction::Reboot, RepairAction::Reimage, RepairAction::Redeploy];
        let expected: Vec<Repair> = round.repeat(3).into_iter().map(Repair::Act).collect();
        assert_eq!(actions.collect::<Vec<_>>(), expected);
        assert_eq!(next_repair(at(0), 9, false, at(90_000)), Repair::GaveUp);
        assert_eq!(next_repair(at(0), 0, true, at(90_000)), Repair::Excluded);
    }
}
