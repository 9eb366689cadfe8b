//! Follows the tables of interpodaffinity/{filtering,scoring}_test.go, rows named as there: as of
//! kubernetes/kubernetes 007f7ae7 (filtering, v1.19 to v1.20) and 030880a5 (scoring, v1.34).
//!
//! Labels and selectors are said as workloads here: pods with the same labels and rules are a
//! class, and a selector is the list of classes whose labels it matches. The wider topology of a
//! row (`region`) is the zone; where a row has a narrower one beside it (`zone`, `az`), each node
//! is a domain of that. A pod on a node without the label of the topology counts nowhere, so it
//! is left out. Rows with namespaces and with labels that no node has are left out.

use crate::model::ids::WorkloadId;
use crate::model::labels::Labels;
use crate::model::node_pool::Resources;
use crate::model::placement::PodTerm;
use crate::model::placement::TopologyKey::{self, Hostname, Zone};
use crate::units::{Bytes, MilliCpu};

use super::fit::{Misfit, fits};
use super::pod_class::{PodClass, PodRules};
use super::schedule::{Feasible, Scratch, score};
use super::score::{FitStrategy, POD_AFFINITY_WEIGHT};
use super::snapshot::{NewNode, Snapshot, Taints};
use super::spread::limits;

/// A term: its topology and the classes that it selects.
type Term = (TopologyKey, &'static [usize]);

/// What one class says about pods near it.
#[derive(Clone, Copy, Debug, Default)]
struct Says {
    /// Required affinity.
    near: &'static [Term],
    /// Required anti-affinity.
    apart: &'static [Term],
    /// Preferred affinity (positive weight) and anti-affinity (negative).
    prefers: &'static [(i32, Term)],
}

/// A class that says nothing.
const NOTHING: Says = Says { near: &[], apart: &[], prefers: &[] };

fn term(&(key, classes): &Term) -> PodTerm {
    PodTerm { key, workloads: classes.iter().map(|&class| WorkloadId::new(class)).collect() }
}

fn rules(says: &Says) -> PodRules {
    let mut rules = PodRules::default();
    let placement = &mut rules.placement;
    placement.affinity.required = says.near.iter().map(term).collect();
    placement.anti_affinity.required = says.apart.iter().map(term).collect();
    for (weight, preferred) in says.prefers {
        let side = if 0 < *weight { &mut placement.affinity } else { &mut placement.anti_affinity };
        side.preferred.push((weight.unsigned_abs(), term(preferred)));
    }
    rules
}

/// A cluster of these classes with nodes in these zones and pods (class, node) on them.
fn cluster(classes: &[Says], zones: &[u32], pods: &[(usize, usize)]) -> Snapshot {
    let rules: Vec<PodRules> = classes.iter().map(rules).collect();
    let mut snapshot = Snapshot::new(PodClass::all(&rules, &[]), FitStrategy::LeastAllocated);
    let allocatable =
        Resources { cpu: MilliCpu::new(4_000), memory: Bytes::from_mib(8_000), pods: 110 };
    let labels = Labels::default();
    snapshot.add_nodes(zones.iter().map(|&zone| NewNode {
        zone,
        taints: Taints::NONE,
        allocatable,
        labels: &labels,
        pool_taints: &[],
    }));
    pods.iter().for_each(|&(class, node)| snapshot.place(class, node));
    snapshot
}

const ONE: &[u32] = &[0];
const SAME: &[u32] = &[0, 0];
const THERE: Pods = &[(1, 0)];
const OK: Option<Misfit> = None;
const FAR: Option<Misfit> = Some(Misfit::Affinity);
const ANTI: Option<Misfit> = Some(Misfit::AntiAffinity);
const REPELLED: Option<Misfit> = Some(Misfit::Repelled);

/// A row of the filter's tables: classes (the incoming pod is of class 0), zones of the nodes,
/// pods as (class, node), and what is said of each node.
type Row = (&'static str, &'static [Says], &'static [u32], Pods, &'static [Option<Misfit>]);

/// Pods as (class, node).
type Pods = &'static [(usize, usize)];

const fn near(near: &'static [Term]) -> Says {
    Says { near, ..NOTHING }
}

const fn apart(apart: &'static [Term]) -> Says {
    Says { apart, ..NOTHING }
}

const fn prefers(prefers: &'static [(i32, Term)]) -> Says {
    Says { prefers, ..NOTHING }
}

fn check_filter(table: &[Row]) {
    for (name, classes, zones, pods, expected) in table {
        let mut snapshot = cluster(classes, zones, pods);
        let limits = limits(&snapshot, 0);
        let found: Vec<Option<Misfit>> =
            (0..zones.len()).map(|node| fits(&mut snapshot, 0, node, &limits).err()).collect();
        assert_eq!(found, *expected, "{name}");
    }
}

/// TestRequiredAffinitySingleNode. Class 1 is the pod labelled `service: securityscan` on the
/// node, class 2 stands for labels that no pod has.
const REQUIRED_ON_ONE_NODE: &[Row] = &[
    (
        "A pod that has no required pod affinity scheduling rules can schedule onto a node \
         with no existing pods",
        &[NOTHING],
        ONE,
        &[],
        &[OK],
    ),
    (
        "satisfies with requiredDuringSchedulingIgnoredDuringExecution in PodAffinity using \
         In operator that matches the existing pod",
        &[near(&[(Zone, &[1])]), NOTHING],
        ONE,
        THERE,
        &[OK],
    ),
    (
        "Doesn't satisfy the PodAffinity because of unmatching labelSelector with the \
         existing pod",
        &[near(&[(Zone, &[2])]), NOTHING, NOTHING],
        ONE,
        THERE,
        &[FAR],
    ),
    (
        "satisfies the PodAffinity with different label Operators in multiple \
         RequiredDuringSchedulingIgnoredDuringExecution ",
        &[near(&[(Zone, &[1]), (Zone, &[1])]), NOTHING],
        ONE,
        THERE,
        &[OK],
    ),
    (
        "The labelSelector requirements(items of matchExpressions) are ANDed, the pod cannot \
         schedule onto the node because one of the matchExpression item don't match.",
        &[near(&[(Zone, &[1]), (Zone, &[2])]), NOTHING, NOTHING],
        ONE,
        THERE,
        &[FAR],
    ),
    (
        "satisfies the PodAffinity and PodAntiAffinity with the existing pod",
        &[Says { near: &[(Zone, &[1])], apart: &[(Hostname, &[2])], ..NOTHING }, NOTHING, NOTHING],
        ONE,
        THERE,
        &[OK],
    ),
    (
        "satisfies the PodAffinity and PodAntiAffinity and PodAntiAffinity symmetry with the \
         existing pod",
        &[
            Says { near: &[(Zone, &[1])], apart: &[(Hostname, &[2])], ..NOTHING },
            apart(&[(Hostname, &[2])]),
            NOTHING,
        ],
        ONE,
        THERE,
        &[OK],
    ),
    (
        "satisfies the PodAffinity but doesn't satisfy the PodAntiAffinity with the existing \
         pod",
        &[Says { near: &[(Zone, &[1])], apart: &[(Zone, &[1])], ..NOTHING }, NOTHING],
        ONE,
        THERE,
        &[ANTI],
    ),
    (
        "satisfies the PodAffinity and PodAntiAffinity but doesn't satisfy PodAntiAffinity \
         symmetry with the existing pod",
        &[
            Says { near: &[(Zone, &[0, 1])], apart: &[(Hostname, &[2])], ..NOTHING },
            apart(&[(Zone, &[0, 1])]),
            NOTHING,
        ],
        ONE,
        THERE,
        &[REPELLED],
    ),
    (
        "verify that PodAntiAffinity from existing pod is respected when pod has no \
         AntiAffinity constraints. doesn't satisfy PodAntiAffinity symmetry with the existing \
         pod",
        &[NOTHING, apart(&[(Zone, &[0, 1])])],
        ONE,
        THERE,
        &[REPELLED],
    ),
    (
        "verify that PodAntiAffinity from existing pod is respected when pod has no \
         AntiAffinity constraints. satisfy PodAntiAffinity symmetry with the existing pod",
        &[NOTHING, apart(&[(Zone, &[2])]), NOTHING],
        ONE,
        THERE,
        &[OK],
    ),
];

#[test]
fn upstream_required_affinity_single_node() {
    // TestRequiredAffinitySingleNode, row by row.
    check_filter(REQUIRED_ON_ONE_NODE);
}

/// TestRequiredAffinityMultipleNodes.
const REQUIRED_ON_SEVERAL_NODES: &[Row] = &[
    (
        "A pod can be scheduled onto all the nodes that have the same topology key & label \
         value with one of them has an existing pod that matches the affinity rules",
        &[near(&[(Zone, &[1])]), NOTHING],
        &[0, 0, 1],
        &[(1, 0)],
        &[OK, OK, FAR],
    ),
    (
        "The affinity rule is to schedule all of the pods of this collection to the same \
         zone. The first pod of the collection should not be blocked from being scheduled \
         onto any node, even there's no existing pod that matches the rule anywhere.",
        &[near(&[(Zone, &[0, 1]), (Zone, &[0])]), NOTHING],
        &[0, 1],
        &[(1, 0)],
        &[OK, OK],
    ),
    (
        "NodeA and nodeB have same topologyKey and label value. NodeA has an existing pod \
         that matches the inter pod affinity rule. The pod can not be scheduled onto nodeA \
         and nodeB.",
        &[apart(&[(Zone, &[1])]), NOTHING],
        SAME,
        &[(1, 0)],
        &[ANTI, ANTI],
    ),
    (
        "This test ensures that anti-affinity matches a pod when any term of the \
         anti-affinity rule matches a pod.",
        &[apart(&[(Zone, &[1]), (Hostname, &[1])]), NOTHING],
        SAME,
        &[(1, 0)],
        &[ANTI, ANTI],
    ),
    (
        "NodeA and nodeB have same topologyKey and label value. NodeA has an existing pod \
         that matches the inter pod affinity rule. The pod can not be scheduled onto nodeA \
         and nodeB but can be scheduled onto nodeC",
        &[apart(&[(Zone, &[1])]), NOTHING],
        &[0, 0, 1],
        &[(1, 0)],
        &[ANTI, ANTI, OK],
    ),
    (
        "Test existing pod's anti-affinity: incoming pod wouldn't considered as a fit as it \
         violates each existingPod's terms on all nodes",
        &[NOTHING, apart(&[(Hostname, &[0])]), apart(&[(Zone, &[0])])],
        SAME,
        &[(1, 0), (2, 0)],
        &[REPELLED, REPELLED],
    ),
    (
        "Test incoming pod's anti-affinity: incoming pod wouldn't considered as a fit as it \
         at least violates one anti-affinity rule of existingPod",
        &[apart(&[(Hostname, &[1]), (Zone, &[2])]), NOTHING, NOTHING],
        SAME,
        &[(1, 0), (2, 1)],
        &[ANTI, ANTI],
    ),
    (
        "Test existing pod's anti-affinity: only when labelSelector and topologyKey both \
         match, it's counted as a single term match - case when all terms have valid \
         topologyKey",
        &[NOTHING, apart(&[(Zone, &[0]), (Hostname, &[0])])],
        SAME,
        &[(1, 0)],
        &[REPELLED, REPELLED],
    ),
    (
        "Test incoming pod's anti-affinity: only when labelSelector and topologyKey both \
         match, it's counted as a single term match - case when all terms have valid \
         topologyKey",
        &[apart(&[(Zone, &[1]), (Hostname, &[1])]), NOTHING],
        SAME,
        &[(1, 0)],
        &[ANTI, ANTI],
    ),
    (
        "Test existing pod's anti-affinity: existingPod on nodeA and nodeB has at least one \
         anti-affinity term matches incoming pod, so incoming pod can only be scheduled to \
         nodeC",
        &[
            NOTHING,
            apart(&[(Hostname, &[0]), (Hostname, &[3])]),
            apart(&[(Hostname, &[0]), (Hostname, &[3])]),
            NOTHING,
        ],
        &[0, 0, 0],
        &[(1, 0), (2, 1)],
        &[REPELLED, REPELLED, OK],
    ),
    (
        "Test incoming pod's affinity: firstly check if all affinityTerms match, and then \
         check if all topologyKeys match",
        &[near(&[(Zone, &[1]), (Zone, &[1])]), NOTHING],
        SAME,
        &[(1, 0)],
        &[OK, OK],
    ),
    (
        "Test incoming pod's affinity: firstly check if all affinityTerms match, and then \
         check if all topologyKeys match, and the match logic should be satisfied on the \
         same pod",
        &[near(&[(Zone, &[1]), (Hostname, &[2])]), NOTHING, NOTHING],
        SAME,
        &[(1, 0), (2, 1)],
        &[FAR, FAR],
    ),
];

#[test]
fn upstream_required_affinity_multiple_nodes() {
    // TestRequiredAffinityMultipleNodes, row by row.
    check_filter(REQUIRED_ON_SEVERAL_NODES);
}

/// The incoming pod says this, those that are there nothing.
const fn plain(incoming: Says) -> [Says; 3] {
    [incoming, NOTHING, NOTHING]
}

/// A row of the score's table: as of the filter's, with the score of each node.
type ScoreRow = (&'static str, &'static [Says], &'static [u32], Pods, &'static [i64]);

fn check_score(table: &[ScoreRow]) {
    for (name, classes, zones, pods, expected) in table {
        let snapshot = cluster(classes, zones, pods);
        let nodes = (0..).take(zones.len()).collect();
        let mut feasible = Feasible { nodes, scores: vec![0; zones.len()] };
        score(&mut feasible, &mut Scratch::default(), &snapshot, 0);
        let scores: Vec<i64> =
            feasible.scores.iter().map(|&score| i64::from(score) / POD_AFFINITY_WEIGHT).collect();
        assert_eq!(scores, *expected, "{name}");
    }
}

/// TestPreferredAffinity, rows with terms of the incoming pod. Class 1 is labelled `security: S1`,
/// class 2 `security: S2`; where the incoming pod is labelled S1, terms that mean S1 mean it, too.
const PREFERRED: &[ScoreRow] = &[
    ("all nodes are same priority as Affinity is nil", &plain(NOTHING), &[0, 1, 2], &[], &[0; 3]),
    (
        "All the nodes that have the same topology key & label value with one of them has an \
         existing pod that match the affinity rules, have the same score",
        &plain(prefers(&[(5, (Zone, &[1]))])),
        &[0, 0, 1],
        &[(1, 0)],
        &[100, 100, 0],
    ),
    (
        "Affinity: nodes in one region has more matching pods comparing to other region, so \
         the region which has more matches will get high score",
        &plain(prefers(&[(6, (Zone, &[2]))])),
        &[0, 1, 0, 0, 1],
        &[(2, 0), (2, 0), (2, 1), (2, 2), (2, 3), (2, 4)],
        &[100, 0, 100, 100, 0],
    ),
    (
        "Affinity: different Label operators and values for pod affinity scheduling \
         preference, including some match failures ",
        &plain(prefers(&[(8, (Zone, &[2])), (2, (Zone, &[0, 1, 2]))])),
        &[0, 1, 2],
        &[(1, 0), (2, 1)],
        &[20, 100, 0],
    ),
    (
        "Anti Affinity: pod that does not match existing pods in node will get high score ",
        &plain(prefers(&[(-5, (Hostname, &[0, 1]))])),
        &[0, 1],
        &[(1, 0), (2, 1)],
        &[0, 100],
    ),
    (
        "Anti Affinity: one node has more matching pods comparing to other node, so the node \
         which has more unmatches will get high score",
        &plain(prefers(&[(-5, (Hostname, &[0, 1]))])),
        &[0, 1],
        &[(1, 0), (1, 0), (2, 1)],
        &[0, 100],
    ),
    (
        "Affinity and Anti Affinity: considered only \
         preferredDuringSchedulingIgnoredDuringExecution in both pod affinity & anti affinity",
        &plain(prefers(&[(8, (Zone, &[0, 1])), (-5, (Hostname, &[2]))])),
        &[0, 1],
        &[(1, 0)],
        &[100, 0],
    ),
    (
        "Affinity and Anti Affinity: considering both affinity and anti-affinity, the pod to \
         schedule and existing pods have the same labels",
        &plain(prefers(&[(8, (Zone, &[0, 1])), (-5, (Hostname, &[2]))])),
        &[0, 1, 0, 0, 1],
        &[(1, 0), (1, 0), (1, 1), (1, 2), (1, 2), (1, 3), (1, 4)],
        &[100, 0, 100, 100, 0],
    ),
];

#[test]
fn upstream_preferred_affinity() {
    // The incoming pod's half of TestPreferredAffinity, row by row.
    check_score(PREFERRED);
}

/// TestPreferredAffinity, rows with terms of pods that are there already: they count for the
/// incoming pod (class 0) if they mean it.
const PREFERRED_BY_THOSE_THERE: &[ScoreRow] = &[
    (
        "Affinity symmetry: considered only the \
         preferredDuringSchedulingIgnoredDuringExecution in pod affinity symmetry",
        // The incoming pod is labelled S2; class 1 prefers S1, class 2 prefers S2.
        &[NOTHING, prefers(&[(5, (Zone, &[1]))]), prefers(&[(6, (Zone, &[0, 2]))])],
        &[0, 1, 2],
        &[(1, 0), (2, 1)],
        &[0, 100, 0],
    ),
    (
        "Affinity symmetry: considered RequiredDuringSchedulingIgnoredDuringExecution in pod \
         affinity symmetry",
        &[
            NOTHING,
            Says { near: &[(Zone, &[0, 1]), (Zone, &[0, 1, 2])], ..NOTHING },
            Says { near: &[(Zone, &[0, 1]), (Zone, &[0, 1, 2])], ..NOTHING },
        ],
        &[0, 1, 2],
        &[(1, 0), (2, 1)],
        &[100, 100, 0],
    ),
    (
        "Anti Affinity symmetry: the existing pods in node which has anti affinity match \
         will get high score",
        // The incoming pod is labelled S2; class 1 avoids S2, class 2 avoids S1.
        &[NOTHING, prefers(&[(-5, (Hostname, &[0, 2]))]), prefers(&[(-5, (Hostname, &[1]))])],
        &[0, 1],
        &[(1, 0), (2, 1)],
        &[0, 100],
    ),
    (
        "Affinity and Anti Affinity and symmetry: considered only \
         preferredDuringSchedulingIgnoredDuringExecution in both pod affinity & anti affinity \
         & symmetry",
        // Incoming and class 1 are labelled S1, class 2 is S2; classes 3 and 4 have no label.
        &[
            prefers(&[(8, (Zone, &[0, 1])), (-5, (Hostname, &[2]))]),
            NOTHING,
            NOTHING,
            prefers(&[(8, (Zone, &[0, 1])), (-5, (Hostname, &[2]))]),
            prefers(&[(-5, (Hostname, &[0, 1]))]),
        ],
        &[0, 1, 2, 3],
        &[(1, 0), (2, 1), (3, 2), (4, 3)],
        &[100, 0, 100, 0],
    ),
    (
        "Avoid panic when partial nodes in a topology don't have pods with affinity",
        &[NOTHING, NOTHING, prefers(&[(8, (Zone, &[0, 1])), (-5, (Hostname, &[3]))]), NOTHING],
        &[0, 0],
        &[(1, 0), (2, 1)],
        &[0, 0],
    ),
];

#[test]
fn upstream_preferred_affinity_symmetry() {
    // The existing pods' half of TestPreferredAffinity, row by row.
    check_score(PREFERRED_BY_THOSE_THERE);
}
