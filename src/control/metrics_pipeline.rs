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
use crate::control::memory::Memory;
use crate::model::container::MemoryUse;
use crate::model::event::Event;
use crate::model::ids::{ClusterId, NodeId, PodId};
use crate::model::workload::PodTemplate;
use crate::units::{Bytes, MilliCpu, Span, Time};

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

impl Point {
    /// A container's counters when it starts.
    const fn at_start(at: Time) -> Self {
        Self { at, cpu_core_s: 0.0, sidecars_core_s: 0.0, memory: Bytes::ZERO }
    }
}

/// What kubelet and metrics-server know of one pod.
#[derive(Clone, Copy, Debug, Default)]
pub struct PodCounters {
    /// The kubelet's last reading.
    kubelet: Option<Point>,
    /// The data plane's busy time at that reading \[worker seconds\].
    busy_s: f64,
    /// When the container of that reading started.
    started_at: Time,
    /// What the main container used between that reading and the one before \[core seconds\].
    cpu_core_s: f64,
    /// What the sidecars used in that time \[core seconds\].
    sidecars_core_s: f64,
    /// metrics-server's last two points, older first.
    scraped: [Option<Point>; 2],
}

/// What the pods of a deployment use for what they do, as the kubelet's readings need it.
#[derive(Clone, Copy, Debug)]
pub struct ContainerUse {
    /// CPU of a busy worker \[cores\].
    cores_per_worker: f64,
    /// Most that the main container may use \[cores\].
    limit_cores: f64,
    /// What all sidecars use \[cores\].
    sidecars_cores: f64,
    /// Memory of the main container, where the scenario states it.
    memory: Option<MemoryUse>,
}

impl ContainerUse {
    /// What pods of this template use.
    #[must_use]
    pub fn of(template: &PodTemplate) -> Self {
        Self {
            cores_per_worker: template.cpu_per_worker.cores(),
            limit_cores: template.cpu_limit.map_or(f64::INFINITY, MilliCpu::cores),
            sidecars_cores: template.containers.sidecar_cpu().cores(),
            memory: template.containers.memory_use,
        }
    }
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
    let wanted_cores = read_pods(cx, node);
    let lost = 1.0 - share_of(wanted_cores, cx.world[cx.world[node].pool].capacity.cpu.cores());
    if lost == 0.0 {
        return;
    }
    for &pod in &cx.world[node].pods {
        let counters = &mut cx.memory.counters[pod.index()];
        if let Some(point) = counters.kubelet.as_mut().filter(|point| point.at == cx.now) {
            point.cpu_core_s -= counters.cpu_core_s * lost;
            point.sidecars_core_s -= counters.sidecars_core_s * lost;
        }
    }
}

/// Reads the counters of all pods of a node whose container runs as if there were cores enough
/// for all. Returns how many they wanted; each in the time since its last reading, so that a pod
/// that has just started does not shorten the time of the others.
fn read_pods(cx: &mut Cx, node: NodeId) -> f64 {
    let Cx { now, world, memory, traffic, .. } = cx;
    memory.make_room_for_counters(world.pods.len());
    let Memory { counters, container_uses, .. } = memory;
    let mut wanted_cores = 0.0;
    // Nearly all pods of a node were read at the same instant.
    let (mut since, mut elapsed_s) = (*now, 0.0);
    for &pod in &world[node].pods {
        let state = &world[pod];
        if !state.container.is_running() {
            continue;
        }
        let busy_s = traffic.busy_s(pod);
        let container = &container_uses[state.deployment.index()];
        let counters = &mut counters[pod.index()];
        if counters.kubelet.is_none() {
            counters.kubelet = Some(Point::at_start(state.started_at));
            counters.started_at = state.started_at;
        }
        let point = counters.kubelet.as_mut().expect("there is one now");
        if point.at != since {
            since = point.at;
            elapsed_s = (*now - since).as_secs_f64();
        }
        let wanted_core_s = (busy_s - counters.busy_s) * container.cores_per_worker;
        counters.cpu_core_s = wanted_core_s.min(container.limit_cores * elapsed_s);
        counters.sidecars_core_s = container.sidecars_cores * elapsed_s;
        counters.busy_s = busy_s;
        wanted_cores += rate(counters.cpu_core_s + counters.sidecars_core_s, elapsed_s);
        point.at = *now;
        point.cpu_core_s += counters.cpu_core_s;
        point.sidecars_core_s += counters.sidecars_core_s;
        if let Some(memory) = container.memory {
            let in_flight = i64::from(traffic.in_flight(pod));
            point.memory = memory.working_set + memory.per_request * in_flight;
        }
    }
    wanted_cores
}

