//! How a cluster's connections to the outside get a source port (SNAT).
//!
//! Behind a load balancer each node has a fixed number of ports, which falls by half when the
//! cluster grows over 50, 100, 200, 400 and 800 nodes unless it is set (aks-docs
//! configure-load-balancer-standard.md). A NAT gateway hands its ports to whoever needs them, but
//! stands in one zone.
//!
//! A connection takes a port and gives it back a fixed time later. Nodes are taken as evenly
//! loaded: the ports of all nodes together are the limit. A request that finds no port fails;
//! waiting for one is left out, and so is the reset of open connections when ports are allocated
//! anew.

use crate::spec::{Code, Decoder, Diagnostic, choice, section};
use crate::units::Span;

use super::ids::{DeploymentId, GateId, ZoneId};

/// Ports of one outbound address behind a load balancer.
pub const PORTS_PER_ADDRESS: u32 = 64_000;

/// Ports of one address of a NAT gateway (azure-docs nat-gateway/nat-gateway-snat.md).
pub const PORTS_PER_NAT_ADDRESS: u32 = 64_512;

section! {
    /// How a cluster's connections to the outside get a source port (SNAT).
    pub struct OutboundSpec {
        /// What gives out the ports.
        "type" kind: OutboundKind = default "loadBalancer", source "aks-docs egress-outboundtype";
        /// Public addresses.
        "publicIPs" addresses: u32 = default "1", source "aks-docs: one managed outbound IP",
            range 1..=100;
        /// Ports of each node behind a load balancer; 0: by the number of nodes.
        "allocatedOutboundPorts" ports: u32 = default "0",
            source "aks-docs configure-load-balancer-standard.md", range 0..=64000;
        /// From the begin of a connection until its port is free again.
        "portHold" hold: Span = default "4m",
            source "assumed: a closed connection's port rests for four minutes",
            low confidence, range "1s"..="2h";
        /// The zone that a NAT gateway stands in; left out, no zone's loss takes it.
        "zone" zone: Option<u32> = optional, range 1..=16;
    }
    check OutboundSpec::check_kind;
}

choice! {
    /// What gives out the source ports of a cluster.
    pub enum OutboundKind {
        /// A Standard Load Balancer: a fixed number for each node.
        "loadBalancer" => LoadBalancer,
        /// A NAT gateway: all ports for whoever needs them.
        "natGateway" => NatGateway,
    }
}

impl OutboundSpec {
    fn check_kind(&self, cx: &mut Decoder<'_>) {
        let mut contradicts = |place, message: &str, allowed: &str| {
            cx.report(Diagnostic::error(Code::Contradiction, place, message).allowed(allowed));
        };
        match *self.kind {
            OutboundKind::LoadBalancer => {
                if self.zone.is_some() {
                    let place = self.zone.place.clone();
                    contradicts(place, "a load balancer stands in no zone", "no `zone`");
                }
                if !self.ports.is_multiple_of(8) {
                    let message = format!("{} is not a multiple of 8", *self.ports);
                    contradicts(self.ports.place.clone(), &message, "0, or a multiple of 8");
                }
            }
            OutboundKind::NatGateway if *self.ports != 0 => {
                let place = self.ports.place.clone();
                contradicts(place, "a NAT gateway gives no node ports of its own", "0");
            }
            OutboundKind::NatGateway => {}
        }
    }
}

/// The outbound rule of one cluster.
#[derive(Clone, Debug)]
pub struct Outbound {
    /// What gives out the ports.
    pub kind: OutboundKind,
    /// Public addresses.
    pub addresses: u32,
    /// Ports of each node; 0: by the number of nodes.
    pub ports: u32,
    /// From the begin of a connection until its port is free again.
    pub hold: Span,
    /// The zone that a NAT gateway stands in.
    pub zone: Option<ZoneId>,
    /// The limit that it sets to requests that connect to the outside.
    pub gate: GateId,
    /// Ports that one request of each deployment takes on average.
    pub costs: Vec<(DeploymentId, f64)>,
    /// Ports of all nodes together now.
    pub total: u32,
    /// Ports of each node now; of a NAT gateway all ports; 0 before they are given out.
    pub allocated: u32,
}

/// Ports that each of `nodes` gets if nothing is set.
#[must_use]
pub const fn default_ports(nodes: u32) -> u32 {
    match nodes {
        0..=50 => 1_024,
        51..=100 => 512,
        101..=200 => 256,
        201..=400 => 128,
        401..=800 => 64,
        _ => 32,
    }
}

/// Nodes for which the addresses have ports, if each node gets `ports`.
#[must_use]
pub const fn nodes_max(ports: u32, addresses: u32) -> u32 {
    PORTS_PER_ADDRESS * addresses / ports
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bands of configure-load-balancer-standard.md at each of their ends.
    #[test]
    fn ports_halve_when_a_band_is_left() {
        let ends = [50, 51, 100, 101, 200, 201, 400, 401, 800, 801, 1_000];
        let ports = [1_024, 512, 512, 256, 256, 128, 128, 64, 64, 32, 32];
        assert_eq!(ends.map(default_ports), ports);
        assert_eq!(default_ports(1), 1_024);
    }

    /// nodes_max = 64,000 / ports x addresses, rounded down.
    #[test]
    fn addresses_bound_the_nodes() {
        let table =
            [(1_024, 1, 62), (512, 1, 125), (4_000, 7, 112), (64_000, 1, 1), (32, 1, 2_000)];
        for (ports, addresses, nodes) in table {
            assert_eq!(nodes_max(ports, addresses), nodes, "{ports} ports, {addresses} addresses");
        }
    }
}
