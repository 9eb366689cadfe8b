//! Crash of containers: processes end, the kubelet restarts them with its back-off.
//!
//! The pods stay on their nodes. It is over at once: there is no repair to wait for.

use crate::control::Cx;
use crate::control::kubelet::container;
use crate::model::fact::{ClusterSet, Why};
use crate::model::ids::{DeploymentId, FaultId, PodId};

use super::{Fault, power};

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

    fn hits(&self, cx: &Cx) -> ClusterSet {
        let mut set = ClusterSet::default();
        set.insert(cx.world[self.deployment].cluster);
        set
    }
}
