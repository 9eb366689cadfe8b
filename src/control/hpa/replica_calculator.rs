//! From one metric to a number of replicas.
//!
//! Follows replica_calculator.go and metrics/utilization.go. Integer divisions truncate and
//! integer sums wrap as Go's do; the conversion to replicas rounds up and saturates.
//!
//! The idea: with all pods measured, replicas = ceil(ratio × counted pods). With some unmeasured,
//! assume what dampens the change (idle on the way up, busy on the way down) and act only if the
//! direction survives. So after a zone loss the dead pods, listed but silent, count as idle, and
//! an HPA at its target asks for no more replicas.

use crate::units::Time;

use super::metric::{Metric, MetricError, PodSamples, Proposal, Resource, TotalTarget};
use super::pods::{CpuTiming, Group, PodStatus, Readiness, group};
use super::tolerance::Tolerance;

/// What a calculation needs besides the metric.
#[derive(Clone, Copy, Debug)]
pub struct Calculation<'a> {
    /// Present `spec.replicas`.
    pub spec_replicas: i32,
    /// Present `status.replicas`.
    pub status_replicas: i32,
    /// The listed pods.
    pub pods: &'a [PodStatus],
    /// Band around the target in which nothing changes.
    pub tolerance: Tolerance,
    /// When a starting pod's CPU counts.
    pub cpu_timing: CpuTiming,
    /// The present instant.
    pub now: Time,
}

/// What `metric` asks for.
pub fn propose(cx: &Calculation<'_>, metric: &Metric<'_>) -> Result<Proposal, MetricError> {
    match *metric {
        Metric::Utilization { resource, target_percent, requests, samples } => {
            utilization(cx, cx.readiness(resource), target_percent, requests, samples)
        }
        Metric::ResourceAverage { resource, target, samples } => {
            average(cx, cx.readiness(resource), target, samples)
        }
        Metric::Container { of } => propose(cx, of),
        Metric::PodsAverage { target, samples } => average(cx, Readiness::Ignored, target, samples),
        Metric::Total { target, values, .. } => {
            let values = values.ok_or(MetricError::Unavailable)?;
            if values.is_empty() {
                return Err(MetricError::NoMetrics);
            }
            let total = sum_of(values);
            match target {
                TotalTarget::Value(target) => value(cx, total, target),
                TotalTarget::AverageValue(target) => Ok(average_value(cx, total, target)),
            }
        }
        Metric::Unsupported => Err(MetricError::UnsupportedType),
        Metric::Ambiguous => Err(MetricError::SeveralAutoscalers),
    }
}

impl Calculation<'_> {
    const fn readiness(&self, resource: Resource) -> Readiness {
        match resource {
            Resource::Cpu => Readiness::Cpu(self.cpu_timing),
            Resource::Memory => Readiness::Ignored,
        }
    }
}

/// Sums over the groups of pods, so that the refilled ratio needs no second pass.
#[derive(Default)]
struct Tally {
    counted: i64,
    unready: i64,
    missing: i64,
    usage: i64,
    /// Requests of the counted, unready and missing pods.
    request: i64,
    request_unready: i64,
    request_missing: i64,
    /// What the missing pods use if they are taken to be busy.
    usage_missing: i64,
}

