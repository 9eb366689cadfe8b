//! Front Door: which origins an edge location believes in, and where it sends requests.
//!
//! Every edge location (PoP) probes every origin by itself, decides by its own sample window and
//! routes by its own view; nothing is shared between PoPs. That is why a fleet of PoPs leaves a
//! dead origin gradually: their probe phases are spread over the interval.
//!
//! | file | upstream rule |
//! |---|---|
//! | [`sample_window`] | at least x of the last n probes succeeded (frontdoor/origin.md) |
//! | [`probing`] | probes at phase + k·interval, answer or time-out (frontdoor/health-probes.md) |
//! | [`routing`] | enabled and healthy, priority, latency, weight (frontdoor/routing-methods.md) |
//! | [`policy`] | presets of Standard/Premium and classic |
//!
//! | [`affinity`] | sessions stay with their origin (frontdoor/routing-methods.md) |
//! | [`anycast`] | users of lost edge locations enter at others |
//! | [`configuration`] | changes take minutes and queue (front-door-faq.yml) |
//!
//! There is one origin group, so no origin is probed at the lowest interval of several groups;
//! [`policy::shared_interval`] has the rule. Left out: rules-engine overrides.

pub mod affinity;
pub mod anycast;
pub mod configuration;
pub mod policy;
pub mod probing;
pub mod routing;
pub mod sample_window;

pub use policy::{AFD_CLASSIC, AFD_STANDARD, HealthPolicy, N_POPS};
pub use probing::{OriginCondition, ProbeGrid, ProbeTiming, ProbedOrigin};
pub use routing::{Choice, ChoiceReason, OriginView, pick_origins};
pub use sample_window::SampleWindow;

pub mod edge;

pub use edge::{origin_changed, result_due, share_when_all_healthy, start};
