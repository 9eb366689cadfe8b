//! Whole runs with dependencies: databases that wait, caches that are cold, registries whose copy
//! lacks a tag, vaults that pods need. Each trap with its instant and its reason.

use tideover::experiment::run::Trial;
use tideover::metrics::outcome::Binding;
use tideover::model::fact::{Fact, What};
use tideover::scenario::Scenario;
use tideover::units::Time;

use super::{SMALL, load, trial};

/// The small scenario with `writes` 20 %, dependencies, what the workload needs, and faults.
fn scenario(dependencies: &str, needs: &str, faults: &str, sets: &[&str]) -> Scenario {
    let text = SMALL
        .replace("frontDoor:\n", &format!("{dependencies}frontDoor:\n"))
        .replace("    hpa: {minReplicas", &format!("{needs}    hpa: {{minReplicas"))
        .replace("    attemptTimeout: 2s\n", "    attemptTimeout: 2s\n    writes: 20%\n");
    load(&format!("{text}{faults}"), sets)
}

const DATABASE: &str = "    needs: {reads: [orders], writes: [orders]}\n";
/// The other region has one pod and has to grow.
const FEW_PODS: [&str; 2] = ["run.horizon=25m", "workloads[0].hpa.minReplicas=1"];
const EAST_DOWN: &str = "faults:\n  - {name: east-down, at: 5m, regionLoss: {region: east}}\n";

fn database(rest: &str) -> String {
    format!(
        "dependencies:\n  - name: orders\n    region: east\n    secondary: west\n    \
         database: {{{rest}}}\n"
    )
}

fn first(trial: &Trial, wanted: impl Fn(&What) -> bool) -> Option<Fact> {
    trial.finished.facts.facts().iter().find(|fact| wanted(&fact.what)).copied()
}

/// Seconds and words of the first fact of a kind.
fn said(trial: &Trial, kind: &str) -> (f64, String) {
    let fact = first(trial, |what| what.name() == kind);
    let fact = fact.unwrap_or_else(|| panic!("no {kind}"));
    (fact.at.as_secs_f64(), fact.words(&trial.finished.world))
}

/// The trap of the automatic failover: Front Door moves the users in about a minute, but the
/// database waits for an hour, and users wait with it.
#[test]
fn a_grace_period_of_an_hour_is_the_recovery_time() {
    let sets = ["run.horizon=75m"];
    let slow = scenario(&database("kind: sql-failover-group"), DATABASE, EAST_DOWN, &sets);
    let slow = trial(&slow);
    let fault = &slow.outcome.faults[0];
    assert!(fault.reroute_s.unwrap() < 120.0, "traffic moved at {:?}", fault.reroute_s);
    // Lost at 300 s, decided an hour later, promoted 30 s after that.
    let (at_s, why) = said(&slow, "dependency-lost");
    assert_eq!(at_s, 300.0);
    assert!(why.contains("grace period"), "{why}");
    assert_eq!(said(&slow, "dependency-decided").0, 3_900.0);
    let (at_s, why) = said(&slow, "dependency-promoted");
    assert_eq!(at_s, 3_930.0);
    assert!(why.contains("orders serves from west"), "{why}");
    let rto_s = fault.rto_s.unwrap();
    assert!((3_630.0..3_700.0).contains(&rto_s), "recovery takes {rto_s} s");
    assert!(0 < slow.outcome.requests.failed_by_reason["dependency"]);
}

/// With a script the alert lag and 30 s are all: traffic and data are back in minutes.
#[test]
fn a_script_fails_over_when_the_alert_has_fired() {
    let failover = "kind: sql-failover-group, regionFailover: {scripted: {}}";
    let text = database(failover)
        + "  - {name: logs, region: west, logAnalytics: {alertLag: {constant: 50s}}}\n";
    let trial = trial(&scenario(&text, DATABASE, EAST_DOWN, &[]));
    assert_eq!(said(&trial, "dependency-noticed").0, 350.0);
    assert_eq!(said(&trial, "dependency-decided").0, 350.0);
    assert_eq!(said(&trial, "dependency-promoted").0, 380.0);
    assert!(trial.outcome.faults[0].rto_s.unwrap() < 400.0);
}

