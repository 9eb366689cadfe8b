//! How many nodes of a group the pending pods need.
//!
//! | module | upstream (estimator/) |
//! |---|---|
//! | [`binpacking`] | binpacking_estimator.go |
//! | [`snapshot`] | simulator/clustersnapshot and the scheduler's filters: fit, ports, spread |
//! | [`order`] | decreasing_pod_orderer.go |
//! | [`limiter`] | threshold_based_limiter.go and the thresholds |
//! | [`fast_path`] | binpacking_estimator.go: `determineBestPEGToFastpath` |

pub mod binpacking;
pub mod fast_path;
pub mod limiter;
pub mod order;
pub mod snapshot;
