//! Bounding a recommendation by `spec.behavior`: stabilisation windows, then rate policies.
//!
//! Follows `stabilizeRecommendationWithBehaviors` and `convertDesiredReplicasWithBehaviorRate`
//! of horizontal.go, and the defaults of pkg/apis/autoscaling/v2/defaults.go. Comparisons with a
//! window or period are strict: at equal age a recommendation or change no longer counts.

use crate::units::{Span, Time};

use super::history::{History, Recommendation, Recommendations};
use super::limit::{Bounds, Limit, Limited};

/// `spec.behavior` with all defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behavior {
    /// Rules for adding replicas.
    pub scale_up: ScalingRules,
    /// Rules for taking replicas away.
    pub scale_down: ScalingRules,
}

/// The rules of one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScalingRules {
    /// Which policy decides.
    pub select: SelectPolicy,
    /// `stabilizationWindowSeconds`.
    pub stabilization_window: Span,
    /// What each policy allows.
    pub policies: Vec<Policy>,
}

/// The rules of one direction as a user writes them; absent fields take their defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RulesDraft {
    /// `selectPolicy`.
    pub select: Option<SelectPolicy>,
    /// `stabilizationWindowSeconds`.
    pub stabilization_window: Option<Span>,
    /// `policies`; a list replaces the default list as a whole.
    pub policies: Option<Vec<Policy>>,
}

/// Which of several policies decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelectPolicy {
    /// The one that allows the greatest change.
    Max,
    /// The one that allows the least change.
    Min,
    /// None: the direction is switched off.
    Disabled,
}

/// How much the replicas may change within a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The greatest change.
    pub change: Change,
    /// `periodSeconds`.
    pub period: Span,
}

/// A change of the replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// By this many pods.
    Pods(i32),
    /// By this share of the replicas at the start of the period \[%\].
    Percent(i32),
}

const PERIOD_DEFAULT: Span = Span::from_secs(15);

impl Behavior {
    /// Fills in the defaults (v2/defaults.go); `downscale_stabilization` is the controller's own
    /// window (300 s unless configured), which an unset window on scale-down falls back to.
    #[must_use]
    pub fn from_drafts(up: RulesDraft, down: RulesDraft, downscale_stabilization: Span) -> Self {
        let every_15_s = |change| Policy { change, period: PERIOD_DEFAULT };
        let up_default = || vec![every_15_s(Change::Pods(4)), every_15_s(Change::Percent(100))];
        let down_default = || vec![every_15_s(Change::Percent(100))];
        Self {
            scale_up: ScalingRules {
                select: up.select.unwrap_or(SelectPolicy::Max),
                stabilization_window: up.stabilization_window.unwrap_or(Span::ZERO),
                policies: up.policies.unwrap_or_else(up_default),
            },
            scale_down: ScalingRules {
                select: down.select.unwrap_or(SelectPolicy::Max),
                stabilization_window: down.stabilization_window.unwrap_or(downscale_stabilization),
                policies: down.policies.unwrap_or_else(down_default),
            },
        }
    }
}

impl ScalingRules {
    /// The longest period of any policy; older changes are of no interest.
    fn longest_period(&self) -> Span {
        self.policies.iter().map(|policy| policy.period).max().unwrap_or(Span::ZERO)
    }
}

/// The two stabilisation windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Window for adding replicas.
    pub up: Span,
    /// Window for taking replicas away.
    pub down: Span,
}

/// Moves from `current` only as far as all recommendations of the windows agree.
///
/// The unstabilised `desired` is stored.
#[must_use]
pub fn stabilize(
    recommendations: &mut Recommendations,
    current: i32,
    desired: i32,
    windows: Windows,
    now: Time,
) -> i32 {
    let within = |window: Span| {
        let slots = recommendations.slots().iter();
        slots.filter(move |old| now - old.at < window).map(|old| old.replicas)
    };
    let least = within(windows.up).fold(desired, i32::min);
    let most = within(windows.down).fold(desired, i32::max);
    let stabilized = current.max(least).min(most);
    let is_old = |old: &Recommendation| windows.up < now - old.at && windows.down < now - old.at;
    recommendations.store(Recommendation { at: now, replicas: desired }, is_old);
    stabilized
}

/// `desired` within the bounds and what the policies allow since recent changes.
#[must_use]
pub fn bound_rate(
    behavior: &Behavior,
    history: &History,
    current: i32,
    desired: i32,
    bounds: Bounds,
    now: Time,
) -> Limited {
    let limited = |replicas, limit| Limited { replicas, limit };
    if current < desired {
        let step = scale_up_limit(&behavior.scale_up, history, current, now).max(current);
        let (most, why) = if step < bounds.max {
            (step, Limit::ScaleUpLimit)
        } else {
            (bounds.max, Limit::TooManyReplicas)
        };
        if most < desired {
            return limited(most, why);
        }
    } else if desired < current {
        let step = scale_down_limit(&behavior.scale_down, history, current, now).min(current);
        let (least, why) = if bounds.min < step {
            (step, Limit::ScaleDownLimit)
        } else {
            (bounds.min, Limit::TooFewReplicas)
        };
        if desired < least {
            return limited(least, why);
        }
    }
    limited(desired, Limit::DesiredWithinRange)
}

/// The most replicas that the policies for adding allow now.
#[must_use]
pub fn scale_up_limit(rules: &ScalingRules, history: &History, current: i32, now: Time) -> i32 {
    let allowed = rules.policies.iter().map(|policy| {
        let start = period_start(history, current, policy.period, now);
        match policy.change {
            Change::Pods(pods) => start.saturating_add(pods),
            // Rounded up: a small share of few replicas must still add one.
            Change::Percent(percent) => {
                (f64::from(start) * (1.0 + f64::from(percent) / 100.0)).ceil() as i32
            }
        }
    });
    match rules.select {
        SelectPolicy::Max => allowed.max().unwrap_or(i32::MIN),
        SelectPolicy::Min => allowed.min().unwrap_or(i32::MAX),
        SelectPolicy::Disabled => current,
    }
}

/// The fewest replicas that the policies for taking away allow now.
#[must_use]
pub fn scale_down_limit(rules: &ScalingRules, history: &History, current: i32, now: Time) -> i32 {
    let allowed = rules.policies.iter().map(|policy| {
        let start = period_start(history, current, policy.period, now);
        match policy.change {
            Change::Pods(pods) => start.saturating_sub(pods),
            Change::Percent(percent) => {
                (f64::from(start) * (1.0 - f64::from(percent) / 100.0)) as i32
            }
        }
    });
    match rules.select {
        SelectPolicy::Max => allowed.min().unwrap_or(i32::MAX),
        SelectPolicy::Min => allowed.max().unwrap_or(i32::MIN),
        SelectPolicy::Disabled => current,
    }
}

/// Replicas at the start of a policy's period.
fn period_start(history: &History, current: i32, period: Span, now: Time) -> i32 {
    let added = history.up_events.change_within(period, now);
    let removed = history.down_events.change_within(period, now);
    current.saturating_sub(added).saturating_add(removed)
}

/// Remembers a change of the replicas, so that the policies can count it.
pub fn store_event(behavior: &Behavior, history: &mut History, from: i32, to: i32, now: Time) {
    if from < to {
        history.up_events.store(to - from, behavior.scale_up.longest_period(), now);
    } else if to < from {
        history.down_events.store(from - to, behavior.scale_down.longest_period(), now);
    }
}
