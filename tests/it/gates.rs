//! `tideover gate` as CI systems meet it: exit codes, files, and what is said where.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::cli::{Said, said, small, tideover};

/// The small scenario with these objectives, in `folder`.
fn with_objectives(folder: &Path, objectives: &str) -> PathBuf {
    let text = fs::read_to_string(small()).unwrap();
    let path = folder.join("gated.yaml");
    fs::write(&path, format!("{text}objectives:\n{objectives}")).unwrap();
    path
}

/// `gate` without what the surroundings of the test may have set.
fn gate(scenario: &Path) -> Command {
    let mut command = tideover();
    for name in ["GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "TF_BUILD"] {
        command.env_remove(name);
    }
    command.arg("gate").arg(scenario);
    command
}

fn verdict(gate: &Said) -> Value {
    serde_json::from_str::<Value>(&gate.out).expect("JSON").get("verdict").unwrap().clone()
}

/// Each verdict has its exit code: an objective that every trial meets, one that none meets, and
/// one that half of the trials meet, asked of a few trials; mistakes have theirs.
#[test]
fn verdicts_are_exit_codes() {
    let root = tempfile::tempdir().unwrap();
    let median = {
        let path = with_objectives(root.path(), "  rto_s: [\"p(50)<400\"]\n");
        let json = said(gate(&path).args(["--max-trials", "60", "--json"]));
        let json: Value = serde_json::from_str(&json.out).unwrap();
        json["objectives"][0]["quantile"].as_f64().unwrap()
    };
    let at_median = format!("  rto_s: [\"p(50)<={median}\"]\n");
    for (objectives, code, word) in [
        ("  offered: [\"p(50)>0\", \"p(5)>0\"]\n", 0, "met"),
        ("  offered: [\"p(50)>0\", \"p(95)<1\"]\n", 99, "missed"),
        (&at_median, 98, "undecided"),
    ] {
        let path = with_objectives(root.path(), objectives);
        let done = said(gate(&path).args(["--max-trials", "100", "--json"]));
        assert_eq!((done.code, verdict(&done)), (Some(code), word.into()), "{}", done.talk);
    }
    let path = with_objectives(root.path(), "  offered: [\"p(1)>0\"]\n");
    let few = said(gate(&path).args(["--max-trials", "1"]));
    assert_eq!(few.code, Some(2));
    assert!(few.talk.contains("--max-trials: read 1; allowed: at least 299,"), "{}", few.talk);
    let none = said(&mut gate(&small()));
    assert!(none.code == Some(3) && none.talk.contains("has no objectives"), "{}", none.talk);
}

/// An objective on an unknown metric, of a wrong form, or beyond the end of the run is a wrong
/// scenario, for every verb; the nearest name and the list are shown.
#[test]
fn wrong_objectives_are_refused() {
    let root = tempfile::tempdir().unwrap();
    for (objectives, says) in [
        ("  rto: [\"p(99)<300\"]\n", &["did you mean `rto_s`?", "failover_min_ratio"][..]),
        ("  rto_s: [\"99<300\"]\n", &["p(99)<300"]),
        ("  rto_s: [\"p(99)<3000\"]\n", &["cannot be seen", "limits up to 420"]),
    ] {
        let path = with_objectives(root.path(), objectives);
        for verb in ["gate", "check"] {
            let refused = said(tideover().arg(verb).arg(&path));
            assert_eq!(refused.code, Some(3), "{verb} {objectives}");
            for words in says {
                assert!(refused.talk.contains(words), "{words} is missing in\n{}", refused.talk);
            }
        }
    }
}

/// The same bytes for any number of threads; another seed is another verdict's numbers.
#[test]
fn threads_change_nothing() {
    let root = tempfile::tempdir().unwrap();
    let path = with_objectives(root.path(), "  rto_s: [\"p(90)<400\"]\n");
    let run = |more: &[&str]| said(gate(&path).arg("--json").args(more)).out;
    let one = run(&["--threads", "1"]);
    assert_eq!(one, run(&["--threads", "2"]));
    assert_eq!(one, run(&["--threads", "16"]));
    assert_ne!(one, run(&["--seed", "8"]));
}

