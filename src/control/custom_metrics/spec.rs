//! The `metricSources` section: what custom and external metrics are, and when metrics are out.
//!
//! Stands in for the rules of an adapter and the queries of a monitoring system.

use crate::sim::rates::RateCurve;
use crate::spec::{Code, Decoder, Diagnostic, Text, one_of, section};
use crate::traffic::demand::TraceSpec;
use crate::units::{Quantity, Span, Time};

section! {
    /// What a metric of HPAs is, and when it cannot be had. `http_requests_per_second`,
    /// `requests-per-second`, `in_flight_requests`, `queued_requests` and
    /// `origin_requests_per_second` are known without; `cpu` and `memory` may only be
    /// `unavailable`.
    pub struct MetricSourceSpec {
        /// The name that HPAs use.
        "name" name: Text = required;
        /// What it is; left out, what its name says.
        "value" value: Option<SourceValueSpec> = optional;
        /// How much older than the last scrape a series or the requests to all origins are.
        "delay" delay: Span = default "0s",
            source "assumed: scraped by Prometheus; Azure Monitor needs minutes",
            range "0s"..="1h";
        /// When the metrics API has no value for it: metrics-server or the adapter is down.
        "unavailable" unavailable: Vec<OutageSpec> = list 0..=1000;
    }
}

one_of! {
    /// What a metric is.
    pub enum SourceValueSpec {
        /// Requests that a pod finishes in a second; of an object: that reach the Service.
        "requestsPerSecond" => RequestsPerSecond,
        /// Requests that a pod serves or queues; of an object: all its pods.
        "inFlightRequests" => InFlightRequests,
        /// Requests that wait in a pod; of an object: in all its pods.
        "queuedRequests" => QueuedRequests,
        /// Requests a second that Front Door sends to all origins of the workload.
        "originRequestsPerSecond" => OriginRequestsPerSecond,
        /// A value of its own that changes at given instants.
        "steps" => Steps(Vec<ValueStepSpec>),
        /// A value of its own that follows measured counts, as a rate a second.
        "trace" => Trace(TraceSpec),
    }
}

section! {
    /// A value from an instant on.
    pub struct ValueStepSpec {
        /// From when on; the first step is at 0s and holds in the warm-up, too.
        "at" at: Span = required, range "0s"..="366d";
        /// The value from then on.
        "value" value: Quantity = required, range "0"..="1T";
    }
}

section! {
    /// A stretch of time in which a metric cannot be had.
    pub struct OutageSpec {
        /// Its start.
        "from" from: Span = required, range "0s"..="366d";
        /// Its end.
        "to" to: Span = required, range "0s"..="366d";
    }
    check OutageSpec::check_order;
}

impl OutageSpec {
    fn check_order(&self, cx: &mut Decoder<'_>) {
        if *self.to <= *self.from {
            let message = format!("ends at {}, not after its start", *self.to);
            let wrong = Diagnostic::error(Code::Contradiction, self.to.place.clone(), message);
            cx.report(wrong.allowed(format!("later than {}", *self.from)));
        }
    }

    /// The outage, its end left out.
    #[must_use]
    pub fn outage(&self) -> Outage {
        Outage { from: Time::ZERO + *self.from, to: Time::ZERO + *self.to }
    }
}

/// A stretch of time in which a metric cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// From when on.
    pub from: Time,
    /// Until before when.
    pub to: Time,
}

/// What a pod's own metric measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadMetric {
    /// Requests a second.
    RequestsPerSecond,
    /// Requests in service or waiting.
    InFlightRequests,
    /// Requests that wait.
    QueuedRequests,
}

/// What a custom or external metric is.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceValue {
    /// A measure of the workload's pods in the cluster.
    Load(LoadMetric),
    /// Requests a second at all origins.
    OriginRequestsPerSecond,
    /// A value of its own over time.
    Series(RateCurve),
}

/// The metrics that need no entry in `metricSources`.
#[must_use]
pub fn built_in(name: &str) -> Option<SourceValue> {
    Some(match name {
        "http_requests_per_second" | "requests-per-second" => {
            SourceValue::Load(LoadMetric::RequestsPerSecond)
        }
        "in_flight_requests" => SourceValue::Load(LoadMetric::InFlightRequests),
        "queued_requests" => SourceValue::Load(LoadMetric::QueuedRequests),
        "origin_requests_per_second" => SourceValue::OriginRequestsPerSecond,
        _ => return None,
    })
}

/// Names of the metrics that need no entry.
pub const BUILT_IN: [&str; 5] = [
    "http_requests_per_second",
    "requests-per-second",
    "in_flight_requests",
    "queued_requests",
    "origin_requests_per_second",
];
