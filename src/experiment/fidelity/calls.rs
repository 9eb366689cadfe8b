//! Rules of services that call services.

use crate::scenario;
use crate::simulation;
use crate::traffic;

use super::rule::part;

part! {
    CALLS = "Services that call services",
    "Where workloads have `calls`, everything of the requests is simulated in order of time, each \
     with its calls. A request does its own work, makes its calls, and is answered.",
    left out "calls to other clusters; messages that nobody waits for; what is done after or \
              between calls";

    "a worker is held until the answers are there (a thread) or not (an event loop); CPU is used \
     by a request's own work alone; calls one after the other, or at once",
    from "queueing theory (Jackson, Operations Research 5(4), 1957; Burke 1956; order statistics)",
    by [traffic::calls],
    vectors [],
    tests [tandem, jackson, fan_out_and_sequence],
    left out "";

    "without calls that are made, the account is that of single requests, to the last bit",
    from "both engines draw the same numbers",
    by [traffic::calls, traffic::requests],
    vectors [],
    tests [without_calls_both_engines_agree],
    left out "how long a probe would wait is the work in hand over the workers, with the mean of \
              past calls for those to come; a pod that drains ends by the time-outs of its calls, \
              or by its grace period";

    "offered = served + failed + in flight at every control event, and looking in between changes \
     no bit, with limits, breakers, budgets, deadlines and lost pods of every tier",
    from "integers by construction",
    by [traffic::calls::Calls],
    vectors [],
    tests [cutting_windows_changes_no_bit],
    left out "";

    "a caller gives up an attempt, tries again under a budget of its pod, and fails with a call \
     that it needs (`dependency`); what it called works on, drops it at its turn, or cancels it \
     and its own calls",
    from "Envoy's and gRPC's time-outs and retries; Finagle's RetryBudget",
    by [traffic::calls::CallSpec],
    vectors [],
    tests [
        a_call_is_given_up, calls_are_retried_under_a_budget, a_called_pod_is_lost_or_drains,
        a_lost_caller_leaves_zombies,
    ],
    left out "retries at once; hedging; retries on some errors only";

    "a circuit breaker opens by the share of the last calls that failed, refuses for a while, and \
     closes or opens again by a few calls; a bulkhead fails what is too many at a time",
    from "resilience4j 2: CircuitBreakerStateMachine.java, SemaphoreBulkhead.java",
    by [traffic::calls::BreakerRules],
    vectors [],
    tests [transitions, a_breaker_spares_the_called, a_limit_fails_what_is_too_many],
    left out "slow calls as failures; a window by time; a bulkhead that lets calls wait; ejection \
              of single hosts (Envoy's outlier detection)";

    "what is called runs in the caller's cluster and passes its Service, not the gateway; Front \
     Door probes it with `probe.target: dependencies` only; its demand is what its callers cause",
    from "Kubernetes Services; arithmetic",
    by [scenario::Scenario, simulation::run],
    vectors [],
    tests [
        wrong_calls_are_refused, a_circle_is_named, calls_lead_to_the_same_cluster,
    ],
    left out "pods prefer no zone when they call";

    "as counts (`--fidelity flow`), calls are demands of their own with time-outs and retries, and \
     every user and call is in one place at each step; how long a request waits for its calls is a \
     law of two moments, of what they meet at the begin of the step; as many requests fail as lose \
     calls that they need",
    from "closed forms as above within 1 %; counts without limits within a time-out",
    by [traffic::flow::Flow],
    vectors [],
    tests [
        tandem_as_counts, jackson_as_counts, fan_out_and_sequence_as_counts,
        workers_are_held_for_response, slow_calls_fail_by_their_law,
        budgets_bound_retries_of_calls, a_lost_callee_fails_its_callers,
        cutting_windows_of_calls_changes_no_bit, counts_refuse_what_protects_calls,
    ],
    left out "refused: `maxConcurrentCalls` and `circuitBreaker` of calls; calls \
              that go on after their caller's pod is lost fail others with them; time-outs far \
              below a step count less work for nobody; seconds in which nothing happens are done \
              in steps";

    "of 15 systems of two or three tiers, below and above saturation, counts differ by 2.5 % at \
     most in failed users and 1.3 % in served ones (4 seeds, where what a bottleneck lets through \
     is known to 0.3 %), p50 within 6 %, p99 within 12 %; call-graph.yaml without breaker and \
     limit, shortened: failed -1.8 %, served +0.4 %, recovery at most 10 s off",
    from "measured",
    by [traffic::flow::Flow, traffic::calls],
    vectors [],
    tests [counts_agree_with_single_calls, counts_follow_a_failover_of_tiers],
    left out "";
}
