//! The cluster autoscaler: which node pools grow for pending pods, which nodes go.
//!
//! Pure hearts (values in, a decision and its reason out; where upstream picks at random, a draw
//! is an argument), and the shells of the loop around them, which come first in the table.
//!
//! | module | upstream (kubernetes/autoscaler, cluster-autoscaler/, release 1.36) |
//! |---|---|
//! | [`scan`](scan()) | core/static_autoscaler.go: `RunOnce`; loop/trigger.go |
//! | `registry` | clusterstate/clusterstate.go: `UpdateNodes`, and the clean-ups of the loop |
//! | `orchestrator` | core/scaleup/orchestrator/ |
//! | `planner`, `actuator` | core/scaledown/planner/, core/scaledown/actuation/ |
//! | [`provider`] | cloudprovider/azure |
//! | [`cluster_state`] | clusterstate/clusterstate.go |
//! | [`backoff`] | utils/backoff/exponential_backoff.go |
//! | [`estimator`] | estimator/ |
//! | [`expander`], [`priorities`] | expander/ |
//! | [`balancing`], [`similar`] | processors/nodegroupset/ |
//! | [`scale_up`] | core/scaleup/orchestrator/, core/static_autoscaler.go |
//! | [`scale_down`] | core/scaledown/, simulator/utilization/ |
//!
//! Left out: provisioning requests, quotas (`--cores-total`), groups of size zero or maximum
//! except for the limit on unneeded nodes, GPUs and other extended resources.

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
pub mod spec;

mod scan;

mod registry;
mod view;

mod orchestrator;

mod actuator;
mod planner;

pub mod provider;

pub use actuator::{clean_up, delete_due, node_is_gone};
pub use scan::{pod_became_unschedulable, scan};
