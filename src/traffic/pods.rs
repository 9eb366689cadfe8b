//! A pod as its requests see it: c workers, a FIFO queue, and the requests not yet settled.
//!
//! Start and finish of a request are known when it arrives, but tentative until they have
//! passed. A ring keeps every request from its arrival until its user's outcome is booked, in
//! FIFO order, so that a kill can take back and a change of speed can place again what has not
//! happened yet. Starts never fall along the ring, so everything that has started is in front.

use std::collections::BinaryHeap;

use super::Kill;
use super::kiefer_wolfowitz::{places, replace_earliest};
use super::plan::OnTimeout;

/// A request in a pod: one cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Entry {
    pub(super) arrival_s: f64,
    pub(super) start_s: f64,
    pub(super) finish_s: f64,
    /// Work left when it starts, or at the pod's last change of speed if it had started [s].
    pub(super) work_s: f64,
    /// When the client, or the edge for it, gives up this attempt [s].
    pub(super) give_up_s: f64,
    /// First send of the user [s].
    pub(super) first_s: f64,
    /// Ordinal of the user times 16, plus the number of the attempt.
    pub(super) key: u64,
    pub(super) lane: u16,
    pub(super) flags: u16,
    /// Its place in the ring when it arrived, by which notices find it.
    pub(super) seq: u32,
}

/// The user's outcome is booked: nobody waits for this request any more.
pub(super) const BOOKED: u16 = 1;
/// A notice of the time-out waits in the wheel.
pub(super) const ARMED: u16 = 2;
/// The pod is done with it, and that is booked.
pub(super) const FINISHED: u16 = 4;
/// Abandoned at its turn: never served.
pub(super) const DROPPED: u16 = 8;
/// Cut short in service.
pub(super) const ABORTED: u16 = 16;
/// A dependency hangs: it holds its worker, and nobody is answered.
pub(super) const UNANSWERED: u16 = 32;

impl Entry {
    const EMPTY: Self = Self {
        arrival_s: 0.0,
        start_s: 0.0,
        finish_s: 0.0,
        work_s: 0.0,
        give_up_s: 0.0,
        first_s: 0.0,
        key: 0,
        lane: 0,
        flags: 0,
        seq: 0,
    };

    #[inline]
    pub(super) const fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    /// When its answer reaches the client, `back_s` after its finish; never if it gets none.
    #[inline]
    pub(super) fn response_s(&self, back_s: f64) -> f64 {
        response_s(self.finish_s, self.flags, back_s)
    }
}

/// When the answer to a request that is finished at `finish_s` reaches its client.
#[inline]
pub(super) fn response_s(finish_s: f64, flags: u16, back_s: f64) -> f64 {
    if flags & (DROPPED | ABORTED | UNANSWERED) == 0 { finish_s + back_s } else { f64::INFINITY }
}

/// When a request is served: what [`Pod::place`] finds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub(super) start_s: f64,
    pub(super) finish_s: f64,
    /// [`DROPPED`], [`ABORTED`] or none.
    pub(super) flags: u16,
}

/// Requests in arrival order, from `head` to `tail`; those before `started` have started.
#[derive(Clone, Debug)]
pub(super) struct Ring {
    entries: Box<[Entry]>,
    pub(super) head: usize,
    pub(super) started: usize,
    pub(super) tail: usize,
}

impl Ring {
    fn new() -> Self {
        Self { entries: vec![Entry::EMPTY; 64].into(), head: 0, started: 0, tail: 0 }
    }

    pub(super) const fn len(&self) -> usize {
        self.tail - self.head
    }

    #[inline]
    pub(super) fn at(&self, index: usize) -> &Entry {
        &self.entries[index & (self.entries.len() - 1)]
    }

    #[inline]
    pub(super) fn at_mut(&mut self, index: usize) -> &mut Entry {
        let mask = self.entries.len() - 1;
        &mut self.entries[index & mask]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        (self.head..self.tail).map(|index| self.at(index))
    }

