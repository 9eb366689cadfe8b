//! A CPU limit below what busy workers use: the kernel would throttle the pod, Tideover does not.

use crate::scenario::resolve::{Resolved, Resolving, deployments};
use crate::spec::{Code, Diagnostic};

/// Warns of each workload whose limit is below its workers' usage.
pub(super) fn check(cx: &mut Resolving<'_, '_>, made: &Resolved) {
    if made.cpu_loads.is_some() {
        // A load is what the pods use together; how many workers are busy follows from it.
        return;
    }
    let mut warned = Vec::new();
    for id in deployments(&made.world) {
        let deployment = &made.world[id];
        let template = &deployment.template;
        let busy = template.cpu_per_worker * i64::from(template.workers);
        let Some(limit) = template.cpu_limit else { continue };
        if busy <= limit || warned.contains(&deployment.workload) {
            continue;
        }
        warned.push(deployment.workload);
        let spec = &cx.decoded.spec.workloads[deployment.workload.index()];
        let message = format!(
            "{} workers use {busy} of CPU when all are busy, and the limit is {limit}",
            template.workers
        );
        let help = "throttling by the limit is not modelled: service times are those without it";
        let warning = Diagnostic::warning(Code::Contradiction, spec.limits.place.clone(), message);
        cx.diagnostics.push(warning.help(help));
    }
}
