//! Sobol points with Owen's scrambling: points that fill the unit cube more evenly than
//! independent ones.
//!
//! Of 2^m successive points from a multiple of 2^m on, each interval of length 2^-m of each
//! dimension holds exactly one, before and after scrambling; a scrambled point by itself is
//! uniform, so that means are unbiased and independent scrambles give an error (Owen, Randomly
//! permuted (t,m,s)-nets, 1995). No point is left out, also not the first (Owen, On dropping the
//! first Sobol' point, 2020).
//!
//! Direction numbers: Joe and Kuo, Constructing Sobol sequences with better two-dimensional
//! projections (SIAM J. Sci. Comput. 30, 2008), file new-joe-kuo-6.21201, its first dimensions;
//! (c) 2008 Frances Y. Kuo and Stephen Joe, BSD licence.

use crate::sim::streams::Stream;

/// A dimension after the first: the coefficients of its primitive polynomial, and the first odd
/// numbers m, of which there are as many as its degree.
struct Row(u32, &'static [u64]);

const ROWS: [Row; 31] = [
    Row(0, &[1]),
    Row(1, &[1, 3]),
    Row(1, &[1, 3, 1]),
    Row(2, &[1, 1, 1]),
    Row(1, &[1, 1, 3, 3]),
    Row(4, &[1, 3, 5, 13]),
    Row(2, &[1, 1, 5, 5, 17]),
    Row(4, &[1, 1, 5, 5, 5]),
    Row(7, &[1, 1, 7, 11, 19]),
    Row(11, &[1, 1, 5, 1, 1]),
    Row(13, &[1, 1, 1, 3, 11]),
    Row(14, &[1, 3, 5, 5, 31]),
    Row(1, &[1, 3, 3, 9, 7, 49]),
    Row(13, &[1, 1, 1, 15, 21, 21]),
    Row(16, &[1, 3, 1, 13, 27, 49]),
    Row(19, &[1, 1, 1, 15, 7, 5]),
    Row(22, &[1, 3, 1, 15, 13, 25]),
    Row(25, &[1, 1, 5, 5, 19, 61]),
    Row(1, &[1, 3, 7, 11, 23, 15, 103]),
    Row(4, &[1, 3, 7, 13, 13, 15, 69]),
    Row(7, &[1, 1, 3, 13, 7, 35, 63]),
    Row(8, &[1, 3, 5, 9, 1, 25, 53]),
    Row(14, &[1, 3, 1, 13, 9, 35, 107]),
    Row(19, &[1, 3, 1, 5, 27, 61, 31]),
    Row(21, &[1, 1, 5, 11, 19, 41, 61]),
    Row(28, &[1, 3, 5, 3, 3, 13, 69]),
    Row(31, &[1, 1, 7, 13, 1, 19, 1]),
    Row(32, &[1, 3, 7, 5, 13, 19, 59]),
    Row(37, &[1, 1, 3, 9, 25, 29, 41]),
    Row(41, &[1, 3, 5, 13, 23, 1, 55]),
    Row(42, &[1, 3, 7, 3, 13, 59, 17]),
];

/// Dimensions that there are.
pub const N_DIMENSIONS: usize = ROWS.len() + 1;

/// Digits of a point before scrambling, and so the number of points: 2^32.
const DIGITS: usize = 32;

/// The direction numbers of a dimension: the digits that bit j of the index turns over, the
/// first digit highest.
fn directions(dimension: usize) -> [u32; DIGITS] {
    let mut numbers = [1_u64; DIGITS];
    if let Some(Row(coefficients, first)) = dimension.checked_sub(1).map(|row| &ROWS[row]) {
        let degree = first.len();
        numbers[..degree].copy_from_slice(first);
        for j in degree..DIGITS {
            let back = numbers[j - degree];
            numbers[j] = back ^ (back << degree);
            for k in 1..degree {
                let coefficient = u64::from((coefficients >> (degree - 1 - k)) & 1);
                numbers[j] ^= coefficient * (numbers[j - k] << k);
            }
        }
    }
    std::array::from_fn(|j| (numbers[j] << (DIGITS - 1 - j)) as u32)
}

/// The point number `index` in a dimension, not scrambled; its first digit is the highest bit.
fn point(index: u32, dimension: usize) -> u32 {
    let turned = directions(dimension).into_iter().enumerate();
    turned.filter(|(j, _)| index >> j & 1 == 1).fold(0, |point, (_, digits)| point ^ digits)
}

/// The point number `index` in a dimension below [`N_DIMENSIONS`], as 64 uniform bits that are
/// scrambled by `scramble`: each digit is turned over by chance, by another one after each
/// sequence of digits before it.
///
/// # Panics
/// If there is no such dimension, or more than 2^32 points are asked for.
#[must_use]
pub fn scrambled(index: u64, dimension: usize, scramble: &Stream) -> u64 {
    assert!(dimension < N_DIMENSIONS, "there are {N_DIMENSIONS} dimensions");
    let index = u32::try_from(index).expect("a sequence has 2^32 points");
    let point = point(index, dimension);
    let mut turned = 0_u32;
    for digit in 0..DIGITS {
        let before = if digit == 0 { 0 } else { point >> (DIGITS - digit) };
        let coin = scramble.substream(digit as u64).at(u64::from(before)) >> 63;
        turned |= (coin as u32) << (DIGITS - 1 - digit);
    }
    // All digits that follow are zero before: what turns them over depends on the point alone.
    let tail = scramble.substream(DIGITS as u64).at(u64::from(point)) >> DIGITS;
    u64::from(point ^ turned) << DIGITS | tail
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::sim::statistics::{kolmogorov_distance, kolmogorov_p, mean};
    use crate::sim::streams::unit;

    fn scramble(number: u64, dimension: usize) -> Stream {
        Stream::new(1, number, "sobol-test", &dimension.to_string())
    }

    /// The first points by hand, from the direction numbers: 1/2, 1/4, 1/8 in the first dimension;
    /// 1/2, 3/4, 5/8 in the second (m = 1, 3, 5); 1/2, 3/4, 3/8 in the third (m = 1, 3, 3).
    #[test]
    fn first_points_by_hand() {
        let eighths = |dimension| (0..8).map(|index| point(index, dimension) >> 29).collect();
        let points: [Vec<u32>; 3] = std::array::from_fn(eighths);
        assert_eq!(points[0], [0, 4, 2, 6, 1, 5, 3, 7]);
        assert_eq!(points[1], [0, 4, 6, 2, 5, 1, 3, 7]);
        assert_eq!(points[2], [0, 4, 6, 2, 3, 7, 5, 1]);
    }

    /// Sobol's property A, which the table has by construction: the first digits of the first d
    /// direction numbers of the first d dimensions are independent over GF(2), for each d.
    #[test]
    fn the_table_has_property_a() {
        for d in 1..=N_DIMENSIONS {
            let first_digits = |dimension| -> u64 {
                let numbers = directions(dimension).into_iter().take(d).enumerate();
                numbers.map(|(j, digits)| u64::from(digits >> 31) << j).sum()
            };
            let mut rows: Vec<u64> = (0..d).map(first_digits).collect();
            for column in 0..d {
                let pivot = (column..d).find(|&row| rows[row] >> column & 1 == 1);
                rows.swap(column, pivot.unwrap_or_else(|| panic!("{d} dimensions")));
                for row in column + 1..d {
                    if rows[row] >> column & 1 == 1 {
                        rows[row] ^= rows[column];
                    }
                }
            }
        }
    }

    /// In every dimension, each of 2^m points has an interval of length 2^-m of its own, from
    /// each multiple of 2^m on; in the first two also each rectangle of area 2^-m has one.
    #[test]
    fn points_stay_apart_when_scrambled() {
        for dimension in 0..N_DIMENSIONS {
            for (m, first) in [(0_u32, 0_u64), (1, 6), (5, 96), (10, 1_024)] {
                let word = |i| scrambled(first + i, dimension, &scramble(0, dimension));
                let mut cells: Vec<u64> = (0..1 << m).map(|i| (word(i) >> 1) >> (63 - m)).collect();
                cells.sort_unstable();
                assert!(cells.into_iter().eq(0..1 << m), "dimension {dimension}, 2^{m}");
            }
        }
        for first_bits in 0..=8 {
            let cell = |i| {
                let words = [0, 1].map(|d| scrambled(i, d, &scramble(3, d)) >> 1);
                (words[0] >> (63 - first_bits)) << (8 - first_bits) | words[1] >> (55 + first_bits)
            };
            let mut cells: Vec<u64> = (0..256).map(cell).collect();
            cells.sort_unstable();
            assert!(cells.into_iter().eq(0..256), "{first_bits} and {} bits", 8 - first_bits);
        }
    }

    /// A point by itself is uniform over scrambles (Kolmogorov-Smirnov, 4,000 of them), also the
    /// first one, and its low bits are.
    #[test]
    fn one_point_is_uniform_over_scrambles() {
        for (index, dimension) in [(0, 0), (1, 5), (37, 31)] {
            for shift in [0, 32, 50] {
                let word = |n| scrambled(index, dimension, &scramble(n, dimension)) << shift;
                let mut drawn: Vec<f64> = (0..4_000).map(|n| unit(word(n))).collect();
                drawn.sort_by(f64::total_cmp);
                let p = kolmogorov_p(kolmogorov_distance(&drawn, |x| x), 4_000.0);
                assert!(1e-4 < p, "point {index}, dimension {dimension}, bits {shift}: {p}");
            }
        }
    }

    /// The mean of a smooth function of six dimensions, whose truth is 1, from 16 scrambles of
    /// 256 points: the error is below a tenth of that of as many independent points, which is
    /// sqrt(((1 + 1/12)^6 - 1) / 4096).
    #[test]
    fn smooth_means_are_known_better() {
        let value = |i: u64, number: u64| -> f64 {
            (0..6).map(|d| 0.5 + unit(scrambled(i, d, &scramble(number, d)))).product()
        };
        let means: Vec<f64> = (0..16)
            .map(|number| mean(&(0..256).map(|i| value(i, number)).collect::<Vec<_>>()).unwrap())
            .collect();
        let square: f64 = (0..6).map(|_| 13.0 / 12.0).product();
        let independent = ((square - 1.0) / 4_096.0).sqrt();
        let error = (mean(&means).unwrap() - 1.0).abs();
        assert!(error < 0.1 * independent, "{error} {independent}");
    }
}
