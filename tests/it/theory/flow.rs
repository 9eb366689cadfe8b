//! The flow engine against the same closed forms as the exact one, and against its own promises.
//!
//! Its draws are counts, so that it has hardly any noise of its own: it must lie within four
//! standard errors of a run of the exact engine that is good to 0.25 %, thus within 1 %.

use tideover::model::ids::{DeploymentId, PodId};
use tideover::sim::histogram::{bin_of, bin_start_s};
use tideover::sim::laws::Law;
use tideover::sim::streams::{Cursor, Stream};
use tideover::traffic::flow::Flow;
use tideover::traffic::ledger::AttemptTotals;
use tideover::traffic::plan::{
    Arrivals, Balancer, DeploymentPlan, Jitter, OnTimeout, RetryPolicy, TrafficPlan,
};
use tideover::traffic::routing::{OriginMode, PopRoute, Routing};
use tideover::traffic::{Kill, Traffic};
use tideover::units::{Span, Time};

use super::birth_death::Chain;
use super::cuts::{busy_plan, routing};
use super::queues::M_M_C;
use super::system::{UNIT_S, demand, deployment, plan, pods_of, poisson, route_to};

/// Four standard errors of 0.25 %.
const TOLERANCE: f64 = 0.01;

/// Customers of a run: with counts, ten million are as good as a hundred.
const CUSTOMERS: f64 = 1e7;

fn start(plan: &TrafficPlan, n_pods: usize) -> Flow {
    let mut engine = Flow::new(plan);
    for pod in 0..n_pods {
        engine.start_pod(PodId::new(pod), deployment());
    }
    engine
}

fn run(plan: &TrafficPlan, n_pods: usize) -> Flow {
    let mut engine = start(plan, n_pods);
    engine.advance(plan.end, &route_to(n_pods));
    engine
}

fn totals(engine: &Flow) -> AttemptTotals {
    *engine.ledger().deployment(deployment()).totals()
}

fn queue(rate: f64, pods: DeploymentPlan) -> (TrafficPlan, f64) {
    let time = CUSTOMERS / rate;
    (plan(demand("users", poisson(rate / UNIT_S)), pods, time * UNIT_S), time)
}

fn within(what: &str, value: f64, exact: f64, tolerance: f64) {
    let off = value / exact - 1.0;
    assert!(
        off.abs() <= tolerance,
        "{what}: {value}, exactly {exact}, off by {:.2} %",
        100.0 * off
    );
}

fn mean_waiting(totals: &AttemptTotals, time: f64) -> f64 {
    totals.wait_ns as f64 / 1e9 / UNIT_S / time
}

/// The time in which a load is between 95 % and 105 % is told, from t = 0 on, whether queues rest
/// or grow; below and above there is none.
#[test]
fn time_near_saturation_is_told() {
    for (rate, near_share) in [(7.5, 0.0), (7.7, 1.0), (8.3, 1.0), (8.5, 0.0)] {
        let pods = DeploymentPlan { queue: 100, ..pods_of(8, Law::exponential(UNIT_S)) };
        let engine = run(&plan(demand("users", poisson(rate / UNIT_S)), pods, 200.0), 1);
        let near_s = engine.near_saturation_s().unwrap();
        assert!((near_s - 200.0 * near_share).abs() < 1e-6, "{rate}: {near_s} s");
    }
}

/// M/M/c: number waiting, busy workers, P(W > 0), and the tails of wait (to 2 %) and sojourn (to
/// 5 %) at the bin edges next to the published quantiles.
#[test]
fn m_m_c() {
    for (servers, rate, p_wait, wait, quantiles, sojourn_p99, _) in M_M_C {
        if 64 < servers {
            continue;
        }
        let name = format!("M/M/{servers} at {rate}");
        let (mut plan, time) = queue(rate, pods_of(servers, Law::exponential(UNIT_S)));
        plan.record_waits = true;
        let engine = run(&plan, 1);
        let totals = totals(&engine);
        within(&format!("{name}: Lq"), mean_waiting(&totals, time), rate * wait, TOLERANCE);
        let busy = totals.busy_ns as f64 / 1e9 / UNIT_S / time;
        within(&format!("{name}: busy workers"), busy, rate, TOLERANCE);
        let waited = totals.waited as f64 / totals.started as f64;
        within(&format!("{name}: P(W > 0)"), waited, p_wait, TOLERANCE);
        let spare = f64::from(servers) - rate;
        let waits = engine.ledger().deployment(deployment()).waits();
        for quantile in quantiles {
            let edge = bin_start_s(bin_of(quantile * UNIT_S) + 1);
            let exact = p_wait * (-spare * edge / UNIT_S).exp();
            let late = (waits.count() - waits.count_below(edge)) as f64 / waits.count() as f64;
            within(&format!("{name}: P(W > {})", edge / UNIT_S), late, exact, 0.02);
        }
        let edge = bin_start_s(bin_of(sojourn_p99 * UNIT_S) + 1);
        let latency = engine.ledger().demands()[0].latency();
        let late = (latency.count() - latency.count_below(edge)) as f64 / latency.count() as f64;
        let (t, d) = (edge / UNIT_S, spare - 1.0);
        let delayed = if d == 0.0 { t } else { (1.0 - (-d * t).exp()) / d };
        let exact = (-t).exp() * (1.0 + p_wait * delayed);
        // Waits are kept in cells: five in a hundred of the tail move the p99 by a third of a bin.
        within(&format!("{name}: P(T > {t})"), late, exact, 0.05);
    }
}

