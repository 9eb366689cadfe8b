//! The shell around Front Door's rules: origins change, PoPs notice, traffic moves.
//!
//! Level-triggered: a change of an origin is told to every PoP's window, and the only timers are
//! those of the next change of mind. With `explicit_probing` every probe result has its timer
//! instead; both must give the same facts.

use crate::control::dependencies::class_fails;
use crate::control::network::backends;
use crate::control::{Chance, Cx, traffic_manager};
use crate::model::cluster::{Grey, OriginState};
use crate::model::event::Event;
use crate::model::fact::{ClusterSet, What, Why};
use crate::model::front_door::{FrontDoor, Origin, Pop, ProbeTarget};
use crate::model::ids::{ClusterId, DeploymentId, PodId, PopId};
use crate::model::world::World;
use crate::traffic::routing::{GreyShare, OriginMode, PopRoute};
use crate::units::{Span, Time};

use super::affinity;
use super::anycast;
use super::configuration;
use super::probing::{OriginCondition, ProbeGrid, ProbeTiming, ProbedOrigin};
use super::routing::{ChoiceReason, OriginView, pick_origins};
use super::sample_window::SampleWindow;

/// The only status that counts as success (frontdoor/health-probes.md).
const OK: u16 = 200;

/// As many draws there are.
const TWO_TO_64: f64 = 18_446_744_073_709_551_616.0;

/// What a probe meets at a cluster's ingress now.
#[must_use]
pub fn condition(cx: &Cx, cluster: ClusterId) -> OriginCondition {
    let answers = |pod: &PodId| cx.world[*pod].container.answers();
    // A probe of the dependencies meets the workloads that others call, too.
    let deep = cx.world.front_door.probe_target == ProbeTarget::Dependencies;
    let is_met = |d: DeploymentId| deep || !cx.world[cx.world[d].workload].internal;
    let serves = |cx: &Cx| {
        let mut deployments = cx.world[cluster].deployments.iter().filter(|d| is_met(**d));
        deployments.all(|&d| cx.routing.endpoints[d.index()].iter().any(answers))
    };
    let gateway = &cx.world[cluster].gateway;
    let has_no_instance = gateway.as_ref().is_some_and(|gateway| gateway.instances == 0);
    match (cx.world[cluster].origin, cx.world.front_door.probe_target) {
        (OriginState::Hang, _) => OriginCondition::Hanging,
        (OriginState::Serving, _) if has_no_instance || backends::has_none(cx, cluster) => {
            OriginCondition::Refusing
        }
        (OriginState::Refused | OriginState::ServerError, _) => OriginCondition::Refusing,
        (OriginState::Serving, ProbeTarget::Workload | ProbeTarget::Dependencies)
            if !serves(cx) =>
        {
            OriginCondition::Refusing
        }
        (OriginState::Serving, ProbeTarget::Dependencies) if lacks_dependency(cx, cluster) => {
            OriginCondition::Refusing
        }
        // 200 OK is the only success: a redirection fails like an error.
        (OriginState::Serving, _) if cx.world.front_door.probe_status != OK => {
            OriginCondition::Refusing
        }
        (OriginState::Serving, _) => in_part(cx.world[cluster].grey()),
    }
}

/// What a probe meets at an ingress that fails in part, if it does.
fn in_part(grey: Option<Grey>) -> OriginCondition {
    let Some(Grey { probes, hangs, .. }) = grey else { return OriginCondition::Answering };
    match probes.get() {
        share if share <= 0.0 => OriginCondition::Answering,
        share if share < 1.0 => {
            // The share in units of 2^-64.
            OriginCondition::Flaky { failing: (share * TWO_TO_64) as u64, hangs }
        }
        _ if hangs => OriginCondition::Hanging,
        _ => OriginCondition::Refusing,
    }
}

/// Whether requests of some workload of the cluster fail for what they depend on.
fn lacks_dependency(cx: &Cx, cluster: ClusterId) -> bool {
    cx.world[cluster].deployments.iter().any(|&deployment| {
        let (reads, writes) = class_fails(cx, deployment);
        reads || writes
    })
}

