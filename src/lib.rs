//! Tideover replays failures of multi-region Kubernetes systems and measures recovery time,
//! dropped requests and capacity headroom.
//!
//! The layers, lowest first; a module imports itself and layers before it, never after:
//! `units < spec < sim < model < traffic < control < faults < scenario < simulation < metrics
//! < experiment < report < cli`.

pub mod cli;
pub mod control;
pub mod experiment;
pub mod faults;
pub mod metrics;
pub mod model;
pub mod report;
pub mod scenario;
pub mod sim;
pub mod simulation;
pub mod spec;
pub mod traffic;
pub mod units;
