//! What a pod sustains.
