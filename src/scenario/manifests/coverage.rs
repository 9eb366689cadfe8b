//! What was not taken: fields that matter and are not modelled are named, the rest is silent.
//!
//! The table says for each field of the types that are read whether it matters to the questions
//! that tideover answers. A field that the table does not know is named too: silence has to be
//! earned.

use crate::spec::{Code, Diagnostic, Diagnostics, Place};

use super::objects::Object;
use super::path::{FieldPath, Fields, Step};

/// Whether a field matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    /// It changes nothing that is simulated.
    Silent,
    /// It would change answers; why it is left out.
    Matters(&'static str),
}

use Weight::{Matters, Silent};

/// Fields that are not taken, by kind; `[]` is any item, `*` any key, a last `**` anything below.
const FIELDS: &[(&str, &str, Weight)] = &[
    ("*", "apiVersion", Silent),
    ("*", "kind", Silent),
    ("*", "metadata.**", Silent),
    ("*", "status.**", Silent),
    ("Deployment", "spec.selector.**", Silent),
    ("Deployment", "spec.revisionHistoryLimit", Silent),
    ("Deployment", "spec.template.metadata.**", Silent),
    ("Deployment", "spec.template.spec.containers[].name", Silent),
    ("Deployment", "spec.template.spec.containers[].image", Silent),
    ("Deployment", "spec.template.spec.containers[].args[]", Silent),
    ("Deployment", "spec.template.spec.containers[].command[]", Silent),
    ("Deployment", "spec.template.spec.containers[].env[].**", Silent),
    ("Deployment", "spec.template.spec.containers[].envFrom[].**", Silent),
    ("Deployment", "spec.template.spec.containers[].ports[].name", Silent),
    ("Deployment", "spec.template.spec.containers[].ports[].containerPort", Silent),
    ("Deployment", "spec.template.spec.containers[].ports[].protocol", Silent),
    (
        "Deployment",
        "spec.template.spec.containers[].ports[].hostPort",
        Matters("at most one such pod fits on a node"),
    ),
    ("Deployment", "spec.template.spec.containers[].volumeMounts[].**", Silent),
    ("Deployment", "spec.template.spec.containers[].securityContext.**", Silent),
    ("Deployment", "spec.template.spec.containers[].terminationMessagePath", Silent),
    ("Deployment", "spec.template.spec.containers[].terminationMessagePolicy", Silent),
    ("Deployment", "spec.template.spec.containers[].stdin", Silent),
    ("Deployment", "spec.template.spec.containers[].tty", Silent),
    ("Deployment", "spec.template.spec.containers[].workingDir", Silent),
    ("Deployment", "spec.template.spec.containers[].resizePolicy[].**", Silent),
    (
        "Deployment",
        "spec.template.spec.containers[].imagePullPolicy",
        Matters("only `IfNotPresent` and `Always` are modelled"),
    ),
    // How a probe asks; what it asks of the pod is the model's own.
    ("Deployment", "spec.template.spec.containers[].startupProbe.httpGet.**", Silent),
    ("Deployment", "spec.template.spec.containers[].startupProbe.tcpSocket.**", Silent),
    ("Deployment", "spec.template.spec.containers[].startupProbe.grpc.**", Silent),
    ("Deployment", "spec.template.spec.containers[].startupProbe.exec.**", Silent),
    ("Deployment", "spec.template.spec.containers[].readinessProbe.httpGet.**", Silent),
    ("Deployment", "spec.template.spec.containers[].readinessProbe.tcpSocket.**", Silent),
    ("Deployment", "spec.template.spec.containers[].readinessProbe.grpc.**", Silent),
    ("Deployment", "spec.template.spec.containers[].readinessProbe.exec.**", Silent),
    ("Deployment", "spec.template.spec.containers[].livenessProbe.httpGet.**", Silent),
    ("Deployment", "spec.template.spec.containers[].livenessProbe.tcpSocket.**", Silent),
    ("Deployment", "spec.template.spec.containers[].livenessProbe.grpc.**", Silent),
    ("Deployment", "spec.template.spec.containers[].livenessProbe.exec.**", Silent),
    (
        "Deployment",
        "spec.template.spec.containers[].lifecycle.**",
        Matters("only a preStop hook that sleeps is modelled"),
    ),
    (
        "Deployment",
        "spec.template.spec.containers[].resources.requests.*",
        Matters("only cpu and memory are scheduled"),
    ),
    (
        "Deployment",
        "spec.template.spec.containers[].resources.limits.*",
        Matters("only the limits of the container that serves are modelled"),
    ),
    (
        "Deployment",
        "spec.template.spec.containers[].**",
        Matters("of further containers only the requests are modelled"),
    ),
    (
        "Deployment",
        "spec.template.spec.initContainers[].**",
        Matters("init containers delay the start: add them to `startUp`"),
    ),
    (
        "Deployment",
        "spec.template.spec.volumes[].persistentVolumeClaim.**",
        Matters("volumes that bind pods to a zone are not modelled"),
    ),
    ("Deployment", "spec.template.spec.volumes[].**", Silent),
    ("Deployment", "spec.template.spec.dnsPolicy", Silent),
    ("Deployment", "spec.template.spec.dnsConfig.**", Silent),
    ("Deployment", "spec.template.spec.restartPolicy", Silent),
    ("Deployment", "spec.template.spec.securityContext.**", Silent),
    ("Deployment", "spec.template.spec.serviceAccount", Silent),
    ("Deployment", "spec.template.spec.serviceAccountName", Silent),
    ("Deployment", "spec.template.spec.automountServiceAccountToken", Silent),
    ("Deployment", "spec.template.spec.enableServiceLinks", Silent),
    ("Deployment", "spec.template.spec.imagePullSecrets[].**", Silent),
    ("Deployment", "spec.template.spec.schedulerName", Silent),
    ("Deployment", "spec.template.spec.shareProcessNamespace", Silent),
    ("Deployment", "spec.template.spec.hostAliases[].**", Silent),
    (
        "Deployment",
        "spec.template.spec.hostNetwork",
        Matters("ports of such pods collide on a node"),
    ),
    (
        "Deployment",
        "spec.template.spec.topologySpreadConstraints[].**",
        Matters("only constraints over the workload's own pods are modelled"),
    ),
    (
        "Deployment",
        "spec.template.spec.affinity.**",
        Matters("only pods of workloads in the same files are known, by their labels"),
    ),
    ("Deployment", "spec.template.spec.readinessGates[].**", Matters("only probes decide")),
    (
        "HorizontalPodAutoscaler",
        "spec.metrics[].*.metric.selector.**",
        Matters("which series it chooses is not known"),
    ),
    ("PodDisruptionBudget", "spec.selector.**", Silent),
    ("Service", "spec.sessionAffinity", Matters("requests of one client may meet different pods")),
    ("Service", "spec.sessionAffinityConfig.**", Silent),
    ("Service", "spec.internalTrafficPolicy", Matters("every pod of the cluster can be picked")),
    ("Service", "spec.externalTrafficPolicy", Matters("every pod of the cluster can be picked")),
    ("Service", "spec.trafficDistribution", Matters("every pod of the cluster can be picked")),
    (
        "Service",
        "spec.publishNotReadyAddresses",
        Matters("only ready pods are among the endpoints"),
    ),
    ("Service", "spec.**", Silent),
    ("PriorityClass", "description", Silent),
    ("PriorityClass", "globalDefault", Silent),
    ("PriorityClass", "preemptionPolicy", Matters("pods of the class preempt")),
    ("PriorityClass", "value", Silent),
];

