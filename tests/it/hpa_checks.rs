//! What the `hpa` section refuses, rule by rule as the API server does, and what it reads.

use std::path::Path;

use tideover::scenario::{Rejected, Scenario, from_text};
use tideover::spec::Code::{self, *};
use tideover::spec::Severity;

const BASE: &str = r#"schema: tideover/v1
name: base
profile: k8s-1.33
run: {horizon: 1h, seed: 1}
regions: [{name: east, zones: 3}]
clusters:
  - {name: primary, region: east, pools: [{name: user, vmSize: D8s_v5, count: 3}]}
workloads:
  - name: web
    requests: {cpu: 500m, memory: 512Mi}
    service: {workers: 8, time: {constant: 50ms}, cpuPerWorker: 60m}
    sidecars: [{name: proxy}]
    memoryUsage: {workingSet: 100Mi}
    hpa: {HPA}
frontDoor: {origins: [{cluster: primary}]}
geographies: [{name: users, pops: 1, regionRtt: {east: 8ms}}]
demands: [{workload: web, geographies: {users: 100%}, arrivals: {constant: 10/s}}]
"#;

fn with(hpa: &str, sets: &[&str]) -> Result<Scenario, Box<Rejected>> {
    let sets: Vec<String> = sets.iter().map(|&set| set.to_owned()).collect();
    from_text("base.yaml", &BASE.replace("{HPA}", hpa), Path::new("."), &sets)
}

fn metric(metric: &str) -> String {
    format!("{{maxReplicas: 9, metrics: [{metric}]}}")
}

fn behavior(rules: &str) -> String {
    format!("{{maxReplicas: 9, behavior: {rules}}}")
}

/// Asserts that an `hpa` section is refused with this code at this path within it.
fn assert_refused(rule: &str, hpa: &str, sets: &[&str], code: Code, path: &str) {
    let rejected = match with(hpa, sets) {
        Ok(_) => panic!("{rule}: was accepted: {hpa}"),
        Err(rejected) => rejected,
    };
    let found = rejected.diagnostics.sorted();
    let path = format!("workloads[0].hpa{path}");
    let fits = found
        .iter()
        .any(|d| d.code == code && *d.place.path == *path && d.severity == Severity::Error);
    assert!(fits, "{rule}: expected {code} at `{path}`, found\n{rejected}");
}

/// What the API server refuses in a metric (validation.go: `validateMetricSpec`).
#[test]
fn metrics_are_refused_as_by_the_api_server() {
    let resource = |target: &str| {
        metric(&format!("{{type: Resource, resource: {{name: cpu, target: {target}}}}}"))
    };
    let at = ".metrics[0].resource.target";
    for (rule, hpa, code, path) in [
        ("an unknown type", metric("{type: CPU}"), UnknownChoice, ".metrics[0].type".to_owned()),
        (
            "a type without its section",
            metric("{type: Resource}"),
            Contradiction,
            ".metrics[0].resource".to_owned(),
        ),
        (
            "a section of another type",
            metric(
                "{type: Resource, resource: {name: cpu, target: {type: Utilization, \
                 averageUtilization: 5}}, containerResource: {name: cpu, container: web, target: \
                 {type: Utilization, averageUtilization: 5}}}",
            ),
            Contradiction,
            ".metrics[0].containerResource".to_owned(),
        ),
        (
            "no target value",
            resource("{type: Utilization}"),
            Contradiction,
            format!("{at}.averageUtilization"),
        ),
        (
            "both target values",
            resource("{type: Utilization, averageUtilization: 5, averageValue: 5}"),
            Contradiction,
            format!("{at}.averageValue"),
        ),
        (
            "a resource has no target of type Value",
            resource("{type: Value, value: 5}"),
            Contradiction,
            format!("{at}.type"),
        ),
        (
            "a utilisation of 0",
            resource("{type: Utilization, averageUtilization: 0}"),
            OutOfRange,
            format!("{at}.averageUtilization"),
        ),
        (
            "a value of 0",
            resource("{type: AverageValue, averageValue: 0}"),
            OutOfRange,
            format!("{at}.averageValue"),
        ),
        (
            "an unknown resource",
            metric(
                "{type: Resource, resource: {name: gpu, target: {type: AverageValue, \
                 averageValue: 1}}}",
            ),
            UnknownChoice,
            ".metrics[0].resource.name".to_owned(),
        ),
        (
            "a container that the pod does not have",
            metric(
                "{type: ContainerResource, containerResource: {name: cpu, container: proxi, \
                 target: {type: AverageValue, averageValue: 1}}}",
            ),
            UnknownReference,
            ".metrics[0].containerResource.container".to_owned(),
        ),
        (
            "the short form beside metrics",
            "{maxReplicas: 9, targetCPUUtilization: 60%, metrics: [{type: Resource, resource: \
             {name: cpu, target: {type: Utilization, averageUtilization: 5}}}]}"
                .to_owned(),
            Contradiction,
            ".targetCPUUtilization".to_owned(),
        ),
    ] {
        assert_refused(rule, &hpa, &[], code, &path);
    }
}

