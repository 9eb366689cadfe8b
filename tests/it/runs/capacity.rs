//! What keeps machines and pods from coming: quotas, full subnets, a slow or silent cloud. Each
//! trap bites at an instant, and the facts name it.
//!
//! The failure that nobody sees for 15 min and the halt at 45 % unready nodes are in
//! `autoscaler.rs`: `an_invisible_failure_costs_a_quarter_of_an_hour`,
//! `losing_one_of_two_zones_halts_the_autoscaler`.

use tideover::control::cloud::{addresses, api, quota};
use tideover::metrics::outcome::Binding;
use tideover::model::fact::What;
use tideover::model::ids::{NodeId, PoolId};
use tideover::simulation::{Finished, Options};
use tideover::units::{Span, Time};

use super::autoscaler::{TIGHT, backoffs, facts, scale_ups, seconds};
use super::{SMALL, load, run, trial};

/// The first region is lost for good; the second wants five nodes then and has three.
const LOST: &str = "  - {name: lose-east, at: 3m, regionLoss: {region: east}}\n";

/// Of which a pod of 1 CPU serves 40/s: 15 pods at 60 %, three on a node.
const LOAD: &str = "demands[0].arrivals.constant=340/s";

/// The secondary of the small scenario, and how it differs in a test.
const SECONDARY: &str =
    "region: west\n    pools: [{name: user, vmSize: D4s_v5, minCount: 3, maxCount: 9}]";

/// Runs the small scenario with another secondary, further sections and faults beside the loss.
fn failover(secondary: &str, sections: &str, faults: &str, sets: &[&str]) -> Finished {
    let text = format!("{SMALL}{sections}faults:\n{LOST}{faults}");
    assert_eq!(text.matches(SECONDARY).count(), 1);
    let text = text.replace(SECONDARY, secondary);
    run(&load(&text, &[&TIGHT[..], &[LOAD], sets].concat()), Options::default())
}

/// Nodes of the secondary that joined, with their instants.
fn joined(finished: &Finished) -> Vec<Time> {
    facts(finished, |fact| match fact.what {
        What::NodeJoined { .. } => Some(fact.at),
        _ => None,
    })
}

/// Machines that found no address, as (instant, machines, reason).
fn without_address(finished: &Finished) -> Vec<(Time, u32, &'static str)> {
    facts(finished, |fact| match fact.what {
        What::AddressesExhausted { nodes, why, .. } => Some((fact.at, nodes, why.0)),
        _ => None,
    })
}

fn at(seconds: i64) -> Time {
    Time::from_secs(seconds)
}

/// Five nodes of 4 vCPUs are 20. With a quota of 20 they come; with one less the fifth does not:
/// the call fails when the autoscaler asks for it, and the pool is left alone for 5 min.
#[test]
fn a_quota_below_the_failover_need_stops_the_growth() {
    let with = |limit: &str| {
        let capacity = format!("capacity: [{{region: west, {limit}}}]\n");
        failover(SECONDARY, &capacity, "", &["run.horizon=30m"])
    };
    for enough in ["vCpuQuota: 20", "familyQuotas: [{family: standardDSv5Family, vCpus: 20}]"] {
        let finished = with(enough);
        assert_eq!(joined(&finished).len(), 2, "{enough}");
        assert_eq!(backoffs(&finished, "secondary-user"), [], "{enough}");
    }
    for (short, why) in [
        ("vCpuQuota: 19", quota::REGIONAL),
        ("familyQuotas: [{family: standardDSv5Family, vCpus: 19}]", quota::FAMILY),
    ] {
        let finished = with(short);
        let refused = backoffs(&finished, "secondary-user");
        assert_eq!((refused[0].1, refused[0].2), (300, why), "{short}");
        assert!(at(180) < refused[0].0, "{short}: after the loss");
        assert!(1 < refused.len(), "{short}: asked again, and refused again");
        let ordered: u32 = scale_ups(&finished, "secondary-user").iter().map(|one| one.1).sum();
        assert!(ordered <= 1, "{short}: {ordered} nodes beside the three");
    }
}

/// A capacity reservation of five machines holds them whatever else the quota says.
#[test]
fn a_reservation_needs_no_quota() {
    let reserved = SECONDARY.replace("minCount: 3", "capacityReservation: 5, minCount: 3");
    let capacity = "capacity: [{region: west, vCpuQuota: 12, machineRate: 1/h}]\n";
    let finished = failover(&reserved, capacity, "", &["run.horizon=30m"]);
    assert_eq!(joined(&finished).len(), 2);
    assert_eq!(backoffs(&finished, "secondary-user"), []);
    let waits = facts(&finished, |fact| match fact.what {
        What::MachinesWait { nodes, .. } => Some(nodes),
        _ => None,
    });
    assert!(waits.is_empty(), "they are there already");
}