/// Somebody decides only once the alert has fired, and no alert comes from a workspace that is
/// lost with its region.
#[test]
fn nobody_decides_without_an_alert() {
    let failover = "kind: postgres-replica, switchTime: {constant: 2m}, \
                    regionFailover: {approval: {decision: {constant: 3m}}}";
    let logs = |region: &str| {
        database(failover)
            + &format!(
                "  - {{name: logs, region: {region}, \
                       logAnalytics: {{alertLag: {{constant: 1m}}}}}}\n"
            )
    };
    let told = trial(&scenario(&logs("west"), DATABASE, EAST_DOWN, &[]));
    assert_eq!(said(&told, "dependency-noticed").0, 360.0);
    assert_eq!(said(&told, "dependency-decided").0, 540.0);
    assert_eq!(said(&told, "dependency-promoted").0, 660.0);
    let blind = trial(&scenario(&logs("east"), DATABASE, EAST_DOWN, &[]));
    assert!(first(&blind, |what| what.name() == "dependency-noticed").is_none());
    assert_eq!(blind.outcome.faults[0].recovered, Some(false));
}

/// Writes of the last five seconds before the loss are gone with the failover: 300/s, of which
/// 20 % write, are 300 in 5 s, give or take four standard deviations of a Poisson count.
#[test]
fn a_failover_loses_the_writes_of_the_replication_lag() {
    let text = database("kind: sql-failover-group, regionFailover: {scripted: {}}");
    let lost = trial(&scenario(&text, DATABASE, EAST_DOWN, &[]));
    let writes = lost.outcome.faults[0].lost_writes.unwrap() as f64;
    assert!((writes - 300.0).abs() < 4.0 * 300f64.sqrt(), "{writes} writes are lost");
    // A database that waits for its region loses nothing; without one there is nothing to lose.
    let waits = "kind: sql-zone";
    let kept = trial(&scenario(&database(waits), DATABASE, EAST_DOWN, &[]));
    assert_eq!(kept.outcome.faults[0].lost_writes, Some(0));
    let none = trial(&load(&format!("{SMALL}{EAST_DOWN}"), &[]));
    assert_eq!(none.outcome.faults[0].lost_writes, None);
}

/// The trap of the probe that looks at everything: a database that only writes need takes every
/// origin out, Front Door sends to all of them in turn, and reads that nothing ailed leave their
/// region. A probe of the pods alone leaves them where they are.
#[test]
fn a_probe_of_dependencies_takes_all_regions_out() {
    let needs = "    needs: {writes: [orders]}\n";
    let faults = "faults:\n  - {name: gone, at: 5m, duration: 5m, \
                  dependencyLoss: {dependency: orders}}\n";
    let run = |target: &str| {
        let set = format!("frontDoor.probe.target={target}");
        trial(&scenario(&database("kind: sql-zone"), needs, faults, &[&set]))
    };
    let open = |trial: &Trial| {
        first(trial, |what| match what {
            What::RouteChanged { why, .. } => why.0.contains("all origins unhealthy"),
            _ => false,
        })
    };
    let deep = run("dependencies");
    // Two probes in a row, 30 s apart, have to fail.
    let at_s = open(&deep).expect("all origins are out").at.as_secs_f64();
    assert!((330.0..=361.0).contains(&at_s), "out at {at_s} s");
    assert!(open(&run("workload")).is_none());
}

/// While the database alone is down, reads that the cache does not need it for go on, and every
/// write fails at once.
#[test]
fn only_requests_that_need_it_fail() {
    let needs = "    needs: {writes: [orders]}\n";
    let faults = "faults:\n  - {name: gone, at: 5m, duration: 5m, \
                  dependencyLoss: {dependency: orders}}\n";
    let trial = trial(&scenario(&database("kind: sql-zone"), needs, faults, &[]));
    let failed = trial.outcome.requests.failed_by_reason["dependency"] as f64;
    // Of 300/s for 5 min, 20 % write; three attempts each, all of which fail.
    let expected = 300.0 * 300.0 * 0.2;
    assert!((failed - expected).abs() < 4.0 * expected.sqrt() + 60.0, "{failed} writes failed");
    assert_eq!(said(&trial, "dependency-back").0, 600.0);
}

