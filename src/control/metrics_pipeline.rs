//! From busy workers to the numbers that the HPA reads: kubelet counters, metrics-server scrapes.
//!
//! Follows metrics-server: each scrape keeps the last two points of every pod, usage is the
//! difference of the cumulative CPU counter over the time between them, and a pod without two
//! points has no metrics, except that a container younger than the resolution and at least 10 s
//! old counts from its start. The kubelet refreshes its counters every 15 s, so a scrape may read
//! an old value: lag adds up, as in a real cluster. Memory is that of the newer point.
//!
//! CPU is saturated usage, not offered load: busy worker time times the CPU of a busy worker,
//! never above the container's limit, nor together above what the node has.

use crate::control::Cx;
use crate::model::event::Event;
use crate::model::ids::{ClusterId, NodeId, PodId};
use crate::units::{Bytes, Span, Time};

/// metrics-server: a younger container is too young for its start to be the first point.
const MIN_AGE_WITHOUT_SECOND_POINT: Span = Span::from_secs(10);

/// A reading of a pod's counters.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Point {
    at: Time,
    /// CPU that the main container used since it started \[core seconds\].
    cpu_core_s: f64,
    /// CPU that all sidecars used \[core seconds\].
    sidecars_core_s: f64,
    /// Memory of the main container.
    memory: Bytes,
}

/// What kubelet and metrics-server know of one pod.
#[derive(Clone, Copy, Debug, Default)]
pub struct PodCounters {
    /// The kubelet's last reading.
    kubelet: Option<Point>,
    /// The data plane's busy time at that reading \[worker seconds\].
    busy_s: f64,
    /// metrics-server's last two points, older first.
    scraped: [Option<Point>; 2],
}

/// What a pod uses, as the metrics API serves it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PodUsage {
    /// Mean CPU of the main container over the window \[cores\].
    pub cpu_cores: f64,
    /// Mean CPU of all sidecars together over the window \[cores\].
    pub sidecars_cores: f64,
    /// Memory of the main container at the end of the window.
    pub memory: Bytes,
    /// End of the window.
    pub timestamp: Time,
    /// Length of the window.
    pub window: Span,
}

/// The kubelet refreshes the counters of a node's pods.
pub fn refresh_kubelet_stats(cx: &mut Cx, node: NodeId) {
    if !cx.world[node].has_kubelet() {
        return;
    }
    let period = cx.settings.kubelet_stats_period;
    cx.clock.arm(Event::KubeletStats(node), cx.now + period);
    let node_cores = cx.world[cx.world[node].pool].capacity.cpu.cores();
    let running: Vec<(PodId, Used)> = cx.world[node]
        .pods
        .iter()
        .filter_map(|&pod| used_since_refresh(cx, pod).map(|used| (pod, used)))
        .collect();
    let share = node_share(running.iter().map(|(_, used)| used), cx.now, node_cores);
    for (pod, used) in running {
        let memory = memory_of(cx, pod);
        let now = cx.now;
        let counters = cx.memory.counters_mut(pod);
        let before = counters.kubelet;
        counters.kubelet = Some(Point {
            at: now,
            cpu_core_s: before.map_or(0.0, |point| point.cpu_core_s) + used.main_core_s * share,
            sidecars_core_s: before.map_or(0.0, |point| point.sidecars_core_s)
                + used.sidecars_core_s * share,
            memory,
        });
        counters.busy_s = used.busy_s;
    }
}

/// Memory that the main container of a pod uses now; nothing where the scenario states nothing.
fn memory_of(cx: &Cx, pod: PodId) -> Bytes {
    let containers = &cx.world[cx.world[pod].deployment].template.containers;
    let Some(memory) = containers.memory_use else { return Bytes::ZERO };
    memory.working_set + memory.per_request * i64::from(cx.traffic.in_flight(pod))
}

/// The share of what they want that all pods of a node get, who together cannot use more than
/// the machine has, each in the time since its last reading; a pod that has just started does not
/// shorten the time of the others.
fn node_share<'u>(used: impl Iterator<Item = &'u Used>, now: Time, node_cores: f64) -> f64 {
    let rate = |used: &Used| {
        let elapsed_s = (now - used.since).as_secs_f64();
        let core_s = used.main_core_s + used.sidecars_core_s;
        (0.0 < elapsed_s).then(|| core_s / elapsed_s)
    };
    let wanted_cores: f64 = used.filter_map(rate).sum();
    if wanted_cores > node_cores { node_cores / wanted_cores } else { 1.0 }
}

