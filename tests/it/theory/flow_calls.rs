//! Calls as counts against the closed forms of networks, and their own promises.
//!
//! Tolerances are those of the other tests of counts.

use tideover::model::ids::{DeploymentId, PodId};
use tideover::sim::laws::Law;
use tideover::traffic::calls::{CallGraph, CallPlan, CallerPlan};
use tideover::traffic::flow::Flow;
use tideover::traffic::ledger::{AttemptTotals, Reason, UserTotals};
use tideover::traffic::plan::{
    Arrivals, DeploymentPlan, OnTimeout, RetryBudget, RetryPolicy, TrafficPlan,
};
use tideover::traffic::routing::Routing;
use tideover::traffic::{Kill, Traffic};
use tideover::units::{Ratio, Span, Time};

use super::calls::{observed, run_tiers, tiers};
use super::networks::{call, network, of};
use super::system::{UNIT_S, demand, plan, pods_of, poisson, route_to};

/// As that of the other tests of counts: four standard errors of 0.25 %.
const TOLERANCE: f64 = 0.01;

fn within(what: &str, value: f64, exact: f64, tolerance: f64) {
    let off = 100.0 * (value / exact - 1.0);
    assert!(off.abs() <= 100.0 * tolerance, "{what}: {value}, exactly {exact}, off by {off:.2} %");
}

/// Pods of each deployment, numbered on.
pub(super) fn pods_by_deployment(n_pods: &[usize]) -> Vec<Vec<PodId>> {
    let mut next = 0;
    let mut take = |n: usize| {
        next += n;
        (next - n..next).map(PodId::new).collect()
    };
    n_pods.iter().map(|&n| take(n)).collect()
}

pub(super) fn routing(n_pods: &[usize]) -> Routing {
    Routing { endpoints: pods_by_deployment(n_pods), ..route_to(1) }
}

pub(super) fn start_pods(engine: &mut dyn Traffic, n_pods: &[usize]) {
    for (deployment, pods) in pods_by_deployment(n_pods).into_iter().enumerate() {
        for pod in pods {
            engine.start_pod(pod, DeploymentId::new(deployment));
        }
    }
}

fn run(plan: &TrafficPlan, callers: Vec<CallerPlan>) -> Flow {
    let n_pods = vec![1; plan.deployments.len()];
    let mut engine = Flow::with_calls(plan, &CallGraph::new(callers));
    start_pods(&mut engine, &n_pods);
    engine.advance(plan.end, &routing(&n_pods));
    engine
}

pub(super) fn totals(engine: &dyn Traffic, deployment: usize) -> AttemptTotals {
    *engine.ledger().deployment(DeploymentId::new(deployment)).totals()
}

fn mean_number(totals: &AttemptTotals, time: f64) -> f64 {
    (totals.wait_ns + totals.busy_ns) as f64 / 1e9 / UNIT_S / time
}

pub(super) fn event_loop(calls: Vec<CallPlan>) -> CallerPlan {
    CallerPlan { holds_worker: false, calls }
}

/// An M/M/1 at 0.7 whose customers go on to two servers of rate 0.5.
#[test]
fn tandem_as_counts() {
    let time = 2e6;
    let services =
        vec![pods_of(1, Law::exponential(UNIT_S)), pods_of(2, Law::exponential(2.0 * UNIT_S))];
    let engine = run(&network(0.7, time, services), vec![event_loop(vec![call(1)])]);
    for (node, exact) in [(0, 2.33333333333), (1, 2.74509803922)] {
        let number = mean_number(&totals(&engine, node), time);
        within(&format!("node {node}"), number, exact, TOLERANCE);
    }
}

/// Four servers of rate 1, of whose customers 60 % go on to three more, and 25 % of those back.
#[test]
fn jackson_as_counts() {
    let time = 2e6;
    let services = vec![pods_of(4, Law::exponential(UNIT_S)), pods_of(3, Law::exponential(UNIT_S))];
    let with = |to, share| CallPlan { probability: Ratio::new(share), ..call(to) };
    let callers = vec![event_loop(vec![with(1, 0.6)]), event_loop(vec![with(0, 0.25)])];
    let engine = run(&network(1.0, time, services), callers);
    for (node, number, flow) in
        [(0, 1.1909545759, 1.17647058824), (1, 0.717491862258, 0.705882352941)]
    {
        let totals = totals(&engine, node);
        within(&format!("node {node}"), mean_number(&totals, time), number, TOLERANCE);
        let served = totals.served as f64 / time;
        within(&format!("flow of node {node}"), served, flow, TOLERANCE);
    }
}

