//! Kinds of `hpa_behavior.jsonl`: bounds, stabilisation, rates, and whole passes.

use tideover::control::hpa::behavior::{
    self, Behavior, Change, Policy, RulesDraft, ScalingRules, SelectPolicy, Windows,
};
use tideover::control::hpa::history::{
    History, Recommendation, Recommendations, ScaleEvent, ScaleEvents,
};
use tideover::control::hpa::legacy;
use tideover::control::hpa::limit::{Bounds, Limited};
use tideover::control::hpa::metric::{Metric, Source, TotalTarget};
use tideover::control::hpa::pods::{CpuTiming, PodStatus};
use tideover::control::hpa::reconcile::{Autoscaler, Observation, reconcile};
use tideover::control::hpa::replica_calculator::{Calculation, propose};
use tideover::control::hpa::tolerance::Tolerance;
use tideover::units::{Span, Time};

use super::hpa_replicas::{Measure, Measured, cpu_timing, pod_status};
use super::row::Row;
use super::{Verdict, expect_equal};

/// Every line is evaluated at this instant.
const NOW: Time = Time::ZERO;
/// The controller's default for scale-down.
const DOWNSCALE_STABILIZATION: Span = Span::from_secs(300);

pub(super) fn check(kind: &str, row: &Row) -> Option<Verdict> {
    Some(match kind {
        "convert_rules" => {
            let limited = legacy::bound(row.int32("current"), row.int32("desired"), bounds(row));
            compare_limited(limited, &row.row("expect"))
        }
        "scale_up_limit" | "scale_down_limit" => rate_of_one_direction(kind, row),
        "stabilize_legacy" => stabilize_legacy(row),
        "stabilize_behavior" => stabilize_behavior(row),
        "rate_limit" => rate_limit(row),
        "store_event" => store_event(row),
        "reconcile" => one_pass(row),
        "growth" => growth(row),
        _ => return None,
    })
}

fn bounds(row: &Row) -> Bounds {
    Bounds { min: row.int32("min"), max: row.int32("max") }
}

fn draft(rules: &Row) -> RulesDraft {
    let policy = |policy: &Row| Policy {
        change: match policy.text("type") {
            "Pods" => Change::Pods(policy.int32("value")),
            "Percent" => Change::Percent(policy.int32("value")),
            other => panic!("policy {other}"),
        },
        period: policy.span("period_s"),
    };
    RulesDraft {
        select: rules.opt_text("select").map(|select| match select {
            "Max" => SelectPolicy::Max,
            "Min" => SelectPolicy::Min,
            "Disabled" => SelectPolicy::Disabled,
            other => panic!("select {other}"),
        }),
        stabilization_window: rules
            .get("stabilization_window_s")
            .map(|_| rules.span("stabilization_window_s")),
        policies: rules
            .get("policies")
            .map(|_| rules.rows("policies").iter().map(policy).collect()),
    }
}

fn behavior_of(row: &Row) -> Behavior {
    let [up, down] =
        ["scale_up", "scale_down"].map(|key| row.opt_row(key).unwrap_or(Row::parse("{}")));
    Behavior::from_drafts(draft(&up), draft(&down), DOWNSCALE_STABILIZATION)
}

fn rules(row: &Row) -> ScalingRules {
    let rules = draft(&row.row("rules"));
    Behavior::from_drafts(rules, RulesDraft::default(), DOWNSCALE_STABILIZATION).scale_up
}

fn age(row: &Row) -> Time {
    NOW - row.span("age_s")
}

fn recommendations(row: &Row) -> Recommendations {
    let slot = |slot: &Row| Recommendation { at: age(slot), replicas: slot.int32("replicas") };
    match row.get("recommendations") {
        Some(_) => Recommendations::known(row.rows("recommendations").iter().map(slot).collect()),
        None => Recommendations::default(),
    }
}

fn events(row: &Row, key: &str) -> ScaleEvents {
    let slot =
        |event: &Row| ScaleEvent { at: age(event), change: event.int32("change"), outdated: false };
    ScaleEvents::new(row.rows(key).iter().map(slot).collect())
}

