//! Kubelets that fail while their machines go on: stopped, cut off from the API server, or not
//! ready by their own report.
//!
//! Follows pkg/kubelet/kubelet_node_status.go (tryUpdateNodeStatus every
//! nodeStatusUpdateFrequency, five tries) and prober/worker.go (probes after a restart of the
//! kubelet). Containers go on serving; nobody probes, restarts, starts or stops them, and what
//! the API server says of their pods stays as it was until the node monitor decides.
//!
//! Left out: what a kubelet that is only cut off goes on doing by itself (restarts, probes), and
//! the moment after a restart in which it calls pods unready that it has not probed yet.

use crate::control::kubelet::container;
use crate::control::{Cx, scheduler};
use crate::model::event::Event;
use crate::model::fact::{What, Why};
use crate::model::ids::NodeId;
use crate::model::node::Condition;
use crate::units::{Span, Time};

use super::lease::{TRY_TIMEOUT, first_success};
use super::sync::{
    arm_kubelet_stats, arm_monitor, begin_renewals, kubelet_fell_silent, set_readiness,
};

/// How often a kubelet looks whether its node's status has changed (nodeStatusUpdateFrequency).
const STATUS_PERIOD: Span = Span::from_secs(10);

/// How a kubelet comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// It starts anew: it posts its status at once and probes its containers from scratch.
    Restarted,
    /// It reaches the API server again: its next post gets through.
    Reconnected,
}

/// A fault stops a node's kubelet or cuts it off; the machine goes on.
pub fn silence(cx: &mut Cx, node: NodeId, why: Why) {
    if !cx.world[node].kubelet.begin() || !cx.world[node].is_up() {
        return;
    }
    cx.say(What::KubeletSilent { node, why });
    cx.clock.disarm(Event::KubeletStats(node));
    for pod in cx.world[node].pods.clone() {
        container::kubelet_stopped(cx, pod);
    }
    kubelet_fell_silent(cx, node);
    cx.memory.node_mut(node).cut_off_since = Some(cx.now);
}

/// That fault is over; if it was the last one, the kubelet is heard again at once or with its next
/// post.
pub fn end_silence(cx: &mut Cx, node: NodeId, how: Return) {
    if !cx.world[node].kubelet.end() || !cx.world[node].is_up() {
        return;
    }
    match (how, cx.memory.node_mut(node).cut_off_since) {
        // One whose machine was off when it was cut off has booted since and was never heard.
        (Return::Restarted, _) | (_, None) => starts(cx, node, Return::Restarted),
        (Return::Reconnected, Some(since)) => {
            let name = cx.world.node_name(node);
            let draw = |round| cx.chance.draw("status-jitter", &name, round);
            let due = next_post(cx, node, since);
            let at = first_success(due, cx.now, TRY_TIMEOUT, draw);
            cx.clock.arm(Event::NodeStatus(node), at);
        }
    }
}

/// A fault makes the kubelet report that its node is not ready: with its next post.
pub fn unfit(cx: &mut Cx, node: NodeId) {
    if cx.world[node].fitness.begin() {
        arm_post(cx, node);
    }
}

/// That fault is over.
pub fn end_unfit(cx: &mut Cx, node: NodeId) {
    if cx.world[node].fitness.end() {
        arm_post(cx, node);
    }
}

fn arm_post(cx: &mut Cx, node: NodeId) {
    if cx.world[node].has_kubelet() {
        let at = next_post(cx, node, cx.now);
        cx.clock.arm_by(Event::NodeStatus(node), at);
    }
}

/// When the kubelet posts its node's status at or after `from`.
fn next_post(cx: &Cx, node: NodeId, from: Time) -> Time {
    let phase = cx.chance.phase("node-status", &cx.world.node_name(node), STATUS_PERIOD);
    from.next_on_grid(Time::ZERO + phase, STATUS_PERIOD)
}

/// The kubelet posts its node's status; a post that nobody takes is tried again a period later.
pub fn post_status(cx: &mut Cx, node: NodeId) {
    if !cx.world[node].has_kubelet() {
        return;
    }
    if !cx.control_plane_is_up(cx.world[node].cluster) {
        cx.clock.arm(Event::NodeStatus(node), cx.now + STATUS_PERIOD);
    } else if cx.memory.node_mut(node).cut_off_since.is_some() {
        starts(cx, node, Return::Reconnected);
    } else {
        report(cx, node);
    }
}

/// The kubelet of a machine that runs is heard again, or for the first time since it booted.
pub(super) fn starts(cx: &mut Cx, node: NodeId, how: Return) {
    if cx.memory.node_mut(node).cut_off_since.is_some() {
        cx.say(What::KubeletBack { node });
    }
    if how == Return::Restarted {
        cx.world[node].kubelet_since = cx.now;
    }
    begin_renewals(cx, node, cx.now);
    report(cx, node);
    for pod in cx.world[node].pods.clone() {
        container::kubelet_starts(cx, pod, how);
    }
    arm_kubelet_stats(cx, node);
}

/// Writes into the Ready condition what the kubelet finds.
fn report(cx: &mut Cx, node: NodeId) {
    let fit = cx.world[node].fitness.is_up();
    set_readiness(cx, node, if fit { Condition::True } else { Condition::False });
    arm_monitor(cx, cx.world[node].cluster);
    if fit {
        scheduler::wake(cx, cx.world[node].cluster);
    }
}
