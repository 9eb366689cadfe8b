//! The HPA under a load step, and during the loss of a zone.
//!
//! What the metrics API served is computed by the rule that the files state, at the recorded
//! instants: every 15 s, only pods that have been ready for 15 s, usage = load / live pods, at most
//! the limit. The recorded values must come out of it.
//!
//! The passes of the HPA follow from its first one, which shows in its status, and one phase: that
//! of the controller manager, whose informers resync every 15 s, and whose REST mapper, made a
//! second before they start, is reset every 30 s (see `tideover::control::hpa::cadence`).

use tideover::control::hpa::cadence::{Cadence, Discovery};
use tideover::control::hpa::reconcile::Path;
use tideover::control::metrics_pipeline::{PodUsage, serve};
use tideover::model::event::Event;
use tideover::model::fact::{What, Why};
use tideover::model::ids::{ClusterId, DeploymentId, HpaId, PodId};
use tideover::model::node::Stage;
use tideover::simulation::Simulation;
use tideover::units::{Bytes, Span, Time};

use super::compare::{Course, assert_same, distance, note};
use super::file::Recording;
use super::setting::{Part, begin, fit, node_name, node_of, scenario};

/// What the metrics API served from an instant on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Served {
    usage_milli: i64,
    with_metrics: usize,
    live: usize,
}

/// What an HPA's status shows: replicas, wanted replicas, utilisation \[%\].
type Status = (i64, i64, Option<i64>);

/// What a replay leaves behind.
struct Replayed<'s> {
    run: Simulation<'s>,
    served: Vec<(f64, Served)>,
    /// Each status with the pass that brought it.
    statuses: Vec<(f64, Status)>,
}

const DEPLOYMENT: usize = 0;

/// Time between two passes of an HPA and two resyncs.
const PERIOD: Span = Span::from_secs(15);

/// When the first pass ended: with the status of a target without pods.
fn first_pass(recording: &Recording) -> Time {
    let first = recording.of("hpa_status").next().expect("the first pass was recorded");
    Time::from_secs_f64(first.at_s)
}

/// The passes of an HPA whose controller manager resyncs at `phase`.
///
/// Without discovery a pass takes 10 ms, as those do that end 15.01 s after another. Discovery
/// takes half a second more: some 40 calls, one for each group and version of v1.20.2, of which
/// all but the burst of 30 wait for their tokens, 20 a second.
fn cadence(phase: Time) -> Cadence {
    Cadence::with_discovery(Discovery {
        pass: Span::from_millis(10),
        takes: Span::from_millis(500),
        reset_at: phase - Span::from_secs(1),
        resync_at: phase,
    })
}

/// The phase at which passes end closest to the recorded changes of the status.
fn fit_passes(recording: &Recording) -> Cadence {
    let real: Vec<f64> = recording.of("hpa_status").map(|event| event.at_s).collect();
    let error = |cadence: Cadence| {
        let (mut cadence, mut ended) = (cadence, first_pass(recording));
        let mut passes = vec![ended.as_secs_f64()];
        while ended < Time::from_secs(660) {
            ended = cadence.next(ended, PERIOD);
            passes.push(ended.as_secs_f64());
        }
        let nearest = |at_s: &f64| {
            passes.iter().map(|pass_s| (pass_s - at_s).abs()).fold(f64::INFINITY, f64::min)
        };
        real.iter().map(nearest).fold(0.0, f64::max)
    };
    let cadences = (0..300).map(|step| cadence(Time::ZERO + Span::from_millis(50) * step));
    cadences.min_by(|a, b| error(*a).total_cmp(&error(*b))).expect("phases are tried")
}

