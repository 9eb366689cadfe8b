//! Layer `spec`.