/// A database that answers 200 requests a second refuses a third of 300; one that only writes
/// need refuses none of 60.
#[test]
fn a_database_takes_so_many_requests_a_second() {
    let refused = |needs: &str| {
        let sets = ["demands[0].retries.attempts=1"];
        let text = database("kind: sql-zone, requestRate: 200/s");
        let requests = trial(&scenario(&text, needs, "", &sets)).outcome.requests;
        let refused = requests.failed_by_reason.get("dependency").copied().unwrap_or(0);
        refused as f64 / requests.offered as f64
    };
    let all = refused(DATABASE);
    assert!((all - 1.0 / 3.0).abs() < 0.01, "{all} of all requests");
    assert_eq!(refused("    needs: {writes: [orders]}\n"), 0.0);
}

/// Calls that hang hold their workers: reads, which do not need the database, find no worker and
/// fail as well.
#[test]
fn calls_that_hang_starve_other_requests() {
    let needs = "    needs: {writes: [orders]}\n";
    let faults = "faults:\n  - {name: gone, at: 5m, duration: 2m, \
                  dependencyLoss: {dependency: orders}}\n";
    let run = |when_down: &str| {
        let text = database(&format!("kind: sql-zone, whenDown: {when_down}"));
        trial(&scenario(&text, needs, faults, &[])).outcome.requests
    };
    let (refused, hung) = (run("refuse"), run("hang"));
    assert_eq!(refused.failed, refused.failed_by_reason["dependency"]);
    assert!(2 * refused.failed < hung.failed, "{} and {}", refused.failed, hung.failed);
    assert!(0 < hung.failed_by_reason["dependency"]);
}

/// The zone of a PostgreSQL primary is lost: its standby takes over in 1 to 2 minutes, nothing is
/// lost.
#[test]
fn a_standby_in_another_zone_takes_over() {
    let text = "dependencies:\n  - {name: orders, region: east, \
                database: {kind: postgres-zone-ha, zone: 2}}\n";
    let faults = "faults:\n  - {name: zone, at: 5m, zoneLoss: {region: east, zone: 2}}\n";
    let trial = trial(&scenario(text, DATABASE, faults, &[]));
    let (at_s, why) = said(&trial, "dependency-promoted");
    assert!((360.0..=420.0).contains(&at_s), "promoted at {at_s} s");
    assert!(why.contains("another zone"), "{why}");
    assert_eq!(trial.outcome.faults[0].lost_writes, Some(0));
}

/// A cache that fails over is cold: service is slower at first and as before ten minutes later.
#[test]
fn a_cold_cache_slows_requests_until_it_is_warm() {
    let text = "dependencies:\n  - {name: sessions, region: east, secondary: west, \
                cache: {coldSlower: 2, warmUp: 4m}}\n";
    let needs = "    needs: {reads: [sessions], writes: [sessions]}\n";
    let cold = trial(&scenario(text, needs, EAST_DOWN, &[]));
    assert_eq!(said(&cold, "dependency-promoted").0, 300.0);
    assert_eq!(said(&cold, "dependency-warm").0, 540.0);
    let warm =
        trial(&scenario(&text.replace("coldSlower: 2", "coldSlower: 1"), needs, EAST_DOWN, &[]));
    let busy_s = |trial: &Trial| {
        let west = tideover::model::ids::DeploymentId::new(1);
        let totals = trial.finished.ledger.deployment(west).totals();
        totals.busy_ns as f64 / 1e9 / totals.served as f64
    };
    let ratio = busy_s(&cold) / busy_s(&warm);
    assert!(1.1 < ratio && ratio < 2.0, "work per request is {ratio} times as long");
}

