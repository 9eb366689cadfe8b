//! The Deployment controller: sizes the ReplicaSets of a Deployment during a rollout.
//!
//! | module | upstream (kubernetes/kubernetes, pkg/controller/deployment) |
//! |---|---|
//! | [`fenceposts`] | util/deployment_util.go: `ResolveFenceposts` |
//! | [`rolling`] | rolling.go, util/deployment_util.go: `NewRSNewReplicas` |
//! | [`recreate`] | recreate.go |
//! | [`scaling`] | sync.go: `scale`, `isScalingEvent`; util: `GetProportion` |
//! | [`progress`] | progress.go, util: `DeploymentComplete`, `..Progressing`, `..TimedOut` |
//! | [`sync`] | deployment_controller.go: `syncDeployment` |
//!
//! A Deployment that is not rolling out has one ReplicaSet, of its own size, and this controller
//! is never called. Left out: pausing, rollback, adoption and revision history.

pub mod fenceposts;
pub mod progress;
pub mod recreate;
pub mod rolling;
pub mod scaling;

pub mod sync;

pub use sync::{begin, enqueue, sync};

/// A ReplicaSet as the Deployment controller reads it. Lists of them go from old to new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetView {
    /// `spec.replicas`.
    pub replicas: u32,
    /// `status.availableReplicas`.
    pub available: u32,
    /// The Deployment's replicas when it was last resized (`desired-replicas`).
    pub desired: u32,
    /// These and the surge of that time (`max-replicas`).
    pub most: u32,
}

/// What all of them are meant to have together (`GetReplicaCountForReplicaSets`).
fn total(sets: &[SetView]) -> u32 {
    sets.iter().map(|set| set.replicas).sum()
}
