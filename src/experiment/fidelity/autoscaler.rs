//! Rules of the cluster autoscaler.

use crate::control;
use crate::model;

use super::rule::part;

part! {
    CLUSTER_AUTOSCALER = "Cluster autoscaler",
    "Adds nodes for pods that fit nowhere, and takes nodes away that are hardly used. Upstream is \
     kubernetes/autoscaler, branch cluster-autoscaler-release-1.36 @ea47d9bb.",
    left out "GPUs, provisioning requests, limits on cores and memory, groups of size zero or \
              maximum, annotations of nodes, those of pods but safe-to-evict";

    "a loop every scan interval, or at once with frequent loops: after one that did something, \
     and when a pod turns unschedulable",
    from "core/static_autoscaler.go, loop/trigger.go",
    by [control::cluster_autoscaler::scan, control::cluster_autoscaler::pod_became_unschedulable],
    vectors [],
    tests [nodes_are_ordered_by_the_first_scan_that_may, frequent_loops_follow_at_once],
    left out "a loop takes no time; one that follows at once comes 0.1 s later";

    "the loop ends early while more than 3 and more than 45 % of all nodes are unready",
    from "clusterstate/clusterstate.go",
    by [control::cluster_autoscaler::cluster_state::is_cluster_healthy],
    vectors [cluster_health],
    tests [
        a_zone_loss_halts_a_two_zone_cluster_only, losing_one_of_two_zones_halts_the_autoscaler,
    ],
    left out "";

    "a node is ready, unready, not started, suspended or deleted",
    from "clusterstate/clusterstate.go",
    by [control::cluster_autoscaler::cluster_state::classify],
    vectors [], tests [a_node_is_unready_only_after_its_start_up_time],
    left out "";

    "a group has a range of acceptable sizes; one that is short is no candidate",
    from "clusterstate/clusterstate.go",
    by [
        control::cluster_autoscaler::cluster_state::acceptable_range,
        control::cluster_autoscaler::cluster_state::is_group_healthy,
    ],
    vectors [acceptable_range], tests [a_group_is_unhealthy_when_it_lacks_nodes],
    left out "";

    "nodes on their way count as there; 15 min late is a failure",
    from "clusterstate/clusterstate.go",
    by [
        control::cluster_autoscaler::cluster_state::upcoming_nodes,
        control::cluster_autoscaler::cluster_state::ScaleUpRequest,
    ],
    vectors [],
    tests [
        upcoming_nodes_are_those_still_on_their_way, a_scale_up_times_out,
        an_invisible_failure_costs_a_quarter_of_an_hour,
    ],
    left out "";

    "expendable pods, young pods and pods that fit on nodes on their way call for no nodes; \
     where even the oldest is younger than 2 s, more are waited for",
    from "core/static_autoscaler.go, core/podlistprocessor",
    by [
        control::cluster_autoscaler::scale_up::HelpRules,
        control::cluster_autoscaler::scale_up::capped,
        control::cluster_autoscaler::scale_up::check_group,
    ],
    vectors [],
    tests [
        some_pods_call_for_no_nodes, groups_and_the_total_bound_a_scale_up,
        the_total_of_nodes_is_limited,
    ],
    left out "annotations of single pods";

    "scale sets fail in one of three ways: the call fails, machines do not come, or they are \
     reported as failed",
    from "cloudprovider/azure; issue 8323, PR 5548",
    by [
        control::cluster_autoscaler::provider::allot,
        model::allocation::Visibility,
    ],
    vectors [],
    tests [
        machines_are_allotted_while_they_last, a_refused_call_backs_off_at_once,
        fast_delete_turns_to_the_other_pool_after_20_s, a_partial_shortage_fails_in_part,
    ],
    left out "the caches of sizes and machines, 1 and 5 min, which delay the sight of machines \
              that others have deleted; their Node objects go within seconds of being NotReady";

    "first fit, decreasing, on nodes of one group; a hostname spread may use real nodes",
    from "estimator/binpacking_estimator.go",
    by [control::cluster_autoscaler::estimator::binpacking::estimate],
    vectors [estimate],
    tests [
        anti_affinity_takes_a_node_for_each_pod, packing_wastes_at_most_half,
        orders_are_as_many_as_pods_need,
    ],
    left out "";

    "a pod fits by the scheduler's filters: resources, hard spread, required affinity and \
     anti-affinity of either side; taints, labels and node affinity of the pool",
    from "simulator/clustersnapshot, kubernetes pkg/scheduler/framework/plugins/interpodaffinity \
          v1.31.13",
    by [
        control::cluster_autoscaler::estimator::snapshot::Snapshot,
        control::cluster_autoscaler::estimator::snapshot::Neighbours,
        control::scheduler::view::admits,
    ],
    vectors [],
    tests [neighbours_decide_about_new_nodes, orders_are_as_many_as_pods_need],
    left out "spread counts every node as a domain, also those that a node selector rules out";

    "greedy pods are packed first",
    from "estimator/decreasing_pod_orderer.go",
    by [control::cluster_autoscaler::estimator::order::decreasing],
    vectors [order], tests [],
    left out "upstream's sort leaves ties in any order; here they keep their own";

    "an estimation adds nodes up to the strictest limit",
    from "estimator/threshold_based_limiter.go, sng_capacity_threshold.go, \
          cluster_capacity_threshold.go",
    by [
        control::cluster_autoscaler::estimator::limiter::Limiter,
        control::cluster_autoscaler::estimator::limiter::NodeLimit,
    ],
    vectors [limiter, min_limit, similar_groups_threshold, cluster_threshold], tests [],
    left out "no time passes within an estimation of a simulation";

    "the fast path packs one node of the costliest group and multiplies (off by default)",
    from "estimator/binpacking_estimator.go",
    by [control::cluster_autoscaler::estimator::fast_path::best_group],
    vectors [fastpath_choice, estimate], tests [],
    left out "";

    "expanders narrow the options one after the other; a draw settles the rest",
    from "expander/{waste,leastnodes,mostpods,random,factory}",
    by [
        control::cluster_autoscaler::expander::choose,
        control::cluster_autoscaler::expander::narrow,
        control::cluster_autoscaler::expander::Expander,
    ],
    vectors [least_waste, least_nodes, most_pods, random, chain], tests [a_draw_picks_evenly],
    left out "price, gRPC";

    "the priority expander takes the highest list with a matching pattern",
    from "expander/priority/priority.go",
    by [control::cluster_autoscaler::priorities::Priorities],
    vectors [priority], tests [the_highest_matching_list_wins],
    left out "";

    "similar groups grow evenly",
    from "processors/nodegroupset/{balancing_processor,compare_nodegroups,azure_nodegroups}.go",
    by [
        control::cluster_autoscaler::balancing::balance,
        control::cluster_autoscaler::similar::are_similar,
    ],
    vectors [balance, similar], tests [similar_groups_are_balanced],
    left out "";

    "a group that failed is left alone for 5 min, doubling to 30 min",
    from "utils/backoff/exponential_backoff.go",
    by [control::cluster_autoscaler::backoff::Backoff],
    vectors [backoff], tests [repeated_failures_double_the_back_off],
    left out "";

    "utilisation is the greater share of CPU and memory requested",
    from "simulator/utilization/info.go",
    by [
        control::cluster_autoscaler::scale_down::utilization::utilization,
        control::cluster_autoscaler::scale_down::utilization::pod_request,
    ],
    vectors [node_utilization], tests [stuck_pods_do_not_count],
    left out "";

    "a pass finds so many unneeded nodes at most, and each must stay unneeded for its time",
    from "core/scaledown/planner/planner.go, core/scaledown/unneeded/nodes.go",
    by [
        control::cluster_autoscaler::scale_down::unneeded::unneeded_limit,
        control::cluster_autoscaler::scale_down::unneeded::Unneeded,
        control::cluster_autoscaler::scale_down::removable::try_remove,
    ],
    vectors [unneeded_limit, unremovable_reason, min_size_gate],
    tests [a_needed_pass_restarts_the_wait, unneeded_nodes_go_after_ten_minutes],
    left out "";

    "up to ten nodes go at a time, of them one with pods; empty ones first",
    from "core/scaledown/budgets/budgets.go",
    by [control::cluster_autoscaler::scale_down::budgets::crop],
    vectors [parallelism_budget], tests [],
    left out "groups that must go as a whole";

    "pods that say `safe-to-evict: false` keep their node; budgets, too",
    from "simulator/drainability/rules/{notsafetoevict,pdb}",
    by [control::cluster_autoscaler::scale_down],
    vectors [],
    tests [
        pods_that_are_not_safe_to_evict_keep_their_nodes, a_budget_of_nothing_keeps_nodes_with_pods,
    ],
    left out "the rules about system pods, local storage and pods without a controller";

    "a drain evicts all pods, refused ones again every 10 s for 2 min, each with its own grace \
     period or `max-graceful-termination-sec`, and waits that long and 30 s",
    from "core/scaledown/actuation/drain.go",
    by [control::cluster_autoscaler::delete_due],
    vectors [], tests [drains_go_by_the_budget, a_drain_caps_the_grace_period],
    left out "";

    "scale-down rests after additions, deletions and failures",
    from "core/static_autoscaler.go",
    by [control::cluster_autoscaler::scale_down::cooldown::cooldown],
    vectors [], tests [each_change_has_its_own_delay],
    left out "";
}
