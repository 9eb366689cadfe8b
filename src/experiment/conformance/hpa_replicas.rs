//! Kinds of `hpa_replicas.jsonl` and `hpa_executed.jsonl`: one metric to replicas.

use serde_json::{Map, Value};

use crate::control::hpa::metric::{
    Metric, MetricError, PodSamples, Proposal, Resource, Source, TotalTarget,
};
use crate::control::hpa::pods::{
    ConditionStatus, CpuTiming, Group, Phase, PodStatus, Readiness, Ready, Sample, group,
};
use crate::control::hpa::replica_calculator::{Calculation, propose};
use crate::control::hpa::requests::{ContainerRequest, NoRequest, PodSpec, pod_request};
use crate::control::hpa::tolerance::Tolerance;
use crate::units::Time;

use super::fields::{Fields, Read};
use super::kinds::{Kind, Verdict, expect_equal};

pub(super) const KINDS: &[Kind] = &[
    ("resource", resource),
    ("pods", pods),
    ("object", |line| total(line, Source::Object, TotalTarget::Value)),
    ("external", |line| total(line, Source::External, TotalTarget::Value)),
    ("object_per_pod", |line| total(line, Source::Object, TotalTarget::AverageValue)),
    ("external_per_pod", |line| total(line, Source::External, TotalTarget::AverageValue)),
    ("group_pods", group_pods),
    ("pod_requests", pod_requests),
];

/// The time that stands for "long ago", Go's zero time.
const LONG_AGO: Time = Time::from_secs(-86_400);

fn resource(line: &Fields<'_>) -> Verdict {
    let pods = line.objects("pods")?;
    let measured =
        Measured::utilization(&pods, line.opt_text("container")?, &line.objects("metrics")?)?;
    replicas(line, &measured.metric(Measure::Utilization(line.replicas("target_pct")?)))
}

