//! The shell of the probe workers: what a probe meets, and what its verdicts do.
//!
//! A container that answers in time needs no probe timer: only a verdict that will change has
//! one. The data plane watches the virtual wait of every answering pod against the shortest
//! time-out; once it rises above, the pod is *slow*, and every probe is run at its instant with
//! the wait that it meets there, until all verdicts are good again and the wait is short.

use crate::control::Cx;
use crate::control::node_lifecycle::kubelet_outage::Return;
use crate::model::event::{Event, ProbeKind};
use crate::model::fact::Why;
use crate::model::ids::PodId;
use crate::model::pod::Container;
use crate::model::workload::{Probe, Probes};
use crate::sim::streams::unit;
use crate::units::{Span, Time};

use super::container;
use super::probe::{Answer, ProbeWorker, Results, Timing, Verdict};

const KINDS: [ProbeKind; 3] = [ProbeKind::Startup, ProbeKind::Readiness, ProbeKind::Liveness];

/// The probe workers of one pod.
#[derive(Clone, Copy, Debug, Default)]
pub struct PodProbes {
    workers: [Option<ProbeWorker>; 3],
    /// Results in a row over the pod's containers.
    results: [Results; 3],
    /// The first tick of each worker.
    phases: [Time; 3],
    /// Probes are run one by one, because the virtual wait may exceed a time-out.
    slow: bool,
}

fn spec(probes: &Probes, kind: ProbeKind) -> Option<Probe> {
    match kind {
        ProbeKind::Startup => probes.startup,
        ProbeKind::Readiness => probes.readiness,
        ProbeKind::Liveness => probes.liveness,
    }
}

fn probes(cx: &Cx, pod: PodId) -> Probes {
    cx.world[cx.world[pod].deployment].template.probes
}

/// What a probe that starts now meets.
fn answer(cx: &Cx, pod: PodId) -> Answer {
    match cx.world[pod].container {
        // A prompt answer is as good as an instant one, whoever reads it.
        container if container.answers() && !cx.memory.probes(pod).slow => {
            Answer::After(Span::ZERO)
        }
        container if container.answers() => {
            let wait_s = cx.traffic.virtual_wait_s(pod);
            // A wait beyond any time-out is as good as none; the bound keeps it in range.
            if wait_s < 1e6 { Answer::After(Span::from_secs_f64(wait_s)) } else { Answer::Never }
        }
        _ => Answer::FailsAfter(Span::ZERO),
    }
}

/// The kubelet takes on a pod: its workers begin to tick.
///
/// They tick from now on, or after a random part of their period if the kubelet has run for less
/// than that (worker.go, run).
pub fn admitted(cx: &mut Cx, pod: PodId) {
    let node = cx.world[pod].node.expect("only bound pods are admitted");
    let up_for = cx.now - cx.world[node].kubelet_since;
    let name = cx.world.pod_name(pod);
    let specs = probes(cx, pod);
    let mut state = PodProbes::default();
    for kind in KINDS {
        let Some(probe) = spec(&specs, kind) else { continue };
        let index = u64::from(cx.world[pod].restarts) * 3 + kind as u64;
        let sleeps = up_for < probe.period;
        let sleep = || probe.period.scale(unit(cx.chance.draw("probe-sleep", &name, index)));
        state.phases[kind as usize] = cx.now + if sleeps { sleep() } else { Span::ZERO };
    }
    *cx.memory.probes_mut(pod) = state;
}

/// A container started: its startup probe begins, or the other two.
pub fn container_started(cx: &mut Cx, pod: PodId) {
    if probes(cx, pod).startup.is_some() {
        begin(cx, pod, ProbeKind::Startup);
    } else {
        startup_passed(cx, pod);
    }
}

/// The kubelet is back and finds the container running. A restarted one probes it from scratch,
/// each probe after a random part of a period (prober/worker.go); one that was only cut off has
/// probed all the time, with good results as far as the model knows.
pub fn kubelet_starts(cx: &mut Cx, pod: PodId, how: Return) {
    if how == Return::Reconnected && cx.world[pod].container == Container::Answering {
        settled(cx, pod);
        container::set_ready(cx, pod, true, Why("its node is heard again"));
        return;
    }
    admitted(cx, pod);
    container_started(cx, pod);
    watch(cx, pod);
}

fn startup_passed(cx: &mut Cx, pod: PodId) {
    begin(cx, pod, ProbeKind::Liveness);
    begin(cx, pod, ProbeKind::Readiness);
    if probes(cx, pod).readiness.is_none() {
        container::set_ready(cx, pod, true, Why("no readiness probe"));
    }
}

