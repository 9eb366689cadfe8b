//! Rules of the kubelet, and of the way from a pod's readiness to its traffic.

use crate::{control, model};

use super::rule::part;

part! {
    KUBELET = "kubelet",
    "Pulls, starts, probes, restarts and ends containers.",
    left out "init containers, volumes, layers shared between images, eviction under pressure";

    "each probe has its own ticker from the pod's admission on, after a random part of the period \
     on a kubelet that has just started; success and failure need their thresholds in a row, \
     counted over restarts; readiness and liveness wait for the startup probe; the readiness probe \
     runs once more at a start and when it fails; a failed startup or liveness probe holds until \
     there is a new container; a process that got SIGTERM refuses probes",
    from "kubernetes pkg/kubelet/prober v1.31.13",
    by [control::kubelet::probe, control::kubelet::probing],
    vectors [],
    tests [
        the_first_verdict, a_hang_is_noticed_after_21_to_31_seconds,
        failures_must_follow_each_other,
        lazy_and_explicit_probing_agree,
        delays_count_from_the_whole_second, results_outlive_containers,
        a_failed_readiness_probe_is_run_again_at_once, ticks_within_a_run_are_one_more_run,
        dying_pods_are_probed_alike, a_hung_pod_is_found_by_its_third_time_out,
    ],
    left out "the readiness run at the regular sync (every 60 to 90 s) of a pod that is not ready, \
     retries of exec probes";

    "a crashed container restarts at once, then after 10 s doubling to 300 s; more than 600 s of \
     running is forgiven",
    from "kubernetes pkg/kubelet/kubelet.go v1.31.13, client-go util/flowcontrol/backoff.go",
    by [control::kubelet::restart::wait_with],
    vectors [restart_backoff], tests [a_long_run_is_forgiven, crashed_pods_restart],
    left out "";

    "the limits of the restart back-off: maxContainerRestartPeriod (KEP 5593), and 1 s to 60 s \
     behind a feature gate (KEP 4603)",
    from "kubernetes pkg/kubelet/kubelet.go, newCrashLoopBackOff",
    by [control::kubelet::restart::BackoffLimits],
    vectors [], tests [other_limits],
    left out "";

    "a crash is noticed at the next listing of containers (PLEG, 1 s, a phase per node); a \
     back-off is looked at 10 to 15 s after the last sync, from v1.35 on when it ends",
    from "kubernetes pkg/kubelet/pod_workers.go v1.31.13, PR 133066",
    by [control::kubelet::restart::SyncRetry],
    vectors [], tests [syncs_after_an_error, crashes_back_off_from_sync_to_sync],
    left out "";

    "a container that failed its startup or liveness probe is stopped within the grace period of \
     the probe or the pod and restarts in the same sync, which knows the end of the one before",
    from "kubernetes pkg/kubelet/kuberuntime/kuberuntime_manager.go v1.31.13",
    by [control::kubelet::restart::RestartBackoff, control::kubelet::container],
    vectors [], tests [
        killed_containers_restart_in_the_same_sync, a_failed_liveness_probe_stops_the_container,
    ],
    left out "";

    "images are pulled one after the other on each node, or in parallel up to a bound and a rate; \
     the bandwidth of node and registry is shared evenly; failed pulls back off",
    from "kubernetes pkg/kubelet/images v1.31.13",
    by [control::kubelet::image_pull, control::kubelet::pulling],
    vectors [], tests [
        pulls_are_serial_or_share, one_pull_for_one_image, shares_of_the_registry_are_fair,
        the_registry_rate_bounds_parallel_pulls, failed_pulls_back_off,
        fresh_nodes_pull_one_image_after_the_other, nodes_share_the_registry,
        a_lost_registry_holds_new_pods,
    ],
    left out "";

    "the grace period covers preStop, by whole seconds, and SIGTERM; SIGKILL ends it, 2 s after \
     SIGTERM at the earliest",
    from "kubernetes pkg/kubelet/kuberuntime/kuberuntime_container.go v1.31.13",
    by [control::kubelet::termination],
    vectors [], tests [the_grace_period_covers_the_hook, a_pre_stop_sleep_wins_the_race],
    left out "a pod with a grace period of 0 stays until its container has ended";
}

part! {
    ENDPOINTS = "Endpoints",
    "From a pod's readiness to the balancers that send to it.",
    left out "back-pressure of watches; one balancer stands for all of a cluster's";

    "a change waits for the controller's batch, if there is one, and goes with the next sync of \
     the proxies",
    from "kubernetes pkg/controller/endpointslice/endpointslice_controller.go @003e8629",
    by [control::endpoints::propagation],
    vectors [],
    tests [
        changes_are_batched_and_synced, batches_of_services_do_not_mix,
        endpoints_follow_batches_and_syncs,
    ],
    left out "the second that the controller waits after others changed its slices; how long a \
              proxy's sync takes; a pod that changes twice before one sync is taken as it is then";

    "proxies sync at once after a rest, else 1 s after the last sync, for all changes together; \
     a full sync every 30 s counts",
    from "kubernetes pkg/util/async/bounded_frequency_runner.go @2d58ef78, pkg/proxy/runner from \
          v1.35 on, pkg/proxy/apis/config/v1alpha1/defaults.go @04791b49",
    by [control::endpoints::runner::SyncRunner],
    vectors [], tests [syncs_are_bounded_and_coalesce],
    left out "syncs that fail";

    "terminating endpoints serve only when no ready one is left",
    from "enhancements KEP 1669, 1672 @64765b4b",
    by [control::endpoints::endpoints_in_use],
    vectors [], tests [
        terminating_endpoints_serve_only_when_alone,
        a_terminating_pod_serves_when_no_other_is_ready,
    ],
    left out "";

    "an established connection to a dead pod outlives its endpoint: over HTTP/1.1 it fails one \
     request by the caller's time-out, over HTTP/2 its share of requests until TCP gives up",
    from "kubernetes pkg/proxy/conntrack/cleanup.go v1.31.13, linux ip-sysctl tcp_retries2",
    by [model::connections::Connections, control::endpoints::connections_go_stale],
    vectors [], tests [connections_outlive_endpoints],
    left out "connections that callers close when they are idle, uneven shares of connections";
}
