//! The shell around Traffic Manager's rules: endpoints change, it notices, resolvers follow.
//!
//! The users of each edge location have a resolver of their own, whose cache runs out at phase +
//! k TTL; the users of one edge location so stand for those of many resolvers. A resolver has a
//! timer only while its answer is out of date.

use crate::control::Cx;
use crate::control::front_door_health::{
    OriginCondition, ProbeGrid, ProbeTiming, ProbedOrigin, SampleWindow, share_when_all_healthy,
};
use crate::control::front_door_health::{anycast, edge};
use crate::model::event::Event;
use crate::model::fact::{ClusterSet, What};
use crate::model::front_door::Pop;
use crate::model::ids::{ClusterId, EndpointId, PopId};
use crate::model::traffic_manager::{Endpoint, TrafficManager};
use crate::model::world::World;
use crate::sim::streams::unit;
use crate::traffic::routing::PopRoute;
use crate::units::{Span, Time};

use super::choice::{Answer, EndpointView, pick_endpoints};

/// What Traffic Manager and the resolvers remember.
#[derive(Clone, Debug)]
pub struct TrafficManagerState {
    probed: Vec<ProbedOrigin>,
    conditions: Vec<OriginCondition>,
    /// The edge location at which probes enter Front Door.
    entry: PopId,
    resolvers: Vec<Resolver>,
    /// What Front Door does with the users of each PoP: weights by cluster; none is nowhere.
    front_door: Vec<Vec<(ClusterId, u32)>>,
}

/// The resolver of one edge location's users.
#[derive(Clone, Debug)]
struct Resolver {
    /// Its cache runs out at `phase + k period`; without a period it keeps nothing.
    phase: Time,
    period: Span,
    /// Weights by endpoint.
    answer: Vec<u32>,
    /// What kept connections still lead to.
    kept: Option<Vec<u32>>,
}

impl TrafficManagerState {
    /// The number of endpoints.
    #[must_use]
    pub const fn n_endpoints(&self) -> usize {
        self.probed.len()
    }
}

/// Begins with all endpoints healthy and every resolver up to date.
pub fn start(cx: &mut Cx) {
    let Some(manager) = &cx.world.traffic_manager else { return };
    let n_pops = cx.world.front_door.pops.len();
    let draw = |purpose: &str, entity: &str| cx.chance.draw(purpose, entity, 0);
    let pops = (0..n_pops).map(PopId::new);
    let resolver = |pop: PopId| {
        let entity = format!("pop-{}", pop.index());
        let is_stale = |share: f64| unit(draw("stale-resolver", &entity)) < share;
        let stale = manager.stale_resolvers.filter(|(share, _)| is_stale(share.get()));
        let period = stale.map_or(manager.ttl, |(_, period)| period.max(manager.ttl));
        Resolver {
            phase: cx.now + period.scale(unit(draw("resolver-phase", &entity))),
            period,
            answer: answer(&cx.world, pop).weights,
            kept: None,
        }
    };
    let resolvers = pops.map(resolver).collect();
    let ids = || (0..manager.endpoints.len()).map(EndpointId::new);
    let state = TrafficManagerState {
        probed: ids().map(|id| fresh(cx, id, OriginCondition::Answering)).collect(),
        conditions: vec![OriginCondition::Answering; manager.endpoints.len()],
        entry: PopId::new((unit(draw("traffic-manager", "entry")) * n_pops as f64) as usize),
        resolvers,
        front_door: vec![Vec::new(); n_pops],
    };
    for id in ids() {
        cx.clock.register(Event::EndpointProbe(id));
    }
    for pop in (0..n_pops).map(PopId::new) {
        cx.clock.register(Event::ResolverRefresh(pop));
        cx.clock.register(Event::ConnectionsEnd(pop));
    }
    cx.memory.traffic_manager = Some(state);
    for id in (0..cx.memory.traffic_manager_endpoints()).map(EndpointId::new) {
        arm(cx, id);
    }
}

