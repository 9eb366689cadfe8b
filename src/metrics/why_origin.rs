//! Why an edge location sends its users where it does, at any instant of a run.
//!
//! A fold over the facts of the run: what the edge location thought of each origin, how origins
//! were configured, and the same decision as in the run, with the step that left each origin out.

use crate::units::Time;

use crate::model::fact::{Fact, What};
use crate::model::front_door::FrontDoor;
use crate::model::ids::{ClusterId, PopId};

use crate::control::front_door_health::edge::views;
use crate::control::front_door_health::{ChoiceReason, OriginView, pick_origins};

/// The decision of one edge location at one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct WhyOrigin {
    /// The edge location.
    pub pop: PopId,
    /// The instant; what happens at it has happened.
    pub at: Time,
    /// Since when it has sent its users there, if that changed after the warm-up began.
    pub since: Option<Time>,
    /// Which step decided; `None` if the edge location is lost.
    pub reason: Option<ChoiceReason>,
    /// The origins, in the order of the clusters.
    pub origins: Vec<OriginStanding>,
}

/// What an edge location knows of an origin, and what follows.
#[derive(Clone, Debug, PartialEq)]
pub struct OriginStanding {
    /// The origin.
    pub cluster: ClusterId,
    /// What the edge location sees.
    pub view: OriginView,
    /// Since when it has thought so of the origin's health, if that changed.
    pub since: Option<Time>,
    /// Share of its users that the origin gets; 0 to 1.
    pub share: f64,
    /// The step of the decision that left it out, or none.
    pub left_out: Option<LeftOut>,
}

/// The step at which an origin drops out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// The edge location itself is lost.
    EdgeLost,
    /// It is disabled.
    Disabled,
    /// The probes of the edge location failed.
    Unhealthy,
    /// An origin with a lower number is there.
    Priority,
    /// It is too far from the fastest one.
    Latency,
}

/// Explains where `pop` sends its users at `at`: `door` is Front Door as the scenario has it,
/// `facts` are those of the run.
#[must_use]
pub fn why_origin(door: &FrontDoor, facts: &[Fact], pop: PopId, at: Time) -> WhyOrigin {
    let mut door = door.clone();
    let starts_healthy = door.probe_status == 200;
    let mut healthy = vec![starts_healthy; door.origins.len()];
    let mut changed = vec![None; door.origins.len()];
    let (mut since, mut is_lost) = (None, false);
    for fact in facts.iter().take_while(|fact| fact.at <= at) {
        match fact.what {
            What::OriginHealth { pop: of, cluster, healthy: now } if of == pop => {
                healthy[cluster.index()] = now;
                changed[cluster.index()] = Some(fact.at);
            }
            What::OriginConfigured { cluster, enabled, priority, weight } => {
                let origin = &mut door.origins[cluster.index()];
                origin.enabled = enabled;
                origin.priority = u8::try_from(priority).expect("a priority is 1 to 5");
                origin.weight = u16::try_from(weight).expect("a weight is 1 to 1000");
            }
            What::EdgeLost { pop: of, lost } if of == pop => is_lost = lost,
            What::RouteChanged { pop: of, .. } if of == pop => since = Some(fact.at),
            _ => {}
        }
    }
    let seen = views(&door, &door.pops[pop.index()], &healthy);
    let choice = pick_origins(&seen, door.latency_sensitivity);
    let total: u32 = choice.weights.iter().sum();
    let standing = |(index, view): (usize, &OriginView)| {
        let weight = if is_lost { 0 } else { choice.weights[index] };
        OriginStanding {
            cluster: door.origins[index].cluster,
            view: *view,
            since: changed[index],
            share: if weight == 0 { 0.0 } else { f64::from(weight) / f64::from(total) },
            left_out: (weight == 0)
                .then(|| if is_lost { LeftOut::EdgeLost } else { left_out(view, choice.reason) }),
        }
    };
    let origins = seen.iter().enumerate().map(standing).collect();
    let reason = (!is_lost).then_some(choice.reason);
    WhyOrigin { pop, at, since, reason, origins }
}

/// The step that left out an origin that gets nothing.
#[must_use]
pub const fn left_out(view: &OriginView, reason: ChoiceReason) -> LeftOut {
    let first = match reason {
        ChoiceReason::Priority { priority }
        | ChoiceReason::Fastest { priority }
        | ChoiceReason::Weights { priority, .. } => priority,
        _ => view.priority,
    };
    if !view.enabled {
        LeftOut::Disabled
    } else if !view.healthy {
        LeftOut::Unhealthy
    } else if first < view.priority {
        LeftOut::Priority
    } else {
        LeftOut::Latency
    }
}

#[cfg(test)]
mod tests {
    use crate::metrics::example::{health, log, route, world};
    use crate::units::Span;

    use super::*;

    /// Each origin drops out at the first step that it fails, one row per step.
    #[test]
    fn the_first_step_that_fails_counts() {
        let view = OriginView {
            enabled: true,
            healthy: true,
            priority: 1,
            weight: 50,
            latency: Span::from_millis(20),
        };
        let first = ChoiceReason::Fastest { priority: 1 };
        for (view, expected) in [
            (OriginView { enabled: false, healthy: false, priority: 2, ..view }, LeftOut::Disabled),
            (OriginView { healthy: false, priority: 2, ..view }, LeftOut::Unhealthy),
            (OriginView { priority: 2, ..view }, LeftOut::Priority),
            (view, LeftOut::Latency),
        ] {
            assert_eq!(left_out(&view, first), expected);
        }
    }

    /// The fold stops at the instant that is asked for, and looks at one edge location only.
    #[test]
    fn the_decision_at_an_instant() {
        let facts = log(&[
            (200, health(0, 0, false)),
            (200, route(0, &[1])),
            (230, health(1, 0, false)),
            (400, health(0, 0, true)),
            (400, route(0, &[0])),
        ]);
        let door = &world().front_door;
        let at = |at_s| why_origin(door, facts.facts(), PopId::new(0), Time::from_secs(at_s));
        let shares = |why: &WhyOrigin| why.origins.iter().map(|o| o.share).collect::<Vec<_>>();
        assert_eq!(shares(&at(199)), [1.0, 0.0]);
        let during = at(200);
        assert_eq!(shares(&during), [0.0, 1.0]);
        assert_eq!(during.origins[0].left_out, Some(LeftOut::Unhealthy));
        assert_eq!(during.reason, Some(ChoiceReason::Priority { priority: 2 }));
        assert_eq!(during.since, Some(Time::from_secs(200)));
        let after = at(400);
        assert_eq!(shares(&after), [1.0, 0.0]);
        assert_eq!(after.origins[1].left_out, Some(LeftOut::Priority));
    }
}
