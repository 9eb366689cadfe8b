//! Azure Application Gateway v2: capacity units, instances, and what a request takes of them.
//!
//! A capacity unit is one compute unit, 2,500 connections or 2.22 Mbit/s, whichever is used up
//! first; an instance has ten (azure-docs application-gateway-autoscaling-zone-redundant.md).
//!
//! Its backends are the pods themselves, as the Ingress Controller (AGIC) configures it: a pod is
//! in the backend pool while its Service lists it, and gets requests while the gateway's own
//! probes find it healthy ([`BackendProbes`]). Left out: that changing the pool takes the gateway
//! itself a while, and loss of single instances.

use crate::spec::{Code, Decoder, Diagnostic, section};
use crate::units::{Bytes, Rate, Ratio, Span};

use super::duration::DurationSpec;

/// Capacity units of one instance.
pub const UNITS_PER_INSTANCE: u32 = 10;

/// Connections that one capacity unit holds.
pub const CONNECTIONS_PER_UNIT: u32 = 2_500;

/// What one capacity unit transfers [bit/s].
const BITS_PER_UNIT: f64 = 2.22e6;

section! {
    /// An Application Gateway v2 in front of the workloads of a cluster.
    pub struct GatewaySpec {
        /// Instances that always run (`autoscaleConfiguration.minCapacity`).
        "minCapacity" min: u32 = default "2", source "assumed: one in each of two zones",
            low confidence, range 0..=125;
        /// Instances at most (`autoscaleConfiguration.maxCapacity`).
        "maxCapacity" max: u32 = default "20",
            source "azure-docs application-gateway-autoscaling-zone-redundant.md, 2020",
            range 1..=125;
        /// Requests a second that use up the compute of one capacity unit.
        "requestsPerUnit" requests_per_unit: Rate = default "10/s",
            source "azure-docs application-gateway/high-traffic-support.md: about 10 with WAF",
            range "0.1/s"..="100000/s";
        /// New TLS connections a second that use up the compute of one capacity unit.
        "tlsConnectionsPerUnit" tls_connections_per_unit: Rate = default "50/s",
            source "azure-docs application-gateway/high-traffic-support.md",
            range "0.1/s"..="100000/s";
        /// The share of its capacity units above which it adds instances.
        "targetUtilization" target_utilization: Ratio = default "75%",
            source "assumed: the alert of azure-docs application-gateway/high-traffic-support.md",
            low confidence, range "1%"..="100%";
        /// From the decision to add instances to the instances; left out, evenly 3 to 5 minutes.
        "scaleOutTime" scale_out: Option<DurationSpec> = optional, range "0s"..="1d";
        /// For how long fewer instances must be enough before they go.
        "scaleInDelay" scale_in_delay: Span = default "10m", source "assumed", low confidence,
            range "0s"..="1d";
        /// Its own probes of the pods behind it.
        "probe" probe: BackendProbeSpec = section;
        /// How long requests in a pod that has left the backend pool may go on
        /// (`connectionDraining.drainTimeoutInSec`).
        "drainTimeout" drain_timeout: Span = default "30s",
            source "azure-docs application-gateway/configuration-http-settings.md: also if not set",
            range "1s"..="1h";
    }
    check GatewaySpec::check_bounds;
}

section! {
    /// Health probes by which an Application Gateway finds pods that do not answer.
    pub struct BackendProbeSpec {
        /// Time between two probes of one pod.
        "interval" interval: Span = default "30s",
            source "azure-docs application-gateway/application-gateway-probe-overview.md",
            range "1s"..="1d";
        /// How long a probe waits for its answer.
        "timeout" timeout: Span = default "30s",
            source "azure-docs application-gateway/application-gateway-probe-overview.md",
            range "1s"..="1d";
        /// Failures in a row that take a pod out; one success brings it back.
        "unhealthyThreshold" unhealthy_threshold: u8 = default "3",
            source "azure-docs application-gateway/application-gateway-probe-overview.md",
            range 1..=20;
        /// Status that the probed path answers when all is well; 200 to 399 are a success.
        "status" status: u16 = default "200",
            source "azure-docs application-gateway/application-gateway-probe-overview.md",
            range 100..=599;
    }
}

