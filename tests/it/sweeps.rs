//! `tideover sweep`: points are what `mc --set` runs, tables are tidy, and the knob that does
//! something is found.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::cli::{said, small, tideover};

/// What makes the small scenario quick.
const QUICK: [&str; 5] = [
    "demands[0].arrivals={constant: 20/s}",
    "run.horizon=5m",
    "run.warmUp=1m",
    "faults[0].at=1m",
    "faults[0].duration=2m",
];

fn quick(verb: &str, folder: &Path, words: &[&str]) -> Command {
    let mut command = tideover();
    command.arg(verb).arg(small()).current_dir(folder);
    QUICK.iter().for_each(|set| _ = command.args(["--set", set]));
    command.args(words);
    command
}

/// `sweep` of the quick scenario; its JSON.
fn sweep(folder: &Path, words: &[&str]) -> Value {
    let done = said(&mut quick("sweep", folder, &[words, &["--json", "--out", "out"]].concat()));
    assert_eq!(done.code, Some(0), "{}", done.talk);
    serde_json::from_str(&done.out).unwrap()
}

fn rows(path: &Path) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let cells = |row: &csv::StringRecord| row.iter().map(str::to_owned).collect();
    let header = cells(reader.headers().unwrap());
    (header, reader.records().map(|row| cells(&row.unwrap())).collect())
}

const VARY: [&str; 4] =
    ["--vary", "frontDoor.probe.interval=10s..30s:2", "--vary", "workloads[web].queue=50,100"];

/// Each point of a grid has the trials that `mc --set` runs, to the byte, whatever the threads.
/// Knobs are columns, with the unit in the name.
#[test]
fn points_are_those_of_mc() {
    let root = tempfile::tempdir().unwrap();
    sweep(root.path(), &[&VARY[..], &["--trials", "3", "--threads", "3"]].concat());
    let (header, trials) = rows(&root.path().join("out/trials.csv"));
    assert_eq!(
        header[..4],
        ["point", "frontDoor.probe.interval_s", "workloads[web].queue", "trial"]
    );
    assert_eq!(trials.len(), 12);
    for (point, (interval, queue)) in
        [("10s", "50"), ("10s", "100"), ("30s", "50"), ("30s", "100")].into_iter().enumerate()
    {
        let sets = [
            format!("--set=frontDoor.probe.interval={interval}"),
            format!("--set=workloads[web].queue={queue}"),
        ];
        let words =
            [&sets[0], &sets[1], "--trials", "3", "--threads", "1", "--out", "mc", "--json"];
        assert_eq!(said(&mut quick("mc", root.path(), &words)).code, Some(0));
        let (names, expected) = rows(&root.path().join("mc/trials.csv"));
        let here = trials.iter().filter(|row| row[0] == point.to_string());
        let here: Vec<&Vec<String>> = here.collect();
        assert_eq!(names, header[3..]);
        for (row, expected) in here.iter().zip(&expected) {
            assert_eq!((&row[1], &row[2]), (&interval.replace('s', ""), &queue.to_owned()));
            assert_eq!(row[3..], expected[..]);
        }
        assert_eq!(here.len(), expected.len());
    }
}

/// Out of time at once: the first point is complete, not all are, and what they do is not told.
/// That is success, for the user asked for no more.
#[test]
fn a_sweep_stops_in_time() {
    let root = tempfile::tempdir().unwrap();
    let vary = ["--vary", "workloads[web].queue=1..100:100", "--trials", "20"];
    let done = said(&mut quick(
        "sweep",
        root.path(),
        &[&vary[..], &["--max-wall", "1ms", "--out", "out"]].concat(),
    ));
    assert_eq!(done.code, Some(0), "{}", done.talk);
    assert!(done.talk.contains("the time is up: the result is partial\n"), "{}", done.talk);
    let summary = std::fs::read_to_string(root.path().join("out/summary.json")).unwrap();
    let summary: Value = serde_json::from_str(&summary).unwrap();
    assert_eq!((&summary["partial"], &summary["n_points"]), (&true.into(), &100.into()));
    let (n_points, n_effects) = (len(&summary["points"]), len(&summary["effects"]));
    assert!((1..100).contains(&n_points) && n_effects == 0, "{n_points} and {n_effects}");
    let missing = format!("PARTIAL: {} points missing", 100 - n_points);
    assert!(done.out.contains(&missing), "{}", done.out);
}

