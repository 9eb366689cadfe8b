//! Workloads and their deployments: each override is laid over its workload, decoded, resolved.

use crate::model::connections::ConnectionsSpec;
use crate::model::container::{Containers, Requested};
use crate::model::ids::{ClusterId, DeploymentId, WorkloadId};
use crate::model::node_pool::Resources;
use crate::model::placement::Placement;
use crate::model::rollout::RolloutRules;
use crate::model::taint::FailureTolerations;
use crate::model::workload::{
    AntiAffinity, Deployment, ImagePullPolicySpec, PodTemplate, ProbeSpec, Probes, Workload,
};
use crate::scenario::explain::derived;
use crate::scenario::load::without;
use crate::scenario::workload_spec::{CapacitySpec, WorkloadSpec};
use crate::sim::laws::Law;
use crate::spec::{Code, Decode, Decoder, Diagnostic, Kind, Leaf, Name, Node, Set, overlay};
use crate::traffic::calls::{ConcurrencyLimitSpec, PodProtection, ShedSpec};
use crate::traffic::capacity::{fit_capacity, sustainable_utilisation};
use crate::traffic::plan::{Balancer, DeploymentPlan, OnTimeout};
use crate::units::{MilliCpu, Ratio, Span};

use super::calls::Caller;
use super::{Resolved, Resolving, dependencies, hpas, network, placement};

/// Adds all workloads with a deployment in each cluster that runs them.
pub(super) fn add(cx: &mut Resolving<'_, '_>, made: &mut Resolved) {
    let workloads = &cx.decoded.spec.workloads;
    for (index, base) in workloads.iter().enumerate() {
        let id = WorkloadId::new(index);
        let name = base.name.as_str().to_owned();
        made.world.workloads.push(Workload { name, deployments: Vec::new(), internal: false });
        let path = format!("workloads[{index}]");
        for (name, _) in &base.clusters.entries {
            check_override(cx, made, base, name);
        }
        for cluster in running(cx, made, base) {
            let called = made.world[cluster].name.as_str();
            let over = base.clusters.entries.iter().find(|(name, _)| name.as_str() == called);
            let Some((_, over)) = over.filter(|(_, over)| !is_empty(over)) else {
                add_deployment(cx, made, (id, cluster), base, &path);
                continue;
            };
            let path = format!("{path}.clusters.{called}");
            if let Some(spec) = overridden(cx, made, index, over, &path) {
                add_deployment(cx, made, (id, cluster), &spec, &path);
            }
        }
    }
}

/// The clusters that run a workload: those it names, or all.
fn running(cx: &mut Resolving<'_, '_>, made: &Resolved, base: &WorkloadSpec) -> Vec<ClusterId> {
    if base.runs_on.is_empty() {
        return (0..made.world.clusters.len()).map(ClusterId::new).collect();
    }
    let named = base.runs_on.iter();
    let mut clusters: Vec<ClusterId> = named
        .filter_map(|name| cx.cluster(&base.runs_on.same_place(name.clone()), &made.world))
        .collect();
    clusters.sort_unstable();
    clusters.dedup();
    clusters
}

/// An override must be for a cluster that exists and runs the workload.
fn check_override(
    cx: &mut Resolving<'_, '_>,
    made: &Resolved,
    base: &WorkloadSpec,
    name: &Set<Name>,
) {
    let runs = base.runs_on.is_empty() || base.runs_on.contains(&name.value);
    if cx.cluster(name, &made.world).is_some() && !runs {
        let message = format!("`{}` is overridden, but not in `runsOn`", name.as_str());
        let wrong = Diagnostic::error(Code::Contradiction, name.place.clone(), message);
        cx.diagnostics.push(wrong.help("add it to `runsOn`, or drop the override"));
    }
}

fn is_empty(node: &Node) -> bool {
    matches!(&node.kind, Kind::Mapping(entries) if entries.is_empty())
}

