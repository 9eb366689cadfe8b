//! Kinds of `hpa_behavior.jsonl`: bounds, stabilisation, rates, and whole passes.

use crate::control::hpa::behavior::{
    self, Behavior, Change, Policy, RulesDraft, ScalingRules, SelectPolicy, Windows,
};
use crate::control::hpa::history::{
    History, Recommendation, Recommendations, ScaleEvent, ScaleEvents,
};
use crate::control::hpa::legacy;
use crate::control::hpa::limit::{Bounds, Limited};
use crate::control::hpa::metric::{Metric, Source, TotalTarget};
use crate::control::hpa::pods::CpuTiming;
use crate::control::hpa::reconcile::{Autoscaler, Observation, reconcile};
use crate::control::hpa::replica_calculator::{Calculation, propose};
use crate::control::hpa::tolerance::Tolerance;
use crate::units::{Span, Time};

use super::fields::{Fields, Read};
use super::hpa_replicas::{Measure, Measured, cpu_timing, pod_status, tolerance};
use super::kinds::{Kind, Verdict, expect_equal};

pub(super) const KINDS: &[Kind] = &[
    ("convert_rules", convert_rules),
    ("scale_up_limit", scale_up_limit),
    ("scale_down_limit", scale_down_limit),
    ("stabilize_legacy", stabilize_legacy),
    ("stabilize_behavior", stabilize_behavior),
    ("rate_limit", rate_limit),
    ("store_event", store_event),
    ("reconcile", one_pass),
    ("growth", growth),
];

/// Every line is evaluated at this instant.
const NOW: Time = Time::ZERO;
/// The controller's default for scale-down.
const DOWNSCALE_STABILIZATION: Span = Span::from_secs(300);
/// Most passes of a line of growth.
const MOST_PASSES: usize = 100_000;
/// The target of the metric that an HPA without metrics gets (autoscaling/v2/defaults.go).
const DEFAULT_CPU_PERCENT: i32 = 80;

fn convert_rules(line: &Fields<'_>) -> Verdict {
    let (current, desired) = (line.replicas("current")?, line.replicas("desired")?);
    compare_limited(legacy::bound(current, desired, bounds(line)?), &line.object("expect")?)
}

fn bounds(line: &Fields<'_>) -> Read<Bounds> {
    Ok(Bounds { min: line.replicas("min")?, max: line.replicas("max")? })
}

fn draft(rules: &Fields<'_>) -> Read<RulesDraft> {
    let policy = |policy: &Fields<'_>| {
        let value = policy.replicas("value")?;
        Ok(Policy {
            change: match policy.text("type")? {
                "Pods" => Change::Pods(value),
                "Percent" => Change::Percent(value),
                _ => return Err(policy.unknown("type", "Pods or Percent")),
            },
            period: policy.span("period_s")?,
        })
    };
    let policies = match rules.get("policies") {
        Some(_) => {
            let policies = rules.objects("policies")?;
            Some(policies.iter().map(policy).collect::<Read<Vec<_>>>()?)
        }
        None => None,
    };
    Ok(RulesDraft {
        select: match rules.opt_text("select")? {
            Some("Max") => Some(SelectPolicy::Max),
            Some("Min") => Some(SelectPolicy::Min),
            Some("Disabled") => Some(SelectPolicy::Disabled),
            None => None,
            Some(_) => return Err(rules.unknown("select", "Max, Min, Disabled or null")),
        },
        stabilization_window: rules.opt_span("stabilization_window_s")?,
        policies,
    })
}

/// The behavior with `scale_up` and `scale_down` of `of`, each of which may be absent.
fn behavior_of(of: &Fields<'_>) -> Read<Behavior> {
    let rules = |key| match of.opt_object(key)? {
        Some(rules) => draft(&rules),
        None => Ok(RulesDraft::default()),
    };
    Ok(Behavior::from_drafts(rules("scale_up")?, rules("scale_down")?, DOWNSCALE_STABILIZATION))
}

/// The behavior with the `rules` of a line in both directions.
fn both_ways(line: &Fields<'_>) -> Read<Behavior> {
    let rules = draft(&line.object("rules")?)?;
    Ok(Behavior::from_drafts(rules.clone(), rules, DOWNSCALE_STABILIZATION))
}

