//! Loss of a whole region, or of its connection: all origins in it stop answering.
//!
//! `cause: power` takes every machine of the region down; containers start cold after the repair.
//! `cause: isolation` cuts only the way in (a dead gateway, a severed network): processes and
//! queues survive. `mode` says what a client or a probe sees: a refused connection, silence, or
//! an error from the gateway. With the power, the dependencies in the region are lost.

use crate::control::{Chance, Cx, dependencies};
use crate::model::cluster::OriginState;
use crate::model::fact::ClusterSet;
use crate::model::ids::{ClusterId, FaultId, NodeId, RegionId};
use crate::model::world::World;
use crate::spec::{Diagnostics, Scalar, choice, section};
use crate::traffic::Kill;

use super::which_region::{WhichRegion, candidates, drawn};
use super::{Fault, FaultSection, power};

section! {
    /// A region, or the way to it, is lost.
    pub struct RegionLossSpec {
        /// The region; `any` draws one of those that have clusters anew in each trial.
        "region" region: WhichRegion = required;
        /// How its ingress answers meanwhile.
        "mode" mode: LossMode = default "refused",
            source "assumed: the quickest to notice; real outages showed all three";
        /// What is lost.
        "cause" cause: LossCause = default "power", source "assumed: the worse one";
        /// Whether the clusters' control planes are lost, too.
        "controlPlane" control_plane: bool = default "true",
            source "assumed: they stand in the region";
    }
}

choice! {
    /// How the ingress of a lost region answers.
    pub enum LossMode {
        /// Connections are refused at once.
        "refused" => Refused,
        /// Nothing ever answers.
        "hang" => Hang,
        /// The gateway answers with an error.
        "5xx" => ServerError,
    }
}

choice! {
    /// What is lost with a region.
    pub enum LossCause {
        /// Machines stop; containers start cold after the repair.
        "power" => Power,
        /// Only the way in; processes and queues survive.
        "isolation" => Isolation,
    }
}

impl FaultSection for RegionLossSpec {
    const HEALS: bool = true;

    fn resolve(
        &self,
        _name: &str,
        world: &World,
        diagnostics: &mut Diagnostics,
    ) -> Option<Box<dyn Fault>> {
        Some(Box::new(RegionLoss {
            regions: candidates(&self.region, world, diagnostics)?,
            mode: match *self.mode {
                LossMode::Refused => OriginState::Refused,
                LossMode::Hang => OriginState::Hang,
                LossMode::ServerError => OriginState::ServerError,
            },
            cause: match *self.cause {
                LossCause::Power => Cause::Power,
                LossCause::Isolation => Cause::Isolation,
            },
            control_plane: *self.control_plane,
        }))
    }

    fn target(&self) -> String {
        format!("region {}", self.region.shown())
    }
}

/// A lost region.
#[derive(Clone, Debug)]
pub struct RegionLoss {
    /// The regions of which one is lost; at least one.
    pub regions: Vec<RegionId>,
    /// How its ingress answers meanwhile; never `Serving`.
    pub mode: OriginState,
    /// What is lost.
    pub cause: Cause,
    /// Whether the clusters' control planes are lost, too.
    pub control_plane: bool,
}

/// What is lost with a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Cause {
    /// Power: machines stop, containers restart cold.
    #[default]
    Power,
    /// The connection: processes and queues survive.
    Isolation,
}

impl Fault for RegionLoss {
    fn kind(&self) -> &'static str {
        "regionLoss"
    }

    fn strike(&self, cx: &mut Cx, fault: FaultId) {
        let region = self.lost(&cx.world, cx.chance, fault);
        let newly_down = cx.world[region].outages.begin();
        for cluster in power::clusters_in(&cx.world, region) {
            if self.control_plane {
                cx.world[cluster].control_plane.begin();
            }
            if newly_down || cx.world[cluster].origin == OriginState::Serving {
                power::origin_changes(cx, cluster, self.mode);
            }
        }
        match self.cause {
            Cause::Power => {
                cx.world[region].blackouts.begin();
                let nodes = nodes(cx, region);
                power::cut(cx, &nodes);
                cx.memory.struck.insert(fault, nodes);
                dependencies::region_changed(cx, region, fault);
            }
            Cause::Isolation => self.sever(cx, region),
        }
    }

    fn heal(&self, cx: &mut Cx, fault: FaultId) {
        let region = self.lost(&cx.world, cx.chance, fault);
        let all_clear = cx.world[region].outages.end();
        for cluster in power::clusters_in(&cx.world, region) {
            if self.control_plane && cx.world[cluster].control_plane.end() {
                crate::control::control_plane_returns(cx, cluster);
            }
            if all_clear {
                power::origin_changes(cx, cluster, OriginState::Serving);
            }
        }
        if let Some(nodes) = cx.memory.struck.remove(&fault) {
            power::restore(cx, &nodes);
        }
        let powered = self.cause == Cause::Power && cx.world[region].blackouts.end();
        if powered {
            power::release_orders(cx, |cx, node| cx.world[cx.world[node].zone].region == region);
            dependencies::region_changed(cx, region, fault);
        }
    }

    fn hits(&self, world: &World) -> ClusterSet {
        clusters(self.regions.iter().flat_map(|&region| power::clusters_in(world, region)))
    }

    fn hits_in_trial(&self, world: &World, chance: Chance, fault: FaultId) -> ClusterSet {
        clusters(power::clusters_in(world, self.lost(world, chance, fault)))
    }
}

fn clusters(clusters: impl IntoIterator<Item = ClusterId>) -> ClusterSet {
    let mut set = ClusterSet::default();
    clusters.into_iter().for_each(|cluster| set.insert(cluster));
    set
}

fn nodes(cx: &Cx, region: RegionId) -> Vec<NodeId> {
    let clusters = power::clusters_in(&cx.world, region);
    clusters.into_iter().flat_map(|c: ClusterId| power::nodes_of(cx, c, |_, _| true)).collect()
}

impl RegionLoss {
    /// The region that is lost in this trial.
    fn lost(&self, world: &World, chance: Chance, fault: FaultId) -> RegionId {
        drawn(&self.regions, world, chance, fault)
    }

    /// The clients of every request in the region lose their connection.
    fn sever(&self, cx: &mut Cx, region: RegionId) {
        let how = if self.mode == OriginState::Hang { Kill::Silent } else { Kill::Reset };
        for cluster in power::clusters_in(&cx.world, region) {
            for index in 0..cx.world[cluster].deployments.len() {
                let deployment = cx.world[cluster].deployments[index];
                for &pod in &cx.world[deployment].pods {
                    cx.traffic.sever_pod(pod, how);
                }
            }
        }
    }
}
