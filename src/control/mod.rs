//! Controllers: each a pure heart (values in, a value and a reason out) and a thin shell around
//! it that reads the world, acts, and arms its next look.

pub mod clock;
pub mod cluster_autoscaler;
pub mod deployment;
pub mod disruption;
pub mod endpoints;
pub mod front_door_health;
pub mod hpa;
pub mod kubelet;
pub mod node_lifecycle;
pub mod replica_set;
pub mod scheduler;
pub mod settings;
