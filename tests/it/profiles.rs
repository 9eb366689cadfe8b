//! Version profiles: every value of each of them reaches the scenario, says where it comes from,
//! and gives way to what the user writes.

use std::collections::BTreeSet;
use std::path::Path;

use tideover::control::profiles::VersionProfile;
use tideover::scenario::{Scenario, from_text};

/// One cluster with everything that profiles set.
const TEXT: &str = r#"schema: tideover/v1
name: profiles
run: {horizon: 1m, seed: 1}
regions: [{name: east}]
clusters:
  - name: one
    region: east
    pools: [{name: user, vmSize: D4s_v5, minCount: 1, maxCount: 3}]
workloads:
  - name: web
    requests: {cpu: 500m, memory: 512Mi}
    service: {workers: 8, time: {exponential: {mean: 50ms}}, cpuPerWorker: 60m}
frontDoor: {origins: [{cluster: one}]}
geographies: [{name: users, regionRtt: {east: 20ms}}]
demands:
  - workload: web
    geographies: {users: 100%}
    arrivals: {constant: 10/s}
    attemptTimeout: 2s
"#;

/// Where a value stands, and what it is in k8s-1.31, k8s-1.33, k8s-1.35, aks and aks-1.28.
const TABLE: &[(&str, &str, [&str; 5])] = &[
    ("KubernetesSpec", "kubernetes.nodeMonitorGracePeriod", ["40s", "50s", "50s", "50s", "40s"]),
    (
        "KubernetesSpec",
        "kubernetes.hpaToleranceForm",
        ["symmetric", "perDirection", "perDirection", "perDirection", "symmetric"],
    ),
    ("KubernetesSpec", "kubernetes.nodeStartupGracePeriod", ["1m", "1m", "1m", "1m", "1m"]),
    ("KubernetesSpec", "kubernetes.scrapeInterval", ["15s", "15s", "15s", "1m", "1m"]),
    (
        "KubernetesSpec",
        "kubernetes.defaultSpread",
        ["upstream", "upstream", "upstream", "aks", "upstream"],
    ),
    (
        "KubernetesSpec",
        "kubernetes.crashLoopBackOffSync",
        ["periodic", "periodic", "atExpiry", "periodic", "periodic"],
    ),
    (
        "KubernetesSpec",
        "kubernetes.hpaConfigurableTolerance",
        ["false", "false", "true", "false", "false"],
    ),
    ("KubernetesSpec", "kubernetes.hpaScaleToZero", ["false", "false", "false", "false", "false"]),
    ("KubernetesSpec", "kubernetes.proxyMinSyncPeriod", ["1s", "1s", "1s", "1s", "1s"]),
    ("KubernetesSpec", "kubernetes.proxySyncPeriod", ["30s", "30s", "30s", "30s", "30s"]),
    ("KubernetesSpec", "kubernetes.proxyBurstSyncs", ["2", "2", "1", "2", "2"]),
    (
        "KubernetesSpec",
        "kubernetes.endpointsliceUpdatesBatchPeriod",
        ["0s", "0s", "0s", "0s", "0s"],
    ),
    (
        "ClusterAutoscalerSpec",
        "clusters[0].autoscaler.expander",
        ["random", "least-waste", "least-waste", "random", "random"],
    ),
    (
        "ClusterAutoscalerSpec",
        "clusters[0].autoscaler.frequentLoopsEnabled",
        ["false", "false", "true", "false", "false"],
    ),
    (
        "ClusterAutoscalerSpec",
        "clusters[0].autoscaler.scaleDownDelayAfterDelete",
        ["0s", "0s", "0s", "10s", "10s"],
    ),
    (
        "ClusterAutoscalerSpec",
        "clusters[0].autoscaler.maxNodeStartupTime",
        ["15m", "15m", "15m", "15m", "15m"],
    ),
    (
        "AutoRepairSpec",
        "clusters[0].autoRepair.enabled",
        ["false", "false", "false", "true", "true"],
    ),
    (
        "NodePoolSpec",
        "clusters[0].pools[0].memoryReservation",
        ["perPod", "perPod", "perPod", "perPod", "brackets"],
    ),
];

const PROFILES: [&str; 5] = ["k8s-1.31", "k8s-1.33", "k8s-1.35", "aks", "aks-1.28"];

fn load(sets: &[String]) -> Scenario {
    match from_text("test.yaml", TEXT, Path::new("scenarios"), sets) {
        Ok(scenario) => scenario,
        Err(rejected) => panic!("{rejected}"),
    }
}

/// A value of a scenario and its origin in words.
fn explained(scenario: &Scenario, path: &str) -> (String, String) {
    let leaf = scenario.explained().iter().rfind(|leaf| *leaf.place.path == *path);
    let leaf = leaf.unwrap_or_else(|| panic!("no value {path}"));
    (leaf.shown.clone(), leaf.origin.to_string())
}

/// Every profile, every value: what it is, that it names its profile where the profile sets it,
/// and that a value of the user's wins. The table covers all that profiles set, and all profiles.
#[test]
fn every_value_of_every_profile() {
    let known: BTreeSet<&str> = VersionProfile::ALL.iter().map(|p| p.as_str()).collect();
    assert_eq!(known, PROFILES.into_iter().collect());
    for (index, name) in PROFILES.into_iter().enumerate() {
        let sets = [format!("profile={name}")];
        let scenario = load(&sets);
        let profile = VersionProfile::ALL.iter().find(|p| p.as_str() == name).unwrap().profile();
        let mut rest: BTreeSet<(&str, &str)> =
            profile.values.iter().map(|value| (value.section, value.key)).collect();
        for (section, path, values) in TABLE {
            let key = path.rsplit('.').next().unwrap();
            let (shown, origin) = explained(&scenario, path);
            assert_eq!(shown, values[index], "{name}: {path}");
            let is_of_profile = rest.remove(&(*section, key));
            assert_eq!(origin.starts_with(&format!("profile {name}")), is_of_profile, "{origin}");

            let differs = values.iter().find(|other| **other != values[index]);
            let other = differs.unwrap_or(match values[index] {
                "false" => &"true",
                "0s" | "1s" => &"2s",
                _ => &"16m",
            });
            let given = load(&[sets[0].clone(), format!("{path}={other}")]);
            assert_eq!(explained(&given, path).0, *other, "{name}: {path} is overridden");
        }
        assert!(rest.is_empty(), "{name}: the table lacks {rest:?}");
    }
}
