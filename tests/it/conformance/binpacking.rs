//! Kinds of `ca_binpacking.jsonl`: the cluster autoscaler's estimator and its limits.

use tideover::control::cluster_autoscaler::estimator::binpacking::{Method, Template, estimate};
use tideover::control::cluster_autoscaler::estimator::fast_path;
use tideover::control::cluster_autoscaler::estimator::limiter::{
    Limiter, NodeLimit, stricter_duration,
};
use tideover::control::cluster_autoscaler::estimator::order::decreasing;
use tideover::control::cluster_autoscaler::estimator::snapshot::{
    Node, PodGroup, Spread, TopologyKey,
};
use tideover::model::ids::{DeploymentId, ZoneId};
use tideover::units::Span;

use super::row::Row;
use super::{Verdict, expect_equal};

pub(super) fn check(kind: &str, row: &Row) -> Option<Verdict> {
    Some(match kind {
        "estimate" => packing(row),
        "order" if row.get("node_allocatable").is_some() => group_order(row),
        "limiter" => limiter(row),
        "min_limit" => {
            let limit = |key| NodeLimit::from_signed(row.int(key));
            expect_equal("limit", signed(limit("base").and(limit("target"))), row.int("expect"))
        }
        "similar_groups_threshold" => similar_groups(row),
        "cluster_threshold" => {
            let (max, current) = (row.int("cluster_max_nodes"), row.int("current_nodes"));
            expect_equal("limit", signed(NodeLimit::of_cluster(max, current)), row.int("expect"))
        }
        "fastpath_choice" => fast_path_choice(row),
        _ => return None,
    })
}

/// Upstream's encoding of a limit.
fn signed(limit: NodeLimit) -> i64 {
    match limit {
        NodeLimit::Unlimited => 0,
        NodeLimit::AtMost(nodes) => nodes as i64,
        NodeLimit::Closed => -1,
    }
}

fn pod_group(row: &Row) -> PodGroup {
    PodGroup {
        owner: DeploymentId::new(0),
        count: row.count("count"),
        request: row.resources(1),
        host_port: row.opt_int("host_port").map(|port| u16::try_from(port).expect("a port")),
        spread: row.opt_row("spread").map(|spread| Spread {
            max_skew: spread.count("max_skew"),
            key: match spread.text("topology_key") {
                "kubernetes.io/hostname" => TopologyKey::Hostname,
                "topology.kubernetes.io/zone" => TopologyKey::Zone,
                other => panic!("topology key {other}"),
            },
            min_domains: spread.get("min_domains").map_or(1, |_| spread.count("min_domains")),
        }),
        apart: None,
    }
}

fn packing(row: &Row) -> Verdict {
    let mut zones: Vec<String> = Vec::new();
    let mut node = |row: &Row| {
        let name = row.text("zone");
        let known = zones.iter().position(|zone| zone == name).unwrap_or_else(|| {
            zones.push(name.to_owned());
            zones.len() - 1
        });
        let pods = u32::try_from(row.int("max_pods")).expect("a count");
        Node::empty(row.resources(pods), ZoneId::new(known))
    };
    let existing: Vec<Node> = row.rows("existing_nodes").iter().map(&mut node).collect();
    let node = node(&row.row("template"));
    let template = Template { allocatable: node.free, capacity: node.free, node };
    let groups: Vec<PodGroup> = row.rows("groups").iter().map(pod_group).collect();
    let limit = NodeLimit::from_signed(row.int("max_new_nodes"));
    let expect = row.row("expect");
    let also_fast = row.get("fastpath_gives_same_result").is_some_and(|same| same == true);
    let methods: &[Method] =
        if also_fast { &[Method::Simulate, Method::FastPath] } else { &[Method::Simulate] };
    for &method in methods {
        let limiter = Limiter::new(limit, Span::ZERO);
        let found = estimate(&groups, &template, existing.clone(), limiter, method);
        let got = (found.n_nodes, found.n_pods());
        let expected = (expect.count("nodes"), expect.count("pods"));
        expect_equal(&format!("nodes and pods ({method:?})"), got, expected)?;
        if expect.get("pods_per_group").is_some() {
            let placed = found.placed.iter().map(|&pods| pods as i64).collect();
            expect_equal("pods per group", placed, expect.ints("pods_per_group"))?;
        }
    }
    Ok(())
}

fn group_order(row: &Row) -> Verdict {
    let groups = row.rows("groups");
    let requests: Vec<_> = groups.iter().map(|group| group.resources(1)).collect();
    let order = decreasing(&requests, &row.row("node_allocatable").resources(0));
    let names = order.iter().map(|&index| groups[index].text("name")).collect();
    expect_equal("order", names, row.texts("expect"))
}

fn limiter(row: &Row) -> Verdict {
    let thresholds = row.rows("thresholds");
    // A dynamic threshold allows one node more each time an estimation starts.
    let dynamic = row.opt_int("dynamic_threshold");
    let start = |estimation: i64| {
        let first = (NodeLimit::Unlimited, Span::ZERO);
        let (limit, duration) = thresholds.iter().fold(first, |(limit, duration), threshold| {
            let nodes = NodeLimit::from_signed(threshold.int("max_nodes"));
            (limit.and(nodes), stricter_duration(duration, threshold.span("max_duration_s")))
        });
        let dynamic = NodeLimit::from_signed(dynamic.map_or(0, |nodes| nodes + estimation));
        Limiter::new(limit.and(dynamic), duration)
    };
    let mut n_estimations = 1;
    let mut limiter = start(n_estimations);
    let mut elapsed = row.span("elapsed_before_first_ask_s");
    for (position, op) in row.texts("ops").into_iter().enumerate() {
        let expected = match op {
            "allow" => true,
            "deny" => false,
            "reset" => {
                n_estimations += 1;
                limiter = start(n_estimations);
                elapsed = Span::ZERO;
                continue;
            }
            other => panic!("operation {other}"),
        };
        expect_equal(&format!("answer {position}"), limiter.grant(elapsed), expected)?;
    }
    expect_equal("granted", limiter.granted(), row.count("expect_counter"))
}

fn similar_groups(row: &Row) -> Verdict {
    let sizes = |group: &Row| (group.int("max_nodes"), group.int("target_size"));
    let similar = row.rows("similar_groups");
    let groups = std::iter::once(sizes(&row.row("current_group"))).chain(similar.iter().map(sizes));
    expect_equal("limit", signed(NodeLimit::of_groups(groups)), row.int("expect"))
}

fn fast_path_choice(row: &Row) -> Verdict {
    let groups: Vec<PodGroup> = row.rows("groups").iter().map(pod_group).collect();
    let best = fast_path::best_group(&groups, &row.row("node_capacity").resources(0));
    expect_equal("group", best.map_or(-1, |index| index as i64), row.int("expect_index"))
}
