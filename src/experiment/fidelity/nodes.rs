//! Rules of node failure, and of the machines themselves.

use crate::control;
use crate::model;

use super::rule::part;

part! {
    NODE_LIFECYCLE = "Node lifecycle",
    "From a silent kubelet to pods that are replaced elsewhere, and the states in which evictions \
     stop.",
    left out "conditions other than Ready; the out-of-service taint";

    "a kubelet renews its lease every 10 s, up to 4 % later",
    from "component-helpers apimachinery/lease/controller.go @1961876b",
    by [control::node_lifecycle::lease],
    vectors [], tests [renewals_follow_each_other_by_10_to_10_4_seconds],
    left out "";

    "a renewal or post that fails is tried five times at once, then in the next period",
    from "component-helpers apimachinery/lease/controller.go @1961876b, kubernetes \
          pkg/kubelet/kubelet_node_status.go",
    by [control::node_lifecycle::lease::first_success],
    vectors [],
    tests [
        failed_renewals_are_tried_five_times_and_then_wait,
        a_kubelet_that_was_cut_off_is_heard_with_its_next_post,
    ],
    left out "renewals that fail while the control plane of a whole cluster is down: its monitor \
              starts anew and counts from its own first look";

    "a kubelet that reports Ready=False: taint not-ready, its pods stay Ready; a change between \
     not-ready and unreachable swaps the taints at once and keeps the timers",
    from "kubernetes pkg/controller/nodelifecycle/node_lifecycle_controller.go @003e8629",
    by [control::node_lifecycle::kubelet_outage, control::node_lifecycle::monitor::MonitorState],
    vectors [],
    tests [
        what_a_pass_does_to_a_node, a_node_that_is_not_ready_keeps_its_pods_ready,
        swapped_taints_keep_the_timers,
    ],
    left out "";

    "a kubelet that stopped or is cut off: containers go on, nobody probes, restarts or ends them",
    from "kubernetes pkg/kubelet/kubelet_node_status.go, pkg/kubelet/prober/worker.go v1.31.13",
    by [control::node_lifecycle::kubelet_outage],
    vectors [],
    tests [
        pods_of_a_stopped_kubelet_go_on_serving, evicted_pods_end_when_their_kubelet_is_back,
        nobody_restarts_containers_without_a_kubelet,
    ],
    left out "what a kubelet that is only cut off does by itself; the moment after a restart in \
              which it calls pods unready that it has not probed yet";

    "a controller that starts anew takes the NoExecute taints off and gives them back one by one; \
     leaving \"all zones down\" gives every node a fresh grace period",
    from "kubernetes pkg/controller/nodelifecycle/node_lifecycle_controller.go @003e8629",
    by [control::node_lifecycle::monitor::MonitorState],
    vectors [],
    tests [
        a_restarted_controller_taints_anew_at_the_limited_rate,
        resuming_gives_a_fresh_grace_period, a_deleted_node_still_takes_its_token,
        a_zone_without_nodes_is_forgotten,
    ],
    left out "";

    "a pass every 5 s: silent beyond the grace period is Unknown, and its pods turn not ready; the \
     NoExecute taint follows the condition of the pass before",
    from "kubernetes pkg/controller/nodelifecycle/node_lifecycle_controller.go, about v1.31; grace \
          50 s from v1.32",
    by [control::node_lifecycle::monitor::MonitorState],
    vectors [],
    tests [
        what_a_pass_does_to_a_node, when_a_node_is_queued, one_dead_node,
        the_startup_grace_runs_from_creation_or_the_last_lease, a_dead_node,
        quiet_passes_can_be_left_out,
    ],
    left out "the order of the nodes is always the same; nodes that have never posted a status: \
              here all join Ready, so that the startup grace period (a key, 60 s) decides about \
              none of them";

    "eight workers deal with the nodes of a pass; each status update, taint and event is a call \
     that takes a token of the controller's client, 20 a second and 30 at once",
    from "kubernetes pkg/controller/nodelifecycle/node_lifecycle_controller.go (PR 114296), \
          pkg/controller/util/node/controller_utils.go, client-go util/flowcontrol; 18 ms a call \
          by recordings",
    by [control::node_lifecycle::workers],
    vectors [],
    tests [
        calls_take_their_time_and_their_tokens, reservations_queue_up,
        many_pods_are_marked_at_the_rate_of_the_client, all_zones_with_evictions,
    ],
    left out "a taint from the eviction queues takes its tokens, but does not wait for them (at \
              most some 2 s); retries";

    "a zone is fully or partly disrupted by its share of nodes that are not ready",
    from "kubernetes pkg/controller/nodelifecycle/node_lifecycle_controller.go, about v1.31",
    by [control::node_lifecycle::zones::zone_state],
    vectors [zone_state],
    tests [
        excluded_nodes_do_not_count_in_their_zone, nodes_labelled_exclude_disruption_do_not_count,
    ],
    left out "";

    "the state sets the rate of evictions: none in a small, partly disrupted zone, and none when \
     all zones are down",
    from "kubernetes pkg/controller/nodelifecycle/node_lifecycle_controller.go, about v1.31",
    by [control::node_lifecycle::zones::eviction_rates],
    vectors [zone_qps],
    tests [
        partial_zone, all_zones_with_evictions, a_dead_zone_passes_through_partial_disruption,
    ],
    left out "";

    "one token bucket for each zone paces the taints; a swapped one starts without a token if the \
     old one had none",
    from "kubernetes pkg/controller/nodelifecycle/scheduler/rate_limited_queue.go, about v1.31",
    by [control::node_lifecycle::rate_limiter::RateLimiter],
    vectors [taint_times],
    tests [one_token_then_one_per_period, swapping_keeps_a_waiting_zone_waiting],
    left out "";

    "a pod goes when its shortest toleration of the taints in force ends, or at once without one; \
     a timer that runs outlasts a swap of taints",
    from "kubernetes pkg/controller/tainteviction/taint_eviction.go @003e8629",
    by [control::node_lifecycle::taint_eviction::eviction_timer],
    vectors [],
    tests [
        tolerations_decide_when_a_pod_goes, each_taint_has_its_own_time,
        the_taint_in_force_decides_when_pods_go, a_dead_node_is_noticed_tainted_and_evicted,
    ],
    left out "";

    "the API server adds 300 s for not-ready and for unreachable, each unless a toleration of the \
     pod's own is about it",
    from "kubernetes plugin/pkg/admission/defaulttolerationseconds/admission.go @012b085a",
    by [model::taint::FailureTolerations],
    vectors [],
    tests [defaults_are_added_where_no_toleration_is, the_taint_in_force_decides_when_pods_go],
    left out "";

    "every 5 s: the Node object of a machine that is gone is deleted, one that is stopped gets the \
     taint shutdown:NoSchedule",
    from "kubernetes/cloud-provider controllers/nodelifecycle/node_lifecycle_controller.go \
          @46666112",
    by [control::node_lifecycle::cloud::verdict],
    vectors [],
    tests [
        what_a_pass_does, a_deleted_machine_takes_its_node_and_pods_along,
        a_stopped_machine_is_tainted_shutdown, a_deleted_machine_is_not_replaced_by_its_scale_set,
    ],
    left out "failed look-ups; the moment in which the scale set is already smaller and the Node \
              object still there";

    "pods of a node that is gone are deleted on the first pass of 20 s after 40 s of quarantine",
    from "kubernetes pkg/controller/podgc/gc_controller.go @003e8629",
    by [control::node_lifecycle::pod_gc],
    vectors [],
    tests [quarantine_ends_on_a_pass, tolerations_may_end_before_the_garbage_is_collected],
    left out "";

    "AKS repairs a node that stays unhealthy for 5 min: reboot, reimage, redeploy, three rounds, \
     one hour",
    from "azure-aks-docs articles/aks/node-auto-repair.md @fb060abe",
    by [control::node_lifecycle::auto_repair::look_at, control::node_lifecycle::repair],
    vectors [],
    tests [
        each_action_waits_five_minutes, an_hour_is_the_end, what_a_check_leads_to,
        a_stopped_kubelet_is_rebooted_after_five_minutes, a_dead_machine_is_redeployed,
        a_dead_zone_cannot_be_repaired, a_repair_outlasts_the_fault, who_is_not_repaired,
    ],
    left out "Windows nodes, upgrades; how long actions take and how often nodes are checked is \
              not published: assumed";
}

part! {
    NODE_POOLS = "Node pools",
    "Machines of one size in one or several zones.",
    left out "Windows; memory is the nominal size unless `visibleMemory` says otherwise";

    "allocatable CPU and memory by both of AKS' reservation rules",
    from "azure-aks-docs articles/aks/node-resource-reservations.md @fb060abe",
    by [model::vm_size, model::node_pool],
    vectors [],
    tests [
        allocatable_follows_the_published_table, reserved_cpu_follows_the_published_list,
        the_documented_node_is_reproduced, a_machine_of_its_own_follows_the_same_rules,
    ],
    left out "preview custom reservations";

    "provisioning and reboot times are distributions",
    from "azure-aks-docs articles/aks/concepts-scale.md @fb060abe (\"2 to 5 minutes\")",
    by [model::duration],
    vectors [], tests [measured_durations_need_a_unit],
    left out "no published distribution: the default is assumed and said to be";
}
