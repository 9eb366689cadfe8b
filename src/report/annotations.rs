//! What a CI system shows beside the code: commands in the log of GitHub Actions and of Azure
//! Pipelines, one for each objective that is not met.

use crate::experiment::gate_outcome::{GateOutcome, ObjectiveOutcome};

use super::junit_xml::words;

/// Whose log it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// GitHub Actions: workflow commands.
    GitHub,
    /// Azure Pipelines: logging commands.
    Azure,
}

/// One line for each objective that is not met.
#[must_use]
pub fn render(gate: &GateOutcome, system: System) -> String {
    let open = gate.objectives.iter().filter(|objective| objective.answer != "met");
    open.map(|objective| line(objective, system)).collect()
}

fn line(objective: &ObjectiveOutcome, system: System) -> String {
    let level = if objective.answer == "missed" { "error" } else { "warning" };
    let message = words(objective);
    let place = objective.place.as_ref();
    match system {
        System::GitHub => {
            let place = place.map_or_else(String::new, |place| {
                format!("file={},line={},", property(&place.file), place.line)
            });
            format!("::{level} {place}title=Failover gate::{}\n", data(&message))
        }
        System::Azure => {
            let place = place.map_or_else(String::new, |place| {
                format!("sourcepath={};linenumber={};", azure(&place.file), place.line)
            });
            format!("##vso[task.logissue type={level};{place}]{}\n", azure(&message))
        }
    }
}

/// A message of a workflow command, escaped as actions/toolkit does (command.ts).
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// A text of a logging command, escaped as azure-pipelines-task-lib does (taskcommand.ts).
fn azure(text: &str) -> String {
    let text = text.replace('%', "%AZP25").replace('\r', "%0D").replace('\n', "%0A");
    text.replace(']', "%5D").replace(';', "%3B")
}

#[cfg(test)]
mod tests {
    use super::super::gate_table::example;
    use super::*;

    /// Only what is not met is shown, at its line, with separators escaped; what cannot be told
    /// is a warning.
    #[test]
    fn what_is_not_met_is_annotated() {
        let mut gate = example::gate();
        let text = render(&gate, System::GitHub);
        let start =
            "::error file=a%2Cb.yaml,line=12,title=Failover gate::rto_s p(99)<300 is missed";
        assert!(text.starts_with(start) && text.lines().count() == 1, "{text}");
        assert!(text.contains("needed 99 %25;"), "{text}");
        gate.objectives[1].answer = "undecided";
        let text = render(&gate, System::Azure);
        let start = "##vso[task.logissue type=warning;sourcepath=a,b.yaml;linenumber=12;]rto_s";
        assert!(text.starts_with(start) && text.contains("needed 99 %AZP25%3B"), "{text}");
    }
}
