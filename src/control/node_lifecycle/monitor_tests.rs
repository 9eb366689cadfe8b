//! The node monitor's passes, rule by rule, as upstream's node_lifecycle_controller.go has them.

use crate::model::ids::{NodeId, PodId};
use crate::model::node::Condition;
use crate::units::Time;

use super::monitor::{Action, ApiServer, MonitorPolicy, MonitorState, NodeReport};
use super::taint_eviction::TaintKey;

fn at(secs: i64) -> Time {
    Time::from_secs(secs)
}

fn node() -> NodeId {
    NodeId::new(0)
}

fn report(ready: Option<Condition>, taint: Option<TaintKey>) -> NodeReport {
    NodeReport { node: node(), zone: 0, ready, heartbeat: at(0), taint, excluded: false }
}

/// An API server that lists these nodes, each with one ready pod of the same number.
struct Listed<'a>(&'a [NodeReport]);

impl ApiServer for Listed<'_> {
    fn nodes(&mut self) -> Vec<NodeReport> {
        self.0.to_vec()
    }

    fn ready_pods(&mut self, node: NodeId) -> Vec<PodId> {
        vec![PodId::new(node.index())]
    }
}

/// A whole pass at `now_s`, and what it does.
fn pass(monitor: &mut MonitorState, now_s: i64, reports: &[NodeReport]) -> Vec<Action> {
    let (mut now, mut actions) = (at(now_s), Vec::new());
    loop {
        let next = monitor.advance(now, &mut Listed(reports), &mut actions);
        if !monitor.is_in_pass() {
            return actions;
        }
        now = next;
    }
}

/// A pass at 0 s and one at `then_s` over one node that was last heard of at 0 s and is
/// reported as given at the second; what the second pass does to it.
fn second_pass(then_s: i64, ready: Option<Condition>, taint: Option<TaintKey>) -> Vec<Action> {
    let mut monitor = MonitorState::new(MonitorPolicy::K8S_1_31, at(0));
    let first = ready.map(|_| Condition::True);
    pass(&mut monitor, 0, &[report(first, None), ready_node(0)]);
    pass(&mut monitor, then_s, &[report(ready, taint), ready_node(then_s)])
}

/// Another node of the same zone, so that this is not the only one and down.
fn ready_node(heard_s: i64) -> NodeReport {
    let heartbeat = at(heard_s);
    NodeReport { node: NodeId::new(1), heartbeat, ..report(Some(Condition::True), None) }
}

/// One row per rule of a pass: seconds since the node was heard of, its condition and taint,
/// and what is done.
#[test]
fn what_a_pass_does_to_a_node() {
    use Action::{MarkPodNotReady, SetUnknown, Taint, Untaint};
    use TaintKey::{NotReady, Unreachable};
    let node = node();
    let (ready, bad, unknown) =
        (Some(Condition::True), Some(Condition::False), Some(Condition::Unknown));
    let silent = vec![SetUnknown { node }, MarkPodNotReady { pod: PodId::new(0) }];
    let unknown_only = vec![SetUnknown { node }];
    let swap = |key| vec![Taint { node, key }];
    let table = [
        ("silent for exactly the grace period: not yet", 40, ready, None, vec![]),
        ("silent for longer", 41, ready, None, silent),
        ("never reported: 60 s from its creation", 60, None, None, vec![]),
        ("never reported for longer", 61, None, None, vec![SetUnknown { node }]),
        ("not ready by its own report: its pods stay ready", 5, bad, None, vec![]),
        ("not ready and then silent: its pods stay as they are", 41, bad, None, unknown_only),
        ("silent and ready again: nothing to set", 5, ready, None, vec![]),
        ("tainted for what it is: nothing to do", 5, bad, Some(NotReady), vec![]),
        ("not-ready turns unreachable at once", 5, unknown, Some(NotReady), swap(Unreachable)),
        ("unreachable turns not-ready at once", 5, bad, Some(Unreachable), swap(NotReady)),
        ("ready again loses its taint", 5, ready, Some(Unreachable), vec![Untaint { node }]),
    ];
    for (rule, then_s, ready, taint, expected) in table {
        assert_eq!(second_pass(then_s, ready, taint), expected, "{rule}");
    }
}

