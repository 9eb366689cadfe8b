//! A drain: nodes are cordoned, then emptied by evictions, one after the other.
//!
//! Follows `RunDrain` of kubectl's pkg/cmd/drain/drain.go (all nodes are cordoned first; a node
//! that cannot be drained does not keep the next one from its turn) and `evictPods` of
//! pkg/drain/drain.go: all pods of a node are evicted at once, a refused one again after 5 s, and
//! the node is done when all of them are gone, which is looked at every second. Left out:
//! `--force` and pods without a controller, DaemonSets, and a shorter grace period for pods that
//! are being deleted already.

use crate::control::eviction::{self, Eviction, Refusal};
use crate::control::{Cx, scheduler};
use crate::model::event::Event;
use crate::model::fact::{What, Why};
use crate::model::ids::{ClusterId, NodeId, OperationId, PodId, PoolId, ZoneId};
use crate::model::node::Stage;
use crate::model::reference::{find, find_zone, given};
use crate::model::world::World;
use crate::spec::{Diagnostics, Name, section};
use crate::units::{Span, Time};

/// Between two attempts to evict a pod that its budget protects (`evictPods`).
const RETRY: Span = Span::from_secs(5);

/// Between two looks whether the evicted pods are gone (`waitForDelete`).
const POLL: Span = Span::from_secs(1);

section! {
    /// Nodes are cordoned and emptied as by `kubectl drain`, honouring PodDisruptionBudgets.
    pub struct DrainSpec {
        /// The cluster.
        "cluster" cluster: Name = required;
        /// Only nodes of this pool.
        "pool" pool: Option<Name> = optional;
        /// Only nodes in this zone of the cluster's region, by number.
        "zone" zone: Option<u32> = optional, range 1..=16;
        /// How many of them, the oldest first; left out, all that match.
        "nodes" nodes: Option<u32> = optional, range 1..=10000;
        /// Nodes that are emptied at the same time.
        "parallel" parallel: u32 = default "1", source "kubectl drain: one after the other",
            range 1..=10000;
        /// How long a node may take (`--timeout`); left out, for ever.
        "timeout" timeout: Option<Span> = optional, range "1s"..="366d";
        /// Seconds that pods get to stop (`--grace-period`); negative, each pod's own.
        "gracePeriod" grace_period: i32 = default "-1",
            source "kubectl pkg/cmd/drain/drain.go",
            range -1..=86400;
        /// How long after it is empty a node takes pods again; left out, it stays cordoned.
        "uncordonAfter" uncordon_after: Option<Span> = optional, range "0s"..="366d";
    }
}

/// Nodes to be emptied.
#[derive(Clone, Debug)]
pub struct Drain {
    /// The cluster.
    pub cluster: ClusterId,
    /// Only nodes of this pool.
    pub pool: Option<PoolId>,
    /// Only nodes in this zone.
    pub zone: Option<ZoneId>,
    /// How many, the oldest first.
    pub nodes: Option<u32>,
    /// Nodes that are emptied at the same time.
    pub parallel: u32,
    /// How long a node may take.
    pub timeout: Option<Span>,
    /// How long pods get to stop, if not as each says itself.
    pub grace: Option<Span>,
    /// How long after it is empty a node takes pods again.
    pub uncordon_after: Option<Span>,
}

/// How far a drain has come.
#[derive(Clone, Debug, Default)]
pub struct DrainState {
    /// Nodes whose turn has not come, the last one first.
    waiting: Vec<NodeId>,
    /// Nodes that are being emptied.
    active: Vec<Emptying>,
    /// Nodes that will take pods again, and when.
    resting: Vec<(NodeId, Time)>,
    /// Whether a node could not be emptied.
    has_failed: bool,
}

/// A node that is being emptied.
#[derive(Clone, Debug)]
struct Emptying {
    node: NodeId,
    since: Time,
    /// Pods that are still to be evicted, and whether that was refused before.
    refused: Vec<(PodId, bool)>,
    /// Pods that were evicted and are not gone yet.
    going: Vec<PodId>,
}

impl DrainSpec {
    pub(super) fn resolve(&self, world: &World, diagnostics: &mut Diagnostics) -> Option<Drain> {
        let clusters = world.clusters.iter().map(|cluster| cluster.name.as_str());
        let cluster = ClusterId::new(find("cluster", &self.cluster, clusters, diagnostics)?);
        let mut drain = Drain {
            cluster,
            pool: None,
            zone: None,
            nodes: *self.nodes,
            parallel: *self.parallel,
            timeout: *self.timeout,
            grace: (0 <= *self.grace_period)
                .then(|| Span::from_secs(i64::from(*self.grace_period))),
            uncordon_after: *self.uncordon_after,
        };
        if let Some(pool) = given(&self.pool) {
            let pools = world[cluster].pools.iter().map(|&pool| world[pool].name.as_str());
            drain.pool = Some(world[cluster].pools[find("pool", &pool, pools, diagnostics)?]);
        }
        if let Some(zone) = given(&self.zone) {
            drain.zone = Some(find_zone(&zone, world[cluster].region, world, diagnostics)?);
        }
        Some(drain)
    }
}

impl Drain {
    /// The nodes that it is about, in the order of their turns.
    fn nodes(&self, cx: &Cx) -> Vec<NodeId> {
        let matches = |&id: &NodeId| {
            let node = &cx.world[id];
            node.stage == Stage::Joined
                && self.pool.is_none_or(|pool| node.pool == pool)
                && self.zone.is_none_or(|zone| node.zone == zone)
        };
        let mut nodes: Vec<NodeId> = cx.world.cluster_nodes(self.cluster).filter(matches).collect();
        nodes.sort_unstable();
        nodes.truncate(self.nodes.map_or(usize::MAX, |count| count as usize));
        nodes
    }
}

