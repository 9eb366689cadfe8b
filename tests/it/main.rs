//! The one integration binary.

mod bad_inputs;
mod boundaries;
mod builds;
mod cli;
mod conformance;
mod conformance_nodes;
mod docs;
mod fidelity;
mod front_door;
mod golden;
mod hpa_checks;
mod hpa_laws;
mod layering;
mod manifests;
mod operation_checks;
mod output;
mod recordings;
mod reference;
mod runs;
mod scenario_checks;
mod sessions;
mod source_tree;
mod swarm;
mod theory;
mod tidy;
mod timelines;