/// The secondary in a /24: 251 addresses are four nodes with 50 pods each (51 addresses).
fn small_subnet(exhaustion: &str) -> String {
    SECONDARY.replace("minCount", "maxPods: 50, minCount").replace(
        "region: west",
        &format!(
            "region: west\n    network: {{plugin: nodeSubnet, nodeSubnetPrefix: 24, \
                 exhaustion: {exhaustion}}}"
        ),
    )
}

/// A /24 is exhausted in the middle of a scale-up: the fifth node finds no address. A cloud that
/// refuses the request says so when it is asked; the facts name the subnet, at the same instant.
#[test]
fn a_full_subnet_refuses_the_fifth_node() {
    let finished = failover(&small_subnet("synchronous"), "", "", &["run.horizon=30m"]);
    let refused = backoffs(&finished, "secondary-user");
    let exhausted = without_address(&finished);
    assert_eq!((refused[0].1, refused[0].2), (300, addresses::EXHAUSTED));
    assert_eq!(exhausted[0].0, refused[0].0);
    assert_eq!(exhausted[0].2, "subnet-exhausted");
    let ordered: u32 = scale_ups(&finished, "secondary-user").iter().map(|one| one.1).sum();
    assert!(ordered <= 1, "one more fits beside the three");
    let larger = small_subnet("synchronous").replace("Prefix: 24", "Prefix: 23");
    let finished = failover(&larger, "", "", &["run.horizon=30m"]);
    assert_eq!(joined(&finished).len(), 2, "a /23 holds them");
    assert_eq!(without_address(&finished), []);
}

/// Where the cloud takes the request, machines that find addresses come; the one that finds none
/// never joins, which the autoscaler sees when it is 15 min overdue.
#[test]
fn a_node_without_address_never_joins() {
    let finished = failover(&small_subnet("asynchronous"), "", "", &["run.horizon=40m"]);
    let exhausted = without_address(&finished);
    assert_eq!((exhausted[0].1, exhausted[0].2), (1, "subnet-exhausted"));
    assert_eq!(joined(&finished).len(), 1);
    let missed = backoffs(&finished, "secondary-user")[0];
    assert_eq!(missed, (exhausted[0].0 + seconds(910), 300, "nodes were not provisioned in time"));
}

/// A /27 for pods has 27 addresses, one batch of 16. The 17th and 18th pod on the node are bound,
/// but have no sandbox until others are gone.
#[test]
fn a_full_pod_subnet_keeps_pods_from_starting() {
    let secondary = "region: west\n    \
                     network: {plugin: podSubnetDynamic, podSubnetPrefix: 27}\n    \
                     pools: [{name: user, vmSize: D4s_v5, count: 1}]";
    let text = format!("{SMALL}faults:\n{LOST}").replace(SECONDARY, secondary);
    let sets = [
        "workloads[web].requests.cpu=200m",
        "workloads[web].hpa.minReplicas=10",
        "workloads[web].hpa.maxReplicas=18",
        "workloads[web].hpa.targetCPUUtilization=20%",
    ];
    let finished = run(&load(&text, &sets), Options::default());
    let refused = facts(&finished, |fact| match fact.what {
        What::PodWithoutAddress { pod, why } => Some((fact.at, pod, why.0)),
        _ => None,
    });
    assert_eq!(refused.len(), 2);
    for &(when, pod, why) in &refused {
        assert_eq!(why, "subnet-exhausted");
        assert!(at(180) < when, "after the loss, at {when}");
        assert!(!finished.world[pod].is_ready(), "it never starts");
    }
    let secondary = finished.samples.clusters.iter().filter(|one| one.cluster.index() == 1);
    assert_eq!(secondary.map(|one| one.ready_pods).max(), Some(16));
}

