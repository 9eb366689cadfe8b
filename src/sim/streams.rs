//! Named streams of random numbers: the draw number `i` of a stream is a pure function.
//!
//! A stream is named by (seed, trial, purpose, entity name), so the draws of one entity never
//! move because another entity came or went: common random numbers for every comparison, and
//! any trial replays alone. The generator is counter-based: `at(i)` needs no state, so a window
//! of traffic can be re-run, and results cannot depend on who drew first.
//!
//! The mix is splitmix64 (Steele, Lea and Flood, OOPSLA 2014; finaliser constants of Stafford's
//! variant 13) with a second stream word folded in between its two rounds: two streams are never
//! shifted copies of each other. `rand`'s `SmallRng` and `StdRng` are declared non-portable by
//! their authors; this generator is frozen by the test vectors below.

#[cfg(target_arch = "x86_64")]
use super::wide;

/// One stream of independent 64-bit numbers; copying it copies nothing but its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    key: u64,
    tweak: u64,
}

/// The odd number next to 2^64 divided by the golden ratio: successive counters spread evenly.
pub(super) const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
/// A second odd constant (2^64 times the fraction of the square root of two), so that
/// substreams and draws never mix the same words.
const SILVER: u64 = 0x6A09_E667_F3BC_C909;
pub(super) const ROUND_A: u64 = 0xBF58_476D_1CE4_E5B9;
pub(super) const ROUND_B: u64 = 0x94D0_49BB_1331_11EB;

impl Stream {
    /// The stream of one `purpose` (such as `"service-time"`) of the entity called `entity`.
    ///
    /// Every argument is absorbed word by word with its length, so `("ab", "c")` and
    /// `("a", "bc")` differ.
    #[must_use]
    pub fn new(seed: u64, trial: u64, purpose: &str, entity: &str) -> Self {
        let mut key = mix(seed ^ SILVER);
        let mut tweak = mix(seed.wrapping_add(GOLDEN));
        let mut absorb = |word: u64| {
            key = mix(key.wrapping_add(GOLDEN) ^ word);
            tweak = mix((tweak ^ word.rotate_left(32)).wrapping_mul(SILVER).wrapping_add(key));
        };
        absorb(trial);
        for text in [purpose, entity] {
            absorb(text.len() as u64);
            for chunk in text.as_bytes().chunks(8) {
                let mut word = [0; 8];
                word[..chunk.len()].copy_from_slice(chunk);
                absorb(u64::from_le_bytes(word));
            }
        }
        Self { key, tweak }
    }

    /// The draw number `index`: 64 uniform bits.
    #[inline]
    #[must_use]
    pub const fn at(&self, index: u64) -> u64 {
        let mut z = self.key.wrapping_add(index.wrapping_mul(GOLDEN));
        z = (z ^ (z >> 30)).wrapping_mul(ROUND_A) ^ self.tweak;
        z = (z ^ (z >> 27)).wrapping_mul(ROUND_B);
        z ^ (z >> 31)
    }

    /// The draws number `indices`: as [`at`](Self::at), but faster.
    ///
    /// # Panics
    /// If there are not as many slots as draws.
    pub fn at_all(&self, indices: &[u64], words: &mut [u64]) {
        assert_eq!(indices.len(), words.len(), "a slot for each draw");
        #[cfg(target_arch = "x86_64")]
        let n_drawn = wide::words(self, indices, words);
        #[cfg(not(target_arch = "x86_64"))]
        let n_drawn = 0;
        for (word, index) in words.iter_mut().zip(indices).skip(n_drawn) {
            *word = self.at(*index);
        }
    }

    /// Key and tweak, for code that mixes many draws at once.
    #[inline]
    pub(super) const fn parts(&self) -> (u64, u64) {
        (self.key, self.tweak)
    }

    /// The stream number `index` below this one, as for the attempts of one request.
    #[inline]
    #[must_use]
    pub const fn substream(&self, index: u64) -> Self {
        let key = mix(self.tweak.wrapping_add(index.wrapping_mul(SILVER)));
        Self { key, tweak: mix(self.key ^ key.rotate_left(32)) }
    }
}

/// Spreads every bit of `z` over the whole word (splitmix64's finaliser); a bijection.
const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(ROUND_A);
    z = (z ^ (z >> 27)).wrapping_mul(ROUND_B);
    z ^ (z >> 31)
}

