//! The sliding window of the last n probe results: healthy iff at least x of them succeeded.

/// The last n probe results of one PoP at one origin. `Copy`, 40 bytes, no allocation.
///
/// Source: azure-docs frontdoor/origin.md (SampleSize, SuccessfulSamplesRequired).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleWindow {
    /// Bit i is the result in slot i; slots are overwritten in turn.
    results: [u64; 4],
    n_samples: u8,
    n_required: u8,
    n_successes: u8,
    next_slot: u8,
}

impl SampleWindow {
    /// A window that has seen nothing but `results`: the state of an origin that has been up
    /// (`true`) or down (`false`) for a long time.
    ///
    /// # Panics
    /// If `n_samples` is 0; scenario checks refuse that.
    #[must_use]
    pub fn filled(n_samples: u8, n_required: u8, results: bool) -> Self {
        assert!(0 < n_samples, "a sample window holds at least one probe");
        Self {
            results: if results { [u64::MAX; 4] } else { [0; 4] },
            n_samples,
            n_required,
            n_successes: if results { n_samples } else { 0 },
            next_slot: 0,
        }
    }

    /// Is the origin healthy?
    #[must_use]
    pub const fn healthy(&self) -> bool {
        self.n_required <= self.n_successes
    }

    /// Takes in the next result; the oldest one leaves.
    pub fn push(&mut self, success: bool) {
        let (word, bit) = (usize::from(self.next_slot >> 6), 1_u64 << (self.next_slot & 63));
        self.n_successes -= u8::from(self.results[word] & bit != 0);
        self.n_successes += u8::from(success);
        self.results[word] =
            if success { self.results[word] | bit } else { self.results[word] & !bit };
        self.next_slot = if self.next_slot + 1 == self.n_samples { 0 } else { self.next_slot + 1 };
    }

    /// The number of results that the window remembers, n.
    #[must_use]
    pub const fn n_samples(&self) -> u8 {
        self.n_samples
    }

    /// Successes among the remembered results.
    #[must_use]
    pub const fn n_successes(&self) -> u8 {
        self.n_successes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 3 of 4 is quick out and slow back: two failures turn it, three successes restore it.
    #[test]
    fn three_of_four_is_quick_out_and_slow_back() {
        let mut window = SampleWindow::filled(4, 3, true);
        let mut verdicts = Vec::new();
        for success in [false, false, false, false, true, true, true] {
            window.push(success);
            verdicts.push(window.healthy());
        }
        assert_eq!(verdicts, [true, false, false, false, false, false, true]);
    }

    /// At every size the count of successes is that of the last n results, ring and all: compared
    /// with counting them directly over a fixed irregular series.
    #[test]
    fn the_count_is_that_of_the_last_results() {
        let series: Vec<bool> = (0_u32..700).map(|i| (i * i + i / 3) % 5 < 3).collect();
        for n in [1, 2, 63, 64, 65, 128, 255] {
            let mut window = SampleWindow::filled(n, 1, true);
            for (i, &success) in series.iter().enumerate() {
                window.push(success);
                let recent = &series[(i + 1).saturating_sub(usize::from(n))..=i];
                let before = usize::from(n) - recent.len();
                let successes = before + recent.iter().filter(|&&success| success).count();
                assert_eq!(usize::from(window.n_successes()), successes, "n {n}, result {i}");
            }
        }
    }
}
