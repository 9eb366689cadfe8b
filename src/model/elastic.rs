//! A network service of Azure that adds instances by itself, and takes minutes to do so.

use crate::sim::laws::Law;
use crate::units::Span;

use super::ids::{DeploymentId, GateId};

/// What scales, and how: an Application Gateway or a firewall of one cluster.
#[derive(Clone, Debug)]
pub struct Elastic {
    /// Instances that always run.
    pub min: u32,
    /// Instances at most.
    pub max: u32,
    /// What one instance does: capacity units of a gateway, bytes a second of a firewall.
    pub per_instance: f64,
    /// The share of its capacity above which it adds instances.
    pub target_utilization: f64,
    /// From the decision to the new instances.
    pub scale_out: Law,
    /// For how long fewer instances must be enough before they go.
    pub scale_in_delay: Span,
    /// The limit that it sets to requests.
    pub gate: GateId,
    /// What one request of each deployment takes, in the unit of `per_instance`.
    pub costs: Vec<(DeploymentId, f64)>,
    /// What a probe of Front Door takes that it answers by itself.
    pub probe_cost: f64,
    /// Instances that work now.
    pub instances: u32,
}

impl Elastic {
    /// What its instances do together, in the unit of `per_instance`.
    #[must_use]
    pub fn capacity(&self) -> f64 {
        f64::from(self.instances) * self.per_instance
    }
}
