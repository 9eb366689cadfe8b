//! The one integration binary.

mod conformance;
mod conformance_nodes;
mod front_door;
mod golden;
mod layering;
mod output;
mod scenario_checks;
mod sessions;
mod source_tree;
mod theory;
mod tidy;
mod runs;
