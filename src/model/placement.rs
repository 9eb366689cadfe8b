//! Where the pods of a workload may or should go: tolerations, node selector, affinity, topology
//! spread and priority of a pod's `spec`, in Kubernetes' own words.
//!
//! Pods are selected by the name of their workload instead of by labels. Left out: namespaces,
//! `matchLabelKeys`, node inclusion policies of spread constraints (they have their defaults:
//! node affinity honoured, taints ignored), topology keys other than host name and zone.

use crate::spec::{Code, Decoder, Diagnostic, Name, choice, section};

use super::ids::WorkloadId;
use super::labels::{LabelMap, Labels, Requirement, RequirementSpec};
use super::taint::Toleration;

choice! {
    /// What makes a domain of nodes.
    pub enum TopologyKey {
        /// Every node is a domain.
        "kubernetes.io/hostname" => Hostname,
        /// Every zone is a domain.
        "topology.kubernetes.io/zone" => Zone,
    }
}

choice! {
    /// What a violated spread constraint means.
    pub enum WhenUnsatisfiable {
        /// The node is out of the question.
        "DoNotSchedule" => DoNotSchedule,
        /// The node scores lower.
        "ScheduleAnyway" => ScheduleAnyway,
    }
}

choice! {
    /// Whether pending pods may push out pods of lower priority.
    pub enum PreemptionPolicy {
        /// They may.
        "PreemptLowerPriority" => PreemptLowerPriority,
        /// They wait.
        "Never" => Never,
    }
}

section! {
    /// How the pods of the workload itself are spread.
    pub struct SpreadConstraintSpec {
        /// Pods that a domain may have more than the one with the fewest.
        "maxSkew" max_skew: u32 = required, range 1..=10000;
        /// What makes a domain.
        "topologyKey" topology_key: TopologyKey = required;
        /// Whether it must hold.
        "whenUnsatisfiable" when_unsatisfiable: WhenUnsatisfiable = required;
        /// With fewer domains than this the fewest count as 0; only with `DoNotSchedule`.
        "minDomains" min_domains: u32 = default "1",
            source "kubernetes core/v1 types.go: nil behaves as 1",
            range 1..=10000;
    }
    check SpreadConstraintSpec::check_together;
}

section! {
    /// A pod's `spec.affinity`.
    pub struct AffinitySpec {
        /// To nodes.
        "nodeAffinity" node: Option<NodeAffinitySpec> = optional;
        /// To pods: near them.
        "podAffinity" pods: Option<PodAffinitySpec> = optional;
        /// To pods: away from them.
        "podAntiAffinity" anti: Option<PodAffinitySpec> = optional;
    }
}

section! {
    /// Which nodes a pod must or should be on.
    pub struct NodeAffinitySpec {
        /// Must.
        "requiredDuringSchedulingIgnoredDuringExecution"
            required: Option<NodeSelectorSpec> = optional;
        /// Should; weights of the terms that hold are added up.
        "preferredDuringSchedulingIgnoredDuringExecution"
            preferred: Vec<PreferredNodesSpec> = list 0..=64;
    }
}

section! {
    /// One of several terms must hold.
    pub struct NodeSelectorSpec {
        /// The terms.
        "nodeSelectorTerms" terms: Vec<NodeSelectorTermSpec> = list 1..=64;
    }
}

section! {
    /// All of several expressions must hold.
    pub struct NodeSelectorTermSpec {
        /// The expressions.
        "matchExpressions" expressions: Vec<RequirementSpec> = list 1..=64;
    }
}

section! {
    /// Nodes that a pod should be on.
    pub struct PreferredNodesSpec {
        /// What it is worth.
        "weight" weight: u32 = required, range 1..=100;
        /// Which nodes.
        "preference" preference: NodeSelectorTermSpec = required;
    }
}

section! {
    /// Which pods a pod must or should be near to, or away from.
    pub struct PodAffinitySpec {
        /// Must; every term.
        "requiredDuringSchedulingIgnoredDuringExecution"
            required: Vec<PodAffinityTermSpec> = list 0..=16;
        /// Should.
        "preferredDuringSchedulingIgnoredDuringExecution"
            preferred: Vec<PreferredPodsSpec> = list 0..=64;
    }
}

section! {
    /// Pods in the same domain.
    pub struct PodAffinityTermSpec {
        /// What makes a domain.
        "topologyKey" topology_key: TopologyKey = required;
        /// The workloads whose pods are meant (instead of a label selector); left out, the
        /// workload itself.
        "workloads" workloads: Vec<Name> = list 0..=64;
    }
}

section! {
    /// Pods that a pod should be near to, or away from.
    pub struct PreferredPodsSpec {
        /// What it is worth.
        "weight" weight: u32 = required, range 1..=100;
        /// Which pods.
        "podAffinityTerm" term: PodAffinityTermSpec = required;
    }
}

/// A topology spread constraint over the pods of the pod's own workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpreadConstraint {
    /// The domains.
    pub key: TopologyKey,
    /// Pods that a domain may have more than the one with the fewest; at least 1.
    pub max_skew: u32,
    /// Hard or soft.
    pub when: WhenUnsatisfiable,
    /// With fewer domains than this the fewest count as 0; 1 if not set.
    pub min_domains: u32,
}

/// A term of pod affinity: pods of these workloads in the same domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodTerm {
    /// The domains.
    pub key: TopologyKey,
    /// Whose pods.
    pub workloads: Vec<WorkloadId>,
}

