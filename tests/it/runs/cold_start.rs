//! Clusters that are stopped and started, and pools that are upgraded: what people do, and how the
//! cloud says no to it.

use tideover::control::Chance;
use tideover::control::cloud::{api, quota};
use tideover::model::fact::What;
use tideover::sim::streams::unit;
use tideover::simulation::{Finished, Options};
use tideover::units::{Span, Time};

use super::autoscaler::{facts, seconds};
use super::{SMALL, load, run};

/// The first region is lost for good; the secondary is stopped and starts a minute later.
fn passive_cold(more: &str, sets: &[&str]) -> Finished {
    let text = format!(
        "{SMALL}faults:\n  - {{name: lose-east, at: 3m, regionLoss: {{region: east}}}}\n{more}"
    );
    let text = text.replace("    region: west\n", "    region: west\n    state: stopped\n");
    let text = format!(
        "{text}operations:\n  - {{name: start, at: 4m, startCluster: \
                        {{cluster: secondary}}}}\n"
    );
    run(&load(&text, &[&["run.horizon=40m"], sets].concat()), Options::default())
}

/// How operations ended, as (instant, whether they were done, reason).
fn ends(finished: &Finished) -> Vec<(Time, bool, &'static str)> {
    facts(finished, |fact| match fact.what {
        What::OperationDone { why, .. } => Some((fact.at, true, why.0)),
        What::OperationFailed { why, .. } => Some((fact.at, false, why.0)),
        _ => None,
    })
}

/// Instants at which nodes join.
fn joined(finished: &Finished) -> Vec<Time> {
    facts(finished, |fact| match fact.what {
        What::NodeJoined { .. } => Some(fact.at),
        _ => None,
    })
}

fn at(seconds: i64) -> Time {
    Time::from_secs(seconds)
}

/// Between 2 and 10 min after the call the machines are ordered, as many as there were; nothing of
/// the cluster is there before. When they have joined it serves.
#[test]
fn a_stopped_cluster_starts_when_it_is_needed() {
    let finished = passive_cold("", &[]);
    let end = ends(&finished)[0];
    assert_eq!((end.1, end.2), (true, "its machines are on order"));
    let called = at(240);
    assert!(called + seconds(120) <= end.0 && end.0 <= called + seconds(600), "{}", end.0);
    let joined = joined(&finished);
    assert!(3 <= joined.len() && end.0 < joined[0], "its three nodes, and what the load wants");
    let secondary: Vec<_> =
        finished.samples.clusters.iter().filter(|one| one.cluster.index() == 1).collect();
    let before = secondary.iter().take_while(|one| one.at < end.0);
    assert!(before.into_iter().all(|one| one.nodes == 0 && one.pods == 0 && !one.serving));
    let last = secondary.last().expect("there are samples");
    assert!(last.serving && 4 <= last.ready_pods, "it carries the load: {last:?}");
}

/// When an operation begins that answers the loss of the east, which is repaired at 13 min, and
/// how long its alert and its decision take.
fn answer(workspace: &str) -> (Time, Span) {
    let text = format!(
        "{SMALL}{workspace}faults:\n  - {{name: lose-east, at: 3m, duration: 10m, \
         regionLoss: {{region: east}}}}\noperations:\n  - {{name: answer, drain: {{cluster: \
         secondary, nodes: 1}}, after: {{fault: lose-east, decision: {{uniform: {{min: 1m, max: \
         5m}}}}}}}}\n"
    );
    let finished = run(&load(&text, &["run.horizon=30m"]), Options::default());
    let begins = facts(&finished, |fact| match fact.what {
        What::OperationStarted { .. } => Some(fact.at),
        _ => None,
    });
    let chance = Chance::independent(7, 0);
    let draw = |purpose| unit(chance.draw(purpose, "answer", 0));
    let lag = if workspace.is_empty() { 20.0 + 160.0 * draw("alert-lag") } else { 100.0 };
    let decision = 60.0 + 240.0 * draw("decision");
    (begins[0], Span::from_secs_f64(lag) + Span::from_secs_f64(decision))
}

/// An operation that answers a fault begins after its alert, within 20 s to 3 min or after the lag
/// of the workspace, and the time of the decision. A workspace in the lost region tells of the loss
/// only once it is back.
#[test]
fn an_operation_answers_a_fault() {
    let workspace = |region: &str| {
        format!(
            "dependencies: [{{name: logs, region: {region}, logAnalytics: \
             {{alertLag: {{constant: 100s}}}}}}]\n"
        )
    };
    for (name, workspace, from) in [
        ("no workspace", String::new(), 180),
        ("a workspace elsewhere", workspace("west"), 180),
        ("a workspace that is lost, too", workspace("east"), 780),
    ] {
        let (begins, wait) = answer(&workspace);
        assert_eq!(begins, at(from) + wait, "{name}");
    }
}

/// Updates of a region pair are staggered: the second region's begins the stated time after the
/// first is done, and never if that fails.
#[test]
fn an_operation_follows_another() {
    let staggered = |first: &str| {
        let text = format!(
            "{SMALL}operations:\n  - {{name: second, drain: {{cluster: secondary, nodes: 1}}, \
             after: {{operation: first, wait: {{constant: 5m}}}}}}\n  - {{name: first, at: 1m, \
             {first}}}\n"
        );
        run(&load(&text, &["run.horizon=30m"]), Options::default())
    };
    let starts = |finished: &Finished| {
        facts(finished, |fact| match fact.what {
            What::OperationStarted { operation } => Some((operation.index(), fact.at)),
            _ => None,
        })
    };
    let done = staggered("drain: {cluster: primary, nodes: 1}");
    let end = ends(&done)[0];
    assert!(end.1, "the first is done: {end:?}");
    assert_eq!(starts(&done), [(1, at(60)), (0, end.0 + Span::from_secs(300))]);
    let failed = staggered("startCluster: {cluster: primary}");
    assert!(!ends(&failed)[0].1, "a cluster that runs does not start");
    assert_eq!(starts(&failed), [(1, at(60))]);
}

