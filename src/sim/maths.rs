//! Transcendental functions that give the same bits on every platform.
//!
//! `f64::ln`, `exp`, `powf` and the like call the platform's library, which differs in the last
//! bits between systems and versions. Everything here is `libm` (pinned) or plain arithmetic on
//! top of it; a repository test forbids the std functions elsewhere. `sqrt`, `floor`, `ceil` and
//! `round` are exact in IEEE and may be used directly.

/// Natural logarithm.
#[must_use]
pub fn ln(x: f64) -> f64 {
    libm::log(x)
}

/// `ln(1 + x)`, precise for small `x`.
#[must_use]
pub fn ln_1p(x: f64) -> f64 {
    libm::log1p(x)
}

/// Base-10 logarithm.
#[must_use]
pub fn log10(x: f64) -> f64 {
    libm::log10(x)
}

/// Base-2 logarithm.
#[must_use]
pub fn log2(x: f64) -> f64 {
    libm::log2(x)
}

/// e to the power `x`.
#[must_use]
pub fn exp(x: f64) -> f64 {
    libm::exp(x)
}

/// `exp(x) - 1`, precise for small `x`.
#[must_use]
pub fn exp_m1(x: f64) -> f64 {
    libm::expm1(x)
}

/// `base` to the power `exponent`.
#[must_use]
pub fn pow(base: f64, exponent: f64) -> f64 {
    libm::pow(base, exponent)
}

/// Cosine of an angle in radians.
#[must_use]
pub fn cos(x: f64) -> f64 {
    libm::cos(x)
}

/// Sine of an angle in radians.
#[must_use]
pub fn sin(x: f64) -> f64 {
    libm::sin(x)
}

/// Logarithm of the gamma function, for positive `x`.
#[must_use]
pub fn ln_gamma(x: f64) -> f64 {
    libm::lgamma(x)
}

/// The gamma function.
#[must_use]
pub fn gamma(x: f64) -> f64 {
    libm::tgamma(x)
}

/// The standard normal distribution function.
#[must_use]
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

/// The standard normal quantile of `p` in (0, 1); infinite at 0 and 1.
///
/// Wichura, Algorithm AS 241 (PPND16), Applied Statistics 37, 1988: about 1 part in 10^16.
#[must_use]
pub fn normal_quantile(p: f64) -> f64 {
    assert!((0.0..=1.0).contains(&p), "a probability lies in [0, 1], not {p}");
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180625 - q * q;
        return q * polynomial(&CENTRE_OVER, r) / polynomial(&CENTRE_UNDER, r);
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    if tail <= 0.0 {
        return if q < 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    let r = (-ln(tail)).sqrt();
    let size = if r <= 5.0 {
        polynomial(&NEAR_OVER, r - 1.6) / polynomial(&NEAR_UNDER, r - 1.6)
    } else {
        polynomial(&FAR_OVER, r - 5.0) / polynomial(&FAR_UNDER, r - 5.0)
    };
    if q < 0.0 { -size } else { size }
}

/// Horner's rule; the constant term comes first.
fn polynomial(coefficients: &[f64; 8], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c)
}

// AS 241, tables a to f.
const CENTRE_OVER: [f64; 8] = [
    3.387_132_872_796_366_5,
    1.331_416_678_917_843_8e2,
    1.971_590_950_306_551_3e3,
    1.373_169_376_550_946e4,
    4.592_195_393_154_987e4,
    6.726_577_092_700_87e4,
    3.343_057_558_358_813e4,
    2.509_080_928_730_122_7e3,
];
const CENTRE_UNDER: [f64; 8] = [
    1.0,
    4.231_333_070_160_091e1,
    6.871_870_074_920_579e2,
    5.394_196_021_424_751e3,
    2.121_379_430_158_659_7e4,
    3.930_789_580_009_271e4,
    2.872_908_573_572_194_3e4,
    5.226_495_278_852_854e3,
];
const NEAR_OVER: [f64; 8] = [
    1.423_437_110_749_683_5,
    4.630_337_846_156_546,
    5.769_497_221_460_691,
    3.647_848_324_763_204_5,
    1.270_458_252_452_368_4,
    2.417_807_251_774_506e-1,
    2.272_384_498_926_918_4e-2,
    7.745_450_142_783_414e-4,
];
const NEAR_UNDER: [f64; 8] = [
    1.0,
    2.053_191_626_637_759,
    1.676_384_830_183_803_8,
    6.897_673_349_851e-1,
    1.481_039_764_274_800_8e-1,
    1.519_866_656_361_645_7e-2,
    5.475_938_084_995_345e-4,
    1.050_750_071_644_416_9e-9,
];
const FAR_OVER: [f64; 8] = [
    6.657_904_643_501_103,
    5.463_784_911_164_114,
    1.784_826_539_917_291_3,
    2.965_605_718_285_048_7e-1,
    2.653_218_952_657_612_4e-2,
    1.242_660_947_388_078_4e-3,
    2.711_555_568_743_487_6e-5,
    2.010_334_399_292_288_1e-7,
];
const FAR_UNDER: [f64; 8] = [
    1.0,
    5.998_322_065_558_88e-1,
    1.369_298_809_227_358e-1,
    1.487_536_129_085_061_5e-2,
    7.868_691_311_456_133e-4,
    1.846_318_317_510_054_8e-5,
    1.421_511_758_316_446e-7,
    2.044_263_103_389_939_8e-15,
];