/// A dependency has changed: probes that go so deep may meet something else at any origin.
pub fn dependency_changed(cx: &mut Cx) {
    if cx.world.front_door.probe_target == ProbeTarget::Dependencies {
        for cluster in (0..cx.world.clusters.len()).map(ClusterId::new) {
            origin_changed(cx, cluster);
        }
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
    let grey = cx.world[cluster].grey();
    if grey.is_some() || !cx.routing.grey.is_empty() {
        cx.routing.grey.resize(cx.world.clusters.len(), GreyShare::NONE);
        cx.routing.grey[cluster.index()] =
            grey.map_or(GreyShare::NONE, |grey| GreyShare::new(grey.requests, grey.hangs));
    }
    let met = condition(cx, cluster);
    if cx.memory.origin_conditions[cluster.index()] == met {
        return;
    }
    cx.memory.origin_conditions[cluster.index()] = met;
    traffic_manager::look(cx);
    if !cx.world.front_door.probes(cluster) {
        return;
    }
    for pop in (0..cx.world.front_door.pops.len()).map(PopId::new) {
        let draw = draws(cx, pop, cluster);
        cx.memory.probed(pop, cluster).change(cx.now, met, draw);
        arm(cx, pop, cluster);
    }
}

/// The probes of a PoP at an origin that has long been in the condition `met`, with the verdict
/// `healthy`, at the instant `now`.
#[must_use]
pub fn probes_of(
    world: &World,
    chance: Chance,
    (pop, cluster): (PopId, ClusterId),
    (met, healthy): (OriginCondition, bool),
    now: Time,
) -> ProbedOrigin {
    let door = &world.front_door;
    let edge = &door.pops[pop.index()];
    let window = SampleWindow::filled(door.sample_size, door.successes_required, healthy);
    let entity = format!("pop-{}/{}", pop.index(), world[cluster].name);
    let draw = chance.draw("probe-phase", &entity, 0);
    let grid = ProbeGrid::staggered(door.probe_interval_of(edge), draw);
    let answer = edge.origin_rtt[cluster.index()];
    let timing = ProbeTiming { answer, timeout: door.probe_timeout };
    ProbedOrigin::new(grid, timing, window, met, now)
}

/// An origin is probed from now on, or no longer.
pub(super) fn begin_or_end_probing(cx: &mut Cx, cluster: ClusterId) {
    let met = condition(cx, cluster);
    cx.memory.origin_conditions[cluster.index()] = met;
    for pop in (0..cx.world.front_door.pops.len()).map(PopId::new) {
        if cx.world.front_door.probes(cluster) {
            let fresh = probes_of(&cx.world, cx.chance, (pop, cluster), (met, true), cx.now);
            *cx.memory.probed(pop, cluster) = fresh;
            let known = &mut cx.world.front_door.pops[pop.index()].healthy[cluster.index()];
            if !std::mem::replace(known, true) {
                cx.say(What::OriginHealth { pop, cluster, healthy: true });
            }
            arm(cx, pop, cluster);
        } else {
            cx.clock.disarm(Event::PopProbe(pop, cluster));
        }
    }
}

/// Arms the timers of all PoPs at the start of a run.
pub fn start(cx: &mut Cx) {
    if cx.world.front_door.probe_status != OK {
        begin_unhealthy(cx);
    }
    for cluster in (0..cx.world.clusters.len()).map(ClusterId::new) {
        configuration::show_probe_load(cx, cluster);
    }
    for pop in (0..cx.world.front_door.pops.len()).map(PopId::new) {
        for cluster in (0..cx.world.clusters.len()).map(ClusterId::new) {
            cx.clock.register(Event::PopProbe(pop, cluster));
            arm(cx, pop, cluster);
        }
        reroute(cx, pop);
    }
}

/// A probe path that never answers 200 has long turned all origins unhealthy.
fn begin_unhealthy(cx: &mut Cx) {
    for cluster in (0..cx.world.clusters.len()).map(ClusterId::new) {
        let met = OriginCondition::Refusing;
        cx.memory.origin_conditions[cluster.index()] = met;
        for pop in (0..cx.world.front_door.pops.len()).map(PopId::new) {
            let failing = probes_of(&cx.world, cx.chance, (pop, cluster), (met, false), cx.now);
            cx.world.front_door.pops[pop.index()].healthy[cluster.index()] = failing.healthy();
            *cx.memory.probed(pop, cluster) = failing;
        }
    }
}

fn arm(cx: &mut Cx, pop: PopId, cluster: ClusterId) {
    if !cx.world.front_door.probes(cluster) {
        return;
    }
    let draw = draws(cx, pop, cluster);
    let explicit = cx.settings.explicit_probing;
    match cx.memory.probed(pop, cluster).next_timer(cx.now, explicit, draw) {
        Some(at) => cx.clock.arm(Event::PopProbe(pop, cluster), at),
        None => cx.clock.disarm(Event::PopProbe(pop, cluster)),
    }
}

/// A probe result of a PoP is known; if it tips the window, the PoP changes its mind.
pub fn result_due(cx: &mut Cx, pop: PopId, cluster: ClusterId) {
    let now = cx.now;
    let draw = draws(cx, pop, cluster);
    let probed = cx.memory.probed(pop, cluster);
    probed.absorb(now, draw);
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

/// The origins as a PoP sees them, with its verdicts `healthy`.
#[must_use]
pub fn views(door: &FrontDoor, pop: &Pop, healthy: &[bool]) -> Vec<OriginView> {
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

/// It is decided again where the requests of a PoP's users go, and of those that it stands in for.
pub fn reroute(cx: &mut Cx, pop: PopId) {
    decide(cx, pop);
    for lost in anycast::taken_by(cx, pop) {
        decide(cx, lost);
    }
}

/// The requests of a PoP's users go where the PoP sends them at which they enter.
fn decide(cx: &mut Cx, pop: PopId) {
    let Some(entry) = anycast::entry(cx, pop) else {
        return route(cx, pop, &[], Why("the edge location is lost"));
    };
    let door = &cx.world.front_door;
    let edge = &door.pops[entry.index()];
    let choice = pick_origins(&views(door, edge, &edge.healthy), door.latency_sensitivity);
    let all_in_use =
        matches!(choice.reason, ChoiceReason::FailOpen { .. } | ChoiceReason::OnlyOrigin);
    let seen = door.origins.iter().zip(&edge.healthy);
    let usable: Vec<bool> =
        seen.map(|(origin, &healthy)| origin.enabled && (healthy || all_in_use)).collect();
    let clusters = door.origins.iter().map(|origin| origin.cluster);
    let weights = clusters.zip(choice.weights).collect();
    let weights = affinity::with_sessions(cx, pop, weights, &usable);
    let why = if entry == pop { choice.reason.name() } else { "users enter at another one" };
    route(cx, pop, &weights, Why(why));
}

/// Users of a PoP go by these weights, or as Traffic Manager in front of it mixes them.
fn route(cx: &mut Cx, pop: PopId, weights: &[(ClusterId, u32)], why: Why) {
    let mut to = ClusterSet::default();
    if let Some((route, mixed)) = traffic_manager::answers::route(cx, pop, weights) {
        cx.routing.pops[pop.index()] = route;
        to = mixed;
    } else {
        cx.routing.pops[pop.index()] = PopRoute::weighted(weights);
        for &(cluster, _) in weights.iter().filter(|(_, weight)| 0 < *weight) {
            to.insert(cluster);
        }
    }
    if cx.memory.routes[pop.index()] != Some(to) {
        cx.memory.routes[pop.index()] = Some(to);
        cx.say(What::RouteChanged { pop, to, why });
    }
    traffic_manager::look(cx);
}

/// The draws that decide which probes of a PoP a flaky origin fails, by their number.
fn draws(cx: &Cx, pop: PopId, cluster: ClusterId) -> impl Fn(u64) -> u64 + Copy + use<> {
    let (chance, entity) = (cx.chance, (pop.index() as u64) << 32 | cluster.index() as u64);
    move |probe| chance.draw("grey-probe", &format!("{entity:x}"), probe)
}