/// Three calls at once are over with the last of three exponentials, H_3 on average; three in a
/// row take 3. The caller's worker is held so long, but uses CPU only for its own work.
#[test]
fn fan_out_and_sequence_as_counts() {
    let (time, rate, own) = (400_000.0, 1.0, 0.25);
    for (parallel, mean) in [(true, 11.0 / 6.0), (false, 3.0)] {
        let services =
            vec![pods_of(64, Law::constant(own * UNIT_S)), pods_of(64, Law::exponential(UNIT_S))];
        let calls = vec![CallPlan { parallel, count: 3, ..call(1) }];
        let plan = network(rate, time, services);
        let engine = run(&plan, vec![CallerPlan { holds_worker: true, calls }]);
        let caller = totals(&engine, 0);
        let held = caller.busy_ns as f64 / 1e9 / UNIT_S / caller.served as f64 - own;
        within("held", held, mean, TOLERANCE);
        let own_work = engine.busy_s(PodId::new(0)) / UNIT_S;
        within("work", own_work, own * rate * time * 1.05, TOLERANCE);
        let called = totals(&engine, 1);
        within("calls", called.arrived as f64, 3.0 * rate * time, TOLERANCE);
    }
}

/// A caller of `workers`, which are held until the answers are there.
fn thread(calls: Vec<CallPlan>) -> Vec<CallerPlan> {
    vec![CallerPlan { holds_worker: true, calls }]
}

/// Workers are held for own work and response together: by Little's law λ (1/4 + R) of them, where
/// R is the sojourn of an M/M/4 at 3 (its queue is 1.5283). Where there are fewer, these bound what
/// gets through: eight of them do 8 / (1/4 + 1) a unit, if the called one is never busy.
#[test]
fn workers_are_held_for_response() {
    let (rate, own) = (3.0, 0.25);
    let services =
        vec![pods_of(64, Law::constant(own * UNIT_S)), pods_of(4, Law::exponential(UNIT_S))];
    let time = 1e6;
    let engine = run(&network(rate, time, services), thread(vec![call(1)]));
    let held = totals(&engine, 0).busy_ns as f64 / 1e9 / UNIT_S / time;
    within("held workers", held, rate * (own + 1.0) + 1.52830188679, TOLERANCE);

    let few = DeploymentPlan { queue: 20, ..pods_of(8, Law::constant(own * UNIT_S)) };
    let services = vec![few, pods_of(64, Law::exponential(UNIT_S))];
    let engine = run(&network(10.0, time, services), thread(vec![call(1)]));
    let through = totals(&engine, 0).served as f64 / time;
    within("throughput of eight workers", through, 8.0 / (own + 1.0), TOLERANCE);
}

/// Calls that take an exponential time and are given up after 1.5 of its mean fail with exp(-1.5),
/// with two attempts with exp(-3), and as many users with them; the time of an attempt is 1 -
/// exp(-1.5) in the mean. An optional call costs its time only.
#[test]
fn slow_calls_fail_by_their_law() {
    let (rate, own, patience) = (1.0, 0.25, 1.5);
    let failing = f64::exp(-patience);
    for (attempts, required) in [(1, true), (2, true), (1, false)] {
        let services =
            vec![pods_of(64, Law::constant(own * UNIT_S)), pods_of(64, Law::exponential(UNIT_S))];
        let retries = RetryPolicy {
            max_attempts: attempts,
            backoff: Span::from_millis(1),
            factor: 1.0,
            cap: Span::from_secs(1),
            ..RetryPolicy::NEVER
        };
        let timeout = Span::from_secs_f64(patience * UNIT_S);
        let calls = vec![CallPlan { timeout, required, retries, ..call(1) }];
        let plan = network(rate, 1e6, services);
        let engine = run(&plan, thread(calls));
        let UserTotals { offered, failed, .. } = *engine.ledger().demands()[0].totals();
        let caller = totals(&engine, 0);
        let held = caller.busy_ns as f64 / 1e9 / UNIT_S / (caller.served + caller.aborted) as f64;
        let failed = failed[Reason::Dependency as usize] as f64 / offered as f64;
        let pause = failing * 0.001 / UNIT_S;
        let (fails, time) = match attempts {
            1 => (failing, 1.0 - failing),
            _ => (failing * failing, (1.0 - failing) * (1.0 + failing) + pause),
        };
        within("time", held - own, time, TOLERANCE);
        if required {
            within("failed", failed, fails, TOLERANCE);
        } else {
            assert!(failed == 0.0, "{failed} although nobody needs the call");
        }
    }
}

