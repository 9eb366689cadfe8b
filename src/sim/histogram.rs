//! Counts of durations in fixed log-linear bins: exact to merge, in any order.
//!
//! 32 bins per octave from 2^-20 s (about 1 us) to 2^14 s (4.5 h), each at most 3.2 % wide. The
//! bin is read off the bits of the f64 (exponent and top five bits of the mantissa), so counting
//! takes no logarithm. Bins are integers and never move, so merging is associative and exact,
//! which t-digest and P² are not.

/// A histogram of durations in seconds. Empty ones own no memory.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    min_s: f64,
    max_s: f64,
}

/// Number of bins.
pub const BINS: usize = (14 + 20) * 32;

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
    pub const EMPTY: Self =
        Self { counts: Vec::new(), total: 0, min_s: f64::INFINITY, max_s: f64::NEG_INFINITY };

    /// No durations yet.
    #[must_use]
    pub const fn new() -> Self {
        Self::EMPTY
    }

    /// Counts one duration \[s\].
    #[inline]
    pub fn record(&mut self, secs: f64) {
        self.count_in(bin_of(secs), 1);
        self.widen(secs, secs);
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
        match self.counts.get_mut(bin) {
            Some(count) => *count += n,
            None => self.count_first(bin, n),
        }
    }

    #[cold]
    fn count_first(&mut self, bin: usize, n: u64) {
        assert!(bin < BINS, "there are {BINS} bins, not {bin}");
        self.counts.resize(BINS, 0);
        self.counts[bin] += n;
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
        if self.counts.is_empty() {
            self.counts.resize(BINS, 0);
        }
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
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
        let end = bin_of(secs).min(self.counts.len());
        self.counts[..end].iter().sum()
    }

    /// The bins in use: (bin, count), in order.
    pub fn bins(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        self.counts.iter().copied().enumerate().filter(|&(_, count)| 0 < count)
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
