//! The shell of gateways and firewalls: their load, their orders, and the limits that they set.
//!
//! Every ten seconds each looks at what was asked of it since the last time, refused requests
//! included. Pulls and requests share a firewall: either gets what the other leaves, and half of
//! it at least.

use crate::control::kubelet::pulling;
use crate::control::{Cx, front_door_health};
use crate::model::cluster::OriginState;
use crate::model::elastic::Elastic;
use crate::model::event::Event;
use crate::model::fact::{What, Why};
use crate::model::gateway::{CONNECTIONS_PER_UNIT, UNITS_PER_INSTANCE};
use crate::model::ids::ClusterId;
use crate::model::world::World;
use crate::sim::streams::unit;
use crate::traffic::gate::{GateLimit, GateReading};
use crate::units::Span;

use super::backends::Backends;
use super::ceiling::probe_units;
use super::elastic::{Orders, Step, wanted};
use super::outbound;

/// How often a service looks at its load; assumed.
pub const INTERVAL: Span = Span::from_secs(10);

/// What comes at once beyond the rate passes if it is no more than this long a stretch of it;
/// assumed [s].
const BURST_S: f64 = 1.0;

/// A service that scales.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// The Application Gateway.
    Gateway,
    /// The firewall.
    Firewall,
}

impl Service {
    const ALL: [Self; 2] = [Self::Gateway, Self::Firewall];

    const fn name(self) -> Why {
        match self {
            Self::Gateway => Why("gateway"),
            Self::Firewall => Why("firewall"),
        }
    }

    /// Of its draws.
    const fn purpose(self) -> &'static str {
        match self {
            Self::Gateway => "gateway-scale-out",
            Self::Firewall => "firewall-scale-out",
        }
    }

    fn of(self, world: &World, cluster: ClusterId) -> Option<&Elastic> {
        match self {
            Self::Gateway => world[cluster].gateway.as_ref(),
            Self::Firewall => world[cluster].firewall.as_ref(),
        }
    }

    fn set_instances(self, cx: &mut Cx, cluster: ClusterId, instances: u32) {
        let service = match self {
            Self::Gateway => &mut cx.world[cluster].gateway,
            Self::Firewall => &mut cx.world[cluster].firewall,
        };
        service.as_mut().expect("only services that exist change").instances = instances;
    }
}

/// What is remembered of a cluster's network.
#[derive(Clone, Debug, Default)]
pub struct NetworkState {
    gateway: ServiceState,
    firewall: ServiceState,
    /// The pods that the gateway sends to, or would if it found them healthy.
    pub(super) backends: Backends,
    /// Of the source ports.
    pub(super) outbound: Watched,
}

/// What is remembered of one service.
#[derive(Clone, Debug, Default)]
struct ServiceState {
    orders: Orders,
    watched: Watched,
    /// What requests asked of it in the last interval, in the unit of its gate [1/s].
    requested: f64,
}

/// A gate under observation.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Watched {
    /// What had come to it at the last look.
    pub(super) seen: GateReading,
    /// Whether it refused any of that.
    pub(super) is_full: bool,
}

impl NetworkState {
    fn service(&mut self, service: Service) -> &mut ServiceState {
        match service {
            Service::Gateway => &mut self.gateway,
            Service::Firewall => &mut self.firewall,
        }
    }
}

/// Arms the looks of all clusters that have anything to look at, and sets their first limits.
pub fn start(cx: &mut Cx) {
    for cluster in (0..cx.world.clusters.len()).map(ClusterId::new) {
        outbound::nodes_changed(cx, cluster);
        let here = &cx.world[cluster];
        if here.gateway.is_none() && here.firewall.is_none() && here.outbound.is_none() {
            continue;
        }
        let phase = cx.chance.phase("network-look", &here.name, INTERVAL);
        cx.clock.arm(Event::NetworkLook(cluster), cx.now + phase);
        set_limits(cx, cluster);
        front_door_health::origin_changed(cx, cluster);
    }
}

/// Each service of a cluster looks at its load; those of a region that is lost stand still, or
/// they would shrink for want of load and be too small when users come back.
pub fn look(cx: &mut Cx, cluster: ClusterId) {
    cx.clock.arm(Event::NetworkLook(cluster), cx.now + INTERVAL);
    if cx.world[cluster].origin != OriginState::Serving {
        let networks = cx.memory.networks.entry(cluster).or_default();
        for service in Service::ALL {
            networks.service(service).orders.keep();
        }
        return;
    }
    for service in Service::ALL {
        scale(cx, cluster, service);
    }
    outbound::look(cx, cluster);
    set_limits(cx, cluster);
}

