//! The cloud under the clusters: what keeps a machine from coming that somebody orders.
//!
//! Stands in for Azure's resource providers.
//!
//! | module | what it is |
//! |---|---|
//! | [`quota`] | vCPU quotas of a region and of families of sizes, capacity reservations |
//! | [`grants`] | the pace at which a region grants machines, and the share that it refuses |
//! | [`api`] | calls of the compute API: token buckets, a control plane that is down |
//! | [`under_way`] | machines under way when that control plane is lost |
//! | [`addresses`] | subnets and pod ranges that run out |
//! | [`room`] | machines that may still come, for headroom |
//!
//! Machines that fail to be allocated are the business of
//! [`provider`](crate::control::cluster_autoscaler::provider), which asks all of these.

pub mod addresses;
pub mod api;
pub mod grants;
pub mod quota;
pub mod room;
pub mod under_way;
