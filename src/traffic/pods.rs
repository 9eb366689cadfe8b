//! A pod as its requests see it: c workers, a FIFO queue, and the requests not yet settled.
//!
//! Start and finish of a request are known when it arrives, but tentative until they have
//! passed. A ring keeps every request from its arrival until its user's outcome is booked, in
//! FIFO order, so that a kill can take back and a change of speed can place again what has not
//! happened yet. Starts never fall along the ring, so everything that has started is in front.

use std::collections::BinaryHeap;

use super::Kill;
use super::kiefer_wolfowitz::{places, replace_earliest};
use super::ledger::nanos;
use super::plan::OnTimeout;
use super::ring::{ABORTED, DROPPED, Entry, FINISHED, Ring};

/// When a request is served: what [`Pod::place`] finds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub(super) start_s: f64,
    pub(super) finish_s: f64,
    /// [`DROPPED`], [`ABORTED`] or none.
    pub(super) flags: u16,
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
    /// Up to then the queue is surely full, as everything is placed now [s].
    full_until_s: f64,
    slowness_since_s: f64,
    /// Busy time of what is finished and booked [ns].
    pub(super) busy_ns: u64,
    /// How often the requests in progress were placed anew or lost, for gates that count them.
    pub(super) placing: u32,
    /// When each request ends for a balancer that counts them; needed where one of them is given
    /// up before it is finished. Otherwise the workers tell.
    leaves: Option<BinaryHeap<Leaves>>,
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
            full_until_s: f64::NEG_INFINITY,
            slowness_since_s: f64::NEG_INFINITY,
            busy_ns: 0,
            placing: 0,
            leaves: None,
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
        self.full_until_s = f64::NEG_INFINITY;
        self.slowness_since_s = now_s;
        self.busy_ns = 0;
        self.leaves = None;
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

    /// Whether a request that arrives now would have to wait, and may not.
    #[inline]
    pub(super) fn is_queue_full(&mut self, queue: usize, now_s: f64) -> bool {
        if now_s < self.full_until_s {
            return true;
        }
        let n_waiting = self.waiting(now_s);
        let is_full = now_s < self.free_s[0] && queue <= n_waiting;
        if is_full {
            // Nothing joins the queue before this one has left it.
            let leaves = self.ring.tail - queue;
            self.full_until_s =
                if 0 < queue { self.ring.get(leaves).start_s } else { self.free_s[0] };
        }
        is_full
    }

    /// Number of requests that wait for a worker at `now_s`.
    #[inline]
    pub(super) fn waiting(&mut self, now_s: f64) -> usize {
        while self.ring.started < self.ring.tail
            && self.ring.get(self.ring.started).start_s <= now_s
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
            let mut entry = *self.ring.get(index);
            if entry.has(FINISHED) {
                continue;
            }
            entry.work_s -= (now_s - entry.start_s.max(since_s)) / old;
            entry.finish_s = now_s + entry.work_s.max(0.0) * slowness;
            entry.flags &= !ABORTED;
            // Connections that were lost before were not noticed at once.
            let learns_s = learns_s(&entry).max(now_s);
            if on_timeout == OnTimeout::Cancel && learns_s < entry.finish_s {
                entry.finish_s = learns_s;
                entry.flags |= ABORTED;
            }
            replace_earliest(&mut self.free_s, entry.finish_s);
            *self.ring.get_mut(index) = entry;
        }
        self.slowness = slowness;
        self.full_until_s = f64::NEG_INFINITY;
        self.slowness_since_s = now_s;
        for index in self.ring.started..self.ring.tail {
            let mut entry = *self.ring.get(index);
            let learns_s = learns_s(&entry);
            let placed = self.place(entry.arrival_s, entry.work_s, on_timeout, learns_s);
            entry.start_s = placed.start_s;
            entry.finish_s = placed.finish_s;
            entry.flags = (entry.flags & !(DROPPED | ABORTED)) | placed.flags;
            *self.ring.get_mut(index) = entry;
        }
    }

    /// Requests that the pod serves or queues at `now_s`.
    pub(super) fn in_system(&self, now_s: f64) -> usize {
        self.unfinished(now_s).count()
    }

    /// The requests that the pod has not finished before `now_s`.
    pub(super) fn unfinished(&self, now_s: f64) -> impl Iterator<Item = &Entry> {
        let in_pod = move |entry: &&Entry| !entry.has(FINISHED) && now_s <= entry.finish_s;
        self.ring.iter().filter(in_pod)
    }

    /// Worker time of the running process up to `now_s` [ns].
    pub(super) fn busy_ns(&self, now_s: f64) -> u64 {
        let started =
            (self.ring.head..self.ring.n_started(now_s)).map(|index| self.ring.get(index));
        let unbooked = started.filter(|entry| !entry.has(FINISHED));
        let spent_ns: u64 =
            unbooked.map(|entry| nanos(entry.finish_s.min(now_s) - entry.start_s)).sum();
        self.busy_ns + spent_ns
    }

    /// Unanswered and not abandoned requests at `now_s`.
    #[inline]
    pub(super) fn outstanding(&mut self, now_s: f64) -> usize {
        if self.lists_leaves() {
            self.listed(now_s)
        } else {
            self.waiting(now_s) + self.busy_workers(now_s)
        }
    }

    /// As [`outstanding`](Self::outstanding) where all that leaves is listed.
    #[inline(always)]
    pub(super) fn listed(&mut self, now_s: f64) -> usize {
        let Some(leaves) = &mut self.leaves else { return 0 };
        while leaves.peek().is_some_and(|first| first.0 <= now_s) {
            leaves.pop();
        }
        leaves.len()
    }

    /// When the next of the listed leaves [s]; infinity if none does.
    pub(super) fn next_leaves_s(&self) -> f64 {
        let first = self.leaves.as_ref().and_then(BinaryHeap::peek);
        first.map_or(f64::INFINITY, |first| first.0)
    }

    #[inline]
    fn busy_workers(&self, now_s: f64) -> usize {
        let busy = |free_s: &&f64| now_s < **free_s;
        let n_busy = match <&[f64; 8]>::try_from(&self.free_s[..]) {
            Ok(free_s) => free_s.iter().filter(busy).count(),
            Err(_) => self.free_s.iter().filter(busy).count(),
        };
        n_busy - (self.free_s.len() - self.workers)
    }

    /// Whether it has to be told each request that a balancer counts.
    #[inline]
    pub(super) const fn lists_leaves(&self) -> bool {
        self.leaves.is_some()
    }

    /// Counts a request that the balancer has just sent.
    pub(super) fn count_out(&mut self, leaves_s: f64) {
        if let Some(leaves) = &mut self.leaves {
            leaves.push(Leaves(leaves_s));
        }
    }

    /// From now on, what leaves is listed.
    pub(super) fn list_leaves(&mut self, now_s: f64) {
        if self.leaves.is_none() {
            self.leaves = Some(self.listed_leaves(now_s));
        }
    }

    fn listed_leaves(&self, now_s: f64) -> BinaryHeap<Leaves> {
        self.unfinished(now_s).map(|entry| Leaves(entry.finish_s.min(entry.give_up_s))).collect()
    }

    /// The process is gone. Where its clients know, nothing is outstanding any more; else all
    /// that it had stays unanswered until it is given up.
    pub(super) fn leave_outstanding(&mut self, how: Kill, now_s: f64) {
        let unanswered = match how {
            Kill::Reset => BinaryHeap::new(),
            Kill::Silent => self.unfinished(now_s).map(|entry| Leaves(entry.give_up_s)).collect(),
        };
        self.leaves = Some(unanswered);
    }

    /// Counts again what is outstanding, after finishes have moved.
    pub(super) fn recount_outstanding(&mut self, now_s: f64) {
        let is_listed = match &self.leaves {
            None => self.unfinished(now_s).any(|entry| entry.give_up_s < entry.finish_s),
            Some(leaves) => !leaves.is_empty(),
        };
        if is_listed {
            self.leaves = Some(self.listed_leaves(now_s));
        }
    }
}
