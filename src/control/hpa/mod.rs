//! The HorizontalPodAutoscaler (autoscaling/v2): how many replicas a deployment should have.
//!
//! Everything here is a pure heart: values in, a decision and its reason out. Reading order:
//! [`reconcile`] is one pass of the controller; it asks [`replica_calculator`] for a proposal of
//! each metric and bounds the best by [`legacy`] or, with `spec.behavior`, by [`behavior`].
//!
//! | module | upstream (kubernetes/kubernetes, pkg/controller/podautoscaler) |
//! |---|---|
//! | [`reconcile`] | horizontal.go: `reconcileAutoscaler`, `computeReplicasForMetrics` |
//! | [`replica_calculator`], [`pods`] | replica_calculator.go, metrics/utilization.go |
//! | [`requests`] | replica_calculator.go: `calculateRequests` |
//! | [`legacy`], [`behavior`], [`history`] | horizontal.go: `normalizeDesiredReplicas…` |
//!
//! Left out: finding the metrics (the shell passes samples in), status updates, and the check
//! for two autoscalers on the same pods.

pub mod behavior;
pub mod history;
pub mod legacy;
pub mod limit;
pub mod metric;
pub mod pods;
pub mod reconcile;
pub mod replica_calculator;
pub mod requests;
pub mod spec;
pub mod tolerance;

pub mod sync;

pub use sync::sync;
