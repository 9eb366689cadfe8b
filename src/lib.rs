//! Tideover replays failures of multi-region Kubernetes systems and measures recovery time,
//! dropped requests and capacity headroom.
//!
//! The story in one page. A scenario file says what exists, who asks for what, and what breaks.
//! [`scenario::load()`] reads and checks it: all mistakes at once, or a [`scenario::Scenario`] that
//! needs no further checks. [`simulation::run()`] builds its world in the controllers' steady state
//! and pops control events (probes, autoscalers, transitions of pods and nodes, faults); before
//! each one the data plane ([`traffic`]) serves the requests up to its instant, without an event
//! per request. What is left behind are facts, one sample a second, and integer counts of
//! requests; [`metrics`] folds them into an outcome, and [`report`] writes it down.
//!
//! ```
//! use std::path::Path;
//! use tideover::{experiment::run::run_once, scenario};
//!
//! let text = "
//! schema: tideover/v1
//! name: first
//! run: {horizon: 5m, warmUp: 5m, seed: 1}
//! regions: [{name: east}, {name: west}]
//! clusters:
//!   - {name: primary, region: east, pools: [{name: user, vmSize: D4s_v5, count: 2}]}
//!   - {name: secondary, region: west, pools: [{name: user, vmSize: D4s_v5, count: 2}]}
//! workloads:
//!   - name: web
//!     requests: {cpu: 500m, memory: 512Mi}
//!     replicas: 4
//!     service: {workers: 8, time: {exponential: {mean: 50ms}}, cpuPerWorker: 60m}
//! frontDoor: {origins: [{cluster: primary, priority: 1}, {cluster: secondary, priority: 2}]}
//! geographies: [{name: users, pops: 10, regionRtt: {east: 20ms, west: 60ms}}]
//! demands: [{workload: web, geographies: {users: 100%}, arrivals: {constant: 100/s}}]
//! faults: [{name: east-down, at: 1m, regionLoss: {region: east}}]
//! ";
//! let scenario = scenario::from_text("first.yaml", text, Path::new("."), &[]).unwrap();
//! let outcome = run_once(&scenario, None, 0, |_now| {}).outcome;
//!
//! // Front Door probes every 30 s and needs two failures: the last edge location has moved its
//! // users by 60 s, and the secondary has room for them.
//! let recovery_s = outcome.faults[0].rto_s.unwrap();
//! assert!(30.0 <= recovery_s && recovery_s <= 61.0);
//! let requests = outcome.requests;
//! assert_eq!(requests.offered, requests.served + requests.failed + requests.in_flight);
//! ```
//!
//! The layers, lowest first; a module imports itself and layers before it, never after:
//! `units < spec < sim < model < traffic < control < faults < scenario < simulation < metrics
//! < experiment < report < cli`.

// Reading order: from the bottom of the house to its roof.
pub mod units;

pub mod spec;

pub mod sim;

pub mod model;

pub mod traffic;

pub mod control;

pub mod faults;

pub mod scenario;

pub mod simulation;

pub mod metrics;

pub mod experiment;

pub mod report;

pub mod cli;
