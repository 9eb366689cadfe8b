//! An HPA as its controller runs it: the settings of the scenario with all names resolved.
//!
//! Follows what staging/src/k8s.io/api/autoscaling/v2/types.go holds, without the names.

use crate::model::container::ContainerPick;
use crate::model::ids::DeploymentId;

use super::metric::Resource;
use super::reconcile::Autoscaler;

/// One HPA of a deployment.
#[derive(Clone, Debug)]
pub struct HpaPlan {
    /// What it scales.
    pub deployment: DeploymentId,
    /// Which of the deployment's HPAs it is, from 0; more than one is a mistake.
    pub number: u32,
    /// Replicas at the start that the scenario states, instead of those that it would settle at.
    pub start: Option<u32>,
    /// Bounds, behavior and tolerances.
    pub autoscaler: Autoscaler,
    /// What it reads, in the order of `spec.metrics`.
    pub metrics: Vec<Reads>,
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
