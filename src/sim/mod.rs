//! The kernel: chance, time order and statistics, all with the same bits on every platform.
//!
//! Nothing here knows what is simulated. [`streams`] name random numbers, [`laws`] and
//! [`exponential`] turn one u64 into a duration by inverse CDF, [`rates`] place arrivals in
//! time, [`timers`] order control events in a [`tournament`], [`sobol`] spreads points evenly,
//! [`histogram`] and [`statistics`] count what happened, and [`intervals`] say how sure one can be
//! of it. A [`memo`] keeps what is expensive to derive.

pub mod streams;

pub mod maths;
#[cfg(target_arch = "x86_64")]
mod wide;

pub mod exponential;
pub mod laws;
pub mod rates;
pub mod sampler;
pub mod sobol;

pub mod histogram;
pub mod statistics;

pub mod beta;
pub mod intervals;

pub mod timers;
pub mod tournament;

pub mod memo;