/// Workload `index` with `over` laid over it, or `None` after a report.
fn overridden(
    cx: &mut Resolving<'_, '_>,
    made: &mut Resolved,
    index: usize,
    over: &Node,
    path: &str,
) -> Option<WorkloadSpec> {
    let Some(Kind::Sequence(items)) = cx.decoded.root.get("workloads").map(|list| &list.kind)
    else {
        unreachable!("the workloads were decoded from a list")
    };
    let laid = overlay(&without(&items[index], &["runsOn", "clusters"]), over);
    let mut decoder = Decoder::at(path, Some(cx.decoded.profile));
    let spec = WorkloadSpec::decode(&laid, &mut decoder);
    let (found, leaves) = decoder.finish();
    let failed = found.has_errors();
    cx.diagnostics.append(found);
    let base = format!("workloads[{index}]");
    let differs = |leaf: &Leaf| {
        let key = &leaf.place.path[path.len()..];
        let same = |other: &&Leaf| other.place.path.strip_prefix(base.as_str()) == Some(key);
        cx.decoded.leaves.iter().find(same).is_none_or(|other| other.shown != leaf.shown)
    };
    made.derived.extend(leaves.into_iter().filter(differs));
    spec.filter(|_| !failed)
}

/// What a pod can do: stated, or fitted to a measurement.
struct Strength {
    workers: u16,
    law: Law,
    cpu_per_worker: MilliCpu,
}

fn add_deployment(
    cx: &mut Resolving<'_, '_>,
    made: &mut Resolved,
    (workload, cluster): (WorkloadId, ClusterId),
    spec: &WorkloadSpec,
    path: &str,
) {
    let id = DeploymentId::new(made.world.deployments.len());
    let strength = match (&*spec.capacity, &*spec.service) {
        (_, Some(service)) => Strength {
            workers: *service.workers,
            law: cx.law(&service.time),
            cpu_per_worker: *service.cpu_per_worker,
        },
        (Some(capacity), None) => fitted(cx, made, capacity, path),
        (None, None) => unreachable!("checked when the workload was decoded"),
    };
    let least = spec.hpa.as_ref().map(|hpa| *hpa.min_replicas);
    let mut template = template(cx, made, spec, &strength, path);
    template.placement = placement::placement(cx, spec, workload);
    let defaults = &cx.decoded.spec.kubernetes;
    let needs = dependencies::needs(cx, made, spec);
    template.tolerated = placement::tolerated(&template.placement, spec, defaults);
    made.deployments.push(DeploymentPlan {
        cluster,
        workload,
        workers: strength.workers,
        queue: *spec.queue,
        law: strength.law,
        speed: 1.0,
        on_timeout: OnTimeout::from(*spec.on_timeout),
        balancer: Balancer::from(*spec.balancer),
        counts_writes: false,
        stale_failures: spec.connections.as_ref().map_or(0, |c| c.connections().failures),
    });
    made.world.deployments.push(Deployment {
        workload,
        cluster,
        template,
        replicas: spec.replicas.or(least).unwrap_or(1),
        hpa_bounds: spec.hpa.as_ref().map(|hpa| (*hpa.min_replicas, *hpa.max_replicas)),
        rules: RolloutRules {
            strategy: spec.strategy.strategy(),
            min_ready: Span::from_secs(i64::from(*spec.min_ready_s)),
            progress_deadline: Span::from_secs(i64::from(*spec.progress_deadline_s)),
        },
        replica_sets: vec![Deployment::first_replica_set()],
        rollout: None,
        disruption_budget: spec.disruption_budget.as_ref().map(|budget| budget.budget()),
        needs,
        pods: Vec::new(),
        created: 0,
        sustainable: Ratio::new(0.0),
        asked_by: vec![(workload, 1.0)],
        version: 0,
    });
    made.callers.push(Caller { holds_worker: *spec.calls_hold_worker, calls: spec.calls.to_vec() });
    made.protection.deployments.push(PodProtection {
        name: made.world.deployment_name(id),
        limit: spec.concurrency_limit.as_ref().map(ConcurrencyLimitSpec::rules),
        shed: spec.shed.as_ref().map(ShedSpec::rules),
    });
    network::pass(cx, made, id, spec);
    made.objectives.push(*spec.latency_objective);
    hpas::add(cx, made, id, spec, path);
    made.world[workload].deployments.push(id);
    made.world[cluster].deployments.push(id);
}

