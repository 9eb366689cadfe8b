//! `timeline.csv`: one row a second and cluster, by time, then in the order of the scenario.
//!
//! Counts are those of the second that begins at `t_s`, states those at `t_s`. The latency is that
//! of all users who first arrived in the ten seconds that contain `t_s`, so it is the same in
//! every cluster's row. An empty cell means that the figure does not apply.

use crate::metrics::record::LATENCY_WINDOW_S;
use crate::metrics::timeline::{ClusterSeries, Timeline};

use super::cells::{guarded, optional, table};

/// Name of the file in a result folder.
pub const FILE_NAME: &str = "timeline.csv";

const HEADER: [&str; 14] = [
    "t_s",
    "cluster",
    "serving",
    "attempts",
    "attempts_served",
    "attempts_failed",
    "ready_pods",
    "pods",
    "ready_nodes",
    "nodes",
    "headroom_ratio",
    "failover_headroom_ratio",
    "users_latency_ms_p50",
    "users_latency_ms_p99",
];

/// The timeline as CSV.
#[must_use]
pub fn render(timeline: &Timeline) -> String {
    let n_seconds = timeline.clusters.first().map_or(0, |cluster| cluster.seconds.len());
    let rows = (0..n_seconds)
        .flat_map(|at_s| timeline.clusters.iter().map(move |cluster| (at_s, cluster)))
        .map(|(at_s, cluster)| row(timeline, cluster, at_s));
    table(HEADER, rows)
}

fn row(timeline: &Timeline, cluster: &ClusterSeries, at_s: usize) -> [String; HEADER.len()] {
    let second = &cluster.seconds[at_s];
    let latency = timeline.users.get(at_s / LATENCY_WINDOW_S).and_then(|w| w.latency_ms);
    [
        at_s.to_string(),
        guarded(&cluster.name).into_owned(),
        u8::from(second.serving).to_string(),
        second.attempts.to_string(),
        second.served.to_string(),
        second.failed.to_string(),
        second.ready_pods.to_string(),
        second.pods.to_string(),
        second.ready_nodes.to_string(),
        second.nodes.to_string(),
        optional(second.headroom.now, 4),
        optional(second.headroom.failover, 4),
        optional(latency.map(|latency| latency.p50), 3),
        optional(latency.map(|latency| latency.p99), 3),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row for every second and cluster, under the header, with units in the column names.
    #[test]
    fn one_row_a_second_and_cluster() {
        let timeline = crate::report::example::timeline();
        let text = render(&timeline);
        let n_seconds = timeline.clusters[0].seconds.len();
        assert_eq!(text.lines().count(), 1 + n_seconds * timeline.clusters.len());
        let header = text.lines().next().unwrap();
        assert!(header.starts_with("t_s,cluster,serving,attempts,"), "{header}");
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        assert!(reader.records().all(|row| row.unwrap().len() == HEADER.len()));
    }
}
