//! The search of a sizing: bisection over the last knob, and over it for each value of the first.
//!
//! More of a knob never hurts, it is assumed. Where an answer is expected near a value, the search
//! begins there and goes away from it in doubled steps until the answer lies between two.

use super::gate::{GatePlan, Verdict, judge};
use super::sequential::{Look, Question, looks};
use super::size::{INDIFFERENCE, SizePlan, Sizes, Trials, Tried};

/// A search and what it has seen.
pub(super) struct Search<'p, D> {
    plan: &'p SizePlan<'p>,
    looks: Vec<Look>,
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
        Ok(Self { plan, looks, is_stopped, design, tried: Vec::new(), invalid: None })
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
        if !is_known && !self.suffices(before, most) {
            return None;
        }
        if least == most || self.suffices(before, least) {
            return Some(least);
        }
        Some(self.between(before, least, most))
    }

    /// The smallest value that suffices above one that does not, up to one that does.
    fn between(&mut self, before: &[u32], mut too_small: u32, mut enough: u32) -> u32 {
        while too_small + 1 < enough {
            let middle = too_small + (enough - too_small) / 2;
            if self.suffices(before, middle) {
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
        if self.suffices(before, start) {
            let mut enough = start;
            while least < enough {
                let less = enough.saturating_sub(step).max(least);
                if !self.suffices(before, less) {
                    return Some(self.between(before, less, enough));
                }
                (enough, step) = (less, step.saturating_mul(2));
            }
            return Some(least);
        }
        let mut too_small = start;
        while too_small < most {
            let more = too_small.saturating_add(step).min(most);
            if self.suffices(before, more) {
                return Some(self.between(before, too_small, more));
            }
            (too_small, step) = (more, step.saturating_mul(2));
        }
        None
    }

    /// Whether a design was shown to suffice; one that stays undecided was not.
    fn suffices(&mut self, before: &[u32], value: u32) -> bool {
        if self.is_stopped() {
            return false;
        }
        let values: Vec<u32> = before.iter().copied().chain([value]).collect();
        let trials = match (self.design)(&values) {
            Ok(trials) => trials,
            Err(reason) => {
                self.invalid.get_or_insert((value, reason));
                return false;
            }
        };
        let plan =
            GatePlan { looks: &self.looks, threads: self.plan.threads, indifference: INDIFFERENCE };
        let judgement = judge(self.plan.objectives, plan, self.is_stopped, trials, |_| {});
        let suffices = judgement.verdict == Verdict::Met;
        self.tried.push(Tried { values, judgement });
        suffices
    }
}
