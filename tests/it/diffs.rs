//! `tideover diff`: the same draws for both versions, exact where the answer is arithmetic, and
//! what each edit does by itself.

use std::fs;
use std::path::{Path, PathBuf};

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

/// `diff` of the quick scenario with these words, in a folder; its JSON.
fn diff(folder: &Path, words: &[&str]) -> Value {
    let mut command = tideover();
    command.arg("diff").arg(small()).args(words).args(["--json", "--out", "out"]);
    QUICK.iter().for_each(|set| _ = command.args(["--set", set]));
    let done = said(command.current_dir(folder));
    assert_eq!(done.code, Some(0), "{}", done.talk);
    serde_json::from_str(&done.out).unwrap()
}

fn metric<'j>(list: &'j Value, name: &str) -> &'j Value {
    let mut found = list.as_array().unwrap().iter();
    found.find(|it| it["metric"] == name).unwrap_or_else(|| panic!("{name}: {list:#}"))
}

/// On the shipped scenario a paired difference of failed requests varies at least 20 times less
/// than one of independent trials: for a slower readiness probe, more users, and one more pod.
#[test]
fn draws_are_common() {
    let root = tempfile::tempdir().unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/region-loss-warm.yaml");
    for edit in [
        "workloads[web].readinessProbe.periodSeconds=6",
        "demands[0].arrivals={constant: 10100/s}",
        "workloads[web].clusters[secondary].hpa.minReplicas=31",
    ] {
        let mut command = tideover();
        command.arg("diff").arg(&shipped).args(["--edit", edit, "--trials", "12", "--json"]);
        let done = said(command.current_dir(root.path()));
        let found: Value = serde_json::from_str(&done.out).expect(&done.talk);
        let gain = metric(&found["differences"], "failed_requests")["gain"].as_f64().unwrap();
        assert!(20.0 <= gain, "{edit}: {gain}");
    }
}

/// Out of time at once: one trial at least that both versions ran, and success.
#[test]
fn a_comparison_stops_in_time() {
    let root = tempfile::tempdir().unwrap();
    let words = ["--edit", "workloads[web].queue=50", "--trials", "100000", "--max-wall", "1ms"];
    let found = diff(root.path(), &words);
    assert_eq!((&found["partial"], &found["ended"]), (&true.into(), &"stopped".into()));
    let n_trials = found["n_trials"].as_u64().unwrap();
    assert!((1..100_000).contains(&n_trials), "{n_trials}");
    for name in ["trials-before.csv", "trials-after.csv"] {
        let text = fs::read_to_string(root.path().join("out").join(name)).unwrap();
        assert_eq!(text.lines().count() as u64, 1 + n_trials, "{name}");
    }
}

/// A version that says the same in another way differs by exactly nothing, in every metric.
#[test]
fn no_change_makes_no_difference() {
    let root = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(small()).unwrap();
    let same = root.path().join("same.yaml");
    fs::write(&same, text.replace("question: ", "# Said otherwise.\nquestion: not ")).unwrap();
    let found = diff(root.path(), &[same.to_str().unwrap(), "--trials", "6"]);
    let differences = found["differences"].as_array().unwrap();
    assert!(10 < differences.len());
    for one in differences {
        let difference = &one["difference"];
        for end in ["value", "low", "high"] {
            assert_eq!(difference[end].as_f64(), Some(0.0), "{one:#}");
        }
        assert_eq!(one["equal"]["value"].as_f64(), Some(1.0));
    }
    assert_eq!(found["attribution"]["edits"], Value::from(Vec::<Value>::new()));
    assert_eq!(found["changes"][0]["path"], "question");
}

