//! Kinds of `pod_deletion_rank.jsonl`: the order of deletion, victims, slow start.

use std::cmp::Ordering;

use tideover::control::replica_set::deletion_order::{
    Candidate, Phase, Rules, compare, order, ranks, victims,
};
use tideover::control::replica_set::slow_start::slow_start;
use tideover::model::ids::NodeId;
use tideover::units::Time;

use super::row::Row;
use super::{Verdict, expect_equal};

pub(super) fn check(kind: &str, row: &Row) -> Option<Verdict> {
    Some(match kind {
        "compare" => compare_two(row),
        "order" if row.get("pods").is_some() => full_order(row),
        "select" => select(row),
        "slow_start" => slow(row),
        _ => return None,
    })
}

/// The texts that stand for nodes and UIDs, as numbers in the same order.
fn number_of(texts: &[String], text: &str) -> usize {
    let mut sorted: Vec<&str> = texts.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    sorted.dedup();
    sorted.binary_search(&text).expect("the text is one of them")
}

fn texts(pods: &[Row], key: &str) -> Vec<String> {
    pods.iter().map(|pod| pod.text_or(key, "").to_owned()).collect()
}

fn node_id(nodes: &[String], name: &str) -> Option<NodeId> {
    (!name.is_empty()).then(|| NodeId::new(number_of(nodes, name)))
}

fn candidates(pods: &[Row], now: Time) -> Vec<Candidate> {
    let (nodes, uids) = (texts(pods, "node"), texts(pods, "uid"));
    let at = |pod: &Row, key: &str| pod.get(key).map(|_| now - pod.span(key));
    let candidate = |pod: &Row| Candidate {
        node: node_id(&nodes, pod.text_or("node", "")),
        phase: match pod.text("phase") {
            "Pending" => Phase::Pending,
            "Unknown" => Phase::Unknown,
            "Running" => Phase::Running,
            other => panic!("phase {other}"),
        },
        ready: pod.flag("ready"),
        ready_since: at(pod, "ready_age_s"),
        created: at(pod, "created_age_s"),
        max_restarts: u32::try_from(pod.int("max_restarts")).expect("a count"),
        deletion_cost: pod.int32("deletion_cost"),
        rank: pod.get("rank").map_or(0, |_| pod.count("rank")),
        uid: number_of(&uids, pod.text_or("uid", "")) as u64,
    };
    pods.iter().map(candidate).collect()
}

fn rules(row: &Row) -> Rules {
    Rules {
        deletion_cost: row.flag("deletion_cost_enabled"),
        logarithmic: row.flag("log_scale"),
        now: Time::ZERO,
    }
}

fn compare_two(row: &Row) -> Verdict {
    let pair = candidates(&[row.row("a"), row.row("b")], Time::ZERO);
    let rules = rules(row);
    let expected = match row.text("expect") {
        "a_first" => Ordering::Less,
        "b_first" => Ordering::Greater,
        "tie" => Ordering::Equal,
        other => panic!("expect {other}"),
    };
    expect_equal("order", compare(&pair[0], &pair[1], rules), expected)?;
    expect_equal("reverse order", compare(&pair[1], &pair[0], rules), expected.reverse())
}

fn full_order(row: &Row) -> Verdict {
    let pods = row.rows("pods");
    let order = order(&candidates(&pods, Time::ZERO), rules(row));
    let names = order.iter().map(|&index| pods[index].text("name")).collect();
    expect_equal("order", names, row.texts("expect"))
}

fn select(row: &Row) -> Verdict {
    let pods = row.rows("pods");
    let mut nodes = texts(&pods, "node");
    if row.get("related_pod_nodes").is_some() {
        nodes = row.texts("related_pod_nodes").into_iter().map(str::to_owned).collect();
    }
    let mut names = texts(&pods, "node");
    names.extend(nodes.iter().cloned());
    let ids = |of: &[String]| of.iter().map(|name| node_id(&names, name)).collect::<Vec<_>>();
    let ranks = ranks(&ids(&texts(&pods, "node")), &ids(&nodes));
    let mut candidates = candidates(&pods, Time::ZERO);
    for (candidate, rank) in candidates.iter_mut().zip(ranks) {
        candidate.rank = rank;
    }
    let victims = victims(&candidates, row.count("diff"), Rules::at(Time::ZERO));
    let mut kinds: Vec<&str> = victims.iter().map(|&index| pods[index].text("kind_name")).collect();
    let mut expected = row.texts("expect_kinds");
    kinds.sort_unstable();
    expected.sort_unstable();
    expect_equal("victims", kinds, expected)
}

fn slow(row: &Row) -> Verdict {
    let mut left = row.int("successes_before_failure");
    let outcome = slow_start(row.count("count"), row.count("initial_batch"), || {
        left -= 1;
        0 <= left
    });
    let expect = row.row("expect");
    let got = (outcome.successes, outcome.calls, outcome.failed);
    let expected = (expect.count("successes"), expect.count("calls"), expect.flag("error"));
    expect_equal("successes, calls, error", got, expected)
}
