//! Dead nodes: one of 30, six of the ten of a zone, and all nine of three zones.

use tideover::model::fact::{What, Why};
use tideover::simulation::Simulation;
use tideover::units::Time;

use super::compare::{Course, assert_same, distance, note};
use super::file::Recording;
use super::setting::{Part, begin, fit, node_name, node_of, scenario};

/// Events of a recording between the fault and `until_s`.
fn recorded(recording: &Recording, part: Part, until_s: f64) -> Course {
    let mut course = Course::new();
    let healed_at = recording.healed_at().unwrap_or(f64::INFINITY);
    for event in recording.events.iter().filter(|e| 0.0 <= e.at_s && e.at_s < until_s) {
        let (at_s, node) = (event.at_s, event.text("node"));
        let ready = event.text("to") == "True";
        match event.kind.as_str() {
            "node_ready" if ready => note(&mut course, "node ready", node, at_s),
            "node_ready" => note(&mut course, "node unknown", node, at_s),
            _ if part == Part::Unknown => {}
            "taint" if event.text("effect") == "NoExecute" => {
                note(&mut course, "tainted", node, at_s);
            }
            "untaint" if event.text("effect") == "NoExecute" => {
                note(&mut course, "untainted", node, at_s);
            }
            "pod_ready" if !ready && part == Part::All => {
                note(&mut course, "pod not ready", node, at_s);
            }
            // Later, pods of returned nodes are ready here; the recording's client left them alone.
            "pod_ready" | "pod_bound" if healed_at < at_s => {}
            "pod_ready" if ready => note(&mut course, "pod ready", "", at_s),
            "pod_bound" => note(&mut course, "pod bound", "", at_s),
            "pod_created" => note(&mut course, "pod created", "", at_s),
            "pod_deleting" => note(&mut course, "pod deleted", node, at_s),
            _ => {}
        }
    }
    course
}

/// The same of a run.
fn simulated(recording: &Recording, run: &Simulation<'_>, part: Part, until_s: f64) -> Course {
    let mut course = Course::new();
    let healed_at = recording.healed_at().unwrap_or(f64::INFINITY);
    let name = |node| node_name(run, node);
    let facts = run.cx.facts.facts().iter();
    let facts = facts.map(|fact| (fact.at.as_secs_f64(), fact.what));
    for (at_s, what) in facts.filter(|(at_s, _)| 0.0 <= *at_s && *at_s < until_s) {
        match what {
            What::NodeReadiness { node, status: Why("Ready") } => {
                note(&mut course, "node ready", name(node), at_s);
            }
            What::NodeReadiness { node, status: Why("Unknown") } => {
                note(&mut course, "node unknown", name(node), at_s);
            }
            _ if part == Part::Unknown => {}
            What::NodeTainted { node, tainted: true, .. } => {
                note(&mut course, "tainted", name(node), at_s);
            }
            What::NodeTainted { node, tainted: false, .. } => {
                note(&mut course, "untainted", name(node), at_s);
            }
            What::PodNotReady { pod, .. } if part == Part::All && at_s < healed_at => {
                note(&mut course, "pod not ready", node_of(run, pod), at_s);
            }
            What::PodReady { .. } if at_s < healed_at => {
                note(&mut course, "pod ready", "", at_s);
            }
            What::PodScheduled { .. } if at_s < healed_at => {
                note(&mut course, "pod bound", "", at_s);
            }
            What::PodCreated { .. } => note(&mut course, "pod created", "", at_s),
            What::PodDeleted { pod, .. } => {
                note(&mut course, "pod deleted", node_of(run, pod), at_s);
            }
            _ => {}
        }
    }
    course
}

/// Runs until `until_s`.
fn run_until(run: &mut Simulation<'_>, until_s: f64) {
    while run.step().is_some_and(|_| run.cx.now < Time::from_secs_f64(until_s)) {}
}

/// Replays a recording at the fitted phase, compares everything until `end_s` and leaves what
/// happened.
fn replay(file: &str, recording: &Recording, end_s: i64) -> Vec<(f64, What)> {
    const FIT_UNTIL_S: f64 = 60.0;
    let scenario = scenario(recording, end_s);
    let phase = fit(|phase, part| {
        let mut run = begin(recording, &scenario, phase);
        run_until(&mut run, FIT_UNTIL_S);
        let real = recorded(recording, part, FIT_UNTIL_S);
        distance(&real, &simulated(recording, &run, part, FIT_UNTIL_S))
    });
    let mut run = begin(recording, &scenario, phase);
    let end_s = end_s as f64;
    run_until(&mut run, end_s);
    let ours = simulated(recording, &run, Part::All, end_s);
    assert_same(file, &recorded(recording, Part::All, end_s), &ours);
    run.cx.facts.facts().iter().map(|fact| (fact.at.as_secs_f64(), fact.what)).collect()
}

/// One of 30 nodes: Unknown, tainted a pass later, its two pods replaced 300 s after that.
#[test]
fn one_node() {
    let recording = Recording::read(include_str!("../../recordings/one-node.json"));
    replay("one-node", &recording, 600);
}

/// Six of the ten nodes of a zone: one is tainted before the zone is seen to be partly down, and
/// nothing else is ever evicted.
#[test]
fn partial_zone() {
    let a = Recording::read(include_str!("../../recordings/partial-zone-a.json"));
    replay("partial-zone-a", &a, 900);
    let b = Recording::read(include_str!("../../recordings/partial-zone-b.json"));
    replay("partial-zone-b", &b, 900);
}

/// All nine nodes of three zones, back at 420 s: the taints of the pass before the last are known
/// to the pass that finds everything down, and taken away; nothing is evicted.
#[test]
fn all_zones_without_evictions() {
    let b = Recording::read(include_str!("../../recordings/all-zones-b.json"));
    replay("all-zones-b", &b, 500);
}

/// The same with two nodes that are tainted in the very pass that finds everything down: their pods
/// are evicted, the taints go when the nodes are back. Zone 3 has a token, too, but its nodes are
/// looked at last: that pass ends, and evictions with it, before the queues are worked again.
///
/// One thing differs: when the four pods that waited are bound. Here they are as soon as a node has
/// lost its taints, at 420 s. In v1.20.2 every change of a node moved every pending pod, so that
/// they were tried, and failed, between the change of the first node's Ready condition (420.02 s)
/// and that of its taint (420.06 s), and then backed off: bound at 428.79 s, 8.8 s later, and to
/// other nodes. Since plugins register for events (v1.22), a pod that taints keep out waits for a
/// change of taints.
#[test]
fn all_zones_with_evictions() {
    let a = Recording::read(include_str!("../../recordings/all-zones-a.json"));
    let happened = replay("all-zones-a", &a, 500);
    let bound = happened.iter().filter(|(_, what)| matches!(what, What::PodScheduled { .. }));
    let bound: Vec<f64> = bound.map(|(at_s, _)| *at_s).filter(|at_s| 0.0 < *at_s).collect();
    let really = a.after_start("pod_bound").map(|event| event.at_s);
    let really: Vec<f64> = really.collect();
    assert_eq!((bound.len(), really.len()), (4, 4), "{bound:?}, {really:?}");
    for (ours, real) in bound.iter().zip(&really) {
        assert!((420.0..420.6).contains(ours), "{bound:?}");
        assert!((real - ours - 8.8).abs() <= 0.1, "{really:?} is not 8.8 s after {bound:?}");
    }
}