/// Which nodes the pods of a workload must or should be on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeRules {
    /// `nodeSelector`: all must hold.
    pub selector: Vec<Requirement>,
    /// Required node affinity: all of one term must hold; none means no such rule.
    pub required: Vec<Vec<Requirement>>,
    /// Preferred node affinity: weight and expressions.
    pub preferred: Vec<(u32, Vec<Requirement>)>,
}

impl NodeRules {
    /// Whether a node with these labels may take the pods.
    #[must_use]
    pub fn admit(&self, labels: &Labels) -> bool {
        let all = |term: &Vec<Requirement>| term.iter().all(|one| one.holds(labels));
        all(&self.selector) && (self.required.is_empty() || self.required.iter().any(all))
    }

    /// The weights of the preferred terms that hold.
    #[must_use]
    pub fn preference(&self, labels: &Labels) -> u32 {
        let holds = |(_, term): &&(u32, Vec<Requirement>)| term.iter().all(|r| r.holds(labels));
        self.preferred.iter().filter(holds).map(|(weight, _)| weight).sum()
    }
}

/// Which pods a workload's pods must or should be near to, or away from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodRules {
    /// Required terms.
    pub required: Vec<PodTerm>,
    /// Preferred terms and their weights.
    pub preferred: Vec<(u32, PodTerm)>,
}

/// Where the pods of a workload may or should go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// Taints that they tolerate.
    pub tolerations: Vec<Toleration>,
    /// Nodes.
    pub nodes: NodeRules,
    /// Pods to be near to.
    pub affinity: PodRules,
    /// Pods to be away from.
    pub anti_affinity: PodRules,
    /// Spread constraints; none means those of the cluster.
    pub spread: Vec<SpreadConstraint>,
    /// `preemptionPolicy: Never`: they push nobody out.
    pub never_preempts: bool,
}

impl SpreadConstraintSpec {
    /// What Kubernetes' validation (validateTopologySpreadConstraints) refuses.
    fn check_together(&self, cx: &mut Decoder<'_>) {
        if self.min_domains.is_given()
            && *self.when_unsatisfiable == WhenUnsatisfiable::ScheduleAnyway
        {
            let message = "`minDomains` with `ScheduleAnyway`".to_owned();
            let place = self.min_domains.place.clone();
            let wrong = Diagnostic::error(Code::Contradiction, place, message);
            cx.report(wrong.allowed("`whenUnsatisfiable: DoNotSchedule`"));
        }
    }

    /// The constraint.
    #[must_use]
    pub fn constraint(&self) -> SpreadConstraint {
        SpreadConstraint {
            key: *self.topology_key,
            max_skew: *self.max_skew,
            when: *self.when_unsatisfiable,
            min_domains: *self.min_domains,
        }
    }
}

impl NodeSelectorTermSpec {
    fn requirements(&self) -> Vec<Requirement> {
        self.expressions.iter().map(RequirementSpec::requirement).collect()
    }
}

impl NodeAffinitySpec {
    /// The rules, with those of a node selector.
    #[must_use]
    pub fn rules(affinity: Option<&Self>, selector: &LabelMap) -> NodeRules {
        let required = affinity.and_then(|node| node.required.as_ref());
        let terms = required.iter().flat_map(|required| required.terms.iter());
        let preferred = affinity.iter().flat_map(|node| node.preferred.iter());
        NodeRules {
            selector: selector.requirements(),
            required: terms.map(NodeSelectorTermSpec::requirements).collect(),
            preferred: preferred
                .map(|preferred| (*preferred.weight, preferred.preference.requirements()))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::decode_text;

    /// Selector and one of the terms must hold, in a term every expression; weights add up.
    #[test]
    fn node_rules_combine() {
        let affinity: NodeAffinitySpec = decode_text(
            "requiredDuringSchedulingIgnoredDuringExecution:
  nodeSelectorTerms:
  - matchExpressions:
    - {key: pool, operator: In, values: [a]}
    - {key: disk, operator: Exists}
  - matchExpressions:
    - {key: pool, operator: In, values: [b]}
preferredDuringSchedulingIgnoredDuringExecution:
- weight: 30
  preference: {matchExpressions: [{key: pool, operator: In, values: [b]}]}
- weight: 7
  preference: {matchExpressions: [{key: disk, operator: Exists}]}
",
        )
        .unwrap();
        let selector: LabelMap = decode_text("{os: linux}").unwrap();
        let rules = NodeAffinitySpec::rules(Some(&affinity), &selector);
        for (labels, admitted, preference) in [
            (vec![("os", "linux"), ("pool", "a"), ("disk", "ssd")], true, 7),
            (vec![("os", "linux"), ("pool", "a")], false, 0),
            (vec![("os", "linux"), ("pool", "b")], true, 30),
            (vec![("os", "linux"), ("pool", "b"), ("disk", "hdd")], true, 37),
            (vec![("pool", "b")], false, 30),
            (vec![("os", "linux"), ("pool", "c"), ("disk", "ssd")], false, 7),
        ] {
            let mut node = Labels::default();
            labels.iter().for_each(|(key, value)| node.set(key, value));
            assert_eq!((rules.admit(&node), rules.preference(&node)), (admitted, preference));
        }
        assert!(NodeRules::default().admit(&Labels::default()), "no rule admits every node");
    }
}
