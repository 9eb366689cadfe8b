//! The search of a sizing: bisection over the last knob, and over it for each value of the first.
//!
//! More of a knob never hurts, it is assumed. Where an answer is expected near a value, the search
//! begins there and goes away from it in doubled steps until the answer lies between two.
//!
//! The way to the answer is found by screening: a design that keeps its objectives in a few trials
//! is taken to suffice until less does. Only the least of these is then judged as confidence
//! demands; should it fail, the designs above it are judged in full. That a design does not suffice
//! is never taken for granted.

use super::gate::{GatePlan, Judgement, Verdict, judge};
use super::metric::Row;
use super::sequential::{Look, Question, looks};
use super::size::{INDIFFERENCE, SizePlan, Sizes, Trials, Tried};

/// A search and what it has seen.
pub(super) struct Search<'p, D> {
    plan: &'p SizePlan<'p>,
    looks: Vec<Look>,
    /// The first of these, after which a design is screened.
    n_screening: usize,
    is_stopped: &'p (dyn Fn() -> bool + Sync),
    design: D,
    tried: Vec<Tried>,
    invalid: Option<(u32, String)>,
}

impl<'p, 't, D: FnMut(&[u32]) -> Result<Trials<'t>, String>> Search<'p, D> {
    /// A search that visits `n_designs` at most, between which what may be wrong is shared out.
    ///
    /// # Errors
    /// If the trials at most are too few, with the number that is needed.
    pub(super) fn new(
        plan: &'p SizePlan<'p>,
        n_designs: f64,
        is_stopped: &'p (dyn Fn() -> bool + Sync),
        design: D,
    ) -> Result<Self, String> {
        let questions: Vec<Question> = plan
            .objectives
            .iter()
            .map(|it| Question { share: it.statement.share, indifference: INDIFFERENCE })
            .collect();
        let confidence = 1.0 - (1.0 - plan.confidence) / n_designs;
        let looks = looks(&questions, plan.max_trials, confidence)
            .map_err(|needed| format!("{needed} trials of each design are needed at least"))?;
        let n_screening = n_screening(&looks);
        let (tried, invalid) = (Vec::new(), None);
        Ok(Self { plan, looks, n_screening, is_stopped, design, tried, invalid })
    }

    /// Searches the whole range.
    pub(super) fn whole(mut self) -> Result<Sizes, String> {
        let smallest = self.all()?;
        Ok(self.found(smallest))
    }

    /// Searches the last knob around `near`, by `step` and its multiples by powers of two.
    pub(super) fn around(mut self, near: &[u32], step: u32) -> Result<Sizes, String> {
        let (least, most) = *self.plan.ranges.last().expect("there are one or two knobs");
        let (&near, before) = near.split_last().expect("there are one or two knobs");
        let most = self.largest_valid(before, least, most)?;
        let value = self.near(before, (least, most), near.clamp(least, most), step);
        let with = |value| before.iter().copied().chain([value]).collect();
        Ok(self.found(value.map(with).into_iter().collect()))
    }

    fn found(self, smallest: Vec<Vec<u32>>) -> Sizes {
        let stopped = self.is_stopped();
        let Self { tried, invalid, .. } = self;
        Sizes { smallest: if stopped { Vec::new() } else { smallest }, tried, invalid, stopped }
    }

    fn is_stopped(&self) -> bool {
        self.tried.iter().any(|it| it.judgement.verdict == Verdict::Stopped)
    }

    fn all(&mut self) -> Result<Vec<Vec<u32>>, String> {
        match *self.plan.ranges {
            [(least, most)] => {
                let most = self.largest_valid(&[], least, most)?;
                Ok(self.smallest(&[], least, most, false).map(|v| vec![v]).into_iter().collect())
            }
            [(first, last), (least, most)] => {
                let mut smallest: Vec<Vec<u32>> = Vec::new();
                let mut most = self.largest_valid(&[first], least, most)?;
                let mut is_known = false;
                for value in first..=last {
                    let Some(found) = self.smallest(&[value], least, most, is_known) else {
                        continue;
                    };
                    if !is_known || found < most {
                        smallest.push(vec![value, found]);
                    }
                    (most, is_known) = (found, true);
                    if most == least {
                        break;
                    }
                }
                Ok(smallest)
            }
            _ => unreachable!("there are one or two knobs"),
        }
    }

    /// The largest value of the last knob with which the scenario is valid.
    fn largest_valid(&mut self, before: &[u32], least: u32, most: u32) -> Result<u32, String> {
        let with = |value: u32| before.iter().copied().chain([value]).collect::<Vec<u32>>();
        let Err(reason) = (self.design)(&with(most)) else { return Ok(most) };
        let (mut valid, mut first_invalid, mut reason) = (least, most, reason);
        (self.design)(&with(least)).map(drop)?;
        while valid + 1 < first_invalid {
            let middle = valid + (first_invalid - valid) / 2;
            match (self.design)(&with(middle)) {
                Ok(_) => valid = middle,
                Err(why) => (first_invalid, reason) = (middle, why),
            }
        }
        self.invalid = Some((first_invalid, reason));
        Ok(valid)
    }

    /// The smallest value of the last knob that suffices, if one up to `most` does, which is
    /// known already if `is_known`.
    fn smallest(&mut self, before: &[u32], least: u32, most: u32, is_known: bool) -> Option<u32> {
        if !is_known && !self.may_suffice(before, most) {
            return None;
        }
        let enough = if least == most || self.may_suffice(before, least) {
            least
        } else {
            self.between(before, (least, most), Self::may_suffice)
        };
        if is_known && enough == most { Some(most) } else { self.certain(before, enough, most) }
    }

