//! The requests of a pod, from their arrival until their users' outcomes are booked.
//!
//! Requests stand in FIFO order and never move. Each fills one cache line: the pods of a large
//! deployment write to so many places that every further line costs more than all that is done
//! with it.

/// A request in a pod.
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
}

/// The user's outcome is booked: nobody waits for this request any more.
pub(super) const BOOKED: u16 = 1;
/// A notice books the user's outcome: the time-out, or an answer on which somebody acts.
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
    };

    #[inline]
    pub(super) const fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    /// Whether nothing will happen to it any more.
    pub(super) const fn is_over(&self) -> bool {
        self.flags & (BOOKED | FINISHED) == BOOKED | FINISHED
    }

    /// When its user has an outcome, if answers take `back_s`.
    #[inline]
    pub(super) fn outcome_s(&self, back_s: f64) -> f64 {
        let response_s = self.response_s(back_s);
        if response_s < self.give_up_s { response_s } else { self.give_up_s }
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

/// Requests that are booked at a time.
pub(super) const TILE: usize = 8;

/// Requests in arrival order, from `head`, which is at the start of a tile, to `tail`; those
/// before `started` have started.
#[derive(Clone, Debug)]
pub(super) struct Ring {
    /// As many as a power of two.
    entries: Box<[Entry]>,
    pub(super) head: usize,
    pub(super) started: usize,
    pub(super) tail: usize,
    /// Before `tail` is there, nobody needs to look whether there is room.
    care_at: usize,
}

impl Ring {
    pub(super) fn new() -> Self {
        Self { entries: vec![Entry::EMPTY; 64].into(), head: 0, started: 0, tail: 0, care_at: 0 }
    }

    pub(super) const fn len(&self) -> usize {
        self.tail - self.head
    }

    /// The tile that begins at `index`.
    #[inline]
    pub(super) fn tile(&self, index: usize) -> &[Entry; TILE] {
        let from = index & (self.entries.len() - 1);
        self.entries[from..].first_chunk().expect("tiles divide the ring")
    }

    #[inline]
    pub(super) fn get(&self, index: usize) -> &Entry {
        &self.entries[index & (self.entries.len() - 1)]
    }

    #[inline]
    pub(super) fn get_mut(&mut self, index: usize) -> &mut Entry {
        let mask = self.entries.len() - 1;
        &mut self.entries[index & mask]
    }

    /// Every request that is kept, over or not.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        (self.head..self.tail).map(|index| self.get(index))
    }

    #[inline(always)]
    pub(super) fn push(&mut self, entry: Entry) {
        debug_assert!(!self.is_full(), "the caller makes room");
        let tail = self.tail;
        *self.get_mut(tail) = entry;
        self.tail = tail + 1;
    }

    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.len() == self.entries.len()
    }

    /// Whether there may be no room for another request, in the ring or in the pod's queue. Never
    /// wrong where there is none.
    #[inline]
    pub(super) const fn needs_care(&self) -> bool {
        self.care_at <= self.tail
    }

    /// Finds out up to where another request surely has room: in the ring, and in a queue of so
    /// many, of which all count that were not seen to start. Both only grow from here.
    pub(super) fn take_care_at(&mut self, queue: usize) {
        let room = self.head + self.entries.len();
        self.care_at = room.min(self.started.saturating_add(queue));
    }

    #[cold]
    pub(super) fn grow(&mut self) {
        let n_entries = self.entries.len() * 2;
        let mut larger = vec![Entry::EMPTY; n_entries].into_boxed_slice();
        for index in self.head..self.tail {
            larger[index & (n_entries - 1)] = *self.get(index);
        }
        self.entries = larger;
    }

    /// Moves `started` past everything that has started before `now_s`.
    pub(super) fn start_before(&mut self, now_s: f64) {
        self.started = self.n_started(now_s);
    }

    /// Where the requests begin that have not started before `now_s`.
    pub(super) fn n_started(&self, now_s: f64) -> usize {
        // Starts never fall along the ring, so halving finds the first that has not started.
        let mut from = self.started;
        let mut waiting = self.tail - from;
        while 0 < waiting {
            let half = waiting / 2;
            if self.get(from + half).start_s < now_s {
                from += half + 1;
                waiting -= half + 1;
            } else {
                waiting = half;
            }
        }
        from
    }

    /// Everything that is not finished is over.
    pub(super) fn lose_unfinished(&mut self) {
        for index in self.head..self.tail {
            let entry = self.get_mut(index);
            if !entry.has(FINISHED) {
                entry.flags |= FINISHED | BOOKED;
            }
        }
        self.started = self.tail;
    }

    /// Forgets the tiles at the head in which everything is over.
    pub(super) fn forget_over(&mut self) {
        while self.head + TILE <= self.started && self.tile(self.head).iter().all(Entry::is_over) {
            self.head += TILE;
        }
    }
}