/// A resource as a percentage of the request (`GetResourceReplicas`).
fn utilization(
    cx: &Calculation<'_>,
    readiness: Readiness,
    target_percent: i32,
    requests: &[Option<i64>],
    samples: PodSamples<'_>,
) -> Result<Proposal, MetricError> {
    assert_eq!(requests.len(), cx.pods.len(), "one request for each listed pod");
    check_any(cx, samples)?;
    let busy_percent = i64::from(target_percent.max(100));
    let mut tally = Tally::default();
    let mut request_lacks = false;
    for ((pod, sample), request) in cx.pods.iter().zip(samples.listed).zip(requests) {
        let request = request.unwrap_or_else(|| {
            request_lacks = true;
            0
        });
        match group(pod, sample.as_ref(), readiness, cx.now) {
            Group::Counted(usage) => {
                tally.counted += 1;
                tally.usage = tally.usage.wrapping_add(usage);
                tally.request = tally.request.saturating_add(request);
            }
            Group::Unready => {
                tally.unready += 1;
                tally.request_unready = tally.request_unready.saturating_add(request);
            }
            Group::Missing => {
                tally.missing += 1;
                tally.request_missing = tally.request_missing.saturating_add(request);
                let busy = request.wrapping_mul(busy_percent) / 100;
                tally.usage_missing = tally.usage_missing.wrapping_add(busy);
            }
            Group::Ignored => {}
        }
    }
    let n_unlisted = samples.unlisted.len() as i64;
    if tally.counted + n_unlisted == 0 {
        return Err(MetricError::NoMetrics);
    }
    if request_lacks {
        return Err(MetricError::MissingRequest);
    }
    if tally.request == 0 {
        return Err(MetricError::NoMatchingMetrics);
    }
    let percent = percent_of(tally.usage, tally.request);
    let ratio = f64::from(percent) / f64::from(target_percent);
    let refilled = refill(&tally, ratio).map(|fill| {
        let usage = tally.usage.wrapping_add(if ratio < 1.0 { tally.usage_missing } else { 0 });
        let missing = if fill.n_missing > 0 { tally.request_missing } else { 0 };
        let unready = if fill.n_unready > 0 { tally.request_unready } else { 0 };
        let request = tally.request.saturating_add(missing).saturating_add(unready);
        Refilled {
            ratio: f64::from(percent_of(usage, request)) / f64::from(target_percent),
            n_pods: tally.counted + n_unlisted + fill.n_missing + fill.n_unready,
        }
    });
    Ok(Proposal {
        replicas: replicas_for(cx, ratio, tally.counted, refilled),
        utilization_percent: Some(percent),
        usage: tally.usage / tally.counted,
    })
}

/// A value as a mean over the pods (`calcPlainMetricReplicas`).
fn average(
    cx: &Calculation<'_>,
    readiness: Readiness,
    target: i64,
    samples: PodSamples<'_>,
) -> Result<Proposal, MetricError> {
    check_any(cx, samples)?;
    let mut tally = Tally::default();
    for (pod, sample) in cx.pods.iter().zip(samples.listed) {
        match group(pod, sample.as_ref(), readiness, cx.now) {
            Group::Counted(usage) => {
                tally.counted += 1;
                tally.usage = tally.usage.wrapping_add(usage);
            }
            Group::Unready => tally.unready += 1,
            Group::Missing => tally.missing += 1,
            Group::Ignored => {}
        }
    }
    let unlisted = samples.unlisted.iter().fold(0_i64, |sum, value| sum.wrapping_add(*value));
    let usage = tally.usage.wrapping_add(unlisted);
    let n_samples = tally.counted + samples.unlisted.len() as i64;
    if n_samples == 0 {
        return Err(MetricError::NoMetrics);
    }
    let mean = usage / n_samples;
    let ratio = mean as f64 / target as f64;
    let refilled = refill(&tally, ratio).map(|fill| {
        let busy = if ratio < 1.0 { tally.missing.wrapping_mul(target) } else { 0 };
        let n_pods = n_samples + fill.n_missing + fill.n_unready;
        Refilled { ratio: (usage.wrapping_add(busy) / n_pods) as f64 / target as f64, n_pods }
    });
    Ok(Proposal {
        replicas: replicas_for(cx, ratio, tally.counted, refilled),
        utilization_percent: None,
        usage: mean,
    })
}

