//! The engine of call graphs by arithmetic: time-outs, limits, breakers, lost pods; and its own
//! promises, which are those of the engine without calls.

use tideover::model::ids::{DeploymentId, PodId};
use tideover::sim::laws::Law;
use tideover::sim::streams::{Cursor, Stream};
use tideover::traffic::calls::{BreakerRules, CallGraph, CallPlan, CallerPlan, Calls};
use tideover::traffic::ledger::{AttemptTotals, Reason, UserTotals};
use tideover::traffic::plan::{
    Arrivals, Balancer, DeploymentPlan, Jitter, OnTimeout, RetryBudget, RetryPolicy, TrafficPlan,
};
use tideover::traffic::requests::Requests;
use tideover::traffic::routing::Routing;
use tideover::traffic::{Kill, Traffic};
use tideover::units::{Ratio, Span, Time};

use super::cuts::{act, busy_plan, routing};
use super::networks::{call, of, one_pod_each, start};
use super::system::{demand, plan, pods_of};

fn millis(at: i64) -> Time {
    Time::from_nanos(at * 1_000_000)
}

/// What can be observed of both engines, to the last bit. (Waits to come are estimated where
/// requests may call.)
pub(super) fn observed(engine: &dyn Traffic) -> String {
    let pods: Vec<_> =
        (0..6).map(PodId::new).map(|pod| (engine.busy_s(pod), engine.in_flight(pod))).collect();
    format!("{pods:?}\n{:?}", engine.ledger())
}

/// Runs the story of kills, restarts, speeds and outages, with `n_cuts` window ends in every
/// second, drawn at random.
fn run_story(engine: &mut dyn Traffic, routing: &mut Routing, n_cuts: usize) {
    let mut cuts = Cursor::new(Stream::new(5, n_cuts as u64, "test", "cuts"));
    for second in -1..20 {
        act(engine, second, routing);
        let mut offsets: Vec<_> = (0..n_cuts).map(|_| cuts.next_below(1_000_000_000)).collect();
        offsets.sort_unstable();
        for offset in offsets {
            engine.advance(Time::from_secs(second) + Span::from_nanos(offset as i64), routing);
        }
        engine.advance(Time::from_secs(second + 1), routing);
    }
}

/// Where no call is made, this engine and the one without calls keep the same account to the last
/// bit, for every balancer and time-out rule, through kills, restarts, changes of speed, outages,
/// retries under a budget and a closed loop.
#[test]
fn without_calls_both_engines_agree() {
    for balancer in
        [Balancer::Random, Balancer::RoundRobin, Balancer::PowerOfTwo, Balancer::LeastOutstanding]
    {
        for on_timeout in [OnTimeout::Serve, OnTimeout::DropQueued, OnTimeout::Cancel] {
            let plan = busy_plan(balancer, on_timeout);
            let never = CallPlan { probability: Ratio::new(0.0), ..call(1) };
            let caller = CallerPlan { holds_worker: true, calls: vec![never] };
            let engines: [Box<dyn Traffic>; 2] = [
                Box::new(Requests::new(&plan)),
                Box::new(Calls::new(&plan, &CallGraph::new(vec![caller]))),
            ];
            let [single, graph] = engines.map(|mut engine| {
                for pod in 0..6 {
                    engine.start_pod(PodId::new(pod), DeploymentId::new(pod / 3));
                }
                run_story(&mut *engine, &mut routing(&[(0, 1), (1, 1)]), 0);
                observed(&*engine)
            });
            assert!(single == graph, "{balancer:?}, {on_timeout:?}:\n{single}\n\n{graph}");
        }
    }
}

