//! `tideover size` asks for a size at the worst moment, and says what a random one would need.

use std::fs;

use serde_json::{Value, json};
use tideover::scenario::fault_time::fault_times;
use tideover::scenario::load;

use crate::cli::{said, tideover};
use crate::sizes::{PASSIVE, scenario, size};

/// Few trials decide, for each is like the other; a region is back after 90 s, so a minute tells
/// whether the secondary carried the users meanwhile.
const QUICK: [&str; 5] = ["--objective", "p(rto_s<=60) >= 0.5", "--confidence", "0.8", "--no-ends"];

/// 850 requests/s, and 1,050 from 4 min to 6 min; the region is lost for 90 s.
fn peaked(folder: &std::path::Path) -> std::path::PathBuf {
    let path = scenario(folder, PASSIVE);
    let text = fs::read_to_string(&path).unwrap();
    let steps = "{steps: [{at: 0s, rate: 850/s}, {at: 4m, rate: 1050/s}, {at: 6m, rate: 850/s}]}";
    let text = text.replace("{constant: 1050/s}", steps);
    fs::write(&path, text.replace("at: 1m,", "at: 1m, duration: 90s,")).unwrap();
    path
}

/// A pod serves 100 requests/s. As written the region is lost at 1 min: 850 / 100, so 9 are
/// enough. In the busiest 90 s, from 4 min on, it is 1,050 / 100: 11. A random time hits the peak
/// in less than half of the trials, so 9 would do. The trial that shows why 10 fails is one with
/// the fault at the peak, and replays as such.
#[test]
fn faults_strike_when_demand_is_highest() {
    let root = tempfile::tempdir().unwrap();
    let path = peaked(root.path());
    let (code, found) = size(&path, &QUICK);
    assert_eq!((code, &found["answer"]), (Some(0), &json!([11])), "{found:#}");
    let time = &found["fault_time"];
    let stretch = |at_s: f64, rate: f64| json!([at_s, 90.0, rate]);
    let seen = |it: &Value| json!([it["at_s"], it["length_s"], it["demand_per_s"]]);
    assert_eq!(seen(&time["busiest"]), stretch(240.0, 1_050.0));
    assert_eq!(seen(&time["written"]), stretch(60.0, 850.0));
    assert_eq!((&time["random"]["answer"], &time["random"]["kept"]), (&json!([9]), &json!([1.0])));
    let sets =
        found["one_less"]["sets"].as_array().unwrap().iter().map(|set| set.as_str().unwrap());
    let mut replay = tideover();
    replay.arg("run").arg(&path).args(["--fidelity", "flow", "--no-plots", "--json", "--quiet"]);
    replay.args(["--trial", &found["one_less"]["trial"].to_string(), "--out"]);
    replay.arg(root.path().join("out"));
    sets.for_each(|set| {
        replay.args(["--set", set]);
    });
    let summary: Value = serde_json::from_str(&said(&mut replay).out).unwrap();
    assert_eq!(summary["faults"][0]["at_s"], 240.0);
    assert!(60.0 < summary["faults"][0]["rto_s"].as_f64().unwrap(), "{summary:#}");
    let written = [&QUICK[..], &["--set", "sizing.faultTime=asWritten"]].concat();
    let (_, found) = size(&path, &written);
    assert_eq!((&found["answer"], &found["fault_time"]), (&json!([9]), &Value::Null));
}

/// People read when the fault strikes and what a random time needs, on the terminal and in the
/// report; where demand is even no other time is tried.
#[test]
fn people_read_when_faults_strike() {
    let root = tempfile::tempdir().unwrap();
    let shown = |path: &std::path::Path| {
        let done = said(tideover().arg("size").arg(path).args(QUICK).current_dir(root.path()));
        assert_eq!(done.code, Some(0), "{}", done.talk);
        let report = root.path().join("results/division-size/report.md");
        (done.out, fs::read_to_string(report).unwrap())
    };
    let (text, report) = shown(&peaked(root.path()));
    let words = "Faults strike when demand is highest, 4 min into the run (1,050/s); as written \
                 1 min into the run (850/s); at a random time 9 would do, and the answer keeps \
                 the limits in 100 % of 8 trials";
    assert!(text.contains(&format!("\n{words}\n")), "{text}");
    assert!(report.contains(&format!("\n{words}.\n")), "{report}");
    let even = scenario(root.path(), PASSIVE);
    let (text, _) = shown(&even);
    assert!(text.contains("\nFaults strike as written, 1 min into the run (1,050/s)\n"), "{text}");
}

/// What is stated, what puts faults into the busiest stretch, and what at a random time.
type Moves<'m> = (&'m [&'m str], &'m [&'m str], Option<&'m [&'m str]>);

/// What moves faults, by what the scenario says of their times: even demand moves none, drawn ones
/// included; a drawn time is its own random time; several faults move together, and have none.
#[test]
fn faults_move_by_assignments() {
    let root = tempfile::tempdir().unwrap();
    let path = peaked(root.path());
    let delay = "faults[0].delay={uniform: {min: 0s, max: 1m}}";
    let even = "demands[0].arrivals={constant: 1050/s}";
    let two = "faults=[{name: one, at: 1m, duration: 90s, regionLoss: {region: a, mode: refused}}, \
               {name: two, at: 70s, duration: 10s, regionLoss: {region: c, mode: refused}}]";
    let moved = ["run.horizon=600s", "faults[0].at=240s"];
    let drawn = ["run.horizon=600s", "faults[0].at=240s", "faults[0].delay={constant: 0s}"];
    let both = ["run.horizon=600s", "faults[0].at=240s", "faults[1].at=250s"];
    let evenly =
        ["run.horizon=780s", "faults[0].at=0s", "faults[0].delay={uniform: {min: 0s, max: 420s}}"];
    let rows: [Moves<'_>; 5] = [
        (&[], &moved, Some(&evenly)),
        (&[delay], &drawn, Some(&[])),
        (&[two], &both, None),
        (&[even], &[], None),
        (&[even, delay], &[], None),
    ];
    for (stated, busiest, random) in rows {
        let with = |more: &[String]| {
            let sets: Vec<String> = stated.iter().map(|it| (*it).to_owned()).collect();
            load(&path, &[&sets[..], more].concat()).map_err(|rejected| rejected.to_string())
        };
        let found = fault_times(&with(&[]).unwrap(), with).unwrap().unwrap();
        assert_eq!(found.busiest_sets, busiest, "{stated:?}");
        let owned = |sets: &[&str]| sets.iter().map(|set| (*set).to_owned()).collect::<Vec<_>>();
        assert_eq!(found.random_sets, random.map(owned), "{stated:?}");
    }
}