/// The trap of the geo-replica: a tag that was pushed half a minute before the region was lost is
/// not in the copy, so no new pod of the other region starts until the region is back.
#[test]
fn a_copy_without_the_newest_tag_starts_no_pod() {
    let text = "dependencies:\n  - {name: images, region: east, secondary: west, \
                registry: {replicationLag: {constant: 2m}}}\n";
    let needs = "    startNeeds: [images]\n";
    let faults = "faults:\n  - {name: east-down, at: 5m, duration: 8m, \
                  regionLoss: {region: east}}\noperations:\n  - {name: ship, at: 4m30s, \
                  rollout: {workload: web}}\n";
    let late = trial(&scenario(text, needs, faults, &FEW_PODS));
    let lacking = first(
        &late,
        |what| matches!(what, What::ImagePullFailed { why, .. } if why.0.contains("lacks the tag")),
    );
    let at_s = lacking.expect("a pull fails").at.as_secs_f64();
    assert!((270.0..300.0).contains(&at_s), "the first pull fails at {at_s} s");
    // The region is back at 780 s, and the copying takes its two minutes again.
    let west = |pod| late.finished.world.cluster_of(pod).index() == 1;
    let pulled = first(&late, |what| matches!(what, What::ImagePulled { pod } if west(*pod)));
    let pulled = pulled.expect("in the end the tag is there").at;
    assert!(Time::from_secs(900) <= pulled, "pulled at {pulled}");
    // A tag that has been there for long enough is pulled at once.
    let early = faults.replace("4m30s", "1m");
    let early = trial(&scenario(text, needs, &early, &FEW_PODS));
    let (early, late) =
        (early.outcome.faults[0].failed_requests, late.outcome.faults[0].failed_requests);
    assert!(early < late, "{early:?} and {late:?}");
}

/// While a Key Vault fails over, no pod starts; once its copy can be read, they do.
#[test]
fn pods_need_their_secrets_to_start() {
    let text = "dependencies:\n  - {name: secrets, region: east, secondary: west, \
                keyVault: {failover: {constant: 3m}}}\n";
    let needs = "    startNeeds: [secrets]\n";
    let trial = trial(&scenario(text, needs, EAST_DOWN, &FEW_PODS));
    let (at_s, why) = said(&trial, "pod-start-blocked");
    assert!((300.0..480.0).contains(&at_s), "at {at_s} s");
    assert!(why.contains("secrets does not answer"), "{why}");
    let (at_s, why) = said(&trial, "dependency-promoted");
    assert_eq!(at_s, 480.0);
    assert!(why.contains("read-only"), "{why}");
    let started = trial.finished.facts.facts().iter().filter(|fact| {
        matches!(fact.what, What::ContainerStarted { .. }) && Time::from_secs(300) < fact.at
    });
    let first = started.map(|fact| fact.at).min().expect("pods start in the end");
    assert!(Time::from_secs(480) <= first, "the first pod starts at {first}");
}

/// The share of writes moves no other draw: without needs, a scenario with writes is the same run.
#[test]
fn writes_alone_change_nothing() {
    let plain = trial(&load(&format!("{SMALL}{EAST_DOWN}"), &[]));
    let writing = trial(&load(&format!("{SMALL}{EAST_DOWN}"), &["demands[0].writes=30%"]));
    assert_eq!(plain.outcome.fingerprint, writing.outcome.fingerprint);
    // Nor do dependencies that are never lost.
    let idle = scenario(&database("kind: sql-failover-group"), DATABASE, "", &[]);
    let none = load(SMALL, &[]);
    assert_eq!(trial(&idle).outcome.fingerprint, trial(&none).outcome.fingerprint);
}

/// What binds next is a database that takes less than the pods serve: 100 requests a second of the
/// 300 that a failover would bring, by its rate, by five connections of 50 ms each, or by 20 writes
/// a second, which are a fifth of the requests.
#[test]
fn headroom_names_the_limits_of_a_database() {
    let writes = "    needs: {writes: [orders]}\n";
    for (limit, needs) in [
        ("requestRate: 100/s", DATABASE),
        ("connections: 5", DATABASE),
        ("requestRate: 20/s", writes),
        ("connections: 1", writes),
    ] {
        let orders = database(&format!("kind: sql-failover-group, {limit}"));
        let sets = ["run.warmUp=1m", "run.horizon=1m"];
        let outcome = trial(&scenario(&orders, needs, "", &sets)).outcome;
        let secondary = outcome.headroom.iter().find(|one| one.cluster == "secondary");
        let secondary = secondary.expect("every cluster has its row");
        assert_eq!(secondary.binding, Some(Binding::DependencyLimits), "{limit}");
        // The least is against the most users of any ten seconds: 300/s and a bit, and retries.
        let ratio = secondary.failover_min_ratio.expect("it would inherit");
        let most = 100.0 / (ratio + 1.0);
        assert!((300.0..1_200.0).contains(&most), "{limit}: {ratio}");
    }
}

