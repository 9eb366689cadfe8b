//! Studies of many trials: the same bytes whatever the threads, the shards, their order, and
//! however often a study was stopped or killed and gone on with.

use std::fs;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use tideover::experiment::metric::{Metric, Row};
use tideover::experiment::monte_carlo::{Ended, Plan, Study, monte_carlo};
use tideover::scenario::load;
use tideover::sim::streams::{Cursor, Stream};
use tideover::simulation::Fidelity;

use crate::cli::{Said, said, small, tideover};

/// What makes the small scenario quick enough to be run a hundred times.
const QUICK: [&str; 5] = [
    "demands[0].arrivals={constant: 20/s}",
    "run.horizon=5m",
    "run.warmUp=1m",
    "faults[0].at=1m",
    "faults[0].duration=2m",
];

/// `tideover mc` of the quick scenario in a folder.
fn mc(folder: &Path, words: &[&str]) -> Command {
    let mut command = tideover();
    command.arg("mc").arg(small()).current_dir(folder);
    QUICK.iter().for_each(|set| _ = command.args(["--set", set]));
    command.args(words);
    command
}

fn ran(command: &mut Command) -> Said {
    let done = said(command);
    assert_eq!(done.code, Some(0), "{}", done.talk);
    done
}

/// The files of a study by name.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let mut files: Vec<_> = entries.map(|path| (name(&path), fs::read(&path).unwrap())).collect();
    files.sort();
    files
}

/// A study of 40 trials, to compare others with.
fn whole(root: &Path) -> Vec<(String, Vec<u8>)> {
    ran(&mut mc(root, &["--trials", "40", "--threads", "1", "--out", "whole"]));
    let whole = files(&root.join("whole"));
    let names: Vec<&str> = whole.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "histograms.csv",
        "manifest.json",
        "premises.json",
        "report.md",
        "summary.json",
        "trials.csv",
    ];
    assert_eq!(names, expected);
    whole
}

/// One to sixteen threads write the same bytes; trials differ, and are those of `run --trial`.
#[test]
fn threads_change_no_byte() {
    let root = tempfile::tempdir().unwrap();
    let whole = whole(root.path());
    for threads in ["2", "3", "16"] {
        ran(&mut mc(root.path(), &["--trials", "40", "--threads", threads, "--out", threads]));
        assert!(files(&root.path().join(threads)) == whole, "{threads} threads");
    }
    let mut reader = csv::Reader::from_path(root.path().join("whole/trials.csv")).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let fingerprints: std::collections::BTreeSet<&str> =
        rows.iter().map(|row| &row[row.len() - 1]).collect();
    assert_eq!((rows.len(), fingerprints.len()), (40, 40));
    let mut run = tideover();
    run.arg("run").arg(small()).args(["--trial", "17", "--fidelity", "flow"]);
    run.args(["--json", "--no-plots", "--out", "run"]);
    QUICK.iter().for_each(|set| _ = run.args(["--set", set]));
    let summary: Value = serde_json::from_str(&ran(run.current_dir(root.path())).out).unwrap();
    assert_eq!(summary["fingerprint"], rows[17][rows[17].len() - 1]);
}

/// Any partition into shards, merged in any order, writes the bytes of the whole; merging again
/// does, too. The plan's own commands are one such partition.
#[test]
fn shards_make_the_whole() {
    let root = tempfile::tempdir().unwrap();
    let whole = whole(root.path());
    let mut chance = Cursor::new(Stream::new(1, 0, "test", "partitions"));
    for round in 0..3 {
        let mut cuts: Vec<usize> = (0..3).map(|_| chance.next_below(41)).collect();
        cuts.extend([0, 40]);
        cuts.sort_unstable();
        cuts.dedup();
        let mut names = Vec::new();
        for pair in cuts.windows(2) {
            let (name, range) =
                (format!("{round}-{}", pair[0]), format!("{}..{}", pair[0], pair[1]));
            ran(&mut mc(root.path(), &["--trials", "40", "--shard", &range, "--out", &name]));
            let at = chance.next_below(names.len() + 1);
            names.insert(at, name);
        }
        let out = format!("merged-{round}");
        for _ in 0..2 {
            let mut merge = tideover();
            merge.arg("merge").args(&names).args(["--out", &out]).current_dir(root.path());
            ran(&mut merge);
            assert!(files(&root.path().join(&out)) == whole, "{names:?}");
        }
    }
    let plan = ran(&mut mc(root.path(), &["--trials", "40", "--plan", "3"])).out;
    let ranges: Vec<&str> =
        plan.lines().filter_map(|line| line.split("--shard ").nth(1)?.split(' ').next()).collect();
    assert_eq!(ranges, ["0..13", "13..26", "26..40"]);
    assert!(plan.ends_with("tideover merge shard-0-13 shard-13-26 shard-26-40\n"), "{plan}");
}

