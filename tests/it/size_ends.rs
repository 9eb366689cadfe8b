//! `tideover size` at both ends of inputs that nobody knows well: each answer is a division.

use std::fs;

use serde_json::{Value, json};

use crate::cli::{said, tideover};
use crate::sizes::{PASSIVE, scenario, size};

/// The passive scenario with assumptions.
fn assuming(assumptions: &str) -> String {
    let knobs =
        "sizing: {knobs: [{path: \"clusters[secondary].pools[user].count\", min: 0, max: 40}]";
    PASSIVE.replace(&format!("{knobs}}}"), &format!("{knobs}, assumptions: [{assumptions}]}}"))
}

/// Few trials decide, for each is like the other.
const QUICK: [&str; 4] = ["--objective", "p(rto_s<=180) >= 0.5", "--confidence", "0.8"];

const SERVICE_TIME: &str =
    "{path: \"workloads[web].service.time.constant\", low: 80ms, high: 120ms}";
const DEMAND: &str = "{path: \"demands[0].arrivals.constant\", low: 850/s, high: 1120/s}";

/// A pod serves 10 / 100 ms = 100 requests/s of 1,050, so 11 are needed. With 80 ms and 120 ms it
/// is 1,050 / 125 and 1,050 / 83.3: 9 and 13. With 850 and 1,120 requests/s it is 9 and 12; the
/// worse ends at once are 1,120 / 83.3: 14. How long Front Door waits for probes and what memory
/// machines report change nothing here, and are asked about since they are guesses.
#[test]
fn answers_at_the_ends_are_divisions() {
    let root = tempfile::tempdir().unwrap();
    let path = scenario(root.path(), &assuming(&format!("{DEMAND}, {SERVICE_TIME}")));
    let (code, found) = size(&path, &QUICK);
    assert_eq!((code, &found["answer"]), (Some(0), &json!([11])), "{found:#}");
    let ends = &found["ends"];
    assert_eq!((&ends["least"], &ends["most"]), (&json!([9]), &json!([14])), "{ends:#}");
    let inputs = ends["inputs"].as_array().unwrap().iter();
    let row = |it: &Value| {
        let end = |end: &str| json!([it[end]["value"], it[end]["answer"]]);
        json!([it["path"], it["value"], end("low"), end("high"), it["width"]])
    };
    let rows: Vec<Value> = inputs.map(row).collect();
    let expected = [
        json!(["workloads[web].service.time.constant", "100ms", ["80ms", [9]], ["120ms", [13]], 4]),
        json!(["demands[0].arrivals.constant", "1050/s", ["850/s", [9]], ["1120/s", [12]], 3]),
        json!(["clusters[*].pools[*].visibleMemory", "100%", ["98%", [11]], ["100%", [11]], 0]),
        json!(["frontDoor.probe.timeout", "30s", ["1s", [11]], ["60s", [11]], 0]),
    ];
    assert_eq!(rows, expected);
    let worst =
        ["demands[0].arrivals.constant=1120/s", "workloads[web].service.time.constant=120ms"];
    assert_eq!((&ends["worst"]["inputs"], &ends["worst"]["answer"]), (&json!(worst), &json!([14])));
}

/// The same bytes for any number of threads; the terminal and the report say the range, what to
/// measure first and at which confidence; without ends nothing is solved again.
#[test]
fn people_read_what_to_measure_first() {
    let root = tempfile::tempdir().unwrap();
    let path = scenario(root.path(), &assuming(SERVICE_TIME));
    let run = |more: &[&str]| {
        let done =
            said(tideover().arg("size").arg(&path).args(QUICK).args(more).current_dir(root.path()));
        assert_eq!(done.code, Some(0), "{}", done.talk);
        done.out
    };
    let one = run(&["--threads", "1"]);
    assert_eq!(one, run(&["--threads", "3", "--out", "again"]));
    for words in [
        "division: 11 (9-13) of clusters[",
        "\n  measure first                         value  low   needs  high   needs  width\n",
        "\n  workloads[web].service.time.constant  100ms  80ms      9  120ms     13      4\n",
        "\n each end by itself at confidence 80 %\n",
        "\nOnly workloads[web].service.time.constant=120ms is worse: 13\n",
    ] {
        assert!(one.contains(words), "{words} is missing in\n{one}");
    }
    let report = fs::read_to_string(root.path().join("results/division-size/report.md")).unwrap();
    for words in [
        "**11 is enough** (9-13), with confidence 80 %",
        "## Measure this first",
        "| `workloads[web].service.time.constant` | 100ms | 80ms | 9 | 120ms | 13 | 4 |",
    ] {
        assert!(report.contains(words), "{words} is missing in\n{report}");
    }
    let (_, bare) = size(&path, &[&QUICK[..], &["--no-ends"]].concat());
    assert_eq!((&bare["answer"], &bare["ends"]), (&json!([11]), &Value::Null));
}

