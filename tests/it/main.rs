//! The one integration binary.

mod conformance;
mod conformance_nodes;
mod front_door;
mod golden;
mod output;
mod scenario_checks;
mod theory;