fn begin(cx: &mut Cx, pod: PodId, kind: ProbeKind) {
    let Some(spec) = spec(&probes(cx, pod), kind) else { return };
    let state = cx.memory.probes(pod);
    let phase = state.phases[kind as usize];
    let timing = Timing { phase, started_at: cx.world[pod].started_at, passed_at: cx.now };
    let met = answer(cx, pod);
    let results = state.results[kind as usize];
    let worker = ProbeWorker::started(kind, spec, timing, results, met);
    cx.memory.probes_mut(pod).workers[kind as usize] = Some(worker);
    arm(cx, pod, kind);
}

/// The process of a pod answers from now on.
pub fn container_answers(cx: &mut Cx, pod: PodId) {
    answers_change(cx, pod);
    watch(cx, pod);
}

/// The process of a pod got SIGTERM: it takes nothing new, and that includes probes.
pub fn container_refuses(cx: &mut Cx, pod: PodId) {
    cx.traffic.watch(pod, None);
    answers_change(cx, pod);
}

fn answers_change(cx: &mut Cx, pod: PodId) {
    let met = answer(cx, pod);
    for kind in KINDS {
        if let Some(worker) = &mut cx.memory.probes_mut(pod).workers[kind as usize] {
            worker.change(cx.now, met);
            arm(cx, pod, kind);
        }
    }
}

/// A pod that has been answering and passing its probes for long.
pub fn settled(cx: &mut Cx, pod: PodId) {
    let name = cx.world.pod_name(pod);
    for kind in KINDS {
        let Some(spec) = spec(&probes(cx, pod), kind) else { continue };
        let phase = cx.now + cx.chance.phase("probe-phase", &name, spec.period);
        cx.memory.probes_mut(pod).phases[kind as usize] = phase;
        if kind != ProbeKind::Startup {
            let met = Answer::After(Span::ZERO);
            let worker = ProbeWorker::passing(kind, spec, phase, met, cx.now);
            cx.memory.probes_mut(pod).workers[kind as usize] = Some(worker);
            arm(cx, pod, kind);
        }
    }
    watch(cx, pod);
}

/// An answer within this neither fails a probe nor delays the next one.
fn prompt(probe: Probe) -> Span {
    probe.timeout.min(probe.period)
}

/// Has the data plane tell when the pod may be too slow for a probe.
fn watch(cx: &mut Cx, pod: PodId) {
    let limit = shortest_limit(cx, pod);
    cx.traffic.watch(pod, limit);
}

/// The shortest time in which every probe that runs now must be answered.
fn shortest_limit(cx: &Cx, pod: PodId) -> Option<Span> {
    let probes = probes(cx, pod);
    let starting = cx.memory.probes(pod).workers[ProbeKind::Startup as usize].is_some();
    let startup = probes.startup.filter(|_| starting);
    [startup, probes.readiness, probes.liveness].into_iter().flatten().map(prompt).min()
}

/// The virtual wait of a pod rose above its shortest probe time-out.
pub fn turned_slow(cx: &mut Cx, pod: PodId) {
    cx.traffic.watch(pod, None);
    let now = cx.now;
    let state = cx.memory.probes_mut(pod);
    state.slow = true;
    // Brings the workers up to now: probes that were answered in time so far.
    for worker in state.workers.iter_mut().flatten() {
        worker.change(now, Answer::After(Span::ZERO));
    }
    for kind in KINDS {
        arm(cx, pod, kind);
    }
}

/// Whether probes are run one by one.
fn runs_each(cx: &Cx, pod: PodId) -> bool {
    cx.settings.explicit_probing || cx.memory.probes(pod).slow
}

fn arm(cx: &mut Cx, pod: PodId, kind: ProbeKind) {
    let Some(worker) = cx.memory.probes(pod).workers[kind as usize] else { return };
    let next = if runs_each(cx, pod) {
        worker.next_event()
    } else {
        worker.next_change().map(|change| change.at)
    };
    match next {
        Some(at) => cx.clock.arm(Event::ProbeTick(pod, kind), at),
        None => cx.clock.disarm(Event::ProbeTick(pod, kind)),
    }
}

