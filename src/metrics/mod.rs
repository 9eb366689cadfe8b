//! Metrics: folds that turn the record of a run into its outcome.
//!
//! Reading order: [`record`] (what goes in) → [`outcome`] (what comes out) → the folds, one file
//! each: [`recovery`], [`fault_times`], [`headroom`], [`latency`], [`capacity`] → [`summary`],
//! which puts them together, and [`timeline`], the series behind files and plots.
//!
//! Nothing here changes a run, and a fold reads no other fold's state: facts, samples and counts
//! go in, plain data comes out. A user request is counted by the second of its first attempt.

pub mod record;

pub mod outcome;

pub mod recovery;

pub mod fault_times;
pub mod why_origin;

pub mod headroom;
pub mod latency;

pub mod capacity;
pub mod capacity_plan;

pub mod summary;
pub mod timeline;

#[cfg(test)]
pub(crate) mod example;
