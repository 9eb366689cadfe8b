//! What a scenario may say about calls: one row for each mistake with its code and path, and what
//! becomes of those that are right.

use std::fs;

use tideover::experiment::run::run_trial;
use tideover::metrics::outcome::Outcome;
use tideover::model::ids::{DeploymentId, WorkloadId};
use tideover::scenario::{Rejected, Scenario, from_text};
use tideover::simulation::{Fidelity, Options};
use tideover::spec::Code;
use tideover::units::Span;

use crate::source_tree::root;

/// The shipped call graph with the text at `anchor`, which occurs once, replaced.
fn edited(anchor: &str, replacement: &str) -> Result<Scenario, Box<Rejected>> {
    let folder = root().join("scenarios");
    let text = fs::read_to_string(folder.join("call-graph.yaml")).expect("a scenario");
    assert_eq!(text.matches(anchor).count(), 1, "the anchor `{anchor}` is not unique");
    from_text("edited.yaml", &text.replacen(anchor, replacement, 1), &folder, &[])
}

/// Each mistake is refused at its place, and once, although two clusters run the workload.
#[test]
fn wrong_calls_are_refused() {
    use Code::*;
    let table = [
        (
            "unknown workload",
            "{to: payments,",
            "{to: payment,",
            UnknownReference,
            "workloads[1].calls[0].to",
        ),
        ("it calls itself", "{to: payments,", "{to: cart,", Cycle, "workloads[1].calls[0].to"),
        (
            "a circle of three",
            "hpa: {minReplicas: 2, maxReplicas: 20, targetCPUUtilization: 60%}",
            "calls: [{to: web}]",
            Cycle,
            "workloads[2].calls[0].to",
        ),
        (
            "not in the caller's cluster",
            "hpa: {minReplicas: 2, maxReplicas: 20, targetCPUUtilization: 60%}",
            "runsOn: [primary]",
            Contradiction,
            "workloads[1].clusters.secondary.calls[0].to",
        ),
        (
            "no time at all",
            "timeout: 500ms",
            "timeout: 0s",
            OutOfRange,
            "workloads[1].calls[0].timeout",
        ),
        (
            "more than all",
            "probability: 30%",
            "probability: 130%",
            OutOfRange,
            "workloads[1].calls[0].probability",
        ),
        (
            "no call at a time",
            "maxConcurrentCalls: 12",
            "maxConcurrentCalls: 0",
            OutOfRange,
            "workloads[1].calls[0].maxConcurrentCalls",
        ),
        ("no times", "timeout: 500ms", "count: 0", OutOfRange, "workloads[1].calls[0].count"),
        (
            "a threshold of nothing",
            "circuitBreaker: {}",
            "circuitBreaker: {failureRateThreshold: 0%}",
            OutOfRange,
            "workloads[0].calls[0].circuitBreaker.failureRateThreshold",
        ),
    ];
    for (name, anchor, replacement, code, path) in table {
        let rejected = edited(anchor, replacement).expect_err(name);
        let found = rejected.diagnostics.sorted();
        let found: Vec<_> = found.iter().map(|d| (d.code, &*d.place.path)).collect();
        assert_eq!(found, [(code, path)], "{name}: {rejected}");
    }
}

/// The message of a circle names it in order.
#[test]
fn a_circle_is_named() {
    let hpa = "hpa: {minReplicas: 2, maxReplicas: 20, targetCPUUtilization: 60%}";
    let rejected = edited(hpa, "calls: [{to: web}]").expect_err("a circle");
    let found = rejected.diagnostics.sorted();
    assert_eq!(found[0].message, "`web` calls `cart` calls `payments` calls `web`");
}