/// Nodes labelled exclude-disruption do not count: the only counted node of the cluster is
/// down, so all zones are.
#[test]
fn excluded_nodes_do_not_count_in_their_zone() {
    let stops = |excluded| {
        let other = NodeReport { node: NodeId::new(1), excluded, ..report(None, None) };
        let other = NodeReport { ready: Some(Condition::True), ..other };
        let mut monitor = MonitorState::new(MonitorPolicy::K8S_1_31, at(0));
        let reports = [report(Some(Condition::Unknown), None), other];
        let actions = pass(&mut monitor, 0, &reports);
        actions.contains(&Action::StopEvictions)
    };
    assert_eq!([true, false].map(stops), [true, false]);
}

/// A queued node that is ready again when its turn comes takes the token and is left alone.
#[test]
fn a_node_that_is_back_takes_a_token() {
    let mut monitor = MonitorState::new(MonitorPolicy::K8S_1_31, at(0));
    let mut actions = Vec::new();
    let down = report(Some(Condition::Unknown), None);
    let reports = [0, 1].map(|index| NodeReport { node: NodeId::new(index), ..down });
    monitor.advance(at(0), &mut Listed(&reports), &mut actions);
    let ready = |id: NodeId| if id == node() { Condition::True } else { Condition::Unknown };
    monitor.work_queues(at(0), ready, &mut actions);
    assert_eq!(actions, []);
    assert_eq!(monitor.queues_due(at(0)), Some(at(10)));
    monitor.work_queues(at(10), ready, &mut actions);
    let other = NodeId::new(1);
    assert_eq!(actions, [Action::Taint { node: other, key: TaintKey::Unreachable }]);
}

/// The reports of nodes 0, 1, ..: zone, condition and taint of each, last heard of at 0 s.
fn reports(nodes: &[(usize, Condition, Option<TaintKey>)]) -> Vec<NodeReport> {
    let made = nodes.iter().enumerate().map(|(index, &(zone, ready, taint))| NodeReport {
        node: NodeId::new(index),
        zone,
        ..report(Some(ready), taint)
    });
    made.collect()
}

/// The queues worked at `now_s`, every queued node being Unknown.
fn work(monitor: &mut MonitorState, now_s: i64) -> Vec<Action> {
    let mut actions = Vec::new();
    monitor.work_queues(at(now_s), |_| Condition::Unknown, &mut actions);
    actions
}

const UNKNOWN: Condition = Condition::Unknown;
const TAINTED: Option<TaintKey> = Some(TaintKey::Unreachable);

/// Which pass queues a node, by the seconds of a second pass: a condition that the node came with
/// counts in the same pass; one that the pass itself sets counts in the next; a node that never
/// reported is left alone for its startup grace and then queued at once.
#[test]
fn when_a_node_is_queued() {
    let (ready, bad) = (Some(Condition::True), Some(Condition::False));
    for (rule, then_s, condition, queued) in [
        ("silent: not in the pass that finds it so", 41, ready, false),
        ("Unknown before the pass", 41, Some(UNKNOWN), true),
        ("not ready by its own report", 5, bad, true),
        ("never reported, in its startup grace", 60, None, false),
        ("never reported, after it", 61, None, true),
    ] {
        let mut monitor = MonitorState::new(MonitorPolicy::K8S_1_31, at(0));
        let alive = |heard_s| NodeReport {
            node: NodeId::new(1),
            heartbeat: at(heard_s),
            ..report(Some(Condition::True), None)
        };
        let first = condition.map(|_| Condition::True);
        pass(&mut monitor, 0, &[report(first, None), alive(0)]);
        pass(&mut monitor, then_s, &[report(condition, None), alive(then_s)]);
        assert_eq!(monitor.queues_due(at(then_s)).is_some(), queued, "{rule}");
    }
}

/// The startup grace runs from the creation of the Node object even if it is first listed later;
/// a lease that is renewed meanwhile starts it anew.
#[test]
fn the_startup_grace_runs_from_creation_or_the_last_lease() {
    for (rule, renewed_s, silent_at_s) in
        [("no lease", 0, 61), ("a lease seen at 25.001 s", 25, 86)]
    {
        let mut monitor = MonitorState::new(MonitorPolicy::K8S_1_31, at(0));
        pass(&mut monitor, 20, &[report(None, None)]);
        let heard = NodeReport { heartbeat: at(renewed_s), ..report(None, None) };
        assert_eq!(pass(&mut monitor, silent_at_s - 1, &[heard])[..], [], "{rule}");
        let actions = pass(&mut monitor, silent_at_s, &[heard]);
        assert!(actions.contains(&Action::SetUnknown { node: node() }), "{rule}: {actions:?}");
    }
}

