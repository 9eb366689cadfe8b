//! The four plots of a run, as SVG and PNG: requests, pods and nodes, headroom, latency.
//!
//! Each plot is first a [`figure::Figure`], plain data made from an outcome and its timeline, and
//! then drawn by one renderer (`draw`) to either format ([`image`]). Text needs no font of the
//! system: `font` embeds one. Colours are those of Okabe and Ito, told apart with any kind of
//! colour vision; what matters is told apart by shape or position as well.

pub mod figure;

pub mod milestones;

pub mod requests;

pub mod capacity;

pub mod headroom;

pub mod latency;

mod layout;

mod draw;

mod font;

pub mod image;
