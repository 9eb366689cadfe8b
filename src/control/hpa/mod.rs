//! The HorizontalPodAutoscaler (autoscaling/v2): how many replicas a deployment should have.
//!
//! The hearts are pure: values in, a decision and its reason out. Reading order:
//! [`reconcile`] is one pass of the controller; it asks [`replica_calculator`] for a proposal of
//! each metric and bounds the best by [`legacy`] or, with `spec.behavior`, by [`behavior`]. The
//! shell is [`sync`](sync()) with [`reading`]; [`spec`] and [`metric_spec`] are what a scenario
//! states, [`plan`] what became of it.
//!
//! | module | upstream (kubernetes/kubernetes, pkg/controller/podautoscaler) |
//! |---|---|
//! | [`reconcile`] | horizontal.go: `reconcileAutoscaler`, `computeReplicasForMetrics` |
//! | [`replica_calculator`], [`pods`] | replica_calculator.go, metrics/utilization.go |
//! | [`requests`] | replica_calculator.go: `calculateRequests` |
//! | [`legacy`], [`behavior`], [`history`] | horizontal.go: `normalizeDesiredReplicas…` |
//! | [`conditions`] | horizontal.go: `setCondition` |
//! | [`cadence`] | horizontal.go: `enqueueHPA`, `processNextWorkItem`; rate_limiters.go |
//!
//! Left out: several workers (a pass takes no time here, see [`cadence`]), failures of the API
//! server.

pub mod behavior;
pub mod cadence;
pub mod conditions;
pub mod history;
pub mod legacy;
pub mod limit;
pub mod metric;
pub mod metric_spec;
pub mod plan;
pub mod pods;
pub mod reading;
pub mod reconcile;
pub mod replica_calculator;
pub mod requests;
pub mod settled;
pub mod spec;
pub mod tolerance;

pub mod sync;

pub use sync::sync;
