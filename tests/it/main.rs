//! The one integration binary.

mod conformance;
mod golden;
mod front_door;
mod theory;
