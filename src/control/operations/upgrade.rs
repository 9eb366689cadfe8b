//! An upgrade of a node pool with surge, node by node: what a failover may meet in flight.
//!
//! Follows aks-docs upgrade-aks-node-pools-rolling.md: surge nodes are made first; then as many
//! nodes at a time as there is surge are cordoned, drained and reimaged, and take pods again after
//! the soak time; at the end the surge nodes are drained and deleted. Surge nodes need quota and
//! addresses like any others; where they cannot be had, one is tried instead (from 1.35 on), and
//! then the upgrade fails. So it does when a node is not drained in time; it leaves everything as
//! it is then. A reimage takes as long as a new machine (assumed). Left out: `maxUnavailable`
//! instead of surge, undrainable-node behaviour `Cordon`, and the upgrade of the control plane.

use crate::control::cloud::api;
use crate::control::cluster_autoscaler::provider;
use crate::control::eviction::{self, Eviction};
use crate::control::{Cx, node_lifecycle, scheduler};
use crate::model::event::Event;
use crate::model::fact::{What, Why};
use crate::model::ids::{ClusterId, NodeId, OperationId, PodId, PoolId};
use crate::model::node::{Condition, Stage};
use crate::model::reference::find;
use crate::model::world::World;
use crate::sim::streams::unit;
use crate::spec::{Diagnostics, Name, section};
use crate::units::{IntOrPercent, Span, Time};

/// Between two looks at the nodes; a refused eviction is tried again as often (kubectl drain).
const POLL: Span = Span::from_secs(5);

section! {
    /// A node pool is upgraded with surge nodes, honouring PodDisruptionBudgets.
    pub struct UpgradeSpec {
        /// The cluster.
        "cluster" cluster: Name = required;
        /// The pool.
        "pool" pool: Name = required;
        /// Nodes that are added, and so nodes that are upgraded at a time; a share is rounded up.
        "maxSurge" max_surge: IntOrPercent = default "1",
            source "aks-docs rolling upgrade: 1; the large-scale page says 10%", low confidence;
        /// How long a node may take to be drained.
        "drainTimeout" drain_timeout: Span = default "30m", source "aks-docs rolling upgrade",
            range "1m"..="24h";
        /// How long an upgraded node rests before the next one's turn.
        "soak" soak: Span = default "0s", source "aks-docs rolling upgrade", range "0s"..="30m";
    }
}

/// An upgrade of a pool.
#[derive(Clone, Copy, Debug)]
pub struct Upgrade {
    cluster: ClusterId,
    pool: PoolId,
    max_surge: IntOrPercent,
    drain_timeout: Span,
    soak: Span,
}

/// How far an upgrade has come.
#[derive(Clone, Debug)]
pub struct UpgradeState {
    /// Nodes whose turn has not come, the last one first.
    waiting: Vec<NodeId>,
    /// Nodes that were added.
    surge: Vec<NodeId>,
    /// Nodes whose turn it is.
    active: Vec<(NodeId, Turn)>,
    /// Whether the surge nodes are on their way out.
    is_ending: bool,
}

/// What happens to a node when it is its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Its pods are evicted, until this instant at the latest.
    Draining(Time),
    /// It is reimaged.
    Reimaging,
    /// It is ready again and rests until this instant.
    Soaking(Time),
}

impl UpgradeSpec {
    pub(super) fn resolve(&self, world: &World, diagnostics: &mut Diagnostics) -> Option<Upgrade> {
        let clusters = world.clusters.iter().map(|cluster| cluster.name.as_str());
        let cluster = ClusterId::new(find("cluster", &self.cluster, clusters, diagnostics)?);
        let pools = world[cluster].pools.iter().map(|&pool| world[pool].name.as_str());
        let pool = world[cluster].pools[find("pool", &self.pool, pools, diagnostics)?];
        Some(Upgrade {
            cluster,
            pool,
            max_surge: *self.max_surge,
            drain_timeout: *self.drain_timeout,
            soak: *self.soak,
        })
    }
}

/// Nodes of surge: at least one.
#[must_use]
pub fn surge_of(max_surge: IntOrPercent, nodes: usize) -> usize {
    max_surge.of_rounded_up(nodes).max(1)
}

fn fail(cx: &mut Cx, operation: OperationId, upgrade: &Upgrade, why: &'static str) {
    cx.memory.upgrades.remove(&operation);
    cx.say(What::OperationFailed { operation, cluster: upgrade.cluster, why: Why(why) });
}

/// Orders the surge nodes.
pub(super) fn start(cx: &mut Cx, id: OperationId, upgrade: &Upgrade) {
    if !cx.control_plane_is_up(upgrade.cluster) {
        return fail(cx, id, upgrade, "the control plane does not answer");
    }
    if let Err(why) = api::put_agent_pool(cx, upgrade.pool) {
        return fail(cx, id, upgrade, why);
    }
    let is_old = |&node: &NodeId| {
        let node = &cx.world[node];
        node.stage == Stage::Joined && !node.suspended
    };
    let mut old: Vec<NodeId> =
        cx.world[upgrade.pool].nodes.iter().copied().filter(is_old).collect();
    old.reverse();
    let wanted = surge_of(upgrade.max_surge, old.len());
    let order = match provider::ask(cx, upgrade.pool, wanted) {
        Err(_) if 1 < wanted => provider::ask(cx, upgrade.pool, 1),
        order => order,
    };
    let before = cx.world.nodes.len();
    match order {
        Ok(order) => provider::enlarge(cx, order),
        Err(why) => return fail(cx, id, upgrade, why),
    }
    let surge = (before..cx.world.nodes.len()).map(NodeId::new).collect();
    let state = UpgradeState { waiting: old, surge, active: Vec::new(), is_ending: false };
    cx.memory.upgrades.insert(id, state);
    cx.clock.arm(Event::OperationStep(id), cx.now + POLL);
}

