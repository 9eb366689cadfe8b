//! The verdict of a gate as Markdown, for the summary page of a CI job.

use crate::experiment::gate_outcome::{GateOutcome, ObjectiveOutcome};

use super::gate_table::{
    MOST_CHANGES, interval, more, moved_row, percent, replay, seen, verdict, was_and_is,
};
use super::markdown::escaped;
use super::words::count;

/// The gate as Markdown.
#[must_use]
pub fn render(gate: &GateOutcome) -> String {
    let mut text = format!(
        "## Failover gate: {} {}\n\n{} after {} of at most {} trials (confidence {}, seed {}, \
         fidelity {}).\n\n",
        escaped(&gate.scenario),
        verdict(gate),
        verdict(gate),
        count(gate.n_trials),
        count(gate.max_trials),
        percent(gate.confidence),
        gate.seed,
        gate.fidelity
    );
    text += "| objective | answer | trials that keep it | interval | needed | seen |\n";
    text += "|---|---|---|---|---|---|\n";
    text.extend(gate.objectives.iter().map(row));
    text.extend(gate.objectives.iter().filter_map(|objective| failure(gate, objective)));
    if let Some(stability) = &gate.stability {
        text += &format!("\nStatic stability: {}\n", escaped(stability));
    }
    if let Some(changes) = &gate.changes {
        text += "\n### Changed against the baseline\n\n";
        if changes.is_empty() {
            text += "Nothing.\n";
        }
        for change in changes.iter().take(MOST_CHANGES) {
            text += &format!("- {}: {}\n", escaped(&change.path), escaped(&was_and_is(change)));
        }
        text += &more(changes.len());
    }
    if let Some(moved) = &gate.moved {
        text += &format!(
            "\n### Against the baseline\n\nMeans over the same {} trials; each interval has the \
             confidence of the gate by itself.\n\n",
            count(gate.n_trials)
        );
        text += "| metric | before | after | difference | interval | better | worse |\n";
        text += "|---|---|---|---|---|---|---|\n";
        for found in moved {
            let cells = moved_row(found).map(|cell| escaped(&cell));
            text += &format!("| {} |\n", cells.join(" | "));
        }
    }
    text
}

fn row(objective: &ObjectiveOutcome) -> String {
    format!(
        "| {} | {} | {} of {} | {} | {} | {} |\n",
        escaped(&objective.objective),
        objective.answer,
        count(objective.n_kept),
        count(objective.n),
        interval(objective),
        percent(objective.needed),
        seen(objective)
    )
}

fn failure(gate: &GateOutcome, objective: &ObjectiveOutcome) -> Option<String> {
    let trial = objective.first_failure.filter(|_| objective.answer != "met")?;
    Some(format!("\nNot {}: `{}`.\n", escaped(&objective.event), replay(gate, trial)))
}

#[cfg(test)]
mod tests {
    use super::super::gate_table::example;
    use super::*;

    /// Every row of the table has as many cells as its head, whatever the texts hold; the missed
    /// objective names its trial, the change both values.
    #[test]
    fn the_summary_is_a_table() {
        let text = render(&example::gate());
        assert!(text.starts_with("## Failover gate: small missed\n"), "{text}");
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
        assert_eq!(rows.len(), 7);
        assert!(
            rows.iter().all(|row| matches!(row.replace("\\|", "").matches('|').count(), 7 | 8)),
            "{rows:?}"
        );
        assert!(text.contains("rto\\_s p(99)&lt;300 | missed | 300 of 368 |"), "{text}");
        assert!(text.contains("`run --trial 17 --seed 7 --fidelity flow replays it`"), "{text}");
        assert!(text.contains("| rto\\_s | 100.0 | 120.0 | +20.0 | +18.5 to +21.5 | 1 % | 90 % |"));
        assert!(text.contains("- question: nothing -&gt; a \\| &lt;b&gt; &amp; \"c\"\n"), "{text}");
    }
}
