//! One probe of one container: what its results add up to, and when that changes next.
//!
//! Follows pkg/kubelet/prober/worker.go. Results that agree with the one before count; the
//! verdict follows when the count reaches the success or failure threshold. Probes run at
//! phase + k·period once the initial delay is over and the startup probe has passed; the
//! readiness probe runs once more at that very moment.
//!
//! Healthy probes cost nothing: results are taken in only when asked ([`ProbeWorker::absorb`]),
//! and only the next change of verdict needs a timer ([`ProbeWorker::next_change`]). Explicit
//! probing arms [`ProbeWorker::next_result_at`] instead, with the same results.
//!
//! Rules: a probe meets the container at the instant at which it starts; a change at that very
//! instant is seen. Its result is known when the answer or the time-out comes. A time-out longer
//! than the period acts like one as long as the period. Left out: exec probe retries.

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

/// A probe of a running container.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProbeWorker {
    probe: Probe,
    /// Probes run at phase + k·period.
    phase: Time,
    answer: Answer,
    verdict: Verdict,
    last_success: Option<bool>,
    /// Results in a row that agree with the last one.
    run: u32,
    /// The next probe to start.
    next_start: Time,
    /// A probe that has started and whose result is not known: when it will be, and which.
    under_way: Option<(Time, bool)>,
}

impl ProbeWorker {
    /// The probe of a container that started at `started_at`, if `startup_passed_at` says when
    /// its startup probe passed (the start itself if it has none, or if this is the one).
    ///
    /// The first probe runs when the initial delay is over, by whole seconds; the readiness probe
    /// of a container without such a delay runs at once.
    #[must_use]
    pub fn started(
        kind: ProbeKind,
        probe: Probe,
        phase: Time,
        started_at: Time,
        startup_passed_at: Time,
        answer: Answer,
    ) -> Self {
        let allowed_at =
            (started_at + whole_seconds_up(probe.initial_delay)).max(startup_passed_at);
        let at_once = kind == ProbeKind::Readiness && allowed_at == startup_passed_at;
        let on_grid = allowed_at.next_on_grid(phase, probe.period);
        Self {
            probe,
            phase,
            answer,
            verdict: initial(kind),
            last_success: None,
            run: 0,
            next_start: if at_once { allowed_at } else { on_grid },
            under_way: None,
        }
    }

    /// The probe of a container that has passed it for a long time before `now`.
    #[must_use]
    pub fn passing(probe: Probe, phase: Time, answer: Answer, now: Time) -> Self {
        Self {
            probe,
            phase,
            answer,
            verdict: Verdict::Success,
            last_success: Some(true),
            run: probe.success_threshold,
            next_start: now.next_on_grid(phase, probe.period),
            under_way: None,
        }
    }

    /// The verdict by the results taken in so far.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        self.verdict
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
        if let Some((known_at, success)) = self.under_way {
            if now < known_at {
                return;
            }
            self.under_way = None;
            self.count(success, 1);
        }
        let reading = self.reading();
        if self.next_start <= now && self.next_start + reading.takes <= now {
            let second = self.after(self.next_start);
            let last = now - reading.takes;
            let more = if second <= last {
                1 + (last - second).nanos() / self.probe.period.nanos()
            } else {
                0
            };
            self.count(reading.success, u32::try_from(1 + more).unwrap_or(u32::MAX));
            self.next_start = if more == 0 { second } else { second + self.probe.period * more };
        }
        if self.next_start <= now {
            self.under_way = Some((self.next_start + reading.takes, reading.success));
            self.next_start = self.after(self.next_start);
        }
    }

    /// The next change of verdict, if the container goes on answering as it does.
    #[must_use]
    pub fn next_change(&self) -> Option<ProbeChange> {
        let mut worker = *self;
        if let Some((known_at, success)) = worker.under_way.take() {
            worker.count(success, 1);
            if worker.verdict != self.verdict {
                return Some(ProbeChange { at: known_at, verdict: worker.verdict });
            }
        }
        let reading = worker.reading();
        let (verdict, threshold) = worker.outcome(reading.success);
        if verdict == worker.verdict {
            return None;
        }
        let run = if worker.last_success == Some(reading.success) { worker.run } else { 0 };
        // The result that reaches the threshold decides; a count that is past it needs one more.
        let missing = i64::from(threshold.saturating_sub(run).max(1));
        let first = worker.next_start;
        let last = if missing == 1 {
            first
        } else {
            worker.after(first) + self.probe.period * (missing - 2)
        };
        Some(ProbeChange { at: last + reading.takes, verdict })
    }

    /// When the next probe starts.
    #[must_use]
    pub const fn next_start(&self) -> Time {
        self.next_start
    }

    /// Whether nothing but good results counts: no failure is remembered or under way.
    #[must_use]
    pub fn is_saturated_success(&self) -> bool {
        self.verdict == Verdict::Success
            && self.last_success == Some(true)
            && self.under_way.is_none_or(|(_, success)| success)
    }

    /// When the next result is known: explicit probing arms its timer there.
    #[must_use]
    pub fn next_result_at(&self) -> Time {
        match self.under_way {
            Some((known_at, _)) => known_at,
            None => self.next_start + self.reading().takes,
        }
    }

    fn reading(&self) -> Reading {
        let timeout = self.probe.timeout.min(self.probe.period);
        match self.answer {
            Answer::After(takes) if takes <= timeout => Reading { success: true, takes },
            Answer::FailsAfter(takes) => Reading { success: false, takes: takes.min(timeout) },
            Answer::After(_) | Answer::Never => Reading { success: false, takes: timeout },
        }
    }

    /// The first instant of the grid after `start`.
    fn after(&self, start: Time) -> Time {
        (start + Span::from_nanos(1)).next_on_grid(self.phase, self.probe.period)
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
        let before = if self.last_success == Some(success) { self.run } else { 0 };
        self.last_success = Some(success);
        self.run = before.saturating_add(times);
        let (verdict, threshold) = self.outcome(success);
        if threshold <= self.run {
            self.verdict = verdict;
        }
    }
}

