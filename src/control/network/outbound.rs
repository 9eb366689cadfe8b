//! The shell of source ports: how many a cluster has, and when they run out.
//!
//! A request that connects to the outside takes its ports when it reaches the cluster and gives
//! them back a fixed time later; one that finds too few fails for its dependency.

use crate::control::Cx;
use crate::model::fact::{What, Why};
use crate::model::ids::{ClusterId, ZoneId};
use crate::model::node::Stage;
use crate::model::outbound::{
    Outbound, OutboundKind, PORTS_PER_NAT_ADDRESS, default_ports, nodes_max,
};
use crate::traffic::gate::GateLimit;

/// Places of a gate that one port is: requests may take a part of a connection on average.
pub const PLACES_PER_PORT: u32 = 1_000;

/// The number of nodes may have changed, and with it the ports.
pub fn nodes_changed(cx: &mut Cx, cluster: ClusterId) {
    if cx.world[cluster].outbound.is_none() {
        return;
    }
    let joined = cx.world.cluster_nodes(cluster).filter(|&n| cx.world[n].stage == Stage::Joined);
    let nodes = u32::try_from(joined.count()).expect("limits keep every count below 2^32");
    let outbound = cx.world[cluster].outbound.as_mut().expect("checked above");
    let (each, all) = ports(outbound, nodes);
    outbound.total = all;
    let before = std::mem::replace(&mut outbound.allocated, each);
    let is_behind_balancer = outbound.kind == OutboundKind::LoadBalancer;
    if before != each && before != 0 && is_behind_balancer {
        let why = if each < before {
            Why("a larger cluster leaves each node fewer")
        } else {
            Why("a smaller cluster leaves each node more")
        };
        cx.say(What::OutboundPorts { cluster, nodes, from: before, to: each, why });
    }
    set_limit(cx, cluster, all);
}

/// Ports of each node, and of all nodes: those beyond what the addresses hold get none.
#[must_use]
pub fn ports(outbound: &Outbound, nodes: u32) -> (u32, u32) {
    match outbound.kind {
        OutboundKind::NatGateway => {
            let all = PORTS_PER_NAT_ADDRESS * outbound.addresses;
            (all, all)
        }
        OutboundKind::LoadBalancer => {
            let each = if outbound.ports == 0 { default_ports(nodes) } else { outbound.ports };
            (each, each * nodes.min(nodes_max(each, outbound.addresses)))
        }
    }
}

fn set_limit(cx: &mut Cx, cluster: ClusterId, ports: u32) {
    let Some(outbound) = &cx.world[cluster].outbound else { return };
    let in_progress = u64::from(ports) * u64::from(PLACES_PER_PORT);
    cx.routing.gates[outbound.gate.index()] = if is_cut(cx, outbound) {
        GateLimit::SHUT
    } else {
        GateLimit { in_progress, ..GateLimit::OPEN }
    };
}

/// Whether the zone of a NAT gateway is lost.
fn is_cut(cx: &Cx, outbound: &Outbound) -> bool {
    outbound.zone.is_some_and(|zone| !cx.world[zone].outages.is_up())
}

/// A zone is lost or back, and with it the NAT gateways that stand in it.
pub fn zone_changed(cx: &mut Cx, zone: ZoneId) {
    for cluster in (0..cx.world.clusters.len()).map(ClusterId::new) {
        let outbound = cx.world[cluster].outbound.as_ref();
        if outbound.is_some_and(|outbound| outbound.zone == Some(zone)) {
            nodes_changed(cx, cluster);
        }
    }
}

/// Looks whether connections found no port since the last look.
pub(super) fn look(cx: &mut Cx, cluster: ClusterId) {
    let Some(outbound) = &cx.world[cluster].outbound else { return };
    let reading = cx.traffic.gate(outbound.gate);
    let is_cut = is_cut(cx, outbound);
    let watched = &mut cx.memory.networks.entry(cluster).or_default().outbound;
    let is_full = watched.seen.refused < reading.refused;
    let was_full = std::mem::replace(&mut watched.is_full, is_full);
    watched.seen = reading;
    if is_full != was_full {
        let why = match (is_full, is_cut) {
            (false, _) => Why("connections find ports again"),
            (true, false) => Why("snat-ports-exhausted"),
            (true, true) => Why("the zone of its NAT gateway is lost"),
        };
        cx.say(What::NetworkFull { cluster, service: Why("outbound"), full: is_full, why });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::GateId;
    use crate::units::Span;

    /// Ports of each node and of all, by rule; the cliff is where one node more halves them.
    #[test]
    fn ports_by_rule() {
        use OutboundKind::{LoadBalancer, NatGateway};
        let table = [
            ("a small cluster", LoadBalancer, 1, 0, 10, (1_024, 10_240)),
            ("the last node of a band", LoadBalancer, 1, 0, 50, (1_024, 51_200)),
            ("one node more", LoadBalancer, 1, 0, 51, (512, 26_112)),
            ("one address holds 62 nodes of 1,024", LoadBalancer, 1, 1_024, 70, (1_024, 63_488)),
            ("two addresses hold 125", LoadBalancer, 2, 1_024, 70, (1_024, 71_680)),
            ("set ports know no band", LoadBalancer, 7, 4_000, 112, (4_000, 448_000)),
            ("a NAT gateway has no bands", NatGateway, 2, 0, 500, (129_024, 129_024)),
        ];
        for (name, kind, addresses, each, nodes, expected) in table {
            let outbound = Outbound {
                kind,
                addresses,
                ports: each,
                hold: Span::from_secs(240),
                zone: None,
                gate: GateId::new(0),
                costs: Vec::new(),
                total: 0,
                allocated: 0,
            };
            assert_eq!(ports(&outbound, nodes), expected, "{name}");
        }
    }
}
