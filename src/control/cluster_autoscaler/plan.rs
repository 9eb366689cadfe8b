//! The settings of one cluster's autoscaler, and what it remembers between loops.

use std::collections::BTreeMap;

use crate::model::ids::{NodeId, PoolId, ZoneId};
use crate::units::{Span, Time};

use super::actuator::Removal;
use super::backoff::{Backoff, BackoffRules};
use super::cluster_state::{ScaleUpRequest, UnreadyLimits};
use super::expander::Expander;
use super::priorities::Priorities;
use super::scale_down::cooldown::{Delays, LastChanges};
use super::scale_down::removable::WaitTimes;
use super::scale_down::unneeded::Unneeded;
use super::scale_up::HelpRules;
use super::view::PlacementRules;

/// The settings of an autoscaler (AKS: the cluster autoscaler profile).
#[derive(Clone, Debug)]
pub struct AutoscalerPlan {
    /// Whether it runs at all.
    pub enabled: bool,
    /// `--scan-interval`.
    pub scan_interval: Span,
    /// `--expander`, filters in order; ties are drawn.
    pub expanders: Vec<Expander>,
    /// Priorities of pools for the priority expander.
    pub priorities: Priorities,
    /// `--balance-similar-node-groups`, by Azure's rules of similarity.
    pub balance_similar: bool,
    /// `--max-node-provision-time`.
    pub max_node_provision_time: Span,
    /// `--max-node-startup-time`.
    pub max_node_startup_time: Span,
    /// `--max-nodes-total`; 0 is no limit.
    pub max_nodes_total: usize,
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
    /// `--ignore-daemonsets-utilization`.
    pub ignore_daemonsets: bool,
    /// `--unremovable-node-recheck-timeout`.
    pub unremovable_recheck: Span,
    /// `--max-scale-down-parallelism`.
    pub max_parallelism: usize,
    /// `--max-drain-parallelism`.
    pub max_drain_parallelism: usize,
    /// `--max-pod-eviction-time`.
    pub max_pod_eviction_time: Span,
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
    /// Nodes on their way out.
    pub(super) removals: Vec<Removal>,
    /// Machines that failed and are to be deleted.
    pub(super) failed: Vec<NodeId>,
    /// Nodes whose pods fitted nowhere, and until when they are not looked at again.
    pub(super) unremovable: BTreeMap<NodeId, Time>,
    /// Unneeded nodes with more pods than their budgets let go at once: these come last.
    pub(super) risky: Vec<NodeId>,
    /// The zone of a ready node of each pool, once there was one.
    pub(super) template_zones: Vec<Option<ZoneId>>,
    /// When the last loop began.
    pub(super) last_run: Option<Time>,
    /// When unneeded nodes were last looked for.
    pub(super) last_planned: Option<Time>,
    /// Shortest time between two such looks.
    pub(super) update_interval: Span,
    /// What the nodes looked like then, see the planner; None if they must be looked at again.
    pub(super) planned_for: Option<u64>,
    /// Whether more unneeded nodes could have been found then.
    pub(super) limit_was_met: bool,
    /// Which pods may be where, once asked for.
    pub(super) rules: Option<PlacementRules>,
    /// Loops run, for the draws of the expander.
    pub(super) n_loops: u64,
}

impl AutoscalerState {
    /// An autoscaler of a cluster with `n_pools` pools that has not run yet.
    #[must_use]
    pub fn new(plan: AutoscalerPlan, n_pools: usize) -> Self {
        Self {
            update_interval: plan.wait_times.unneeded.max(Span::from_nanos(1)),
            plan,
            requests: Vec::new(),
            backoffs: vec![Backoff::new(); n_pools],
            unneeded: Unneeded::default(),
            last: LastChanges::default(),
            halted: false,
            failed_because: None,
            removals: Vec::new(),
            failed: Vec::new(),
            unremovable: BTreeMap::new(),
            risky: Vec::new(),
            template_zones: vec![None; n_pools],
            last_run: None,
            last_planned: None,
            planned_for: None,
            limit_was_met: false,
            rules: None,
            n_loops: 0,
        }
    }
}
