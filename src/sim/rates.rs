//! Rates over time, piecewise linear, and Poisson arrivals by inverting their integral.
//!
//! The k-th arrival of a Poisson process of rate r(t) is the time at which the integral of r
//! reaches the sum of k unit exponentials. [`RateCursor`] keeps that sum per segment, so the
//! chain from one arrival to the next is one addition, and rounding does not depend on how a run
//! is cut into windows. Times use `+ - * / sqrt` only: the same bits on every platform.

/// A rate over time \[1/s\]: linear between the ends of each segment, with jumps between
/// segments; zero before the first segment and after the last.
#[derive(Clone, Debug, PartialEq)]
pub struct RateCurve {
    segments: Vec<Segment>,
    end_s: f64,
}

/// One stretch of a curve, up to the start of the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateSegment {
    /// Where it starts \[s since t = 0, negative in the warm-up\].
    pub start_s: f64,
    /// Rate at its start \[1/s\].
    pub rate_start: f64,
    /// Rate just before its end \[1/s\].
    pub rate_end: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Segment {
    start_s: f64,
    end_s: f64,
    rate_start: f64,
    rate_end: f64,
    /// Change of the rate per second.
    slope: f64,
    /// Integral over the whole segment; infinite for an endless one.
    mass: f64,
}

impl Segment {
    fn new(segment: RateSegment, end_s: f64) -> Self {
        let RateSegment { start_s, rate_start, rate_end } = segment;
        assert!(start_s < end_s, "segments start one after another: {start_s} before {end_s}");
        for rate in [rate_start, rate_end] {
            assert!(rate >= 0.0 && rate.is_finite(), "a rate is finite and not negative: {rate}");
        }
        let endless = end_s == f64::INFINITY;
        assert!(!endless || rate_start == rate_end, "an endless segment has a constant rate");
        let slope = if endless { 0.0 } else { (rate_end - rate_start) / (end_s - start_s) };
        let mut built = Self { start_s, end_s, rate_start, rate_end, slope, mass: 0.0 };
        built.mass = built.mass_until(end_s);
        built
    }

    fn rate_at(&self, time_s: f64) -> f64 {
        (self.rate_start + self.slope * (time_s - self.start_s)).max(0.0)
    }

    /// The integral from the start of the segment to `time_s` inside it.
    fn mass_until(&self, time_s: f64) -> f64 {
        if self.rate_start == 0.0 && self.rate_end == 0.0 {
            return 0.0;
        }
        if time_s == f64::INFINITY {
            return f64::INFINITY;
        }
        if time_s == self.end_s {
            return 0.5 * (self.rate_start + self.rate_end) * (time_s - self.start_s);
        }
        let length_s = time_s - self.start_s;
        0.5 * (self.rate_start + self.rate_at(time_s)) * length_s
    }

    /// The time at which the integral from the start reaches `mass`.
    #[inline]
    fn time_at(&self, mass: f64) -> f64 {
        let length_s = if self.slope == 0.0 {
            mass / self.rate_start
        } else {
            // The stable root of rate * t + slope * t^2 / 2 = mass.
            let square = self.rate_start * self.rate_start + 2.0 * self.slope * mass;
            // The floor makes it 0 where the rate and the mass are both 0.
            let divisor = self.rate_start + square.max(0.0).sqrt();
            2.0 * mass / divisor.max(f64::MIN_POSITIVE)
        };
        let time_s = self.start_s + length_s;
        if time_s < self.end_s { time_s } else { self.end_s }
    }
}

impl RateCurve {
    /// A curve of `segments`, each up to the start of the next and the last up to `end_s`, which
    /// may be infinite if the last rate is constant. Panics if they are not in order.
    #[must_use]
    pub fn new(segments: &[RateSegment], end_s: f64) -> Self {
        assert!(!segments.is_empty(), "a rate curve needs a segment");
        let ends = segments[1..].iter().map(|next| next.start_s).chain([end_s]);
        let segments = segments.iter().zip(ends).map(|(s, end)| Segment::new(*s, end)).collect();
        Self { segments, end_s }
    }

