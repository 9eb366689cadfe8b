//! Workloads from Kubernetes manifests: what is taken, what is said about the rest, what is wrong.

use std::fs;
use std::path::Path;

use tideover::scenario::{Rejected, Scenario, from_text};
use tideover::spec::{Code, Diagnostic, Severity};

const SCENARIO: &str = r#"schema: tideover/v1
name: manifests
run: {horizon: 10m, warmUp: 2m, seed: 1}
regions: [{name: east, zones: 3}, {name: west, zones: 3}]
clusters:
  - {name: primary, region: east, pools: [{name: user, vmSize: D8s_v5, minCount: 3, maxCount: 9}]}
  - {name: secondary, region: west, pools: [{name: user, vmSize: D8s_v5, minCount: 3, maxCount: 9}]}
workloads:
  - name: web
    manifests: [web.yaml]
    service: {workers: 8, time: {constant: 30ms}, cpuPerWorker: 62m}
frontDoor:
  origins: [{cluster: primary, priority: 1}, {cluster: secondary, priority: 2}]
geographies: [{name: here, pops: 2, regionRtt: {east: 8ms, west: 30ms}}]
demands:
  - workload: web
    geographies: {here: 100%}
    arrivals: {constant: 10/s}
    attemptTimeout: 2s
    deadline: 10s
"#;

/// A Deployment, an HPA, a Service and a PriorityClass as users keep them.
const WEB: &str = include_str!("../manifests/web.yaml");

/// Loads the scenario from a folder that holds `manifests` as web.yaml.
fn loaded(manifests: &str) -> Result<Scenario, Box<Rejected>> {
    edited("", "", manifests)
}

/// The same with the text at `anchor` of the scenario replaced.
fn edited(anchor: &str, replacement: &str, manifests: &str) -> Result<Scenario, Box<Rejected>> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("web.yaml"), manifests).unwrap();
    let text = SCENARIO.replacen(anchor, replacement, 1);
    from_text("scenario.yaml", &text, folder.path(), &[])
}

/// The values of the workload as `path value` lines.
fn values(scenario: &Scenario) -> Vec<String> {
    let leaves = scenario.explained().iter();
    let of_web = leaves.filter(|leaf| leaf.place.path.starts_with("workloads[0]."));
    let lines = of_web.map(|leaf| {
        let key = leaf.place.path.strip_prefix("workloads[0].").unwrap();
        format!("{key} {}", leaf.shown)
    });
    lines.collect()
}

/// Every field of the manifests that the model uses becomes a key of the workload: the serving
/// container's requests, limits and probes, the other container as a sidecar, the priority of the
/// class, sleeping hooks, rules of placement, of rollouts and of evictions. Nothing is complained
/// of.
#[test]
fn manifests_state_the_workload() {
    let scenario = loaded(WEB).unwrap();
    let values = values(&scenario);
    for expected in [
        "requests.cpu 500m",
        "requests.memory 512Mi",
        "sidecars[0].name envoy",
        "sidecars[0].requests.cpu 100m",
        "minReadySeconds 5",
        "strategy.maxSurge 1",
        "strategy.maxUnavailable 0",
        "podDisruptionBudget.minAvailable 80%",
        "tolerations[1].tolerationSeconds 30",
        "nodeSelector.kubernetes.azure.com/agentpool user",
        "topologySpreadConstraints[0].whenUnsatisfiable ScheduleAnyway",
        "affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight 100",
        "hpa.metrics[0].resource.target.averageUtilization 60",
        "limits.cpu 1",
        "readinessProbe.periodSeconds 5",
        "terminationGracePeriodSeconds 45",
        "preStopSleep 10s",
        "priority 1000",
        "hpa.minReplicas 6",
        "hpa.maxReplicas 60",
        "hpa.behavior.scaleDown.stabilizationWindowSeconds 600",
    ] {
        assert!(values.iter().any(|value| value == expected), "{expected} is not in {values:#?}");
    }
    assert!(scenario.warnings().is_empty(), "{:?}", scenario.warnings().sorted());
}

