//! Arithmetic of outages that is exact in the fluid limit, and what clients see when.

use tideover::model::ids::{ClusterId, PodId};
use tideover::sim::laws::Law;
use tideover::traffic::ledger::Reason;
use tideover::traffic::plan::{Arrivals, Jitter, OnTimeout, RetryPolicy, TrafficPlan};
use tideover::traffic::requests::Requests;
use tideover::traffic::routing::{OriginMode, PopRoute, Routing};
use tideover::traffic::{Kill, Traffic};
use tideover::units::{Span, Time};

use super::birth_death::Chain;
use super::system::{UNIT_S, demand, deployment, plan, pods_of, poisson, route_to, run, start};

/// The only pod.
fn pod() -> PodId {
    PodId::new(0)
}

/// 1,000 requests a second, evenly spaced, for `seconds`, on one worker that does 1,250 a second
/// at full speed and 600 during the outage of the first 240 s.
fn outage(seconds: i64) -> TrafficPlan {
    let instants = (0..seconds * 1_000).map(|k| Time::from_nanos(k * 1_000_000)).collect();
    let users = demand("users", Arrivals::Replay { instants });
    plan(users, pods_of(1, Law::constant(0.0008)), 700.0)
}

const OUTAGE_S: i64 = 240;

/// Runs the outage to its end and gives full speed back.
fn run_outage(plan: &TrafficPlan) -> Requests {
    let mut engine = start(plan, 1);
    engine.advance(Time::ZERO, &route_to(1));
    engine.set_speed(pod(), 0.48);
    engine.advance(Time::from_secs(OUTAGE_S), &route_to(1));
    engine
}

/// Backlog (lambda - C1) T, drained (lambda - C1) T / (C2 - lambda) after the outage; the longest
/// wait is 96 s for who arrives at 144 s, and 76.8 s at the end. Exact but for one request.
#[test]
fn backlog_and_drain() {
    let plan = outage(700);
    let mut engine = run_outage(&plan);
    assert!(engine.in_flight(pod()).abs_diff(96_000) <= 1, "{}", engine.in_flight(pod()));
    engine.set_speed(pod(), 1.0);
    let wait_s = engine.virtual_wait_s(pod());
    assert!((wait_s - 76.8).abs() < 0.002, "{wait_s}");
    engine.advance(Time::from_secs(OUTAGE_S + 383), &route_to(1));
    assert!(200 < engine.in_flight(pod()), "{}", engine.in_flight(pod()));
    engine.advance(Time::from_secs(OUTAGE_S + 384) + Span::from_millis(10), &route_to(1));
    assert!(engine.in_flight(pod()) <= 1, "{}", engine.in_flight(pod()));
    // Booked under the seconds 140 to 150 of first sends.
    let longest_s = engine.ledger().demands()[0].latencies().windows()[14].max_s().unwrap();
    assert!((longest_s - 96.0).abs() < 0.003, "{longest_s}");
}

/// With a time-out of 2 s and a server that drops what it finds abandoned at its turn, the wait
/// stops at 2 s, 3 s into the outage; from then on 400 a second are dropped. The 2,000 who wait
/// at its end are all in time for the faster worker and gone 2,000 / 250 s later.
#[test]
fn time_outs_bound_the_backlog() {
    let mut plan = outage(300);
    plan.deployments[0].on_timeout = OnTimeout::DropQueued;
    plan.demands[0].attempt_timeout = Span::from_secs(2);
    let mut engine = run_outage(&plan);
    let dropped = |engine: &Requests| engine.ledger().deployment(deployment()).totals().dropped;
    assert!(dropped(&engine).abs_diff(400 * (OUTAGE_S as u64 - 5)) <= 3, "{}", dropped(&engine));
    engine.set_speed(pod(), 1.0);
    engine.advance(Time::from_secs(OUTAGE_S + 8) + Span::from_millis(20), &route_to(1));
    assert!(dropped(&engine).abs_diff(400 * (OUTAGE_S as u64 - 5)) <= 3, "{}", dropped(&engine));
    assert!(engine.in_flight(pod()) <= 1, "{}", engine.in_flight(pod()));
}

/// A speed that changes and changes back at once, between arrivals, loses no work: every finish
/// is where it was but for rounding.
#[test]
fn speed_there_and_back() {
    let rate = 6.4 / UNIT_S;
    let mut plan = plan(demand("users", poisson(rate)), pods_of(8, Law::exponential(UNIT_S)), 20.0);
    plan.seed = 3;
    let plain = run(&plan, 1);
    let mut engine = start(&plan, 1);
    for second in 0..20 {
        engine.advance(Time::from_secs(second), &route_to(1));
        engine.set_speed(pod(), 0.1);
        engine.set_speed(pod(), 1.0);
    }
    engine.advance(plan.end, &route_to(1));
    let [plain, changed] = [plain, engine].map(|e| *e.ledger().deployment(deployment()).totals());
    assert_eq!((plain.started, plain.waited), (changed.started, changed.waited));
    assert!(plain.wait_ns.abs_diff(changed.wait_ns) < plain.started, "{plain:?} {changed:?}");
}

