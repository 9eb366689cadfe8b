//! AKS node auto-repair, the decision: reboot, reimage, redeploy, at most three rounds in an hour.
//!
//! Follows aks-docs node-auto-repair.md (2025-01): a node is unhealthy if it is NotReady on
//! consecutive checks within 10 minutes, or says nothing for 10. If it stays so for at least five
//! minutes, it is rebooted; if it is still unhealthy after that, reimaged; then redeployed. The
//! sequence is tried up to three times, in up to one hour. Nodes with the taints `shutdown` or
//! `ToBeDeletedByClusterAutoscaler` are left alone. While the compute control plane of the region
//! is lost no action is carried out. The events that AKS writes ("NotReady status
//! persisting for more than 5 minutes") stand with all three actions, so each of them waits five
//! minutes after the one before (inferred). The time between two checks is not published.
//!
//! Left out: Windows nodes, which are not redeployed; nodes that are being upgraded.

use std::fmt;

use crate::units::{Span, Time};

/// A node that has said nothing for this long is unhealthy, whatever its condition says.
pub const SILENT_FOR: Span = Span::from_secs(600);
/// Unhealthy for this long calls for the next action.
pub const UNHEALTHY_FOR: Span = Span::from_secs(300);
/// Checks in a row that must find a node NotReady; they fall within ten minutes by far.
pub const N_CHECKS: u32 = 2;
/// The sequence is tried this often.
pub const N_ROUNDS: u32 = 3;
/// From the first action on, no further one begins after this long.
pub const GIVES_UP_AFTER: Span = Span::from_secs(3_600);

/// What is tried, in this order; each helps against all that the ones before it help against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RepairAction {
    /// Restart the VM.
    Reboot,
    /// Write its disk anew; its images are lost.
    Reimage,
    /// Move it to another host.
    Redeploy,
}

/// The actions of one round.
const SEQUENCE: [RepairAction; 3] =
    [RepairAction::Reboot, RepairAction::Reimage, RepairAction::Redeploy];

/// What one check finds at a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// When.
    pub at: Time,
    /// Its Ready condition is True.
    pub ready: bool,
    /// When it was last heard of.
    pub heard_at: Time,
    /// It is tainted shutdown or ToBeDeletedByClusterAutoscaler.
    pub excluded: bool,
    /// The cloud's compute control plane answers: an action can be carried out.
    pub cloud_is_up: bool,
}

/// What auto-repair knows of a node that was not well at its last check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Since when it has been NotReady or silent without a break, as checks found it, or since
    /// the end of the last action.
    pub unhealthy_since: Option<Time>,
    /// Checks in a row that found it so.
    pub n_checks: u32,
    /// Actions that are done.
    pub n_done: u32,
    /// When the first action began.
    pub first_action_at: Option<Time>,
}

/// What auto-repair does with a node now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// The node is well: nothing is remembered of it.
    Healthy,
    /// Carry out this action.
    Act(RepairAction),
    /// Not yet.
    Wait,
    /// The node is being shut down or removed by the cluster autoscaler: hands off.
    Excluded,
    /// It is time for an action, and the cloud carries none out.
    Blocked,
    /// Three rounds or an hour did not help; a human must.
    GaveUp,
}

/// Looks at a node: updates what is known of it and says what to do.
pub fn look_at(history: &mut History, check: Check) -> Repair {
    let silent = check.heard_at + SILENT_FOR <= check.at;
    if check.ready && !silent {
        *history = History::default();
        return Repair::Healthy;
    }
    if check.excluded {
        return Repair::Excluded;
    }
    history.n_checks += 1;
    let since = *history.unhealthy_since.get_or_insert(check.at);
    let gave_up = |first: Time| first + GIVES_UP_AFTER <= check.at;
    if N_ROUNDS * SEQUENCE.len() as u32 <= history.n_done
        || history.first_action_at.is_some_and(gave_up)
    {
        return Repair::GaveUp;
    }
    if history.n_checks < N_CHECKS || check.at < since + UNHEALTHY_FOR {
        return Repair::Wait;
    }
    if !check.cloud_is_up {
        return Repair::Blocked;
    }
    history.first_action_at.get_or_insert(check.at);
    Repair::Act(SEQUENCE[history.n_done as usize % SEQUENCE.len()])
}

impl History {
    /// An action ended at `now`: the node has five minutes to become healthy.
    pub fn action_ended(&mut self, now: Time) {
        self.n_done += 1;
        self.n_checks = 0;
        self.unhealthy_since = Some(now);
    }
}

