//! The scheduling queue: who goes first, how long a failed pod waits, and what wakes it.
//!
//! Follows pkg/scheduler/backend/queue/scheduling_queue.go: an active queue by priority and time,
//! a back-off queue flushed every second, and unschedulable pods that wait for an event that
//! could help them, or five minutes.

use std::cmp::Ordering;

use crate::units::{Span, Time};

use super::fit::{MISFITS, Misfit};
use super::schedule::Unschedulable;

/// Back-off after the first failed attempt (podInitialBackoffSeconds).
pub const BACKOFF_INITIAL: Span = Span::from_secs(1);
/// Longest back-off (podMaxBackoffSeconds).
pub const BACKOFF_MAX: Span = Span::from_secs(10);
/// The back-off queue is flushed this often.
pub const BACKOFF_FLUSH: Span = Span::from_secs(1);
/// Unschedulable pods are tried again after this long without an event.
pub const LEFTOVER_AFTER: Span = Span::from_secs(300);
/// How often that is checked.
pub const LEFTOVER_FLUSH: Span = Span::from_secs(30);

/// A pod's place in the active queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueuePlace {
    /// Higher goes first.
    pub priority: i32,
    /// When it entered the queue; earlier goes first.
    pub queued_at: Time,
    /// Order of creation, for equal times.
    pub ordinal: u64,
}

impl Ord for QueuePlace {
    /// The lesser place is scheduled first.
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |place: &Self| (place.queued_at, place.ordinal);
        other.priority.cmp(&self.priority).then_with(|| key(self).cmp(&key(other)))
    }
}

impl PartialOrd for QueuePlace {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Something that happened in the cluster and may make room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterEvent {
    /// A node joined, or one became ready, uncordoned or untainted.
    NodeAvailable,
    /// A bound pod is gone.
    PodGone,
    /// A pod was bound: a hard spread constraint may be satisfied now.
    PodBound,
}

/// The wait after `attempts` failed attempts: 1 s, doubled with each further one, at most 10 s.
#[must_use]
pub fn backoff(attempts: u32) -> Span {
    backoff_with(attempts, BACKOFF_INITIAL, BACKOFF_MAX)
}

/// The same with other limits than the defaults.
#[must_use]
pub fn backoff_with(attempts: u32, initial: Span, max: Span) -> Span {
    let mut wait = initial;
    for _ in 1..attempts {
        if max / 2 < wait {
            return max;
        }
        if wait == Span::ZERO {
            break;
        }
        wait = wait * 2;
    }
    wait.min(max)
}

/// When a pod that failed at `failed_at` for the `attempts`-th time enters the active queue after
/// it was woken at `woken_at`: at once if its back-off is over, else with the first flush after
/// its end. Flushes stand on the grid through `phase`.
#[must_use]
pub fn active_at(failed_at: Time, attempts: u32, woken_at: Time, phase: Time) -> Time {
    let backoff_ends = failed_at + backoff(attempts);
    if backoff_ends <= woken_at {
        woken_at
    } else {
        backoff_ends.next_on_grid(phase, BACKOFF_FLUSH)
    }
}

/// When a pod that failed at `failed_at` is tried again though nothing happened: the first check
/// more than five minutes later.
#[must_use]
pub fn leftover_at(failed_at: Time, phase: Time) -> Time {
    (failed_at + LEFTOVER_AFTER + Span::from_nanos(1)).next_on_grid(phase, LEFTOVER_FLUSH)
}

/// May the event help a pod that was refused like this? Each rule that refused a node names the
/// events that can undo it; one that helps is enough.
#[must_use]
pub fn wakes(event: ClusterEvent, why: &Unschedulable) -> bool {
    if event == ClusterEvent::NodeAvailable {
        return true;
    }
    let refused = MISFITS.iter().zip(why.refused).filter(|(_, count)| 0 < *count);
    refused.map(|(misfit, _)| *misfit).any(|misfit| match misfit {
        Misfit::Cpu | Misfit::Memory | Misfit::TooManyPods | Misfit::AntiAffinity => {
            event == ClusterEvent::PodGone
        }
        Misfit::Spread => true,
        Misfit::NotReady
        | Misfit::Unreachable
        | Misfit::Unschedulable
        | Misfit::ToBeDeleted
        | Misfit::Tainted
        | Misfit::OtherPool => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Priority first, then time, then creation.
    #[test]
    fn the_queue_goes_by_priority_and_time() {
        let place = |priority, queued_s, ordinal| QueuePlace {
            priority,
            queued_at: Time::from_secs(queued_s),
            ordinal,
        };
        let mut queue = [place(0, 1, 4), place(0, 1, 3), place(-1, 0, 1), place(9, 5, 2)];
        queue.sort();
        assert_eq!(queue.map(|place| place.ordinal), [2, 3, 4, 1]);
    }

    /// A woken pod goes at once when its back-off is over, else with the first flush after it; a
    /// forgotten one with the first check beyond five minutes.
    #[test]
    fn failed_pods_come_back() {
        let (ms, phase) = (|n: i64| Time::from_nanos(n * 1_000_000), Time::ZERO);
        assert_eq!(active_at(ms(200), 3, ms(4_200), phase), ms(4_200));
        assert_eq!(active_at(ms(200), 3, ms(300), phase), ms(5_000), "4 s, then a flush");
        assert_eq!(active_at(ms(200), 99, ms(300), phase), ms(11_000));
        assert_eq!(leftover_at(ms(0), phase), ms(330_000), "at exactly 300 s not yet");
        assert_eq!(leftover_at(ms(-1), phase), ms(300_000));
    }

    /// Which events wake a pod that was refused for one reason.
    #[test]
    fn events_wake_those_they_can_help() {
        use ClusterEvent::{NodeAvailable, PodBound, PodGone};
        let table = [
            (Misfit::Cpu, [true, true, false]),
            (Misfit::AntiAffinity, [true, true, false]),
            (Misfit::Spread, [true, true, true]),
            (Misfit::OtherPool, [true, false, false]),
            (Misfit::NotReady, [true, false, false]),
        ];
        for (misfit, expected) in table {
            let mut refused = [0; MISFITS.len()];
            refused[misfit as usize] = 3;
            let why = Unschedulable { n_nodes: 3, refused };
            let woken = [NodeAvailable, PodGone, PodBound].map(|event| wakes(event, &why));
            assert_eq!(woken, expected, "{misfit}");
        }
    }
}
