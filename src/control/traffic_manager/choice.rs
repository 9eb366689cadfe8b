//! The answer of Traffic Manager to a DNS query: which endpoints, and why.
//!
//! Follows azure-docs traffic-manager-routing-methods.md and traffic-manager-monitoring.md:
//! enabled and healthy endpoints by the method; when none is healthy, all enabled ones.

use crate::model::traffic_manager::RoutingMethod;
use crate::units::Span;

/// An endpoint as a query sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndpointView {
    /// It may be an answer.
    pub enabled: bool,
    /// What the probes say.
    pub healthy: bool,
    /// 1 first.
    pub priority: u16,
    /// Share, for the weighted method.
    pub weight: u16,
    /// Round trip from who asks.
    pub latency: Span,
}

/// The endpoints that queries are answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Share of each endpoint, in proportion; 0 = never.
    pub weights: Vec<u32>,
    /// Which rule decided.
    pub reason: &'static str,
}

/// Decides what queries from one place are answered with.
#[must_use]
pub fn pick_endpoints(endpoints: &[EndpointView], method: RoutingMethod) -> Answer {
    let of = |reason, weight: &dyn Fn(&EndpointView) -> u32| Answer {
        weights: endpoints.iter().map(weight).collect(),
        reason,
    };
    if !endpoints.iter().any(|endpoint| endpoint.enabled) {
        return of("no endpoint is enabled", &|_| 0);
    }
    let is_good = |endpoint: &EndpointView| endpoint.enabled && endpoint.healthy;
    let good = || endpoints.iter().filter(|endpoint| is_good(endpoint));
    if good().next().is_none() {
        return of("all endpoints are degraded, all are answers", &|e| u32::from(e.enabled));
    }
    match method {
        RoutingMethod::Priority => {
            let first = good().map(|endpoint| endpoint.priority).min();
            of("the first healthy endpoint by priority", &|endpoint| {
                u32::from(is_good(endpoint) && Some(endpoint.priority) == first)
            })
        }
        RoutingMethod::Weighted => of("healthy endpoints by weight", &|endpoint| {
            if is_good(endpoint) { u32::from(endpoint.weight) } else { 0 }
        }),
        RoutingMethod::Performance => {
            let nearest = good().map(|endpoint| endpoint.latency).min();
            of("the nearest healthy endpoint", &|endpoint| {
                u32::from(is_good(endpoint) && Some(endpoint.latency) == nearest)
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(priority: u16, weight: u16, latency_ms: i64) -> EndpointView {
        let latency = Span::from_millis(latency_ms);
        EndpointView { enabled: true, healthy: true, priority, weight, latency }
    }

    /// One row per rule of the three methods, and for what is left when nothing is healthy.
    #[test]
    fn endpoints_are_chosen_by_the_method() {
        use RoutingMethod::{Performance, Priority, Weighted};
        let (first, second) = (endpoint(1, 3, 40), endpoint(2, 1, 20));
        let sick = |endpoint| EndpointView { healthy: false, ..endpoint };
        let disabled = |endpoint| EndpointView { enabled: false, ..endpoint };
        for (rule, endpoints, method, weights) in [
            ("lowest number", [first, second], Priority, [1, 0]),
            ("next when it is unhealthy", [sick(first), second], Priority, [0, 1]),
            ("next when it is disabled", [disabled(first), second], Priority, [0, 1]),
            ("by weight", [first, second], Weighted, [3, 1]),
            ("only healthy ones by weight", [first, sick(second)], Weighted, [3, 0]),
            ("nearest", [first, second], Performance, [0, 1]),
            ("nearest healthy one", [first, sick(second)], Performance, [1, 0]),
            ("all degraded means all", [sick(first), sick(second)], Priority, [1, 1]),
            ("but not disabled ones", [sick(first), disabled(second)], Weighted, [1, 0]),
            ("nothing enabled", [disabled(first), disabled(second)], Priority, [0, 0]),
        ] {
            assert_eq!(pick_endpoints(&endpoints, method).weights, weights, "{rule}");
        }
    }
}
