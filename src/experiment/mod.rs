//! Experiments: from a scenario to outcomes, and from recorded decisions to a verdict on the model.

pub mod run;

pub mod compare;
pub mod conformance;

pub mod fidelity;
