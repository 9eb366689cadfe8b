//! Whole courses of events: recordings of a real control plane, and timelines derived by hand.

use crate::control;

use super::rule::part;

part! {
    COURSES = "Courses of events",
    "Controllers together: recordings of a real control plane (v1.20.2), replayed with the \
     recorded lease renewals and metrics and one fitted phase for each controller, every instant \
     within 0.6 s; and timelines whose instants follow from the rules.",
    left out "the order in which a pass looks at nodes, random in Go: replays take it from the \
              recording; passes of the recordings deal with one node after the other, as before \
              v1.27";

    "recorded: one dead node of 30; six of ten nodes of a zone, of which one is evicted",
    from "recordings one-node, partial-zone-a, partial-zone-b; v1.20.2",
    by [control::node_lifecycle::monitor::MonitorState, control::node_lifecycle::workers],
    vectors [], tests [one_node, partial_zone],
    left out "";

    "recorded: all nodes of all three zones, and their return",
    from "recordings all-zones-a, all-zones-b; v1.20.2",
    by [control::node_lifecycle::monitor::MonitorState, control::node_lifecycle::workers],
    vectors [], tests [all_zones_with_evictions, all_zones_without_evictions],
    left out "pods that waited are bound when the first node has lost its taints, 8.8 s before \
              v1.20.2 bound them: there any change of a node moved every pending pod, so that \
              they were tried too early and backed off; and on other nodes";

    "recorded: an HPA grows with its load and shrinks 5 min after it",
    from "recording hpa-no-behavior; v1.20.2",
    by [control::hpa::reconcile::reconcile, control::hpa::cadence::Cadence],
    vectors [], tests [growth_without_behavior],
    left out "";

    "recorded: an HPA at its target loses a zone and wants no more",
    from "recording hpa-zone-loss; v1.20.2",
    by [control::hpa::reconcile::reconcile, control::node_lifecycle::monitor::MonitorState],
    vectors [], tests [zone_loss],
    left out "from the eighth taint on the recording follows a queue of v1.20.2 in which tainted \
              nodes still cost tokens; the last renewals were not recorded and follow from when \
              nodes turned Unknown";

    "one dead node, grace 40 s and 50 s; its pods are marked at the rate of the client",
    from "kubernetes pkg/controller/nodelifecycle/node_lifecycle_controller.go, about v1.31",
    by [control::node_lifecycle::monitor::MonitorState, control::node_lifecycle::workers],
    vectors [], tests [a_dead_node, many_pods_are_marked_at_the_rate_of_the_client],
    left out "";

    "a dead zone of three, found on one pass or on two; partial disruption of a small zone, and \
     what escapes it; all zones down",
    from "kubernetes pkg/controller/nodelifecycle/node_lifecycle_controller.go, about v1.31",
    by [control::node_lifecycle::monitor::MonitorState, control::node_lifecycle::zones],
    vectors [],
    tests [
        a_dead_zone_found_at_once, a_dead_zone_passes_through_partial_disruption,
        partial_disruption_of_a_small_zone_stops_evictions,
        one_eviction_escapes_partial_disruption, all_zones_down_evicts_nothing,
    ],
    left out "";

    "a zone of two halts the autoscaler, a zone of three does not; the HPA does not see it",
    from "kubernetes/autoscaler cluster-autoscaler/clusterstate, kubernetes pkg/controller/\
          podautoscaler",
    by [control::cluster_autoscaler, control::hpa::reconcile::reconcile],
    vectors [],
    tests [two_zones_lose_the_autoscaler_and_three_do_not, the_hpa_does_not_see_the_loss_of_a_zone],
    left out "";

    "1, 5, 10, 20, 40 with a behavior and 1, 4, 8, 16, 32 without; steps of a saturated metric; \
     from a shortage of nodes to ready pods",
    from "kubernetes pkg/controller/podautoscaler/horizontal.go, v1.33 or later",
    by [control::hpa::reconcile::reconcile, control::cluster_autoscaler],
    vectors [],
    tests [default_growth, a_saturated_metric_caps_each_step, from_a_shortage_to_ready_pods],
    left out "";
}
