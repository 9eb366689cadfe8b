//! When users send their first attempt: one draw per user, in order, independent of routing.
//!
//! Instants are drawn some dozens at a time and wait in a buffer: loops over many draws run
//! several times as fast as one draw after another.

use crate::sim::exponential::exponentials;
use crate::sim::rates::{RateCursor, RateCurve};
use crate::sim::streams::Stream;

use super::plan::Arrivals;

/// Users drawn at a time.
const BLOCK: usize = 64;

/// The first sends of one demand, in order. Closed loops have none here: an outcome makes their
/// next send.
#[derive(Clone, Debug)]
pub(super) struct Source {
    process: Process,
    /// Instants to send at; infinity after the last user [s].
    times_s: Vec<f64>,
    /// Number of the user who sends first of these, from 0.
    first: u64,
    /// Those before it were sent in earlier slices.
    slice: usize,
    /// Those before it have been sent.
    next: usize,
}

#[derive(Clone, Debug)]
enum Process {
    Poisson { curve: RateCurve, stream: Stream, cursor: RateCursor },
    Recorded,
    Outcomes,
}

impl Source {
    /// The source of `arrivals`, whose first user sends at or after `start_s`.
    pub(super) fn new(arrivals: &Arrivals, stream: Stream, start_s: f64) -> Self {
        let (process, times_s) = match arrivals {
            Arrivals::Poisson { curve } => {
                let (curve, cursor) = (curve.clone(), RateCursor::new(curve, start_s));
                (Process::Poisson { curve, stream, cursor }, Vec::new())
            }
            Arrivals::Replay { instants } => {
                let mut times_s: Vec<f64> = instants.iter().map(|t| t.as_secs_f64()).collect();
                assert!(times_s.is_sorted(), "replayed instants are in order");
                assert!(times_s.first().is_none_or(|first| start_s <= *first));
                times_s.push(f64::INFINITY);
                (Process::Recorded, times_s)
            }
            Arrivals::ClosedLoop { .. } => (Process::Outcomes, vec![f64::INFINITY]),
        };
        Self { process, times_s, first: 0, slice: 0, next: 0 }
    }

    /// A slice begins: what has been sent so far is never taken back.
    pub(super) fn begin_slice(&mut self) {
        self.slice = self.next;
    }

    /// The users who send before `end_s` and have not sent yet: the number of the first, and
    /// when each of them sends [s].
    #[inline]
    pub(super) fn due_before(&mut self, end_s: f64) -> (u64, &[f64]) {
        while self.times_s.last().is_none_or(|last_s| *last_s < end_s) {
            self.draw();
        }
        let from = self.next;
        self.next += self.times_s[from..].partition_point(|time_s| *time_s < end_s);
        (self.first + from as u64, &self.times_s[from..self.next])
    }

    /// When the next user sends [s]; infinity after the last.
    pub(super) fn next_s(&mut self) -> f64 {
        if self.next == self.times_s.len() {
            self.slice = self.next;
            self.draw();
        }
        self.times_s[self.next]
    }

    /// The next user sends; gives its number.
    pub(super) fn take(&mut self) -> u64 {
        self.next += 1;
        self.first + self.next as u64 - 1
    }

    /// When each user of this slice has sent [s].
    pub(super) fn sent_in_slice(&self) -> &[f64] {
        &self.times_s[self.slice..self.next]
    }

    /// Takes back every send of this slice at or after `now_s`, and gives them [s].
    pub(super) fn take_back(&mut self, now_s: f64) -> &[f64] {
        let sent = self.slice..self.next;
        self.next = sent.start + self.times_s[sent.clone()].partition_point(|t| *t < now_s);
        &self.times_s[self.next..sent.end]
    }

    /// Draws another block of users.
    #[inline(never)]
    fn draw(&mut self) {
        self.times_s.drain(..self.slice);
        self.first += self.slice as u64;
        self.next -= self.slice;
        self.slice = 0;
        let ordinal = self.first + self.times_s.len() as u64;
        let (mut masses, mut block) = ([0.0; BLOCK], [f64::INFINITY; BLOCK]);
        if let Process::Poisson { curve, stream, cursor } = &mut self.process {
            let keys: [u64; BLOCK] = std::array::from_fn(|i| (ordinal + i as u64) << 4);
            exponentials(stream, &keys, &mut masses);
            cursor.advance_all(curve, &masses, &mut block);
        }
        self.times_s.extend_from_slice(&block);
    }

    /// The highest number of first sends a second that is expected.
    pub(super) fn peak_rate(&self) -> f64 {
        match &self.process {
            Process::Poisson { curve, .. } => curve.peak(),
            Process::Recorded => (self.times_s.len() - 1) as f64,
            Process::Outcomes => 0.0,
        }
    }
}
