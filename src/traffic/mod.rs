//! Layer `traffic`.
