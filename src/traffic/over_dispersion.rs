//! Arrivals that vary more than a Poisson process: rates times gamma variables, drawn anew in
//! each window, and the fit of such a process to recorded arrivals.
//!
//! The index of dispersion for counts, IDC(w), is the variance of the number of arrivals in a
//! window of length w over its mean; it is 1 for a Poisson process and grows with w where traffic
//! is bursty on several time scales (Gusella, IEEE JSAC 9, 1991). A mixture of gamma variables,
//! one for each window length, follows any IDC that is concave in w: a variable with a window of
//! length v adds to IDC(w) in proportion to min(v, w).

use crate::sim::laws::Law;
use crate::sim::rates::{RateCurve, RateSegment};
use crate::sim::streams::{Stream, unit};
use crate::spec::{Code, Decoder, Diagnostic, section};
use crate::units::{Span, Time};

section! {
    /// How much more than a Poisson process the number of arrivals in a window varies.
    pub struct OverDispersionSpec {
        /// Variance of the number of arrivals in a window over its mean; 1 is Poisson.
        "index" index: f64 = required, range 1.0..=10000.0;
        /// Length of a window.
        "window" window: Span = required, range "100ms"..="1h";
    }
}

/// Rates times gamma variables: the index of dispersion at each of some window lengths.
///
/// Between them it is linear in the window's length, and constant beyond the last.
#[derive(Clone, Debug, PartialEq)]
pub struct OverDispersion {
    /// By rising length of the window, each a multiple of the one before.
    levels: Vec<Level>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Level {
    window: Span,
    /// What a second of a window adds to the index by this level's variable alone \[1/s\].
    slope: f64,
}

impl OverDispersion {
    /// A process with these indices, by rising window.
    ///
    /// # Errors
    /// Which of them cannot be, by its place in the list, and what it could be.
    pub fn new(indices: &[(Span, f64)]) -> Result<Self, (usize, String)> {
        let mut slopes = Vec::new();
        let mut before = (Span::ZERO, 1.0);
        for (place, &(window, index)) in indices.iter().enumerate() {
            let length = window - before.0;
            let is_multiple = before.0 == Span::ZERO
                || (before.0 < window && window.nanos() % before.0.nanos() == 0);
            if !is_multiple {
                return Err((place, format!("a window of a whole multiple of {}", before.0)));
            }
            let slope = (index - before.1) / length.as_secs_f64();
            let steepest = slopes.last().copied().unwrap_or(f64::INFINITY);
            if slope < 0.0 || steepest < slope {
                let most = before.1 + steepest * length.as_secs_f64();
                return Err((place, format!("an index from {} to {most:.2}", before.1)));
            }
            slopes.push(slope);
            before = (window, index);
        }
        let next = slopes.iter().skip(1).copied().chain([0.0]);
        let own: Vec<f64> = slopes.iter().zip(next).map(|(slope, next)| slope - next).collect();
        let levels = indices.iter().zip(own);
        let levels = levels.filter(|(_, slope)| 0.0 < *slope);
        Ok(Self { levels: levels.map(|(&(window, _), slope)| Level { window, slope }).collect() })
    }

    /// The process whose indices are those of recorded arrivals at these windows; what is not
    /// concave in them is flattened.
    #[must_use]
    pub fn fit(instants: &[Time], windows: &[Span]) -> Self {
        let mut indices = Vec::new();
        let (mut before, mut steepest) = ((0.0, 1.0), f64::INFINITY);
        let from = instants.first().copied().unwrap_or(Time::ZERO);
        for &window in windows {
            let index = index_of_dispersion(&counts(instants, from, window)).unwrap_or(1.0);
            let length = window.as_secs_f64() - before.0;
            let slope = ((index - before.1) / length).clamp(0.0, steepest);
            before = (window.as_secs_f64(), before.1 + slope * length);
            steepest = slope;
            indices.push((window, before.1));
        }
        Self::new(&indices).expect("slopes fall, and the caller's windows are nested")
    }