fn history(row: &Row) -> History {
    History {
        recommendations: Recommendations::default(),
        up_events: events(row, "events_up"),
        down_events: events(row, "events_down"),
    }
}

fn compare_limited(limited: Limited, expect: &Row) -> Verdict {
    let got = (i64::from(limited.replicas), limited.limit.name());
    expect_equal("result", got, (expect.int("replicas"), expect.text("reason")))
}

fn rate_of_one_direction(kind: &str, row: &Row) -> Verdict {
    let (rules, history, current) = (rules(row), history(row), row.int32("current"));
    let limit = if kind == "scale_up_limit" {
        behavior::scale_up_limit(&rules, &history, current, NOW)
    } else {
        behavior::scale_down_limit(&rules, &history, current, NOW)
    };
    expect_equal("limit", i64::from(limit), row.int("expect"))
}

fn stabilize_legacy(row: &Row) -> Verdict {
    let mut stored = recommendations(row);
    let replicas = legacy::stabilize(&mut stored, row.int32("desired"), row.span("window_s"), NOW);
    let expect = row.row("expect");
    expect_equal("replicas", i64::from(replicas), expect.int("replicas"))?;
    expect_equal("stored", stored.slots().len(), expect.count("stored_count"))
}

fn stabilize_behavior(row: &Row) -> Verdict {
    let mut stored = recommendations(row);
    let windows = Windows { up: row.span("up_window_s"), down: row.span("down_window_s") };
    let (current, desired) = (row.int32("current"), row.int32("desired"));
    let replicas = behavior::stabilize(&mut stored, current, desired, windows, NOW);
    let expect = row.row("expect");
    expect_equal("replicas", i64::from(replicas), expect.int("replicas"))?;
    if expect.get("stored").is_none() {
        return Ok(());
    }
    let slots: Vec<i64> = stored.slots().iter().map(|slot| i64::from(slot.replicas)).collect();
    expect_equal("stored", slots, expect.ints("stored"))
}

fn rate_limit(row: &Row) -> Verdict {
    let (current, desired) = (row.int32("current"), row.int32("desired"));
    let behavior = behavior_of(row);
    let limited =
        behavior::bound_rate(&behavior, &history(row), current, desired, bounds(row), NOW);
    compare_limited(limited, &row.row("expect"))
}

fn store_event(row: &Row) -> Verdict {
    let expect = row.row("expect");
    let stored = events(row, "events");
    let before = stored.change_within(row.span("sum_period_s"), NOW);
    expect_equal("sum", i64::from(before), expect.int("change_in_sum_period_before"))?;
    let mut history = History { up_events: stored, ..History::default() };
    // Without spec.behavior the controller does not store events.
    if row.get("rules").is_some() {
        let scale_up = rules(row);
        let behavior = Behavior { scale_down: scale_up.clone(), scale_up };
        let change = row.int32("replica_change");
        behavior::store_event(&behavior, &mut history, 10, 10 + change, NOW);
    }
    let slots = history.up_events.slots().iter();
    let got: Vec<_> = slots.map(|slot| (i64::from(slot.change), slot.outdated)).collect();
    let expected = expect.rows("stored");
    let expected = expected.iter().map(|slot| (slot.int("change"), slot.flag("outdated")));
    expect_equal("stored", got, expected.collect())
}

/// What a metric of a line was measured as.
enum Owned {
    Pods(Measured, i32, i64),
    Total(Source, TotalTarget, Option<Vec<i64>>),
    Unknown,
}

