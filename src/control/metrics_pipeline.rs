//! From busy workers to the numbers that the HPA reads: kubelet counters, metrics-server scrapes.
//!
//! Follows metrics-server: each scrape keeps the last two points of every pod, usage is the
//! difference of the cumulative CPU counter over the time between them, and a pod without two
//! points has no metrics, except that a container younger than the resolution and at least 10 s
//! old counts from its start. The kubelet refreshes its counters every 15 s, so a scrape may read
//! an old value: lag adds up, as in a real cluster. Memory is not measured.
//!
//! CPU is saturated usage, not offered load: busy worker time times the CPU of a busy worker,
//! never above the container's limit, nor together above what the node has.

use crate::control::Cx;
use crate::model::event::Event;
use crate::model::ids::{ClusterId, NodeId, PodId};
use crate::units::{Span, Time};

/// metrics-server: a younger container is too young for its start to be the first point.
const MIN_AGE_WITHOUT_SECOND_POINT: Span = Span::from_secs(10);

/// A reading of a pod's cumulative CPU counter.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Point {
    at: Time,
    /// CPU used since the container started \[core seconds\].
    cpu_core_s: f64,
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

/// A pod's CPU usage as the metrics API serves it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PodUsage {
    /// Mean usage over the window, in milli-cores.
    pub cpu_milli: i64,
    /// End of the window.
    pub timestamp: Time,
    /// Length of the window.
    pub window: Span,
}

/// The kubelet refreshes the counters of a node's pods.
pub fn refresh_kubelet_stats(cx: &mut Cx, node: NodeId) {
    if !cx.world[node].is_up() {
        return;
    }
    let period = cx.settings.kubelet_stats_period;
    cx.clock.arm(Event::KubeletStats(node), cx.now + period);
    let node_cores = cx.world[cx.world[node].pool].capacity.cpu.cores();
    let mut wanted = Vec::new();
    for index in 0..cx.world[node].pods.len() {
        let pod = cx.world[node].pods[index];
        let Some((usage, since)) = usage_since_last_refresh(cx, pod) else { continue };
        wanted.push((usage, (cx.now - since).as_secs_f64()));
    }
    let share = node_share(&wanted, node_cores);
    for index in 0..cx.world[node].pods.len() {
        let pod = cx.world[node].pods[index];
        let Some((usage, _)) = usage_since_last_refresh(cx, pod) else { continue };
        let busy_s = cx.traffic.busy_s(pod);
        let counters = cx.memory.counters_mut(pod);
        let before = counters.kubelet.map_or(0.0, |point| point.cpu_core_s);
        counters.kubelet = Some(Point { at: cx.now, cpu_core_s: before + usage * share });
        counters.busy_s = busy_s;
    }
}

/// The share of what they want that all pods of a node get, who together cannot use more than
/// the machine has. Each pod: core seconds, and the seconds in which it would use them; a pod that
/// has just started does not shorten the time of the others.
fn node_share(wanted: &[(f64, f64)], node_cores: f64) -> f64 {
    let rates = wanted.iter().filter(|(_, elapsed_s)| 0.0 < *elapsed_s);
    let wanted_cores: f64 = rates.map(|(core_s, elapsed_s)| core_s / elapsed_s).sum();
    if wanted_cores > node_cores { node_cores / wanted_cores } else { 1.0 }
}

/// CPU that a running pod used since the kubelet's last reading, and when that was.
fn usage_since_last_refresh(cx: &Cx, pod: PodId) -> Option<(f64, Time)> {
    if !cx.world[pod].container.is_running() {
        return None;
    }
    let template = &cx.world[cx.world[pod].deployment].template;
    let counters = cx.memory.counters(pod);
    let since = counters.kubelet.map_or(cx.world[pod].started_at, |point| point.at);
    let busy_s = cx.traffic.busy_s(pod) - counters.busy_s;
    let wanted = busy_s * template.cpu_per_worker.cores();
    let limit = template.cpu_limit.map_or(f64::INFINITY, crate::units::MilliCpu::cores);
    Some((wanted.min(limit * (cx.now - since).as_secs_f64()), since))
}

/// Forgets a pod's counters: its container ended.
pub fn forget(cx: &mut Cx, pod: PodId) {
    *cx.memory.counters_mut(pod) = PodCounters::default();
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
            let answers = cx.world[node].is_up();
            for index in 0..cx.world[node].pods.len() {
                let pod = cx.world[node].pods[index];
                scrape_pod(cx, pod, answers, resolution);
            }
        }
    }
}

/// Stores a new point; a pod whose node does not answer loses its metrics.
fn scrape_pod(cx: &mut Cx, pod: PodId, node_answers: bool, resolution: Span) {
    let now = cx.now;
    let started_at = cx.world[pod].started_at;
    let counters = cx.memory.counters_mut(pod);
    if !node_answers {
        counters.scraped = [None, None];
        return;
    }
    let Some(fresh) = counters.kubelet else { return };
    match counters.scraped[1] {
        None => {
            let age = fresh.at - started_at;
            let young = MIN_AGE_WITHOUT_SECOND_POINT <= age && age < resolution;
            let start = Point { at: started_at, cpu_core_s: 0.0 };
            counters.scraped = [young.then_some(start), Some(fresh)];
        }
        Some(last) if last.at < fresh.at => counters.scraped = [Some(last), Some(fresh)],
        Some(_) => debug_assert!(fresh.at <= now, "the kubelet reads no future"),
    }
}

/// A pod's usage as the metrics API serves it now; None while it has no two points.
#[must_use]
pub fn usage(cx: &Cx, pod: PodId) -> Option<PodUsage> {
    let [Some(older), Some(newer)] = cx.memory.counters(pod).scraped else { return None };
    let window = newer.at - older.at;
    let cores = (newer.cpu_core_s - older.cpu_core_s) / window.as_secs_f64();
    Some(PodUsage { cpu_milli: (cores * 1_000.0).round() as i64, timestamp: newer.at, window })
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
            assert_eq!(node_share(&wanted, 4.0), expected, "{rule}");
        }
    }
}
