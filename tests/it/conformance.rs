//! Conformance vectors: inputs and outputs of the real controllers, run through ours.
//!
//! Reads every `*.jsonl` of `tests/vectors`, or of the folder that `TIDEOVER_VECTORS` names, and
//! fails on any line that comes out differently and on any kind that nothing here checks. Each
//! family of kinds has its file with a `check`; adding a family means one file and one entry in
//! [`FAMILIES`].

mod autoscaler_state;
mod binpacking;
mod expansion;
mod hpa_behavior;
mod hpa_replicas;
mod node_lifecycle;
mod pod_deletion;
mod row;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use row::Row;

/// What a line proves: nothing, or what came out instead.
type Verdict = Result<(), String>;

/// A family's check; None if the kind is not one of its own.
type Check = fn(&str, &Row) -> Option<Verdict>;

const FAMILIES: [Check; 7] = [
    hpa_replicas::check,
    hpa_behavior::check,
    pod_deletion::check,
    binpacking::check,
    expansion::check,
    autoscaler_state::check,
    node_lifecycle::check,
];

/// Every line of the vectors comes out as the real controller had it.
#[test]
fn controllers_agree_with_upstream() {
    let mut passed: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut failures = Vec::new();
    for (file, line, row) in vectors() {
        let kind = row.text("kind").to_owned();
        let verdict = check(&kind, &row);
        let (good, total) = passed.entry(kind.clone()).or_default();
        *total += 1;
        match verdict {
            Ok(()) => *good += 1,
            Err(why) => {
                let id = row.text_or("id", "without id");
                failures.push(format!("{file}:{line} {id} ({kind}): {why}"));
            }
        }
    }
    for (kind, (good, total)) in &passed {
        println!("{kind} {good}/{total}");
    }
    assert!(!passed.is_empty(), "no vectors found in {}", folder().display());
    assert!(failures.is_empty(), "{} lines fail:\n{}", failures.len(), failures.join("\n"));
}

/// The check itself fails: on a wrong expectation, an unknown kind and a line it cannot read.
#[test]
fn wrong_lines_are_noticed() {
    for (what, line) in [
        (
            "a wrong expectation",
            r#"{"kind":"convert_rules","current":3,"desired":1000,"min":1,"max":2000,
                "expect":{"replicas":7,"reason":"ScaleUpLimit"}}"#,
        ),
        ("an unknown kind", r#"{"kind":"zone_weather"}"#),
        ("a missing field", r#"{"kind":"convert_rules","current":3}"#),
    ] {
        let row = Row::parse(line);
        assert!(check(row.text("kind"), &row).is_err(), "{what} passes");
    }
}

/// Runs one line through the family that knows its kind.
fn check(kind: &str, row: &Row) -> Verdict {
    let run = || FAMILIES.iter().find_map(|check| check(kind, row));
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Some(verdict)) => verdict,
        Ok(None) => Err("no check for this kind".to_owned()),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            Err(text.unwrap_or_else(|| "panicked".to_owned()))
        }
    }
}

/// All lines of all files, with file name and line number, in order of names.
fn vectors() -> Vec<(String, usize, Row)> {
    let folder = folder();
    let entries = std::fs::read_dir(&folder).expect("the folder of vectors can be read");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    let mut rows = Vec::new();
    for path in files {
        let name = path.file_name().expect("a listed file").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("a listed file can be read");
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        rows.extend(lines.map(|(index, line)| (name.clone(), index + 1, Row::parse(line))));
    }
    rows
}

fn folder() -> PathBuf {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    std::env::var_os("TIDEOVER_VECTORS").map_or(shipped, PathBuf::from)
}

/// Compares a result with what a line expects.
fn expect_equal<T: PartialEq + std::fmt::Debug>(what: &str, got: T, expected: T) -> Verdict {
    if got == expected {
        Ok(())
    } else {
        Err(format!("{what} is {got:?}, upstream has {expected:?}"))
    }
}