/// One row for each field that a manifest may state besides: what it says, and the workload's key.
#[test]
fn further_fields_are_taken() {
    let selector = "labelSelector: {matchLabels: {app: web}}\n      affinity";
    let spread = "topologySpreadConstraints[0].maxSkew 1";
    let expressions =
        |list: &str| format!("labelSelector: {{matchExpressions: [{list}]}}\n      affinity");
    let budget = "selector: {matchLabels: {app: web}}}\n";
    for (anchor, replacement, key, taken) in [
        ("image: registry/web:1", "image: registry/web", "imagePullPolicy Always", true),
        ("image: registry/web:1", "image: reg:5000/web:latest", "imagePullPolicy Always", true),
        ("image: registry/web:1", "image: web@sha256:12", "imagePullPolicy Always", false),
        (
            "image: registry/web:1",
            "image: registry/web:1\n        imagePullPolicy: Always",
            "imagePullPolicy Always",
            true,
        ),
        (
            "        lifecycle:",
            "        livenessProbe: {terminationGracePeriodSeconds: 7}\n        lifecycle:",
            "livenessProbe.terminationGracePeriodSeconds 7",
            true,
        ),
        (
            "metadata: {labels: {app: web, tier: front}}",
            "metadata: {labels: {app: web, tier: front}, annotations: \
             {cluster-autoscaler.kubernetes.io/safe-to-evict: \"false\"}}",
            "safeToEvict false",
            true,
        ),
        (selector, &*expressions("{key: app, operator: In, values: [api, web]}"), spread, true),
        (selector, &*expressions("{key: app, operator: In, values: [api]}"), spread, false),
        (selector, &*expressions("{key: none, operator: In, values: [api]}"), spread, false),
        (selector, &*expressions("{key: app, operator: NotIn, values: [api]}"), spread, true),
        (selector, &*expressions("{key: app, operator: NotIn, values: [web]}"), spread, false),
        (selector, &*expressions("{key: none, operator: NotIn, values: [web]}"), spread, true),
        (selector, &*expressions("{key: tier, operator: Exists}"), spread, true),
        (selector, &*expressions("{key: none, operator: Exists}"), spread, false),
        (selector, &*expressions("{key: none, operator: DoesNotExist}"), spread, true),
        (selector, &*expressions("{key: tier, operator: DoesNotExist}"), spread, false),
        (
            selector,
            &*expressions("{key: tier, operator: Exists}, {key: none, operator: Exists}"),
            spread,
            false,
        ),
        (selector, "labelSelector: {}\n      affinity", spread, true),
        (selector, "minDomains: 1\n      affinity", spread, false),
        (
            budget,
            "selector: {matchExpressions: [{key: app, operator: Exists}]}}\n",
            "podDisruptionBudget.minAvailable 80%",
            true,
        ),
        (
            budget,
            "selector: {matchLabels: {app: web}, matchExpressions: [{key: app, operator: In, \
             values: [x]}]}}\n",
            "podDisruptionBudget.minAvailable 80%",
            false,
        ),
    ] {
        assert_eq!(WEB.matches(anchor).count(), 1, "the anchor `{anchor}` is not unique");
        let scenario = loaded(&WEB.replacen(anchor, replacement, 1));
        let scenario = scenario.unwrap_or_else(|rejected| panic!("{replacement}: {rejected}"));
        let values = values(&scenario);
        assert_eq!(values.iter().any(|value| value == key), taken, "{replacement}: {values:#?}");
    }
}

/// The size in the file is that of the cluster only without an HPA, or where it is 0.
#[test]
fn replicas_of_an_autoscaled_deployment_are_its_own() {
    let alone = WEB.split("---\n").filter(|document| !document.contains("HorizontalPod"));
    let alone = alone.collect::<Vec<_>>().join("---\n");
    let off = WEB.replacen("  replicas: 6", "  replicas: 0", 1);
    for (name, text, expected) in [
        ("an HPA", WEB, None),
        ("no HPA", alone.as_str(), Some("replicas 6")),
        ("an HPA that is off", off.as_str(), Some("replicas 0")),
    ] {
        let values = values(&loaded(text).unwrap());
        let replicas = values.iter().find(|value| value.starts_with("replicas "));
        assert_eq!(replicas.map(String::as_str), expected, "{name}");
    }
}

