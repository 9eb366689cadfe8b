//! Kinds of `ca_state.jsonl`: health, ranges and scale-down of the cluster autoscaler.

use crate::control::cluster_autoscaler::cluster_state::{
    AcceptableRange, Readiness, UnreadyLimits, acceptable_range, is_cluster_healthy,
};
use crate::control::cluster_autoscaler::scale_down::budgets::{Budget, crop};
use crate::control::cluster_autoscaler::scale_down::removable::{
    Room, UnneededNode, WaitTimes, try_remove,
};
use crate::control::cluster_autoscaler::scale_down::unneeded::{
    Pace, found_unneeded, unneeded_limit,
};
use crate::control::cluster_autoscaler::scale_down::utilization::{
    Amounts, Ignored, InitContainer, PodKind, PodUse, pod_request, utilization,
};
use crate::units::{Bytes, MilliCpu, Span, Time};

use super::fields::{Fields, Read};
use super::kinds::{Kind, Verdict, expect_equal};

pub(super) const KINDS: &[Kind] = &[
    ("acceptable_range", ranges),
    ("cluster_health", health),
    ("parallelism_budget", budget),
    ("min_size_gate", min_size_gate),
    ("unneeded_limit", limit),
    ("unremovable_reason", unremovable),
    ("node_utilization", node_utilization),
];

fn ranges(line: &Fields<'_>) -> Verdict {
    let (groups, expect) = (line.object("groups")?, line.object("expect")?);
    let increases = line.opt_object("scale_up_requests")?;
    let deletions = line.opt_object("scale_down_in_flight")?;
    let of = |counts: &Option<Fields<'_>>, name: &str| match counts {
        Some(counts) if counts.has(name) => counts.steps(name),
        _ => Ok(0),
    };
    for name in groups.keys() {
        let group = groups.object(name)?;
        let long =
            if group.has("long_unregistered") { group.steps("long_unregistered")? } else { 0 };
        let (increase, deleting) = (of(&increases, name)?, of(&deletions, name)?);
        let got = acceptable_range(group.steps("target")?, long, increase, deleting);
        let expect = expect.object(name)?;
        let [min, max, target] = [expect.int("min")?, expect.int("max")?, expect.int("target")?];
        expect_equal(name, got, AcceptableRange { min, max, target })?;
    }
    Ok(())
}

fn health(line: &Fields<'_>) -> Verdict {
    let count = |key| if line.has(key) { line.steps(key) } else { Ok(0) };
    let all = Readiness {
        ready: line.steps("ready")?,
        unready: line.steps("unready")?,
        not_started: count("not_started")?,
        suspended: count("suspended")?,
        deleted: count("deleted")?,
        ..Readiness::default()
    };
    let limits = UnreadyLimits {
        ok_count: line.count("ok_total_unready")?,
        max_percent: line.float("max_unready_pct")?,
    };
    expect_equal("healthy", is_cluster_healthy(&all, limits), line.flag("expect_healthy")?)
}

/// Groups with their numbers of nodes.
fn group_nodes<'a>(line: &Fields<'a>, key: &str) -> Read<Vec<(&'a str, usize)>> {
    let group = |group: &Fields<'a>| Ok((group.text("group")?, group.count("nodes")?));
    line.objects_or_none(key)?.iter().map(group).collect()
}

fn budget(line: &Fields<'_>) -> Verdict {
    let budget = Budget {
        max_parallelism: line.count("max_parallelism")?,
        max_drain_parallelism: line.count("max_drain_parallelism")?,
        empty_in_progress: line.steps("empty_deletions_in_progress")?,
        drain_in_progress: line.steps("drain_deletions_in_progress")?,
    };
    let [empty, drain] = [group_nodes(line, "empty")?, group_nodes(line, "drain")?];
    let counts = |groups: &[(&str, usize)]| groups.iter().map(|(_, n)| *n).collect::<Vec<_>>();
    let cropped = crop(budget, &counts(&empty), &counts(&drain));
    for (key, groups, kept) in
        [("expect_empty", empty, cropped.empty), ("expect_drain", drain, cropped.drain)]
    {
        let kept = groups.iter().zip(kept).filter(|(_, nodes)| 0 < *nodes);
        let got: Vec<_> = kept.map(|((group, _), nodes)| (*group, nodes)).collect();
        expect_equal(key, got, group_nodes(line, key)?)?;
    }
    Ok(())
}

/// What is left above a minimum, on both sides of zero.
fn left(size: i64, less: i64) -> i64 {
    size.saturating_sub(less)
}

fn min_size_gate(line: &Fields<'_>) -> Verdict {
    let threshold = line.span("threshold_s")?;
    let node = UnneededNode {
        ready: true,
        scale_down_disabled: false,
        unneeded_for: line.span("unneeded_for_s")?,
        wait: Some(WaitTimes { unneeded: threshold, unready: threshold }),
    };
    let size = left(line.natural("group_target")?, line.natural("deletions_in_progress")?);
    let mut room = Room { group: left(size, line.natural("group_min")?), cluster: None };
    let mut allowed = |key| {
        let allowed = (0..line.steps(key)?).filter(|_| try_remove(&node, Some(&mut room)).is_ok());
        Ok::<_, String>(allowed.count())
    };
    expect_equal("empty", allowed("empty_candidates")?, line.count("expect_empty")?)?;
    expect_equal("drain", allowed("drain_candidates")?, line.count("expect_drain")?)
}

