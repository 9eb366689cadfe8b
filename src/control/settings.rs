//! Constants of the controllers, as a version profile and the scenario set them.

use crate::units::Span;

/// The constants that all clusters of a scenario share.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Every Front Door and kubelet probe has its timer, instead of only those that may change
    /// something. Slower, and must give the same bits.
    pub explicit_probing: bool,
    /// How often the kubelet refreshes the CPU counters of its pods.
    pub kubelet_stats_period: Span,
    /// How often metrics-server scrapes the kubelets.
    pub scrape_interval: Span,
    /// `--horizontal-pod-autoscaler-sync-period`.
    pub hpa_sync_period: Span,
    /// `--horizontal-pod-autoscaler-tolerance`.
    pub hpa_tolerance: f64,
    /// Whether the tolerance is compared as from v1.33 on (`1 - t <= ratio <= 1 + t`).
    pub hpa_tolerance_per_direction: bool,
    /// `--horizontal-pod-autoscaler-downscale-stabilization`.
    pub hpa_downscale_stabilization: Span,
    /// `--horizontal-pod-autoscaler-cpu-initialization-period`.
    pub hpa_cpu_initialization_period: Span,
    /// `--horizontal-pod-autoscaler-initial-readiness-delay`.
    pub hpa_initial_readiness_delay: Span,
    /// `--node-monitor-period`.
    pub node_monitor_period: Span,
    /// `--node-monitor-grace-period`.
    pub node_monitor_grace_period: Span,
    /// `--node-eviction-rate` \[1/s\].
    pub node_eviction_rate: f64,
    /// `--secondary-node-eviction-rate` \[1/s\].
    pub secondary_node_eviction_rate: f64,
    /// `--large-cluster-size-threshold`.
    pub large_cluster_size_threshold: u32,
    /// `--unhealthy-zone-threshold`.
    pub unhealthy_zone_threshold: f64,
    /// Client rate of the controller manager \[1/s\].
    pub controller_qps: f64,
    /// Burst of the controller manager's client.
    pub controller_burst: u32,
    /// From the readiness of a pod to the API server knowing it.
    pub status_patch_delay: Span,
    /// Upper bound of the uniform wait for the EndpointSlice controller.
    pub endpoint_slice_delay: Span,
    /// Upper bound of the uniform wait for the balancers' sync.
    pub proxy_sync_delay: Span,
}
