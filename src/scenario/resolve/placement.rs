//! Where the pods of a workload may go: workloads named in affinity terms become ids.

use crate::control::settings::KubernetesSpec;
use crate::model::ids::WorkloadId;
use crate::model::placement::{
    NodeAffinitySpec, Placement, PodAffinitySpec, PodAffinityTermSpec, PodRules, PodTerm,
    PreemptionPolicy, SpreadConstraintSpec,
};
use crate::model::reference::find;
use crate::model::taint::{FailureTolerations, TolerationSpec};
use crate::scenario::workload_spec::WorkloadSpec;
use crate::spec::{Code, Diagnostic};
use crate::units::Span;

use super::Resolving;

/// The placement rules of a workload.
pub(super) fn placement(
    cx: &mut Resolving<'_, '_>,
    spec: &WorkloadSpec,
    own: WorkloadId,
) -> Placement {
    let affinity = spec.affinity.as_ref();
    let node = affinity.and_then(|affinity| affinity.node.as_ref());
    let pods = affinity.and_then(|affinity| affinity.pods.as_ref());
    let anti = affinity.and_then(|affinity| affinity.anti.as_ref());
    refuse_doubled_spread(cx, spec);
    Placement {
        tolerations: spec.tolerations.iter().map(TolerationSpec::toleration).collect(),
        nodes: NodeAffinitySpec::rules(node, &spec.node_selector),
        affinity: pod_rules(cx, pods, own),
        anti_affinity: pod_rules(cx, anti, own),
        spread: spec.spread.iter().map(SpreadConstraintSpec::constraint).collect(),
        never_preempts: *spec.preemption_policy == PreemptionPolicy::Never,
    }
}

/// Two constraints of the same topology and kind: Kubernetes refuses them
/// (ValidateSpreadConstraintNotRepeat).
fn refuse_doubled_spread(cx: &mut Resolving<'_, '_>, spec: &WorkloadSpec) {
    let pair = |one: &SpreadConstraintSpec| (*one.topology_key, *one.when_unsatisfiable);
    for (index, constraint) in spec.spread.iter().enumerate() {
        if spec.spread[..index].iter().any(|earlier| pair(earlier) == pair(constraint)) {
            let message = "a second constraint with this `topologyKey` and `whenUnsatisfiable`";
            let place = constraint.topology_key.place.clone();
            let wrong = Diagnostic::error(Code::Contradiction, place, message.to_owned());
            cx.diagnostics.push(wrong.allowed("one for each pair of them"));
        }
    }
}

/// How long pods stay on a failed node: `tolerationSeconds` of the workload, or the API server's
/// default, holds for the taints that none of its `tolerations` is about.
pub(super) fn tolerated(
    placement: &Placement,
    spec: &WorkloadSpec,
    kubernetes: &KubernetesSpec,
) -> FailureTolerations {
    let defaults = match *spec.toleration_s {
        Some(seconds) => FailureTolerations::both(Span::from_secs(i64::from(seconds))),
        None => kubernetes.default_tolerations(),
    };
    FailureTolerations::admitted(&placement.tolerations, defaults)
}

fn pod_rules(
    cx: &mut Resolving<'_, '_>,
    spec: Option<&PodAffinitySpec>,
    own: WorkloadId,
) -> PodRules {
    let mut rules = PodRules::default();
    let Some(spec) = spec else { return rules };
    for term in spec.required.iter() {
        let term = pod_term(cx, term, own);
        rules.required.push(term);
    }
    for preferred in spec.preferred.iter() {
        let term = pod_term(cx, &preferred.term, own);
        rules.preferred.push((*preferred.weight, term));
    }
    rules
}

fn pod_term(cx: &mut Resolving<'_, '_>, spec: &PodAffinityTermSpec, own: WorkloadId) -> PodTerm {
    let key = *spec.topology_key;
    if spec.workloads.is_empty() {
        return PodTerm { key, workloads: vec![own] };
    }
    // Workloads may be named before they are defined: the names of the file, not of the world.
    let known = cx.decoded.spec.workloads.iter().map(|workload| workload.name.as_str());
    let mut workloads: Vec<WorkloadId> = Vec::new();
    for name in spec.workloads.iter() {
        let name = spec.workloads.same_place(name.clone());
        let found = find("workload", &name, known.clone(), cx.diagnostics);
        workloads.extend(found.map(WorkloadId::new));
    }
    workloads.sort_unstable();
    workloads.dedup();
    PodTerm { key, workloads }
}
