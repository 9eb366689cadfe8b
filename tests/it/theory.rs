//! The exact engine against closed forms of queueing theory, and against its own promises.
//!
//! Every estimate must lie within 4 standard errors of the exact value, and the standard error is
//! the theoretical one of the model, never one that the sample suggests. Run lengths make it at
//! most 0.25 % of the value. Rows that need more than some seconds run only if `TIDEOVER_DEEP=1`.

mod cuts;
mod queues;
mod system;