/// Looks at the nodes whose turn it is, and begins with the next ones.
pub(super) fn step(cx: &mut Cx, id: OperationId, upgrade: &Upgrade) {
    let Some(mut state) = cx.memory.upgrades.remove(&id) else { return };
    if !cx.control_plane_is_up(upgrade.cluster) {
        return fail(cx, id, upgrade, "the control plane does not answer");
    }
    state.surge.retain(|&node| cx.world[node].stage != Stage::Deleted);
    let is_there = |&node: &NodeId| cx.world[node].stage == Stage::Joined;
    if state.surge.iter().all(is_there) {
        for (node, turn) in std::mem::take(&mut state.active) {
            match go_on(cx, upgrade, node, turn, state.is_ending) {
                Ok(Some(turn)) => state.active.push((node, turn)),
                Ok(None) => {}
                Err(why) => return fail(cx, id, upgrade, why),
            }
        }
        begin_next(cx, upgrade, &mut state);
        if state.is_ending && state.active.is_empty() {
            cx.say(What::OperationDone { operation: id, why: Why("all nodes are upgraded") });
            return;
        }
    }
    cx.clock.arm(Event::OperationStep(id), cx.now + POLL);
    cx.memory.upgrades.insert(id, state);
}

/// As many nodes are upgraded at a time as there is surge; after the last one the surge goes.
fn begin_next(cx: &mut Cx, upgrade: &Upgrade, state: &mut UpgradeState) {
    let at_a_time = state.surge.len().max(1);
    while state.active.len() < at_a_time && !state.is_ending {
        let Some(node) = state.waiting.pop() else { break };
        if cx.world[node].stage == Stage::Joined {
            state.active.push((node, begin(cx, upgrade, node)));
        }
    }
    if state.active.is_empty() && state.waiting.is_empty() && !state.is_ending {
        state.is_ending = true;
        for node in std::mem::take(&mut state.surge) {
            let turn = begin(cx, upgrade, node);
            state.active.push((node, turn));
        }
    }
}

/// The turn of a node has come.
fn begin(cx: &mut Cx, upgrade: &Upgrade, node: NodeId) -> Turn {
    set_cordon(cx, node, true);
    Turn::Draining(cx.now + upgrade.drain_timeout)
}

fn set_cordon(cx: &mut Cx, node: NodeId, cordoned: bool) {
    cx.world[node].cordoned = cordoned;
    scheduler::node_changed(cx, node);
    cx.say(What::NodeCordoned { node, cordoned });
}

/// What a node does next; None when its turn is over.
///
/// # Errors
/// Why the upgrade fails.
fn go_on(
    cx: &mut Cx,
    upgrade: &Upgrade,
    node: NodeId,
    turn: Turn,
    is_ending: bool,
) -> Result<Option<Turn>, &'static str> {
    if cx.world[node].stage != Stage::Joined {
        return Ok(None);
    }
    match turn {
        Turn::Draining(until) => {
            if !is_drained(cx, node) {
                let is_late = until <= cx.now;
                return if is_late {
                    Err("a node was not drained in time")
                } else {
                    Ok(Some(turn))
                };
            }
            cx.say(What::NodeDrained { node, drained: true });
            if is_ending {
                provider::delete(cx, node, "upgrade: surge is over")?;
                return Ok(None);
            }
            api::update_scale_set(cx, upgrade.pool)?;
            reimage(cx, node);
            Ok(Some(Turn::Reimaging))
        }
        Turn::Reimaging if is_back(cx, node) => Ok(Some(Turn::Soaking(cx.now + upgrade.soak))),
        Turn::Soaking(until) if until <= cx.now => {
            set_cordon(cx, node, false);
            Ok(None)
        }
        turn => Ok(Some(turn)),
    }
}

/// Whether a reimaged node runs and is Ready again.
fn is_back(cx: &Cx, node: NodeId) -> bool {
    cx.world[node].has_kubelet() && cx.world[node].ready == Condition::True
}

/// Evicts what is there; whether nothing is any more.
fn is_drained(cx: &mut Cx, node: NodeId) -> bool {
    let pods: Vec<PodId> = cx.world[node].pods.clone();
    for &pod in &pods {
        if cx.world[pod].is_active() {
            let why = Why("evicted: its node is upgraded");
            if let Eviction::Refused(refusal) = eviction::evict_within(cx, pod, None, why) {
                cx.say(What::EvictionRefused { pod, why: Why(refusal.words()) });
            }
        }
    }
    pods.is_empty()
}

/// The machine of an empty node gets its new image: it is off as long as a new one takes.
fn reimage(cx: &mut Cx, node: NodeId) {
    node_lifecycle::take_down(cx, node);
    cx.world[node].images.clear();
    let name = cx.world.node_name(node);
    let draw = cx.chance.draw("reimage", &name, cx.now.nanos().cast_unsigned());
    let delay = cx.world[cx.world[node].pool].provisioning.quantile(unit(draw));
    cx.clock.arm(Event::NodeJoins(node), cx.now + Span::from_secs_f64(delay));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shares are rounded up, and there is always one node of surge.
    #[test]
    fn surge_is_rounded_up() {
        use IntOrPercent::{Int, Percent};
        for (max_surge, nodes, surge) in [
            (Int(1), 9, 1),
            (Int(0), 9, 1),
            (Percent(10), 10, 1),
            (Percent(10), 11, 2),
            (Percent(33), 10, 4),
        ] {
            assert_eq!(surge_of(max_surge, nodes), surge, "{max_surge:?} of {nodes}");
        }
    }
}
