//! Whole runs: what a scenario text leads to, through the same code as the command.

mod autoscaler;
mod backends;
mod capacity;
mod cloud;
mod cold_start;
mod cpu_loads;
mod dependencies;
mod determinism;
mod drain;
mod drill;
mod failure_model;
mod hpa;
mod kubelet;
mod kubelets;
mod laws;
mod load_doubling;
mod network;
mod node_repair;
mod nodes;
mod overload;
mod placement;
mod random_inputs;
mod regions;
mod repairs;
mod rollout;
mod routing;

use std::path::Path;

use tideover::experiment::run::{Trial, run_once};
use tideover::scenario::{Scenario, from_text};
use tideover::simulation::{self, Finished, Options};

/// Two clusters, active-passive, 300 requests/s of which one pod serves 120/s: quick to run.
pub(crate) const SMALL: &str = r#"schema: tideover/v1
name: small
profile: k8s-1.31
run: {horizon: 15m, warmUp: 10m, seed: 7}
regions:
  - {name: east, zones: 3}
  - {name: west, zones: 3}
clusters:
  - name: primary
    region: east
    pools: [{name: user, vmSize: D4s_v5, minCount: 3, maxCount: 9}]
  - name: secondary
    region: west
    pools: [{name: user, vmSize: D4s_v5, minCount: 3, maxCount: 9}]
workloads:
  - name: web
    requests: {cpu: 500m, memory: 512Mi}
    service: {workers: 8, time: {exponential: {mean: 50ms}}, cpuPerWorker: 60m}
    readinessProbe: {periodSeconds: 5}
    preStopSleep: 5s
    hpa: {minReplicas: 4, maxReplicas: 20, targetCPUUtilization: 60%}
frontDoor:
  origins:
    - {cluster: primary, priority: 1}
    - {cluster: secondary, priority: 2}
geographies:
  - {name: users, pops: 20, regionRtt: {east: 20ms, west: 60ms}}
demands:
  - workload: web
    geographies: {users: 100%}
    arrivals: {constant: 300/s}
    attemptTimeout: 2s
    retries: {attempts: 3}
"#;

/// The small scenario with further lines, and edits as in `--set`.
fn small(faults: &str, sets: &[&str]) -> Scenario {
    load(&format!("{SMALL}{faults}"), sets)
}

fn load(text: &str, sets: &[&str]) -> Scenario {
    let sets: Vec<String> = sets.iter().map(|&set| set.to_owned()).collect();
    match from_text("test.yaml", text, Path::new("scenarios"), &sets) {
        Ok(scenario) => scenario,
        Err(rejected) => panic!("{rejected}"),
    }
}

/// One trial with all its figures.
fn trial(scenario: &Scenario) -> Trial {
    run_once(scenario, None, 0, |_| {})
}

/// One trial, facts only.
fn run(scenario: &Scenario, options: Options) -> Finished {
    simulation::run(scenario, options, |_| {})
}

/// Whether two instants in seconds are the same nanosecond, give or take the sum that made them.
fn is_at(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-6
}

/// The facts of one kind, as (seconds, sentence).
fn facts_named(finished: &Finished, name: &str) -> Vec<(f64, String)> {
    let facts = finished.facts.facts().iter().filter(|fact| fact.what.name() == name);
    facts.map(|fact| (fact.at.as_secs_f64(), fact.words(&finished.world))).collect()
}