/// Serves what the metrics API knows at `at_s`.
fn serve_metrics(run: &mut Simulation<'_>, recording: &Recording, at_s: f64) -> Served {
    let cx = &mut run.cx;
    let at = Time::from_secs_f64(at_s);
    let pods = cx.world[DeploymentId::new(DEPLOYMENT)].pods.clone();
    let is_live = |pod: &PodId| {
        let node = cx.world[*pod].node;
        cx.world[*pod].is_ready() && node.is_some_and(|node| cx.world[node].is_up())
    };
    let live: Vec<PodId> = pods.iter().copied().filter(is_live).collect();
    let stepped = recording.of("load").filter(|event| event.at_s < at_s - 0.2).last();
    let load = stepped.map_or(recording.replicas() as i64 * 300, |e| e.number("total_milli"));
    let limit = recording.params["limit_milli"].as_i64().expect("pods have a limit");
    let usage_milli = (load / live.len() as i64).min(limit);
    let window = Span::from_secs(15);
    let mut with_metrics = 0;
    for pod in pods {
        let known = live.contains(&pod) && cx.world[pod].ready_since + window <= at;
        with_metrics += usize::from(known);
        let usage = PodUsage {
            cpu_cores: usage_milli as f64 / 1e3,
            sidecars_cores: 0.0,
            memory: Bytes::ZERO,
            timestamp: at,
            window,
        };
        serve(cx, pod, known.then_some(usage));
    }
    Served { usage_milli, with_metrics, live: live.len() }
}

/// Runs until `end_s` with the recorded metrics and the fitted passes.
fn replay<'s>(mut run: Simulation<'s>, recording: &Recording, end_s: f64) -> Replayed<'s> {
    let hpa = Event::HpaSync(HpaId::new(0));
    let nodes: Vec<_> = run.cx.world.cluster_nodes(ClusterId::new(0)).collect();
    nodes.into_iter().for_each(|node| run.cx.clock.disarm(Event::KubeletStats(node)));
    run.cx.clock.disarm(Event::MetricsScrape(ClusterId::new(0)));
    let mut cadence = fit_passes(recording);
    run.cx.clock.arm(hpa, cadence.next(first_pass(recording), PERIOD));
    run.cx.memory.hpas[0].cadence = cadence;
    let mut metrics = recording.of("metrics").map(|event| event.at_s).peekable();
    let (mut served, mut statuses) = (Vec::new(), Vec::new());
    while run.cx.now < Time::from_secs_f64(end_s) {
        let next = run.cx.clock.next_at().expect("the observer is always armed");
        // What is served was measured a moment before.
        let due = |at_s: &f64| Time::from_secs_f64(at_s - 0.1) < next;
        if let Some(at_s) = metrics.next_if(due) {
            served.push((at_s, serve_metrics(&mut run, recording, at_s)));
        }
        if run.step().expect("the horizon is later") == hpa {
            let shown = status(&run);
            if statuses.last().is_none_or(|(_, last)| *last != shown) {
                statuses.push((run.cx.now.as_secs_f64(), shown));
            }
        }
    }
    Replayed { run, served, statuses }
}

fn status(run: &Simulation<'_>) -> Status {
    let decision = run.cx.memory.hpas[0].last.expect("it has run");
    let percent = match decision.path {
        Path::Measured(measured) => measured.proposal.utilization_percent.map(i64::from),
        _ => None,
    };
    (i64::from(decision.from), i64::from(decision.replicas), percent)
}

/// The recorded statuses of the HPA from the first with pods on.
fn recorded_statuses(recording: &Recording) -> Vec<(f64, Status)> {
    let shown = recording.of("hpa_status").skip(1);
    let status = |event: &super::file::Recorded| {
        let percent = event.optional("cpu_pct");
        (event.at_s, (event.number("current"), event.number("desired"), percent))
    };
    shown.map(status).collect()
}

fn recorded_metrics(recording: &Recording) -> Vec<(f64, Served)> {
    let served = |event: &super::file::Recorded| Served {
        usage_milli: event.number("usage_milli"),
        with_metrics: event.number("pods_with_metrics") as usize,
        live: event.number("live") as usize,
    };
    recording.of("metrics").map(|event| (event.at_s, served(event))).collect()
}

/// Asserts that the same values were served, from the time on that the pods have settled.
fn assert_same_metrics(recording: &Recording, served: &[(f64, Served)], until_s: f64) {
    let counted = |(at_s, _): &&(f64, Served)| -320.0 < *at_s && *at_s < until_s;
    let real = recorded_metrics(recording);
    let [real, ours] =
        [&real[..], served].map(|list| list.iter().filter(counted).copied().collect::<Vec<_>>());
    // Where the usage is the load over the pods, a real one is a whole number of milli-cores.
    for (real, ours) in real.iter().zip(&ours) {
        assert!((real.1.usage_milli - ours.1.usage_milli).abs() <= 1, "{real:?} is not {ours:?}");
        assert_eq!(
            (real.1.with_metrics, real.1.live),
            (ours.1.with_metrics, ours.1.live),
            "{real:?}"
        );
    }
    assert_eq!(real.len(), ours.len());
}