    /// `curve` with the rate of each smallest window times its gamma variables, from `stream`.
    ///
    /// The variable of a level has mean 1; levels are mixed in shares whose squares are as their
    /// slopes, so that all variables are equally bursty. With N expected arrivals in a window of
    /// length w its variance makes the number of arrivals in that window vary by N·slope·w more
    /// than a Poisson number (law of total variance).
    #[must_use]
    pub fn modulate(&self, curve: &RateCurve, stream: Stream) -> RateCurve {
        let Some(first) = self.levels.first() else { return curve.clone() };
        let (start_s, end_s) = (curve.start_s(), curve.end_s());
        let window_s = first.window.as_secs_f64();
        let mut cuts: Vec<f64> = curve.segments().map(|segment| segment.start_s).collect();
        let n_windows = ((end_s - start_s) / window_s).ceil() as u64;
        cuts.extend((1..n_windows).map(|window| start_s + window as f64 * window_s));
        cuts.sort_by(f64::total_cmp);
        cuts.dedup();
        let ends = cuts[1..].iter().copied().chain([end_s]);
        let before: Vec<RateSegment> = curve.segments().collect();
        let rate_in = |segment: usize, at_s: f64| {
            let RateSegment { start_s, rate_start, rate_end } = before[segment];
            let segment_end_s = before.get(segment + 1).map_or(end_s, |next| next.start_s);
            rate_start + (rate_end - rate_start) * (at_s - start_s) / (segment_end_s - start_s)
        };
        let pieces = cuts.iter().zip(ends).map(|(&from_s, to_s)| {
            let middle_s = 0.5 * (from_s + to_s);
            let segment = before.partition_point(|segment| segment.start_s <= middle_s) - 1;
            let factor = self.factor(curve, middle_s, stream);
            RateSegment {
                start_s: from_s,
                rate_start: factor * rate_in(segment, from_s),
                rate_end: factor * rate_in(segment, to_s),
            }
        });
        RateCurve::new(&pieces.collect::<Vec<_>>(), end_s)
    }

