//! The exact engine against closed forms of queueing theory, and against its own promises.
//!
//! Every estimate must lie within 4 standard errors of the exact value, and the standard error is
//! the theoretical one of the model, never one that the sample suggests. Run lengths make it at
//! most 0.25 % of the value. Rows of more than 60 million requests run only if `TIDEOVER_DEEP=1`.

mod birth_death;
mod capacity;
mod cuts;
mod endings;
mod failover;
mod general;
mod queues;
mod system;

/// Whether the longest rows run, too.
fn deep() -> bool {
    std::env::var("TIDEOVER_DEEP").is_ok_and(|value| value == "1")
}
