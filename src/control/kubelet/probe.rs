//! One probe of one pod: what its results add up to, and when that changes next.
//!
//! Follows pkg/kubelet/prober/worker.go. A worker ticks at phase + k·period from its pod's
//! admission on and outlives containers; its count of equal results in a row does, too. A tick
//! does nothing while the container does not run, before the initial delay is over (by the start
//! in whole seconds, as the status has it), and before the startup probe has passed. A verdict
//! follows when the count reaches the success or failure threshold.
//!
//! The readiness probe is run once more, off its grid, when the container has started and when
//! its verdict turns to failure: both make the kubelet sync a pod that has started and is not
//! ready (prober_manager.go, UpdatePodStatus). A worker runs one probe at a time; ticks that fall
//! into a run are one more run right after it. A failed liveness or startup probe holds until
//! there is a new container.
//!
//! Healthy probes cost nothing: results are taken in only when asked ([`ProbeWorker::absorb`]),
//! and only the next change of verdict needs a timer ([`ProbeWorker::next_change`]). Explicit
//! probing arms [`ProbeWorker::next_event`] instead, with the same results.
//!
//! Rules: a probe meets the container at the instant at which it starts; a change at that very
//! instant is seen. Its result is known when the answer or the time-out comes. Left out: retries
//! of exec probes, and the readiness run at the regular sync of a pod that is not ready (every
//! 60 to 90 s).

use crate::model::event::ProbeKind;
use crate::model::workload::Probe;
use crate::units::{Span, Time};

/// What the results of a probe add up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing yet (startup probes).
    Unknown,
    /// Passed.
    Success,
    /// Failed.
    Failure,
}

/// The verdict on a new container, before any result.
#[must_use]
pub const fn initial(kind: ProbeKind) -> Verdict {
    match kind {
        ProbeKind::Startup => Verdict::Unknown,
        ProbeKind::Readiness => Verdict::Failure,
        ProbeKind::Liveness => Verdict::Success,
    }
}

/// What a probe meets in a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A good answer after this time.
    After(Span),
    /// A bad answer or a refusal after this time.
    FailsAfter(Span),
    /// No answer.
    Never,
}

/// Results in a row that agree, over all containers of a pod (`lastResult`, `resultRun`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Results {
    last_success: Option<bool>,
    run: u32,
}

/// When a worker runs for a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// The worker ticks at this instant and every period after it.
    pub phase: Time,
    /// When the container started.
    pub started_at: Time,
    /// When its startup probe passed; the start itself if it has none, or if this is the one.
    pub passed_at: Time,
}

/// One result: good or not, and how long after the start of the probe it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reading {
    success: bool,
    takes: Span,
}

/// A change of verdict that will come if the container goes on answering as it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeChange {
    /// When the deciding result is known.
    pub at: Time,
    /// The new verdict.
    pub verdict: Verdict,
}

/// A probe that has started and whose result is not known.
#[derive(Clone, Copy, Debug, PartialEq)]
struct UnderWay {
    started_at: Time,
    known_at: Time,
    success: bool,
}

/// A probe of a running container.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProbeWorker {
    kind: ProbeKind,
    probe: Probe,
    /// It ticks at phase + k·period.
    phase: Time,
    answer: Answer,
    verdict: Verdict,
    results: Results,
    /// The next probe to start, unless one is under way; never while on hold.
    next_start: Time,
    under_way: Option<UnderWay>,
}

impl ProbeWorker {
    /// The probe of a new container.
    ///
    /// The first probe runs at the first tick after the initial delay; the readiness probe of a
    /// container without such a delay runs at once.
    #[must_use]
    pub fn started(
        kind: ProbeKind,
        probe: Probe,
        timing: Timing,
        results: Results,
        answer: Answer,
    ) -> Self {
        let Timing { phase, started_at, passed_at } = timing;
        let delayed = whole_second(started_at) + probe.initial_delay;
        let allowed_at = delayed.max(passed_at).max(phase);
        let at_once = kind == ProbeKind::Readiness && delayed <= passed_at;
        let on_grid = allowed_at.next_on_grid(phase, probe.period);
        Self {
            kind,
            probe,
            phase,
            answer,
            verdict: initial(kind),
            results,
            next_start: if at_once { allowed_at } else { on_grid },
            under_way: None,
        }
    }