fn template(
    cx: &mut Resolving<'_, '_>,
    made: &mut Resolved,
    spec: &WorkloadSpec,
    strength: &Strength,
    path: &str,
) -> PodTemplate {
    let seconds = |s: u32| Span::from_secs(i64::from(s));
    let start_up = match &*spec.start_up {
        Some(law) => cx.law(law),
        None => {
            let (path, shown) = (format!("{path}.startUp"), "constant 5s".to_owned());
            made.derived.push(derived(spec.name.span(), path, shown, "left out: assumed"));
            Law::constant(5.0)
        }
    };
    let (cpu, memory) = (*spec.requests.cpu, *spec.requests.memory);
    let main = Requested { cpu: Some(cpu), memory: Some(memory) };
    let containers = Containers::new(main, &spec.sidecars, spec.memory_usage.as_ref());
    let (sidecars_cpu, sidecars_memory) = containers.requested_by_sidecars();
    PodTemplate {
        requests: Resources { cpu: cpu + sidecars_cpu, memory: memory + sidecars_memory, pods: 1 },
        containers,
        cpu_limit: spec.limits.as_ref().and_then(|limits| *limits.cpu),
        workers: strength.workers,
        queue: *spec.queue,
        service: strength.law.clone(),
        cpu_per_worker: strength.cpu_per_worker,
        connections: spec.connections.as_ref().map(ConnectionsSpec::connections),
        image: *spec.image,
        always_pull: *spec.image_pull_policy == ImagePullPolicySpec::Always,
        start_up,
        probes: Probes {
            startup: spec.startup_probe.as_ref().map(ProbeSpec::probe),
            readiness: spec.readiness_probe.as_ref().map(ProbeSpec::probe),
            liveness: spec.liveness_probe.as_ref().map(ProbeSpec::probe),
        },
        termination_grace: seconds(*spec.termination_grace_s),
        pre_stop: *spec.pre_stop,
        safe_to_evict: *spec.safe_to_evict,
        tolerated: FailureTolerations::both(Span::ZERO),
        anti_affinity: AntiAffinity::from(*spec.anti_affinity),
        pool: spec.node_pool.as_ref().map(|name| name.as_str().to_owned()),
        priority: *spec.priority,
        placement: Placement::default(),
    }
}

/// Workers and service law that reproduce a measurement; a stand-in after a report.
fn fitted(
    cx: &mut Resolving<'_, '_>,
    made: &mut Resolved,
    spec: &CapacitySpec,
    path: &str,
) -> Strength {
    let Some(fit) = fit_capacity(*spec.rate, *spec.cpu, *spec.p50, *spec.p99) else {
        let message = "no pod with at most 64 workers serves this rate with these percentiles";
        let wrong = Diagnostic::error(Code::Contradiction, spec.rate.place.clone(), message);
        cx.diagnostics.push(wrong.help("measure one pod, not several behind a balancer"));
        return Strength { workers: 1, law: Law::constant(1.0), cpu_per_worker: MilliCpu::ZERO };
    };
    let cpu_per_worker = MilliCpu::new((fit.milli_cpu_per_worker.round() as i64).max(1));
    let rule = "fitted to `capacity`: fewest workers that keep p99 within 5 %";
    let shown = [
        ("service.workers", fit.workers.to_string()),
        ("service.time", format!("lognormal, p50 {}, p99 {}", *spec.p50, *spec.p99)),
        ("service.cpuPerWorker", cpu_per_worker.to_string()),
        ("capacity.utilisation", rounded(fit.utilisation)),
        ("capacity.p50Error", rounded(fit.p50_error)),
        ("capacity.p99Error", rounded(fit.p99_error)),
    ];
    for (key, value) in shown {
        made.derived.push(derived(spec.rate.span(), format!("{path}.{key}"), value, rule));
    }
    Strength { workers: fit.workers, law: fit.law, cpu_per_worker }
}

fn rounded(ratio: Ratio) -> String {
    format!("{:.1}%", ratio.percent())
}

/// Workers that are held during calls have that much less time for work of their own.
fn lower_by_calls(made: &mut Resolved) {
    let work_s = |id: DeploymentId| made.deployments[id.index()].law.mean_s();
    for (index, plan) in made.calls.callers().iter().enumerate() {
        let id = DeploymentId::new(index);
        if plan.holds_worker && !plan.calls.is_empty() {
            let own_s = work_s(id);
            let share = own_s / (own_s + made.calls.mean_wait_s(id, &work_s));
            let sustainable = &mut made.world[id].sustainable;
            *sustainable = Ratio::new(sustainable.get() * share);
        }
    }
}

/// Sets the highest sustained utilisation of every deployment.
pub(super) fn set_sustainable(made: &mut Resolved) {
    for (deployment, objective) in made.world.deployments.iter_mut().zip(&made.objectives) {
        let PodTemplate { workers, service, .. } = &deployment.template;
        deployment.sustainable = sustainable_utilisation(*workers, service, *objective);
    }
    lower_by_calls(made);
}
