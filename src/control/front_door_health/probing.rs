//! The probes of one PoP at one origin, and the instant at which the PoP changes its mind.
//!
//! Healthy probes cost nothing: the instants of all probes are known from phase and interval, so
//! their results are taken in only when something is asked ([`ProbedOrigin::absorb`]), and a
//! timer is needed only for the next change of verdict ([`ProbedOrigin::next_change`]). Explicit
//! probing arms a timer for [`ProbedOrigin::next_result_at`] instead; both read the same probes
//! and give the same bits.
//!
//! Rules of a probe (frontdoor/health-probes.md; what the page leaves open is marked):
//! - Probe k leaves at phase + k·interval. It meets the origin at one instant, when its answer is
//!   due (launch + answer time), so a probe under way when the origin fails, fails too; a change
//!   at that very instant is seen. (Assumed.)
//! - A refusal, a reset and every status but 200 are known when the answer was due. A probe that
//!   meets a hanging origin is lost for good and fails at launch + time-out, even if the origin is
//!   repaired meanwhile. (Assumed.)
//! - Results enter the window in the order in which they become known, the older probe first.

use crate::units::{Span, Time};

use super::sample_window::SampleWindow;

/// When the probes of one PoP leave: at phase + k·interval for every integer k.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeGrid {
    /// An instant at which a probe leaves.
    pub phase: Time,
    /// Time between two probes; positive.
    pub interval: Span,
}

impl ProbeGrid {
    /// The grid whose phase is uniform over the interval, from one draw per (PoP, origin): PoPs
    /// do not probe in step.
    #[must_use]
    pub fn staggered(interval: Span, draw: u64) -> Self {
        let phase = (u128::from(draw) * u128::from(interval.nanos().unsigned_abs())) >> 64;
        let phase = i64::try_from(phase).expect("a phase is shorter than its interval");
        Self { phase: Time::from_nanos(phase), interval }
    }

    fn launch(&self, probe: i64) -> Time {
        self.phase + self.interval * probe
    }

    /// The first probe with launch + `delay` at or after `instant`.
    fn first_from(&self, instant: Time, delay: Span) -> i64 {
        let since_phase = (instant - delay - self.phase).nanos();
        let behind = since_phase.rem_euclid(self.interval.nanos());
        since_phase.div_euclid(self.interval.nanos()) + i64::from(behind != 0)
    }
}

/// How long a probe of one PoP at one origin takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeTiming {
    /// From launch to the answer of an origin that works: a new connection, to the last byte.
    pub answer: Span,
    /// From launch to giving up.
    pub timeout: Span,
}

/// What a probe meets at the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginCondition {
    /// It answers 200.
    Answering,
    /// It refuses, resets, or answers anything but 200.
    Refusing,
    /// It does not answer, or later than the time-out.
    Hanging,
    /// A grey failure: each probe fails by itself with chance `failing` / 2^64.
    Flaky {
        /// Chance of a failure, in units of 2^-64.
        failing: u64,
        /// Whether one that fails gets no answer in time, rather than an error at once.
        hangs: bool,
    },
}

impl OriginCondition {
    /// Whether a probe with this draw gets no answer.
    fn is_silent(self, draw: impl FnOnce() -> u64) -> bool {
        match self {
            Self::Hanging => true,
            Self::Flaky { failing, hangs: true } => draw() < failing,
            Self::Answering | Self::Refusing | Self::Flaky { hangs: false, .. } => false,
        }
    }

    /// Whether each probe decides by its own draw if it is answered at all.
    const fn mixes(self) -> bool {
        matches!(self, Self::Flaky { hangs: true, .. })
    }
}

/// Probes of a flaky origin that are searched ahead for a change of verdict.
const FLAKY_AHEAD: i64 = 1_000;

/// Most probes in a row that are searched for one that is answered, or is not.
const SEARCHED_MAX: i64 = 100_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Segment {
    since: Time,
    condition: OriginCondition,
}

/// A change of verdict that will come if the origin stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerdictChange {
    /// When the result that tips the window is known.
    pub at: Time,
    /// The new verdict.
    pub healthy: bool,
}

