//! Sizing: the smallest design that meets all objectives, with confidence.
//!
//! A design is a value of each knob. All designs run the same trials with the same draws (common
//! random numbers), so that what differs between them is the design. More of a knob never hurts,
//! it is assumed: the smallest value that suffices is found by bisection, for each value of the
//! first knob if there are two. Where a trial shows the contrary, that is a finding and is
//! reported. Each design is judged by a [sequential] test; what may be wrong is shared out between
//! the designs that a search can visit.
//!
//! [sequential]: super::sequential

use std::num::NonZeroUsize;

use crate::scenario::objectives::Objective;

use super::gate::{GatePlan, Judgement, Verdict, judge, metric_of};
use super::metric::Row;
use super::sequential::{Look, Question, looks};

/// How little below its share a probability may lie for a design to be called either.
pub const INDIFFERENCE: f64 = 0.003;

/// Trials of a design at most.
pub const MAX_TRIALS: u64 = 20_000;

/// The trials of a design: the row of each number.
pub type Trials<'t> = Box<dyn Fn(u64) -> Row + Sync + 't>;

/// What is looked for.
#[derive(Clone, Debug)]
pub struct SizePlan<'p> {
    /// Smallest and largest value of each knob, one or two.
    pub ranges: &'p [(u32, u32)],
    /// What must be met.
    pub objectives: &'p [Objective],
    /// How sure the answer must be.
    pub confidence: f64,
    /// Trials of a design at most.
    pub max_trials: u64,
    /// Threads to run trials on; results do not depend on it.
    pub threads: NonZeroUsize,
}

/// A design that was tried.
#[derive(Clone, Debug)]
pub struct Tried {
    /// The value of each knob.
    pub values: Vec<u32>,
    /// What its trials showed.
    pub judgement: Judgement,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Sizes {
    /// The designs that suffice and of which no knob can be less; empty if none in range does.
    pub smallest: Vec<Vec<u32>>,
    /// All designs that were tried, in their order.
    pub tried: Vec<Tried>,
    /// The first value of the last knob that makes no valid scenario, with the reason.
    pub invalid: Option<(u32, String)>,
    /// Whether it was told to stop: then nothing was found.
    pub stopped: bool,
}

/// A trial that fares worse with more.
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    /// The smaller design, which keeps the limit.
    pub less: Vec<u32>,
    /// The larger design, which does not.
    pub more: Vec<u32>,
    /// The objective.
    pub objective: Objective,
    /// The first such trial.
    pub trial: u64,
    /// How many there are.
    pub n: u64,
    /// Of how many trials that both designs ran.
    pub n_trials: u64,
}

/// Looks for the smallest designs; `design` gives the trials of one, or why there is none.
///
/// # Errors
/// If no scenario of the range is valid, with the reason; or if the trials at most are too few,
/// with the number that is needed.
pub fn size<'t>(
    plan: &SizePlan<'_>,
    is_stopped: &(dyn Fn() -> bool + Sync),
    design: impl FnMut(&[u32]) -> Result<Trials<'t>, String>,
) -> Result<Sizes, String> {
    let questions: Vec<Question> = plan
        .objectives
        .iter()
        .map(|it| Question { share: it.statement.share, indifference: INDIFFERENCE })
        .collect();
    let looks = looks(&questions, plan.max_trials, 1.0 - (1.0 - plan.confidence) / n_designs(plan))
        .map_err(|needed| format!("{needed} trials of each design are needed at least"))?;
    let mut search = Search { plan, looks, is_stopped, design, tried: Vec::new(), invalid: None };
    let smallest = search.run()?;
    let stopped = search.tried.iter().any(|it| it.judgement.verdict == Verdict::Stopped);
    let Search { tried, invalid, .. } = search;
    let smallest = if stopped { Vec::new() } else { smallest };
    Ok(Sizes { smallest, tried, invalid, stopped })
}

/// The designs that a search can visit at most.
fn n_designs(plan: &SizePlan<'_>) -> f64 {
    let halvings = |(least, most): (u32, u32)| f64::from((most - least + 1).ilog2() + 3);
    match plan.ranges {
        [first, second] => f64::from(first.1 - first.0 + 1) * halvings(*second),
        [only] => halvings(*only),
        _ => unreachable!("there are one or two knobs"),
    }
}

struct Search<'p, D> {
    plan: &'p SizePlan<'p>,
    looks: Vec<Look>,
    is_stopped: &'p (dyn Fn() -> bool + Sync),
    design: D,
    tried: Vec<Tried>,
    invalid: Option<(u32, String)>,
}

