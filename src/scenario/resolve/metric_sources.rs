//! What the custom and external metrics of HPAs are: `metricSources`, and the names known without.

use crate::control::custom_metrics::spec::{
    BUILT_IN, LoadMetric, MetricSourceSpec, Outage, SourceValue, SourceValueSpec, ValueStepSpec,
    built_in,
};
use crate::control::hpa::metric::{Source, TotalTarget};
use crate::control::hpa::metric_spec::{TargetKind, TargetSpec};
use crate::control::hpa::plan::{MetricPlan, Reads};
use crate::scenario::trace;
use crate::sim::rates::RateCurve;
use crate::spec::{Code, Diagnostic, Set, Text, nearest};
use crate::units::{Quantity, Span};

use super::Resolving;

/// Metrics of metrics-server, which are what they are.
const RESOURCES: [&str; 2] = ["cpu", "memory"];

/// Reports entries that say nothing, or too much.
pub(super) fn check(cx: &mut Resolving<'_, '_>) {
    for entry in cx.decoded.spec.metric_sources.iter() {
        let name = entry.name.as_str();
        let wrong = |place: &Set<_>, message: String| {
            Diagnostic::error(Code::Contradiction, place.place.clone(), message)
        };
        if RESOURCES.contains(&name) && entry.value.is_some() {
            let message = format!("`{name}` is what the pods use");
            cx.diagnostics.push(wrong(&entry.value, message).allowed("only `unavailable`"));
        }
        if entry.value.is_none() && !RESOURCES.contains(&name) && built_in(name).is_none() {
            let message = format!("what `{name}` is cannot be told from its name");
            cx.diagnostics.push(wrong(&entry.value, message).help("add a `value`"));
        }
        if let Some(SourceValueSpec::Steps(steps)) = &*entry.value {
            check_steps(cx, entry, steps);
        }
    }
}

fn check_steps(cx: &mut Resolving<'_, '_>, entry: &MetricSourceSpec, steps: &[ValueStepSpec]) {
    if steps.first().is_none_or(|first| *first.at != Span::ZERO) {
        let place = entry.value.place.clone();
        let wrong = Diagnostic::error(Code::Contradiction, place, "no value at the start");
        cx.diagnostics.push(wrong.allowed("a first step at 0s"));
    }
    for pair in steps.windows(2).filter(|pair| *pair[1].at <= *pair[0].at) {
        let place = pair[1].at.place.clone();
        let message = format!("{} is not after the step before", *pair[1].at);
        let wrong = Diagnostic::error(Code::Contradiction, place, message);
        cx.diagnostics.push(wrong.allowed(format!("later than {}", *pair[0].at)));
    }
}

/// When a metric cannot be had.
pub(super) fn outages(cx: &Resolving<'_, '_>, name: &str) -> Vec<Outage> {
    let entry = entry(cx, name);
    let outages = entry.into_iter().flat_map(|entry| entry.unavailable.iter());
    outages.map(|outage| outage.outage()).collect()
}

fn entry<'r>(cx: &Resolving<'r, '_>, name: &str) -> Option<&'r MetricSourceSpec> {
    cx.decoded.spec.metric_sources.iter().find(|entry| entry.name.as_str() == name)
}

/// A custom metric of each pod, or `None` after a report.
pub(super) fn of_pods(
    cx: &mut Resolving<'_, '_>,
    name: &Set<Text>,
    target: &TargetSpec,
) -> Option<MetricPlan> {
    let SourceValue::Load(metric) = value(cx, name)? else {
        let message = format!("`{}` is not a metric of single pods", name.as_str());
        let wrong = Diagnostic::error(Code::Contradiction, name.place.clone(), message);
        let help = "use it with `type: Object` or `type: External`";
        cx.diagnostics.push(wrong.help(help));
        return None;
    };
    let target = target.average_value.map(Quantity::milli).expect("checked with the target");
    Some(MetricPlan { reads: Reads::Pods { metric, target }, outages: outages(cx, name) })
}

/// A metric of an object or an external one, or `None` after a report.
pub(super) fn total(
    cx: &mut Resolving<'_, '_>,
    source: Source,
    name: &Set<Text>,
    target: &TargetSpec,
) -> Option<MetricPlan> {
    let value = value(cx, name)?;
    let delay = entry(cx, name).map_or(Span::ZERO, |entry| *entry.delay);
    let milli = |quantity: Option<Quantity>| quantity.expect("checked with the target").milli();
    let target = match *target.kind {
        TargetKind::Value => TotalTarget::Value(milli(*target.value)),
        TargetKind::AverageValue => TotalTarget::AverageValue(milli(*target.average_value)),
        TargetKind::Utilization => unreachable!("checked with the target"),
    };
    let reads = Reads::Total { source, value, delay, target };
    Some(MetricPlan { reads, outages: outages(cx, name) })
}

/// What the metric called so is, or `None` after a report.
fn value(cx: &mut Resolving<'_, '_>, name: &Set<Text>) -> Option<SourceValue> {
    let given = entry(cx, name).and_then(|entry| entry.value.as_ref());
    let load = SourceValue::Load;
    match given {
        None => {
            let known = built_in(name);
            if known.is_none() && entry(cx, name).is_none() {
                report_unknown(cx, name);
            }
            known
        }
        Some(SourceValueSpec::RequestsPerSecond) => Some(load(LoadMetric::RequestsPerSecond)),
        Some(SourceValueSpec::InFlightRequests) => Some(load(LoadMetric::InFlightRequests)),
        Some(SourceValueSpec::QueuedRequests) => Some(load(LoadMetric::QueuedRequests)),
        Some(SourceValueSpec::OriginRequestsPerSecond) => {
            Some(SourceValue::OriginRequestsPerSecond)
        }
        Some(SourceValueSpec::Steps(steps)) => Some(SourceValue::Series(stepped(cx, steps)?)),
        Some(SourceValueSpec::Trace(spec)) => {
            let window = cx.window();
            let curve = trace::curve(spec, window, cx.tables, cx.diagnostics)?;
            Some(SourceValue::Series(curve))
        }
    }
}

fn stepped(cx: &Resolving<'_, '_>, steps: &[ValueStepSpec]) -> Option<RateCurve> {
    let window = cx.window();
    let first = steps.first()?;
    let mut starts = vec![(window.start_s, first.value.get())];
    for step in &steps[1..] {
        let at_s = step.at.as_secs_f64();
        let in_order = starts.last().is_some_and(|(last_s, _)| *last_s < at_s);
        if in_order && at_s < window.end_s {
            starts.push((at_s, step.value.get()));
        }
    }
    // The last value still holds at the very end of the run.
    Some(RateCurve::steps(&starts, f64::INFINITY))
}

fn report_unknown(cx: &mut Resolving<'_, '_>, name: &Set<Text>) {
    let entries = cx.decoded.spec.metric_sources.iter().map(|entry| entry.name.as_str());
    let known: Vec<&str> = BUILT_IN.into_iter().chain(entries).collect();
    let message = format!("what the metric `{}` is is not said", name.as_str());
    let wrong = Diagnostic::error(Code::UnknownReference, name.place.clone(), message)
        .allowed(format!("{}, or an entry in `metricSources`", known.join(", ")));
    cx.diagnostics.push(match nearest(name.as_str(), known) {
        Some(meant) => wrong.help(format!("did you mean `{meant}`?")),
        None => wrong.help("say in `metricSources` what it is"),
    });
}