/// One origin as one PoP probes it.
#[derive(Clone, Debug)]
pub struct ProbedOrigin {
    grid: ProbeGrid,
    timing: ProbeTiming,
    window: SampleWindow,
    /// The origin's condition since each instant, oldest first, never empty. Entries stay until
    /// every probe that read them has its result in the window.
    segments: Vec<Segment>,
    /// The first probe whose result, if it comes by answer, is not in the window.
    next_prompt: i64,
    /// The first probe whose result, if it comes by time-out, is not in the window.
    next_late: i64,
}

impl ProbedOrigin {
    /// An origin that has been in `condition` for ever, with the window as it stands just before
    /// `now`.
    ///
    /// # Panics
    /// If the interval is not positive.
    #[must_use]
    pub fn new(
        grid: ProbeGrid,
        timing: ProbeTiming,
        window: SampleWindow,
        condition: OriginCondition,
        now: Time,
    ) -> Self {
        assert!(Span::ZERO < grid.interval, "a probe interval is positive");
        let mut origin = Self {
            grid,
            timing,
            window,
            segments: vec![Segment { since: Time::from_nanos(i64::MIN), condition }],
            next_prompt: 0,
            next_late: 0,
        };
        origin.next_prompt = grid.first_from(now, origin.answer_delay());
        origin.next_late = grid.first_from(now, timing.timeout);
        origin
    }

    /// Is the origin healthy by the results taken in so far?
    #[must_use]
    pub const fn healthy(&self) -> bool {
        self.window.healthy()
    }

    /// The origin is in `condition` from `now` on.
    ///
    /// Results known before `now` enter the window; one that is known at `now` does not yet, so
    /// that [`Self::next_change`] reports what it tips.
    ///
    /// # Panics
    /// If a change of verdict before `now` was not taken in at its instant.
    pub fn change(&mut self, now: Time, condition: OriginCondition, draw: impl Fn(u64) -> u64) {
        let verdict = self.healthy();
        self.absorb(now - Span::from_nanos(1), draw);
        assert_eq!(verdict, self.healthy(), "a verdict changed before {now} and was not noticed");
        self.segments.push(Segment { since: now, condition });
    }

    /// Takes in every result known at or before `now`.
    ///
    /// `draw` gives the draw of each probe for [`OriginCondition::Flaky`]; other conditions do
    /// not read it. Costs at most n results once the condition is old.
    pub fn absorb(&mut self, now: Time, draw: impl Fn(u64) -> u64) {
        self.skip_saturated(now);
        // What the origin will be to a probe that has not met it yet is not known.
        let unread = self.grid.first_from(now + Span::from_nanos(1), self.answer_delay());
        loop {
            let mut results = self.results();
            let result = results.take(&draw);
            if now < result.known_at {
                break;
            }
            let (next_prompt, next_late) = (results.next_prompt, results.next_late);
            self.next_prompt = next_prompt.min(unread.max(self.next_prompt));
            self.next_late = next_late.min(unread.max(self.next_late));
            self.window.push(result.success);
            if 1 < self.segments.len() {
                self.forget_read_segments(unread, &draw);
                self.skip_saturated(now);
            }
        }
    }

    /// The next change of verdict, if it falls at or before `until` and the origin stays as it is.
    ///
    /// Looks at no more than n results once only the last condition's are to come; under
    /// [`OriginCondition::Flaky`] at all results until `until`, because their draws are known.
    ///
    /// # Panics
    /// If the origin is flaky and `until` is [`Time::NEVER`]: the search might not end.
    #[must_use]
    pub fn next_change(&self, until: Time, draw: impl Fn(u64) -> u64) -> Option<VerdictChange> {
        let flaky = matches!(self.last().condition, OriginCondition::Flaky { .. });
        assert!(!flaky || until < Time::NEVER, "a flaky origin is searched up to an instant");
        let mut window = self.window;
        let mut results = self.results();
        let mut n_settled = 0;
        while flaky || n_settled < u32::from(window.n_samples()) {
            let result = results.take(&draw);
            if until < result.known_at {
                return None;
            }
            window.push(result.success);
            if window.healthy() != self.healthy() {
                return Some(VerdictChange { at: result.known_at, healthy: window.healthy() });
            }
            n_settled += u32::from(result.settled);
        }
        None
    }