/// An endpoint that has long been in a condition, all its probes having succeeded.
fn fresh(cx: &Cx, id: EndpointId, met: OriginCondition) -> ProbedOrigin {
    let manager = cx.world.traffic_manager.as_ref().expect("endpoints belong to one");
    let name = &manager.endpoints[id.index()].name;
    let draw = cx.chance.draw("endpoint-phase", name, 0);
    let grid = ProbeGrid::staggered(manager.interval, draw);
    // Answers come at once: their round trip is far below what is looked at here.
    let timing = ProbeTiming { answer: Span::ZERO, timeout: manager.probe_timeout };
    let window = SampleWindow::filled(manager.tolerated_failures + 1, 1, true);
    ProbedOrigin::new(grid, timing, window, met, cx.now)
}

/// What queries of a PoP's users are answered with now.
fn answer(world: &World, pop: PopId) -> Answer {
    let manager = world.traffic_manager.as_ref().expect("only a manager answers");
    let edge = &world.front_door.pops[pop.index()];
    pick_endpoints(&views(manager, edge, |endpoint| endpoint.healthy), manager.method)
}

fn views(
    manager: &TrafficManager,
    edge: &Pop,
    healthy: impl Fn(&Endpoint) -> bool,
) -> Vec<EndpointView> {
    let view = |endpoint: &Endpoint| EndpointView {
        enabled: endpoint.enabled,
        healthy: healthy(endpoint),
        priority: endpoint.priority,
        weight: endpoint.weight,
        latency: endpoint.cluster.map_or(Span::ZERO, |c| edge.origin_rtt[c.index()]),
    };
    manager.endpoints.iter().map(view).collect()
}

/// Looks at what probes of each endpoint meet; called when an origin, a route or an edge location
/// has changed.
pub fn look(cx: &mut Cx) {
    for id in (0..cx.memory.traffic_manager_endpoints()).map(EndpointId::new) {
        let met = condition(cx, id);
        let (now, draw) = (cx.now, draws(cx, id));
        let Some(state) = &mut cx.memory.traffic_manager else { return };
        if state.conditions[id.index()] == met {
            continue;
        }
        state.conditions[id.index()] = met;
        if is_probed(&cx.world, id) {
            state.probed[id.index()].change(now, met, draw);
            arm(cx, id);
        }
    }
}

/// What a probe meets at an endpoint. One of Front Door meets the cluster that the probe's edge
/// location routes to, and silence when that is lost.
fn condition(cx: &Cx, id: EndpointId) -> OriginCondition {
    let manager = cx.world.traffic_manager.as_ref().expect("endpoints belong to one");
    let state = cx.memory.traffic_manager.as_ref().expect("started with the run");
    if let Some(cluster) = manager.endpoints[id.index()].cluster {
        return edge::condition(cx, cluster);
    }
    if anycast::entry(cx, state.entry).is_none() {
        return OriginCondition::Hanging;
    }
    let used = state.front_door[state.entry.index()].iter().filter(|(_, weight)| 0 < *weight);
    let met: Vec<_> = used.map(|&(cluster, _)| edge::condition(cx, cluster)).collect();
    if met.contains(&OriginCondition::Answering) {
        return OriginCondition::Answering;
    }
    let flaky = met.into_iter().find(|met| matches!(met, OriginCondition::Flaky { .. }));
    flaky.unwrap_or(OriginCondition::Refusing)
}

fn is_probed(world: &World, id: EndpointId) -> bool {
    let manager = world.traffic_manager.as_ref().expect("endpoints belong to one");
    manager.monitoring && manager.endpoints[id.index()].enabled
}

fn arm(cx: &mut Cx, id: EndpointId) {
    let (now, explicit, draw) = (cx.now, cx.settings.explicit_probing, draws(cx, id));
    let is_probed = is_probed(&cx.world, id);
    let Some(state) = &mut cx.memory.traffic_manager else { return };
    let probed = Some(&state.probed[id.index()]).filter(|_| is_probed);
    match probed.and_then(|probed| probed.next_timer(now, explicit, draw)) {
        Some(at) => cx.clock.arm(Event::EndpointProbe(id), at),
        None => cx.clock.disarm(Event::EndpointProbe(id)),
    }
}

