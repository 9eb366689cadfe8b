//! CPU, memory and number of pods: what a node offers and pods request.

pub use crate::model::node_pool::Resources;
