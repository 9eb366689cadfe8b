//! Rules of the cloud under the clusters: what keeps machines and pods from coming.

use crate::control;
use crate::faults;
use crate::model;

use super::rule::part;

part! {
    CAPACITY = "Capacity layer",
    "Quotas, the pace of new machines, restricted sizes and addresses hold where a scenario states \
     them (`capacity`, `network`); without them the cloud has machines and addresses for \
     everything.",
    left out "capacity reservations as objects of their own; the virtual network's limit of 65,536 \
              addresses; hosts without addresses of their own";

    "vCPUs of the region and of the family must both be within their quota; deallocated machines \
     count; within a capacity reservation nothing is checked",
    from "azure-docs articles/virtual-machines/quotas.md, capacity-reservation-overview.md",
    by [control::cloud::quota::check, control::cloud::quota::allows],
    vectors [],
    tests [
        both_quotas_must_hold, a_quota_below_the_failover_need_stops_the_growth,
        a_reservation_needs_no_quota,
    ],
    left out "machines of another subscription; a pool of `allocatable` nodes counts its CPU";

    "a region grants machines one after the other, slower while another region is lost",
    from "no source: a model of tenants who fail over to the same region",
    by [control::cloud::grants::Turns],
    vectors [],
    tests [machines_come_one_by_one_after_the_burst, a_stampede_slows_machines_down],
    left out "no pace is published: there is none unless the scenario states one";

    "machines come with a probability, by region and size, that is another while a region is lost; \
     those whose turn is too late fail",
    from "no source: a dial; the ways in which a failure is seen are those of \
          kubernetes/autoscaler issue 8323 and PR 5548",
    by [
        control::cloud::grants::comes, control::cloud::grants::turn,
        model::allocation::Allocation,
    ],
    vectors [],
    tests [
        the_dial_is_the_share_that_comes, the_pace_sets_the_share_that_fails,
        who_would_wait_too_long_fails, the_share_of_failed_machines_is_the_dial,
        the_dial_of_allocations_is_turned_by_the_loss_of_another_region,
        machines_beyond_the_pace_fail,
    ],
    left out "no probability is published: all come unless the scenario states one; machines fail \
              independently of each other and of the last try, while real shortages last";

    "calls of the compute and AKS APIs take tokens; without one, or while the control plane is \
     down, they fail at once",
    from "azure-docs articles/virtual-machines/compute-throttling-limits.md, azure-aks-docs \
          articles/aks/quotas-skus-regions.md",
    by [
        control::cloud::api::TokenBucket, control::cloud::api::update_scale_set,
        faults::compute_control_plane_loss::ComputeControlPlaneLoss,
    ],
    vectors [],
    tests [
        buckets_have_their_published_sizes, a_bucket_does_not_overflow,
        a_scale_set_takes_so_many_updates, a_lost_control_plane_freezes_the_growth_only,
    ],
    left out "tokens come back continuously instead of once a minute; calls that hang; buckets of \
              reads";

    "machines that are being made or started stand still while the control plane is down, or come, \
     or fail; auto-repair carries nothing out",
    from "incident VKY3-PF8 (create, start, stop and scale fail); what becomes of operations under \
          way is not published",
    by [
        control::cloud::under_way::freeze, control::cloud::under_way::thaw,
        control::cloud::under_way::fail, control::node_lifecycle::auto_repair::look_at,
    ],
    vectors [],
    tests [
        machines_under_way_wait_for_the_control_plane, starts_under_way_may_fail,
        repair_waits_for_the_compute_control_plane, what_a_check_leads_to,
    ],
    left out "reimages of upgrades and actions of auto-repair that had begun end as usual";

    "each network plug-in spends addresses in its own way",
    from "azure-aks-docs articles/aks/concepts-network-ip-address-planning.md, \
          azure-cni-overlay.md, configure-azure-cni-dynamic-ip-allocation.md, \
          configure-azure-cni-static-block-allocation.md",
    by [
        model::network::node_subnet_addresses, model::network::usable_addresses,
        model::network::nodes_by_pod_range, model::network::dynamic_addresses,
        model::network::static_blocks, model::network::static_max_pods,
    ],
    vectors [],
    tests [
        a_node_subnet_holds_every_possible_pod, subnets_and_ranges_have_their_published_sizes,
        batches_come_before_the_last_one_is_used_up, blocks_hold_the_pods_and_the_node,
        the_scarcer_addresses_decide, the_network_decides_how_many_pods_fit_on_a_node,
    ],
    left out "IPv6; how the blocks of a static pod subnet align with what Azure keeps of it";

    "a full subnet is a runtime event: machines are refused or never join, pods have no sandbox",
    from "azure-aks-docs articles/aks/concepts-network-ip-address-planning.md",
    by [
        control::cloud::addresses::room_for_machines, control::cloud::addresses::has_address,
        control::cloud::addresses::PodSubnet,
    ],
    vectors [],
    tests [
        a_full_subnet_refuses_the_fifth_node, a_node_without_address_never_joins,
        one_node_can_starve_another, addresses_come_back_after_a_while,
        a_full_pod_subnet_keeps_pods_from_starting,
    ],
    left out "whether Azure refuses a request or makes what fits is not documented: `exhaustion` \
              decides";

    "sizes that a region does not sell are refused, or another zone is taken",
    from "azure-docs articles/azure-resource-manager error-sku-not-available.md",
    by [model::region_capacity::RestrictionSpec],
    vectors [],
    tests [restricted_sizes_are_refused, mistakes_in_capacities_are_named],
    left out "";

    "scaleDownMode Deallocate keeps machines and images; they start before others are ordered, \
     and failed starts do not back off",
    from "azure-aks-docs articles/aks/scale-down-mode.md; Azure/AKS issue 5589",
    by [control::node_lifecycle::deallocate, control::node_lifecycle::start_deallocated],
    vectors [],
    tests [deallocated_machines_start_first, failed_starts_do_not_back_off],
    left out "a deallocated node counts as silent in its zone; its start takes as long as a \
              reboot, which is assumed";

    "a stopped cluster starts with as many nodes as it had, or not at all: too soon after the \
     stop, region lost, control plane of the cloud down, quota, no capacity",
    from "azure-aks-docs articles/aks/start-stop-cluster.md",
    by [
        control::operations::cluster_power::may_start,
        control::operations::cluster_power::may_stop,
    ],
    vectors [],
    tests [
        starts_and_stops_are_refused_for_a_reason, a_stopped_cluster_starts_when_it_is_needed,
        a_stopped_cluster_may_not_start, a_stop_cannot_be_undone_at_once,
    ],
    left out "how long a start takes is not published (2 to 10 min assumed); whether part of the \
              machines is enough; pods end without grace; a stopped cluster holds no quota \
              (assumed)";

    "an upgrade adds surge nodes that need quota and addresses, then drains and reimages one node \
     after the other",
    from "azure-aks-docs articles/aks/upgrade-aks-node-pools-rolling.md",
    by [control::operations::upgrade::surge_of, control::operations::upgrade::UpgradeSpec],
    vectors [],
    tests [
        surge_is_rounded_up, an_upgrade_goes_node_by_node, surge_nodes_need_quota,
    ],
    left out "`maxUnavailable`, undrainable nodes that are cordoned and skipped, the upgrade of \
              the control plane";

    "nodes of a prepared image have the workloads' first images",
    from "azure-aks-docs articles/aks/prepared-image-specification.md (preview)",
    by [control::node_lifecycle::joins],
    vectors [], tests [prepared_images_save_the_pull],
    left out "images of later rollouts";
}
