//! What stands between a cluster and the rest: gateway, firewall and source ports.
//!
//! | file | what |
//! |---|---|
//! | [`elastic`] | how many instances a gateway or a firewall wants |
//! | [`scaling`] | their shell: load, orders, instances that arrive, limits of requests and pulls |
//! | [`backends`] | an Application Gateway's probes of pods, and those that leave its pool |
//! | [`outbound`] | source ports of a cluster's connections to the outside (SNAT) |
//! | [`ceiling`] | the rate of requests that they let pass, for headroom |
//!
//! Follows azure-docs application-gateway/high-traffic-support.md, firewall-faq.yml, aks-docs
//! configure-load-balancer-standard.md. A cluster without any of them has no event and no limit.

pub mod backends;
pub mod elastic;
pub mod outbound;
pub mod scaling;

pub mod ceiling;