/// The distribution function of the unit-scale gamma law: P(shape, x), the regularised lower
/// incomplete gamma function.
///
/// Series below `shape + 1`, continued fraction above (Abramowitz and Stegun 6.5.29, 6.5.31).
#[must_use]
pub fn gamma_cdf(shape: f64, x: f64) -> f64 {
    assert!(shape > 0.0, "a gamma law needs a positive shape, not {shape}");
    if x <= 0.0 {
        return 0.0;
    }
    if x == f64::INFINITY {
        return 1.0;
    }
    let front = exp(shape * ln(x) - x - ln_gamma(shape));
    if x < shape + 1.0 {
        let mut term = 1.0 / shape;
        let mut sum = term;
        let mut k = shape;
        while term > sum * 1e-17 {
            k += 1.0;
            term *= x / k;
            sum += term;
        }
        (front * sum).min(1.0)
    } else {
        (1.0 - front * upper_fraction(shape, x)).max(0.0)
    }
}

/// The continued fraction of Q(shape, x) without its front factor, by Lentz's method.
fn upper_fraction(shape: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    // Converges within about sqrt(shape) steps for x > shape + 1; the limit is never met.
    const STEPS: u32 = 1_000_000;
    let mut b = x + 1.0 - shape;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / b;
    let mut fraction = d;
    for i in 1..STEPS {
        let n = f64::from(i);
        let a = -n * (n - shape);
        b += 2.0;
        d = 1.0 / nonzero(a * d + b, TINY);
        c = nonzero(b + a / c, TINY);
        let change = c * d;
        fraction *= change;
        if (change - 1.0).abs() <= f64::EPSILON {
            break;
        }
    }
    fraction
}

fn nonzero(x: f64, tiny: f64) -> f64 {
    if x.abs() < tiny { tiny } else { x }
}

/// The quantile of `u` in (0, 1) of the unit-scale gamma law of the given shape.
///
/// Starts from Wilson and Hilferty (1931), then Newton steps kept inside a bracket.
#[must_use]
pub fn gamma_quantile(shape: f64, u: f64) -> f64 {
    assert!(0.0 < u && u < 1.0, "a quantile needs a probability inside (0, 1), not {u}");
    let spread = 1.0 / (9.0 * shape);
    let cube_root = 1.0 - spread + normal_quantile(u) * spread.sqrt();
    let mut guess = shape * cube_root * cube_root * cube_root;
    // Far down the lower tail P(x) is about x^shape / Gamma(shape + 1).
    let low_tail = exp((ln(u) + ln_gamma(shape + 1.0)) / shape);
    if cube_root <= 0.0 || shape < 1.0 && guess < low_tail {
        guess = low_tail;
    }
    let ln_front = ln_gamma(shape);
    let mut high = guess.max(1.0);
    while gamma_cdf(shape, high) < u {
        high *= 2.0;
    }
    solve_rising(0.0, high, guess, |x| {
        let density = exp((shape - 1.0) * ln(x) - x - ln_front);
        (gamma_cdf(shape, x) - u, density)
    })
}

