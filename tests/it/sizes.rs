//! `tideover size` on whole simulations whose answer is a division, and as its users meet it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cli::{said, tideover};

/// One pod a node serves 100 requests/s (10 workers, 100 ms each); nothing scales by itself, for
/// pools are fixed. Users ask for 1,050 requests/s, so 11 pods carry them (10 serve 95 %, below
/// the objective of 99 %).
const WORKLOAD: &str = "
schema: tideover/v1
name: division
run: {horizon: 7m, warmUp: 3m, objective: 99%, seed: 3}
workloads:
  - name: web
    requests: {cpu: 3, memory: 1Gi}
    service: {workers: 10, time: {constant: 100ms}, cpuPerWorker: 300m}
    queue: 100
    onTimeout: drop_queued
    latencyObjective: 2s
    readinessProbe: {periodSeconds: 5, timeoutSeconds: 5, failureThreshold: 20}
    hpa: {minReplicas: 1, maxReplicas: 30, targetCPUUtilization: 60%}
geographies:
  - {name: users, pops: 5, regionRtt: {a: 10ms, b: 10ms, c: 10ms}}
demands:
  - {workload: web, geographies: {users: 100%}, arrivals: {constant: 1050/s}, attemptTimeout: 2s}
faults:
  - {name: lose-a, at: 1m, regionLoss: {region: a, mode: refused}}