/// A probe result of an endpoint is known.
pub fn result_due(cx: &mut Cx, id: EndpointId) {
    let (now, draw) = (cx.now, draws(cx, id));
    let Some(state) = &mut cx.memory.traffic_manager else { return };
    let probed = &mut state.probed[id.index()];
    probed.absorb(now, draw);
    let healthy = probed.healthy();
    arm(cx, id);
    set_health(cx, id, healthy);
}

fn set_health(cx: &mut Cx, id: EndpointId, healthy: bool) {
    let manager = cx.world.traffic_manager.as_mut().expect("endpoints belong to one");
    let known = &mut manager.endpoints[id.index()].healthy;
    if std::mem::replace(known, healthy) != healthy {
        cx.say(What::EndpointHealth { endpoint: id, healthy });
        answers_change(cx);
    }
}

/// Endpoints are configured anew; the answers follow at once, the resolvers by their TTL. One
/// that is probed from now on is an answer until its probes fail (CheckingEndpoint).
pub fn configure(cx: &mut Cx, changed: Vec<(EndpointId, Endpoint)>) {
    for (id, endpoint) in changed {
        let manager = cx.world.traffic_manager.as_mut().expect("endpoints belong to one");
        let was_enabled = manager.endpoints[id.index()].enabled;
        let Endpoint { enabled, priority, weight, .. } = endpoint;
        manager.endpoints[id.index()] = endpoint;
        let (priority, weight) = (u32::from(priority), u32::from(weight));
        cx.say(What::EndpointConfigured { endpoint: id, enabled, priority, weight });
        if enabled && !was_enabled {
            let met = condition(cx, id);
            let probed = fresh(cx, id, met);
            let state = cx.memory.traffic_manager.as_mut().expect("started with the run");
            state.probed[id.index()] = probed;
            state.conditions[id.index()] = met;
            set_health(cx, id, true);
        }
        arm(cx, id);
    }
    answers_change(cx);
}

/// Resolvers whose answer is out of date learn it when their cache runs out.
fn answers_change(cx: &mut Cx) {
    for pop in (0..cx.world.front_door.pops.len()).map(PopId::new) {
        let new = answer(&cx.world, pop).weights;
        let state = cx.memory.traffic_manager.as_ref().expect("started with the run");
        let resolver = &state.resolvers[pop.index()];
        if resolver.answer == new {
            cx.clock.disarm(Event::ResolverRefresh(pop));
        } else {
            let at = resolver.next_query(cx.now);
            cx.clock.arm(Event::ResolverRefresh(pop), at);
        }
    }
}

impl Resolver {
    /// When its cache runs out next and it asks again.
    fn next_query(&self, now: Time) -> Time {
        if self.period == Span::ZERO {
            return now;
        }
        (now + Span::from_nanos(1)).next_on_grid(self.phase, self.period)
    }
}

/// A resolver asks again; connections that are kept alive stay where they are for a while.
pub fn refresh(cx: &mut Cx, pop: PopId) {
    let new = answer(&cx.world, pop).weights;
    let keep = cx.world.traffic_manager.as_ref().and_then(|manager| manager.keep_alive);
    let state = cx.memory.traffic_manager.as_mut().expect("started with the run");
    let resolver = &mut state.resolvers[pop.index()];
    let old = std::mem::replace(&mut resolver.answer, new);
    if let Some((_, lifetime)) = keep {
        resolver.kept = Some(old);
        cx.clock.arm(Event::ConnectionsEnd(pop), cx.now + lifetime);
    }
    edge::reroute(cx, pop);
}

/// The last connection to the old entry point is closed.
pub fn connections_end(cx: &mut Cx, pop: PopId) {
    let state = cx.memory.traffic_manager.as_mut().expect("started with the run");
    state.resolvers[pop.index()].kept = None;
    edge::reroute(cx, pop);
}

