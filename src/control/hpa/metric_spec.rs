//! One entry of `hpa.metrics`, in the words of autoscaling/v2.
//!
//! Follows staging/src/k8s.io/api/autoscaling/v2/types.go, and for what is refused
//! pkg/apis/autoscaling/validation/validation.go (`validateMetricSpec`). Label selectors of
//! metrics are left out: each metric is that of the workload itself.

use crate::spec::{Code, Decoder, Diagnostic, Name, Place, Text, choice, section};
use crate::units::Quantity;

use super::metric::Resource;

section! {
    /// A metric of an HPA: its `type`, and the section that belongs to the type.
    pub struct MetricSpec {
        /// What kind of metric it is.
        "type" kind: MetricKind = required;
        /// For `type: Resource`.
        "resource" resource: Option<ResourceMetricSpec> = optional;
        /// For `type: ContainerResource`.
        "containerResource" container_resource: Option<ContainerMetricSpec> = optional;
        /// For `type: Pods`.
        "pods" pods: Option<PodsMetricSpec> = optional;
        /// For `type: Object`.
        "object" object: Option<ObjectMetricSpec> = optional;
        /// For `type: External`.
        "external" external: Option<ExternalMetricSpec> = optional;
    }
    check MetricSpec::check_one_section;
}

choice! {
    /// Kinds of metrics.
    pub enum MetricKind {
        /// CPU or memory of whole pods.
        "Resource" => Resource,
        /// CPU or memory of one container of each pod.
        "ContainerResource" => ContainerResource,
        /// A custom metric of each pod.
        "Pods" => Pods,
        /// A custom metric of another object: the workload's Service or Ingress.
        "Object" => Object,
        /// A metric from outside the cluster.
        "External" => External,
    }
}

choice! {
    /// Resources that metrics-server measures.
    pub enum ResourceName {
        /// CPU; pods that start do not count.
        "cpu" => Cpu,
        /// Memory; the workload must state `memoryUsage`.
        "memory" => Memory,
    }
}

section! {
    /// CPU or memory of whole pods, sidecars included.
    pub struct ResourceMetricSpec {
        /// Which resource.
        "name" name: ResourceName = required;
        /// What it should be.
        "target" target: TargetSpec = required;
    }
    check ResourceMetricSpec::check_target;
}

section! {
    /// CPU or memory of one container.
    pub struct ContainerMetricSpec {
        /// Which resource.
        "name" name: ResourceName = required;
        /// The container: a sidecar, or the main one, which is called like the workload.
        "container" container: Name = required;
        /// What it should be.
        "target" target: TargetSpec = required;
    }
    check ContainerMetricSpec::check_target;
}

section! {
    /// A custom metric of each pod, compared as a mean over the pods.
    pub struct PodsMetricSpec {
        /// Which metric.
        "metric" metric: MetricIdentifierSpec = required;
        /// What it should be; of `type: AverageValue`.
        "target" target: TargetSpec = required;
    }
    check PodsMetricSpec::check_target;
}

section! {
    /// A custom metric of an object that stands for the workload in the cluster.
    pub struct ObjectMetricSpec {
        /// The object.
        "describedObject" described_object: DescribedObjectSpec = required;
        /// Which metric.
        "metric" metric: MetricIdentifierSpec = required;
        /// What it should be; of `type: Value` or `AverageValue`.
        "target" target: TargetSpec = required;
    }
    check ObjectMetricSpec::check_target;
}

section! {
    /// A metric from outside the cluster.
    pub struct ExternalMetricSpec {
        /// Which metric.
        "metric" metric: MetricIdentifierSpec = required;
        /// What it should be; of `type: Value` or `AverageValue`.
        "target" target: TargetSpec = required;
    }
    check ExternalMetricSpec::check_target;
}

section! {
    /// A custom or external metric by its name.
    pub struct MetricIdentifierSpec {
        /// Its name: one of those that are known, or one of `metricSources`.
        "name" name: Text = required;
    }
}

section! {
    /// The object that a metric is about. Whatever it is, the metric is that of the workload.
    pub struct DescribedObjectSpec {
        /// Its API version.
        "apiVersion" api_version: Option<Text> = optional;
        /// Its kind, e.g. Service.
        "kind" kind: Text = required;
        /// Its name.
        "name" name: Text = required;
    }
}