/// Shards of another seed, of another scenario, twice the same, or none: refused by name. Missing
/// trials are listed, and the result holds those before them.
#[test]
fn wrong_shards_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let shard = |range: &str, name: &str, more: &[&str]| {
        let words = ["--trials", "6", "--shard", range, "--out", name];
        ran(mc(root.path(), &words).args(more));
    };
    shard("0..2", "first", &[]);
    shard("4..6", "last", &[]);
    shard("2..4", "other-seed", &["--seed", "8"]);
    shard("2..4", "other-scenario", &["--set", "clusters[secondary].pools[user].minCount=2"]);
    fs::write(root.path().join("no-shard"), "trial,rto_s\n").unwrap();
    let merge = |names: &[&str]| {
        let mut merge = tideover();
        said(merge.arg("merge").args(names).args(["--out", "m"]).current_dir(root.path()))
    };
    for (names, says) in [
        (vec!["first", "other-seed"], "seed is 7 in one and 8 in another"),
        (vec!["first", "other-scenario"], "shards of different studies"),
        (vec!["first", "last", "first"], "trials 0..2 are in several shards"),
        (vec!["first", "no-shard"], "no-shard is no shard"),
        (vec!["first", "absent"], "cannot read absent"),
        (vec!["last"], "trial 0 is in no shard"),
        (vec!["last", "first"], "trials are missing: 2..4"),
    ] {
        let merged = merge(&names);
        assert_eq!(merged.code, Some(3), "{names:?}: {}", merged.talk);
        assert!(merged.talk.contains(says), "{names:?}: {}", merged.talk);
    }
    let summary = fs::read_to_string(root.path().join("m/summary.json")).unwrap();
    let summary: Value = serde_json::from_str(&summary).unwrap();
    assert_eq!((&summary["partial"], &summary["n_trials"]), (&true.into(), &2.into()));
}

