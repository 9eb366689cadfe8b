//! Kinds of `hpa_replicas.jsonl` and `hpa_executed.jsonl`: one metric to replicas.

use serde_json::{Map, Value};
use tideover::control::hpa::metric::{
    Metric, MetricError, PodSamples, Proposal, Resource, Source, TotalTarget,
};
use tideover::control::hpa::pods::{
    ConditionStatus, CpuTiming, Group, Phase, PodStatus, Readiness, Ready, Sample, group,
};
use tideover::control::hpa::replica_calculator::{Calculation, propose};
use tideover::control::hpa::requests::{ContainerRequest, NoRequest, PodSpec, pod_request};
use tideover::control::hpa::tolerance::Tolerance;
use tideover::units::Time;

use super::row::Row;
use super::{Verdict, expect_equal};

pub(super) fn check(kind: &str, row: &Row) -> Option<Verdict> {
    Some(match kind {
        "resource" => {
            let measured = Measured::utilization(row);
            replicas(row, &measured.metric(Measure::Utilization(row.int32("target_pct"))))
        }
        "pods" => {
            let measured = Measured::values(row);
            replicas(row, &measured.metric(Measure::Average(row.int("target_milli"))))
        }
        "object" => total(row, Source::Object, TotalTarget::Value),
        "external" => total(row, Source::External, TotalTarget::Value),
        "object_per_pod" => total(row, Source::Object, TotalTarget::AverageValue),
        "external_per_pod" => total(row, Source::External, TotalTarget::AverageValue),
        "group_pods" => group_pods(row),
        "pod_requests" => pod_requests(row),
        _ => return None,
    })
}

/// One metric's samples in the shape that production takes.
pub(super) struct Measured {
    listed: Vec<Option<Sample>>,
    unlisted: Vec<i64>,
    requests: Vec<Option<i64>>,
}

/// What the samples are compared with.
pub(super) enum Measure {
    Utilization(i32),
    Average(i64),
}

impl Measured {
    /// Samples with `usage_milli` by container, and the pods' requests.
    pub(super) fn utilization(row: &Row) -> Self {
        Self::utilization_of(&row.rows("pods"), row.opt_text("container"), row.rows("metrics"))
    }

    pub(super) fn utilization_of(pods: &[Row], container: Option<&str>, metrics: Vec<Row>) -> Self {
        let usage = |metric: &Row| {
            let by_container = metric.row("usage_milli");
            let of = |name: &str| by_container.opt_int(name);
            match container {
                Some(name) => of(name),
                None => Some(by_container.keys().filter_map(of).sum()),
            }
        };
        let request = |pod: &Row| {
            let by_container = pod.row("requests_milli");
            let named = |name| ContainerRequest { name, request: by_container.opt_int(name) };
            let mut containers: Vec<_> = by_container.keys().map(named).collect();
            if containers.is_empty() {
                containers.push(ContainerRequest { name: "", request: None });
            }
            let spec = PodSpec { pod_level: None, containers: &containers, sidecars: &[] };
            pod_request(&spec, container).ok()
        };
        Self { requests: pods.iter().map(request).collect(), ..Self::new(pods, &metrics, usage) }
    }

    /// Samples with `value_milli`.
    fn values(row: &Row) -> Self {
        Self::values_of(&row.rows("pods"), &row.rows("metrics"))
    }

    pub(super) fn values_of(pods: &[Row], metrics: &[Row]) -> Self {
        Self::new(pods, metrics, |metric| Some(metric.int("value_milli")))
    }

    fn new(pods: &[Row], metrics: &[Row], value: impl Fn(&Row) -> Option<i64>) -> Self {
        let mut measured =
            Self { listed: vec![None; pods.len()], unlisted: Vec::new(), requests: Vec::new() };
        for metric in metrics {
            let Some(value) = value(metric) else { continue };
            let at = metric.time("timestamp_s");
            let sample = Sample { at, window: metric.span("window_s"), value };
            match pods.iter().position(|pod| pod.text("name") == metric.text("pod")) {
                Some(index) => measured.listed[index] = Some(sample),
                None => measured.unlisted.push(value),
            }
        }
        measured
    }

    pub(super) fn metric(&self, measure: Measure) -> Metric<'_> {
        let samples = PodSamples { listed: &self.listed, unlisted: &self.unlisted };
        match measure {
            Measure::Utilization(target_percent) => Metric::Utilization {
                resource: Resource::Cpu,
                target_percent,
                requests: &self.requests,
                samples,
            },
            Measure::Average(target) => Metric::PodsAverage { target, samples },
        }
    }
}

fn total(row: &Row, source: Source, target: fn(i64) -> TotalTarget) -> Verdict {
    let values = row.ints("values_milli");
    let target = target(row.int("target_milli"));
    replicas(row, &Metric::Total { source, target, values: Some(&values) })
}

/// Runs the replica calculator on a metric and compares all that the line expects.
fn replicas(row: &Row, metric: &Metric<'_>) -> Verdict {
    let tolerance = row.row("tolerance");
    let pods: Vec<PodStatus> = row.rows("pods").iter().map(pod_status).collect();
    let current = row.int32("current_replicas");
    let cx = Calculation {
        spec_replicas: current,
        status_replicas: row
            .get("status_replicas")
            .map_or(current, |_| row.int32("status_replicas")),
        pods: &pods,
        tolerance: Tolerance::PerDirection {
            down: tolerance.float("down"),
            up: tolerance.float("up"),
        },
        cpu_timing: cpu_timing(row),
        now: Time::ZERO,
    };
    match (propose(&cx, metric), row.opt_text("expect_error")) {
        (Ok(proposal), None) => compare_proposal(&proposal, &row.row("expect")),
        (Err(error), Some(expected)) => {
            let executed = row.text_or("origin", "").starts_with("executed");
            expect_equal("error", error_class(error, executed), expected)
        }
        (got, _) => Err(format!("got {got:?}, upstream differs in whether it fails")),
    }
}