/// The uniform number in the open interval (0, 1) that belongs to 64 random bits: the odd
/// multiples of 2^-53, so that the mean is exactly one half and `unit(!u) == 1.0 - unit(u)`.
#[inline]
#[must_use]
pub const fn unit(u: u64) -> f64 {
    const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
    ((u >> 11) | 1) as f64 * STEP
}

/// A stream read in order, for control code that needs no random access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    stream: Stream,
    next: u64,
}

impl Cursor {
    /// Starts at draw 0 of `stream`.
    #[must_use]
    pub const fn new(stream: Stream) -> Self {
        Self { stream, next: 0 }
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        let drawn = self.stream.at(self.next);
        self.next += 1;
        drawn
    }

    /// The next uniform number in (0, 1).
    pub fn next_unit(&mut self) -> f64 {
        unit(self.next_u64())
    }

    /// The next uniform index below `n`, which must be positive.
    ///
    /// By multiply-shift; the bias is below `n` / 2^64.
    pub fn next_below(&mut self, n: usize) -> usize {
        assert!(n > 0, "no index is below zero");
        below(self.next_u64(), n)
    }
}

/// The index below `n` that belongs to 64 random bits: equal shares by multiply-shift.
#[inline]
#[must_use]
pub const fn below(u: u64, n: usize) -> usize {
    ((u as u128 * n as u128) >> 64) as usize
}

