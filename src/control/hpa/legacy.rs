//! Bounding a recommendation without `spec.behavior`.
//!
//! Follows `stabilizeRecommendation` and `convertDesiredReplicasWithRules` of horizontal.go.
//! There is no accounting per period: the doubling may repeat on every pass.

use crate::units::{Span, Time};

use super::history::{Recommendation, Recommendations};
use super::limit::{Bounds, Limit, Limited};

/// A pass may multiply the replicas by this much (`scaleUpLimitFactor`).
const SCALE_UP_FACTOR: i64 = 2;
/// A pass may always reach this many replicas (`scaleUpLimitMinimum`).
const SCALE_UP_MINIMUM: i64 = 4;

/// The highest of `desired` and all recommendations not older than `window`; `desired` is stored.
#[must_use]
pub fn stabilize(
    recommendations: &mut Recommendations,
    desired: i32,
    window: Span,
    now: Time,
) -> i32 {
    // A recommendation exactly as old as the window still counts.
    let is_old = |old: &Recommendation| window < now - old.at;
    let recent = recommendations.slots().iter().filter(|recent| !is_old(recent));
    let highest = recent.map(|recent| recent.replicas).fold(desired, i32::max);
    recommendations.store(Recommendation { at: now, replicas: desired }, is_old);
    highest
}

/// `desired` within the bounds and the scale-up limit.
#[must_use]
pub fn bound(current: i32, desired: i32, bounds: Bounds) -> Limited {
    let doubled = (SCALE_UP_FACTOR * i64::from(current)).max(SCALE_UP_MINIMUM);
    let step = i32::try_from(doubled).unwrap_or(i32::MAX);
    let (most, why) = if step < bounds.max {
        (step, Limit::ScaleUpLimit)
    } else {
        (bounds.max, Limit::TooManyReplicas)
    };
    if desired < bounds.min {
        Limited { replicas: bounds.min, limit: Limit::TooFewReplicas }
    } else if most < desired {
        Limited { replicas: most, limit: why }
    } else {
        Limited { replicas: desired, limit: Limit::DesiredWithinRange }
    }
}
