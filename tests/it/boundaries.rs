//! Boundaries of pure decisions that no vector pins: rows that fail when a comparison, a constant
//! or an order moves by one.
//!
//! Each was found by changing the function by hand and seeing every other test pass.

use tideover::control::cluster_autoscaler::scale_down::utilization::Utilization;
use tideover::control::cluster_autoscaler::similar::{
    DifferenceRatios, NodeShape, Provider, Rules, are_similar,
};
use tideover::control::endpoints::{Endpoint, EndpointsInUse};
use tideover::control::kubelet::probe::{
    Answer, ProbeChange, ProbeWorker, Results, Timing, Verdict,
};
use tideover::control::node_lifecycle::taint_eviction::{TaintKey, Toleration, eviction_timer};
use tideover::control::replica_set::deletion_order::{self, Candidate, Phase, compare, victims};
use tideover::model::event::ProbeKind;
use tideover::model::ids::NodeId;
use tideover::model::node_pool::Resources;
use tideover::model::workload::Probe;
use tideover::units::{Bytes, MilliCpu, Span, Time};

const PROBE: Probe = Probe {
    initial_delay: Span::ZERO,
    period: Span::from_secs(10),
    timeout: Span::from_secs(1),
    success_threshold: 1,
    failure_threshold: 3,
    termination_grace: None,
};

/// An answer that takes exactly the time-out is in time; a nanosecond more is too late.
#[test]
fn an_answer_at_the_time_out_is_in_time() {
    let start = Time::from_secs(100);
    let change = |takes| {
        let answer = Answer::After(takes);
        let kind = ProbeKind::Readiness;
        let timing = Timing { phase: Time::ZERO, started_at: start, passed_at: start };
        ProbeWorker::started(kind, PROBE, timing, Results::default(), answer).next_change()
    };
    let passed = ProbeChange { at: Time::from_secs(101), verdict: Verdict::Success };
    assert_eq!(change(Span::from_secs(1)), Some(passed));
    assert_eq!(change(Span::from_secs(1) + Span::from_nanos(1)), None);
}

/// The third failure in a row is the one that counts: not the second, and not a fourth.
#[test]
fn the_threshold_is_reached_by_its_last_result() {
    let good = Answer::After(Span::ZERO);
    let (kind, long_ago) = (ProbeKind::Readiness, Time::from_secs(-50));
    let mut worker = ProbeWorker::passing(kind, PROBE, Time::from_secs(1), good, long_ago);
    worker.change(Time::ZERO, Answer::Never);
    // Probes start at 1, 11 and 21 s and time out a second later.
    worker.absorb(Time::from_secs(22) - Span::from_nanos(1));
    assert_eq!(worker.verdict(), Verdict::Success);
    worker.absorb(Time::from_secs(22));
    assert_eq!(worker.verdict(), Verdict::Failure);
}

/// A terminating endpoint that no longer serves gets nothing, even if others of its kind do.
#[test]
fn only_serving_endpoints_are_used_while_terminating() {
    let uses =
        |serving| EndpointsInUse::ServingTerminating.uses(Endpoint { serving, terminating: true });
    assert_eq!([true, false].map(uses), [true, false]);
}

/// With two taints the shorter toleration decides, in whatever order they are.
#[test]
fn the_shortest_toleration_decides() {
    let tolerates = |key, secs| Toleration { key: Some(key), lasts: Some(Span::from_secs(secs)) };
    let [not_ready, unreachable] = [TaintKey::NotReady, TaintKey::Unreachable];
    let tolerations = [tolerates(not_ready, 300), tolerates(unreachable, 60)];
    for taints in [[not_ready, unreachable], [unreachable, not_ready]] {
        let timer = eviction_timer(None, &taints, &tolerations, Time::ZERO);
        assert_eq!(timer.map(|timer| timer.fires), Some(Time::from_secs(60)), "{taints:?}");
    }
}

fn candidate(ready_age_s: i64, max_restarts: u32, uid: u64) -> Candidate {
    Candidate {
        node: Some(NodeId::new(0)),
        phase: Phase::Running,
        ready: true,
        ready_since: Some(Time::from_secs(-ready_age_s)),
        created: None,
        max_restarts,
        deletion_cost: 0,
        rank: 1,
        uid,
    }
}

/// Ages of one bucket are settled by the UID, and if even that is equal they tie: restarts decide
/// only between pods that turned ready at the same instant.
#[test]
fn a_coin_flip_is_final() {
    use std::cmp::Ordering::{Equal, Less};
    let rules = deletion_order::Rules::at(Time::ZERO);
    for (rule, a, b, expected) in [
        ("one bucket, one UID", candidate(18_000, 5, 1), candidate(28_000, 0, 1), Equal),
        ("one bucket, two UIDs", candidate(18_000, 0, 1), candidate(28_000, 5, 2), Less),
        ("one instant", candidate(18_000, 5, 1), candidate(18_000, 0, 1), Less),
    ] {
        assert_eq!(compare(&a, &b, rules), expected, "{rule}");
        assert_eq!(compare(&b, &a, rules), expected.reverse(), "{rule}, reversed");
    }
}

/// If all pods are to go, they go in the order in which they are listed.
#[test]
fn all_pods_go_in_their_given_order() {
    let pods = [candidate(28_000, 0, 2), candidate(1, 5, 1)];
    let rules = deletion_order::Rules::at(Time::ZERO);
    assert_eq!(victims(&pods, 2, rules), [0, 1]);
    assert_eq!(victims(&pods, 1, rules), [1]);
}

/// A node that is used exactly as much as the threshold is still a candidate for scale-down.
#[test]
fn the_utilisation_threshold_is_inclusive() {
    let half = Utilization { cpu: 0.5, memory: 0.2 };
    assert!(half.is_at_most(0.5));
    assert!(!half.is_at_most(0.499));
}

/// A resource that only one node offers to pods makes groups differ, however wide the ratios;
/// edges are rounded as those of thousandths are, of which 261,000 is more than 0.29 of 900,000
/// (in units 261 would be within 0.29 of 900).
#[test]
fn similar_nodes_offer_the_same_resources() {
    let size =
        |memory| Resources { cpu: MilliCpu::new(1_000), memory: Bytes::new(memory), pods: 10 };
    let shape = |memory, allocatable_gpus| NodeShape {
        capacity: size(100),
        allocatable: size(memory),
        requested: Resources::default(),
        gpus: 1,
        allocatable_gpus,
        labels: &[],
    };
    let similar = |a: &NodeShape<'_>, b: &NodeShape<'_>, ratio: f64| {
        let ratios = DifferenceRatios { capacity_memory: ratio, allocatable: ratio, free: ratio };
        let provider = Provider::Generic;
        are_similar(a, b, &Rules { provider, ratios, extra_ignored_labels: &[] })
    };
    assert!(similar(&shape(100, 1), &shape(100, 1), 0.0));
    assert!(!similar(&shape(100, 1), &shape(100, 0), 1.0), "a GPU against none");
    assert!(similar(&shape(100, 2), &shape(100, 1), 1.0), "two GPUs against one");
    assert!(!similar(&shape(900, 1), &shape(639, 1), 0.29), "an edge in thousandths");
    assert!(similar(&shape(900, 1), &shape(640, 1), 0.29));
}
