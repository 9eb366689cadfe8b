//! The capacity-planning report as its readers meet it: written beside the results, and made again
//! from them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use tideover::experiment::run::run_trial;
use tideover::metrics::capacity_plan::{ClusterPhase, Phase};
use tideover::scenario::load;
use tideover::simulation::{Fidelity, Options};

use crate::cli::{said, small, tideover};
use crate::source_tree::root;

/// What `report` prints about a folder.
fn report(folder: &Path) -> String {
    let done = said(tideover().arg("report").arg(folder));
    assert_eq!((done.code, done.talk.as_str()), (Some(0), ""));
    done.out
}

/// Types the command that a report gives for doing it again, in a folder that holds the scenario,
/// and expects the same report.
fn again(home: &Path, written: &str) {
    let section = written.split("## How to reproduce").nth(1).unwrap();
    let command = section.lines().find(|line| line.starts_with("tideover ")).unwrap();
    let command = command.replacen("tideover", env!("CARGO_BIN_EXE_tideover"), 1);
    fs::copy(small(), home.join("small.yaml")).unwrap();
    let done = said(
        Command::new("sh")
            .current_dir(home)
            .args(["-c", &format!("{command} --out again --quiet")]),
    );
    assert_eq!(done.code, Some(0), "{command}: {}", done.talk);
    assert_eq!(fs::read_to_string(home.join("again/report.md")).unwrap(), written, "{command}");
}

/// `run` writes the report that `report` makes from its folder, with plots and without; its
/// command writes it again.
#[test]
fn run_writes_what_report_prints() {
    let home = tempfile::tempdir().unwrap();
    for (name, more) in [("drawn", &[][..]), ("plain", &["--no-plots"])] {
        let folder = home.path().join(name);
        let mut run = tideover();
        run.arg("run").arg(small()).args(["--fidelity", "flow", "--set", "run.seed=5"]);
        let done = said(run.args(more).arg("--out").arg(&folder));
        assert_eq!(done.code, Some(0), "{}", done.talk);
        let written = fs::read_to_string(folder.join("report.md")).unwrap();
        assert_eq!(written, report(&folder));
        assert_eq!(written.contains("](requests.svg)"), name == "drawn");
        let command = "tideover run small.yaml --seed 5 --trial 0 --set run.seed=5";
        assert!(written.contains(command), "{written}");
        if more.is_empty() {
            again(home.path(), &written);
        }
    }
}

/// `mc` and `size` write what `report` makes from their folders: the verdict on each objective with
/// its confidence; the answer and the frontier. Its command does the same again.
#[test]
fn studies_and_sizings_write_what_report_prints() {
    let home = tempfile::tempdir().unwrap();
    let folder = |name: &str| home.path().join(name);
    let quick = ["run.horizon=5m", "run.warmUp=1m", "faults[0].at=1m", "faults[0].duration=2m"];
    let run = |words: &[&str]| {
        let mut command = tideover();
        command.arg(words[0]).arg(small()).args(&words[1..]).current_dir(home.path());
        command.args(["--set", "demands[0].arrivals={constant: 20/s}"]);
        quick.iter().for_each(|set| _ = command.args(["--set", set]));
        let done = said(&mut command);
        assert_eq!(done.code, Some(0), "{}", done.talk);
    };
    run(&["mc", "--trials", "80", "--out", "mc", "--set", "objectives={rto_s: [\"p(95)<170\"]}"]);
    let written = fs::read_to_string(folder("mc/report.md")).unwrap();
    assert_eq!(written, report(&folder("mc")));
    for words in [
        "**All objectives are met**, each by itself with confidence 95 %, over 80 trials.",
        "| `rto_s p(95)<170` | met |",
        "tideover mc small.yaml --trials 80 --seed 7 --fidelity flow --set ",
    ] {
        assert!(written.contains(words), "{words} is missing in {written}");
    }
    again(home.path(), &written);
    let knob = "clusters[secondary].pools[user].minCount=1..3";
    let wanted = "p(rto_s<=170) >= 0.5";
    run(&["size", "--vary", knob, "--objective", wanted, "--max-trials", "40", "--out", "size"]);
    let written = fs::read_to_string(folder("size/report.md")).unwrap();
    assert_eq!(written, report(&folder("size")));
    for words in [
        "**1 is enough**",
        "## Sizing frontier",
        "## Headroom by cluster with the answer",
        "## Capacity plan with the answer",
        "--vary 'clusters[secondary]",
    ] {
        assert!(written.contains(words), "{words} is missing in {written}");
    }
    again(home.path(), &written);
    let names = ["frontier.csv", "manifest.json", "premises.json", "report.md", "size.json"];
    for name in names {
        assert!(folder("size").join(name).exists(), "{name}");
    }
}

