//! The three published patterns: valid, of one workload, and compared by one command.

use std::path::PathBuf;

use tideover::scenario::load;

use crate::cli::{said, tideover};
use crate::source_tree::root;

const PATTERNS: [&str; 3] = ["active-active", "active-passive", "passive-cold"];

fn path(name: &str) -> PathBuf {
    root().join("scenarios/patterns").join(format!("{name}.yaml"))
}

/// Each pattern is valid, says nothing that was not meant, and asks its question; from the
/// regions on they say the same but for priorities, warm nodes and warm pods, and the start of the
/// stopped cluster.
#[test]
fn patterns_are_valid_and_differ_in_warmth_only() {
    let mut texts = Vec::new();
    for name in PATTERNS {
        let scenario = load(&path(name), &[]).unwrap_or_else(|rejected| panic!("{rejected}"));
        assert!(scenario.warnings().is_empty(), "{name}");
        assert_eq!((scenario.name(), scenario.question().is_empty()), (name, false));
        let text = std::fs::read_to_string(path(name)).unwrap();
        assert!(text.starts_with("# Question: "), "{name}");
        let scrubbed = |line: &&str| {
            !["minCount", "minReplicas", "priority:", "clusters:", "state: stopped"]
                .iter()
                .any(|key| line.contains(key))
        };
        let rest = text.split_once("regions:").expect("a scenario has regions").1;
        let rest = rest.split_once("\noperations:").map_or(rest, |(before, _)| before);
        texts.push(rest.lines().filter(scrubbed).map(str::to_owned).collect::<Vec<_>>());
    }
    assert_eq!(texts[0], texts[1]);
    assert_eq!(texts[0], texts[2]);
}

/// The active-passive design with all its components is valid and says nothing that was not meant.
#[test]
fn the_complete_design_is_valid() {
    let scenario = load(&path("complete/active-passive-complete"), &[]);
    let scenario = scenario.unwrap_or_else(|rejected| panic!("{rejected}"));
    assert!(scenario.warnings().is_empty());
    assert_eq!(scenario.name(), "active-passive-complete");
    let world = scenario.world();
    assert_eq!(world.dependencies.len(), 6);
    for cluster in &world.clusters {
        assert!(cluster.gateway.is_some() && cluster.firewall.is_some(), "{}", cluster.name);
    }
}

/// One command, one table: a row for each pattern, seed and place, equal users for equal seeds;
/// the warmer the secondary, the sooner users are served, and the more node hours it takes.
#[test]
fn one_command_compares_them() {
    let files = PATTERNS.map(path);
    let compared =
        said(tideover().arg("compare").args(&files).args(["--seeds", "1..2", "--quiet"]));
    assert_eq!((compared.code, compared.talk.as_str()), (Some(0), ""));
    let mut reader = csv::Reader::from_reader(compared.out.as_bytes());
    let header = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 3 * 2 * 2, "patterns, seeds, places");
    let cell = |row: &csv::StringRecord, column: &str| {
        let index = header.iter().position(|name| name == column).expect("a column");
        row[index].to_owned()
    };
    let figure = |row: &csv::StringRecord, column: &str| -> f64 {
        cell(row, column).parse().unwrap_or_else(|_| panic!("{column} is a number"))
    };
    let of = |pattern: &str, seed: &str| {
        let is_it = |row: &&csv::StringRecord| {
            cell(row, "scenario") == pattern && cell(row, "seed") == seed
        };
        rows.iter().find(is_it).expect("a row")
    };
    for seed in ["1", "2"] {
        let [active, passive, cold] = PATTERNS.map(|pattern| of(pattern, seed));
        assert_eq!(cell(active, "offered"), cell(cold, "offered"));
        // 120 writes a second: latency moves at most a tenth of a second of them in or out.
        let [first, last] = [active, cold].map(|row| figure(row, "lost_writes"));
        assert!((first - last).abs() <= 12.0, "{first} and {last} writes are lost");
        for (warmer, colder) in [(active, passive), (passive, cold)] {
            assert!(figure(warmer, "rto_s") < figure(colder, "rto_s"));
            assert!(figure(warmer, "failed") < figure(colder, "failed"));
            assert!(figure(colder, "node_hours") < figure(warmer, "node_hours"));
        }
        assert!(figure(active, "before_latency_ms_p99") < figure(cold, "during_latency_ms_p99"));
    }
}

/// Seeds and files that make no sense are mistakes of the command line or the scenario.
#[test]
fn wrong_comparisons_are_refused() {
    let file = path("active-active");
    for (seeds, code) in [("5..1", Some(2)), ("1", Some(2)), ("a..b", Some(2))] {
        let refused = said(tideover().arg("compare").arg(&file).args(["--seeds", seeds]));
        assert_eq!((refused.code, refused.out.as_str()), (code, ""), "{seeds}");
        assert!(refused.talk.contains("e.g. 1..5"), "{}", refused.talk);
    }
    assert_eq!(said(tideover().arg("compare")).code, Some(2));
    let missing = said(tideover().args(["compare", "no-such-file.yaml"]));
    assert_eq!(missing.code, Some(3));
}