/// `check --explain` can say which line of which file a value comes from.
#[test]
fn values_know_their_manifest() {
    let scenario = loaded(WEB).unwrap();
    let line = 1 + WEB.lines().position(|line| line.contains("maxReplicas")).unwrap();
    let leaves = scenario.explained();
    let leaf = leaves.iter().find(|leaf| leaf.place.path.ends_with("hpa.maxReplicas")).unwrap();
    let source = scenario.sources().get(leaf.place.span.source);
    assert!(source.name().ends_with("web.yaml"), "{}", source.name());
    assert_eq!(leaf.place.span.start.line as usize, line);
}

/// The forms in which manifests come say the same: documents, a `List` as `kubectl get -o yaml`
/// prints it (with status and managed fields), JSON, and typed lists.
#[test]
fn forms_of_manifests_are_alike() {
    let expected = values(&loaded(WEB).unwrap());
    for (name, text) in [
        ("list", as_kubectl_prints(WEB)),
        ("empty documents", format!("---\n{WEB}\n---\n---\n# nothing\n")),
    ] {
        let scenario = loaded(&text).unwrap_or_else(|wrong| panic!("{name}: {wrong}\n{text}"));
        assert_eq!(values(&scenario), expected, "{name}");
        assert!(scenario.warnings().is_empty(), "{name}: {:?}", scenario.warnings().sorted());
    }
}

/// The documents as one `List`, with what the API server adds.
fn as_kubectl_prints(documents: &str) -> String {
    let mut list = "apiVersion: v1\nitems:\n".to_owned();
    for document in documents.split("---\n") {
        for (index, line) in document.lines().enumerate() {
            list += &format!("{}{line}\n", if index == 0 { "- " } else { "  " });
        }
        if document.contains("kind: Deployment\n") {
            list += "  status: {observedGeneration: 3, replicas: 6}\n";
        }
        if document.contains("kind: HorizontalPodAutoscaler\n") {
            list += "  status: {currentReplicas: 6, desiredReplicas: 6}\n";
        }
    }
    let managed = "{name: web, uid: 8f1e, managedFields: [{manager: kubectl, operation: Update, \
                   fieldsType: FieldsV1, fieldsV1: {\"f:spec\": {\".\": {}}}}]}";
    list = list.replace("metadata: {name: web}", &format!("metadata: {managed}"));
    list + "kind: List\nmetadata: {resourceVersion: \"\"}\n"
}

/// autoscaling/v1 has one field where v2 has metrics.
#[test]
fn the_older_autoscaler_is_read() {
    let metrics = "  metrics:\n  - type: Resource\n    resource: {name: cpu, target: {type: \
                   Utilization, averageUtilization: 60}}\n";
    let behavior = "  behavior:\n    scaleDown: {stabilizationWindowSeconds: 600}\n";
    let older = WEB
        .replacen("autoscaling/v2", "autoscaling/v1", 1)
        .replacen(metrics, "  targetCPUUtilizationPercentage: 60\n", 1)
        .replacen(behavior, "", 1);
    assert!(!older.contains("metrics"), "the edit found its place");
    let values = values(&loaded(&older).unwrap());
    assert!(values.contains(&"hpa.targetCPUUtilization 60%".to_owned()), "{values:#?}");
}

/// What the scenario says goes before the manifests, in the workload and in its clusters, which
/// may have manifests of their own.
#[test]
fn keys_of_the_scenario_go_first() {
    let given = "manifests: [web.yaml]\n    hpa: {maxReplicas: 90}\n    clusters:\n      \
                 secondary: {replicas: 8, hpa: {maxReplicas: 95}}";
    let scenario = edited("manifests: [web.yaml]", given, WEB).unwrap();
    let bounds: Vec<_> = scenario.world().deployments.iter().map(|d| d.hpa_bounds).collect();
    assert_eq!(bounds, [Some((6, 90)), Some((6, 95))]);

    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("web.yaml"), WEB).unwrap();
    let smaller =
        WEB.replace("replicas: 6", "replicas: 2").replace("minReplicas: 6", "minReplicas: 2");
    fs::write(
        folder.path().join("small.yaml"),
        smaller.replace("maxReplicas: 60", "maxReplicas: 20"),
    )
    .unwrap();
    let given = "manifests: [web.yaml]\n    clusters: {secondary: {manifests: [small.yaml]}}";
    let text = SCENARIO.replacen("manifests: [web.yaml]", given, 1);
    let scenario = from_text("scenario.yaml", &text, folder.path(), &[]).unwrap();
    let bounds: Vec<_> = scenario.world().deployments.iter().map(|d| d.hpa_bounds).collect();
    assert_eq!(bounds, [Some((6, 60)), Some((2, 20))]);
}

