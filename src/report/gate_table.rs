//! The verdict of a gate for people at a terminal: one line an objective, then what changed.

use crate::experiment::diff_outcome::Difference;
use crate::experiment::gate_outcome::{ChangeOutcome, GateOutcome, ObjectiveOutcome};

use super::diff_table::{ends, signed};
use super::study_table::short;
use super::table::aligned;
use super::words::{count, printable};

/// Changes that are shown; all are in the JSON.
pub(super) const MOST_CHANGES: usize = 20;

/// The gate as a short text for a terminal.
#[must_use]
pub fn render(gate: &GateOutcome) -> String {
    let mut text = format!(
        "{}: {} after {} of at most {} trials, confidence {}, seed {}, fidelity {}\n\n",
        printable(&gate.scenario),
        verdict(gate).to_uppercase(),
        count(gate.n_trials),
        count(gate.max_trials),
        percent(gate.confidence),
        gate.seed,
        gate.fidelity
    );
    let head = ["objective", "", "kept by", "of trials", "interval", "needed", "seen"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(gate.objectives.iter().map(row));
    text += &aligned(rows, &[2, 3, 4, 5, 6]);
    text += &replays(gate);
    if let Some(stability) = &gate.stability {
        text += &format!("\nStatic stability: {stability}\n");
    }
    if let Some(changes) = &gate.changes {
        text += "\nChanged against the baseline:\n";
        if changes.is_empty() {
            text += " nothing\n";
        }
        let shown = changes.iter().take(MOST_CHANGES);
        text += &aligned(shown.map(change).collect(), &[]);
        text += &more(changes.len());
    }
    if let Some(moved) = &gate.moved {
        text += &format!("\nAgainst the baseline, on the same {} trials:\n", count(gate.n_trials));
        let head = ["", "before", "after", "difference", "interval", "better", "worse"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        rows.extend(moved.iter().map(|found| moved_row(found).to_vec()));
        text += &aligned(rows, &[1, 2, 3, 4, 5, 6]);
    }
    text
}

/// A metric with its means before and after, their difference with its interval, and the shares of
/// trials that are better and worse.
pub(super) fn moved_row(found: &Difference) -> [String; 7] {
    let paired = &found.paired;
    [
        found.metric.to_owned(),
        short(paired.before),
        short(paired.after),
        signed(paired.difference.value),
        ends(&paired.difference),
        percent(paired.better.value),
        percent(paired.worse.value),
    ]
}

/// One word for all objectives together.
pub(super) fn verdict(gate: &GateOutcome) -> &'static str {
    match gate.verdict {
        "met" => "pass",
        verdict => verdict,
    }
}

fn row(objective: &ObjectiveOutcome) -> Vec<String> {
    vec![
        objective.objective.clone(),
        objective.answer.to_owned(),
        count(objective.n_kept),
        count(objective.n),
        interval(objective),
        percent(objective.needed),
        seen(objective),
    ]
}

/// The interval of the share of trials that keep the limit.
pub(super) fn interval(objective: &ObjectiveOutcome) -> String {
    format!("{} to {}", percent(objective.low), percent(objective.high))
}

/// The quantile as it was seen.
pub(super) fn seen(objective: &ObjectiveOutcome) -> String {
    match objective.quantile {
        None => "no figure".to_owned(),
        Some(value) if value.is_infinite() => "never".to_owned(),
        Some(value) if 100.0 <= value.abs() => format!("{value:.0}"),
        Some(value) => format!("{}", (value * 1e4).round() / 1e4),
    }
}

/// A share in percent with as many digits as it needs, up to thousandths.
pub(super) fn percent(share: f64) -> String {
    format!("{} %", (share * 1e5).round() / 1e3)
}

/// How to see why an objective is not met.
fn replays(gate: &GateOutcome) -> String {
    let open = gate.objectives.iter().filter(|objective| objective.answer != "met");
    let replay = |objective: &ObjectiveOutcome| {
        let trial = objective.first_failure?;
        Some(format!("\nnot {}: {}\n", objective.event, replay(gate, trial)))
    };
    open.filter_map(replay).collect()
}

/// The words that replay a trial.
pub(super) fn replay(gate: &GateOutcome, trial: u64) -> String {
    format!("run --trial {trial} --seed {} --fidelity {} replays it", gate.seed, gate.fidelity)
}

fn change(change: &ChangeOutcome) -> Vec<String> {
    vec![printable(&change.path), was_and_is(change)]
}

/// `3 -> 1`, in words where there was or is nothing.
pub(super) fn was_and_is(change: &ChangeOutcome) -> String {
    let shown = |value: &Option<String>| {
        value.as_ref().map_or_else(|| "nothing".to_owned(), |value| printable(value))
    };
    format!("{} -> {}", shown(&change.before), shown(&change.after))
}

/// How many changes are not shown.
pub(super) fn more(n_changes: usize) -> String {
    match n_changes.saturating_sub(MOST_CHANGES) {
        0 => String::new(),
        more => format!(" and {more} more\n"),
    }
}

#[cfg(test)]
pub(super) mod example {
    use crate::experiment::gate_outcome::{FilePlace, SCHEMA};
    use crate::experiment::paired::{Bounded, Paired};

    use super::*;

    fn paired() -> Paired {
        let bounded = |value, low, high| Bounded { value, low: Some(low), high: Some(high) };
        Paired {
            n: 368,
            n_unpaired: 0,
            n_restricted: 0,
            before: 100.0,
            after: 120.0,
            difference: bounded(20.0, 18.5, 21.5),
            better: bounded(0.01, 0.0, 0.02),
            worse: bounded(0.9, 0.85, 0.95),
            equal: bounded(0.09, 0.05, 0.1),
            gain: Some(50.0),
        }
    }

    /// One objective that is met, one that is missed, and a change with awkward characters.
    pub(crate) fn gate() -> GateOutcome {
        let met = ObjectiveOutcome {
            objective: "failed_fraction p(95)<0.001".to_owned(),
            event: "failed_fraction<0.001".to_owned(),
            answer: "met",
            needed: 0.95,
            n: 368,
            n_kept: 368,
            n_inapplicable: 0,
            low: 0.99,
            high: 1.0,
            quantile: Some(0.000_12),
            first_failure: None,
            place: None,
        };
        let missed = ObjectiveOutcome {
            objective: "rto_s p(99)<300".to_owned(),
            event: "rto_s<300".to_owned(),
            answer: "missed",
            needed: 0.99,
            n_kept: 300,
            low: 0.75,
            high: 0.87,
            quantile: Some(f64::INFINITY),
            first_failure: Some(17),
            place: Some(FilePlace { file: "a,b.yaml".to_owned(), line: 12 }),
            ..met.clone()
        };
        let change = ChangeOutcome {
            path: "question".to_owned(),
            before: None,
            after: Some("a | <b> & \"c\"".to_owned()),
        };
        GateOutcome {
            schema: SCHEMA,
            scenario: "small".to_owned(),
            scenario_hash: "00000000000000ff".to_owned(),
            version: "0.0.0",
            seed: 7,
            fidelity: "flow",
            verdict: "missed",
            confidence: 0.95,
            n_trials: 368,
            max_trials: 10_000,
            objectives: vec![met, missed],
            stability: Some("needs HPA".to_owned()),
            changes: Some(vec![change]),
            moved: Some(vec![Difference { metric: "rto_s", paired: paired() }]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The verdict stands first; a missed objective says how to replay the trial that shows it.
    #[test]
    fn the_table_says_what_is_missed() {
        let text = render(&example::gate());
        assert!(text.starts_with("small: MISSED after 368 of at most 10,000 trials"), "{text}");
        for words in [
            "rto_s p(99)<300              missed",
            "75 % to 87 %",
            "never",
            "not rto_s<300: run --trial 17 --seed 7 --fidelity flow replays it",
            "Static stability: needs HPA",
            "question  nothing -> a | <b>",
            "Against the baseline, on the same 368 trials:",
            "rto_s   100.0  120.0       +20.0  +18.5 to +21.5     1 %   90 %",
        ] {
            assert!(text.contains(words), "{words} is missing in\n{text}");
        }
        assert!(!text.contains("not failed_fraction"), "{text}");
    }
}
