//! Rules of the kubelet, and of the way from a pod's readiness to its traffic.

use crate::control;

use super::rule::part;

part! {
    KUBELET = "kubelet",
    "Pulls, starts, probes, restarts and ends containers.",
    left out "init containers, volumes, layers shared between images, eviction under pressure";

    "each probe has its own ticker and phase; success and failure need their thresholds in a row; \
     readiness and liveness wait for the startup probe",
    from "kubernetes pkg/kubelet/prober v1.31.13",
    by [control::kubelet::probe, control::kubelet::probing],
    vectors [],
    tests [
        the_first_verdict, a_hang_is_noticed_after_21_to_31_seconds,
        failures_must_follow_each_other,
        lazy_and_explicit_probing_agree,
    ],
    left out "";

    "a crashed container restarts at once, then after 10 s doubling to 300 s; more than 600 s of \
     running is forgiven",
    from "kubernetes pkg/kubelet/kubelet.go v1.31.13, client-go util/flowcontrol/backoff.go",
    by [control::kubelet::restart::wait_with],
    vectors [restart_backoff], tests [a_long_run_is_forgiven, crashed_pods_restart],
    left out "KEP 4603 and 5593, off by default";

    "images are pulled one after the other on each node; failed pulls back off",
    from "kubernetes pkg/kubelet/images v1.31.13",
    by [control::kubelet::image_pull],
    vectors [], tests [pulls_are_serial, failed_pulls_back_off],
    left out "";

    "the grace period covers preStop and SIGTERM; SIGKILL ends it",
    from "kubernetes pkg/kubelet/kuberuntime/kuberuntime_container.go v1.31.13",
    by [control::kubelet::termination],
    vectors [], tests [the_grace_period_covers_the_hook],
    left out "";
}

part! {
    ENDPOINTS = "Endpoints",
    "From a pod's readiness to the balancers that send to it.",
    left out "back-pressure of watches; one balancer stands for all of a cluster's";

    "a change takes the controller's batch and the proxies' sync, each up to a second",
    from "kubernetes pkg/controller/endpointslice/endpointslice_controller.go @003e8629, \
          pkg/proxy/apis/config/v1alpha1/defaults.go @04791b49",
    by [control::endpoints::propagation],
    vectors [], tests [propagation_is_between_0_1_and_2_1_seconds],
    left out "the full sync every 30 s, which changes nothing here";

    "terminating endpoints serve only when no ready one is left",
    from "enhancements KEP 1669, 1672 @64765b4b",
    by [control::endpoints::endpoints_in_use],
    vectors [], tests [terminating_endpoints_serve_only_when_alone],
    left out "";
}
