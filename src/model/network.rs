//! The network of a cluster: where nodes and pods get their addresses, and for how many it has.
//!
//! Each of AKS' network plug-ins spends addresses in its own way: a node subnet holds an address
//! for every pod that could ever run on a node; an overlay spends a /24 of the pod range on each
//! node; a pod subnet is handed out in batches of 16, as pods come (dynamic) or all at once
//! (static). What runs out first decides how far a cluster can grow in a failover.
//!
//! Sources: aks-docs concepts-network-ip-address-planning.md, azure-cni-overlay.md,
//! configure-azure-cni-dynamic-ip-allocation.md, configure-azure-cni-static-block-allocation.md,
//! configure-kubenet.md. Left out: IPv6, the limit of 65,536 addresses of a virtual network, and
//! pods with host networking, which need no address of their own.

use crate::spec::{Code, Decoder, Diagnostic, choice, section};
use crate::units::Span;

section! {
    /// The network of a cluster; left out, there are addresses for everything.
    pub struct NetworkSpec {
        /// How nodes and pods get their addresses.
        "plugin" plugin: PluginSpec = default "overlay",
            source "aks-docs azure-cni-overlay.md: the default of new clusters";
        /// Prefix length of the subnet of the nodes, e.g. 24 for a /24.
        "nodeSubnetPrefix" node_subnet_prefix: u32 = default "16",
            source "AKS makes 10.224.0.0/16 unless told otherwise",
            range 8..=29;
        /// Prefix length of the subnet of the pods, with `podSubnetDynamic` and `podSubnetStatic`.
        "podSubnetPrefix" pod_subnet_prefix: Option<u32> = optional, range 8..=28;
        /// Prefix length of the pods' own range, with `overlay` and `kubenet`.
        "podCidrPrefix" pod_cidr_prefix: u32 = default "16",
            source "aks-docs azure-cni-overlay.md: 10.244.0.0/16",
            range 8..=24;
        /// Addresses of the nodes' subnet that others use: internal balancers, a gateway.
        "otherAddresses" other_addresses: u32 = default "0", source "none unless stated",
            range 0..=1000000;
        /// How long the address of a pod that is gone cannot be used, in a dynamic pod subnet.
        "addressRecycling" address_recycling: Span = default "5s",
            source "assumed; the pod subnet page says \"a few seconds\"", low confidence,
            range "0s"..="1h";
        /// How the autoscaler learns that machines find no address.
        "exhaustion" exhaustion: ExhaustionSpec = default "synchronous",
            source "assumed: Azure refuses the whole request (SubnetIsFull)", low confidence;
    }
    check NetworkSpec::check_pod_subnet;
}

choice! {
    /// A network plug-in of AKS.
    pub enum PluginSpec {
        /// Azure CNI, pods in the subnet of the nodes: an address for every possible pod.
        "nodeSubnet" => NodeSubnet,
        /// Azure CNI Overlay: a /24 of the pod range for each node.
        "overlay" => Overlay,
        /// Azure CNI with a pod subnet: batches of 16 addresses, as pods come.
        "podSubnetDynamic" => PodSubnetDynamic,
        /// Azure CNI with a pod subnet: blocks of 16 addresses for all possible pods of a node.
        "podSubnetStatic" => PodSubnetStatic,
        /// kubenet: a /24 of the pod range and a route for each node.
        "kubenet" => Kubenet,
    }
}

choice! {
    /// How the autoscaler learns that machines find no address.
    pub enum ExhaustionSpec {
        /// The call fails and nothing is ordered: the pool is left alone at once.
        "synchronous" => Synchronous,
        /// Machines without an address never join, which is missed when they are overdue.
        "asynchronous" => Asynchronous,
    }
}

impl NetworkSpec {
    fn check_pod_subnet(&self, cx: &mut Decoder<'_>) {
        let needs_one =
            matches!(*self.plugin, PluginSpec::PodSubnetDynamic | PluginSpec::PodSubnetStatic);
        if needs_one == self.pod_subnet_prefix.is_some() {
            return;
        }
        let (place, message) = if needs_one {
            (&self.plugin.place, format!("`{}` needs a subnet of the pods", *self.plugin))
        } else {
            (&self.pod_subnet_prefix.place, format!("`{}` has no subnet of the pods", *self.plugin))
        };
        let wrong = Diagnostic::error(Code::Contradiction, place.clone(), message);
        cx.report(wrong.allowed(
            "`podSubnetPrefix` with podSubnetDynamic and podSubnetStatic, and only with them",
        ));
    }

