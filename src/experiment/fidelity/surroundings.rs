//! Rules of what is around Kubernetes: Front Door, places, users, faults.

use crate::control;
use crate::faults;
use crate::metrics;
use crate::model;
use crate::scenario;
use crate::traffic;

use super::rule::part;

part! {
    FRONT_DOOR = "Front Door",
    "Every edge location has its own view of the origins. By default a probe succeeds while at \
     least one pod among the endpoints of each workload answers (`frontDoor.probe.target: \
     workload`), however busy it is; with `gateway` the ingress answers by itself, with \
     `dependencies` an outage of what the workloads need fails it, too.",
    left out "rules engine, caching; several origin groups: there is one, with all clusters; idle \
              limits of connections (61 s of clients, 90 s to origins, 30 s between packets), \
              which end no request: a request is one round trip, and what a new connection adds \
              to its latency is not counted; limits of requests and bytes a second of a profile";

    "an origin is healthy while x of its last n probes are; only 200 is success; single origins \
     are not probed",
    from "azure-docs articles/frontdoor/health-probes.md",
    by [control::front_door_health::sample_window, control::front_door_health::probing],
    vectors [],
    tests [
        three_of_four_is_quick_out_and_slow_back, the_count_is_that_of_the_last_results,
        detection_follows_the_uniform_law, failback_follows_the_uniform_law,
        a_hang_adds_the_time_out,
    ],
    left out "the probe time-out (30 s here) is not published";

    "edge locations probe at their own phases, at the shortest interval of the group",
    from "azure-docs articles/frontdoor/health-probes.md",
    by [control::front_door_health::policy::shared_interval],
    vectors [], tests [presets_and_shared_interval, the_first_and_the_last_edge],
    left out "";

    "healthy, then priority, then latency window, then weight; all down means all are used",
    from "azure-docs articles/frontdoor/routing-methods.md",
    by [control::front_door_health::routing::pick_origins],
    vectors [],
    tests [
        health_and_priority_come_first, latency_and_weights_decide_among_equals,
        shares_are_exact, front_door_fails_open, a_probe_path_that_answers_302,
    ],
    left out "";

    "a request gets one attempt at one origin, and 504 if that has not answered in time; whoever \
     tries again is the client",
    from "azure-docs articles/frontdoor/troubleshoot-issues.md",
    by [traffic::requests, model::front_door::FrontDoor],
    vectors [], tests [front_door_gives_up_on_a_silent_origin],
    left out "attempts at another origin within a request are documented nowhere: there are none";

    "a session stays with the origin that its first request got",
    from "azure-docs articles/frontdoor/routing-methods.md",
    by [control::front_door_health::affinity::Sessions],
    vectors [], tests [sessions_stay_until_they_end, sessions_stay_behind_a_failback],
    left out "sessions of an origin that turned unhealthy begin anew, which is not documented";

    "a dead origin costs (f - 1/2) I + d of the traffic",
    from "arithmetic from the rules above",
    by [control::front_door_health::probing],
    vectors [], tests [a_dead_origin_costs_the_fleet_integral],
    left out "";

    "edge locations without users probe less often; probes are a load at the origin, as many as \
     edge locations and interval say",
    from "azure-docs articles/frontdoor/health-probes.md",
    by [
        model::front_door::FrontDoor, control::front_door_health::edge,
        control::network::ceiling::probe_units,
    ],
    vectors [],
    tests [
        idle_edge_locations_notice_late, probes_are_a_load,
        probes_take_capacity_units_of_a_gateway,
    ],
    left out "a probe counts once for each workload of the cluster, at the gateway, too; by how \
              much idle ones probe less (to 25 % here) is not published";

    "a change of the configuration takes minutes, and waits for the one before it and for the end \
     of a freeze",
    from "azure-docs articles/frontdoor/front-door-faq.yml",
    by [control::front_door_health::configuration, control::operations::front_door_change],
    vectors [],
    tests [
        failing_over_by_hand_is_slower_than_probes, a_freeze_blocks_failing_over_by_hand,
        changes_wait,
    ],
    left out "edge locations that have a change sooner than others";
}

part! {
    TRAFFIC_MANAGER = "Traffic Manager",
    "A DNS name in front of Front Door or of the clusters. The users of each edge location have \
     one resolver, which stands for many.",
    left out "nested profiles, several probing regions, geographic and subnet methods";

    "enabled and healthy endpoints by priority, weight or latency; all degraded means all",
    from "azure-docs articles/traffic-manager/traffic-manager-routing-methods.md",
    by [control::traffic_manager::choice::pick_endpoints],
    vectors [],
    tests [endpoints_are_chosen_by_the_method, traffic_manager_returns_all_when_all_are_degraded],
    left out "";

    "unhealthy at one failure more in a row than tolerated, healthy at one success; resolvers \
     follow when their TTL runs out, stale ones and kept connections later",
    from "azure-docs articles/traffic-manager/traffic-manager-monitoring.md",
    by [control::traffic_manager::answers],
    vectors [],
    tests [
        traffic_manager_takes_100_to_190_seconds, tolerated_failures_are_counted_in_a_row,
        break_glass_past_front_door, traffic_manager_leaves_a_lost_front_door,
    ],
    left out "how many resolvers ignore the TTL is not published: none, unless stated";
}

