//! Dead nodes: one of 30, six of the ten of a zone, and all nine of three zones.

use tideover::model::fact::{What, Why};
use tideover::simulation::Simulation;
use tideover::units::{Span, Time};

use super::compare::{Course, assert_same, distance, note};
use super::file::{Recording, place};
use super::setting::{MonitorPhases, begin, node_name, node_of, scenario};

/// Which part of the course of events the fit of phases looks at.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    /// When nodes turn Unknown.
    Unknown,
    /// What the monitor does to nodes.
    Nodes,
    /// Everything.
    All,
}

/// Events of a recording between the fault and `until_s`.
///
/// Which node of several that wait is tainted first depends on the order in which eight workers of
/// the real controller happened to look at them, so taints and evictions are compared by zone.
fn recorded(recording: &Recording, part: Part, until_s: f64) -> Course {
    let mut course = Course::new();
    let healed_at = recording.healed_at().unwrap_or(f64::INFINITY);
    for event in recording.events.iter().filter(|e| 0.0 <= e.at_s && e.at_s < until_s) {
        let (at_s, node) = (event.at_s, event.text("node"));
        let zone = || format!("zone {}", place(node).0 + 1);
        let ready = event.text("to") == "True";
        match event.kind.as_str() {
            "node_ready" if ready => note(&mut course, "node ready", node, at_s),
            "node_ready" => note(&mut course, "node unknown", node, at_s),
            _ if part == Part::Unknown => {}
            "taint" if event.text("effect") == "NoExecute" => {
                note(&mut course, "tainted", zone(), at_s);
            }
            "untaint" if event.text("effect") == "NoExecute" => {
                note(&mut course, "untainted", zone(), at_s);
            }
            "pod_ready" if !ready && part == Part::All => {
                note(&mut course, "pod not ready", node, at_s);
            }
            // Later, pods of returned nodes are ready here; the recording's client left them alone.
            // When pending pods are tried depends on the scheduler's back-off in v1.20.2.
            "pod_ready" | "pod_bound" if healed_at < at_s => {}
            "pod_ready" if ready => note(&mut course, "pod ready", "", at_s),
            "pod_bound" => note(&mut course, "pod bound", "", at_s),
            "pod_created" => note(&mut course, "pod created", "", at_s),
            "pod_deleting" => note(&mut course, "pod deleted", zone(), at_s),
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
    let zone = |node: &str| format!("zone {}", place(node).0 + 1);
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
                note(&mut course, "tainted", zone(&name(node)), at_s);
            }
            What::NodeTainted { node, tainted: false, .. } => {
                note(&mut course, "untainted", zone(&name(node)), at_s);
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
                note(&mut course, "pod deleted", zone(&node_of(run, pod)), at_s);
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

/// The phases at which nodes turn Unknown and are tainted at the recorded instants.
///
/// The passes are tried every 20 ms of their period by when nodes turn Unknown; around the best, at
/// finer steps, together with the phase of the queue.
fn fit(recording: &Recording, compared: impl Fn(Course) -> Course) -> MonitorPhases {
    const UNTIL_S: f64 = 60.0;
    let scenario = scenario(recording, 61);
    let best = |part: Part, tried: &mut dyn Iterator<Item = (i64, i64)>| {
        let real = compared(recorded(recording, part, UNTIL_S));
        let fits = tried.map(|(pass_ms, queue_ms)| {
            let (pass, queue) = (Span::from_millis(pass_ms), Span::from_millis(queue_ms));
            let mut run = begin(recording, &scenario, MonitorPhases { pass, queue });
            run_until(&mut run, UNTIL_S);
            let ours = compared(simulated(recording, &run, part, UNTIL_S));
            (distance(&real, &ours), (pass_ms, queue_ms))
        });
        fits.min_by(|a, b| a.0.total_cmp(&b.0)).expect("phases are tried").1
    };
    let (pass_ms, _) = best(Part::Unknown, &mut (0..250).map(|pass| (20 * pass, 0)));
    let queues = |pass| (0..20).map(move |queue| (pass, 5 * queue));
    let around = (-5..=5).map(|step| (pass_ms + 10 * step).rem_euclid(5_010));
    let (pass_ms, queue_ms) = best(Part::Nodes, &mut around.flat_map(queues));
    MonitorPhases { pass: Span::from_millis(pass_ms), queue: Span::from_millis(queue_ms) }
}

/// Replays a recording at the fitted phases and compares everything until `end_s`.
fn replay(file: &str, recording: &Recording, end_s: i64) {
    replay_compared(file, recording, end_s, |course| course);
}

/// The same for what `compared` leaves of recording and run.
fn replay_compared(
    file: &str,
    recording: &Recording,
    end_s: i64,
    compared: impl Fn(Course) -> Course,
) {
    let phases = fit(recording, &compared);
    let scenario = scenario(recording, end_s);
    let mut run = begin(recording, &scenario, phases);
    run_until(&mut run, end_s as f64);
    let end_s = end_s as f64;
    let ours = compared(simulated(recording, &run, Part::All, end_s));
    assert_same(file, &compared(recorded(recording, Part::All, end_s)), &ours);
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
/// are evicted, the taints go when the nodes are back.
///
/// Each zone has a token when that pass begins. The real controller queued the nodes of zone 3
/// after it had worked the queues, so that zones 1 and 2 used theirs; here a pass queues all nodes
/// at its start, so zone 3 uses its token, too. Zone 3's taint and evictions are left out.
#[test]
fn all_zones_with_evictions() {
    let a = Recording::read(include_str!("../../recordings/all-zones-a.json"));
    replay_compared("all-zones-a", &a, 500, |mut course| {
        for kind in ["tainted", "untainted", "pod deleted"] {
            course.remove(&(kind, "zone 3".to_owned()));
        }
        let created = course.get_mut(&("pod created", String::new()));
        created.into_iter().for_each(|times| times.truncate(4));
        course
    });
}
