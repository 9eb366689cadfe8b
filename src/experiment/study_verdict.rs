//! What the trials of a study say about the scenario's objectives.
//!
//! Each objective by itself, at the confidence of the study: the interval for the probability of
//! keeping its limit by the way in which its trials were drawn, against the
//! share that must keep it. A trial without the figure does not keep it. (`gate` decides all of
//! them together, and stops as soon as it can.)

use serde::{Deserialize, Serialize};

use crate::scenario::objectives::Objective;

use crate::sim::intervals::Interval;

use super::estimator::Estimator;
use super::gate::metric_of;
use super::metric::Row;
use super::premises::Premises;
use super::study::StudyOutcome;

/// What the trials say about an objective.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObjectiveShown {
    /// The objective, e.g. `rto_s p(99)<300`.
    pub objective: String,
    /// `met`, `missed` or `undecided`.
    pub answer: String,
    /// Share of trials that must keep its limit.
    pub needed: f64,
    /// Trials.
    pub n: u64,
    /// Trials that kept it.
    pub n_kept: u64,
    /// Lower end of the interval for the probability of keeping it.
    pub low: f64,
    /// Upper end of that interval.
    pub high: f64,
    /// The first trial that did not keep it.
    pub first_failure: Option<u64>,
}

/// The outcome of a study together with what its rows say about the objectives.
#[must_use]
pub fn with_objectives(outcome: StudyOutcome, premises: &Premises, rows: &[Row]) -> StudyOutcome {
    let tails = outcome.identity.tails();
    let estimator = Estimator::new(&outcome.identity, rows);
    let proportion = |kept: &[Option<bool>]| estimator.proportion(kept, tails).1;
    let objectives = premises.objectives.iter().filter_map(|text| Objective::parse(text).ok());
    let objectives = objectives.map(|objective| shown(&objective, rows, proportion)).collect();
    StudyOutcome { objectives, ..outcome }
}

fn shown(
    objective: &Objective,
    rows: &[Row],
    proportion: impl Fn(&[Option<bool>]) -> Interval,
) -> ObjectiveShown {
    let (metric, statement) = (metric_of(objective), objective.statement);
    let keeps = |row: &&Row| statement.holds(row.figure(metric).value());
    let kept: Vec<Option<bool>> = rows.iter().map(|row| Some(keeps(&row))).collect();
    let interval = proportion(&kept);
    let answer = if statement.share <= interval.low {
        "met"
    } else if interval.high < statement.share {
        "missed"
    } else {
        "undecided"
    };
    ObjectiveShown {
        objective: objective.to_string(),
        answer: answer.to_owned(),
        needed: statement.share,
        n: rows.len() as u64,
        n_kept: rows.iter().filter(keeps).count() as u64,
        low: interval.low,
        high: interval.high,
        first_failure: rows.iter().find(|row| !keeps(row)).map(|row| row.trial),
    }
}

#[cfg(test)]
mod tests {
    use crate::experiment::metric::{Figure, Metric, N_METRICS};
    use crate::sim::intervals::{self, Tails};

    use super::*;

    /// 72 trials that all keep the limit show 95 % with a lower bound of 0.025^(1/72) = 0.950073,
    /// 71 do not yet; none that does shows the contrary, and half of them cannot tell of a half. A
    /// trial without the figure does not keep it.
    #[test]
    fn trials_answer_objectives() {
        let row = |rto_s: Figure| {
            let mut figures = [Figure::ABSENT; N_METRICS];
            figures[Metric::RecoveryTime as usize] = rto_s;
            move |trial| Row::bare(trial, figures)
        };
        let (short, long, absent) =
            (row(Figure::new(10.0)), row(Figure::NEVER), row(Figure::ABSENT));
        let proportion = |kept: &[Option<bool>]| {
            let n_kept = kept.iter().filter(|&&it| it == Some(true)).count() as u64;
            intervals::proportion(n_kept, kept.len() as u64, Tails::both(0.95))
        };
        let p95 = Objective::parse("rto_s p95 < 20").unwrap();
        let half = Objective::parse("rto_s p50 < 20").unwrap();
        for (rule, objective, rows, answer, first_failure) in [
            ("72 suffice", p95, (0..72).map(short).collect(), "met", None),
            ("71 do not", p95, (0..71).map(short).collect(), "undecided", None),
            ("none keeps it", p95, (0..72).map(long).collect(), "missed", Some(0)),
            ("none has it", p95, (0..72).map(absent).collect(), "missed", Some(0)),
            (
                "half keeps it",
                half,
                (0..36).map(short).chain((36..72).map(long)).collect(),
                "undecided",
                Some(36),
            ),
        ] {
            let rows: Vec<Row> = rows;
            let found = shown(&objective, &rows, proportion);
            assert_eq!((&*found.answer, found.first_failure), (answer, first_failure), "{rule}");
        }
    }
}
