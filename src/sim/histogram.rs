//! Counts of durations in fixed log-linear bins: exact to merge, in any order.
//!
//! 32 bins per octave from 2^-20 s (about 1 us) to 2^14 s (4.5 h), each at most 3.2 % wide. The
//! bin is read off the bits of the f64 (exponent and top five bits of the mantissa), so counting
//! takes no logarithm. Bins are integers and never move, so merging is associative and exact,
//! which t-digest and P² are not.

/// A histogram of durations in seconds. It keeps the octaves from the shortest duration counted to
/// the longest, and empty ones own no memory: a run has thousands, each of a few octaves.
#[derive(Clone, Debug)]
pub struct Histogram {
    /// The bin of the first count, at the start of an octave.
    first_bin: usize,
    /// By bin from there, in whole octaves.
    counts: Vec<u64>,
    total: u64,
    min_s: f64,
    max_s: f64,
}

/// Bins in an octave.
const OCTAVE: usize = 32;

/// Number of bins.
pub const BINS: usize = (14 + 20) * OCTAVE;

/// Mantissa bits below the five that select a bin.
const BIN_SHIFT: u32 = 52 - 5;
/// The shifted bits of 2^-20, the lower edge of bin 0.
const FIRST: u64 = (1023 - 20) << 5;

/// The bin that counts `secs`; shorter and longer durations fall into the first and last bin.
#[inline]
#[must_use]
pub fn bin_of(secs: f64) -> usize {
    debug_assert!(0.0 <= secs, "a duration is a number and not negative: {secs}");
    let shifted = (secs.to_bits() >> BIN_SHIFT) as i64 - FIRST as i64;
    shifted.clamp(0, BINS as i64 - 1) as usize
}

/// The lower edge of `bin` \[s\]; the upper edge is the lower edge of the next. Bin 0 counts
/// from zero.
#[must_use]
pub fn bin_start_s(bin: usize) -> f64 {
    assert!(bin <= BINS, "there are {BINS} bins, not {bin}");
    if bin == 0 { 0.0 } else { f64::from_bits((FIRST + bin as u64) << BIN_SHIFT) }
}

impl Histogram {
    /// No durations yet.
    pub const EMPTY: Self = Self {
        first_bin: 0,
        counts: Vec::new(),
        total: 0,
        min_s: f64::INFINITY,
        max_s: f64::NEG_INFINITY,
    };

    /// No durations yet.
    #[must_use]
    pub const fn new() -> Self {
        Self::EMPTY
    }

    /// Counts one duration \[s\].
    #[inline]
    pub fn record(&mut self, secs: f64) {
        debug_assert!(0.0 <= secs, "a duration is a number and not negative: {secs}");
        // As `bin_of`, but for the clamp: what is out of range fails the look-up.
        let bin = (secs.to_bits() >> BIN_SHIFT).wrapping_sub(FIRST) as usize;
        match self.counts.get_mut(bin.wrapping_sub(self.first_bin)) {
            Some(count) => {
                *count += 1;
                self.total += 1;
            }
            None => self.count_in(bin_of(secs), 1),
        }
        if secs < self.min_s || self.max_s < secs {
            self.widen(secs, secs);
        }
    }

    /// Counts `n` equal durations \[s\].
    #[inline]
    pub fn record_many(&mut self, secs: f64, n: u64) {
        if 0 < n {
            self.count_in(bin_of(secs), n);
            self.widen(secs, secs);
        }
    }

    /// Counts one duration known only by its bin; the extremes become the edges of the bin.
    #[inline]
    pub fn add(&mut self, bin: usize) {
        self.add_many(bin, 1);
    }

    /// Counts `n` durations known only by their bin.
    pub fn add_many(&mut self, bin: usize, n: u64) {
        if 0 < n {
            self.count_in(bin, n);
            self.widen(bin_start_s(bin), bin_start_s(bin + 1));
        }
    }

    #[inline]
    fn count_in(&mut self, bin: usize, n: u64) {
        self.total += n;
        match self.counts.get_mut(bin.wrapping_sub(self.first_bin)) {
            Some(count) => *count += n,
            None => {
                assert!(bin < BINS, "there are {BINS} bins, not {bin}");
                self.make_room(bin, bin + 1);
                self.counts[bin - self.first_bin] += n;
            }
        }
    }

