//! Loss of the registry that a cluster pulls its images from.
//!
//! Pulls fail at once, those in progress included, and are tried again with the kubelet's back-off.
//! Containers whose image is on their node start as usual, unless `imagePullPolicy: Always` asks
//! the registry each time.

use crate::control::Cx;
use crate::control::kubelet::pulling;
use crate::model::fact::ClusterSet;
use crate::model::ids::{ClusterId, FaultId};
use crate::model::reference::find;
use crate::model::world::World;
use crate::spec::{Diagnostics, Name, section};

use super::{Fault, FaultSection};

section! {
    /// The registry of a cluster does not answer.
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
        Some(Box::new(RegistryLoss { cluster: ClusterId::new(cluster) }))
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
        pulling::registry_lost(cx, self.cluster);
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