fn age(slot: &Fields<'_>) -> Read<Time> {
    Ok(NOW - slot.span("age_s")?)
}

fn recommendations(line: &Fields<'_>) -> Read<Recommendations> {
    let slot = |slot: &Fields<'_>| {
        Ok(Recommendation { at: age(slot)?, replicas: slot.replicas("replicas")? })
    };
    if !line.has("recommendations") {
        return Ok(Recommendations::default());
    }
    let slots = line.objects("recommendations")?;
    Ok(Recommendations::known(slots.iter().map(slot).collect::<Read<_>>()?))
}

/// Scale events; a list that is null or absent is empty.
fn events(line: &Fields<'_>, key: &str) -> Read<ScaleEvents> {
    let slot = |event: &Fields<'_>| {
        let change = event.replicas("change")?;
        Ok(ScaleEvent { at: age(event)?, change, outdated: event.is_set("outdated")? })
    };
    let slots = line.objects_or_none(key)?;
    Ok(ScaleEvents::new(slots.iter().map(slot).collect::<Read<_>>()?))
}

fn history(line: &Fields<'_>) -> Read<History> {
    Ok(History {
        recommendations: Recommendations::default(),
        up_events: events(line, "events_up")?,
        down_events: events(line, "events_down")?,
    })
}

fn compare_limited(limited: Limited, expect: &Fields<'_>) -> Verdict {
    let got = (i64::from(limited.replicas), limited.limit.name());
    expect_equal("result", got, (expect.int("replicas")?, expect.text("reason")?))
}

fn scale_up_limit(line: &Fields<'_>) -> Verdict {
    let rules = both_ways(line)?.scale_up;
    limit_of_one_direction(line, &rules, behavior::scale_up_limit)
}

fn scale_down_limit(line: &Fields<'_>) -> Verdict {
    let rules = both_ways(line)?.scale_down;
    limit_of_one_direction(line, &rules, behavior::scale_down_limit)
}

fn limit_of_one_direction(
    line: &Fields<'_>,
    rules: &ScalingRules,
    limit: fn(&ScalingRules, &History, i32, Time) -> i32,
) -> Verdict {
    let limit = limit(rules, &history(line)?, line.replicas("current")?, NOW);
    expect_equal("limit", i64::from(limit), line.int("expect")?)
}

fn stabilize_legacy(line: &Fields<'_>) -> Verdict {
    let mut stored = recommendations(line)?;
    let (desired, window) = (line.replicas("desired")?, line.span("window_s")?);
    let replicas = legacy::stabilize(&mut stored, desired, window, NOW);
    let expect = line.object("expect")?;
    expect_equal("replicas", i64::from(replicas), expect.int("replicas")?)?;
    match expect.opt_int("stored_count")? {
        Some(count) => expect_equal("stored", stored.slots().len() as i64, count),
        None => Ok(()),
    }
}

fn stabilize_behavior(line: &Fields<'_>) -> Verdict {
    let mut stored = recommendations(line)?;
    let windows = Windows {
        up: line.opt_span("up_window_s")?.unwrap_or_default(),
        down: line.opt_span("down_window_s")?.unwrap_or(DOWNSCALE_STABILIZATION),
    };
    let (current, desired) = (line.replicas("current")?, line.replicas("desired")?);
    let replicas = behavior::stabilize(&mut stored, current, desired, windows, NOW);
    let expect = line.object("expect")?;
    expect_equal("replicas", i64::from(replicas), expect.int("replicas")?)?;
    if !expect.has("stored") {
        return Ok(());
    }
    let slots: Vec<i64> = stored.slots().iter().map(|slot| i64::from(slot.replicas)).collect();
    expect_equal("stored", slots, expect.ints("stored")?)
}

fn rate_limit(line: &Fields<'_>) -> Verdict {
    let (current, desired) = (line.replicas("current")?, line.replicas("desired")?);
    let (behavior, history, bounds) = (behavior_of(line)?, history(line)?, bounds(line)?);
    let limited = behavior::bound_rate(&behavior, &history, current, desired, bounds, NOW);
    compare_limited(limited, &line.object("expect")?)
}

