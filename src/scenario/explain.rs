//! Values that rules derive, in words for `check --explain`.

use crate::control::hpa::plan::HpaPlan;
use crate::control::hpa::settled::settled_replicas;
use crate::control::traffic_manager::entry_share;
use crate::faults::FaultSpec;
use crate::model::ids::DeploymentId;
use crate::model::workload::Deployment;
use crate::model::world::World;
use crate::spec::{Leaf, Origin, Place, SourceSpan};
use crate::units::{Span, Time};

use super::draft::ScenarioSpec;
use super::resolve::{Resolved, deployments};

/// A value that `rule` made, about the section at `span`.
#[must_use]
pub fn derived(span: SourceSpan, path: String, shown: String, rule: &'static str) -> Leaf {
    Leaf { place: Place::new(span.head(), &path), shown, origin: Origin::Derived { rule } }
}

/// Adds what follows from the whole scenario.
pub(super) fn derive(spec: &ScenarioSpec, made: &mut Resolved) {
    let mut leaves = Vec::new();
    explain_detection(spec, &mut leaves);
    for deployment in deployments(&made.world) {
        explain_deployment(spec, made, deployment, &mut leaves);
    }
    explain_overlaps(spec, &mut leaves);
    made.derived.append(&mut leaves);
}

/// Failures in a row that turn an origin unhealthy, and how long that takes.
fn explain_detection(spec: &ScenarioSpec, leaves: &mut Vec<Leaf>) {
    let probe = &spec.front_door.probe;
    let needed = i64::from(*probe.sample_size) - i64::from(*probe.successful_samples) + 1;
    let (soonest, latest) = (*probe.interval * (needed - 1), *probe.interval * needed);
    let silent = *probe.timeout;
    let span = probe.interval.span();
    let mut add = |key: &str, shown: String, rule| {
        leaves.push(derived(span, format!("frontDoor.probe.{key}"), shown, rule));
    };
    let rule = "f = sampleSize - successfulSamples + 1";
    add("failuresNeeded", needed.to_string(), rule);
    let rule = "(f - 1) I to f I, uniform over edge locations; refused connections";
    add("detection", format!("{soonest} to {latest}"), rule);
    let rule = "the same plus the probe's time-out; an origin that hangs";
    add("detectionWhenHanging", format!("{} to {}", soonest + silent, latest + silent), rule);
    let back = i64::from(*probe.successful_samples);
    let rule = "(x - 1) I to x I with x = successfulSamples; after a long outage";
    let (soonest, latest) = (*probe.interval * (back - 1), *probe.interval * back);
    add("failback", format!("{soonest} to {latest}"), rule);
}

fn explain_deployment(
    spec: &ScenarioSpec,
    made: &Resolved,
    id: DeploymentId,
    leaves: &mut Vec<Leaf>,
) {
    let world = &made.world;
    let deployment = &world[id];
    let span = spec.workloads[deployment.workload.index()].name.span();
    let path = format!("deployments.{}", world.deployment_name(id));
    let mut add = |key: &str, shown: String, rule| {
        leaves.push(derived(span, format!("{path}.{key}"), shown, rule));
    };
    let rule = "highest utilisation of workers at which p99 meets `latencyObjective`";
    add("sustainableUtilisation", format!("{:.1}%", deployment.sustainable.percent()), rule);
    let per_pod = deployment.sustained(1).per_s();
    add("sustainedPerPod", format!("{per_pod:.1}/s"), "utilisation x workers / mean service time");
    for &pool in &world[deployment.cluster].pools {
        let pool = &world[pool];
        if deployment.template.pool.as_ref().is_none_or(|name| *name == pool.name) {
            let fit = pool.allocatable.times(&deployment.template.requests);
            let rule = "allocatable over requests; system pods are not counted";
            add(&format!("podsPerNode.{}", pool.name), fit.to_string(), rule);
        }
    }
    let busy_workers = if let Some(loads) = &made.cpu_loads {
        loads[id.index()].busy_workers_at_start()
    } else {
        let by_users = |id| expected_rate(made, world, id);
        let rate = made.calls.rate(id, &by_users);
        let rule = if rate == by_users(id) {
            "demand at the start, all origins being healthy"
        } else {
            "demand at the start with the calls that it causes, all origins being healthy"
        };
        add("expectedRate", format!("{rate:.1}/s"), rule);
        rate * deployment.template.service.mean_s()
    };
    let rule = "where the HPA would rest: expected metrics over their targets, within its bounds";
    add("expectedReplicas", expected_replicas(made, id, busy_workers).to_string(), rule);
}

/// Requests of users a second that reach a deployment at the start, all origins being healthy.
fn expected_rate(made: &Resolved, world: &World, id: DeploymentId) -> f64 {
    let (workload, cluster) = (world[id].workload, world[id].cluster);
    let mut rate = 0.0;
    for demand in made.demands.iter().filter(|demand| demand.workload == workload) {
        // The edge locations of a place are alike.
        let Some(pop) = demand.pops.first() else { continue };
        let pop = &world.front_door.pops[pop.index()];
        let share = entry_share(world, pop, cluster);
        rate += demand.arrivals.rate_at(Time::ZERO) * share;
    }
    rate
}

fn expected_replicas(made: &Resolved, id: DeploymentId, busy_workers: f64) -> u32 {
    let hpas: Vec<&HpaPlan> = made.hpas.iter().filter(|hpa| hpa.deployment == id).collect();
    let Deployment { template, replicas, .. } = &made.world[id];
    settled_replicas(&hpas, template, busy_workers, *replicas)
}

/// Overlapping faults of one target are defined: it heals when the last of them ends.
fn explain_overlaps(spec: &ScenarioSpec, leaves: &mut Vec<Leaf>) {
    let faults = &spec.faults;
    let end = |at: Span, duration: Option<Span>| duration.map_or(Span::MAX, |length| at + length);
    let is_random = |fault: &FaultSpec| fault.delay.is_some() || fault.repair_time.is_some();
    for (index, fault) in faults.iter().enumerate() {
        for other in &faults[..index] {
            let apart = end(*fault.at, *fault.duration) <= *other.at
                || end(*other.at, *other.duration) <= *fault.at;
            let is_certain = spec.failure_model.is_empty();
            let known = is_certain && !is_random(fault) && !is_random(other);
            if known && !apart && fault.target() == other.target() {
                let shown = format!("overlaps `{}`", other.name.as_str());
                let rule = "faults of one target count: it heals when the last one ends";
                let path = format!("faults[{index}].overlap");
                leaves.push(derived(fault.at.span(), path, shown, rule));
            }
        }
    }
}