/// CPU that a running pod used since the kubelet's last reading, and when that was.
struct Used {
    main_core_s: f64,
    sidecars_core_s: f64,
    /// The data plane's busy time now \[worker seconds\].
    busy_s: f64,
    since: Time,
}

/// What a pod would have used alone on its node; None while its container does not run.
fn used_since_refresh(cx: &Cx, pod: PodId) -> Option<Used> {
    if !cx.world[pod].container.is_running() {
        return None;
    }
    let template = &cx.world[cx.world[pod].deployment].template;
    let counters = cx.memory.counters(pod);
    let since = counters.kubelet.map_or(cx.world[pod].started_at, |point| point.at);
    let elapsed_s = (cx.now - since).as_secs_f64();
    let busy_s = cx.traffic.busy_s(pod);
    let wanted = (busy_s - counters.busy_s) * template.cpu_per_worker.cores();
    let limit = template.cpu_limit.map_or(f64::INFINITY, crate::units::MilliCpu::cores);
    Some(Used {
        main_core_s: wanted.min(limit * elapsed_s),
        sidecars_core_s: template.containers.sidecar_cpu().cores() * elapsed_s,
        busy_s,
        since,
    })
}

/// The kubelet forgets a container that ended; metrics-server learns it at its next scrape, so
/// until then an HPA still sees what the container used last.
pub fn forget(cx: &mut Cx, pod: PodId) {
    let counters = cx.memory.counters_mut(pod);
    *counters = PodCounters { scraped: counters.scraped, ..PodCounters::default() };
}

/// metrics-server reads all nodes of a cluster that answer.
pub fn scrape(cx: &mut Cx, cluster: ClusterId) {
    let resolution = cx.settings.scrape_interval;
    cx.clock.arm(Event::MetricsScrape(cluster), cx.now + resolution);
    if !cx.control_plane_is_up(cluster) {
        return;
    }
    for pool in 0..cx.world[cluster].pools.len() {
        let pool = cx.world[cluster].pools[pool];
        for index in 0..cx.world[pool].nodes.len() {
            let node = cx.world[pool].nodes[index];
            let answers = cx.world[node].has_kubelet();
            for index in 0..cx.world[node].pods.len() {
                let pod = cx.world[node].pods[index];
                let started_at = cx.world[pod].started_at;
                let counters = cx.memory.counters_mut(pod);
                let fresh = counters.kubelet.filter(|_| answers);
                counters.scraped = stored(counters.scraped, fresh, started_at, resolution);
            }
        }
    }
}

/// What metrics-server keeps of a container after a scrape that found `fresh`, or nothing.
///
/// Follows `Store` of metrics-server pkg/storage/pod.go: a young container counts from its start;
/// else the last point of the same container becomes the older one, if the kubelet has read the
/// counters again since.
fn stored(
    scraped: [Option<Point>; 2],
    fresh: Option<Point>,
    started_at: Time,
    resolution: Span,
) -> [Option<Point>; 2] {
    let Some(fresh) = fresh else { return [None, None] };
    let age = fresh.at - started_at;
    if MIN_AGE_WITHOUT_SECOND_POINT <= age && age < resolution {
        let start = Point { at: started_at, cpu_core_s: 0.0, sidecars_core_s: 0.0, ..fresh };
        return [Some(start), Some(fresh)];
    }
    match scraped {
        [_, Some(last)] if last.at <= started_at => [None, Some(fresh)],
        [_, Some(last)] if last.at < fresh.at => [Some(last), Some(fresh)],
        [before, Some(_)] => [before, Some(fresh)],
        [_, None] => [None, Some(fresh)],
    }
}

