//! PodGC: removes pods whose Node object is gone.
//!
//! Follows podgc/gc_controller.go (gcOrphaned). A pass each 20 s; the first pass that misses
//! the node starts a quarantine of 40 s, the first pass after that force-deletes its pods. Passes
//! start a little more than 20 s apart, so a pass that falls exactly on the end of the quarantine
//! counts as after it. A pod that nobody has evicted by then counts until that instant, so its
//! ReplicaSet replaces it only now.

use crate::control::Cx;
use crate::control::kubelet::container;
use crate::model::event::Event;
use crate::model::fact::Why;
use crate::model::ids::{ClusterId, NodeId};
use crate::units::{Span, Time};

/// Time between two passes (gcCheckPeriod).
pub const PERIOD: Span = Span::from_secs(20);

/// How long a node must have been missing (quarantineTime).
pub const QUARANTINE: Span = Span::from_secs(40);

/// The pass, on the grid through `phase`, that force-deletes the pods of a node whose object is
/// deleted at `node_deleted_at`: 40 to 60 s later.
#[must_use]
pub fn orphans_deleted_at(node_deleted_at: Time, phase: Time) -> Time {
    let missed = node_deleted_at.next_on_grid(phase, PERIOD);
    (missed + QUARANTINE).next_on_grid(phase, PERIOD)
}

/// The pass that force-deletes the pods of a node tainted out-of-service at `tainted_at`.
#[must_use]
pub fn out_of_service_deleted_at(tainted_at: Time, phase: Time) -> Time {
    tainted_at.next_on_grid(phase, PERIOD)
}

fn phase(cx: &Cx, cluster: ClusterId) -> Time {
    Time::ZERO + cx.chance.phase("pod-gc", &cx.world[cluster].name, PERIOD)
}

/// A Node object was deleted while pods were bound to it.
pub(super) fn node_is_gone(cx: &mut Cx, cluster: ClusterId, node: NodeId) {
    if cx.world[node].pods.is_empty() {
        return;
    }
    let due = orphans_deleted_at(cx.now, phase(cx, cluster));
    cx.memory.orphaned.insert(node, due);
    cx.clock.arm_by(Event::PodGarbage(cluster), due);
}

/// The controller starts anew: it misses the nodes of its orphans for the first time.
pub(super) fn restarted(cx: &mut Cx, cluster: ClusterId) {
    let of_cluster = |&node: &NodeId| cx.world[node].cluster == cluster;
    let nodes: Vec<NodeId> = cx.memory.orphaned.keys().copied().filter(of_cluster).collect();
    for node in nodes {
        node_is_gone(cx, cluster, node);
    }
}

/// Force-deletes the pods of nodes that have been gone for the quarantine.
pub fn collect(cx: &mut Cx, cluster: ClusterId) {
    if !cx.control_plane_is_up(cluster) {
        return;
    }
    let of_cluster = |(node, _): &(&NodeId, &Time)| cx.world[**node].cluster == cluster;
    let known = cx.memory.orphaned.iter().filter(of_cluster).map(|(&node, &due)| (node, due));
    let known: Vec<(NodeId, Time)> = known.collect();
    for (node, due) in known {
        if cx.now < due {
            cx.clock.arm_by(Event::PodGarbage(cluster), due);
            continue;
        }
        cx.memory.orphaned.remove(&node);
        for pod in cx.world[node].pods.clone() {
            container::delete(cx, pod, Why("PodGC: its node is gone"));
            container::gone(cx, pod);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Passes at 5, 25, 45, 65, …: a node gone at 6 is missed at 25 and its pods go at 65; an
    /// out-of-service taint acts on the next pass.
    #[test]
    fn quarantine_ends_on_a_pass() {
        let (at, phase) = (Time::from_secs, Time::from_secs(5));
        let gone = [5, 6, 24, 25, 26].map(|secs| orphans_deleted_at(at(secs), phase));
        assert_eq!(gone, [45, 65, 65, 65, 85].map(at));
        assert_eq!(out_of_service_deleted_at(at(6), phase), at(25));
    }
}
