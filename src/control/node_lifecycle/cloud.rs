//! The cloud node lifecycle controller: nodes whose machines the cloud no longer has, or has
//! stopped.
//!
//! Follows kubernetes/cloud-provider controllers/nodelifecycle/node_lifecycle_controller.go
//! (MonitorNodes). Every five seconds each node that is not Ready is looked up in the cloud; a
//! Ready node only loses its shutdown taint. The pods of a deleted Node object stay until PodGC
//! finds them. A scale set that loses an instance is smaller by one from then on: who orders
//! another is the autoscaler, for pods that wait.
//!
//! Left out: the time that a look-up takes, its failures, and the moment between the loss of an
//! instance and that of its Node object, in which the scale set already is the smaller one.

use crate::control::network::outbound;
use crate::control::{Cx, cluster_autoscaler, metrics_pipeline, scheduler};
use crate::model::event::Event;
use crate::model::fact::{What, Why};
use crate::model::ids::{ClusterId, NodeId};
use crate::model::node::{Condition, Instance, Stage};
use crate::units::{Span, Time};

use super::{pod_gc, sync};

/// Time between two passes (cloud-controller-manager --node-monitor-period).
pub const PERIOD: Span = Span::from_secs(5);

/// What a pass does with a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Leave,
    /// Its machine does not exist: the Node object goes.
    Delete,
    /// Its machine is shut down: node.cloudprovider.kubernetes.io/shutdown:NoSchedule.
    TaintShutdown,
    /// It is Ready again: the shutdown taint goes.
    Untaint,
}

/// What a pass does with a node in this condition.
#[must_use]
pub const fn verdict(ready: Condition, instance: Instance, tainted: bool) -> Verdict {
    match (ready, instance) {
        (Condition::True, _) if tainted => Verdict::Untaint,
        (Condition::True, _) => Verdict::Leave,
        (_, Instance::Deleted) => Verdict::Delete,
        (_, Instance::Stopped) if !tainted => Verdict::TaintShutdown,
        _ => Verdict::Leave,
    }
}

/// A node may be one for the next pass: its condition changed, or its machine.
pub(super) fn arm(cx: &mut Cx, cluster: ClusterId) {
    let phase = cx.chance.phase("cloud-node-lifecycle", &cx.world[cluster].name, PERIOD);
    let at = cx.now.next_on_grid(Time::ZERO + phase, PERIOD);
    cx.clock.arm_by(Event::CloudNodePass(cluster), at);
}

/// What the cloud knows of a node's machine changed.
pub fn instance_changes(cx: &mut Cx, node: NodeId, instance: Instance) {
    cx.world[node].instance = instance;
    arm(cx, cx.world[node].cluster);
}

/// A pass over the nodes of a cluster.
pub fn pass(cx: &mut Cx, cluster: ClusterId) {
    if !cx.control_plane_is_up(cluster) {
        return;
    }
    let joined = |&node: &NodeId| cx.world[node].stage == Stage::Joined;
    let nodes: Vec<NodeId> = cx.world.cluster_nodes(cluster).filter(joined).collect();
    for node in nodes {
        let state = &cx.world[node];
        match verdict(state.ready, state.instance, state.shutdown_taint) {
            Verdict::Leave => {}
            Verdict::Delete => delete_object(cx, node),
            Verdict::TaintShutdown => set_shutdown(cx, node, true),
            Verdict::Untaint => set_shutdown(cx, node, false),
        }
    }
}

fn set_shutdown(cx: &mut Cx, node: NodeId, tainted: bool) {
    cx.world[node].shutdown_taint = tainted;
    cx.say(What::NodeTainted { node, taint: Why("shutdown:NoSchedule"), tainted });
    scheduler::node_changed(cx, node);
}

/// The Node object goes; its pods are left to PodGC.
fn delete_object(cx: &mut Cx, node: NodeId) {
    let cluster = cx.world[node].cluster;
    cx.world[node].stage = Stage::Deleted;
    scheduler::node_changed(cx, node);
    cx.world[node].running = false;
    cx.say(What::NodeDeleted { node, why: Why("its machine no longer exists") });
    sync::leave_pool(cx, node);
    cx.clock.retire_node(node);
    for pod in cx.world[node].pods.clone() {
        metrics_pipeline::forget(cx, pod);
    }
    cluster_autoscaler::node_is_gone(cx, node);
    pod_gc::node_is_gone(cx, cluster, node);
    outbound::nodes_changed(cx, cluster);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row per rule of a pass.
    #[test]
    fn what_a_pass_does() {
        use Condition::{False, True, Unknown};
        use Instance::{Deleted, Running, Stopped};
        for (rule, ready, instance, tainted, expected) in [
            ("a Ready node is not looked up", True, Deleted, false, Verdict::Leave),
            ("a Ready node loses the taint", True, Stopped, true, Verdict::Untaint),
            ("the machine is there", Unknown, Running, false, Verdict::Leave),
            ("no machine: the object goes", Unknown, Deleted, false, Verdict::Delete),
            ("whatever its taints", False, Deleted, true, Verdict::Delete),
            ("stopped: tainted", Unknown, Stopped, false, Verdict::TaintShutdown),
            ("once", False, Stopped, true, Verdict::Leave),
            ("running again, not Ready yet: the taint stays", False, Running, true, Verdict::Leave),
        ] {
            assert_eq!(verdict(ready, instance, tainted), expected, "{rule}");
        }
    }
}