    /// When the next result is known: explicit probing arms its timer there.
    #[must_use]
    pub fn next_result_at(&self, draw: impl Fn(u64) -> u64) -> Time {
        self.results().take(draw).known_at
    }

    /// The instant for which a timer is needed if the origin stays as it is: of the next result
    /// (`explicit`), or of the next change of verdict. Under a flaky origin the search for a change
    /// is bounded, and goes on at the instant that is given then.
    #[must_use]
    pub fn next_timer(
        &self,
        now: Time,
        explicit: bool,
        draw: impl Fn(u64) -> u64 + Copy,
    ) -> Option<Time> {
        if explicit {
            return Some(self.next_result_at(draw));
        }
        if matches!(self.last().condition, OriginCondition::Flaky { .. }) {
            let until = now + self.grid.interval * FLAKY_AHEAD + self.timing.timeout;
            return Some(self.next_change(until, draw).map_or(until, |change| change.at));
        }
        self.next_change(Time::NEVER, draw).map(|change| change.at)
    }

    fn last(&self) -> Segment {
        *self.segments.last().expect("there is always a condition")
    }

    fn answer_delay(&self) -> Span {
        self.timing.answer.min(self.timing.timeout)
    }

    fn results(&self) -> Results<'_> {
        Results {
            grid: self.grid,
            timing: self.timing,
            segments: &self.segments,
            next_prompt: self.next_prompt,
            next_late: self.next_late,
        }
    }

    /// Under a single old condition only the last n results matter: skips the others.
    fn skip_saturated(&mut self, now: Time) {
        if self.segments.len() != 1 || self.last().condition.mixes() {
            return;
        }
        let n_samples = i64::from(self.window.n_samples());
        let after_now = now + Span::from_nanos(1);
        let first_unknown = |delay| self.grid.first_from(after_now, delay);
        if self.last().condition == OriginCondition::Hanging {
            let keep_from = first_unknown(self.timing.timeout) - n_samples;
            self.next_late = self.next_late.max(keep_from);
        } else {
            let keep_from = first_unknown(self.answer_delay()) - n_samples;
            self.next_prompt = self.next_prompt.max(keep_from);
        }
    }

    fn forget_read_segments(&mut self, unread: i64, draw: impl Fn(u64) -> u64) {
        let mut results = self.results();
        results.settle(draw);
        // The streams must not fall back to probes whose condition is about to be forgotten.
        let next_prompt = results.next_prompt.min(unread.max(self.next_prompt));
        let next_late = results.next_late.min(unread.max(self.next_late));
        let results = self.results();
        let next_read = results.read_at(next_prompt.min(next_late));
        (self.next_prompt, self.next_late) = (next_prompt, next_late);
        let n_read = self.segments[1..].iter().take_while(|next| next.since <= next_read).count();
        self.segments.drain(..n_read);
    }
}

/// The result of one probe.
#[derive(Clone, Copy, Debug)]
struct ProbeResult {
    known_at: Time,
    success: bool,
    /// Only results of the last condition are to come, this one included.
    settled: bool,
}

/// The results to come, in the order in which they become known: two streams, by answer and by
/// time-out, each in launch order.
#[derive(Clone, Debug)]
struct Results<'a> {
    grid: ProbeGrid,
    timing: ProbeTiming,
    segments: &'a [Segment],
    next_prompt: i64,
    next_late: i64,
}

