//! How a scenario states calls: the words of resilience4j and Envoy, where they have one.

use crate::spec::{Name, section};
use crate::traffic::demand::RetriesSpec;
use crate::units::{Ratio, Span};

use super::breaker::BreakerRules;

section! {
    /// A call that each request makes to another workload in its cluster, after its own work.
    pub struct CallSpec {
        /// The workload that is called.
        "to" to: Name = required;
        /// Share of the requests that make the call; drawn for each of `count`.
        "probability" probability: Ratio = default "100%", source "every request calls",
            range "0%"..="100%";
        /// How often a request makes it.
        "count" count: u32 = default "1", source "once", range 1..=100;
        /// Whether its `count` calls are made at once, together with those of calls before and
        /// after it in the list that are parallel, too; otherwise each waits for the one before.
        "parallel" parallel: bool = default "false",
            source "code calls one after the other unless it says otherwise";
        /// Whether a request fails with the call; otherwise it goes on without the answer.
        "required" required: bool = default "true",
            source "an error is an error unless there is a fallback";
        /// From the caller to the pod and back.
        "rtt" round_trip: Span = default "1ms",
            source "assumed: pods of one region, in different zones", low confidence,
            range "0s"..="10s";
        /// The caller gives up an attempt after this.
        "timeout" timeout: Span = default "15s",
            source "Envoy config.route.v3.RouteAction: timeout",
            range "1ms"..="1h";
        /// Whether an attempt ends no later than the caller's own request is given up.
        "propagateDeadline" propagates_deadline: bool = default "false",
            source "HTTP carries no deadline; gRPC does";
        /// What the caller does after a failed attempt; left out, the call fails with it. Each
        /// caller pod has a budget of its own.
        "retries" retries: Option<RetriesSpec> = optional;
        /// Attempts that one caller pod may have unanswered (a bulkhead); more fail at once. Left
        /// out, there is no limit.
        "maxConcurrentCalls" max_concurrent: Option<u32> = optional, range 1..=1000000;
        /// The circuit breaker of each caller pod; left out, there is none.
        "circuitBreaker" circuit_breaker: Option<CircuitBreakerSpec> = optional;
    }
}

section! {
    /// A circuit breaker: stops calls while too many of them fail. A number of failures in a row
    /// is a window and a minimum of that number, and a threshold of 100 %.
    pub struct CircuitBreakerSpec {
        /// It opens when at least this share of calls fails.
        "failureRateThreshold" failure_rate: Ratio = default "50%",
            source "resilience4j CircuitBreakerConfig", range "1%"..="100%";
        /// How many of the last calls count.
        "slidingWindowSize" window: u32 = default "100",
            source "resilience4j CircuitBreakerConfig", range 1..=10000;
        /// No rate is computed of fewer calls; at most the window.
        "minimumNumberOfCalls" minimum_calls: u32 = default "100",
            source "resilience4j CircuitBreakerConfig", range 1..=10000;
        /// How long it stays open before it lets some calls through.
        "waitDurationInOpenState" wait: Span = default "60s",
            source "resilience4j CircuitBreakerConfig", range "1ms"..="1d";
        /// Calls that it then lets through to decide whether it closes.
        "permittedNumberOfCallsInHalfOpenState" permitted: u32 = default "10",
            source "resilience4j CircuitBreakerConfig", range 1..=10000;
    }
}

impl CircuitBreakerSpec {
    /// The limits.
    #[must_use]
    pub fn rules(&self) -> BreakerRules {
        BreakerRules {
            failure_rate: *self.failure_rate,
            window: *self.window,
            minimum_calls: *self.minimum_calls,
            wait: *self.wait,
            permitted: *self.permitted,
        }
    }
}
