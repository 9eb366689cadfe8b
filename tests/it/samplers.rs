//! `mc --sampler sobol`: trials that spread evenly, replay alone, and agree with independent ones.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::cli::{said, small, tideover};

/// The small scenario, quick, with a fault that is drawn up to two minutes later, and a level of
/// demand.
const SETS: [&str; 6] = [
    "demands[0].arrivals={constant: 20/s}",
    "run.horizon=6m",
    "run.warmUp=1m",
    "faults=[{name: f, at: 1m, delay: {uniform: {min: 0s, max: 2m}}, duration: 1m, \
     regionLoss: {region: east}}]",
    "demands[0].level={uniform: {min: 0.8, max: 1.2}}",
    "frontDoor.probe.interval=10s",
];

fn quick(verb: &str, folder: &Path, words: &[&str]) -> Command {
    let mut command = tideover();
    command.arg(verb).arg(small()).current_dir(folder);
    SETS.iter().for_each(|set| _ = command.args(["--set", set]));
    command.args(words);
    command
}

fn json(command: &mut Command) -> Value {
    let done = said(command);
    assert_eq!(done.code, Some(0), "{}", done.talk);
    serde_json::from_str(&done.out).unwrap()
}

fn mean(study: &Value, metric: &str) -> [f64; 3] {
    let mut found = study["distributions"].as_array().unwrap().iter();
    let mean = &found.find(|it| it["metric"] == metric).unwrap()["mean"];
    ["low", "value", "high"].map(|end| mean[end].as_f64().unwrap())
}

/// Of 128 trials each scramble has a fault in each eighth of its two minutes. The interval of its
/// mean holds the truth of 120 s and is below a third of that of 128 independent trials; those of
/// offered and failed requests meet the ones of independent trials. Shards are the whole, and a
/// trial replays alone with its sampler, which its manifest names.
#[test]
fn sobol_trials_spread_and_replay() {
    let root = tempfile::tempdir().unwrap();
    let sobol = ["--sampler", "sobol", "--trials", "128", "--json"];
    let study = json(&mut quick("mc", root.path(), &[&sobol[..], &["--out", "sobol"]].concat()));
    assert_eq!(study["sampler"], "sobol");
    let mut reader = csv::Reader::from_path(root.path().join("sobol/trials.csv")).unwrap();
    let at = reader.headers().unwrap().iter().position(|name| name == "fault_at_s").unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    for scramble in 0..16 {
        let eighth =
            |row: &csv::StringRecord| ((row[at].parse::<f64>().unwrap() - 60.0) / 15.0) as u32;
        let mut eighths: Vec<u32> = rows.iter().skip(scramble).step_by(16).map(eighth).collect();
        eighths.sort_unstable();
        assert!(eighths.iter().copied().eq(0..8), "{scramble}: {eighths:?}");
    }
    let plain = ["--trials", "128", "--json", "--out", "plain"];
    let plain = json(&mut quick("mc", root.path(), &plain));
    let [low, _, high] = mean(&study, "fault_at_s");
    let [least, _, most] = mean(&plain, "fault_at_s");
    assert!(low <= 120.0 && 120.0 <= high && high - low < (most - least) / 3.0, "{low} {high}");
    for metric in ["offered", "failed_requests"] {
        let ([low, _, high], [least, _, most]) = (mean(&study, metric), mean(&plain, metric));
        assert!(low <= most && least <= high, "{metric}: {low} to {high}, {least} to {most}");
    }
    let shard = ["--shard", "16..32", "--out", "part"];
    json_or_nothing(&mut quick("mc", root.path(), &[&sobol[..], &shard].concat()));
    let run = ["--sampler", "sobol", "--trial", "17", "--fidelity", "flow", "--json", "--no-plots"];
    let replayed = json(&mut quick("run", root.path(), &[&run[..], &["--out", "run"]].concat()));
    assert_eq!(replayed["fingerprint"], rows[17][rows[17].len() - 1]);
    let manifest = fs::read_to_string(root.path().join("run/manifest.json")).unwrap();
    assert!(manifest.contains("--sampler sobol"), "{manifest}");
    let part = fs::read_to_string(root.path().join("part")).unwrap();
    let fingerprint = u64::from_str_radix(&rows[17][rows[17].len() - 1], 16).unwrap();
    assert!(part.contains(&format!("\n17 {fingerprint} ")), "{part}");
}

fn json_or_nothing(command: &mut Command) {
    let done = said(command);
    assert_eq!((done.code, done.out.as_str()), (Some(0), ""), "{}", done.talk);
}

/// Exact intervals need independent trials: `--until`, `gate` and `size` refuse Sobol points; an
/// uneven number of trials is said.
#[test]
fn exact_intervals_refuse_sobol_points() {
    let root = tempfile::tempdir().unwrap();
    for (verb, words) in [
        ("mc", &["--sampler", "sobol", "--until", "rto_s mean ±1"][..]),
        ("gate", &["--sampler", "sobol"]),
        ("size", &["--sampler", "sobol"]),
    ] {
        let refused = said(&mut quick(verb, root.path(), words));
        assert_eq!(refused.code, Some(2), "{verb}: {}", refused.talk);
        assert!(refused.talk.contains("--sampler"), "{verb}: {}", refused.talk);
    }
    let uneven = ["--sampler", "sobol", "--trials", "3", "--json", "--out", "uneven"];
    let uneven = said(&mut quick("mc", root.path(), &uneven));
    assert_eq!(uneven.code, Some(0));
    assert!(uneven.talk.contains("16 times a power of two, such as 1024"), "{}", uneven.talk);
}
