//! How far the queues of pods lie apart while loads change.
//!
//! The curve of a station knows the spread of queue lengths in each steady state. A spread takes
//! time: pods that were alike when a load came draw apart only by the chance of what arrives and
//! leaves since, whose variance grows by the variability of arrivals and services. Until it is as
//! wide as in the steady state with as many requests, fewer workers idle beside queues, fewer
//! arrivals find a full queue, and waits differ less.
//!
//! What a narrower spread changes is taken from the normal law, as Massey and Pender close the
//! equations of queues whose rates change (Queueing Systems 75, 2013), relative to the same law
//! at the steady spread: so steady states stay what the curve says.

use crate::sim::maths;

use super::curve::{State, Station};

/// What is left of effects that need queues to lie apart, as shares of those of the steady state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Narrowing {
    /// Of workers that idle.
    pub(super) idle: f64,
    /// Of arrivals that find no place.
    pub(super) refused: f64,
}

impl Narrowing {
    /// A steady state: all of it.
    pub(super) const NONE: Self = Self { idle: 1.0, refused: 1.0 };

    /// With `variance` instead of that of the steady state.
    pub(super) fn of(station: &Station, state: &State, variance: f64) -> Self {
        if state.queue_variance <= variance {
            return Self::NONE;
        }
        let (narrow, wide) = (variance.sqrt(), state.queue_variance.sqrt());
        let ratio = |gap: f64| {
            let all = beyond(gap, wide);
            if all <= 0.0 { 0.0 } else { (beyond(gap, narrow) / all).min(1.0) }
        };
        let queue = state.present - station.servers;
        Self { idle: ratio(queue), refused: ratio(station.bound() - queue) }
    }

    /// A state of the curve with this spread.
    pub(super) fn narrowed(self, station: &Station, state: &State, variance: f64) -> State {
        if self == Self::NONE {
            return *state;
        }
        let all_busy = maths::normal_cdf((state.present - station.servers) / variance.sqrt());
        let waiting = state.waiting.max(all_busy);
        // The mean over all stays, by Little's law.
        let wait = state.waiting * state.wait / waiting.max(f64::MIN_POSITIVE);
        let ahead = wait * station.servers;
        let squares = variance + station.variability * (ahead + 1.0);
        let wait_variance = squares / (station.servers * station.servers);
        State {
            busy: station.servers - self.idle * (station.servers - state.busy),
            refused: self.refused * state.refused,
            waiting,
            wait,
            wait_variance: wait_variance.min(state.wait_variance),
            ..*state
        }
    }
}

/// The mean by which a normal deviate exceeds `gap`.
fn beyond(gap: f64, deviation: f64) -> f64 {
    if deviation <= 0.0 {
        return (-gap).max(0.0);
    }
    let z = gap / deviation;
    let density = maths::exp(-0.5 * z * z) / (2.0 * std::f64::consts::PI).sqrt();
    (deviation * (density - z * maths::normal_cdf(-z))).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traffic::flow::curve::Curve;

    const STATION: Station = Station {
        servers: 8.0,
        places: 100.0,
        patience: f64::INFINITY,
        variability: 1.0,
        peakedness: 1.0,
        overloaded: 1.0,
    };

    /// The mean excess of a normal deviate: half the mean deviation at its middle, nothing far
    /// above it, the gap itself far below it, and what exceeds where nothing varies.
    #[test]
    fn excess_of_normal_deviates() {
        for (gap, deviation, expected) in [
            (0.0, 1.0, 0.398_942_280_4),
            (0.0, 5.0, 1.994_711_402),
            (1.0, 1.0, 0.083_315_470_6),
            (-1.0, 1.0, 1.083_315_470_6),
            (50.0, 1.0, 0.0),
            (-50.0, 1.0, 50.0),
            (-3.0, 0.0, 3.0),
            (3.0, 0.0, 0.0),
        ] {
            let found = beyond(gap, deviation);
            assert!((found - expected).abs() < 1e-9, "{gap} {deviation}: {found}");
        }
    }

    /// With the spread of the steady state, nothing changes. With none, pods with a queue all
    /// work and none of them refuses.
    #[test]
    fn a_narrow_spread_idles_and_refuses_less() {
        let curve = Curve::new(&STATION);
        for present in [5.0, 20.0, 50.0, 90.0] {
            let state = curve.with(present);
            let steady = Narrowing::of(&STATION, &state, state.queue_variance);
            assert_eq!(steady, Narrowing::NONE);
            assert_eq!(steady.narrowed(&STATION, &state, state.queue_variance), state);
            let mut before = Narrowing::NONE;
            for part in [0.9, 0.5, 0.1, 0.01] {
                let variance = part * state.queue_variance;
                let narrowing = Narrowing::of(&STATION, &state, variance);
                assert!(narrowing.idle <= before.idle, "{present} {part}: {narrowing:?}");
                assert!(narrowing.refused <= before.refused, "{present} {part}: {narrowing:?}");
                let narrowed = narrowing.narrowed(&STATION, &state, variance);
                assert!(state.busy <= narrowed.busy && narrowed.busy <= 8.0, "{narrowed:?}");
                assert!(narrowed.wait_variance <= state.wait_variance, "{narrowed:?}");
                let [mean, steady] = [&narrowed, &state].map(|s| s.waiting * s.wait);
                assert!((mean - steady).abs() < 1e-9 * (1.0 + steady), "waits stay in the mean");
                before = narrowing;
            }
        }
        let full = curve.with(50.0);
        let narrow = Narrowing::of(&STATION, &full, 1e-6);
        assert!(narrow.idle < 1e-12 && narrow.refused < 1e-12, "{narrow:?}");
    }
}
