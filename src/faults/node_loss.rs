//! Loss of single nodes: their machines stop, for a while or for good.
//!
//! Which nodes is drawn among those that match (pool, zone, rack), without replacement, when the
//! fault strikes.

use crate::control::Cx;
use crate::model::fact::ClusterSet;
use crate::model::ids::{ClusterId, FaultId, NodeId, PoolId, RackId, ZoneId};
use crate::model::node::Stage;
use crate::model::reference::{find, find_rack, find_zone, given};
use crate::model::world::World;
use crate::spec::{Code, Decoder, Diagnostic, Diagnostics, Name, section};

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
    }
    check NodeLossSpec::check_rack;
}

impl NodeLossSpec {
    fn check_rack(&self, cx: &mut Decoder<'_>) {
        if self.rack.is_some() && self.zone.is_none() {
            let place = self.rack.place.clone();
            let message = "a rack needs its zone";
            let wrong = Diagnostic::error(Code::Contradiction, place, message);
            cx.report(wrong.help("add `zone`"));
        }
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
        power::cut(cx, &chosen);
        cx.memory.struck.insert(fault, chosen);
    }

    fn heal(&self, cx: &mut Cx, fault: FaultId) {
        if let Some(nodes) = cx.memory.struck.remove(&fault) {
            power::restore(cx, &nodes);
        }
    }

    fn hits(&self, _world: &World) -> ClusterSet {
        let mut set = ClusterSet::default();
        set.insert(self.cluster);
        set
    }
}

impl NodeLoss {
    fn matches(&self, cx: &Cx, id: NodeId) -> bool {
        let node = &cx.world[id];
        node.stage == Stage::Joined
            && self.pool.is_none_or(|pool| node.pool == pool)
            && self.zone.is_none_or(|zone| node.zone == zone)
            && self.rack.is_none_or(|rack| node.rack == rack)
    }
}