    /// The network as the cloud keeps it.
    #[must_use]
    pub fn network(&self) -> Network {
        let pod_subnet = self.pod_subnet_prefix.map_or(0, usable_addresses);
        let ranges = nodes_by_pod_range(*self.pod_cidr_prefix);
        Network {
            plugin: *self.plugin,
            room: Addresses {
                node_subnet: usable_addresses(*self.node_subnet_prefix)
                    .saturating_sub(*self.other_addresses),
                pods: match *self.plugin {
                    PluginSpec::NodeSubnet => u32::MAX,
                    PluginSpec::Overlay => ranges,
                    PluginSpec::Kubenet => ranges.min(KUBENET_NODES_MAX),
                    PluginSpec::PodSubnetDynamic => pod_subnet,
                    PluginSpec::PodSubnetStatic => pod_subnet / BATCH,
                },
            },
            recycling: *self.address_recycling,
            refuses: *self.exhaustion == ExhaustionSpec::Synchronous,
        }
    }
}

impl PluginSpec {
    /// Pods that fit on a node unless its pool says otherwise
    /// (aks-docs concepts-network-ip-address-planning.md).
    #[must_use]
    pub const fn default_max_pods(self) -> u32 {
        match self {
            Self::NodeSubnet => 30,
            Self::Overlay => 250,
            Self::PodSubnetDynamic | Self::PodSubnetStatic | Self::Kubenet => 110,
        }
    }

    /// What a machine with room for so many pods takes when it is made.
    #[must_use]
    pub const fn of_a_machine(self, max_pods: u32) -> Addresses {
        let (node_subnet, pods) = match self {
            Self::NodeSubnet => (1 + max_pods, 0),
            Self::Overlay | Self::Kubenet => (1, 1),
            Self::PodSubnetDynamic => (1, BATCH),
            Self::PodSubnetStatic => (1, static_blocks(max_pods)),
        };
        Addresses { node_subnet, pods }
    }
}

/// The network of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// How nodes and pods get their addresses.
    pub plugin: PluginSpec,
    /// What it has in all.
    pub room: Addresses,
    /// How long the address of a pod that is gone cannot be used.
    pub recycling: Span,
    /// Whether the cloud refuses a request for machines that do not all find addresses.
    pub refuses: bool,
}

/// Addresses of both kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// In the subnet of the nodes.
    pub node_subnet: u32,
    /// For pods beside that: /24 ranges (overlay, kubenet), addresses (dynamic pod subnet) or
    /// blocks of 16 (static pod subnet).
    pub pods: u32,
}

impl Addresses {
    /// How many machines that need `each` fit beside what is `taken`.
    #[must_use]
    pub fn room_for(self, taken: Self, each: Self) -> u32 {
        let times = |room: u32, taken: u32, each: u32| match each {
            0 => u32::MAX,
            each => room.saturating_sub(taken) / each,
        };
        times(self.node_subnet, taken.node_subnet, each.node_subnet)
            .min(times(self.pods, taken.pods, each.pods))
    }
}

impl Addresses {
    /// As many for each of so many machines.
    #[must_use]
    pub const fn times(self, machines: u32) -> Self {
        Self {
            node_subnet: self.node_subnet.saturating_mul(machines),
            pods: self.pods.saturating_mul(machines),
        }
    }
}

impl std::ops::AddAssign for Addresses {
    fn add_assign(&mut self, other: Self) {
        self.node_subnet = self.node_subnet.saturating_add(other.node_subnet);
        self.pods = self.pods.saturating_add(other.pods);
    }
}

/// Addresses in a batch of a dynamic, and in a block of a static pod subnet.
pub const BATCH: u32 = 16;

/// A node asks for another batch when fewer than these are free.
const REFILL_BELOW: u32 = 8;

/// Addresses that Azure keeps in every subnet.
const RESERVED: u32 = 5;

/// Routes in a route table, and so nodes of a kubenet cluster (aks-docs configure-kubenet.md).
const KUBENET_NODES_MAX: u32 = 400;

/// Addresses of a subnet that can be used: Azure keeps five.
#[must_use]
pub const fn usable_addresses(prefix: u32) -> u32 {
    (1 << (32 - prefix)) - RESERVED
}

/// The longest prefix whose subnet has so many usable addresses.
#[must_use]
pub fn smallest_subnet(addresses: u32) -> u32 {
    (8..=29).rev().find(|&prefix| addresses <= usable_addresses(prefix)).unwrap_or(8)
}

/// Addresses that nodes and those of an upgrade's surge need in a node subnet.
#[must_use]
pub const fn node_subnet_addresses(nodes: u32, surge: u32, max_pods: u32) -> u32 {
    (nodes + surge) + (nodes + surge) * max_pods
}

/// Nodes that a pod range has a /24 for.
#[must_use]
pub const fn nodes_by_pod_range(prefix: u32) -> u32 {
    1 << (24 - prefix)
}

