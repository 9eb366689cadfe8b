//! The `autoscaler` section of a cluster: the cluster autoscaler's flags, by their names.

use std::cmp::Ordering;

use crate::spec::{
    Code, Decoder, Diagnostic, NameMap, Refusal, Scalar, Shape, Text, Word, section,
};
use crate::units::{Ratio, Span};

use super::backoff::BackoffRules;
use super::cluster_state::UnreadyLimits;
use super::expander::Expander;
use super::plan::AutoscalerPlan;
use super::priorities::{BadPattern, Priorities};
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
        /// `--expander`: one strategy, or several with commas; each keeps what is best.
        "expander" expander: ExpanderChain = default "least-waste",
            source "cluster-autoscaler from 1.33 on";
        /// For the strategy `priority`: patterns of scale sets (`aks-POOL-00000000-vmss`) by
        /// priority, as in the ConfigMap `cluster-autoscaler-priority-expander`.
        "expanderPriorities" expander_priorities: NameMap<Vec<Text>> = optional;
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
        /// `--max-nodes-total`; 0 is no limit.
        "maxNodesTotal" max_nodes_total: u32 = default "0",
            source "autoscaler config/flags/flags.go",
            range 0..=100000;
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
        /// `--ignore-daemonsets-utilization`.
        "ignoreDaemonSetsUtilization" ignore_daemonsets_utilization: bool = default "false",
            source "autoscaler config/flags/flags.go";
        /// `--unremovable-node-recheck-timeout`.
        "unremovableNodeRecheckTimeout" unremovable_node_recheck_timeout: Span = default "5m",
            source "autoscaler config/flags/flags.go",
            range "0s"..="1d";
        /// `--max-pod-eviction-time`: how long refused evictions are tried again.
        "maxPodEvictionTime" max_pod_eviction_time: Span = default "2m",
            source "autoscaler config/flags/flags.go",
            range "0s"..="1d";
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
    check ClusterAutoscalerSpec::check_priorities;
}

/// The strategies by which a pool is chosen among several, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpanderChain(pub Vec<Expander>);

impl Scalar for ExpanderChain {
    fn read(word: Word<'_>) -> Result<Self, Refusal> {
        let mut chain = Vec::new();
        for name in word.text.split(',') {
            let named = |expander: &&Expander| expander.name() == name;
            let Some(&expander) = Expander::ALL.iter().find(named) else {
                let why = format!("no strategy is called `{name}`");
                return Err(Refusal::new(Code::UnknownChoice).because(why));
            };
            // Upstream refuses to start then, expander/factory/expander_factory.go.
            if chain.contains(&expander) {
                return Err(Refusal::new(Code::DuplicateName).because(format!("`{name}` twice")));
            }
            chain.push(expander);
        }
        Ok(Self(chain))
    }

    fn form() -> Shape {
        Shape::Text("random, most-pods, least-nodes, least-waste, priority, or several with commas")
    }

    fn shown(&self) -> String {
        self.0.iter().map(|expander| expander.name()).collect::<Vec<_>>().join(",")
    }

    fn order(&self, _other: &Self) -> Option<Ordering> {
        None
    }
}

impl ClusterAutoscalerSpec {
    fn check_priorities(&self, cx: &mut Decoder<'_>) {
        let place = || self.expander_priorities.place.clone();
        for (priority, _) in &self.expander_priorities.value {
            if priority.parse::<i64>().is_err() {
                let message = format!("read the priority `{}`", priority.as_str());
                let wrong = Diagnostic::error(Code::WrongType, priority.place.clone(), message);
                cx.report(wrong.allowed("a whole number from 0"));
                return;
            }
        }
        if let Err(bad) = self.priorities() {
            cx.report(
                Diagnostic::error(Code::WrongType, place(), bad.to_string())
                    .allowed("regular expressions such as `.*spot.*`"),
            );
        }
        let asked_for = self.expander.0.contains(&Expander::Priority);
        if asked_for && self.expander_priorities.value.entries.is_empty() {
            let message = "the strategy `priority` has no priorities: it lets every pool pass";
            let warning = Diagnostic::warning(Code::Contradiction, place(), message);
            cx.report(warning.help("add `expanderPriorities`"));
        }
    }

    /// The lists of the priority expander.
    ///
    /// # Errors
    /// A pattern that is no regular expression.
    pub fn priorities(&self) -> Result<Priorities, BadPattern> {
        let lists = self.expander_priorities.value.iter().map(|(priority, patterns)| {
            let priority = priority.parse().unwrap_or_default();
            (priority, patterns.iter().map(|pattern| &**pattern).collect())
        });
        Priorities::compile(lists)
    }

    /// The autoscaler as its loop runs it.
    #[must_use]
    pub fn plan(&self) -> AutoscalerPlan {
        AutoscalerPlan {
            enabled: *self.enabled,
            scan_interval: *self.scan_interval,
            expanders: self.expander.0.clone(),
            priorities: self.priorities().expect("checked when the section was decoded"),
            balance_similar: *self.balance_similar_node_groups,
            max_node_provision_time: *self.max_node_provision_time,
            max_node_startup_time: *self.max_node_startup_time,
            max_nodes_total: *self.max_nodes_total as usize,
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
            ignore_daemonsets: *self.ignore_daemonsets_utilization,
            unremovable_recheck: *self.unremovable_node_recheck_timeout,
            max_parallelism: *self.max_scale_down_parallelism as usize,
            max_drain_parallelism: *self.max_drain_parallelism as usize,
            max_pod_eviction_time: *self.max_pod_eviction_time,
            max_graceful_termination: *self.max_graceful_termination,
            delete_delay_after_taint: *self.node_delete_delay_after_taint,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::spec::decode_text;

    use super::*;

    /// A chain of strategies and the lists of the priority expander reach the loop.
    #[test]
    fn a_chain_of_expanders_is_read() {
        let text = "expander: priority,least-waste\nexpanderPriorities: {50: [user], 10: ['.*']}";
        let spec: ClusterAutoscalerSpec = decode_text(text).unwrap();
        let plan = spec.plan();
        assert_eq!(plan.expanders, [Expander::Priority, Expander::LeastWaste]);
        assert_eq!(plan.priorities.of("aks-user-00000000-vmss"), Some(50));
        assert_eq!(plan.priorities.of("aks-spare-00000000-vmss"), Some(10));
    }

    /// Mistakes are named: an unknown or repeated strategy, a priority that is no number, a
    /// pattern that is no regular expression.
    #[test]
    fn wrong_expanders_are_refused() {
        for (text, named) in [
            ("expander: cheapest", "no strategy is called `cheapest`"),
            ("expander: random,random", "`random` twice"),
            ("expander: 'random,'", "no strategy is called ``"),
            ("expanderPriorities: {high: [a]}", "read the priority `high`"),
            ("expanderPriorities: {5: ['a(']}", "a( is not a regular expression"),
        ] {
            let error = decode_text::<ClusterAutoscalerSpec>(text).unwrap_err();
            assert!(error.contains(named), "{text}: {error}");
        }
    }
}
