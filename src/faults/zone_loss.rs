//! Loss of an availability zone: every machine in it loses power.
//!
//! Zone-redundant parts (control plane, ingress, load balancers) go on, as they are meant to.

use crate::control::network::outbound;
use crate::control::{Cx, dependencies};
use crate::model::fact::ClusterSet;
use crate::model::ids::{FaultId, NodeId, RegionId, ZoneId};
use crate::model::reference::{find, find_zone};
use crate::model::world::World;
use crate::spec::{Diagnostics, Name, section};

use super::power;
use super::{Fault, FaultSection};

section! {
    /// An availability zone is lost.
    pub struct ZoneLossSpec {
        /// The region.
        "region" region: Name = required;
        /// The zone, by number.
        "zone" zone: u32 = required, range 1..=16;
    }
}

impl FaultSection for ZoneLossSpec {
    const HEALS: bool = true;

    fn resolve(
        &self,
        _name: &str,
        world: &World,
        diagnostics: &mut Diagnostics,
    ) -> Option<Box<dyn Fault>> {
        let regions = world.regions.iter().map(|region| region.name.as_str());
        let region = RegionId::new(find("region", &self.region, regions, diagnostics)?);
        let zone = find_zone(&self.zone, region, world, diagnostics)?;
        Some(Box::new(ZoneLoss { zone }))
    }

    fn target(&self) -> String {
        format!("zone {}-{}", *self.region, *self.zone)
    }
}

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
        outbound::zone_changed(cx, self.zone);
        cx.memory.struck.insert(fault, nodes);
        dependencies::zone_changed(cx, self.zone, fault);
    }

    fn heal(&self, cx: &mut Cx, fault: FaultId) {
        let all_clear = cx.world[self.zone].outages.end();
        if let Some(nodes) = cx.memory.struck.remove(&fault) {
            power::restore(cx, &nodes);
        }
        if all_clear {
            outbound::zone_changed(cx, self.zone);
            power::release_orders(cx, |cx, node| cx.world[node].zone == self.zone);
            dependencies::zone_changed(cx, self.zone, fault);
        }
    }

    fn hits(&self, world: &World) -> ClusterSet {
        let mut set = ClusterSet::default();
        for cluster in power::clusters_in(world, world[self.zone].region) {
            set.insert(cluster);
        }
        set
    }
}

impl ZoneLoss {
    fn nodes(&self, cx: &Cx) -> Vec<NodeId> {
        let clusters = power::clusters_in(&cx.world, cx.world[self.zone].region);
        let in_zone = |cx: &Cx, node: NodeId| cx.world[node].zone == self.zone;
        clusters.into_iter().flat_map(|c| power::nodes_of(cx, c, in_zone)).collect()
    }
}