/// Addresses that a node with so many pods takes from a dynamic pod subnet.
#[must_use]
pub const fn dynamic_addresses(pods: u32) -> u32 {
    BATCH * (pods + REFILL_BELOW).div_ceil(BATCH)
}

/// Blocks of 16 addresses that a node takes from a static pod subnet.
#[must_use]
pub const fn static_blocks(max_pods: u32) -> u32 {
    (max_pods + 1).div_ceil(BATCH)
}

/// Pods that so many blocks of a static pod subnet have addresses for: one is the node's.
#[must_use]
pub const fn static_max_pods(blocks: u32) -> u32 {
    BATCH * blocks - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published examples of a node subnet: 50 nodes and one of surge with 30 pods each, and
    /// 60 and one, both in a /21.
    #[test]
    fn a_node_subnet_holds_every_possible_pod() {
        for (nodes, addresses) in [(50, 1_581), (60, 1_891)] {
            assert_eq!(node_subnet_addresses(nodes, 1, 30), addresses);
            assert_eq!(smallest_subnet(addresses), 21);
        }
        let boundary = usable_addresses(21);
        assert_eq!(boundary, 2_043, "2,048 less five");
        assert_eq!([boundary, boundary + 1].map(smallest_subnet), [21, 20]);
    }

    /// A /24 has 251 addresses to use; a /16 range has a /24 for 256 nodes, a /14 for 1,024, a /20
    /// for 16.
    #[test]
    fn subnets_and_ranges_have_their_published_sizes() {
        assert_eq!(usable_addresses(24), 251);
        assert_eq!([16, 14, 20].map(nodes_by_pod_range), [256, 1_024, 16]);
    }

    /// Batches of a dynamic pod subnet: another one as soon as fewer than eight are free.
    #[test]
    fn batches_come_before_the_last_one_is_used_up() {
        for (pods, addresses) in [(0, 16), (8, 16), (9, 32), (24, 32), (25, 48), (110, 128)] {
            assert_eq!(dynamic_addresses(pods), addresses, "{pods} pods");
        }
    }

    /// Blocks of a static pod subnet: one address of them is the node's.
    #[test]
    fn blocks_hold_the_pods_and_the_node() {
        for (max_pods, blocks) in [(15, 1), (16, 2), (30, 2), (32, 3), (110, 7), (250, 16)] {
            assert_eq!(static_blocks(max_pods), blocks, "{max_pods} pods");
        }
        assert_eq!(static_blocks(32) * BATCH - (32 + 1), 15, "wasted with 32 pods");
        assert_eq!([1, 2, 7, 16].map(static_max_pods), [15, 31, 111, 255]);
    }

    /// What runs out first decides how many machines fit.
    #[test]
    fn the_scarcer_addresses_decide() {
        let room = Addresses { node_subnet: 251, pods: 100 };
        let each = |node_subnet, pods| Addresses { node_subnet, pods };
        for (rule, taken, each, fits) in [
            ("eight nodes with 30 pods in a /24", each(0, 0), each(31, 0), 8),
            ("two of them are there", each(62, 0), each(31, 0), 6),
            ("the last one just fits", each(220, 0), each(31, 0), 1),
            ("one address is missing", each(221, 0), each(31, 0), 0),
            ("batches of pods", each(3, 48), each(1, 16), 3),
            ("more taken than there is", each(300, 0), each(1, 0), 0),
        ] {
            assert_eq!(room.room_for(taken, each), fits, "{rule}");
        }
    }

    /// The subnet of the pods is stated where the plug-in has one; each has its default of pods.
    #[test]
    fn plug_ins_know_their_subnets() {
        for (text, max_pods, pods) in [
            ("plugin: nodeSubnet", 30, u32::MAX),
            ("plugin: overlay\npodCidrPrefix: 20", 250, 16),
            ("plugin: kubenet\npodCidrPrefix: 14", 110, 400),
            ("plugin: podSubnetDynamic\npodSubnetPrefix: 24", 110, 251),
            ("plugin: podSubnetStatic\npodSubnetPrefix: 24", 110, 15),
        ] {
            let spec: NetworkSpec = crate::spec::decode_text(text).unwrap();
            assert_eq!(spec.plugin.default_max_pods(), max_pods, "{text}");
            assert_eq!(spec.network().room.pods, pods, "{text}");
        }
        for text in ["plugin: podSubnetStatic", "plugin: overlay\npodSubnetPrefix: 24"] {
            let error = crate::spec::decode_text::<NetworkSpec>(text).unwrap_err();
            assert!(error.contains("podSubnetPrefix"), "{text}: {error}");
        }
    }
}
