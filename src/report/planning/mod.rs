//! The capacity-planning report: what a result folder says, for the one who has to decide.
//!
//! It is made from the files of the folder and from nothing else, so `run`, `mc` and `size` write
//! the same report that `report` makes from their folder later. Reading order: [`result_texts`]
//! (the files), [`run`], [`study`] and [`size`] (a report each), then the parts that they share:
//! [`demand`], [`faults`], [`requests`], [`capacity`], [`clusters`], [`yearly`], [`premises`],
//! [`reproduction`].

pub mod result_texts;

pub mod run;
pub mod size;
pub mod study;

pub mod capacity;
pub mod clusters;
pub mod demand;
pub mod faults;
pub mod premises;
pub mod reproduction;
pub mod requests;
pub mod yearly;

#[cfg(test)]
mod planning_tests;