/// Two workloads whose new images are pulled at 2 min; only the first names its registry.
fn two_workloads(fault: &str, registry: &str) -> Trial {
    let text =
        format!("dependencies:\n  - {{name: images, region: east, registry: {{{registry}}}}}\n");
    let more = format!(
        "operations:\n  - {{name: web, at: 2m, rollout: {{workload: web, cluster: primary}}}}\n  \
         - {{name: batch, at: 2m, rollout: {{workload: batch, cluster: primary}}}}\n{fault}"
    );
    let batch = "  - name: batch\n    replicas: 3\n    requests: {cpu: 100m, memory: 128Mi}\n    \
                 service: {workers: 1, time: {constant: 50ms}, cpuPerWorker: 60m}\n\
                 frontDoor:\n";
    let text = SMALL
        .replace("frontDoor:\n", batch)
        .replace("frontDoor:\n", &format!("{text}frontDoor:\n"))
        .replace("    hpa: {minReplicas", "    startNeeds: [images]\n    hpa: {minReplicas");
    trial(&load(&format!("{text}{more}"), &["run.warmUp=1m", "run.horizon=6m"]))
}

/// Pods whose images were pulled and those whose pulls failed, by workload, from 2 min on.
fn pulls(trial: &Trial) -> [(u32, u32); 2] {
    let mut counts = [(0, 0); 2];
    let world = &trial.finished.world;
    let facts = trial.finished.facts.facts().iter();
    for fact in facts.filter(|fact| Time::from_secs(120) <= fact.at) {
        match fact.what {
            What::ImagePulled { pod } => {
                counts[world[world[pod].deployment].workload.index()].0 += 1;
            }
            What::ImagePullFailed { pod, .. } => {
                counts[world[world[pod].deployment].workload.index()].1 += 1;
            }
            _ => {}
        }
    }
    counts
}

/// A lost registry fails the pulls from it alone: workloads that pull from another go on.
#[test]
fn a_lost_registry_fails_its_own_pulls() {
    let fault = |kind: &str| format!("faults:\n  - {{name: lost, at: 1m, {kind}}}\n");
    let [web, batch] = pulls(&two_workloads("", ""));
    assert!(0 < web.0 && web.1 == 0 && 0 < batch.0 && batch.1 == 0, "{web:?} {batch:?}");
    let named = fault("dependencyLoss: {dependency: images}");
    let [web, batch] = pulls(&two_workloads(&named, ""));
    assert!(web.0 == 0 && 0 < web.1 && 0 < batch.0 && batch.1 == 0, "{web:?} {batch:?}");
    let unnamed = fault("registryLoss: {cluster: primary}");
    let [web, batch] = pulls(&two_workloads(&unnamed, ""));
    assert!(0 < web.0 && web.1 == 0 && batch.0 == 0 && 0 < batch.1, "{web:?} {batch:?}");
}

/// A pull of an image of nine layers is ten read operations: a registry that takes ten a minute
/// refuses the second node's pull in the same minute, and no other registry's.
#[test]
fn a_registry_takes_so_many_read_operations() {
    let tight = two_workloads("", "layersPerImage: 9, readOpsPerMinute: 10");
    let refused = first(
        &tight,
        |what| matches!(what, What::ImagePullFailed { why, .. } if why.0.contains("throttles")),
    );
    assert!(refused.is_some());
    let [web, batch] = pulls(&tight);
    assert!(0 < web.0 && 0 < web.1 && batch.1 == 0, "{web:?} {batch:?}");
    let [web, _] = pulls(&two_workloads("", "layersPerImage: 9, readOpsPerMinute: 1000"));
    assert_eq!(web.1, 0, "enough for all");
}

