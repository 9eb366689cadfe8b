//! Gates, by arithmetic and by Erlang's loss formula, and their promise: cutting a window changes
//! no bit, and a gate that is open changes none at all.

use tideover::model::ids::{DeploymentId, GateId, PodId};
use tideover::sim::laws::Law;
use tideover::traffic::flow::Flow;
use tideover::traffic::gate::{GateLimit, GatePlan, GateReading, Pass, UserPart};
use tideover::traffic::ledger::Reason;
use tideover::traffic::plan::{Arrivals, Balancer, OnTimeout, TrafficPlan};
use tideover::traffic::requests::Requests;
use tideover::traffic::routing::Routing;
use tideover::traffic::{Kill, Traffic};
use tideover::units::{Ratio, Span, Time};

use super::birth_death::Chain;
use super::cuts::{busy_plan, run_gated};
use super::system::{UNIT_S, demand, deployment, plan, pods_of, poisson, route_to, start};

fn millis(at: i64) -> Time {
    Time::from_nanos(at * 1_000_000)
}

/// A gate for every request of the given deployments, which cost 1.
fn gate(reason: Reason, counts_in_progress: bool, deployments: &[usize]) -> GatePlan {
    let pass = |&index: &usize| Pass {
        deployment: DeploymentId::new(index),
        cost: 1.0,
        places: 1,
        lasts: None,
        users: UserPart::ALL,
    };
    GatePlan { reason, counts_in_progress, passes: deployments.iter().map(pass).collect() }
}

/// One user at each of `sends_ms`, 10 ms away from a pod that serves four at a time in 100 ms.
fn four_workers(sends_ms: &[i64], gate: GatePlan) -> TrafficPlan {
    let instants = sends_ms.iter().map(|at| millis(*at)).collect();
    let mut users = demand("users", Arrivals::Replay { instants });
    users.pop_to_cluster = vec![Span::from_millis(10)];
    users.attempt_timeout = Span::from_secs(2);
    let mut plan = plan(users, pods_of(4, Law::constant(0.1)), 20.0);
    plan.gates.push(gate);
    plan
}

fn limited(limit: GateLimit) -> Routing {
    Routing { gates: vec![limit], ..route_to(1) }
}

fn reading(engine: &Requests) -> GateReading {
    engine.gate(GateId::new(0))
}

/// What passes a gate of a rate, by arithmetic on the arrivals (each 10 ms after its send). The
/// bucket is full at the start; a request takes its unit or fails at its arrival, for the gate's
/// reason; a changed limit keeps what has filled by then, up to the new burst.
#[test]
fn a_rate_lets_pass_what_the_bucket_holds() {
    let rate = |rate, burst| GateLimit { rate, burst, ..GateLimit::OPEN };
    let every_100_ms: Vec<i64> = (0..40).map(|k| k * 100).collect();
    let at_once = vec![0; 10];
    type Row<'a> = (&'a str, &'a [i64], GateLimit, GateLimit, u64);
    // From -1 s on the first limit, from 2.005 s on the second.
    let rows: [Row<'_>; 9] = [
        ("an open gate lets all pass", &at_once, GateLimit::OPEN, GateLimit::OPEN, 10),
        ("a shut gate lets none pass", &at_once, GateLimit::SHUT, GateLimit::SHUT, 0),
        ("a burst passes at once", &at_once, rate(1.0, 4.0), rate(1.0, 4.0), 4),
        ("a bucket holds no more than its burst", &at_once, rate(99.0, 3.9), rate(99.0, 3.9), 3),
        // The first, and from then on every second one: 10/s come, 5/s fill.
        ("half of twice the rate passes", &every_100_ms, rate(5.001, 1.0), rate(5.001, 1.0), 20),
        ("the rate itself passes", &every_100_ms, rate(10.001, 1.0), rate(10.001, 1.0), 40),
        // 20 by 1.91 s, then none.
        ("a new limit holds from its instant", &every_100_ms, GateLimit::OPEN, GateLimit::SHUT, 20),
        // None, then the bucket is empty at 2.005 s and fills at 10/s: a unit by 2.105 s.
        (
            "what is raised from zero is empty",
            &every_100_ms,
            GateLimit::SHUT,
            rate(10.001, 1.0),
            19,
        ),
        // The burst of 5 at 0.01 s; of what fills 1 s later only 2 stay at 2.005 s.
        (
            "a smaller burst spills",
            &[0, 0, 0, 0, 0, 2_000, 2_000, 2_000, 2_000, 2_000],
            rate(5.0, 5.0),
            rate(0.001, 2.0),
            7,
        ),
    ];
    for (name, sends, first, second, passed) in rows {
        let plan = four_workers(sends, gate(Reason::GatewayFull, false, &[0]));
        let mut engine = start(&plan, 1);
        engine.advance(millis(2_005), &limited(first));
        engine.advance(plan.end, &limited(second));
        let users = *engine.ledger().demands()[0].totals();
        assert_eq!(reading(&engine).passed, passed, "{name}");
        assert_eq!(users.served, passed, "{name}");
        let refused = sends.len() as u64 - passed;
        assert_eq!(users.failed[Reason::GatewayFull as usize], refused, "{name}");
        assert_eq!(engine.ledger().deployment(deployment()).totals().refused, refused, "{name}");
        assert_eq!(reading(&engine).refused_units, refused as f64, "{name}");
    }
}

