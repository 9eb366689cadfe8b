//! Node lifecycle: how a cluster notices dead nodes, how fast it evicts, and when it refuses to.
//!
//! | file | upstream |
//! |---|---|
//! | [`lease`] | component-helpers lease/controller.go: the kubelet's renewals |
//! | [`kubelet_outage`] | pkg/kubelet/kubelet_node_status.go: posts of the node's status |
//! | [`monitor`] | nodelifecycle/node_lifecycle_controller.go: monitor pass, NoExecute queue |
//! | [`workers`] | the same, controller_utils.go, flowcontrol: how long a pass takes |
//! | [`zones`] | the same: zone states, eviction rates, all zones down |
//! | [`rate_limiter`] | nodelifecycle/scheduler/rate_limited_queue.go: token bucket, swapped |
//! | [`taint_eviction`] | tainteviction/taint_eviction.go: toleration timers |
//! | [`pod_gc`] | podgc/gc_controller.go: pods of nodes that are gone |
//! | [`cloud`] | cloud-provider nodelifecycle: machines that the cloud no longer has |
//! | [`auto_repair`], [`repair`] | AKS node auto-repair |
//!
//! Left out: the out-of-service taint, conditions other than Ready, and node status heartbeats
//! apart from leases.

pub mod auto_repair;
pub mod auto_repair_spec;
pub mod cloud;
pub mod kubelet_outage;
pub mod lease;
pub mod monitor;
#[cfg(test)]
mod monitor_tests;
pub mod pod_gc;
pub mod rate_limiter;
pub mod repair;
pub mod taint_eviction;
pub mod workers;
pub mod zones;

pub mod sync;

pub use kubelet_outage::post_status;
pub use sync::{
    begin_renewals, deallocate, joins, kubelet_fell_silent, monitor_pass, new_node, next_zone,
    order, order_in_vain, pod_bound, remove, resume, settle, start_deallocated, take_down,
    toleration_ends, work_eviction_queue,
};