    #[inline]
    pub(super) fn push(&mut self, entry: Entry) {
        debug_assert!(!self.is_full(), "the caller makes room");
        let tail = self.tail;
        *self.at_mut(tail) = entry;
        self.tail = tail + 1;
    }

    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.len() == self.entries.len()
    }

    #[cold]
    pub(super) fn grow(&mut self) {
        let mut larger = vec![Entry::EMPTY; self.entries.len() * 2].into_boxed_slice();
        for index in self.head..self.tail {
            larger[index & (self.entries.len() * 2 - 1)] = *self.at(index);
        }
        self.entries = larger;
    }

    /// Moves `started` past everything that has started before `now_s`.
    #[inline]
    pub(super) fn start_before(&mut self, now_s: f64) {
        // Starts never fall along the ring, so halving finds the first that has not started.
        let mut waiting = self.tail - self.started;
        while 0 < waiting {
            let half = waiting / 2;
            if self.at(self.started + half).start_s < now_s {
                self.started += half + 1;
                waiting -= half + 1;
            } else {
                waiting = half;
            }
        }
    }

    /// Keeps, of the started requests, those for which `keep` says so, in order.
    #[inline]
    pub(super) fn retain_started(&mut self, mut keep: impl FnMut(&mut Entry) -> bool) {
        let entries = &mut *self.entries;
        let mask = entries.len() - 1;
        let mut kept = self.started;
        for index in (self.head..self.started).rev() {
            let entry = &mut entries[index & mask];
            if keep(entry) {
                kept -= 1;
                if kept != index {
                    entries[kept & mask] = *entry;
                }
            }
        }
        self.head = kept;
    }

    /// The request that arrived as number `seq`, wherever it has moved.
    pub(super) fn find(&mut self, seq: u32, key: u64, lane: u16) -> Option<&mut Entry> {
        let ahead = seq.wrapping_sub(self.started as u32) as usize;
        let index = if ahead < self.tail - self.started {
            self.started + ahead
        } else {
            (self.head..self.started).rev().find(|index| self.at(*index).seq == seq)?
        };
        let entry = self.at_mut(index);
        (entry.key == key && entry.lane == lane).then_some(entry)
    }
}

/// Whether the process of a pod runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Process {
    Runs,
    /// Finishes what it has, takes nothing new.
    Drains,
    Gone(Kill),
}

/// An instant, latest first out of order: the heap of a pod pops the earliest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Leaves(pub(super) f64);

impl Eq for Leaves {}

impl PartialOrd for Leaves {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Leaves {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.0.total_cmp(&self.0)
    }
}

/// A pod of one deployment.
#[derive(Clone, Debug)]
pub(super) struct Pod {
    /// When each worker is next free, sorted [s].
    pub(super) free_s: Vec<f64>,
    /// Seconds that a second of nominal work takes.
    pub(super) slowness: f64,
    /// Virtual wait above which a window stops [s].
    pub(super) threshold_s: f64,
    pub(super) process: Process,
    pub(super) deployment: u32,
    /// Once it is gone without a word: requests that will still fail on connections to it.
    pub(super) stale_failures: u32,
    pub(super) ring: Ring,
    workers: usize,
    slowness_since_s: f64,
    /// Busy time of what is finished [ns].
    pub(super) busy_ns: u64,
    /// How often the requests in progress were placed anew or lost, for gates that count them.
    pub(super) placing: u32,
    /// When each request ends for a balancer that counts them; unused by others.
    pub(super) leaves: BinaryHeap<Leaves>,
}

impl Pod {
    /// A pod whose process does not run.
    pub(super) fn absent() -> Self {
        Self {
            free_s: vec![f64::INFINITY],
            slowness: 1.0,
            threshold_s: f64::INFINITY,
            process: Process::Gone(Kill::Reset),
            deployment: 0,
            stale_failures: 0,
            ring: Ring::new(),
            workers: 0,
            slowness_since_s: f64::NEG_INFINITY,
            busy_ns: 0,
            placing: 0,
            leaves: BinaryHeap::new(),
        }
    }

    /// A process starts at `now_s`, empty.
    pub(super) fn start(&mut self, deployment: u32, workers: u16, speed: f64, now_s: f64) {
        self.deployment = deployment;
        self.process = Process::Runs;
        self.workers = usize::from(workers);
        self.free_s = vec![f64::INFINITY; places(workers)];
        self.free_s[..self.workers].fill(f64::NEG_INFINITY);
        self.slowness = 1.0 / speed;
        self.slowness_since_s = now_s;
        self.busy_ns = 0;
        self.leaves.clear();
    }

