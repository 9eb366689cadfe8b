//! Loss of the registry that a cluster pulls its images from.
//!
//! Pulls fail at once, those in progress included, and are tried again with the kubelet's back-off.
//! Containers whose image is on their node start as usual, unless `imagePullPolicy: Always` asks
//! the registry each time. Workloads that name a registry in their `startNeeds` pull from that and
//! go on: it is a dependency, and `dependencyLoss` takes it away.

use crate::control::Cx;
use crate::control::dependencies::registry;
use crate::control::kubelet::pulling;
use crate::model::fact::ClusterSet;
use crate::model::ids::{ClusterId, FaultId};
use crate::model::reference::find;
use crate::model::world::World;
use crate::spec::{Code, Diagnostic, Diagnostics, Name, section};

use super::{Fault, FaultSection};

section! {
    /// The registry of a cluster does not answer: that of its system pods, and of workloads that
    /// name none in their `startNeeds`.
    pub struct RegistryLossSpec {
        /// The cluster.
        "cluster" cluster: Name = required;
    }
}

impl FaultSection for RegistryLossSpec {
    const HEALS: bool = true;

    fn resolve(
        &self,
        _name: &str,
        world: &World,
        diagnostics: &mut Diagnostics,
    ) -> Option<Box<dyn Fault>> {
        let clusters = world.clusters.iter().map(|cluster| cluster.name.as_str());
        let cluster = find("cluster", &self.cluster, clusters, diagnostics)?;
        let cluster = ClusterId::new(cluster);
        let mut others =
            world[cluster].deployments.iter().map(|&d| registry::of_deployment(world, d));
        if let Some(Some(other)) = others.next()
            && others.all(|other| other.is_some())
        {
            let message = "the workloads of this cluster pull from registries that have a name";
            let wrong = Diagnostic::error(Code::Contradiction, self.cluster.place.clone(), message);
            let name = &world[other].name;
            let way_out = format!("lose that: `dependencyLoss: {{dependency: {name}}}`");
            diagnostics.push(wrong.help(way_out));
            return None;
        }
        Some(Box::new(RegistryLoss { cluster }))
    }

    fn target(&self) -> String {
        format!("registry of cluster {}", *self.cluster)
    }
}

/// A lost registry.
#[derive(Clone, Copy, Debug)]
pub struct RegistryLoss {
    /// The cluster that pulls from it.
    pub cluster: ClusterId,
}

impl Fault for RegistryLoss {
    fn kind(&self) -> &'static str {
        "registryLoss"
    }

    fn strike(&self, cx: &mut Cx, _fault: FaultId) {
        cx.world[self.cluster].registry.begin();
        pulling::registry_lost(cx, self.cluster, None);
    }

    fn heal(&self, cx: &mut Cx, _fault: FaultId) {
        cx.world[self.cluster].registry.end();
    }

    fn hits(&self, _world: &World) -> ClusterSet {
        let mut set = ClusterSet::default();
        set.insert(self.cluster);
        set
    }
}
