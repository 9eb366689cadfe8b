//! Latencies of counts: the law of service with the delays that came before it.
//!
//! A latency is the way there and back, the delay (the time since the first send, and the wait),
//! and the service. Ways and service are the same for all users of a mixture, so only delays are
//! kept, window by window: as laws of wait where many users had the same, else in cells. They are
//! folded with the law of service when somebody asks, after the windows asked for were summed.

use std::sync::Arc;

use crate::sim::histogram::{BINS, Histogram, bin_of};

use super::cells::{Delayed, Grain, ServiceCells, Wait};

/// Served users whose requests took the same way and the same law of service.
#[derive(Clone, Debug)]
pub(in crate::traffic) struct Mixture {
    service: Arc<ServiceCells>,
    /// Times as long as the law says.
    slower: f64,
    /// There and back [s].
    ways_s: f64,
    /// Waits that many users had.
    waits: Vec<Wait>,
    /// Number of the first of the windows.
    first: usize,
    windows: Vec<Window>,
}

/// Users who first sent in one window.
#[derive(Clone, Debug, Default)]
struct Window {
    n: u64,
    /// How many of them had which wait of many.
    n_alike: u64,
    alike: u32,
    /// The others.
    delays: Delays,
    /// Of those who were served in time where others were not.
    capped: Vec<Capped>,
}

/// Delays of users whose delay and service took no longer than a time together.
#[derive(Clone, Debug)]
struct Capped {
    within_s: f64,
    delays: Delays,
}

/// Delays in cells of equal ratio: weight, and weight times delay [s].
#[derive(Clone, Debug, Default)]
struct Delays {
    cells: Vec<(f64, f64)>,
}

/// Cells in a factor of two are 2 to the power of this.
const CELLS_PER_OCTAVE_LOG: u32 = 4;

/// Cells with a smaller share of the users than this are folded with a coarse law of service: side
/// by side they blur its cells.
const HEAVY: f64 = 0.05;

/// A sum of more laws than this is made of coarse ones.
const FEW_WAITS: usize = 8;

/// Services that differ by less than this part are the same.
const SAME_SERVICE: f64 = 5e-3;

/// Times to answer in that differ by less than this part are the same.
const SAME_CAP: f64 = 0.05;

impl Mixture {
    pub(super) fn new(service: &Arc<ServiceCells>, slower: f64, ways_s: f64) -> Self {
        Self {
            service: Arc::clone(service),
            slower,
            ways_s,
            waits: Vec::new(),
            first: 0,
            windows: Vec::new(),
        }
    }

    /// Whether it is that of the users of this service and way.
    pub(super) fn is_of(&self, service: &Arc<ServiceCells>, slower: f64, ways_s: f64) -> bool {
        Arc::ptr_eq(&self.service, service)
            && self.ways_s == ways_s
            && (self.slower - slower).abs() <= SAME_SERVICE * self.slower
    }

    /// `n` users who first sent in a window were served so.
    pub(super) fn add(&mut self, window: usize, n: u64, delayed: Delayed) {
        let base_s = self.base_s();
        let wait = delayed.wait;
        let known = self.waits.last().is_some_and(|last| last.is_like(&wait));
        let last = self.waits.len();
        let could_be_alike = delayed.after_s == 0.0 && delayed.within_s == f64::INFINITY;
        let (service, slower) = (Arc::clone(&self.service), self.slower);
        let slot = self.window_mut(window);
        slot.n += n;
        let alike = if known { last - 1 } else { last } as u32;
        if could_be_alike && (slot.n_alike == 0 || known && slot.alike == alike) {
            slot.alike = alike;
            slot.n_alike += n;
            if !known {
                self.waits.push(wait);
            }
        } else if delayed.within_s == f64::INFINITY {
            slot.delays.spill(n as f64, &wait, delayed.after_s, Grain::Coarse, base_s);
        } else {
            let in_time = |wait_s: f64| service.within((delayed.within_s - wait_s) / slower);
            let capped = capped_within(&mut slot.capped, delayed.after_s + delayed.within_s);
            capped.delays.spill_those(n as f64, &delayed, base_s, in_time);
        }
    }

