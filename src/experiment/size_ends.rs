//! A sizing at both ends of inputs that nobody knows well: how far its answer can be trusted, and
//! what to measure first.
//!
//! Each input is put to its lower and its upper end by itself, then all of them together to the
//! end that is worse, and the size is looked for again each time: with the same draws, beginning
//! at the answer, at the same confidence. Each of these answers holds with that confidence by
//! itself, as long as no trial fares worse with more; together they show what the answer depends
//! on, and are no interval. Trials that do fare worse with more are named.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use crate::scenario::objectives::Objective;
use crate::scenario::uncertain::Uncertain;

use super::metric::Row;
use super::size::Sizes;
use super::size_findings::{keeps, violations};
use super::size_outcome::ViolationOutcome;

/// What is solved again.
#[derive(Clone, Copy, Debug)]
pub struct EndsPlan<'p> {
    /// The inputs.
    pub inputs: &'p [Uncertain],
    /// What must be met.
    pub objectives: &'p [Objective],
    /// What was found for the inputs as they are.
    pub base: &'p Sizes,
    /// Its answer; `None` if nothing in range suffices.
    pub answer: Option<&'p [u32]>,
}

impl EndsPlan<'_> {
    /// Where searches begin: at the answer, or at the most that was tried.
    ///
    /// # Panics
    /// If nothing was tried.
    #[must_use]
    pub fn start(&self) -> &[u32] {
        let tried = self.base.tried.iter().map(|tried| tried.values.as_slice());
        self.answer.or_else(|| tried.max()).expect("a search tries a design")
    }
}

/// What the ends came to, as plain data, and the searches that showed it.
#[derive(Clone, Debug)]
pub struct Ends {
    /// The answers.
    pub outcome: EndsOutcome,
    /// The searches in their order.
    pub solved: Vec<Sizes>,
}

/// What the ends came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndsOutcome {
    /// The least answer of all, that for the inputs as they are included; `None` if nothing in
    /// range suffices anywhere.
    pub least: Option<Vec<u32>>,
    /// The greatest one; `None` if nothing in range suffices at some end, or as the inputs are.
    pub most: Option<Vec<u32>>,
    /// The inputs, the one that moves the answer most first.
    pub inputs: Vec<InputOutcome>,
    /// All inputs at the end that is worse, as far as one is and anything suffices without.
    pub worst: Option<WorstOutcome>,
    /// Inputs that were not tried, with the reason.
    pub skipped: Vec<String>,
}

/// What the ends of an input came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputOutcome {
    /// Where it stands; `[*]` is every item of a list.
    pub path: String,
    /// What it is in the scenario; `None` if that is no single value.
    pub value: Option<String>,
    /// Where the ends come from.
    pub source: String,
    /// The lower end.
    pub low: EndOutcome,
    /// The upper end.
    pub high: EndOutcome,
    /// How far the input by itself moves the answer; `None` if nothing in range suffices at one
    /// of its ends, or as it is.
    pub width: Option<u32>,
}

/// What one end came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndOutcome {
    /// The value of the input.
    pub value: String,
    /// The answer with it; `None` if nothing in range suffices.
    pub answer: Option<Vec<u32>>,
    /// Trials that were run for it; 0 if it is what the scenario has anyway.
    pub n_trials: u64,
    /// Those that fare worse with more: this answer is not as sure as it says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<ViolationOutcome>,
}

/// What all worse ends together came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorstOutcome {
    /// The inputs with their worse ends, `path=value`.
    pub inputs: Vec<String>,
    /// The answer with them; `None` if nothing in range suffices.
    pub answer: Option<Vec<u32>>,
    /// Trials that were run for it; 0 if only one input has a worse end.
    pub n_trials: u64,
    /// Those that fare worse with more: this answer is not as sure as it says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<ViolationOutcome>,
}

/// How a design fares: the size that is needed, and of the same trials at the same size how many
/// do not keep a limit. More is worse.
type Fare = (u32, u64);