fn limit(line: &Fields<'_>) -> Verdict {
    let pace = Pace {
        max_parallelism: line.steps("max_parallelism")?,
        unneeded_time: line.span("unneeded_time_s")?,
        update_interval: line.span("update_interval_s")?,
    };
    if pace.update_interval <= Span::ZERO {
        return Err(line.unknown("update_interval_s", "more than 0"));
    }
    let limit = unneeded_limit(line.steps("previously_unneeded")?, pace);
    let in_whole_group = line.is_set("zero_or_max_group")?;
    let found = found_unneeded(line.steps("eligible_nodes")?, limit, in_whole_group);
    expect_equal("unneeded", found, line.count("expect_unneeded")?)
}

fn unremovable(line: &Fields<'_>) -> Verdict {
    let wait = WaitTimes {
        unneeded: line.span("unneeded_time_s")?,
        unready: line.span("unready_time_s")?,
    };
    let node = UnneededNode {
        ready: line.flag("ready")?,
        scale_down_disabled: line.is_set("scale_down_disabled")?,
        unneeded_for: line.span("unneeded_for_s")?,
        wait: (!line.is_set("threshold_lookup_fails")?).then_some(wait),
    };
    let cluster = match line.opt_natural("cluster_min_nodes")? {
        Some(min) => Some(left(line.natural("cluster_nodes")?, min)),
        None => None,
    };
    let group = left(line.natural("group_target")?, line.natural("group_min")?);
    let mut room = Room { group, cluster };
    let result = try_remove(&node, line.flag("in_node_group")?.then_some(&mut room));
    let got = result.err().map_or("NoReason", |reason| reason.name());
    expect_equal("reason", got, line.text_or("expect", "NoReason")?)
}

fn amounts(of: &Fields<'_>) -> Read<Amounts> {
    Ok(Amounts {
        cpu: MilliCpu::new(of.natural("cpu_milli")?),
        memory: Bytes::new(of.natural("memory_bytes")?),
    })
}

fn init_container(init: &Fields<'_>) -> Read<InitContainer> {
    Ok(InitContainer { request: amounts(init)?, is_sidecar: init.is_set("restartable")? })
}

fn pod_use(pod: &Fields<'_>) -> Read<PodUse> {
    /// The default terminationGracePeriodSeconds.
    const GRACE: Span = Span::from_secs(30);
    let inits = pod.objects_or_none("init_containers")?;
    let inits = inits.iter().map(init_container).collect::<Read<Vec<_>>>()?;
    let terminating = pod.opt_span("terminating_for_s")?;
    Ok(PodUse {
        request: pod_request(amounts(pod)?, &inits),
        kind: match (pod.is_set("daemonset")?, pod.is_set("mirror")?) {
            (true, _) => PodKind::DaemonSet,
            (_, true) => PodKind::Mirror,
            _ => PodKind::Movable,
        },
        terminating: terminating.map(|terminating| (Time::ZERO - terminating, GRACE)),
    })
}

fn node_utilization(line: &Fields<'_>) -> Verdict {
    let pods = line.objects_or_none("pods")?.iter().map(pod_use).collect::<Read<Vec<_>>>()?;
    let ignored = Ignored {
        daemonsets: line.is_set("ignore_daemonset")?,
        mirrors: line.is_set("ignore_mirror")?,
    };
    // A resource that the node does not report is none at all.
    let allocatable = line.object("allocatable")?;
    let of = |key| Ok::<_, String>(allocatable.opt_natural(key)?.unwrap_or(0));
    let allocatable =
        Amounts { cpu: MilliCpu::new(of("cpu_milli")?), memory: Bytes::new(of("memory_bytes")?) };
    let got = utilization(allocatable, &pods, ignored, Time::ZERO);
    if line.has("expect_error") {
        return expect_equal("utilisation", got, None);
    }
    let got = got.ok_or("no utilisation")?;
    let tolerance =
        if line.has("relative_tolerance") { line.float("relative_tolerance")? } else { 0.0 };
    let compare = |what: &str, got: f64, expected: f64| {
        if (got - expected).abs() <= expected.abs() * tolerance {
            Ok(())
        } else {
            Err(format!("{what} is {got}, upstream has {expected}"))
        }
    };
    compare("utilisation", got.highest(), line.float("expect")?)?;
    for (key, what, got) in
        [("expect_cpu", "CPU", got.cpu), ("expect_memory", "memory", got.memory)]
    {
        if line.has(key) {
            compare(what, got, line.float(key)?)?;
        }
    }
    Ok(())
}