/// Where nothing in range suffices at an end, the answer goes beyond the range: 1,050 / 50 = 21.
#[test]
fn an_end_may_lie_beyond_the_range() {
    let root = tempfile::tempdir().unwrap();
    let slow = "{path: \"workloads[web].service.time.constant\", low: 100ms, high: 200ms}";
    let path = scenario(root.path(), &assuming(slow));
    let vary = ["--vary", "clusters[secondary].pools[user].count=9..20"];
    let more = [&QUICK[..], &vary].concat();
    let (code, found) = size(&path, &more);
    assert_eq!(
        (code, &found["answer"], &found["ends"]["most"]),
        (Some(0), &json!([11]), &Value::Null)
    );
    let first = &found["ends"]["inputs"][0];
    assert_eq!((&first["width"], &first["high"]["answer"]), (&Value::Null, &Value::Null));
    assert_eq!(first["low"]["n_trials"], 0);
    let shown = said(tideover().arg("size").arg(&path).args(&more).current_dir(root.path()));
    assert!(shown.out.starts_with("division: 11 (11 to over 20) of"), "{}", shown.out);
}

/// Where nothing in range suffices, an end may: 1,050 / 125 = 9 nodes at 80 ms. The exit code
/// stays that of a sizing without an answer.
#[test]
fn an_end_may_mend_what_no_design_does() {
    let root = tempfile::tempdir().unwrap();
    let path = scenario(root.path(), &assuming(SERVICE_TIME));
    let vary = ["--vary", "clusters[secondary].pools[user].count=5..10"];
    let mut size = tideover();
    let done = said(size.arg("size").arg(&path).args(QUICK).args(vary).current_dir(root.path()));
    assert_eq!(done.code, Some(99), "{}", done.talk);
    let words = "\nBut this would suffice: 9 with workloads[web].service.time.constant=80ms\n";
    assert!(done.out.contains(words), "{}", done.out);
    let report = fs::read_to_string(root.path().join("results/division-size/report.md")).unwrap();
    assert!(report.contains("But this would suffice: 9 with"), "{report}");
}

/// A path that leads nowhere, ends in the wrong order, a value outside of them, an end that makes
/// no scenario: each is said with its path before anything runs.
#[test]
fn wrong_assumptions_are_refused() {
    let root = tempfile::tempdir().unwrap();
    for (assumption, says) in [
        (
            "{path: \"workloads[wbe].queue\", low: 1, high: 9}",
            "sizing.assumptions: `workloads[wbe].queue` at 1: workloads[wbe]:",
        ),
        ("{path: \"workloads[web].quue\", low: 1, high: 9}", "`workloads[web].quue` at 1:"),
        (
            "{path: \"workloads[*].quue\", low: 1, high: 9}",
            "`workloads[*].quue`: no such value in the scenario",
        ),
        (
            "{path: \"workloads[web].queue\", low: 200, high: 50}",
            "`workloads[web].queue`: `high` 50 is below `low` 200; swap the two",
        ),
        (
            "{path: \"workloads[web].queue\", low: 101, high: 200}",
            "`workloads[web].queue`: the scenario has 100, outside 101 to 200",
        ),
        ("{path: \"workloads[*].queue\", low: 9, high: many}", "`workloads[*].queue` at many:"),
        ("{path: \"workloads[web].queue\", low: 9}", "`high` is missing"),
    ] {
        let path = scenario(root.path(), &assuming(assumption));
        let refused = said(tideover().arg("size").arg(&path).current_dir(root.path()));
        assert_eq!(refused.code, Some(3), "{assumption}: {}{}", refused.out, refused.talk);
        assert!(refused.talk.contains(says), "{says} is missing in\n{}", refused.talk);
        assert!(!root.path().join("results").exists(), "{assumption}");
    }
}
