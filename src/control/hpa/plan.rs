//! An HPA as its controller runs it: the settings of the scenario with all names resolved.
//!
//! Follows what staging/src/k8s.io/api/autoscaling/v2/types.go holds, without the names.

use crate::control::custom_metrics::spec::{LoadMetric, Outage, SourceValue};
use crate::model::container::ContainerPick;
use crate::model::ids::{DeploymentId, HpaId};
use crate::units::{Span, Time};

use super::metric::{Resource, Source, TotalTarget};
use super::reconcile::Autoscaler;

/// One HPA of a deployment.
#[derive(Clone, Debug)]
pub struct HpaPlan {
    /// What it scales.
    pub deployment: DeploymentId,
    /// Which of the deployment's HPAs it is, from 0; more than one is a mistake.
    pub number: u32,
    /// The other HPAs of the deployment.
    pub rivals: Vec<HpaId>,
    /// Replicas at the start that the scenario states, instead of those that it would settle at.
    pub start: Option<u32>,
    /// Bounds, behavior and tolerances.
    pub autoscaler: Autoscaler,
    /// Its metrics, in the order of `spec.metrics`.
    pub metrics: Vec<MetricPlan>,
}

/// One entry of `spec.metrics`.
#[derive(Clone, Debug)]
pub struct MetricPlan {
    /// What it reads.
    pub reads: Reads,
    /// When its API has no value.
    pub outages: Vec<Outage>,
}

/// What one entry of `spec.metrics` reads, and its target.
#[derive(Clone, Debug, PartialEq)]
pub enum Reads {
    /// A resource that metrics-server measures.
    Resource {
        /// Which resource.
        resource: Resource,
        /// Of the whole pod or of one container.
        of: ContainerPick,
        /// What it should be.
        target: ResourceTarget,
    },
    /// A custom metric of each pod.
    Pods {
        /// Which one.
        metric: LoadMetric,
        /// Target for the mean, in milli-units.
        target: i64,
    },
    /// A metric of an object, or an external one.
    Total {
        /// Which of the two.
        source: Source,
        /// What it is.
        value: SourceValue,
        /// How much older it is than what the monitoring knows.
        delay: Span,
        /// What it should be.
        target: TotalTarget,
    },
}

impl MetricPlan {
    /// Whether its API has a value at `now`.
    #[must_use]
    pub fn is_available(&self, now: Time) -> bool {
        !self.outages.iter().any(|outage| outage.from <= now && now < outage.to)
    }
}

impl HpaPlan {
    /// Whether it asks for more than CPU and memory.
    #[must_use]
    pub fn reads_custom_metrics(&self) -> bool {
        self.metrics.iter().any(|metric| !matches!(metric.reads, Reads::Resource { .. }))
    }

    /// The longest delay of any of its metrics.
    #[must_use]
    pub fn longest_delay(&self) -> Span {
        let delay = |metric: &MetricPlan| match metric.reads {
            Reads::Total { delay, .. } => delay,
            Reads::Resource { .. } | Reads::Pods { .. } => Span::ZERO,
        };
        self.metrics.iter().map(delay).max().unwrap_or(Span::ZERO)
    }
}

/// What a resource should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceTarget {
    /// A share of the request.
    Utilization {
        /// The share \[%\].
        percent: i32,
        /// The request of a pod or container in milli-units; None if a container has none.
        request: Option<i64>,
    },
    /// A mean over the pods, in milli-units.
    AverageValue(i64),
}
