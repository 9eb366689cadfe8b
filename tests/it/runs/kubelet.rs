//! What kubelets do to pods, step by step: probes, restarts, image pulls, the end of a pod.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proptest::prelude::*;

use super::{facts_named, load, run};
use tideover::control::Chance;
use tideover::model::fact::What;
use tideover::simulation::{Finished, Options};
use tideover::units::{Span, Time};

/// One cluster with one pod per node, 2 requests/s that take 100 ms each; `workload` and `faults`
/// are further lines.
fn lone(workload: &str, rest: &str) -> String {
    format!(
        r#"schema: tideover/v1
name: lone
profile: k8s-1.31
run: {{horizon: 10m, warmUp: 2m, seed: 3}}
regions: [{{name: east, zones: 1}}]
clusters:
  - name: primary
    region: east
    pools: [{{name: user, vmSize: D4s_v5, count: 3}}]
workloads:
  - name: web
    requests: {{cpu: 500m, memory: 512Mi}}
    service: {{workers: 8, time: {{constant: 100ms}}, cpuPerWorker: 10m}}
    startUp: {{constant: 2s}}
{workload}frontDoor: {{origins: [{{cluster: primary}}]}}
geographies: [{{name: users, pops: 1, regionRtt: {{east: 20ms}}}}]
demands:
  - workload: web
    geographies: {{users: 100%}}
    arrivals: {{constant: 2/s}}
    attemptTimeout: 2s
{rest}"#
    )
}

/// Seconds of the facts of one kind.
fn times(finished: &Finished, name: &str) -> Vec<f64> {
    facts_named(finished, name).into_iter().map(|(at, _)| at).collect()
}

fn near(one: f64, other: f64) -> bool {
    (one - other).abs() < 1e-6
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Pods that are scaled down while they have long requests: probes that run one by one and
    /// probes that run when they may change something give the same facts up to the end.
    #[test]
    fn dying_pods_are_probed_alike(
        (period, threshold, timeout) in (1_u32..4, 1_u32..3, 1_u32..3),
        (success, grace, pre_stop) in (1_u32..3, 0_u32..20, 0_u32..6),
        takes_ms in prop_oneof![Just(100), Just(900), Just(9_000)],
        (start_up, seed) in (0_u32..4, 0_u64..99),
        startup in any::<bool>(),
    ) {
        let mut workload = String::new();
        if startup {
            workload += "    startupProbe: {periodSeconds: 2, failureThreshold: 9}\n";
        }
        write!(
            workload,
            "    readinessProbe: {{periodSeconds: {period}, failureThreshold: {threshold}, \
             timeoutSeconds: {timeout}, successThreshold: {success}}}\n    \
             livenessProbe: {{periodSeconds: 3, timeoutSeconds: {timeout}}}\n    \
             terminationGracePeriodSeconds: {grace}\n    preStopSleep: {pre_stop}s\n    \
             hpa: {{minReplicas: 1, maxReplicas: 12, targetCPUUtilization: 10%, behavior: \
             {{scaleDown: {{stabilizationWindowSeconds: 0, policies: [{{type: Pods, value: 2, \
             periodSeconds: 15}}]}}}}}}\n",
        ).unwrap();
        let text = lone(&workload, "faults:\n  - {name: crash, at: 3m, podCrash: {workload: web, \
             cluster: primary, count: 4}}\n")
            .replace("constant: 2/s", "steps: [{at: 0s, rate: 10/s}, {at: 4m, rate: 1/s}, \
                 {at: 6m, rate: 14/s}, {at: 8m, rate: 1/s}]")
            .replace("constant: 100ms", &format!("constant: {takes_ms}ms"))
            .replace("constant: 2s", &format!("constant: {start_up}s"))
            .replace("attemptTimeout: 2s", "attemptTimeout: 12s\n    deadline: 30s");
        let text = text.replace("cpuPerWorker: 10m", "cpuPerWorker: 400m");
        let scenario = load(&text, &[]);
        let options = Options { seed: Some(seed), ..Options::default() };
        let lazy = run(&scenario, options);
        let explicit = run(&scenario, Options { explicit_probing: true, ..options });
        let (a, b) = (lazy.facts.facts(), explicit.facts.facts());
        if let Some(i) = a.iter().zip(b).position(|(a, b)| a != b) {
            let (x, y) = (a[i].words(&lazy.world), b[i].words(&explicit.world));
            prop_assert!(false, "at {:?} \"{x}\", explicitly at {:?} \"{y}\"", a[i].at, b[i].at);
        }
        prop_assert_eq!(lazy.facts.fingerprint(), explicit.facts.fingerprint());
        let shrinks = !times(&lazy, "pod-deleted").is_empty();
        prop_assert!(shrinks || takes_ms != 100, "the premise: pods that keep up are deleted");
    }
}

