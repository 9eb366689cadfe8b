//! Azure Traffic Manager: a DNS name that leads to Front Door or to the clusters themselves.
//!
//! It sees no request: resolvers ask it for an entry point and keep the answer for its TTL. Rules
//! and defaults: azure-docs traffic-manager/traffic-manager-monitoring.md and
//! traffic-manager-FAQs.md.

use crate::spec::{Code, Decoder, Diagnostic, Name, choice, section};
use crate::units::{Ratio, Span};

use super::ids::ClusterId;

/// The slower of the two probing intervals.
const NORMAL: Span = Span::from_secs(30);
/// The faster one, which costs more.
const FAST: Span = Span::from_secs(10);

section! {
    /// Azure Traffic Manager, alone or in front of Front Door.
    pub struct TrafficManagerSpec {
        /// How an endpoint is chosen.
        "method" method: RoutingMethod = default "priority",
            source "azure-docs traffic-manager-routing-methods.md: for failover";
        /// Whether endpoints are probed; without, every enabled one counts as healthy.
        "monitoring" monitoring: bool = default "true",
            source "azure-docs traffic-manager-monitoring.md";
        /// Time between two probes: 30s, or 10s for fast probing.
        "interval" interval: Span = default "30s",
            source "azure-docs traffic-manager-monitoring.md", range "10s"..="30s";
        /// How long a probe waits, 5s to 10s, with fast probing to 9s; left out, the longest.
        "timeout" timeout: Option<Span> = optional, range "5s"..="10s";
        /// Failures in a row that an endpoint may have; one more makes it unhealthy.
        "toleratedFailures" tolerated_failures: u8 = default "3",
            source "azure-docs traffic-manager-monitoring.md", range 0..=9;
        /// How long resolvers keep an answer.
        "ttl" ttl: Span = default "60s", source "azure-docs traffic-manager-FAQs.md",
            range "0s"..="2147483647s";
        /// Resolvers that keep answers for longer than the TTL.
        "staleResolvers" stale_resolvers: Option<StaleResolversSpec> = optional;
        /// Connections that are kept alive and do not notice a new answer.
        "keepAlive" keep_alive: Option<KeepAliveSpec> = optional;
        /// What the name leads to.
        "endpoints" endpoints: Vec<EndpointSpec> = list 1..=64, unique;
    }
    check TrafficManagerSpec::check_probing;
}

section! {
    /// Resolvers that keep answers for longer than they may.
    pub struct StaleResolversSpec {
        /// Their share.
        "share" share: Ratio = required, range "0%"..="100%";
        /// How long they keep an answer.
        "for" period: Span = default "30m", source "assumed: not measured", low confidence,
            range "1s"..="7d";
    }
}

section! {
    /// Connections to the old entry point that outlive a new answer.
    pub struct KeepAliveSpec {
        /// Share of the users who have one.
        "share" share: Ratio = required, range "0%"..="100%";
        /// How long such a connection lives after the answer has changed.
        "lifetime" lifetime: Span = default "5m", source "assumed: not measured", low confidence,
            range "1s"..="7d";
    }
}

section! {
    /// What the name of Traffic Manager may lead to: Front Door, or a cluster's own ingress.
    pub struct EndpointSpec {
        /// Its name.
        "name" name: Name = required;
        /// The cluster whose ingress it is; left out, it is Front Door.
        "cluster" cluster: Option<Name> = optional;
        /// Priority: the healthy one with the lowest number is the answer.
        "priority" priority: u16 = default "1",
            source "azure-docs traffic-manager-routing-methods.md", range 1..=1000;
        /// Weight, for the method `weighted`.
        "weight" weight: u16 = default "1",
            source "azure-docs traffic-manager-routing-methods.md", range 1..=1000;
        /// Whether it may be an answer.
        "enabled" enabled: bool = default "true",
            source "azure-docs traffic-manager-monitoring.md";
    }
}

choice! {
    /// How Traffic Manager chooses an endpoint.
    pub enum RoutingMethod {
        /// The first one by priority.
        "priority" => Priority,
        /// In proportion to the weights.
        "weighted" => Weighted,
        /// The nearest one; Front Door is near everywhere.
        "performance" => Performance,
    }
}

impl TrafficManagerSpec {
    fn check_probing(&self, cx: &mut Decoder<'_>) {
        if ![NORMAL, FAST].contains(&self.interval) {
            let message = format!("read {}", *self.interval);
            let place = self.interval.place.clone();
            let wrong = Diagnostic::error(Code::OutOfRange, place, message);
            cx.report(wrong.allowed("30s or 10s"));
        }
        if let (true, Some(timeout)) = (*self.interval == FAST, *self.timeout)
            && Span::from_secs(9) < timeout
        {
            let place = self.timeout.place.clone();
            let message = format!("a time-out of {timeout} is too long for fast probing");
            cx.report(Diagnostic::error(Code::Contradiction, place, message).allowed("5s to 9s"));
        }
    }

    /// How long a probe waits.
    #[must_use]
    pub fn probe_timeout(&self) -> Span {
        let longest = if *self.interval == FAST { 9 } else { 10 };
        self.timeout.unwrap_or(Span::from_secs(longest))
    }
}

/// The DNS name in front of everything else.
#[derive(Clone, Debug)]
pub struct TrafficManager {
    /// How an endpoint is chosen.
    pub method: RoutingMethod,
    /// Whether endpoints are probed.
    pub monitoring: bool,
    /// Time between two probes of an endpoint.
    pub interval: Span,
    /// After how long an unanswered probe has failed.
    pub probe_timeout: Span,
    /// Failures in a row that change nothing yet.
    pub tolerated_failures: u8,
    /// How long resolvers keep an answer.
    pub ttl: Span,
    /// Share of resolvers that keep it longer, and for how long.
    pub stale_resolvers: Option<(Ratio, Span)>,
    /// Share of users whose connection outlives a new answer, and for how long.
    pub keep_alive: Option<(Ratio, Span)>,
    /// What the name may lead to.
    pub endpoints: Vec<Endpoint>,
}

/// What the name may lead to.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Name in the scenario.
    pub name: String,
    /// The cluster whose ingress it is; `None` is Front Door.
    pub cluster: Option<ClusterId>,
    /// Whether it may be an answer.
    pub enabled: bool,
    /// Priority, 1 first.
    pub priority: u16,
    /// Weight.
    pub weight: u16,
    /// What the probes say.
    pub healthy: bool,
}
