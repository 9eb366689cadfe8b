//! Recordings of a real control plane, replayed through whole simulations.
//!
//! Every file of tests/recordings becomes a scenario: the same nodes in the same zones, the same
//! pods, the same fault or load. What the files state is set before the run (last lease renewals,
//! what the metrics API served); what they do not state, the phases of the controllers, is fitted
//! once for each controller. Then every recorded instant must be met within 0.6 s, and nothing
//! else may happen: a watching client is up to 0.1 s late, and real controllers spread what they
//! do in one pass over up to half a second, by the rate limits of their clients.

mod compare;
mod file;
mod nodes;
mod scaling;
mod setting;

/// Greatest distance between a recorded and a simulated instant \[s\].
const TOLERANCE_S: f64 = 0.6;
