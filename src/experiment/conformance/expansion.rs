//! Kinds of `ca_expander.jsonl`: choice of a node group, balancing, similarity, back-off.

use std::collections::BTreeMap;

use crate::control::cluster_autoscaler::backoff::{Backoff, BackoffRules};
use crate::control::cluster_autoscaler::balancing::{Group, balance};
use crate::control::cluster_autoscaler::expander::{
    Expander, ScaleUpOption, choose, narrow, random,
};
use crate::control::cluster_autoscaler::priorities::Priorities;
use crate::control::cluster_autoscaler::resources::Resources;
use crate::control::cluster_autoscaler::similar::{
    DifferenceRatios, NodeShape, Provider, Rules, are_similar,
};

use super::fields::{Fields, Read};
use super::kinds::{Kind, Verdict, expect_equal};

pub(super) const KINDS: &[Kind] = &[
    ("least_waste", |line| filter(line, Expander::LeastWaste)),
    ("least_nodes", |line| filter(line, Expander::LeastNodes)),
    ("most_pods", |line| filter(line, Expander::MostPods)),
    ("priority", priority),
    ("random", random_choice),
    ("chain", chain),
    ("balance", balancing),
    ("similar", similar),
    ("backoff", backoff),
];

/// Draws that cover the range of random choices.
const DRAWS: [u64; 5] = [0, 1, u64::MAX / 2, u64::MAX / 2 + 1, u64::MAX];

fn option(option: &Fields<'_>) -> Read<ScaleUpOption> {
    let mut requests = Resources::default();
    for pod in option.objects_or_none("pods")? {
        let request = pod.resources(1)?;
        requests.cpu += request.cpu;
        requests.memory += request.memory;
        requests.pods += 1;
    }
    let capacity = option.opt_object("node_capacity")?;
    let capacity = capacity.map(|node| node.resources(0)).transpose()?;
    Ok(ScaleUpOption {
        n_nodes: option.count_or_zero("node_count")?,
        n_pods: option.count_or_zero("pod_count")?,
        requests,
        node_capacity: capacity.unwrap_or_default(),
        priority: None,
    })
}

fn filter(line: &Fields<'_>, expander: Expander) -> Verdict {
    let rows = line.objects("options")?;
    let names = rows.iter().map(|row| row.text("group")).collect::<Read<Vec<_>>>()?;
    let options = rows.iter().map(option).collect::<Read<Vec<_>>>()?;
    let all: Vec<usize> = (0..options.len()).collect();
    let kept = expander.keep(&options, &all);
    let got = kept.iter().map(|&index| names[index]).collect();
    expect_equal("kept", got, line.texts("expect")?)?;
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

/// The configured lists; upstream ignores a configuration of which any part is unusable.
fn priorities(line: &Fields<'_>) -> Read<Priorities> {
    let Some(lists) = line.opt_object("priorities")? else { return Ok(Priorities::default()) };
    let mut read = Vec::new();
    for key in lists.keys() {
        let Ok(priority) = key.parse::<i64>() else { return Ok(Priorities::default()) };
        read.push((priority, lists.texts(key)?));
    }
    Ok(Priorities::compile(read).unwrap_or_default())
}

fn priority(line: &Fields<'_>) -> Verdict {
    let names = line.texts("options")?;
    let priorities = priorities(line)?;
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
    expect_equal("kept", kept, line.texts("expect")?)
}

fn random_choice(line: &Fields<'_>) -> Verdict {
    let options = line.texts("options")?;
    let expected = line.texts("expect_one_of")?;
    let mut picked: Vec<&str> = DRAWS.iter().filter_map(|&draw| random(&options, draw)).collect();
    picked.sort_unstable();
    picked.dedup();
    if picked.iter().all(|one| expected.contains(one)) && picked.is_empty() == expected.is_empty() {
        Ok(())
    } else {
        Err(format!("picks {picked:?}, upstream one of {expected:?}"))
    }
}

fn chain(line: &Fields<'_>) -> Verdict {
    let names = line.texts("options")?;
    let parts = line.texts("filters_keep_substring")?;
    let filters = parts.into_iter().map(|part| {
        let names = &names;
        move |among: &[usize]| -> Vec<usize> {
            among.iter().copied().filter(|&index| names[index].contains(part)).collect()
        }
    });
    let fallback = line.opt_text("fallback_first_containing")?;
    let last_resort = |left: &[usize]| {
        let fallback = fallback?;
        left.iter().copied().find(|&index| names[index].contains(fallback))
    };
    let chosen = narrow((0..names.len()).collect(), filters, last_resort);
    expect_equal("chosen", chosen.map(|index| names[index]), line.opt_text("expect")?)
}

fn sizes_of<'a>(sizes: &Fields<'a>) -> Read<BTreeMap<&'a str, i64>> {
    sizes.keys().map(|group| Ok((group, sizes.int(group)?))).collect()
}