/// Solves again at the ends of each input; `solve` does so for some inputs, by number, each at one
/// of its ends. `None` if it was told to stop.
///
/// # Errors
/// That of `solve`, with the input.
pub fn ends(
    plan: &EndsPlan<'_>,
    mut solve: impl FnMut(&[(usize, usize)]) -> Result<Sizes, String>,
) -> Result<Option<Ends>, String> {
    let mut solved: Vec<Sizes> = Vec::new();
    let mut inputs = Vec::new();
    let mut worse: Vec<(usize, usize)> = Vec::new();
    let mut worst_answer = plan.answer.map(<[u32]>::to_vec);
    for (number, input) in plan.inputs.iter().enumerate() {
        let mut found: [Option<Sizes>; 2] = [None, None];
        for end in [0, 1] {
            if input.is_value(end) {
                continue;
            }
            let path = &input.path;
            let sizes = solve(&[(number, end)]);
            let sizes = sizes.map_err(|why| format!("`{path}` at {}: {why}", input.ends[end]))?;
            if sizes.stopped {
                return Ok(None);
            }
            found[end] = Some(sizes);
        }
        if let Some(end) = worse_end(plan, &found).filter(|_| plan.answer.is_some()) {
            worse.push((number, end));
            worst_answer = answer(plan, found[end].as_ref());
        }
        inputs.push(outcome(plan, input, &found));
        solved.extend(found.into_iter().flatten());
    }
    let mut outcome =
        EndsOutcome { least: None, most: None, inputs, worst: None, skipped: Vec::new() };
    let mut together = None;
    if 1 < worse.len() {
        match solve(&worse) {
            Ok(sizes) if sizes.stopped => return Ok(None),
            Ok(sizes) => together = Some(sizes),
            Err(why) => {
                outcome.skipped.push(format!("all worse ends together: {why}"));
                worse.clear();
            }
        }
    }
    if !worse.is_empty() {
        let named = |&(number, end): &(usize, usize)| {
            let input = &plan.inputs[number];
            format!("{}={}", input.path, input.ends[end])
        };
        outcome.worst = Some(WorstOutcome {
            inputs: worse.iter().map(named).collect(),
            answer: together.as_ref().map_or(worst_answer, |it| answer(plan, Some(it))),
            n_trials: together.as_ref().map_or(0, Sizes::n_trials),
            violations: worse_with_more(plan, together.as_ref()),
        });
    }
    solved.extend(together);
    outcome.rank(plan.answer);
    Ok(Some(Ends { outcome, solved }))
}

/// The end of an input that is worse than the other one and than the input as it is.
fn worse_end(plan: &EndsPlan<'_>, found: &[Option<Sizes>; 2]) -> Option<usize> {
    let rows = |sizes: &Sizes| sizes.tried(plan.start()).map(|tried| tried.judgement.rows.clone());
    let all = found.iter().flatten().chain([plan.base]);
    let n_common = all.filter_map(rows).map(|rows| rows.len()).min().unwrap_or(0);
    let fare = |sizes: &Sizes| -> Fare {
        let missed = |row: &&Row| plan.objectives.iter().any(|objective| !keeps(objective, row));
        let rows = rows(sizes).unwrap_or_default();
        let n_missed = rows.iter().take(n_common).filter(missed).count();
        (need(answer(plan, Some(sizes)).as_deref()), n_missed as u64)
    };
    let as_it_is = (need(plan.answer), fare(plan.base).1);
    let fares = [0, 1].map(|end| found[end].as_ref().map_or(as_it_is, fare));
    let end = usize::from(fares[0] < fares[1]);
    (as_it_is < fares[end]).then_some(end)
}

/// The answer of a search; that for the inputs as they are if there was none.
fn answer(plan: &EndsPlan<'_>, sizes: Option<&Sizes>) -> Option<Vec<u32>> {
    match sizes {
        None => plan.answer.map(<[u32]>::to_vec),
        Some(sizes) => sizes.smallest.first().cloned(),
    }
}

/// Trials of a search that fare worse with more.
fn worse_with_more(plan: &EndsPlan<'_>, sizes: Option<&Sizes>) -> Vec<ViolationOutcome> {
    let found = sizes.map_or_else(Vec::new, |sizes| violations(sizes, plan.objectives));
    found.into_iter().map(Into::into).collect()
}

/// How much of the last knob is needed.
fn need(answer: Option<&[u32]>) -> u32 {
    answer.and_then(<[u32]>::last).copied().unwrap_or(u32::MAX)
}

fn outcome(plan: &EndsPlan<'_>, input: &Uncertain, found: &[Option<Sizes>; 2]) -> InputOutcome {
    let end = |end: usize| EndOutcome {
        value: input.ends[end].clone(),
        answer: answer(plan, found[end].as_ref()),
        n_trials: found[end].as_ref().map_or(0, Sizes::n_trials),
        violations: worse_with_more(plan, found[end].as_ref()),
    };
    let (low, high) = (end(0), end(1));
    let needs = [plan.answer, low.answer.as_deref(), high.answer.as_deref()].map(need);
    let [least, most] = [needs.iter().min(), needs.iter().max()].map(|it| *it.expect("three"));
    InputOutcome {
        path: input.path.clone(),
        value: input.value.clone(),
        source: input.source.clone(),
        low,
        high,
        width: (most < u32::MAX).then_some(most - least),
    }
}