/// The same change is stored as one upwards and as one downwards.
fn store_event(line: &Fields<'_>) -> Verdict {
    let expect = line.object("expect")?;
    let stored = events(line, "events")?;
    let before = stored.change_within(line.span("sum_period_s")?, NOW);
    expect_equal("sum", i64::from(before), expect.int("change_in_sum_period_before")?)?;
    let change = line.replicas("replica_change")?;
    let mut history =
        History { up_events: stored.clone(), down_events: stored, ..History::default() };
    // Without spec.behavior the controller does not store events.
    if line.has("rules") {
        let behavior = both_ways(line)?;
        behavior::store_event(&behavior, &mut history, 0, change, NOW);
        behavior::store_event(&behavior, &mut history, change, 0, NOW);
    }
    let slot = |slot: &Fields<'_>| Ok((slot.int("change")?, slot.is_set("outdated")?));
    let expected = expect.objects("stored")?.iter().map(slot).collect::<Read<Vec<_>>>()?;
    for (what, events) in [("up", history.up_events), ("down", history.down_events)] {
        let slots = events.slots().iter();
        let got: Vec<_> = slots.map(|slot| (i64::from(slot.change), slot.outdated)).collect();
        expect_equal(&format!("stored {what}"), got, expected.clone())?;
    }
    Ok(())
}

/// What a metric of a line was measured as.
enum Owned {
    Utilization(Measured, i32),
    Average(Measured, i64),
    Total(Source, TotalTarget, Option<Vec<i64>>),
    Unknown,
}

fn owned_metric(metric: &Fields<'_>, pods: &[Fields<'_>]) -> Read<Owned> {
    const TYPES: &str = "resource_cpu, pods, object_value, object_average, external_value, \
                         external_average or unknown";
    let total = |source, target: fn(i64) -> TotalTarget| {
        let values = metric.get("values_milli").map(|_| metric.ints("values_milli"));
        Ok(Owned::Total(source, target(metric.natural("target_milli")?), values.transpose()?))
    };
    match metric.text("type")? {
        "resource_cpu" => {
            let samples = metric.objects_or_none("samples")?;
            let measured = Measured::utilization(pods, metric.opt_text("container")?, &samples)?;
            Ok(Owned::Utilization(measured, metric.replicas("target_pct")?))
        }
        "pods" => {
            let measured = Measured::values(pods, &metric.objects_or_none("samples")?)?;
            Ok(Owned::Average(measured, metric.natural("target_average_milli")?))
        }
        "object_value" => total(Source::Object, TotalTarget::Value),
        "object_average" => total(Source::Object, TotalTarget::AverageValue),
        "external_value" => total(Source::External, TotalTarget::Value),
        "external_average" => total(Source::External, TotalTarget::AverageValue),
        "unknown" => Ok(Owned::Unknown),
        _ => Err(metric.unknown("type", TYPES)),
    }
}

/// The metrics of a pass; without any the API server adds one on CPU, which has no samples here.
fn owned_metrics(line: &Fields<'_>, pods: &[Fields<'_>]) -> Read<Vec<Owned>> {
    let metrics = line.objects_or_none("metrics")?;
    if metrics.is_empty() {
        return Ok(vec![Owned::Utilization(
            Measured::utilization(pods, None, &[])?,
            DEFAULT_CPU_PERCENT,
        )]);
    }
    metrics.iter().map(|metric| owned_metric(metric, pods)).collect()
}

impl Owned {
    fn metric(&self) -> Metric<'_> {
        match self {
            Self::Utilization(measured, percent) => measured.metric(Measure::Utilization(*percent)),
            Self::Average(measured, target) => measured.metric(Measure::Average(*target)),
            Self::Total(source, target, values) => {
                Metric::Total { source: *source, target: *target, values: values.as_deref() }
            }
            Self::Unknown => Metric::Unsupported,
        }
    }
}

