//! A metric of an HPA with its samples, the proposal drawn from it, and why there may be none.

use std::fmt;

use super::pods::Sample;

/// One metric's samples of the listed pods.
#[derive(Clone, Copy, Debug)]
pub struct PodSamples<'a> {
    /// One entry for each listed pod, in its order.
    pub listed: &'a [Option<Sample>],
    /// Values of pods that are no longer listed; upstream counts them in.
    pub unlisted: &'a [i64],
}

/// The resource of a Resource metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// CPU: starting pods are left out.
    Cpu,
    /// Memory: counts from the first sample on.
    Memory,
}

/// Where a metric that is not about pods comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Another object of the cluster.
    Object,
    /// Outside the cluster.
    External,
}

/// How a total is compared with its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TotalTarget {
    /// The total itself, in milli-units (`type: Value`).
    Value(i64),
    /// The total over the replicas, in milli-units (`type: AverageValue`).
    AverageValue(i64),
}

/// One entry of `spec.metrics` with what was measured.
#[derive(Clone, Copy, Debug)]
pub enum Metric<'a> {
    /// A resource as a percentage of the request.
    Utilization {
        /// Which resource.
        resource: Resource,
        /// Target \[% of the request\].
        target_percent: i32,
        /// Request of each listed pod; None where a container has none.
        requests: &'a [Option<i64>],
        /// What was measured.
        samples: PodSamples<'a>,
    },
    /// A resource as a mean over the pods.
    ResourceAverage {
        /// Which resource.
        resource: Resource,
        /// Target for the mean.
        target: i64,
        /// What was measured.
        samples: PodSamples<'a>,
    },
    /// A resource of one container of each pod.
    Container {
        /// The metric with the requests and samples of that container.
        of: &'a Metric<'a>,
    },
    /// A custom metric of the pods.
    PodsAverage {
        /// Target for the mean, in milli-units.
        target: i64,
        /// What was measured.
        samples: PodSamples<'a>,
    },
    /// A metric of something else.
    Total {
        /// Where it comes from.
        source: Source,
        /// What it should be.
        target: TotalTarget,
        /// Its values in milli-units, summed up; None if they could not be had.
        values: Option<&'a [i64]>,
    },
    /// A type that the controller does not know.
    Unsupported,
    /// None is read: the pods belong to several autoscalers.
    Ambiguous,
}

/// What one metric asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Replicas that would bring the metric to its target.
    pub replicas: i32,
    /// Usage as a percentage of the requests, for [`Metric::Utilization`].
    pub utilization_percent: Option<i32>,
    /// Mean over the counted pods, or the total for [`TotalTarget::Value`].
    pub usage: i64,
}

/// Why a metric yields no proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricError {
    /// The metrics API returned nothing, or only for pods that do not count.
    NoMetrics,
    /// None of the samples belongs to a pod with a request.
    NoMatchingMetrics,
    /// A container has no request of the resource.
    MissingRequest,
    /// No pod is listed.
    NoPods,
    /// The values could not be had.
    Unavailable,
    /// The controller does not know the type.
    UnsupportedType,
    /// Several autoscalers select the same pods.
    SeveralAutoscalers,
}

impl MetricError {
    /// The error in words for users.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::NoMetrics => "no metrics of its pods",
            Self::NoMatchingMetrics => "no metrics of its present pods",
            Self::MissingRequest => "a container has no resource request",
            Self::NoPods => "no pods",
            Self::Unavailable => "the metric is unavailable",
            Self::UnsupportedType => "a metric of unknown type",
            Self::SeveralAutoscalers => "several HPAs select its pods",
        }
    }
}

impl fmt::Display for MetricError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// Upstream's reason for an inactive HPA: which kind of metric failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Upstream's word, e.g. `FailedGetResourceMetric`.
    pub reason: &'static str,
    /// What went wrong.
    pub error: MetricError,
}

impl Metric<'_> {
    /// The reason that upstream gives when this kind of metric fails.
    #[must_use]
    pub const fn failure_reason(&self) -> &'static str {
        match self {
            Self::Utilization { .. } | Self::ResourceAverage { .. } => "FailedGetResourceMetric",
            Self::Container { .. } => "FailedGetContainerResourceMetric",
            Self::PodsAverage { .. } => "FailedGetPodsMetric",
            Self::Total { source: Source::Object, .. } => "FailedGetObjectMetric",
            Self::Total { source: Source::External, .. } => "FailedGetExternalMetric",
            Self::Unsupported => "InvalidMetricSourceType",
            Self::Ambiguous => "AmbiguousSelector",
        }
    }
}
