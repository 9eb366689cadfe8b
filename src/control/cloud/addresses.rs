//! Addresses of nodes and pods: who holds them, and who finds none.
//!
//! Follows aks-docs concepts-network-ip-address-planning.md. What a node subnet, an overlay,
//! kubenet and a static pod subnet spend follows from the machines alone. A dynamic pod subnet is
//! shared by all nodes as their pods come and go: a node holds batches of 16 and asks for another
//! when fewer than eight are free, and gives one back when it would not ask for it again (aks-docs
//! configure-azure-cni-dynamic-ip-allocation.md). A pod that finds no address has no sandbox; the
//! kubelet tries again with its next sync of the pod.

use std::collections::{BTreeMap, BTreeSet};

use crate::control::Cx;
use crate::model::event::Event;
use crate::model::fact::{What, Why};
use crate::model::ids::{ClusterId, NodeId, PodId, PoolId};
use crate::model::network::{Addresses, BATCH, PluginSpec, dynamic_addresses};
use crate::model::world::World;
use crate::units::{Span, Time};

use super::quota;

/// Why a machine does not join or a pod does not start: words of a fact.
pub const EXHAUSTED: &str = "subnet-exhausted";

/// Between two tries to make a pod's sandbox (kubelet: backOffPeriod, pkg/kubelet/kubelet.go).
const SANDBOX_RETRY: Span = Span::from_secs(10);

/// A dynamic pod subnet.
#[derive(Clone, Debug, Default)]
pub struct PodSubnet {
    /// Addresses that batches hold.
    taken: u32,
    /// What nodes hold.
    nodes: BTreeMap<NodeId, Held>,
    /// Pods that have an address.
    pods: BTreeSet<PodId>,
    /// Pods that wait for an address.
    waiting: BTreeSet<PodId>,
}

/// What a node holds of a dynamic pod subnet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Held {
    batches: u32,
    pods: u32,
    /// Addresses of pods that are gone, and until when they cannot be used.
    recycling: Vec<Time>,
}

impl Held {
    /// Addresses that cannot be given to a pod.
    fn used(&self) -> u32 {
        self.pods + self.recycling.len() as u32
    }

    /// Gives addresses back whose time is over, then holds as many batches as it needs for `pods`,
    /// as far as the subnet has them. Returns whether all of them find an address.
    fn adjust(&mut self, pods: u32, taken: &mut u32, room: u32, now: Time) -> bool {
        self.recycling.retain(|&until| now < until);
        let used = pods + self.recycling.len() as u32;
        let wanted = dynamic_addresses(used) / BATCH;
        while wanted < self.batches {
            self.batches -= 1;
            *taken -= BATCH;
        }
        while self.batches < wanted && *taken + BATCH <= room {
            self.batches += 1;
            *taken += BATCH;
        }
        used <= self.batches * BATCH
    }
}

impl PodSubnet {
    /// A pod on a node wants an address.
    fn claim(&mut self, node: NodeId, room: u32, now: Time) -> bool {
        let held = self.nodes.entry(node).or_default();
        let found = held.adjust(held.pods + 1, &mut self.taken, room, now);
        if found {
            held.pods += 1;
        }
        found
    }

    /// A pod on a node gives its address back.
    fn release(&mut self, node: NodeId, room: u32, recycled_at: Time, now: Time) {
        let Some(held) = self.nodes.get_mut(&node) else { return };
        held.pods -= 1;
        held.recycling.push(recycled_at);
        held.adjust(held.pods, &mut self.taken, room, now);
    }

    /// A node is gone with all its batches.
    fn leave(&mut self, node: NodeId) {
        if let Some(held) = self.nodes.remove(&node) {
            self.taken -= held.batches * BATCH;
        }
    }
}

/// What the machines of a cluster have taken.
fn taken(cx: &Cx, cluster: ClusterId, plugin: PluginSpec) -> Addresses {
    let mut taken = Addresses::default();
    for &pool in &cx.world[cluster].pools {
        let each = plugin.of_a_machine(cx.world[pool].capacity.pods);
        taken += each.times(quota::machines(&cx.world, pool));
    }
    if plugin == PluginSpec::PodSubnetDynamic {
        let subnet = cx.memory.cloud.pod_subnets.get(&cluster);
        taken.pods = subnet.map_or(0, |subnet| subnet.taken);
    }
    taken
}

/// All addresses of a cluster, and what its machines have taken of them.
#[must_use]
pub fn room_and_taken(cx: &Cx, cluster: ClusterId) -> Option<(Addresses, Addresses)> {
    let network = cx.world[cluster].network?;
    Some((network.room, taken(cx, cluster, network.plugin)))
}

/// What a machine of a pool takes.
#[must_use]
pub fn of_a_machine(world: &World, pool: PoolId) -> Addresses {
    let network = world[world[pool].cluster].network;
    let pods = world[pool].capacity.pods;
    network.map_or_else(Addresses::default, |network| network.plugin.of_a_machine(pods))
}

/// How many more pods find addresses in a cluster's dynamic pod subnet: in batches that nodes have,
/// and in those that are left. None: pods need no addresses of their own.
#[must_use]
pub fn room_for_pods(cx: &Cx, cluster: ClusterId) -> Option<u32> {
    let (room, _) = dynamic(cx, cluster)?;
    let subnet = cx.memory.cloud.pod_subnets.get(&cluster);
    let used = subnet.map_or(0, |subnet| subnet.nodes.values().map(Held::used).sum());
    Some((room / BATCH * BATCH).saturating_sub(used))
}

