//! Experiments: from a scenario to outcomes, and from recorded decisions to a verdict on the model.

pub mod run;

pub mod bins;
pub mod estimator;
pub mod kinds;
pub mod metric;
pub mod monte_carlo;
pub mod precision;
pub mod row_detail;
pub mod scrambles;
pub mod shard;
pub mod strata;
pub mod study;
pub mod study_breakdown;
pub mod yearly;

pub mod in_order;

pub mod gate;
pub mod gate_baseline;
pub mod gate_outcome;
pub mod sequential;
pub mod stability;

pub mod prices;
pub mod size;
pub mod size_cost;
pub mod size_demand;
pub mod size_ends;
pub mod size_fault_time;
pub mod size_findings;
pub mod size_next;
pub mod size_outcome;
mod size_search;

pub mod diff;
pub mod diff_outcome;
pub mod paired;

pub mod frontier;
pub mod premises;
pub mod sensitivity;
pub mod study_verdict;
pub mod sweep;
pub mod sweep_design;
pub mod sweep_outcome;

pub mod compare;
pub mod conformance;

pub mod fidelity;

#[cfg(test)]
mod yearly_tests;
