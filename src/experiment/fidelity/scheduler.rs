//! Rules of the scheduler.

use crate::control;

use super::rule::part;

part! {
    SCHEDULER = "Scheduler",
    "Binds one pod after the other: filters, then scores, then a draw among equals.",
    left out "volumes, host ports, namespaces, `matchLabelKeys`, extenders, gang scheduling; pods \
     are selected by workload instead of labels";

    "a node takes a pod if CPU, memory and number of pods are left",
    from "kubernetes pkg/scheduler/framework/plugins/noderesources/fit.go v1.31.13",
    by [control::scheduler::fit::fits],
    vectors [],
    tests [a_node_takes_exactly_what_fits, refusals_name_the_rule, placements_obey_the_rules],
    left out "";

    "a pod stays away from nodes whose conditions or taints it does not tolerate",
    from "kubernetes component-helpers/scheduling/corev1/helpers.go v1.31.13",
    by [control::scheduler::fit::fits],
    vectors [],
    tests [
        tolerations_match_taints, untolerated_taints_are_those_of_the_asked_effects,
        pools_choose_their_pods, tolerations_and_priorities_are_validated,
        taints_and_labels_of_pools_are_validated,
    ],
    left out "";

    "node selector and required node affinity must hold",
    from "kubernetes component-helpers/scheduling/corev1/nodeaffinity v1.31.13",
    by [control::scheduler::admits],
    vectors [],
    tests [operators_compare_labels, node_rules_combine, selectors_of_nodes_are_validated],
    left out "`matchFields`";

    "required affinity and anti-affinity, in both directions, by host or zone",
    from "kubernetes pkg/scheduler/framework/plugins/interpodaffinity/filtering.go v1.31.13; table \
     of filtering_test.go @007f7ae7 (v1.19 to v1.20)",
    by [control::scheduler::fit::fits],
    vectors [],
    tests [
        upstream_required_affinity_single_node, upstream_required_affinity_multiple_nodes,
        anti_affinity_keeps_pods_apart, placements_obey_the_rules, terms_of_pods_are_validated,
    ],
    left out "other topology keys, selectors of labels";

    "hard spread by host or zone: matching + 1 - fewest <= maxSkew, over nodes that the pod \
     selects, tainted or not; with fewer domains than minDomains the fewest is 0; pods being \
     deleted do not count",
    from "kubernetes pkg/scheduler/framework/plugins/podtopologyspread/filtering.go v1.31.13; \
     table of filtering_test.go @01c2588b (after v1.34)",
    by [control::scheduler::spread::limits],
    vectors [],
    tests [
        upstream_spread_filter, upstream_spread_filter_of_selected_nodes,
        upstream_spread_of_leaving_pods_and_tainted_nodes,
        a_hard_spread_measures_from_the_emptiest_zone, too_few_domains_count_as_an_empty_one,
        placements_obey_the_rules, spread_constraints_are_validated,
    ],
    left out "other topology keys, node inclusion policies, pods of other workloads";

    "free and balanced nodes score higher, full ones with most-allocated",
    from "kubernetes pkg/scheduler/framework/plugins/noderesources v1.31.13; tables of its tests, \
     version not known",
    by [control::scheduler::score::resource_score, control::scheduler::score::balanced],
    vectors [],
    tests [
        least_allocated_scoring_strategy, most_allocated_scoring_strategy,
        node_resources_balanced_allocation, shares_round_down,
    ],
    left out "requested-to-capacity ratio, resources other than CPU and memory";

    "soft spread counts with weight 2 and gives way",
    from "kubernetes pkg/scheduler/framework/plugins/podtopologyspread/scoring.go v1.31.13; table \
     of scoring_test.go @008b3652 (after v1.35)",
    by [control::scheduler::spread::spread_cost, control::scheduler::spread::spread_score],
    vectors [],
    tests [
        upstream_spread_score, upstream_spread_of_leaving_pods_and_tainted_nodes,
        spread_costs_are_turned_around, soft_spread_is_even_and_gives_way, spread_score_by_hand,
    ],
    left out "nodes without the label of a zone";

    "preferred pod affinity (2), node affinity (2), PreferNoSchedule taints (3) and images (1)",
    from "kubernetes pkg/scheduler/framework/plugins/{interpodaffinity,nodeaffinity,\
     tainttoleration,imagelocality} v1.31.13; table of interpodaffinity/scoring_test.go @030880a5 \
     (v1.34)",
    by [
        control::scheduler::score::pod_affinity_score, control::scheduler::score::normalized,
        control::scheduler::score::normalized_reverse, control::scheduler::score::image_score,
    ],
    vectors [],
    tests [
        upstream_preferred_affinity, upstream_preferred_affinity_symmetry,
        default_normalize_score, affinity_sums_are_stretched, image_locality,
    ],
    left out "images are known every 30 s, at the same instants on all nodes";

    "large clusters are searched in part, from where the last search ended; equals are drawn",
    from "kubernetes pkg/scheduler/schedule_one.go v1.31.13",
    by [control::scheduler::schedule::nodes_to_find],
    vectors [], tests [large_clusters_are_searched_in_part, ties_are_drawn_uniformly],
    left out "";

    "the queue goes by priority and time; failed pods back off from 1 s to 10 s, and events wake \
     those they can help, at the latest after 5 min",
    from "kubernetes pkg/scheduler/internal/queue/scheduling_queue.go v1.31.13",
    by [
        control::scheduler::queue::QueuePlace, control::scheduler::queue::backoff_with,
        control::scheduler::queue::wakes, control::scheduler::queue::leftover_at,
    ],
    vectors [scheduler_backoff],
    tests [
        the_queue_goes_by_priority_and_time, failed_pods_come_back,
        events_wake_those_they_can_help, failed_pods_wait_and_queue_up_again,
    ],
    left out "";

    "pods of lower priority give way: as few as possible, those with a budget last; the node is \
     the one with the fewest violated budgets, the lowest and fewest victims, started last",
    from "kubernetes pkg/scheduler/framework/{preemption,plugins/defaultpreemption} v1.31.13; \
     tables of default_preemption_test.go @008b3652 (after v1.35) and, for \
     TestPickOneNodeForPreemption, of a version before that",
    by [control::scheduler::preemption::victims_on, control::scheduler::preemption::pick_one],
    vectors [],
    tests [
        upstream_dry_run_preemption, upstream_dry_run_preemption_with_budgets,
        upstream_select_best_candidate, pick_one_node_for_preemption,
        pick_one_node_for_preemption_by_start_time,
        budgets_go_before_priorities, as_few_as_possible_give_way, budgets_are_spared_if_possible,
    ],
    left out "pods that a budget lists as disrupted";

    "room is kept for a pod until its victims are gone; it preempts again only if they are not \
     on their way",
    from "kubernetes pkg/scheduler/framework/{runtime/framework.go,preemption} v1.31.13",
    by [control::scheduler::preemption::may_preempt, control::scheduler::preemption::preempt],
    vectors [],
    tests [kept_room_is_respected, preemptors_wait_for_their_victims, balloon_pods_give_way],
    left out "";
}