/// A pod's usage as the metrics API serves it now; None while it has no two points.
#[must_use]
pub fn usage(cx: &Cx, pod: PodId) -> Option<PodUsage> {
    let [Some(older), Some(newer)] = cx.memory.counters(pod).scraped else { return None };
    let window = newer.at - older.at;
    let mean = |newer: f64, older: f64| (newer - older) / window.as_secs_f64();
    Some(PodUsage {
        cpu_cores: mean(newer.cpu_core_s, older.cpu_core_s),
        sidecars_cores: mean(newer.sidecars_core_s, older.sidecars_core_s),
        memory: newer.memory,
        timestamp: newer.at,
        window,
    })
}

/// Serves a value for a pod as if it had been scraped, or none: for replays of a metrics API of
/// which is recorded what it served. Scrapes must be disarmed, or the next one takes over.
pub fn serve(cx: &mut Cx, pod: PodId, usage: Option<PodUsage>) {
    let points = usage.map(|usage| {
        let older = Point {
            at: usage.timestamp - usage.window,
            cpu_core_s: 0.0,
            sidecars_core_s: 0.0,
            memory: usage.memory,
        };
        let window_s = usage.window.as_secs_f64();
        let newer = Point {
            at: usage.timestamp,
            cpu_core_s: usage.cpu_cores * window_s,
            sidecars_core_s: usage.sidecars_cores * window_s,
            ..older
        };
        [Some(older), Some(newer)]
    });
    cx.memory.counters_mut(pod).scraped = points.unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row per rule: what each pod would use and in how long, and the share it gets of a node
    /// of 4 cores.
    #[test]
    fn pods_share_the_cores_of_their_node() {
        for (rule, wanted, expected) in [
            ("enough for all", vec![(15.0, 15.0), (30.0, 15.0)], 1.0),
            ("twice as much as there is", vec![(60.0, 15.0), (60.0, 15.0)], 0.5),
            (
                "a pod of one second takes nothing from the others",
                vec![(45.0, 15.0), (0.1, 1.0)],
                1.0,
            ),
            ("a pod that starts now has used nothing", vec![(60.0, 15.0), (0.0, 0.0)], 1.0),
            ("nobody", vec![], 1.0),
        ] {
            let used = |&(main_core_s, elapsed_s): &(f64, f64)| Used {
                main_core_s,
                sidecars_core_s: 0.0,
                busy_s: 0.0,
                since: Time::ZERO - Span::from_secs_f64(elapsed_s),
            };
            let used: Vec<Used> = wanted.iter().map(used).collect();
            assert_eq!(node_share(used.iter(), Time::ZERO, 4.0), expected, "{rule}");
        }
    }

    /// One row per rule: the two points that metrics-server keeps, by their instants. The
    /// resolution is 30 s, the instants are seconds after the start of the container.
    #[test]
    fn metrics_need_two_points_of_one_container() {
        let point = |at_s| Point {
            at: Time::from_secs(at_s),
            cpu_core_s: 0.0,
            sidecars_core_s: 0.0,
            memory: Bytes::ZERO,
        };
        for (rule, scraped, fresh, expected) in [
            (
                "first seen after 9 s: too young for its start",
                (None, None),
                Some(9),
                (None, Some(9)),
            ),
            ("10 s old: its start counts", (None, None), Some(10), (Some(0), Some(10))),
            ("29 s old: its start counts", (None, None), Some(29), (Some(0), Some(29))),
            ("as old as the resolution: no more", (None, None), Some(30), (None, Some(30))),
            ("the second point", (None, Some(9)), Some(39), (Some(9), Some(39))),
            ("the same reading again", (Some(9), Some(39)), Some(39), (Some(9), Some(39))),
            ("a third point", (Some(9), Some(39)), Some(69), (Some(39), Some(69))),
            ("points before its start", (Some(-60), Some(-30)), Some(40), (None, Some(40))),
            ("a point right at its start", (Some(-30), Some(0)), Some(40), (None, Some(40))),
            ("not found by a scrape", (Some(9), Some(39)), None, (None, None)),
        ] {
            let scraped = [scraped.0.map(point), scraped.1.map(point)];
            let resolution = Span::from_secs(30);
            let kept = stored(scraped, fresh.map(point), Time::ZERO, resolution);
            let kept = kept.map(|kept| kept.map(|point| point.at.whole_secs()));
            assert_eq!((kept[0], kept[1]), expected, "{rule}");
        }
    }
}