    /// Keeps the octaves of the bins from `first` to before `end` as well.
    #[cold]
    fn make_room(&mut self, first: usize, end: usize) {
        let octave = first / OCTAVE * OCTAVE;
        let end = end.next_multiple_of(OCTAVE);
        if self.counts.is_empty() {
            self.first_bin = octave;
        }
        if octave < self.first_bin {
            let more = self.first_bin - octave;
            self.counts.splice(..0, std::iter::repeat_n(0, more));
            self.first_bin = octave;
        }
        let n_bins = self.counts.len().max(end - self.first_bin);
        self.counts.resize(n_bins, 0);
    }

    #[inline]
    fn widen(&mut self, min_s: f64, max_s: f64) {
        self.min_s = if min_s < self.min_s { min_s } else { self.min_s };
        self.max_s = if max_s > self.max_s { max_s } else { self.max_s };
    }

    /// Adds every count of `other`: exact, associative, and the same in any order.
    pub fn merge(&mut self, other: &Self) {
        if other.total == 0 {
            return;
        }
        let end = other.first_bin + other.counts.len();
        if other.first_bin < self.first_bin || self.first_bin + self.counts.len() < end {
            self.make_room(other.first_bin, end);
        }
        let shared = &mut self.counts[other.first_bin - self.first_bin..];
        for (count, more) in shared.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.total += other.total;
        self.widen(other.min_s, other.max_s);
    }

    /// Forgets every duration and keeps the memory for the next window.
    pub fn clear(&mut self) {
        if 0 < self.total {
            self.counts.fill(0);
        }
        self.total = 0;
        self.min_s = f64::INFINITY;
        self.max_s = f64::NEG_INFINITY;
    }