    /// The probe of a container that has passed it for a long time before `now`.
    #[must_use]
    pub fn passing(kind: ProbeKind, probe: Probe, phase: Time, answer: Answer, now: Time) -> Self {
        Self {
            kind,
            probe,
            phase,
            answer,
            verdict: Verdict::Success,
            results: Results { last_success: Some(true), run: probe.success_threshold },
            next_start: now.next_on_grid(phase, probe.period),
            under_way: None,
        }
    }

    /// The verdict by the results taken in so far.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// What the pod's next container inherits when this one ends at `now`.
    #[must_use]
    pub fn end(mut self, now: Time) -> Results {
        self.absorb(now);
        self.results
    }

    /// The container answers differently from `now` on. Results known before `now` are taken in.
    ///
    /// # Panics
    /// If a change of verdict before `now` was not taken in at its instant.
    pub fn change(&mut self, now: Time, answer: Answer) {
        let verdict = self.verdict;
        self.absorb(now - Span::from_nanos(1));
        assert_eq!(verdict, self.verdict, "a verdict changed before {now} and was not noticed");
        self.answer = answer;
    }

    /// Takes in every result known at or before `now`.
    pub fn absorb(&mut self, now: Time) {
        loop {
            match self.under_way {
                Some(probe) if now < probe.known_at => return,
                Some(_) => {
                    self.finish();
                }
                None if now < self.next_start => return,
                None => {
                    self.skip_alike(now);
                    self.begin();
                }
            }
        }
    }

    /// The next change of verdict, if the container goes on answering as it does.
    #[must_use]
    pub fn next_change(&self) -> Option<ProbeChange> {
        let mut worker = *self;
        loop {
            if worker.under_way.is_none() {
                let (verdict, _) = worker.outcome(worker.reading().success);
                if verdict == worker.verdict || worker.is_on_hold() {
                    return None;
                }
                worker.begin();
            }
            let at = worker.finish();
            if worker.verdict != self.verdict {
                return Some(ProbeChange { at, verdict: worker.verdict });
            }
        }
    }

    /// When the next probe starts or the result of the present one is known, unless the worker
    /// is on hold: explicit probing arms its timer there.
    #[must_use]
    pub fn next_event(&self) -> Option<Time> {
        match self.under_way {
            Some(probe) => Some(probe.known_at),
            None => Some(self.next_start).filter(|_| !self.is_on_hold()),
        }
    }

    /// Whether nothing but good results counts: no failure is remembered or under way.
    #[must_use]
    pub fn is_saturated_success(&self) -> bool {
        self.verdict == Verdict::Success
            && self.results.last_success == Some(true)
            && self.under_way.is_none_or(|probe| probe.success)
    }

    fn is_on_hold(&self) -> bool {
        self.next_start == Time::NEVER
    }

    /// Counts the probes from now on that change nothing and are known at `now`, in one step.
    fn skip_alike(&mut self, now: Time) {
        let Reading { success, takes } = self.reading();
        let on_grid = self.next_start.next_on_grid(self.phase, self.probe.period);
        let is_regular = on_grid == self.next_start && takes <= self.probe.period;
        if !is_regular || self.outcome(success).0 != self.verdict {
            return;
        }
        let known = now - takes - self.next_start;
        if Span::ZERO <= known {
            let skipped = known.nanos() / self.probe.period.nanos();
            self.count(success, u32::try_from(skipped).unwrap_or(u32::MAX));
            self.next_start += self.probe.period * skipped;
        }
    }

    fn begin(&mut self) {
        let Reading { success, takes } = self.reading();
        let started_at = self.next_start;
        self.under_way = Some(UnderWay { started_at, known_at: started_at + takes, success });
    }

    /// The result of the present probe is known; returns when.
    fn finish(&mut self) -> Time {
        let probe = self.under_way.take().expect("only a probe under way ends");
        let UnderWay { started_at, known_at, success } = probe;
        let before = self.verdict;
        self.count(success, 1);
        let failed = !success && self.probe.failure_threshold <= self.results.run;
        let tick = (started_at + Span::from_nanos(1)).next_on_grid(self.phase, self.probe.period);
        self.next_start = match self.kind {
            ProbeKind::Readiness if failed && before != Verdict::Failure => known_at,
            ProbeKind::Startup | ProbeKind::Liveness if failed => {
                self.results.run = 0;
                Time::NEVER
            }
            _ => tick.max(known_at),
        };
        known_at
    }