    fn window_mut(&mut self, window: usize) -> &mut Window {
        if self.windows.is_empty() {
            self.first = window;
        }
        if window < self.first {
            let earlier = (window..self.first).map(|_| Window::default());
            self.windows.splice(0..0, earlier);
            self.first = window;
        }
        let place = window - self.first;
        if self.windows.len() <= place {
            self.windows.resize_with(place + 1, Window::default);
        }
        &mut self.windows[place]
    }

    /// Added to delays before their ratio counts: differences far below what every request takes
    /// are none.
    fn base_s(&self) -> f64 {
        (self.ways_s + 0.1 * self.service.mean_s * self.slower).max(1e-6)
    }

    /// Adds the latencies of the users of all `wanted` windows.
    pub(super) fn add_to(&self, latencies: &mut Histogram, wanted: impl Fn(usize) -> bool) {
        let (mut n, mut delays, mut capped) = (0, Delays::default(), Vec::new());
        let mut n_by_wait = vec![0_u64; self.waits.len()];
        for (place, window) in self.windows.iter().enumerate() {
            if 0 < window.n && wanted(self.first + place) {
                n += window.n;
                delays.add(&window.delays);
                for part in &window.capped {
                    capped_within(&mut capped, part.within_s).delays.add(&part.delays);
                }
                if 0 < window.n_alike {
                    n_by_wait[window.alike as usize] += window.n_alike;
                }
            }
        }
        if n == 0 {
            return;
        }
        let n_waits = n_by_wait.iter().filter(|n| 0 < **n).count();
        let grain = if n_waits <= FEW_WAITS { Grain::Fine } else { Grain::Coarse };
        for (wait, &n) in self.waits.iter().zip(&n_by_wait).filter(|(_, n)| 0 < **n) {
            delays.spill(n as f64, wait, 0.0, grain, self.base_s());
        }
        let mut weights = [0.0; BINS];
        self.fold(&delays, f64::INFINITY, &mut weights);
        for Capped { within_s, delays } in &capped {
            self.fold(delays, *within_s, &mut weights);
        }
        rounded(&weights, n, |bin, n| latencies.add_many(bin, n));
    }

    /// Adds the weights of latencies by bin, where delay and service take at most `within_s`.
    fn fold(&self, delays: &Delays, within_s: f64, weights: &mut [f64; BINS]) {
        let heavy = HEAVY * delays.cells.iter().map(|(weight, _)| weight).sum::<f64>();
        for &(weight, sum_s) in delays.cells.iter().filter(|(weight, _)| 0.0 < *weight) {
            let grain = if heavy < weight { Grain::Fine } else { Grain::Coarse };
            let delay_s = sum_s / weight;
            let before_s = self.ways_s + delay_s;
            let longest_s = (within_s - delay_s) / self.slower;
            let services = self.service.cells(grain);
            let short = services.iter().take_while(|(_, service_s)| *service_s <= longest_s);
            let all: f64 = short.clone().map(|(share, _)| share).sum();
            if all == 0.0 {
                weights[bin_of(self.ways_s + delay_s.max(within_s))] += weight;
            }
            for &(share, service_s) in short {
                weights[bin_of(before_s + service_s * self.slower)] += weight * share / all;
            }
        }
    }
}

/// Those whose time was about this long.
fn capped_within(capped: &mut Vec<Capped>, within_s: f64) -> &mut Capped {
    let known = |other: &Capped| (other.within_s - within_s).abs() <= SAME_CAP * within_s;
    let place = capped.iter().position(known).unwrap_or_else(|| {
        capped.push(Capped { within_s, delays: Delays::default() });
        capped.len() - 1
    });
    &mut capped[place]
}

