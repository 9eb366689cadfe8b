//! What protects pods from overload before requests enter them: a limit of requests in hand, and
//! thresholds by criticality. Probes pass both, as Envoy's filter lets health checks pass.

use crate::sim::streams::Stream;
use crate::traffic::plan::TrafficPlan;

use super::Calls;
use super::concurrency_limit::{ConcurrencyLimit, ConcurrencyLimitRules};
use super::criticality::{Criticality, ShedRules};
use super::pods::Pod;

/// How all pods are protected: fixed for a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Protection {
    /// By `DeploymentId`; those that are missing are not protected.
    pub deployments: Vec<PodProtection>,
    /// By `DemandId`. The requests of demands that are missing, which are probes, are never
    /// refused.
    pub demands: Vec<Criticality>,
}

/// How the pods of a deployment are protected.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodProtection {
    /// Names its random stream.
    pub name: String,
    /// The limit of requests that a pod has in hand, if there is one.
    pub limit: Option<ConcurrencyLimitRules>,
    /// What a pod refuses as it fills up.
    pub shed: Option<ShedRules>,
}

impl PodProtection {
    /// Whether it refuses anything.
    #[must_use]
    pub const fn is_any(&self) -> bool {
        self.limit.is_some() || self.shed.is_some()
    }
}

impl Protection {
    /// Whether any pod is protected.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.deployments.iter().any(PodProtection::is_any)
    }
}

/// The protection of a deployment at run time.
#[derive(Clone, Debug)]
pub(super) struct Protected {
    limit: Option<ConcurrencyLimitRules>,
    shed: Option<ShedRules>,
    stream: Stream,
    n_started: u64,
}

impl Protected {
    pub(super) fn new(plan: &TrafficPlan, protection: &PodProtection) -> Self {
        let PodProtection { name, limit, shed } = protection;
        let stream = Stream::new(plan.seed, plan.trial, "concurrency-limit", name);
        Self { limit: *limit, shed: *shed, stream, n_started: 0 }
    }

    /// The limit of a process that starts.
    pub(super) fn start(&mut self, now_s: f64) -> Option<Box<ConcurrencyLimit>> {
        let limit = self.limit?;
        self.n_started += 1;
        let stream = self.stream.substream(self.n_started);
        Some(Box::new(ConcurrencyLimit::new(limit, stream, now_s)))
    }
}

impl Calls {
    /// Whether a pod refuses a request before it enters.
    #[inline]
    pub(super) fn sheds(
        &mut self,
        pod: usize,
        criticality: Option<Criticality>,
        now_s: f64,
    ) -> bool {
        let pod = &mut self.pods[pod];
        match (&self.deployments[pod.deployment].protected, criticality) {
            (Some(protected), Some(criticality)) => {
                let queue = self.deployments[pod.deployment].queue;
                protected.shed_by(pod, queue, criticality, now_s)
            }
            _ => false,
        }
    }
}

impl Protected {
    fn shed_by(&self, pod: &mut Pod, queue: usize, class: Criticality, now_s: f64) -> bool {
        let (taken, places) = match &mut pod.limit {
            Some(limit) => {
                let (taken, limit) = (pod.n_outstanding as u32, limit.at(now_s));
                if limit <= taken {
                    return true;
                }
                (taken, limit)
            }
            None => pod.places(queue),
        };
        self.shed.is_some_and(|rules| rules.sheds(class, taken, places))
    }
}
