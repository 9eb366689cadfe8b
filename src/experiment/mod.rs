//! Experiments: from a scenario to outcomes. Now there is one, a single trial.

pub mod run;
