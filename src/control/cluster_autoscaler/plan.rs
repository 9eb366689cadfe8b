//! The settings of one cluster's autoscaler, and what it remembers between loops.

use crate::model::ids::{NodeId, PoolId};
use crate::units::{Span, Time};

use super::backoff::{Backoff, BackoffRules};
use super::cluster_state::{ScaleUpRequest, UnreadyLimits};
use super::expander::Expander;
use super::scale_down::cooldown::{Delays, LastChanges};
use super::scale_down::removable::WaitTimes;
use super::scale_down::unneeded::Unneeded;
use super::scale_up::HelpRules;

/// The settings of an autoscaler (AKS: the cluster autoscaler profile).
#[derive(Clone, Debug)]
pub struct AutoscalerPlan {
    /// Whether it runs at all.
    pub enabled: bool,
    /// `--scan-interval`.
    pub scan_interval: Span,
    /// `--expander`, filters in order; ties are drawn.
    pub expanders: Vec<Expander>,
    /// `--balance-similar-node-groups`, by Azure's rules of similarity.
    pub balance_similar: bool,
    /// `--max-node-provision-time`.
    pub max_node_provision_time: Span,
    /// `--max-node-startup-time`.
    pub max_node_startup_time: Span,
    /// `--max-nodes-per-scaleup`.
    pub max_nodes_per_scale_up: u32,
    /// `--max-total-unready-percentage` and `--ok-total-unready-count`.
    pub unready_limits: UnreadyLimits,
    /// Back-off after failed scale-ups.
    pub backoff: BackoffRules,
    /// Which pending pods call for nodes, and when.
    pub help: HelpRules,
    /// `--frequent-loops-enabled`: a loop that did something is followed by another at once.
    pub frequent_loops: bool,
    /// `--scale-down-enabled`.
    pub scale_down: bool,
    /// `--scale-down-delay-after-*`.
    pub delays: Delays,
    /// `--scale-down-unneeded-time` and `--scale-down-unready-time`.
    pub wait_times: WaitTimes,
    /// `--scale-down-utilization-threshold`, as a share.
    pub utilization_threshold: f64,
    /// `--max-scale-down-parallelism`.
    pub max_parallelism: usize,
    /// `--max-drain-parallelism`.
    pub max_drain_parallelism: usize,
    /// `--max-graceful-termination-sec`.
    pub max_graceful_termination: Span,
    /// `--node-delete-delay-after-taint`.
    pub delete_delay_after_taint: Span,
}

/// What an autoscaler remembers between loops.
#[derive(Clone, Debug)]
pub struct AutoscalerState {
    /// Its settings.
    pub plan: AutoscalerPlan,
    /// Open scale-ups by pool.
    pub(super) requests: Vec<(PoolId, ScaleUpRequest)>,
    /// Back-off of each pool of the cluster, in its order.
    pub(super) backoffs: Vec<Backoff<&'static str>>,
    /// Unneeded nodes.
    pub(super) unneeded: Unneeded,
    /// When things last happened.
    pub(super) last: LastChanges,
    /// Whether it stands still because of unready nodes.
    pub(super) halted: bool,
    /// Why it could not help, said once.
    pub(super) failed_because: Option<&'static str>,
    /// Nodes on their way out, and until when their pods may take.
    pub(super) leaving: Vec<(NodeId, Time)>,
    /// Loops run, for the draws of the expander.
    pub(super) n_loops: u64,
}

impl AutoscalerState {
    /// An autoscaler of a cluster with `n_pools` pools that has not run yet.
    #[must_use]
    pub fn new(plan: AutoscalerPlan, n_pools: usize) -> Self {
        Self {
            plan,
            requests: Vec::new(),
            backoffs: vec![Backoff::new(); n_pools],
            unneeded: Unneeded::default(),
            last: LastChanges::default(),
            halted: false,
            failed_because: None,
            leaving: Vec::new(),
            n_loops: 0,
        }
    }
}
