//! Kinds of `ca_state.jsonl`: health, ranges and scale-down of the cluster autoscaler.

use tideover::control::cluster_autoscaler::cluster_state::{
    AcceptableRange, Readiness, UnreadyLimits, acceptable_range, is_cluster_healthy,
};
use tideover::control::cluster_autoscaler::scale_down::budgets::{Budget, crop};
use tideover::control::cluster_autoscaler::scale_down::removable::{
    Room, UnneededNode, WaitTimes, try_remove,
};
use tideover::control::cluster_autoscaler::scale_down::unneeded::{
    Pace, found_unneeded, unneeded_limit,
};
use tideover::control::cluster_autoscaler::scale_down::utilization::{
    Amounts, Ignored, InitContainer, PodKind, PodUse, pod_request, utilization,
};
use tideover::units::{Bytes, MilliCpu, Span, Time};

use super::row::Row;
use super::{Verdict, expect_equal};

pub(super) fn check(kind: &str, row: &Row) -> Option<Verdict> {
    Some(match kind {
        "acceptable_range" => ranges(row),
        "cluster_health" => health(row),
        "parallelism_budget" => budget(row),
        "min_size_gate" => min_size_gate(row),
        "unneeded_limit" => limit(row),
        "unremovable_reason" => unremovable(row),
        "node_utilization" => node_utilization(row),
        _ => return None,
    })
}

fn ranges(row: &Row) -> Verdict {
    let (groups, expect) = (row.row("groups"), row.row("expect"));
    let (increases, deletions) = (row.row("scale_up_requests"), row.row("scale_down_in_flight"));
    let of = |counts: &Row, name: &str| counts.get(name).map_or(0, |_| counts.count(name));
    for name in groups.keys() {
        let group = groups.row(name);
        let got = acceptable_range(
            group.count("target"),
            group.count("long_unregistered"),
            of(&increases, name),
            of(&deletions, name),
        );
        let expect = expect.row(name);
        let [min, max, target] = ["min", "max", "target"].map(|key| expect.int(key));
        expect_equal(name, got, AcceptableRange { min, max, target })?;
    }
    Ok(())
}

fn health(row: &Row) -> Verdict {
    let all = Readiness {
        ready: row.count("ready"),
        unready: row.count("unready"),
        not_started: row.count("not_started"),
        ..Readiness::default()
    };
    let limits = UnreadyLimits {
        ok_count: row.count("ok_total_unready"),
        max_percent: row.float("max_unready_pct"),
    };
    expect_equal("healthy", is_cluster_healthy(&all, limits), row.flag("expect_healthy"))
}

fn budget(row: &Row) -> Verdict {
    let budget = Budget {
        max_parallelism: row.count("max_parallelism"),
        max_drain_parallelism: row.count("max_drain_parallelism"),
        empty_in_progress: row.count("empty_deletions_in_progress"),
        drain_in_progress: row.count("drain_deletions_in_progress"),
    };
    let [empty, drain] = ["empty", "drain"].map(|key| row.rows(key));
    let counts = |rows: &[Row]| rows.iter().map(|group| group.count("nodes")).collect::<Vec<_>>();
    let cropped = crop(budget, &counts(&empty), &counts(&drain));
    for (key, groups, kept) in
        [("expect_empty", empty, cropped.empty), ("expect_drain", drain, cropped.drain)]
    {
        let kept = groups.iter().zip(kept).filter(|(_, nodes)| 0 < *nodes);
        let got: Vec<_> = kept.map(|(group, nodes)| (group.text("group"), nodes)).collect();
        let expected = row.rows(key);
        let expected = expected.iter().map(|group| (group.text("group"), group.count("nodes")));
        expect_equal(key, got, expected.collect())?;
    }
    Ok(())
}