section! {
    /// The target of a metric: its `type`, and the value that belongs to the type.
    pub struct TargetSpec {
        /// How the metric is compared.
        "type" kind: TargetKind = required;
        /// For `type: Utilization`: percent of the request.
        "averageUtilization" average_utilization: Option<i32> = optional, range 1..=100000;
        /// For `type: Value`: the value itself.
        "value" value: Option<Quantity> = optional, range "1m"..="9000T";
        /// For `type: AverageValue`: the value over the pods.
        "averageValue" average_value: Option<Quantity> = optional, range "1m"..="9000T";
    }
}

choice! {
    /// How a metric is compared with its target.
    pub enum TargetKind {
        /// As a share of the pods' requests.
        "Utilization" => Utilization,
        /// As it is.
        "Value" => Value,
        /// As a mean over the pods.
        "AverageValue" => AverageValue,
    }
}

impl MetricSpec {
    /// The API server wants the section of the type, and no other.
    fn check_one_section(&self, cx: &mut Decoder<'_>) {
        let sections = [
            (MetricKind::Resource, "resource", &self.resource.place, self.resource.is_some()),
            (
                MetricKind::ContainerResource,
                "containerResource",
                &self.container_resource.place,
                self.container_resource.is_some(),
            ),
            (MetricKind::Pods, "pods", &self.pods.place, self.pods.is_some()),
            (MetricKind::Object, "object", &self.object.place, self.object.is_some()),
            (MetricKind::External, "external", &self.external.place, self.external.is_some()),
        ];
        for (kind, key, place, given) in sections {
            if given != (kind == *self.kind) {
                let message = if given {
                    format!("`{key}` does not belong to type {}", *self.kind)
                } else {
                    format!("type {kind} needs `{key}`")
                };
                report(cx, place, message, "exactly the section that is named by `type`");
            }
        }
    }
}

impl ResourceMetricSpec {
    fn check_target(&self, cx: &mut Decoder<'_>) {
        self.target.check(cx, RESOURCE_TARGETS);
    }
}

impl ContainerMetricSpec {
    fn check_target(&self, cx: &mut Decoder<'_>) {
        self.target.check(cx, RESOURCE_TARGETS);
    }
}

impl PodsMetricSpec {
    fn check_target(&self, cx: &mut Decoder<'_>) {
        self.target.check(cx, &[TargetKind::AverageValue]);
    }
}

impl ObjectMetricSpec {
    fn check_target(&self, cx: &mut Decoder<'_>) {
        self.target.check(cx, TOTAL_TARGETS);
    }
}

impl ExternalMetricSpec {
    fn check_target(&self, cx: &mut Decoder<'_>) {
        self.target.check(cx, TOTAL_TARGETS);
    }
}

const RESOURCE_TARGETS: &[TargetKind] = &[TargetKind::Utilization, TargetKind::AverageValue];
const TOTAL_TARGETS: &[TargetKind] = &[TargetKind::Value, TargetKind::AverageValue];

impl TargetSpec {
    /// The type must be one of `allowed`, and the value of that type be given, and no other.
    fn check(&self, cx: &mut Decoder<'_>, allowed: &[TargetKind]) {
        if !allowed.contains(&self.kind) {
            let words: Vec<&str> = allowed.iter().map(|kind| kind.as_str()).collect();
            let message = format!("this metric has no target of type {}", *self.kind);
            report(cx, &self.kind.place, message, &words.join(" or "));
            return;
        }
        let utilization = &self.average_utilization;
        for (kind, key, place, given) in [
            (
                TargetKind::Utilization,
                "averageUtilization",
                &utilization.place,
                utilization.is_some(),
            ),
            (TargetKind::Value, "value", &self.value.place, self.value.is_some()),
            (
                TargetKind::AverageValue,
                "averageValue",
                &self.average_value.place,
                self.average_value.is_some(),
            ),
        ] {
            if given != (kind == *self.kind) {
                let message = if given {
                    format!("`{key}` does not belong to type {}", *self.kind)
                } else {
                    format!("type {kind} needs `{key}`")
                };
                report(cx, place, message, "exactly the value that is named by `type`");
            }
        }
    }
}

fn report(cx: &mut Decoder<'_>, place: &Place, message: String, allowed: &str) {
    let wrong = Diagnostic::error(Code::Contradiction, place.clone(), message);
    cx.report(wrong.allowed(allowed));
}

impl From<ResourceName> for Resource {
    fn from(name: ResourceName) -> Self {
        match name {
            ResourceName::Cpu => Self::Cpu,
            ResourceName::Memory => Self::Memory,
        }
    }
}
