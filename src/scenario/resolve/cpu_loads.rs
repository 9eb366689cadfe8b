//! CPU loads instead of requests: one plan for each deployment.

use crate::model::ids::DeploymentId;
use crate::spec::{Code, Diagnostic};
use crate::traffic::cpu_load::{CpuLoadSpec, LoadPlan};
use crate::units::MilliCpu;

use super::{Resolved, Resolving};

/// Adds the loads, if the scenario has any: a deployment that is not listed is idle.
pub(super) fn add(cx: &mut Resolving<'_, '_>, made: &mut Resolved) {
    let specs = &cx.decoded.spec.cpu_loads;
    if specs.is_empty() {
        return;
    }
    let idle = |deployment: &crate::model::workload::Deployment| LoadPlan {
        steps: Vec::new(),
        limit: deployment.template.cpu_limit,
        cpu_per_worker: deployment.template.cpu_per_worker,
    };
    let mut plans: Vec<LoadPlan> = made.world.deployments.iter().map(idle).collect();
    for spec in specs.iter() {
        if let Some(deployment) = deployment(cx, made, spec) {
            add_load(cx, spec, &mut plans[deployment.index()]);
        }
    }
    made.cpu_loads = Some(plans);
}

/// The deployment that has the load, or `None` after a report.
fn deployment(
    cx: &mut Resolving<'_, '_>,
    made: &Resolved,
    spec: &CpuLoadSpec,
) -> Option<DeploymentId> {
    let workload = cx.workload(&spec.workload, &made.world);
    let cluster = cx.cluster(&spec.cluster, &made.world);
    let found = made.world.deployment_in(workload?, cluster?);
    if found.is_none() {
        let message = format!("`{}` does not run there", spec.workload.as_str());
        let place = spec.cluster.place.clone();
        let wrong = Diagnostic::error(Code::Contradiction, place, message);
        cx.diagnostics.push(wrong.help("add the cluster to its `runsOn`"));
    }
    found
}

fn add_load(cx: &mut Resolving<'_, '_>, spec: &CpuLoadSpec, plan: &mut LoadPlan) {
    let place = spec.workload.place.clone();
    if !plan.steps.is_empty() {
        let message = format!("`{}` has another load there", spec.workload.as_str());
        let wrong = Diagnostic::error(Code::DuplicateName, place, message);
        cx.diagnostics.push(wrong.allowed("one load for a workload in a cluster"));
    } else if plan.cpu_per_worker == MilliCpu::ZERO {
        let message = "the workload uses no CPU, so it cannot have a load".to_owned();
        let wrong = Diagnostic::error(Code::Contradiction, place, message);
        cx.diagnostics.push(wrong.allowed("a workload with `service.cpuPerWorker` above 0m"));
    } else {
        plan.steps = spec.steps();
    }
}