/// Values that say what holds anyway: the field is silent with them.
const AS_MODELLED: &[(&str, &str)] = &[
    ("spec.sessionAffinity", "None"),
    ("spec.internalTrafficPolicy", "Cluster"),
    ("spec.externalTrafficPolicy", "Cluster"),
    ("spec.publishNotReadyAddresses", "false"),
    ("spec.template.spec.hostNetwork", "false"),
    ("spec.paused", "false"),
    ("preemptionPolicy", "PreemptLowerPriority"),
];

/// Names the fields of `object` that matter and were not taken.
pub(super) fn warn(object: &Object, fields: &Fields<'_>, path: &str, found: &mut Diagnostics) {
    let mut named: Vec<FieldPath> = Vec::new();
    for (leaf, node) in fields.leaves() {
        if fields.is_taken(&leaf) || named.iter().any(|known| leaf.0.starts_with(&known.0)) {
            continue;
        }
        let text = leaf.to_string();
        if AS_MODELLED.iter().any(|(field, value)| *field == text && node.text() == Some(value)) {
            continue;
        }
        let rule = FIELDS.iter().find_map(|(kind, pattern, weight)| {
            let n_steps = matched(pattern, &leaf)?;
            (*kind == "*" || *kind == object.kind).then_some((n_steps, *weight))
        });
        let (field, why) = match rule {
            Some((_, Silent)) => continue,
            Some((n_steps, Matters(why))) => (FieldPath(leaf.0[..n_steps].to_vec()), Some(why)),
            None => (leaf, None),
        };
        let why = why.map_or_else(String::new, |why| format!(": {why}"));
        let message = format!("{}: `{field}` is not modelled{why}", object.called());
        let place = Place::new(field.span(&object.node), path);
        found.push(Diagnostic::warning(Code::NotModelled, place, message));
        named.push(field);
    }
}

/// How many steps of `path` the fixed part of `pattern` stands for, if it matches.
fn matched(pattern: &str, path: &FieldPath) -> Option<usize> {
    let mut steps = path.0.iter();
    let mut n_steps = 0;
    for part in pattern.split('.') {
        if part == "**" {
            return Some(n_steps);
        }
        let (key, is_list) = part.strip_suffix("[]").map_or((part, false), |key| (key, true));
        match steps.next()? {
            Step::Key(read) if key == "*" || key == read => n_steps += 1,
            _ => return None,
        }
        if is_list {
            match steps.next()? {
                Step::Index(_) => n_steps += 1,
                Step::Key(_) => return None,
            }
        }
    }
    steps.next().is_none().then_some(n_steps)
}

/// Names of fields, for guesses at what a typing mistake meant.
pub(super) fn known_names() -> Vec<&'static str> {
    let listed = FIELDS.iter().flat_map(|(_, pattern, _)| pattern.split(['.', '[', ']']));
    let taken = [
        "replicas",
        "strategy",
        "minReadySeconds",
        "resources",
        "requests",
        "limits",
        "cpu",
        "memory",
        "initialDelaySeconds",
        "periodSeconds",
        "timeoutSeconds",
        "successThreshold",
        "failureThreshold",
        "terminationGracePeriodSeconds",
        "imagePullPolicy",
        "tolerationSeconds",
        "priorityClassName",
        "nodeSelector",
        "affinity",
        "topologySpreadConstraints",
        "minReplicas",
        "maxReplicas",
        "behavior",
        "scaleUp",
        "scaleDown",
        "stabilizationWindowSeconds",
        "selectPolicy",
        "policies",
        "averageUtilization",
        "minAvailable",
        "maxUnavailable",
        "preStop",
    ];
    let mut names: Vec<&str> =
        listed.filter(|name| !name.is_empty() && !name.starts_with('*')).chain(taken).collect();
    names.sort_unstable();
    names.dedup();
    names
}
