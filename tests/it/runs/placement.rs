//! Where pods go: priorities, taints and affinity of a whole run.

use super::{facts_named, load, run};
use tideover::model::fact::What;
use tideover::simulation::{Finished, Options};

/// One zone, two nodes of 4 CPU; four pods of 1 CPU that matter and two balloons of 2 CPU fill
/// them. Half of them is lost at 2 min; pods leave silent nodes at once.
const BALLOONS: &str = r#"schema: tideover/v1
name: balloons
profile: k8s-1.31
run: {horizon: 10m, warmUp: 5m, seed: 3}
regions: [{name: east, zones: 1}]
clusters:
  - name: primary
    region: east
    pools: [{name: user, allocatable: {cpu: "4", memory: 16Gi}, count: 2}]
workloads:
  - name: web
    requests: {cpu: "1", memory: 512Mi}
    service: {workers: 8, time: {constant: 10ms}, cpuPerWorker: 60m}
    tolerationSeconds: 0
    replicas: 4
    priority: 100
  - name: balloon
    requests: {cpu: "2", memory: 512Mi}
    service: {workers: 1, time: {constant: 10ms}, cpuPerWorker: 0m}
    tolerationSeconds: 0
    preStopSleep: 10s
    replicas: 2
    priority: -10
frontDoor:
  probe: {target: gateway}
  origins: [{cluster: primary, priority: 1}]
geographies: [{name: users, pops: 2, regionRtt: {east: 20ms}}]
demands:
  - workload: web
    geographies: {users: 100%}
    arrivals: {constant: 10/s}
faults: [{name: one, at: 2m, nodeLoss: {cluster: primary, count: 1}}]
"#;

/// When pods of a workload were bound after the fault [s].
fn bound(finished: &Finished, workload: &str) -> Vec<f64> {
    let facts = facts_named(finished, "pod-scheduled");
    let named = |(_, words): &&(f64, String)| words.contains(&format!("pod {workload}-"));
    facts.iter().filter(named).map(|fact| fact.0).filter(|&at| 120.0 < at).collect()
}

/// The lost pods of high priority push out the balloon on the node that is left: it goes after
/// its 10 s of preStop, both take its room at once, and the balloons find none.
#[test]
fn balloon_pods_give_way() {
    let finished = run(&load(BALLOONS, &[]), Options::default());
    let deleted = facts_named(&finished, "pod-deleted");
    let preempted: Vec<&(f64, String)> =
        deleted.iter().filter(|fact| fact.1.contains("preempted")).collect();
    assert_eq!(preempted.len(), 1, "one balloon of 2 CPU is enough for both: {preempted:?}");
    let at = preempted[0].0;
    let web = bound(&finished, "web");
    assert_eq!(web.len(), 2, "both lost pods are back");
    for bound in web {
        assert!((at + 10.0..at + 10.1).contains(&bound), "{bound} is 10 s after {at}");
    }
    assert!(bound(&finished, "balloon").is_empty(), "there is no room for balloons any more");
}

/// With `preemptionPolicy: Never` the lost pods wait, and the balloon stays.
#[test]
fn pods_that_never_preempt_wait() {
    let scenario = load(BALLOONS, &["workloads[0].preemptionPolicy=Never"]);
    let finished = run(&scenario, Options::default());
    let deleted = facts_named(&finished, "pod-deleted");
    assert!(deleted.iter().all(|fact| !fact.1.contains("preempted")));
    assert!(bound(&finished, "web").is_empty());
}

/// The nodes of pods of a workload, by pool.
fn pools_of(finished: &Finished, workload: &str) -> Vec<String> {
    let world = &finished.world;
    let mut pools = Vec::new();
    for fact in finished.facts.facts() {
        if let What::PodScheduled { pod, node } = fact.what
            && world.pod_name(pod).starts_with(workload)
        {
            pools.push(world[world[node].pool].name.clone());
        }
    }
    pools.sort();
    pools.dedup();
    pools
}

/// Taints, tolerations, node selectors and pod affinity of the scenario reach the scheduler: web
/// must not use the tainted pool, the cache must, and the sidekick goes where the cache is.
#[test]
fn placement_rules_reach_the_scheduler() {
    let pools = r#"pools:
      - {name: user, allocatable: {cpu: "4", memory: 16Gi}, count: 1}
      - name: spot
        allocatable: {cpu: "8", memory: 16Gi}
        count: 1
        labels: {disk: fast}
        taints: [{key: spot, effect: NoSchedule}]"#;
    let text = BALLOONS
        .replace(r#"pools: [{name: user, allocatable: {cpu: "4", memory: 16Gi}, count: 2}]"#, pools)
        .replace(
            "    priority: -10\n",
            "    priority: -10
    tolerations: [{key: spot, operator: Exists, effect: NoSchedule}]
    nodeSelector: {disk: fast}
  - name: sidekick
    requests: {cpu: \"1\", memory: 512Mi}
    service: {workers: 1, time: {constant: 10ms}, cpuPerWorker: 0m}
    replicas: 1
    tolerations: [{operator: Exists}]
    affinity:
      podAffinity:
        requiredDuringSchedulingIgnoredDuringExecution:
          - {topologyKey: kubernetes.io/hostname, workloads: [balloon]}
",
        );
    let finished = run(&load(&text, &[]), Options::default());
    assert_eq!(pools_of(&finished, "web"), ["user"]);
    assert_eq!(pools_of(&finished, "balloon"), ["spot"]);
    assert_eq!(pools_of(&finished, "sidekick"), ["spot"]);
}