    /// The same rate from `start_s` for ever.
    #[must_use]
    pub fn constant(start_s: f64, rate: f64) -> Self {
        Self::steps(&[(start_s, rate)], f64::INFINITY)
    }

    /// Constant rates, each from its start (first of the pair) to the next, the last to `end_s`.
    #[must_use]
    pub fn steps(starts_and_rates: &[(f64, f64)], end_s: f64) -> Self {
        let segments: Vec<_> = starts_and_rates
            .iter()
            .map(|&(start_s, rate)| RateSegment { start_s, rate_start: rate, rate_end: rate })
            .collect();
        Self::new(&segments, end_s)
    }

    /// The sum of two rates, over the time of this one.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let starts = |curve: &Self| curve.segments.iter().map(|s| s.start_s).collect::<Vec<_>>();
        let inside = |at_s: &f64| self.start_s() < *at_s && *at_s < self.end_s;
        let mut cuts = starts(self);
        cuts.extend(starts(other).into_iter().chain([other.end_s]).filter(inside));
        cuts.sort_by(f64::total_cmp);
        cuts.dedup();
        let ends: Vec<f64> = cuts[1..].iter().copied().chain([self.end_s]).collect();
        let pieces = cuts.iter().zip(&ends).map(|(&from_s, &to_s)| {
            let sum =
                |at_s| self.rate_beside(from_s, to_s, at_s) + other.rate_beside(from_s, to_s, at_s);
            RateSegment { start_s: from_s, rate_start: sum(from_s), rate_end: sum(to_s) }
        });
        Self::new(&pieces.collect::<Vec<_>>(), self.end_s)
    }

    /// The rate at an end of a stretch that no segment's start cuts, as seen from inside it.
    fn rate_beside(&self, from_s: f64, to_s: f64, at_s: f64) -> f64 {
        let inside_s = if to_s == f64::INFINITY { from_s } else { 0.5 * (from_s + to_s) };
        let index = self.segments.partition_point(|segment| segment.start_s <= inside_s);
        let Some(segment) = index.checked_sub(1).map(|index| &self.segments[index]) else {
            return 0.0;
        };
        match at_s {
            _ if segment.end_s <= inside_s => 0.0,
            f64::INFINITY => segment.rate_start,
            _ => segment.rate_at(at_s),
        }
    }

    /// Straight lines between (time, rate) points, at least two; it ends at the last point.
    #[must_use]
    pub fn through(points: &[(f64, f64)]) -> Self {
        assert!(2 <= points.len(), "a line needs two points");
        let segments: Vec<_> = points
            .windows(2)
            .map(|pair| RateSegment {
                start_s: pair[0].0,
                rate_start: pair[0].1,
                rate_end: pair[1].1,
            })
            .collect();
        Self::new(&segments, points[points.len() - 1].0)
    }

    /// The curve with every rate times `factor`.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        let segments: Vec<_> = self
            .segments
            .iter()
            .map(|segment| RateSegment {
                start_s: segment.start_s,
                rate_start: segment.rate_start * factor,
                rate_end: segment.rate_end * factor,
            })
            .collect();
        Self::new(&segments, self.end_s)
    }

    /// The curve `by_s` later: at every instant t its rate is that of this one at t - `by_s`.
    #[must_use]
    pub fn moved(&self, by_s: f64) -> Self {
        let later =
            |segment: RateSegment| RateSegment { start_s: segment.start_s + by_s, ..segment };
        let segments: Vec<_> = self.segments().map(later).collect();
        Self::new(&segments, self.end_s + by_s)
    }

    /// When the curve starts \[s\].
    #[must_use]
    pub fn start_s(&self) -> f64 {
        self.segments[0].start_s
    }

    /// When the curve ends \[s\]; may be infinite.
    #[must_use]
    pub const fn end_s(&self) -> f64 {
        self.end_s
    }

    /// The segments, in order.
    pub fn segments(&self) -> impl Iterator<Item = RateSegment> + '_ {
        self.segments.iter().map(|segment| RateSegment {
            start_s: segment.start_s,
            rate_start: segment.rate_start,
            rate_end: segment.rate_end,
        })
    }

    /// The rate at `time_s` \[1/s\]; at a jump, the rate after it.
    #[must_use]
    pub fn rate_at(&self, time_s: f64) -> f64 {
        match self.segment_at(time_s) {
            Some(index) if time_s < self.end_s => self.segments[index].rate_at(time_s),
            _ => 0.0,
        }
    }

    /// The highest rate anywhere \[1/s\].
    #[must_use]
    pub fn peak(&self) -> f64 {
        self.segments.iter().fold(0.0, |peak, s| s.rate_start.max(s.rate_end).max(peak))
    }

    /// The expected number of arrivals in `[from_s, to_s)`.
    #[must_use]
    pub fn integral(&self, from_s: f64, to_s: f64) -> f64 {
        let mut sum = 0.0;
        let first = self.segment_at(from_s).unwrap_or(0);
        for segment in self.segments[first..].iter().take_while(|s| s.start_s < to_s) {
            let (from, to) = (from_s.max(segment.start_s), to_s.min(segment.end_s));
            if from < to {
                let head = if from == segment.start_s { 0.0 } else { segment.mass_until(from) };
                sum += segment.mass_until(to) - head;
            }
        }
        sum
    }

    /// The mean rate over `[from_s, to_s)` \[1/s\].
    #[must_use]
    pub fn mean(&self, from_s: f64, to_s: f64) -> f64 {
        assert!(from_s < to_s, "a mean needs an interval, not {from_s} to {to_s}");
        self.integral(from_s, to_s) / (to_s - from_s)
    }

    /// The time at which the integral since `from_s` reaches `mass`, or `None` if the curve ends
    /// before. For many arrivals use a [`RateCursor`].
    #[must_use]
    pub fn advance(&self, from_s: f64, mass: f64) -> Option<f64> {
        RateCursor::new(self, from_s).advance(self, mass)
    }

    /// The last segment that starts at or before `time_s`.
    fn segment_at(&self, time_s: f64) -> Option<usize> {
        self.segments.partition_point(|segment| segment.start_s <= time_s).checked_sub(1)
    }
}