objectives: {rto_s: [\"p(80)<=180\"]}
";

/// Active and passive: after the loss of region a, region b carries all.
pub(crate) const PASSIVE: &str = "
regions: [{name: a}, {name: b}, {name: c}]
clusters:
  - {name: primary, region: a, pools: [{name: user, vmSize: D4s_v5, count: 20}]}
  - {name: secondary, region: b, pools: [{name: user, vmSize: D4s_v5, count: 20}]}
frontDoor:
  probe: {interval: 5s}
  origins: [{cluster: primary, priority: 1}, {cluster: secondary, priority: 2}]
sizing: {knobs: [{path: \"clusters[secondary].pools[user].count\", min: 0, max: 40}]}
";

/// Three active regions, of which two remain.
const ACTIVE: &str = "
regions: [{name: a}, {name: b}, {name: c}]
clusters:
  - {name: first, region: a, pools: [{name: user, vmSize: D4s_v5, count: 30}]}
  - {name: second, region: b, pools: [{name: user, vmSize: D4s_v5, count: 30}]}
  - {name: third, region: c, pools: [{name: user, vmSize: D4s_v5, count: 30}]}
frontDoor:
  probe: {interval: 5s}
  origins: [{cluster: first, weight: 1}, {cluster: second, weight: 1}, {cluster: third, weight: 1}]
sizing: {knobs: [{path: \"workloads[web].replicas\", min: 1, max: 30}]}
";

pub(crate) fn scenario(folder: &Path, rest: &str) -> PathBuf {
    let path = folder.join("division.yaml");
    fs::write(&path, format!("{WORKLOAD}{rest}")).unwrap();
    path
}

pub(crate) fn size(path: &Path, more: &[&str]) -> (Option<i32>, Value) {
    let mut command = tideover();
    command.arg("size").arg(path).arg("--json").args(more);
    let done = said(command.current_dir(path.parent().unwrap()));
    let json = serde_json::from_str(&done.out);
    (done.code, json.unwrap_or_else(|_| panic!("{}", done.talk)))
}

/// Warm nodes against a step of load without scaling: ceil(1050 / 100) = 11. One less fails in a
/// trial that can be replayed, and does fail there.
#[test]
fn a_step_of_load_needs_its_share_of_warm_nodes() {
    let root = tempfile::tempdir().unwrap();
    let path = scenario(root.path(), PASSIVE);
    let (code, found) = size(&path, &[]);
    assert_eq!((code, &found["answer"]), (Some(0), &Value::from(vec![11])), "{found:#}");
    assert_eq!(found["violations"], Value::from(Vec::<Value>::new()));
    let less = &found["one_less"];
    assert_eq!((&less["values"], &less["verdict"]), (&Value::from(vec![10]), &"missed".into()));
    let words = less["words"].as_str().unwrap();
    assert!(words.contains("not served again by the end of the run"), "{words}");
    let sets = less["sets"].as_array().unwrap().iter().map(|set| set.as_str().unwrap());
    let mut replay = tideover();
    replay.arg("run").arg(&path).args(["--fidelity", "flow", "--no-plots", "--json", "--quiet"]);
    replay.args(["--trial", &less["trial"].to_string(), "--out"]).arg(root.path().join("out"));
    sets.for_each(|set| {
        replay.args(["--set", set]);
    });
    let replayed = said(&mut replay);
    let summary: Value = serde_json::from_str(&replayed.out).unwrap();
    assert_eq!(summary["faults"][0]["recovered"], Value::from(false), "{}", replayed.talk);
}

/// Static stability: the two of three regions that remain carry all if each was sized for a half
/// of it, so 1050 / 2 / 100 = 5.25, six pods each.
#[test]
fn static_stability_needs_room_for_the_lost_share() {
    let root = tempfile::tempdir().unwrap();
    let path = scenario(root.path(), ACTIVE);
    let text = fs::read_to_string(&path).unwrap();
    let hpa = text.lines().find(|line| line.contains("hpa:")).unwrap();
    fs::write(&path, text.replace(hpa, "    replicas: 1")).unwrap();
    let (code, found) = size(&path, &[]);
    assert_eq!((code, &found["answer"]), (Some(0), &Value::from(vec![6])), "{found:#}");
}

/// Nothing in range suffices: 99, and what the largest design fails by; a range without a valid
/// scenario, nothing to vary and nothing to meet are wrong scenarios; prices must be there.
#[test]
fn no_answer_has_a_reason() {
    let root = tempfile::tempdir().unwrap();
    let path = scenario(root.path(), PASSIVE);
    let vary = "clusters[secondary].pools[user].count=";
    let (code, none) = size(&path, &["--vary", &format!("{vary}0..9")]);
    assert_eq!((code, &none["answer"]), (Some(99), &Value::Null));
    let binds = none["binds"][0].as_str().unwrap();
    assert!(binds.starts_with("largest: in trial 0 not rto_s<=180:"), "{binds}");
    let prices = root.path().join("prices.csv");
    let head = "item,region,unit,price,currency,term,source,date\n";
    fs::write(&prices, format!("{head}D4s_v5,a,hour,1,USD,,,\n")).unwrap();
    let prices = prices.to_str().unwrap();
    for (more, says) in [
        (["--vary", "clusters[third].pools[user].count=0..9"], "clusters[third]"),
        (["--vary", "clusters[secondary].pools[user].count=2000..3000"], "2000"),
        (["--cost", prices], "there is no price of"),
    ] {
        let refused = said(tideover().arg("size").arg(&path).args(more).current_dir(root.path()));
        assert_eq!(refused.code, Some(3), "{more:?}: {}", refused.talk);
        assert!(refused.talk.contains(says), "{says} is missing in\n{}", refused.talk);
    }
    fs::write(&path, format!("{WORKLOAD}{}", PASSIVE.split("sizing").next().unwrap())).unwrap();
    let refused = said(tideover().arg("size").arg(&path).current_dir(root.path()));
    assert!(refused.code == Some(3) && refused.talk.contains("--vary"), "{}", refused.talk);
}

/// The same answer, to the byte, for any number of threads, and the cost of the warm nodes:
/// 20 in region a at 1 USD and 11 in region b at 2 USD an hour.
#[test]
fn the_answer_has_a_price() {
    let root = tempfile::tempdir().unwrap();
    let path = scenario(root.path(), PASSIVE);
    let prices = root.path().join("prices.csv");
    let head = "item,region,unit,price,currency,term,source,date\n";
    fs::write(&prices, format!("{head}D4s_v5,a,hour,1,USD,,,\nD4s_v5,b,hour,2,USD,,,\n")).unwrap();
    let run = |threads: &str| {
        let cost = ["--cost", prices.to_str().unwrap(), "--threads", threads];
        said(tideover().arg("size").arg(&path).args(cost).current_dir(root.path())).out
    };
    let one = run("1");
    assert_eq!(one, run("3"));
    let size = fs::read_to_string(root.path().join("results/division-size/size.json")).unwrap();
    let size: Value = serde_json::from_str(&size).unwrap();
    let clusters = size["answer_trials"]["by_cluster"].as_array().unwrap();
    let costs = clusters.iter().map(|it| &it["phases"][1]["monthly_cost"]["median"]);
    assert_eq!(costs.collect::<Vec<_>>(), [&(20.0 * 730.0), &(11.0 * 2.0 * 730.0)]);
    let report = fs::read_to_string(root.path().join("results/division-size/report.md")).unwrap();
    let planned = " | 11 | 11 | 44 | - | 16,060 USD |";
    assert!(report.contains(planned), "{report}");
    let (answer, cost) =
        ("division: 11 (11-11) of clusters[", "0..40, 30,660 USD a month for its nodes");
    assert!(one.starts_with(answer) && one.contains(cost), "{one}");
}
