//! How anybody gets the same figures again.

use crate::report::document::{Block, Section, Table, Words};
use crate::report::words::quoted;

/// What a result was made from.
#[derive(Clone, Debug)]
pub struct Source<'a> {
    /// The verb.
    pub verb: &'static str,
    /// Name of the scenario.
    pub scenario: &'a str,
    /// Flags and values after the scenario, beside those of `changes`.
    pub flags: Vec<(&'static str, String)>,
    /// Flags that change the result, as the manifest holds them: `--set a=b`.
    pub changes: &'a [String],
    /// Hash of the scenario.
    pub scenario_hash: &'a str,
    /// Version of the program.
    pub version: &'a str,
    /// Seed of all draws.
    pub seed: u64,
    /// Fingerprint of the result.
    pub fingerprint: &'a str,
}

/// The command, and what it must come to.
#[must_use]
pub fn section(source: &Source<'_>) -> Section {
    let words = "The scenario file is called by its name here; its hash, and that of the files it \
                 names, is below. The same version gives the same fingerprint on every machine \
                 and with any number of threads.";
    let mut table = Table::new(&["what", "value"]);
    let seed = source.seed.to_string();
    for (what, value) in [
        ("version", source.version),
        ("scenario hash", source.scenario_hash),
        ("seed", &seed),
        ("fingerprint", source.fingerprint),
    ] {
        table.add([what.into(), Words::new().code(value)]);
    }
    let blocks =
        vec![Block::Command(command(source)), Block::Paragraph(words.into()), Block::Table(table)];
    Section::new("How to reproduce", blocks)
}

/// What to type.
#[must_use]
pub fn command(source: &Source<'_>) -> String {
    let file = quoted(&format!("{}.yaml", source.scenario));
    let mut text = format!("tideover {} {file}", source.verb);
    for (flag, value) in &source.flags {
        text += &format!(" {flag} {}", quoted(value));
    }
    let is_said = |change: &&String| {
        let flag = change.split(' ').next();
        source.flags.iter().any(|(said, _)| Some(*said) == flag)
    };
    for change in source.changes.iter().filter(|change| !is_said(change)) {
        text += " ";
        text += &match change.split_once(' ') {
            Some((flag, value)) => format!("{flag} {}", quoted(value)),
            None => change.clone(),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values that a shell would take apart are quoted, flags are not, and none is there twice.
    #[test]
    fn the_command_can_be_typed() {
        let changes =
            ["--set a[b].c={d: 1}".to_owned(), "--fidelity flow".to_owned(), "--untied".to_owned()];
        let source = Source {
            verb: "run",
            scenario: "small",
            flags: vec![("--seed", "3".to_owned()), ("--fidelity", "flow".to_owned())],
            changes: &changes,
            scenario_hash: "1f",
            version: "0",
            seed: 3,
            fingerprint: "2f",
        };
        let expected =
            "tideover run small.yaml --seed 3 --fidelity flow --set 'a[b].c={d: 1}' --untied";
        assert_eq!(command(&source), expected);
    }
}
