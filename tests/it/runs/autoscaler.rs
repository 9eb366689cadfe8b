//! The cluster autoscaler in whole runs, each instant derived from its rules and the facts before.
//!
//! A loop every 10 s, at a phase that is drawn once ([`Scans`]). A pod calls for nodes once the
//! scheduler has refused it and it is 2 s old. Comparisons with deadlines are strict, so on the
//! grid a time-out of 900 s shows after 910 s, and 600 s of being unneeded after 610 s.

use tideover::control::Chance;
use tideover::model::fact::{Fact, What};
use tideover::model::ids::{NodeId, PodId};
use tideover::simulation::{Finished, Options};
use tideover::units::{Span, Time};

use super::{SMALL, load, run, small};

/// Scans of one cluster's autoscaler.
struct Scans {
    first: Time,
}

const PERIOD: Span = Span::from_secs(10);

impl Scans {
    /// The scans of a cluster in the small scenario: seed 7, warm-up from -10 min.
    fn of(cluster: &str) -> Self {
        let phase = Chance::independent(7, 0).phase("scan-phase", cluster, PERIOD);
        Self { first: Time::from_secs(-600) + phase }
    }

    /// The first scan at or after an instant.
    fn from(&self, at: Time) -> Time {
        at.next_on_grid(self.first, PERIOD)
    }

    /// The first scan after an instant.
    fn after(&self, at: Time) -> Time {
        self.from(at + Span::from_nanos(1))
    }
}

pub(super) fn facts<T>(finished: &Finished, pick: impl Fn(&Fact) -> Option<T>) -> Vec<T> {
    finished.facts.facts().iter().filter_map(pick).collect()
}

pub(super) fn seconds(span: i64) -> Span {
    Span::from_secs(span)
}

/// Scale-ups of a pool, as (instant, nodes).
pub(super) fn scale_ups(finished: &Finished, name: &str) -> Vec<(Time, u32)> {
    facts(finished, |fact| match fact.what {
        What::ScaleUp { pool, nodes, .. } if finished.world.pool_name(pool) == name => {
            Some((fact.at, nodes))
        }
        _ => None,
    })
}

/// Back-offs of a pool, as (instant, seconds, reason).
pub(super) fn backoffs(finished: &Finished, name: &str) -> Vec<(Time, u32, &'static str)> {
    facts(finished, |fact| match fact.what {
        What::PoolBackedOff { pool, seconds, why } if finished.world.pool_name(pool) == name => {
            Some((fact.at, seconds, why.0))
        }
        _ => None,
    })
}

/// Deleted nodes of a pool with the reason.
fn deletions(finished: &Finished, name: &str) -> Vec<(Time, &'static str)> {
    facts(finished, |fact| match fact.what {
        What::NodeDeleted { node, why }
            if finished.world.pool_name(finished.world[node].pool) == name =>
        {
            Some((fact.at, why.0))
        }
        _ => None,
    })
}

/// The whole load comes to the secondary, which has to grow.
const LOSE_EAST: &str =
    "faults:\n  - {name: lose-east, at: 3m, duration: 10m, regionLoss: {region: east}}\n";

/// Pods of 1 CPU, three on a node, each good for 40 requests/s; the 300/s of the small scenario
/// then want 13 of them at 60 %, and the secondary's three nodes hold nine.
pub(super) const TIGHT: [&str; 4] = [
    "workloads[web].requests.cpu=1",
    "workloads[web].service.workers=2",
    "workloads[web].service.cpuPerWorker=500m",
    "workloads[web].queue=20",
];

/// Of which ten pods are enough: all that is missing is one node, so nothing is ordered after it.
/// (A later order would set the deadline of the earlier one anew.)
const ONE_NODE: &str = "demands[0].arrivals.constant=240/s";

/// The loss of the first region while the second one is short of machines.
fn crunch(visibility: &str) -> String {
    format!(
        "{LOSE_EAST}  - {{name: crunch, at: 1m, allocationFailure: {{cluster: secondary, \
         pool: user, visibility: {visibility}}}}}\n"
    )
}