/// Calls fail with f = exp(-1.5), and budgets of caller pods let a tenth as many be tried again as
/// were made: f - (1 - f) / 10 fail for good. The ten tokens that a bucket holds at first are
/// nothing in so many.
#[test]
fn budgets_bound_retries_of_calls() {
    let (patience, ratio) = (1.5, 0.1);
    let failing = f64::exp(-patience);
    let budget = RetryBudget { ratio: Ratio::new(ratio), min_per_s: 0.0, ttl: Span::from_secs(10) };
    let retries = RetryPolicy {
        max_attempts: 2,
        backoff: Span::from_millis(1),
        factor: 1.0,
        cap: Span::from_secs(1),
        budget: Some(budget),
        ..RetryPolicy::NEVER
    };
    let timeout = Span::from_secs_f64(patience * UNIT_S);
    let services = vec![pods_of(64, Law::constant(UNIT_S)), pods_of(64, Law::exponential(UNIT_S))];
    let plan = network(1.0, 1e6, services);
    let engine = run(&plan, thread(vec![CallPlan { timeout, retries, ..call(1) }]));
    let UserTotals { offered, failed, .. } = *engine.ledger().demands()[0].totals();
    let failed = failed[Reason::Dependency as usize] as f64 / offered as f64;
    within("failed", failed, failing - ratio * (1.0 - failing), TOLERANCE);
    let attempts = totals(&engine, 1).arrived as f64 / offered as f64;
    within("attempts", attempts, 1.0 + ratio, TOLERANCE);
}

/// All pods of what is called are lost from 20 s to 40 s. Told at once, users fail by `dependency`
/// until they are back; told by nobody, when their calls are given up after 200 ms. Before and
/// after nobody fails, and the front's pods use CPU for own work only.
#[test]
fn a_lost_callee_fails_its_callers() {
    for (how, holds_worker) in
        [(Kill::Reset, true), (Kill::Silent, true), (Kill::Reset, false), (Kill::Silent, false)]
    {
        let mut plan =
            plan(demand("users", poisson(500.0)), pods_of(64, Law::constant(0.01)), 60.0);
        plan.deployments.push(of(1, pods_of(64, Law::constant(0.02))));
        let timeout = Span::from_millis(200);
        let caller = CallerPlan { holds_worker, calls: vec![CallPlan { timeout, ..call(1) }] };
        let mut engine = Flow::with_calls(&plan, &CallGraph::new(vec![caller]));
        let n_pods = [2, 2];
        start_pods(&mut engine, &n_pods);
        let routing = routing(&n_pods);
        let failed_by = |engine: &Flow| engine.ledger().demands()[0].totals().failed_total();
        engine.advance(Time::from_secs(20), &routing);
        assert_eq!(failed_by(&engine), 0);
        let pods = [2, 3].map(PodId::new);
        pods.into_iter().for_each(|pod| engine.kill_pod(pod, how));
        engine.advance(Time::from_secs(40), &routing);
        pods.into_iter().for_each(|pod| engine.start_pod(pod, DeploymentId::new(1)));
        engine.advance(Time::from_secs(45), &routing);
        let failed = failed_by(&engine);
        engine.advance(plan.end, &routing);
        assert_eq!(failed_by(&engine), failed, "{how:?}: nobody fails any more");
        let users = *engine.ledger().demands()[0].totals();
        let seconds = engine.ledger().demands()[0].seconds();
        let offered: u32 = seconds[20..40].iter().map(|second| second.offered).sum();
        // As many as there are in a time-out fail a little earlier or later.
        let off = users.failed[Reason::Dependency as usize].abs_diff(u64::from(offered));
        assert!(off <= 100 + 15, "{how:?}, {holds_worker}: {off} of {offered}, {users:?}");
        assert_eq!(users.failed_total(), users.failed[Reason::Dependency as usize]);
        let work: f64 = [0, 1].map(|pod| engine.busy_s(PodId::new(pod))).iter().sum();
        within("work", work, 0.01 * 500.0 * 63.0, 0.02);
    }
}

/// Cutting windows changes no bit, and every user and every call is in one place at each step (the
/// engine asserts it), through the story of three tiers with lost, severed and slow pods.
#[test]
fn cutting_windows_of_calls_changes_no_bit() {
    for on_timeout in [OnTimeout::Serve, OnTimeout::DropQueued, OnTimeout::Cancel] {
        for holds_worker in [true, false] {
            let (mut plan, graph) = tiers(on_timeout, holds_worker);
            plan.demands.retain(|demand| !matches!(demand.arrivals, Arrivals::ClosedLoop { .. }));
            let mut callers = graph.callers().to_vec();
            for call in callers.iter_mut().flat_map(|caller| &mut caller.calls) {
                (call.max_concurrent, call.breaker) = (None, None);
            }
            let graph = CallGraph::new(callers);
            let whole = run_tiers(Flow::with_calls(&plan, &graph), 0);
            let users = whole.ledger().demands()[0].totals();
            let failed = users.failed[Reason::Dependency as usize];
            assert!(0 < users.served.min(failed), "{users:?}");
            for n_cuts in [1, 3, 40] {
                let cut = run_tiers(Flow::with_calls(&plan, &graph), n_cuts);
                let same = observed(&cut) == observed(&whole);
                assert!(same, "{n_cuts} cuts a second, {on_timeout:?}, {holds_worker}");
            }
        }
    }
}
