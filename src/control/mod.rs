//! Layer `control`.

pub mod endpoints;
pub mod front_door_health;
pub mod kubelet;
pub mod node_lifecycle;
pub mod scheduler;
