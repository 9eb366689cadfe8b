//! Loss of an availability zone: every machine in it loses power.
//!
//! Zone-redundant parts (control plane, ingress, load balancers) go on, as they are meant to.

use std::cmp::Ordering;

use crate::control::network::outbound;
use crate::control::{Chance, Cx, dependencies};
use crate::model::fact::ClusterSet;
use crate::model::ids::{FaultId, NodeId, ZoneId};
use crate::model::reference::find_zone;
use crate::model::world::World;
use crate::spec::{Diagnostics, Refusal, Scalar, Shape, Word, section};

use super::which_region::{WhichRegion, candidates, drawn};
use super::{Fault, FaultSection, power};

section! {
    /// An availability zone is lost.
    pub struct ZoneLossSpec {
        /// The region; `any` draws one of those that have clusters anew in each trial.
        "region" region: WhichRegion = required;
        /// The zone, by number; `any` draws one of the region's zones anew in each trial.
        "zone" zone: WhichZone = required;
    }
}

/// Which zone of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhichZone {
    /// The one with that number.
    Number(u32),
    /// Any of them, drawn in each trial.
    Any,
}

impl Scalar for WhichZone {
    fn read(word: Word<'_>) -> Result<Self, Refusal> {
        if word.text == "any" { Ok(Self::Any) } else { u32::read(word).map(Self::Number) }
    }

    fn form() -> Shape {
        Shape::Quantity("the number of a zone, or any")
    }

    fn shown(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Any => "any".to_owned(),
        }
    }

    fn order(&self, _: &Self) -> Option<Ordering> {
        None
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
        let mut zones = Vec::new();
        for region in candidates(&self.region, world, diagnostics)? {
            match *self.zone {
                WhichZone::Any => zones.extend(&world[region].zones),
                WhichZone::Number(number) => {
                    let number = self.zone.same_place(number);
                    zones.push(find_zone(&number, region, world, diagnostics)?);
                }
            }
        }
        Some(Box::new(ZoneLoss { zones }))
    }

    fn target(&self) -> String {
        format!("zone {}-{}", self.region.shown(), self.zone.shown())
    }
}

/// A lost zone.
#[derive(Clone, Debug)]
pub struct ZoneLoss {
    /// The zones of which one is lost; at least one.
    pub zones: Vec<ZoneId>,
}

impl Fault for ZoneLoss {
    fn kind(&self) -> &'static str {
        "zoneLoss"
    }

    fn strike(&self, cx: &mut Cx, fault: FaultId) {
        let zone = self.lost(&cx.world, cx.chance, fault);
        cx.world[zone].outages.begin();
        let nodes = nodes(cx, zone);
        power::cut(cx, &nodes);
        outbound::zone_changed(cx, zone);
        cx.memory.struck.insert(fault, nodes);
        dependencies::zone_changed(cx, zone, fault);
    }

    fn heal(&self, cx: &mut Cx, fault: FaultId) {
        let zone = self.lost(&cx.world, cx.chance, fault);
        let all_clear = cx.world[zone].outages.end();
        if let Some(nodes) = cx.memory.struck.remove(&fault) {
            power::restore(cx, &nodes);
        }
        if all_clear {
            outbound::zone_changed(cx, zone);
            power::release_orders(cx, |cx, node| cx.world[node].zone == zone);
            dependencies::zone_changed(cx, zone, fault);
        }
    }

    fn hits(&self, world: &World) -> ClusterSet {
        clusters(world, &self.zones)
    }

    fn hits_in_trial(&self, world: &World, chance: Chance, fault: FaultId) -> ClusterSet {
        clusters(world, &[self.lost(world, chance, fault)])
    }
}

/// The clusters that stand in the regions of some zones.
fn clusters(world: &World, zones: &[ZoneId]) -> ClusterSet {
    let mut set = ClusterSet::default();
    for cluster in zones.iter().flat_map(|&zone| power::clusters_in(world, world[zone].region)) {
        set.insert(cluster);
    }
    set
}

impl ZoneLoss {
    /// The zone that is lost in this trial.
    fn lost(&self, world: &World, chance: Chance, fault: FaultId) -> ZoneId {
        drawn(&self.zones, world, chance, fault)
    }
}

fn nodes(cx: &Cx, zone: ZoneId) -> Vec<NodeId> {
    let clusters = power::clusters_in(&cx.world, cx.world[zone].region);
    let in_zone = |cx: &Cx, node: NodeId| cx.world[node].zone == zone;
    clusters.into_iter().flat_map(|c| power::nodes_of(cx, c, in_zone)).collect()
}