/// The root of a rising function inside `[low, high]` from its value and slope: Newton's method,
/// halving the bracket whenever a step would leave it.
pub fn solve_rising(
    mut low: f64,
    mut high: f64,
    guess: f64,
    value_and_slope: impl Fn(f64) -> (f64, f64),
) -> f64 {
    const STEPS: u32 = 200;
    let mut x = if low < guess && guess < high { guess } else { 0.5 * (low + high) };
    for _ in 0..STEPS {
        let (value, slope) = value_and_slope(x);
        if value < 0.0 {
            low = x;
        } else {
            high = x;
        }
        let newton = x - value / slope;
        if (newton - x).abs() <= 1e-15 * x.abs() {
            return newton;
        }
        let next = if low < newton && newton < high { newton } else { 0.5 * (low + high) };
        if next == x {
            return x;
        }
        x = next;
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Quantiles from the tables of AS 241 and, far out, from mpmath at 40 digits.
    #[test]
    fn normal_quantile_meets_published_values() {
        let table = [
            (0.25, -0.674_489_750_196_081_7),
            (0.001, -3.090_232_306_167_813_6),
            (1e-20, -9.262_340_089_798_408),
            (0.975, 1.959_963_984_540_054),
            (0.99, 2.326_347_874_040_840_8),
        ];
        for (p, z) in table {
            let got = normal_quantile(p);
            assert!((got / z - 1.0).abs() < 1e-14, "{p}: {got} against {z}");
        }
        assert_eq!(normal_quantile(0.5), 0.0);
        assert_eq!(normal_quantile(0.0), f64::NEG_INFINITY);
        assert_eq!(normal_quantile(1.0), f64::INFINITY);
    }

    /// The distribution function (by `erfc`, another method) undoes the quantile in all three
    /// regions. Near 0 the density amplifies the quantile's rounding by |z| * z.
    #[test]
    fn normal_cdf_undoes_the_quantile() {
        for i in 1..4_000 {
            let p = f64::from(i) / 4_000.0;
            assert!((normal_cdf(normal_quantile(p)) / p - 1.0).abs() < 1e-14, "{p}");
        }
        for exponent in 1..300 {
            let p = pow(10.0, -f64::from(exponent));
            let z = normal_quantile(p);
            let tolerance = 1e-15 * (2.0 + 2.0 * z * z);
            assert!((normal_cdf(z) / p - 1.0).abs() < tolerance, "{p}");
        }
    }

    /// Closed forms: shape 1 is exponential, shape n is a Poisson sum, shape 1/2 is a square of
    /// a normal.
    #[test]
    fn gamma_cdf_meets_closed_forms() {
        for i in 1..400 {
            let x = f64::from(i) * 0.05;
            let cases = [
                (1.0, -exp_m1(-x)),
                (3.0, 1.0 - exp(-x) * (1.0 + x + 0.5 * x * x)),
                (0.5, 1.0 - 2.0 * normal_cdf(-(2.0 * x).sqrt())),
            ];
            for (shape, exact) in cases {
                let got = gamma_cdf(shape, x);
                assert!((got - exact).abs() < 4e-15, "{shape} {x}: {got} against {exact}");
            }
        }
        assert_eq!(gamma_cdf(2.0, 0.0), 0.0);
        assert_eq!(gamma_cdf(2.0, f64::INFINITY), 1.0);
    }

    /// The quantile is the inverse of the distribution function over shapes from 0.05 to 10^5
    /// and probabilities far into both tails. (What is checked is P, whose own error at large
    /// shapes is that of `ln_gamma`, some 1e-16 times its size.)
    #[test]
    fn gamma_quantile_inverts_the_cdf() {
        for shape in [0.05, 0.3, 1.0, 2.5, 10.0, 400.0, 1e5] {
            let tolerance = 1e-13 + 4e-16 * ln_gamma(shape).abs();
            for u in [1e-10, 1e-4, 0.01, 0.2, 0.5, 0.8, 0.99, 0.9999, 1.0 - 1e-10] {
                let x = gamma_quantile(shape, u);
                let back = gamma_cdf(shape, x);
                assert!((back - u).abs() < tolerance * u.max(1e-3), "{shape} {u}: {x} {back}");
            }
        }
        assert!((gamma_quantile(1.0, 0.5) - std::f64::consts::LN_2).abs() < 1e-15);
    }
}