/// How a gateway or a load balancer finds out which of its backends work, and how it lets go of
/// them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackendProbes {
    /// What answers.
    pub of: Probed,
    /// Time between two probes of one backend.
    pub interval: Span,
    /// After how long an unanswered probe has failed.
    pub timeout: Span,
    /// Failures in a row that make a backend unhealthy.
    pub unhealthy_threshold: u8,
    /// Whether what a pod answers counts as a success.
    pub accepts_answer: bool,
    /// How long requests may go on in a pod that has left the pool; None: to their end.
    pub drain: Option<Span>,
}

/// What answers the probes of backends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probed {
    /// Each pod by itself, as behind an Application Gateway.
    Pods,
    /// Its node, as behind a load balancer.
    Nodes,
}

/// Whether a gateway takes an answer for healthy (application-gateway-probe-overview.md). Front
/// Door accepts 200 alone.
#[must_use]
pub const fn accepts(status: u16) -> bool {
    200 <= status && status <= 399
}

impl GatewaySpec {
    /// Its probes of the pods.
    #[must_use]
    pub fn backend_probes(&self) -> BackendProbes {
        BackendProbes {
            of: Probed::Pods,
            interval: *self.probe.interval,
            timeout: *self.probe.timeout,
            unhealthy_threshold: *self.probe.unhealthy_threshold,
            accepts_answer: accepts(*self.probe.status),
            drain: Some(*self.drain_timeout),
        }
    }

    fn check_bounds(&self, cx: &mut Decoder<'_>) {
        if *self.max < *self.min {
            let place = self.max.place.clone();
            let message = format!("at most {} instances, but at least {}", *self.max, *self.min);
            let wrong = Diagnostic::error(Code::Contradiction, place, message);
            cx.report(wrong.allowed(format!("{} to 125", *self.min)));
        }
    }
}

/// Capacity units that one request a second takes, which opens `connections` new ones on average.
/// Requests and handshakes share the compute of a unit (assumed); throughput is counted beside it.
#[must_use]
pub fn units_per_request(
    requests_per_unit: Rate,
    transfer: Bytes,
    (connections, connections_per_unit): (f64, Rate),
) -> f64 {
    let handshakes = connections / connections_per_unit.per_s();
    let compute = 1.0 / requests_per_unit.per_s() + handshakes;
    let throughput = transfer.get() as f64 * 8.0 / BITS_PER_UNIT;
    compute.max(throughput)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 200 to 399 are a success, both included.
    #[test]
    fn a_redirection_is_healthy() {
        for (status, expected) in
            [(199, false), (200, true), (302, true), (399, true), (400, false), (503, false)]
        {
            assert_eq!(accepts(status), expected, "{status}");
        }
    }

    /// A request takes compute or throughput, whichever is more: at 10 requests a second for a
    /// unit, the two meet at 27,750 bytes.
    #[test]
    fn a_request_takes_the_scarcer_of_compute_and_throughput() {
        let table = [
            ("compute alone", 10.0, 0, 0.0, 0.1),
            ("compute, just", 10.0, 27_749, 0.0, 0.1),
            ("both", 10.0, 27_750, 0.0, 0.1),
            ("throughput", 10.0, 55_500, 0.0, 0.2),
            ("without WAF a unit passes more", 50.0, 0, 0.0, 0.02),
            ("a handshake for each request", 10.0, 0, 1.0, 0.12),
            ("handshakes are compute", 10.0, 55_500, 1.0, 0.2),
            ("a unit makes 50 of them", 100_000.0, 0, 50.0, 1.00001),
        ];
        for (name, requests, bytes, connections, units) in table {
            let handshakes = (connections, Rate::per_second(50.0));
            let requests = Rate::per_second(requests);
            let took = units_per_request(requests, Bytes::new(bytes), handshakes);
            assert!((took - units).abs() < 1e-12, "{name}: {took}");
        }
    }
}