/// A controller that starts anew takes the taints off nodes that are not ready, and gives them
/// back at the rate of evictions: one at once, the next 10 s later.
#[test]
fn a_restarted_controller_taints_anew_at_the_limited_rate() {
    let mut monitor = MonitorState::new(MonitorPolicy::K8S_1_31, at(0));
    let ready = (0, Condition::True, None);
    let listed = reports(&[(0, UNKNOWN, TAINTED), (0, UNKNOWN, TAINTED), ready, ready]);
    let [first, second] = [0, 1].map(NodeId::new);
    let then = reports(&[(0, UNKNOWN, TAINTED), (0, UNKNOWN, None), ready, ready]);
    let untainted = [first, second].map(|node| Action::Untaint { node });
    assert_eq!(pass(&mut monitor, 0, &listed)[..2], untainted);
    let tainted = |node| [Action::Taint { node, key: TaintKey::Unreachable }];
    assert_eq!(work(&mut monitor, 1), tainted(first));
    assert_eq!(work(&mut monitor, 9), []);
    assert_eq!(pass(&mut monitor, 9, &then), []);
    assert_eq!(work(&mut monitor, 10), []);
    assert_eq!(work(&mut monitor, 11), tainted(second));
}

/// A queued node that is deleted before its turn keeps its place and costs a token.
#[test]
fn a_deleted_node_still_takes_its_token() {
    let mut monitor = MonitorState::new(MonitorPolicy::K8S_1_31, at(0));
    let down = reports(&[
        (0, Condition::True, None),
        (0, Condition::True, None),
        (0, UNKNOWN, None),
        (0, UNKNOWN, None),
        (0, UNKNOWN, None),
    ]);
    pass(&mut monitor, 0, &[&down[..2], &down[4..]].concat());
    assert_eq!(work(&mut monitor, 0).len(), 1, "the premise: the first token is gone");
    pass(&mut monitor, 5, &[&down[..2], &down[2..4]].concat());
    pass(&mut monitor, 10, &[&down[..2], &down[3..4]].concat());
    let mut actions = Vec::new();
    // Node 2 is deleted: whoever works the queue finds no condition that calls for a taint.
    let ready = |id: NodeId| if id.index() == 2 { Condition::True } else { UNKNOWN };
    monitor.work_queues(at(10), ready, &mut actions);
    assert_eq!(actions, []);
    monitor.work_queues(at(20), ready, &mut actions);
    assert_eq!(actions, [Action::Taint { node: NodeId::new(3), key: TaintKey::Unreachable }]);
}

/// A zone whose nodes are all gone is forgotten: its next node finds a full bucket.
#[test]
fn a_zone_without_nodes_is_forgotten() {
    let mut monitor = MonitorState::new(MonitorPolicy::K8S_1_31, at(0));
    let up = (0, Condition::True, None);
    pass(&mut monitor, 0, &reports(&[up, (1, UNKNOWN, None)]));
    assert_eq!(work(&mut monitor, 0).len(), 1, "the premise: the token of zone 1 is gone");
    pass(&mut monitor, 5, &reports(&[up]));
    let again = NodeReport { node: NodeId::new(7), ..reports(&[up, (1, UNKNOWN, None)])[1] };
    let actions = pass(&mut monitor, 6, &[reports(&[up])[0], again]);
    assert!(matches!(actions[..], [Action::SetZone { zone: 1, .. }]), "{actions:?}");
    assert_eq!(work(&mut monitor, 6).len(), 1);
}

/// Leaving "all zones down" gives every node a fresh grace period from the end of that pass.
#[test]
fn resuming_gives_a_fresh_grace_period() {
    let mut monitor = MonitorState::new(MonitorPolicy::K8S_1_31, at(0));
    pass(&mut monitor, 0, &reports(&[(0, UNKNOWN, None), (1, UNKNOWN, None)]));
    let back = NodeReport { heartbeat: at(100), ..reports(&[(0, Condition::True, None)])[0] };
    let late = reports(&[(0, UNKNOWN, None), (1, Condition::True, None)])[1];
    let late = NodeReport { heartbeat: at(70), ..late };
    let actions = pass(&mut monitor, 100, &[back, late]);
    assert!(actions.contains(&Action::ResumeEvictions), "{actions:?}");
    let alive = NodeReport { heartbeat: at(135), ..back };
    let silent = Action::SetUnknown { node: late.node };
    assert!(!pass(&mut monitor, 140, &[alive, late]).contains(&silent), "40 s from 100.001 s");
    assert!(pass(&mut monitor, 141, &[alive, late]).contains(&silent));
}
