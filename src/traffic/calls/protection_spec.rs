//! How a scenario states what protects pods: the words of Envoy and of Google's SRE book.

use crate::spec::{Code, Decoder, Diagnostic, choice, section};
use crate::units::{Ratio, Span};

use super::concurrency_limit::ConcurrencyLimitRules;
use super::criticality::{Criticality, ShedRules};

section! {
    /// The adaptive limit of requests that each pod has in hand (Envoy's adaptive concurrency
    /// filter in its sidecar): more fail at once, with `shed`.
    pub struct ConcurrencyLimitSpec {
        /// From one limit to the next.
        "concurrencyUpdateInterval" update_interval: Span = default "100ms",
            source "Envoy docs, adaptive_concurrency_filter: the example (it has no default)",
            range "1ms"..="1h";
        /// No limit is higher.
        "maxConcurrencyLimit" max_limit: u32 = default "1000",
            source "Envoy adaptive_concurrency.proto v3: max_concurrency_limit",
            range 1..=1000000;
        /// Which of the latencies since the last limit counts.
        "sampleAggregatePercentile" percentile: Ratio = default "50%",
            source "Envoy adaptive_concurrency.proto v3: sample_aggregate_percentile",
            range "0%"..="100%";
        /// From one measurement of the latency without a queue to the next.
        "minRttInterval" min_rtt_interval: Span = default "60s",
            source "Envoy docs, adaptive_concurrency_filter: the example (it has no default)",
            range "1ms"..="1d";
        /// Up to this share of the interval is added to it at random, so that not all pods
        /// measure at the same time.
        "minRttJitter" min_rtt_jitter: Ratio = default "15%",
            source "Envoy adaptive_concurrency.proto v3: jitter", range "0%"..="100%";
        /// Answers that a measurement takes.
        "minRttRequestCount" min_rtt_requests: u32 = default "50",
            source "Envoy adaptive_concurrency.proto v3: request_count", range 1..=1000000;
        /// Latencies up to this share above the measured one count as no queue.
        "minRttBuffer" min_rtt_buffer: Ratio = default "25%",
            source "Envoy adaptive_concurrency.proto v3: buffer", range "0%"..="100%";
        /// The limit while that latency is measured, and the lowest otherwise. With more than the
        /// workers of a pod, a queue is measured as if it were none.
        "minConcurrency" min_concurrency: u32 = default "3",
            source "Envoy adaptive_concurrency.proto v3: min_concurrency", range 1..=1000000;
    }
    check ConcurrencyLimitSpec::check_order;
}

section! {
    /// Load shedding: from which share of a pod's places on (workers and queue, or its
    /// `concurrencyLimit`) requests of a criticality are refused, with `shed`. At 100 % they never
    /// are.
    pub struct ShedSpec {
        /// Requests of criticality `SHEDDABLE`.
        "sheddable" sheddable: Ratio = default "50%", source "assumed", low confidence,
            range "0%"..="100%";
        /// Requests of criticality `SHEDDABLE_PLUS`.
        "sheddablePlus" sheddable_plus: Ratio = default "70%", source "assumed", low confidence,
            range "0%"..="100%";
        /// Requests of criticality `CRITICAL`.
        "critical" critical: Ratio = default "90%", source "assumed", low confidence,
            range "0%"..="100%";
        /// Requests of criticality `CRITICAL_PLUS`.
        "criticalPlus" critical_plus: Ratio = default "100%",
            source "assumed: only what is full refuses them", range "0%"..="100%";
    }
    check ShedSpec::check_order;
}

choice! {
    /// How much a request matters.
    pub enum CriticalitySpec {
        /// Users see its loss, and it is serious.
        "CRITICAL_PLUS" => CriticalPlus,
        /// Users see its loss.
        "CRITICAL" => Critical,
        /// It may be lost in part: it is sent again minutes or hours later.
        "SHEDDABLE_PLUS" => SheddablePlus,
        /// It is often lost in part, and now and then wholly.
        "SHEDDABLE" => Sheddable,
    }
}

impl ConcurrencyLimitSpec {
    fn check_order(&self, cx: &mut Decoder<'_>) {
        let (least, most) = (*self.min_concurrency, *self.max_limit);
        if most < least {
            let message = format!("`maxConcurrencyLimit` {most} is below the lowest limit {least}");
            let place = self.max_limit.place.clone();
            let wrong = Diagnostic::error(Code::Contradiction, place, message);
            cx.report(wrong.allowed(format!("at least {least}, the `minConcurrency`")));
        }
    }

    /// How the limit is found.
    #[must_use]
    pub fn rules(&self) -> ConcurrencyLimitRules {
        ConcurrencyLimitRules {
            update_interval: *self.update_interval,
            max_limit: *self.max_limit,
            percentile: *self.percentile,
            min_rtt_interval: *self.min_rtt_interval,
            min_rtt_jitter: *self.min_rtt_jitter,
            min_rtt_requests: *self.min_rtt_requests,
            min_rtt_buffer: *self.min_rtt_buffer,
            min_concurrency: *self.min_concurrency,
        }
    }
}

impl ShedSpec {
    fn check_order(&self, cx: &mut Decoder<'_>) {
        let rising = [&self.sheddable, &self.sheddable_plus, &self.critical, &self.critical_plus];
        for pair in rising.windows(2) {
            let (lower, higher) = (**pair[0], **pair[1]);
            if higher < lower {
                let message = format!("a higher criticality is refused from {higher} on already");
                let place = pair[1].place.clone();
                let wrong = Diagnostic::error(Code::Contradiction, place, message);
                cx.report(wrong.allowed(format!("at least {lower}, as for the one below")));
            }
        }
    }

    /// The thresholds.
    #[must_use]
    pub fn rules(&self) -> ShedRules {
        let all = [&self.sheddable, &self.sheddable_plus, &self.critical, &self.critical_plus];
        ShedRules { thresholds: all.map(|threshold| **threshold) }
    }
}

impl From<CriticalitySpec> for Criticality {
    fn from(spec: CriticalitySpec) -> Self {
        match spec {
            CriticalitySpec::CriticalPlus => Self::CriticalPlus,
            CriticalitySpec::Critical => Self::Critical,
            CriticalitySpec::SheddablePlus => Self::SheddablePlus,
            CriticalitySpec::Sheddable => Self::Sheddable,
        }
    }
}
