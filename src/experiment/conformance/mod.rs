//! Conformance: decisions of the real controllers as data, run through ours.
//!
//! A vector is a line of JSON with the inputs of one decision and what the real controller made of
//! them. The families below read a line, call the very function that a simulation calls, and
//! compare; none of them computes anything itself. `tideover conformance DIR` and the test
//! `conformance` both end in [`folder::run`].
//!
//! | module | kinds |
//! |---|---|
//! | `hpa_replicas` | one metric to replicas, grouping of pods, their requests |
//! | `hpa_behavior` | bounds, stabilisation, rate policies, whole passes |
//! | `pod_deletion` | which pods a ReplicaSet deletes first, slow start |
//! | `binpacking` | the estimator of the cluster autoscaler and its limits |
//! | `expansion` | expanders, balancing, similar groups, back-off |
//! | `autoscaler_state` | health, acceptable sizes, scale-down |
//! | `node_lifecycle` | zone states, eviction rates, two back-offs |

pub mod folder;

pub mod tally;

mod kinds;

mod hpa_replicas;

mod hpa_behavior;

mod pod_deletion;

mod binpacking;

mod expansion;

mod autoscaler_state;

mod node_lifecycle;

mod fields;

pub use kinds::kinds;
