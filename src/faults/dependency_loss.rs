//! Loss of one dependency where it first served, while its region goes on.

use crate::control::Cx;
use crate::control::dependencies;
use crate::model::fact::ClusterSet;
use crate::model::ids::{DependencyId, DeploymentId, FaultId};
use crate::model::reference::find;
use crate::model::world::World;
use crate::spec::{Diagnostics, Name, section};

use super::{Fault, FaultSection};

section! {
    /// A dependency is lost in its `region`; its copy is not.
    pub struct DependencyLossSpec {
        /// The dependency.
        "dependency" dependency: Name = required;
    }
}

impl FaultSection for DependencyLossSpec {
    const HEALS: bool = true;

    fn resolve(
        &self,
        _name: &str,
        world: &World,
        diagnostics: &mut Diagnostics,
    ) -> Option<Box<dyn Fault>> {
        let known = world.dependencies.iter().map(|dependency| dependency.name.as_str());
        let dependency = find("dependency", &self.dependency, known, diagnostics)?;
        Some(Box::new(DependencyLoss { dependency: DependencyId::new(dependency) }))
    }

    fn target(&self) -> String {
        format!("dependency {}", *self.dependency)
    }
}

/// A lost dependency.
#[derive(Clone, Copy, Debug)]
pub struct DependencyLoss {
    /// Which.
    pub dependency: DependencyId,
}

impl Fault for DependencyLoss {
    fn kind(&self) -> &'static str {
        "dependencyLoss"
    }

    fn strike(&self, cx: &mut Cx, fault: FaultId) {
        dependencies::itself_lost(cx, self.dependency, fault);
    }

    fn heal(&self, cx: &mut Cx, fault: FaultId) {
        dependencies::itself_restored(cx, self.dependency, fault);
    }

    fn hits(&self, world: &World) -> ClusterSet {
        let mut set = ClusterSet::default();
        for deployment in (0..world.deployments.len()).map(DeploymentId::new) {
            let needs = &world[deployment].needs;
            if needs.request_needs(self.dependency) || needs.start.contains(&self.dependency) {
                set.insert(world[deployment].cluster);
            }
        }
        set
    }
}
