//! Softer endings than a kill, by arithmetic: a process that drains, clients that are cut off.

use tideover::model::ids::PodId;
use tideover::sim::laws::Law;
use tideover::traffic::ledger::{Reason, UserTotals};
use tideover::traffic::plan::{Arrivals, Balancer, Jitter, OnTimeout, RetryPolicy, TrafficPlan};
use tideover::traffic::requests::Requests;
use tideover::traffic::{Kill, Traffic};
use tideover::units::{Span, Time};

use super::system::{demand, deployment, plan, pods_of, route_to, start};

/// The only pod.
fn pod() -> PodId {
    PodId::new(0)
}

fn millis(at: i64) -> Time {
    Time::from_nanos(at * 1_000_000)
}

/// One user at each of `sends_ms`, 10 ms away from one worker that takes 100 ms a request.
fn one_worker(sends_ms: &[i64]) -> TrafficPlan {
    let instants = sends_ms.iter().map(|at| millis(*at)).collect();
    let mut users = demand("users", Arrivals::Replay { instants });
    users.pop_to_cluster = vec![Span::from_millis(10)];
    users.attempt_timeout = Span::from_secs(2);
    plan(users, pods_of(1, Law::constant(0.1)), 20.0)
}

fn users(engine: &Requests) -> UserTotals {
    *engine.ledger().demands()[0].totals()
}

fn lost(engine: &Requests) -> u64 {
    users(engine).failed[Reason::PodLost as usize]
}

/// Three requests reach the pod at 10, 20 and 30 ms and would keep it busy until 310 ms; it
/// drains at 60 ms. It says so to the nanosecond, finishes all three, and resets the one that
/// arrives at 160 ms, whose client knows at 170 ms.
#[test]
fn a_drained_pod_finishes_what_it_has() {
    let plan = one_worker(&[0, 10, 20, 150]);
    let mut engine = start(&plan, 1);
    let routing = route_to(1);
    engine.advance(millis(60), &routing);
    let done = engine.drain_pod(pod());
    assert!(millis(310) < done && done <= millis(310) + Span::from_nanos(3), "{done}");
    engine.advance(millis(170), &routing);
    assert_eq!((lost(&engine), engine.in_flight(pod())), (0, 2));
    engine.advance(millis(170) + Span::from_nanos(2), &routing);
    assert_eq!(lost(&engine), 1);
    engine.advance(done - Span::from_nanos(4), &routing);
    assert_eq!(engine.in_flight(pod()), 1);
    engine.advance(done, &routing);
    assert_eq!(engine.in_flight(pod()), 0);
    assert!((engine.busy_s(pod()) - 0.3).abs() < 1e-8, "{}", engine.busy_s(pod()));
    engine.advance(plan.end, &routing);
    let totals = users(&engine);
    assert_eq!((totals.offered, totals.served, totals.failed_total()), (4, 3, 1));
    assert_eq!(engine.ledger().deployment(deployment()).totals().lost, 1);
}

/// A pod with nothing to finish has drained at once: an idle one, one that was killed, and one
/// that never ran. A kill ends the drain and loses the rest.
#[test]
fn a_drain_ends_with_the_last_request() {
    let plan = one_worker(&[0, 1, 2]);
    let mut engine = start(&plan, 1);
    assert_eq!(engine.drain_pod(PodId::new(7)), engine.now());
    assert_eq!(engine.drain_pod(pod()), engine.now());
    engine.kill_pod(pod(), Kill::Reset);
    assert_eq!(engine.drain_pod(pod()), engine.now());
    engine.start_pod(pod(), deployment());
    engine.advance(millis(60), &route_to(1));
    engine.drain_pod(pod());
    engine.kill_pod(pod(), Kill::Reset);
    assert_eq!((engine.drain_pod(pod()), engine.in_flight(pod())), (engine.now(), 0));
    engine.advance(plan.end, &route_to(1));
    assert_eq!((users(&engine).served, lost(&engine)), (0, 3));
}