/// One row for each thing that is not taken: the field is named with its object and path, as a
/// warning that `strictly` makes an error.
#[test]
fn what_is_not_taken_is_named() {
    for (anchor, replacement, code, message) in [
        (
            "        ports:",
            "        resorces: {}\n        ports:",
            Code::UnknownManifestField,
            "Deployment `web`: Kubernetes knows no field \
             `spec.template.spec.containers[0].resorces`",
        ),
        (
            "minReplicas: 6",
            "minReplica: 6",
            Code::UnknownManifestField,
            "HorizontalPodAutoscaler `web`: Kubernetes knows no field `spec.minReplica`",
        ),
        (
            "      containers:",
            "      initContainers: [{name: migrate, image: m, command: [m]}]\n      containers:",
            Code::NotModelled,
            "Deployment `web`: `spec.template.spec.initContainers[0]` is not modelled: init \
             containers delay the start: add them to `startUp`",
        ),
        (
            "{containerPort: 8080}",
            "{containerPort: 8080, hostPort: 80}",
            Code::NotModelled,
            "Deployment `web`: `spec.template.spec.containers[0].ports[0].hostPort` is not \
             modelled: at most one such pod fits on a node",
        ),
        (
            "spec: {selector: {app: web}",
            "spec: {sessionAffinity: ClientIP, selector: {app: web}",
            Code::NotModelled,
            "Service `web`: `spec.sessionAffinity` is not modelled: requests of one client may \
             meet different pods",
        ),
        (
            "whenUnsatisfiable: ScheduleAnyway\n        labelSelector: {matchLabels: {app: web}}",
            "whenUnsatisfiable: ScheduleAnyway\n        labelSelector: {matchLabels: {app: other}}",
            Code::NotModelled,
            "Deployment `web`: `spec.template.spec.topologySpreadConstraints[0]` is not modelled: \
             only constraints over the workload's own pods are modelled",
        ),
        (
            "kind: ConfigMap",
            "kind: LimitRange",
            Code::NotModelled,
            "LimitRange `other` is not read: write the defaults that it sets into the containers",
        ),
        (
            "image: registry/web:1",
            "image: registry/web:1\n        imagePullPolicy: Never",
            Code::NotModelled,
            "Deployment `web`: `spec.template.spec.containers[0].imagePullPolicy` is not \
             modelled: only `IfNotPresent` and `Always` are modelled",
        ),
    ] {
        assert_eq!(WEB.matches(anchor).count(), 1, "the anchor `{anchor}` is not unique");
        let text = WEB.replacen(anchor, replacement, 1);
        let scenario = loaded(&text).unwrap_or_else(|rejected| panic!("{message}: {rejected}"));
        let said = |found: &&Diagnostic| found.code == code && found.message == message;
        let warnings = scenario.warnings().sorted();
        let found = warnings.iter().copied().find(said);
        let found = found.unwrap_or_else(|| panic!("{message}\nis not in {warnings:#?}"));
        assert_eq!(warnings.len(), 1, "said once, and nothing else: {warnings:#?}");
        assert_eq!(found.severity, Severity::Warning);
        let rejected = scenario.strictly().unwrap_err();
        let found = rejected.diagnostics.sorted();
        assert!(found.iter().copied().any(|one| said(&one) && one.severity == Severity::Error));
    }
}

