//! When users send their first attempt: one draw per user, in order, independent of routing.

use crate::sim::exponential::exponential;
use crate::sim::rates::{RateCursor, RateCurve};
use crate::sim::streams::Stream;

use super::plan::Arrivals;

/// The source of first sends of one demand. Closed loops have none here: an outcome makes their
/// next send.
#[derive(Clone, Debug)]
pub(super) enum Source {
    Poisson { curve: RateCurve, stream: Stream },
    Replay { instants_s: Vec<f64> },
    Outcomes,
}

/// How far a source has been read; a copy of it is a place to return to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    cursor: RateCursor,
    /// Number of the user who sends next, from 0.
    pub(super) ordinal: u64,
    /// When that is [s]; infinity if nobody comes.
    pub(super) next_s: f64,
}

impl Source {
    /// The source of `arrivals`, and the place of its first user at or after `start_s`.
    pub(super) fn new(arrivals: &Arrivals, stream: Stream, start_s: f64) -> (Self, Place) {
        let source = match arrivals {
            Arrivals::Poisson { curve } => Self::Poisson { curve: curve.clone(), stream },
            Arrivals::Replay { instants } => {
                let instants_s: Vec<f64> = instants.iter().map(|t| t.as_secs_f64()).collect();
                assert!(instants_s.is_sorted(), "replayed instants are in order");
                assert!(instants_s.first().is_none_or(|first| start_s <= *first));
                Self::Replay { instants_s }
            }
            Arrivals::ClosedLoop { .. } => Self::Outcomes,
        };
        let curve = match arrivals {
            Arrivals::Poisson { curve } => curve.clone(),
            _ => RateCurve::constant(start_s, 0.0),
        };
        let cursor = RateCursor::new(&curve, start_s);
        let mut place = Place { cursor, ordinal: 0, next_s: f64::INFINITY };
        place.next_s = source.time_of(&mut place);
        (source, place)
    }

    /// Tells `send` time and ordinal of every user before `end_s`, and moves `place` past them.
    #[inline]
    pub(super) fn send_before(
        &self,
        place: &mut Place,
        end_s: f64,
        mut send: impl FnMut(f64, u64),
    ) {
        match self {
            Self::Poisson { curve, stream } => {
                let Place { mut cursor, mut ordinal, mut next_s } = *place;
                while next_s < end_s {
                    send(next_s, ordinal);
                    ordinal += 1;
                    next_s = next_of_poisson(curve, stream, &mut cursor, ordinal);
                }
                *place = Place { cursor, ordinal, next_s };
            }
            Self::Replay { .. } | Self::Outcomes => {
                while place.next_s < end_s {
                    send(place.next_s, place.ordinal);
                    self.step(place);
                }
            }
        }
    }

    /// Moves `place` on to the next user.
    #[inline]
    pub(super) fn step(&self, place: &mut Place) {
        place.ordinal += 1;
        place.next_s = self.time_of(place);
    }

    #[inline]
    fn time_of(&self, place: &mut Place) -> f64 {
        match self {
            Self::Poisson { curve, stream } => {
                next_of_poisson(curve, stream, &mut place.cursor, place.ordinal)
            }
            Self::Replay { instants_s } => {
                instants_s.get(place.ordinal as usize).copied().unwrap_or(f64::INFINITY)
            }
            Self::Outcomes => f64::INFINITY,
        }
    }

    /// The highest number of first sends a second that is expected.
    pub(super) fn peak_rate(&self) -> f64 {
        match self {
            Self::Poisson { curve, .. } => curve.peak(),
            Self::Replay { instants_s } => instants_s.len() as f64,
            Self::Outcomes => 0.0,
        }
    }
}

/// When user `ordinal` sends [s]: one exponential draw after the user before.
#[inline]
fn next_of_poisson(
    curve: &RateCurve,
    stream: &Stream,
    cursor: &mut RateCursor,
    ordinal: u64,
) -> f64 {
    let mass = exponential(stream.at(ordinal << 4));
    cursor.advance(curve, mass).unwrap_or(f64::INFINITY)
}