/// A pod that gets a request that never ends hangs. Its probes have a grid that the stream
/// `probe-phase` draws; the third time-out after the hang makes it unready: 21 to 31 s later.
#[test]
fn a_hung_pod_is_found_by_its_third_time_out() {
    let text = lone("    replicas: 1\n    readinessProbe: {}\n", "")
        .replace("workers: 8, time: {constant: 100ms}", "workers: 1, time: {constant: 1h}")
        .replace("constant: 2/s", "closedLoop: {clients: 1, requests: 1, pause: 1s, begin: 3m}");
    let scenario = load(&text, &[]);
    for seed in 0..20 {
        let finished = run(&scenario, Options { seed: Some(seed), ..Options::default() });
        let period = Span::from_secs(10);
        let phase = Chance::independent(seed, 0).phase("probe-phase", "web-primary-0", period);
        let arrival_s = 180.0 + 0.010;
        // The warm-up of 120 s is whole periods: the grid is phase + k·10 s.
        let first_s =
            phase.as_secs_f64() + ((arrival_s - phase.as_secs_f64()) / 10.0).ceil() * 10.0;
        let noticed = times(&finished, "pod-not-ready");
        assert!(near(noticed[0], first_s + 21.0), "seed {seed}: {noticed:?}, grid at {first_s}");
        assert!((21.0..=31.1).contains(&(noticed[0] - 180.0)), "seed {seed}: {noticed:?}");
    }
}

/// A pod whose container ends again and again: it is found by the next listing of containers (at
/// a phase of its node), restarts at once, then 10 s after its end at a sync every 10 to 15 s.
#[test]
fn crashes_back_off_from_sync_to_sync() {
    let crash = |index: u32, at: &str| {
        format!("  - {{name: c{index}, at: {at}, podCrash: {{workload: web, cluster: primary}}}}\n")
    };
    let faults = format!("faults:\n{}{}{}", crash(0, "60s"), crash(1, "90s"), crash(2, "150s"));
    for (sync, latest, later) in [("periodic", 6.0, 11.0), ("atExpiry", 5.0, 10.0)] {
        let text = lone("    replicas: 1\n", &faults);
        let set = format!("kubernetes.crashLoopBackOffSync={sync}");
        let scenario = load(&text, &[&set]);
        for seed in 0..10 {
            let finished = run(&scenario, Options { seed: Some(seed), ..Options::default() });
            let node = finished.world.node_name(finished.world.pods[0].node.unwrap());
            let chance = Chance::independent(seed, 0);
            let phase = chance.phase("pleg", &node, Span::from_secs(1)).as_secs_f64();
            let starts = times(&finished, "container-started");
            assert!(near(starts[0], 60.0 + phase + 1.0), "at once: {starts:?}, phase {phase}");
            let late = starts[1] - (100.0 + 1.0);
            assert!((0.0..=latest).contains(&late), "{sync}, seed {seed}: 10 s after 90 s: {late}");
            let late = starts[2] - (170.0 + 1.0);
            assert!((0.0..=later).contains(&late), "{sync}, seed {seed}: 20 s: {late}");
            let unready = times(&finished, "pod-not-ready");
            assert!(near(unready[0], 60.0 + phase), "unready when it is found: {unready:?}");
        }
    }
}

