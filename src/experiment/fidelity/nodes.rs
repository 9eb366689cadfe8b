//! Rules of node failure, and of the machines themselves.

use crate::control;
use crate::model;

use super::rule::part;

part! {
    NODE_LIFECYCLE = "Node lifecycle",
    "From a silent kubelet to pods that are replaced elsewhere, and the states in which evictions \
     stop.",
    left out "conditions other than Ready";

    "a kubelet renews its lease every 10 s, up to 4 % later",
    from "component-helpers apimachinery/lease/controller.go @1961876b",
    by [control::node_lifecycle::lease],
    vectors [], tests [renewals_follow_each_other_by_10_to_10_4_seconds],
    left out "";

    "a pass every 5 s: silent beyond the grace period is Unknown, and pods turn not ready at once; \
     the NoExecute taint follows the condition of the pass before",
    from "kubernetes pkg/controller/nodelifecycle/node_lifecycle_controller.go, about v1.31; grace \
          50 s from v1.32",
    by [control::node_lifecycle::monitor::MonitorState],
    vectors [],
    tests [
        what_a_pass_does_to_a_node, when_a_node_is_queued, one_dead_node,
        the_startup_grace_runs_from_creation_or_the_last_lease, the_longer_grace_period_of_1_32,
        quiet_passes_can_be_left_out,
    ],
    left out "";

    "a zone is fully or partly disrupted by its share of nodes that are not ready",
    from "kubernetes pkg/controller/nodelifecycle/node_lifecycle_controller.go, about v1.31",
    by [control::node_lifecycle::zones::zone_state],
    vectors [zone_state], tests [excluded_nodes_do_not_count_in_their_zone],
    left out "";

    "the state sets the rate of evictions: none in a small, partly disrupted zone, and none when \
     all zones are down",
    from "kubernetes pkg/controller/nodelifecycle/node_lifecycle_controller.go, about v1.31",
    by [control::node_lifecycle::zones::eviction_rates],
    vectors [zone_qps],
    tests [
        six_of_ten_nodes_of_a_zone,
        all_zones_down, a_dead_zone_passes_through_partial_disruption,
    ],
    left out "";

    "one token bucket for each zone paces the taints; a swapped one starts without a token if the \
     old one had none",
    from "kubernetes pkg/controller/nodelifecycle/scheduler/rate_limited_queue.go, about v1.31",
    by [control::node_lifecycle::rate_limiter::RateLimiter],
    vectors [taint_times],
    tests [one_token_then_one_per_period, swapping_keeps_a_waiting_zone_waiting],
    left out "";

    "a pod goes when its shortest toleration ends, or at once without one",
    from "kubernetes pkg/controller/tainteviction/taint_eviction.go, about v1.31",
    by [control::node_lifecycle::taint_eviction::eviction_timer],
    vectors [],
    tests [tolerations_decide_when_a_pod_goes, a_dead_node_is_noticed_tainted_and_evicted],
    left out "";

    "pods of a node that is gone are deleted 40 s to 80 s later",
    from "kubernetes pkg/controller/podgc/gc_controller.go @003e8629",
    by [control::node_lifecycle::pod_gc],
    vectors [], tests [quarantine_ends_on_a_pass],
    left out "";

    "AKS repairs a node that stays unhealthy: reboot, reimage, redeploy, three rounds",
    from "azure-aks-docs articles/aks/node-auto-repair.md @fb060abe",
    by [control::node_lifecycle::auto_repair],
    vectors [], tests [three_rounds_then_nothing],
    left out "";
}

part! {
    NODE_POOLS = "Node pools",
    "Machines of one size in one or several zones.",
    left out "surge, deallocate mode, Windows; memory is the nominal size";

    "allocatable CPU and memory by both of AKS' reservation rules",
    from "azure-aks-docs articles/aks/node-resource-reservations.md @fb060abe",
    by [model::vm_size, model::node_pool],
    vectors [], tests [],
    left out "no test of its own: sizes show in every run";

    "provisioning and reboot times are distributions",
    from "azure-aks-docs articles/aks/concepts-scale.md @fb060abe (\"2 to 5 minutes\")",
    by [model::duration],
    vectors [], tests [measured_durations_need_a_unit],
    left out "no published distribution: the default is assumed and said to be";
}
