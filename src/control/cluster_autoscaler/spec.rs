//! The `autoscaler` section of a cluster: the cluster autoscaler's flags, by their names.

use crate::spec::{choice, section};
use crate::units::{Ratio, Span};

use super::backoff::BackoffRules;
use super::cluster_state::UnreadyLimits;
use super::expander::Expander;
use super::plan::AutoscalerPlan;
use super::scale_down::cooldown::Delays;
use super::scale_down::removable::WaitTimes;
use super::scale_up::HelpRules;

section! {
    /// The cluster autoscaler of one cluster; its flags by their names.
    pub struct ClusterAutoscalerSpec {
        /// Whether there is one.
        "enabled" enabled: bool = default "true",
            source "the pools' minCount and maxCount say so, too";
        /// `--scan-interval`.
        "scanInterval" scan_interval: Span = default "10s",
            source "autoscaler config/flags/flags.go",
            range "1s"..="1h";
        /// `--expander`.
        "expander" expander: ExpanderSpec = default "least-waste",
            source "cluster-autoscaler from 1.33 on";
        /// `--balance-similar-node-groups`.
        "balanceSimilarNodeGroups" balance_similar_node_groups: bool = default "false",
            source "autoscaler config/flags/flags.go";
        /// Pods younger than this call for no nodes (`--new-pod-scale-up-delay`).
        "newPodScaleUpDelay" new_pod_scale_up_delay: Span = default "0s",
            source "autoscaler config/flags/flags.go",
            range "0s"..="1h";
        /// `--frequent-loops-enabled`: a loop that did something is followed by another at once.
        "frequentLoopsEnabled" frequent_loops: bool = default "false",
            source "autoscaler config/flags/flags.go before 1.35";
        /// `--expendable-pods-priority-cutoff`: pods below it call for no nodes.
        "expendablePodsPriorityCutoff" expendable_pods_priority_cutoff: i32 = default "-10",
            source "autoscaler config/flags/flags.go",
            range -1000000000..=1000000000;
        /// `--max-nodes-per-scaleup`.
        "maxNodesPerScaleUp" max_nodes_per_scale_up: u32 = default "1000",
            source "autoscaler config/flags/flags.go",
            range 1..=10000;
        /// `--max-node-provision-time`.
        "maxNodeProvisionTime" max_node_provision_time: Span = default "15m",
            source "autoscaler config/flags/flags.go",
            range "1s"..="1d";
        /// `--max-node-startup-time`.
        "maxNodeStartupTime" max_node_startup_time: Span = default "15m",
            source "autoscaler config/flags/flags.go",
            range "1s"..="1d";
        /// `--max-total-unready-percentage`.
        "maxTotalUnreadyPercentage" max_total_unready: Ratio = default "45%",
            source "autoscaler config/flags/flags.go",
            range "0%"..="100%";
        /// `--ok-total-unready-count`.
        "okTotalUnreadyCount" ok_total_unready: u32 = default "3",
            source "autoscaler config/flags/flags.go",
            range 0..=10000;
        /// `--initial-node-group-backoff-duration`.
        "initialNodeGroupBackoff" initial_backoff: Span = default "5m",
            source "autoscaler config/flags/flags.go",
            range "1s"..="1d";
        /// `--max-node-group-backoff-duration`.
        "maxNodeGroupBackoff" max_backoff: Span = default "30m",
            source "autoscaler config/flags/flags.go",
            range "1s"..="7d";
        /// `--node-group-backoff-reset-timeout`.
        "nodeGroupBackoffReset" backoff_reset: Span = default "3h",
            source "autoscaler config/flags/flags.go",
            range "1s"..="7d";
        /// `--scale-down-enabled`.
        "scaleDownEnabled" scale_down_enabled: bool = default "true",
            source "autoscaler config/flags/flags.go";
        /// `--scale-down-delay-after-add`.
        "scaleDownDelayAfterAdd" scale_down_delay_after_add: Span = default "10m",
            source "autoscaler config/flags/flags.go",
            range "0s"..="1d";
        /// `--scale-down-delay-after-delete`.
        "scaleDownDelayAfterDelete" scale_down_delay_after_delete: Span = default "0s",
            source "autoscaler config/flags/flags.go",
            range "0s"..="1d";
        /// `--scale-down-delay-after-failure`.
        "scaleDownDelayAfterFailure" scale_down_delay_after_failure: Span = default "3m",
            source "autoscaler config/flags/flags.go",
            range "0s"..="1d";
        /// `--scale-down-unneeded-time`.
        "scaleDownUnneededTime" scale_down_unneeded_time: Span = default "10m",
            source "autoscaler config/flags/flags.go",
            range "0s"..="7d";
        /// `--scale-down-unready-time`.
        "scaleDownUnreadyTime" scale_down_unready_time: Span = default "20m",
            source "autoscaler config/flags/flags.go",
            range "0s"..="7d";
        /// `--scale-down-utilization-threshold`.
        "scaleDownUtilizationThreshold" scale_down_utilization_threshold: Ratio = default "50%",
            source "autoscaler config/flags/flags.go",
            range "0%"..="100%";
        /// `--max-graceful-termination-sec`.
        "maxGracefulTermination" max_graceful_termination: Span = default "600s",
            source "autoscaler config/flags/flags.go",
            range "0s"..="1d";
        /// `--max-scale-down-parallelism`.
        "maxScaleDownParallelism" max_scale_down_parallelism: u32 = default "10",
            source "autoscaler config/flags/flags.go",
            range 1..=1000;
        /// `--max-drain-parallelism`.
        "maxDrainParallelism" max_drain_parallelism: u32 = default "1",
            source "autoscaler config/flags/flags.go",
            range 1..=1000;
        /// `--node-delete-delay-after-taint`.
        "nodeDeleteDelayAfterTaint" node_delete_delay_after_taint: Span = default "5s",
            source "autoscaler config/flags/flags.go",
            range "0s"..="1h";
    }
}