/// Asserts that the status went through the same values, each within the tolerance.
fn assert_same_statuses(file: &str, recorded: &[(f64, Status)], simulated: &[(f64, Status)]) {
    let courses = [recorded, simulated].map(|statuses| {
        let mut course = Course::new();
        for (at_s, status) in statuses {
            note(&mut course, "status", format!("{status:?}"), *at_s);
        }
        course
    });
    assert_same(file, &courses[0], &courses[1]);
    let sequence = |statuses: &[(f64, Status)]| -> Vec<Status> {
        statuses.iter().map(|(_, status)| *status).collect()
    };
    assert_eq!(sequence(recorded), sequence(simulated), "{file}");
}

/// Notes what became of pods and replicas from the start to `until_s`.
fn simulated(run: &Simulation<'_>, until_s: f64) -> Course {
    let mut course = Course::new();
    let facts = run.cx.facts.facts().iter();
    let facts = facts.map(|fact| (fact.at.as_secs_f64(), fact.what));
    for (at_s, what) in facts.filter(|(at_s, _)| 0.0 <= *at_s && *at_s < until_s) {
        match what {
            What::PodCreated { .. } => note(&mut course, "pod created", "", at_s),
            What::PodScheduled { .. } => note(&mut course, "pod bound", "", at_s),
            What::PodReady { .. } => note(&mut course, "pod ready", "", at_s),
            What::PodDeleted { .. } => note(&mut course, "pod deleted", "", at_s),
            What::PodNotReady { pod, .. } => {
                note(&mut course, "pod not ready", node_of(run, pod), at_s);
            }
            What::NodeReadiness { node, status: Why("Unknown") } => {
                note(&mut course, "node unknown", node_name(run, node), at_s);
            }
            What::NodeTainted { tainted: true, .. } => note(&mut course, "tainted", "", at_s),
            What::Scaled { to, .. } => note(&mut course, "replicas", to.to_string(), at_s),
            _ => {}
        }
    }
    course
}

/// The same of a recording.
fn recorded(recording: &Recording, until_s: f64) -> Course {
    let mut course = Course::new();
    for event in recording.events.iter().filter(|e| 0.0 <= e.at_s && e.at_s < until_s) {
        let at_s = event.at_s;
        match event.kind.as_str() {
            "pod_created" => note(&mut course, "pod created", "", at_s),
            "pod_bound" => note(&mut course, "pod bound", "", at_s),
            "pod_ready" if event.text("to") == "True" => note(&mut course, "pod ready", "", at_s),
            "pod_ready" => note(&mut course, "pod not ready", event.text("node"), at_s),
            "pod_deleting" => note(&mut course, "pod deleted", "", at_s),
            "node_ready" => note(&mut course, "node unknown", event.text("node"), at_s),
            "taint" if event.text("effect") == "NoExecute" => {
                note(&mut course, "tainted", "", at_s);
            }
            "replicas" => note(&mut course, "replicas", event.number("to").to_string(), at_s),
            _ => {}
        }
    }
    course
}

/// Load 4 → 40 → 8 pods' worth: 4 → 8 → 14 → 23 → 40, and after 300 s of low recommendations in
/// one step to 8.
#[test]
fn growth_without_behavior() {
    let recording = Recording::read(include_str!("../../recordings/hpa-no-behavior.json"));
    let scenario = scenario(&recording, 700);
    let replayed = replay(begin(&recording, &scenario, Span::ZERO), &recording, 660.0);
    assert_same_metrics(&recording, &replayed.served, 659.0);
    assert_same_statuses("hpa-no-behavior", &recorded_statuses(&recording), &replayed.statuses);
    assert_same("hpa-no-behavior", &recorded(&recording, 659.0), &simulated(&replayed.run, 659.0));
}

