//! Rules of the engine that moves counts of requests, and how far it is from the exact one.

use crate::simulation;
use crate::traffic;

use super::rule::part;

part! {
    FLOW = "Requests as counts (`--fidelity flow`)",
    "Everything but requests is the same. Requests move as whole numbers in steps of 125 ms to \
     1 s, and in one go where nothing happens; the cost does not depend on their rate. The \
     differences below are of means over 6 seeds, flow less requests, with the standard error of \
     the paired difference in brackets.",
    left out "closed loops (refused by `--fidelity flow`); requests that stay behind in a pod \
              when its neighbours are chosen by load: balancers by load are pools of pods that \
              share a queue (8 pods for least outstanding; 4 for power of two, 3 or 2 where a pod \
              has room for few requests)";

    "steady states are those of M/M/c, M/M/c/K and M/M/c+D; other laws count by their variance",
    from "Wang, Tipper, Banerjee, INFOCOM 1996; Zeltyn, Mandelbaum, Queueing Systems 51, 2005; \
          Allen and Cunneen",
    by [traffic::flow::Flow],
    vectors [],
    tests [
        m_m_c, m_m_c_k, m_m_n_with_patience, steady_states_are_exact, constant_work_is_a_fluid,
        backlog_and_drain, time_outs_bound_the_backlog, retries_amplify_load,
    ],
    left out "within 1 % of the closed forms; the 99th percentile of sojourn within 1 %; third and \
              higher moments of service, which matter most between 95 % and 105 % load, where \
              the error was not measured";

    "where nobody can wait, Poisson arrivals lose by Erlang's formula for any law of service; \
     few places are as many as balance flows; of other arrivals, bursts lose more and regular ones \
     less",
    from "Tijms, A First Course in Stochastic Models, 2003, 9.6; Hayward's equivalent group, \
          Fredericks, Bell System Technical Journal 59, 1980",
    by [traffic::flow::Flow],
    vectors [],
    tests [
        without_places_any_law_loses_as_erlang_b, losses_do_not_depend_on_the_law_of_service,
        regular_arrivals_lose_less, a_bound_in_progress_loses_as_erlang_b,
    ],
    left out "of 384 steady states with at most 10 places the share refused is off by 0.9 % of all \
              requests in the mean; by up to 10 % where pods of one worker take turns, else by up \
              to 6 %, most of it where services vary much (coefficient of variation 2)";

    "who chooses by load sends an endpoint that refuses what finds no idle pod before it in the \
     list, one that says nothing what it would get as the emptier of two; with no endpoint that \
     serves, everything fails",
    from "Erlang's loss formula; the choice of two pods by Poisson numbers",
    by [traffic::flow::Flow],
    vectors [],
    tests [
        an_endpoint_that_refuses_takes_what_is_over, endpoints_that_never_run_lose_everything,
        who_has_less_gets_more,
    ],
    left out "levels of least outstanding are means: pods without a word get an eighth less than \
              request by request at low load";

    "queues draw apart only as fast as what arrives and leaves makes them; who is answered in time \
     has a latency within it; services that are cut short take what is done of them",
    from "Massey and Pender, Queueing Systems 75, 2013; Kiefer and Wolfowitz for what is cut short",
    by [traffic::flow::Flow],
    vectors [],
    tests [
        a_narrow_spread_idles_and_refuses_less, latencies_keep_their_bound,
        exponential_services_lose_nothing_by_cancelling,
        equal_services_lose_everything_by_cancelling,
    ],
    left out "the shape of the law of queues, which is that of the steady state; what is served \
              under `cancel` is within 3 % of the closed form";

    "of random systems that lose 10 to 60 % of their pods and get them back, by every balancer, \
     with and without retries, four in five agree in failed users within 2 % or three standard \
     errors (482 of 590 systems, 4 seeds each); mean difference 0.8 % of all users; worst where \
     a retry storm is about to begin or to end, for the choice of two, and where a retry budget \
     has just begun to bind",
    from "measured",
    by [traffic::flow::Flow, traffic::requests::Requests],
    vectors [], tests [counts_agree_on_most_random_systems],
    left out "";

    "of random scenarios (20 min, some 50 requests a second, faults, operations, small pods, \
     gateways, dependencies) nine in ten differ by at most 2 % of all users in who fails; worst \
     where probes kill pods of one worker for single long services, and behind gateways of a few \
     requests a second whose clients try again within a step",
    from "measured",
    by [traffic::flow::Flow, traffic::requests::Requests],
    vectors [], tests [counts_agree_on_most_random_scenarios],
    left out "";

    "outputs tell the time in which a deployment is asked for 95 % to 105 % of what its workers \
     can do (`near_saturation_s`): of random systems as above with such time nine in ten differ by \
     less than 4 % of all users in who fails, of those without by less than 0.6 % (197 and 346 \
     systems with failures, 4 seeds each)",
    from "measured",
    by [traffic::flow::Flow],
    vectors [], tests [time_near_saturation_is_told],
    left out "a retry storm that ends in one engine and not in the other, which may be far from \
              saturation: one of 594 systems, by 68 % of all users";

    "offered = served + failed + in flight in whole numbers at every step; looking in between \
     changes no bit",
    from "integers by construction",
    by [traffic::flow::Flow],
    vectors [], tests [cutting_windows_changes_no_bit],
    left out "";

    "an overload feeds itself from capacity over attempts on; cancellation and budgets end it",
    from "Bronson et al., HotOS 2021; Huang et al., OSDI 2022",
    by [traffic::flow::Flow, traffic::requests::Requests],
    vectors [],
    tests [
        labelled_storms_come_out_as_labelled, cancelled_work_never_feeds_a_storm,
        vulnerable_from_capacity_over_attempts_on, a_budget_caps_the_storm,
    ],
    left out "";

    "region-loss-warm: failed -0.2 % (0.2), served +0.01 %, p50 +0.2 %, p99 -0.1 %, recovery at \
     most 2 s off",
    from "measured",
    by [simulation::Fidelity], vectors [], tests [counts_agree_on_a_region_loss],
    left out "";

    "region-loss-cold: failed -0.02 % (0.02), served +0.02 %, p50 +0.2 %, p99 +0.1 %, recovery at \
     most 1 s off",
    from "measured",
    by [simulation::Fidelity], vectors [], tests [counts_agree_on_a_cold_secondary],
    left out "";

    "region-loss-diurnal, 4 seeds of an earlier version: failed +0.1 % (0.1), served +0.002 %, p50 \
     +0.3 %, p99 +0.2 %, recovery at most 1 s off",
    from "measured",
    by [simulation::Fidelity], vectors [], tests [counts_agree_on_a_day],
    left out "";

    "zone-loss: failed -0.2 % (0.3), served +0.01 %, p50 +0.5 %, p99 -0.4 %, the same recovery",
    from "measured",
    by [simulation::Fidelity], vectors [], tests [counts_agree_on_a_zone_loss],
    left out "";

    "pod-crash, some 2,000 failures in all: failed -4 % (0.5), since a step lets retries \
     have what flowed into their budget before them; served +0.003 %, \
     p50 +0.6 %, p99 +0.1 %, the same recovery",
    from "measured",
    by [simulation::Fidelity], vectors [], tests [counts_agree_on_a_pod_crash],
    left out "";

    "patterns/active-active: failed -0.2 % (0.1), served -0.03 %, p50 +0.2 %, p99 +0.1 %, the same \
     recovery",
    from "measured",
    by [simulation::Fidelity], vectors [], tests [counts_agree_on_active_active],
    left out "";

    "patterns/active-passive: failed -0.5 % (0.2), served -0.01 %, p50 +0.7 %, p99 +1.1 %, \
     recovery at most 2 s off",
    from "measured",
    by [simulation::Fidelity], vectors [], tests [counts_agree_on_active_passive],
    left out "";

    "patterns/passive-cold: failed -0.1 % (0.05), served -0.01 %, p50 +0.6 %, p99 +0.2 %, \
     recovery at most 1 s off",
    from "measured",
    by [simulation::Fidelity], vectors [], tests [counts_agree_on_passive_cold],
    left out "";
}
