//! `mc` of a scenario that says how often what fails: a year of failures, the same bytes however
//! it is run, and by whichever sampler.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::cli::{Said, said, small, tideover};

/// The small scenario, quick, with two kinds of failure.
const SETS: [&str; 6] = [
    "demands[0].arrivals={constant: 20/s}",
    "run.horizon=6m",
    "run.warmUp=1m",
    "frontDoor.probe.interval=10s",
    "faults=[{name: f, at: 1m, duration: 1m, regionLoss: {region: east}}, {name: z, at: 1m, \
     delay: {uniform: {min: 0s, max: 1m}}, duration: 1m, zoneLoss: {region: any, zone: any}}]",
    "failureModel=[{fault: f, ratePerYear: 0.5, with: [{fault: z, probability: 50%}]}, \
     {fault: z, ratePerYear: 4}]",
];

fn quick(verb: &str, folder: &Path, words: &[&str]) -> Command {
    let mut command = tideover();
    command.arg(verb).arg(small()).current_dir(folder);
    SETS.iter().for_each(|set| _ = command.args(["--set", set]));
    command.args(words);
    command
}

fn ran(command: &mut Command) -> Said {
    let done = said(command);
    assert_eq!(done.code, Some(0), "{}", done.talk);
    done
}

fn summary(folder: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(folder.join("summary.json")).unwrap()).unwrap()
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let mut files: Vec<_> = entries.map(|path| (name(&path), fs::read(&path).unwrap())).collect();
    files.sort();
    files
}

/// One to sixteen threads and three shards, merged in another order, write the same bytes; the
/// kinds take turns in trials.csv; a trial replays alone, and says which failure it has.
#[test]
fn stratified_studies_are_the_same_however_they_are_run() {
    let root = tempfile::tempdir().unwrap();
    let of = |words: &[&str]| {
        let same = ["--sampler", "stratified", "--trials", "21"];
        ran(&mut quick("mc", root.path(), &[&same[..], words].concat()));
    };
    for threads in ["1", "2", "3", "16"] {
        of(&["--threads", threads, "--out", threads]);
        assert!(files(&root.path().join(threads)) == files(&root.path().join("1")), "{threads}");
    }
    for shard in ["0..5", "5..6", "6..21"] {
        of(&["--shard", shard, "--out", &format!("part-{shard}")]);
    }
    let mut merge = tideover();
    merge.args(["merge", "part-6..21", "part-0..5", "part-5..6", "--out", "merged"]);
    ran(merge.current_dir(root.path()));
    assert!(files(&root.path().join("merged")) == files(&root.path().join("1")));
    let mut reader = csv::Reader::from_path(root.path().join("1/trials.csv")).unwrap();
    assert_eq!(&reader.headers().unwrap()[1], "failure_kind");
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert!(rows.iter().enumerate().all(|(trial, row)| row[1] == *["f", "z"][trial % 2]));
    let run = ["--sampler", "stratified", "--trial", "7", "--fidelity", "flow", "--no-plots"];
    let replayed = ran(&mut quick("run", root.path(), &[&run[..], &["--out", "run"]].concat()));
    assert!(replayed.out.contains("drawn from the failure model: z\n"), "{}", replayed.out);
    let replayed = summary(&root.path().join("run"));
    assert_eq!(replayed["fingerprint"], rows[7][rows[7].len() - 1]);
    assert_eq!(replayed["failure_kind"], "z");
}

/// The year of stratified and of independent trials: each is the sum of rate times mean of its own
/// rows, both agree within four standard errors (twice the half-widths of both intervals), and so
/// do the mean recovery times of a failure drawn by the rates. The report tells the year.
#[test]
fn samplers_agree_on_the_year() {
    let root = tempfile::tempdir().unwrap();
    let mut found = Vec::new();
    for sampler in ["independent", "stratified"] {
        let words = ["--sampler", sampler, "--trials", "120", "--out", sampler];
        let table = ran(&mut quick("mc", root.path(), &words)).out;
        assert!(table.contains("A year, by the stated rates: 4.500 failures"), "{table}");
        assert!(table.contains("Conditional on one failure, drawn by the rates"), "{table}");
        let folder = root.path().join(sampler);
        let study = summary(&folder);
        let mut reader = csv::Reader::from_path(folder.join("trials.csv")).unwrap();
        let head = reader.headers().unwrap().clone();
        let at = head.iter().position(|name| name == "failed_requests").unwrap();
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let mean = |kind: &str| {
            let here = rows.iter().filter(|row| row[1] == *kind);
            let values: Vec<f64> = here.map(|row| row[at].parse().unwrap()).collect();
            values.iter().sum::<f64>() / values.len() as f64
        };
        let year = &study["yearly"]["failed_requests_per_year"];
        let by_hand = 0.5 * mean("f") + 4.0 * mean("z");
        assert!((year["value"].as_f64().unwrap() - by_hand).abs() < 1e-6, "{year}");
        let report = fs::read_to_string(folder.join("report.md")).unwrap();
        assert!(report.contains("## A year of failures"), "{report}");
        let listed = study["distributions"].as_array().unwrap();
        let failed = listed.iter().find(|it| it["metric"] == "failed_requests").unwrap();
        found.push([year.clone(), failed["mean"].clone()]);
    }
    let end = |figure: &Value, end: &str| figure[end].as_f64().unwrap();
    let [independent, stratified] = &found[..] else { panic!("two samplers") };
    for (a, b) in independent.iter().zip(stratified) {
        let width = |it| end(it, "high") - end(it, "low");
        let apart = (end(a, "value") - end(b, "value")).abs();
        assert!(apart < width(a) + width(b), "{a} against {b}");
    }
}

/// What does not go together is refused by name.
#[test]
fn samplers_that_do_not_fit_are_refused() {
    let root = tempfile::tempdir().unwrap();
    for (words, says) in [
        (&["--sampler", "sobol"][..], "does not spread kinds of failure"),
        (&["--sampler", "stratified", "--until", "rto_s mean ±1"], "needs independent trials"),
    ] {
        let done = said(&mut quick("mc", root.path(), words));
        assert_eq!(done.code, Some(2), "{}", done.talk);
        assert!(done.talk.contains(says), "{}", done.talk);
    }
    for verb in ["mc", "run"] {
        let mut plain = tideover();
        plain.arg(verb).arg(small()).args(["--sampler", "stratified"]).current_dir(root.path());
        let done = said(&mut plain);
        assert_eq!(done.code, Some(2), "{}", done.talk);
        assert!(done.talk.contains("the scenario has no `failureModel`"), "{}", done.talk);
    }
}
