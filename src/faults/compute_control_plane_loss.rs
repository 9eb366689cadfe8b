//! Loss of a region's compute control plane: what runs goes on, but nothing can be changed.
//!
//! Machines are neither made, started, deallocated nor deleted, as in East US 2 on 10 September
//! 2025 (incident VKY3-PF8: the allocator drowned in retries for 587 minutes): the data plane was
//! fine and could not grow. Calls fail at once here. Machines that were granted before still come.
//! Left out: calls that hang until they time out, and control planes of other services.

use crate::control::Cx;
use crate::model::fact::ClusterSet;
use crate::model::ids::{FaultId, RegionId};
use crate::model::reference::find;
use crate::model::world::World;
use crate::spec::{Diagnostics, Name, section};

use super::{Fault, FaultSection};

section! {
    /// Machines of a region cannot be made, started, stopped or deleted.
    pub struct ComputeControlPlaneLossSpec {
        /// The region.
        "region" region: Name = required;
    }
}

impl FaultSection for ComputeControlPlaneLossSpec {
    const HEALS: bool = true;

    fn resolve(
        &self,
        _name: &str,
        world: &World,
        diagnostics: &mut Diagnostics,
    ) -> Option<Box<dyn Fault>> {
        let regions = world.regions.iter().map(|region| region.name.as_str());
        let region = find("region", &self.region, regions, diagnostics)?;
        Some(Box::new(ComputeControlPlaneLoss { region: RegionId::new(region) }))
    }

    fn target(&self) -> String {
        format!("compute control plane of region {}", *self.region)
    }
}

/// A lost compute control plane.
#[derive(Clone, Copy, Debug)]
pub struct ComputeControlPlaneLoss {
    /// The region whose machines cannot be changed.
    pub region: RegionId,
}

impl Fault for ComputeControlPlaneLoss {
    fn kind(&self) -> &'static str {
        "computeControlPlaneLoss"
    }

    fn strike(&self, cx: &mut Cx, _fault: FaultId) {
        cx.world[self.region].compute_control.begin();
    }

    fn heal(&self, cx: &mut Cx, _fault: FaultId) {
        cx.world[self.region].compute_control.end();
    }

    fn hits(&self, _world: &World) -> ClusterSet {
        // What runs goes on running.
        ClusterSet::default()
    }
}
