//! The scheduling queue: who goes first, how long a failed pod waits, and what wakes it.
//!
//! Follows pkg/scheduler/backend/queue/scheduling_queue.go: an active queue by priority and time,
//! a back-off queue flushed every second, and unschedulable pods that wait for an event that
//! could help them, or five minutes.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::model::ids::PodId;
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

/// Something that happened in the cluster and may help pending pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterEvent {
    /// A node joined, or one became ready, uncordoned or untainted.
    NodeAvailable,
    /// A bound pod of this class is gone.
    PodGone(usize),
    /// A pod of this class was bound, or its deletion began: where pods are has changed.
    PodMoved(usize),
}

/// A pod that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Waiting {
    class: usize,
    place: QueuePlace,
    /// Failed attempts.
    attempts: u32,
    /// Rules that refused it, one bit each, in the order of [`MISFITS`].
    misfits: u32,
    /// When it is tried again if nothing happens before.
    due: Time,
    /// Whether an event has woken it: it only backs off.
    is_woken: bool,
}

/// A pod that it is the turn of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The pod.
    pub pod: PodId,
    /// Its class.
    pub class: usize,
    /// Its place, to come back with if it fails.
    pub place: QueuePlace,
    /// Failed attempts so far.
    pub attempts: u32,
}

/// Pending pods: those to be tried now, and those that wait.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    active: BTreeMap<QueuePlace, Turn>,
    waiting: BTreeMap<PodId, Waiting>,
    /// The waiting pods by the time at which they are due.
    due: BTreeSet<(Time, PodId)>,
}

impl Queue {
    /// A new pod.
    pub fn add(&mut self, pod: PodId, class: usize, priority: i32, queued_at: Time) {
        let place = QueuePlace { priority, queued_at, ordinal: pod.index() as u64 };
        self.active.insert(place, Turn { pod, class, place, attempts: 0 });
    }

    /// The next pod to be tried now.
    pub fn pop(&mut self, now: Time) -> Option<Turn> {
        while let Some(&(due, pod)) = self.due.first()
            && due <= now
        {
            self.due.pop_first();
            let Waiting { class, place, attempts, .. } =
                self.waiting.remove(&pod).expect("what is due waits");
            self.active.insert(place, Turn { pod, class, place, attempts });
        }
        self.active.pop_first().map(|(_, turn)| turn)
    }

    /// The pod of a turn found no node.
    pub fn failed(&mut self, turn: Turn, why: &Unschedulable, now: Time) {
        let refused = why.refused.iter().enumerate().filter(|(_, count)| 0 < **count);
        let waiting = Waiting {
            class: turn.class,
            place: QueuePlace { queued_at: now, ..turn.place },
            attempts: turn.attempts + 1,
            misfits: refused.fold(0, |bits, (misfit, _)| bits | 1 << misfit),
            due: leftover_at(now, Time::ZERO),
            is_woken: false,
        };
        self.due.insert((waiting.due, turn.pod));
        self.waiting.insert(turn.pod, waiting);
    }

    /// Something happened that the scheduler hears of at `at`: pods that it may help become due
    /// when their back-off is over.
    pub fn wake(&mut self, event: ClusterEvent, at: Time) {
        for (&pod, waiting) in &mut self.waiting {
            if waiting.is_woken || !wakes(event, waiting.misfits, waiting.class) {
                continue;
            }
            self.due.remove(&(waiting.due, pod));
            let failed_at = waiting.place.queued_at;
            waiting.due = active_at(failed_at, waiting.attempts, at, Time::ZERO).min(waiting.due);
            waiting.is_woken = true;
            self.due.insert((waiting.due, pod));
        }
    }

    /// When the next waiting pod is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Time> {
        self.due.first().map(|&(due, _)| due)
    }

    /// A pod is gone.
    pub fn remove(&mut self, pod: PodId) {
        if let Some(waiting) = self.waiting.remove(&pod) {
            self.due.remove(&(waiting.due, pod));
        }
    }
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