/// One row for each mistake: code and what the message names.
#[test]
fn mistakes_in_manifests_are_named() {
    for (anchor, replacement, code, named) in [
        (
            "kind: Deployment\nmetadata",
            "kind: ReplicaSet\nmetadata",
            Code::UnknownReference,
            "no Deployment",
        ),
        (
            "apiVersion: apps/v1\nkind",
            "apiVersion: apps/v1beta1\nkind",
            Code::UnknownChoice,
            "apps/v1beta1",
        ),
        (
            "apiVersion: autoscaling/v2\n",
            "apiVersion: autoscaling/v2beta2\n",
            Code::UnknownChoice,
            "v2beta2",
        ),
        ("  replicas: 6", "  replicas: six", Code::WrongType, "`spec.replicas`"),
        ("cpu: 500m", "cpu: 500q", Code::BadUnit, "500q"),
        (
            "priorityClassName: business",
            "priorityClassName: busines",
            Code::UnknownReference,
            "busines",
        ),
        ("kind: ConfigMap\n", "", Code::MissingKey, "not a Kubernetes object"),
        ("data: {a: b}", "data: {a: b", Code::YamlSyntax, "not YAML"),
        ("data: {a: b}", "data: &data {a: b}", Code::AliasNotAllowed, "an anchor"),
        ("data: {a: b}", "data: {a: &b c, d: *b}", Code::AliasNotAllowed, "an alias"),
    ] {
        assert_eq!(WEB.matches(anchor).count(), 1, "the anchor `{anchor}` is not unique");
        let rejected = loaded(&WEB.replacen(anchor, replacement, 1)).unwrap_err();
        let found = rejected.diagnostics.sorted();
        let said = |one: &&&Diagnostic| one.code == code && one.message.contains(named);
        assert!(found.iter().any(|one| said(&one)), "{named}: {rejected}");
        if code == Code::AliasNotAllowed {
            let help = found.iter().find(said).and_then(|one| one.help.as_deref());
            assert!(help.is_some_and(|help| help.contains("write the file out")), "{help:?}");
        }
    }
    let missing = edited("[web.yaml]", "[wep.yaml]", WEB).unwrap_err();
    assert_eq!(missing.diagnostics.sorted()[0].code, Code::Unreadable, "{missing}");
}

/// Of several Deployments the one with the workload's name is taken; none of that name is a
/// mistake that lists them.
#[test]
fn the_deployment_is_found_by_name() {
    let other = WEB
        .split("---\n")
        .next()
        .unwrap()
        .replace("name: web\n  annotations", "name: shop\n  annotations");
    let scenario = loaded(&format!("{other}---\n{WEB}")).unwrap();
    assert!(values(&scenario).contains(&"minReadySeconds 5".to_owned()));
    let none = format!(
        "{other}---\n{}",
        WEB.replacen("name: web\n  annotations", "name: webb\n  annotations", 1)
    );
    let rejected = loaded(&none).unwrap_err();
    let wrong = rejected.diagnostics.sorted()[0].clone();
    assert_eq!(wrong.code, Code::UnknownReference);
    assert_eq!(wrong.allowed.as_deref(), Some("shop, webb"));
    assert_eq!(wrong.help.as_deref(), Some("did you mean `webb`?"));
}

/// No manifest makes the reader panic: every line left out, every text cut short, every scalar of
/// a line replaced by another kind of value.
#[test]
fn broken_manifests_do_not_panic() {
    let lines: Vec<&str> = WEB.lines().collect();
    let loads = |text: &str| drop(loaded(text));
    for index in 0..lines.len() {
        let mut fewer = lines.clone();
        fewer.remove(index);
        loads(&fewer.join("\n"));
        loads(&lines[..index].join("\n"));
        if let Some((key, _)) = lines[index].split_once(": ") {
            for value in ["[]", "{}", "null", "-1", "1e99", "\"\"", "9223372036854775808"] {
                let mut other = lines.clone();
                let line = format!("{key}: {value}");
                other[index] = &line;
                loads(&other.join("\n"));
            }
        }
    }
}

/// The standard input cannot be both the scenario and a manifest.
#[test]
fn the_standard_input_is_read_once() {
    let text = SCENARIO.replacen("[web.yaml]", "[\"-\"]", 1);
    let rejected = from_text("<stdin>", &text, Path::new("."), &[]).unwrap_err();
    assert_eq!(rejected.diagnostics.sorted()[0].code, Code::Contradiction, "{rejected}");
}