choice! {
    /// Which pool grows when several could.
    pub enum ExpanderSpec {
        /// Any, evenly drawn.
        "random" => Random,
        /// The one that holds most of the waiting pods.
        "most-pods" => MostPods,
        /// The one that adds fewest nodes.
        "least-nodes" => LeastNodes,
        /// The one that leaves least CPU and memory idle.
        "least-waste" => LeastWaste,
    }
}

impl ClusterAutoscalerSpec {
    /// The autoscaler as its loop runs it.
    #[must_use]
    pub fn plan(&self) -> AutoscalerPlan {
        AutoscalerPlan {
            enabled: *self.enabled,
            scan_interval: *self.scan_interval,
            expanders: vec![match *self.expander {
                ExpanderSpec::Random => Expander::Random,
                ExpanderSpec::MostPods => Expander::MostPods,
                ExpanderSpec::LeastWaste => Expander::LeastWaste,
                ExpanderSpec::LeastNodes => Expander::LeastNodes,
            }],
            balance_similar: *self.balance_similar_node_groups,
            max_node_provision_time: *self.max_node_provision_time,
            max_node_startup_time: *self.max_node_startup_time,
            max_nodes_per_scale_up: *self.max_nodes_per_scale_up,
            unready_limits: UnreadyLimits {
                ok_count: *self.ok_total_unready as usize,
                max_percent: self.max_total_unready.percent(),
            },
            backoff: BackoffRules {
                initial: *self.initial_backoff,
                max: *self.max_backoff,
                reset: *self.backoff_reset,
            },
            help: HelpRules {
                priority_cutoff: *self.expendable_pods_priority_cutoff,
                new_pod_delay: *self.new_pod_scale_up_delay,
                ..HelpRules::DEFAULT
            },
            frequent_loops: *self.frequent_loops,
            scale_down: *self.scale_down_enabled,
            delays: Delays {
                after_add: *self.scale_down_delay_after_add,
                after_delete: *self.scale_down_delay_after_delete,
                after_failure: *self.scale_down_delay_after_failure,
            },
            wait_times: WaitTimes {
                unneeded: *self.scale_down_unneeded_time,
                unready: *self.scale_down_unready_time,
            },
            utilization_threshold: self.scale_down_utilization_threshold.get(),
            max_parallelism: *self.max_scale_down_parallelism as usize,
            max_drain_parallelism: *self.max_drain_parallelism as usize,
            max_graceful_termination: *self.max_graceful_termination,
            delete_delay_after_taint: *self.node_delete_delay_after_taint,
        }
    }
}
