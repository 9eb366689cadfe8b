//! Pods that the scheduler cannot tell apart: those of one workload in one cluster.
//!
//! Follows framework/types.go (PodInfo) and the PreFilter and PreScore of the plugins; what they
//! compute for each pod anew is computed once per workload here: affinity terms in both
//! directions, tolerations, selectors.

use crate::model::ids::WorkloadId;
use crate::model::labels::{AGENT_POOL, Requirement};
use crate::model::node_pool::Resources;
use crate::model::placement::{
    NodeRules, Placement, PodTerm, SpreadConstraint, TopologyKey, WhenUnsatisfiable,
};
use crate::model::taint::{TaintEffect, Toleration};
use crate::model::workload::AntiAffinity;
use crate::units::{Bytes, MilliCpu};

use super::snapshot::Taints;

/// Weight of a required affinity of existing pods for new ones (hardPodAffinityWeight).
const HARD_POD_AFFINITY_WEIGHT: i64 = 1;

/// The rules of a workload's pods, as the scenario gives them.
#[derive(Clone, Debug, Default)]
pub struct PodRules {
    /// What a pod requests; `pods` is 1, zero means unset.
    pub requests: Resources,
    /// Scheduling priority.
    pub priority: i32,
    /// Size of the image, for image locality; zero: not scored.
    pub image: Bytes,
    /// The only pool that it may run on.
    pub pool: Option<String>,
    /// Required anti-affinity with its own kind.
    pub anti_affinity: AntiAffinity,
    /// Everything else.
    pub placement: Placement,
}

/// The same as the scheduler reads them; other workloads are classes, by index.
#[derive(Clone, Debug, Default)]
pub struct PodClass {
    /// What a pod requests; `pods` is 1, zero means unset.
    pub requests: Resources,
    /// Scheduling priority.
    pub priority: i32,
    /// `preemptionPolicy: Never`.
    pub never_preempts: bool,
    /// Size of the image; zero: not scored.
    pub image: Bytes,
    /// Conditions of nodes that it tolerates.
    pub tolerates: Taints,
    /// Taints of pools that it tolerates.
    pub tolerations: Vec<Toleration>,
    /// Nodes that it must or should be on.
    pub nodes: NodeRules,
    /// Its spread constraints, or the cluster's default ones.
    pub spread: Vec<SpreadConstraint>,
    /// Required affinity.
    pub near: Option<Near>,
    /// Required anti-affinity of its own: no pod of this class in the same domain.
    pub apart: Vec<(TopologyKey, usize)>,
    /// Required anti-affinity of other pods against it.
    pub repelled: Vec<(TopologyKey, usize)>,
    /// Weight of each pod of a class in the same domain, from preferred terms of either side.
    pub attraction: Vec<(i64, TopologyKey, usize)>,
}

/// Required pod affinity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Near {
    /// A domain of each key must have such a pod.
    pub keys: Vec<TopologyKey>,
    /// The classes that all terms mean.
    pub classes: Vec<usize>,
    /// Whether the pod is meant by its own terms: then the first of its kind may go anywhere.
    pub means_itself: bool,
}

impl PodClass {
    /// The classes of a cluster: one for each workload, `default_spread` for those without
    /// constraints of their own.
    #[must_use]
    pub fn all(rules: &[PodRules], default_spread: &[SpreadConstraint]) -> Vec<Self> {
        let anti: Vec<Vec<PodTerm>> =
            rules.iter().enumerate().map(|(own, rule)| required_anti_affinity(rule, own)).collect();
        let class = |(own, rule): (usize, &PodRules)| {
            let placement = &rule.placement;
            let spread =
                if placement.spread.is_empty() { default_spread } else { &placement.spread };
            Self {
                requests: rule.requests,
                priority: rule.priority,
                never_preempts: placement.never_preempts,
                image: rule.image,
                tolerates: tolerated_conditions(&placement.tolerations),
                tolerations: placement.tolerations.clone(),
                nodes: node_rules(rule),
                spread: spread.to_vec(),
                near: near(&placement.affinity.required, own),
                apart: pairs(&anti[own]),
                repelled: repelled(&anti, own),
                attraction: attraction(rules, own),
            }
        };
        rules.iter().enumerate().map(class).collect()
    }

    /// Whether it matters which pods are near: hard spread, required affinity or anti-affinity of
    /// either side.
    #[must_use]
    pub(super) fn minds_neighbours(&self) -> bool {
        let is_hard = |c: &SpreadConstraint| c.when == WhenUnsatisfiable::DoNotSchedule;
        self.near.is_some()
            || !self.apart.is_empty()
            || !self.repelled.is_empty()
            || self.spread.iter().any(is_hard)
    }