part! {
    PLACES = "Regions, zones, racks",
    "Nested failure domains, and what people do about their faults.",
    left out "";

    "a fault of a place hits everything in it",
    from "azure-docs articles/reliability/availability-zones-overview.md",
    by [model::region],
    vectors [], tests [the_mode_decides_how_requests_fail],
    left out "";

    "of a pair, one region recovers first, and is updated first",
    from "azure-docs articles/reliability/regions-paired.md",
    by [control::operations::begin],
    vectors [], tests [a_region_waits_for_the_other_of_its_pair, an_operation_follows_another],
    left out "repairs whose times are drawn are not put in order";

    "nobody answers a fault before its alert has fired and somebody has decided",
    from "azure-docs articles/azure-monitor/logs/data-ingestion-time.md",
    by [control::operations::begin],
    vectors [], tests [an_operation_answers_a_fault],
    left out "how long people take is the scenario's";
}

part! {
    USERS = "Clients",
    "Every request is simulated. Pods run at their nominal speed while their node has cores left.",
    left out "connection reuse, DNS, congestion and loss";

    "arrivals are Poisson with a rate that is constant, steps, diurnal or a trace; single \
    instants; \
     a closed loop; over-dispersion",
    from "queueing theory",
    by [traffic::demand],
    vectors [], tests [m_m_c, m_g_1, a_closed_loop_waits_for_its_answer],
    left out "";

    "users of a place with a `timeShift` do what a swing or a trace says so much earlier",
    from "arithmetic; synthetic, which every report says",
    by [traffic::demand, model::client::GeographySpec],
    vectors [],
    tests [
        a_shifted_series_is_the_series_read_elsewhere, a_shift_does_not_scale,
        only_the_hours_of_the_day_are_moved,
    ],
    left out "summer time; habits that differ by place";

    "c workers and a bounded queue; abandoned work is served, dropped or cancelled",
    from "queueing theory (Kiefer and Wolfowitz 1955)",
    by [traffic::kiefer_wolfowitz, traffic::requests],
    vectors [], tests [m_m_c_k, m_m_n_with_patience, time_outs_bound_the_backlog],
    left out "";

    "time-out, deadline, retries with back-off, jitter and budget",
    from "what client libraries do; no single source",
    by [model::client, traffic::requests],
    vectors [], tests [retries_amplify_load, clients_learn_outcomes_at_their_instants],
    left out "";

    "random, round robin, power of two, least outstanding",
    from "kube-proxy's modes, and the literature for the other two",
    by [traffic::routing],
    vectors [], tests [round_robin, power_of_two],
    left out "session affinity";
}

part! {
    DEPENDENCIES = "Dependencies",
    "What requests and pod starts need besides pods.",
    left out "a queue in front of a database's limits (none is published); geo-restore; a \
     request meets its dependencies when it reaches its pod, and one that waits for them counts as \
     busy, for the HPA, too; limits of a cache";

    "a database fails over by zone, automatically after a grace period, by a script after the \
     alert, or when somebody has decided; kinds bring the published times",
    from "azure-docs sql-database BCDR 2021, reliability-cosmos-db 2024, \
     reliability-postgresql-flexible-server 2024",
    by [control::dependencies::failover, model::dependency::database],
    vectors [],
    tests [
        a_loss_is_answered_by_the_rules, a_grace_period_of_an_hour_is_the_recovery_time,
        nobody_decides_without_an_alert,
    ],
    left out "";

    "a database returns to its region as planned, without lost writes; its copy may take less",
    from "no source for the times: assumed",
    by [
        model::dependency::state::Failback, model::dependency::state::Limits,
        metrics::fault_times::dependencies_serve,
    ],
    vectors [],
    tests [a_database_returns_as_planned, a_copy_may_take_less, the_last_dependency_decides],
    left out "caches, vaults and registries return by their own rules or stay";

    "writes of the last replication lag before the loss of a region are lost with a failover",
    from "recovery point objectives of the same pages",
    by [control::dependencies, traffic::ledger],
    vectors [], tests [a_failover_loses_the_writes_of_the_replication_lag],
    left out "writes are told from each other to a tenth of a second";

    "requests that need a lost dependency fail at once, or hold a worker until the call is given \
     up; a cold cache and a storm of connections slow them down",
    from "no single source",
    by [traffic::requests],
    vectors [],
    tests [
        only_requests_that_need_it_fail, calls_that_hang_starve_other_requests,
        a_cold_cache_slows_requests_until_it_is_warm,
    ],
    left out "";

    "a geo-replicated registry serves each region from its copy, 1 to 2 minutes after a loss from \
     the other; a tag may lack in the copy",
    from "azure-docs reliability-container-registry.md 2025, container-registry-limits.md",
    by [control::dependencies::registry],
    vectors [],
    tests [
        a_copy_without_the_newest_tag_starts_no_pod, a_lost_registry_fails_its_own_pulls,
        a_registry_takes_so_many_read_operations, pulls_from_other_registries_go_on,
    ],
    left out "a registry whose first place is lost takes pushes; read operations are counted when \
              a node asks, for all copies together, and not for `Always` checks of an image that \
              is there; bandwidth is by cluster";

    "a Key Vault fails over in minutes and is read-only then; it throttles; pods mount their \
     secrets before their images are pulled",
    from "azure-docs key-vault DR guidance 2020, key-vault-limits.md; kubernetes \
     pkg/util/goroutinemap/exponentialbackoff",
    by [control::dependencies::secrets],
    vectors [], tests [pods_need_their_secrets_to_start, failed_mounts_back_off],
    left out "secrets of containers that restart where they were";

    "an alert fires some time after a loss, and not while its workspace is lost",
    from "azure-docs azure-monitor data-ingestion-time.md 2022",
    by [control::dependencies],
    vectors [], tests [nobody_decides_without_an_alert],
    left out "";
}

