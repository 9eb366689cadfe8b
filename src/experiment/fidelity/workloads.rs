//! Rules of the controllers that keep workloads running.

use crate::control;

use super::rule::part;

part! {
    REPLICA_SET = "ReplicaSet",
    "Keeps as many pods as wanted. A pod counts until its deletion begins, so a replacement is \
     created at once.",
    left out "adoption of orphans; expectations have no time-out of their own, as a pass sees its \
              own writes";

    "pods are missing or too many by what is active against what is wanted, at most 500 a pass",
    from "kubernetes pkg/controller/replicaset/replica_set.go @003e8629",
    by [control::replica_set::manage::manage],
    vectors [], tests [a_pass_makes_up_the_difference],
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
    left out "pause, rollback, progress deadline";

    "surge rounds up, unavailability down, and if both come to 0 one pod may be unavailable",
    from "kubernetes pkg/controller/deployment/util/deployment_util.go v1.31.13",
    by [control::deployment],
    vectors [], tests [fenceposts_round_apart],
    left out "";

    "new pods up to the surge, old pods down to what must stay available, unhealthy ones first",
    from "kubernetes pkg/controller/deployment/rolling.go v1.31.13",
    by [control::deployment],
    vectors [], tests [a_rollout_stays_between_its_fenceposts],
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
