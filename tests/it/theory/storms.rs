//! Retry storms: which overloads go on by themselves after their cause is gone, in both engines.
//!
//! The labelled runs are `tests/vectors/retry_metastability_vectors.json`: an open loop at a
//! database, 3 s time-outs, 4 resends at once, and a cut of its CPU for some seconds. A constant
//! service and evenly spaced users make both engines the fluid model that the file describes.

use tideover::sim::laws::Law;
use tideover::traffic::Traffic;
use tideover::traffic::flow::Flow;
use tideover::traffic::plan::{Arrivals, Jitter, OnTimeout, RetryBudget, RetryPolicy, TrafficPlan};
use tideover::traffic::requests::Requests;
use tideover::units::{Ratio, Span, Time};

use tideover::model::ids::PodId;

use super::system::{demand, deployment, plan, pods_of, route_to};

const VECTORS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/vectors/retry_metastability_vectors.json"
));

/// Load over capacity at which the labelled runs come out as labelled.
pub(super) const RHO: f64 = 0.38;

/// A tenth of the rate of the experiment: the fluid is the same.
pub(super) const THINNED: i64 = 10;

/// Users every `interval_ns`, who resend at once up to `resends` times after 3 s, at one worker
/// that can take `1 / rho` times as much.
pub(super) fn storm(
    interval_ns: i64,
    seconds: i64,
    rho: f64,
    resends: u8,
    on_timeout: OnTimeout,
) -> TrafficPlan {
    let n = seconds * 1_000_000_000 / interval_ns;
    let instants = (0..n).map(|k| Time::from_nanos(k * interval_ns)).collect();
    let mut users = demand("users", Arrivals::Replay { instants });
    users.attempt_timeout = Span::from_secs(3);
    users.retries = RetryPolicy {
        max_attempts: 1 + resends,
        backoff: Span::from_millis(1),
        factor: 1.0,
        cap: Span::from_secs(1),
        jitter: Jitter::None,
        budget: None,
    };
    let mut pods = pods_of(1, Law::constant(rho * interval_ns as f64 / 1e9));
    pods.on_timeout = on_timeout;
    plan(users, pods, seconds as f64)
}

/// Share of the users of the last 20 s but 20 who are served, after the CPU was cut to `speed`
/// from second 60 on for `trigger_s`.
pub(super) fn after_trigger(
    engine: &mut dyn Traffic,
    plan: &TrafficPlan,
    speed: f64,
    trigger_s: i64,
) -> f64 {
    engine.start_pod(PodId::new(0), deployment());
    engine.advance(Time::from_secs(60), &route_to(1));
    engine.set_speed(PodId::new(0), speed);
    engine.advance(Time::from_secs(60 + trigger_s), &route_to(1));
    engine.set_speed(PodId::new(0), 1.0);
    engine.advance(plan.end, &route_to(1));
    let seconds = engine.ledger().demands()[0].seconds();
    let last = &seconds[seconds.len() - 41..seconds.len() - 21];
    let served: u32 = last.iter().map(|second| second.served).sum();
    let offered: u32 = last.iter().map(|second| second.offered).sum();
    f64::from(served) / f64::from(offered)
}