/// A kill loses exactly what is in the pods: for 2,000 M/M/8 at 6.4 the mean is 8.230579702.
#[test]
fn a_kill_loses_what_is_in_the_pod() {
    let n_pods = 2_000;
    let rate = 6.4 * n_pods as f64 / UNIT_S;
    let pods = pods_of(8, Law::exponential(UNIT_S));
    let mut engine = run(&plan(demand("users", poisson(rate)), pods, 0.1), n_pods);
    let present: u64 = (0..n_pods).map(|pod| u64::from(engine.in_flight(PodId::new(pod)))).sum();
    for pod in 0..n_pods {
        engine.kill_pod(PodId::new(pod), Kill::Reset);
        assert_eq!(engine.in_flight(PodId::new(pod)), 0);
    }
    assert_eq!(engine.ledger().deployment(deployment()).totals().lost, present);
    let chain = Chain::unbounded(8, 6.4);
    let mean = chain.mean(|n| n as f64);
    assert!((mean - 8.230579702).abs() < 1e-6, "{mean}");
    let variance = chain.mean(|n| (n as f64 - mean).powi(2));
    let error = (variance / n_pods as f64).sqrt();
    let off = (present as f64 / n_pods as f64 - mean) / error;
    assert!(off.abs() <= 4.0, "{off:.1} standard errors");
}

/// Retry amplification in saturation: with r retries after a full queue the share of users
/// served is C / lambda = 1 - p^(r+1), and a user makes (1 - p^(r+1)) / (1 - p) attempts.
/// Back-offs are long beside the queue's memory. 2 million users: sampling errors below 0.1 %.
#[test]
fn retries_amplify_load() {
    for (rho, attempts) in [(1.3, 1.990), (2.0, 2.424), (10.0 / 6.0, 2.27969)] {
        let rate = rho * 60.0;
        let mut users = demand("users", poisson(rate / UNIT_S));
        users.retries = RetryPolicy {
            max_attempts: 3,
            backoff: Span::from_secs_f64(50.0 * UNIT_S),
            factor: 1.0,
            cap: Span::from_secs(1),
            jitter: Jitter::Full,
            budget: None,
        };
        let mut pods = pods_of(60, Law::exponential(UNIT_S));
        pods.queue = 60;
        let plan = plan(users, pods, 2e6 / rate * UNIT_S);
        let engine = run(&plan, 1);
        let totals = engine.ledger().demands()[0].totals();
        let served = totals.served as f64 / (totals.offered - totals.in_flight) as f64;
        assert!((served * rho - 1.0).abs() < 0.005, "rho {rho}: served {served}");
        let made = totals.attempts as f64 / totals.offered as f64;
        assert!((made / attempts - 1.0).abs() < 0.005, "rho {rho}: {made} attempts");
    }
}

/// One request, sent at 0 with 10 ms to the edge and 20 ms on to the pod, that takes 40 ms of
/// work: what befalls it, what becomes of it, and when its client knows, to the nanosecond.
#[test]
fn clients_learn_outcomes_at_their_instants() {
    type Change = fn(&mut TrafficPlan, &mut Routing);
    type Act = fn(&mut Requests);
    let nothing: Change = |_, _| {};
    let idle: Act = |_| {};
    let silent: Act = |engine| engine.kill_pod(pod(), Kill::Silent);
    let table: [(&str, Change, Act, Option<Reason>, i64); 12] = [
        ("served: both ways and work", nothing, idle, None, 100),
        (
            "no origin: to the edge and back",
            |_, r| r.pops[0] = PopRoute::NOWHERE,
            idle,
            Some(Reason::NoOrigin),
            20,
        ),
        (
            "refused: round trip",
            |_, r| r.origins[0] = OriginMode::Refused,
            idle,
            Some(Reason::OriginRefused),
            60,
        ),
        (
            "5xx: round trip",
            |_, r| r.origins[0] = OriginMode::ServerError,
            idle,
            Some(Reason::OriginRefused),
            60,
        ),
        (
            "hang: the edge gives up, two hops before the client",
            |p, r| {
                r.origins[0] = OriginMode::Hang;
                p.demands[0].origin_response_timeout = Span::from_millis(500);
            },
            idle,
            Some(Reason::OriginTimeout),
            520,
        ),
        (
            "hang: the client gives up first",
            |_, r| r.origins[0] = OriginMode::Hang,
            idle,
            Some(Reason::Timeout),
            1_000,
        ),
        (
            "no endpoint: round trip",
            |_, r| r.endpoints[0].clear(),
            idle,
            Some(Reason::NoReadyPod),
            60,
        ),
        (
            "slow: the client's time-out",
            |p, _| p.deployments[0].speed = 0.01,
            idle,
            Some(Reason::Timeout),
            1_000,
        ),
        (
            "deadline before time-out",
            |p, _| {
                p.deployments[0].speed = 0.01;
                p.demands[0].deadline = Some(Span::from_millis(700));
            },
            idle,
            Some(Reason::Timeout),
            700,
        ),
        (
            "killed in service at 50 ms: one way back",
            nothing,
            |engine| engine.kill_pod(pod(), Kill::Reset),
            Some(Reason::PodLost),
            80,
        ),
        ("gone in service: the time-out tells", nothing, silent, Some(Reason::PodLost), 1_000),
        (
            "gone: the edge's time-out tells first",
            |p, _| {
                p.demands[0].origin_response_timeout = Span::from_millis(500);
            },
            silent,
            Some(Reason::PodLost),
            520,
        ),
    ];
    for (name, change, act, reason, at_ms) in table {
        let mut users = demand("users", Arrivals::Replay { instants: vec![Time::ZERO] });
        users.client_to_pop = Span::from_millis(10);
        users.pop_to_cluster = vec![Span::from_millis(20)];
        users.attempt_timeout = Span::from_secs(1);
        let mut plan = plan(users, pods_of(1, Law::constant(0.040)), 10.0);
        let mut routing = route_to(1);
        change(&mut plan, &mut routing);
        let mut engine = start(&plan, 1);
        engine.advance(Time::ZERO, &routing);
        let told = Time::ZERO + Span::from_millis(at_ms);
        if told > Time::from_nanos(50_000_000) {
            engine.advance(Time::from_nanos(50_000_000), &routing);
            act(&mut engine);
        }
        engine.advance(told - Span::from_nanos(1), &routing);
        assert_eq!(engine.ledger().demands()[0].totals().in_flight, 1, "{name}: too early");
        engine.advance(told + Span::from_nanos(1), &routing);
        let totals = engine.ledger().demands()[0].totals();
        let outcome = Reason::ALL.into_iter().find(|r| totals.failed[*r as usize] == 1);
        assert_eq!((totals.in_flight, outcome), (0, reason), "{name}");
    }
}

