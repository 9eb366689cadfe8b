//! Rules of the controllers that keep workloads running.

use crate::control;

use super::rule::part;

part! {
    REPLICA_SET = "ReplicaSet",
    "Keeps as many pods as wanted. A pod counts until its deletion begins, so a replacement is \
     created at once.",
    left out "adoption of orphans; API calls that fail, and with them the time-out of \
              expectations; status updates and events, which share the client's rate";

    "pods are missing or too many by what is active against what is wanted, at most 500 a pass",
    from "kubernetes pkg/controller/replicaset/replica_set.go @003e8629",
    by [control::replica_set::manage::manage],
    vectors [], tests [a_pass_makes_up_the_difference],
    left out "";

    "creations and deletions take tokens of the controller's client, 20 a second and 30 at once; \
     what a pass decided is carried out before the next one decides",
    from "kubernetes pkg/controller/replicaset/replica_set.go @003e8629, controller-manager \
          generic defaults",
    by [control::replica_set::sync::sync],
    vectors [], tests [a_hundred_pods_are_deleted_at_the_clients_rate],
    left out "";

    "creations come in batches that double while they succeed",
    from "kubernetes pkg/controller/replicaset/replica_set.go @003e8629",
    by [control::replica_set::slow_start::slow_start],
    vectors [slow_start], tests [batches_double],
    left out "";

    "eight keys decide which pod goes first; ages count by their power of two",
    from "kubernetes pkg/controller/controller_utils.go v1.31.13",
    by [control::replica_set::deletion_order::compare, control::replica_set::deletion_order::order],
    vectors [compare, order],
    tests [a_cyclic_order_still_sorts, ages_are_compared_by_their_logarithm],
    left out "Go's sort leaves ties in any order; here they keep their own";

    "pods that share a node with more of their kind go first",
    from "kubernetes pkg/controller/replicaset/replica_set.go @003e8629",
    by [control::replica_set::deletion_order::ranks, control::replica_set::deletion_order::victims],
    vectors [select], tests [],
    left out "";
}

part! {
    DEPLOYMENT = "Deployment",
    "Replaces the pods of an old template by those of a new one, a few at a time.",
    left out "pausing, rollback, revision history; writes of ReplicaSets that fail";

    "surge rounds up, unavailability down, and if both come to 0 one pod may be unavailable",
    from "kubernetes pkg/controller/deployment/util/deployment_util.go v1.31.13",
    by [control::deployment::fenceposts::Fenceposts],
    vectors [], tests [fenceposts_round_apart, strategies_must_let_something_move],
    left out "";

    "new pods up to the surge",
    from "kubernetes pkg/controller/deployment/rolling.go v1.31.13, and the rows of its test",
    by [control::deployment::rolling::resize_new],
    vectors [],
    tests [the_new_replica_set_grows_to_the_surge, a_rollout_of_ten_pods_takes_these_steps],
    left out "";

    "old pods down to what must stay available, unhealthy ones and the oldest ReplicaSet first",
    from "kubernetes pkg/controller/deployment/rolling.go v1.31.13, and the rows of its test",
    by [control::deployment::rolling::resize_old],
    vectors [],
    tests [
        old_replica_sets_shrink_as_availability_allows, unhealthy_replicas_go_first,
        old_pods_go_down_to_the_least_availability, the_oldest_gives_first,
        min_ready_seconds_hold_each_step, a_rollout_in_flight_meets_the_loss_of_a_zone,
    ],
    left out "";

    "Recreate: the last old pod is gone before the first new one comes",
    from "kubernetes pkg/controller/deployment/recreate.go v1.31.13",
    by [control::deployment::recreate::step],
    vectors [], tests [old_pods_are_gone_before_new_ones_come, recreate_empties_first],
    left out "";

    "a size that changes during a rollout is shared out in proportion, leftovers to the largest",
    from "kubernetes pkg/controller/deployment/sync.go @003e8629, and the rows of its test",
    by [control::deployment::scaling::scale, control::deployment::scaling::is_scaling_event],
    vectors [],
    tests [sizes_change_in_proportion, sizes_know_what_they_were_part_of],
    left out "";

    "a rollout is complete, moves, or is stuck after its progress deadline",
    from "kubernetes pkg/controller/deployment/progress.go v1.31.13, and the rows of \
          deployment_util_test.go",
    by [control::deployment::progress::progress],
    vectors [],
    tests [
        complete_is_all_new_and_available, progress_is_any_of_four_movements,
        a_rollout_is_stuck_after_its_deadline, a_broken_rollout_stops_and_can_be_rolled_over,
    ],
    left out "";
}

part! {
    OPERATIONS = "Operations",
    "What people do on purpose, and what a fault may meet in flight.",
    left out "pods without a controller, `--force`; upgrades of whole pools";

    "a drain cordons all its nodes, then empties one after the other; a refused eviction is tried \
     again after 5 s, and a node is done when its pods are gone",
    from "kubernetes staging/src/k8s.io/kubectl/pkg/cmd/drain/drain.go, pkg/drain/drain.go",
    by [control::operations::drain::Drain],
    vectors [],
    tests [
        a_drain_without_a_budget_empties_node_by_node,
        a_budget_holds_a_drain_up_until_replacements_are_ready,
        a_drain_gives_up_after_its_time_out, a_drain_in_flight_meets_the_loss_of_the_region,
    ],
    left out "";

    "a drain's grace period goes before that of the pods, unless it is negative",
    from "kubernetes staging/src/k8s.io/kubectl/pkg/drain/drain.go",
    by [control::eviction::evict_within],
    vectors [], tests [a_drain_may_give_pods_less_time],
    left out "a shorter grace period for pods that are being deleted already";

    "a rollout changes image, start-up or health of a pod template at once",
    from "kubernetes staging/src/k8s.io/kubectl/pkg/cmd/set/set_image.go",
    by [control::operations::rollout::Rollout],
    vectors [], tests [operations_are_checked, a_broken_rollout_stops_and_can_be_rolled_over],
    left out "";
}

part! {
    DISRUPTION_BUDGET = "PodDisruptionBudget",
    "Says how many pods an eviction may take. Evictions by a NoExecute taint do not ask.",
    left out "several budgets for one pod, pods without a controller";

    "shares round up; what is allowed is what is healthy beyond what must be",
    from "kubernetes pkg/controller/disruption/disruption.go @003e8629",
    by [control::disruption::status, control::disruption::is_healthy],
    vectors [],
    tests [
        shares_round_up, healthy_is_ready_and_there_to_stay,
        budgets_are_read_as_kubernetes_reads_them,
    ],
    left out "";

    "evictions ask the budget; those that it has not seen yet count, and unready pods go by \
     unhealthyPodEvictionPolicy",
    from "kubernetes pkg/registry/core/pod/storage/eviction.go, and the rows of its test",
    by [control::disruption::may_evict, control::eviction::evict],
    vectors [], tests [evictions_are_granted_as_upstream],
    left out "";
}
