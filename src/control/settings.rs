//! Constants of the controllers, as a version profile and the scenario set them.

use crate::control::endpoints::PropagationPolicy;
use crate::control::node_lifecycle::monitor::MonitorPolicy;
use crate::control::scheduler::snapshot::SpreadConstraint;
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
    /// Node monitor and evictions, see `MonitorPolicy`.
    pub monitor: MonitorPolicy,
    /// Client rate of the controller manager \[1/s\].
    pub controller_qps: f64,
    /// Burst of the controller manager's client.
    pub controller_burst: u32,
    /// How long readiness takes to reach the balancers.
    pub propagation: PropagationPolicy,
    /// Topology spread of pods without own constraints.
    pub default_spread: Vec<SpreadConstraint>,
}
