//! The scheduler: on which node a pod goes, or why on none.
//!
//! | file | upstream (pkg/scheduler) |
//! |---|---|
//! | [`snapshot`] | backend/cache: nodes, what they hold, pods by workload |
//! | [`fit`] | filter plugins: taints, node selector, resources, spread, anti-affinity |
//! | [`score`] | score plugins: least allocated, balanced, spread, and their weights |
//! | [`schedule`] | schedule_one.go: which nodes are looked at, ties, the failure message |
//! | [`queue`] | backend/queue: order, back-off, what wakes an unschedulable pod |
//!
//! Left out: preferred affinity, taints of effect PreferNoSchedule and image locality (they score
//! alike on every node of a pool), host ports, volumes, preemption.

pub mod fit;
pub mod queue;
pub mod schedule;
pub mod score;
pub mod snapshot;

pub use schedule::{Placement, Unschedulable, schedule_one};
pub use snapshot::{NodeView, PodView, Snapshot};

pub mod cycle;

pub use cycle::{cycle, place_all, wake};