impl From<Stream> for Cursor {
    fn from(stream: Stream) -> Self {
        Self::new(stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::statistics::{chi_square, chi_square_p};

    /// Smallest probability that a test of fit may have; seeds are fixed, so it never flakes.
    const LEAST_P: f64 = 1e-4;

    fn assert_fits(what: &str, observed: &[u64], expected: &[f64]) {
        let p = chi_square_p(chi_square(observed, expected), observed.len() - 1);
        assert!(LEAST_P < p, "{what}: p = {p}");
    }

    /// The generator is frozen: published results depend on these words. They were computed
    /// once by this code; what they show is that it has not changed.
    #[test]
    fn draws_are_frozen() {
        let stream = Stream::new(42, 7, "service-time", "checkout");
        let far = 1 << 40;
        let child = stream.substream(3);
        let drawn = [stream.at(0), stream.at(1), stream.at(far), child.at(0), child.at(1)];
        let frozen = [
            0x1633_E3F1_5537_6AA7,
            0xDEC0_2787_2010_43AE,
            0x5BFF_962F_861A_4598,
            0x3AD7_DCF9_0EF7_FAFC,
            0x7350_26B2_0322_87B3,
        ];
        assert_eq!(drawn, frozen, "{drawn:#018X?}");
    }

    /// Every part of the name counts, and where one text ends and the next begins.
    #[test]
    fn other_names_are_other_streams() {
        let names = [
            Stream::new(1, 2, "ab", "c"),
            Stream::new(2, 1, "ab", "c"),
            Stream::new(1, 2, "a", "bc"),
            Stream::new(1, 2, "ab", "c\0"),
            Stream::new(1, 2, "c", "ab"),
            Stream::new(1, 2, "ab", "a name of more than eight bytes"),
            Stream::new(1, 2, "ab", "a name of more than eight byteS"),
            Stream::new(1, 2, "ab", "c").substream(0),
            Stream::new(1, 2, "ab", "c").substream(1),
        ];
        for (i, a) in names.iter().enumerate() {
            for b in &names[..i] {
                assert_ne!(a.at(0), b.at(0), "{a:?} {b:?}");
            }
        }
    }

    /// A million draws: each of the 64 bits is set half the time, each value of each of the 8
    /// bytes is equally frequent (chi-square).
    #[test]
    fn bits_and_bytes_are_uniform() {
        const N: u64 = 1_000_000;
        let stream = Stream::new(1, 0, "test", "uniform");
        let mut bits = [0_u64; 64];
        let mut bytes = vec![0_u64; 8 * 256];
        for i in 0..N {
            let u = stream.at(i);
            for (bit, count) in bits.iter_mut().enumerate() {
                *count += (u >> bit) & 1;
            }
            for (place, byte) in u.to_le_bytes().into_iter().enumerate() {
                bytes[place * 256 + usize::from(byte)] += 1;
            }
        }
        for (bit, &ones) in bits.iter().enumerate() {
            let half = N as f64 / 2.0;
            assert_fits(&format!("bit {bit}"), &[ones, N - ones], &[half, half]);
        }
        for (place, counts) in bytes.chunks(256).enumerate() {
            assert_fits(&format!("byte {place}"), counts, &[N as f64 / 256.0; 256]);
        }
    }

    /// Neighbours are independent: the number of equal bits of two draws is binomial with mean
    /// 32, and so is each bit's agreement, between neighbouring counters, trials, seeds, names,
    /// substreams, and one draw of neighbouring streams against the next of the other.
    #[test]
    fn neighbours_are_independent() {
        const N: u64 = 200_000;
        let stream = Stream::new(1, 0, "test", "pairs");
        let trial = |trial| Stream::new(1, trial, "test", "pairs");
        let seed = |seed| Stream::new(seed, 0, "test", "pairs");
        type Pair<'a> = (&'a str, Box<dyn Fn(u64) -> (u64, u64) + 'a>);
        let cases: [Pair; 7] = [
            ("counters", Box::new(|i| (stream.at(i), stream.at(i + 1)))),
            ("distant counters", Box::new(|i| (stream.at(i), stream.at(i + (1 << 32))))),
            ("trials", Box::new(|i| (trial(i).at(0), trial(i + 1).at(0)))),
            ("seeds", Box::new(|i| (seed(i).at(5), seed(i + 1).at(5)))),
            ("shifted trials", Box::new(|i| (trial(7).at(i), trial(8).at(i + 1)))),
            (
                "substreams",
                Box::new(|i| (stream.substream(i).at(0), stream.substream(i + 1).at(0))),
            ),
            ("substream and parent", Box::new(|i| (stream.substream(0).at(i), stream.at(i)))),
        ];
        for (name, pair) in cases {
            let mut agreements = [0_u64; 64];
            let mut equal_bits = [0_u64; 65];
            for i in 0..N {
                let (a, b) = pair(i);
                let equal = !(a ^ b);
                equal_bits[equal.count_ones() as usize] += 1;
                for (bit, count) in agreements.iter_mut().enumerate() {
                    *count += (equal >> bit) & 1;
                }
            }
            let half = N as f64 / 2.0;
            for (bit, &count) in agreements.iter().enumerate() {
                assert_fits(&format!("{name}, bit {bit}"), &[count, N - count], &[half, half]);
            }
            let mut share = 1.0 / u64::MAX as f64;
            let mut expected = [0.0; 65];
            for (k, cell) in expected.iter_mut().enumerate() {
                *cell = N as f64 * share;
                share *= (64 - k) as f64 / (k + 1) as f64;
            }
            // Cells 20..=44 each expect hundreds of pairs; the tails are pooled into the ends.
            let pool = |from: usize, to: usize| {
                (equal_bits[from..to].iter().sum::<u64>(), expected[from..to].iter().sum::<f64>())
            };
            let cells: Vec<(u64, f64)> = [pool(0, 20)]
                .into_iter()
                .chain((20..45).map(|k| pool(k, k + 1)))
                .chain([pool(45, 65)])
                .collect();
            let (observed, expected): (Vec<_>, Vec<_>) = cells.into_iter().unzip();
            assert_fits(&format!("{name}, equal bits"), &observed, &expected);
        }
    }

    /// The open interval, its symmetry, and equal shares of indices.
    #[test]
    fn units_are_open_and_symmetric() {
        let step = 1.0 / (1_u64 << 53) as f64;
        assert_eq!((unit(0), unit(u64::MAX)), (step, 1.0 - step));
        let mut cursor = Cursor::new(Stream::new(1, 0, "test", "unit"));
        let mut counts = [0_u64; 7];
        for _ in 0..100_000 {
            let u = cursor.next_u64();
            assert_eq!(unit(!u), 1.0 - unit(u));
            counts[cursor.next_below(7)] += 1;
        }
        assert_fits("indices", &counts, &[100_000.0 / 7.0; 7]);
        assert_eq!((below(0, 7), below(u64::MAX, 7)), (0, 6));
    }
}
