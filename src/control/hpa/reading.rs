//! What an HPA finds when it asks for its metrics.
//!
//! Follows pkg/controller/podautoscaler/metrics/client.go: a quantity of each container in
//! milli-units, then summed up.

use crate::control::Cx;
use crate::control::custom_metrics::adapter;
use crate::control::metrics_pipeline::{self, PodUsage};
use crate::model::container::ContainerPick;
use crate::model::ids::{DeploymentId, PodId};
use crate::units::Span;

use super::metric::{Metric, PodSamples, Resource, Source, TotalTarget};
use super::plan::{MetricPlan, Reads, ResourceTarget};
use super::pods::Sample;

/// One metric as it was found, which the heart's [`Metric`] borrows from.
#[derive(Debug)]
pub(super) enum Found {
    /// A resource.
    Resource {
        /// Which one.
        resource: Resource,
        /// Its target.
        target: ResourceTarget,
        /// The request of each listed pod.
        requests: Vec<Option<i64>>,
        /// The sample of each listed pod.
        samples: Vec<Option<Sample>>,
        /// Whether it is that of one container.
        of_container: bool,
    },
    /// A custom metric of each pod.
    Pods {
        /// Target for the mean.
        target: i64,
        /// The sample of each listed pod.
        samples: Vec<Option<Sample>>,
    },
    /// Nothing: several HPAs select the same pods.
    Ambiguous,
    /// A total.
    Total {
        /// Where it comes from.
        source: Source,
        /// Its target.
        target: TotalTarget,
        /// Its value, if there is one.
        value: Option<[i64; 1]>,
    },
}

/// Reads one metric of a deployment with these pods.
pub(super) fn find(
    cx: &Cx,
    metric: &MetricPlan,
    deployment: DeploymentId,
    pods: &[PodId],
) -> Found {
    let there = metric.is_available(cx.now);
    let asked = if there { pods } else { &[] };
    let padded = |mut samples: Vec<Option<Sample>>| {
        samples.resize(pods.len(), None);
        samples
    };
    match &metric.reads {
        &Reads::Resource { resource, of, target } => {
            let request = match target {
                ResourceTarget::Utilization { request, .. } => request,
                ResourceTarget::AverageValue(_) => None,
            };
            Found::Resource {
                resource,
                target,
                requests: vec![request; pods.len()],
                samples: padded(resource_samples(cx, deployment, asked, resource, of)),
                of_container: of != ContainerPick::All,
            }
        }
        &Reads::Pods { metric, target } => {
            let sample = |pod| {
                let value = adapter::of_pod(cx, pod, metric)?;
                // Readiness counts for CPU only, so nobody looks at the window.
                Some(Sample { at: cx.now, window: Span::ZERO, value })
            };
            Found::Pods { target, samples: padded(asked.iter().map(|&pod| sample(pod)).collect()) }
        }
        Reads::Total { source, value, delay, target } => {
            let value = there.then(|| adapter::total(cx, deployment, value, *delay)).flatten();
            Found::Total { source: *source, target: *target, value: value.map(|value| [value]) }
        }
    }
}

impl Found {
    /// The metric as the heart takes it, to be [`wrapped`](Self::wrapped).
    pub(super) fn metric(&self) -> Metric<'_> {
        match self {
            Self::Resource { resource, target, requests, samples, .. } => {
                let samples = PodSamples { listed: samples, unlisted: &[] };
                match *target {
                    ResourceTarget::Utilization { percent, .. } => Metric::Utilization {
                        resource: *resource,
                        target_percent: percent,
                        requests,
                        samples,
                    },
                    ResourceTarget::AverageValue(target) => {
                        Metric::ResourceAverage { resource: *resource, target, samples }
                    }
                }
            }
            Self::Pods { target, samples } => Metric::PodsAverage {
                target: *target,
                samples: PodSamples { listed: samples, unlisted: &[] },
            },
            Self::Ambiguous => Metric::Ambiguous,
            Self::Total { source, target, value } => Metric::Total {
                source: *source,
                target: *target,
                values: value.as_ref().map(<[i64; 1]>::as_slice),
            },
        }
    }

    /// The metric with what it is the metric of.
    pub(super) const fn wrapped<'a>(&self, metric: &'a Metric<'a>) -> Metric<'a> {
        match self {
            Self::Resource { of_container: true, .. } => Metric::Container { of: metric },
            _ => *metric,
        }
    }
}

/// The use of a resource by each of some pods of a deployment in milli-units, as the metrics API
/// serves it: rounded for each container, then added up.
fn resource_samples(
    cx: &Cx,
    deployment: DeploymentId,
    pods: &[PodId],
    resource: Resource,
    of: ContainerPick,
) -> Vec<Option<Sample>> {
    let containers = &cx.world[deployment].template.containers;
    let all_sidecars = containers.sidecar_cpu().cores();
    let sidecar = |index: usize, usage: &PodUsage| {
        let sidecar = &containers.sidecars[index];
        match resource {
            Resource::Cpu => {
                // All sidecars are slowed down alike.
                let part =
                    if all_sidecars == 0.0 { 0.0 } else { sidecar.cpu.cores() / all_sidecars };
                milli(usage.sidecars_cores * part)
            }
            Resource::Memory => sidecar.memory.get() * 1_000,
        }
    };
    let main = |usage: &PodUsage| match resource {
        Resource::Cpu => milli(usage.cpu_cores),
        Resource::Memory => usage.memory.get() * 1_000,
    };
    let sample = |&pod: &PodId| {
        let usage = metrics_pipeline::usage(cx, pod)?;
        let value = match of {
            ContainerPick::All => {
                let sidecars = 0..containers.sidecars.len();
                main(&usage) + sidecars.map(|index| sidecar(index, &usage)).sum::<i64>()
            }
            ContainerPick::Main => main(&usage),
            ContainerPick::Sidecar(index) => sidecar(index, &usage),
        };
        Some(Sample { at: usage.timestamp, window: usage.window, value })
    };
    pods.iter().map(sample).collect()
}

/// metrics-server cuts off at nano-cores, the HPA's client rounds up to milli-cores
/// (`Quantity.MilliValue`).
fn milli(cores: f64) -> i64 {
    let nano = (cores * 1e9) as i64;
    nano / 1_000_000 + i64::from(nano % 1_000_000 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Any part of a milli-core counts as a whole one, less than a nano-core not at all.
    #[test]
    fn cpu_is_rounded_up_to_milli_cores() {
        for (cores, expected) in [
            (0.0, 0),
            (0.3, 300),
            (0.300_000_000_5, 300),
            (0.300_000_001, 301),
            (0.300_999, 301),
            (0.000_000_001, 1),
        ] {
            assert_eq!(milli(cores), expected, "{cores} cores");
        }
    }
}
