//! Power and its return, for every fault that takes machines down.
//!
//! A node is down while any fault holds it; repaired machines boot and start their containers
//! cold. A virtual machine that is ordered into a dead zone comes up only after the zone does.

use crate::control::{Cx, front_door_health, node_lifecycle};
use crate::model::cluster::OriginState;
use crate::model::event::Event;
use crate::model::fact::What;
use crate::model::ids::{ClusterId, NodeId, RegionId};
use crate::model::node::Stage;
use crate::model::world::World;
use crate::sim::streams::unit;
use crate::units::Span;

/// Cuts the power of nodes; those that another fault already holds down stay down.
pub fn cut(cx: &mut Cx, nodes: &[NodeId]) {
    for &node in nodes {
        if !cx.world[node].power.begin() || cx.world[node].stage != Stage::Joined {
            continue;
        }
        cx.say(What::NodeLost { node });
        node_lifecycle::take_down(cx, node);
    }
}

/// Gives power back to nodes; those that no fault holds any more begin to boot.
pub fn restore(cx: &mut Cx, nodes: &[NodeId]) {
    for &node in nodes {
        if !cx.world[node].power.end() || cx.world[node].stage == Stage::Deleted {
            continue;
        }
        let name = cx.world.node_name(node);
        let boot = cx.chance.draw("reboot", &name, cx.now.nanos().cast_unsigned());
        let boot = cx.world[cx.world[node].pool].reboot.quantile(unit(boot));
        cx.clock.arm(Event::NodeJoins(node), cx.now + Span::from_secs_f64(boot));
    }
}

/// Machines that were ordered into a place that was dead come up now: their provisioning begins
/// again.
pub fn release_orders(cx: &mut Cx, is_there: impl Fn(&Cx, NodeId) -> bool) {
    let ordered = |cx: &Cx, node: NodeId| cx.world[node].stage == Stage::Provisioning;
    for cluster in (0..cx.world.clusters.len()).map(ClusterId::new) {
        for node in nodes_of(cx, cluster, |cx, node| ordered(cx, node) && is_there(cx, node)) {
            let name = cx.world.node_name(node);
            let draw = cx.chance.draw("reprovision", &name, cx.now.nanos().cast_unsigned());
            let delay = cx.world[cx.world[node].pool].provisioning.quantile(unit(draw));
            cx.clock.arm(Event::NodeJoins(node), cx.now + Span::from_secs_f64(delay));
        }
    }
}

/// A uniform choice among `n` things by one draw.
#[must_use]
pub fn pick(draw: u64, n: usize) -> usize {
    let high = (u128::from(draw) * n as u128) >> 64;
    usize::try_from(high).expect("below n")
}

/// The nodes of a cluster that exist or are on order and satisfy a condition.
pub fn nodes_of(cx: &Cx, cluster: ClusterId, is_hit: impl Fn(&Cx, NodeId) -> bool) -> Vec<NodeId> {
    cx.world.cluster_nodes(cluster).filter(|&node| is_hit(cx, node)).collect()
}

/// The clusters that stand in a region.
#[must_use]
pub fn clusters_in(world: &World, region: RegionId) -> Vec<ClusterId> {
    let all = (0..world.clusters.len()).map(ClusterId::new);
    all.filter(|&cluster| world[cluster].region == region).collect()
}

/// The ingress of a cluster answers differently from now on; that of a stopped one never serves.
pub fn origin_changes(cx: &mut Cx, cluster: ClusterId, state: OriginState) {
    let is_stopped = cx.world[cluster].stopped_since.is_some();
    let serves = state == OriginState::Serving;
    cx.world[cluster].origin = if serves && is_stopped { OriginState::Refused } else { state };
    front_door_health::origin_changed(cx, cluster);
}
