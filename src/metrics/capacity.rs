//! Capacity: what each cluster grew to, and what it cost in node hours.

use crate::model::ids::ClusterId;
use crate::model::sample::ClusterSample;

use super::headroom::second_of;
use super::outcome::ClusterOutcome;
use super::record::Record;

/// Peak pods, peak nodes and node hours of each cluster after t = 0.
#[must_use]
pub fn clusters(record: &Record<'_>) -> Vec<ClusterOutcome> {
    let n_seconds = record.n_seconds();
    let clusters = record.world.clusters.iter().enumerate();
    clusters
        .map(|(index, cluster)| {
            let counts = |sample: &&ClusterSample| {
                sample.cluster == ClusterId::new(index) && second_of(sample.at, n_seconds).is_some()
            };
            let used = usage(record.samples.clusters.iter().filter(counts));
            ClusterOutcome {
                name: cluster.name.clone(),
                region: record.world[cluster.region].name.clone(),
                peak_pods: used.peak_pods,
                peak_nodes: used.peak_nodes,
                node_hours: used.node_seconds as f64 / 3_600.0,
            }
        })
        .collect()
}

/// What a cluster used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Most active pods in any sample.
    pub peak_pods: u32,
    /// Most nodes in any sample.
    pub peak_nodes: u32,
    /// Nodes summed over samples, which are one second apart.
    pub node_seconds: u64,
}

/// What the samples of one cluster, one second apart, add up to.
#[must_use]
pub fn usage<'a>(samples: impl Iterator<Item = &'a ClusterSample>) -> Usage {
    samples.fold(Usage::default(), |usage, sample| Usage {
        peak_pods: usage.peak_pods.max(sample.pods),
        peak_nodes: usage.peak_nodes.max(sample.nodes),
        node_seconds: usage.node_seconds + u64::from(sample.nodes),
    })
}

#[cfg(test)]
mod tests {
    use crate::metrics::example::region_loss;

    use super::*;

    /// Peaks are the largest samples; nodes are paid for every second that they exist, also while
    /// their region is down; samples of the warm-up do not count.
    #[test]
    fn peaks_and_node_hours() {
        let mut example = region_loss();
        let mut early = example.samples.clusters[0];
        early.at = crate::units::Time::from_secs(-1);
        early.nodes = 99;
        early.pods = 99;
        example.samples.clusters.insert(0, early);
        let [primary, secondary] = &clusters(&example.record())[..] else { panic!("two clusters") };
        assert_eq!((primary.peak_pods, primary.peak_nodes), (12, 4));
        assert_eq!(primary.region, "eastus2");
        assert!((primary.node_hours - 4.0 * 600.0 / 3_600.0).abs() < 1e-12);
        let expected = (2.0 * 230.0 + 4.0 * 370.0) / 3_600.0;
        assert!((secondary.node_hours - expected).abs() < 1e-12);
    }
}
