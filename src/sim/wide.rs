//! Draws eight at a time, where the processor has AVX-512.
//!
//! The same steps as in [`exponential`](super::exponential) and [`sampler`](super::sampler), and
//! the same bits: each is one IEEE operation on one element, products and sums are never fused,
//! and nothing is added up across elements. AVX2 would bring little, for it has no product of
//! 64-bit integers.
//!
//! This is the only module with unsafe code: it calls functions that need features of the
//! processor, after asking for them, and looks up tables by indices that it has masked.

#![expect(unsafe_code, reason = "looks up tables eight entries at a time")]

use std::arch::x86_64::{
    __m512d, __m512i, _mm_loadu_pd, _mm512_add_epi64, _mm512_add_pd, _mm512_castpd_si512,
    _mm512_castpd128_pd512, _mm512_castsi512_pd, _mm512_cmpge_epu64_mask, _mm512_cvtepi64_pd,
    _mm512_insertf64x2, _mm512_loadu_si512, _mm512_mul_pd, _mm512_mullo_epi64, _mm512_or_si512,
    _mm512_set1_epi64, _mm512_set1_pd, _mm512_slli_epi64, _mm512_srli_epi64, _mm512_storeu_pd,
    _mm512_storeu_si512, _mm512_sub_epi64, _mm512_sub_pd, _mm512_unpackhi_pd, _mm512_unpacklo_pd,
    _mm512_xor_si512,
};

use super::exponential::{CELL_SHIFT, CELLS, OFFSET, Step};
use super::sampler::{BODY_BITS, BODY_CELLS, Cell, END_CELLS};
use super::streams::{GOLDEN, ROUND_A, ROUND_B, Stream};

/// Elements of a vector.
pub(super) const WIDTH: usize = 8;

/// Whether the processor has what the functions below need.
#[inline]
fn has_avx512() -> bool {
    std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512dq")
}

/// The words of whole vectors of draws; gives how many, 0 without AVX-512.
pub(super) fn words(stream: &Stream, indices: &[u64], words: &mut [u64]) -> usize {
    if !has_avx512() {
        return 0;
    }
    // SAFETY: the processor has what the function needs.
    unsafe { words_512(stream, indices, words) }
}

/// Unit exponentials of whole vectors of draws; gives how many, 0 without AVX-512.
pub(super) fn exponentials(
    (stream, indices): (&Stream, &[u64]),
    steps: &[Step; CELLS],
    drawn: &mut [f64],
) -> usize {
    if !has_avx512() {
        return 0;
    }
    // SAFETY: the processor has what the function needs.
    unsafe { exponentials_512(stream, indices, steps, drawn) }
}

/// Whole vectors of at most 64 draws from the body of a table: gives how many, 0 without AVX-512,
/// and those that are at the ends of the table, as bits.
pub(super) fn from_body(
    (stream, indices): (&Stream, &[u64]),
    body: &[Cell; BODY_CELLS],
    drawn: &mut [f64],
) -> (usize, u64) {
    if !has_avx512() {
        return (0, 0);
    }
    // SAFETY: the processor has what the function needs.
    unsafe { from_body_512(stream, indices, body, drawn) }
}

/// A stream, eight draws at a time.
struct Words {
    key: __m512i,
    tweak: __m512i,
}

impl Words {
    #[target_feature(enable = "avx512f,avx512dq")]
    #[inline]
    fn of(stream: &Stream) -> Self {
        let (key, tweak) = stream.parts();
        Self { key: every(key), tweak: every(tweak) }
    }

