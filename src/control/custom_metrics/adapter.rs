//! What a cluster's monitoring has scraped, and what its adapter answers an HPA.
//!
//! Follows Prometheus' scrapes and kubernetes-sigs/prometheus-adapter pkg/custom-provider: each
//! question of an HPA is a query at that instant. A gauge is the value of the last scrape, and
//! gone once a scrape misses the pod; a rate lives on as long as two readings lie in its window.
//! Values are cut off at thousandths (`NewMilliQuantity` of an integer).

use std::collections::{BTreeMap, VecDeque};

use crate::control::Cx;
use crate::model::event::Event;
use crate::model::ids::{ClusterId, DeploymentId, PodId};
use crate::model::pod::Container;
use crate::units::{Span, Time};

use super::rate::{Reading, rate};
use super::spec::{LoadMetric, SourceValue};

/// The monitoring of one cluster.
#[derive(Clone, Debug, Default)]
pub struct Adapter {
    /// Deployments that an HPA asks about.
    deployments: Vec<DeploymentId>,
    /// How long readings are kept.
    keep: Span,
    last_scrape: Option<Time>,
    pods: BTreeMap<PodId, PodSeries>,
    services: BTreeMap<DeploymentId, VecDeque<Reading>>,
    /// Requests to all origins of a deployment's workload.
    origins: BTreeMap<DeploymentId, VecDeque<Reading>>,
}

/// What was scraped of one pod.
#[derive(Clone, Debug, Default)]
struct PodSeries {
    finished: VecDeque<Reading>,
    in_flight: u32,
    queued: u32,
    /// When the two gauges were read.
    gauges_at: Option<Time>,
}

impl Adapter {
    /// The monitoring of a cluster in which HPAs ask about `deployments`, with values that are at
    /// most `delay` old.
    #[must_use]
    pub fn new(mut deployments: Vec<DeploymentId>, window: Span, delay: Span) -> Self {
        deployments.dedup();
        Self { deployments, keep: window + delay, ..Self::default() }
    }
}

/// Prometheus scrapes the pods and services of a cluster that HPAs ask about.
pub fn scrape(cx: &mut Cx, cluster: ClusterId) {
    let interval = cx.settings.custom_metrics_interval;
    cx.clock.arm(Event::CustomMetricsScrape(cluster), cx.now + interval);
    if !cx.control_plane_is_up(cluster) {
        // What takes the control plane away takes the cluster's monitoring along.
        return;
    }
    let Some(mut adapter) = cx.memory.adapters[cluster.index()].take() else { return };
    let now = cx.now;
    adapter.last_scrape = Some(now);
    for index in 0..adapter.deployments.len() {
        let deployment = adapter.deployments[index];
        for &pod in &cx.world[deployment].pods {
            if answers(cx, pod) {
                scrape_pod(cx, adapter.pods.entry(pod).or_default(), pod);
            }
        }
        let reading = |count| Reading { at: now, count };
        let arrived = reading(cx.traffic.arrived(deployment));
        adapter.services.entry(deployment).or_default().push_back(arrived);
        let workload = cx.world[deployment].workload;
        let origins = cx.world[workload].deployments.iter();
        let sent = origins.map(|&origin| cx.traffic.arrived(origin));
        adapter.origins.entry(deployment).or_default().push_back(reading(sent.sum()));
    }
    adapter.forget_before(now - adapter.keep);
    cx.memory.adapters[cluster.index()] = Some(adapter);
}

/// Whether a pod's process answers a scrape.
fn answers(cx: &Cx, pod: PodId) -> bool {
    let on_live_node = cx.world[pod].node.is_some_and(|node| cx.world[node].is_up());
    on_live_node && cx.world[pod].container == Container::Answering
}

fn scrape_pod(cx: &Cx, series: &mut PodSeries, pod: PodId) {
    let workers = u32::from(cx.world[cx.world[pod].deployment].template.workers);
    let in_flight = cx.traffic.in_flight(pod);
    let finished = cx.traffic.accepted(pod) - u64::from(in_flight);
    series.finished.push_back(Reading { at: cx.now, count: finished });
    series.in_flight = in_flight;
    series.queued = in_flight.saturating_sub(workers);
    series.gauges_at = Some(cx.now);
}

impl Adapter {
    /// Forgets readings that no window reaches back to.
    fn forget_before(&mut self, oldest: Time) {
        let forget = |readings: &mut VecDeque<Reading>| {
            while readings.front().is_some_and(|reading| reading.at < oldest) {
                readings.pop_front();
            }
        };
        self.pods.values_mut().for_each(|series| forget(&mut series.finished));
        self.pods.retain(|_, series| !series.finished.is_empty());
        self.services.values_mut().for_each(forget);
        self.origins.values_mut().for_each(forget);
    }

    /// A gauge of a pod, if the last scrape reached it.
    fn gauge(&self, series: &PodSeries, metric: LoadMetric) -> Option<u32> {
        if series.gauges_at != self.last_scrape {
            return None;
        }
        match metric {
            LoadMetric::QueuedRequests => Some(series.queued),
            LoadMetric::InFlightRequests => Some(series.in_flight),
            LoadMetric::RequestsPerSecond => None,
        }
    }
}

/// A pod's own metric in milli-units, as the adapter answers now.
#[must_use]
pub fn of_pod(cx: &Cx, pod: PodId, metric: LoadMetric) -> Option<i64> {
    let adapter = cx.memory.adapters[cx.world.cluster_of(pod).index()].as_ref()?;
    let series = adapter.pods.get(&pod)?;
    match metric {
        LoadMetric::RequestsPerSecond => {
            let readings = series.finished.iter().copied();
            rate(readings, cx.now, cx.settings.custom_metrics_window).map(milli)
        }
        LoadMetric::InFlightRequests | LoadMetric::QueuedRequests => {
            adapter.gauge(series, metric).map(|count| i64::from(count) * 1_000)
        }
    }
}

/// A metric of a whole deployment, or one of its own, in milli-units, as the adapter answers now.
#[must_use]
pub fn total(cx: &Cx, deployment: DeploymentId, value: &SourceValue, delay: Span) -> Option<i64> {
    let adapter = cx.memory.adapters[cx.world[deployment].cluster.index()].as_ref()?;
    let window = cx.settings.custom_metrics_window;
    let rate_of = |series: &BTreeMap<DeploymentId, VecDeque<Reading>>, at: Time| {
        let readings = series.get(&deployment)?.iter().copied();
        rate(readings, at, window).map(milli)
    };
    match value {
        SourceValue::Load(LoadMetric::RequestsPerSecond) => rate_of(&adapter.services, cx.now),
        SourceValue::Load(metric) => {
            let pods = cx.world[deployment].pods.iter();
            let series = pods.filter_map(|pod| adapter.pods.get(pod));
            let counts = series.filter_map(|series| adapter.gauge(series, *metric));
            adapter.last_scrape?;
            Some(counts.map(i64::from).sum::<i64>() * 1_000)
        }
        SourceValue::OriginRequestsPerSecond => rate_of(&adapter.origins, cx.now - delay),
        SourceValue::Series(curve) => {
            let seen_at = adapter.last_scrape? - delay;
            // The curve begins with the warm-up; what lies before is like its first value.
            Some(milli(curve.rate_at(seen_at.as_secs_f64().max(curve.start_s()))))
        }
    }
}

fn milli(value: f64) -> i64 {
    (value * 1_000.0) as i64
}