    /// Number of durations counted.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.total
    }

    /// Whether nothing was counted.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Shortest duration counted \[s\].
    #[must_use]
    pub fn min_s(&self) -> Option<f64> {
        (0 < self.total).then_some(self.min_s)
    }

    /// Longest duration counted \[s\].
    #[must_use]
    pub fn max_s(&self) -> Option<f64> {
        (0 < self.total).then_some(self.max_s)
    }

    /// How many of the durations lie in bins that end at or below `secs`.
    #[must_use]
    pub fn count_below(&self, secs: f64) -> u64 {
        let end = bin_of(secs).saturating_sub(self.first_bin).min(self.counts.len());
        self.counts[..end].iter().sum()
    }

    /// The bins in use: (bin, count), in order.
    pub fn bins(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        let bins = (self.first_bin..).zip(self.counts.iter().copied());
        bins.filter(|&(_, count)| 0 < count)
    }

    /// The duration that the share `p` in [0, 1] of all durations does not exceed \[s\]: the
    /// order statistic of rank `p * n`, placed evenly inside its bin; `None` when empty.
    ///
    /// Never falls with `p`; at 0 and 1 it is the exact minimum and maximum.
    #[must_use]
    pub fn quantile(&self, p: f64) -> Option<f64> {
        assert!((0.0..=1.0).contains(&p), "a share lies in [0, 1], not {p}");
        if self.total == 0 {
            return None;
        }
        if p >= 1.0 {
            return Some(self.max_s);
        }
        let rank = p * self.total as f64;
        let mut below = 0;
        for (bin, count) in self.bins() {
            if rank <= (below + count) as f64 {
                let (start_s, end_s) = (bin_start_s(bin), bin_start_s(bin + 1));
                let inside = ((rank - below as f64) / count as f64).max(0.0);
                let value_s = start_s + (end_s - start_s) * inside;
                return Some(value_s.clamp(self.min_s, self.max_s));
            }
            below += count;
        }
        Some(self.max_s)
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl PartialEq for Histogram {
    /// Equal counts and extremes, whether or not memory was ever taken.
    fn eq(&self, other: &Self) -> bool {
        self.total == other.total
            && self.bins().eq(other.bins())
            && self.min_s.to_bits() == other.min_s.to_bits()
            && self.max_s.to_bits() == other.max_s.to_bits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::laws::{Law, Sampler};
    use crate::sim::maths;
    use crate::sim::streams::Stream;
    use proptest::prelude::*;

    fn of(durations: &[f64]) -> Histogram {
        let mut histogram = Histogram::new();
        durations.iter().for_each(|&secs| histogram.record(secs));
        histogram
    }

    /// Each bin holds its lower edge and not its upper one, is at most 3.2 % wide, and what is
    /// out of range lands in the end bins.
    #[test]
    fn bins_tile_the_range() {
        for bin in 0..BINS {
            let (start_s, end_s) = (bin_start_s(bin), bin_start_s(bin + 1));
            assert_eq!(bin_of(start_s), bin);
            assert_eq!(bin_of(end_s), (bin + 1).min(BINS - 1));
            assert!(bin == 0 || end_s / start_s <= 1.0 + 1.0 / 32.0, "bin {bin} is too wide");
        }
        assert_eq!(bin_start_s(1), (1.0 + 1.0 / 32.0) / f64::from(1 << 20));
        assert_eq!(bin_start_s(BINS), 16_384.0);
        let table = [(0.0, 0), (1e-9, 0), (16_384.0, BINS - 1), (f64::INFINITY, BINS - 1)];
        for (secs, bin) in table {
            assert_eq!(bin_of(secs), bin, "{secs}");
        }
    }

    /// Against the exact quantiles of the law: 10^5 lognormal latencies, every percentile within
    /// one bin and four standard errors of the order statistic, sqrt(p (1 - p) / n) in p.
    #[test]
    fn quantiles_meet_the_law() {
        const N: u64 = 100_000;
        let law = Law::lognormal_p50_p99(0.04, 0.18);
        let (sampler, stream) = (Sampler::new(&law), Stream::new(1, 0, "test", "quantiles"));
        let mut histogram = Histogram::new();
        (0..N).for_each(|i| histogram.record(sampler.draw(stream.at(i))));
        for p in [0.01, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999] {
            let error = 4.0 * (p * (1.0 - p) / N as f64).sqrt();
            let low_s = law.quantile(p - error) / (1.0 + 1.0 / 32.0);
            let high_s = law.quantile(p + error) * (1.0 + 1.0 / 32.0);
            let got_s = histogram.quantile(p).unwrap();
            assert!(low_s < got_s && got_s < high_s, "{p}: {got_s} outside {low_s}..{high_s}");
        }
    }

    /// Nothing counted has no quantile; one duration is every quantile of itself.
    #[test]
    fn empty_and_single() {
        let empty = Histogram::EMPTY;
        assert_eq!((empty.quantile(0.5), empty.max_s(), empty.count()), (None, None, 0));
        let single = of(&[0.123]);
        for p in [0.0, 0.5, 1.0] {
            assert_eq!(single.quantile(p), Some(0.123));
        }
        let mut cleared = single.clone();
        cleared.clear();
        assert_eq!(cleared, empty);
        let mut binned = Histogram::new();
        binned.add_many(bin_of(0.123), 3);
        assert_eq!(binned.count(), 3);
        assert!(binned.min_s().unwrap() <= 0.123 && 0.123 < binned.max_s().unwrap());
    }

    fn durations() -> impl Strategy<Value = Vec<f64>> {
        // Spread over every octave and both ends.
        proptest::collection::vec((-25.0..16.0_f64).prop_map(|x| maths::pow(2.0, x)), 0..40)
    }

    proptest! {
        /// Merging is exact: any grouping and order of parts equals counting all at once.
        #[test]
        fn merging_is_associative_and_exact(a in durations(), b in durations(), c in durations()) {
            let [ha, hb, hc] = [of(&a), of(&b), of(&c)];
            let mut left = ha.clone();
            left.merge(&hb);
            left.merge(&hc);
            let mut tail = hc.clone();
            tail.merge(&hb);
            let mut right = tail;
            right.merge(&ha);
            prop_assert_eq!(&left, &right);
            prop_assert_eq!(&left, &of(&[a, b, c].concat()));
        }

        /// Quantiles never fall with p and stay between the extremes.
        #[test]
        fn quantiles_are_monotone(durations in durations()) {
            prop_assume!(!durations.is_empty());
            let histogram = of(&durations);
            let mut last = histogram.min_s().unwrap();
            for i in 0..=1_000 {
                let value = histogram.quantile(f64::from(i) / 1_000.0).unwrap();
                prop_assert!(last <= value, "falls at {i}: {value} after {last}");
                last = value;
            }
            prop_assert_eq!(Some(last), histogram.max_s());
        }
    }
}
