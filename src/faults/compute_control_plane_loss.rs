//! Loss of a region's compute control plane: what runs goes on, but nothing can be changed.
//!
//! Machines are neither made, started, deallocated nor deleted, as in East US 2 on 10 September
//! 2025 (incident VKY3-PF8: the allocator drowned in retries for 587 minutes): the data plane was
//! fine and could not grow. Calls fail at once here. What becomes of machines that are being made
//! or started is `machinesUnderWay`: nobody published it. AKS auto-repair carries nothing out
//! meanwhile. Left out: calls that hang until they time out, control planes of other services, and
//! changes of nodes that had begun (upgrades, repairs), which end.

use crate::control::Cx;
use crate::control::cloud::under_way;
use crate::model::fact::ClusterSet;
use crate::model::ids::{FaultId, RegionId};
use crate::model::world::World;
use crate::spec::{Diagnostics, Scalar, choice, section};

use super::which_region::{WhichRegion, candidates, drawn};
use super::{Fault, FaultSection};

section! {
    /// Machines of a region cannot be made, started, stopped or deleted.
    pub struct ComputeControlPlaneLossSpec {
        /// The region; `any` draws one of those that have clusters anew in each trial.
        "region" region: WhichRegion = required;
        /// What becomes of machines that are being made or started when it is lost.
        "machinesUnderWay" under_way: UnderWay = default "freeze",
            source "assumed: create and start failed in incident VKY3-PF8, what had begun is not \
                    published",
            low confidence;
    }
}

choice! {
    /// What becomes of machines that are being made or started when the control plane is lost.
    pub enum UnderWay {
        /// They come as if nothing had happened.
        "come" => Come,
        /// They stand still, and go on when the control plane is back.
        "freeze" => Freeze,
        /// They never come; those that were to start stay deallocated.
        "fail" => Fail,
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
        Some(Box::new(ComputeControlPlaneLoss {
            regions: candidates(&self.region, world, diagnostics)?,
            under_way: *self.under_way,
        }))
    }

    fn target(&self) -> String {
        format!("compute control plane of region {}", self.region.shown())
    }
}

/// A lost compute control plane.
#[derive(Clone, Debug)]
pub struct ComputeControlPlaneLoss {
    /// The regions of which one's machines cannot be changed; at least one.
    pub regions: Vec<RegionId>,
    /// What becomes of machines that are under way.
    pub under_way: UnderWay,
}

impl Fault for ComputeControlPlaneLoss {
    fn kind(&self) -> &'static str {
        "computeControlPlaneLoss"
    }

    fn strike(&self, cx: &mut Cx, fault: FaultId) {
        let region = drawn(&self.regions, &cx.world, cx.chance, fault);
        cx.world[region].compute_control.begin();
        match self.under_way {
            UnderWay::Come => {}
            UnderWay::Freeze => under_way::freeze(cx, region),
            UnderWay::Fail => under_way::fail(cx, region),
        }
    }

    fn heal(&self, cx: &mut Cx, fault: FaultId) {
        let region = drawn(&self.regions, &cx.world, cx.chance, fault);
        if cx.world[region].compute_control.end() {
            under_way::thaw(cx, region);
        }
    }

    fn hits(&self, _world: &World) -> ClusterSet {
        // What runs goes on running.
        ClusterSet::default()
    }
}
