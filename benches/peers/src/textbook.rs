//! A loop as in a textbook: arrivals and departures on a binary heap.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use rand::SeedableRng;
use rand::rngs::SmallRng;
use rand_distr::{Distribution, Exp1};

/// The generator that all models in Rust draw from.
pub fn generator() -> SmallRng {
    SmallRng::seed_from_u64(1)
}

/// An exponential time of mean 1.
pub fn exponential(rng: &mut SmallRng) -> f64 {
    Exp1.sample(rng)
}

/// Nanoseconds, for clocks of integers.
pub fn nanos(units: f64) -> u64 {
    (units * 1e9) as u64
}

/// A key that orders as the time does: positive floats order as their bits.
fn key(time: f64, event: u32) -> Reverse<u128> {
    Reverse((u128::from(time.to_bits()) << 64) | u128::from(event))
}

const ARRIVAL: u32 = 0;
const DEPARTURE: u32 = 1;
/// Arrivals per service time.
pub const LAMBDA: f64 = 6.4;
/// Mean time between them: in binary a number that needs no rounding.
pub const GAP: f64 = 0.156_25;
/// Servers.
pub const SERVERS: u32 = 8;

/// Mean wait of so many customers of M/M/8.
pub fn queue(customers: u64) -> f64 {
    let mut rng = generator();
    let mut events = BinaryHeap::new();
    let mut waiting = VecDeque::new();
    let (mut busy, mut arrived, mut wait) = (0, 0, 0.0);
    events.push(key(exponential(&mut rng) * GAP, ARRIVAL));
    while let Some(Reverse(next)) = events.pop() {
        let now = f64::from_bits((next >> 64) as u64);
        if next as u32 == ARRIVAL {
            arrived += 1;
            if arrived < customers {
                events.push(key(now + exponential(&mut rng) * GAP, ARRIVAL));
            }
            if busy < SERVERS {
                busy += 1;
                events.push(key(now + exponential(&mut rng), DEPARTURE));
            } else {
                waiting.push_back(now);
            }
        } else if let Some(since) = waiting.pop_front() {
            wait += now - since;
            events.push(key(now + exponential(&mut rng), DEPARTURE));
        } else {
            busy -= 1;
        }
    }
    wait / customers as f64
}

/// The last instant of so many events of the hold model.
pub fn hold(timers: usize, events: u64) -> f64 {
    let mut rng = generator();
    let mut heap: BinaryHeap<_> =
        (0..timers).map(|timer| key(exponential(&mut rng), timer as u32)).collect();
    let mut now = 0.0;
    for _ in 0..events {
        let Reverse(next) = heap.pop().expect("each is set again");
        now = f64::from_bits((next >> 64) as u64);
        heap.push(key(now + exponential(&mut rng), next as u32));
    }
    now
}
