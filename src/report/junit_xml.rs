//! The verdict of a gate as JUnit XML: one test case an objective.
//!
//! The elements and attributes that CI systems agree on: `testsuites`, `testsuite`, `testcase`,
//! `failure` for what is missed, `error` for what cannot be told.

use std::fmt::Write;

use crate::experiment::gate_outcome::{GateOutcome, ObjectiveOutcome};

use super::gate_table::{interval, moved_row, percent, replay, seen};

/// The gate as JUnit XML.
#[must_use]
pub fn render(gate: &GateOutcome) -> String {
    let n = |answer: &str| gate.objectives.iter().filter(|it| it.answer == answer).count();
    let counts = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\"",
        gate.objectives.len(),
        n("missed"),
        n("undecided")
    );
    let suite = escaped(&format!("tideover gate {}", gate.scenario));
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"tideover\" {counts}>\n  \
         <testsuite name=\"{suite}\" {counts} skipped=\"0\">\n"
    );
    for objective in &gate.objectives {
        text += &case(gate, objective);
    }
    text + &moved(gate) + "  </testsuite>\n</testsuites>\n"
}

/// How the metrics moved from the baseline, as the output of the suite.
fn moved(gate: &GateOutcome) -> String {
    let Some(moved) = &gate.moved else { return String::new() };
    let mut lines = format!("against the baseline, on the same {} trials:\n", gate.n_trials);
    for found in moved {
        let [metric, before, after, difference, interval, better, worse] = moved_row(found);
        writeln!(
            lines,
            "{metric}: mean {before} -> {after}, difference {difference} ({interval}), better in \
             {better} of trials, worse in {worse}"
        )
        .expect("a String takes all");
    }
    format!("    <system-out>{}</system-out>\n", escaped(&lines))
}

fn case(gate: &GateOutcome, objective: &ObjectiveOutcome) -> String {
    let name = escaped(&objective.objective);
    let class = escaped(&format!("tideover.{}", gate.scenario));
    let mut place = String::new();
    if let Some(found) = &objective.place {
        write!(place, " file=\"{}\" line=\"{}\"", escaped(&found.file), found.line)
            .expect("a String takes all");
    }
    let head = format!("    <testcase name=\"{name}\" classname=\"{class}\"{place}");
    let element = match objective.answer {
        "met" => return format!("{head}/>\n"),
        "missed" => "failure",
        _ => "error",
    };
    let message = escaped(&words(objective));
    let mut detail = format!("kept by {} of {} trials", objective.n_kept, objective.n);
    if let Some(trial) = objective.first_failure {
        write!(detail, "; not by trial {trial}: {}", replay(gate, trial)).expect("as above");
    }
    format!(
        "{head}>\n      <{element} type=\"{}\" message=\"{message}\">{}</{element}>\n    \
         </testcase>\n",
        objective.answer,
        escaped(&detail)
    )
}

/// What is known about an objective that is not met, in a sentence.
pub(super) fn words(objective: &ObjectiveOutcome) -> String {
    format!(
        "{} is {}: {} holds in {} of trials, needed {}; the quantile seen is {}",
        objective.objective,
        objective.answer,
        objective.event,
        interval(objective),
        percent(objective.needed),
        seen(objective)
    )
}

/// A text inside XML; characters that XML 1.0 does not know become `�`.
fn escaped(text: &str) -> String {
    let mut safe = String::new();
    for c in text.chars() {
        match c {
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '&' => safe += "&amp;",
            '"' => safe += "&quot;",
            '\'' => safe += "&apos;",
            '\t' | '\n' => safe.push(c),
            '\u{fffe}' | '\u{ffff}' => safe.push(char::REPLACEMENT_CHARACTER),
            c if c.is_control() => safe.push(char::REPLACEMENT_CHARACTER),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::super::gate_table::example;
    use super::*;

    /// Counts agree with the cases, names are escaped, a met objective has no content.
    #[test]
    fn objectives_are_test_cases() {
        let text = render(&example::gate());
        let counts = "tests=\"2\" failures=\"1\" errors=\"0\"";
        assert_eq!(text.matches(counts).count(), 2, "{text}");
        assert!(text.contains("name=\"failed_fraction p(95)&lt;0.001\" "), "{text}");
        assert!(text.contains("classname=\"tideover.small\"/>"), "{text}");
        assert!(text.contains(" file=\"a,b.yaml\" line=\"12\">\n      <failure "), "{text}");
        assert_eq!(text.matches("<failure ").count(), text.matches("</failure>").count());
        let moved =
            "rto_s: mean 100.0 -&gt; 120.0, difference +20.0 (+18.5 to +21.5), better in 1 %";
        assert!(text.contains(moved) && text.contains("</system-out>\n  </testsuite>"), "{text}");
        let mut gate = GateOutcome { moved: None, ..example::gate() };
        gate.objectives[1].answer = "undecided";
        let text = render(&gate);
        assert!(!text.contains("system-out"), "{text}");
        assert!(
            text.contains("failures=\"0\" errors=\"1\"") && text.contains("</error>"),
            "{text}"
        );
    }

    /// Nothing that a name may hold ends an attribute or breaks the document.
    #[test]
    fn texts_stay_texts() {
        assert_eq!(escaped("a<b>&\"c\"'\u{1}"), "a&lt;b&gt;&amp;&quot;c&quot;&apos;\u{fffd}");
    }
}
