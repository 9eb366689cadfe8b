//! HPAs: what their metrics name is looked up in the workload, so that nothing is left to a run.

use crate::control::hpa::metric::{Resource, Source};
use crate::control::hpa::metric_spec::TargetSpec;
use crate::control::hpa::metric_spec::{MetricKind, MetricSpec, ResourceName, TargetKind};
use crate::control::hpa::plan::{HpaPlan, MetricPlan, Reads, ResourceTarget};
use crate::control::hpa::requests::{ContainerRequest, PodSpec, pod_request};
use crate::control::hpa::spec::HpaSpec;
use crate::control::settings::ToleranceForm;
use crate::model::container::{ContainerPick, Containers, Requested};
use crate::model::ids::{DeploymentId, HpaId};
use crate::scenario::explain::derived;
use crate::scenario::workload_spec::WorkloadSpec;
use crate::spec::{Code, Diagnostic, Name, Place, Set, nearest};

use super::{Resolved, Resolving, metric_sources};

/// Adds the HPAs of a deployment, whose containers are known.
pub(super) fn add(
    cx: &mut Resolving<'_, '_>,
    made: &mut Resolved,
    deployment: DeploymentId,
    spec: &WorkloadSpec,
    path: &str,
) {
    let containers = made.world[deployment].template.containers.clone();
    let workload = Workload { name: &spec.name, containers: &containers };
    let first = spec.hpa.iter().map(|hpa| (hpa, format!("{path}.hpa")));
    let further = spec.additional_hpas.iter().enumerate();
    let further = further.map(|(index, hpa)| (hpa, format!("{path}.additionalHpas[{index}]")));
    let all: Vec<(&HpaSpec, String)> = first.chain(further).collect();
    let ids: Vec<HpaId> = (0..all.len()).map(|n| HpaId::new(made.hpas.len() + n)).collect();
    for (number, (hpa, path)) in all.into_iter().enumerate() {
        check_gates(cx, hpa);
        if hpa.metrics.is_empty() && hpa.target_cpu.is_none() {
            let path = format!("{path}.targetCPUUtilization");
            let rule = "left out, no metrics: kubernetes pkg/apis/autoscaling/v2/defaults.go";
            let shown = format!("{}%", hpa.cpu_percent());
            made.derived.push(derived(hpa.target_cpu.span(), path, shown, rule));
        }
        made.hpas.push(HpaPlan {
            deployment,
            number: u32::try_from(number).expect("the sections bound their number"),
            rivals: ids.iter().copied().filter(|&id| id != ids[number]).collect(),
            start: *spec.replicas,
            autoscaler: hpa.autoscaler(&cx.decoded.spec.kubernetes),
            metrics: metrics(cx, &workload, hpa),
        });
    }
}

/// The metrics of an HPA; without any, CPU utilisation.
fn metrics(cx: &mut Resolving<'_, '_>, workload: &Workload<'_>, hpa: &HpaSpec) -> Vec<MetricPlan> {
    if !hpa.metrics.is_empty() {
        return hpa.metrics.iter().filter_map(|spec| metric(cx, workload, spec)).collect();
    }
    let (resource, of) = (Resource::Cpu, ContainerPick::All);
    let request = workload.request(resource, of);
    let target = ResourceTarget::Utilization { percent: hpa.cpu_percent(), request };
    let outages = metric_sources::outages(cx, "cpu");
    vec![MetricPlan { reads: Reads::Resource { resource, of, target }, outages }]
}

/// What needs a feature gate that is off: a tolerance of its own, and scaling to zero.
fn check_gates(cx: &mut Resolving<'_, '_>, hpa: &HpaSpec) {
    let kubernetes = &cx.decoded.spec.kubernetes;
    let off = |gate: &str| format!("{gate}, which is off in profile {}", cx.decoded.profile.name);
    let mut found = Vec::new();
    for place in hpa.own_tolerances() {
        if !*kubernetes.hpa_configurable_tolerance {
            let gate =
                off("an HPA's own tolerance needs the feature gate HPAConfigurableTolerance");
            let help =
                "remove it, or choose `profile: k8s-1.35` or `hpaConfigurableTolerance: true`";
            found.push((place, gate, help));
        } else if *kubernetes.hpa_tolerance_form == ToleranceForm::Symmetric {
            let message = "an HPA has no tolerance of its own before Kubernetes 1.33".to_owned();
            let help = "remove it, or choose a later `profile` or `hpaToleranceForm: perDirection`";
            found.push((place, message, help));
        }
    }
    if *hpa.min_replicas == 0 && !*kubernetes.hpa_scale_to_zero {
        let message = off("`minReplicas: 0` needs the feature gate HPAScaleToZero");
        let help = "give 1 or more, or set `kubernetes.hpaScaleToZero: true`";
        found.push((&hpa.min_replicas.place, message, help));
    }
    for (place, message, help) in found {
        let wrong = Diagnostic::error(Code::Contradiction, place.clone(), message);
        cx.diagnostics.push(wrong.help(help));
    }
}

/// What an HPA needs to know of the workload that it scales.
struct Workload<'s> {
    name: &'s Set<Name>,
    containers: &'s Containers,
}

