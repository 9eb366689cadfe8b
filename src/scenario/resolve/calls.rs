//! Calls between workloads: each leads to a deployment of its own cluster, and none in a circle.

use crate::model::ids::{DeploymentId, WorkloadId};
use crate::spec::{Code, Diagnostic, Place};
use crate::traffic::calls::{CallGraph, CallPlan, CallSpec, CallerPlan, CircuitBreakerSpec};
use crate::traffic::demand::RetriesSpec;
use crate::traffic::plan::RetryPolicy;

use super::{Resolved, Resolving, deployments};

/// What a deployment calls, names not resolved yet: what it calls may come later in the file.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) holds_worker: bool,
    pub(super) calls: Vec<CallSpec>,
}

/// Resolves all calls.
pub(super) fn add(cx: &mut Resolving<'_, '_>, made: &mut Resolved) {
    if made.callers.iter().all(|caller| caller.calls.is_empty()) {
        return;
    }
    // Deployments without an override share their calls, and with them their mistakes.
    let mut reported = Vec::new();
    let mut callers = Vec::new();
    for id in deployments(&made.world) {
        let Caller { holds_worker, calls } = &made.callers[id.index()];
        let mut plans = Vec::new();
        for (index, call) in calls.iter().enumerate() {
            if reported.contains(&call.to.place) {
                continue;
            }
            let earlier = calls[..index].iter().filter(|other| *other.to == *call.to).count();
            match resolve(cx, made, id, call, earlier) {
                Some(plan) => plans.push(plan),
                None => reported.push(call.to.place.clone()),
            }
        }
        callers.push(CallerPlan { holds_worker: *holds_worker, calls: plans });
    }
    made.calls = CallGraph::new(callers);
    report_circle(cx, made);
    report_loads(cx, made);
}

/// The plan of a call; `earlier` calls of the same caller lead to the same workload.
fn resolve(
    cx: &mut Resolving<'_, '_>,
    made: &Resolved,
    caller: DeploymentId,
    call: &CallSpec,
    earlier: usize,
) -> Option<CallPlan> {
    let to = cx.workload(&call.to, &made.world)?;
    let (from, cluster) = (made.world[caller].workload, made.world[caller].cluster);
    let (from, callee) = (&made.world[from].name, &made.world[to].name);
    let Some(deployment) = made.world.deployment_in(to, cluster) else {
        let cluster = &made.world[cluster].name;
        let message = format!("`{from}` runs in `{cluster}`, but `{callee}` does not");
        let wrong = Diagnostic::error(Code::Contradiction, call.to.place.clone(), message);
        let help = format!("add `{cluster}` to `runsOn` of `{callee}`");
        cx.diagnostics.push(wrong.allowed("a workload of the same cluster").help(help));
        return None;
    };
    let name = match earlier {
        0 => format!("{from}/{callee}"),
        _ => format!("{from}/{callee}/{}", earlier + 1),
    };
    Some(CallPlan {
        name,
        to: deployment,
        probability: *call.probability,
        count: *call.count,
        parallel: *call.parallel,
        required: *call.required,
        round_trip: *call.round_trip,
        timeout: *call.timeout,
        propagates_deadline: *call.propagates_deadline,
        retries: call.retries.as_ref().map_or(RetryPolicy::NEVER, RetriesSpec::policy),
        max_concurrent: *call.max_concurrent,
        breaker: call.circuit_breaker.as_ref().map(CircuitBreakerSpec::rules),
    })
}

/// Reports the first circle of calls.
fn report_circle(cx: &mut Resolving<'_, '_>, made: &Resolved) {
    for id in deployments(&made.world) {
        let mut path = vec![id];
        if let Some(place) = find_circle(made, &mut path) {
            let names =
                path.iter().map(|&id| format!("`{}`", made.world[made.world[id].workload].name));
            let names: Vec<String> = names.collect();
            let message = names.join(" calls ");
            let wrong = Diagnostic::error(Code::Cycle, place, message);
            cx.diagnostics.push(wrong.allowed("calls that lead back to no caller"));
            return;
        }
    }
}

/// Goes on along the calls of the last of `path` until one leads back to its first; then the place
/// of that call.
fn find_circle(made: &Resolved, path: &mut Vec<DeploymentId>) -> Option<Place> {
    let last = *path.last()?;
    let places = made.callers[last.index()].calls.iter().map(|call| &call.to.place);
    let plans = &made.calls.callers()[last.index()].calls;
    for (call, place) in plans.iter().zip(places) {
        let is_first = call.to == path[0];
        if !is_first && path.contains(&call.to) {
            continue;
        }
        path.push(call.to);
        let place = if is_first { Some(place.clone()) } else { find_circle(made, path) };
        if place.is_some() {
            return place;
        }
        path.pop();
    }
    None
}

/// Pods with CPU loads have no requests that could call.
fn report_loads(cx: &mut Resolving<'_, '_>, made: &Resolved) {
    if cx.decoded.spec.cpu_loads.is_empty() {
        return;
    }
    let first = made.callers.iter().find_map(|caller| caller.calls.first());
    if let Some(call) = first {
        let message = "requests call, but pods have a CPU load instead of requests";
        let wrong = Diagnostic::error(Code::Contradiction, call.to.place.clone(), message);
        cx.diagnostics.push(wrong.allowed("`calls` with `demands`"));
    }
}

/// Says whose users ask for each deployment that is called. There is no circle.
pub(super) fn set_askers(made: &mut Resolved) {
    for id in deployments(&made.world) {
        for asker in made.calls.asking(id).into_iter().filter(|&asker| asker != id) {
            let one = |other| if other == asker { 1.0 } else { 0.0 };
            let each = made.calls.rate(id, &one);
            let workload = made.world[asker].workload;
            made.world[id].asked_by.push((workload, each));
        }
    }
}

/// Marks the workloads that only others call, once demands are known.
pub(super) fn mark_internal(made: &mut Resolved) {
    let called = made.calls.callers().iter().flat_map(|caller| &caller.calls);
    let called: Vec<WorkloadId> = called.map(|call| made.world[call.to].workload).collect();
    for workload in called {
        made.world[workload].internal =
            made.demands.iter().all(|demand| demand.workload != workload);
    }
}