fn owned_metric(metric: &Row, pods: &[Row]) -> Owned {
    let samples = || metric.get("samples").map_or(Vec::new(), |_| metric.rows("samples"));
    let total = |source, target: fn(i64) -> TotalTarget| {
        let values = metric.get("values_milli").map(|_| metric.ints("values_milli"));
        Owned::Total(source, target(metric.int("target_milli")), values)
    };
    match metric.text("type") {
        "resource_cpu" => {
            let container = metric.opt_text("container");
            let measured = Measured::utilization_of(pods, container, samples());
            Owned::Pods(measured, metric.int32("target_pct"), 0)
        }
        "pods" => {
            let measured = Measured::values_of(pods, &samples());
            Owned::Pods(measured, 0, metric.int("target_average_milli"))
        }
        "object_value" => total(Source::Object, TotalTarget::Value),
        "object_average" => total(Source::Object, TotalTarget::AverageValue),
        "external_value" => total(Source::External, TotalTarget::Value),
        "external_average" => total(Source::External, TotalTarget::AverageValue),
        "unknown" => Owned::Unknown,
        other => panic!("metric {other}"),
    }
}

impl Owned {
    fn metric(&self) -> Metric<'_> {
        match self {
            Self::Pods(measured, 0, target) => measured.metric(Measure::Average(*target)),
            Self::Pods(measured, percent, _) => measured.metric(Measure::Utilization(*percent)),
            Self::Total(source, target, values) => {
                Metric::Total { source: *source, target: *target, values: values.as_deref() }
            }
            Self::Unknown => Metric::Unsupported,
        }
    }
}

fn one_pass(row: &Row) -> Verdict {
    let pod_rows = row.rows("pods");
    let pods: Vec<PodStatus> = pod_rows.iter().map(pod_status).collect();
    let owned: Vec<Owned> =
        row.rows("metrics").iter().map(|metric| owned_metric(metric, &pod_rows)).collect();
    let metrics: Vec<Metric<'_>> = owned.iter().map(Owned::metric).collect();
    let hpa = Autoscaler {
        bounds: bounds(row),
        behavior: row.opt_row("behavior").as_ref().map(behavior_of),
        // The table is that of a release with one tolerance for both directions.
        tolerance: Tolerance::Symmetric(row.float("tolerance")),
        cpu_timing: cpu_timing(row),
        downscale_stabilization: row.span("downscale_stabilization_s"),
    };
    let seen = Observation {
        now: NOW,
        spec_replicas: row.int32("spec_replicas"),
        status_replicas: row.int32("status_replicas"),
        pods: &pods,
        metrics: &metrics,
    };
    let mut history = History { recommendations: recommendations(row), ..History::default() };
    let decision = reconcile(&hpa, &seen, &mut history);

    let expect = row.row("expect");
    expect_equal("replicas", i64::from(decision.replicas), expect.int("replicas"))?;
    if let Some(reason) = expect.opt_text("scaling_limited_reason") {
        expect_equal("limit", decision.limit().map(|limit| limit.name()), Some(reason))?;
    }
    if let Some(reason) = expect.opt_text("able_to_scale_reason") {
        expect_equal("AbleToScale", decision.able_to_scale(), reason)?;
    }
    let (active, active_reason) = decision.scaling_active();
    if expect.get("scaling_active").is_some() {
        expect_equal("ScalingActive", active, expect.flag("scaling_active"))?;
    }
    if let Some(reason) = expect.opt_text("scaling_active_reason") {
        expect_equal("ScalingActive reason", active_reason, reason)?;
    }
    match expect.opt_int("current_cpu_pct") {
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
fn growth(row: &Row) -> Verdict {
    let behavior = match row.text("mode") {
        "legacy" => None,
        "behavior_default" => Some(behavior_of(&Row::parse("{}"))),
        other => panic!("mode {other}"),
    };
    let hpa = Autoscaler {
        bounds: Bounds { min: 1, max: row.int32("max") },
        behavior,
        tolerance: Tolerance::DEFAULT,
        cpu_timing: CpuTiming::DEFAULT,
        downscale_stabilization: DOWNSCALE_STABILIZATION,
    };
    let expected = row.ints("expect_series");
    let target = TotalTarget::AverageValue(1);
    let demand = [Metric::Total { source: Source::External, target, values: Some(&[i64::MAX]) }];
    let mut history = History::default();
    let mut replicas = row.int32("start");
    let mut series = vec![i64::from(replicas)];
    for pass in 1..expected.len() {
        let seen = Observation {
            now: NOW + row.span("sync_period_s") * pass as i64,
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