    /// The words of eight draws: [`Stream::at`].
    #[target_feature(enable = "avx512f,avx512dq")]
    #[inline]
    fn at(&self, indices: &[u64; WIDTH]) -> __m512i {
        // SAFETY: there are eight indices.
        let indices = unsafe { _mm512_loadu_si512(indices.as_ptr().cast()) };
        let z = _mm512_add_epi64(self.key, _mm512_mullo_epi64(indices, every(GOLDEN)));
        let z = _mm512_xor_si512(z, _mm512_srli_epi64::<30>(z));
        let z = _mm512_xor_si512(_mm512_mullo_epi64(z, every(ROUND_A)), self.tweak);
        let z = _mm512_xor_si512(z, _mm512_srli_epi64::<27>(z));
        let z = _mm512_mullo_epi64(z, every(ROUND_B));
        _mm512_xor_si512(z, _mm512_srli_epi64::<31>(z))
    }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn every(word: u64) -> __m512i {
    _mm512_set1_epi64(word.cast_signed())
}

#[target_feature(enable = "avx512f,avx512dq")]
fn words_512(stream: &Stream, indices: &[u64], words: &mut [u64]) -> usize {
    let stream = Words::of(stream);
    let (slots, _) = words.as_chunks_mut::<WIDTH>();
    for (slots, indices) in slots.iter_mut().zip(indices.as_chunks::<WIDTH>().0) {
        // SAFETY: there are eight slots.
        unsafe { _mm512_storeu_si512(slots.as_mut_ptr().cast(), stream.at(indices)) }
    }
    slots.len() * WIDTH
}

#[target_feature(enable = "avx512f,avx512dq")]
fn exponentials_512(
    stream: &Stream,
    indices: &[u64],
    steps: &[Step; CELLS],
    drawn: &mut [f64],
) -> usize {
    let stream = Words::of(stream);
    let (slots, _) = drawn.as_chunks_mut::<WIDTH>();
    for (slots, indices) in slots.iter_mut().zip(indices.as_chunks::<WIDTH>().0) {
        let not = _mm512_xor_si512(stream.at(indices), every(u64::MAX));
        let rest = _mm512_or_si512(_mm512_srli_epi64::<11>(not), every(1));
        let bits = _mm512_castpd_si512(_mm512_cvtepi64_pd(rest));
        let shifted = _mm512_sub_epi64(bits, every(OFFSET));
        let exponent = _mm512_srli_epi64::<52>(shifted);
        let cell = _mm512_srli_epi64::<CELL_SHIFT>(shifted);
        let [factor, minus_ln] = look_up(steps, cell);
        // Dividing by a power of two subtracts from the exponent.
        let scaled = _mm512_sub_epi64(bits, _mm512_slli_epi64::<52>(exponent));
        let octaves = _mm512_cvtepi64_pd(_mm512_sub_epi64(every(53), exponent));
        let base = _mm512_mul_pd(octaves, _mm512_set1_pd(std::f64::consts::LN_2));
        let product = _mm512_mul_pd(_mm512_castsi512_pd(scaled), factor);
        let q = _mm512_sub_pd(_mm512_set1_pd(1.0), product);
        let line = |slope: f64, height: f64| {
            _mm512_add_pd(_mm512_mul_pd(q, _mm512_set1_pd(slope)), _mm512_set1_pd(height))
        };
        let q2 = _mm512_mul_pd(q, q);
        let tail = _mm512_add_pd(line(1.0 / 3.0, 0.5), _mm512_mul_pd(q2, line(1.0 / 5.0, 0.25)));
        let near = _mm512_add_pd(q, _mm512_mul_pd(q2, tail));
        put(slots, _mm512_add_pd(_mm512_add_pd(base, minus_ln), near));
    }
    slots.len() * WIDTH
}

#[target_feature(enable = "avx512f,avx512dq")]
fn from_body_512(
    stream: &Stream,
    indices: &[u64],
    body: &[Cell; BODY_CELLS],
    drawn: &mut [f64],
) -> (usize, u64) {
    const UNIT: f64 = 1.0 / (1_u64 << 53) as f64;
    let stream = Words::of(stream);
    let mut at_ends = 0;
    let (slots, _) = drawn.as_chunks_mut::<WIDTH>();
    let indices = indices.as_chunks::<WIDTH>().0;
    for (i, (slots, indices)) in slots.iter_mut().zip(indices).enumerate() {
        let word = stream.at(indices);
        let index = _mm512_srli_epi64::<{ 64 - BODY_BITS }>(word);
        let [start_s, rise_s] = look_up(body, index);
        let low = _mm512_srli_epi64::<11>(_mm512_slli_epi64::<BODY_BITS>(word));
        let fraction =
            _mm512_mul_pd(_mm512_cvtepi64_pd(_mm512_or_si512(low, every(1))), _mm512_set1_pd(UNIT));
        put(slots, _mm512_add_pd(start_s, _mm512_mul_pd(rise_s, fraction)));
        let inner = _mm512_sub_epi64(index, every(END_CELLS as u64));
        let ends = _mm512_cmpge_epu64_mask(inner, every((BODY_CELLS - 2 * END_CELLS) as u64));
        at_ends |= u64::from(ends) << (i * WIDTH);
    }
    (slots.len() * WIDTH, at_ends)
}

/// A pair of floats, as tables hold them.
pub(super) trait Pair {}

/// Both floats of the entries of a table, whose length is a power of two; indices wrap. Loads
/// pair by pair: gathering instructions take several times as long.
#[target_feature(enable = "avx512f,avx512dq")]
#[inline]
fn look_up<P: Pair, const N: usize>(table: &[P; N], index: __m512i) -> [__m512d; 2] {
    const { assert!(N.is_power_of_two() && size_of::<P>() == 2 * size_of::<f64>()) };
    let mut places = [0_u64; WIDTH];
    // SAFETY: there are eight places.
    unsafe { _mm512_storeu_si512(places.as_mut_ptr().cast(), index) };
    let base: *const f64 = table.as_ptr().cast();
    // SAFETY: every place is below N, so both floats of every entry lie in the table.
    let pair = |i: usize| unsafe { _mm_loadu_pd(base.add(2 * (places[i] as usize % N))) };
    let four = |[a, b, c, d]: [usize; 4]| {
        let all = _mm512_castpd128_pd512(pair(a));
        let all = _mm512_insertf64x2::<1>(all, pair(b));
        _mm512_insertf64x2::<3>(_mm512_insertf64x2::<2>(all, pair(c)), pair(d))
    };
    let (even, odd) = (four([0, 2, 4, 6]), four([1, 3, 5, 7]));
    [_mm512_unpacklo_pd(even, odd), _mm512_unpackhi_pd(even, odd)]
}

#[target_feature(enable = "avx512f")]
#[inline]
fn put(slots: &mut [f64; WIDTH], values: __m512d) {
    // SAFETY: there are eight slots.
    unsafe { _mm512_storeu_pd(slots.as_mut_ptr(), values) }
}