/// A request takes its cost, so at 5 units each 4 of 10 pass a burst of 20; users of the part
/// that does not need the gate pass it by; and the client learns of it one way later.
#[test]
fn cost_part_and_reason_are_those_of_the_plan() {
    let burst = GateLimit { rate: 0.0, burst: 20.0, in_progress: u64::MAX };
    let sends = [0; 10];
    let mut plan = four_workers(&sends, gate(Reason::Dependency, false, &[0]));
    plan.gates[0].passes[0].cost = 5.0;
    let mut engine = start(&plan, 1);
    engine.advance(millis(20), &limited(burst));
    let failed = |engine: &Requests| engine.ledger().demands()[0].totals().failed;
    assert_eq!(failed(&engine)[Reason::Dependency as usize], 0);
    engine.advance(millis(20) + Span::from_nanos(2), &limited(burst));
    assert_eq!(failed(&engine)[Reason::Dependency as usize], 6);
    assert_eq!(reading(&engine).passed_units, 20.0);

    let quarter = Ratio::new(0.25);
    let [writes, reads] = [UserPart::share(quarter), UserPart::all_but(quarter)].map(|users| {
        let mut plan = four_workers(&[0; 4_000], gate(Reason::Dependency, false, &[0]));
        plan.gates[0].passes[0].users = users;
        let mut engine = start(&plan, 1);
        engine.advance(plan.end, &limited(GateLimit::SHUT));
        reading(&engine).refused
    });
    // A binomial of 4,000 and 1/4: 4 standard deviations are 110. Together they are all users.
    assert!(writes.abs_diff(1_000) <= 110, "{writes} of 4,000");
    assert_eq!(writes + reads, 4_000);
}

/// At most two in progress: each of them ends with its answer, with its client's patience, or
/// with its pod. A request that waits for a pod that is gone without a word stays in progress
/// until its client gives up, one whose connection is reset does not. A change of speed moves the
/// ends of what is in progress.
#[test]
fn a_request_is_in_progress_until_it_ends() {
    let limit = limited(GateLimit { in_progress: 2, ..GateLimit::OPEN });
    let passed = |sends: &[i64], patience_ms: i64, act: &dyn Fn(&mut Requests)| {
        let mut plan = four_workers(sends, gate(Reason::GatewayFull, true, &[0]));
        plan.demands[0].attempt_timeout = Span::from_millis(patience_ms);
        let mut engine = start(&plan, 1);
        engine.advance(millis(50), &limit);
        act(&mut engine);
        engine.advance(plan.end, &limit);
        assert_eq!(reading(&engine).in_progress, 0);
        reading(&engine).passed
    };
    let nothing = |_: &mut Requests| {};
    let kill = |how| move |engine: &mut Requests| engine.kill_pod(PodId::new(0), how);
    let slow = |speed| move |engine: &mut Requests| engine.set_speed(PodId::new(0), speed);
    // Arrivals at 10 and 20 ms are served until 110 and 120 ms.
    assert_eq!(passed(&[0, 10, 30, 99], 2_000, &nothing), 2, "the third and fourth find two");
    assert_eq!(passed(&[0, 10, 30, 101], 2_000, &nothing), 3, "one has been answered");
    assert_eq!(passed(&[0, 10, 30, 71], 70, &nothing), 3, "one has been given up");
    assert_eq!(passed(&[0, 10, 59], 2_000, &kill(Kill::Reset)), 3, "both connections are reset");
    assert_eq!(passed(&[0, 10, 59], 2_000, &kill(Kill::Silent)), 2, "both still wait");
    assert_eq!(passed(&[0, 10, 59, 92], 95, &kill(Kill::Silent)), 3, "one waits no longer");
    // At 50 ms, 60 and 70 ms of work are left.
    assert_eq!(passed(&[0, 10, 101], 2_000, &slow(0.5)), 2, "at half speed until 170 ms");
    assert_eq!(passed(&[0, 10, 101, 161], 2_000, &slow(0.5)), 3, "at half speed until 170 ms");
    assert_eq!(passed(&[0, 10, 71], 2_000, &slow(2.0)), 3, "at double speed until 80 ms");
}

/// A request may take its places for a fixed time instead, whatever becomes of it: two places for
/// 50 ms each time, of which there are three.
#[test]
fn places_may_be_taken_for_a_fixed_time() {
    let limit = limited(GateLimit { in_progress: 3, ..GateLimit::OPEN });
    for (sends, passed) in [([0, 49], 1), ([0, 51], 2), ([0, 200], 2)] {
        let mut plan = four_workers(&sends, gate(Reason::Dependency, true, &[0]));
        plan.gates[0].passes[0].places = 2;
        plan.gates[0].passes[0].lasts = Some(Span::from_millis(50));
        let mut engine = start(&plan, 1);
        engine.advance(millis(30), &limit);
        assert_eq!(reading(&engine).in_progress, 2, "{sends:?}");
        engine.kill_pod(PodId::new(0), Kill::Reset);
        engine.start_pod(PodId::new(0), deployment());
        engine.advance(plan.end, &limit);
        assert_eq!((reading(&engine).passed, reading(&engine).in_progress), (passed, 0));
    }
}

