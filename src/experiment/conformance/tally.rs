//! How many lines of each kind came out right, and what is wrong with the others.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::fields::Fields;
use super::kinds::check;

/// The kind under which lines are counted that have none.
const UNREADABLE: &str = "unreadable";

/// The result of all lines so far.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Lines that came out right, and all lines, by kind.
    by_kind: BTreeMap<String, (usize, usize)>,
    wrong: Vec<String>,
}

impl Tally {
    /// Checks every line of a file; `name` is how words call it. Empty lines say nothing.
    pub fn add_file(&mut self, name: &str, content: &[u8]) {
        let content = content.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(content);
        for (index, line) in content.split(|byte| *byte == b'\n').enumerate() {
            if !line.trim_ascii().is_empty() {
                self.add_line(&format!("{name}:{}", index + 1), line);
            }
        }
    }

    fn add_line(&mut self, place: &str, line: &[u8]) {
        let value: Value = match serde_json::from_slice(line) {
            Ok(value) => value,
            Err(error) => {
                return self.count(UNREADABLE, Err(format!("{place}: not JSON: {error}")));
            }
        };
        let fields = match Fields::of_line(&value) {
            Ok(fields) => fields,
            Err(why) => return self.count(UNREADABLE, Err(format!("{place}: {why}"))),
        };
        match fields.text("kind") {
            Ok(kind) => {
                let id = fields.get("id").and_then(Value::as_str).unwrap_or("without id");
                let verdict = check(kind, &fields);
                self.count(kind, verdict.map_err(|why| format!("{place}: {id} ({kind}): {why}")));
            }
            Err(why) => self.count(UNREADABLE, Err(format!("{place}: {why}"))),
        }
    }

    fn count(&mut self, kind: &str, verdict: Result<(), String>) {
        let (passed, total) = self.by_kind.entry(kind.to_owned()).or_default();
        *total += 1;
        match verdict {
            Ok(()) => *passed += 1,
            Err(why) => self.wrong.push(why),
        }
    }

    /// Lines checked.
    #[must_use]
    pub fn total(&self) -> usize {
        self.by_kind.values().map(|(_, total)| total).sum()
    }

    /// The kinds that occurred, in order of their names.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        self.by_kind.keys().map(String::as_str)
    }

    /// What is wrong, one entry for each wrong line, in order of files and lines.
    #[must_use]
    pub fn wrong(&self) -> &[String] {
        &self.wrong
    }

    /// One line `kind passed/total` for each kind, in order of names.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = String::new();
        for (kind, (passed, total)) in &self.by_kind {
            writeln!(table, "{kind} {passed}/{total}").expect("a String takes all");
        }
        table
    }
}
