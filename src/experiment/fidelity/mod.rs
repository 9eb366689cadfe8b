//! Fidelity: which rule of the real system each part follows, where, and what pins it.
//!
//! These tables are the source of `docs/fidelity.md`: edit a row here, then `make docs`. A row
//! names functions, which the compiler looks up; kinds of vectors and tests, which the test
//! `fidelity` looks up; and what is left out. Every part of the model has its rows in the file of
//! its family.

pub mod rule;

mod workloads;

mod scheduler;

mod kubelet;

mod network;
mod nodes;

mod hpa;

mod autoscaler;

mod capacity;
mod surroundings;

mod calls;
mod courses;
mod flow;
mod overload;

use rule::Part;

/// All parts, in the order of the page.
pub const PARTS: &[&Part] = &[
    &workloads::REPLICA_SET,
    &workloads::DEPLOYMENT,
    &workloads::OPERATIONS,
    &workloads::DISRUPTION_BUDGET,
    &scheduler::SCHEDULER,
    &kubelet::KUBELET,
    &kubelet::ENDPOINTS,
    &nodes::NODE_LIFECYCLE,
    &hpa::METRICS,
    &hpa::HPA,
    &autoscaler::CLUSTER_AUTOSCALER,
    &nodes::NODE_POOLS,
    &capacity::CAPACITY,
    &surroundings::FRONT_DOOR,
    &surroundings::TRAFFIC_MANAGER,
    &network::NETWORK,
    &surroundings::PLACES,
    &surroundings::USERS,
    &calls::CALLS,
    &overload::OVERLOAD,
    &surroundings::DEPENDENCIES,
    &surroundings::FAULTS,
    &courses::COURSES,
    &flow::FLOW,
];

/// Parts of the real system that are not there at all, and what that means.
pub const NOT_MODELLED: &[(&str, &str)] = &[(
    "Node auto-provisioning (Karpenter)",
    "nodes come from pools of one size, by the cluster autoscaler",
)];