/// What the API server refuses in `behavior` (validation.go: `validateScalingRules`): the last
/// allowed value and the first refused one.
#[test]
fn behavior_is_refused_as_by_the_api_server() {
    let policy = |policy: &str| behavior(&format!("{{scaleDown: {{policies: [{policy}]}}}}"));
    let at = ".behavior.scaleDown.policies[0]";
    for (rule, hpa, code, path) in [
        (
            "a window above an hour",
            behavior("{scaleUp: {stabilizationWindowSeconds: 3601}}"),
            OutOfRange,
            ".behavior.scaleUp.stabilizationWindowSeconds".to_owned(),
        ),
        (
            "a period above half an hour",
            policy("{type: Pods, value: 1, periodSeconds: 1801}"),
            OutOfRange,
            format!("{at}.periodSeconds"),
        ),
        (
            "a period of 0",
            policy("{type: Pods, value: 1, periodSeconds: 0}"),
            OutOfRange,
            format!("{at}.periodSeconds"),
        ),
        (
            "a value of 0",
            policy("{type: Percent, value: 0, periodSeconds: 60}"),
            OutOfRange,
            format!("{at}.value"),
        ),
        (
            "an unknown policy",
            policy("{type: Pod, value: 1, periodSeconds: 60}"),
            UnknownChoice,
            format!("{at}.type"),
        ),
        (
            "an empty list of policies",
            behavior("{scaleDown: {policies: []}}"),
            OutOfRange,
            ".behavior.scaleDown.policies".to_owned(),
        ),
        (
            "an unknown choice of policy",
            behavior("{scaleDown: {selectPolicy: Off}}"),
            UnknownChoice,
            ".behavior.scaleDown.selectPolicy".to_owned(),
        ),
        (
            "a negative tolerance",
            behavior("{scaleDown: {tolerance: -0.1}}"),
            OutOfRange,
            ".behavior.scaleDown.tolerance".to_owned(),
        ),
    ] {
        assert_refused(rule, &hpa, &[], code, &path);
    }
    let allowed = behavior(
        "{scaleUp: {stabilizationWindowSeconds: 3600, tolerance: 0, selectPolicy: Disabled}, \
         scaleDown: {stabilizationWindowSeconds: 0, selectPolicy: Min, policies: [{type: \
         Percent, value: 1, periodSeconds: 1800}, {type: Pods, value: 1, periodSeconds: 1}]}}",
    );
    assert!(with(&allowed, &["profile=k8s-1.35"]).is_ok());
}

/// What is behind a feature gate is refused where the gate is off, by a message that names the
/// profile, and allowed where it is on: a tolerance of one's own from 1.35 on, zero replicas
/// nowhere unless somebody turns it on.
#[test]
fn gates_are_off_until_they_are_on() {
    let own = behavior("{scaleUp: {tolerance: 0.05}}");
    let zero = "{minReplicas: 0, maxReplicas: 9, metrics: [{type: External, external: {metric: \
                {name: requests-per-second}, target: {type: AverageValue, averageValue: 5}}}]}";
    let tolerance = (own.as_str(), "hpaConfigurableTolerance", ".behavior.scaleUp.tolerance");
    let to_zero = (zero, "hpaScaleToZero", ".minReplicas");
    for ((hpa, gate, path), profile, on_by_default) in [
        (tolerance, "k8s-1.33", false),
        (tolerance, "aks", false),
        (tolerance, "k8s-1.35", true),
        (to_zero, "k8s-1.31", false),
        (to_zero, "k8s-1.33", false),
        (to_zero, "k8s-1.35", false),
        (to_zero, "aks", false),
    ] {
        let set = format!("profile={profile}");
        let (on, off) = (format!("kubernetes.{gate}=true"), format!("kubernetes.{gate}=false"));
        assert_eq!(with(hpa, &[&set]).is_ok(), on_by_default, "{gate} in {profile}");
        assert!(with(hpa, &[&set, &on]).is_ok(), "{gate} can be turned on in {profile}");
        assert_refused(gate, hpa, &[&set, &off], Contradiction, path);
        let said = with(hpa, &[&set, &off]).map(|_| ()).unwrap_err().to_string();
        assert!(said.contains(&format!("off in profile {profile}")), "{said}");
    }
    let older = ["profile=k8s-1.31", "kubernetes.hpaConfigurableTolerance=true"];
    assert_refused("a release that does not know it", &own, &older, Contradiction, tolerance.2);
}

