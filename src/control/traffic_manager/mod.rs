//! Azure Traffic Manager: probes of its endpoints, its answers, and the resolvers that keep them.
//!
//! | file | upstream rule |
//! |---|---|
//! | [`choice`] | endpoints by priority, weight or latency (traffic-manager-routing-methods.md) |
//! | [`answers`] | probes, TTL, resolvers (traffic-manager-monitoring.md) |
//!
//! An endpoint is unhealthy after one failure more in a row than is tolerated, and healthy again
//! after one success: the sample window of Front Door with as many samples and one success, lazy
//! probing included. Left out: several probing regions (one counts here), nested profiles.

pub mod answers;
pub mod choice;

pub use answers::{entry_share, look, start};
pub use choice::{Answer, EndpointView, pick_endpoints};
