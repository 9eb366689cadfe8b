//! Rules of the scheduler.

use crate::control;

use super::rule::part;

part! {
    SCHEDULER = "Scheduler",
    "Binds one pod after the other: filters, then scores, then a draw among equals.",
    left out "volumes, host ports, image locality, extenders, gang scheduling";

    "a node takes a pod if CPU, memory and number of pods are left",
    from "kubernetes pkg/scheduler/framework/plugins/noderesources/fit.go v1.31.13",
    by [control::scheduler::fit::fits],
    vectors [], tests [a_node_takes_exactly_what_fits, refusals_name_the_rule],
    left out "";

    "required anti-affinity and hard spread keep pods apart, by host or zone",
    from "kubernetes pkg/scheduler/framework/plugins/{interpodaffinity,podtopologyspread} v1.31.13",
    by [control::scheduler::schedule::schedule_one],
    vectors [],
    tests [
        anti_affinity_keeps_pods_apart, a_hard_spread_measures_from_the_emptiest_zone,
        too_few_domains_count_as_an_empty_one,
    ],
    left out "";

    "free and balanced nodes score higher, full ones with most-allocated",
    from "kubernetes pkg/scheduler/framework/plugins/noderesources v1.31.13",
    by [control::scheduler::score::resource_score, control::scheduler::score::balanced],
    vectors [], tests [resource_rules],
    left out "requested-to-capacity ratio";

    "soft spread counts with weight 2 and gives way",
    from "kubernetes pkg/scheduler/framework/plugins/podtopologyspread/scoring.go v1.31.13",
    by [control::scheduler::score::spread_cost, control::scheduler::score::spread_score],
    vectors [],
    tests [spread_costs_are_turned_around, soft_spread_is_even_and_gives_way, spread_score_by_hand],
    left out "";

    "large clusters are searched in part, from where the last search ended; equals are drawn",
    from "kubernetes pkg/scheduler/schedule_one.go v1.31.13",
    by [control::scheduler::schedule::nodes_to_find],
    vectors [], tests [large_clusters_are_searched_in_part, ties_are_drawn_uniformly],
    left out "";

    "the queue goes by priority and time; failed pods back off from 1 s to 10 s, and events wake \
     those they can help, at the latest after 5 min",
    from "kubernetes pkg/scheduler/backend/queue/scheduling_queue.go v1.31.13",
    by [
        control::scheduler::queue::QueuePlace, control::scheduler::queue::backoff_with,
        control::scheduler::queue::wakes, control::scheduler::queue::leftover_at,
    ],
    vectors [scheduler_backoff],
    tests [
        the_queue_goes_by_priority_and_time,
        failed_pods_come_back, events_wake_those_they_can_help,
    ],
    left out "";
}