/// Memory can be scaled on only where the scenario says how much a pod uses.
#[test]
fn memory_must_be_stated_to_be_scaled_on() {
    let text = BASE.replace("    memoryUsage: {workingSet: 100Mi}\n", "");
    let memory = metric(
        "{type: Resource, resource: {name: memory, target: {type: AverageValue, averageValue: \
         100Mi}}}",
    );
    assert!(with(&memory, &[]).is_ok());
    let rejected = from_text("base.yaml", &text.replace("{HPA}", &memory), Path::new("."), &[]);
    let rejected = rejected.map(|_| ()).unwrap_err();
    assert!(rejected.to_string().contains("add `memoryUsage"), "{rejected}");
}

/// Scaling to zero needs a metric that has a value without pods.
#[test]
fn zero_replicas_need_an_object_or_external_metric() {
    let zero = |metric: &str| format!("{{minReplicas: 0, maxReplicas: 9, metrics: [{metric}]}}");
    let target = "target: {type: AverageValue, averageValue: 5}";
    let name = "metric: {name: requests-per-second}";
    let pods = zero(&format!("{{type: Pods, pods: {{{name}, {target}}}}}"));
    assert_refused("pods", &pods, &[], Contradiction, ".minReplicas");
    assert_refused("CPU", "{minReplicas: 0, maxReplicas: 9}", &[], Contradiction, ".minReplicas");
    let external = zero(&format!("{{type: External, external: {{{name}, {target}}}}}"));
    assert!(with(&external, &["kubernetes.hpaScaleToZero=true"]).is_ok());
}

/// A custom metric must be known, and fit its kind; targets are those of the kind.
#[test]
fn custom_metrics_must_be_known() {
    let pods = |name: &str, target: &str| {
        metric(&format!("{{type: Pods, pods: {{metric: {{name: {name}}}, target: {target}}}}}"))
    };
    let average = "{type: AverageValue, averageValue: 5}";
    for (rule, hpa, code, path) in [
        (
            "an unknown metric",
            pods("http_request_per_second", average),
            UnknownReference,
            ".metrics[0].pods.metric.name",
        ),
        (
            "not a metric of pods",
            pods("origin_requests_per_second", average),
            Contradiction,
            ".metrics[0].pods.metric.name",
        ),
        (
            "a target that pods do not have",
            pods("in_flight_requests", "{type: Value, value: 5}"),
            Contradiction,
            ".metrics[0].pods.target.type",
        ),
        (
            "a target that an external metric does not have",
            metric(
                "{type: External, external: {metric: {name: requests-per-second}, target: {type: \
                 Utilization, averageUtilization: 5}}}",
            ),
            Contradiction,
            ".metrics[0].external.target.type",
        ),
    ] {
        assert_refused(rule, &hpa, &[], code, path);
    }
}

/// What `metricSources` refuses.
#[test]
fn metric_sources_must_make_sense() {
    for (rule, source, path) in [
        ("CPU is what it is", "{name: cpu, value: queuedRequests}", "value"),
        ("a name that says nothing", "{name: orders}", "value"),
        ("no value at the start", "{name: orders, value: {steps: [{at: 1m, value: 1}]}}", "value"),
        (
            "steps out of order",
            "{name: orders, value: {steps: [{at: 0s, value: 1}, {at: 2m, value: 1}, {at: 1m, \
             value: 1}]}}",
            "value.steps[2].at",
        ),
        (
            "an outage that ends before it starts",
            "{name: cpu, unavailable: [{from: 2m, to: 2m}]}",
            "unavailable[0].to",
        ),
    ] {
        let text = BASE.replace("{HPA}", "{maxReplicas: 9}");
        let text = format!("{text}metricSources: [{source}]\n");
        let Err(rejected) = from_text("base.yaml", &text, Path::new("."), &[]) else {
            panic!("{rule}: was accepted");
        };
        let path = format!("metricSources[0].{path}");
        let fits = rejected
            .diagnostics
            .sorted()
            .iter()
            .any(|d| d.code == Contradiction && *d.place.path == *path);
        assert!(fits, "{rule}: expected a contradiction at `{path}`, found\n{rejected}");
    }
}