/// A probe starts or its result is known.
pub fn tick(cx: &mut Cx, pod: PodId, kind: ProbeKind) {
    let now = cx.now;
    take_due_steps(cx, pod);
    let met = answer(cx, pod);
    let each = runs_each(cx, pod);
    let Some(worker) = &mut cx.memory.probes_mut(pod).workers[kind as usize] else { return };
    if each {
        worker.change(now, met);
    }
    let before = worker.verdict();
    worker.absorb(now);
    let verdict = worker.verdict();
    if verdict != before {
        act(cx, pod, kind, verdict);
    }
    if cx.memory.probes(pod).slow {
        try_calm_down(cx, pod);
    }
    arm(cx, pod, kind);
}

/// A probe sees what its container becomes at this very instant, whichever timer comes first:
/// the order of a pod's timers depends on which timers were given back before.
fn take_due_steps(cx: &mut Cx, pod: PodId) {
    let step = Event::ContainerStep(pod);
    while cx.clock.armed_for(step) == Some(cx.now) {
        cx.clock.disarm(step);
        container::step(cx, pod);
    }
}

fn act(cx: &mut Cx, pod: PodId, kind: ProbeKind, verdict: Verdict) {
    match (kind, verdict) {
        (ProbeKind::Startup, Verdict::Success) => {
            let now = cx.now;
            let state = cx.memory.probes_mut(pod);
            if let Some(worker) = state.workers[kind as usize].take() {
                state.results[kind as usize] = worker.end(now);
            }
            cx.clock.disarm(Event::ProbeTick(pod, kind));
            startup_passed(cx, pod);
        }
        (ProbeKind::Startup, _) | (ProbeKind::Liveness, Verdict::Failure) => {
            container::stop_to_restart(cx, pod);
        }
        (ProbeKind::Liveness, _) => {}
        (ProbeKind::Readiness, verdict) => {
            let ready = verdict == Verdict::Success;
            container::set_ready(cx, pod, ready, Why("its readiness probe failed"));
        }
    }
}

/// Ends the one-by-one probing once every verdict is good and the wait is short again.
fn try_calm_down(cx: &mut Cx, pod: PodId) {
    let wait_s = cx.traffic.virtual_wait_s(pod);
    let short = shortest_limit(cx, pod).is_none_or(|limit| wait_s <= limit.as_secs_f64());
    let passing = |worker: &ProbeWorker| worker.is_saturated_success();
    let state = cx.memory.probes_mut(pod);
    if !short || !state.workers.iter().flatten().all(passing) {
        return;
    }
    state.slow = false;
    let now = cx.now;
    for worker in state.workers.iter_mut().flatten() {
        worker.change(now, Answer::After(Span::ZERO));
    }
    for kind in KINDS {
        arm(cx, pod, kind);
    }
    watch(cx, pod);
}

/// The pod is being deleted: nothing restarts its container any more, readiness goes on.
pub fn deletion_began(cx: &mut Cx, pod: PodId) {
    for kind in [ProbeKind::Startup, ProbeKind::Liveness] {
        cx.memory.probes_mut(pod).workers[kind as usize] = None;
        cx.clock.disarm(Event::ProbeTick(pod, kind));
    }
}

/// The probe of a pod that failed for good: its worker is on hold.
fn failed_kind(cx: &Cx, pod: PodId) -> Option<ProbeKind> {
    let failed = |worker: &ProbeWorker| worker.verdict() == Verdict::Failure;
    let workers = cx.memory.probes(pod).workers;
    let fatal = [ProbeKind::Startup, ProbeKind::Liveness];
    fatal.into_iter().find(|&kind| workers[kind as usize].as_ref().is_some_and(failed))
}

/// Why the kubelet stops a container.
pub fn failed(cx: &Cx, pod: PodId) -> Why {
    match failed_kind(cx, pod) {
        Some(ProbeKind::Startup) => Why("its startup probe failed"),
        _ => Why("its liveness probe failed"),
    }
}

/// The grace period of the probe that a container failed, if it has one of its own.
pub fn grace_of_failed(cx: &Cx, pod: PodId) -> Option<Span> {
    spec(&probes(cx, pod), failed_kind(cx, pod)?)?.termination_grace
}

/// The container stopped: its probes wait for the next one.
pub fn container_stopped(cx: &mut Cx, pod: PodId) {
    cx.traffic.watch(pod, None);
    let now = cx.now;
    let state = cx.memory.probes_mut(pod);
    for (worker, results) in state.workers.iter_mut().zip(&mut state.results) {
        if let Some(worker) = worker.take() {
            *results = worker.end(now);
        }
    }
    state.slow = false;
    for kind in KINDS {
        cx.clock.disarm(Event::ProbeTick(pod, kind));
    }
}