/// With k places in progress and at least k workers, a gate is Erlang's loss system M/M/k/k: the
/// share refused is Erlang B, within 4 standard errors of the chain; by counts within 1 %.
#[test]
fn a_bound_in_progress_loses_as_erlang_b() {
    for (places, load) in [(1, 0.5), (4, 3.0), (32, 40.0)] {
        let arrivals = 400_000.0;
        let time = arrivals / load;
        let law = Law::exponential(UNIT_S);
        let mut plan =
            plan(demand("users", poisson(load / UNIT_S)), pods_of(64, law), time * UNIT_S);
        plan.gates.push(gate(Reason::GatewayFull, true, &[0]));
        let mut engine = start(&plan, 1);
        let limit = GateLimit { in_progress: places as u64, ..GateLimit::OPEN };
        engine.advance(plan.end, &limited(limit));
        let chain = Chain::bounded(places, load, places);
        let full = |n: usize| if n == places { 1.0 } else { 0.0 };
        let erlang_b = chain.mean(full);
        let refused = engine.ledger().deployment(deployment()).totals().refused as f64;
        let lost = refused / (load * time);
        let error = chain.arrival_error(full, time);
        assert!((lost - erlang_b).abs() <= 4.0 * error, "M/M/{places}/{places}: {lost} {erlang_b}");
        let mut counts = Flow::new(&plan);
        counts.start_pod(PodId::new(0), deployment());
        counts.advance(plan.end, &limited(limit));
        let totals = *counts.ledger().deployment(deployment()).totals();
        let lost = totals.refused as f64 / totals.arrived as f64;
        assert!((lost / erlang_b - 1.0).abs() <= 0.01, "by counts: {lost} {erlang_b}");
    }
}

/// Two gates in front of two clusters: one for all requests, with a bound in progress, one for the
/// writes to the second cluster. Their limits change every second.
fn gated(mut plan: TrafficPlan) -> TrafficPlan {
    plan.gates = vec![
        gate(Reason::GatewayFull, true, &[0, 1]),
        gate(Reason::Dependency, true, &[1]),
        gate(Reason::Dependency, false, &[1]),
    ];
    plan.gates[0].passes[1].cost = 1.7;
    plan.gates[0].passes[1].places = 2;
    plan.gates[1].passes[0].lasts = Some(Span::from_millis(400));
    plan.gates[1].passes[0].users = UserPart::share(Ratio::new(0.3));
    plan.gates[2].passes[0].users = UserPart::all_but(Ratio::new(0.3));
    plan
}

fn limits(second: i64) -> Vec<GateLimit> {
    let limit = |rate, burst, in_progress| GateLimit { rate, burst, in_progress };
    match second.rem_euclid(5) {
        0 => vec![limit(220.0, 20.0, 25), limit(30.0, 3.0, 9)],
        1 => vec![limit(220.0, 20.0, 25), limit(30.0, 3.0, 4), limit(70.0, 1.0, u64::MAX)],
        2 => vec![GateLimit::OPEN, limit(30.0, 3.0, 4)],
        3 => vec![limit(130.0, 40.0, 12), GateLimit::SHUT],
        _ => vec![limit(130.0, 40.0, 30)],
    }
}

/// `advance(a, b)` then `advance(b, c)` equals `advance(a, c)` to the last bit with gates, too,
/// their readings included, under every rule for time-outs and a balancer that counts.
#[test]
fn cutting_windows_of_gates_changes_no_bit() {
    for balancer in [Balancer::Random, Balancer::LeastOutstanding] {
        for on_timeout in [OnTimeout::Serve, OnTimeout::DropQueued, OnTimeout::Cancel] {
            let plan = gated(busy_plan(balancer, on_timeout));
            let whole = run_gated(&plan, 0, limits);
            for n_cuts in [1, 3, 400] {
                assert!(
                    run_gated(&plan, n_cuts, limits) == whole,
                    "{n_cuts} cuts a second under {balancer:?}, {on_timeout:?}"
                );
            }
            // All of them refuse some, or the test shows little.
            assert!(!whole.contains("refused: 0,"), "{whole}");
        }
    }
}

/// Gates that are open change no bit of what becomes of requests, though they count.
#[test]
fn open_gates_change_no_bit() {
    for balancer in [Balancer::Random, Balancer::RoundRobin, Balancer::PowerOfTwo] {
        let plain = busy_plan(balancer, OnTimeout::Cancel);
        let open = run_gated(&gated(plain.clone()), 0, |_| Vec::new());
        let without = run_gated(&plain, 0, |_| Vec::new());
        assert!(open.starts_with(&without) && without != open, "{balancer:?}");
    }
}
