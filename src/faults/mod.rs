//! Layer `faults`.
