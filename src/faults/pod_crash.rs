//! Crash of containers: processes end, the kubelet restarts them with its back-off.
//!
//! The pods stay on their nodes. It is over at once: there is no repair to wait for.

use crate::control::Cx;
use crate::control::kubelet::container;
use crate::model::fact::{ClusterSet, Why};
use crate::model::ids::{ClusterId, DeploymentId, FaultId, PodId, WorkloadId};
use crate::model::reference::find;
use crate::model::world::World;
use crate::spec::{Code, Diagnostic, Diagnostics, Name, section};

use super::power;
use super::{Fault, FaultSection};

section! {
    /// Containers crash and are restarted.
    pub struct PodCrashSpec {
        /// The workload.
        "workload" workload: Name = required;
        /// The cluster.
        "cluster" cluster: Name = required;
        /// How many of its pods, drawn evenly; all if fewer run.
        "count" count: u32 = default "1", source "one pod", range 1..=100000;
    }
}

impl FaultSection for PodCrashSpec {
    const HEALS: bool = false;

    fn resolve(
        &self,
        name: &str,
        world: &World,
        diagnostics: &mut Diagnostics,
    ) -> Option<Box<dyn Fault>> {
        let workloads = world.workloads.iter().map(|workload| workload.name.as_str());
        let clusters = world.clusters.iter().map(|cluster| cluster.name.as_str());
        let workload = find("workload", &self.workload, workloads, diagnostics);
        let cluster = find("cluster", &self.cluster, clusters, diagnostics);
        let (workload, cluster) = (WorkloadId::new(workload?), ClusterId::new(cluster?));
        let Some(deployment) = world.deployment_in(workload, cluster) else {
            let message = format!("cluster `{}` does not run `{}`", *self.cluster, *self.workload);
            let place = self.cluster.place.clone();
            diagnostics.push(Diagnostic::error(Code::UnknownReference, place, message));
            return None;
        };
        Some(Box::new(PodCrash { name: name.to_owned(), deployment, count: *self.count }))
    }

    fn target(&self) -> String {
        format!("pods of {} in {}", *self.workload, *self.cluster)
    }
}

/// Crashing containers of one deployment.
#[derive(Clone, Debug)]
pub struct PodCrash {
    /// Name of the fault: the key of its draws.
    pub name: String,
    /// The deployment.
    pub deployment: DeploymentId,
    /// How many of its running pods; all if fewer run.
    pub count: u32,
}

impl Fault for PodCrash {
    fn kind(&self) -> &'static str {
        "podCrash"
    }

    fn strike(&self, cx: &mut Cx, _fault: FaultId) {
        let running = |&pod: &PodId| cx.world[pod].container.is_running();
        let mut pods: Vec<PodId> =
            cx.world[self.deployment].pods.iter().copied().filter(running).collect();
        for pick in 0..u64::from(self.count) {
            if pods.is_empty() {
                break;
            }
            let draw = cx.chance.draw("victims", &self.name, pick);
            let pod = pods.swap_remove(power::pick(draw, pods.len()));
            container::die(cx, pod, Why("its process crashed"));
        }
    }

    fn heal(&self, _cx: &mut Cx, _fault: FaultId) {}

    fn hits(&self, world: &World) -> ClusterSet {
        let mut set = ClusterSet::default();
        set.insert(world[self.deployment].cluster);
        set
    }
}
