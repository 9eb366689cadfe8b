//! Queues as in a textbook: arrivals, departures and time-outs as events on a binary heap.
//!
//! It draws the same numbers from the same generator, but keeps no account beside the sum of waits:
//! no geographies, edges, latencies, histograms, retries or counts by the second.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use tideover::sim::exponential::exponential;
use tideover::sim::streams::{Stream, below};

/// What is simulated; times in units of a mean service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    /// Pods, picked at random.
    pub(crate) pods: usize,
    /// Workers of each.
    pub(crate) workers: u32,
    /// Requests a unit of time.
    pub(crate) rate: f64,
    /// A client gives up after this; none of them does, but each has its event.
    pub(crate) time_out: Option<f64>,
}

#[derive(Clone, Debug, Default)]
struct Pod {
    busy: u32,
    waiting: VecDeque<f64>,
}

/// A key that orders as the time does: positive floats order as their bits.
fn key(time: f64, event: u32) -> Reverse<u128> {
    Reverse((u128::from(time.to_bits()) << 64) | u128::from(event))
}

const ARRIVAL: u32 = u32::MAX;
const TIME_OUT: u32 = u32::MAX - 1;

/// Mean wait of so many requests.
pub(crate) fn run(setting: Setting, requests: u64) -> f64 {
    let Setting { pods: n_pods, workers, rate, time_out } = setting;
    let stream = Stream::new(1, 0, "bench", "textbook");
    let mut drawn = 0;
    let mut draw = || {
        drawn += 1;
        stream.at(drawn)
    };
    let mut pods = vec![Pod::default(); n_pods];
    let mut events = BinaryHeap::new();
    let (mut arrived, mut wait) = (0, 0.0);
    events.push(key(exponential(draw()) / rate, ARRIVAL));
    while let Some(Reverse(next)) = events.pop() {
        let now = f64::from_bits((next >> 64) as u64);
        match next as u32 {
            ARRIVAL => {
                arrived += 1;
                if arrived < requests {
                    events.push(key(now + exponential(draw()) / rate, ARRIVAL));
                }
                if let Some(time_out) = time_out {
                    events.push(key(now + time_out, TIME_OUT));
                }
                let index = if n_pods == 1 { 0 } else { below(draw(), n_pods) };
                let pod = &mut pods[index];
                if pod.busy < workers {
                    pod.busy += 1;
                    events.push(key(now + exponential(draw()), index as u32));
                } else {
                    pod.waiting.push_back(now);
                }
            }
            // Everybody has been answered by then.
            TIME_OUT => {}
            departure => {
                let pod = &mut pods[departure as usize];
                if let Some(since) = pod.waiting.pop_front() {
                    wait += now - since;
                    events.push(key(now + exponential(draw()), departure));
                } else {
                    pod.busy -= 1;
                }
            }
        }
    }
    wait / requests as f64
}