/// The share of what they want that all pods of a node get, who together cannot use more than
/// the machine has.
fn share_of(wanted_cores: f64, node_cores: f64) -> f64 {
    if node_cores < wanted_cores { node_cores / wanted_cores } else { 1.0 }
}

/// CPU time over the time it took; nothing if no time has passed.
fn rate(core_s: f64, elapsed_s: f64) -> f64 {
    if 0.0 < elapsed_s { core_s / elapsed_s } else { 0.0 }
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
    let Cx { world, memory, .. } = cx;
    memory.make_room_for_counters(world.pods.len());
    for node in world.cluster_nodes(cluster) {
        let answers = world[node].has_kubelet();
        for &pod in &world[node].pods {
            let counters = &mut memory.counters[pod.index()];
            let fresh = if answers { counters.kubelet.as_ref() } else { None };
            store(&mut counters.scraped, fresh, counters.started_at, resolution);
        }
    }
}

/// Makes of metrics-server's points of a container what it keeps after a scrape that found
/// `fresh`, or nothing.
///
/// Follows `Store` of metrics-server pkg/storage/pod.go: a young container counts from its start;
/// else the last point of the same container becomes the older one, if the kubelet has read the
/// counters again since.
fn store(
    scraped: &mut [Option<Point>; 2],
    fresh: Option<&Point>,
    started_at: Time,
    resolution: Span,
) {
    let Some(fresh) = fresh else {
        *scraped = [None, None];
        return;
    };
    let age = fresh.at - started_at;
    if age < resolution && MIN_AGE_WITHOUT_SECOND_POINT <= age {
        scraped[0] = Some(Point::at_start(started_at));
    } else {
        match scraped[1].as_ref().map(|last| last.at) {
            Some(last) if started_at < last && last < fresh.at => scraped[0] = scraped[1],
            Some(last) if started_at < last => {}
            _ => scraped[0] = None,
        }
    }
    scraped[1] = Some(*fresh);
}

/// A pod's usage as the metrics API serves it now; None while it has no two points.
#[must_use]
#[inline]
pub fn usage(cx: &Cx, pod: PodId) -> Option<PodUsage> {
    let [Some(older), Some(newer)] = &cx.memory.counters(pod)?.scraped else { return None };
    let window = newer.at - older.at;
    let window_s = window.as_secs_f64();
    Some(PodUsage {
        cpu_cores: (newer.cpu_core_s - older.cpu_core_s) / window_s,
        sidecars_cores: (newer.sidecars_core_s - older.sidecars_core_s) / window_s,
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

    /// Pods get what they want of the 4 cores of a node while that is enough for all.
    #[test]
    fn pods_share_the_cores_of_their_node() {
        for (wanted, expected) in [(0.0, 1.0), (3.9, 1.0), (4.0, 1.0), (5.0, 0.8), (8.0, 0.5)] {
            assert_eq!(share_of(wanted, 4.0), expected, "{wanted} cores");
        }
    }

    /// The rate of a pod over the time since its last reading, one row per rule.
    #[test]
    fn a_rate_needs_time() {
        for (rule, core_s, elapsed_s, expected) in [
            ("as much as the time", 15.0, 15.0, 1.0),
            ("a pod of one second is not spread over more", 0.5, 1.0, 0.5),
            ("a pod that starts now has used nothing", 0.0, 0.0, 0.0),
        ] {
            assert_eq!(rate(core_s, elapsed_s), expected, "{rule}");
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
            (
                "the same reading, the older point before its start",
                (Some(-30), Some(40)),
                Some(40),
                (Some(-30), Some(40)),
            ),
            ("not found by a scrape", (Some(9), Some(39)), None, (None, None)),
        ] {
            let mut kept = [scraped.0.map(point), scraped.1.map(point)];
            store(&mut kept, fresh.map(point).as_ref(), Time::ZERO, Span::from_secs(30));
            let kept = kept.map(|kept| kept.map(|point| point.at.whole_secs()));
            assert_eq!((kept[0], kept[1]), expected, "{rule}");
        }
    }
}