/// A failed liveness probe stops the container like a deletion does: the hook of 4 s, SIGTERM, and
/// SIGKILL at the end of the probe's own grace period of 9 s, as a request never ends. It restarts
/// at once.
#[test]
fn a_failed_liveness_probe_stops_the_container() {
    let workload = "    replicas: 1\n    preStopSleep: 4s\n    livenessProbe: \
                    {periodSeconds: 5, failureThreshold: 2, terminationGracePeriodSeconds: 9}\n";
    let text = lone(workload, "")
        .replace("workers: 8, time: {constant: 100ms}", "workers: 1, time: {constant: 1h}")
        .replace("constant: 2/s", "closedLoop: {clients: 1, requests: 1, pause: 1s, begin: 3m}");
    let finished = run(&load(&text, &[]), Options::default());
    let period = Span::from_secs(5);
    let phase = Chance::independent(3, 0).phase("probe-phase", "web-primary-0", period);
    let first_s = phase.as_secs_f64() + ((180.01 - phase.as_secs_f64()) / 5.0).ceil() * 5.0;
    let died = facts_named(&finished, "container-died");
    assert!(died[0].1.contains("liveness probe failed"), "{died:?}");
    assert!(near(died[0].0, first_s + 5.0 + 1.0 + 9.0), "two failures, 9 s: {died:?} {first_s}");
    let started = times(&finished, "container-started");
    assert!(near(started[0], died[0].0 + 1.0), "made anew in the same sync: {started:?}");
}

/// The race between SIGTERM and the endpoints: without a preStop sleep requests meet pods that
/// listen no more for as long as the news takes; with one of 5 s none does.
#[test]
fn a_pre_stop_sleep_wins_the_race() {
    let lost = |pre_stop: &str| {
        let workload = format!(
            "    preStopSleep: {pre_stop}\n    hpa: {{minReplicas: 1, maxReplicas: 6, \
             targetCPUUtilization: 10%, behavior: {{scaleDown: \
             {{stabilizationWindowSeconds: 0}}}}}}\n"
        );
        let text = lone(&workload, "")
            .replace("constant: 2/s", "steps: [{at: 0s, rate: 100/s}, {at: 3m, rate: 20/s}]");
        let finished = run(&load(&text, &[]), Options::default());
        assert!(!times(&finished, "pod-deleted").is_empty(), "the premise: it scales down");
        let failed: u64 = finished.ledger.demands().iter().flat_map(|d| d.totals().failed).sum();
        failed
    };
    let without = lost("0s");
    assert!(0 < without, "{without}");
    assert_eq!(lost("5s"), 0, "with a sleep of 5 s");
}

/// Two workloads that outgrow their nodes at 1 min; images of 1000 MiB and 500 MiB, and system
/// images of 300 MiB on a new node, at 100 MiB/s.
fn growing() -> String {
    let hpa = "    hpa: {minReplicas: 1, maxReplicas: 3, targetCPUUtilization: 50%}\n    image: ";
    let text = lone(&format!("{hpa}1000Mi\n"), "");
    let from = |text: &str, start: &str, end: &str| {
        text[text.find(start).unwrap()..text.find(end).unwrap()].to_owned()
    };
    let batch = from(&text, "  - name: web", "frontDoor")
        .replace("name: web", "name: batch")
        .replace("image: 1000Mi", "image: 500Mi");
    let demand = text[text.find("  - workload: web").unwrap()..].replace("web", "batch");
    format!("{text}{demand}")
        .replace("frontDoor:", &format!("{batch}frontDoor:"))
        .replace("constant: 2/s", "steps: [{at: 0s, rate: 2/s}, {at: 1m, rate: 200/s}]")
        .replace("cpu: 500m", "cpu: 1700m")
        .replace("cpuPerWorker: 10m", "cpuPerWorker: 200m")
        .replace(
            "count: 3",
            "minCount: 1, maxCount: 6, systemImages: 300Mi, \
                 provisioning: {constant: 30s}",
        )
}