/// The baseline runs the trials of the gate, whose draws are the same: means, intervals and shares
/// are those of `diff` over as many trials, and another probe interval is noticed beyond doubt.
/// Against itself a scenario moves by exactly nothing.
#[test]
fn the_baseline_is_compared_as_by_diff() {
    let root = tempfile::tempdir().unwrap();
    let path = with_objectives(root.path(), "  detect_s: [\"p(50)<400\"]\n");
    let json = |command: &mut Command| -> Value {
        let done = said(command.arg("--json").current_dir(root.path()));
        assert_eq!(done.code, Some(0), "{}", done.talk);
        serde_json::from_str(&done.out).unwrap()
    };
    let edit = "frontDoor.probe.interval=5s";
    let gated = json(gate(&path).args(["--set", edit, "--baseline"]).arg(&path));
    let [moved] = &gated["moved"].as_array().unwrap()[..] else { panic!("{gated}") };
    let n_trials = gated["n_trials"].to_string();
    let mut command = tideover();
    command.arg("diff").arg(&path).args(["--edit", edit, "--trials", &n_trials]);
    let diff = json(&mut command);
    let listed = diff["differences"].as_array().unwrap();
    assert_eq!(Some(moved), listed.iter().find(|it| it["metric"] == "detect_s"));
    assert!(moved["difference"]["high"].as_f64().unwrap() < 0.0, "{moved}");
    let same = json(gate(&path).arg("--baseline").arg(&path));
    let difference = &same["moved"][0]["difference"];
    assert!(["low", "value", "high"].iter().all(|end| difference[end] == 0.0), "{difference}");
}

/// JUnit XML, Markdown, the summary page of GitHub Actions (which is added to), annotations of
/// both systems at the objective's line, and what differs from the baseline.
#[test]
fn ci_systems_are_told() {
    let root = tempfile::tempdir().unwrap();
    let path = with_objectives(root.path(), "  offered:\n    - \"p(50)<1\"\n");
    let page = root.path().join("page.md");
    fs::write(&page, "before\n").unwrap();
    let done = said(
        gate(&path)
            .arg("--baseline")
            .arg(small())
            .args(["--set", "clusters[secondary].pools[user].minCount=2"])
            .args(["--junit", "out/gate.xml", "--summary", "gate.md"])
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_STEP_SUMMARY", &page)
            .current_dir(root.path()),
    );
    assert_eq!(done.code, Some(99), "{}", done.talk);
    let line = fs::read_to_string(&path).unwrap().lines().count();
    let annotation =
        format!("gated.yaml,line={line},title=Failover gate::offered p(50)<1 is missed");
    assert!(done.talk.contains(&annotation), "{annotation} is missing in\n{}", done.talk);
    let changed = "clusters[secondary].pools[user].minCount  1 -> 2";
    assert!(done.out.contains(changed), "{changed} is missing in\n{}", done.out);
    // A second warm node changes nothing that a constant demand asks for.
    let moved = done.out.split("Against the baseline, on the same ").nth(1).unwrap();
    let offered = moved.lines().find(|line| line.trim_start().starts_with("offered")).unwrap();
    assert!(offered.contains(" 0.000 to 0.000 "), "{moved}");
    let markdown = fs::read_to_string(root.path().join("gate.md")).unwrap();
    assert!(markdown.contains("### Against the baseline"), "{markdown}");
    assert_eq!(fs::read_to_string(&page).unwrap(), format!("before\n{markdown}"));
    let junit = fs::read_to_string(root.path().join("out/gate.xml")).unwrap();
    assert!(junit.contains("<failure type=\"missed\""), "{junit}");
    assert!(junit.contains("offered: mean "), "{junit}");
    let azure = said(gate(&path).env("TF_BUILD", "True"));
    assert!(azure.talk.contains("##vso[task.logissue type=error;sourcepath="), "{}", azure.talk);
    let quiet = said(gate(&path).arg("--quiet"));
    assert_eq!((quiet.code, quiet.talk.as_str()), (Some(99), ""));
}
