//! Waits of counts: histograms from the laws of wait.

use crate::sim::histogram::{BINS, bin_start_s};
use crate::sim::maths;
use crate::traffic::ledger::LATENCY_BUCKET_S;
use crate::traffic::ledger::cells::Wait;
use crate::traffic::ledger::mixture::rounded;

/// The window of latencies of users who first sent at `first_s`, if it is counted.
pub(super) fn window_of(first_s: f64) -> Option<usize> {
    if 0.0 <= first_s { Some(first_s as usize / LATENCY_BUCKET_S) } else { None }
}

/// Waits of all attempts that started, for studies of queues alone.
#[derive(Clone, Debug, Default)]
pub(super) struct Waits {
    n: f64,
    last: Wait,
    weights: Vec<f64>,
    total: u64,
}

impl Waits {
    pub(super) fn add(&mut self, n: u64, wait: Wait) {
        if self.last != wait {
            self.spill();
            self.last = wait;
        }
        self.n += n as f64;
        self.total += n;
    }

    fn spill(&mut self) {
        let n = std::mem::take(&mut self.n);
        if n == 0.0 {
            return;
        }
        self.weights.resize(BINS, 0.0);
        let Wait { share, mean_s, variance_s2, .. } = self.last;
        self.weights[0] += n * (1.0 - share);
        if share <= 0.0 || mean_s <= 0.0 {
            self.weights[0] += n * share;
            return;
        }
        let shape = (mean_s * mean_s / variance_s2).min(1e4);
        let mut below = 0.0;
        for bin in 0..BINS {
            let upto = maths::gamma_cdf(shape, bin_start_s(bin + 1) * shape / mean_s);
            self.weights[bin] += n * share * (upto - below);
            below = upto;
        }
    }

    pub(super) fn flush(&mut self, mut each: impl FnMut(usize, u64)) {
        self.spill();
        rounded(&self.weights, self.total, &mut each);
        self.weights.clear();
        self.total = 0;
    }
}