/// Two pools: the first one by priority, the other one if that is left alone.
fn two_pools(faults: &str, sets: &[&str]) -> Finished {
    let text = format!("{SMALL}{faults}").replace(
        "region: west\n    pools: [{name: user, vmSize: D4s_v5, minCount: 3, maxCount: 9}]",
        "region: west\n    autoscaler: {expander: 'priority,random', expanderPriorities: \
         {50: [user], 10: [.*]}, scaleDownEnabled: false}\n    pools:\n      \
         - {name: user, vmSize: D4s_v5, minCount: 3, maxCount: 9}\n      \
         - {name: spare, vmSize: D4s_v5, minCount: 0, maxCount: 9}",
    );
    let sets = [&TIGHT[..], &["faults[lose-east].duration=5h"], sets].concat();
    run(&load(&text, &sets), Options::default())
}

/// The first scan that sees a refused pod of 2 s or more orders nodes.
#[test]
fn nodes_are_ordered_by_the_first_scan_that_may() {
    let finished = run(&small(LOSE_EAST, &TIGHT), Options::default());
    let pods: Vec<(Time, PodId)> = facts(&finished, |fact| match fact.what {
        What::PodUnschedulable { pod, .. } => Some((fact.at, pod)),
        _ => None,
    });
    let (refused_at, first) = pods[0];
    let created_at = finished.world[first].created_at;
    let scans = Scans::of("secondary");
    let expected = scans.from(refused_at.max(created_at + seconds(2)));
    let ordered = scale_ups(&finished, "secondary-user");
    assert_eq!(ordered[0].0, expected, "refused at {refused_at}, created at {created_at}");
    let joined = facts(&finished, |fact| match fact.what {
        What::NodeJoined { .. } => Some(fact.at),
        _ => None,
    });
    assert!(expected < joined[0], "machines take time");
}

/// Machines that nobody knows to have failed are missed when they are 15 min overdue. Then the
/// pool is left alone for 5 min, they are deleted, and the same loop turns to the other pool. The
/// next failure after the end of the back-off doubles it.
#[test]
fn an_invisible_failure_costs_a_quarter_of_an_hour() {
    let finished = two_pools(&crunch("asynchronous"), &["run.horizon=90m", ONE_NODE]);
    let user = scale_ups(&finished, "secondary-user");
    let failures = backoffs(&finished, "secondary-user");
    let first = failures[0];
    let before: Vec<_> = user.iter().filter(|(at, _)| *at < first.0).collect();
    let last = before.last().expect("the pool was tried first").0;
    let overdue = Scans::of("secondary").after(last + seconds(900));
    assert_eq!(overdue, last + seconds(910), "a deadline on the grid is not over yet");
    assert_eq!(first, (overdue, 300, "nodes were not provisioned in time"));
    let given_up = deletions(&finished, "secondary-user");
    let ordered: u32 = before.iter().map(|(_, nodes)| nodes).sum();
    let in_time =
        given_up.iter().filter(|(at, why)| *at <= overdue && *why == "not provisioned in time");
    assert_eq!(in_time.count(), ordered as usize, "machines of every order are given up");
    let spare = scale_ups(&finished, "secondary-spare");
    assert_eq!(spare[0].0, overdue, "the other pool grows in the same loop");
    assert!(backoffs(&finished, "secondary-spare").is_empty());
}

/// With nothing else to grow the pool is tried again when its back-off ends, fails again, and is
/// left alone for twice as long, up to half an hour.
#[test]
fn repeated_failures_double_the_back_off() {
    let more = [
        ONE_NODE,
        "run.horizon=3h",
        "faults[lose-east].duration=5h",
        "clusters[secondary].autoscaler.scaleDownEnabled=false",
    ];
    let sets = [&TIGHT[..], &more].concat();
    let finished = run(&small(&crunch("asynchronous"), &sets), Options::default());
    let failures = backoffs(&finished, "secondary-user");
    let lengths: Vec<u32> = failures.iter().map(|failure| failure.1).collect();
    assert_eq!(lengths[..5], [300, 600, 1200, 1800, 1800]);
    let orders = scale_ups(&finished, "secondary-user");
    for pair in failures.windows(2) {
        let again = pair[0].0 + seconds(i64::from(pair[0].1));
        assert!(orders.iter().any(|(at, _)| *at == again), "tried again at {again}");
        assert_eq!(pair[1].0, again + seconds(910));
    }
}