/// What becomes of a PoP's users, of whom Front Door would send those that reach it to `door`:
/// their route, and the clusters in it. `None` without Traffic Manager.
pub(in crate::control) fn route(
    cx: &mut Cx,
    pop: PopId,
    door: &[(ClusterId, u32)],
) -> Option<(PopRoute, ClusterSet)> {
    let manager = cx.world.traffic_manager.as_ref()?;
    let state = cx.memory.traffic_manager.as_mut()?;
    state.front_door[pop.index()] = door.to_vec();
    let resolver = &state.resolvers[pop.index()];
    let kept_share = match (&resolver.kept, manager.keep_alive) {
        (Some(_), Some((share, _))) => share.get(),
        _ => 0.0,
    };
    let n_clusters = cx.world.clusters.len();
    let mut shares = vec![0.0; n_clusters + 1];
    add(&mut shares, 1.0 - kept_share, &resolver.answer, manager, door);
    if let Some(kept) = &resolver.kept {
        add(&mut shares, kept_share, kept, manager, door);
    }
    let mut to = ClusterSet::default();
    let mut parts = Vec::new();
    for (index, share) in shares.into_iter().enumerate() {
        let cluster = (index < n_clusters).then(|| ClusterId::new(index));
        let weight = (share * PARTS).round() as u32;
        if let (Some(cluster), 1..) = (cluster, weight) {
            to.insert(cluster);
        }
        parts.push((cluster, weight));
    }
    Some((PopRoute::parts(&parts), to))
}

/// Shares are rounded to this part.
const PARTS: f64 = 16_777_216.0;

/// Adds what `share` of the users find, who have the answer `weights`: by cluster, the last one
/// for nowhere.
fn add(
    shares: &mut [f64],
    share: f64,
    weights: &[u32],
    manager: &TrafficManager,
    door: &[(ClusterId, u32)],
) {
    let nowhere = shares.len() - 1;
    let total: u32 = weights.iter().sum();
    if total == 0 {
        shares[nowhere] += share;
        return;
    }
    for (endpoint, &weight) in manager.endpoints.iter().zip(weights) {
        let share = share * f64::from(weight) / f64::from(total);
        if let Some(cluster) = endpoint.cluster {
            shares[cluster.index()] += share;
            continue;
        }
        let all: u32 = door.iter().map(|(_, weight)| weight).sum();
        if all == 0 {
            shares[nowhere] += share;
        }
        for &(cluster, weight) in door.iter().filter(|(_, weight)| 0 < *weight) {
            shares[cluster.index()] += share * f64::from(weight) / f64::from(all);
        }
    }
}

/// The share of a PoP's users that a cluster gets while everything is healthy.
#[must_use]
pub fn entry_share(world: &World, pop: &Pop, cluster: ClusterId) -> f64 {
    let by_door = |cluster| share_when_all_healthy(&world.front_door, pop, cluster);
    let Some(manager) = &world.traffic_manager else { return by_door(cluster) };
    let answer = pick_endpoints(&views(manager, pop, |_| true), manager.method);
    let total: u32 = answer.weights.iter().sum();
    let share = |(endpoint, &weight): (&Endpoint, &u32)| match endpoint.cluster {
        _ if weight == 0 => 0.0,
        None => by_door(cluster) * f64::from(weight) / f64::from(total),
        Some(direct) if direct == cluster => f64::from(weight) / f64::from(total),
        Some(_) => 0.0,
    };
    manager.endpoints.iter().zip(&answer.weights).map(share).sum()
}

/// The draws that decide which probes a flaky endpoint fails, by their number.
fn draws(cx: &Cx, id: EndpointId) -> impl Fn(u64) -> u64 + Copy + use<> {
    let chance = cx.chance;
    move |probe| chance.draw("grey-endpoint-probe", &format!("{}", id.index()), probe)
}