/// New nodes pull their system images, then the images of their pods in order of binding, one at a
/// time: the instants follow from when the node joined and the pods were bound.
#[test]
fn fresh_nodes_pull_one_image_after_the_other() {
    let finished = run(&load(&growing(), &[]), Options::default());
    let seconds = |fact: &tideover::model::fact::Fact| fact.at.as_secs_f64();
    let (mut free_s, mut pulled, mut n_pulls) = (BTreeMap::new(), BTreeMap::new(), 0);
    for fact in finished.facts.facts() {
        match fact.what {
            What::NodeJoined { node } => {
                free_s.insert(node, seconds(fact) + 3.0);
            }
            What::PodScheduled { pod, node } => {
                let workload = finished.world[finished.world[pod].deployment].workload;
                if let (Some(free_s), false) =
                    (free_s.get_mut(&node), pulled.contains_key(&(node, workload)))
                {
                    let takes_s = if workload.index() == 0 { 10.0 } else { 5.0 };
                    *free_s = free_s.max(seconds(fact)) + takes_s;
                    pulled.insert((node, workload), *free_s);
                }
            }
            What::ImagePulled { pod } => {
                let workload = finished.world[finished.world[pod].deployment].workload;
                let expected = pulled[&(finished.world[pod].node.unwrap(), workload)];
                assert!(near(seconds(fact), expected), "{fact:?}, not {expected}");
                n_pulls += 1;
            }
            _ => {}
        }
    }
    assert!(2 <= n_pulls, "the premise: fresh nodes get pods: {n_pulls}");
}

/// A registry that serves 100 MiB/s in all makes the pulls of several nodes share it: together they
/// take as long as all their bytes, however they start.
#[test]
fn nodes_share_the_registry() {
    let last = |sets: &[&str]| {
        let pulled = times(&run(&load(&growing(), sets), Options::default()), "image-pulled");
        pulled.into_iter().fold(0.0, f64::max)
    };
    let (alone, shared) = (last(&[]), last(&["clusters[0].registryBandwidth=20Mi"]));
    assert!(alone + 30.0 < shared, "{alone} {shared}");
    assert!(near(last(&["clusters[0].registryBandwidth=1Gi"]), alone), "enough for all nodes");
}

/// No registry for 5 min: new pods fail their pull, try again 10 s (20, 40, ...) later at a sync
/// every 10 to 15 s, and start after the repair.
#[test]
fn a_lost_registry_holds_new_pods() {
    let fault = "faults: [{name: r, at: 30s, duration: 5m, registryLoss: {cluster: primary}}]\n";
    let finished = run(&load(&format!("{}{fault}", growing()), &[]), Options::default());
    let failed = facts_named(&finished, "image-pull-failed");
    let (_, first) = &failed[0];
    let tries: Vec<f64> = failed.iter().filter(|f| f.1 == *first).map(|f| f.0).collect();
    for (index, pair) in tries.windows(2).enumerate() {
        let wait = 10.0 * f64::from(1 << index);
        let gap = pair[1] - pair[0];
        assert!((wait..=wait + 15.0).contains(&gap), "{tries:?}: a wait of {wait}");
    }
    assert!(3 <= tries.len(), "{tries:?}");
    let pulled = times(&finished, "image-pulled");
    assert!(!pulled.is_empty() && pulled.iter().all(|&at| 330.0 < at), "{pulled:?}");
}

