//! A gate: are the objectives kept, with confidence, or not, or cannot it be told?
//!
//! Trials run until every objective is met, or one is missed, or there are no more. The verdict
//! is given at looks that do not depend on threads: see [`sequential`](super::sequential).

use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use crate::sim::intervals::Interval;
use crate::sim::statistics::order_statistic;

use crate::scenario::objectives::Objective;

use super::in_order::in_order;
use super::metric::{Figure, Metric, Row};
use super::sequential::{Answer, Look, Question};

/// How a gate is run.
#[derive(Clone, Copy, Debug)]
pub struct GatePlan<'p> {
    /// When answers may be given; made by [`looks`](super::sequential::looks).
    pub looks: &'p [Look],
    /// Threads to run trials on; results do not depend on it.
    pub threads: NonZeroUsize,
    /// How little below its share a probability may lie for the answer to be either.
    pub indifference: f64,
}

/// What became of the objectives.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// All of them together.
    pub verdict: Verdict,
    /// One by one.
    pub judged: Vec<Judged>,
    /// The trials, from trial 0 on.
    pub rows: Vec<Row>,
}

/// All objectives together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All are met.
    Met,
    /// One is missed.
    Missed,
    /// All trials were run and one is still open.
    Undecided,
    /// It was told to stop.
    Stopped,
}

/// What became of one objective.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// The objective.
    pub objective: Objective,
    /// What is known.
    pub answer: Answer,
    /// Trials when it was answered, or at the last look.
    pub n: u64,
    /// Trials that kept the limit.
    pub n_kept: u64,
    /// Trials without the figure, which do not keep it.
    pub n_without: u64,
    /// Where the probability of keeping it lies.
    pub interval: Interval,
    /// The quantile that the limit is for, as it was seen.
    pub quantile: Figure,
    /// The first trial that did not keep it.
    pub first_failure: Option<u64>,
}

/// The metric of an objective.
#[must_use]
pub fn metric_of(objective: &Objective) -> Metric {
    Metric::named(objective.metric).expect("a test compares the scenario's metrics with these")
}

/// Judges `objectives` by the trials that `trial` gives for their numbers.
///
/// `is_stopped` is asked before each trial and must stay true once it was; `seen` gets all rows
/// so far after each new one.
pub fn judge(
    objectives: &[Objective],
    plan: GatePlan<'_>,
    is_stopped: &(dyn Fn() -> bool + Sync),
    trial: impl Fn(u64) -> Row + Sync,
    mut seen: impl FnMut(&[Row]),
) -> Judgement {
    let most = plan.looks.last().map_or(0, |look| look.n);
    let mut rows: Vec<Row> = Vec::new();
    let mut judged: Vec<Judged> = Vec::new();
    in_order(0..most, plan.threads, is_stopped, trial, |_, row| {
        rows.push(row);
        seen(&rows);
        let look = plan.looks.iter().find(|look| look.n == rows.len() as u64);
        let Some(look) = look else { return ControlFlow::Continue(()) };
        let open = |index: usize| judged.get(index).filter(|it| it.answer != Answer::Open);
        judged = objectives
            .iter()
            .enumerate()
            .map(|(index, it)| {
                open(index).copied().unwrap_or_else(|| at_look(it, plan, look, &rows))
            })
            .collect();
        match verdict(&judged) {
            Verdict::Met | Verdict::Missed => ControlFlow::Break(()),
            Verdict::Undecided | Verdict::Stopped => ControlFlow::Continue(()),
        }
    });
    let verdict = match verdict(&judged) {
        Verdict::Undecided if (rows.len() as u64) < most => Verdict::Stopped,
        verdict => verdict,
    };
    Judgement { verdict, judged, rows }
}

fn verdict(judged: &[Judged]) -> Verdict {
    if judged.iter().any(|it| it.answer == Answer::Missed) {
        Verdict::Missed
    } else if !judged.is_empty() && judged.iter().all(|it| it.answer == Answer::Met) {
        Verdict::Met
    } else {
        Verdict::Undecided
    }
}