fn scale(cx: &mut Cx, cluster: ClusterId, service: Service) {
    let Some(plan) = service.of(&cx.world, cluster) else { return };
    let working = plan.instances;
    let reading = cx.traffic.gate(plan.gate);
    let besides = match service {
        Service::Gateway => probe_units(&cx.world, cluster),
        Service::Firewall => pulling::demanded(cx, cluster),
    };
    let networks = &mut cx.memory.networks;
    let state = networks.entry(cluster).or_default().service(service);
    let asked = |reading: &GateReading| reading.passed_units + reading.refused_units;
    let units = asked(&reading) - asked(&state.watched.seen);
    state.requested = units / INTERVAL.as_secs_f64();
    let is_full =
        state.watched.seen.refused < reading.refused || plan.capacity() < state.requested + besides;
    let was_full = std::mem::replace(&mut state.watched.is_full, is_full);
    state.watched.seen = reading;
    let (wanted, why) = wanted(state.requested + besides, plan);
    let step = state.orders.step(wanted, working, plan.scale_in_delay, cx.now);
    let cause = if working == plan.max {
        Why("it has its maximum of instances")
    } else {
        Why("further instances take their time")
    };
    if is_full != was_full {
        let why = if is_full { cause } else { Why("its instances are enough again") };
        cx.say(What::NetworkFull { cluster, service: service.name(), full: is_full, why });
    }
    match step {
        Step::Stay => {}
        Step::Order(instances) => order(cx, cluster, service, instances, why),
        Step::Shrink(instances) => resize(cx, cluster, service, instances),
    }
}

/// More instances are ordered: they work after the scale-out time.
fn order(cx: &mut Cx, cluster: ClusterId, service: Service, to: u32, why: Why) {
    let from = service.of(&cx.world, cluster).map_or(0, |plan| plan.instances);
    cx.say(What::NetworkOrdered { cluster, service: service.name(), from, to, why });
    let networks = &mut cx.memory.networks;
    let orders = &mut networks.entry(cluster).or_default().service(service).orders;
    let name = cx.world[cluster].name.as_str();
    let draw = unit(cx.chance.draw(service.purpose(), name, orders.next_number()));
    let plan = service.of(&cx.world, cluster).expect("only services that exist order");
    let delay = plan.scale_out.quantile(draw);
    orders.order(cx.now + Span::from_secs_f64(delay), to);
    arm(cx, cluster);
}

/// Ordered instances of a cluster's services begin to work.
pub fn arrive(cx: &mut Cx, cluster: ClusterId) {
    for service in Service::ALL {
        let Some(working) = service.of(&cx.world, cluster).map(|plan| plan.instances) else {
            continue;
        };
        let now = cx.now;
        let networks = &mut cx.memory.networks;
        let orders = &mut networks.entry(cluster).or_default().service(service).orders;
        if let Some(instances) = orders.arrived(now, working) {
            resize(cx, cluster, service, instances);
        }
    }
    arm(cx, cluster);
}

fn arm(cx: &mut Cx, cluster: ClusterId) {
    let state = cx.memory.networks.entry(cluster).or_default();
    let next = [&state.gateway, &state.firewall].into_iter().filter_map(|s| s.orders.next_at());
    if let Some(at) = next.min() {
        cx.clock.arm(Event::NetworkScales(cluster), at);
    }
}

fn resize(cx: &mut Cx, cluster: ClusterId, service: Service, to: u32) {
    let from = service.of(&cx.world, cluster).map_or(0, |plan| plan.instances);
    service.set_instances(cx, cluster, to);
    cx.say(What::NetworkScaled { cluster, service: service.name(), from, to });
    set_limits(cx, cluster);
    front_door_health::origin_changed(cx, cluster);
}

/// Makes the limits of a cluster's gateway and firewall those of their instances.
fn set_limits(cx: &mut Cx, cluster: ClusterId) {
    if let Some(gateway) = &cx.world[cluster].gateway {
        let rate = (gateway.capacity() - probe_units(&cx.world, cluster)).max(0.0);
        let burst = burst(rate, gateway);
        let connections = UNITS_PER_INSTANCE * CONNECTIONS_PER_UNIT;
        let in_progress = u64::from(gateway.instances) * u64::from(connections);
        cx.routing.gates[gateway.gate.index()] = GateLimit { rate, burst, in_progress };
    }
    if let Some(firewall) = &cx.world[cluster].firewall {
        let capacity = firewall.capacity();
        let rate = (capacity - pulling::demanded(cx, cluster)).max(capacity / 2.0);
        cx.routing.gates[firewall.gate.index()] =
            GateLimit { rate, burst: burst(rate, firewall), in_progress: u64::MAX };
        pulling::share_registry(cx, cluster);
    }
}

/// What passes at once: a stretch of the rate, or the largest request if that is more.
fn burst(rate: f64, service: &Elastic) -> f64 {
    let largest = service.costs.iter().map(|&(_, cost)| cost).fold(0.0, f64::max);
    (rate * BURST_S).max(largest)
}

/// Bytes a second that a cluster's firewall leaves for image pulls; None without one.
#[must_use]
pub fn bandwidth_of_pulls(cx: &Cx, cluster: ClusterId) -> Option<f64> {
    let capacity = cx.world[cluster].firewall.as_ref()?.capacity();
    let requested = cx.memory.networks.get(&cluster).map_or(0.0, |state| state.firewall.requested);
    Some((capacity - requested).max(capacity / 2.0))
}
