//! Which nodes are not needed, and when they go.
//!
//! | module | upstream |
//! |---|---|
//! | [`utilization`] | simulator/utilization/info.go |
//! | [`unneeded`] | core/scaledown/planner/planner.go, core/scaledown/unneeded/nodes.go |
//! | [`removable`] | core/scaledown/unneeded/nodes.go: `unremovableReason` |
//! | [`budgets`] | core/scaledown/budgets/budgets.go |
//! | [`cooldown`] | core/static_autoscaler.go: `isScaleDownInCooldown` |
//!
//! The simulation whether a node's pods fit elsewhere is the caller's, with the scheduler.

pub mod budgets;
pub mod cooldown;
pub mod removable;
pub mod unneeded;
pub mod utilization;
