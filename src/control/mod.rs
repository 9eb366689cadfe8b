//! Controllers: each a pure heart (values in, a value and a reason out) and a thin shell around
//! it that reads the world, acts, and arms its next look.

pub mod clock;
pub mod endpoints;
pub mod front_door_health;
pub mod kubelet;
pub mod node_lifecycle;
pub mod scheduler;
pub mod settings;