impl Results<'_> {
    /// The next result; there always is one.
    fn take(&mut self, draw: impl Fn(u64) -> u64) -> ProbeResult {
        let (prompt, late) = self.settle(&draw);
        let prompt_at = if prompt { self.read_at(self.next_prompt) } else { Time::NEVER };
        let late_at = if late { self.late_at(self.next_late) } else { Time::NEVER };
        let last_since = self.segments[self.segments.len() - 1].since;
        let settled = |read_at: Time| !(prompt && late) && last_since <= read_at;
        // At a tie the one that timed out left first.
        if late_at <= prompt_at {
            let settled = settled(self.read_at(self.next_late));
            self.next_late += 1;
            ProbeResult { known_at: late_at, success: false, settled }
        } else {
            let probe = self.next_prompt;
            self.next_prompt += 1;
            let success = self.timing.answer <= self.timing.timeout
                && match self.condition_at(prompt_at) {
                    OriginCondition::Answering => true,
                    OriginCondition::Flaky { failing, .. } => {
                        failing <= draw(probe.cast_unsigned())
                    }
                    OriginCondition::Refusing | OriginCondition::Hanging => false,
                };
            ProbeResult { known_at: prompt_at, success, settled: settled(prompt_at) }
        }
    }

    /// Moves both streams to their next probe; says which of them have one.
    fn settle(&mut self, draw: impl Fn(u64) -> u64) -> (bool, bool) {
        let prompt;
        let late;
        (self.next_prompt, prompt) = self.next_of(self.next_prompt, false, &draw);
        (self.next_late, late) = self.next_of(self.next_late, true, &draw);
        (prompt, late)
    }

    /// The first probe from `probe` on whose result comes by time-out (`silent`) or by answer,
    /// and whether there is one; if not, the first probe under the last condition.
    fn next_of(&self, probe: i64, silent: bool, draw: impl Fn(u64) -> u64) -> (i64, bool) {
        let mut probe = probe;
        let first = self.index_at(self.read_at(probe));
        for (segment, next) in (first..).zip(self.segments[first..].iter().skip(1)) {
            let end = self.grid.first_from(next.since, self.answer_delay());
            if let Some(found) = self.first_in(segment, (probe, end), silent, &draw) {
                return (found, true);
            }
            probe = probe.max(end);
        }
        let last = self.segments.len() - 1;
        match self.first_in(last, (probe, i64::MAX), silent, draw) {
            Some(found) => (found, true),
            None => (probe, false),
        }
    }

    /// The first of the probes from one to before another, all in one segment, that is silent or
    /// is not.
    fn first_in(
        &self,
        segment: usize,
        (from, end): (i64, i64),
        silent: bool,
        draw: impl Fn(u64) -> u64,
    ) -> Option<i64> {
        let condition = self.segments[segment].condition;
        let is_it = |probe: i64| condition.is_silent(|| draw(probe.cast_unsigned())) == silent;
        if condition.mixes() {
            return (from..end.min(from.saturating_add(SEARCHED_MAX))).find(|&probe| is_it(probe));
        }
        (from < end && is_it(from)).then_some(from)
    }

    fn answer_delay(&self) -> Span {
        self.timing.answer.min(self.timing.timeout)
    }

    fn read_at(&self, probe: i64) -> Time {
        self.grid.launch(probe) + self.answer_delay()
    }

    fn late_at(&self, probe: i64) -> Time {
        self.grid.launch(probe) + self.timing.timeout
    }

    /// The segment that holds at `instant`; a change at that very instant counts.
    fn index_at(&self, instant: Time) -> usize {
        self.segments.partition_point(|segment| segment.since <= instant).max(1) - 1
    }

    fn condition_at(&self, instant: Time) -> OriginCondition {
        self.segments[self.index_at(instant)].condition
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NO_DRAW: fn(u64) -> u64 = |_| unreachable!("no flaky condition here");

    fn healthy_origin(n: u8, x: u8, phase_s: i64, timing: ProbeTiming) -> ProbedOrigin {
        let grid = ProbeGrid { phase: Time::from_secs(phase_s), interval: Span::from_secs(30) };
        let window = SampleWindow::filled(n, x, true);
        ProbedOrigin::new(grid, timing, window, OriginCondition::Answering, Time::ZERO)
    }

    /// Detection by hand: probes at 10, 40, 70, …; the origin fails at 100 s; 3 of 4 needs two
    /// failures. Refused: 100 and 130. Hanging with 5 s: 105 and 135. Under way at the failure
    /// (answer due 2 s after launch, failure 1 s after the launch): that probe counts.
    #[test]
    fn detection_by_hand() {
        let prompt = ProbeTiming { answer: Span::ZERO, timeout: Span::from_secs(5) };
        let slow = ProbeTiming { answer: Span::from_secs(2), timeout: Span::from_secs(5) };
        let table = [
            ("refused, probe at the very instant", prompt, OriginCondition::Refusing, 100, 130),
            ("refused, just after a probe", prompt, OriginCondition::Refusing, 101, 160),
            ("hanging adds the time-out", prompt, OriginCondition::Hanging, 100, 135),
            ("under way and refused when due", slow, OriginCondition::Refusing, 101, 132),
            ("under way and lost", slow, OriginCondition::Hanging, 101, 135),
            ("answered before the failure", slow, OriginCondition::Hanging, 103, 165),
        ];
        for (rule, timing, condition, fails_s, noticed_s) in table {
            let mut origin = healthy_origin(4, 3, 10, timing);
            assert_eq!(origin.next_change(Time::NEVER, NO_DRAW), None, "{rule}");
            origin.change(Time::from_secs(fails_s), condition, NO_DRAW);
            let change = origin.next_change(Time::NEVER, NO_DRAW);
            let expected = VerdictChange { at: Time::from_secs(noticed_s), healthy: false };
            assert_eq!(change, Some(expected), "{rule}");
        }
    }

    /// An answer that takes longer than the time-out is no answer: such an origin is never
    /// healthy.
    #[test]
    fn an_answer_after_the_time_out_is_a_failure() {
        let timing = ProbeTiming { answer: Span::from_secs(9), timeout: Span::from_secs(5) };
        let mut origin = healthy_origin(2, 1, 0, timing);
        let change = origin.next_change(Time::NEVER, NO_DRAW).unwrap();
        assert_eq!((change.at, change.healthy), (Time::from_secs(30 + 5), false));
        origin.absorb(Time::from_secs(3_600), NO_DRAW);
        assert_eq!(origin.next_change(Time::NEVER, NO_DRAW), None);
    }

    /// Taking in a long quiet time is not a walk through it: ten years of probes at 1 s.
    #[test]
    fn a_long_quiet_time_is_skipped() {
        let grid = ProbeGrid { phase: Time::ZERO, interval: Span::from_secs(1) };
        let timing = ProbeTiming { answer: Span::ZERO, timeout: Span::from_secs(1) };
        let window = SampleWindow::filled(255, 255, true);
        let mut origin =
            ProbedOrigin::new(grid, timing, window, OriginCondition::Answering, Time::ZERO);
        let then = Time::from_secs(315_360_000);
        origin.change(then, OriginCondition::Refusing, NO_DRAW);
        let change = origin.next_change(Time::NEVER, NO_DRAW);
        assert_eq!(change, Some(VerdictChange { at: then, healthy: false }));
    }

    /// A random history: when the origin changes and to what, on a grid that hits the probes'
    /// instants often.
    fn histories() -> impl Strategy<Value = Vec<(Time, OriginCondition)>> {
        let condition = prop_oneof![
            Just(OriginCondition::Answering),
            Just(OriginCondition::Refusing),
            Just(OriginCondition::Hanging),
            (0..=u64::MAX, any::<bool>())
                .prop_map(|(failing, hangs)| OriginCondition::Flaky { failing, hangs }),
        ];
        prop::collection::vec((0_i64..240, condition), 0..12).prop_map(|mut changes| {
            changes.sort_by_key(|(half_s, _)| *half_s);
            let at = |half_s: i64| Time::from_nanos(half_s * 500_000_000);
            changes.into_iter().map(|(half_s, condition)| (at(half_s), condition)).collect()
        })
    }

    fn draw(probe: u64) -> u64 {
        (probe ^ 0x9E37_79B9).wrapping_mul(0xD6E8_FEB8_6659_FD93).rotate_left(29)
            ^ probe.wrapping_mul(0xA076_1D64_78BD_642F)
    }

    const HORIZON: Time = Time::from_secs(200);

    /// Every change of verdict until the horizon, with the timers that `next_timer` arms.
    fn replay(
        mut origin: ProbedOrigin,
        history: &[(Time, OriginCondition)],
        next_timer: impl Fn(&ProbedOrigin) -> Option<Time>,
    ) -> Vec<VerdictChange> {
        let mut changes = Vec::new();
        let mut history = history.iter().peekable();
        let mut published = origin.healthy();
        loop {
            let timer = next_timer(&origin).unwrap_or(Time::NEVER);
            let fault = history.peek().map_or(Time::NEVER, |(at, _)| *at);
            let now = timer.min(fault);
            if HORIZON < now {
                return changes;
            }
            if fault <= timer {
                let (at, condition) = *history.next().unwrap();
                origin.change(at, condition, draw);
            } else {
                origin.absorb(now, draw);
                if origin.healthy() != published {
                    published = origin.healthy();
                    changes.push(VerdictChange { at: now, healthy: published });
                }
            }
        }
    }

    /// The same from the rules alone: read every probe of the history, sort by when it is known,
    /// push one by one.
    fn read_every_probe(
        origin: &ProbedOrigin,
        first: OriginCondition,
        history: &[(Time, OriginCondition)],
    ) -> Vec<VerdictChange> {
        let (grid, timing) = (origin.grid, origin.timing);
        let mut known = Vec::new();
        for probe in -100..400 {
            let read_at = grid.launch(probe) + timing.answer.min(timing.timeout);
            let seen = history.iter().rev().find(|(at, _)| *at <= read_at);
            let condition = seen.map_or(first, |(_, condition)| *condition);
            let late = match condition {
                OriginCondition::Flaky { failing, hangs } => hangs && draw(probe as u64) < failing,
                other => other == OriginCondition::Hanging,
            };
            let at = if late { grid.launch(probe) + timing.timeout } else { read_at };
            let success = timing.answer <= timing.timeout
                && match condition {
                    OriginCondition::Answering => true,
                    OriginCondition::Flaky { failing, .. } => failing <= draw(probe as u64),
                    _ => false,
                };
            if Time::ZERO <= at && at <= HORIZON {
                known.push((at, probe, success));
            }
        }
        known.sort_unstable();
        let mut window = origin.window;
        let mut changes: Vec<VerdictChange> = Vec::new();
        for (at, _, success) in known {
            let before = window.healthy();
            window.push(success);
            if window.healthy() != before {
                // Two results at one instant: what counts is the verdict after both.
                if changes.last().is_some_and(|last| last.at == at) {
                    changes.pop();
                } else {
                    changes.push(VerdictChange { at, healthy: window.healthy() });
                }
            }
        }
        changes
    }

    proptest! {
        /// Timers armed for changes of verdict only, timers armed for every result, and the
        /// rules read probe by probe agree to the nanosecond for random histories, phases,
        /// windows and time-outs (also longer than the interval), from a good or a bad start.
        #[test]
        fn lazy_and_explicit_probing_agree(
            history in histories(),
            phase_half_s in 0_i64..20,
            interval_half_s in 1_i64..20,
            answer_half_s in 0_i64..8,
            timeout_half_s in 1_i64..40,
            n in 1_u8..8,
            x in 0_u8..9,
            starts_up in any::<bool>(),
        ) {
            let half = |n: i64| Span::from_nanos(n * 500_000_000);
            let (phase, interval) = (Time::ZERO + half(phase_half_s), half(interval_half_s));
            let grid = ProbeGrid { phase, interval };
            let timing = ProbeTiming { answer: half(answer_half_s), timeout: half(timeout_half_s) };
            // Traffic Manager's rule is among these windows: n tolerated failures and one, x = 1.
            let window = SampleWindow::filled(n, x, starts_up);
            let first =
                if starts_up { OriginCondition::Answering } else { OriginCondition::Refusing };
            let origin = ProbedOrigin::new(grid, timing, window, first, Time::ZERO);
            let lazily = |o: &ProbedOrigin| o.next_change(HORIZON, draw).map(|change| change.at);
            let lazy = replay(origin.clone(), &history, lazily);
            let explicit = replay(origin.clone(), &history, |o| Some(o.next_result_at(draw)));
            prop_assert_eq!(&lazy, &explicit);
            prop_assert_eq!(&lazy, &read_every_probe(&origin, first, &history));
        }
    }
}
