//! Metrics that are neither CPU nor memory: what a monitoring system measures and an adapter
//! serves to HPAs as custom and external metrics.
//!
//! It is modelled on Prometheus with prometheus-adapter: every pod and service is scraped at an
//! interval, and each request of an HPA is answered from what was scraped last. So a value is up
//! to an interval old, and a rate is the mean over a window. Left out: label selectors, the
//! adapter's list of known metrics, KEDA's own activation of scaling from zero.
//!
//! | module | upstream |
//! |---|---|
//! | [`spec`] | none: where a scenario says what a metric is |
//! | [`rate`] | prometheus/prometheus promql/functions.go: `extrapolatedRate` |
//! | [`adapter`] | kubernetes-sigs/prometheus-adapter pkg/custom-provider, Prometheus' scrapes |

pub mod adapter;
pub mod rate;
pub mod spec;

pub use adapter::scrape;
