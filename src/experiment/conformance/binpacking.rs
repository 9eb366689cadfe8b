//! Kinds of `ca_binpacking.jsonl`: the cluster autoscaler's estimator and its limits.

use crate::control::cluster_autoscaler::estimator::binpacking::{Method, Template, estimate};
use crate::control::cluster_autoscaler::estimator::fast_path;
use crate::control::cluster_autoscaler::estimator::limiter::{
    Limiter, NodeLimit, stricter_duration,
};
use crate::control::cluster_autoscaler::estimator::order::decreasing;
use crate::control::cluster_autoscaler::estimator::snapshot::{
    Node, PodGroup, Snapshot, Spread, TopologyKey,
};
use crate::model::ids::{DeploymentId, ZoneId};
use crate::units::Span;

use super::fields::{Fields, Read};
use super::kinds::{Kind, Verdict, expect_equal};

pub(super) const KINDS: &[Kind] = &[
    ("estimate", packing),
    ("limiter", limiter),
    ("min_limit", min_limit),
    ("similar_groups_threshold", similar_groups),
    ("cluster_threshold", cluster_threshold),
    ("fastpath_choice", fast_path_choice),
];

/// Upstream's encoding of a limit.
fn signed(limit: NodeLimit) -> i64 {
    match limit {
        NodeLimit::Unlimited => 0,
        NodeLimit::AtMost(nodes) => nodes as i64,
        NodeLimit::Closed => -1,
    }
}

fn min_limit(line: &Fields<'_>) -> Verdict {
    let limit = |key| line.int(key).map(NodeLimit::from_signed);
    expect_equal("limit", signed(limit("base")?.and(limit("target")?)), line.int("expect")?)
}

fn cluster_threshold(line: &Fields<'_>) -> Verdict {
    let (max, current) = (line.int("cluster_max_nodes")?, line.natural("current_nodes")?);
    expect_equal("limit", signed(NodeLimit::of_cluster(max, current)), line.int("expect")?)
}

fn spread(spread: &Fields<'_>) -> Read<Spread> {
    const KEYS: &str = "kubernetes.io/hostname or topology.kubernetes.io/zone";
    Ok(Spread {
        max_skew: spread.steps("max_skew")?,
        key: match spread.text("topology_key")? {
            "kubernetes.io/hostname" => TopologyKey::Hostname,
            "topology.kubernetes.io/zone" => TopologyKey::Zone,
            _ => return Err(spread.unknown("topology_key", KEYS)),
        },
        min_domains: if spread.has("min_domains") { spread.count("min_domains")? } else { 1 },
    })
}

/// All pods of a line share the label that its spread constraints select: one owner.
fn pod_group(group: &Fields<'_>) -> Read<PodGroup> {
    let host_port = group.opt_natural("host_port")?.map(u16::try_from).transpose();
    Ok(PodGroup {
        owner: DeploymentId::new(0),
        count: group.steps("count")?,
        request: group.resources(1)?,
        host_port: host_port.map_err(|_| group.unknown("host_port", "0 to 65535"))?,
        spread: [group.opt_object("spread")?.as_ref().map(spread).transpose()?, None],
        apart: None,
    })
}

fn pod_groups(line: &Fields<'_>) -> Read<Vec<PodGroup>> {
    line.objects("groups")?.iter().map(pod_group).collect()
}