/// While the region's compute control plane is down every call for machines fails, and what runs
/// goes on: nodes stay, requests are served. After it is back the next try succeeds.
#[test]
fn a_lost_control_plane_freezes_the_growth_only() {
    let freeze = "  - {name: freeze, at: 1m, duration: 20m, computeControlPlaneLoss: \
                  {region: west}}\n";
    let finished = failover(SECONDARY, "", freeze, &["run.horizon=45m"]);
    let refused = backoffs(&finished, "secondary-user");
    assert_eq!((refused[0].1, refused[0].2), (300, api::DOWN));
    let healed = at(60 + 1_200);
    let ordered = scale_ups(&finished, "secondary-user");
    assert!(ordered.iter().all(|(when, _)| healed <= *when), "nothing is made meanwhile");
    let last = refused.iter().rfind(|(when, ..)| *when < healed).expect("refused");
    let again = last.0 + seconds(i64::from(last.1));
    assert_eq!(ordered[0].0, again, "asked again when the back-off ends");
    let lost = facts(&finished, |fact| match fact.what {
        What::NodeDeleted { node, .. } => Some(node),
        _ => None,
    });
    assert_eq!(lost, []);
}

/// A control plane that is lost just after machines were ordered, for ten minutes: they stand still
/// and come ten minutes later; or they come as if nothing had happened; or never.
#[test]
fn machines_under_way_wait_for_the_control_plane() {
    let steady = SECONDARY.replace("minCount", "provisioning: {constant: 5m}, minCount");
    let horizon = ["run.horizon=22m"];
    let ordered = scale_ups(&failover(&steady, "", "", &horizon), "secondary-user")[0].0;
    let lost = ordered + seconds(5);
    let with = |rest: &str| {
        let at_s = lost.as_secs_f64();
        let fault = format!(
            "  - {{name: freeze, at: {at_s}s, duration: 10m, computeControlPlaneLoss: {{region: \
             west{rest}}}}}\n"
        );
        let finished = failover(&steady, "", &fault, &horizon);
        let first: Vec<NodeId> = facts(&finished, |fact| match fact.what {
            What::NodeOrdered { node } if fact.at == ordered => Some(node),
            _ => None,
        });
        assert!(!first.is_empty());
        let joined: Vec<Time> = facts(&finished, |fact| match fact.what {
            What::NodeJoined { node } if first.contains(&node) => Some(fact.at),
            _ => None,
        });
        (first.len(), joined, fates(&finished).1)
    };
    for (rest, after) in [("", 900), (", machinesUnderWay: come", 300)] {
        let (n_ordered, joined, n_failed) = with(rest);
        assert_eq!(joined, vec![ordered + seconds(after); n_ordered], "{rest}");
        assert_eq!(n_failed, 0);
    }
    let (n_ordered, joined, n_failed) = with(", machinesUnderWay: fail");
    assert_eq!((joined, n_failed as usize), (vec![], n_ordered));
}