/// A node with one of three pods loses power at 60 s; its endpoint goes about 42 s later. Seconds
/// of the failed requests, by first send.
fn failures_after_power_loss(connections: &str) -> Vec<usize> {
    let workload = format!("    replicas: 3\n    podAntiAffinity: hostname\n{connections}");
    let text =
        lone(&workload, "faults: [{name: one, at: 60s, nodeLoss: {cluster: primary, count: 1}}]\n");
    let finished = run(&load(&text, &[]), Options::default());
    let dropped = times(&finished, "endpoints-changed");
    assert!((90.0..=108.0).contains(&dropped[0]), "the premise: {dropped:?}");
    let mut failed = Vec::new();
    for (second, counts) in finished.ledger.demands()[0].seconds().iter().enumerate() {
        failed.extend((0..counts.failed_total()).map(|_| second));
    }
    failed
}

/// Established connections to a dead pod: with none, failures end with the endpoint. Over HTTP/1.1
/// each of the 60 connections fails one request. Over HTTP/2 they fail their share of requests
/// until TCP gives up, 200 s after the death.
#[test]
fn connections_outlive_endpoints() {
    let last = |failed: &[usize]| failed.iter().copied().max().unwrap();
    let without = failures_after_power_loss("");
    assert!(last(&without) <= 108, "{without:?}");
    let http1 = failures_after_power_loss("    connections: {perPod: 60}\n");
    assert!((60..=62).contains(&http1.len()), "{} and those in service", http1.len());
    assert!(110 < last(&http1), "{http1:?}");
    let http2 = failures_after_power_loss("    connections: {protocol: http2, deadAfter: 200s}\n");
    assert!((250..=260).contains(&last(&http2)), "{http2:?}");
    let late = http2.iter().filter(|&&second| 110 <= second).count();
    assert!((70..=130).contains(&late), "a third of 300 requests: {late}");
}

/// A pod that is being deleted serves on when it is the only one left: two pods are scaled down to
/// one while the preStop sleep of 5 min keeps the other serving, and the one that stays crashes.
/// Requests fail only until the endpoints know of the crash, not for the 60 s of its start.
#[test]
fn a_terminating_pod_serves_when_no_other_is_ready() {
    let workload = "    preStopSleep: 5m\n    terminationGracePeriodSeconds: 330\n    \
         readinessProbe: {periodSeconds: 1}\n    hpa: {minReplicas: 1, maxReplicas: 2, \
         targetCPUUtilization: 10%, behavior: {scaleDown: {stabilizationWindowSeconds: 0}}}\n";
    let text = lone(
        workload,
        "faults: [{name: crash, at: 5m, podCrash: {workload: web, cluster: primary}}]\n",
    )
    .replace("constant: 2/s", "steps: [{at: 0s, rate: 120/s}, {at: 2m, rate: 10/s}]")
    .replace("constant: 2s", "constant: 60s");
    let scenario = load(&text, &[]);
    let mut n_seen = 0;
    for seed in 0..8 {
        let finished = run(&scenario, Options { seed: Some(seed), ..Options::default() });
        let mut deleted = BTreeMap::new();
        let mut crashed = None;
        for fact in finished.facts.facts() {
            match fact.what {
                What::PodDeleted { pod, .. } if fact.at < Time::from_secs(300) => {
                    deleted.insert(pod, fact.at.as_secs_f64());
                }
                What::ContainerDied { pod, .. } => crashed = crashed.or(Some(pod)),
                _ => {}
            }
        }
        let in_its_hook = |&at: &f64| (60.0..295.0).contains(&at);
        if deleted.len() != 1 || !deleted.values().all(in_its_hook) {
            continue;
        }
        if crashed.is_none_or(|pod| deleted.contains_key(&pod)) {
            continue;
        }
        n_seen += 1;
        let failed = finished.ledger.demands()[0].seconds().iter().enumerate();
        let failed: Vec<usize> =
            failed.filter(|(_, counts)| 0 < counts.failed_total()).map(|(at, _)| at).collect();
        assert!(!failed.is_empty(), "seed {seed}: nobody knows of the crash at once");
        let known = 299..=304;
        assert!(failed.iter().all(|at| known.contains(at)), "seed {seed}: {failed:?}");
    }
    assert!(0 < n_seen, "the premise: in some run the pod that stays crashes");
}
