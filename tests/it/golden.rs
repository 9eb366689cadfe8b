//! Every draw is frozen: a hash over many draws of every sampler and law.
//!
//! The trap that this guards: `rand_distr` computes with `libm` "to ensure reproducibility" but
//! switches to the platform's maths as soon as any crate of the build enables `num-traits/std`,
//! and `plotters` does. Draws then change bits with the platform, and with whether plots are
//! compiled in. Ours are inverse CDFs on pinned `libm` and plain arithmetic; `rand_distr` is
//! used here only as an independent oracle of the distributions. If a hash differs, published
//! results would differ: find the dependency that changed, do not renew the hash.

use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand_distr::{Distribution, Exp, Gamma, LogNormal};
use tideover::sim::exponential::exponential;
use tideover::sim::laws::{Law, Sampler};
use tideover::sim::maths;
use tideover::sim::rates::{RateCursor, RateCurve, RateSegment};
use tideover::sim::statistics::{kolmogorov_distance, kolmogorov_p};
use tideover::sim::streams::{Cursor, Stream, unit};

const N: u64 = 100_000;

/// Folds 64-bit words: FNV-1a by words, with a rotation so that high bits count.
fn hash(words: impl Iterator<Item = u64>) -> u64 {
    words.fold(0xCBF2_9CE4_8422_2325, |hash, word| {
        (hash ^ word).wrapping_mul(0x0000_0100_0000_01B3).rotate_left(29)
    })
}

fn stream() -> Stream {
    Stream::new(2026, 1, "golden", "draws")
}

/// The hash of 10^5 draws of a law by its sampler, a tenth of them in the outer tails, and of
/// 1,000 exact quantiles, moments included.
fn of_law(law: &Law) -> u64 {
    let (sampler, stream) = (Sampler::new(law), stream());
    let words = (0..N).map(|i| match i % 20 {
        0 => stream.at(i) >> 12,
        1 => !(stream.at(i) >> 12),
        _ => stream.at(i),
    });
    let draws = words.map(|u| sampler.draw(u));
    let quantiles = (0..1_000).map(|i| law.quantile(unit(stream.at(i))));
    let moments = (1..=4).map(|k| law.moment(k));
    hash(draws.chain(quantiles).chain(moments).map(f64::to_bits))
}

/// Arrivals of a Poisson process on a curve with slopes, a jump and a gap.
fn of_arrivals() -> u64 {
    let segment = |start_s, rate_start, rate_end| RateSegment { start_s, rate_start, rate_end };
    let segments = [
        segment(-600.0, 0.0, 120.0),
        segment(0.0, 90.0, 90.0),
        segment(300.0, 0.0, 0.0),
        segment(310.0, 200.0, 10.0),
    ];
    let curve = RateCurve::new(&segments, 1_000.0);
    let mut cursor = RateCursor::new(&curve, -600.0);
    let arrivals = (0..N).map_while(|i| cursor.advance(&curve, exponential(stream().at(i))));
    hash(arrivals.map(f64::to_bits))
}

/// No draw of any sampler or law changes with the dependency tree, the platform, or the build.
#[test]
fn every_draw_is_frozen() {
    let words = |f: fn(u64) -> f64| hash((0..N).map(|i| f(stream().at(i)).to_bits()));
    let mut cursor = Cursor::new(stream().substream(7));
    let measured = (1..=997_u32).map(|i| f64::from(i * i % 997) * 1e-3).collect();
    let got = [
        ("streams", hash((0..N).map(|i| stream().at(i)))),
        ("substreams", hash((0..N).map(|i| stream().substream(i).at(i)))),
        ("cursor", hash((0..N).map(|_| cursor.next_u64()))),
        ("unit", words(unit)),
        ("exponential", words(exponential)),
        ("normal quantile", words(|u| maths::normal_quantile(unit(u)))),
        (
            "gamma quantile",
            hash((0..N / 10).map(|i| maths::gamma_quantile(2.5, unit(stream().at(i))).to_bits())),
        ),
        ("arrivals", of_arrivals()),
        ("law constant", of_law(&Law::constant(0.25))),
        ("law uniform", of_law(&Law::uniform(0.01, 0.4))),
        ("law exponential", of_law(&Law::exponential(0.04))),
        ("law lognormal", of_law(&Law::lognormal_p50_p99(0.04, 0.18))),
        ("law lognormal, cv", of_law(&Law::lognormal_mean_cv(120.0, 0.5))),
        ("law gamma", of_law(&Law::gamma(2.5, 0.04))),
        ("law gamma, flat", of_law(&Law::gamma(0.4, 0.04))),
        ("law weibull", of_law(&Law::weibull(0.7, 0.04))),
        ("law hyperexponential", of_law(&Law::hyper_exponential(0.9, 0.02, 0.4))),
        ("law empirical", of_law(&Law::empirical(measured))),
    ];
    assert_eq!(got, FROZEN, "{got:#018X?}");
}