fn pods(line: &Fields<'_>) -> Verdict {
    let measured = Measured::values(&line.objects("pods")?, &line.objects("metrics")?)?;
    replicas(line, &measured.metric(Measure::Average(line.natural("target_milli")?)))
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
    pub(super) fn utilization(
        pods: &[Fields<'_>],
        container: Option<&str>,
        metrics: &[Fields<'_>],
    ) -> Read<Self> {
        let usage = |metric: &Fields<'_>| {
            let by_container = metric.object("usage_milli")?;
            if let Some(name) = container {
                return by_container.opt_natural(name);
            }
            let mut sum = None;
            for name in by_container.keys() {
                let used = by_container.opt_natural(name)?;
                sum = used.map(|used| sum.unwrap_or(0_i64).wrapping_add(used)).or(sum);
            }
            Ok(sum)
        };
        let request = |pod: &Fields<'_>| {
            let by_container = pod.object("requests_milli")?;
            let named =
                |name| Ok(ContainerRequest { name, request: by_container.opt_natural(name)? });
            let mut containers: Vec<_> = by_container.keys().map(named).collect::<Read<_>>()?;
            if containers.is_empty() {
                containers.push(ContainerRequest { name: "", request: None });
            }
            let spec = PodSpec { pod_level: None, containers: &containers, sidecars: &[] };
            Ok(pod_request(&spec, container).ok())
        };
        let requests = pods.iter().map(request).collect::<Read<_>>()?;
        Ok(Self { requests, ..Self::new(pods, metrics, usage)? })
    }

    /// Samples with `value_milli`.
    pub(super) fn values(pods: &[Fields<'_>], metrics: &[Fields<'_>]) -> Read<Self> {
        Self::new(pods, metrics, |metric| metric.int("value_milli").map(Some))
    }

    fn new(
        pods: &[Fields<'_>],
        metrics: &[Fields<'_>],
        value: impl Fn(&Fields<'_>) -> Read<Option<i64>>,
    ) -> Read<Self> {
        let names = pods.iter().map(|pod| pod.text("name")).collect::<Read<Vec<_>>>()?;
        let mut measured =
            Self { listed: vec![None; pods.len()], unlisted: Vec::new(), requests: Vec::new() };
        for metric in metrics {
            let Some(value) = value(metric)? else { continue };
            let of = metric.text("pod")?;
            match names.iter().position(|name| *name == of) {
                Some(index) => measured.listed[index] = Some(sample(metric, value)?),
                None => measured.unlisted.push(value),
            }
        }
        Ok(measured)
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

fn sample(metric: &Fields<'_>, value: i64) -> Read<Sample> {
    let window = metric.opt_span("window_s")?.unwrap_or_default();
    Ok(Sample { at: metric.time("timestamp_s")?, window, value })
}

fn total(line: &Fields<'_>, source: Source, target: fn(i64) -> TotalTarget) -> Verdict {
    let values = line.get("values_milli").map(|_| line.ints("values_milli")).transpose()?;
    let target = target(line.natural("target_milli")?);
    replicas(line, &Metric::Total { source, target, values: values.as_deref() })
}

/// Runs the replica calculator on a metric and compares all that the line expects.
fn replicas(line: &Fields<'_>, metric: &Metric<'_>) -> Verdict {
    let pods = line.objects("pods")?.iter().map(pod_status).collect::<Read<Vec<_>>>()?;
    let current = line.replicas("current_replicas")?;
    let status = line.get("status_replicas").map(|_| line.replicas("status_replicas"));
    let cx = Calculation {
        spec_replicas: current,
        status_replicas: status.transpose()?.unwrap_or(current),
        pods: &pods,
        tolerance: tolerance(line)?,
        cpu_timing: cpu_timing(line)?,
        now: Time::ZERO,
    };
    match (propose(&cx, metric), line.opt_text("expect_error")?) {
        (Ok(proposal), None) => compare_proposal(&proposal, &line.object("expect")?),
        (Err(error), Some(expected)) => {
            let executed = line.text_or("origin", "")?.starts_with("executed");
            expect_equal("error", error_class(error, executed), expected)
        }
        (got, _) => Err(format!("got {got:?}, upstream differs in whether it fails")),
    }
}

fn compare_proposal(proposal: &Proposal, expect: &Fields<'_>) -> Verdict {
    expect_equal("replicas", i64::from(proposal.replicas), expect.int("replicas")?)?;
    if let Some(percent) = expect.opt_int("utilization_pct")? {
        expect_equal("utilisation", proposal.utilization_percent.map(i64::from), Some(percent))?;
    }
    match expect.opt_int("usage")? {
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
        MetricError::SeveralAutoscalers => "several_autoscalers",
    }
}

/// The tolerance: one number of the older form, or one for each direction; else the default.
pub(super) fn tolerance(line: &Fields<'_>) -> Read<Tolerance> {
    if line.get("tolerance").is_some_and(Value::is_number) {
        return Ok(Tolerance::Symmetric(line.float("tolerance")?));
    }
    match line.opt_object("tolerance")? {
        Some(of) => Ok(Tolerance::PerDirection { down: of.float("down")?, up: of.float("up")? }),
        None => Ok(Tolerance::DEFAULT),
    }
}

/// The delays of a starting pod; those of the controller where a line has none.
pub(super) fn cpu_timing(line: &Fields<'_>) -> Read<CpuTiming> {
    let default = CpuTiming::DEFAULT;
    let (initialization, delay) =
        (line.opt_span("cpu_init_period_s")?, line.opt_span("readiness_delay_s")?);
    Ok(CpuTiming {
        initialization_period: initialization.unwrap_or(default.initialization_period),
        initial_readiness_delay: delay.unwrap_or(default.initial_readiness_delay),
    })
}

pub(super) fn pod_status(pod: &Fields<'_>) -> Read<PodStatus> {
    const STATUSES: &str = "True, False, Unknown or null";
    const PHASES: &str = "Pending, Running, Succeeded, Failed or Unknown";
    let status = match pod.opt_text("ready")? {
        Some("True") => Some(ConditionStatus::True),
        Some("False") => Some(ConditionStatus::False),
        Some("Unknown") => Some(ConditionStatus::Unknown),
        None => None,
        Some(_) => return Err(pod.unknown("ready", STATUSES)),
    };
    let since = pod.opt_time("ready_transition_s")?.unwrap_or(LONG_AGO);
    Ok(PodStatus {
        phase: match pod.text("phase")? {
            "Pending" => Phase::Pending,
            "Running" => Phase::Running,
            "Succeeded" => Phase::Succeeded,
            "Failed" => Phase::Failed,
            "Unknown" => Phase::Unknown,
            _ => return Err(pod.unknown("phase", PHASES)),
        },
        deleting: pod.is_set("deleted")?,
        started: pod.opt_time("start_s")?,
        ready: status.map(|status| Ready { status, since }),
    })
}

fn group_pods(line: &Fields<'_>) -> Verdict {
    let readiness = match line.text("resource")? {
        "cpu" => Readiness::Cpu(cpu_timing(line)?),
        _ => Readiness::Ignored,
    };
    let metrics = line.objects("metrics")?;
    let named = |metric: &Fields<'_>| Ok((metric.text("pod")?.to_owned(), sample(metric, 0)?));
    let samples = metrics.iter().map(named).collect::<Read<Vec<_>>>()?;
    let mut ready_count = 0;
    let [mut unready, mut missing, mut ignored] = [const { Vec::new() }; 3];
    for pod in line.objects("pods")? {
        let name = pod.text("name")?;
        let sample = samples.iter().find(|(of, _)| of == name).map(|(_, sample)| sample);
        match group(&pod_status(&pod)?, sample, readiness, Time::ZERO) {
            Group::Counted(_) => ready_count += 1,
            Group::Unready => unready.push(name),
            Group::Missing => missing.push(name),
            Group::Ignored => ignored.push(name),
        }
    }
    let expect = line.object("expect")?;
    expect_equal("ready count", ready_count, expect.int("ready_count")?)?;
    for (what, mut got) in [("unready", unready), ("missing", missing), ("ignored", ignored)] {
        let mut expected = expect.texts(what)?;
        got.sort_unstable();
        expected.sort_unstable();
        expect_equal(what, got, expected)?;
    }
    Ok(())
}

fn containers<'a>(pod: &[Fields<'a>]) -> Read<Vec<ContainerRequest<'a>>> {
    let container = |container: &Fields<'a>| {
        let request = container.opt_natural("request_milli")?;
        Ok(ContainerRequest { name: container.text("name")?, request })
    };
    pod.iter().map(container).collect()
}

fn pod_requests(line: &Fields<'_>) -> Verdict {
    let enabled = line.is_set("pod_level_resources_enabled")?;
    let container = line.opt_text("container")?;
    let mut got = Ok(Map::new());
    for pod in line.objects("pods")? {
        let mut sidecars = Vec::new();
        for init in pod.objects_or_none("init_containers")? {
            if init.is_set("restartable")? {
                sidecars.push(init);
            }
        }
        let spec = PodSpec {
            pod_level: pod.opt_natural("pod_level_request_milli")?.filter(|_| enabled),
            containers: &containers(&pod.objects("containers")?)?,
            sidecars: &containers(&sidecars)?,
        };
        let name = pod.text("name")?.to_owned();
        match (pod_request(&spec, container), &mut got) {
            (Ok(request), Ok(requests)) => _ = requests.insert(name, Value::from(request)),
            (Err(NoRequest::Missing), Ok(_)) => got = Err("missing_request"),
            (Err(NoRequest::ContainerNotFound), Ok(_)) => got = Err("container_not_found"),
            (_, Err(_)) => break,
        }
    }
    match line.opt_text("expect_error")? {
        Some(class) => expect_equal("requests", got, Err(class)),
        None => {
            let expected = line.get("expect").ok_or_else(|| line.missing("expect"))?;
            expect_equal("requests", got.map(Value::Object), Ok(expected.clone()))
        }
    }
}