/// A closed loop: 5 requests of one client, each a pause of 10 s after the last answer; and with
/// two clients the second starts half a pause later.
#[test]
fn a_closed_loop_waits_for_its_answer() {
    for (clients, seconds) in [(1, vec![0, 10, 20, 30, 40]), (2, vec![0, 5, 10, 15, 20, 25, 30])] {
        let arrivals = Arrivals::ClosedLoop {
            clients,
            requests: 5,
            pause: Span::from_secs(10),
            begin: Time::ZERO,
        };
        let plan = plan(demand("drill", arrivals), pods_of(4, Law::constant(0.1)), 100.0);
        let engine = run(&plan, 1);
        let account = &engine.ledger().demands()[0];
        let totals = account.totals();
        assert_eq!((totals.offered, totals.served), (5 * u64::from(clients), totals.offered));
        let sent: Vec<_> = (0..100).filter(|s| account.seconds()[*s].offered == 1).collect();
        assert_eq!(sent[..seconds.len()], seconds);
    }
}

/// Users split over two clusters by weight 1 to 3, within 4 standard errors of the binomial, and
/// each keeps its edge: an edge that leads nowhere fails its half of the users, retries included.
#[test]
fn weights_and_edges_hold() {
    let mut users = demand("users", poisson(1_000.0));
    users.pops = vec![0, 1].into_iter().map(tideover::model::ids::PopId::new).collect();
    users.pop_to_cluster = vec![Span::ZERO; 2];
    users.retries = RetryPolicy {
        max_attempts: 4,
        backoff: Span::from_millis(10),
        cap: Span::from_millis(10),
        ..RetryPolicy::NEVER
    };
    let mut plan = plan(users, pods_of(64, Law::constant(0.001)), 100.0);
    plan.n_clusters = 2;
    plan.deployments.push(plan.deployments[0].clone());
    plan.deployments[1].cluster = ClusterId::new(1);
    let [first, second] = [0, 1].map(ClusterId::new);
    let routing = Routing {
        pops: vec![PopRoute::weighted(&[(first, 1), (second, 3)]), PopRoute::NOWHERE],
        origins: vec![OriginMode::Serving; 2],
        endpoints: vec![vec![PodId::new(0)], vec![PodId::new(1)]],
        dependencies: Vec::new(),
        n_stale: Vec::new(),
        grey: Vec::new(),
        gates: Vec::new(),
        version: 0,
    };
    let mut engine = Requests::new(&plan);
    for pod in 0..2 {
        engine.start_pod(PodId::new(pod), tideover::model::ids::DeploymentId::new(pod));
    }
    engine.advance(plan.end, &routing);
    let totals = engine.ledger().demands()[0].totals();
    let offered = totals.offered as f64;
    let within = |count: u64, share: f64| {
        let error = (share * (1.0 - share) * offered).sqrt();
        assert!((count as f64 - share * offered).abs() <= 4.0 * error, "{count} of {offered}");
    };
    within(engine.ledger().deployment(deployment()).totals().arrived, 0.125);
    within(totals.failed[Reason::NoOrigin as usize], 0.5);
    assert_eq!(totals.served + totals.failed[0] + totals.in_flight, totals.offered);
    assert!(3 * totals.failed[0] <= totals.retries, "{totals:?}");
}
