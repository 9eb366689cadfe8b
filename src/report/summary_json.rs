//! `summary.json`: the outcome of a run in schema `tideover/summary/v1`.

use crate::metrics::outcome::Outcome;

/// Name of the file in a result folder.
pub const FILE_NAME: &str = "summary.json";

/// The outcome as JSON, indented, with a line break at its end.
#[must_use]
pub fn render(outcome: &Outcome) -> String {
    let mut text = serde_json::to_string_pretty(outcome)
        .expect("an outcome has string keys only and every value can be written");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written reads back as the same outcome, null figures included.
    #[test]
    fn a_summary_reads_back() {
        let outcome = crate::report::example::outcome();
        let text = render(&outcome);
        assert_eq!(serde_json::from_str::<Outcome>(&text).unwrap(), outcome);
        assert!(text.contains("\"schema\": \"tideover/summary/v1\""));
        assert!(text.contains("\"lost_writes\": null"));
    }
}
