//! A rollout: somebody changes a workload's pod template, and the Deployment controller replaces
//! the pods.
//!
//! Stands in for kubectl's pkg/cmd/set/set_image.go and all other ways to write the template: one
//! update of the Deployment. Left out: `kubectl rollout pause`, `resume` and `undo`.

use crate::control::{Cx, deployment};
use crate::model::duration::DurationSpec;
use crate::model::fact::{What, Why};
use crate::model::ids::{ClusterId, DeploymentId, OperationId, WorkloadId};
use crate::model::reference::{find, given};
use crate::model::rollout::TemplateChange;
use crate::model::world::World;
use crate::sim::laws::Law;
use crate::spec::{Code, Diagnostic, Diagnostics, Name, section};

section! {
    /// A workload's pod template changes: new pods replace the old ones by its `strategy`.
    pub struct RolloutSpec {
        /// The workload.
        "workload" workload: Name = required;
        /// The only cluster; left out, all that run it, at the same time.
        "cluster" cluster: Option<Name> = optional;
        /// Whether nodes must pull another image.
        "newImage" new_image: bool = default "true", source "most rollouts ship a new image";
        /// Whether the new process never answers, so that its probes fail.
        "broken" broken: bool = default "false", source "most rollouts work";
        /// From the start of a new container until its process can answer; left out, the same as
        /// the workload's.
        "startUp" start_up: Option<DurationSpec> = optional, range "0s"..="1d";
    }
}

/// A changed pod template.
#[derive(Clone, Debug)]
pub struct Rollout {
    /// The deployments that it changes.
    pub deployments: Vec<DeploymentId>,
    /// Whether nodes must pull another image.
    pub new_image: bool,
    /// Whether the new process never answers.
    pub broken: bool,
    /// Time until the new process answers, if it changes \[s\].
    pub start_up: Option<Law>,
}

impl RolloutSpec {
    pub(super) fn resolve(
        &self,
        world: &World,
        start_up: Option<Law>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Rollout> {
        let workloads = world.workloads.iter().map(|workload| workload.name.as_str());
        let workload = find("workload", &self.workload, workloads, diagnostics);
        let workload = WorkloadId::new(workload?);
        let mut deployments = world[workload].deployments.clone();
        if let Some(name) = given(&self.cluster) {
            let clusters = world.clusters.iter().map(|cluster| cluster.name.as_str());
            let cluster = ClusterId::new(find("cluster", &name, clusters, diagnostics)?);
            let Some(deployment) = world.deployment_in(workload, cluster) else {
                let message = format!("cluster `{}` does not run `{}`", *name, *self.workload);
                let wrong = Diagnostic::error(Code::UnknownReference, name.place, message);
                diagnostics.push(wrong.help("name a cluster that runs it, or leave it out"));
                return None;
            };
            deployments = vec![deployment];
        }
        let (new_image, broken) = (*self.new_image, *self.broken);
        Some(Rollout { deployments, new_image, broken, start_up })
    }
}

/// The template changes wherever the control plane takes the change.
pub(super) fn start(cx: &mut Cx, id: OperationId, rollout: &Rollout) {
    for &deployment in &rollout.deployments {
        let cluster = cx.world[deployment].cluster;
        if !cx.control_plane_is_up(cluster) {
            let why = Why("the control plane does not answer");
            cx.say(What::OperationFailed { operation: id, cluster, why });
            continue;
        }
        let revision = cx.world[deployment].revision();
        let set = cx.world[deployment].replica_sets.last();
        let image = set.map_or(0, |set| set.change.image);
        if rollout.new_image {
            let workload = cx.world[deployment].workload;
            let pushed = &mut cx.memory.dependencies.pushed;
            pushed.entry((workload, revision + 1)).or_insert(cx.now);
        }
        let change = TemplateChange {
            image: if rollout.new_image { revision + 1 } else { image },
            broken: rollout.broken,
            start_up: rollout.start_up.clone(),
        };
        deployment::begin(cx, deployment, change);
    }
}
