//! A change of Front Door's configuration: priorities and weights of origins, taking one out of
//! rotation or putting it back. It is what people do to fail over by hand.
//!
//! Follows azure-docs frontdoor/front-door-faq.yml: a change takes minutes until all edge
//! locations have it, and one that comes behind a running one waits for its end. Here all edge
//! locations take it at the end of that time, the worst case; which of them are earlier is not
//! published.

use crate::control::Cx;
use crate::control::front_door_health::configuration;
use crate::model::fact::{What, Why};
use crate::model::front_door::Origin;
use crate::model::ids::{ClusterId, OperationId};
use crate::model::reference::find;
use crate::model::world::World;
use crate::spec::{Code, Decoder, Diagnostic, Diagnostics, Name, section};
use crate::units::Span;

section! {
    /// Origins of Front Door get another priority or weight, or are disabled or enabled.
    pub struct FrontDoorChangeSpec {
        /// The origins that change.
        "origins" origins: Vec<OriginChangeSpec> = list 1..=64;
        /// From the acceptance of the change until all edge locations have it.
        "propagation" propagation: Span = default "20m",
            source "azure-docs front-door-faq.yml: up to 20 min; 45 min in an earlier revision",
            range "3m"..="45m";
    }
}

section! {
    /// What changes at one origin; what is left out stays as it is.
    pub struct OriginChangeSpec {
        /// The cluster.
        "cluster" cluster: Name = required;
        /// Its new priority.
        "priority" priority: Option<u8> = optional, range 1..=5;
        /// Its new weight.
        "weight" weight: Option<u16> = optional, range 1..=1000;
        /// Whether it may get traffic from then on.
        "enabled" enabled: Option<bool> = optional;
    }
    check OriginChangeSpec::check_change;
}

/// A change of some origins.
#[derive(Clone, Debug)]
pub struct FrontDoorChange {
    /// The origins that change.
    pub origins: Vec<OriginChange>,
    /// From the acceptance of the change until all edge locations have it.
    pub propagation: Span,
}

/// What changes at one origin.
#[derive(Clone, Copy, Debug)]
pub struct OriginChange {
    /// The origin.
    pub cluster: ClusterId,
    /// Its new priority, if that changes.
    pub priority: Option<u8>,
    /// Its new weight, if that changes.
    pub weight: Option<u16>,
    /// Whether it may get traffic, if that changes.
    pub enabled: Option<bool>,
}

impl OriginChangeSpec {
    fn check_change(&self, cx: &mut Decoder<'_>) {
        if self.priority.is_none() && self.weight.is_none() && self.enabled.is_none() {
            let place = self.cluster.place.clone();
            let wrong = Diagnostic::error(Code::Contradiction, place, "nothing changes here");
            cx.report(wrong.allowed("at least one of priority, weight, enabled"));
        }
    }
}

impl FrontDoorChangeSpec {
    pub(super) fn resolve(
        &self,
        world: &World,
        diagnostics: &mut Diagnostics,
    ) -> Option<FrontDoorChange> {
        let mut origins = Vec::new();
        for origin in self.origins.iter() {
            let clusters = world.clusters.iter().map(|cluster| cluster.name.as_str());
            let cluster = find("cluster", &origin.cluster, clusters, diagnostics)?;
            origins.push(OriginChange {
                cluster: ClusterId::new(cluster),
                priority: *origin.priority,
                weight: *origin.weight,
                enabled: *origin.enabled,
            });
        }
        Some(FrontDoorChange { origins, propagation: *self.propagation })
    }
}

impl OriginChange {
    /// The origin with the change.
    #[must_use]
    pub fn applied(&self, origin: &Origin) -> Origin {
        Origin {
            cluster: origin.cluster,
            enabled: self.enabled.unwrap_or(origin.enabled),
            priority: self.priority.unwrap_or(origin.priority),
            weight: self.weight.unwrap_or(origin.weight),
        }
    }
}

/// The change is asked for.
pub(super) fn start(cx: &mut Cx, id: OperationId, change: &FrontDoorChange) {
    configuration::ask(cx, id, change.propagation);
}

/// All edge locations have the change.
pub(super) fn step(cx: &mut Cx, id: OperationId, change: &FrontDoorChange) {
    let door = &cx.world.front_door;
    let changed: Vec<Origin> = change
        .origins
        .iter()
        .map(|change| change.applied(&door.origins[change.cluster.index()]))
        .collect();
    configuration::apply(cx, changed);
    cx.say(What::OperationDone { operation: id, why: Why("all edge locations have the change") });
    configuration::done(cx);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A change touches what it names and nothing else.
    #[test]
    fn a_change_keeps_what_it_does_not_name() {
        let cluster = ClusterId::new(0);
        let origin = Origin { cluster, enabled: true, priority: 2, weight: 50 };
        let nothing = OriginChange { cluster, priority: None, weight: None, enabled: None };
        let all = |origin: Origin| (origin.enabled, origin.priority, origin.weight);
        for (rule, change, expected) in [
            ("priority", OriginChange { priority: Some(1), ..nothing }, (true, 1, 50)),
            ("weight", OriginChange { weight: Some(7), ..nothing }, (true, 2, 7)),
            ("disabled", OriginChange { enabled: Some(false), ..nothing }, (false, 2, 50)),
        ] {
            assert_eq!(all(change.applied(&origin)), expected, "{rule}");
        }
    }
}
