//! Loss of single nodes: their machines stop, for a while or for good.
//!
//! Which nodes is drawn among those that match (pool, zone, rack), without replacement, when the
//! fault strikes.

use crate::control::Cx;
use crate::model::fact::ClusterSet;
use crate::model::ids::{ClusterId, FaultId, NodeId, PoolId, RackId, ZoneId};
use crate::model::node::Stage;

use super::{Fault, power};

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

    fn hits(&self, _cx: &Cx) -> ClusterSet {
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