/// The story with three tiers: deployments 0 and 1 call 2 at once and, sometimes, 3 after it,
/// with all that a call can have.
pub(super) fn tiers(on_timeout: OnTimeout, holds_worker: bool) -> (TrafficPlan, CallGraph) {
    let mut plan = busy_plan(Balancer::PowerOfTwo, on_timeout);
    for id in [2, 3] {
        let tier = pods_of(2, Law::lognormal_mean_cv(0.006, 1.0));
        plan.deployments.push(of(id, DeploymentPlan { queue: 20, on_timeout, ..tier }));
    }
    let retries = RetryPolicy {
        max_attempts: 2,
        backoff: Span::from_millis(5),
        factor: 2.0,
        cap: Span::from_millis(50),
        jitter: Jitter::Full,
        budget: Some(RetryBudget {
            ratio: Ratio::new(0.2),
            min_per_s: 1.0,
            ttl: Span::from_secs(10),
        }),
    };
    let breaker = BreakerRules {
        failure_rate: Ratio::new(0.5),
        window: 20,
        minimum_calls: 10,
        wait: Span::from_millis(500),
        permitted: 3,
    };
    let both = CallPlan {
        count: 2,
        parallel: true,
        round_trip: Span::from_millis(2),
        timeout: Span::from_millis(80),
        propagates_deadline: true,
        retries,
        max_concurrent: Some(5),
        breaker: Some(breaker),
        ..call(2)
    };
    let sometimes = CallPlan {
        probability: Ratio::new(0.5),
        required: false,
        timeout: Span::from_millis(60),
        ..call(3)
    };
    let caller = CallerPlan { holds_worker, calls: vec![both, sometimes] };
    (plan, CallGraph::new(vec![caller.clone(), caller]))
}

/// Runs it; pods 6 and 7 serve deployment 2, pod 8 deployment 3, which goes and comes.
pub(super) fn run_tiers<E: Traffic>(mut engine: E, n_cuts: usize) -> E {
    for pod in 0..9 {
        let deployment = [0, 0, 0, 1, 1, 1, 2, 2, 3][pod];
        engine.start_pod(PodId::new(pod), DeploymentId::new(deployment));
    }
    let mut cuts = Cursor::new(Stream::new(5, n_cuts as u64, "test", "cuts"));
    let mut routing = routing(&[(0, 1), (1, 1)]);
    for second in -1..20 {
        act(&mut engine, second, &mut routing);
        routing.endpoints.truncate(2);
        routing.endpoints.extend([vec![PodId::new(6), PodId::new(7)], vec![PodId::new(8)]]);
        match second {
            3 => engine.kill_pod(PodId::new(8), Kill::Silent),
            5 => engine.start_pod(PodId::new(8), DeploymentId::new(3)),
            8 => engine.kill_pod(PodId::new(6), Kill::Reset),
            9 => engine.start_pod(PodId::new(6), DeploymentId::new(2)),
            11 => engine.sever_pod(PodId::new(7), Kill::Reset),
            16 => engine.set_speed(PodId::new(7), 0.5),
            _ => {}
        }
        let mut offsets: Vec<_> = (0..n_cuts).map(|_| cuts.next_below(1_000_000_000)).collect();
        offsets.sort_unstable();
        for offset in offsets {
            engine.advance(Time::from_secs(second) + Span::from_nanos(offset as i64), &routing);
        }
        engine.advance(Time::from_secs(second + 1), &routing);
    }
    engine
}

/// `advance(a, b)` then `advance(b, c)` equals `advance(a, c)` to the last bit, with calls that
/// have everything, through lost pods of every tier; offered = served + failed + in flight at
/// every cut (the engine asserts it).
#[test]
fn cutting_windows_changes_no_bit() {
    for on_timeout in [OnTimeout::Serve, OnTimeout::DropQueued, OnTimeout::Cancel] {
        for holds_worker in [true, false] {
            let (plan, graph) = tiers(on_timeout, holds_worker);
            let whole = run_tiers(Calls::new(&plan, &graph), 0);
            let users = whole.ledger().demands()[0].totals();
            let failed = users.failed[Reason::Dependency as usize];
            assert!(0 < users.served.min(failed), "{users:?}");
            for n_cuts in [1, 3, 200] {
                let cut = run_tiers(Calls::new(&plan, &graph), n_cuts);
                let same = observed(&cut) == observed(&whole);
                assert!(same, "{n_cuts} cuts a second, {on_timeout:?}, {holds_worker}");
            }
        }
    }
}

/// One user at each of these instants asks a front of eight workers, which works 10 ms and calls
/// a back of eight workers that takes `back_s`; 2 ms there and back.
struct Pair {
    plan: TrafficPlan,
    caller: CallerPlan,
}

