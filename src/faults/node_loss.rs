//! Loss of single nodes: their machines stop, or only their kubelets, for a while or for good.
//!
//! With `mode: kubeletStopped` or `isolated` containers go on serving and nobody looks after them;
//! with `notReady` the kubelet works and reports that its node is not ready. `instance` says what
//! the cloud has of a machine that stopped: one that is `deleted` never comes back, whatever the
//! fault's duration, and its Node object goes with it. Auto-repair of the cluster may end the
//! fault for a node before its duration is over, see `repairedBy`.
//!
//! Which nodes is drawn among those that match (pool, zone, rack), without replacement, when the
//! fault strikes.

use crate::control::Cx;
use crate::control::node_lifecycle::auto_repair::RepairAction;
use crate::control::node_lifecycle::cloud;
use crate::control::node_lifecycle::kubelet_outage::{self, Return};
use crate::control::node_lifecycle::repair::{Broken, Remedy};
use crate::model::fact::{ClusterSet, Why};
use crate::model::ids::{ClusterId, FaultId, NodeId, PoolId, RackId, ZoneId};
use crate::model::node::{Instance, Stage};
use crate::model::reference::{find, find_rack, find_zone, given};
use crate::model::world::World;
use crate::spec::{Code, Decoder, Diagnostic, Diagnostics, Name, choice, section};

use super::power;
use super::{Fault, FaultSection};

section! {
    /// Single nodes are lost.
    pub struct NodeLossSpec {
        /// The cluster.
        "cluster" cluster: Name = required;
        /// Only nodes of this pool.
        "pool" pool: Option<Name> = optional;
        /// Only nodes in this zone of the cluster's region, by number.
        "zone" zone: Option<u32> = optional, range 1..=16;
        /// Only nodes in this rack of the zone, by number.
        "rack" rack: Option<u32> = optional, range 1..=1000;
        /// How many of them, drawn evenly; all that match if fewer do.
        "count" count: u32 = default "1", source "one node", range 1..=10000;
        /// What of them is lost.
        "mode" mode: NodeLossMode = default "power", source "assumed: the worst one";
        /// What the cloud has of a machine without power.
        "instance" instance: InstanceSpec = default "running",
            source "assumed: a failed host keeps its virtual machines";
        /// The weakest action of auto-repair that ends the fault for a node. Left out: `redeploy`
        /// for power, `reboot` for a kubelet that stopped or is not ready, else `none` (assumed).
        "repairedBy" repaired_by: Option<RepairedBy> = optional;
    }
    check NodeLossSpec::check;
}

choice! {
    /// What of a node is lost.
    pub enum NodeLossMode {
        /// The machine: processes end and start cold after the repair.
        "power" => Power,
        /// The kubelet: containers go on, nobody probes or restarts them.
        "kubeletStopped" => KubeletStopped,
        /// The way to the control plane: the same, but nothing has to start again.
        "isolated" => Isolated,
        /// Nothing but its health: the kubelet reports Ready=False.
        "notReady" => NotReady,
    }
}

choice! {
    /// What the cloud has of a machine.
    pub enum InstanceSpec {
        /// It exists and is meant to run.
        "running" => Running,
        /// It was shut down or deallocated.
        "stopped" => Stopped,
        /// It does not exist any more, e.g. after a spot eviction: it never comes back.
        "deleted" => Deleted,
    }
}

choice! {
    /// The weakest action of auto-repair that helps.
    pub enum RepairedBy {
        /// A restart.
        "reboot" => Reboot,
        /// A new system disk.
        "reimage" => Reimage,
        /// Another host.
        "redeploy" => Redeploy,
        /// Nothing that auto-repair does.
        "none" => Nothing,
    }
}

impl NodeLossSpec {
    fn check(&self, cx: &mut Decoder<'_>) {
        if self.rack.is_some() && self.zone.is_none() {
            let place = self.rack.place.clone();
            let message = "a rack needs its zone";
            let wrong = Diagnostic::error(Code::Contradiction, place, message);
            cx.report(wrong.help("add `zone`"));
        }
        let (mode, instance) = (*self.mode, *self.instance);
        if mode != NodeLossMode::Power && instance != InstanceSpec::Running {
            let place = self.instance.place.clone();
            let message = "a machine that the cloud has stopped or deleted has no power";
            let wrong = Diagnostic::error(Code::Contradiction, place, message);
            cx.report(wrong.allowed("`instance: running`, or `mode: power`"));
        }
    }

    /// What auto-repair can do about it.
    fn remedy(&self) -> Option<Remedy> {
        let broken = match *self.mode {
            NodeLossMode::Power => Broken::Power,
            NodeLossMode::KubeletStopped | NodeLossMode::Isolated => Broken::Kubelet,
            NodeLossMode::NotReady => Broken::Fitness,
        };
        let by_mode = match *self.mode {
            NodeLossMode::Power => RepairedBy::Redeploy,
            NodeLossMode::KubeletStopped | NodeLossMode::NotReady => RepairedBy::Reboot,
            NodeLossMode::Isolated => RepairedBy::Nothing,
        };
        let weakest = match self.repaired_by.unwrap_or(by_mode) {
            RepairedBy::Reboot => RepairAction::Reboot,
            RepairedBy::Reimage => RepairAction::Reimage,
            RepairedBy::Redeploy => RepairAction::Redeploy,
            RepairedBy::Nothing => return None,
        };
        (*self.instance == InstanceSpec::Running).then_some(Remedy { weakest, broken })
    }
}

impl FaultSection for NodeLossSpec {
    const HEALS: bool = true;

