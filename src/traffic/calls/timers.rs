//! What is due some time later: retries, and time-outs that come out of turn.
//!
//! They wait in a wheel, at little cost; those that still matter when their millisecond comes
//! enter a heap, which puts them in order.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::traffic::wheel::{Timed, Wheel};

use super::slab::Ref;

/// How long the stretches are in which the wheel is emptied [s].
const STRETCH_S: f64 = 1_024.0;

/// Something that is due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Timer {
    pub(super) time_s: f64,
    pub(super) due: Due,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// The caller gives up its attempt.
    GiveUp(Ref),
    /// The caller sends again.
    Retry(Ref),
    /// A server learns that nobody waits for a request whose calls it makes.
    Abort(Ref),
    /// A closed-loop client sends the request of this number.
    Next { demand: u32, ordinal: u32 },
}

impl Timed for Timer {
    fn time_s(&self) -> f64 {
        self.time_s
    }
}

impl Eq for Timer {}

impl PartialOrd for Timer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Timer {
    /// The one that is due first is the greatest, for the heap gives the greatest.
    fn cmp(&self, other: &Self) -> Ordering {
        other.time_s.total_cmp(&self.time_s).then(other.due.cmp(&self.due))
    }
}

/// All that is due later.
#[derive(Clone, Debug)]
pub(super) struct Timers {
    later: Wheel<Timer>,
    n_later: usize,
    /// What is due before `near_s`, and some of what was added since.
    near: BinaryHeap<Timer>,
    near_s: f64,
    taken: Vec<Timer>,
}

impl Timers {
    pub(super) fn new(start_s: f64) -> Self {
        let later = Wheel::new(start_s, 1_024.0);
        Self { later, n_later: 0, near: BinaryHeap::new(), near_s: start_s, taken: Vec::new() }
    }

    /// When somebody has to [look](Self::pop) next [s].
    #[inline]
    pub(super) fn next_s(&self) -> f64 {
        let wheel_s = if self.n_later == 0 { f64::INFINITY } else { self.near_s };
        self.near.peek().map_or(wheel_s, |first| first.time_s.min(wheel_s))
    }

    #[inline]
    pub(super) fn add(&mut self, timer: Timer, now_s: f64) {
        if self.n_later == 0 {
            // Nothing waits, so nothing was looked at for a while.
            self.near_s = self.near_s.max(stretch_end_s(now_s));
            self.later.take_before(self.near_s, |timer| self.taken.push(timer));
        }
        if timer.time_s < self.near_s {
            self.near.push(timer);
        } else {
            self.n_later += 1;
            self.later.push(timer);
        }
    }

    /// What is due at `now_s`, the instant at which to look; None if that was only the end of a
    /// stretch. Of the next stretch, only timers that still matter are kept.
    pub(super) fn pop(&mut self, now_s: f64, matters: impl Fn(&Due) -> bool) -> Option<Due> {
        if self.near_s <= now_s && 0 < self.n_later {
            self.near_s = stretch_end_s(self.near_s);
            self.later.take_before(self.near_s, |timer| self.taken.push(timer));
            self.n_later -= self.taken.len();
            let taken = self.taken.drain(..);
            self.near.extend(taken.filter(|timer| matters(&timer.due)));
        }
        let first = self.near.peek().filter(|first| first.time_s <= now_s)?.due;
        self.near.pop();
        Some(first)
    }
}

/// Where the stretch of `time_s` ends [s].
fn stretch_end_s(time_s: f64) -> f64 {
    ((time_s / STRETCH_S).floor() + 1.0) * STRETCH_S
}