/// What the rows at a look say about an objective.
fn at_look(objective: &Objective, plan: GatePlan<'_>, look: &Look, rows: &[Row]) -> Judged {
    let metric = metric_of(objective);
    let statement = objective.statement;
    let question = Question { share: statement.share, indifference: plan.indifference };
    let fails = |row: &&Row| !statement.holds(row.figure(metric).value());
    let failures = rows.iter().filter(fails).count() as u64;
    let mut figures: Vec<Figure> = rows.iter().map(|row| row.figure(metric)).collect();
    figures.retain(|&figure| figure != Figure::ABSENT);
    figures.sort_unstable();
    let at = if statement.relation.is_upper() { statement.share } else { 1.0 - statement.share };
    Judged {
        objective: *objective,
        answer: look.answer(question, failures),
        n: look.n,
        n_kept: look.n - failures,
        n_without: look.n - figures.len() as u64,
        interval: look.interval(failures),
        quantile: order_statistic(&figures, at).unwrap_or(Figure::ABSENT),
        first_failure: rows.iter().find(fails).map(|row| row.trial),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::experiment::metric::N_METRICS;
    use crate::experiment::sequential::looks;
    use crate::scenario::objectives::ObjectivesSpec;
    use crate::sim::maths;
    use crate::sim::streams::{Cursor, Stream};

    const CONFIDENCE: f64 = 0.95;

    /// A trial whose recovery time is exponential with mean 1 s, so that its quantile at p is
    /// -ln(1 - p), and whose reroute time was never reached in one of two.
    fn trial(repeat: u64, number: u64) -> Row {
        let mut draws = Cursor::new(Stream::new(repeat, number, "gate", "test"));
        let mut figures = [Figure::ABSENT; N_METRICS];
        let unit = draws.next_unit();
        figures[Metric::RecoveryTime as usize] = Figure::new(-maths::ln(1.0 - unit));
        figures[Metric::Reroute as usize] =
            if number.is_multiple_of(2) { Figure::NEVER } else { Figure::new(1.0) };
        Row::bare(number, figures)
    }

    fn judged(texts: &[&str], most: u64, threads: usize, repeat: u64) -> Judgement {
        let objectives: Vec<Objective> =
            texts.iter().map(|text| Objective::parse(text).unwrap()).collect();
        let questions: Vec<Question> =
            objectives.iter().map(|it| Question::at_least(it.statement.share)).collect();
        let looks = looks(&questions, most, CONFIDENCE).unwrap();
        let plan = GatePlan {
            looks: &looks,
            threads: NonZeroUsize::new(threads).unwrap(),
            indifference: 0.0,
        };
        judge(&objectives, plan, &|| false, |number| trial(repeat, number), |_| {})
    }

    /// Every metric of trials that is a result can be an objective, and nothing else.
    #[test]
    fn objectives_know_the_metrics() {
        let results = Metric::ALL.iter().filter(|metric| metric.is_result());
        let metrics: Vec<&str> = results.map(|metric| metric.name()).collect();
        assert_eq!(ObjectivesSpec::SECTION.keys().collect::<Vec<_>>(), metrics);
    }

    /// At half and at twice the true 95th percentile the wrong verdict comes in less than 5 % of
    /// 1,000 repeats; at the percentile itself either verdict may come, and most stay open.
    #[test]
    fn far_from_the_limit_verdicts_are_right() {
        let quantile = -maths::ln(0.05);
        let counts = |limit: f64| {
            let mut counts = [0; 4];
            for repeat in 0..1_000 {
                let text = format!("rto_s p95 < {limit}");
                counts[judged(&[&text], 1_000, 1, repeat).verdict as usize] += 1;
            }
            counts
        };
        let [met, missed, ..] = counts(0.5 * quantile);
        assert!(met < 50 && 950 <= missed, "half: {met} {missed}");
        let [met, missed, ..] = counts(2.0 * quantile);
        assert!(missed < 50 && 950 <= met, "twice: {met} {missed}");
        let [met, missed, undecided, stopped] = counts(quantile);
        assert!(met + missed < 200 && stopped == 0, "{met} {missed} {undecided} {stopped}");
    }

    /// A clear case ends at an early look; all numbers are the same for any number of threads.
    #[test]
    fn clear_cases_end_early() {
        for (text, verdict, n) in [
            ("rto_s p50 < 1000", Verdict::Met, 6),
            ("rto_s p(50) > 1000", Verdict::Missed, 23),
            ("detect_s p95 < 1000", Verdict::Missed, 18),
            ("reroute_s p95 < 2", Verdict::Missed, 18),
            ("reroute_s p40 < 2", Verdict::Met, 0),
        ] {
            let one = judged(&[text, "rto_s p99 < 1000"], 10_000, 1, 1);
            for threads in [2, 3, 16] {
                let more = judged(&[text, "rto_s p99 < 1000"], 10_000, threads, 1);
                assert_eq!((&one.rows, &one.judged), (&more.rows, &more.judged), "{text}");
            }
            assert_eq!(one.verdict, verdict, "{text}");
            assert!(n <= one.rows.len() && one.rows.len() <= 2_944, "{text}: {}", one.rows.len());
        }
    }

    /// What was never reached fails an upper limit and its quantile is never; a metric without
    /// figures keeps no limit.
    #[test]
    fn want_of_evidence_is_no_pass() {
        let it = judged(&["reroute_s p95 < 2"], 1_000, 1, 1).judged[0];
        assert_eq!((it.answer, it.quantile, it.n_without), (Answer::Missed, Figure::NEVER, 0));
        assert_eq!((it.n_kept, it.first_failure), (it.n / 2, Some(0)));
        let it = judged(&["lost_writes p95 < 2"], 1_000, 1, 1).judged[0];
        assert_eq!((it.answer, it.quantile, it.n_without), (Answer::Missed, Figure::ABSENT, it.n));
    }

    /// A gate that is stopped has no verdict.
    #[test]
    fn a_stopped_gate_says_so() {
        let looks = looks(&[Question::at_least(0.5)], 100, CONFIDENCE).unwrap();
        let plan = GatePlan { looks: &looks, threads: NonZeroUsize::MIN, indifference: 0.0 };
        let objective = Objective::parse("rto_s p50 < 1").unwrap();
        let stopped = judge(&[objective], plan, &|| true, |number| trial(1, number), |_| {});
        assert_eq!((stopped.verdict, stopped.rows.len()), (Verdict::Stopped, 0));
    }
}