/// Waits until a journal holds that many lines, for a minute at most.
fn wait_for_lines(journal: &Path, n_lines: usize) {
    for _ in 0..60_000 {
        let text = fs::read_to_string(journal).unwrap_or_default();
        if n_lines <= text.lines().count() {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
    panic!("the journal does not grow");
}

/// Killed at random moments, each time later, and gone on with: the bytes of a study that was left
/// alone. Every other time the journal is cut off in the middle of a line besides, as a crash of
/// the machine may do.
#[test]
#[cfg(unix)]
fn a_killed_study_goes_on() {
    let (n_kills, n_trials) =
        if std::env::var_os("TIDEOVER_DEEP").is_some() { (50, "400") } else { (8, "60") };
    let root = tempfile::tempdir().unwrap();
    ran(&mut mc(root.path(), &["--trials", n_trials, "--out", "whole"]));
    let words = ["--trials", n_trials, "--threads", "2", "--resume", "--out", "killed"];
    let journal = root.path().join("killed/trials.journal");
    let mut chance = Cursor::new(Stream::new(1, 0, "test", "kills"));
    let mut n_lines = 1;
    for kill in 0..n_kills {
        n_lines += 1 + chance.next_below(4);
        let mut command = mc(root.path(), &words);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut child = child.unwrap();
        wait_for_lines(&journal, n_lines);
        child.kill().unwrap();
        child.wait().unwrap();
        let text = fs::read(&journal).unwrap();
        if kill % 2 == 1 {
            fs::write(&journal, &text[..text.len() - 3]).unwrap();
        }
    }
    let done = ran(&mut mc(root.path(), &words));
    assert_eq!(done.talk, "results in killed/\n");
    assert!(files(&root.path().join("killed")) == files(&root.path().join("whole")));
}

/// Ctrl-C: what was begun is finished and written, marked partial; the shell is told 130; going
/// on gives the bytes of the whole. With another seed going on is refused.
#[test]
#[cfg(unix)]
fn an_interrupted_study_is_partial() {
    let root = tempfile::tempdir().unwrap();
    let whole = whole(root.path());
    let words = ["--trials", "40", "--threads", "1", "--out", "stopped"];
    let child = mc(root.path(), &words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.unwrap();
    wait_for_lines(&root.path().join("stopped/trials.journal"), 4);
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let output = child.wait_with_output().unwrap();
    let talk = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{talk}");
    assert!(talk.contains("the result is partial; --resume goes on with it"), "{talk}");
    let summary = fs::read_to_string(root.path().join("stopped/summary.json")).unwrap();
    let summary: Value = serde_json::from_str(&summary).unwrap();
    assert_eq!((&summary["partial"], &summary["ended"]), (&true.into(), &"stopped".into()));
    let n_trials = summary["n_trials"].as_u64().unwrap();
    assert!((3..40).contains(&n_trials), "{n_trials}");
    let other = said(mc(root.path(), &words).args(["--resume", "--seed", "8"]));
    assert_eq!(other.code, Some(2), "{}", other.talk);
    assert!(other.talk.contains("seed is 7 in one and 8 in another"), "{}", other.talk);
    ran(mc(root.path(), &words).arg("--resume"));
    assert!(files(&root.path().join("stopped")) == whole);
}

/// Out of time before the first batch: a partial study with trial 0 at least, and success, for
/// the user asked for no more.
#[test]
fn a_study_stops_in_time() {
    let root = tempfile::tempdir().unwrap();
    let words = ["--trials", "1000000", "--max-wall", "1ms", "--out", "late"];
    let done = ran(&mut mc(root.path(), &words));
    assert!(done.talk.contains("the time is up: the result is partial"), "{}", done.talk);
    assert!(done.out.contains("PARTIAL: stopped before all 1,000,000"), "{}", done.out);
}

/// The worst trial, the median one and one by number leave whole result folders, whose recovery
/// times are those of their rows.
#[test]
fn kept_trials_are_written_whole() {
    let root = tempfile::tempdir().unwrap();
    let keep = ["--keep", "worst", "--keep", "median", "--keep", "3"];
    ran(mc(root.path(), &["--trials", "9", "--out", "kept"]).args(keep));
    let mut reader = csv::Reader::from_path(root.path().join("kept/trials.csv")).unwrap();
    let rto_s = |row: &csv::StringRecord| row[1].parse::<f64>().unwrap();
    let times: Vec<f64> = reader.records().map(|row| rto_s(&row.unwrap())).collect();
    let mut sorted = times.clone();
    sorted.sort_by(f64::total_cmp);
    let first = |value: f64| times.iter().position(|time| *time == value).unwrap();
    for trial in [first(sorted[8]), first(sorted[4]), 3] {
        let folder = root.path().join(format!("kept/trial-{trial}"));
        assert!(folder.join("timeline.csv").is_file(), "{trial}");
        let summary = fs::read_to_string(folder.join("summary.json")).unwrap();
        let summary: Value = serde_json::from_str(&summary).unwrap();
        assert_eq!(summary["trial"], trial);
        let fault = &summary["faults"][0];
        let rto_s = fault["rto_s"].as_f64().unwrap_or(f64::INFINITY);
        assert_eq!(rto_s, times[trial]);
    }
}

/// The library's own call: a study that stops when it is precise enough stops at the same trial
/// on any number of threads, also when it goes on from any of its rows.
#[test]
fn precision_stops_at_one_trial() {
    let sets: Vec<String> = QUICK.iter().map(|set| (*set).to_owned()).collect();
    let scenario = load(&small(), &sets).unwrap_or_else(|rejected| panic!("{rejected}"));
    let study = Study::new(&scenario, None, Fidelity::Flow);
    let run = |trials: Range<u64>, threads: usize, earlier: Vec<Row>| {
        let until = Some("offered mean ±10%".parse().unwrap());
        let plan = Plan { trials, threads: NonZeroUsize::new(threads).unwrap(), until };
        let mut n_seen = earlier.len();
        let done = monte_carlo(&study, &plan, earlier, &|| false, |rows| {
            n_seen += 1;
            assert_eq!(rows.len(), n_seen);
        });
        (done.rows, done.ended)
    };
    let (rows, ended) = run(0..2_000, 2, Vec::new());
    assert_eq!((rows.len(), ended), (256, Ended::Precise));
    assert_eq!(run(0..2_000, 3, rows[..200].to_vec()), (rows.clone(), Ended::Precise));
    assert_eq!(run(0..200, 1, rows[..199].to_vec()), (rows[..200].to_vec(), Ended::Complete));
    let applies = |row: &Row| row.figure(Metric::RecoveryTime).value().is_some();
    assert!(rows.iter().all(applies));
}

/// What cannot be is refused with what is allowed.
#[test]
fn wrong_words_are_refused() {
    let root = tempfile::tempdir().unwrap();
    for (words, says) in [
        (vec!["--trials", "0"], "whole number from 1 to"),
        (
            vec!["--until", "rto p99 ±2%"],
            "there is no metric `rto` (did you mean `rto_s`?); allowed: rto_s",
        ),
        (vec!["--shard", "3..3", "--out", "x"], "e.g. 0..2500"),
        (vec!["--shard", "3..9"], "--out"),
        (vec!["--shard", "3..9", "--out", "x", "--trials", "5"], "allowed: up to 5"),
        (vec!["--keep", "best"], "worst, median or the number"),
        (vec!["--threads", "0"], "--threads"),
    ] {
        let done = said(&mut mc(root.path(), &words));
        assert_eq!(done.code, Some(2), "{words:?}");
        assert!(done.talk.contains(says), "{words:?}: {}", done.talk);
    }
}
