//! Where pods may go: tolerations, node selector, affinity and spread constraints.
//!
//! Selectors of pods become names of workloads: those whose pods have the labels. Fields that the
//! scheduler here does not know stay behind, and are named by [`coverage`](super::coverage).

use crate::spec::{Kind, Node, Style};

use super::path::{Fields, Mapping};
use super::translate::{Bundle, matches_labels};

const POD: &str = "spec.template.spec";
const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// Adds where the pods may go to the keys of the workload.
pub(super) fn translate(bundle: &Bundle<'_>, workload: &mut Mapping) {
    let fields = &bundle.deployment.1;
    let whole = |key: &str| fields.take(&format!("{POD}.{key}"));
    workload.put_some("tolerations", whole("tolerations"));
    workload.put_some("nodeSelector", whole("nodeSelector"));
    spread(bundle, workload);
    let mut affinity = Mapping::default();
    node_affinity(fields, &mut affinity);
    for kind in ["podAffinity", "podAntiAffinity"] {
        pod_affinity(bundle, kind, &mut affinity);
    }
    if let (false, Some(stated)) = (affinity.is_empty(), fields.look(&format!("{POD}.affinity"))) {
        workload.put("affinity", affinity.node(stated.span));
    }
}

/// Constraints over the workload's own pods; others are left behind.
fn spread(bundle: &Bundle<'_>, workload: &mut Mapping) {
    let fields = &bundle.deployment.1;
    let list = format!("{POD}.topologySpreadConstraints");
    let mut constraints = Vec::new();
    for (index, stated) in fields.items(&list).iter().enumerate() {
        let at = format!("{list}[{index}]");
        let selector = format!("{at}.labelSelector");
        if !matches_labels(fields.look(&selector), fields) {
            continue;
        }
        fields.take(&selector);
        let mut constraint = Mapping::default();
        for key in ["maxSkew", "topologyKey", "whenUnsatisfiable", "minDomains"] {
            constraint.put_some(key, fields.take(&format!("{at}.{key}")));
        }
        constraints.push(constraint.node(stated.span));
    }
    if let (false, Some(stated)) = (constraints.is_empty(), fields.look(&list)) {
        workload.put_list("topologySpreadConstraints", constraints, stated.span);
    }
}

fn node_affinity(fields: &Fields<'_>, affinity: &mut Mapping) {
    let at = format!("{POD}.affinity.nodeAffinity");
    let Some(stated) = fields.look(&at) else { return };
    let mut section = Mapping::default();
    let terms = format!("{at}.{REQUIRED}.nodeSelectorTerms");
    if let Some(required) = fields.look(&terms) {
        let each = (0..fields.items(&terms).len()).map(|i| term(fields, &format!("{terms}[{i}]")));
        let mut selector = Mapping::default();
        selector.put_list("nodeSelectorTerms", each.collect(), required.span);
        section.put(REQUIRED, selector.node(required.span));
    }
    let list = format!("{at}.{PREFERRED}");
    let mut preferred = Vec::new();
    for (index, stated) in fields.items(&list).iter().enumerate() {
        let at = format!("{list}[{index}]");
        let mut entry = Mapping::default();
        entry.put_some("weight", fields.take(&format!("{at}.weight")));
        entry.put("preference", term(fields, &format!("{at}.preference")));
        preferred.push(entry.node(stated.span));
    }
    if !preferred.is_empty() {
        section.put_list(PREFERRED, preferred, stated.span);
    }
    if !section.is_empty() {
        affinity.put("nodeAffinity", section.node(stated.span));
    }
}

/// A term over labels of nodes; `matchFields` stay behind.
fn term(fields: &Fields<'_>, at: &str) -> Node {
    let mut term = Mapping::default();
    term.put_some("matchExpressions", fields.take(&format!("{at}.matchExpressions")));
    term.node(fields.look(at).map_or_else(Default::default, |node| node.span))
}

fn pod_affinity(bundle: &Bundle<'_>, kind: &str, affinity: &mut Mapping) {
    let fields = &bundle.deployment.1;
    let at = format!("{POD}.affinity.{kind}");
    let Some(stated) = fields.look(&at) else { return };
    let mut section = Mapping::default();
    let list = format!("{at}.{REQUIRED}");
    let n_terms = fields.items(&list).len();
    let required: Vec<Node> =
        (0..n_terms).filter_map(|i| pod_term(bundle, &format!("{list}[{i}]"))).collect();
    if !required.is_empty() {
        section.put_list(REQUIRED, required, stated.span);
    }
    let list = format!("{at}.{PREFERRED}");
    let mut preferred = Vec::new();
    for (index, stated) in fields.items(&list).iter().enumerate() {
        let at = format!("{list}[{index}]");
        let Some(term) = pod_term(bundle, &format!("{at}.podAffinityTerm")) else { continue };
        let mut entry = Mapping::default();
        entry.put_some("weight", fields.take(&format!("{at}.weight")));
        entry.put("podAffinityTerm", term);
        preferred.push(entry.node(stated.span));
    }
    if !preferred.is_empty() {
        section.put_list(PREFERRED, preferred, stated.span);
    }
    if !section.is_empty() {
        affinity.put(kind, section.node(stated.span));
    }
}

/// A term over pods, or `None` if no workload's pods have its labels.
fn pod_term(bundle: &Bundle<'_>, at: &str) -> Option<Node> {
    let fields = &bundle.deployment.1;
    let stated = fields.look(at)?;
    let selector = format!("{at}.labelSelector");
    let wanted = fields.look(&selector);
    let of_others = bundle.others.iter().filter(|(_, pods)| matches_labels(wanted, pods));
    let mut names: Vec<&str> = of_others.map(|(name, _)| *name).collect();
    if matches_labels(wanted, fields) {
        names.push(bundle.name);
    }
    if names.is_empty() {
        return None;
    }
    fields.take(&selector);
    let mut term = Mapping::default();
    term.put_some("topologyKey", fields.take(&format!("{at}.topologyKey")));
    if names != [bundle.name] {
        let quoted = |name: &&str| Node {
            span: stated.span,
            kind: Kind::Scalar { text: (*name).to_owned(), style: Style::Quoted },
        };
        term.put_list("workloads", names.iter().map(quoted).collect(), stated.span);
    }
    Some(term.node(stated.span))
}
