//! Exponential draws by inverse CDF, in `+ - *` only: the same bits on every platform.
//!
//! A ziggurat is as fast but consumes a varying number of draws; an inverse takes exactly one
//! u64, which is what common random numbers and quasi-random points need. The logarithm follows
//! the scheme of the ARM optimized routines (`log.c`): split off the exponent, look up the
//! nearest of 128 cells, and finish with a short polynomial of the remainder. The cell below 1
//! is centred on 1 exactly, so that small draws keep their relative precision.

use crate::sim::streams::unit;

const CELLS: usize = 128;
/// Bits of the mantissa below the cell number.
const CELL_SHIFT: u32 = 52 - 7;
/// The bits of 0.6875: mantissas are brought into [0.6875, 1.375), so that 1 is inside.
const OFFSET: u64 = 0x3FE6_0000_0000_0000;

/// A cell of mantissas: the reciprocal of its centre, and the logarithm of that centre.
#[derive(Clone, Copy)]
struct Cell {
    reciprocal: f64,
    ln: f64,
}

/// Built by the compiler, whose arithmetic is exact IEEE on every host.
static TABLE: [Cell; CELLS] = build();

/// The unit-mean exponential quantile of 64 random bits: `-ln(1 - unit(u))`, rising with `u`.
///
/// Always finite and positive, between 2^-53 and 36.74. Relative error below 1e-12.
#[inline]
#[must_use]
pub fn exponential(u: u64) -> f64 {
    // unit(!u) is 1 - unit(u) exactly.
    -ln_below_one(unit(!u))
}

/// The natural logarithm of a normal number in (0, 1).
#[inline]
fn ln_below_one(x: f64) -> f64 {
    let bits = x.to_bits();
    let shifted = bits.wrapping_sub(OFFSET);
    let cell = &TABLE[(shifted >> CELL_SHIFT) as usize % CELLS];
    let exponent = (shifted as i64) >> 52;
    let mantissa = f64::from_bits(bits.wrapping_sub((exponent as u64) << 52));
    let r = mantissa * cell.reciprocal - 1.0;
    // ln(1 + r) for |r| <= 1/256: the first term left out is r^6 / 6.
    let r2 = r * r;
    let tail = (r * (1.0 / 3.0) - 0.5) + r2 * (r * (1.0 / 5.0) - 0.25);
    (exponent as f64 * std::f64::consts::LN_2 + cell.ln) + (r + r2 * tail)
}

const fn build() -> [Cell; CELLS] {
    let mut table = [Cell { reciprocal: 1.0, ln: 0.0 }; CELLS];
    let mut i = 0;
    while i < CELLS {
        let low = f64::from_bits(OFFSET + ((i as u64) << CELL_SHIFT));
        let high = f64::from_bits(OFFSET + ((i as u64 + 1) << CELL_SHIFT));
        // The last cell below 1 keeps reciprocal 1 and logarithm 0: there r is exact.
        if high != 1.0 {
            let reciprocal = 2.0 / (low + high);
            table[i] = Cell { reciprocal, ln: -ln_near_one(reciprocal) };
        }
        i += 1;
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
    use crate::sim::streams::Stream;

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
        assert_eq!(exponential(0), 2.0_f64.powi(-53));
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
