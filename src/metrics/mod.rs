//! Layer `metrics`.