/// Deallocated machines whose start fails with the control plane are deallocated again, and start
/// anew when it is back.
#[test]
fn starts_under_way_may_fail() {
    let started = starts(&deallocating(""))[0].0;
    let lost = started + seconds(10);
    let (at_s, until) = (lost.as_secs_f64(), lost + seconds(300));
    let finished = deallocating(&format!(
        "  - {{name: freeze, at: {at_s}s, duration: 5m, computeControlPlaneLoss: {{region: west, \
         machinesUnderWay: fail}}}}\n"
    ));
    let all = starts(&finished);
    let at_once: Vec<_> = all.iter().filter(|one| one.0 == started).collect();
    assert!(!at_once.is_empty());
    for (_, _, node) in at_once {
        let of = |one: &&(Time, &'static str, NodeId)| one.2 == *node;
        let mut each = all.iter().filter(of).map(|&(when, why, _)| (when, why));
        assert_eq!(each.next(), Some((started, "granted")));
        assert_eq!(each.next(), Some((lost, "no capacity: it stays deallocated")));
        if let Some((again, why)) = each.next() {
            assert!(until <= again && why == "granted", "{again}: {why}");
        }
    }
    assert!(all.iter().any(|one| until <= one.0), "they are needed still");
}

/// A region that grants one machine every 10 min while its neighbour is lost: the first one comes
/// at once, the others one by one. Boots take 2 min sharp, so instants of joining tell the turns.
#[test]
fn a_stampede_slows_machines_down() {
    let capacity = "capacity: [{region: west, machineRate: 60/min, stampedeMachineRate: 6/h}]\n";
    let steady = SECONDARY.replace("minCount", "provisioning: {constant: 2m}, minCount");
    let finished = failover(&steady, capacity, "", &["run.horizon=40m"]);
    let ordered = scale_ups(&finished, "secondary-user");
    let joined = joined(&finished);
    assert_eq!(joined[0], ordered[0].0 + seconds(120));
    assert_eq!(joined[1], joined[0] + seconds(600));
}

/// Machines of the secondary that were ordered, those of them that failed by lack of capacity, and
/// how many joined.
fn fates(finished: &Finished) -> (u32, u32, u32) {
    let is_ours = |pool: PoolId| finished.world[pool].cluster.index() == 1;
    let each = facts(finished, |fact| match fact.what {
        What::NodeOrdered { node } if is_ours(finished.world[node].pool) => Some((1, 0, 0)),
        What::AllocationFailed { pool, nodes } if is_ours(pool) => Some((0, nodes, 0)),
        What::NodeJoined { node } if is_ours(finished.world[node].pool) => Some((0, 0, 1)),
        _ => None,
    });
    each.into_iter().fold((0, 0, 0), |a, b| (a.0 + b.0, a.1 + b.1, a.2 + b.2))
}

/// Pods that fill a node each and serve two of 15 requests in progress, for an HPA that wants them
/// idle: 16 nodes, where three are. Few requests, which take long, are quick to simulate.
const HUNGRY: [&str; 13] = [
    "workloads[web].requests.cpu=3500m",
    "workloads[web].service.workers=2",
    "workloads[web].service.cpuPerWorker=1700m",
    "workloads[web].queue=20",
    "workloads[web].hpa.minReplicas=3",
    "workloads[web].hpa.targetCPUUtilization=20%",
    "workloads[web].hpa.maxReplicas=16",
    "clusters[primary].pools[user].maxCount=20",
    "clusters[secondary].pools[user].maxCount=20",
    "workloads[web].service.time.exponential.mean=750ms",
    "demands[0].arrivals.constant=20/s",
    "run.warmUp=1m",
    "run.horizon=8m",
];

/// A run of the hungry scenario whose first region is lost.
fn hungry(capacity: &str, sets: &[&str]) -> Finished {
    let text = format!("{SMALL}capacity: [{{region: west, {capacity}}}]\nfaults:\n{LOST}");
    run(&load(&text, &[&HUNGRY[..], sets].concat()), Options::default())
}

/// The dial at its ends: nothing comes, or nothing is changed; it is the stampede's dial as soon as
/// another region is lost, and a size's own goes first.
#[test]
fn the_dial_of_allocations_is_turned_by_the_loss_of_another_region() {
    let with = |dial: &str| fates(&hungry(dial, &[]));
    let free = with("vCpuQuota: 1000");
    assert!(0 < free.0 && free.1 == 0 && 0 < free.2, "{free:?}");
    for (rule, dial, nothing_comes) in [
        ("all", "allocationSuccess: 100%", false),
        ("none", "allocationSuccess: 0%", true),
        ("none in the stampede", "stampedeAllocationSuccess: 0%", true),
        ("all in the stampede", "allocationSuccess: 0%, stampedeAllocationSuccess: 100%", false),
        ("none of the size", "sizes: [{vmSize: D4s_v5, allocationSuccess: 0%}]", true),
        ("none of another size", "sizes: [{vmSize: D8s_v5, allocationSuccess: 0%}]", false),
        (
            "all of the size",
            "allocationSuccess: 0%, sizes: [{vmSize: D4s_v5, allocationSuccess: 100%}]",
            false,
        ),
    ] {
        let found = with(dial);
        if nothing_comes {
            assert!(0 < found.0 && found.1 == found.0 && found.2 == 0, "{rule}: {found:?}");
        } else {
            assert_eq!(found, free, "{rule}");
        }
    }
}

/// Between them it is a probability: over many seeds the share of failed machines is that of the
/// dial within four standard errors of the binomial count.
#[test]
fn the_share_of_failed_machines_is_the_dial() {
    const FAILS: f64 = 0.4;
    let (mut ordered, mut failed) = (0, 0);
    for seed in 0..12 {
        let seed = format!("run.seed={seed}");
        let finished = hungry("stampedeAllocationSuccess: 60%", &[&seed]);
        let (asked, missing, joined) = fates(&finished);
        assert!(missing + joined <= asked, "each comes or fails");
        ordered += asked;
        failed += missing;
    }
    assert!(120 <= ordered, "{ordered} are too few to tell");
    let (n, failed) = (f64::from(ordered), f64::from(failed));
    let error = (n * FAILS * (1.0 - FAILS)).sqrt();
    assert!((failed - n * FAILS).abs() <= 4.0 * error, "{failed} of {n}");
}

/// A region that grants one machine an hour in a stampede and lets nobody wait: one machine of the
/// first order comes, the others fail; with `synchronous` the call fails as a whole.
#[test]
fn machines_beyond_the_pace_fail() {
    let with =
        |rest: &str| hungry(&format!("stampedeMachineRate: 1/h, longestWait: 0s{rest}"), &[]);
    let (asked, missing, joined) = fates(&with(""));
    assert_eq!((joined, missing), (1, asked - 1), "of {asked}");
    let refused = with(", failureVisibility: synchronous");
    assert_eq!(fates(&refused), (0, 0, 0));
    assert_eq!(backoffs(&refused, "secondary-user")[0].2, "the cloud refused the machines");
    let reported = with(", failureVisibility: fastDelete, reportedAfter: 1m");
    let failed_at = facts(&reported, |fact| match fact.what {
        What::AllocationFailed { .. } => Some(fact.at),
        _ => None,
    })[0];
    let left_alone = backoffs(&reported, "secondary-user")[0].0;
    let after = left_alone - failed_at;
    assert!(seconds(60) <= after && after <= seconds(90), "a scan after the report: {after}");
}

/// What binds next is what ends the room for pods first. The HPA wants 20 pods at most, three go on
/// a node: seven nodes, and the pool may have nine. 28 vCPUs are seven nodes.
#[test]
fn headroom_names_quotas_and_addresses() {
    let network =
        |rest: &str| SECONDARY.replace("pools:", &format!("network: {{{rest}}}\n    pools:"));
    let quota = |vcpus: u32| format!("capacity: [{{region: west, vCpuQuota: {vcpus}}}]\n");
    let overlay = |prefix: u32| network(&format!("plugin: overlay, podCidrPrefix: {prefix}"));
    for (secondary, sections, binding) in [
        (SECONDARY.to_owned(), String::new(), Binding::HpaMaxReplicas),
        (SECONDARY.to_owned(), quota(28), Binding::HpaMaxReplicas),
        (SECONDARY.to_owned(), quota(27), Binding::VcpuQuota),
        // A /21 has eight /24 ranges, one for each node; a /22 has four.
        (overlay(21), String::new(), Binding::HpaMaxReplicas),
        (overlay(22), String::new(), Binding::Addresses),
        // The scarcer of both.
        (overlay(22), quota(12), Binding::VcpuQuota),
    ] {
        let text = SMALL.replace(SECONDARY, &secondary) + &sections;
        let sets = ["run.warmUp=1m", "run.horizon=1m"];
        let outcome = trial(&load(&text, &[&TIGHT[..], &sets].concat())).outcome;
        let found = outcome.headroom.iter().find(|one| one.cluster == "secondary");
        let found = found.expect("every cluster has its row").binding;
        assert_eq!(found, Some(binding), "{secondary} {sections}");
    }
}

/// A size that the region does not sell is refused; where only one zone does not, another is taken.
#[test]
fn restricted_sizes_are_refused() {
    let nowhere = "capacity: [{region: west, restricted: [{vmSize: D4s_v5}]}]\n";
    let finished = failover(SECONDARY, nowhere, "", &["run.horizon=30m"]);
    let refused = backoffs(&finished, "secondary-user")[0];
    assert_eq!(refused.2, "the region does not sell this size");
    assert_eq!(joined(&finished), []);
    let one_zone = "capacity: [{region: west, restricted: [{vmSize: D4s_v5, zones: [1]}]}]\n";
    let finished = failover(SECONDARY, one_zone, "", &["run.horizon=30m"]);
    assert_eq!(backoffs(&finished, "secondary-user"), []);
    let zones: Vec<usize> = facts(&finished, |fact| match fact.what {
        What::NodeOrdered { node } => Some(finished.world[node].zone.index()),
        _ => None,
    });
    assert!(!zones.is_empty() && !zones.contains(&3), "west-1 is the fourth zone: {zones:?}");
}

/// One update of a scale set a minute: the second of two scans in a row is throttled.
#[test]
fn a_scale_set_takes_so_many_updates() {
    let capacity = |burst| {
        format!(
            "capacity: [{{region: west, scaleSetUpdateBurst: {burst}, scaleSetUpdateRefill: 1}}]\n"
        )
    };
    let one_by_one = "clusters[secondary].autoscaler.maxNodesPerScaleUp=1";
    let sets = ["run.horizon=30m", one_by_one];
    let finished = failover(SECONDARY, &capacity(1), "", &sets);
    let throttled = backoffs(&finished, "secondary-user")[0];
    assert_eq!((throttled.1, throttled.2), (300, api::THROTTLED));
    let before = scale_ups(&finished, "secondary-user")[0].0;
    assert!(throttled.0 < before + seconds(60), "within the minute");
    let finished = failover(SECONDARY, &capacity(2), "", &sets);
    assert_eq!(backoffs(&finished, "secondary-user"), []);
}

/// The secondary deallocates what it does not need; the first loss makes it grow, and after that
/// it shrinks again.
fn deallocating(faults: &str) -> Finished {
    let text = format!(
        "{SMALL}faults:\n  \
         - {{name: first, at: 3m, duration: 10m, regionLoss: {{region: east}}}}\n  \
         - {{name: second, at: 60m, regionLoss: {{region: east}}}}\n{faults}"
    );
    let mode = SECONDARY.replace("minCount", "scaleDownMode: Deallocate, minCount");
    let text = text.replace(SECONDARY, &mode);
    run(&load(&text, &[&TIGHT[..], &[LOAD, "run.horizon=90m"]].concat()), Options::default())
}

/// Starts of deallocated machines, as (instant, answer of the cloud, node).
fn starts(finished: &Finished) -> Vec<(Time, &'static str, NodeId)> {
    facts(finished, |fact| match fact.what {
        What::NodeStarted { node, why } => Some((fact.at, why.0, node)),
        _ => None,
    })
}

/// Nodes that are not needed are deallocated; when they are needed again all of them start, within
/// the two minutes of a boot, before any machine is ordered.
#[test]
fn deallocated_machines_start_first() {
    let finished = deallocating("");
    let second = at(3_600);
    let stopped = facts(&finished, |fact| match fact.what {
        What::NodeDeallocated { node } if fact.at < second => Some(node),
        _ => None,
    });
    assert!(!stopped.is_empty(), "the first loss called for more than is needed after it");
    let started: Vec<_> = starts(&finished).into_iter().take(stopped.len()).collect();
    assert!(started.iter().all(|(when, why, _)| second < *when && *why == "granted"));
    for &node in &stopped {
        let start = started.iter().find(|one| one.2 == node).expect("it is started").0;
        let back = facts(&finished, |fact| match fact.what {
            What::NodeBack { node: other } if other == node && start < fact.at => Some(fact.at),
            _ => None,
        })[0];
        assert!(start + seconds(60) <= back && back <= start + seconds(120), "{start} to {back}");
    }
    let last = started.last().expect("some are").0;
    let ordered = facts(&finished, |fact| match fact.what {
        What::NodeOrdered { .. } if second < fact.at => Some(fact.at),
        _ => None,
    });
    assert!(ordered.iter().all(|when| last <= *when), "they come first");
}

/// Without capacity they cannot start. Nobody backs off (Azure/AKS issue 5589): scans try
/// again and again.
#[test]
fn failed_starts_do_not_back_off() {
    let short = "  - {name: crunch, at: 50m, allocationFailure: {cluster: secondary, \
                 visibility: fastDelete}}\n";
    let finished = deallocating(short);
    let failed = starts(&finished);
    assert!(failed.iter().all(|(_, why, _)| *why == "no capacity: it stays deallocated"));
    let mut instants: Vec<Time> = failed.iter().map(|(when, ..)| *when).collect();
    instants.dedup();
    assert!(60 < instants.len(), "{} scans tried", instants.len());
    // A scan that finds a pod of less than 2 s waits for the next one.
    assert!(instants.windows(2).all(|pair| pair[1] <= pair[0] + Span::from_secs(30)));
    let backed_off = backoffs(&finished, "secondary-user");
    assert!(backed_off.is_empty(), "{backed_off:?}");
}

/// On a prepared image the first container of a new node starts without a pull.
#[test]
fn prepared_images_save_the_pull() {
    let start_after_joining = |secondary: &str| {
        let finished = failover(secondary, "", "", &["workloads[web].image=2Gi"]);
        let from = joined(&finished)[0];
        let started = facts(&finished, |fact| match fact.what {
            What::ContainerStarted { pod } if from <= fact.at => {
                let node = finished.world[pod].node?;
                (finished.world[node].joined_at == from).then_some(fact.at)
            }
            _ => None,
        });
        started[0] - from
    };
    let prepared = SECONDARY.replace("minCount", "preparedImages: true, minCount");
    let pull = start_after_joining(SECONDARY) - start_after_joining(&prepared);
    assert!(seconds(20) <= pull && pull <= seconds(21), "2 GiB at 100 MiB/s are 20.48 s: {pull}");
}
