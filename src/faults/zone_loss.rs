//! Loss of an availability zone: every machine in it loses power.
//!
//! Zone-redundant parts (control plane, ingress, load balancers) go on, as they are meant to.

use crate::control::Cx;
use crate::model::fact::ClusterSet;
use crate::model::ids::{FaultId, NodeId, ZoneId};

use super::{Fault, power};

/// A lost zone.
#[derive(Clone, Debug)]
pub struct ZoneLoss {
    /// The zone.
    pub zone: ZoneId,
}

impl Fault for ZoneLoss {
    fn kind(&self) -> &'static str {
        "zoneLoss"
    }

    fn strike(&self, cx: &mut Cx, fault: FaultId) {
        cx.world[self.zone].outages.begin();
        let nodes = self.nodes(cx);
        power::cut(cx, &nodes);
        cx.memory.struck.insert(fault, nodes);
    }

    fn heal(&self, cx: &mut Cx, fault: FaultId) {
        let all_clear = cx.world[self.zone].outages.end();
        if let Some(nodes) = cx.memory.struck.remove(&fault) {
            power::restore(cx, &nodes);
        }
        if all_clear {
            power::release_orders(cx, |cx, node| cx.world[node].zone == self.zone);
        }
    }

    fn hits(&self, cx: &Cx) -> ClusterSet {
        let mut set = ClusterSet::default();
        for cluster in power::clusters_in(cx, cx.world[self.zone].region) {
            set.insert(cluster);
        }
        set
    }
}

impl ZoneLoss {
    fn nodes(&self, cx: &Cx) -> Vec<NodeId> {
        let clusters = power::clusters_in(cx, cx.world[self.zone].region);
        let in_zone = |cx: &Cx, node: NodeId| cx.world[node].zone == self.zone;
        clusters.into_iter().flat_map(|c| power::nodes_of(cx, c, in_zone)).collect()
    }
}
