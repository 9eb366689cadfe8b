//! Exponential draws by inverse CDF, in `+ - *` only: the same bits on every platform.
//!
//! A ziggurat is as fast but consumes a varying number of draws; an inverse takes exactly one
//! u64, which is what common random numbers and quasi-random points need. The logarithm follows
//! the scheme of the ARM optimized routines (`log.c`): split off the exponent, look up the
//! nearest of 128 cells, and finish with a short polynomial of the remainder. The cell below 1
//! is centred on 1 exactly, so that small draws keep their relative precision.

use super::streams::Stream;
#[cfg(target_arch = "x86_64")]
use super::wide::{self, Pair};

pub(super) const CELLS: usize = 128;
/// Bits of the mantissa below the cell number.
pub(super) const CELL_SHIFT: u32 = 52 - 7;
/// The bits of 0.6875: mantissas are brought into [0.6875, 1.375), so that 1 is inside.
pub(super) const OFFSET: u64 = 0x3FE6_0000_0000_0000;
/// One more than the largest power of two that brings 53 bits into that interval.
const EXPONENTS: usize = 64;

/// A factor and `-ln` of what it divides by.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct Step {
    factor: f64,
    minus_ln: f64,
}

#[cfg(target_arch = "x86_64")]
impl Pair for Step {}

/// By cell of mantissas: the reciprocal of the centre.
static BY_CELL: [Step; CELLS] = by_cell();
/// By exponent `e` of a 53-bit integer: 2^-e, and `-ln` of 2^(e - 53).
static BY_EXPONENT: [Step; EXPONENTS] = by_exponent();

/// The unit-mean exponential quantile of 64 random bits: `-ln(1 - unit(u))`, rising with `u`.
///
/// Always finite and positive, between 2^-53 and 36.74. Relative error below 1e-12.
#[inline]
#[must_use]
pub fn exponential(u: u64) -> f64 {
    // 1 - unit(u) is this odd number times 2^-53, exactly.
    let rest = ((!u >> 11) | 1) as f64;
    let shifted = rest.to_bits() - OFFSET;
    let cell = &BY_CELL[(shifted >> CELL_SHIFT) as usize % CELLS];
    let exponent = &BY_EXPONENT[(shifted >> 52) as usize % EXPONENTS];
    let q = 1.0 - rest * exponent.factor * cell.factor;
    // -ln(1 - q) for |q| <= 1/256: the first term left out is q^6 / 6.
    let q2 = q * q;
    let tail = (q * (1.0 / 3.0) + 0.5) + q2 * (q * (1.0 / 5.0) + 0.25);
    (exponent.minus_ln + cell.minus_ln) + (q + q2 * tail)
}

/// The [`exponential`] quantiles of many draws of a stream.
///
/// # Panics
/// If there are not as many slots as draws.
pub fn exponentials(stream: &Stream, indices: &[u64], drawn: &mut [f64]) {
    assert_eq!(indices.len(), drawn.len(), "a slot for each draw");
    #[cfg(target_arch = "x86_64")]
    let n_drawn = wide::exponentials((stream, indices), &BY_CELL, drawn);
    #[cfg(not(target_arch = "x86_64"))]
    let n_drawn = 0;
    for (slot, index) in drawn.iter_mut().zip(indices).skip(n_drawn) {
        *slot = exponential(stream.at(*index));
    }
}

/// Built by the compiler, whose arithmetic is exact IEEE on every host.
const fn by_cell() -> [Step; CELLS] {
    let mut table = [Step { factor: 1.0, minus_ln: 0.0 }; CELLS];
    let mut i = 0;
    while i < CELLS {
        let low = f64::from_bits(OFFSET + ((i as u64) << CELL_SHIFT));
        let high = f64::from_bits(OFFSET + ((i as u64 + 1) << CELL_SHIFT));
        // The last cell below 1 keeps factor 1 and logarithm 0: there q is exact.
        if high != 1.0 {
            let factor = 2.0 / (low + high);
            table[i] = Step { factor, minus_ln: ln_near_one(factor) };
        }
        i += 1;
    }
    table
}

const fn by_exponent() -> [Step; EXPONENTS] {
    let mut table = [Step { factor: 1.0, minus_ln: 0.0 }; EXPONENTS];
    let mut factor = 1.0;
    let mut e = 0;
    while e < EXPONENTS {
        table[e] = Step { factor, minus_ln: (53 - e as i32) as f64 * std::f64::consts::LN_2 };
        factor *= 0.5;
        e += 1;
    }
    table
}

/// `ln(x)` for x in [0.7, 1.5] by `2 atanh(t)`, t = (x - 1) / (x + 1), |t| <= 0.2: the first
/// term left out, t^33 / 33, is below 1e-24.
const fn ln_near_one(x: f64) -> f64 {
    let t = (x - 1.0) / (x + 1.0);
    let t2 = t * t;
    let mut sum = 0.0;
    let mut power = 31;
    while power >= 1 {
        sum = sum * t2 + 1.0 / power as f64;
        power -= 2;
    }
    2.0 * t * sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::streams::unit;

    /// Many draws at once are the single draws, to the last bit, for any number of them.
    #[test]
    fn many_draws_are_single_draws() {
        let stream = Stream::new(1, 0, "test", "many");
        for (first, step, n) in [(0, 1_u64, 1_000_003), (7, 16, 5), (u64::MAX - 40, 3, 64)] {
            let index = |i: u64| step.wrapping_mul(i).wrapping_add(first);
            let indices: Vec<u64> = (0..n).map(index).collect();
            let mut many = vec![0.0; indices.len()];
            exponentials(&stream, &indices, &mut many);
            for (index, drawn) in indices.into_iter().zip(many) {
                assert_eq!(drawn, exponential(stream.at(index)), "{index}");
            }
        }
    }

    /// Against `libm`: a million random numbers, and the neighbourhoods of 0, 1 and of every
    /// power of two, where exponents and cells change.
    #[test]
    fn agrees_with_libm() {
        let stream = Stream::new(1, 0, "test", "exponential");
        let random = (0..1_000_000).map(|i| stream.at(i));
        let edges = (0..64).flat_map(|bit| {
            let power = 1_u64 << bit;
            (0..200).flat_map(move |i| {
                let step = i << 9;
                [power.wrapping_add(step), power.wrapping_sub(step), (!power).wrapping_add(step)]
            })
        });
        let cells = (0..=255_u64).flat_map(|i| (0..40).map(move |k| (i << 56) + (k << 40)));
        for u in random.chain(edges).chain(cells) {
            let exact = -libm::log(unit(!u));
            let error = (exponential(u) / exact - 1.0).abs();
            assert!(error < 1e-12, "{u:#x}: {} against {exact}", exponential(u));
        }
    }

    /// The extreme words give finite positive durations, and the function never falls.
    #[test]
    fn extremes_are_finite_and_order_is_kept() {
        assert_eq!(exponential(0), 1.0 / (1_u64 << 53) as f64);
        let longest = exponential(u64::MAX);
        assert!((longest - 53.0 * std::f64::consts::LN_2).abs() < 1e-12, "{longest}");
        let mut last = 0.0;
        for i in 0..1_000_000_u64 {
            let value = exponential(i << 44);
            assert!(last < value, "falls at {i}");
            last = value;
        }
    }
}
