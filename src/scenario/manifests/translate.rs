//! Fields of the objects as keys of a workload: a tree that the workload's own keys lie over.
//!
//! Every key keeps the place of the field that it comes from. What only looks at a field does
//! not take it; see [`coverage`](super::coverage) for what is said about the rest.

use crate::spec::{Code, Diagnostic, Diagnostics, Kind, Node, Place, nearest};

use super::containers;
use super::objects::Object;
use super::path::{Fields, Mapping, is_null};

/// The objects of one workload, with what was taken of each.
#[derive(Debug)]
pub(super) struct Bundle<'o> {
    /// The Deployment.
    pub deployment: (&'o Object, Fields<'o>),
    /// Its HorizontalPodAutoscalers.
    pub autoscalers: Vec<(&'o Object, Fields<'o>)>,
    /// The PodDisruptionBudgets that select its pods.
    pub budgets: Vec<(&'o Object, Fields<'o>)>,
    /// The Services that select its pods.
    pub services: Vec<(&'o Object, Fields<'o>)>,
    /// All PriorityClasses.
    pub priorities: Vec<(&'o Object, Fields<'o>)>,
}

/// Priorities that every cluster has.
const BUILT_IN: [(&str, &str); 2] =
    [("system-cluster-critical", "2000000000"), ("system-node-critical", "2000001000")];

/// The workload's keys that the objects state.
pub(super) fn translate(
    bundle: &Bundle<'_>,
    given: &Node,
    path: &str,
    diagnostics: &mut Diagnostics,
) -> Node {
    let (deployment, fields) = &bundle.deployment;
    let mut workload = Mapping::default();
    workload.put_some("replicas", fields.take("spec.replicas"));
    containers::translate(fields, &mut workload);
    let pod = |field: &str| format!("spec.template.spec.{field}");
    workload.put_some(
        "terminationGracePeriodSeconds",
        fields.take(&pod("terminationGracePeriodSeconds")),
    );
    if given.get("priority").is_none() {
        workload.put_some("priority", priority(bundle, path, diagnostics).as_ref());
    }
    tolerations(fields, &mut workload);
    if let [(_, autoscaler)] = &bundle.autoscalers[..] {
        workload.put("hpa", hpa(autoscaler));
    }
    workload.node(deployment.node.span)
}

/// The value of the pod's PriorityClass, or of the default class.
fn priority(bundle: &Bundle<'_>, path: &str, diagnostics: &mut Diagnostics) -> Option<Node> {
    let fields = &bundle.deployment.1;
    if let Some(value) = fields.take("spec.template.spec.priority") {
        fields.take("spec.template.spec.priorityClassName");
        return Some(value.clone());
    }
    let Some(named) = fields.take("spec.template.spec.priorityClassName") else {
        let is_default =
            |class: &Fields<'_>| class.look("globalDefault").and_then(Node::text) == Some("true");
        let (_, class) = bundle.priorities.iter().find(|(_, class)| is_default(class))?;
        return class.take("value").cloned();
    };
    let name = named.text().unwrap_or_default();
    if let Some((_, class)) = bundle.priorities.iter().find(|(object, _)| object.name == name) {
        return class.take("value").cloned();
    }
    if let Some((_, value)) = BUILT_IN.iter().find(|(known, _)| *known == name) {
        return Some(Node::plain(value, named.span));
    }
    let message = format!("no manifest has the PriorityClass `{name}`");
    let wrong = Diagnostic::error(Code::UnknownReference, Place::new(named.span, path), message);
    let known = bundle.priorities.iter().map(|(object, _)| object.name.as_str());
    let help = nearest(name, known.clone()).map_or_else(
        || "add its file to `manifests`, or give `priority` in the workload".to_owned(),
        |meant| format!("did you mean `{meant}`?"),
    );
    diagnostics.push(wrong.allowed(known.collect::<Vec<_>>().join(", ")).help(help));
    None
}

/// How long pods stay on a node that is not ready or unreachable.
fn tolerations(fields: &Fields<'_>, workload: &mut Mapping) {
    let at = "spec.template.spec.tolerations";
    let mut shortest: Option<(u64, Node)> = None;
    for (index, toleration) in fields.items(at).iter().enumerate() {
        let key = toleration.get("key").and_then(Node::text).unwrap_or_default();
        let is_of_node =
            matches!(key, "node.kubernetes.io/unreachable" | "node.kubernetes.io/not-ready");
        let seconds = toleration.get("tolerationSeconds").filter(|node| !is_null(node));
        if let (true, Some(seconds)) = (is_of_node, seconds)
            && let Some(value) = seconds.text().and_then(|text| text.parse().ok())
        {
            fields.take(&format!("{at}[{index}]"));
            if shortest.as_ref().is_none_or(|(known, _)| value < *known) {
                shortest = Some((value, seconds.clone()));
            }
        }
    }
    workload.put_some("tolerationSeconds", shortest.map(|(_, node)| node).as_ref());
}

/// The `hpa` section of an autoscaler of either version.
fn hpa(fields: &Fields<'_>) -> Node {
    let mut hpa = Mapping::default();
    let span = fields.look("spec").map_or_else(Default::default, |spec| spec.span);
    fields.take("spec.scaleTargetRef");
    hpa.put_some("minReplicas", fields.take("spec.minReplicas"));
    hpa.put_some("maxReplicas", fields.take("spec.maxReplicas"));
    // autoscaling/v1 has this one field instead of metrics.
    if let Some(target) = fields.take("spec.targetCPUUtilizationPercentage") {
        hpa.put("targetCPUUtilization", percent(target));
    }
    if let [metric] = fields.items("spec.metrics") {
        let text = |path: &str| super::path::FieldPath::of(path).find(metric).and_then(Node::text);
        let is_cpu = text("type") == Some("Resource")
            && text("resource.name") == Some("cpu")
            && text("resource.target.type") == Some("Utilization");
        let target = "spec.metrics[0].resource.target.averageUtilization";
        if is_cpu && let Some(target) = fields.take(target) {
            fields.take("spec.metrics[0]");
            hpa.put("targetCPUUtilization", percent(target));
        }
    }
    hpa.put_some("behavior", fields.take("spec.behavior"));
    hpa.node(span)
}

fn percent(node: &Node) -> Node {
    Node::plain(&format!("{}%", node.text().unwrap_or_default()), node.span)
}

/// Whether a selector's `matchLabels` all stand in the labels of the Deployment's pods.
///
/// Follows apimachinery `LabelSelectorAsSelector`; `matchExpressions` are not read, so a selector
/// with expressions is taken to match if its labels do.
pub(super) fn selects(labels: Option<&Node>, pods: &Fields<'_>) -> bool {
    let Some(Kind::Mapping(wanted)) = labels.map(|node| &node.kind) else { return false };
    let has = pods.look("spec.template.metadata.labels");
    let text = |node: &Node| node.text().map(str::to_owned);
    !wanted.is_empty()
        && wanted.iter().all(|(key, value)| {
            has.and_then(|labels| labels.get(&key.text)).and_then(text) == text(value)
        })
}