/// M/M/c/K: share blocked, mean number waiting, throughput.
#[test]
fn m_m_c_k() {
    for (servers, places, rate, p_block, waiting) in [
        (1, 5, 0.8, 0.0888194986556, 1.56306520704 * 0.8 * (1.0 - 0.0888194986556)),
        (8, 20, 6.4, 0.0064521556544, 1.43907785796),
        (8, 20, 8.0, 0.0615573340497, 4.80147205588),
        (8, 20, 10.4, 0.234319159233, 8.94526037654),
    ] {
        let name = format!("M/M/{servers}/{places} at {rate}");
        let mut pods = pods_of(servers, Law::exponential(UNIT_S));
        pods.queue = places as u32 - u32::from(servers);
        // Counts of arrivals are all that is random here.
        let (plan, time) = queue(rate, pods);
        let totals = totals(&run(&plan, 1));
        let blocked = totals.queue_full as f64 / totals.arrived as f64;
        within(&format!("{name}: blocked"), blocked, p_block, TOLERANCE);
        within(&format!("{name}: Lq"), mean_waiting(&totals, time), waiting, TOLERANCE);
        let served = totals.served as f64 / time;
        within(&format!("{name}: throughput"), served, rate * (1.0 - p_block), TOLERANCE);
    }
}

/// M/M/n+D: who would wait longer than D is dropped.
#[test]
fn m_m_n_with_patience() {
    for (servers, rate, patience, p_drop, p_wait, wait_served) in [
        (8, 6.4, 1.0, 0.0199543604962, 0.414355530743, 0.149716424429),
        (8, 8.0, 1.0, 0.0816658660331, 0.734992794298, 0.355713080947),
        (8, 10.4, 1.0, 0.238402962979, 0.960988076709, 0.648110993803),
        (8, 10.4, 5.0, 0.230769731238, 0.999997442371, 4.58334881527),
        (60, 66.0, 2.0, 0.090909318856, 0.999996921754, 1.83333941399),
        (1, 1.3, 5.0, 0.265872260377, 0.95436606151, 2.90988187369),
    ] {
        let name = format!("M/M/{servers}+{patience} at {rate}");
        let mut pods = pods_of(servers, Law::exponential(UNIT_S));
        pods.on_timeout = OnTimeout::DropQueued;
        let (mut plan, time) = queue(rate, pods);
        plan.demands[0].attempt_timeout = Span::from_secs_f64(patience * UNIT_S);
        let totals = totals(&run(&plan, 1));
        let arrived = totals.arrived as f64;
        within(&format!("{name}: dropped"), totals.dropped as f64 / arrived, p_drop, TOLERANCE);
        let exact = rate * (1.0 - p_drop) * wait_served;
        within(&format!("{name}: waits of the served"), mean_waiting(&totals, time), exact, 0.01);
        let waited = (totals.waited + totals.dropped) as f64 / arrived;
        within(&format!("{name}: P(W > 0)"), waited, p_wait, TOLERANCE);
    }
}

/// 1,000 requests a second, evenly spaced, on one worker that does 1,250 a second at full speed
/// and 600 during the outage of the first 240 s.
fn outage(seconds: i64) -> TrafficPlan {
    let instants = (0..seconds * 1_000).map(|k| Time::from_nanos(k * 1_000_000)).collect();
    let users = demand("users", Arrivals::Replay { instants });
    plan(users, pods_of(1, Law::constant(0.0008)), 700.0)
}

