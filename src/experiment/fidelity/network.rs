//! Rules of gateways, firewalls and source ports.

use crate::control;
use crate::model;
use crate::traffic;

use super::rule::part;

part! {
    NETWORK = "Application Gateway, firewall",
    "Limits between users, pods and the outside. What they do not let pass fails at once, with \
     `gateway-full` or `dependency`; a cluster that states none of them has none.",
    left out "a firewall that clusters of one region share: each has its own; \
              dependencies behind a NAT gateway's zone that pulls need; reset of connections \
              when ports are allocated anew; uneven load of nodes";

    "a bucket of units fills at a rate, a request takes its cost; places in progress are bounded",
    from "queueing theory (a token bucket; Erlang's loss system)",
    by [traffic::gate, traffic::requests],
    vectors [],
    tests [
        a_rate_lets_pass_what_the_bucket_holds, a_request_is_in_progress_until_it_ends,
        a_bound_in_progress_loses_as_erlang_b, cutting_windows_of_gates_changes_no_bit,
    ],
    left out "a queue in front of the limit: a second's worth passes at once instead";

    "a capacity unit is a compute unit, 2,500 connections or 2.22 Mbit/s; an instance has ten",
    from "azure-docs application-gateway/application-gateway-autoscaling-zone-redundant.md",
    by [model::gateway::units_per_request],
    vectors [], tests [a_request_takes_the_scarcer_of_compute_and_throughput],
    left out "the three are compared request by request, not in sum; handshakes are those that a \
              workload states, not a storm of new connections after a failover";

    "a gateway's own probes find a pod unhealthy after so many failures in a row, and healthy \
     after one success; 200 to 399 are well; without a healthy pod it answers 502",
    from "azure-docs application-gateway/application-gateway-probe-overview.md",
    by [
        control::network::backends::keep_healthy, control::network::backends::has_none,
        model::gateway::accepts,
    ],
    vectors [],
    tests [
        three_failures_take_a_pod_out_and_one_success_brings_it_back, a_redirection_is_healthy,
        a_new_backend_counts_as_healthy, a_gateway_leaves_pods_that_do_not_answer,
        one_success_brings_a_pod_back, a_gateway_without_backends_answers_502,
        lazy_and_explicit_probes_of_backends_agree,
    ],
    left out "backends are the pods that the Service lists, as by AGIC, and a change of the pool \
              takes the gateway no time; all its instances probe as one, and cost the pods \
              nothing; pods are never too busy for a probe";

    "a load balancer probes nodes every 5 s, and one failure takes a node out: with \
     `externalTrafficPolicy: Local` its pods go with it",
    from "aks-docs shared-health-probes.md, azure-docs load-balancer probe page",
    by [
        model::load_balancer::LoadBalancerSpec, control::network::backends::keep_healthy,
    ],
    vectors [], tests [a_load_balancer_leaves_a_dead_node],
    left out "with `Cluster`, connections that it sends to a dead node until its probe fails; \
              nodes share the connections evenly, whatever pods they have";

    "requests in a pod that leaves the pool go on for the draining time, and are then cut off",
    from "azure-docs application-gateway/configuration-http-settings.md",
    by [control::network::backends::drained],
    vectors [], tests [requests_beyond_the_draining_time_are_cut_off],
    left out "pods that probes found unhealthy keep their connections";

    "instances follow the load at once, and work 3 to 5 minutes later (firewall: 5 to 7)",
    from "azure-docs application-gateway/high-traffic-support.md, firewall/firewall-faq.yml",
    by [control::network::elastic::wanted, control::network::scaling::look],
    vectors [],
    tests [
        instances_follow_the_load, more_at_once_and_fewer_after_a_delay,
        a_gateway_at_its_minimum_drops_until_it_has_scaled_out, a_small_firewall_slows_image_pulls,
    ],
    left out "the rule by which Azure decides is not published; the load is looked at every 10 s; \
              what a gateway with a minimum of 0 serves is not known, here it is gone";

    "source ports of a node by the number of nodes, or as allocated; 64,000 for each address",
    from "aks-docs configure-load-balancer-standard.md",
    by [model::outbound::default_ports, control::network::outbound::ports],
    vectors [],
    tests [
        ports_halve_when_a_band_is_left, addresses_bound_the_nodes, ports_by_rule,
        the_fifty_first_node_exhausts_the_source_ports,
    ],
    left out "how long a port rests is assumed; requests that would wait for one fail";

    "a NAT gateway gives its ports to whoever needs them, until its zone is lost",
    from "azure-docs nat-gateway/nat-gateway-snat.md, aks-docs aks-zone-resiliency.md",
    by [control::network::outbound::zone_changed],
    vectors [], tests [the_zone_of_a_nat_gateway_cuts_all_egress],
    left out "";
}