/// The lease renewals of this file were not recorded: those that lead to the recorded passes. A
/// node turns Unknown on the first pass later than 40 s after the one that saw its renewal.
fn renew_leases(run: &mut Simulation<'_>, recording: &Recording) {
    let unknown = recording.after_start("node_ready").filter(|event| event.text("to") == "Unknown");
    let unknown: Vec<(String, f64)> =
        unknown.map(|event| (event.text("node").to_owned(), event.at_s)).collect();
    let nodes: Vec<_> = run.cx.world.cluster_nodes(ClusterId::new(0)).collect();
    for node in nodes {
        let name = node_name(run, node);
        assert_eq!(run.cx.world[node].stage, Stage::Joined);
        if let Some((_, at_s)) = unknown.iter().find(|(other, _)| *other == name) {
            let renewed = Time::from_secs_f64((at_s - 43.0).min(-0.05));
            tideover::control::node_lifecycle::begin_renewals(&mut run.cx, node, renewed);
        }
    }
}

/// 30 pods at their target in three zones, of which one is killed: utilisation goes to 90 % and
/// back as evicted pods are replaced, and the HPA wants 30 all the time.
///
/// From the eighth taint on the recording follows the queue of v1.20.2 (see its note), so the last
/// three nodes are compared with the spacing of the current source, one every 10.05 s.
#[test]
fn zone_loss() {
    const UNTIL_S: f64 = 410.0;
    let recording = Recording::read(include_str!("../../recordings/hpa-zone-loss.json"));
    let scenario = scenario(&recording, 700);
    let fit_until_s = 110.0;
    let real = recorded(&recording, fit_until_s);
    let run = |phase: Span, end_s: f64| {
        let mut run = begin(&recording, &scenario, phase);
        renew_leases(&mut run, &recording);
        replay(run, &recording, end_s)
    };
    let phase = fit(|phase, part| {
        let until_s = if part == Part::Unknown { 60.0 } else { fit_until_s };
        let ours = simulated(&run(phase, until_s).run, until_s);
        let compared = |course: &Course| -> Course {
            let is_compared = |kind: &str| part != Part::Unknown || kind == "node unknown";
            let kept = course.iter().filter(|((kind, _), _)| is_compared(kind));
            kept.map(|(key, times)| (key.clone(), times.clone())).collect()
        };
        distance(&compared(&real), &compared(&ours))
    });
    let replayed = run(phase, 660.0);
    // Until the pods of the seventh node are replaced.
    let seven = |mut course: Course| {
        let tainted = course.get_mut(&("tainted", String::new()));
        tainted.expect("nodes are tainted").truncate(7);
        course
    };
    let real = seven(recorded(&recording, UNTIL_S));
    assert_same("hpa-zone-loss", &real, &seven(simulated(&replayed.run, UNTIL_S)));

    let times = |kind: &'static str| {
        let course = simulated(&replayed.run, 660.0);
        course.get(&(kind, String::new())).cloned().unwrap_or_default()
    };
    let tainted = times("tainted");
    assert_eq!(tainted.len(), 10, "{tainted:?}");
    for pair in tainted[1..].windows(2) {
        assert!((9.99..=10.1).contains(&(pair[1] - pair[0])), "{tainted:?}");
    }
    // One pod on each node: evicted 300 s after the taint, replaced at once, ready 2 s later.
    for (kind, after_s) in [("pod deleted", 300.0), ("pod created", 300.0), ("pod ready", 302.0)] {
        let times = times(kind);
        assert_eq!(times.len(), 10, "{kind}: {times:?}");
        for (at_s, tainted_s) in times.iter().zip(&tainted) {
            assert!((at_s - tainted_s - after_s).abs() <= 0.15, "{kind}: {times:?}, {tainted:?}");
        }
    }
    assert_same_metrics(&recording, &replayed.served, UNTIL_S);
    let before = |list: &[(f64, Status)]| -> Vec<(f64, Status)> {
        list.iter().filter(|(at_s, _)| *at_s < UNTIL_S).copied().collect()
    };
    let real = before(&recorded_statuses(&recording));
    assert_same_statuses("hpa-zone-loss", &real, &before(&replayed.statuses));
    assert!(replayed.statuses.iter().all(|(_, (_, desired, _))| *desired == 30));
}