fn one_pass(line: &Fields<'_>) -> Verdict {
    let listed = line.objects("pods")?;
    let pods = listed.iter().map(pod_status).collect::<Read<Vec<_>>>()?;
    let owned = owned_metrics(line, &listed)?;
    let metrics: Vec<Metric<'_>> = owned.iter().map(Owned::metric).collect();
    let hpa = Autoscaler {
        bounds: bounds(line)?,
        behavior: line.opt_object("behavior")?.as_ref().map(behavior_of).transpose()?,
        tolerance: tolerance(line)?,
        cpu_timing: cpu_timing(line)?,
        downscale_stabilization: line
            .opt_span("downscale_stabilization_s")?
            .unwrap_or(DOWNSCALE_STABILIZATION),
    };
    let seen = Observation {
        now: NOW,
        spec_replicas: line.replicas("spec_replicas")?,
        status_replicas: line.replicas("status_replicas")?,
        pods: &pods,
        metrics: &metrics,
    };
    let mut history = History { recommendations: recommendations(line)?, ..history(line)? };
    let decision = reconcile(&hpa, &seen, &mut history);

    let expect = line.object("expect")?;
    expect_equal("replicas", i64::from(decision.replicas), expect.int("replicas")?)?;
    if let Some(reason) = expect.opt_text("scaling_limited_reason")? {
        expect_equal("limit", decision.limit().map(|limit| limit.name()), Some(reason))?;
    }
    if let Some(reason) = expect.opt_text("able_to_scale_reason")? {
        expect_equal("AbleToScale", decision.able_to_scale(), reason)?;
    }
    let (active, active_reason) = decision.scaling_active();
    if expect.has("scaling_active") {
        expect_equal("ScalingActive", active, expect.flag("scaling_active")?)?;
    }
    if let Some(reason) = expect.opt_text("scaling_active_reason")? {
        expect_equal("ScalingActive reason", active_reason, reason)?;
    }
    match expect.opt_int("current_cpu_pct")? {
        Some(percent) => expect_equal("CPU", cpu_percent(&hpa, &seen), Some(percent)),
        None => Ok(()),
    }
}

/// Utilisation of the first CPU metric, as the status reports it.
fn cpu_percent(hpa: &Autoscaler, seen: &Observation<'_>) -> Option<i64> {
    let cx = Calculation {
        spec_replicas: seen.spec_replicas,
        status_replicas: seen.status_replicas,
        pods: seen.pods,
        tolerance: hpa.tolerance,
        cpu_timing: hpa.cpu_timing,
        now: seen.now,
    };
    let mut proposals = seen.metrics.iter().filter_map(|metric| propose(&cx, metric).ok());
    proposals.find_map(|proposal| proposal.utilization_percent).map(i64::from)
}

/// Unlimited demand, one pass each sync period: how fast may an HPA grow?
fn growth(line: &Fields<'_>) -> Verdict {
    let hpa = Autoscaler {
        bounds: Bounds {
            min: if line.has("min") { line.replicas("min")? } else { 1 },
            max: line.replicas("max")?,
        },
        behavior: match line.text("mode")? {
            "legacy" => None,
            "behavior_default" => Some(behavior_of(line)?),
            _ => return Err(line.unknown("mode", "legacy or behavior_default")),
        },
        tolerance: Tolerance::DEFAULT,
        cpu_timing: CpuTiming::DEFAULT,
        downscale_stabilization: DOWNSCALE_STABILIZATION,
    };
    let expected = line.ints("expect_series")?;
    if MOST_PASSES < expected.len() {
        return Err(format!("`expect_series` has more than {MOST_PASSES} passes"));
    }
    let target = TotalTarget::AverageValue(1);
    let demand = [Metric::Total { source: Source::External, target, values: Some(&[i64::MAX]) }];
    let period = line.span("sync_period_s")?;
    let mut history = History::default();
    let mut replicas = line.replicas("start")?;
    let mut series = vec![i64::from(replicas)];
    for pass in 1..expected.len() {
        let seen = Observation {
            now: NOW + period * pass as i64,
            spec_replicas: replicas,
            status_replicas: replicas,
            pods: &[],
            metrics: &demand,
        };
        replicas = reconcile(&hpa, &seen, &mut history).replicas;
        series.push(i64::from(replicas));
    }
    expect_equal("series", series, expected)
}
