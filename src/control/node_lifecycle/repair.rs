//! The shell of AKS node auto-repair: checks while a node is not well, and what actions achieve.
//!
//! An action takes the machine down for as long as it lasts. Whether it helps depends on what is
//! wrong: each fault that can be repaired says which action is the weakest that does.

use crate::control::Cx;
use crate::control::cloud::api;
use crate::model::event::Event;
use crate::model::fact::{What, Why};
use crate::model::ids::{ClusterId, FaultId, NodeId};
use crate::model::node::{Condition, Stage};
use crate::sim::streams::unit;
use crate::units::{Span, Time};

use super::auto_repair::{Check, History, Repair, RepairAction, look_at};
use super::kubelet_outage::{Return, end_silence, end_unfit};
use super::sync::{heartbeat, joins, take_down};

/// What a fault holds of the nodes that it struck, and what makes it let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// The weakest action that ends the fault for a node.
    pub weakest: RepairAction,
    /// What is broken.
    pub broken: Broken,
}

/// What is broken about a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The machine is down.
    Power,
    /// The kubelet is stopped or cut off.
    Kubelet,
    /// The kubelet reports that the node is not ready.
    Fitness,
}

/// What auto-repair remembers of a node.
#[derive(Clone, Copy, Debug, Default)]
pub struct NodeRepair {
    history: History,
    /// The action that is being carried out.
    under_way: Option<RepairAction>,
    gave_up: bool,
    n_actions: u64,
}

/// A node of a cluster may not be well: checks matter from now on.
pub(super) fn arm_checks(cx: &mut Cx, cluster: ClusterId) {
    let Some(plan) = &cx.settings.auto_repair[cluster.index()] else { return };
    let period = plan.check_period;
    let phase = cx.chance.phase("auto-repair", &cx.world[cluster].name, period);
    let at = cx.now.next_on_grid(Time::ZERO + phase, period);
    cx.clock.arm_by(Event::RepairCheck(cluster), at);
}

/// All nodes of a cluster are checked; again after a period while one is not well.
pub fn check(cx: &mut Cx, cluster: ClusterId) {
    let joined = |&node: &NodeId| cx.world[node].stage == Stage::Joined;
    let nodes: Vec<NodeId> = cx.world.cluster_nodes(cluster).filter(joined).collect();
    let mut all_well = true;
    for node in nodes {
        all_well &= check_node(cx, node);
    }
    if let (false, Some(plan)) = (all_well, &cx.settings.auto_repair[cluster.index()]) {
        let at = cx.now + plan.check_period;
        cx.clock.arm(Event::RepairCheck(cluster), at);
    }
}

/// Checks a node; false if it has to be looked at again.
fn check_node(cx: &mut Cx, node: NodeId) -> bool {
    let state = &cx.world[node];
    let (ready, has_kubelet) = (state.ready == Condition::True, state.has_kubelet());
    let excluded = state.shutdown_taint || state.to_be_deleted;
    let under_way = cx.memory.repairs.get(&node).is_some_and(|known| known.under_way.is_some());
    if (ready && has_kubelet) || under_way || !cx.control_plane_is_up(cx.world[node].cluster) {
        if !under_way {
            cx.memory.repairs.remove(&node);
        }
        return ready && has_kubelet;
    }
    let region = cx.world[cx.world[node].cluster].region;
    let cloud_is_up = api::is_up(cx, region).is_ok();
    let found = Check { at: cx.now, ready, heard_at: heartbeat(cx, node), excluded, cloud_is_up };
    let known = cx.memory.repairs.entry(node).or_default();
    match look_at(&mut known.history, found) {
        Repair::Act(action) => begin(cx, node, action),
        Repair::GaveUp if !known.gave_up => {
            known.gave_up = true;
            cx.say(What::RepairGaveUp { node });
        }
        Repair::GaveUp | Repair::Healthy | Repair::Wait => {}
        Repair::Excluded | Repair::Blocked => {}
    }
    false
}

fn begin(cx: &mut Cx, node: NodeId, action: RepairAction) {
    cx.say(What::RepairStarted { node, action: Why(action.words()) });
    let name = cx.world.node_name(node);
    let known = cx.memory.repairs.get_mut(&node).expect("a node under repair is known");
    known.under_way = Some(action);
    known.n_actions += 1;
    let draw = cx.chance.draw(action.words(), &name, known.n_actions);
    let plan = cx.settings.auto_repair[cx.world[node].cluster.index()].as_ref();
    let plan = plan.expect("only clusters with auto-repair check their nodes");
    let lasts = plan.duration(action).quantile(unit(draw));
    cx.clock.arm(Event::RepairEnds(node), cx.now + Span::from_secs_f64(lasts));
    if cx.world[node].power.begin() {
        take_down(cx, node);
    }
    if action == RepairAction::Reimage {
        cx.world[node].images.clear();
    }
}

/// An action has ended: what it helps against is over, and the machine comes up if nothing else
/// holds it down.
pub fn ends(cx: &mut Cx, node: NodeId) {
    let Some(known) = cx.memory.repairs.get_mut(&node) else { return };
    let action = known.under_way.take().expect("an action ends that began");
    known.history.action_ended(cx.now);
    let helps = |(fault, nodes): (&FaultId, &Vec<NodeId>)| {
        let remedy = cx.memory.remedies.get(fault).copied()?;
        (remedy.weakest <= action && nodes.contains(&node)).then_some((*fault, remedy.broken))
    };
    let helped: Vec<(FaultId, Broken)> = cx.memory.struck.iter().filter_map(helps).collect();
    cx.say(What::RepairEnded { node, action: Why(action.words()), helped: !helped.is_empty() });
    for (fault, broken) in helped {
        let nodes = cx.memory.struck.get_mut(&fault).expect("the fault was just found");
        nodes.retain(|&other| other != node);
        match broken {
            Broken::Power => {
                cx.world[node].power.end();
            }
            Broken::Kubelet => end_silence(cx, node, Return::Restarted),
            Broken::Fitness => end_unfit(cx, node),
        }
    }
    if cx.world[node].power.end() {
        joins(cx, node);
    }
}
