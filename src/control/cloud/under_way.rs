//! Machines that are being made or started when a region's compute control plane is lost.
//!
//! In East US 2 on 10 September 2025 (incident VKY3-PF8) create, start, stop and scale failed for
//! 587 minutes; what became of operations under way is not published, and there is no upstream to
//! follow. So a fault says which: they stand still and go on when the control plane is back, or
//! they fail. Left out: the reimaging of nodes by upgrades and actions of auto-repair, which end if
//! they had begun.

use crate::control::Cx;
use crate::control::cluster_autoscaler::provider::NO_START;
use crate::model::event::Event;
use crate::model::fact::{What, Why};
use crate::model::ids::{ClusterId, NodeId, PoolId, RegionId};
use crate::model::node::{Instance, Stage};
use crate::units::Span;

/// Machines of a region that are under way, with their events armed.
fn under_way(cx: &Cx, region: RegionId) -> Vec<NodeId> {
    let clusters = (0..cx.world.clusters.len()).map(ClusterId::new);
    let here = clusters.filter(|&cluster| cx.world[cluster].region == region);
    let is_meant = |&node: &NodeId| {
        let is_made = cx.world[node].stage == Stage::Provisioning;
        let is_started = cx.memory.cloud.starting.contains(&node);
        (is_made || is_started) && cx.clock.armed_for(Event::NodeJoins(node)).is_some()
    };
    here.flat_map(|cluster| cx.world.cluster_nodes(cluster)).filter(is_meant).collect()
}

/// They stand still until [`thaw`].
pub fn freeze(cx: &mut Cx, region: RegionId) {
    for node in under_way(cx, region) {
        let event = Event::NodeJoins(node);
        let at = cx.clock.armed_for(event).expect("listed as armed");
        cx.memory.cloud.frozen.insert(node, at - cx.now);
        cx.clock.disarm(event);
    }
}

/// They go on, with what was left of their time.
pub fn thaw(cx: &mut Cx, region: RegionId) {
    for (node, left) in take_frozen(cx, region) {
        if cx.world[node].stage != Stage::Deleted {
            cx.clock.arm(Event::NodeJoins(node), cx.now + left);
        }
    }
}

fn take_frozen(cx: &mut Cx, region: RegionId) -> Vec<(NodeId, Span)> {
    let all = std::mem::take(&mut cx.memory.cloud.frozen).into_iter();
    let is_here = |&(node, _): &(NodeId, Span)| cx.world[cx.world[node].cluster].region == region;
    let (here, elsewhere): (Vec<_>, Vec<_>) = all.partition(is_here);
    cx.memory.cloud.frozen = elsewhere.into_iter().collect();
    here
}

/// They fail: new machines never come, those that were to start stay deallocated.
pub fn fail(cx: &mut Cx, region: RegionId) {
    freeze(cx, region);
    let mut failed: Vec<(PoolId, u32)> = Vec::new();
    for (node, _) in take_frozen(cx, region) {
        let pool = cx.world[node].pool;
        if cx.memory.cloud.starting.remove(&node) {
            cx.world[node].suspended = true;
            cx.world[node].instance = Instance::Stopped;
            cx.world[pool].target = cx.world[pool].target.saturating_sub(1);
            cx.say(What::NodeStarted { node, why: Why(NO_START) });
            continue;
        }
        cx.world[node].allocated = false;
        match failed.iter_mut().find(|(of, _)| *of == pool) {
            Some((_, nodes)) => *nodes += 1,
            None => failed.push((pool, 1)),
        }
    }
    for (pool, nodes) in failed {
        cx.say(What::AllocationFailed { pool, nodes });
    }
}