/// The trap of a cold secondary: its capacity is gone when it is called for. It fails at the
/// instant at which its machines would have been ordered, and nothing of it is there.
#[test]
fn a_stopped_cluster_may_not_start() {
    let ordered_at = ends(&passive_cold("", &[]))[0].0;
    let crunch = |visibility: &str| {
        format!(
            "  - {{name: crunch, at: 1m, allocationFailure: {{cluster: secondary, available: 2, \
             visibility: {visibility}}}}}\n"
        )
    };
    let missing = "its machines could not be allocated";
    for (trap, more, why) in [
        ("quota", "capacity: [{region: west, vCpuQuota: 11}]\n".to_owned(), quota::REGIONAL),
        ("refused", crunch("synchronous"), "the cloud refused the machines"),
        ("not allocated", crunch("asynchronous"), missing),
        ("reported", crunch("fastDelete"), missing),
    ] {
        let finished = passive_cold(&more, &[]);
        assert_eq!(ends(&finished), [(ordered_at, false, why)], "{trap}");
        assert_eq!(joined(&finished), [], "{trap}");
        let last = finished.samples.clusters.last().expect("there are samples");
        assert!(!last.serving && last.nodes + last.ordered_nodes == 0, "{trap}: {last:?}");
    }
    let enough = passive_cold("capacity: [{region: west, vCpuQuota: 12}]\n", &[]);
    assert!(ends(&enough)[0].1, "12 vCPUs are three nodes");
    let frozen = "  - {name: freeze, at: 1m, computeControlPlaneLoss: {region: west}}\n";
    assert_eq!(ends(&passive_cold(frozen, &[])), [(at(240), false, api::DOWN)]);
}

/// A cluster that is stopped loses all nodes at once. It cannot start again within 15 min of the
/// end of the stop; then it can, with the nodes that it had.
#[test]
fn a_stop_cannot_be_undone_at_once() {
    let text = format!(
        "{SMALL}operations:\n  - {{name: stop, at: 1m, stopCluster: {{cluster: secondary, \
         duration: 5m}}}}\n  - {{name: soon, at: 20m, startCluster: {{cluster: secondary}}}}\n  \
         - {{name: later, at: 21m, startCluster: {{cluster: secondary, \
         duration: {{constant: 3m}}}}}}\n"
    );
    let finished = run(&load(&text, &["run.horizon=40m"]), Options::default());
    assert_eq!(
        ends(&finished),
        [
            (at(360), true, "the cluster is stopped"),
            (at(1_200), false, "it was stopped too short a while ago"),
            (at(1_440), true, "its machines are on order"),
        ]
    );
    let deleted = facts(&finished, |fact| match fact.what {
        What::NodeDeleted { why, .. } if why.0 == "its cluster is stopped" => Some(fact.at),
        _ => None,
    });
    assert_eq!(deleted, [at(60); 3]);
    let joined = joined(&finished);
    assert!(3 <= joined.len() && at(1_440) < joined[0], "the nodes that it had");
}

/// An upgrade of the primary's pool while nothing else happens.
fn upgrade(keys: &str, sections: &str) -> Finished {
    let text = format!(
        "{SMALL}{sections}operations:\n  - {{name: upgrade, at: 1m, upgrade: {{cluster: primary, \
         pool: user{keys}}}}}\n"
    );
    let quiet = "clusters[primary].autoscaler.scaleDownEnabled=false";
    run(&load(&text, &["run.horizon=60m", quiet]), Options::default())
}

/// One node of surge comes, the three nodes are drained one after the other, and the surge goes
/// last: never more than four nodes, and three in the end.
#[test]
fn an_upgrade_goes_node_by_node() {
    let finished = upgrade("", "");
    let done = ends(&finished);
    assert_eq!((done.len(), done[0].1, done[0].2), (1, true, "all nodes are upgraded"));
    let drained = facts(&finished, |fact| match fact.what {
        What::NodeDrained { node, drained: true } => Some((fact.at, node.index())),
        _ => None,
    });
    assert_eq!(drained.len(), 4, "three nodes and the surge");
    assert!(drained.windows(2).all(|pair| pair[0].0 < pair[1].0), "one at a time");
    let primary = || finished.samples.clusters.iter().filter(|one| one.cluster.index() == 0);
    assert_eq!(primary().map(|one| one.nodes).max(), Some(4));
    assert_eq!(primary().next_back().map(|one| (one.nodes, one.ready_nodes)), Some((3, 3)));
    let three_at_once = upgrade(", maxSurge: 100%", "");
    assert!(ends(&three_at_once)[0].0 + Span::from_secs(120) < done[0].0, "three at a time");
}

/// Surge needs quota like any other machine: three nodes of 4 vCPUs fill 12. Where there is room
/// for one of three, the upgrade goes on with one.
#[test]
fn surge_nodes_need_quota() {
    let quota_of = |limit| format!("capacity: [{{region: east, vCpuQuota: {limit}}}]\n");
    assert_eq!(ends(&upgrade("", &quota_of(12))), [(at(60), false, quota::REGIONAL)]);
    let one = upgrade(", maxSurge: 100%", &quota_of(16));
    assert!(ends(&one)[0].1, "one of surge fits into 16");
    let primary = one.samples.clusters.iter().filter(|one| one.cluster.index() == 0);
    assert_eq!(primary.map(|one| one.nodes).max(), Some(4));
}
