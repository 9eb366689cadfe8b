//! Conformance vectors: decisions of the real controllers, run through ours.
//!
//! Reads every `*.jsonl` of `tests/vectors`, or of the folder that `TIDEOVER_VECTORS` names, and
//! fails on any line that comes out differently and on any kind that nothing checks. The lines are
//! read by `tideover::experiment::conformance`, the same code as `tideover conformance DIR` runs.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use tideover::experiment::conformance::folder::run;
use tideover::experiment::conformance::kinds;
use tideover::experiment::conformance::tally::Tally;

use crate::source_tree::root;

/// Every line of the vectors comes out as the real controller had it.
#[test]
fn controllers_agree_with_upstream() {
    let shipped = root().join("tests/vectors");
    let folder = std::env::var_os("TIDEOVER_VECTORS").map_or(shipped, PathBuf::from);
    let tally = run(&folder).unwrap_or_else(|bad| panic!("{bad}"));
    print!("{}", tally.table());
    let wrong = tally.wrong();
    assert!(wrong.is_empty(), "{} lines are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Every kind that can be checked has shipped lines, and no shipped line has another kind.
#[test]
fn every_kind_is_exercised() {
    let tally = run(&root().join("tests/vectors")).unwrap_or_else(|bad| panic!("{bad}"));
    let known: BTreeSet<&str> = kinds().collect();
    assert_eq!(known.len(), kinds().count(), "a kind that two families claim");
    assert!(known.into_iter().eq(tally.kinds()));
}

fn tally_of(line: &str) -> Tally {
    let mut tally = Tally::default();
    tally.add_file("some.jsonl", line.as_bytes());
    tally
}

/// The check itself fails, with file, line and field: one row for each way to be wrong.
#[test]
fn wrong_lines_are_named() {
    let right =
        r#"{"id":"cv-1","kind":"convert_rules","current":3,"desired":1000,"min":1,"max":2000,
        "expect":{"replicas":6,"reason":"ScaleUpLimit"}}"#
            .replace('\n', " ");
    assert!(tally_of(&right).wrong().is_empty(), "the premise: this line is right");
    let replaced = |from: &str, to: &str| right.replace(from, to);
    for (what, line, words) in [
        (
            "another result",
            replaced(":6", ":7"),
            "result is (6, \"ScaleUpLimit\"), upstream has (7",
        ),
        ("an unknown kind", replaced("convert_rules", "zone_weather"), "nothing checks this kind"),
        ("no kind", replaced("kind", "king"), "`kind` is missing"),
        ("a missing field", replaced("current", "courant"), "`current` is missing"),
        ("null for a number", replaced("1000", "null"), "`desired` is missing"),
        (
            "a wrong type",
            replaced(":1000", r#":"many""#),
            r#"`desired` is "many", expected a whole"#,
        ),
        ("half a replica", replaced(":1000", ":0.5"), "`desired` is 0.5, expected a whole"),
        ("beyond 64 bits", replaced(":1000", ":9223372036854775808"), "expected a whole number"),
        ("beyond 32 bits", replaced(":1000", ":2147483648"), "expected 0 to 2147483647"),
        ("a wrong nested type", replaced(":6", ":[]"), "`expect.replicas` is [], expected a whole"),
        ("a list instead of a line", format!("[{right}]"), "the line is"),
        ("no JSON", right.replace('}', ""), "not JSON"),
    ] {
        let tally = tally_of(&format!("\n{line}\n{right}"));
        let [wrong] = tally.wrong() else { panic!("{what}: {:?}", tally.wrong()) };
        assert!(wrong.starts_with("some.jsonl:2: "), "{what}: {wrong}");
        assert!(wrong.contains(words), "{what}: {wrong}");
        assert_eq!(tally.total(), 2, "{what}");
    }
    let invalid = tally_of("").total();
    assert_eq!(invalid, 0, "an empty file has no lines");
    let mut latin = Tally::default();
    latin.add_file("latin.jsonl", b"{\"kind\":\"\xE4\"}");
    assert_eq!(latin.table(), "unreadable 0/1\n");
}

/// Every place in `value` that holds a value of its own, as a way to change it.
fn places(value: &Value, path: &[Step], all: &mut Vec<Vec<Step>>) {
    if !path.is_empty() {
        all.push(path.to_vec());
    }
    let mut deeper = |step: Step, inner: &Value| places(inner, &[path, &[step]].concat(), all);
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(key, inner)| deeper(Step::Key(key.clone()), inner));
        }
        // The items of a list are alike: the first ones stand for all.
        Value::Array(list) => {
            list.iter().take(2).enumerate().for_each(|(i, inner)| deeper(Step::Item(i), inner));
        }
        _ => {}
    }
}

#[derive(Clone, Debug)]
enum Step {
    Key(String),
    Item(usize),
}

/// `value` with `new` at `path`; without what is there if `new` is None.
fn changed(value: &Value, path: &[Step], new: Option<&Value>) -> Value {
    let Some((step, rest)) = path.split_first() else {
        return new.cloned().unwrap_or(Value::Null);
    };
    let mut copy = value.clone();
    match step {
        Step::Key(key) if rest.is_empty() && new.is_none() => {
            copy.as_object_mut().map(|map: &mut Map<String, Value>| map.remove(key));
        }
        Step::Key(key) => copy[key] = changed(&value[key], rest, new),
        Step::Item(item) => copy[item] = changed(&value[item], rest, new),
    }
    copy
}

/// No line, however strange, breaks an assertion: each field of lines of every kind is left out
/// or replaced by values of every type and size.
#[test]
fn no_line_can_break_an_assertion() {
    /// Lines of each kind that are changed.
    const OF_EACH_KIND: usize = 3;
    let strange = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1),
        json!(0.5),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(1e300),
        json!(i32::MAX),
        json!(""),
        json!("x"),
        json!([]),
        json!([null]),
        json!({}),
    ];
    let mut taken: std::collections::BTreeMap<String, usize> = Default::default();
    let (mut n_changed, mut broken) = (0, Vec::new());
    for entry in std::fs::read_dir(root().join("tests/vectors")).expect("vectors") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "jsonl") {
            continue;
        }
        for line in std::fs::read_to_string(&path).expect("readable").lines() {
            let value: Value = serde_json::from_str(line).expect("shipped lines are JSON");
            let n_taken = taken.entry(value["kind"].to_string()).or_default();
            // The benchmark of 51,000 pods is no stranger than the others, only slower.
            if *n_taken == OF_EACH_KIND || line.contains("50000") {
                continue;
            }
            *n_taken += 1;
            let mut all = Vec::new();
            places(&value, &[], &mut all);
            for place in all {
                for new in strange.iter().map(Some).chain([None]) {
                    let line = changed(&value, &place, new).to_string();
                    n_changed += 1;
                    if tally_of(&line).wrong().iter().any(|why| why.contains("assertion broke")) {
                        broken.push(format!("{place:?} = {new:?} in {}", value["id"]));
                    }
                }
            }
        }
    }
    assert!(1_000 < n_changed, "only {n_changed} lines were tried");
    assert!(broken.is_empty(), "assertions broke:\n{}", broken.join("\n"));
}