/// A place on a curve: steps from arrival to arrival in amortised constant time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateCursor {
    segment: usize,
    /// Integral from the start of the segment to here.
    mass: f64,
}

impl RateCursor {
    /// A cursor at `from_s`, or at the start of the curve if that is later.
    #[must_use]
    pub fn new(curve: &RateCurve, from_s: f64) -> Self {
        match curve.segment_at(from_s) {
            None => Self { segment: 0, mass: 0.0 },
            Some(index) if curve.end_s <= from_s => Self { segment: index + 1, mass: 0.0 },
            Some(index) => Self { segment: index, mass: curve.segments[index].mass_until(from_s) },
        }
    }

    /// Moves on by `mass` expected arrivals and gives the time there \[s\], or `None` once the
    /// curve has ended: then it stays ended.
    ///
    /// `curve` is the curve that the cursor was made for; `mass` is positive.
    #[inline]
    pub fn advance(&mut self, curve: &RateCurve, mass: f64) -> Option<f64> {
        let mut reached = self.mass + mass;
        while let Some(segment) = curve.segments.get(self.segment) {
            if reached < segment.mass {
                self.mass = reached;
                return Some(segment.time_at(reached));
            }
            reached -= segment.mass;
            self.segment += 1;
        }
        self.mass = 0.0;
        None
    }