/// What a study says beyond its figures is what its trials say one by one: the mean of each reason
/// for which requests failed, the most pods and nodes of each cluster, also by phase, the least
/// headroom, and how often what binds next. The report has a section of each.
#[test]
fn a_study_tells_what_its_trials_tell() {
    let home = tempfile::tempdir().unwrap();
    let json = |words: &[&str]| -> Value {
        let mut command = tideover();
        command.arg(words[0]).arg(small()).args(&words[1..]).args(["--fidelity", "flow"]);
        let done = said(command.args(["--json", "--quiet"]).current_dir(home.path()));
        assert_eq!(done.code, Some(0), "{}", done.talk);
        serde_json::from_str(&done.out).unwrap()
    };
    let study = json(&["mc", "--trials", "3", "--out", "mc"]);
    let trials = ["0", "1", "2"].map(|trial| {
        json(&["run", "--trial", trial, "--no-plots", "--out", &format!("run{trial}")])
    });
    let plans = ["run0", "run1", "run2"].map(|name| {
        let file = home.path().join(name).join("capacity_plan.csv");
        let rows = csv::Reader::from_path(file).unwrap().into_deserialize();
        rows.collect::<Result<Vec<ClusterPhase>, _>>().unwrap()
    });
    let reasons = study["failed_by_reason"].as_array().unwrap();
    assert!(!reasons.is_empty());
    for reason in reasons {
        let name = reason["reason"].as_str().unwrap();
        let counts = trials.iter().map(|it| it["requests"]["failed_by_reason"][name].as_u64());
        let sum: u64 = counts.map(|count| count.unwrap_or(0)).sum();
        let mean = reason["mean"].as_f64().unwrap();
        assert!((3.0 * mean - sum as f64).abs() < 1e-6, "{reason}");
    }
    let most = |at: usize, figure: &str| {
        trials.iter().map(|it| it["clusters"][at][figure].as_u64().unwrap()).max().unwrap() as f64
    };
    let clusters = study["by_cluster"].as_array().unwrap();
    assert_eq!(clusters.len(), 2);
    for (at, cluster) in clusters.iter().enumerate() {
        for figure in ["peak_pods", "peak_nodes"] {
            assert_eq!(cluster[figure]["worst"].as_f64(), Some(most(at, figure)), "{cluster}");
        }
        let phases = cluster["phases"].as_array().unwrap();
        assert_eq!(phases.len(), 3, "{cluster}");
        for (phase, found) in Phase::ALL.iter().zip(phases) {
            let here = plans.iter().flatten().filter(|it| it.cluster == cluster["cluster"]);
            let here: Vec<_> = here.filter(|it| it.phase == *phase).collect();
            assert_eq!(found["n_trials"].as_u64(), Some(here.len() as u64), "{found}");
            let most = |of: fn(&ClusterPhase) -> u32| here.iter().map(|it| of(it)).max();
            for (figure, most) in [
                ("pods", most(|it| it.peak_pods)),
                ("nodes", most(|it| it.peak_nodes)),
                ("vcpus", most(|it| it.peak_vcpus)),
            ] {
                assert_eq!(found[figure]["worst"].as_f64(), most.map(f64::from), "{found}");
            }
        }
        let least = trials.iter().filter_map(|it| it["headroom"][at]["min_ratio"].as_f64());
        let least = least.min_by(f64::total_cmp).unwrap();
        assert!((cluster["headroom"]["worst"].as_f64().unwrap() - least).abs() < 1e-6);
        for counted in cluster["binding"].as_array().unwrap() {
            let binds = |it: &&Value| it["headroom"][at]["binding"] == counted["binding"];
            let n = trials.iter().filter(binds).count() as u64;
            assert_eq!(counted["n_trials"].as_u64(), Some(n), "{cluster}");
        }
    }
    let report = fs::read_to_string(home.path().join("mc/report.md")).unwrap();
    assert!(report.contains("| cluster | phase | in trials | pods | nodes | vCPUs | addresses |"));
    for title in ["Failed requests by reason", "Headroom by cluster", "Capacity plan"] {
        assert!(report.contains(&format!("## {title} over all trials")), "{report}");
    }
}

/// A folder that is none is a wrong input, and the error says what to type.
#[test]
fn report_refuses_what_is_no_result() {
    let home = tempfile::tempdir().unwrap();
    let done = said(tideover().arg("report").arg(home.path()));
    assert_eq!((done.code, done.out.as_str()), (Some(3), ""));
    assert!(done.talk.contains("has no manifest.json"), "{}", done.talk);
    assert!(done.talk.contains("\n  = help: `tideover run SCENARIO --out"), "{}", done.talk);
}

/// Nodes come and go as the plan says: it takes the nodes of each pool from facts, the observer
/// counts them each second, and over the first trial of shipped scenarios both reach the same
/// peaks: with one VM size in a cluster, vCPUs are the size's times the nodes.
#[test]
fn pools_add_up_to_the_nodes_that_were_seen() {
    let folder = root().join("scenarios");
    let mut n_grown = 0;
    for name in ["region-loss-warm", "region-loss-cold", "zone-loss"] {
        let scenario = load(&folder.join(format!("{name}.yaml")), &[]).unwrap();
        let options = Options { fidelity: Fidelity::Flow, ..Options::default() };
        let trial = run_trial(&scenario, options, |_| {});
        let sizes: BTreeMap<&str, Vec<u32>> = (scenario.world().clusters.iter())
            .map(|cluster| {
                let pools =
                    cluster.pools.iter().map(|&pool| scenario.world()[pool].machine.n_vcpus);
                (cluster.name.as_str(), pools.collect())
            })
            .collect();
        let plan: Vec<ClusterPhase> = trial.capacity_plan(None);
        for row in &plan {
            let vcpus = &sizes[row.cluster.as_str()];
            let (least, most) = (vcpus.iter().min().unwrap(), vcpus.iter().max().unwrap());
            let range = row.peak_nodes * least..=row.peak_nodes * most;
            assert!(range.contains(&row.peak_vcpus), "{name}: {row:?}, {range:?}");
        }
        let peaks = |cluster: &str| {
            let rows = plan.iter().filter(|row| row.cluster == cluster);
            rows.map(|row| row.peak_nodes).collect::<Vec<_>>()
        };
        n_grown += sizes.keys().filter(|name| 1 < distinct(&peaks(name))).count();
    }
    assert!(0 < n_grown, "no cluster grew: the test shows nothing");
}

fn distinct(values: &[u32]) -> usize {
    values.iter().collect::<std::collections::BTreeSet<_>>().len()
}