impl EndsOutcome {
    /// Puts the inputs in order of their width, those at whose ends least is needed first if they
    /// have none, and finds the least and the greatest answer.
    fn rank(&mut self, answer: Option<&[u32]>) {
        self.inputs.sort_by_key(|input| {
            let needs = [&input.low, &input.high].map(|end| need(end.answer.as_deref()));
            let width = input.width.unwrap_or(u32::MAX);
            (Reverse(width), if input.width.is_none() { needs.into_iter().min() } else { None })
        });
        let ends = self.inputs.iter().flat_map(|input| [&input.low.answer, &input.high.answer]);
        let worst = self.worst.iter().map(|worst| &worst.answer);
        let mut all: Vec<Option<Vec<u32>>> = ends.chain(worst).cloned().collect();
        all.push(answer.map(<[u32]>::to_vec));
        all.sort_by_key(|answer| need(answer.as_deref()));
        self.least = all[0].clone();
        self.most = all.pop().expect("what was found as it is is among them");
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;

    use crate::experiment::metric::{Figure, Metric, N_METRICS};
    use crate::experiment::size::{MAX_TRIALS, SizePlan, Trials, size, size_again};
    use crate::sim::streams::{Stream, unit};

    /// What the ends are where the load does not depend on the design.
    fn solved(inputs: &[Uncertain], range: (u32, u32), load: impl Fn([f64; 2]) -> f64) -> Ends {
        solved_by(inputs, range, |values, _| load(values))
    }

    /// What the ends are, and the trials of a design: they recover if the first knob carries the
    /// load of the trial, in nodes.
    fn solved_by(
        inputs: &[Uncertain],
        range: (u32, u32),
        load: impl Fn([f64; 2], f64) -> f64,
    ) -> Ends {
        let objectives = vec![Objective::parse("p(rto_s<=300) >= 0.99").unwrap()];
        let plan = SizePlan {
            ranges: &[range],
            objectives: &objectives,
            confidence: 0.95,
            max_trials: MAX_TRIALS,
            threads: NonZeroUsize::MIN,
        };
        let with = |values: [f64; 2]| {
            let load = &load;
            move |design: &[u32]| {
                let nodes = f64::from(design[0]);
                let load = load(values, nodes);
                let row = move |trial: u64| {
                    let noise = 0.1 * unit(Stream::new(7, trial, "load", "test").at(0));
                    let mut figures = [Figure::ABSENT; N_METRICS];
                    figures[Metric::RecoveryTime as usize] =
                        if load - noise <= nodes { Figure::new(0.0) } else { Figure::NEVER };
                    Row::bare(trial, figures)
                };
                Ok(Box::new(row) as Trials<'static>)
            }
        };
        let number = |text: &str| text.parse::<f64>().unwrap();
        let written = [0, 1].map(|at| inputs[at].value.as_deref().map_or(0.0, number));
        let base = size(&plan, &|| false, with(written)).unwrap();
        let answer = base.smallest.first().map(Vec::as_slice);
        let plan_of_ends = EndsPlan { inputs, objectives: &objectives, base: &base, answer };
        let found = ends(&plan_of_ends, |ends| {
            let mut values = written;
            ends.iter().for_each(|&(at, end)| values[at] = number(&inputs[at].ends[end]));
            size_again(&plan, plan_of_ends.start(), &|| false, with(values))
        });
        found.unwrap().unwrap()
    }

    fn input(path: &str, value: &str, low: &str, high: &str) -> Uncertain {
        Uncertain::at(path, value, [low, high])
    }

    /// An input's path, its answers at both ends, and its width.
    type Answers<'p> = (&'p str, Option<u32>, Option<u32>, Option<u32>);

    fn answers(found: &EndsOutcome) -> Vec<Answers<'_>> {
        let only = |end: &EndOutcome| end.answer.as_ref().map(|answer| answer[0]);
        let inputs = found.inputs.iter();
        inputs.map(|it| (it.path.as_str(), only(&it.low), only(&it.high), it.width)).collect()
    }

    /// A load of a x b nodes: 4 x 5 needs 20. With a from 3 to 5, 15 to 25; with b from 4 to 8, 16
    /// to 32; all that is worse at once 5 x 8 = 40. What moves the answer most comes first.
    #[test]
    fn the_ends_are_the_closed_form_at_the_ends() {
        let inputs = [input("a", "4", "3", "5"), input("b", "5", "4", "8")];
        let found = solved(&inputs, (0, 60), |[a, b]| a * b).outcome;
        let expected = [("b", Some(16), Some(32), Some(16)), ("a", Some(15), Some(25), Some(10))];
        assert_eq!(answers(&found), expected);
        let worst = found.worst.unwrap();
        assert_eq!((worst.inputs, worst.answer), (both("a=5", "b=8"), Some(vec![40])));
        assert_eq!((found.least, found.most), (Some(vec![15]), Some(vec![40])));
    }