/// With fast delete the second scan after the order sees the failure (15 s on a grid of 10 s), as
/// in the log of the provider's authors: the machines go, and the other pool grows at once.
#[test]
fn fast_delete_turns_to_the_other_pool_after_20_s() {
    let finished = two_pools(&crunch("fastDelete"), &["run.horizon=30m"]);
    let ordered = scale_ups(&finished, "secondary-user")[0];
    let failed = backoffs(&finished, "secondary-user")[0];
    assert_eq!(failed, (ordered.0 + seconds(20), 300, "the cloud is out of capacity"));
    let gone = deletions(&finished, "secondary-user");
    let at_once = gone.iter().filter(|(at, _)| *at == failed.0).count();
    assert_eq!(at_once, ordered.1 as usize);
    assert!(gone.iter().all(|(_, why)| *why == "its machine could not be allocated"));
    assert_eq!(scale_ups(&finished, "secondary-spare")[0].0, failed.0);
}

/// A call that fails orders nothing and ends the loop: the other pool grows one scan later.
#[test]
fn a_refused_call_backs_off_at_once() {
    let finished = two_pools(&crunch("synchronous"), &["run.horizon=30m"]);
    assert_eq!(scale_ups(&finished, "secondary-user"), []);
    let refused = backoffs(&finished, "secondary-user")[0];
    assert_eq!((refused.1, refused.2), (300, "the cloud refused the machines"));
    assert_eq!(Scans::of("secondary").from(refused.0), refused.0);
    assert_eq!(scale_ups(&finished, "secondary-spare")[0].0, refused.0 + PERIOD);
}

/// What is left is had before the rest fails; a shortage of one zone is none for a pool that has
/// others.
#[test]
fn a_partial_shortage_fails_in_part() {
    let faults = crunch("fastDelete").replace("pool: user", "pool: user, available: 1");
    let finished = two_pools(&faults, &["run.horizon=30m"]);
    let lost: u32 = facts(&finished, |fact| match fact.what {
        What::AllocationFailed { nodes, .. } => Some(nodes),
        _ => None,
    })
    .iter()
    .sum();
    let ordered: u32 = scale_ups(&finished, "secondary-user").iter().map(|(_, nodes)| nodes).sum();
    assert_eq!(lost, ordered - 1);
    let one_zone = crunch("fastDelete").replace("pool: user", "pool: user, zones: [1]");
    let finished = two_pools(&one_zone, &["run.horizon=30m"]);
    assert_eq!(backoffs(&finished, "secondary-user"), []);
    let zones: Vec<usize> = facts(&finished, |fact| match fact.what {
        What::NodeOrdered { node } => Some(finished.world[node].zone.index()),
        _ => None,
    });
    assert!(!zones.is_empty() && !zones.contains(&3), "west-1 is the fourth zone: {zones:?}");
}

/// Two even zones: one lost is half of the nodes, more than 45 % and more than 3, so the
/// autoscaler halts with the fifth silent node of ten, at the next scan, and goes on when enough
/// of them are back. Of three even zones one lost is 33 %: it goes on.
#[test]
fn losing_one_of_two_zones_halts_the_autoscaler() {
    for (zones, nodes, halts) in [(2, 10, true), (3, 12, false)] {
        let text = format!(
            "{SMALL}faults:\n  - {{name: zone, at: 2m, duration: 8m, \
             zoneLoss: {{region: east, zone: 1}}}}\n"
        )
        .replace("{name: east, zones: 3}", &format!("{{name: east, zones: {zones}}}"));
        let sets = [
            format!("clusters[primary].pools[user].minCount={nodes}"),
            format!("clusters[primary].pools[user].maxCount={}", 2 * nodes),
        ];
        let finished = run(&load(&text, &[&sets[0], &sets[1]]), Options::default());
        let halted: Vec<(Time, bool)> = facts(&finished, |fact| match fact.what {
            What::AutoscalerHalted { halted, .. } => Some((fact.at, halted)),
            _ => None,
        });
        let readiness: Vec<(Time, bool)> = facts(&finished, |fact| match fact.what {
            What::NodeReadiness { status, .. } => Some((fact.at, status.0 == "Ready")),
            _ => None,
        });
        let silent: Vec<Time> =
            readiness.iter().filter(|(_, ready)| !ready).map(|(at, _)| *at).collect();
        assert_eq!(silent.len(), nodes / zones);
        let back = readiness.iter().find(|(_, ready)| *ready).expect("the zone comes back").0;
        let scans = Scans::of("primary");
        let expected = [(scans.from(silent[nodes / zones - 1]), true), (scans.from(back), false)];
        assert_eq!(halted, if halts { &expected[..] } else { &[] }, "{zones} zones");
    }
}

