//! Follows the tables of podtopologyspread/{filtering,scoring}_test.go, rows named as there: as of
//! kubernetes/kubernetes 01c2588b (filtering) and 008b3652 (scoring), after v1.34.
//!
//! Rows that our scenarios cannot say are left out: other label selectors than the workload's
//! own, nodes without the label of a topology, node inclusion policies that are not the default,
//! namespaces, `matchLabelKeys`. Where upstream's row lacks the plugin that would refuse a node
//! for its labels or taints ("in real case, it's false"), the refusal of that plugin is expected.

use crate::model::labels::{HOSTNAME, LabelOperator, Labels, Requirement};
use crate::model::node_pool::Resources;
use crate::model::placement::TopologyKey::{self, Hostname, Zone};
use crate::model::placement::WhenUnsatisfiable::{self, DoNotSchedule, ScheduleAnyway};
use crate::model::placement::{NodeRules, SpreadConstraint};
use crate::units::{Bytes, MilliCpu};

use super::fit::{Misfit, fits};
use super::pod_class::{PodClass, PodRules};
use super::schedule::{Feasible, Scratch, score};
use super::score::{FitStrategy, SPREAD_WEIGHT};
use super::snapshot::{NewNode, Snapshot, Taints};
use super::spread::limits;

/// Name, nodes, constraint, node rules and why each node refuses the pod, if it does.
type FilterRow = (&'static str, Nodes, Constraint, NodeRules, Vec<Option<Misfit>>);

/// Name, nodes, constraints, and the score of each node.
type ScoreRow = (&'static str, Nodes, &'static [Constraint], &'static [(u32, i64)]);

/// Nodes of a row: name, zone, pods of the class that are there.
type Nodes = &'static [(&'static str, u32, u32)];

/// A constraint: maxSkew, topologyKey, minDomains.
type Constraint = (u32, TopologyKey, u32);

const ROOM: Resources =
    Resources { cpu: MilliCpu::new(64_000), memory: Bytes::from_mib(64_000), pods: 110 };

/// A cluster of one class with these constraints on these nodes.
fn cluster(
    nodes: Nodes,
    constraints: &[Constraint],
    when: WhenUnsatisfiable,
    selected: NodeRules,
) -> Snapshot {
    let mut rules = PodRules::default();
    rules.placement.nodes = selected;
    let constraint = |&(max_skew, key, min_domains): &Constraint| SpreadConstraint {
        key,
        max_skew,
        when,
        min_domains,
    };
    rules.placement.spread = constraints.iter().map(constraint).collect();
    let mut snapshot = Snapshot::new(PodClass::all(&[rules], &[]), FitStrategy::LeastAllocated);
    for (index, &(name, zone, n_pods)) in nodes.iter().enumerate() {
        let mut labels = Labels::default();
        labels.set(HOSTNAME, name);
        snapshot.add_nodes([NewNode {
            zone,
            taints: Taints::NONE,
            allocatable: ROOM,
            labels: &labels,
            pool_taints: &[],
        }]);
        (0..n_pods).for_each(|_| snapshot.place(0, index));
    }
    snapshot
}

/// What the filters say of each node.
fn filtered(snapshot: &mut Snapshot) -> Vec<Option<Misfit>> {
    let limits = limits(snapshot, 0);
    (0..snapshot.nodes.len()).map(|node| fits(snapshot, 0, node, &limits).err()).collect()
}

/// The spread score of these nodes.
fn scored(snapshot: &Snapshot, nodes: &[u32]) -> Vec<i64> {
    let mut feasible = Feasible { nodes: nodes.to_vec(), scores: vec![0; nodes.len()] };
    score(&mut feasible, &mut Scratch::default(), snapshot, 0);
    feasible.scores.iter().map(|&score| i64::from(score) / SPREAD_WEIGHT).collect()
}

