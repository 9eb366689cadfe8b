//! The `autoscaler` section of a cluster: the cluster autoscaler's flags, by their names.

use crate::spec::{choice, section};
use crate::units::{Ratio, Span};

section! {
    /// The cluster autoscaler of one cluster; its flags by their names.
    pub struct ClusterAutoscalerSpec {
        /// Whether there is one.
        "enabled" enabled: bool = default "true", source "the pools' minCount and maxCount say so, too";
        /// `--scan-interval`.
        "scanInterval" scan_interval: Span = default "10s", source "autoscaler config/flags/flags.go", range "1s"..="1h";
        /// `--expander`.
        "expander" expander: ExpanderSpec = default "least-waste", source "cluster-autoscaler from 1.33 on";
        /// `--balance-similar-node-groups`.
        "balanceSimilarNodeGroups" balance_similar_node_groups: bool = default "false", source "autoscaler config/flags/flags.go";
        /// `--new-pod-scale-up-delay`.
        "newPodScaleUpDelay" new_pod_scale_up_delay: Span = default "0s", source "autoscaler config/flags/flags.go", range "0s"..="1h";
        /// `--max-nodes-per-scaleup`.
        "maxNodesPerScaleUp" max_nodes_per_scale_up: u32 = default "1000", source "autoscaler config/flags/flags.go", range 1..=10000;
        /// `--max-node-provision-time`.
        "maxNodeProvisionTime" max_node_provision_time: Span = default "15m", source "autoscaler config/flags/flags.go", range "1s"..="1d";
        /// `--max-total-unready-percentage`.
        "maxTotalUnreadyPercentage" max_total_unready: Ratio = default "45%", source "autoscaler config/flags/flags.go", range "0%"..="100%";
        /// `--ok-total-unready-count`.
        "okTotalUnreadyCount" ok_total_unready: u32 = default "3", source "autoscaler config/flags/flags.go", range 0..=10000;
        /// `--initial-node-group-backoff-duration`.
        "initialNodeGroupBackoff" initial_backoff: Span = default "5m", source "autoscaler config/flags/flags.go", range "1s"..="1d";
        /// `--max-node-group-backoff-duration`.
        "maxNodeGroupBackoff" max_backoff: Span = default "30m", source "autoscaler config/flags/flags.go", range "1s"..="7d";
        /// `--node-group-backoff-reset-timeout`.
        "nodeGroupBackoffReset" backoff_reset: Span = default "3h", source "autoscaler config/flags/flags.go", range "1s"..="7d";
        /// `--scale-down-enabled`.
        "scaleDownEnabled" scale_down_enabled: bool = default "true", source "autoscaler config/flags/flags.go";
        /// `--scale-down-delay-after-add`.
        "scaleDownDelayAfterAdd" scale_down_delay_after_add: Span = default "10m", source "autoscaler config/flags/flags.go", range "0s"..="1d";
        /// `--scale-down-delay-after-delete`.
        "scaleDownDelayAfterDelete" scale_down_delay_after_delete: Span = default "0s", source "autoscaler config/flags/flags.go", range "0s"..="1d";
        /// `--scale-down-delay-after-failure`.
        "scaleDownDelayAfterFailure" scale_down_delay_after_failure: Span = default "3m", source "autoscaler config/flags/flags.go", range "0s"..="1d";
        /// `--scale-down-unneeded-time`.
        "scaleDownUnneededTime" scale_down_unneeded_time: Span = default "10m", source "autoscaler config/flags/flags.go", range "0s"..="7d";
        /// `--scale-down-unready-time`.
        "scaleDownUnreadyTime" scale_down_unready_time: Span = default "20m", source "autoscaler config/flags/flags.go", range "0s"..="7d";
        /// `--scale-down-utilization-threshold`.
        "scaleDownUtilizationThreshold" scale_down_utilization_threshold: Ratio = default "50%", source "autoscaler config/flags/flags.go", range "0%"..="100%";
        /// `--max-graceful-termination-sec`.
        "maxGracefulTermination" max_graceful_termination: Span = default "600s", source "autoscaler config/flags/flags.go", range "0s"..="1d";
        /// `--max-scale-down-parallelism`.
        "maxScaleDownParallelism" max_scale_down_parallelism: u32 = default "10", source "autoscaler config/flags/flags.go", range 1..=1000;
        /// `--max-drain-parallelism`.
        "maxDrainParallelism" max_drain_parallelism: u32 = default "1", source "autoscaler config/flags/flags.go", range 1..=1000;
        /// `--node-delete-delay-after-taint`.
        "nodeDeleteDelayAfterTaint" node_delete_delay_after_taint: Span = default "5s", source "autoscaler config/flags/flags.go", range "0s"..="1h";
        /// `--unremovable-node-recheck-timeout`.
        "unremovableNodeRecheckTimeout" unremovable_node_recheck_timeout: Span = default "5m", source "autoscaler config/flags/flags.go", range "0s"..="1d";
        /// `--expendable-pods-priority-cutoff`.
        "expendablePodsPriorityCutoff" expendable_pods_priority_cutoff: i32 = default "-10", source "autoscaler config/flags/flags.go";
    }
}

