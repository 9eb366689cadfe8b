//! The one integration binary.

mod golden;
mod front_door;
