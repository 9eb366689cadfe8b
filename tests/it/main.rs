//! The one integration binary.

mod bad_inputs;
mod boundaries;
mod builds;
mod capacity_checks;
mod cli;
mod conformance;

mod control_swarm;
mod dependency_checks;
mod docs;
mod draw;
mod fidelity;
mod front_door;
mod golden;
mod hpa_checks;
mod hpa_laws;
mod layering;
mod manifests;
mod network_checks;
mod node_monitor;
mod operation_checks;
mod output;
mod patterns;
mod profiles;
mod recordings;
mod reference;
mod routing_checks;
mod runs;
mod scenario_checks;
mod scheduler_checks;
mod sessions;
mod source_tree;
mod swarm;
mod theory;
mod tidy;
mod timelines;
