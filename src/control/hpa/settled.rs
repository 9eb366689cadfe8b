//! The replicas at which an HPA would come to rest: where a run starts, and what
//! `check --explain` shows. No counterpart upstream: a real HPA gets there by its passes.

use crate::control::custom_metrics::spec::{LoadMetric, SourceValue};
use crate::model::container::ContainerPick;
use crate::model::workload::PodTemplate;

use super::metric::{Resource, TotalTarget};
use super::plan::{HpaPlan, Reads, ResourceTarget};

/// Replicas at which the HPAs of a deployment rest while it keeps `busy_workers` busy: those that
/// the scenario states, else the most that any metric asks for, within the bounds. The first HPA
/// decides; without one, `replicas` stand.
#[must_use]
pub fn settled_replicas(
    hpas: &[&HpaPlan],
    template: &PodTemplate,
    busy_workers: f64,
    replicas: u32,
) -> u32 {
    let Some(hpa) = hpas.first() else { return replicas };
    if let Some(stated) = hpa.start {
        return stated;
    }
    let wanted = hpa.metrics.iter().map(|metric| wanted_by(&metric.reads, template, busy_workers));
    let wanted = wanted.max().expect("an HPA has a metric");
    let bounds = hpa.autoscaler.bounds;
    wanted.clamp(bounds.min.unsigned_abs(), bounds.max.unsigned_abs())
}

/// Replicas that bring one metric to its target.
fn wanted_by(reads: &Reads, template: &PodTemplate, busy_workers: f64) -> u32 {
    match reads {
        &Reads::Resource { resource, of, target } => {
            let (load, constant) = match resource {
                Resource::Cpu => cpu_cores(template, of, busy_workers),
                Resource::Memory => memory_bytes(template, of, busy_workers),
            };
            let per_pod = match target {
                // A container without request makes the metric fail: the bounds decide.
                ResourceTarget::Utilization { request: None, .. } => return 0,
                ResourceTarget::Utilization { percent, request: Some(request) } => {
                    request as f64 / 1_000.0 * (f64::from(percent) / 100.0)
                }
                ResourceTarget::AverageValue(milli) => milli as f64 / 1_000.0,
            };
            replicas_for(load, per_pod - constant)
        }
        Reads::Pods { metric, target } => {
            replicas_for(load_of(*metric, template, busy_workers), *target as f64 / 1_000.0)
        }
        Reads::Total { value, target, .. } => {
            let total = match value {
                SourceValue::Load(metric) => load_of(*metric, template, busy_workers),
                // All of the workload is expected where it is sent now.
                SourceValue::OriginRequestsPerSecond => {
                    load_of(LoadMetric::RequestsPerSecond, template, busy_workers)
                }
                SourceValue::Series(curve) => curve.rate_at(curve.start_s()),
            };
            let (TotalTarget::Value(target) | TotalTarget::AverageValue(target)) = target;
            replicas_for(total, *target as f64 / 1_000.0)
        }
    }
}

/// What a measure of the pods adds up to while they keep `busy_workers` busy and nobody waits.
fn load_of(metric: LoadMetric, template: &PodTemplate, busy_workers: f64) -> f64 {
    match metric {
        LoadMetric::RequestsPerSecond => busy_workers / template.service.mean_s(),
        LoadMetric::InFlightRequests => busy_workers,
        LoadMetric::QueuedRequests => 0.0,
    }
}

/// As many pods as share `load`, each taking `per_pod` of it; with no room at all, no number of
/// pods is enough.
fn replicas_for(load: f64, per_pod: f64) -> u32 {
    if per_pod <= 0.0 { u32::MAX } else { (load / per_pod).ceil() as u32 }
}

/// CPU that the load needs together, and that each pod uses anyway \[cores\].
fn cpu_cores(template: &PodTemplate, of: ContainerPick, busy_workers: f64) -> (f64, f64) {
    let load = busy_workers * template.cpu_per_worker.cores();
    let sidecars = &template.containers;
    match of {
        ContainerPick::All => (load, sidecars.sidecar_cpu().cores()),
        ContainerPick::Main => (load, 0.0),
        ContainerPick::Sidecar(index) => (0.0, sidecars.sidecars[index].cpu.cores()),
    }
}

/// Memory that the load needs together, and that each pod uses anyway \[bytes\].
fn memory_bytes(template: &PodTemplate, of: ContainerPick, busy_workers: f64) -> (f64, f64) {
    let containers = &template.containers;
    let sidecars: i64 = containers.sidecars.iter().map(|sidecar| sidecar.memory.get()).sum();
    let (per_request, working_set) = containers
        .memory_use
        .map_or((0, 0), |memory| (memory.per_request.get(), memory.working_set.get()));
    let load = busy_workers * per_request as f64;
    match of {
        ContainerPick::All => (load, (working_set + sidecars) as f64),
        ContainerPick::Main => (load, working_set as f64),
        ContainerPick::Sidecar(index) => (0.0, containers.sidecars[index].memory.get() as f64),
    }
}