choice! {
    /// Which pool grows when several could.
    pub enum ExpanderSpec {
        /// Any, evenly drawn.
        "random" => Random,
        /// The one that holds most of the waiting pods.
        "most-pods" => MostPods,
        /// The one that leaves least CPU and memory idle.
        "least-waste" => LeastWaste,
    }
}

/// The cluster autoscaler of one cluster, resolved; fields as the flags.
#[derive(Clone, Debug, PartialEq)]
pub struct AutoscalerSettings {
    /// Whether there is one.
    pub enabled: bool,
    /// `--scan-interval`.
    pub scan_interval: Span,
    /// `--expander`.
    pub expander: ExpanderSpec,
    /// `--balance-similar-node-groups`.
    pub balance_similar_node_groups: bool,
    /// `--new-pod-scale-up-delay`.
    pub new_pod_scale_up_delay: Span,
    /// `--max-nodes-per-scaleup`.
    pub max_nodes_per_scale_up: u32,
    /// `--max-node-provision-time`.
    pub max_node_provision_time: Span,
    /// `--max-total-unready-percentage`.
    pub max_total_unready: Ratio,
    /// `--ok-total-unready-count`.
    pub ok_total_unready: u32,
    /// `--initial-node-group-backoff-duration`.
    pub initial_backoff: Span,
    /// `--max-node-group-backoff-duration`.
    pub max_backoff: Span,
    /// `--node-group-backoff-reset-timeout`.
    pub backoff_reset: Span,
    /// `--scale-down-enabled`.
    pub scale_down_enabled: bool,
    /// `--scale-down-delay-after-add`.
    pub scale_down_delay_after_add: Span,
    /// `--scale-down-delay-after-delete`.
    pub scale_down_delay_after_delete: Span,
    /// `--scale-down-delay-after-failure`.
    pub scale_down_delay_after_failure: Span,
    /// `--scale-down-unneeded-time`.
    pub scale_down_unneeded_time: Span,
    /// `--scale-down-unready-time`.
    pub scale_down_unready_time: Span,
    /// `--scale-down-utilization-threshold`.
    pub scale_down_utilization_threshold: Ratio,
    /// `--max-graceful-termination-sec`.
    pub max_graceful_termination: Span,
    /// `--max-scale-down-parallelism`.
    pub max_scale_down_parallelism: u32,
    /// `--max-drain-parallelism`.
    pub max_drain_parallelism: u32,
    /// `--node-delete-delay-after-taint`.
    pub node_delete_delay_after_taint: Span,
    /// `--unremovable-node-recheck-timeout`.
    pub unremovable_node_recheck_timeout: Span,
    /// `--expendable-pods-priority-cutoff`.
    pub expendable_pods_priority_cutoff: i32,
}

impl ClusterAutoscalerSpec {
    /// The resolved settings.
    #[must_use]
    pub fn settings(&self) -> AutoscalerSettings {
        AutoscalerSettings {
            enabled: *self.enabled,
            scan_interval: *self.scan_interval,
            expander: *self.expander,
            balance_similar_node_groups: *self.balance_similar_node_groups,
            new_pod_scale_up_delay: *self.new_pod_scale_up_delay,
            max_nodes_per_scale_up: *self.max_nodes_per_scale_up,
            max_node_provision_time: *self.max_node_provision_time,
            max_total_unready: *self.max_total_unready,
            ok_total_unready: *self.ok_total_unready,
            initial_backoff: *self.initial_backoff,
            max_backoff: *self.max_backoff,
            backoff_reset: *self.backoff_reset,
            scale_down_enabled: *self.scale_down_enabled,
            scale_down_delay_after_add: *self.scale_down_delay_after_add,
            scale_down_delay_after_delete: *self.scale_down_delay_after_delete,
            scale_down_delay_after_failure: *self.scale_down_delay_after_failure,
            scale_down_unneeded_time: *self.scale_down_unneeded_time,
            scale_down_unready_time: *self.scale_down_unready_time,
            scale_down_utilization_threshold: *self.scale_down_utilization_threshold,
            max_graceful_termination: *self.max_graceful_termination,
            max_scale_down_parallelism: *self.max_scale_down_parallelism,
            max_drain_parallelism: *self.max_drain_parallelism,
            node_delete_delay_after_taint: *self.node_delete_delay_after_taint,
            unremovable_node_recheck_timeout: *self.unremovable_node_recheck_timeout,
            expendable_pods_priority_cutoff: *self.expendable_pods_priority_cutoff,
        }
    }
}
