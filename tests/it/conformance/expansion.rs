//! Kinds of `ca_expander.jsonl`: choice of a node group, balancing, similarity, back-off.

use std::collections::BTreeMap;

use tideover::control::cluster_autoscaler::backoff::{Backoff, BackoffRules};
use tideover::control::cluster_autoscaler::balancing::{Group, balance};
use tideover::control::cluster_autoscaler::expander::{
    Expander, ScaleUpOption, choose, narrow, random,
};
use tideover::control::cluster_autoscaler::priorities::Priorities;
use tideover::control::cluster_autoscaler::resources::Resources;
use tideover::control::cluster_autoscaler::similar::{
    DifferenceRatios, NodeShape, Provider, Rules, are_similar,
};

use super::row::Row;
use super::{Verdict, expect_equal};

/// Draws that cover the range of random choices.
const DRAWS: [u64; 5] = [0, 1, u64::MAX / 2, u64::MAX / 2 + 1, u64::MAX];

pub(super) fn check(kind: &str, row: &Row) -> Option<Verdict> {
    Some(match kind {
        "least_waste" => filter(row, Expander::LeastWaste),
        "least_nodes" => filter(row, Expander::LeastNodes),
        "most_pods" => filter(row, Expander::MostPods),
        "priority" => priority(row),
        "random" => random_choice(row),
        "chain" => chain(row),
        "balance" => balancing(row),
        "similar" => similar(row),
        "backoff" => backoff(row),
        _ => return None,
    })
}

fn option(row: &Row) -> ScaleUpOption {
    let count = |key: &str| row.get(key).map_or(0, |_| row.count(key));
    let mut requests = Resources::default();
    if row.get("pods").is_some() {
        for pod in row.rows("pods") {
            let request = pod.resources(1);
            requests.cpu += request.cpu;
            requests.memory += request.memory;
            requests.pods += 1;
        }
    }
    ScaleUpOption {
        n_nodes: count("node_count"),
        n_pods: count("pod_count"),
        requests,
        node_capacity: row
            .opt_row("node_capacity")
            .map_or(Resources::default(), |node| node.resources(0)),
        priority: None,
    }
}

fn filter(row: &Row, expander: Expander) -> Verdict {
    let rows = row.rows("options");
    let options: Vec<ScaleUpOption> = rows.iter().map(option).collect();
    let all: Vec<usize> = (0..options.len()).collect();
    let kept = expander.keep(&options, &all);
    let names: Vec<&str> = kept.iter().map(|&index| rows[index].text("group")).collect();
    expect_equal("kept", names, row.texts("expect"))?;
    // As the only expander it picks one of those that it keeps.
    for draw in DRAWS {
        let picked = choose(&[expander], &options, draw);
        if picked.is_some_and(|index| !kept.contains(&index)) || picked.is_some() == kept.is_empty()
        {
            return Err(format!("draw {draw} picks {picked:?} of {kept:?}"));
        }
    }
    Ok(())
}

fn priority(row: &Row) -> Verdict {
    let names = row.texts("options");
    let priorities = match row.opt_row("priorities") {
        Some(lists) => {
            let priority = |key: &str| key.parse::<i64>().expect("a priority");
            let lists = lists.keys().map(|key| (priority(key), lists.texts(key)));
            Priorities::compile(lists).unwrap_or_default()
        }
        None => Priorities::default(),
    };
    let with_priority = |name: &&str| ScaleUpOption {
        n_nodes: 1,
        n_pods: 1,
        requests: Resources::default(),
        node_capacity: Resources::default(),
        priority: priorities.of(name),
    };
    let options: Vec<ScaleUpOption> = names.iter().map(with_priority).collect();
    let all: Vec<usize> = (0..options.len()).collect();
    let kept = Expander::Priority.keep(&options, &all);
    let kept = kept.into_iter().map(|index| names[index]).collect();
    expect_equal("kept", kept, row.texts("expect"))
}

fn random_choice(row: &Row) -> Verdict {
    let options = row.texts("options");
    let expected = row.texts("expect_one_of");
    let mut picked: Vec<&str> = DRAWS.iter().filter_map(|&draw| random(&options, draw)).collect();
    picked.sort_unstable();
    picked.dedup();
    if picked.iter().all(|one| expected.contains(one)) && picked.is_empty() == expected.is_empty() {
        Ok(())
    } else {
        Err(format!("picks {picked:?}, upstream one of {expected:?}"))
    }
}