    /// How the process went, once it has.
    pub(super) const fn gone(&self) -> Kill {
        match self.process {
            Process::Runs | Process::Drains => Kill::Reset,
            Process::Gone(how) => how,
        }
    }

    /// Takes a worker for `work_s` of work that arrived at `arrival_s`. `learns_s` is when the
    /// server learns that nobody waits any more.
    #[inline(always)]
    pub(super) fn place(
        &mut self,
        arrival_s: f64,
        work_s: f64,
        on_timeout: OnTimeout,
        learns_s: f64,
    ) -> Placed {
        let earliest_s = self.free_s[0];
        let start_s = if arrival_s < earliest_s { earliest_s } else { arrival_s };
        let mut placed = Placed { start_s, finish_s: start_s + work_s * self.slowness, flags: 0 };
        if on_timeout != OnTimeout::Serve {
            if learns_s <= start_s {
                return Placed { start_s, finish_s: start_s, flags: DROPPED };
            }
            if on_timeout == OnTimeout::Cancel && learns_s < placed.finish_s {
                placed = Placed { start_s, finish_s: learns_s, flags: ABORTED };
            }
        }
        replace_earliest(&mut self.free_s, placed.finish_s);
        placed
    }

    /// Number of requests that wait for a worker at `now_s`.
    #[inline]
    pub(super) fn waiting(&mut self, now_s: f64) -> usize {
        while self.ring.started < self.ring.tail && self.ring.at(self.ring.started).start_s <= now_s
        {
            self.ring.started += 1;
        }
        self.ring.tail - self.ring.started
    }

    /// Changes the speed at `now_s`, up to which the ring is settled. `learns_s` tells when the
    /// server learns that the client of an entry has given up.
    pub(super) fn set_slowness(
        &mut self,
        slowness: f64,
        now_s: f64,
        on_timeout: OnTimeout,
        learns_s: impl Fn(&Entry) -> f64,
    ) {
        self.free_s.fill(f64::INFINITY);
        self.free_s[..self.workers].fill(f64::NEG_INFINITY);
        let (old, since_s) = (self.slowness, self.slowness_since_s);
        for index in self.ring.head..self.ring.started {
            let entry = self.ring.at_mut(index);
            if entry.has(FINISHED) {
                continue;
            }
            entry.work_s -= (now_s - entry.start_s.max(since_s)) / old;
            entry.finish_s = now_s + entry.work_s.max(0.0) * slowness;
            entry.flags &= !ABORTED;
            let learns_s = learns_s(entry);
            if on_timeout == OnTimeout::Cancel && learns_s < entry.finish_s {
                entry.finish_s = learns_s;
                entry.flags |= ABORTED;
            }
            replace_earliest(&mut self.free_s, entry.finish_s);
        }
        self.slowness = slowness;
        self.slowness_since_s = now_s;
        for index in self.ring.started..self.ring.tail {
            let entry = *self.ring.at(index);
            let learns_s = learns_s(&entry);
            let placed = self.place(entry.arrival_s, entry.work_s, on_timeout, learns_s);
            let entry = self.ring.at_mut(index);
            entry.start_s = placed.start_s;
            entry.finish_s = placed.finish_s;
            entry.flags = (entry.flags & !(DROPPED | ABORTED)) | placed.flags;
        }
    }

    /// Requests that the pod serves or queues at `now_s`, up to which the ring is settled.
    pub(super) fn in_system(&self) -> usize {
        self.ring.iter().filter(|entry| !entry.has(FINISHED)).count()
    }

    /// Unanswered and not abandoned requests at `now_s`.
    #[inline]
    pub(super) fn outstanding(&mut self, now_s: f64) -> usize {
        while self.leaves.peek().is_some_and(|first| first.0 <= now_s) {
            self.leaves.pop();
        }
        self.leaves.len()
    }

    /// Counts a request that the balancer has just sent.
    #[inline]
    pub(super) fn count_out(&mut self, finish_s: f64, give_up_s: f64) {
        self.leaves.push(Leaves(finish_s.min(give_up_s)));
    }

    /// Counts again what is outstanding, after finishes have moved.
    pub(super) fn recount_outstanding(&mut self) {
        if !self.leaves.is_empty() {
            let unfinished = self.ring.iter().filter(|entry| !entry.has(FINISHED));
            self.leaves =
                unfinished.map(|entry| Leaves(entry.finish_s.min(entry.give_up_s))).collect();
        }
    }
}
