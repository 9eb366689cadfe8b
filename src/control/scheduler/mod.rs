//! The scheduler: on which node a pod goes, or why on none.
//!
//! | file | upstream (pkg/scheduler) |
//! |---|---|
//! | [`pod_class`] | framework/types.go: what is known of a pod, in terms of its kind |
//! | [`snapshot`] | backend/cache: nodes, what they hold, pods by class |
//! | [`fit`] | filter plugins: taints, node affinity, resources, spread, pod affinity |
//! | [`score`] | score plugins and their weights |
//! | [`spread`] | plugins/podtopologyspread: filter and score |
//! | [`schedule`] | schedule_one.go: which nodes are looked at, ties, the failure message |
//! | [`preemption`] | framework/preemption, plugins/defaultpreemption |
//! | [`queue`] | backend/queue: order, back-off, what wakes an unschedulable pod |
//! | [`cycle`](cycle()) | ScheduleOne and handleSchedulingFailure |
//! | [`watch`] | eventhandlers.go |
//!
//! The cluster autoscaler asks the same rules: [`admits`] for what a pool's labels and taints
//! mean for a pod, [`fit::fits`] on a [`Snapshot`] for everything else.
//!
//! Left out: host ports, volumes, DaemonSets, namespaces, extenders, pod groups.

pub mod fit;
pub mod pod_class;
pub mod preemption;
pub mod queue;
pub mod schedule;
pub mod score;
pub mod snapshot;
pub mod spread;

pub use pod_class::{PodClass, PodRules};
pub use schedule::{Placement, Request, Unschedulable, schedule_one};
pub use snapshot::{NewNode, Snapshot};

#[cfg(test)]
mod affinity_tests;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod preemption_tests;
#[cfg(test)]
mod spread_tests;

pub mod cycle;
pub mod view;
pub mod watch;

pub use cycle::{cycle, place_all};
pub use view::{admits, admits_anywhere, pod_rules};
pub use watch::{deletion_began, node_changed, pod_gone, pods_created, wake};
