//! The timeline of a run: series by second and cluster, and by window of ten seconds for users.

use crate::sim::histogram::Histogram;

use super::headroom::{Headroom, second_of};
use super::latency;
use super::outcome::Latency;
use super::record::{LATENCY_WINDOW_S, Record};

/// The series behind `timeline.csv` and the plots.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline {
    /// Clusters, in the order of the scenario.
    pub clusters: Vec<ClusterSeries>,
    /// All users, by window of first arrival, in order.
    pub users: Vec<UserWindow>,
}

/// One cluster, second by second from t = 0.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterSeries {
    /// Name in the scenario.
    pub name: String,
    /// One entry a second.
    pub seconds: Vec<ClusterSecond>,
}

/// One cluster in one second: counts of the second that begins here, states at its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ClusterSecond {
    /// Attempts that reached it.
    pub attempts: u64,
    /// Attempts answered well.
    pub served: u64,
    /// Attempts refused, lost or given up.
    pub failed: u64,
    /// Whether its ingress answers.
    pub serving: bool,
    /// Ready pods that balancers know, on machines that are up. (A control plane that is down
    /// goes on listing the pods of a lost region as ready.)
    pub ready_pods: u32,
    /// Active pods.
    pub pods: u32,
    /// Nodes that are Ready.
    pub ready_nodes: u32,
    /// Nodes.
    pub nodes: u32,
    /// Its headroom.
    pub headroom: Headroom,
}

/// The users who first arrived in one window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UserWindow {
    /// Begin of the window \[s\].
    pub at_s: usize,
    /// Length of the window \[s\]; the last one may be shorter than the others.
    pub length_s: usize,
    /// All users.
    pub offered: u64,
    /// Those served.
    pub served: u64,
    /// Those who failed.
    pub failed: u64,
    /// Latency of those served.
    pub latency_ms: Option<Latency>,
}

/// The timeline of a run; `headroom` is the series of [`super::headroom::headroom`].
#[must_use]
pub fn timeline(record: &Record<'_>, headroom: &[Vec<Headroom>]) -> Timeline {
    Timeline { clusters: clusters(record, headroom), users: users(record) }
}

fn clusters(record: &Record<'_>, headroom: &[Vec<Headroom>]) -> Vec<ClusterSeries> {
    let n_seconds = record.n_seconds();
    let mut clusters: Vec<ClusterSeries> = record
        .world
        .clusters
        .iter()
        .zip(headroom)
        .map(|(cluster, headroom)| {
            let second = |&headroom| ClusterSecond { headroom, ..ClusterSecond::default() };
            let seconds = headroom.iter().map(second).collect();
            ClusterSeries { name: cluster.name.clone(), seconds }
        })
        .collect();
    for sample in &record.samples.clusters {
        if let Some(at_s) = second_of(sample.at, n_seconds) {
            let second = &mut clusters[sample.cluster.index()].seconds[at_s];
            second.serving = sample.serving;
            second.pods = sample.pods;
            second.ready_nodes = sample.ready_nodes;
            second.nodes = sample.nodes;
        }
    }
    for sample in &record.samples.deployments {
        if let Some(at_s) = second_of(sample.at, n_seconds) {
            let cluster = record.world[sample.deployment].cluster;
            clusters[cluster.index()].seconds[at_s].ready_pods += sample.ready_pods;
        }
    }
    for (deployment, series) in record.world.deployments.iter().zip(&record.traffic.deployments) {
        let seconds = &mut clusters[deployment.cluster.index()].seconds;
        let counts = series.attempts.iter().zip(&series.served).zip(&series.failed);
        for (second, ((attempts, served), failed)) in seconds.iter_mut().zip(counts) {
            second.attempts += attempts;
            second.served += served;
            second.failed += failed;
        }
    }
    clusters
}

fn users(record: &Record<'_>) -> Vec<UserWindow> {
    let users = record.users(|_| true);
    let n_seconds = record.n_seconds();
    let latencies = record.traffic.demands.iter().map(|demand| demand.latency.windows());
    let latencies: Vec<_> = latencies.collect();
    (0..n_seconds)
        .step_by(LATENCY_WINDOW_S)
        .map(|at_s| {
            let end_s = (at_s + LATENCY_WINDOW_S).min(n_seconds);
            let sum = |counts: &[u64]| counts[at_s..end_s].iter().sum();
            let mut latency = Histogram::EMPTY;
            for windows in &latencies {
                if let Some(window) = windows.get(at_s / LATENCY_WINDOW_S) {
                    latency.merge(window);
                }
            }
            UserWindow {
                at_s,
                length_s: end_s - at_s,
                offered: sum(&users.offered),
                served: sum(&users.served),
                failed: sum(&users.failed),
                latency_ms: latency::quantiles(&latency),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::metrics::example::region_loss;
    use crate::metrics::{headroom, timeline::timeline};

    /// Nothing is lost on the way: sums over the timeline are those of the record, states are
    /// those of the samples, and there is an entry for every second of every cluster.
    #[test]
    fn a_timeline_keeps_every_count() {
        let example = region_loss();
        let record = example.record();
        let timeline = timeline(&record, &headroom::headroom(&record));
        let attempts: u64 =
            timeline.clusters.iter().flat_map(|c| &c.seconds).map(|s| s.attempts).sum();
        assert_eq!(attempts, 200 * 100 + 210 * 100 + 170 * 100);
        assert!(timeline.clusters.iter().all(|cluster| cluster.seconds.len() == 600));
        let primary = &timeline.clusters[0].seconds;
        assert_eq!([199, 200, 400].map(|at_s| primary[at_s].ready_pods), [12, 0, 12]);
        assert_eq!([199, 200, 400].map(|at_s| primary[at_s].serving), [true, false, true]);
        assert_eq!(timeline.users.iter().map(|window| window.offered).sum::<u64>(), 60_000);
        let slow = timeline.users.iter().find(|window| window.at_s == 200).unwrap();
        assert_eq!((slow.served, slow.failed), (500, 500));
        assert_eq!(slow.latency_ms.unwrap().p50, 2_000.0);
    }
}
