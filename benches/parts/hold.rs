//! The hold model: take the earliest of n timers, set it again an exponential time later.

use tideover::sim::exponential::exponential;
use tideover::sim::streams::Stream;
use tideover::sim::timers::{TimerId, Timers};
use tideover::units::{Span, Time};

/// Timers that are always set.
#[derive(Debug)]
pub(crate) struct Hold {
    timers: Timers<usize>,
    ids: Vec<TimerId>,
    stream: Stream,
    drawn: u64,
}

impl Hold {
    /// So many timers, each set for the first time.
    pub(crate) fn new(n: usize) -> Self {
        let stream = Stream::new(1, 0, "bench", "hold");
        let mut hold = Self { timers: Timers::new(), ids: Vec::new(), stream, drawn: 0 };
        for timer in 0..n {
            let id = hold.timers.add(0, timer);
            hold.ids.push(id);
            let delay = hold.delay();
            hold.timers.set(id, Time::ZERO + delay);
        }
        hold
    }

    /// One event.
    pub(crate) fn step(&mut self) {
        let (now, timer) = self.timers.pop().expect("every timer is set again");
        let delay = self.delay();
        self.timers.set(self.ids[timer], now + delay);
    }

    fn delay(&mut self) -> Span {
        self.drawn += 1;
        Span::from_nanos((exponential(self.stream.at(self.drawn)) * 1e9) as i64)
    }
}