    /// CPU that counts for scoring: 100m where nothing is requested (DefaultMilliCPURequest).
    #[must_use]
    pub fn scored_cpu(&self) -> MilliCpu {
        let cpu = self.requests.cpu;
        if cpu == MilliCpu::ZERO { MilliCpu::new(100) } else { cpu }
    }

    /// Memory that counts for scoring: 200 MiB where nothing is requested (DefaultMemoryRequest).
    #[must_use]
    pub fn scored_memory(&self) -> Bytes {
        let memory = self.requests.memory;
        if memory == Bytes::ZERO { Bytes::from_mib(200) } else { memory }
    }
}

/// The nodes that a workload's pods must or should be on: `nodePool` is a node selector.
#[must_use]
pub fn node_rules(rule: &PodRules) -> NodeRules {
    let mut nodes = rule.placement.nodes.clone();
    nodes.selector.extend(rule.pool.iter().map(|pool| Requirement::equals(AGENT_POOL, pool)));
    nodes
}

/// The conditions of nodes whose NoSchedule taint is tolerated.
fn tolerated_conditions(tolerations: &[Toleration]) -> Taints {
    let tolerated = |key: &str| {
        tolerations.iter().any(|own| own.tolerates_parts(key, "", TaintEffect::NoSchedule))
    };
    let known = Taints::NAMED.iter().filter(|(_, key)| tolerated(key));
    known.fold(Taints::NONE, |all, (taint, _)| all.with(*taint))
}

/// Required anti-affinity, that of the shorthand included.
fn required_anti_affinity(rule: &PodRules, own: usize) -> Vec<PodTerm> {
    let mut terms = rule.placement.anti_affinity.required.clone();
    let key = match rule.anti_affinity {
        AntiAffinity::None => return terms,
        AntiAffinity::Hostname => TopologyKey::Hostname,
        AntiAffinity::Zone => TopologyKey::Zone,
    };
    terms.push(PodTerm { key, workloads: vec![WorkloadId::new(own)] });
    terms
}

fn pairs(terms: &[PodTerm]) -> Vec<(TopologyKey, usize)> {
    let of = |term: &PodTerm| -> Vec<(TopologyKey, usize)> {
        term.workloads.iter().map(|workload| (term.key, workload.index())).collect()
    };
    terms.iter().flat_map(of).collect()
}

/// Classes whose required anti-affinity means `own`.
fn repelled(anti: &[Vec<PodTerm>], own: usize) -> Vec<(TopologyKey, usize)> {
    let mut found = Vec::new();
    for (other, terms) in anti.iter().enumerate() {
        let meant = terms.iter().filter(|term| means(term, own));
        found.extend(meant.map(|term| (term.key, other)));
    }
    found
}

fn means(term: &PodTerm, class: usize) -> bool {
    term.workloads.iter().any(|workload| workload.index() == class)
}

fn near(terms: &[PodTerm], own: usize) -> Option<Near> {
    let first = terms.first()?;
    let all_mean = |class: &usize| terms.iter().all(|term| means(term, *class));
    let classes = first.workloads.iter().map(|workload| workload.index());
    let classes: Vec<usize> = classes.filter(|class| all_mean(class)).collect();
    let keys = terms.iter().map(|term| term.key).collect();
    Some(Near { keys, means_itself: classes.contains(&own), classes })
}

/// Weights of existing pods for a new one of class `own` (interpodaffinity/scoring.go,
/// processExistingPod): its own preferred terms, and those of existing pods that mean it.
fn attraction(rules: &[PodRules], own: usize) -> Vec<(i64, TopologyKey, usize)> {
    let mut found = Vec::new();
    let placement = &rules[own].placement;
    let signed = [(1, &placement.affinity), (-1, &placement.anti_affinity)];
    for (sign, terms) in signed {
        for (weight, term) in &terms.preferred {
            let classes = term.workloads.iter().map(|workload| workload.index());
            found.extend(classes.map(|class| (sign * i64::from(*weight), term.key, class)));
        }
    }
    for (other, rule) in rules.iter().enumerate() {
        let placement = &rule.placement;
        let hard = placement.affinity.required.iter().filter(|term| means(term, own));
        found.extend(hard.map(|term| (HARD_POD_AFFINITY_WEIGHT, term.key, other)));
        for (sign, terms) in [(1, &placement.affinity), (-1, &placement.anti_affinity)] {
            let meant = terms.preferred.iter().filter(|(_, term)| means(term, own));
            found.extend(meant.map(|(weight, term)| (sign * i64::from(*weight), term.key, other)));
        }
    }
    found
}