part! {
    FAULTS = "Faults",
    "What breaks, and how it heals.",
    left out "grey failures of single nodes and zones";

    "`regionLoss`: the ingress refuses, hangs or answers 5xx; `cause: power` stops machines, and \
     containers start cold after the repair; `cause: isolation` spares processes and queues; the \
     control plane is included or not",
    from "azure incident reports",
    by [faults::region_loss],
    vectors [], tests [the_mode_decides_how_requests_fail, isolation_spares_the_pods],
    left out "";

    "`frontDoorLoss`: a share of the edge locations, of one place or anywhere; their users find no \
     origin until the routes are withdrawn, and then enter at another one, if any is left",
    from "azure incident reports QNBQ-5W8, YKYN-BWZ",
    by [faults::front_door_loss, control::front_door_health::anycast::entry],
    vectors [],
    tests [
        users_of_lost_edge_locations_find_no_origin, a_share_is_whole_edge_locations,
        users_of_lost_edge_locations_enter_elsewhere,
    ],
    left out "when routes are withdrawn is not published (1 min here); the longer way and the \
              overload of the edge locations that are left";

    "`greyFailure`: an origin fails a share of the probes and a share of the requests, each by \
     itself, with an error or in silence; edge locations leave it and come back one by one",
    from "arithmetic from the rules of Front Door's probes (a binomial law)",
    by [faults::grey_failure, control::front_door_health::probing],
    vectors [],
    tests [
        a_grey_failure_flaps_by_the_binomial_law,
        a_grey_failure_is_first_noticed_as_late_as_the_chain_says,
        a_grey_origin_is_away_by_the_binomial_law, a_grey_origin_fails_its_share_of_requests,
        lazy_and_explicit_probes_agree_on_grey_origins,
    ],
    left out "failures in bursts; of several at once the one that fails most probes holds";

    "`delay`, `repairTime`, `zone: any` and `region: any`: when a fault strikes, for how long and \
     where, drawn in each trial by laws of the scenario",
    from "choices of the scenario",
    by [faults::zone_loss],
    vectors [],
    tests [
        times_of_faults_follow_their_laws, any_zone_is_any_of_the_regions,
        any_region_is_any_with_clusters,
    ],
    left out "";

    "`failureModel`: how often which fault happens and what comes along; a trial has one failure",
    from "choices of the scenario",
    by [scenario::failure_model],
    vectors [],
    tests [
        kinds_come_by_their_rates, a_trial_has_one_failure, companions_come_along_as_they_say,
        a_failure_with_companions_is_scored_once,
    ],
    left out "two independent failures in one run; rates that change with the load or the season";

    "`configurationFreeze`: no change of Front Door's configuration is accepted",
    from "azure incident report YKYN-BWZ",
    by [faults::configuration_freeze],
    vectors [], tests [a_freeze_blocks_failing_over_by_hand],
    left out "";

    "`zoneLoss`: every machine of a zone loses power",
    from "azure incident reports",
    by [faults::zone_loss],
    vectors [], tests [the_hpa_does_not_see_a_zone_loss],
    left out "zonal ingress, zonal control plane";

    "`nodeLoss`: machines drawn among those that match stop, or only their kubelets",
    from "azure incident reports",
    by [faults::node_loss],
    vectors [], tests [a_dead_node_is_noticed_tainted_and_evicted],
    left out "";

    "`allocationFailure`: new machines of a region, cluster, pool, size or zone cannot be had",
    from "aks-docs, azure incident reports; kubernetes/autoscaler issue 8323, PR 5548",
    by [faults::allocation_failure],
    vectors [],
    tests [
        an_invisible_failure_costs_a_quarter_of_an_hour, a_refused_call_backs_off_at_once,
        fast_delete_turns_to_the_other_pool_after_20_s,
    ],
    left out "the chance of getting machines at all, capacity reservations";

    "`podCrash`: containers end and restart with the kubelet's back-off",
    from "azure incident reports",
    by [faults::pod_crash],
    vectors [], tests [crashed_pods_restart],
    left out "";
}