    fn reading(&self) -> Reading {
        let timeout = self.probe.timeout;
        match self.answer {
            Answer::After(takes) if takes <= timeout => Reading { success: true, takes },
            Answer::FailsAfter(takes) => Reading { success: false, takes: takes.min(timeout) },
            Answer::After(_) | Answer::Never => Reading { success: false, takes: timeout },
        }
    }

    const fn outcome(&self, success: bool) -> (Verdict, u32) {
        if success {
            (Verdict::Success, self.probe.success_threshold)
        } else {
            (Verdict::Failure, self.probe.failure_threshold)
        }
    }

    /// Counts `times` equal results.
    fn count(&mut self, success: bool, times: u32) {
        if times == 0 {
            return;
        }
        let before = if self.results.last_success == Some(success) { self.results.run } else { 0 };
        let run = before.saturating_add(times);
        self.results = Results { last_success: Some(success), run };
        let (verdict, threshold) = self.outcome(success);
        if threshold <= run {
            self.verdict = verdict;
        }
    }
}

/// The kubelet's status keeps the start of a container in whole seconds (status_manager.go,
/// normalizeStatus), so that the initial delay ends up to a second early.
fn whole_second(started_at: Time) -> Time {
    const SECOND: i64 = 1_000_000_000;
    Time::from_nanos(started_at.nanos().div_euclid(SECOND) * SECOND)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn probe(delay_s: i64, period_s: i64, timeout_s: i64, success: u32, failure: u32) -> Probe {
        Probe {
            initial_delay: Span::from_secs(delay_s),
            period: Span::from_secs(period_s),
            timeout: Span::from_secs(timeout_s),
            success_threshold: success,
            failure_threshold: failure,
            termination_grace: None,
        }
    }

    fn at(secs: i64) -> Time {
        Time::from_secs(secs)
    }

    /// The probe, on the grid 3, 13, 23, …, of a container that started at 100 s.
    fn started_at_100(
        kind: ProbeKind,
        probe: Probe,
        passed_at: Time,
        answer: Answer,
    ) -> ProbeWorker {
        let timing = Timing { phase: at(3), started_at: at(100), passed_at };
        ProbeWorker::started(kind, probe, timing, Results::default(), answer)
    }

    /// A readiness probe that has long been passed, by instant answers.
    fn passing(probe: Probe, phase: Time) -> ProbeWorker {
        let good = Answer::After(Span::ZERO);
        ProbeWorker::passing(ProbeKind::Readiness, probe, phase, good, at(-50))
    }

    /// The verdicts that change while answers follow `history`, with a timer for each probe and
    /// result or only for changes of verdict; up to 200 s.
    fn verdicts(
        mut worker: ProbeWorker,
        history: &[(Time, Answer)],
        explicit: bool,
    ) -> Vec<(Time, Verdict)> {
        let mut history = history.iter().peekable();
        let (mut published, mut changes) = (worker.verdict(), Vec::new());
        loop {
            let lazy = worker.next_change().map(|change| change.at);
            let timer = if explicit { worker.next_event() } else { lazy }.unwrap_or(Time::NEVER);
            let fault = history.peek().map_or(Time::NEVER, |(at, _)| *at);
            let now = timer.min(fault);
            if at(200) < now {
                return changes;
            }
            if fault <= timer {
                let (at, answer) = *history.next().unwrap();
                worker.change(at, answer);
                continue;
            }
            worker.absorb(now);
            if worker.verdict() != published {
                published = worker.verdict();
                changes.push((now, published));
            }
        }
    }

    /// A container that starts at 100 s and answers at once, or never, with probes at 3, 13, 23,
    /// …: one row per rule, with the first change of verdict.
    #[test]
    fn the_first_verdict() {
        use ProbeKind::{Liveness, Readiness, Startup};
        use Verdict::{Failure, Success};
        let (good, dead) = (Answer::After(Span::ZERO), Answer::Never);
        let table = [
            (
                "readiness runs at once",
                Readiness,
                probe(0, 10, 1, 1, 3),
                100,
                good,
                Some((100, Success)),
            ),
            (
                "with a delay it waits for the grid",
                Readiness,
                probe(5, 10, 1, 1, 3),
                100,
                good,
                Some((113, Success)),
            ),
            (
                "two successes: at once and on the grid",
                Readiness,
                probe(0, 10, 1, 2, 3),
                100,
                good,
                Some((103, Success)),
            ),
            (
                "after the startup probe, at once",
                Readiness,
                probe(0, 10, 1, 1, 3),
                117,
                good,
                Some((117, Success)),
            ),
            ("liveness starts as passed", Liveness, probe(0, 10, 1, 1, 3), 100, good, None),
            (
                "liveness fails after three time-outs",
                Liveness,
                probe(0, 10, 1, 1, 3),
                100,
                dead,
                Some((124, Failure)),
            ),
            (
                "startup gives up after its threshold",
                Startup,
                probe(0, 10, 1, 1, 30),
                100,
                dead,
                Some((394, Failure)),
            ),
            (
                "startup passes on the grid",
                Startup,
                probe(0, 10, 1, 1, 30),
                100,
                good,
                Some((103, Success)),
            ),
            ("readiness starts as failed", Readiness, probe(0, 10, 1, 1, 3), 100, dead, None),
        ];
        for (rule, kind, probe, gate_s, answer, expected) in table {
            let worker = started_at_100(kind, probe, at(gate_s), answer);
            let expected = expected.map(|(secs, verdict)| ProbeChange { at: at(secs), verdict });
            assert_eq!(worker.next_change(), expected, "{rule}");
        }
    }

    /// The default readiness probe (10 s, 1 s, 3) fails 21 to 31 s after a hang, by the phase
    /// between the hang and the next probe.
    #[test]
    fn a_hang_is_noticed_after_21_to_31_seconds() {
        for (phase_s, noticed_s) in [(0, 21), (1, 22), (9, 30)] {
            let mut worker = passing(probe(0, 10, 1, 1, 3), at(phase_s));
            worker.change(at(0), Answer::Never);
            let change = worker.next_change().unwrap();
            assert_eq!(change, ProbeChange { at: at(noticed_s), verdict: Verdict::Failure });
        }
        let just_before = Time::from_nanos(-1);
        let mut worker = passing(probe(0, 10, 1, 1, 3), just_before);
        worker.change(at(0), Answer::Never);
        assert_eq!(worker.next_change().unwrap().at, at(31) - Span::from_nanos(1));
    }

    /// An outage shorter than the failure threshold goes unnoticed, and its failures do not add
    /// up with later ones.
    #[test]
    fn failures_must_follow_each_other() {
        let good = Answer::After(Span::ZERO);
        let mut worker = passing(probe(0, 10, 1, 1, 3), at(0));
        worker.change(at(5), Answer::Never);
        worker.change(at(25), good);
        assert_eq!(worker.next_change(), None);
        worker.change(at(35), Answer::Never);
        assert_eq!(worker.next_change().map(|change| change.at), Some(at(61)));
    }

    /// The status keeps whole seconds: a start at 99.9 s with a delay of 4 s may be probed from
    /// 103 s on, where the grid has a point. A worker that still sleeps probes after its sleep.
    #[test]
    fn delays_count_from_the_whole_second() {
        let answer = Answer::After(Span::ZERO);
        let first = |started_ms: i64, delay_s, phase_s| {
            let started_at = Time::ZERO + Span::from_millis(started_ms);
            let timing = Timing { phase: at(phase_s), started_at, passed_at: started_at };
            let probe = probe(delay_s, 10, 1, 1, 3);
            let kind = ProbeKind::Readiness;
            ProbeWorker::started(kind, probe, timing, Results::default(), answer).next_start
        };
        assert_eq!(first(99_900, 4, 3), at(103), "99 + 4");
        assert_eq!(first(100_000, 4, 3), at(113), "100 + 4 is past 103");
        assert_eq!(
            first(99_900, 0, 3),
            Time::ZERO + Span::from_millis(99_900),
            "no delay: at once"
        );
        assert_eq!(first(99_900, 1, 3), at(103), "a delay waits for the grid");
        assert_eq!(first(99_900, 0, 108), at(108), "the worker sleeps until its phase");
        assert_eq!(first(99_900, 4, 108), at(108), "no tick before the phase");
    }

    /// Results count on over a restart; a failed liveness probe alone counts from zero again.
    #[test]
    fn results_outlive_containers() {
        let (good, bad) = (Answer::After(Span::ZERO), Answer::FailsAfter(Span::ZERO));
        let restart = |worker: ProbeWorker, secs, answer| {
            let timing = Timing { phase: at(0), started_at: at(secs), passed_at: at(secs) };
            let ProbeWorker { kind, probe, .. } = worker;
            ProbeWorker::started(kind, probe, timing, worker.end(at(secs)), answer).next_change()
        };
        let ready = passing(probe(0, 10, 1, 2, 3), at(0));
        let at_once = ProbeChange { at: at(5), verdict: Verdict::Success };
        assert_eq!(restart(ready, 5, good), Some(at_once), "two successes, one of them long ago");
        let alive = |answer_from: i64| {
            let (kind, probe) = (ProbeKind::Liveness, probe(0, 10, 1, 1, 3));
            let mut worker = ProbeWorker::passing(kind, probe, at(0), good, at(-50));
            worker.change(at(answer_from), bad);
            worker
        };
        let crashed = restart(alive(5), 25, bad);
        let third = ProbeChange { at: at(30), verdict: Verdict::Failure };
        assert_eq!(crashed, Some(third), "failures at 10 and 20 count");
        let mut failed = alive(5);
        failed.absorb(at(30));
        assert_eq!((failed.verdict(), failed.next_event()), (Verdict::Failure, None), "on hold");
        let anew = ProbeChange { at: at(60), verdict: Verdict::Failure };
        assert_eq!(restart(failed, 35, bad), Some(anew), "three failures again");
    }

    /// Default probes at 0, 10, 20, … and a pod that hangs from 5 s on: the third time-out is
    /// known at 31 s, and the run that it triggers meets the pod of that instant.
    #[test]
    fn a_failed_readiness_probe_is_run_again_at_once() {
        let good = Answer::After(Span::ZERO);
        let worker = passing(probe(0, 10, 1, 1, 3), at(0));
        let (down, up) = (Verdict::Failure, Verdict::Success);
        let after = |recovers_at| {
            let history = [(at(5), Answer::Never), (recovers_at, good)];
            verdicts(worker, &history, false)
        };
        let just = Span::from_nanos(1);
        assert_eq!(after(at(31)), [], "down and up at one instant");
        assert_eq!(after(at(31) + just), [(at(31), down), (at(40), up)], "the grid comes next");
    }

    /// One probe at a time: with period 2 s and time-out 5 s a tick in a run is one run after it.
    #[test]
    fn ticks_within_a_run_are_one_more_run() {
        let mut worker = passing(probe(0, 2, 5, 1, 3), at(0));
        worker.change(at(1), Answer::Never);
        let starts = [2, 7, 12].map(|secs| {
            worker.absorb(at(secs));
            worker.under_way.unwrap().started_at
        });
        assert_eq!(starts, [at(2), at(7), at(12)], "ticks at 4 and 6 are one run at 7");
    }

    proptest! {
        /// Timers for changes of verdict only, and a timer for every result, give the same
        /// changes for random histories of answers, thresholds, phases and delays.
        #[test]
        fn lazy_and_explicit_probing_agree(
            history in prop::collection::vec((1_i64..300, 0_usize..4), 0..10),
            kind in prop_oneof![
                Just(ProbeKind::Readiness), Just(ProbeKind::Liveness), Just(ProbeKind::Startup),
            ],
            phase_half_s in 0_i64..20,
            spec in (0_i64..8, 1_i64..12, 1_i64..14, 1_u32..4, 1_u32..4),
        ) {
            let half = |n: i64| Span::from_nanos(n * 500_000_000);
            let answers = [
                Answer::After(Span::ZERO),
                Answer::After(half(3)),
                Answer::FailsAfter(half(1)),
                Answer::Never,
            ];
            let mut history: Vec<_> =
                history.iter().map(|&(t, i)| (Time::ZERO + half(t), answers[i])).collect();
            history.sort_by_key(|(at, _)| *at);
            let (delay, period, timeout, success, failure) = spec;
            let probe = probe(delay, period, timeout, success, failure);
            let phase = Time::ZERO + half(phase_half_s);
            let timing = Timing { phase, started_at: Time::ZERO, passed_at: Time::ZERO };
            let worker =
                ProbeWorker::started(kind, probe, timing, Results::default(), answers[0]);
            let replay = |explicit| verdicts(worker, &history, explicit);
            prop_assert_eq!(replay(false), replay(true));
        }
    }
}
