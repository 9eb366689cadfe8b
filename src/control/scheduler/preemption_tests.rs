//! Follows the tables TestDryRunPreemption and TestSelectBestCandidate of
//! defaultpreemption/default_preemption_test.go, rows named as there: as of kubernetes/kubernetes
//! 008b3652, after v1.35.
//!
//! Left out are rows with filters made up for the test, with limits of the search other than the
//! defaults, with `DisruptedPods` of a budget, and with spread over pods of several priorities (a
//! workload has one). Pods with the same name are one class here.

use std::cell::RefCell;

use crate::model::ids::{PodId, WorkloadId};
use crate::model::labels::Labels;
use crate::model::node_pool::Resources;
use crate::model::placement::{PodTerm, TopologyKey};
use crate::units::{Bytes, MilliCpu, Time};

use super::pod_class::{PodClass, PodRules};
use super::preemption::{Pods, Running, preempt, victims_on};
use super::schedule::Request;
use super::score::FitStrategy;
use super::snapshot::{NewNode, Snapshot, Taints};

const NEGATIVE: i32 = -100;
const LOW: i32 = 0;
const MID: i32 = 100;
const HIGH: i32 = 1_000;
const VERY_HIGH: i32 = 10_000;

// CPU in millicores, as much memory in bytes.
const SMALL: i64 = 100;
const MEDIUM: i64 = 200;
const LARGE: i64 = 300;
const VERY_LARGE: i64 = 500;