impl RepairAction {
    /// The action in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Reboot => "reboot",
            Self::Reimage => "reimage",
            Self::Redeploy => "redeploy",
        }
    }
}

impl fmt::Display for RepairAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Time {
        Time::from_secs(secs)
    }

    fn check(secs: i64) -> Check {
        Check { at: at(secs), ready: false, heard_at: at(secs), excluded: false, cloud_is_up: true }
    }

    /// Checks every minute from 0 s on find a node NotReady; each action takes `action_s`. The
    /// actions with the seconds at which they begin.
    fn actions(action_s: i64) -> Vec<(i64, RepairAction)> {
        let (mut history, mut found, mut secs) = (History::default(), Vec::new(), 0);
        loop {
            match look_at(&mut history, check(secs)) {
                Repair::Act(action) => {
                    found.push((secs, action));
                    history.action_ended(at(secs + action_s));
                    secs += action_s / 60 * 60;
                }
                Repair::GaveUp => return found,
                _ => {}
            }
            secs += 60;
        }
    }

    /// The first action at the check five minutes after the one that found the node NotReady,
    /// the others five minutes after the one before has ended.
    #[test]
    fn each_action_waits_five_minutes() {
        use RepairAction::{Reboot, Redeploy, Reimage};
        let quick = actions(60);
        let expected = [(300, Reboot), (660, Reimage), (1_020, Redeploy), (1_380, Reboot)];
        assert_eq!(quick[..4], expected);
        assert_eq!(quick.len(), 9, "three rounds");
        assert_eq!(quick[8], (3_180, Redeploy));
    }

    /// Slow actions: no new one begins an hour after the first.
    #[test]
    fn an_hour_is_the_end() {
        let slow = actions(600);
        assert_eq!(slow.last(), Some(&(3_000, RepairAction::Reboot)));
        assert_eq!(slow.len(), 4);
    }

    /// One row per rule: what the checks before left behind, what this check at 1000 s finds, and
    /// what to do.
    #[test]
    fn what_a_check_leads_to() {
        use Repair::{Act, Blocked, Excluded, GaveUp, Healthy, Wait};
        let since = |secs| History { unhealthy_since: Some(at(secs)), ..History::default() };
        let seen = |secs, n_checks| History { n_checks, ..since(secs) };
        let now = check(1_000);
        let ready = Check { ready: true, ..now };
        let first = |secs| History { first_action_at: Some(at(secs)), ..seen(0, 5) };
        let table = [
            ("ready", seen(0, 9), ready, Healthy),
            ("NotReady for the first time", History::default(), now, Wait),
            ("for five minutes", seen(700, 5), now, Act(RepairAction::Reboot)),
            ("for less", seen(701, 5), now, Wait),
            ("one check is not enough", seen(700, 0), now, Wait),
            ("two checks are", seen(700, 1), now, Act(RepairAction::Reboot)),
            (
                "silent for ten minutes",
                seen(0, 1),
                Check { heard_at: at(400), ..ready },
                Act(RepairAction::Reboot),
            ),
            ("silent for less", seen(0, 1), Check { heard_at: at(401), ..ready }, Healthy),
            ("excluded by a taint", seen(0, 9), Check { excluded: true, ..now }, Excluded),
            (
                "the second action",
                History { n_done: 1, ..seen(0, 5) },
                now,
                Act(RepairAction::Reimage),
            ),
            ("the last one", History { n_done: 8, ..seen(0, 5) }, now, Act(RepairAction::Redeploy)),
            ("three rounds are over", History { n_done: 9, ..seen(0, 5) }, now, GaveUp),
            ("no cloud", seen(0, 5), Check { cloud_is_up: false, ..now }, Blocked),
            ("no cloud, too early", seen(701, 5), Check { cloud_is_up: false, ..now }, Wait),
            ("an hour is over", first(-2_600), now, GaveUp),
            ("not quite an hour", first(-2_599), now, Act(RepairAction::Reboot)),
        ];
        for (rule, mut history, check, expected) in table {
            assert_eq!(look_at(&mut history, check), expected, "{rule}");
        }
        let mut history = seen(0, 9);
        look_at(&mut history, Check { cloud_is_up: false, ..now });
        assert_eq!(history.first_action_at, None, "the hour begins with the first action");
        let mut history = seen(0, 9);
        look_at(&mut history, ready);
        assert_eq!(history, History::default(), "a healthy node starts over");
    }
}