    /// Where nothing in range suffices there is no answer, and no width; it comes first all the
    /// same.
    #[test]
    fn an_end_may_have_no_answer() {
        let inputs = [input("a", "4", "1", "4"), input("b", "5", "5", "6")];
        let found = solved(&inputs, (0, 22), |[a, b]| a * b).outcome;
        let expected = [("b", Some(20), None, None), ("a", Some(5), Some(20), Some(15))];
        assert_eq!(answers(&found), expected);
        assert_eq!((found.least, found.most), (Some(vec![5]), None));
        let worst = found.worst.unwrap();
        assert_eq!((worst.inputs, worst.answer, worst.n_trials), (vec!["b=6".to_owned()], None, 0));
    }

    /// Where nothing in range suffices as the inputs are, the ends say which of them would mend
    /// it, the one with which least is needed first: 4 x 5 is over 18, 3 x 5 and 4 x 2 are not.
    #[test]
    fn an_end_may_suffice_where_nothing_does() {
        let inputs = [input("a", "4", "3", "4"), input("b", "5", "2", "9")];
        let found = solved(&inputs, (0, 18), |[a, b]| a * b).outcome;
        let expected = [("b", Some(8), None, None), ("a", Some(15), None, None)];
        assert_eq!(answers(&found), expected);
        assert_eq!((found.least, found.most, found.worst), (Some(vec![8]), None, None));
        let none = solved(&inputs, (0, 7), |[a, b]| a * b).outcome;
        assert_eq!((none.least, none.most), (None, None));
    }

    /// What the scenario has anyway is not solved again; an input that changes nothing has no
    /// worse end, and then all are as they are.
    #[test]
    fn what_changes_nothing_costs_little() {
        let inputs = [input("a", "4", "4", "4.0"), input("b", "5", "1", "9")];
        let Ends { outcome, solved } = solved(&inputs, (0, 60), |[a, _]| a * 5.0);
        let expected = [("a", Some(20), Some(20), Some(0)), ("b", Some(20), Some(20), Some(0))];
        assert_eq!(answers(&outcome), expected);
        assert_eq!(solved.len(), 2);
        assert!(solved.iter().all(|sizes| sizes.tried.len() == 2));
        assert_eq!((outcome.worst, outcome.most), (None, Some(vec![20])));
        // ln 0.025 / ln 0.987 = 281.9 trials show that 20 nodes suffice, the first look at 19 is
        // after 282 / 16.
        assert_eq!([0, 1].map(|at| outcome.inputs[at].low.n_trials), [0, 282 + 17]);
    }

    /// An end at which trials fare worse with more is named with them: its answer is not as sure
    /// as the others. Where `a` is high half of the trials need more than 20 nodes, but with more
    /// than 20 all need 100.
    #[test]
    fn trials_that_fare_worse_with_more_are_named() {
        let inputs = [input("a", "4", "4", "9"), input("b", "5", "5", "5")];
        let found = solved_by(&inputs, (0, 60), |[a, _], nodes| match (4.0 < a, 20.0 < nodes) {
            (true, true) => 100.0,
            (true, false) => 20.05,
            (false, _) => 20.0,
        });
        let [low, high] = [&found.outcome.inputs[0].low, &found.outcome.inputs[0].high];
        assert_eq!((low.violations.len(), &high.answer), (0, &None));
        assert_eq!((&high.violations[0].less, &high.violations[0].more), (&vec![20], &vec![21]));
    }

    /// Two inputs that move no answer by themselves can do so together: which end is worse is seen
    /// in how many of the same trials fail (6 in 1,000 for each, 48 for both).
    #[test]
    fn worse_ends_are_seen_in_trials() {
        let inputs = [input("a", "0", "0", "0.0006"), input("b", "0", "-0.0006", "0.0006")];
        let found = solved(&inputs, (0, 60), |[a, b]| 20.0 + a + b + 1e4 * a * b).outcome;
        assert_eq!(found.inputs.iter().map(|it| it.width).collect::<Vec<_>>(), [Some(0), Some(0)]);
        let worst = found.worst.unwrap();
        assert_eq!((worst.inputs, worst.answer), (both("a=0.0006", "b=0.0006"), Some(vec![21])));
        assert_eq!((found.least, found.most), (Some(vec![20]), Some(vec![21])));
    }

    fn both(one: &str, other: &str) -> Vec<String> {
        vec![one.to_owned(), other.to_owned()]
    }
}