/// A database that is lost from 5 min to 7 min and fails over to its copy at 380 s.
fn failed_over(rest: &str, faults: &str) -> Trial {
    let failover = "kind: sql-failover-group, regionFailover: {scripted: {}}";
    let text = database(&format!("{failover}{rest}"))
        + "  - {name: logs, region: west, logAnalytics: {alertLag: {constant: 50s}}}\n";
    let faults = format!(
        "faults:\n  - {{name: gone, at: 5m, duration: 2m, dependencyLoss: {{dependency: \
         orders}}}}\n{faults}"
    );
    trial(&scenario(&text, DATABASE, &faults, &["demands[0].retries.attempts=1"]))
}

/// Instants at which the database was promoted, with the writes lost.
fn promotions(trial: &Trial) -> Vec<(f64, u32)> {
    let facts = trial.finished.facts.facts().iter();
    let promoted = facts.filter_map(|fact| match fact.what {
        What::DependencyPromoted { lost_writes, .. } => Some((fact.at.as_secs_f64(), lost_writes)),
        _ => None,
    });
    promoted.collect()
}

/// The planned return begins some time after the first place is back, keeps everybody out while the
/// copies change roles, and loses no write. It begins anew when that place is lost again before.
#[test]
fn a_database_returns_as_planned() {
    let stays = failed_over("", "");
    assert_eq!(promotions(&stays).iter().map(|one| one.0).collect::<Vec<_>>(), [380.0]);
    assert_eq!(stays.outcome.faults[0].dependencies_s, Some(80.0));
    let failback = ", failback: {after: 3m, interruption: 20s}";
    let returns = failed_over(failback, "");
    let all = promotions(&returns);
    assert_eq!(all.iter().map(|one| one.0).collect::<Vec<_>>(), [380.0, 620.0]);
    assert!(0 < all[0].1 && all[1].1 == 0, "{all:?}");
    assert_eq!(returns.outcome.faults[0].dependencies_s, Some(80.0), "it served before");
    let words = facts_words(&returns, "dependency-promoted");
    assert!(words[1].contains("orders serves from east"), "{words:?}");
    let failed = |trial: &Trial| trial.outcome.requests.failed_by_reason["dependency"] as f64;
    // 300/s for 20 s are 6,000 failures more, within four standard errors of a Poisson count.
    let more = failed(&returns) - failed(&stays);
    assert!((more - 6_000.0).abs() <= 4.0 * 6_000.0_f64.sqrt(), "{more}");
    let again = "  - {name: again, at: 8m, duration: 2m, dependencyLoss: {dependency: orders}}\n";
    let later = promotions(&failed_over(failback, again));
    assert_eq!(later.iter().map(|one| one.0).collect::<Vec<_>>(), [380.0, 800.0]);
}

fn facts_words(trial: &Trial, kind: &str) -> Vec<String> {
    let facts = trial.finished.facts.facts().iter().filter(|fact| fact.what.name() == kind);
    facts.map(|fact| fact.words(&trial.finished.world)).collect()
}

/// The copy takes less than the first place: after the failover a third of the requests fails, and
/// none before it. Connections are limited in the same way.
#[test]
fn a_copy_may_take_less() {
    let free = failed_over("", "");
    let with = |limits: &str| {
        let trial = failed_over(limits, "");
        let failed = |trial: &Trial| trial.outcome.requests.failed_by_reason["dependency"] as f64;
        (failed(&trial) - failed(&free)) / (300.0 * (900.0 - 380.0))
    };
    let third = with(", requestRate: 1000/s, secondaryRequestRate: 200/s");
    assert!((third - 1.0 / 3.0).abs() < 0.01, "{third}");
    assert_eq!(with(", requestRate: 1000/s"), 0.0);
    assert_eq!(with(", requestRate: 1000/s, connections: 1000"), 0.0);
    // Erlang B of 15 requests in progress on 5 connections: 1 - carried / offered.
    let erlang =
        (1..=5).fold(1.0, |blocked: f64, n| 15.0 * blocked / (f64::from(n) + 15.0 * blocked));
    let blocked = with(", connections: 1000, secondaryConnections: 5");
    assert!((blocked - erlang).abs() < 0.02, "{blocked}, not {erlang}");
}
