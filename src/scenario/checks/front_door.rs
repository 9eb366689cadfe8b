//! Requests must find a way: an enabled origin, and clusters behind it that run what is asked for.

use crate::scenario::resolve::{Resolved, Resolving};
use crate::spec::{Code, Diagnostic};

pub(super) fn check(cx: &mut Resolving<'_, '_>, made: &Resolved) {
    let spec = &cx.decoded.spec;
    let door = &made.world.front_door;
    if !door.origins.iter().any(|origin| origin.enabled) {
        let place = spec.front_door.origins.place.clone();
        let wrong = Diagnostic::error(Code::Contradiction, place, "no origin is enabled");
        cx.diagnostics.push(wrong.help("enable one, or leave `origins` out"));
        return;
    }
    let status = &spec.front_door.probe.status;
    if **status != 200 {
        let message = format!(
            "only 200 is success: a path that answers {} turns all origins unhealthy for ever",
            **status
        );
        let warning = Diagnostic::warning(Code::Contradiction, status.place.clone(), message);
        cx.diagnostics.push(warning.help("probe a path that answers 200"));
    }
    for demand in spec.demands.iter() {
        let name = demand.workload.as_str();
        let Some(index) = made.world.workloads.iter().position(|known| known.name == name) else {
            continue;
        };
        let serves = |origin: &&crate::model::front_door::Origin| {
            let deployments = &made.world.workloads[index].deployments;
            origin.enabled && deployments.iter().any(|&d| made.world[d].cluster == origin.cluster)
        };
        let dark = || door.origins.iter().filter(|origin| origin.enabled && !serves(origin));
        if !door.origins.iter().any(|origin| serves(&origin)) {
            let message = format!("no enabled origin's cluster runs `{name}`");
            let place = demand.workload.place.clone();
            cx.diagnostics.push(Diagnostic::error(Code::Contradiction, place, message));
        } else if let (false, Some(origin)) = (cx.diagnostics.has_errors(), dark().next()) {
            // After an error, the pods may be missing only because their section was refused.
            let cluster = &made.world[origin.cluster].name;
            let message = format!("origin `{cluster}` gets requests for `{name}`, but has no pods");
            let place = demand.workload.place.clone();
            let warning = Diagnostic::warning(Code::Contradiction, place, message);
            cx.diagnostics.push(warning.help("disable the origin, or run the workload there"));
        }
    }
}
