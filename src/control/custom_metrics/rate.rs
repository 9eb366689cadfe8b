//! The rate of a counter over a window, as Prometheus computes it.
//!
//! Follows `extrapolatedRate` of promql/functions.go (Prometheus 3: the window is open on the
//! left). The increase between the first and the last point in the window is extrapolated to the
//! ends of the window, but by at most half the mean distance of points where a point is missing
//! there. So a pod that has just started shows a rate that is too low. Resets do not occur.

use crate::units::{Span, Time};

/// A reading of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// When it was scraped.
    pub at: Time,
    /// The counter then.
    pub count: u64,
}

/// Increase a second over the `window` before `now`; None with fewer than two readings in it.
#[must_use]
pub fn rate(readings: impl Iterator<Item = Reading>, now: Time, window: Span) -> Option<f64> {
    let start = now - window;
    let mut first: Option<Reading> = None;
    let mut last = None;
    let mut n_readings = 0_u32;
    for reading in readings.filter(|reading| start < reading.at && reading.at <= now) {
        first.get_or_insert(reading);
        last = Some(reading);
        n_readings += 1;
    }
    let (first, last) = (first?, last?);
    if n_readings < 2 {
        return None;
    }
    let increase = (last.count - first.count) as f64;
    let sampled_s = (last.at - first.at).as_secs_f64();
    let mean_s = sampled_s / f64::from(n_readings - 1);
    let reach = |gap: Span| {
        let gap_s = gap.as_secs_f64();
        if mean_s * 1.1 <= gap_s { mean_s / 2.0 } else { gap_s }
    };
    let mut before_s = reach(first.at - start);
    if 0.0 < increase {
        // The counter was zero this long before the first reading: it cannot have grown earlier.
        before_s = before_s.min(sampled_s * (first.count as f64 / increase));
    }
    let covered_s = sampled_s + before_s + reach(now - last.at);
    Some(increase * (covered_s / sampled_s) / window.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row per rule: readings (second, count), the rate at 0 s over 120 s. Expected values
    /// from the formula by hand.
    #[test]
    fn rates_are_extrapolated_as_by_prometheus() {
        for (rule, readings, expected) in [
            ("no reading", vec![], None),
            ("one reading is not enough", vec![(-10, 100)], None),
            (
                "full window: the slope",
                vec![(-110, 1_000), (-80, 1_300), (-50, 1_600), (-20, 1_900)],
                // Sampled 90 s; 10 s before and 20 s after lie within 33 s: all 120 s covered.
                Some(900.0 / 90.0),
            ),
            (
                "a reading as old as the window is out",
                vec![(-120, 0), (-90, 1_300), (-60, 1_600), (-30, 1_900), (0, 2_200)],
                // Sampled 90 s, 30 s before, none after.
                Some(900.0 / 90.0),
            ),
            (
                "a new series is extrapolated by half a distance only",
                vec![(-40, 1_000), (-10, 1_300)],
                // Sampled 30 s, before: 80 s is 1.1 x 30 or more, so 15 s; after: 10 s.
                Some(300.0 * (55.0 / 30.0) / 120.0),
            ),
            (
                "a gap of 1.1 distances is too long",
                vec![(-83, 1_000), (-53, 1_300), (-23, 1_600)],
                // Before: 37 s, so 15 s; after: 23 s.
                Some(600.0 * (98.0 / 60.0) / 120.0),
            ),
            (
                "a gap of less than 1.1 distances is filled",
                vec![(-88, 1_000), (-58, 1_300), (-28, 1_600)],
                // Before: 32 s; after: 28 s.
                Some(600.0 * (120.0 / 60.0) / 120.0),
            ),
            (
                "a counter is not extrapolated below zero",
                vec![(-90, 100), (-60, 400), (-30, 700)],
                // Before: 30 s, but zero was 60 x 100 / 600 = 10 s before; after: 30 s.
                Some(600.0 * (100.0 / 60.0) / 120.0),
            ),
            ("at rest", vec![(-50, 7), (-20, 7)], Some(0.0)),
            ("later readings do not count", vec![(-50, 7), (-20, 7), (10, 900)], Some(0.0)),
        ] {
            let readings =
                readings.iter().map(|&(at_s, count)| Reading { at: Time::from_secs(at_s), count });
            let got = rate(readings, Time::ZERO, Span::from_secs(120));
            match (got, expected) {
                (Some(got), Some(expected)) => {
                    assert!((got - expected).abs() < 1e-9, "{rule}: {got}, not {expected}");
                }
                (got, expected) => assert_eq!(got, expected, "{rule}"),
            }
        }
    }
}
