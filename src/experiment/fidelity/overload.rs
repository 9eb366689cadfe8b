//! Rules of what protects pods from overload.

use crate::scenario;
use crate::simulation;
use crate::traffic;

use super::rule::part;

part! {
    OVERLOAD = "Overload protection",
    "Pods with a `concurrencyLimit` or `shed` refuse requests before they enter. Such scenarios \
     are simulated in order of time, as those with calls are.",
    left out "counts of requests (refused by `--fidelity flow`); limits of callers that adapt; \
              limits for each customer; queues that are served newest first (adaptive LIFO, CoDel)";

    "an adaptive limit of the requests in hand: the latency without a queue is measured from time \
     to time, limits follow the ratio of it to the present one, plus a square root",
    from "Envoy source/extensions/filters/http/adaptive_concurrency/controller/\
          gradient_controller.cc; its rules of measurement, jitter, doubt and bounds",
    by [traffic::calls::ConcurrencyLimitRules],
    vectors [],
    tests [
        limits_follow_the_gradient, a_measurement_comes_first, a_measurement_gives_the_limit_back,
        a_doubtful_measurement_is_repeated, jitter_is_within_its_share,
        overload_settles_at_the_fixed_point, an_adaptive_limit_settles_at_its_fixed_point,
        a_limit_ends_a_retry_storm, a_limit_keeps_the_answers_in_time,
    ],
    left out "a fixed `minRTT`; a least limit beside that of the measurement; percentiles are \
              exact where Envoy's histogram has two digits; a request counts until its client \
              gives up, half a round trip before the proxy learns it";

    "as a pod fills up it refuses what matters least first, by thresholds that rise with the \
     class; the class of a user goes along with all calls",
    from "Site Reliability Engineering (Google, 2016), chapter 21: criticality; utilisation \
          signals",
    by [traffic::calls::ShedRules, traffic::calls::Criticality],
    vectors [],
    tests [
        classes_are_refused_from_their_threshold_on, shedding_is_a_birth_death_chain,
        what_matters_is_not_shed, criticality_goes_along_with_calls,
    ],
    left out "the book's load average is smoothed; here the places that are taken now count; \
              clients do not throttle themselves";

    "offered = served + failed + in flight, and looking in between changes no bit; what refuses \
     nobody changes nothing",
    from "integers by construction",
    by [traffic::calls::Protection],
    vectors [],
    tests [cutting_protected_windows_changes_no_bit],
    left out "";

    "scenarios name classes and limits in the words of their sources; counts refuse them",
    from "Envoy v3 API; Google's SRE book",
    by [scenario::Scenario, simulation::run],
    vectors [],
    tests [protection_is_read_as_written, wrong_protection_is_refused, counts_refuse_protection],
    left out "";
}