fn hostname(operator: LabelOperator, names: &[&str]) -> NodeRules {
    let values = names.iter().map(|&name| name.to_owned()).collect();
    let term = vec![Requirement { key: HOSTNAME.to_owned(), operator, values }];
    NodeRules { required: vec![term], ..NodeRules::default() }
}

/// Pods as a/b in zone1, x/y in zone2.
const TWO_ONE_NONE_THREE: Nodes =
    &[("node-a", 1, 2), ("node-b", 1, 1), ("node-x", 2, 0), ("node-y", 2, 3)];
const TWO_TWO_ONE: Nodes = &[("node-a", 0, 2), ("node-b", 0, 2), ("node-c", 0, 1)];
const TWO_AND_ONE: Nodes =
    &[("node-a", 1, 1), ("node-b", 1, 1), ("node-x", 2, 0), ("node-y", 2, 1)];

const OK: Option<Misfit> = None;
const NO: Option<Misfit> = Some(Misfit::Spread);

/// A row of the filter's table: name, nodes, constraints, what is said of each node.
type Row = (&'static str, Nodes, &'static [Constraint], &'static [Option<Misfit>]);

/// TestSingleConstraint and TestMultipleConstraints (filtering_test.go); each node is allowed (no
/// misfit) or refused.
const FILTER: &[Row] = &[
    (
        "no existing pods",
        &[("node-a", 1, 0), ("node-b", 1, 0), ("node-x", 2, 0), ("node-y", 2, 0)],
        &[(1, Zone, 1)],
        &[OK; 4],
    ),
    (
        "pods spread across zones as 3/3, all nodes fit",
        TWO_ONE_NONE_THREE,
        &[(1, Zone, 1)],
        &[OK; 4],
    ),
    (
        "pods spread across nodes as 2/1/0/3, only node-x fits",
        TWO_ONE_NONE_THREE,
        &[(1, Hostname, 1)],
        &[NO, NO, OK, NO],
    ),
    (
        "pods spread across nodes as 2/1/0/3, maxSkew is 2, node-b and node-x fit",
        TWO_ONE_NONE_THREE,
        &[(2, Hostname, 1)],
        &[NO, OK, OK, NO],
    ),
    (
        "pods spread across nodes as 2/2/1, maxSkew is 2, and the number of domains < \
             minDomains, then the third node fits",
        TWO_TWO_ONE,
        &[(2, Hostname, 4)],
        &[NO, NO, OK],
    ),
    (
        "pods spread across nodes as 2/2/1, maxSkew is 2, and the number of domains > \
             minDomains, then the all nodes fit",
        TWO_TWO_ONE,
        &[(2, Hostname, 2)],
        &[OK; 3],
    ),
    (
        "pods spread across zone as 2/1, maxSkew is 2 and the number of domains < \
             minDomains, then the third and fourth nodes fit",
        TWO_AND_ONE,
        &[(2, Zone, 3)],
        &[NO, NO, OK, OK],
    ),
    (
        "pods spread across zone as 2/1, maxSkew is 2 and the number of domains > \
             minDomains, then the all nodes fit",
        TWO_AND_ONE,
        &[(2, Zone, 1)],
        &[OK; 4],
    ),
    (
        "two Constraints on zone and node, spreads = [3/3, 2/1/0/3]",
        TWO_ONE_NONE_THREE,
        &[(1, Zone, 1), (1, Hostname, 1)],
        &[NO, NO, OK, NO],
    ),
    (
        "two Constraints on zone and node, spreads = [3/4, 2/1/0/4]",
        &[("node-a", 1, 2), ("node-b", 1, 1), ("node-x", 2, 0), ("node-y", 2, 4)],
        &[(1, Zone, 1), (1, Hostname, 1)],
        &[NO; 4],
    ),
];

#[test]
fn upstream_spread_filter() {
    // TestSingleConstraint and TestMultipleConstraints, row by row.
    for (name, nodes, constraints, expected) in FILTER {
        let mut snapshot = cluster(nodes, constraints, DoNotSchedule, NodeRules::default());
        assert_eq!(filtered(&mut snapshot), *expected, "{name}");
    }
}

/// The rows of TestSingleConstraint in which the pod selects nodes: nodes that it does not select
/// are no domains, and pods there do not count.
#[test]
fn upstream_spread_filter_of_selected_nodes() {
    const OUT: Option<Misfit> = Some(Misfit::NodeAffinity);
    let labelled = NodeRules {
        selector: hostname(LabelOperator::In, &["node-a", "node-b", "node-x"]).required.remove(0),
        ..NodeRules::default()
    };
    let table: Vec<FilterRow> = vec![
        (
            "incoming pod has nodeAffinity, pods spread as 2/~1~/~0~/3, hence node-a fits",
            TWO_ONE_NONE_THREE,
            (1, Hostname, 1),
            hostname(LabelOperator::In, &["node-a", "node-y"]),
            vec![OK, OUT, OUT, NO],
        ),
        (
            "incoming pod has nodeAffinity, pods spread as 0/~2~/0/1, hence node-a fits",
            &[("node-a", 1, 0), ("node-b", 1, 2), ("node-x", 2, 0), ("node-y", 2, 1)],
            (1, Zone, 1),
            hostname(LabelOperator::NotIn, &["node-b"]),
            vec![OK, OUT, NO, NO],
        ),
        (
            "NodeAffinityPolicy honored with labelSelectors",
            &[("node-a", 1, 1), ("node-b", 1, 1), ("node-x", 2, 0), ("node-y", 2, 1)],
            (1, Hostname, 1),
            labelled,
            vec![NO, NO, OK, OUT],
        ),
        (
            "NodeAffinityPolicy honored with nodeAffinity",
            &[("node-a", 1, 1), ("node-b", 1, 1), ("node-x", 2, 0), ("node-y", 2, 1)],
            (1, Hostname, 1),
            hostname(LabelOperator::NotIn, &["node-y"]),
            vec![NO, NO, OK, OUT],
        ),
    ];
    for (name, nodes, constraint, selected, expected) in table {
        let mut snapshot = cluster(nodes, &[constraint], DoNotSchedule, selected);
        assert_eq!(filtered(&mut snapshot), expected, "{name}");
    }
}

/// "terminating Pods should be excluded" of both files, and "NodeTaintsPolicy ignored" of
/// filtering_test.go: a tainted node with a pod is a domain like the others.
#[test]
fn upstream_spread_of_leaving_pods_and_tainted_nodes() {
    let nodes: Nodes = &[("node-a", 0, 1), ("node-b", 0, 1)];
    for when in [DoNotSchedule, ScheduleAnyway] {
        let mut snapshot = cluster(nodes, &[(1, Hostname, 1)], when, NodeRules::default());
        snapshot.stop_counting(0, 0);
        if when == DoNotSchedule {
            assert_eq!(filtered(&mut snapshot), [None, Some(Misfit::Spread)]);
        } else {
            assert_eq!(scored(&snapshot, &[0, 1]), [100, 0]);
        }
    }
    let nodes: Nodes = &[("node-a", 0, 1), ("node-b", 0, 1), ("node-x", 0, 0), ("node-y", 0, 1)];
    let mut snapshot = cluster(nodes, &[(1, Hostname, 1)], DoNotSchedule, NodeRules::default());
    snapshot.set_taints(3, Taints::UNSCHEDULABLE);
    let spread = Some(Misfit::Spread);
    let expected = [spread, spread, None, Some(Misfit::Unschedulable)];
    assert_eq!(filtered(&mut snapshot), expected);
}

const HOSTS_TWO_ONE_NONE_THREE: Nodes =
    &[("node-a", 0, 2), ("node-b", 0, 1), ("node-c", 0, 0), ("node-d", 0, 3)];
const FOUR_THREE_TWO_ONE: Nodes =
    &[("node-a", 0, 4), ("node-b", 0, 3), ("node-c", 0, 2), ("node-d", 0, 1)];
const FOUR_TWO_ONE_THREE: Nodes =
    &[("node-a", 1, 4), ("node-b", 1, 2), ("node-x", 2, 1), ("node-y", 2, 3)];

/// TestPodTopologySpreadScore (scoring_test.go); the last column names the nodes that passed the
/// filters, with upstream's scores.
const SCORE: &[ScoreRow] = &[
    (
        "one constraint on node, no existing pods",
        &[("node-a", 0, 0), ("node-b", 0, 0)],
        &[(1, Hostname, 1)],
        &[(0, 100), (1, 100)],
    ),
    (
        "one constraint on node, only one node is candidate",
        &[("node-a", 0, 2), ("node-b", 0, 1)],
        &[(1, Hostname, 1)],
        &[(0, 100)],
    ),
    (
        "one constraint on node, all nodes have the same number of matching pods",
        &[("node-a", 0, 1), ("node-b", 0, 1)],
        &[(1, Hostname, 1)],
        &[(0, 100), (1, 100)],
    ),
    (
        "one constraint on node, all 4 nodes are candidates",
        HOSTS_TWO_ONE_NONE_THREE,
        &[(1, Hostname, 1)],
        &[(0, 20), (1, 60), (2, 100), (3, 0)],
    ),
    (
        "one constraint on node, all 4 nodes are candidates, maxSkew=2",
        HOSTS_TWO_ONE_NONE_THREE,
        &[(2, Hostname, 1)],
        &[(0, 33), (1, 66), (2, 100), (3, 16)],
    ),
    (
        "one constraint on node, all 4 nodes are candidates, maxSkew=3",
        FOUR_THREE_TWO_ONE,
        &[(3, Hostname, 1)],
        &[(0, 44), (1, 66), (2, 77), (3, 100)],
    ),
    (
        "one constraint on node, 3 out of 4 nodes are candidates",
        FOUR_TWO_ONE_THREE,
        &[(1, Hostname, 1)],
        &[(0, 33), (1, 83), (2, 100)],
    ),
    (
        "one constraint on zone, 3 out of 4 nodes are candidates",
        FOUR_TWO_ONE_THREE,
        &[(1, Zone, 1)],
        &[(0, 75), (1, 75), (2, 100)],
    ),
    (
        "two Constraints on zone and node, 2 out of 4 nodes are candidates",
        &[("node-a", 1, 2), ("node-b", 1, 1), ("node-x", 2, 2), ("node-y", 2, 4)],
        &[(1, Zone, 1), (1, Hostname, 1)],
        &[(0, 100), (2, 63)],
    ),
    (
        "existing pods in a different namespace do not count",
        &[("node-a", 0, 1), ("node-b", 0, 2)],
        &[(1, Hostname, 1)],
        &[(0, 100), (1, 33)],
    ),
    (
        "minDomains has no effect when ScheduleAnyway",
        TWO_TWO_ONE,
        &[(2, Hostname, 10)],
        &[(0, 75), (1, 75), (2, 100)],
    ),
    (
        "NodeTaintsPolicy ignored",
        &[("node-a", 0, 2), ("node-b", 0, 1), ("node-c", 0, 1)],
        &[(1, Hostname, 1)],
        &[(0, 66), (1, 100), (2, 100)],
    ),
];

#[test]
fn upstream_spread_score() {
    // TestPodTopologySpreadScore, row by row.
    for (name, nodes, constraints, expected) in SCORE {
        let snapshot = cluster(nodes, constraints, ScheduleAnyway, NodeRules::default());
        let (candidates, scores): (Vec<u32>, Vec<i64>) = expected.iter().copied().unzip();
        assert_eq!(scored(&snapshot, &candidates), scores, "{name}");
    }
}
