//! Latencies of counts: the law of service with the delays that came before it.
//!
//! A latency is the way there and back, the delay (the time since the first send, and the wait),
//! and the service. Ways and service are the same for all users of a mixture, so only delays are
//! kept, window by window: as laws of wait where many users had the same, else in cells. They are
//! folded with the law of service when somebody asks, after the windows asked for were summed.

use std::sync::Arc;

use crate::sim::histogram::{BINS, Histogram, bin_of};

use super::cells::{Grain, ServiceCells, Wait};

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

    /// `n` users who first sent in a window were served in an attempt sent `after_s` after the
    /// first, after `wait`.
    pub(super) fn add(&mut self, window: usize, n: u64, wait: Wait, after_s: f64) {
        let base_s = self.base_s();
        let known = self.waits.last().is_some_and(|last| last.is_like(&wait));
        let last = self.waits.len();
        let slot = self.window_mut(window);
        slot.n += n;
        let alike = if known { last - 1 } else { last } as u32;
        let is_alike = after_s == 0.0 && (slot.n_alike == 0 || known && slot.alike == alike);
        if is_alike {
            slot.alike = alike;
            slot.n_alike += n;
            if !known {
                self.waits.push(wait);
            }
        } else {
            slot.delays.spill(n as f64, &wait, after_s, Grain::Coarse, base_s);
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
        let (mut n, mut delays) = (0, Delays::default());
        let mut n_by_wait = vec![0_u64; self.waits.len()];
        for (place, window) in self.windows.iter().enumerate() {
            if 0 < window.n && wanted(self.first + place) {
                n += window.n;
                delays.add(&window.delays);
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
        rounded(&self.fold(&delays), n, |bin, n| latencies.add_many(bin, n));
    }

    /// Weights of latencies by bin.
    fn fold(&self, delays: &Delays) -> [f64; BINS] {
        let heavy = HEAVY * delays.cells.iter().map(|(weight, _)| weight).sum::<f64>();
        let mut weights = [0.0; BINS];
        for &(weight, sum_s) in delays.cells.iter().filter(|(weight, _)| 0.0 < *weight) {
            let grain = if heavy < weight { Grain::Fine } else { Grain::Coarse };
            let before_s = self.ways_s + sum_s / weight;
            for &(share, service_s) in self.service.cells(grain) {
                weights[bin_of(before_s + service_s * self.slower)] += weight * share;
            }
        }
        weights
    }
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