fn chain(row: &Row) -> Verdict {
    let filters = row.texts("filters_keep_substring");
    let filters = filters.into_iter().map(|part| {
        move |among: &[&str]| -> Vec<String> {
            among.iter().filter(|name| name.contains(part)).map(|name| (*name).to_owned()).collect()
        }
    });
    // Names are looked up by index, as `narrow` moves copies around.
    let names = row.texts("options");
    let filters = filters.map(|keep| {
        let names = names.clone();
        move |among: &[usize]| -> Vec<usize> {
            let kept = keep(&among.iter().map(|&index| names[index]).collect::<Vec<_>>());
            let is_kept = |index: &usize| kept.iter().any(|name| name == names[*index]);
            among.iter().copied().filter(is_kept).collect()
        }
    });
    let fallback = row.text("fallback_first_containing");
    let last_resort =
        |left: &[usize]| left.iter().copied().find(|&index| names[index].contains(fallback));
    let chosen = narrow((0..names.len()).collect(), filters, last_resort);
    expect_equal("chosen", chosen.map(|index| names[index]), row.opt_text("expect"))
}

fn balancing(row: &Row) -> Verdict {
    let rows = row.rows("groups");
    let group = |row: &Row| Group { target: row.count("target"), max: row.count("max") };
    let groups: Vec<Group> = rows.iter().map(group).collect();
    let sizes = balance(&groups, row.count("new_nodes"));
    let changed =
        rows.iter().zip(&groups).zip(&sizes).filter(|((_, group), size)| group.target != **size);
    let got: BTreeMap<String, i64> =
        changed.map(|((row, _), &size)| (row.text("group").to_owned(), size as i64)).collect();
    let sizes_of = |row: &Row| row.keys().map(|key| (key.to_owned(), row.int(key))).collect();
    match row.get("expect_any_of") {
        Some(_) => {
            let allowed: Vec<BTreeMap<String, i64>> =
                row.rows("expect_any_of").iter().map(sizes_of).collect();
            if allowed.contains(&got) {
                Ok(())
            } else {
                Err(format!("sizes are {got:?}, upstream has one of {allowed:?}"))
            }
        }
        None => expect_equal("sizes", got, sizes_of(&row.row("expect_new_sizes"))),
    }
}

fn similar(row: &Row) -> Verdict {
    let ratios = row.row("ratios");
    let rules = Rules {
        provider: match row.text("provider") {
            "generic" => Provider::Generic,
            "azure" => Provider::Azure,
            other => panic!("provider {other}"),
        },
        ratios: DifferenceRatios {
            capacity_memory: ratios.float("capacity_memory"),
            allocatable: ratios.float("allocatable"),
            free: ratios.float("free"),
        },
        extra_ignored_labels: &row.texts("extra_ignored_labels"),
    };
    let [a, b] = [row.row("a"), row.row("b")];
    let labels = [&a, &b].map(|node| node.row("labels"));
    let pairs = [&labels[0], &labels[1]]
        .map(|labels| labels.keys().map(|name| (name, labels.text(name))).collect::<Vec<_>>());
    let shape = |node: &Row, labels| {
        let [capacity, allocatable] = ["capacity", "allocatable"].map(|key| node.row(key));
        let count = |of: &Row, key| u32::try_from(of.int(key)).expect("a count");
        NodeShape {
            capacity: capacity.resources(count(&capacity, "pods")),
            allocatable: allocatable.resources(count(&allocatable, "pods")),
            requested: node.row("requested").resources(0),
            gpus: count(&capacity, "gpu"),
            labels,
        }
    };
    let (a, b) = (shape(&a, &pairs[0]), shape(&b, &pairs[1]));
    expect_equal("similar", are_similar(&a, &b, &rules), row.flag("expect"))?;
    expect_equal("similar the other way", are_similar(&b, &a, &rules), row.flag("expect"))
}

fn backoff(row: &Row) -> Verdict {
    let rules = BackoffRules {
        initial: row.span("initial_s"),
        max: row.span("max_s"),
        reset: row.span("reset_s"),
    };
    let steps = row.rows("steps");
    let mut groups: BTreeMap<&str, Backoff<&str>> = BTreeMap::new();
    for (position, step) in steps.iter().enumerate() {
        let now = step.time("t_s");
        let group = groups.entry(step.text_or("group", "")).or_default();
        match step.text("op") {
            "fail" => {
                group.fail(rules, step.text("error"), now);
            }
            "remove" => group.remove(),
            "remove_stale" => groups.values_mut().for_each(|group| group.remove_stale(rules, now)),
            "status" => {
                let status = group.status(now);
                let what = format!("status at step {position}");
                expect_equal(&what, status.is_some(), step.flag("expect_backed_off"))?;
                expect_equal(&what, status, step.opt_text("expect_error"))?;
            }
            other => panic!("operation {other}"),
        }
    }
    Ok(())
}
