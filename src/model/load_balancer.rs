//! Azure Load Balancer in front of a cluster's Services: which nodes it sends connections to.
//!
//! It probes every node for each Service, every 5 s; one failure takes a node out, one success
//! brings it back, and connections that are open go on (azure-docs load-balancer probe page,
//! aks-docs shared-health-probes.md). With `externalTrafficPolicy: Local` a node serves its own
//! pods only, so a dead node takes its pods along long before the control plane misses it. With
//! `Cluster` any node leads to any pod: pods on a dead node stay until the control plane misses
//! them. Left out there: connections that the balancer sends to a dead node within those 5 s.

use crate::spec::{choice, section};
use crate::units::Span;

use super::gateway::{BackendProbes, Probed};

section! {
    /// A public or internal load balancer, by the Services' own words.
    pub struct LoadBalancerSpec {
        /// Whether a node leads to its own pods only.
        "externalTrafficPolicy" policy: TrafficPolicySpec = default "Cluster",
            source "kubernetes pkg/apis/core/v1/defaults.go";
        /// Time between two probes of one node.
        "probeInterval" interval: Span = default "5s",
            source "aks-docs shared-health-probes.md", range "5s"..="1h";
        /// How long a probe waits for its answer.
        "probeTimeout" timeout: Span = default "5s", source "assumed: as long as the interval",
            low confidence, range "1s"..="1h";
    }
}

choice! {
    /// `externalTrafficPolicy` of Services.
    pub enum TrafficPolicySpec {
        /// Any node leads to any pod.
        "Cluster" => Cluster,
        /// A node leads to its own pods.
        "Local" => Local,
    }
}

impl LoadBalancerSpec {
    /// Its probes, as far as they decide on pods.
    #[must_use]
    pub fn backend_probes(&self) -> Option<BackendProbes> {
        (*self.policy == TrafficPolicySpec::Local).then(|| BackendProbes {
            of: Probed::Nodes,
            interval: *self.interval,
            timeout: *self.timeout,
            unhealthy_threshold: 1,
            accepts_answer: true,
            drain: None,
        })
    }
}