fn balancing(line: &Fields<'_>) -> Verdict {
    let rows = line.objects("groups")?;
    let names = rows.iter().map(|row| row.text("group")).collect::<Read<Vec<_>>>()?;
    let group =
        |row: &Fields<'_>| Ok(Group { target: row.count("target")?, max: row.count("max")? });
    let groups = rows.iter().map(group).collect::<Read<Vec<_>>>()?;
    let sizes = balance(&groups, line.steps("new_nodes")?);
    let sized = names.iter().zip(&groups).zip(&sizes);
    let changed = sized.filter(|((_, group), size)| group.target != **size);
    let got: BTreeMap<&str, i64> = changed.map(|((name, _), &size)| (*name, size as i64)).collect();
    if !line.has("expect_any_of") {
        return expect_equal("sizes", got, sizes_of(&line.object("expect_new_sizes")?)?);
    }
    let allowed = line.objects("expect_any_of")?;
    let allowed = allowed.iter().map(sizes_of).collect::<Read<Vec<_>>>()?;
    if allowed.contains(&got) {
        Ok(())
    } else {
        Err(format!("sizes are {got:?}, upstream has one of {allowed:?}"))
    }
}

/// The labels of a node, as the comparison takes them.
fn labels<'a>(node: &Fields<'a>) -> Read<Vec<(&'a str, &'a str)>> {
    let Some(labels) = node.opt_object("labels")? else { return Ok(Vec::new()) };
    labels.keys().map(|name| Ok((name, labels.text(name)?))).collect()
}

fn shape<'a>(node: &Fields<'a>, labels: &'a [(&'a str, &'a str)]) -> Read<NodeShape<'a>> {
    let [capacity, allocatable] = [node.object("capacity")?, node.object("allocatable")?];
    let count = |of: &Fields<'_>, key: &str| if of.has(key) { of.count32(key) } else { Ok(0) };
    let requested = node.opt_object("requested")?;
    Ok(NodeShape {
        capacity: capacity.resources(count(&capacity, "pods")?)?,
        allocatable: allocatable.resources(count(&allocatable, "pods")?)?,
        requested: requested.map(|pods| pods.resources(0)).transpose()?.unwrap_or_default(),
        gpus: count(&capacity, "gpu")?,
        allocatable_gpus: count(&allocatable, "gpu")?,
        labels,
    })
}

fn similar(line: &Fields<'_>) -> Verdict {
    let given = line.opt_object("ratios")?;
    let ratio = |key, default| match &given {
        Some(ratios) if ratios.has(key) => ratios.float(key),
        _ => Ok(default),
    };
    let default = DifferenceRatios::DEFAULT;
    let ignored = if line.has("extra_ignored_labels") {
        line.texts("extra_ignored_labels")?
    } else {
        Vec::new()
    };
    let rules = Rules {
        provider: match line.text("provider")? {
            "generic" => Provider::Generic,
            "azure" => Provider::Azure,
            _ => return Err(line.unknown("provider", "generic or azure")),
        },
        ratios: DifferenceRatios {
            capacity_memory: ratio("capacity_memory", default.capacity_memory)?,
            allocatable: ratio("allocatable", default.allocatable)?,
            free: ratio("free", default.free)?,
        },
        extra_ignored_labels: &ignored,
    };
    let [a, b] = [line.object("a")?, line.object("b")?];
    let [labels_of_a, labels_of_b] = [labels(&a)?, labels(&b)?];
    let (a, b) = (shape(&a, &labels_of_a)?, shape(&b, &labels_of_b)?);
    let expected = line.flag("expect")?;
    expect_equal("similar", are_similar(&a, &b, &rules), expected)?;
    expect_equal("similar the other way", are_similar(&b, &a, &rules), expected)
}

fn backoff(line: &Fields<'_>) -> Verdict {
    let rules = BackoffRules {
        initial: line.span("initial_s")?,
        max: line.span("max_s")?,
        reset: line.span("reset_s")?,
    };
    let mut groups: BTreeMap<&str, Backoff<&str>> = BTreeMap::new();
    for (position, step) in line.objects("steps")?.iter().enumerate() {
        let now = step.time("t_s")?;
        let group = groups.entry(step.text_or("group", "")?).or_default();
        match step.text("op")? {
            "fail" => _ = group.fail(rules, step.text_or("error", "")?, now),
            "remove" => group.remove(),
            "remove_stale" => groups.values_mut().for_each(|group| group.remove_stale(rules, now)),
            "status" => {
                let status = group.status(now);
                let what = format!("status at step {position}");
                expect_equal(&what, status.is_some(), step.flag("expect_backed_off")?)?;
                if step.has("expect_error") || status.is_none() {
                    expect_equal(&what, status, step.opt_text("expect_error")?)?;
                }
            }
            _ => return Err(step.unknown("op", "fail, status, remove or remove_stale")),
        }
    }
    Ok(())
}