impl Delays {
    /// Adds `n` users who had this wait.
    fn spill(&mut self, n: f64, wait: &Wait, after_s: f64, grain: Grain, base_s: f64) {
        if wait.share < 1.0 {
            self.put(after_s, n * (1.0 - wait.share), base_s);
        }
        if 0.0 < wait.share {
            let n = n * wait.share;
            wait.cells(grain, |weight, wait_s| self.put(after_s + wait_s, n * weight, base_s));
        }
    }

    /// Adds `n` users, of whom those with a wait were served whose share it tells.
    fn spill_those(&mut self, n: f64, delayed: &Delayed, base_s: f64, served: impl Fn(f64) -> f64) {
        let Delayed { after_s, wait, .. } = *delayed;
        let each = |tell: &mut dyn FnMut(f64, f64)| {
            tell(1.0 - wait.share, 0.0);
            if 0.0 < wait.share {
                wait.cells(Grain::Coarse, |weight, wait_s| tell(weight * wait.share, wait_s));
            }
        };
        let mut all = 0.0;
        each(&mut |weight, wait_s| all += weight * served(wait_s));
        if all <= 0.0 {
            // By the law nobody; who was, hardly waited.
            return self.put(after_s, n, base_s);
        }
        each(&mut |weight, wait_s| {
            let n = n * weight * served(wait_s) / all;
            if 0.0 < n {
                self.put(after_s + wait_s, n, base_s);
            }
        });
    }

    fn put(&mut self, delay_s: f64, weight: f64, base_s: f64) {
        const SHIFT: u32 = 52 - CELLS_PER_OCTAVE_LOG;
        let first = base_s.to_bits() >> SHIFT;
        let cell = (((base_s + delay_s).to_bits() >> SHIFT) - first) as usize;
        if self.cells.len() <= cell {
            self.cells.resize(cell + 1, (0.0, 0.0));
        }
        let (weights, sum_s) = &mut self.cells[cell];
        *weights += weight;
        *sum_s += weight * delay_s;
    }

    fn add(&mut self, other: &Self) {
        if self.cells.len() < other.cells.len() {
            self.cells.resize(other.cells.len(), (0.0, 0.0));
        }
        for (mine, theirs) in self.cells.iter_mut().zip(&other.cells) {
            mine.0 += theirs.0;
            mine.1 += theirs.1;
        }
    }
}

/// Makes whole counts of weights: they add up to `n`, and every partial sum is to the nearest.
pub(in crate::traffic) fn rounded(weights: &[f64], n: u64, mut each: impl FnMut(usize, u64)) {
    let total: f64 = weights.iter().sum();
    let (mut sum, mut counted) = (0.0, 0);
    let last = weights.iter().rposition(|weight| 0.0 < *weight).unwrap_or(0);
    for (bin, weight) in weights.iter().enumerate().filter(|(_, weight)| 0.0 < **weight) {
        sum += weight;
        let upto = if bin == last { n } else { (n as f64 * (sum / total)).round() as u64 };
        each(bin, upto - counted);
        counted = upto;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::laws::Law;

    /// Answers that came in time did so: whatever the waits and services of all requests are, none
    /// of those took longer than the bound, but for the width of a bin. Without a bound, some did.
    #[test]
    fn latencies_keep_their_bound() {
        let service = Arc::new(ServiceCells::new(&Law::exponential(0.2)));
        let wait = Wait { share: 0.7, mean_s: 0.5, variance_s2: 0.3, ..Wait::default() };
        for (within_s, most_s) in [(0.8, 1.0), (0.1, 0.3), (f64::INFINITY, 100.0)] {
            let mut mixture = Mixture::new(&service, 1.0, 0.1);
            mixture.add(0, 10_000, Delayed { after_s: 0.1, wait, within_s });
            let mut latencies = Histogram::EMPTY;
            mixture.add_to(&mut latencies, |_| true);
            assert_eq!(latencies.count(), 10_000);
            let longest_s = latencies.max_s().expect("there are some");
            assert!(longest_s <= 1.032 * most_s, "within {within_s}: {longest_s}");
            assert_eq!(within_s == f64::INFINITY, 1.1 < longest_s);
        }
    }
}