/// May the event help a pod of a class that rules refused? Each rule names the events that can
/// undo it (EventsToRegister and the QueueingHints); one that helps is enough.
#[must_use]
pub fn wakes(event: ClusterEvent, misfits: u32, class: usize) -> bool {
    let helps = |misfit: Misfit| match (misfit, event) {
        (_, ClusterEvent::NodeAvailable) => true,
        (Misfit::Cpu | Misfit::Memory | Misfit::TooManyPods, ClusterEvent::PodGone(_)) => true,
        (Misfit::AntiAffinity | Misfit::Repelled, ClusterEvent::PodGone(_)) => true,
        // Its skew is measured over pods of its own kind.
        (Misfit::Spread, ClusterEvent::PodGone(of) | ClusterEvent::PodMoved(of)) => of == class,
        (Misfit::Affinity, ClusterEvent::PodMoved(_)) => true,
        _ => false,
    };
    // Without nodes nothing refused it: any new node helps.
    let nothing_refused = misfits == 0 && event == ClusterEvent::NodeAvailable;
    let refused = MISFITS.iter().enumerate().filter(|(index, _)| misfits & (1 << index) != 0);
    nothing_refused || refused.map(|(_, misfit)| *misfit).any(helps)
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

    fn refused(misfit: Misfit) -> Unschedulable {
        let mut refused = [0; MISFITS.len()];
        refused[misfit as usize] = 3;
        Unschedulable { n_nodes: 3, refused }
    }

    /// Which events wake a pod of class 1 that was refused for one reason: a node, a pod of
    /// another class or its own that is gone, and one that was bound.
    #[test]
    fn events_wake_those_they_can_help() {
        use ClusterEvent::{NodeAvailable, PodGone, PodMoved};
        let table = [
            (Misfit::Cpu, [true, true, true, false, false]),
            (Misfit::TooManyPods, [true, true, true, false, false]),
            (Misfit::AntiAffinity, [true, true, true, false, false]),
            (Misfit::Repelled, [true, true, true, false, false]),
            (Misfit::Spread, [true, false, true, false, true]),
            (Misfit::Affinity, [true, false, false, true, true]),
            (Misfit::NodeAffinity, [true, false, false, false, false]),
            (Misfit::NotReady, [true, false, false, false, false]),
        ];
        let events = [NodeAvailable, PodGone(0), PodGone(1), PodMoved(0), PodMoved(1)];
        for (misfit, expected) in table {
            let woken = events.map(|event| wakes(event, 1 << misfit as u32, 1));
            assert_eq!(woken, expected, "{misfit}");
        }
        assert!(wakes(NodeAvailable, 0, 1) && !wakes(PodGone(1), 0, 1), "no nodes at all");
    }

    /// A failed pod waits for an event and its back-off; the next time its turn comes after that
    /// of pods which are new, since the queue goes by the time of the last attempt.
    #[test]
    fn failed_pods_wait_and_queue_up_again() {
        let (secs, why) = (Time::from_secs, refused(Misfit::Cpu));
        let mut queue = Queue::default();
        queue.add(PodId::new(0), 0, 0, secs(0));
        let turn = queue.pop(secs(10)).unwrap();
        queue.failed(turn, &why, secs(10));
        assert_eq!((queue.pop(secs(10)), queue.next_due()), (None, Some(secs(330))));
        queue.wake(ClusterEvent::PodMoved(0), secs(10));
        assert_eq!(queue.next_due(), Some(secs(330)), "this event helps nobody short of CPU");
        queue.wake(ClusterEvent::PodGone(0), secs(10));
        assert_eq!(queue.next_due(), Some(secs(11)), "it backs off for 1 s");
        queue.add(PodId::new(1), 0, 0, secs(9));
        queue.add(PodId::new(2), 0, -1, secs(0));
        let order: Vec<PodId> = std::iter::from_fn(|| queue.pop(secs(11)).map(|t| t.pod)).collect();
        assert_eq!(order, [1, 0, 2].map(PodId::new));
    }

    /// Back-offs double with each failure; an event long after goes through at once; a pod that is
    /// gone leaves the queue.
    #[test]
    fn back_offs_double() {
        let (secs, why) = (Time::from_secs, refused(Misfit::Cpu));
        let mut queue = Queue::default();
        queue.add(PodId::new(0), 0, 0, secs(0));
        let mut now = secs(0);
        for wait in [1, 2, 4, 8, 10, 10] {
            let turn = queue.pop(now).unwrap();
            queue.failed(turn, &why, now);
            queue.wake(ClusterEvent::NodeAvailable, now);
            assert_eq!(queue.next_due(), Some(now + Span::from_secs(wait)));
            now += Span::from_secs(wait);
        }
        let turn = queue.pop(now).unwrap();
        queue.failed(turn, &why, now);
        queue.wake(ClusterEvent::NodeAvailable, now + Span::from_secs(60));
        assert_eq!(queue.next_due(), Some(now + Span::from_secs(60)));
        queue.remove(PodId::new(0));
        assert_eq!(queue.next_due(), None);
    }
}