/// A pod: name, priority, size, start day.
type Pod = (&'static str, i32, i64, i64);

/// A cluster of nodes of 500m, each with its pods.
struct Cluster {
    snapshot: Snapshot,
    running: Vec<Vec<Running>>,
    names: Vec<&'static str>,
}

fn rules(priority: i32, size: i64) -> PodRules {
    let requests = Resources { cpu: MilliCpu::new(size), memory: Bytes::new(size), pods: 1 };
    PodRules { priority, requests, ..PodRules::default() }
}

/// Class 0 is the incoming pod, of this priority and size; then each pod is a class of its own.
/// `apart`: required anti-affinity of pods by name with the incoming one, on the host.
fn cluster(incoming: (i32, i64), nodes: &[&[Pod]], apart: Option<&str>) -> Cluster {
    let mut classes = vec![rules(incoming.0, incoming.1)];
    let mut names = vec!["p"];
    for &(name, priority, size, _) in nodes.iter().copied().flatten() {
        let mut own = rules(priority, size);
        if apart == Some(name) {
            let workloads = vec![WorkloadId::new(0)];
            let term = PodTerm { key: TopologyKey::Hostname, workloads };
            own.placement.anti_affinity.required.push(term);
        }
        classes.push(own);
        names.push(name);
    }
    let mut snapshot = Snapshot::new(PodClass::all(&classes, &[]), FitStrategy::LeastAllocated);
    let (cpu, memory) = (MilliCpu::new(VERY_LARGE), Bytes::new(VERY_LARGE));
    let labels = Labels::default();
    snapshot.add_nodes(nodes.iter().map(|_| NewNode {
        zone: 0,
        taints: Taints::NONE,
        allocatable: Resources { cpu, memory, pods: 32 },
        labels: &labels,
        pool_taints: &[],
    }));
    let mut running = Vec::new();
    let mut class = 0;
    for (node, pods) in nodes.iter().enumerate() {
        let mut here = Vec::new();
        for &(.., day) in *pods {
            class += 1;
            snapshot.place(class, node);
            here.push(Running {
                pod: PodId::new(class),
                class,
                started_at: Time::from_secs(86_400 * day),
                is_leaving: false,
                is_preempted: false,
            });
        }
        running.push(here);
    }
    Cluster { snapshot, running, names }
}

/// A row of the dry run: name, priority and size of the incoming pod, nodes, the pod that keeps
/// apart, victims on each node.
type DryRun = (
    &'static str,
    (i32, i64),
    &'static [&'static [Pod]],
    Option<&'static str>,
    &'static [&'static [&'static str]],
);

/// TestDryRunPreemption: the victims on each node that is a candidate, by name.
const DRY_RUN: &[DryRun] = &[
    (
        "a pod that fits on both nodes when lower priority pods are preempted",
        (HIGH, LARGE),
        &[&[("p1", MID, LARGE, 0)], &[("p2", MID, LARGE, 0)]],
        None,
        &[&["p1"], &["p2"]],
    ),
    (
        "a pod that would fit on the nodes, but other pods running are higher priority, no \
             preemption would happen",
        (LOW, LARGE),
        &[&[("p1", MID, LARGE, 0)], &[("p2", MID, LARGE, 0)]],
        None,
        &[&[], &[]],
    ),
    (
        "medium priority pod is preempted, but lower priority one stays as it is small",
        (HIGH, LARGE),
        &[&[("p1.1", LOW, SMALL, 0), ("p1.2", MID, LARGE, 0)], &[("p2", MID, LARGE, 0)]],
        None,
        &[&["p1.2"], &["p2"]],
    ),
    (
        "mixed priority pods are preempted",
        (HIGH, LARGE),
        &[
            &[
                ("p1.1", MID, SMALL, 0),
                ("p1.2", LOW, SMALL, 0),
                ("p1.3", MID, MEDIUM, 0),
                ("p1.4", HIGH, SMALL, 0),
            ],
            &[("p2", HIGH, LARGE, 0)],
        ],
        None,
        &[&["p1.2", "p1.3"], &[]],
    ),
    (
        "mixed priority pods are preempted, pick later StartTime one when priorities are \
             equal",
        (HIGH, LARGE),
        &[
            &[
                ("p1.1", LOW, SMALL, 5),
                ("p1.2", LOW, SMALL, 4),
                ("p1.3", MID, MEDIUM, 3),
                ("p1.4", HIGH, SMALL, 2),
            ],
            &[("p2", HIGH, LARGE, 1)],
        ],
        None,
        &[&["p1.1", "p1.3"], &[]],
    ),
    (
        "pod with anti-affinity is preempted",
        (HIGH, SMALL),
        &[
            &[("p1.1", LOW, SMALL, 0), ("p1.2", MID, SMALL, 0), ("p1.3", HIGH, SMALL, 0)],
            &[("p2", HIGH, SMALL, 0)],
        ],
        Some("p1.1"),
        &[&["p1.1"], &[]],
    ),
];

#[test]
fn upstream_dry_run_preemption() {
    // TestDryRunPreemption, row by row: as few as possible give way, on each node by itself.
    for (name, incoming, nodes, apart, expected) in DRY_RUN {
        let mut world = cluster(*incoming, nodes, *apart);
        let allowed = vec![None; world.names.len()];
        for (node, expected) in expected.iter().enumerate() {
            let running = world.running[node].clone();
            let request = Request::default();
            let found = victims_on(&mut world.snapshot, &request, node, running, &allowed);
            let victims = found.map_or_else(Vec::new, |candidate| candidate.victims);
            let mut victims: Vec<&str> =
                victims.iter().map(|victim| world.names[victim.class]).collect();
            victims.sort_unstable();
            assert_eq!(victims, *expected, "{name}");
        }
    }
}

/// TestDryRunPreemption, "preemption with violation of same pdb": two pods of one workload whose
/// budget allows one disruption; and its neighbour, where the search goes on until a node without
/// a violation is found.
#[test]
fn upstream_dry_run_preemption_with_budgets() {
    let nodes: &[&[Pod]] = &[&[("foo", MID, MEDIUM, 0)]];
    let mut world = cluster((HIGH, VERY_LARGE), nodes, None);
    world.snapshot.place(1, 0);
    let second = Running { pod: PodId::new(2), ..world.running[0][0] };
    let running = vec![world.running[0][0], second];
    let request = Request::default();
    let found = victims_on(&mut world.snapshot, &request, 0, running, &[None, Some(1)]).unwrap();
    assert_eq!((found.victims.len(), found.n_violations), (2, 1), "violation of same pdb");

    // "preemption looks past numCandidates until a non-PDB violating node is found": 120 nodes,
    // of which 100 are enough, but all from the start of the search on are protected.
    let rows = vec![[("foo", MID, LARGE, 0)]; 120];
    let nodes: Vec<&[Pod]> = rows.iter().map(|row| &row[..]).collect();
    let mut world = cluster((HIGH, LARGE), &nodes, None);
    let mut allowed = vec![Some(0); world.names.len()];
    (allowed[0], allowed[111]) = (None, None);
    let looked_at = RefCell::new(0);
    let running = world.running.clone();
    let on_node = |node: usize| {
        *looked_at.borrow_mut() += 1;
        running[node].clone()
    };
    let pods = Pods { on_node: &on_node, allowed: &allowed };
    let best = preempt(&mut world.snapshot, &Request::default(), &pods).unwrap();
    assert_eq!((best.node, best.n_violations, *looked_at.borrow()), (110, 0, 111));
}

/// A row of the choice: name, priority and size of the incoming pod, nodes, those that are right,
/// counted from 1.
type Choice = (&'static str, (i32, i64), &'static [&'static [Pod]], &'static [usize]);

/// TestSelectBestCandidate: the node that is picked, any of several.
const SELECT: &[Choice] = &[
    (
        "a pod that fits on both nodes when lower priority pods are preempted",
        (HIGH, LARGE),
        &[&[("p1", MID, LARGE, 0)], &[("p2", MID, LARGE, 0)]],
        &[1, 2],
    ),
    (
        "node with min highest priority pod is picked",
        (HIGH, VERY_LARGE),
        &[
            &[("p1.1", MID, MEDIUM, 0), ("p1.2", MID, LARGE, 0)],
            &[("p2.1", MID, MEDIUM, 0), ("p2.2", LOW, MEDIUM, 0)],
            &[("p3.1", LOW, MEDIUM, 0), ("p3.2", LOW, MEDIUM, 0)],
        ],
        &[3],
    ),
    (
        "when highest priorities are the same, minimum sum of priorities is picked",
        (HIGH, VERY_LARGE),
        &[
            &[("p1.1", MID, MEDIUM, 0), ("p1.2", MID, LARGE, 0)],
            &[("p2.1", MID, LARGE, 0), ("p2.2", LOW, MEDIUM, 0)],
            &[("p3.1", MID, MEDIUM, 0), ("p3.2", MID, MEDIUM, 0)],
        ],
        &[2],
    ),
    (
        "when highest priority and sum are the same, minimum number of pods is picked",
        (HIGH, VERY_LARGE),
        &[
            &[
                ("p1.1", MID, SMALL, 0),
                ("p1.2", NEGATIVE, SMALL, 0),
                ("p1.3", MID, SMALL, 0),
                ("p1.4", NEGATIVE, SMALL, 0),
            ],
            &[("p2.1", MID, LARGE, 0), ("p2.2", NEGATIVE, MEDIUM, 0)],
            &[("p3.1", MID, MEDIUM, 0), ("p3.2", NEGATIVE, SMALL, 0), ("p3.3", LOW, SMALL, 0)],
        ],
        &[2],
    ),
    (
        "sum of adjusted priorities is considered",
        (HIGH, VERY_LARGE),
        &[
            &[("p1.1", MID, SMALL, 0), ("p1.2", NEGATIVE, SMALL, 0), ("p1.3", NEGATIVE, SMALL, 0)],
            &[("p2.1", MID, LARGE, 0), ("p2.2", NEGATIVE, MEDIUM, 0)],
            &[("p3.1", MID, MEDIUM, 0), ("p3.2", NEGATIVE, SMALL, 0), ("p3.3", LOW, SMALL, 0)],
        ],
        &[2],
    ),
    (
        "non-overlapping lowest high priority, sum priorities, and number of pods",
        (VERY_HIGH, VERY_LARGE),
        &[
            &[("p1.1", MID, SMALL, 0), ("p1.2", LOW, SMALL, 0), ("p1.3", LOW, SMALL, 0)],
            &[("p2.1", HIGH, LARGE, 0)],
            &[
                ("p3.1", MID, MEDIUM, 0),
                ("p3.2", LOW, SMALL, 0),
                ("p3.3", LOW, SMALL, 0),
                ("p3.4", LOW, MEDIUM, 0),
            ],
            &[
                ("p4.1", MID, MEDIUM, 0),
                ("p4.2", MID, SMALL, 0),
                ("p4.3", MID, SMALL, 0),
                ("p4.4", NEGATIVE, SMALL, 0),
            ],
        ],
        &[1],
    ),
    (
        "same priority, same number of victims, different start time for each node's pod",
        (HIGH, VERY_LARGE),
        &[
            &[("p1.1", MID, MEDIUM, 2), ("p1.2", MID, MEDIUM, 2)],
            &[("p2.1", MID, MEDIUM, 3), ("p2.2", MID, MEDIUM, 3)],
            &[("p3.1", MID, MEDIUM, 1), ("p3.2", MID, MEDIUM, 1)],
        ],
        &[2],
    ),
    (
        "same priority, same number of victims, different start time for all pods",
        (HIGH, VERY_LARGE),
        &[
            &[("p1.1", MID, MEDIUM, 4), ("p1.2", MID, MEDIUM, 2)],
            &[("p2.1", MID, MEDIUM, 5), ("p2.2", MID, MEDIUM, 1)],
            &[("p3.1", MID, MEDIUM, 3), ("p3.2", MID, MEDIUM, 6)],
        ],
        &[3],
    ),
    (
        "different priority, same number of victims, different start time for all pods",
        (HIGH, VERY_LARGE),
        &[
            &[("p1.1", LOW, MEDIUM, 4), ("p1.2", MID, MEDIUM, 2)],
            &[("p2.1", MID, MEDIUM, 6), ("p2.2", LOW, MEDIUM, 1)],
            &[("p3.1", LOW, MEDIUM, 3), ("p3.2", MID, MEDIUM, 5)],
        ],
        &[2],
    ),
];

#[test]
fn upstream_select_best_candidate() {
    // TestSelectBestCandidate, row by row, from several starts of the search.
    for (name, incoming, nodes, expected) in SELECT {
        let mut world = cluster(*incoming, nodes, None);
        let allowed = vec![None; world.names.len()];
        let running = world.running.clone();
        let on_node = |node: usize| running[node].clone();
        let pods = Pods { on_node: &on_node, allowed: &allowed };
        for draw in [0, u64::MAX / 2, u64::MAX] {
            let request = Request { draw, ..Request::default() };
            let best = preempt(&mut world.snapshot, &request, &pods).unwrap();
            assert!(expected.contains(&(best.node + 1)), "{name}: node {}", best.node + 1);
        }
    }
}