fn packing(line: &Fields<'_>) -> Verdict {
    let mut zones: Vec<String> = Vec::new();
    let mut node = |node: &Fields<'_>| {
        let name = node.text("zone")?.to_owned();
        let known = zones.iter().position(|zone| *zone == name).unwrap_or_else(|| {
            zones.push(name);
            zones.len() - 1
        });
        Ok(Node::empty(node.resources(node.count32("max_pods")?)?, ZoneId::new(known)))
    };
    let existing = line.objects_or_none("existing_nodes")?;
    let existing = existing.iter().map(&mut node).collect::<Read<Vec<_>>>()?;
    let node = node(&line.object("template")?)?;
    let template = Template { allocatable: node.free, capacity: node.free, node };
    let groups = pod_groups(line)?;
    let limit = line.opt_int("max_new_nodes")?.map_or(NodeLimit::Unlimited, NodeLimit::from_signed);
    let expect = line.object("expect")?;
    let expected = (expect.count("nodes")?, expect.count("pods")?);
    let also_fast = line.is_set("fastpath_gives_same_result")?;
    let methods: &[Method] =
        if also_fast { &[Method::Simulate, Method::FastPath] } else { &[Method::Simulate] };
    for &method in methods {
        let limiter = Limiter::new(limit, Span::ZERO);
        let found = estimate(&groups, &template, Snapshot::new(existing.clone()), limiter, method);
        let got = (found.n_nodes, found.n_pods());
        expect_equal(&format!("nodes and pods ({method:?})"), got, expected)?;
        if expect.has("pods_per_group") {
            let placed = found.placed.iter().map(|&pods| pods as i64).collect();
            expect_equal("pods per group", placed, expect.ints("pods_per_group")?)?;
        }
    }
    Ok(())
}

/// The kind `order` of this family.
pub(super) fn group_order(line: &Fields<'_>) -> Verdict {
    let groups = line.objects("groups")?;
    let names = groups.iter().map(|group| group.text("name")).collect::<Read<Vec<_>>>()?;
    let requests = groups.iter().map(|group| group.resources(1)).collect::<Read<Vec<_>>>()?;
    let order = decreasing(&requests, &line.object("node_allocatable")?.resources(0)?);
    let got = order.iter().map(|&index| names[index]).collect();
    expect_equal("order", got, line.texts("expect")?)
}

/// The limiter of an estimation; a dynamic threshold allows one node more in each.
fn start(line: &Fields<'_>, estimation: i64) -> Read<Limiter> {
    let (mut limit, mut duration) = (NodeLimit::Unlimited, Span::ZERO);
    for threshold in line.objects_or_none("thresholds")? {
        limit = limit.and(NodeLimit::from_signed(threshold.opt_int("max_nodes")?.unwrap_or(0)));
        let most = threshold.opt_span("max_duration_s")?.unwrap_or_default();
        duration = stricter_duration(duration, most);
    }
    let dynamic = line.opt_int("dynamic_threshold")?;
    let dynamic = dynamic.map_or(0, |nodes| nodes.saturating_add(estimation));
    Ok(Limiter::new(limit.and(NodeLimit::from_signed(dynamic)), duration))
}

fn limiter(line: &Fields<'_>) -> Verdict {
    let mut n_estimations = 1;
    let mut limiter = start(line, n_estimations)?;
    let mut elapsed = line.opt_span("elapsed_before_first_ask_s")?.unwrap_or_default();
    for (position, op) in line.texts("ops")?.into_iter().enumerate() {
        let expected = match op {
            "allow" => true,
            "deny" => false,
            "reset" => {
                n_estimations += 1;
                limiter = start(line, n_estimations)?;
                elapsed = Span::ZERO;
                continue;
            }
            other => return Err(format!("`ops[{position}]` is {other:?}, not an operation")),
        };
        expect_equal(&format!("answer {position}"), limiter.grant(elapsed), expected)?;
    }
    expect_equal("granted", limiter.granted(), line.count("expect_counter")?)
}

fn similar_groups(line: &Fields<'_>) -> Verdict {
    let mut groups = vec![line.object("current_group")?];
    groups.extend(line.objects_or_none("similar_groups")?);
    let sizes = |group: &Fields<'_>| Ok((group.int("max_nodes")?, group.int("target_size")?));
    let groups = groups.iter().map(sizes).collect::<Read<Vec<_>>>()?;
    expect_equal("limit", signed(NodeLimit::of_groups(groups)), line.int("expect")?)
}

fn fast_path_choice(line: &Fields<'_>) -> Verdict {
    let capacity = line.object("node_capacity")?.resources(0)?;
    let best = fast_path::best_group(&pod_groups(line)?, &capacity);
    expect_equal("group", best.map_or(-1, |index| index as i64), line.int("expect_index")?)
}