const OUTAGE_S: i64 = 240;

fn run_outage(plan: &TrafficPlan) -> Flow {
    let mut engine = start(plan, 1);
    engine.advance(Time::ZERO, &route_to(1));
    engine.set_speed(PodId::new(0), 0.48);
    engine.advance(Time::from_secs(OUTAGE_S), &route_to(1));
    engine
}

/// Backlog (lambda - C1) T, gone (lambda - C1) T / (C2 - lambda) after the outage; the longest
/// wait is 96 s for who arrives at 144 s, and 76.8 s at the end. Exact but for one request.
#[test]
fn backlog_and_drain() {
    let plan = outage(700);
    let mut engine = run_outage(&plan);
    let pod = PodId::new(0);
    assert!(engine.in_flight(pod).abs_diff(96_000) <= 1, "{}", engine.in_flight(pod));
    engine.set_speed(pod, 1.0);
    let wait_s = engine.virtual_wait_s(pod);
    assert!((wait_s - 76.8).abs() < 0.002, "{wait_s}");
    engine.advance(Time::from_secs(OUTAGE_S + 383), &route_to(1));
    assert!(engine.in_flight(pod).abs_diff(250) <= 1, "{}", engine.in_flight(pod));
    engine.advance(Time::from_secs(OUTAGE_S + 385), &route_to(1));
    assert!(engine.in_flight(pod) <= 1, "{}", engine.in_flight(pod));
}

/// With a time-out of 2 s and a server that drops what it finds abandoned at its turn, the wait
/// stops at 2 s, 3 s into the outage; from 5 s on 400 a second are dropped. The 2,000 who wait at
/// its end are all in time for the faster worker and gone 8 s later.
#[test]
fn time_outs_bound_the_backlog() {
    let mut plan = outage(300);
    plan.deployments[0].on_timeout = OnTimeout::DropQueued;
    plan.demands[0].attempt_timeout = Span::from_secs(2);
    let mut engine = run_outage(&plan);
    let expected = 400 * (OUTAGE_S as u64 - 5);
    let dropped = totals(&engine).dropped;
    // To one cohort of an eighth of a second, of which 50 are dropped.
    assert!(dropped.abs_diff(expected) <= 51, "{dropped}, not {expected}");
    let pod = PodId::new(0);
    assert!(engine.in_flight(pod).abs_diff(2_000) <= 51, "{}", engine.in_flight(pod));
    engine.set_speed(pod, 1.0);
    engine.advance(Time::from_secs(OUTAGE_S + 9), &route_to(1));
    assert_eq!(totals(&engine).dropped, dropped);
    assert!(engine.in_flight(pod) <= 1, "{}", engine.in_flight(pod));
}

/// Retry amplification in saturation: with r retries the share of users served is C / lambda, and
/// a user makes (1 - p^(r+1)) / (1 - p) attempts.
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
        let plan = plan(users, pods, 2e7 / rate * UNIT_S);
        let engine = run(&plan, 1);
        let totals = engine.ledger().demands()[0].totals();
        let served = totals.served as f64 / (totals.offered - totals.in_flight) as f64;
        assert!((served * rho - 1.0).abs() < 0.01, "rho {rho}: served {served}");
        let made = totals.attempts as f64 / totals.offered as f64;
        assert!((made / attempts - 1.0).abs() < 0.01, "rho {rho}: {made} attempts");
    }
}

/// One of two endpoints has not started: it refuses what a random balancer sends there, half of
/// all attempts, within 4 standard errors of the binomial law.
#[test]
fn an_endpoint_that_has_not_started_refuses() {
    let pods = pods_of(8, Law::exponential(UNIT_S));
    let plan = plan(demand("users", poisson(6.4 / UNIT_S)), pods, 1e4 * UNIT_S);
    let mut engine = start(&plan, 1);
    engine.advance(plan.end, &route_to(2));
    let AttemptTotals { arrived, lost, .. } = totals(&engine);
    let error = (0.25 / arrived as f64).sqrt();
    assert!((lost as f64 / arrived as f64 - 0.5).abs() <= 4.0 * error, "{lost} of {arrived}");
}