/// Pods of 2 CPU on nodes of 3.86: one pod a node, which is 52 % of it, so a node is unneeded
/// from its last pod's end on. It is marked by the first scan at which it has been for more than
/// 10 min, 10 min after the last scale-up at the earliest, and deleted 5 s later.
#[test]
fn unneeded_nodes_go_after_ten_minutes() {
    let sets = [
        "run.horizon=90m",
        "workloads[web].requests.cpu=2",
        "workloads[web].service.cpuPerWorker=240m",
        "workloads[web].hpa.minReplicas=3",
        "demands[0].arrivals={steps: [{at: 0s, rate: 250/s}, {at: 5m, rate: 500/s}, \
         {at: 20m, rate: 150/s}]}",
    ];
    let finished = run(&small("", &sets), Options::default());
    let scans = Scans::of("primary");
    let last_added = scale_ups(&finished, "primary-user").last().expect("it grew first").0;
    let marked: Vec<(Time, NodeId, u32)> = facts(&finished, |fact| match fact.what {
        What::ScaleDown { node, pods } => Some((fact.at, node, pods)),
        _ => None,
    });
    assert!(!marked.is_empty(), "the premise: it shrinks");
    for &(at, node, pods) in &marked {
        let on_node = facts(&finished, |fact| match fact.what {
            What::PodScheduled { pod, node: on } if on == node => Some(pod),
            _ => None,
        });
        let empty_since = facts(&finished, |fact| match fact.what {
            What::PodGone { pod } if on_node.contains(&pod) => Some(fact.at),
            _ => None,
        });
        let Some(&empty_since) = empty_since.last() else { continue };
        let unneeded_since = scans.from(empty_since);
        let ripe = scans.after(unneeded_since + seconds(600));
        let expected = ripe.max(scans.from(last_added + seconds(600)));
        assert_eq!((at, pods), (expected, 0), "empty since {empty_since}");
        let gone = facts(&finished, |fact| match fact.what {
            What::NodeDeleted { node: gone, .. } if gone == node => Some(fact.at),
            _ => None,
        });
        assert_eq!(gone, [at + seconds(5)]);
    }
}

/// Nine of thirteen pods go with the load, and nodes are left with few pods each.
fn thinned_out(budget: &str) -> Finished {
    let budget = format!("workloads[web].podDisruptionBudget={{maxUnavailable: {budget}}}");
    let steps = "demands[0].arrivals={steps: [{at: 0s, rate: 300/s}, {at: 5m, rate: 60/s}]}";
    let sets = [&TIGHT[..], &[&budget, steps, "run.horizon=70m"]].concat();
    run(&small("", &sets), Options::default())
}

/// Nodes that were marked, with when and how many pods they had.
fn marked(finished: &Finished) -> Vec<(Time, NodeId, u32)> {
    facts(finished, |fact| match fact.what {
        What::ScaleDown { node, pods } => Some((fact.at, node, pods)),
        _ => None,
    })
}

/// A budget without a single eviction keeps every node that has a pod of it.
#[test]
fn a_budget_of_nothing_keeps_nodes_with_pods() {
    let finished = thinned_out("0");
    assert!(marked(&finished).iter().all(|(_, _, pods)| *pods == 0), "only empty nodes go");
}

