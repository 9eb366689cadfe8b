//! The nouns of the model and their own rules.

pub mod ids;