/// Clients who are cut off at 60 ms know 10 ms later if their connection is reset, and by their
/// time-out of 2 s, which began at the last send of 20 ms, if nobody tells them. The pod works
/// on for nobody until 310 ms, and then serves the user of 400 ms as ever.
#[test]
fn severed_clients_learn_it_and_the_pod_works_on() {
    for (how, known) in [(Kill::Reset, millis(70)), (Kill::Silent, millis(2_020))] {
        let plan = one_worker(&[0, 10, 20, 400]);
        let mut engine = start(&plan, 1);
        let routing = route_to(1);
        engine.advance(millis(60), &routing);
        engine.sever_pod(pod(), how);
        assert_eq!((users(&engine).in_flight, engine.in_flight(pod())), (3, 3), "{how:?}");
        for at in [millis(309), millis(311), millis(600), plan.end] {
            let before = known - Span::from_nanos(2);
            if engine.now() < before && before < at {
                engine.advance(before, &routing);
                let all = if how == Kill::Reset { 0 } else { 2 };
                assert_eq!(lost(&engine), all, "{how:?}");
                engine.advance(known + Span::from_nanos(2), &routing);
                assert_eq!(lost(&engine), 3, "{how:?}");
            }
            engine.advance(at, &routing);
            let present = u32::from(at < millis(310));
            assert_eq!(engine.in_flight(pod()), present, "{how:?} at {at}");
        }
        let totals = users(&engine);
        assert_eq!((totals.offered, totals.served, totals.in_flight), (4, 1, 0), "{how:?}");
        assert_eq!((lost(&engine), totals.failed_total()), (3, 3), "{how:?}");
        let attempts = engine.ledger().deployment(deployment()).totals();
        assert_eq!((attempts.served, attempts.lost), (4, 0), "{how:?}");
        assert!((engine.busy_s(pod()) - 0.4).abs() < 1e-8, "{}", engine.busy_s(pod()));
    }
}

/// Who is cut off may try again: told at 70 ms, sent 100 ms later, and served behind what the
/// pod still does for nobody. Nobody is lost, and each user is counted once.
#[test]
fn severed_clients_may_try_again() {
    let mut plan = one_worker(&[0, 10, 20]);
    plan.demands[0].retries = RetryPolicy {
        max_attempts: 2,
        backoff: Span::from_millis(100),
        factor: 1.0,
        cap: Span::from_millis(100),
        jitter: Jitter::None,
        budget: None,
    };
    let mut engine = start(&plan, 1);
    engine.advance(millis(60), &route_to(1));
    engine.sever_pod(pod(), Kill::Reset);
    engine.advance(plan.end, &route_to(1));
    let totals = users(&engine);
    assert_eq!((totals.offered, totals.served, totals.retries), (3, 3, 3));
    assert_eq!(engine.ledger().deployment(deployment()).totals().served, 6);
    // Zombies until 310 ms, then one after the other: the last answer arrives at 620 ms.
    let longest_s = engine.ledger().demands()[0].latency().max_s().unwrap();
    assert!(0.6 - 1e-6 < longest_s && longest_s < 0.62 + 1e-6, "{longest_s}");
}

/// A pod that cancels what nobody waits for loses its clients at 60 ms and half its speed at
/// 100 ms. Only then it looks at its connections: of three requests from 10 ms on it stops the
/// first one, and never starts the others. It has worked 90 ms, and serves the user of 400 ms in
/// 200 ms.
#[test]
fn severed_work_is_cancelled_where_it_is_placed_anew() {
    let mut plan = one_worker(&[0, 10, 20, 400]);
    plan.deployments[0].on_timeout = OnTimeout::Cancel;
    let mut engine = start(&plan, 1);
    let routing = route_to(1);
    engine.advance(millis(60), &routing);
    engine.sever_pod(pod(), Kill::Reset);
    engine.advance(millis(100), &routing);
    engine.set_speed(pod(), 0.5);
    for (at, expected) in [(millis(101), 0.09), (plan.end, 0.29)] {
        engine.advance(at, &routing);
        assert!((engine.busy_s(pod()) - expected).abs() < 1e-8, "{at}: {}", engine.busy_s(pod()));
    }
    let attempts = engine.ledger().deployment(deployment()).totals();
    assert_eq!((attempts.served, attempts.aborted, attempts.dropped), (1, 1, 2));
}

/// Two pods, of which the first is gone without a word; one user a second, who waits 5 s. Least
/// outstanding sends one request to the dead pod, sees it unanswered, and takes the other one
/// until that request is given up: one user in five is lost. Where connections are reset, nothing
/// stays unanswered, and all are lost.
#[test]
fn a_silent_pod_keeps_what_it_does_not_answer() {
    for (how, expected) in [(Kill::Silent, 4), (Kill::Reset, 20)] {
        let instants = (0..20).map(|second| millis(1_000 * second + 500)).collect();
        let mut users_plan = demand("users", Arrivals::Replay { instants });
        users_plan.attempt_timeout = Span::from_secs(5);
        let mut pods = pods_of(1, Law::constant(0.1));
        pods.balancer = Balancer::LeastOutstanding;
        let plan = plan(users_plan, pods, 40.0);
        let mut engine = start(&plan, 2);
        engine.advance(Time::ZERO, &route_to(2));
        engine.kill_pod(pod(), how);
        engine.advance(plan.end, &route_to(2));
        assert_eq!(lost(&engine), expected, "{how:?}");
    }
}