/// With a budget of one, pods are evicted 5 s after the mark, refused ones 10 s later again, and
/// the node goes with the first look, every 5 s from the last eviction on, that finds them gone.
#[test]
fn drains_go_by_the_budget() {
    let finished = thinned_out("1");
    let drains: Vec<_> = marked(&finished).into_iter().filter(|(_, _, pods)| 0 < *pods).collect();
    assert!(!drains.is_empty(), "the premise: nodes with pods are unneeded");
    for (at, node, pods) in drains {
        let evicted: Vec<(Time, PodId)> = facts(&finished, |fact| match fact.what {
            What::PodDeleted { pod, why }
                if why.0.contains("node is scaled down")
                    && finished.world[pod].node == Some(node) =>
            {
                Some((fact.at, pod))
            }
            _ => None,
        });
        assert_eq!(evicted.len(), pods as usize);
        for (index, (evicted_at, _)) in evicted.iter().enumerate() {
            let first = at + seconds(5);
            assert_eq!(*evicted_at, evicted_at.next_on_grid(first, seconds(10)));
            assert!(index > 0 || *evicted_at == first, "the first one is not refused");
        }
        let one_by_one = evicted.windows(2).all(|pair| pair[0].0 < pair[1].0);
        assert!(one_by_one, "a budget of one: {evicted:?}");
        let gone = facts(&finished, |fact| match fact.what {
            What::PodGone { pod } if evicted.iter().any(|one| one.1 == pod) => Some(fact.at),
            _ => None,
        });
        let last_evicted = evicted.last().expect("it has pods").0;
        let last_gone = *gone.last().expect("they stop");
        let deleted = facts(&finished, |fact| match fact.what {
            What::NodeDeleted { node: gone, .. } if gone == node => Some(fact.at),
            _ => None,
        });
        // A pod that goes at the very instant of a look is seen by the next one.
        let seen_from = last_gone + Span::from_nanos(1);
        assert_eq!(deleted, [seen_from.next_on_grid(last_evicted, seconds(5))]);
    }
}

/// Pods with a long preStop hook get their own grace period in a drain, but not more than
/// `maxGracefulTermination`: the hook is cut off there, and SIGKILL comes 2 s later at most.
#[test]
fn a_drain_caps_the_grace_period() {
    for (most_s, grace_s) in [(60, 60), (600, 300)] {
        let steps = "demands[0].arrivals={steps: [{at: 0s, rate: 300/s}, {at: 5m, rate: 60/s}]}";
        let most = format!("clusters[primary].autoscaler.maxGracefulTermination={most_s}s");
        let hook = ["workloads[web].preStopSleep=20m", "run.horizon=70m"];
        let grace = "workloads[web].terminationGracePeriodSeconds=300";
        let sets = [&TIGHT[..], &hook, &[steps, &most, grace]].concat();
        let finished = run(&small("", &sets), Options::default());
        let evicted: Vec<(Time, PodId)> = facts(&finished, |fact| match fact.what {
            What::PodDeleted { pod, why } if why.0.contains("node is scaled down") => {
                Some((fact.at, pod))
            }
            _ => None,
        });
        assert!(!evicted.is_empty(), "the premise: nodes are drained");
        for (at, pod) in evicted {
            let gone = facts(&finished, |fact| match fact.what {
                What::PodGone { pod: gone } if gone == pod => Some(fact.at),
                _ => None,
            });
            let [gone] = gone[..] else { continue };
            let least = at + seconds(grace_s);
            assert!(least <= gone && gone <= least + seconds(2), "{at}: {gone}, cap {most_s}");
        }
    }
}

/// A workload whose pods are not safe to evict keeps every node that has one of them; the same
/// nodes are drained if they are.
#[test]
fn pods_that_are_not_safe_to_evict_keep_their_nodes() {
    for (safe, drains) in [("true", true), ("false", false)] {
        let set = format!("workloads[web].safeToEvict={safe}");
        let steps = "demands[0].arrivals={steps: [{at: 0s, rate: 300/s}, {at: 5m, rate: 60/s}]}";
        let sets = [&TIGHT[..], &[&set, steps, "run.horizon=70m"]].concat();
        let finished = run(&small("", &sets), Options::default());
        let drained = marked(&finished).iter().any(|(_, _, pods)| 0 < *pods);
        assert_eq!(drained, drains, "safeToEvict: {safe}");
    }
}

/// From 1.35 on a loop that ordered nodes is followed by another 0.1 s later, before by the next
/// one of the grid at the soonest. With one node in each scale-up two nodes take two loops.
#[test]
fn frequent_loops_follow_at_once() {
    for (profile, between) in [("k8s-1.33", PERIOD), ("k8s-1.35", Span::from_millis(100))] {
        let profile = format!("profile={profile}");
        let one = "clusters[secondary].autoscaler.maxNodesPerScaleUp=1";
        let more = [profile.as_str(), one, "demands[0].arrivals.constant=500/s"];
        let finished = run(&small(LOSE_EAST, &[&TIGHT[..], &more].concat()), Options::default());
        let orders = scale_ups(&finished, "secondary-user");
        assert!(orders.iter().all(|(_, nodes)| *nodes == 1), "{orders:?}");
        let soonest = orders.windows(2).map(|pair| pair[1].0 - pair[0].0).min();
        assert_eq!(soonest, Some(between), "{profile}: {orders:?}");
    }
}