/// The kubelet compares whole seconds since the start with the delay, so a delay of 2.5 s (from a
/// scenario) ends after 3 s.
fn whole_seconds_up(delay: Span) -> Span {
    const SECOND: i64 = 1_000_000_000;
    Span::from_nanos(delay.nanos().div_euclid(SECOND) * SECOND)
        + if delay.nanos().rem_euclid(SECOND) == 0 { Span::ZERO } else { Span::from_secs(1) }
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
        }
    }

    fn at(secs: i64) -> Time {
        Time::from_secs(secs)
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
            let worker = ProbeWorker::started(kind, probe, at(3), at(100), at(gate_s), answer);
            let expected = expected.map(|(secs, verdict)| ProbeChange { at: at(secs), verdict });
            assert_eq!(worker.next_change(), expected, "{rule}");
        }
    }

    /// The default readiness probe (10 s, 1 s, 3) fails 21 to 31 s after a hang, by the phase
    /// between the hang and the next probe.
    #[test]
    fn a_hang_is_noticed_after_21_to_31_seconds() {
        let good = Answer::After(Span::ZERO);
        for (phase_s, noticed_s) in [(0, 21), (1, 22), (9, 30)] {
            let mut worker =
                ProbeWorker::passing(probe(0, 10, 1, 1, 3), at(phase_s), good, at(-50));
            worker.change(at(0), Answer::Never);
            let change = worker.next_change().unwrap();
            assert_eq!(change, ProbeChange { at: at(noticed_s), verdict: Verdict::Failure });
        }
        let just_before = Time::from_nanos(-1);
        let mut worker = ProbeWorker::passing(probe(0, 10, 1, 1, 3), just_before, good, at(-50));
        worker.change(at(0), Answer::Never);
        assert_eq!(worker.next_change().unwrap().at, at(31) - Span::from_nanos(1));
    }

    /// An outage shorter than the failure threshold goes unnoticed, and its failures do not add
    /// up with later ones.
    #[test]
    fn failures_must_follow_each_other() {
        let good = Answer::After(Span::ZERO);
        let mut worker = ProbeWorker::passing(probe(0, 10, 1, 1, 3), at(0), good, at(-50));
        worker.change(at(5), Answer::Never);
        worker.change(at(25), good);
        assert_eq!(worker.next_change(), None);
        worker.change(at(35), Answer::Never);
        assert_eq!(worker.next_change().map(|change| change.at), Some(at(61)));
    }

    proptest! {
        /// Timers for changes of verdict only, and a timer for every result, give the same
        /// changes for random histories of answers, thresholds, phases and delays.
        #[test]
        fn lazy_and_explicit_probing_agree(
            history in prop::collection::vec((1_i64..300, 0_usize..4), 0..10),
            kind in prop_oneof![Just(ProbeKind::Readiness), Just(ProbeKind::Liveness)],
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
            let worker =
                ProbeWorker::started(kind, probe, phase, Time::ZERO, Time::ZERO, answers[0]);
            let replay = |explicit: bool| {
                let (mut worker, mut history) = (worker, history.iter().peekable());
                let (mut published, mut changes) = (worker.verdict(), Vec::new());
                loop {
                    let lazy = worker.next_change().map_or(Time::NEVER, |change| change.at);
                    let timer = if explicit { worker.next_result_at() } else { lazy };
                    let fault = history.peek().map_or(Time::NEVER, |(at, _)| *at);
                    let now = timer.min(fault);
                    if Time::from_secs(200) < now {
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
            };
            prop_assert_eq!(replay(false), replay(true));
        }
    }
}
