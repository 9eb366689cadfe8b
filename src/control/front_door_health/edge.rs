//! The shell around Front Door's rules: origins change, PoPs notice, traffic moves.
//!
//! Level-triggered: a change of an origin is told to every PoP's window, and the only timers are
//! those of the next change of mind. With `explicit_probing` every probe result has its timer
//! instead; both must give the same facts.

use crate::control::Cx;
use crate::model::cluster::OriginState;
use crate::model::event::Event;
use crate::model::fact::{ClusterSet, What, Why};
use crate::model::front_door::{FrontDoor, Origin, Pop, ProbeTarget};
use crate::model::ids::{ClusterId, PodId, PopId};
use crate::traffic::routing::{OriginMode, PopRoute};
use crate::units::{Span, Time};

use super::probing::OriginCondition;
use super::routing::{OriginView, pick_origins};

/// What a probe meets at a cluster's ingress now.
#[must_use]
pub fn condition(cx: &Cx, cluster: ClusterId) -> OriginCondition {
    let answers = |pod: &PodId| cx.world[*pod].container.answers();
    let serves = |cx: &Cx| {
        let mut deployments = cx.world[cluster].deployments.iter();
        deployments.all(|&d| cx.routing.endpoints[d.index()].iter().any(answers))
    };
    let gateway = &cx.world[cluster].gateway;
    let has_no_instance = gateway.as_ref().is_some_and(|gateway| gateway.instances == 0);
    match (cx.world[cluster].origin, cx.world.front_door.probe_target) {
        (OriginState::Hang, _) => OriginCondition::Hanging,
        (OriginState::Serving, _) if has_no_instance => OriginCondition::Refusing,
        (OriginState::Refused | OriginState::ServerError, _) => OriginCondition::Refusing,
        (OriginState::Serving, ProbeTarget::Workload) if !serves(cx) => OriginCondition::Refusing,
        (OriginState::Serving, _) => OriginCondition::Answering,
    }
}

/// The ingress of a cluster may answer differently from now on: requests see it at once, each
/// PoP when its probes tell it.
pub fn origin_changed(cx: &mut Cx, cluster: ClusterId) {
    cx.routing.origins[cluster.index()] = match cx.world[cluster].origin {
        OriginState::Serving => OriginMode::Serving,
        OriginState::Refused => OriginMode::Refused,
        OriginState::Hang => OriginMode::Hang,
        OriginState::ServerError => OriginMode::ServerError,
    };
    let met = condition(cx, cluster);
    if cx.memory.origin_conditions[cluster.index()] == met || !is_probed(cx) {
        return;
    }
    cx.memory.origin_conditions[cluster.index()] = met;
    for pop in (0..cx.world.front_door.pops.len()).map(PopId::new) {
        cx.memory.probed(pop, cluster).change(cx.now, met, no_draw);
        arm(cx, pop, cluster);
    }
}

/// Front Door does not probe the only enabled origin of a group.
fn is_probed(cx: &Cx) -> bool {
    cx.world.front_door.origins.iter().filter(|origin| origin.enabled).count() > 1
}

/// Arms the timers of all PoPs at the start of a run.
pub fn start(cx: &mut Cx) {
    for pop in (0..cx.world.front_door.pops.len()).map(PopId::new) {
        for cluster in (0..cx.world.clusters.len()).map(ClusterId::new) {
            cx.clock.register(Event::PopProbe(pop, cluster));
            arm(cx, pop, cluster);
        }
        reroute(cx, pop);
    }
}

fn arm(cx: &mut Cx, pop: PopId, cluster: ClusterId) {
    if !is_probed(cx) {
        return;
    }
    let probed = cx.memory.probed(pop, cluster);
    let next = if cx.settings.explicit_probing {
        Some(probed.next_result_at())
    } else {
        probed.next_change(Time::NEVER, no_draw).map(|change| change.at)
    };
    match next {
        Some(at) => cx.clock.arm(Event::PopProbe(pop, cluster), at),
        None => cx.clock.disarm(Event::PopProbe(pop, cluster)),
    }
}

/// A probe result of a PoP is known; if it tips the window, the PoP changes its mind.
pub fn result_due(cx: &mut Cx, pop: PopId, cluster: ClusterId) {
    let now = cx.now;
    let probed = cx.memory.probed(pop, cluster);
    probed.absorb(now, no_draw);
    let healthy = probed.healthy();
    arm(cx, pop, cluster);
    let known = &mut cx.world.front_door.pops[pop.index()].healthy[cluster.index()];
    if *known != healthy {
        *known = healthy;
        cx.say(What::OriginHealth { pop, cluster, healthy });
        reroute(cx, pop);
    }
}

/// The share of a PoP's traffic that a cluster gets while every origin is healthy.
#[must_use]
pub fn share_when_all_healthy(door: &FrontDoor, pop: &Pop, cluster: ClusterId) -> f64 {
    let all_healthy = vec![true; door.origins.len()];
    let weights = pick_origins(&views(door, pop, &all_healthy), door.latency_sensitivity).weights;
    let total: u32 = weights.iter().sum();
    let of = |origin: &Origin| origin.cluster == cluster;
    let mine = door.origins.iter().position(of).map_or(0, |index| weights[index]);
    if total == 0 { 0.0 } else { f64::from(mine) / f64::from(total) }
}

/// The origins as a PoP sees them.
fn views(door: &FrontDoor, pop: &Pop, healthy: &[bool]) -> Vec<OriginView> {
    let seen = door.origins.iter().zip(healthy).zip(&pop.origin_rtt);
    let view = |((origin, &healthy), &latency): ((&Origin, &bool), &Span)| OriginView {
        enabled: origin.enabled,
        healthy,
        priority: origin.priority,
        weight: u32::from(origin.weight),
        latency,
    };
    seen.map(view).collect()
}

/// A PoP decides again where it sends its requests.
fn reroute(cx: &mut Cx, pop: PopId) {
    let door = &cx.world.front_door;
    let edge = &door.pops[pop.index()];
    let choice = pick_origins(&views(door, edge, &edge.healthy), door.latency_sensitivity);
    let mut to = ClusterSet::default();
    for (origin, &weight) in door.origins.iter().zip(&choice.weights) {
        if weight > 0 {
            to.insert(origin.cluster);
        }
    }
    let weights: Vec<(ClusterId, u32)> =
        door.origins.iter().map(|origin| origin.cluster).zip(choice.weights).collect();
    cx.routing.pops[pop.index()] = PopRoute::weighted(&weights);
    if cx.memory.routes[pop.index()] != Some(to) {
        cx.memory.routes[pop.index()] = Some(to);
        cx.say(What::RouteChanged { pop, to, why: Why(choice.reason.name()) });
    }
}

/// Grey failures are not among the faults yet, so no probe draws.
fn no_draw(_probe: u64) -> u64 {
    unreachable!("only a flaky origin draws, and no fault makes one")
}
