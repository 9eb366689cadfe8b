//! The nouns of the model and their own rules: what exists, in which state, and what may follow.
//!
//! Reading order: [`region`] (failure domains) → [`cluster`], [`node_pool`], [`node`] →
//! [`workload`], [`pod`] → [`front_door`], [`traffic_manager`], [`gateway`], [`load_balancer`],
//! [`firewall`], [`outbound`], [`client`], [`dependency`] → [`world`], which owns them all →
//! [`event`] (what the control plane waits for) and [`fact`] (what happened, and why).
//!
//! Nothing here knows a controller or a fault: those read and write this state from above.

pub mod allocation;
pub mod client;
pub mod cluster;
pub mod connections;
pub mod container;
pub mod dependency;
pub mod disruption_budget;
pub mod duration;
pub mod elastic;
pub mod event;
pub mod fact;
pub mod firewall;
pub mod front_door;
pub mod gateway;
pub mod ids;
pub mod labels;
pub mod load_balancer;
pub mod network;
pub mod node;
pub mod node_pool;
pub mod outbound;
pub mod placement;
pub mod pod;
pub mod reference;
pub mod region;
pub mod region_capacity;
pub mod rollout;
pub mod sample;
pub mod taint;
pub mod traffic_manager;
pub mod vm_size;
pub mod workload;
pub mod world;
