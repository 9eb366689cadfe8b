//! Latencies of served users by window of their first send.

use std::borrow::Cow;
use std::sync::Arc;

use crate::sim::histogram::Histogram;

use super::cells::ServiceCells;
use super::mixture::Mixture;

/// Latencies (first send to answer) by [`LATENCY_BUCKET_S`](super::LATENCY_BUCKET_S) of the first
/// send: counted one by one, or as laws, of which histograms are made when they are asked for.
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    windows: Vec<Histogram>,
    mixtures: Vec<Mixture>,
}

impl Latencies {
    /// Latencies that were counted, by window.
    #[must_use]
    pub const fn counted(windows: Vec<Histogram>) -> Self {
        Self { windows, mixtures: Vec::new() }
    }

    /// Those of every window.
    #[must_use]
    pub fn windows(&self) -> Cow<'_, [Histogram]> {
        if self.mixtures.is_empty() {
            return Cow::Borrowed(&self.windows);
        }
        let mut windows = self.windows.clone();
        for mixture in &self.mixtures {
            for (number, window) in windows.iter_mut().enumerate() {
                mixture.add_to(window, |other| other == number);
            }
        }
        Cow::Owned(windows)
    }

    /// Those of all `wanted` windows together. Where latencies are kept as laws, this is the
    /// rounding of their sum, and not the sum of what was rounded.
    #[must_use]
    pub fn over(&self, wanted: impl Fn(usize) -> bool) -> Histogram {
        let mut all = Histogram::EMPTY;
        for (_, window) in self.windows.iter().enumerate().filter(|(number, _)| wanted(*number)) {
            all.merge(window);
        }
        for mixture in &self.mixtures {
            mixture.add_to(&mut all, &wanted);
        }
        all
    }

    #[inline(always)]
    pub(super) fn record(&mut self, window: usize, latency_s: f64) {
        self.windows[window].record(latency_s);
    }

    /// The number of the mixture of the users of this way and service.
    pub(super) fn mixture(
        &mut self,
        service: &Arc<ServiceCells>,
        slower: f64,
        ways_s: f64,
    ) -> usize {
        let known = self.mixtures.iter().position(|known| known.is_of(service, slower, ways_s));
        known.unwrap_or_else(|| {
            self.mixtures.push(Mixture::new(service, slower, ways_s));
            self.mixtures.len() - 1
        })
    }

    pub(super) fn mixture_mut(&mut self, mixture: usize) -> &mut Mixture {
        &mut self.mixtures[mixture]
    }
}