    /// As [`advance`](Self::advance) by each of `masses` in turn; infinity stands for `None`.
    pub fn advance_all(&mut self, curve: &RateCurve, masses: &[f64], times_s: &mut [f64]) {
        let start = self.mass;
        let sums = masses.iter().scan(start, |sum, mass| {
            *sum += mass;
            Some(*sum)
        });
        times_s.iter_mut().zip(sums).for_each(|(time_s, sum)| *time_s = sum);
        match (curve.segments.get(self.segment), times_s.last()) {
            (Some(segment), Some(&last)) if last < segment.mass => {
                times_s.iter_mut().for_each(|sum| *sum = segment.time_at(*sum));
                self.mass = last;
            }
            _ => {
                for (time_s, mass) in times_s.iter_mut().zip(masses) {
                    *time_s = self.advance(curve, *mass).unwrap_or(f64::INFINITY);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::exponential::exponential;
    use crate::sim::statistics::{chi_square, chi_square_p};
    use crate::sim::streams::Stream;

    /// Up from 10 to 30 over 10 s, a jump down to 5, nothing for 10 s, then down from 20 to 0.
    fn example() -> RateCurve {
        let segment = |start_s, rate_start, rate_end| RateSegment { start_s, rate_start, rate_end };
        let segments = [
            segment(-10.0, 10.0, 30.0),
            segment(0.0, 5.0, 5.0),
            segment(20.0, 0.0, 0.0),
            segment(30.0, 20.0, 0.0),
        ];
        RateCurve::new(&segments, 40.0)
    }

    /// Areas of trapezoids by hand.
    #[test]
    fn integrals_are_areas() {
        let curve = example();
        let table = [
            (-100.0, 100.0, 400.0),
            (-10.0, -5.0, 75.0),
            (-5.0, 0.0, 125.0),
            (-5.0, 10.0, 175.0),
            (20.0, 30.0, 0.0),
            (25.0, 35.0, 75.0),
            (35.0, 36.0, 9.0),
            (40.0, 50.0, 0.0),
            (5.0, 5.0, 0.0),
        ];
        for (from_s, to_s, area) in table {
            let got: f64 = curve.integral(from_s, to_s);
            assert!((got - area).abs() < 1e-12, "{from_s}..{to_s}: {got} against {area}");
        }
        assert_eq!(curve.peak(), 30.0);
        assert_eq!(curve.mean(-10.0, 0.0), 20.0);
        assert_eq!(curve.scaled(0.5).integral(-100.0, 100.0), 200.0);
        assert_eq!(RateCurve::constant(0.0, 3.0).integral(1.0, 5.0), 12.0);
        let rates =
            [(-11.0, 0.0), (-5.0, 20.0), (0.0, 5.0), (25.0, 0.0), (35.0, 10.0), (40.0, 0.0)];
        for (time_s, rate) in rates {
            assert_eq!(curve.rate_at(time_s), rate, "{time_s}");
        }
    }

    /// `advance` inverts the integral, from anywhere, over jumps and gaps, and ends with the
    /// curve.
    #[test]
    fn advance_inverts_the_integral() {
        let curve = example();
        for from_s in [-20.0, -10.0, -3.0, 0.0, 12.5, 20.0, 29.0, 30.0, 39.0] {
            let left = curve.integral(from_s, 100.0);
            for share in [1e-9, 0.1, 0.5, 0.9, 0.999_999] {
                let mass = share * left;
                let at_s = curve.advance(from_s, mass).unwrap();
                let back = curve.integral(from_s, at_s);
                assert!((back - mass).abs() < 1e-12 * left, "{from_s} {share}: {back} {mass}");
                assert!(from_s <= at_s && curve.start_s() <= at_s && at_s <= curve.end_s());
            }
            assert_eq!(curve.advance(from_s, left * 1.000_001), None);
        }
        assert_eq!(curve.advance(40.0, 1e-9), None);
        assert_eq!(RateCurve::constant(0.0, 0.0).advance(0.0, 1.0), None);
        assert_eq!(RateCurve::constant(-1.0, 4.0).advance(0.0, 2.0), Some(0.5));
        // From rest: 0.5 * t^2 = 2.
        assert_eq!(RateCurve::through(&[(0.0, 0.0), (10.0, 10.0)]).advance(0.0, 2.0), Some(2.0));
    }

    /// The sum of two curves is the sum of their rates everywhere, on both sides of each jump, and
    /// lasts as long as the first.
    #[test]
    fn curves_add_up() {
        let first = example();
        let crowd = RateCurve::through(&[(-5.0, 0.0), (3.0, 0.0), (7.0, 8.0), (11.0, 0.0)]);
        let sum = first.plus(&crowd);
        assert_eq!((sum.start_s(), sum.end_s()), (first.start_s(), first.end_s()));
        for quarter in 0..160 {
            let (from_s, to_s) = (0.25 * f64::from(quarter), 0.25 * f64::from(quarter + 1));
            let parts = first.integral(from_s, to_s) + crowd.integral(from_s, to_s);
            let found = sum.integral(from_s, to_s);
            assert!((found - parts).abs() < 1e-9, "from {from_s} s: {found}, not {parts}");
        }
        let endless = RateCurve::constant(0.0, 2.0).plus(&crowd);
        assert_eq!(endless.integral(100.0, 110.0), 20.0);
    }

    /// Many steps at once are the same steps to the last bit, over jumps, gaps and the end.
    #[test]
    fn many_steps_are_single_steps() {
        let curve = example();
        let stream = Stream::new(1, 0, "test", "steps");
        let mut one = RateCursor::new(&curve, f64::NEG_INFINITY);
        let mut many = one;
        for block in 0..12 {
            let masses: Vec<f64> =
                (0..50).map(|i| exponential(stream.at(block * 50 + i))).collect();
            let mut times_s = vec![0.0; 50];
            many.advance_all(&curve, &masses, &mut times_s);
            let single = masses.iter().map(|mass| one.advance(&curve, *mass));
            let single: Vec<f64> = single.map(|time| time.unwrap_or(f64::INFINITY)).collect();
            assert_eq!(times_s, single, "block {block}");
            assert_eq!(many, one);
        }
        assert_eq!(one.advance(&curve, 1.0), None, "600 arrivals are more than the curve has");
    }

    /// Arrivals by inversion are Poisson on the example curve: counts over 2,000 repetitions in
    /// each of five stretches have the integral as mean and variance (index of dispersion), and
    /// stretches with rate 0 stay empty.
    #[test]
    fn arrivals_are_poisson() {
        const TRIALS: u64 = 2_000;
        let curve = example();
        let edges = [-10.0, -5.0, 0.0, 20.0, 30.0, 40.0];
        let mut sums = [0_u64; 5];
        let mut squares = [0_u64; 5];
        for trial in 0..TRIALS {
            let stream = Stream::new(1, trial, "test", "arrivals");
            let mut cursor = RateCursor::new(&curve, f64::NEG_INFINITY);
            let mut counts = [0_u64; 5];
            let mut last_s = f64::NEG_INFINITY;
            for i in 0.. {
                let Some(at_s) = cursor.advance(&curve, exponential(stream.at(i))) else { break };
                assert!(last_s <= at_s);
                last_s = at_s;
                counts[edges.partition_point(|edge| *edge <= at_s) - 1] += 1;
            }
            for (k, count) in counts.into_iter().enumerate() {
                sums[k] += count;
                squares[k] += count * count;
            }
        }
        let due: Vec<f64> =
            edges.windows(2).map(|pair| TRIALS as f64 * curve.integral(pair[0], pair[1])).collect();
        assert_eq!(sums[3], 0);
        let busy = [0, 1, 2, 4];
        let p = chi_square_p(chi_square(&busy.map(|k| sums[k]), &busy.map(|k| due[k])), busy.len());
        assert!(1e-4 < p, "counts: p = {p}");
        for k in busy {
            let mean = sums[k] as f64 / TRIALS as f64;
            let dispersion = (squares[k] as f64 - TRIALS as f64 * mean * mean) / mean;
            let p = chi_square_p(dispersion, TRIALS as usize - 1);
            assert!(1e-4 < p && p < 1.0 - 1e-4, "dispersion {k}: p = {p}");
        }
    }
}
