//! Layer `scenario`.