/// Computed once by this code, on x86-64 Linux.
const FROZEN: [(&str, u64); 18] = [
    ("streams", 0x99B7_1522_8D94_EA9A),
    ("substreams", 0x85C4_D235_CF24_EAF9),
    ("cursor", 0x6F3C_35EE_779F_C0C3),
    ("unit", 0x2B7F_0EA4_04E6_7F11),
    ("exponential", 0xAE7B_82E4_7F09_C06E),
    ("normal quantile", 0x8394_4F30_B59A_3006),
    ("gamma quantile", 0xB6AF_B017_BDCC_EBA3),
    ("arrivals", 0x9D30_3B1A_2490_BE9F),
    ("law constant", 0x97A0_88CE_CED1_7357),
    ("law uniform", 0x1898_D6B3_6B7F_B941),
    ("law exponential", 0x61E1_20B9_C4F0_D8D4),
    ("law lognormal", 0xBAB4_9C99_2D1A_432D),
    ("law lognormal, cv", 0x77CA_7F88_96F7_FA81),
    ("law gamma", 0x39E8_A7A4_D487_7FC9),
    ("law gamma, flat", 0x2066_6E5C_BDF3_6EFF),
    ("law weibull", 0xCCAF_5367_BDA0_0761),
    ("law hyperexponential", 0xE808_DB95_DC26_0FAF),
    ("law empirical", 0x1E60_306A_93B5_B42F),
];

/// The p-value of Kolmogorov and Smirnov that two samples of equal size share a law.
fn two_sample_p(mut ours: Vec<f64>, mut theirs: Vec<f64>) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    ours.sort_by(f64::total_cmp);
    theirs.sort_by(f64::total_cmp);
    let n = theirs.len() as f64;
    let share = |x: f64| theirs.partition_point(|value| *value <= x) as f64 / n;
    kolmogorov_p(kolmogorov_distance(&ours, share), n / 2.0)
}

/// `rand_distr`, another implementation by other methods (ziggurat, Marsaglia and Tsang), draws
/// from the same laws: two-sample Kolmogorov-Smirnov, 200,000 draws each, p > 1e-4.
#[test]
fn draws_agree_with_rand_distr() {
    const DRAWS: usize = 200_000;
    let theirs = |draw: &mut dyn FnMut(&mut Xoshiro256PlusPlus) -> f64| {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(2026);
        (0..DRAWS).map(|_| draw(&mut rng)).collect::<Vec<f64>>()
    };
    let exp = Exp::new(1.0 / 0.04).expect("a positive rate");
    let lognormal = LogNormal::new(-3.2, 0.65).expect("a positive deviation");
    let gamma = Gamma::new(2.5, 0.016).expect("positive parameters");
    let gamma_flat = Gamma::new(0.4, 0.1).expect("positive parameters");
    let cases = [
        (Law::exponential(0.04), theirs(&mut |rng| exp.sample(rng))),
        (Law::LogNormal { mu: -3.2, sigma: 0.65 }, theirs(&mut |rng| lognormal.sample(rng))),
        (Law::gamma(2.5, 0.04), theirs(&mut |rng| gamma.sample(rng))),
        (Law::gamma(0.4, 0.04), theirs(&mut |rng| gamma_flat.sample(rng))),
    ];
    for (law, theirs) in cases {
        let sampler = Sampler::new(&law);
        let ours = (0..DRAWS as u64).map(|i| sampler.draw(stream().at(i))).collect();
        let p = two_sample_p(ours, theirs);
        assert!(1e-4 < p, "{law:?}: p = {p}");
    }
}