/// A total against a value (`GetObjectMetricReplicas`, `GetExternalMetricReplicas`).
fn value(cx: &Calculation<'_>, total: i64, target: i64) -> Result<Proposal, MetricError> {
    let ratio = total as f64 / target as f64;
    let replicas = if cx.spec_replicas == 0 {
        ceil_to_replicas(ratio)
    } else if cx.tolerance.contains(ratio) {
        cx.spec_replicas
    } else if cx.pods.is_empty() {
        return Err(MetricError::NoPods);
    } else {
        let n_ready = cx.pods.iter().filter(|pod| pod.is_running_and_ready()).count();
        ceil_to_replicas(ratio * n_ready as f64)
    };
    Ok(Proposal { replicas, utilization_percent: None, usage: total })
}

/// A total over the replicas (`GetObjectPerPodMetricReplicas`, `GetExternalPerPodMetricReplicas`).
fn average_value(cx: &Calculation<'_>, total: i64, target: i64) -> Proposal {
    let replicas = f64::from(cx.status_replicas);
    let ratio = total as f64 / (target as f64 * replicas);
    Proposal {
        replicas: if cx.tolerance.contains(ratio) {
            cx.status_replicas
        } else {
            ceil_to_replicas(total as f64 / target as f64)
        },
        utilization_percent: None,
        usage: (total as f64 / replicas).ceil() as i64,
    }
}

/// Errors that come before any grouping.
fn check_any(cx: &Calculation<'_>, samples: PodSamples<'_>) -> Result<(), MetricError> {
    assert_eq!(samples.listed.len(), cx.pods.len(), "one entry for each listed pod");
    if samples.unlisted.is_empty() && samples.listed.iter().all(Option::is_none) {
        return Err(MetricError::NoMetrics);
    }
    if cx.pods.is_empty() {
        return Err(MetricError::NoPods);
    }
    Ok(())
}

/// How many pods without a usable sample are filled in.
struct Fill {
    n_missing: i64,
    n_unready: i64,
}

/// What to fill in, if any pod is missing, or unready on a scale-up.
///
/// At a ratio of exactly 1 there is no direction to dampen: missing pods stay out.
fn refill(tally: &Tally, ratio: f64) -> Option<Fill> {
    let n_unready = if 1.0 < ratio { tally.unready } else { 0 };
    let n_missing = if ratio == 1.0 { 0 } else { tally.missing };
    (0 < n_unready || 0 < tally.missing).then_some(Fill { n_missing, n_unready })
}

/// The ratio with missing and unready pods filled in.
struct Refilled {
    ratio: f64,
    n_pods: i64,
}

/// Replicas for a ratio, dampened by what the refilled ratio says.
fn replicas_for(
    cx: &Calculation<'_>,
    ratio: f64,
    n_counted: i64,
    refilled: Option<Refilled>,
) -> i32 {
    let current = cx.spec_replicas;
    let Some(Refilled { ratio: dampened, n_pods }) = refilled else {
        if cx.tolerance.contains(ratio) {
            return current;
        }
        return ceil_to_replicas(ratio * n_counted as f64);
    };
    let turned = (ratio < 1.0 && 1.0 < dampened) || (1.0 < ratio && dampened < 1.0);
    if cx.tolerance.contains(dampened) || turned {
        return current;
    }
    let replicas = ceil_to_replicas(dampened * n_pods as f64);
    let wrong_way =
        (dampened < 1.0 && current < replicas) || (1.0 < dampened && replicas < current);
    if wrong_way { current } else { replicas }
}

/// Usage as a whole percentage of the request, truncated.
const fn percent_of(usage: i64, request: i64) -> i32 {
    (usage.wrapping_mul(100) / request) as i32
}

/// Rounds up; saturates at the largest number of replicas.
fn ceil_to_replicas(replicas: f64) -> i32 {
    // A float-to-integer cast saturates, and turns NaN into 0.
    replicas.ceil() as i32
}

/// Sum of a metric's values; too large sums stay at the largest integer.
fn sum_of(values: &[i64]) -> i64 {
    values.iter().fold(0_i64, |sum, value| sum.saturating_add(*value))
}