fn front() -> PodId {
    PodId::new(0)
}

fn back() -> PodId {
    PodId::new(1)
}

fn pair(sends_ms: &[i64], back_s: f64, call: CallPlan) -> Pair {
    let instants = sends_ms.iter().map(|at| millis(*at)).collect();
    let users = demand("users", Arrivals::Replay { instants });
    let mut plan = plan(users, pods_of(8, Law::constant(0.01)), 20.0);
    plan.deployments.push(of(1, pods_of(8, Law::constant(back_s))));
    let call = CallPlan { round_trip: Span::from_millis(2), ..call };
    Pair { plan, caller: CallerPlan { holds_worker: true, calls: vec![call] } }
}

impl Pair {
    fn start(&self) -> Calls {
        start(&self.plan, vec![self.caller.clone()])
    }

    fn run(&self) -> Calls {
        let mut engine = self.start();
        engine.advance(self.plan.end, &one_pod_each(2));
        engine
    }
}

pub(super) fn users(engine: &Calls) -> UserTotals {
    *engine.ledger().demands()[0].totals()
}

fn by_dependency(engine: &Calls) -> u64 {
    users(engine).failed[Reason::Dependency as usize]
}

pub(super) fn totals(engine: &Calls, deployment: usize) -> AttemptTotals {
    *engine.ledger().deployment(DeploymentId::new(deployment)).totals()
}

const MS: u64 = 1_000_000;

/// A call of 300 ms is given up after 100. Served all the same, it works 201 ms for nobody (it
/// began 1 ms after it was sent); a server that cancels learns it 1 ms later. The front's worker
/// is held for 10 + 100 ms, of which 10 use CPU. An optional call costs the user only the time.
#[test]
fn a_call_is_given_up() {
    let timeout = Span::from_millis(100);
    for (on_timeout, required) in
        [(OnTimeout::Serve, true), (OnTimeout::Serve, false), (OnTimeout::Cancel, true)]
    {
        let mut pair = pair(&[0], 0.3, CallPlan { timeout, required, ..call(1) });
        pair.plan.deployments[1].on_timeout = on_timeout;
        let engine = pair.run();
        let [served, failed] = [u64::from(!required), u64::from(required)];
        assert_eq!((users(&engine).served, by_dependency(&engine)), (served, failed));
        let caller = totals(&engine, 0);
        assert_eq!((caller.served, caller.aborted), (served, failed));
        assert_eq!(caller.busy_ns, 110 * MS);
        assert_eq!(engine.busy_s(front()), 0.01);
        let called = totals(&engine, 1);
        let (worked, for_nobody) =
            if on_timeout == OnTimeout::Serve { (300, 201) } else { (100, 1) };
        assert_eq!((called.busy_ns, called.zombie_ns), (worked * MS, for_nobody * MS));
    }
}

/// Three attempts of 100 ms with 50 and 100 ms between them; the budget of a caller pod has ten
/// retries at first, so the sixth of six users gets none. Retries count as attempts of the back,
/// not of users.
#[test]
fn calls_are_retried_under_a_budget() {
    let retries = RetryPolicy {
        max_attempts: 3,
        backoff: Span::from_millis(50),
        factor: 2.0,
        cap: Span::from_secs(1),
        jitter: Jitter::None,
        budget: None,
    };
    let budget = RetryBudget { ratio: Ratio::new(0.0), min_per_s: 0.0, ttl: Span::from_secs(1) };
    let timeout = Span::from_millis(100);
    for (budget, arrived) in [(None, 18), (Some(budget), 16)] {
        let retries = RetryPolicy { budget, ..retries.clone() };
        let sends: Vec<i64> = (0..6).map(|user| user * 1_000).collect();
        let engine = pair(&sends, 0.3, CallPlan { timeout, retries, ..call(1) }).run();
        assert_eq!(totals(&engine, 1).arrived, arrived, "{budget:?}");
        assert_eq!((by_dependency(&engine), users(&engine).retries), (6, 0));
        let held = if budget.is_none() { 6 * 450 } else { 5 * 450 + 150 };
        assert_eq!(totals(&engine, 0).busy_ns, (60 + held) * MS);
    }
}

