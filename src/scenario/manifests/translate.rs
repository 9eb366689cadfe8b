//! Fields of the objects as keys of a workload: a tree that the workload's own keys lie over.
//!
//! Every key keeps the place of the field that it comes from. What only looks at a field does
//! not take it; see [`coverage`](super::coverage) for what is said about the rest.

use crate::spec::{Code, Diagnostic, Diagnostics, Key, Kind, Node, Place, nearest};

use super::objects::Object;
use super::path::{Fields, Mapping};
use super::{autoscaler, containers, placement};

/// The objects of one workload, with what was taken of each.
#[derive(Debug)]
pub(super) struct Bundle<'o> {
    /// Name of the workload.
    pub name: &'o str,
    /// The other workloads of the scenario whose Deployments are in the same files.
    pub others: Vec<(&'o str, Fields<'o>)>,
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
    // Beside an HPA the size of the file is not that of the cluster: a run starts where the HPA
    // would rest, unless the scenario says otherwise. Only 0 says something: it is switched off.
    let replicas = fields.take("spec.replicas");
    let is_scaled = !bundle.autoscalers.is_empty();
    let counts = |node: &&Node| !is_scaled || node.text() == Some("0");
    workload.put_some("replicas", replicas.filter(counts));
    containers::translate(fields, &mut workload);
    placement::translate(bundle, &mut workload);
    let pod = |key: &str| fields.take(&format!("spec.template.spec.{key}"));
    workload.put_some("terminationGracePeriodSeconds", pod("terminationGracePeriodSeconds"));
    workload.put_some("safeToEvict", safe_to_evict(fields).as_ref());
    if given.get("priority").is_none() {
        workload.put_some("priority", priority(bundle, path, diagnostics).as_ref());
    }
    workload.put_some("preemptionPolicy", preemption_policy(bundle));
    strategy(fields, &mut workload);
    for key in ["minReadySeconds", "progressDeadlineSeconds"] {
        workload.put_some(key, fields.take(&format!("spec.{key}")));
    }
    if let [(_, autoscaler)] = &bundle.autoscalers[..] {
        workload.put("hpa", autoscaler::translate(autoscaler));
    }
    if let [(object, budget)] = &bundle.budgets[..] {
        let mut section = Mapping::default();
        for key in ["minAvailable", "maxUnavailable", "unhealthyPodEvictionPolicy"] {
            section.put_some(key, budget.take(&format!("spec.{key}")));
        }
        workload.put("podDisruptionBudget", section.node(object.node.span));
    }
    workload.node(deployment.node.span)
}

/// The annotation by which pods keep the cluster autoscaler from removing their node, or allow it.
fn safe_to_evict(fields: &Fields<'_>) -> Option<Node> {
    let annotations = fields.look("spec.template.metadata.annotations")?;
    let stated = annotations.get("cluster-autoscaler.kubernetes.io/safe-to-evict")?;
    let text = stated.text().filter(|text| ["true", "false"].contains(text))?;
    Some(Node::plain(text, stated.span))
}

/// How a rollout replaces pods.
fn strategy(fields: &Fields<'_>, workload: &mut Mapping) {
    let Some(stated) = fields.look("spec.strategy") else { return };
    let mut section = Mapping::default();
    section.put_some("type", fields.take("spec.strategy.type"));
    for key in ["maxSurge", "maxUnavailable"] {
        section.put_some(key, fields.take(&format!("spec.strategy.rollingUpdate.{key}")));
    }
    workload.put("strategy", section.node(stated.span));
}

/// The pod's own preemption policy, or that of its class.
fn preemption_policy<'o>(bundle: &Bundle<'o>) -> Option<&'o Node> {
    let fields = &bundle.deployment.1;
    fields.take("spec.template.spec.preemptionPolicy").or_else(|| {
        let named = fields.look("spec.template.spec.priorityClassName").and_then(Node::text)?;
        let (_, class) = bundle.priorities.iter().find(|(object, _)| object.name == named)?;
        class.take("preemptionPolicy")
    })
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

/// Whether a map of labels, the selector of a Service, all stands in the labels of the
/// Deployment's pods; an empty one selects nothing.
pub(super) fn selects(labels: Option<&Node>, pods: &Fields<'_>) -> bool {
    let Some(Kind::Mapping(wanted)) = labels.map(|node| &node.kind) else { return false };
    !wanted.is_empty() && has_all(wanted, pods)
}

/// Whether a label selector selects the Deployment's pods.
///
/// Follows apimachinery `LabelSelectorAsSelector` and `Requirement.Matches`: labels and
/// expressions must all hold, an empty selector selects everything, none at all nothing. The API
/// server refuses an expression with another operator; here it selects nothing.
pub(super) fn matches_labels(selector: Option<&Node>, pods: &Fields<'_>) -> bool {
    let Some(selector) = selector else { return false };
    let labels_hold = match selector.get("matchLabels").map(|labels| &labels.kind) {
        Some(Kind::Mapping(wanted)) => has_all(wanted, pods),
        _ => true,
    };
    let expressions_hold = match selector.get("matchExpressions").map(|list| &list.kind) {
        Some(Kind::Sequence(list)) => list.iter().all(|expression| holds(expression, pods)),
        _ => true,
    };
    matches!(selector.kind, Kind::Mapping(_)) && labels_hold && expressions_hold
}

fn has_all(wanted: &[(Key, Node)], pods: &Fields<'_>) -> bool {
    wanted.iter().all(|(key, value)| label(pods, &key.text) == value.text())
}

/// A label of the Deployment's pods.
fn label<'n>(pods: &Fields<'n>, key: &str) -> Option<&'n str> {
    pods.look("spec.template.metadata.labels")?.get(key)?.text()
}

/// Whether an expression of a label selector holds.
fn holds(expression: &Node, pods: &Fields<'_>) -> bool {
    let text = |key: &str| expression.get(key).and_then(Node::text);
    let own = text("key").and_then(|key| label(pods, key));
    let is_listed = || match expression.get("values").map(|values| &values.kind) {
        Some(Kind::Sequence(values)) => values.iter().any(|value| value.text() == own),
        _ => false,
    };
    match text("operator") {
        Some("In") => own.is_some() && is_listed(),
        Some("NotIn") => own.is_none() || !is_listed(),
        Some("Exists") => own.is_some(),
        Some("DoesNotExist") => own.is_none(),
        _ => false,
    }
}