impl<'t, D: FnMut(&[u32]) -> Result<Trials<'t>, String>> Search<'_, D> {
    fn run(&mut self) -> Result<Vec<Vec<u32>>, String> {
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
        let (mut too_small, mut enough) = (least, most);
        while too_small + 1 < enough {
            let middle = too_small + (enough - too_small) / 2;
            if self.suffices(before, middle) {
                enough = middle;
            } else {
                too_small = middle;
            }
        }
        Some(enough)
    }

    /// Whether a design was shown to suffice; one that stays undecided was not.
    fn suffices(&mut self, before: &[u32], value: u32) -> bool {
        let stopped = self.tried.iter().any(|it| it.judgement.verdict == Verdict::Stopped);
        if stopped {
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

impl Sizes {
    /// A design that was tried.
    #[must_use]
    pub fn tried(&self, values: &[u32]) -> Option<&Tried> {
        self.tried.iter().find(|tried| tried.values == values)
    }

    /// The design that has one less of the last knob than `values`, if it was tried.
    #[must_use]
    pub fn one_less(&self, values: &[u32]) -> Option<&Tried> {
        let (last, before) = values.split_last()?;
        let less: Vec<u32> = before.iter().copied().chain([last.checked_sub(1)?]).collect();
        self.tried(&less)
    }

    /// Where trials fare worse with more, for each pair of designs of which one is larger.
    #[must_use]
    pub fn violations(&self, objectives: &[Objective]) -> Vec<Violation> {
        let mut found = Vec::new();
        for less in &self.tried {
            for more in &self.tried {
                let pairs = less.values.iter().zip(&more.values);
                if less.values != more.values && pairs.clone().all(|(less, more)| less <= more) {
                    let of = |objective| violation(less, more, objective);
                    found.extend(objectives.iter().filter_map(of));
                }
            }
        }
        found
    }
}

fn violation(less: &Tried, more: &Tried, objective: &Objective) -> Option<Violation> {
    let keeps = |row: &Row| keeps(objective, row);
    let pairs = less.judgement.rows.iter().zip(&more.judgement.rows);
    let n_trials = pairs.len() as u64;
    let worse: Vec<u64> = pairs
        .filter(|(less, more)| keeps(less) && !keeps(more))
        .map(|(less, _)| less.trial)
        .collect();
    Some(Violation {
        less: less.values.clone(),
        more: more.values.clone(),
        objective: *objective,
        trial: *worse.first()?,
        n: worse.len() as u64,
        n_trials,
    })
}

fn keeps(objective: &Objective, row: &Row) -> bool {
    objective.statement.holds(row.figure(metric_of(objective)).value())
}

/// The trial that shows why one less fails: the first in which the smaller design does not keep a
/// limit that the larger one keeps; else the first that does not keep one.
#[must_use]
pub fn witness(
    objectives: &[Objective],
    smaller: &Tried,
    larger: Option<&Tried>,
) -> Option<(Objective, u64)> {
    let missing = |also_missing: bool| {
        smaller.judgement.rows.iter().enumerate().find_map(|(index, row)| {
            let other = larger.and_then(|larger| larger.judgement.rows.get(index));
            let fails = |objective: &&Objective| {
                let shows = also_missing || other.is_some_and(|row| keeps(objective, row));
                !keeps(objective, row) && shows
            };
            objectives.iter().find(fails).map(|objective| (*objective, row.trial))
        })
    };
    missing(false).or_else(|| missing(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::experiment::metric::{Figure, Metric, N_METRICS};
    use crate::sim::streams::{Stream, unit};

    /// A trial that recovers at once if `capacity` is at least its need, and never otherwise.
    fn row(trial: u64, capacity: f64, need: f64) -> Row {
        let mut figures = [Figure::ABSENT; N_METRICS];
        figures[Metric::RecoveryTime as usize] =
            if need <= capacity { Figure::new(0.0) } else { Figure::NEVER };
        Row { trial, fingerprint: 0, figures }
    }

    fn objectives() -> Vec<Objective> {
        vec![Objective::parse("p(rto_s<=300) >= 0.99").unwrap()]
    }

    fn sizes(
        ranges: &[(u32, u32)],
        fare: impl Fn(&[u32], u64) -> Row + Sync + Copy,
    ) -> Result<Sizes, String> {
        let objectives = objectives();
        let plan = SizePlan {
            ranges,
            objectives: &objectives,
            confidence: 0.95,
            max_trials: MAX_TRIALS,
            threads: NonZeroUsize::MIN,
        };
        size(&plan, &|| false, |values| {
            if values.iter().any(|&value| 30 < value) {
                return Err("the pool has at most 30 nodes".to_owned());
            }
            let values = values.to_vec();
            Ok(Box::new(move |trial| fare(&values, trial)))
        })
    }

    /// Static stability: n equal zones carry the whole load after the loss of one if each was
    /// sized for 1 / (n - 1) of it. A load of 12 nodes needs 12 n / (n - 1) nodes in all.
    #[test]
    fn static_stability_is_found() {
        for (n_zones, nodes) in [(2.0, 24), (3.0, 18), (4.0, 16), (5.0, 15)] {
            let left = |values: &[u32]| f64::from(values[0]) * (n_zones - 1.0) / n_zones;
            let found = sizes(&[(0, 30)], |values, trial| row(trial, left(values) + 1e-9, 12.0));
            assert_eq!(found.unwrap().smallest, [[nodes]], "{n_zones} zones");
        }
    }

    /// A load that is uniform between 10 and 20 nodes, without scaling: 99 % of trials need at
    /// most 19.9, so 20; with 19 nodes 10 % fail, and the witness is a trial that needs more.
    #[test]
    fn a_random_load_needs_its_quantile() {
        let need = |trial: u64| 10.0 + 10.0 * unit(Stream::new(5, trial, "need", "test").at(0));
        let found =
            sizes(&[(0, 40)], |values, trial| row(trial, f64::from(values[0]), need(trial)));
        let found = found.unwrap();
        assert_eq!(found.smallest, [[20]]);
        assert_eq!(found.invalid, Some((31, "the pool has at most 30 nodes".to_owned())));
        let (less, enough) = (found.one_less(&[20]).unwrap(), found.tried(&[20]));
        let (_, trial) = witness(&objectives(), less, enough).unwrap();
        assert!(19.0 < need(trial) && (0..trial).all(|earlier| need(earlier) <= 19.0), "{trial}");
        assert_eq!(found.violations(&objectives()), []);
        assert!(found.tried.len() <= 8, "{}", found.tried.len());
    }

    /// Both ends of the range: all of it suffices, or nothing does.
    #[test]
    fn ends_of_the_range_are_answers() {
        let all = sizes(&[(3, 9)], |_, trial| row(trial, 1.0, 0.0)).unwrap();
        assert_eq!((all.smallest, all.tried.len()), (vec![vec![3]], 2));
        let one = sizes(&[(4, 4)], |_, trial| row(trial, 1.0, 0.0)).unwrap();
        assert_eq!((one.smallest, one.tried.len()), (vec![vec![4]], 1));
        let none = sizes(&[(3, 9)], |_, trial| row(trial, 0.0, 1.0)).unwrap();
        assert_eq!((none.smallest.len(), none.tried.len()), (0, 1));
        let invalid = sizes(&[(31, 40)], |_, trial| row(trial, 0.0, 1.0)).unwrap_err();
        assert_eq!(invalid, "the pool has at most 30 nodes");
    }

    /// Two knobs whose product must be 12: each smallest pair is found, none beside it.
    #[test]
    fn two_knobs_have_a_frontier() {
        let found = sizes(&[(1, 12), (1, 12)], |values, trial| {
            row(trial, f64::from(values[0] * values[1]), 12.0)
        });
        let pairs = [[1, 12], [2, 6], [3, 4], [4, 3], [6, 2], [12, 1]];
        assert_eq!(found.unwrap().smallest, pairs.map(|pair| pair.to_vec()));
    }

    /// In every hundredth trial more than 10 is too much: the answer stands, and the trials are
    /// named.
    #[test]
    fn trials_that_fare_worse_with_more_are_named() {
        let found = sizes(&[(0, 16)], |values, trial| {
            let harmed = trial % 250 == 7 && 10 < values[0];
            row(trial, if harmed { 0.0 } else { f64::from(values[0]) }, 6.0)
        });
        let found = found.unwrap();
        assert_eq!(found.smallest, [[6]]);
        let violations = found.violations(&objectives());
        let named = violations.iter().find(|it| it.less == [8] && it.more == [16]).unwrap();
        assert_eq!(named.trial, 7);
        assert!(0 < named.n && named.n < named.n_trials);
    }
}
