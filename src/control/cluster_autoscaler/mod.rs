//! The cluster autoscaler: which node pools grow for pending pods, which nodes go.
//!
//! Everything here is a pure heart: values in, a decision and its reason out. Where upstream
//! picks at random, a draw is an argument.
//!
//! | module | upstream (kubernetes/autoscaler, cluster-autoscaler/, release 1.36) |
//! |---|---|
//! | [`cluster_state`] | clusterstate/clusterstate.go |
//! | [`backoff`] | utils/backoff/exponential_backoff.go |
//! | [`estimator`] | estimator/ |
//! | [`expander`], [`priorities`] | expander/ |
//! | [`balancing`], [`similar`] | processors/nodegroupset/ |
//! | [`scale_up`] | core/scaleup/orchestrator/, core/static_autoscaler.go |
//! | [`scale_down`] | core/scaledown/, simulator/utilization/ |
//!
//! Left out: provisioning requests, groups of size zero or maximum except for the limit on
//! unneeded nodes, GPUs and other extended resources.

pub mod backoff;
pub mod balancing;
pub mod cluster_state;
pub mod estimator;
pub mod expander;
pub mod priorities;
pub mod resources;
pub mod scale_down;
pub mod scale_up;
pub mod similar;

pub mod plan;

mod drain;
mod scan;
mod view;

pub use drain::{clean_up, delete_due, node_is_gone};
pub use scan::scan;
pub mod spec;