impl Workload<'_> {
    /// The request that a utilisation is a share of, in milli-units; None if a container that
    /// counts has none, which makes the metric fail in the run as it does in a cluster.
    fn request(&self, resource: Resource, of: ContainerPick) -> Option<i64> {
        let milli = |requested: &Requested| match resource {
            Resource::Cpu => requested.cpu.map(|cpu| cpu.milli()),
            Resource::Memory => requested.memory.map(|memory| memory.get() * 1_000),
        };
        let main = ContainerRequest { name: self.name, request: milli(&self.containers.main) };
        let sidecars = self.containers.sidecars.iter();
        let sidecars = sidecars.map(|sidecar| ContainerRequest {
            name: &sidecar.name,
            request: milli(&sidecar.requested),
        });
        let containers: Vec<ContainerRequest<'_>> = std::iter::once(main).chain(sidecars).collect();
        let name = match of {
            ContainerPick::All => None,
            ContainerPick::Main => Some(containers[0].name),
            ContainerPick::Sidecar(index) => Some(containers[1 + index].name),
        };
        let pod = PodSpec { pod_level: None, containers: &containers, sidecars: &[] };
        pod_request(&pod, name).ok()
    }
}

/// A metric with all names resolved, or `None` after a report.
fn metric(
    cx: &mut Resolving<'_, '_>,
    workload: &Workload<'_>,
    spec: &MetricSpec,
) -> Option<MetricPlan> {
    let (name, of, target) = match *spec.kind {
        MetricKind::Resource => {
            let metric = spec.resource.as_ref().expect("checked with the type");
            (&metric.name, ContainerPick::All, &metric.target)
        }
        MetricKind::ContainerResource => {
            let metric = spec.container_resource.as_ref().expect("checked with the type");
            (&metric.name, container(cx, workload, &metric.container)?, &metric.target)
        }
        MetricKind::Pods => {
            let metric = spec.pods.as_ref().expect("checked with the type");
            return metric_sources::of_pods(cx, &metric.metric.name, &metric.target);
        }
        MetricKind::Object => {
            let metric = spec.object.as_ref().expect("checked with the type");
            let name = &metric.metric.name;
            return metric_sources::total(cx, Source::Object, name, &metric.target);
        }
        MetricKind::External => {
            let metric = spec.external.as_ref().expect("checked with the type");
            let name = &metric.metric.name;
            return metric_sources::total(cx, Source::External, name, &metric.target);
        }
    };
    check_memory_is_known(cx, workload, name, of);
    let resource = Resource::from(name.value);
    let target = resource_target(workload, resource, of, target);
    let outages = metric_sources::outages(cx, name.as_str());
    Some(MetricPlan { reads: Reads::Resource { resource, of, target }, outages })
}

fn resource_target(
    workload: &Workload<'_>,
    resource: Resource,
    of: ContainerPick,
    target: &TargetSpec,
) -> ResourceTarget {
    match (*target.kind, *target.average_utilization, *target.average_value) {
        (TargetKind::Utilization, Some(percent), _) => {
            ResourceTarget::Utilization { percent, request: workload.request(resource, of) }
        }
        (TargetKind::AverageValue, _, Some(value)) => ResourceTarget::AverageValue(value.milli()),
        _ => unreachable!("checked when the target was decoded"),
    }
}

/// The container called so, or `None` after a report.
fn container(
    cx: &mut Resolving<'_, '_>,
    workload: &Workload<'_>,
    name: &Set<Name>,
) -> Option<ContainerPick> {
    let sidecars = workload.containers.sidecars.iter().map(|sidecar| sidecar.name.as_str());
    let known: Vec<&str> = std::iter::once(workload.name.as_str()).chain(sidecars).collect();
    match known.iter().position(|known| *known == name.as_str()) {
        Some(0) => Some(ContainerPick::Main),
        Some(index) => Some(ContainerPick::Sidecar(index - 1)),
        None => {
            let message = format!("no container is called `{}`", name.as_str());
            let place = name.place.clone();
            let wrong = Diagnostic::error(Code::UnknownReference, place, message);
            let wrong = wrong.allowed(known.join(", "));
            cx.diagnostics.push(match nearest(name.as_str(), known) {
                Some(meant) => wrong.help(format!("did you mean `{meant}`?")),
                None => wrong,
            });
            None
        }
    }
}

/// Memory of the main container can only be read where the scenario states it.
fn check_memory_is_known(
    cx: &mut Resolving<'_, '_>,
    workload: &Workload<'_>,
    name: &Set<ResourceName>,
    of: ContainerPick,
) {
    let needed = name.value == ResourceName::Memory && !matches!(of, ContainerPick::Sidecar(_));
    if needed && workload.containers.memory_use.is_none() {
        let place: Place = name.place.clone();
        let message = format!("how much memory `{}` uses is not stated", workload.name.as_str());
        let wrong = Diagnostic::error(Code::MissingKey, place, message);
        let help = "add `memoryUsage: {workingSet: ..}` to the workload";
        cx.diagnostics.push(wrong.help(help));
    }
}