/// Two alike pools of two nodes each share every scale-up, so that they never differ by more than
/// one node; without balancing one of them takes all of it.
#[test]
fn similar_groups_are_balanced() {
    let text = format!("{SMALL}{LOSE_EAST}").replace(
        "region: west\n    pools: [{name: user, vmSize: D4s_v5, minCount: 3, maxCount: 9}]",
        "region: west\n    autoscaler: {expander: 'priority,random', expanderPriorities: \
         {50: [user], 10: [.*]}}\n    pools:\n      \
         - {name: user, vmSize: D4s_v5, minCount: 2, maxCount: 9}\n      \
         - {name: spare, vmSize: D4s_v5, minCount: 2, maxCount: 9}",
    );
    for (balanced, most) in [(true, 1), (false, u32::MAX)] {
        let flag = format!("clusters[secondary].autoscaler.balanceSimilarNodeGroups={balanced}");
        let more = ["demands[0].arrivals.constant=500/s", flag.as_str()];
        let finished = run(&load(&text, &[&TIGHT[..], &more].concat()), Options::default());
        let orders = ["secondary-user", "secondary-spare"].map(|pool| scale_ups(&finished, pool));
        let mut instants: Vec<Time> = orders.iter().flatten().map(|order| order.0).collect();
        instants.sort_unstable();
        assert!(!instants.is_empty());
        let mut worst = 0;
        for at in instants {
            let until = |orders: &Vec<(Time, u32)>| -> u32 {
                orders.iter().filter(|order| order.0 <= at).map(|order| order.1).sum()
            };
            worst = worst.max(until(&orders[0]).abs_diff(until(&orders[1])));
        }
        assert!(worst <= most, "they differ by {worst}");
        assert!(balanced || 1 < worst, "the premise: alone they grow apart");
    }
}

/// A limit of four nodes for the cluster, three of which are there: one is ordered, and then the
/// autoscaler says why it orders no more.
#[test]
fn the_total_of_nodes_is_limited() {
    let total = "clusters[secondary].autoscaler.maxNodesTotal=4";
    let more = ["demands[0].arrivals.constant=500/s", total];
    let finished = run(&small(LOSE_EAST, &[&TIGHT[..], &more].concat()), Options::default());
    let orders = scale_ups(&finished, "secondary-user");
    assert!(matches!(orders[..], [(_, 1)]), "{orders:?}");
    let failed = facts(&finished, |fact| match fact.what {
        What::ScaleUpFailed { why, .. } => Some(why.0),
        _ => None,
    });
    assert!(failed.contains(&"the cluster is at its maximum of nodes"), "{failed:?}");
}

/// What fits on a new node decides how many are ordered: three pods of 1 CPU on 3.86, two beside
/// DaemonSets of 0.9, one where the pods keep away from each other.
#[test]
fn orders_are_as_many_as_pods_need() {
    let daemons = "clusters[secondary].pools[user].daemonSets.cpu=900m";
    let apart = "workloads[web].affinity={podAntiAffinity: \
                 {requiredDuringSchedulingIgnoredDuringExecution: \
                 [{topologyKey: kubernetes.io/hostname}]}}";
    let small_hpa = "workloads[web].hpa.minReplicas=3";
    for (rule, sets, per_node) in [
        ("pods alone", vec![], 3),
        ("DaemonSets", vec![daemons], 2),
        ("anti-affinity", vec![apart, small_hpa, "demands[0].arrivals.constant=150/s"], 1),
    ] {
        let finished = run(&small(LOSE_EAST, &[&TIGHT[..], &sets].concat()), Options::default());
        let orders = facts(&finished, |fact| match fact.what {
            What::ScaleUp { nodes, pods, pool }
                if finished.world.pool_name(pool) == "secondary-user" =>
            {
                Some((nodes, pods))
            }
            _ => None,
        });
        assert!(!orders.is_empty(), "{rule}");
        for (nodes, pods) in orders {
            assert_eq!(nodes, pods.div_ceil(per_node), "{rule}: {pods} pods");
        }
    }
}
