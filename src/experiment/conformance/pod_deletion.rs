//! Kinds of `pod_deletion_rank.jsonl`: the order of deletion, victims, slow start.

use std::cmp::Ordering;

use crate::control::replica_set::deletion_order::{
    Candidate, Phase, Rules, compare, order, ranks, victims,
};
use crate::control::replica_set::slow_start::slow_start;
use crate::model::ids::NodeId;
use crate::units::Time;

use super::fields::{Fields, Read};
use super::kinds::{Kind, Verdict, expect_equal};

pub(super) const KINDS: &[Kind] =
    &[("compare", compare_two), ("select", select), ("slow_start", slow)];

/// The texts that stand for nodes and UIDs, as numbers in the same order.
fn number_of(texts: &[&str], text: &str) -> usize {
    let mut sorted = texts.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    sorted.binary_search(&text).expect("only texts of the list are looked up")
}

fn texts<'a>(pods: &[Fields<'a>], key: &str) -> Read<Vec<&'a str>> {
    pods.iter().map(|pod| pod.text_or(key, "")).collect()
}

fn node_ids(names: &[&str], of: &[&str]) -> Vec<Option<NodeId>> {
    let id = |name: &&str| (!name.is_empty()).then(|| NodeId::new(number_of(names, name)));
    of.iter().map(id).collect()
}

fn candidates(pods: &[Fields<'_>], now: Time) -> Read<Vec<Candidate>> {
    let (nodes, uids) = (texts(pods, "node")?, texts(pods, "uid")?);
    let nodes = node_ids(&nodes, &nodes);
    let at = |pod: &Fields<'_>, key: &str| -> Read<Option<Time>> {
        Ok(pod.opt_span(key)?.map(|age| now - age))
    };
    let candidate = |(index, pod): (usize, &Fields<'_>)| {
        Ok(Candidate {
            node: nodes[index],
            phase: match pod.text("phase")? {
                // Phases without a place of their own sort like the first one, upstream's zero.
                "Pending" | "Succeeded" | "Failed" => Phase::Pending,
                "Unknown" => Phase::Unknown,
                "Running" => Phase::Running,
                _ => return Err(pod.unknown("phase", "a phase of a pod")),
            },
            ready: pod.flag("ready")?,
            ready_since: at(pod, "ready_age_s")?,
            created: at(pod, "created_age_s")?,
            max_restarts: if pod.has("max_restarts") { pod.count32("max_restarts")? } else { 0 },
            deletion_cost: if pod.has("deletion_cost") { pod.int32("deletion_cost")? } else { 0 },
            rank: pod.count_or_zero("rank")?,
            uid: number_of(&uids, uids[index]) as u64,
        })
    };
    pods.iter().enumerate().map(candidate).collect()
}

fn rules(line: &Fields<'_>) -> Read<Rules> {
    Ok(Rules {
        deletion_cost: line.flag("deletion_cost_enabled")?,
        logarithmic: line.flag("log_scale")?,
        now: Time::ZERO,
    })
}

fn compare_two(line: &Fields<'_>) -> Verdict {
    let pair = candidates(&[line.object("a")?, line.object("b")?], Time::ZERO)?;
    let rules = rules(line)?;
    let expected = match line.text("expect")? {
        "a_first" => Ordering::Less,
        "b_first" => Ordering::Greater,
        "tie" => Ordering::Equal,
        _ => return Err(line.unknown("expect", "a_first, b_first or tie")),
    };
    expect_equal("order", compare(&pair[0], &pair[1], rules), expected)?;
    expect_equal("reverse order", compare(&pair[1], &pair[0], rules), expected.reverse())
}

/// The kind `order` of this family.
pub(super) fn full_order(line: &Fields<'_>) -> Verdict {
    let pods = line.objects("pods")?;
    let names = pods.iter().map(|pod| pod.text("name")).collect::<Read<Vec<_>>>()?;
    let order = order(&candidates(&pods, Time::ZERO)?, rules(line)?);
    let got = order.iter().map(|&index| names[index]).collect();
    expect_equal("order", got, line.texts("expect")?)
}

fn select(line: &Fields<'_>) -> Verdict {
    let pods = line.objects("pods")?;
    let nodes = texts(&pods, "node")?;
    let related = match line.get("related_pod_nodes") {
        Some(_) => line.texts_or_empty("related_pod_nodes")?,
        None => nodes.clone(),
    };
    let names = [&nodes[..], &related[..]].concat();
    let ranks = ranks(&node_ids(&names, &nodes), &node_ids(&names, &related));
    let mut candidates = candidates(&pods, Time::ZERO)?;
    for (candidate, rank) in candidates.iter_mut().zip(ranks) {
        candidate.rank = rank;
    }
    let kinds = pods.iter().map(|pod| pod.text("kind_name")).collect::<Read<Vec<_>>>()?;
    let victims = victims(&candidates, line.count("diff")?, Rules::at(Time::ZERO));
    let mut got: Vec<&str> = victims.iter().map(|&index| kinds[index]).collect();
    let mut expected = line.texts("expect_kinds")?;
    got.sort_unstable();
    expected.sort_unstable();
    expect_equal("victims", got, expected)
}

fn slow(line: &Fields<'_>) -> Verdict {
    let mut left = line.natural("successes_before_failure")?;
    let outcome = slow_start(line.steps("count")?, line.steps("initial_batch")?, || {
        left -= 1;
        0 <= left
    });
    let expect = line.object("expect")?;
    let got = (outcome.successes, outcome.calls, outcome.failed);
    let expected = (expect.count("successes")?, expect.count("calls")?, expect.flag("error")?);
    expect_equal("successes, calls, error", got, expected)
}