    /// What the rate around `at_s` is multiplied by.
    fn factor(&self, curve: &RateCurve, at_s: f64, stream: Stream) -> f64 {
        let roots: f64 = self.levels.iter().map(|level| level.slope.sqrt()).sum();
        let mut factor = 0.0;
        for (index, level) in self.levels.iter().enumerate() {
            let window_s = level.window.as_secs_f64();
            let window = ((at_s - curve.start_s()) / window_s).floor();
            let from_s = curve.start_s() + window * window_s;
            let expected = curve.integral(from_s, (from_s + window_s).min(curve.end_s()));
            let draw = stream.at(((index as u64) << 48) | window as u64);
            let share = level.slope.sqrt() / roots;
            factor += share * gamma(expected / (window_s * roots * roots), draw);
        }
        factor
    }
}

/// A gamma variable of mean 1 and variance 1 / `shape`; 1 where nothing is expected.
fn gamma(shape: f64, draw: u64) -> f64 {
    if shape <= 0.0 { 1.0 } else { Law::gamma(shape, 1.0).quantile(unit(draw)) }
}

/// Checks a list of indices as a scenario states it.
pub(super) fn check(levels: &[OverDispersionSpec], cx: &mut Decoder<'_>) {
    let indices: Vec<_> = levels.iter().map(|level| (*level.window, *level.index)).collect();
    if let Err((place, allowed)) = OverDispersion::new(&indices) {
        let OverDispersionSpec { index, window } = &levels[place];
        let message = format!(
            "no process has an index of {} at windows of {}, after those before",
            **index, **window
        );
        let wrong = Diagnostic::error(Code::Contradiction, index.place.clone(), message);
        cx.report(wrong.allowed(allowed).help("an index grows with the window, ever more slowly"));
    }
}

/// Arrivals in each whole window from `from` to the last of the rising instants.
#[must_use]
pub fn counts(instants: &[Time], from: Time, window: Span) -> Vec<u32> {
    let Some(&last) = instants.last() else { return Vec::new() };
    let whole = ((last - from).nanos() / window.nanos()) as usize;
    let mut counts = vec![0; whole];
    for &instant in instants {
        let index = ((instant - from).nanos() / window.nanos()) as usize;
        if let Some(count) = counts.get_mut(index) {
            *count += 1;
        }
    }
    counts
}

/// Variance of counts over their mean, or `None` for fewer than two windows or no arrival. For a
/// Poisson process, n - 1 times this is close to a chi-square variable of n - 1 degrees.
#[must_use]
pub fn index_of_dispersion(counts: &[u32]) -> Option<f64> {
    let n = counts.len() as f64;
    let mean = counts.iter().map(|&count| f64::from(count)).sum::<f64>() / n;
    let off = |&count: &u32| f64::from(count) - mean;
    let squares: f64 = counts.iter().map(off).map(|off| off * off).sum();
    (1.0 < n && 0.0 < mean).then(|| squares / (n - 1.0) / mean)
}

/// Whether a Poisson process is a bad model of these counts: their index of dispersion lies more
/// than four standard deviations, sqrt(2 / (n - 1)), above 1.
#[must_use]
pub fn is_over_dispersed(counts: &[u32]) -> bool {
    let deviation = (2.0 / (counts.len() as f64 - 1.0)).sqrt();
    index_of_dispersion(counts).is_some_and(|index| 1.0 + 4.0 * deviation < index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(seconds: i64) -> Span {
        Span::from_secs(seconds)
    }

    /// One row per rule: windows are nested, indices grow, and ever more slowly.
    #[test]
    fn indices_must_belong_to_a_process() {
        for (rule, indices, wrong) in [
            ("one level", &[(1, 3.0)][..], None),
            ("Poisson", &[(1, 1.0)], None),
            ("concave", &[(1, 3.0), (10, 12.0), (60, 20.0)], None),
            ("just concave", &[(1, 3.0), (2, 5.0)], None),
            ("convex", &[(1, 3.0), (2, 5.1)], Some(1)),
            ("falling", &[(1, 3.0), (2, 2.9)], Some(1)),
            ("level", &[(1, 3.0), (2, 3.0)], None),
            ("not nested", &[(2, 3.0), (3, 3.5)], Some(1)),
            ("not rising", &[(2, 3.0), (2, 3.5)], Some(1)),
        ] {
            let indices: Vec<_> =
                indices.iter().map(|&(window, index)| (span(window), index)).collect();
            let made = OverDispersion::new(&indices);
            assert_eq!(made.err().map(|(place, _)| place), wrong, "{rule}");
        }
    }

    /// Counts by whole windows, and their index by hand: 2, 0, 1 and 3 have mean 1.5 and variance
    /// 5/3; a rest that is no whole window does not count.
    #[test]
    fn counts_and_their_index() {
        let at = |seconds: &[i64]| seconds.iter().map(|&s| Time::from_secs(s)).collect::<Vec<_>>();
        let found = counts(&at(&[5, 6, 25, 35, 36, 37, 45, 46]), Time::from_secs(5), span(10));
        assert_eq!(found, [2, 0, 1, 3]);
        let index = index_of_dispersion(&found).unwrap();
        assert!((index - 5.0 / 3.0 / 1.5).abs() < 1e-12, "{index}");
        assert_eq!(index_of_dispersion(&[7]), None);
        assert_eq!(index_of_dispersion(&[0, 0]), None);
    }

    /// The rate of a window of each level varies as it must: over many windows, the index that
    /// rates and Poisson numbers make together, 1 + variance of the expected number over its mean,
    /// is the one asked for. Tolerance: four standard errors of a variance of gamma variables,
    /// whose kurtosis is 3 + 6 / shape.
    #[test]
    fn modulated_rates_have_the_indices() {
        let asked = [(span(1), 4.0), (span(10), 10.0), (span(60), 30.0)];
        let process = OverDispersion::new(&asked).unwrap();
        let (rate, n) = (50.0, 20_000.0);
        let curve = RateCurve::steps(&[(0.0, rate)], 60.0 * n);
        let modulated = process.modulate(&curve, Stream::new(1, 0, "test", "dispersion"));
        for (window, index) in asked {
            let window_s = window.as_secs_f64();
            let windows = (60.0 * n / window_s) as usize;
            let expected = rate * window_s;
            let squares: f64 = (0..windows)
                .map(|k| k as f64 * window_s)
                .map(|from_s| modulated.integral(from_s, from_s + window_s) - expected)
                .map(|off| off * off)
                .sum();
            let found = 1.0 + squares / windows as f64 / expected;
            // At least n windows are independent; no mixture is burstier than its burstiest part.
            let kurtosis = 3.0 + 6.0 * (index - 1.0) / expected * 3.0;
            let error = (index - 1.0) * ((kurtosis - 1.0) / n).sqrt();
            assert!((found - index).abs() <= 4.0 * error, "{window}: {found}, not {index}");
        }
    }
}
