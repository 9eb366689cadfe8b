//! Scenarios: from a text to a world that is valid by construction.
//!
//! [`load()`] reads a file, applies `--set`, decodes it into a [`draft::ScenarioSpec`] whose
//! every field knows its place and origin, runs all [`checks`], and resolves names, laws, rates
//! and defaults into a [`Scenario`]: plain data, ready to be assembled. All mistakes of a stage
//! are reported at once, with file, line, column, what was read and what is allowed.
//!
//! Reading order: [`draft`] and [`workload_spec`] (the file as sections), [`mod@load`] (the
//! stages), `manifests` (workloads as `kubectl` takes them), [`resolve`] (names to ids, specs to
//! runtime data), [`sizing`], [`uncertain`], [`fault_time`] and [`growth`] (what `size` asks for),
//! [`arrivals`], [`trace`] and [`table`] (rates and CSV files), [`checks`] (what is wrong between
//! sections), [`explain`] (derived values in words), [`changes`] and [`edits`] (what differs
//! between two scenarios), [`checked`] (the result).

pub mod draft;
pub mod workload_spec;

pub mod failure_model;
pub mod fault_time;
pub mod growth;
pub mod objectives;
pub mod sizing;
pub mod uncertain;
pub mod variation;

pub mod load;
mod manifests;
pub mod resolve;

pub mod arrivals;
pub mod table;
pub mod trace;

pub mod changes;
pub mod checks;
pub mod edits;
pub mod explain;
pub mod item_names;

pub mod checked;

pub use crate::faults::PlannedFault;
pub use checked::{RunSettings, Scenario};
pub use load::{Rejected, from_text, load};