/// A kill loses exactly what is in the pods: for 2,000 M/M/8 at 6.4 the mean is 8.230579702.
#[test]
fn a_kill_loses_what_is_in_the_pod() {
    let n_pods = 2_000;
    let rate = 6.4 * n_pods as f64 / UNIT_S;
    let pods = pods_of(8, Law::exponential(UNIT_S));
    let mut engine = run(&plan(demand("users", poisson(rate)), pods, 1.0), n_pods);
    let present: u64 = (0..n_pods).map(|pod| u64::from(engine.in_flight(PodId::new(pod)))).sum();
    within("present", present as f64 / n_pods as f64, 8.230579702, TOLERANCE);
    for pod in 0..n_pods {
        engine.kill_pod(PodId::new(pod), Kill::Reset);
        assert_eq!(engine.in_flight(PodId::new(pod)), 0);
    }
    assert_eq!(totals(&engine).lost, present);
    let chain = Chain::unbounded(8, 6.4);
    assert!((chain.mean(|n| n as f64) - 8.230579702).abs() < 1e-6);
}

/// The plan of the exact engine's cuts without its closed loop, which counts do not know.
fn open_plan(balancer: Balancer, on_timeout: OnTimeout) -> TrafficPlan {
    let mut plan = busy_plan(balancer, on_timeout);
    plan.demands.retain(|demand| !matches!(demand.arrivals, Arrivals::ClosedLoop { .. }));
    plan
}

/// What befalls the system at second `t`, and the routing from then on.
fn act(engine: &mut Flow, t: i64, routing: &mut Routing) {
    match t {
        2 => engine.kill_pod(PodId::new(0), Kill::Reset),
        3 => engine.sever_pod(PodId::new(2), Kill::Silent),
        4 => {
            engine.start_pod(PodId::new(0), DeploymentId::new(0));
            engine.set_speed(PodId::new(1), 0.4);
        }
        5 => engine.set_speed(PodId::new(1), 1.1),
        6 => engine.kill_pod(PodId::new(4), Kill::Silent),
        7 => routing.origins[0] = OriginMode::Hang,
        9 => routing.origins[0] = OriginMode::ServerError,
        10 => *routing = self::routing(&[(1, 1)]),
        11 => {
            engine.drain_pod(PodId::new(5));
        }
        12 => routing.pops[0] = PopRoute::NOWHERE,
        13 => *routing = self::routing(&[(0, 1)]),
        14 => routing.endpoints[0].clear(),
        15 => *routing = self::routing(&[(0, 3), (1, 1)]),
        _ => {}
    }
}

/// Runs the story with `n_cuts` extra window ends in every second, drawn at random; everything
/// that can be observed, as text.
fn story(plan: &TrafficPlan, n_cuts: usize) -> String {
    let mut cuts = Cursor::new(Stream::new(5, n_cuts as u64, "test", "cuts"));
    let mut engine = Flow::new(plan);
    for pod in 0..6 {
        engine.start_pod(PodId::new(pod), DeploymentId::new(pod / 3));
    }
    let mut routing = routing(&[(0, 1), (1, 1)]);
    for second in -1..20 {
        act(&mut engine, second, &mut routing);
        let mut offsets: Vec<_> = (0..n_cuts).map(|_| cuts.next_below(1_000_000_000)).collect();
        offsets.sort_unstable();
        for offset in offsets {
            let to = Time::from_secs(second) + Span::from_nanos(offset as i64);
            engine.advance(to, &routing);
        }
        engine.advance(Time::from_secs(second + 1), &routing);
    }
    let pods = (0..6).map(PodId::new);
    let pods: Vec<_> = pods
        .map(|pod| (engine.busy_s(pod), engine.in_flight(pod), engine.virtual_wait_s(pod)))
        .collect();
    format!("{pods:?}\n{:?}", engine.ledger())
}

/// `advance(a, b)` then `advance(b, c)` equals `advance(a, c)` to the last bit, for every balancer
/// and time-out rule, through kills, restarts, severed and draining pods, speed changes, outages
/// and reroutes. The engine itself asserts at each step that no user is lost.
#[test]
fn cutting_windows_changes_no_bit() {
    for balancer in
        [Balancer::Random, Balancer::RoundRobin, Balancer::PowerOfTwo, Balancer::LeastOutstanding]
    {
        for on_timeout in [OnTimeout::Serve, OnTimeout::DropQueued, OnTimeout::Cancel] {
            let plan = open_plan(balancer, on_timeout);
            let whole = story(&plan, 0);
            for n_cuts in [1, 3, 40] {
                assert!(
                    story(&plan, n_cuts) == whole,
                    "{n_cuts} cuts a second under {balancer:?}, {on_timeout:?}"
                );
            }
        }
    }
}