fn len(list: &Value) -> usize {
    list.as_array().unwrap().len()
}

/// What is later by the fault's own time explains all of it and the queue nothing, exactly on a
/// grid and within its errors by Sobol points; a Latin hypercube shows it by its means.
#[test]
fn the_knob_that_moves_is_found() {
    let root = tempfile::tempdir().unwrap();
    let vary = ["--vary", "faults[0].at=60s..100s:3", "--vary", "workloads[web].queue=90..100:2"];
    let effect = |found: &Value, knob: &str, metric: &str| {
        let mut effects = found["effects"].as_array().unwrap().iter();
        let one = effects.find(|it| it["knob"] == knob && it["metric"] == metric).cloned();
        one.unwrap_or_else(|| panic!("{found:#}"))
    };
    let run = |more: &[&str]| sweep(root.path(), &[&vary[..], more, &["--trials", "1"]].concat());
    let latin = ["--design", "latin", "--points", "6"];
    let sobol = ["--design", "sobol", "--points", "8"];
    for words in [&latin[..], &sobol, &[]] {
        let found = run(words);
        let at = effect(&found, "faults[0].at", "fault_at_s");
        let queue = effect(&found, "workloads[web].queue", "fault_at_s");
        let means: Vec<f64> =
            at["means"].as_array().unwrap().iter().map(|it| it["mean"].as_f64().unwrap()).collect();
        assert!(means.is_sorted() && 60.0 <= means[0] && means[means.len() - 1] <= 100.0);
        assert_eq!(means.len(), 3, "{words:?}: {at:#}");
        match found["design"].as_str().unwrap() {
            "latin" => assert_eq!(at["total_order"], Value::Null),
            design => {
                assert_eq!(queue["total_order"].as_f64(), Some(0.0), "{design}");
                let (share, error) = (at["total_order"].as_f64(), at["total_order_error"].as_f64());
                let off = (share.unwrap() - 1.0).abs();
                assert!(off <= 1e-9 + 4.0 * error.unwrap_or(0.0), "{design}: {at:#}");
            }
        }
    }
    let (header, points) = rows(&root.path().join("out/points.csv"));
    assert_eq!(header[..4], ["point", "faults[0].at_s", "workloads[web].queue", "metric"]);
    let struck: Vec<&Vec<String>> = points.iter().filter(|row| row[3] == "fault_at_s").collect();
    assert!(struck.iter().all(|row| row[1] == row[6]), "{struck:?}");
    let (_, effects) = rows(&root.path().join("out/effects.csv"));
    let of = |knob: &str| effects.iter().filter(|row| row[..2] == [knob, "fault_at_s"]).count();
    assert_eq!((of("faults[0].at"), of("workloads[web].queue")), (3, 2));
}

/// Mistakes have their exit codes and words.
#[test]
fn mistakes_are_named() {
    let root = tempfile::tempdir().unwrap();
    for (words, code, says) in [
        (vec![], 2, "--vary"),
        (vec!["--vary", "run.seed"], 2, "write the path of a value"),
        (vec!["--vary", "a=1..2", "--vary", "a=3,4"], 2, "`a` is varied twice"),
        (vec!["--vary", "a=1..2", "--points", "8"], 2, "a grid has A..B:N"),
        (vec!["--vary", "a=1..2", "--design", "sobol", "--points", "9"], 2, "a power of two"),
        (vec!["--vary", "clusters[third].x=1..2"], 3, "clusters[third]"),
        (vec!["--vary", "run.horizon=0s..60s:2"], 3, "run.horizon"),
    ] {
        let refused = said(&mut quick("sweep", root.path(), &words));
        assert_eq!(refused.code, Some(code), "{words:?}: {}", refused.talk);
        assert!(refused.talk.contains(says), "{says} is missing in\n{}", refused.talk);
    }
}
