//! Rules of the HorizontalPodAutoscaler and of the metrics that it sees.

use crate::control;

use super::rule::part;

part! {
    METRICS = "Metrics pipeline",
    "CPU is saturated usage: busy worker time times the CPU of a busy worker, never above the \
     limit. A pod that drowns in requests looks at most limit ÷ request busy, as in a real \
     cluster.",
    left out "memory that a process keeps, kills for want of it; KEDA, and caches of adapters";

    "the kubelet refreshes, metrics-server scrapes, and a value needs two points: the lags add up",
    from "metrics-server @5ed5d3a2",
    by [control::metrics_pipeline],
    vectors [], tests [
        pods_share_the_cores_of_their_node, metrics_need_two_points_of_one_container,
        cpu_is_rounded_up_to_milli_cores,
    ],
    left out "";

    "memory is a working set and a part for each request under way",
    from "assumed: no rule is published",
    by [control::metrics_pipeline],
    vectors [],
    tests [constant_memory_above_its_target_runs_away, memory_for_requests_rests_at_its_target],
    left out "";

    "a rate is the increase over a window, extrapolated to its ends by half a distance at most",
    from "prometheus promql/functions.go: extrapolatedRate, v3",
    by [control::custom_metrics::rate::rate],
    vectors [], tests [rates_are_extrapolated_as_by_prometheus, a_rate_needs_two_scrapes],
    left out "resets of counters";

    "custom metrics are scraped from pods and services at an interval, external ones are series \
     of the scenario",
    from "prometheus-adapter pkg/custom-provider; docs/walkthrough.md",
    by [control::custom_metrics::adapter::of_pod, control::custom_metrics::adapter::total],
    vectors [], tests [
        request_rates_rest_at_their_target, requests_in_flight_are_a_metric_of_pods,
        requests_to_all_origins_size_an_idle_cluster,
    ],
    left out "metrics of other objects than the workload's own";
}

part! {
    HPA = "HorizontalPodAutoscaler",
    "autoscaling/v2: the greatest proposal of all metrics, stabilised and bounded.",
    left out "several workers, failures of the API server, label selectors of metrics";

    "pods are counted, unready, missing or ignored",
    from "kubernetes pkg/controller/podautoscaler/replica_calculator.go, v1.33 or later",
    by [control::hpa::pods::group],
    vectors [group_pods],
    tests [
        the_hpa_does_not_see_a_zone_loss, a_starting_pod_counts_from_its_first_whole_window,
    ],
    left out "";

    "the next pass begins a sync period after the end of the last, or after a resync of the \
     informer during it",
    from "kubernetes pkg/controller/podautoscaler/horizontal.go: enqueueHPA, rate_limiters.go",
    by [control::hpa::cadence::Cadence],
    vectors [],
    tests [passes_drift_until_a_resync_comes_during_one, growth_without_behavior, zone_loss],
    left out "the 10 ms that a pass takes; only before v1.27 the half second, twice a minute, \
              that discovery of the API adds";

    "the request of a pod or container is what a utilisation is a share of",
    from "kubernetes pkg/controller/podautoscaler/replica_calculator.go, v1.33 or later",
    by [control::hpa::requests::pod_request],
    vectors [pod_requests], tests [],
    left out "";

    "resource and pods metrics: the ratio to the target, dampened by pods without a value",
    from "kubernetes pkg/controller/podautoscaler/replica_calculator.go, v1.33 or later; executed \
          v1.20.2",
    by [control::hpa::replica_calculator::propose],
    vectors [resource, pods], tests [],
    left out "";

    "object and external metrics, by value and by average value",
    from "kubernetes pkg/controller/podautoscaler/replica_calculator.go, v1.33 or later",
    by [control::hpa::replica_calculator::propose],
    vectors [object, external, object_per_pod, external_per_pod], tests [],
    left out "";

    "the tolerance in its old and its new form",
    from "kubernetes pkg/controller/podautoscaler/replica_calculator.go, before and from v1.33",
    by [control::hpa::tolerance::Tolerance],
    vectors [resource], tests [the_two_forms_differ_at_the_upper_edge],
    left out "";

    "without behavior: at most double or 4, and the highest recommendation of 5 min",
    from "kubernetes pkg/controller/podautoscaler/horizontal.go, about v1.31",
    by [control::hpa::legacy::bound, control::hpa::legacy::stabilize],
    vectors [convert_rules, stabilize_legacy, growth],
    tests [scale_down_waits_for_the_window, recommendations_end_with_their_window],
    left out "";

    "with behavior: windows for both directions, then policies over recent changes",
    from "kubernetes pkg/controller/podautoscaler/horizontal.go, about v1.31; \
          pkg/apis/autoscaling/v2/defaults.go @1adaa753",
    by [
        control::hpa::behavior::stabilize, control::hpa::behavior::bound_rate,
        control::hpa::behavior::scale_up_limit, control::hpa::behavior::scale_down_limit,
        control::hpa::behavior::store_event,
    ],
    vectors [
        stabilize_behavior, rate_limit, scale_up_limit, scale_down_limit, store_event, growth,
    ],
    tests [
        scale_down_waits_for_the_window, recommendations_end_with_their_window,
        slots_are_used_again_from_the_last, changes_end_with_their_period,
        steps_are_allowed_by_the_policies, steps_respect_recent_recommendations,
    ],
    left out "";

    "one pass: disabled, out of bounds, failed metrics block only the way down; conditions with \
     their reasons",
    from "kubernetes pkg/controller/podautoscaler/horizontal.go, about v1.31",
    by [control::hpa::reconcile::reconcile],
    vectors [reconcile],
    tests [
        every_decision_says_why, replicas_stay_within_bounds, replicas_stay_within_their_bounds,
        a_pass_tells_the_conditions_that_change,
    ],
    left out "";

    "what the API server refuses in metrics and behavior is refused",
    from "kubernetes pkg/apis/autoscaling/validation/validation.go, v1.33 or later",
    by [control::hpa::spec, control::hpa::metric_spec],
    vectors [],
    tests [
        metrics_are_refused_as_by_the_api_server, behavior_is_refused_as_by_the_api_server,
        zero_replicas_need_an_object_or_external_metric,
    ],
    left out "";

    "an own tolerance needs HPAConfigurableTolerance (on from 1.35), zero replicas HPAScaleToZero",
    from "kubernetes pkg/features/kube_features.go, \
          pkg/registry/autoscaling/horizontalpodautoscaler/strategy.go",
    by [control::settings::KubernetesSpec],
    vectors [], tests [gates_are_off_until_they_are_on, each_direction_has_its_own_tolerance],
    left out "the API server drops a tolerance silently where the gate is off; here it is refused";

    "from zero replicas and back; a metric that is out; two HPAs that select the same pods",
    from "kubernetes pkg/controller/podautoscaler/horizontal.go, about v1.31",
    by [control::hpa::sync],
    vectors [],
    tests [
        an_external_metric_scales_from_zero_and_back, a_failed_metric_blocks_scaling_down_only,
        two_hpas_on_the_same_pods_block_each_other, an_hpa_on_zero_replicas_is_disabled,
    ],
    left out "";
}
