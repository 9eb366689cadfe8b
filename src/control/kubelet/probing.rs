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
use crate::units::{Span, Time};

use super::container;
use super::probe::{Answer, ProbeWorker, Verdict};

const KINDS: [ProbeKind; 3] = [ProbeKind::Startup, ProbeKind::Readiness, ProbeKind::Liveness];

/// The probe workers of one pod.
#[derive(Clone, Copy, Debug, Default)]
pub struct PodProbes {
    workers: [Option<ProbeWorker>; 3],
    /// Probes are run one by one, because the virtual wait may exceed a time-out.
    slow: bool,
    /// An instant of the probes' grid.
    phase: Time,
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
        Container::Answering => {
            let wait_s = cx.traffic.virtual_wait_s(pod);
            // A wait beyond any time-out is as good as none; the bound keeps it in range.
            if wait_s < 1e6 { Answer::After(Span::from_secs_f64(wait_s)) } else { Answer::Never }
        }
        _ => Answer::FailsAfter(Span::ZERO),
    }
}

/// A container started: its startup probe begins, or the other two.
pub fn container_started(cx: &mut Cx, pod: PodId) {
    // The kubelet's workers tick from the admission of the pod on.
    cx.memory.probes_mut(pod).phase = cx.world[pod].bound_at.unwrap_or(cx.now);
    if probes(cx, pod).startup.is_some() {
        begin(cx, pod, ProbeKind::Startup, cx.now);
    } else {
        startup_passed(cx, pod, cx.now);
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
    let probes = probes(cx, pod);
    let period = [probes.startup, probes.readiness, probes.liveness].into_iter().flatten();
    let period = period.map(|probe| probe.period).min().unwrap_or(Span::ZERO);
    let phase = cx.chance.phase("kubelet-restart", &cx.world.pod_name(pod), period);
    cx.memory.probes_mut(pod).phase = cx.now + phase;
    if probes.startup.is_some() {
        begin(cx, pod, ProbeKind::Startup, cx.now + phase);
    } else {
        startup_passed(cx, pod, cx.now + phase);
    }
    watch(cx, pod);
}

fn startup_passed(cx: &mut Cx, pod: PodId, at: Time) {
    begin(cx, pod, ProbeKind::Liveness, at);
    begin(cx, pod, ProbeKind::Readiness, at);
    if probes(cx, pod).readiness.is_none() {
        container::set_ready(cx, pod, true, Why("no readiness probe"));
    }
}

/// Begins a probe whose way is free from `passed_at` on.
fn begin(cx: &mut Cx, pod: PodId, kind: ProbeKind, passed_at: Time) {
    let Some(spec) = spec(&probes(cx, pod), kind) else { return };
    let started_at = cx.world[pod].started_at;
    let met = answer(cx, pod);
    let phase = cx.memory.probes(pod).phase;
    let worker = ProbeWorker::started(kind, spec, phase, started_at, passed_at, met);
    cx.memory.probes_mut(pod).workers[kind as usize] = Some(worker);
    arm(cx, pod, kind);
}

/// The process of a pod answers from now on.
pub fn container_answers(cx: &mut Cx, pod: PodId) {
    let met = answer(cx, pod);
    for kind in KINDS {
        if let Some(worker) = &mut cx.memory.probes_mut(pod).workers[kind as usize] {
            worker.change(cx.now, met);
            arm(cx, pod, kind);
        }
    }
    watch(cx, pod);
}

/// A pod that has been answering and passing its probes for long.
pub fn settled(cx: &mut Cx, pod: PodId) {
    let name = cx.world.pod_name(pod);
    for kind in [ProbeKind::Readiness, ProbeKind::Liveness] {
        let Some(spec) = spec(&probes(cx, pod), kind) else { continue };
        let phase = cx.now + cx.chance.phase("probe-phase", &name, spec.period);
        let worker = ProbeWorker::passing(spec, phase, Answer::After(Span::ZERO), cx.now);
        cx.memory.probes_mut(pod).phase = phase;
        cx.memory.probes_mut(pod).workers[kind as usize] = Some(worker);
        arm(cx, pod, kind);
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
        Some(worker.next_start().min(worker.next_result_at()))
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
    if each && worker.next_start() == now {
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
            cx.memory.probes_mut(pod).workers[kind as usize] = None;
            cx.clock.disarm(Event::ProbeTick(pod, kind));
            startup_passed(cx, pod, cx.now);
        }
        (ProbeKind::Startup, _) => container::die(cx, pod, Why("its startup probe failed")),
        (ProbeKind::Liveness, Verdict::Failure) => {
            container::die(cx, pod, Why("its liveness probe failed"));
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

/// The container stopped: its probes end.
pub fn container_stopped(cx: &mut Cx, pod: PodId) {
    cx.traffic.watch(pod, None);
    let state = cx.memory.probes_mut(pod);
    state.workers = [None; 3];
    state.slow = false;
    for kind in KINDS {
        cx.clock.disarm(Event::ProbeTick(pod, kind));
    }
}
