//! Layer `sim`.