fn compare_proposal(proposal: &Proposal, expect: &Row) -> Verdict {
    expect_equal("replicas", i64::from(proposal.replicas), expect.int("replicas"))?;
    if let Some(percent) = expect.opt_int("utilization_pct") {
        expect_equal("utilisation", proposal.utilization_percent.map(i64::from), Some(percent))?;
    }
    match expect.opt_int("usage") {
        Some(usage) => expect_equal("usage", proposal.usage, usage),
        None => Ok(()),
    }
}

/// The class of an error; executed lines know one class for all cases without usable samples.
fn error_class(error: MetricError, executed: bool) -> &'static str {
    match error {
        MetricError::MissingRequest => "missing_request",
        MetricError::NoMetrics => "no_metrics",
        MetricError::NoMatchingMetrics | MetricError::NoPods if executed => "no_metrics",
        MetricError::NoMatchingMetrics => "no_matching_metrics",
        MetricError::NoPods => "no_pods",
        MetricError::Unavailable => "unavailable",
        MetricError::UnsupportedType => "unsupported_type",
    }
}

pub(super) fn cpu_timing(row: &Row) -> CpuTiming {
    CpuTiming {
        initialization_period: row.span("cpu_init_period_s"),
        initial_readiness_delay: row.span("readiness_delay_s"),
    }
}

pub(super) fn pod_status(pod: &Row) -> PodStatus {
    let ready = pod.opt_text("ready").map(|status| Ready {
        status: match status {
            "True" => ConditionStatus::True,
            "False" => ConditionStatus::False,
            "Unknown" => ConditionStatus::Unknown,
            other => panic!("status {other}"),
        },
        since: pod.opt_time("ready_transition_s").unwrap_or(Time::from_secs(-86_400)),
    });
    PodStatus {
        phase: match pod.text("phase") {
            "Pending" => Phase::Pending,
            "Running" => Phase::Running,
            "Succeeded" => Phase::Succeeded,
            "Failed" => Phase::Failed,
            "Unknown" => Phase::Unknown,
            other => panic!("phase {other}"),
        },
        deleting: pod.flag("deleted"),
        started: pod.opt_time("start_s"),
        ready,
    }
}

fn group_pods(row: &Row) -> Verdict {
    let readiness = match row.text("resource") {
        "cpu" => Readiness::Cpu(cpu_timing(row)),
        _ => Readiness::Ignored,
    };
    let metrics = row.rows("metrics");
    let sample_of = |name: &str| {
        let metric = metrics.iter().find(|metric| metric.text("pod") == name)?;
        Some(Sample { at: metric.time("timestamp_s"), window: metric.span("window_s"), value: 0 })
    };
    let mut ready_count = 0;
    let [mut unready, mut missing, mut ignored] = [const { Vec::new() }; 3];
    let pods = row.rows("pods");
    for pod in &pods {
        let name = pod.text("name");
        match group(&pod_status(pod), sample_of(name).as_ref(), readiness, Time::ZERO) {
            Group::Counted(_) => ready_count += 1,
            Group::Unready => unready.push(name),
            Group::Missing => missing.push(name),
            Group::Ignored => ignored.push(name),
        }
    }
    let expect = row.row("expect");
    expect_equal("ready count", ready_count, expect.int("ready_count"))?;
    for (what, mut got) in [("unready", unready), ("missing", missing), ("ignored", ignored)] {
        let mut expected = expect.texts(what);
        got.sort_unstable();
        expected.sort_unstable();
        expect_equal(what, got, expected)?;
    }
    Ok(())
}

fn pod_requests(row: &Row) -> Verdict {
    fn container(row: &Row) -> ContainerRequest<'_> {
        ContainerRequest { name: row.text("name"), request: row.opt_int("request_milli") }
    }
    let enabled = row.flag("pod_level_resources_enabled");
    let request = |pod: &Row| {
        let containers = pod.rows("containers");
        let mut sidecars = pod.rows("init_containers");
        sidecars.retain(|init| init.flag("restartable"));
        let spec = PodSpec {
            pod_level: pod.opt_int("pod_level_request_milli").filter(|_| enabled),
            containers: &containers.iter().map(container).collect::<Vec<_>>(),
            sidecars: &sidecars.iter().map(container).collect::<Vec<_>>(),
        };
        let request = pod_request(&spec, row.opt_text("container"))?;
        Ok((pod.text("name").to_owned(), Value::from(request)))
    };
    let got: Result<Map<String, Value>, NoRequest> = row.rows("pods").iter().map(request).collect();
    let got = got.map(Value::Object).map_err(|error| match error {
        NoRequest::Missing => "missing_request",
        NoRequest::ContainerNotFound => "container_not_found",
    });
    let expected = match row.opt_text("expect_error") {
        Some(class) => Err(class),
        None => Ok(row.get("expect").expect("either expect or expect_error").clone()),
    };
    expect_equal("requests", got, expected)
}
