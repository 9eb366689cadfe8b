//! Changes of Front Door's configuration: one at a time, each for minutes, none during a freeze.
//!
//! Follows azure-docs frontdoor/front-door-faq.yml: operations queue behind the running one, so
//! that two of them take twice as long. During a freeze (as on 29 October 2025, tracking id
//! YKYN-BWZ) nothing new is accepted; what was on its way arrives, which is assumed.

use std::collections::VecDeque;

use crate::control::Cx;
use crate::model::event::Event;
use crate::model::fact::{What, Why};
use crate::model::front_door::Origin;
use crate::model::ids::{ClusterId, OperationId, PopId};
use crate::model::region::Outages;
use crate::traffic::routing::PopRoute;
use crate::units::Span;

use super::edge;

/// What is on its way to the edge locations, and what waits.
#[derive(Clone, Debug, Default)]
pub struct Configuration {
    freezes: Outages,
    running: bool,
    /// In the order in which they were asked for, with their propagation.
    waiting: VecDeque<(OperationId, Span)>,
}

/// What a change that is asked for has to wait for; `None` if it is accepted at once.
#[must_use]
pub const fn obstacle(frozen: bool, running: bool) -> Option<&'static str> {
    match (frozen, running) {
        (true, _) => Some("configuration changes are blocked"),
        (false, true) => Some("another change is on its way"),
        (false, false) => None,
    }
}

/// A change is asked for; `OperationStep` tells when all edge locations have it.
pub fn ask(cx: &mut Cx, operation: OperationId, propagation: Span) {
    let state = &mut cx.memory.configuration;
    state.waiting.push_back((operation, propagation));
    if let Some(why) = obstacle(!state.freezes.is_up(), state.running) {
        cx.say(What::ConfigurationWaits { operation, why: Why(why) });
    }
    go_on(cx);
}

/// The change on its way has arrived: the next one goes.
pub fn done(cx: &mut Cx) {
    cx.memory.configuration.running = false;
    go_on(cx);
}

/// No change is accepted from now on.
pub fn freeze(cx: &mut Cx) {
    cx.memory.configuration.freezes.begin();
}

/// A freeze ends; what waits goes on if it was the last one.
pub fn thaw(cx: &mut Cx) {
    cx.memory.configuration.freezes.end();
    go_on(cx);
}

fn go_on(cx: &mut Cx) {
    let state = &mut cx.memory.configuration;
    if obstacle(!state.freezes.is_up(), state.running).is_some() {
        return;
    }
    let Some((operation, propagation)) = state.waiting.pop_front() else { return };
    state.running = true;
    let seconds = u32::try_from(propagation.nanos() / 1_000_000_000).unwrap_or(u32::MAX);
    cx.say(What::ConfigurationAccepted { operation, seconds });
    cx.clock.arm(Event::OperationStep(operation), cx.now + propagation);
}

/// All edge locations have `changed` origins from now on. Origins that are probed from now on
/// count as healthy until their probes say otherwise, which is assumed.
pub fn apply(cx: &mut Cx, changed: Vec<Origin>) {
    let clusters = (0..cx.world.clusters.len()).map(ClusterId::new);
    let probed_before: Vec<bool> =
        clusters.map(|cluster| cx.world.front_door.probes(cluster)).collect();
    for origin in changed {
        cx.say(What::OriginConfigured {
            cluster: origin.cluster,
            enabled: origin.enabled,
            priority: u32::from(origin.priority),
            weight: u32::from(origin.weight),
        });
        let index = origin.cluster.index();
        cx.world.front_door.origins[index] = origin;
    }
    for (index, was_probed) in probed_before.into_iter().enumerate() {
        let cluster = ClusterId::new(index);
        if cx.world.front_door.probes(cluster) != was_probed {
            edge::begin_or_end_probing(cx, cluster);
            show_probe_load(cx, cluster);
        }
    }
    for pop in (0..cx.world.front_door.pops.len()).map(PopId::new) {
        edge::reroute(cx, pop);
    }
}

/// The row of the routing table by which probes go to a cluster as a load.
#[must_use]
pub fn probe_row(n_pops: usize, cluster: ClusterId) -> PopId {
    PopId::new(n_pops + cluster.index())
}

/// Lets probes reach a cluster as a load, or no longer, if the scenario counts them.
pub fn show_probe_load(cx: &mut Cx, cluster: ClusterId) {
    let door = &cx.world.front_door;
    let row = probe_row(door.pops.len(), cluster);
    if let Some(route) = cx.routing.pops.get_mut(row.index()) {
        *route = if door.probes(cluster) { PopRoute::only(cluster) } else { PopRoute::NOWHERE };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A change waits behind a freeze and behind another change; the freeze is named first.
    #[test]
    fn changes_wait() {
        for (rule, frozen, running, expected) in [
            ("accepted at once", false, false, None),
            ("queues behind a running one", false, true, Some("another change is on its way")),
            ("blocked", true, false, Some("configuration changes are blocked")),
            ("blocked, also behind one", true, true, Some("configuration changes are blocked")),
        ] {
            assert_eq!(obstacle(frozen, running), expected, "{rule}");
        }
    }
}