/// Cordons all nodes and begins with the first.
pub(super) fn start(cx: &mut Cx, id: OperationId, drain: &Drain) {
    if !cx.control_plane_is_up(drain.cluster) {
        fail(cx, id, drain);
        return;
    }
    let mut waiting = drain.nodes(cx);
    for &node in &waiting {
        cordon(cx, node, true);
    }
    waiting.reverse();
    cx.memory.drains.insert(id, DrainState { waiting, ..DrainState::default() });
    step(cx, id, drain);
}

/// Looks at the nodes that are being emptied, and begins with the next ones.
pub(super) fn step(cx: &mut Cx, id: OperationId, drain: &Drain) {
    let Some(mut state) = cx.memory.drains.remove(&id) else { return };
    let is_at_work = !state.active.is_empty() || !state.waiting.is_empty();
    if is_at_work && !cx.control_plane_is_up(drain.cluster) {
        // kubectl gives up on anything but a refusal; nodes that rest stay cordoned, too.
        fail(cx, id, drain);
        return;
    }
    uncordon_rested(cx, drain, &mut state);
    for mut emptying in std::mem::take(&mut state.active) {
        look(cx, drain, &mut emptying);
        settle(cx, drain, &mut state, emptying);
    }
    while state.active.len() < drain.parallel as usize {
        let Some(node) = state.waiting.pop() else { break };
        let mut emptying = begin(cx, node);
        look(cx, drain, &mut emptying);
        settle(cx, drain, &mut state, emptying);
    }
    let rested = state.resting.iter().map(|&(_, at)| at).min();
    let next = match (state.active.is_empty(), rested) {
        (false, _) => cx.now + POLL,
        (true, Some(at)) => at.max(cx.now + POLL),
        (true, None) => {
            let why = if state.has_failed { "some nodes timed out" } else { "all nodes are empty" };
            cx.say(What::OperationDone { operation: id, why: Why(why) });
            return;
        }
    };
    cx.clock.arm(Event::OperationStep(id), next);
    cx.memory.drains.insert(id, state);
}

/// The turn of a node has come: the pods that it has now must go.
fn begin(cx: &Cx, node: NodeId) -> Emptying {
    let active = |&&pod: &&PodId| cx.world[pod].is_active();
    let (here, going): (Vec<PodId>, Vec<PodId>) =
        cx.world[node].pods.iter().partition(|pod| active(pod));
    let refused = here.into_iter().map(|pod| (pod, false)).collect();
    Emptying { node, since: cx.now, refused, going }
}

/// Evicts what is due and forgets what is gone.
fn look(cx: &mut Cx, drain: &Drain, emptying: &mut Emptying) {
    let is_due = (cx.now - emptying.since).nanos() % RETRY.nanos() == 0;
    if is_due {
        for (pod, was_refused) in std::mem::take(&mut emptying.refused) {
            match eviction::evict_within(cx, pod, drain.grace, Why("evicted: its node is drained"))
            {
                Eviction::Evicted(_) => emptying.going.push(pod),
                Eviction::Refused(Refusal::NoControlPlane) => {
                    unreachable!("the drain has looked whether it is up")
                }
                Eviction::Refused(refusal) => {
                    if !was_refused {
                        cx.say(What::EvictionRefused { pod, why: Why(refusal.words()) });
                    }
                    emptying.refused.push((pod, true));
                }
            }
        }
    }
    emptying.refused.retain(|&(pod, _)| !cx.world[pod].gone);
    emptying.going.retain(|&pod| !cx.world[pod].gone);
}

/// Files a node under what becomes of it.
fn settle(cx: &mut Cx, drain: &Drain, state: &mut DrainState, emptying: Emptying) {
    let node = emptying.node;
    if emptying.refused.is_empty() && emptying.going.is_empty() {
        cx.say(What::NodeDrained { node, drained: true });
        if let Some(rest) = drain.uncordon_after {
            state.resting.push((node, cx.now + rest));
        }
    } else if drain.timeout.is_some_and(|timeout| emptying.since + timeout <= cx.now) {
        cx.say(What::NodeDrained { node, drained: false });
        state.has_failed = true;
    } else {
        state.active.push(emptying);
    }
}

/// Nodes that have rested take pods again; without a control plane a second later.
fn uncordon_rested(cx: &mut Cx, drain: &Drain, state: &mut DrainState) {
    if !cx.control_plane_is_up(drain.cluster) {
        return;
    }
    for (node, at) in std::mem::take(&mut state.resting) {
        if at <= cx.now {
            cordon(cx, node, false);
        } else {
            state.resting.push((node, at));
        }
    }
}

fn cordon(cx: &mut Cx, node: NodeId, cordoned: bool) {
    if cx.world[node].stage == Stage::Deleted || cx.world[node].cordoned == cordoned {
        return;
    }
    cx.world[node].cordoned = cordoned;
    scheduler::node_changed(cx, node);
    cx.say(What::NodeCordoned { node, cordoned });
}

fn fail(cx: &mut Cx, id: OperationId, drain: &Drain) {
    let why = Why("the control plane does not answer");
    cx.say(What::OperationFailed { operation: id, cluster: drain.cluster, why });
}