    /// The smallest value from `enough` on, which may suffice, that was shown to.
    fn certain(&mut self, before: &[u32], enough: u32, most: u32) -> Option<u32> {
        if self.suffices(before, enough) {
            return Some(enough);
        }
        let goes_on = enough < most && self.suffices(before, most);
        goes_on.then(|| self.between(before, (enough, most), Self::suffices))
    }

    /// The smallest value that `is_enough` above one that is not, up to one that is.
    fn between(
        &mut self,
        before: &[u32],
        (mut too_small, mut enough): (u32, u32),
        is_enough: fn(&mut Self, &[u32], u32) -> bool,
    ) -> u32 {
        while too_small + 1 < enough {
            let middle = too_small + (enough - too_small) / 2;
            if is_enough(self, before, middle) {
                enough = middle;
            } else {
                too_small = middle;
            }
        }
        enough
    }

    /// The smallest value that suffices, looked for from `start` on.
    fn near(
        &mut self,
        before: &[u32],
        (least, most): (u32, u32),
        start: u32,
        mut step: u32,
    ) -> Option<u32> {
        let (mut too_small, mut enough) = (None, None);
        if self.may_suffice(before, start) {
            enough = Some(start);
            while let (None, Some(found)) = (too_small, enough.filter(|&found| least < found)) {
                let less = found.saturating_sub(step).max(least);
                if self.may_suffice(before, less) {
                    (enough, step) = (Some(less), step.saturating_mul(2));
                } else {
                    too_small = Some(less);
                }
            }
        } else {
            too_small = Some(start);
            while let (Some(less), None) = (too_small.filter(|&less| less < most), enough) {
                let more = less.saturating_add(step).min(most);
                if self.may_suffice(before, more) {
                    enough = Some(more);
                } else {
                    (too_small, step) = (Some(more), step.saturating_mul(2));
                }
            }
        }
        let enough = match (too_small, enough?) {
            (Some(less), enough) => self.between(before, (less, enough), Self::may_suffice),
            (None, enough) => enough,
        };
        self.certain(before, enough, most)
    }

    /// Whether a design may suffice: a few trials do not speak against it.
    fn may_suffice(&mut self, before: &[u32], value: u32) -> bool {
        let Some(tried) = self.judged(before, value, self.n_screening) else { return false };
        let keeps = tried.judgement.judged.iter().all(|it| {
            let kept = it.n_kept as f64 / it.n as f64;
            it.objective.statement.share <= kept
        });
        // Before the first look nothing was seen that could speak against it.
        let seen = !tried.judgement.judged.is_empty();
        match tried.judgement.verdict {
            Verdict::Met => true,
            Verdict::Missed | Verdict::Stopped => false,
            Verdict::Undecided if tried.screened && seen && keeps => true,
            Verdict::Undecided => self.suffices(before, value),
        }
    }

    /// Whether a design was shown to suffice; one that stays undecided was not.
    fn suffices(&mut self, before: &[u32], value: u32) -> bool {
        let tried = self.judged(before, value, self.looks.len());
        tried.is_some_and(|tried| tried.judgement.verdict == Verdict::Met)
    }

    /// A design as it stands after the first `n_looks` looks, or none if there is no such one.
    fn judged(&mut self, before: &[u32], value: u32, n_looks: usize) -> Option<&Tried> {
        let values: Vec<u32> = before.iter().copied().chain([value]).collect();
        let known = self.tried.iter().position(|tried| tried.values == values);
        let is_done = |tried: &Tried| !tried.screened || n_looks < self.looks.len();
        if let Some(index) = known.filter(|&index| is_done(&self.tried[index])) {
            return Some(&self.tried[index]);
        }
        if self.is_stopped() {
            return None;
        }
        let trials = match (self.design)(&values) {
            Ok(trials) => trials,
            Err(reason) => {
                self.invalid.get_or_insert((value, reason));
                return None;
            }
        };
        let rows = known.map_or(&[][..], |index| &self.tried[index].judgement.rows);
        let judgement = self.judge(rows, trials, n_looks);
        let screened = n_looks < self.looks.len() && judgement.verdict == Verdict::Undecided;
        let tried = Tried { values, judgement, screened };
        let index = known.unwrap_or(self.tried.len());
        match known {
            Some(index) => self.tried[index] = tried,
            None => self.tried.push(tried),
        }
        Some(&self.tried[index])
    }

    /// Judges a design of which the first `rows` are known.
    fn judge(&self, rows: &[Row], trials: Trials<'t>, n_looks: usize) -> Judgement {
        let looks = &self.looks[..n_looks];
        let plan = GatePlan { looks, threads: self.plan.threads, indifference: INDIFFERENCE };
        let row = |trial: u64| match rows.get(trial as usize) {
            Some(row) => row.clone(),
            None => trials(trial),
        };
        judge(self.plan.objectives, plan, self.is_stopped, row, |_| {})
    }
}

/// One part in so many of the trials that show that a design suffices are enough to screen it.
const SCREENED: u64 = 8;

/// The first looks, after which a design is screened: those up to a part of the trials that show
/// that it suffices, or the first one of all if that comes later. There is none where so few
/// trials show it that nothing is looked at before.
fn n_screening(looks: &[Look]) -> usize {
    let n_before = looks.iter().take_while(|look| look.met_wrong == 0.0).count();
    let fewest = looks.get(n_before).map_or(0, |look| look.n);
    let n_early = looks[..n_before].iter().filter(|look| look.n <= fewest / SCREENED).count();
    n_early.max(n_before.min(1))
}
