//! The hold model: take the earliest of n timers, set it again an exponential time later.

use tideover::sim::exponential::exponentials;
use tideover::sim::streams::Stream;
use tideover::sim::timers::Timers;
use tideover::units::{Span, Time};

/// Draws are made so many at once, as the engine of requests makes them.
const BLOCK: usize = 256;

/// Timers that are always set.
#[derive(Debug)]
pub(crate) struct Hold {
    timers: Timers<()>,
    stream: Stream,
    n_drawn: u64,
    /// The draws of a block, and how many of them are used.
    block: [f64; BLOCK],
    n_used: usize,
}

impl Hold {
    /// So many timers, each set for the first time.
    pub(crate) fn new(n: usize) -> Self {
        let stream = Stream::new(1, 0, "bench", "hold");
        let (block, n_used) = ([0.0; BLOCK], BLOCK);
        let timers = Timers::new();
        let mut hold = Self { timers, stream, n_drawn: 0, block, n_used };
        for _ in 0..n {
            let id = hold.timers.add(0, ());
            let delay = hold.delay();
            hold.timers.set(id, Time::ZERO + delay);
        }
        hold
    }

    /// One event.
    #[inline]
    pub(crate) fn step(&mut self) {
        let (now, timer, ()) = self.timers.pop().expect("every timer is set again");
        let delay = self.delay();
        self.timers.set(timer, now + delay);
    }

    fn delay(&mut self) -> Span {
        if self.n_used == BLOCK {
            let numbers: [u64; BLOCK] = std::array::from_fn(|i| self.n_drawn + i as u64);
            exponentials(&self.stream, &numbers, &mut self.block);
            self.n_drawn += BLOCK as u64;
            self.n_used = 0;
        }
        self.n_used += 1;
        Span::from_nanos((self.block[self.n_used - 1] * 1e9) as i64)
    }
}