/// A workload that only others call is behind no ingress, and is asked for what its callers cause:
/// 30 % of 2,000/s. An override of one cluster may change the calls.
#[test]
fn calls_lead_to_the_same_cluster() {
    let scenario =
        edited("minReplicas: 18}", "minReplicas: 18}, calls: [{to: payments, timeout: 7s}]")
            .expect("a scenario");
    let world = scenario.world();
    let internal: Vec<bool> = world.workloads.iter().map(|workload| workload.internal).collect();
    assert_eq!(internal, [false, true, true]);
    for (caller, plan) in scenario.calls().callers().iter().enumerate() {
        for call in &plan.calls {
            assert_eq!(world[call.to].cluster, world[DeploymentId::new(caller)].cluster);
        }
    }
    let timeouts: Vec<Span> = scenario
        .calls()
        .callers()
        .iter()
        .flat_map(|plan| &plan.calls)
        .map(|call| call.timeout)
        .collect();
    assert_eq!(timeouts, [1_000, 1_000, 500, 7_000].map(Span::from_millis));
    let explained = scenario.explained().iter();
    let rates: Vec<_> = explained
        .filter(|leaf| &*leaf.place.path == "deployments.payments-primary.expectedRate")
        .collect();
    assert_eq!(rates[0].shown, "600.0/s");
}

/// The shipped call graph without what counts do not know, in minutes instead of hours.
fn without_limits() -> Scenario {
    let folder = root().join("scenarios");
    let text = fs::read_to_string(folder.join("call-graph.yaml")).expect("a scenario");
    let text = [
        ("        circuitBreaker: {}\n", ""),
        (", maxConcurrentCalls: 12}", "}"),
        ("horizon: 40m, warmUp: 10m", "horizon: 8m, warmUp: 4m"),
        ("at: 10m, duration: 20m", "at: 2m, duration: 3m"),
    ]
    .into_iter()
    .fold(text, |text, (key, other)| {
        assert_eq!(text.matches(key).count(), 1, "`{key}` is not unique");
        text.replace(key, other)
    });
    from_text("edited.yaml", &text, &folder, &[]).expect("it is valid")
}

/// Counts of requests do not know circuit breakers and limits of callers: that is said with the
/// key and what to type.
#[test]
fn counts_refuse_what_protects_calls() {
    let scenario = edited("timeout: 500ms", "timeout: 500ms").expect("a scenario");
    assert_eq!(Fidelity::Requests.check(&scenario), Ok(()));
    let refused = Fidelity::Flow.check(&scenario).expect_err("a breaker");
    for word in ["workload web", "cart", "`circuitBreaker`", "--fidelity requests"] {
        assert!(refused.contains(word), "{word}: {refused}");
    }
    assert_eq!(Fidelity::Flow.check(&without_limits()), Ok(()));
}

/// A region is lost, whose successor has one tier that is too small: by counts as by requests,
/// users wait for it, and are served in full again when its HPA has caught up.
#[test]
fn counts_follow_a_failover_of_tiers() {
    let scenario = without_limits();
    let [requests, counts] = [Fidelity::Requests, Fidelity::Flow].map(|fidelity| {
        let options = Options { fidelity, ..Options::default() };
        run_trial(&scenario, options, |_| {}).outcome
    });
    let [failed, as_counts] = [&requests, &counts].map(|outcome| outcome.requests.failed as f64);
    assert!((as_counts / failed - 1.0).abs() <= 0.03, "{failed} failed, {as_counts} as counts");
    let [served, as_counts] = [&requests, &counts].map(|outcome| outcome.requests.served as f64);
    assert!((as_counts / served - 1.0).abs() <= 0.01, "{served} served, {as_counts} as counts");
    let rto_s = |outcome: &Outcome| outcome.faults[0].rto_s.expect("it recovers");
    let (recovery, as_counts) = (rto_s(&requests), rto_s(&counts));
    assert!((as_counts - recovery).abs() <= 10.0, "{recovery} s, {as_counts} s as counts");
}

/// Headroom and capacity of a called workload refer to the users of those that call it: each asks
/// for one `cart`, and three in ten for `payments`, through `cart`.
#[test]
fn users_ask_for_what_is_called() {
    let scenario = edited("name: call-graph", "name: call-graph").expect("it is valid");
    let [web, cart, payments] = [0, 1, 2].map(WorkloadId::new);
    for (workload, expected) in [
        (web, vec![(web, 1.0)]),
        (cart, vec![(cart, 1.0), (web, 1.0)]),
        (payments, vec![(payments, 1.0), (cart, 0.3), (web, 0.3)]),
    ] {
        let mut deployments = scenario.world().deployments.iter();
        let first = deployments.find(|deployment| deployment.workload == workload);
        assert_eq!(first.expect("it runs").asked_by, expected, "{workload:?}");
    }
}