/// Five users within 4 ms call a back that takes 1 s. A caller pod with a limit of 2 calls at a
/// time fails three of them at once; without a limit all are served.
#[test]
fn a_limit_fails_what_is_too_many() {
    for (max_concurrent, served) in [(None, 5), (Some(2), 2)] {
        let engine = pair(&[0, 1, 2, 3, 4], 1.0, CallPlan { max_concurrent, ..call(1) }).run();
        assert_eq!((users(&engine).served, by_dependency(&engine)), (served, 5 - served));
        assert_eq!(totals(&engine, 1).arrived, served);
    }
}

/// A user every 100 ms from 0 s to 10 s; the back has no endpoint until 3 s. After five failures
/// the breaker opens, refuses for 2 s without a call, tries one call, opens again, and closes with
/// the first success: users 0-4 fail by the back, user 25 too (sent at 2.5 s, the first after
/// 0.4 + 0.01 + 0.002 + 2 s), and those until 4.5 s by the breaker.
#[test]
fn a_breaker_spares_the_called() {
    let sends: Vec<i64> = (0..100).map(|user| user * 100).collect();
    let breaker = Some(BreakerRules {
        failure_rate: Ratio::new(1.0),
        window: 5,
        minimum_calls: 5,
        wait: Span::from_secs(2),
        permitted: 1,
    });
    let pair = pair(&sends, 0.05, CallPlan { breaker, ..call(1) });
    let mut engine = pair.start();
    let mut dark = one_pod_each(2);
    dark.endpoints[1].clear();
    engine.advance(Time::from_secs(3), &dark);
    assert_eq!((totals(&engine, 1).arrived, by_dependency(&engine)), (6, 30));
    engine.advance(pair.plan.end, &one_pod_each(2));
    assert_eq!((users(&engine).served, by_dependency(&engine)), (54, 46));
    assert_eq!(totals(&engine, 1).arrived, 6 + 54);
}

/// A called pod with a request in service and one in its queue is killed at 50 ms. Reset, both
/// callers know it at 51 ms; silent, by their own time-out, the first at 410 ms. A pod that drains
/// finishes both by the instant that it tells.
#[test]
fn a_called_pod_is_lost_or_drains() {
    let timeout = Span::from_millis(400);
    let mut pair = pair(&[0, 1], 0.1, CallPlan { timeout, ..call(1) });
    pair.plan.deployments[1].workers = 1;
    let routing = one_pod_each(2);
    let until = |at_ms: i64, act: &dyn Fn(&mut Calls)| {
        let mut engine = pair.start();
        engine.advance(millis(50), &routing);
        act(&mut engine);
        engine.advance(millis(at_ms), &routing);
        engine
    };
    for (how, told_ms) in [(Kill::Reset, 51), (Kill::Silent, 410)] {
        let kill = |engine: &mut Calls| engine.kill_pod(back(), how);
        let before = until(told_ms, &kill);
        assert_eq!((by_dependency(&before), before.in_flight(front())), (0, 2), "{how:?}");
        let after = until(told_ms + 1, &kill);
        assert!(0 < by_dependency(&after), "{how:?}");
        assert_eq!(totals(&after, 1).lost, 2);
    }
    let drained = until(300, &|engine| {
        let done = engine.drain_pod(back());
        assert!(millis(211) < done, "{done}: both calls end at 211 ms");
    });
    assert_eq!(users(&drained).served, 2);
    assert_eq!(drained.in_flight(back()), 0);
}

/// When the pod of a caller is killed, its calls go on for nobody, and the users learn it.
#[test]
fn a_lost_caller_leaves_zombies() {
    let pair = pair(&[0], 0.3, call(1));
    let mut engine = pair.start();
    engine.advance(millis(111), &one_pod_each(2));
    engine.kill_pod(front(), Kill::Reset);
    engine.advance(pair.plan.end, &one_pod_each(2));
    assert_eq!(users(&engine).failed[Reason::PodLost as usize], 1);
    let called = totals(&engine, 1);
    assert_eq!((called.served, called.zombie_ns), (1, 200 * MS));
}