/// Both engines on one plan.
fn engines(plan: &TrafficPlan) -> [(&'static str, Box<dyn Traffic>); 2] {
    [("requests", Box::new(Requests::new(plan))), ("flow", Box::new(Flow::new(plan)))]
}

/// One ratio of load to capacity explains both labelled runs; half and twice as long a cut of the
/// CPU are on the same sides.
#[test]
fn labelled_storms_come_out_as_labelled() {
    let vectors: serde_json::Value = serde_json::from_str(VECTORS).unwrap();
    let runs = vectors["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 2);
    for run in runs {
        let interval_ns = run["interval_ns"].as_i64().unwrap() * THINNED;
        let speed = run["cpu_during_trigger"].as_f64().unwrap() / 2.0;
        let trigger_s = run["trigger_s"].as_i64().unwrap();
        let stays_down = run["outcome"] == "metastable";
        let plan = storm(interval_ns, 200, RHO, 4, OnTimeout::Serve);
        for (name, mut engine) in engines(&plan) {
            let served = after_trigger(&mut *engine, &plan, speed, trigger_s);
            let what = format!("{name}, {trigger_s} s: {served} served");
            assert!(if stays_down { served < 0.05 } else { 0.95 < served }, "{what}");
        }
    }
    let plan = storm(75_000 * THINNED, 200, RHO, 4, OnTimeout::Serve);
    for (trigger_s, stays_down) in [(5, false), (20, true)] {
        for (name, mut engine) in engines(&plan) {
            let served = after_trigger(&mut *engine, &plan, 0.2, trigger_s);
            assert!((served < 0.05) == stays_down, "{name}, {trigger_s} s: {served} served");
        }
    }
}

/// With cancellation of abandoned work no storm lasts, at any load from 0.20 to 0.94. Service is
/// exponential here: the next test says why.
#[test]
fn cancelled_work_never_feeds_a_storm() {
    for step in 0..8 {
        let rho = 0.2 + 0.74 * f64::from(step) / 7.0;
        let interval_ns = 75_000 * THINNED * 4;
        let mut plan = storm(interval_ns, 260, rho, 4, OnTimeout::Cancel);
        plan.deployments[0].law = Law::exponential(rho * interval_ns as f64 / 1e9);
        for trigger_s in [9, 20] {
            for (name, mut engine) in engines(&plan) {
                let served = after_trigger(&mut *engine, &plan, 0.2, trigger_s);
                assert!(0.95 < served, "{name}, rho {rho}, {trigger_s} s: {served} served");
            }
        }
    }
}

/// Where all requests take equally long, cancelled work does feed a storm: a long queue hands each
/// request to the worker when less time is left than it takes, it is cut short, and that keeps the
/// worker busy until the next one is in the same case. It lasts if attempts, `1 + r` a user, come
/// faster than they can be served. A short cut of the CPU has passed before that; an event by event
/// simulation of this server (30 lines, kept nowhere) has the same two outcomes.
#[test]
fn equal_requests_cut_short_feed_a_storm() {
    for (trigger_s, stays_down) in [(9, false), (20, true)] {
        let plan = storm(75_000 * THINNED * 4, 260, 0.41, 4, OnTimeout::Cancel);
        let mut engine = Requests::new(&plan);
        let served = after_trigger(&mut engine, &plan, 0.2, trigger_s);
        assert!(if stays_down { served == 0.0 } else { served == 1.0 }, "{trigger_s} s: {served}");
        let attempts = engine.ledger().deployment(deployment()).seconds();
        let last = &attempts[attempts.len() - 41..attempts.len() - 21];
        let aborted: u32 = last.iter().map(|second| second.failed).sum();
        let arrived: u32 = last.iter().map(|second| second.arrived).sum();
        // All of them are started in vain, and none is ever served.
        let (share, all) = (f64::from(aborted) / f64::from(arrived), f64::from(stays_down));
        assert!((share - all).abs() < 0.01, "{trigger_s} s: {aborted} of {arrived} cut short");
    }
}

/// With r resends an overload feeds itself if and only if lambda (1 + r) exceeds the capacity of
/// 300 a second: 1 % above, the backlog of an outage grows on, 1 % below it shrinks.
#[test]
fn vulnerable_from_capacity_over_attempts_on() {
    for resends in [0, 1, 2, 4] {
        for (off, grows) in [(1.01, true), (0.99, false)] {
            let rate = 300.0 * off / f64::from(1 + resends);
            let interval_ns = (1e9 / rate) as i64;
            let rho = 1e9 / interval_ns as f64 / 300.0;
            let plan = storm(interval_ns, 800, rho, resends, OnTimeout::Serve);
            for (name, mut engine) in engines(&plan) {
                engine.start_pod(PodId::new(0), deployment());
                engine.advance(Time::ZERO, &route_to(1));
                // An outage of a minute: everything that comes in it and after it is late.
                engine.set_speed(PodId::new(0), 0.01);
                engine.advance(Time::from_secs(60), &route_to(1));
                engine.set_speed(PodId::new(0), 1.0);
                let [early, late] = [200, 700].map(|second| {
                    engine.advance(Time::from_secs(second), &route_to(1));
                    engine.in_flight(PodId::new(0))
                });
                assert_eq!(early < late, grows, "{name}, {resends} resends, {off}: {early} {late}");
            }
        }
    }
}

/// A budget of 10 % caps attempts at 1.1 times the users, and ends the storm.
#[test]
fn a_budget_caps_the_storm() {
    let mut plan = storm(75_000 * THINNED, 200, RHO, 4, OnTimeout::Serve);
    let ratio = Ratio::new(0.1);
    plan.demands[0].retries.budget =
        Some(RetryBudget { ratio, min_per_s: 0.0, ttl: Span::from_secs(10) });
    for (name, mut engine) in engines(&plan) {
        let served = after_trigger(&mut *engine, &plan, 0.2, 20);
        assert!(0.95 < served, "{name}: {served} served");
        let totals = engine.ledger().demands()[0].totals();
        // The bucket begins with ten.
        assert!(totals.retries <= totals.offered / 10 + 10, "{name}: {} retries", totals.retries);
        assert!(1_000 < totals.retries, "{name}: {} retries", totals.retries);
    }
}