/// How many more machines of a pool find addresses.
#[must_use]
pub fn room_for_machines(cx: &Cx, pool: PoolId) -> u32 {
    let cluster = cx.world[pool].cluster;
    let Some(network) = cx.world[cluster].network else { return u32::MAX };
    let each = network.plugin.of_a_machine(cx.world[pool].capacity.pods);
    network.room.room_for(taken(cx, cluster, network.plugin), each)
}

/// Machines that a cluster's subnets have room for beside none, for a pool of its own.
#[must_use]
pub fn most_machines(world: &World, pool: PoolId) -> Option<u32> {
    let network = world[world[pool].cluster].network?;
    let each = network.plugin.of_a_machine(world[pool].capacity.pods);
    Some(network.room.room_for(Addresses::default(), each))
}

/// Room and recycling time of a cluster's dynamic pod subnet, if it has one.
fn dynamic(cx: &Cx, cluster: ClusterId) -> Option<(u32, Span)> {
    let network = cx.world[cluster].network?;
    (network.plugin == PluginSpec::PodSubnetDynamic)
        .then_some((network.room.pods, network.recycling))
}

/// Whether a bound pod has an address; if it finds none, it tries again later.
pub fn has_address(cx: &mut Cx, pod: PodId) -> bool {
    let cluster = cx.world.cluster_of(pod);
    let Some((room, _)) = dynamic(cx, cluster) else { return true };
    let node = cx.world[pod].node.expect("only bound pods want addresses");
    let now = cx.now;
    let subnet = cx.memory.cloud.pod_subnets.entry(cluster).or_default();
    if subnet.pods.contains(&pod) {
        return true;
    }
    if subnet.claim(node, room, now) {
        subnet.waiting.remove(&pod);
        subnet.pods.insert(pod);
        return true;
    }
    if subnet.waiting.insert(pod) {
        cx.say(What::PodWithoutAddress { pod, why: Why(EXHAUSTED) });
    }
    cx.clock.arm(Event::ContainerStep(pod), now + SANDBOX_RETRY);
    false
}

/// A pod is gone: its address comes back after a while.
pub fn pod_gone(cx: &mut Cx, pod: PodId) {
    let cluster = cx.world.cluster_of(pod);
    let Some((room, recycling)) = dynamic(cx, cluster) else { return };
    let now = cx.now;
    let Some(subnet) = cx.memory.cloud.pod_subnets.get_mut(&cluster) else { return };
    subnet.waiting.remove(&pod);
    if subnet.pods.remove(&pod)
        && let Some(node) = cx.world[pod].node
    {
        subnet.release(node, room, now + recycling, now);
    }
}

/// A machine is on its way: it holds its first batch.
pub fn machine_ordered(cx: &mut Cx, node: NodeId) {
    let cluster = cx.world[node].cluster;
    let Some((room, _)) = dynamic(cx, cluster) else { return };
    let subnet = cx.memory.cloud.pod_subnets.entry(cluster).or_default();
    subnet.nodes.entry(node).or_default().adjust(0, &mut subnet.taken, room, cx.now);
}

/// A node is gone: its addresses are free.
pub fn node_gone(cx: &mut Cx, node: NodeId) {
    let cluster = cx.world[node].cluster;
    if let Some(subnet) = cx.memory.cloud.pod_subnets.get_mut(&cluster) {
        subnet.leave(node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: u32 = 59;

    fn at(seconds: i64) -> Time {
        Time::from_secs(seconds)
    }

    /// A /26 has 59 addresses, three batches: the ninth pod takes the second, a neighbour the
    /// third, and 32 pods fit where none is left to take.
    #[test]
    fn one_node_can_starve_another() {
        let mut subnet = PodSubnet::default();
        let claim =
            |subnet: &mut PodSubnet, node: usize| subnet.claim(NodeId::new(node), ROOM, at(0));
        assert!((0..8).all(|_| claim(&mut subnet, 0)));
        assert_eq!(subnet.taken, 16, "eight are still free");
        assert!(claim(&mut subnet, 0));
        assert_eq!(subnet.taken, 32, "seven were");
        assert!(claim(&mut subnet, 1));
        assert_eq!(subnet.taken, 48, "no fourth batch fits into 59");
        assert!((9..32).all(|_| claim(&mut subnet, 0)), "free addresses are used up");
        assert!(!claim(&mut subnet, 0), "the 33rd pod finds none");
        assert_eq!(subnet.nodes[&NodeId::new(0)].pods, 32);
        assert!(claim(&mut subnet, 1), "the neighbour has some");
    }

    /// Addresses come back when their time is over, and batches that are not needed with them.
    #[test]
    fn addresses_come_back_after_a_while() {
        let mut subnet = PodSubnet::default();
        assert!((0..9).all(|_| subnet.claim(NodeId::new(0), ROOM, at(0))));
        subnet.release(NodeId::new(0), ROOM, at(5), at(0));
        assert_eq!(subnet.taken, 32, "eight pods and one address that is being recycled");
        subnet.release(NodeId::new(0), ROOM, at(9), at(4));
        assert_eq!(subnet.taken, 32, "a moment too early");
        assert!(subnet.claim(NodeId::new(0), ROOM, at(9)));
        assert_eq!(subnet.taken, 16, "eight pods again");
        subnet.leave(NodeId::new(0));
        assert_eq!(subnet.taken, 0);
    }
}