/// Pools of a fixed size: two more nodes cost two times the run of five minutes, whatever else
/// changes, and a fault half a minute later is half a minute later, in each trial. Each edit is
/// credited with its own, and nothing is left.
#[test]
fn known_edits_make_known_differences() {
    let root = tempfile::tempdir().unwrap();
    let fixed = ["--set", "clusters[secondary].pools[user]={name: user, vmSize: D4s_v5, count: 3}"];
    let edits = ["--edit", "clusters[secondary].pools[user].count=5", "--edit", "faults[0].at=90s"];
    let words = [&fixed[..], &edits, &["--trials", "4"]].concat();
    let found = diff(root.path(), &words);
    let (nodes, later) = (2.0 * 5.0 / 60.0, 30.0);
    let is = |found: &Value, value: f64| {
        let found = ["value", "low", "high"].map(|end| found[end].as_f64().unwrap());
        assert!(found.iter().all(|it| (it - value).abs() < 1e-5), "{value}: {found:?}");
    };
    for (name, value) in [("node_hours", nodes), ("fault_at_s", later)] {
        is(&metric(&found["differences"], name)["difference"], value);
        is(metric(&found["attribution"]["rest"], name), 0.0);
    }
    let edits = found["attribution"]["edits"].as_array().unwrap();
    let paths: Vec<&Value> = edits.iter().map(|edit| &edit["path"]).collect();
    assert_eq!(paths, ["clusters[secondary].pools[user].count", "faults[lose-east].at"]);
    assert_eq!((&edits[1]["before"], &edits[1]["after"]), (&"1m".into(), &"90s".into()));
    for (edit, [more, after]) in edits.iter().zip([[nodes, 0.0], [0.0, later]]) {
        is(metric(&edit["effects"], "node_hours"), more);
        is(metric(&edit["effects"], "fault_at_s"), after);
    }
    let rows = fs::read_to_string(root.path().join("out/attribution.csv")).unwrap();
    assert!(rows.contains("faults[lose-east].at,1m,90s,fault_at_s,30,30,30\n"), "{rows}");
    let rows = fs::read_to_string(root.path().join("out/differences.csv")).unwrap();
    assert!(rows.contains("\nfault_at_s,4,0,0,60,90,30,30,30,0,0,0.602365,1,"), "{rows}");
}

/// Any number of threads writes the same bytes; the trials are those of `mc`; `--until` stops at
/// the first look when a difference is known.
#[test]
fn trials_are_those_of_mc() {
    let root = tempfile::tempdir().unwrap();
    let edit = ["--edit", "workloads[web].hpa.minReplicas=3", "--trials", "8"];
    let one = diff(root.path(), &[&edit[..], &["--threads", "1"]].concat());
    assert_eq!(one, diff(root.path(), &[&edit[..], &["--threads", "3"]].concat()));
    let mut mc = tideover();
    mc.arg("mc").arg(small()).args(["--trials", "8", "--out", "mc", "--quiet"]);
    QUICK.iter().for_each(|set| _ = mc.args(["--set", set]));
    assert_eq!(said(mc.current_dir(root.path())).code, Some(0));
    let read = |name: &str| fs::read_to_string(root.path().join(name)).unwrap();
    assert_eq!(read("mc/trials.csv"), read("out/trials-before.csv"));
    let until = ["--edit", "faults[0].at=90s", "--until", "fault_at_s mean ±1"];
    let known = diff(root.path(), &[&until[..], &["--trials", "600", "--no-attribution"]].concat());
    assert_eq!((&known["n_trials"], &known["ended"]), (&256.into(), &"precise".into()));
}

/// Mistakes have their exit codes and words.
#[test]
fn mistakes_are_named() {
    let after: PathBuf = "missing.yaml".into();
    for (words, code, says) in [
        (vec![], 2, "<AFTER>"),
        (vec![after.to_str().unwrap()], 3, "there is no file `missing.yaml`"),
        (vec!["--edit", "clusters[third].region=x"], 3, "clusters[third]"),
        (vec!["--edit", "run.seed=2", "--until", "rto_s p99 ±1"], 2, "METRIC mean ±WIDTH"),
        (vec!["--edit", "run.seed=2", "--trials", "0"], 2, "write a whole number from 1"),
    ] {
        let refused = said(tideover().arg("diff").arg(small()).args(&words));
        assert_eq!(refused.code, Some(code), "{words:?}: {}", refused.talk);
        assert!(refused.talk.contains(says), "{says} is missing in\n{}", refused.talk);
    }
}