    fn resolve(
        &self,
        name: &str,
        world: &World,
        diagnostics: &mut Diagnostics,
    ) -> Option<Box<dyn Fault>> {
        let clusters = world.clusters.iter().map(|cluster| cluster.name.as_str());
        let cluster = ClusterId::new(find("cluster", &self.cluster, clusters, diagnostics)?);
        let mut loss = NodeLoss {
            name: name.to_owned(),
            cluster,
            pool: None,
            zone: None,
            rack: None,
            count: *self.count,
            mode: *self.mode,
            instance: *self.instance,
            remedy: self.remedy(),
        };
        if let Some(pool) = given(&self.pool) {
            let pools = world[cluster].pools.iter().map(|&pool| world[pool].name.as_str());
            loss.pool = Some(world[cluster].pools[find("pool", &pool, pools, diagnostics)?]);
        }
        if let Some(zone) = given(&self.zone) {
            let zone = find_zone(&zone, world[cluster].region, world, diagnostics)?;
            loss.zone = Some(zone);
            if let Some(rack) = given(&self.rack) {
                loss.rack = Some(find_rack(&rack, zone, world, diagnostics)?);
            }
        }
        Some(Box::new(loss))
    }

    fn target(&self) -> String {
        format!("nodes of cluster {}", *self.cluster)
    }
}

/// Some lost nodes of one cluster.
#[derive(Clone, Debug)]
pub struct NodeLoss {
    /// Name of the fault: the key of its draws.
    pub name: String,
    /// The cluster.
    pub cluster: ClusterId,
    /// Only nodes of this pool.
    pub pool: Option<PoolId>,
    /// Only nodes in this zone.
    pub zone: Option<ZoneId>,
    /// Only nodes in this rack.
    pub rack: Option<RackId>,
    /// How many; all that match if fewer do.
    pub count: u32,
    /// What of them is lost.
    pub mode: NodeLossMode,
    /// What the cloud has of the machines.
    pub instance: InstanceSpec,
    /// What auto-repair can do about it.
    pub remedy: Option<Remedy>,
}

impl Fault for NodeLoss {
    fn kind(&self) -> &'static str {
        "nodeLoss"
    }

    fn strike(&self, cx: &mut Cx, fault: FaultId) {
        let mut nodes = power::nodes_of(cx, self.cluster, |cx, node| self.matches(cx, node));
        let mut chosen = Vec::new();
        for pick in 0..u64::from(self.count) {
            if nodes.is_empty() {
                break;
            }
            let draw = cx.chance.draw("victims", &self.name, pick);
            chosen.push(nodes.swap_remove(power::pick(draw, nodes.len())));
        }
        chosen.sort_unstable();
        self.take(cx, &chosen);
        if let Some(remedy) = self.remedy {
            cx.memory.remedies.insert(fault, remedy);
        }
        cx.memory.struck.insert(fault, chosen);
    }

    fn heal(&self, cx: &mut Cx, fault: FaultId) {
        cx.memory.remedies.remove(&fault);
        let Some(nodes) = cx.memory.struck.remove(&fault) else { return };
        match (self.mode, self.instance) {
            (NodeLossMode::Power, InstanceSpec::Deleted) => {}
            (NodeLossMode::Power, instance) => {
                if instance == InstanceSpec::Stopped {
                    nodes.iter().for_each(|&node| start(cx, node));
                }
                power::restore(cx, &nodes);
            }
            (NodeLossMode::KubeletStopped, _) => {
                for &node in &nodes {
                    kubelet_outage::end_silence(cx, node, Return::Restarted);
                }
            }
            (NodeLossMode::Isolated, _) => {
                for &node in &nodes {
                    kubelet_outage::end_silence(cx, node, Return::Reconnected);
                }
            }
            (NodeLossMode::NotReady, _) => {
                for &node in &nodes {
                    kubelet_outage::end_unfit(cx, node);
                }
            }
        }
    }

    fn hits(&self, _world: &World) -> ClusterSet {
        let mut set = ClusterSet::default();
        set.insert(self.cluster);
        set
    }
}

/// The cloud is asked to start a machine that it had stopped, unless it is deleted meanwhile.
fn start(cx: &mut Cx, node: NodeId) {
    if cx.world[node].instance == Instance::Stopped {
        cloud::instance_changes(cx, node, Instance::Running);
    }
}

impl NodeLoss {
    fn take(&self, cx: &mut Cx, nodes: &[NodeId]) {
        match self.mode {
            NodeLossMode::Power => power::cut(cx, nodes),
            NodeLossMode::KubeletStopped => {
                for &node in nodes {
                    kubelet_outage::silence(cx, node, Why("it stopped"));
                }
            }
            NodeLossMode::Isolated => {
                for &node in nodes {
                    kubelet_outage::silence(cx, node, Why("it is cut off from the control plane"));
                }
            }
            NodeLossMode::NotReady => {
                for &node in nodes {
                    kubelet_outage::unfit(cx, node);
                }
            }
        }
        let instance = match self.instance {
            InstanceSpec::Running => return,
            InstanceSpec::Stopped => Instance::Stopped,
            InstanceSpec::Deleted => Instance::Deleted,
        };
        for &node in nodes {
            cloud::instance_changes(cx, node, instance);
        }
    }

    fn matches(&self, cx: &Cx, id: NodeId) -> bool {
        let node = &cx.world[id];
        node.stage == Stage::Joined
            && self.pool.is_none_or(|pool| node.pool == pool)
            && self.zone.is_none_or(|zone| node.zone == zone)
            && self.rack.is_none_or(|rack| node.rack == rack)
    }
}