fn min_size_gate(row: &Row) -> Verdict {
    let threshold = row.span("threshold_s");
    let node = UnneededNode {
        ready: true,
        scale_down_disabled: false,
        unneeded_for: row.span("unneeded_for_s"),
        wait: Some(WaitTimes { unneeded: threshold, unready: threshold }),
    };
    let left = row.int("group_target") - row.int("deletions_in_progress") - row.int("group_min");
    let mut room = Room { group: left, cluster: None };
    let mut allowed =
        |key| (0..row.count(key)).filter(|_| try_remove(&node, Some(&mut room)).is_ok()).count();
    expect_equal("empty", allowed("empty_candidates"), row.count("expect_empty"))?;
    expect_equal("drain", allowed("drain_candidates"), row.count("expect_drain"))
}

fn limit(row: &Row) -> Verdict {
    let pace = Pace {
        max_parallelism: row.count("max_parallelism"),
        unneeded_time: row.span("unneeded_time_s"),
        update_interval: row.span("update_interval_s"),
    };
    let limit = unneeded_limit(row.count("previously_unneeded"), pace);
    let found = found_unneeded(row.count("eligible_nodes"), limit, row.flag("zero_or_max_group"));
    expect_equal("unneeded", found, row.count("expect_unneeded"))
}

fn unremovable(row: &Row) -> Verdict {
    let wait =
        WaitTimes { unneeded: row.span("unneeded_time_s"), unready: row.span("unready_time_s") };
    let node = UnneededNode {
        ready: row.flag("ready"),
        scale_down_disabled: row.flag("scale_down_disabled"),
        unneeded_for: row.span("unneeded_for_s"),
        wait: (!row.flag("threshold_lookup_fails")).then_some(wait),
    };
    let mut room = Room {
        group: row.int("group_target") - row.int("group_min"),
        cluster: row.opt_int("cluster_min_nodes").map(|min| row.int("cluster_nodes") - min),
    };
    let result = try_remove(&node, row.flag("in_node_group").then_some(&mut room));
    let got = result.err().map_or("NoReason", |reason| reason.name());
    expect_equal("reason", got, row.text_or("expect", "NoReason"))
}

fn amounts(row: &Row) -> Option<Amounts> {
    Some(Amounts {
        cpu: MilliCpu::new(row.opt_int("cpu_milli")?),
        memory: Bytes::new(row.opt_int("memory_bytes")?),
    })
}

fn node_utilization(row: &Row) -> Verdict {
    let init = |init: &Row| InitContainer {
        request: amounts(init).expect("an init container's requests"),
        is_sidecar: init.flag("restartable"),
    };
    let pod = |pod: &Row| {
        let inits: Vec<InitContainer> = pod.rows("init_containers").iter().map(init).collect();
        PodUse {
            request: pod_request(amounts(pod).expect("a pod's requests"), &inits),
            kind: match (pod.flag("daemonset"), pod.flag("mirror")) {
                (true, _) => PodKind::DaemonSet,
                (_, true) => PodKind::Mirror,
                _ => PodKind::Movable,
            },
            terminating: pod
                .get("terminating_for_s")
                .map(|_| (Time::ZERO - pod.span("terminating_for_s"), Span::from_secs(30))),
        }
    };
    let pods: Vec<PodUse> = row.rows("pods").iter().map(pod).collect();
    let ignored =
        Ignored { daemonsets: row.flag("ignore_daemonset"), mirrors: row.flag("ignore_mirror") };
    let allocatable = amounts(&row.row("allocatable"));
    let got = allocatable.and_then(|node| utilization(node, &pods, ignored, Time::ZERO));
    if row.get("expect_error").is_some() {
        return expect_equal("utilisation", got, None);
    }
    let got = got.ok_or("no utilisation")?;
    let tolerance = row.float("relative_tolerance");
    let compare = |what: &str, got: f64, expected: f64| {
        if (got - expected).abs() <= expected.abs() * tolerance {
            Ok(())
        } else {
            Err(format!("{what} is {got}, upstream has {expected}"))
        }
    };
    compare("utilisation", got.highest(), row.float("expect"))?;
    match row.get("expect_cpu") {
        Some(_) => compare("CPU", got.cpu, row.float("expect_cpu")),
        None => Ok(()),
    }
}
