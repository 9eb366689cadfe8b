//! The engine's own promises: cutting a window changes no bit, and no user is lost.

use tideover::model::ids::{ClusterId, DeploymentId, GateId, PodId};
use tideover::sim::laws::Law;
use tideover::sim::streams::{Cursor, Stream};
use tideover::traffic::gate::GateLimit;
use tideover::traffic::plan::{
    Arrivals, Balancer, DeploymentPlan, Jitter, OnTimeout, RetryBudget, RetryPolicy, TrafficPlan,
};
use tideover::traffic::requests::Requests;
use tideover::traffic::routing::{OriginMode, PopRoute, Routing};
use tideover::traffic::{Kill, Traffic};
use tideover::units::{Ratio, Span, Time};

use super::system::{demand, plan, pods_of, poisson};

/// Two demands with latency, time-outs, deadline, jittered retries under a budget and a closed
/// loop, on two clusters of three pods that differ by `balancer` and `on_timeout`.
pub(super) fn busy_plan(balancer: Balancer, on_timeout: OnTimeout) -> TrafficPlan {
    let pods = |cluster| DeploymentPlan {
        cluster: ClusterId::new(cluster),
        queue: 25,
        balancer,
        on_timeout,
        ..pods_of(3, Law::lognormal_mean_cv(0.05, 1.5))
    };
    let retries = |jitter, budget| RetryPolicy {
        max_attempts: 4,
        backoff: Span::from_millis(20),
        factor: 2.0,
        cap: Span::from_millis(100),
        jitter,
        budget,
    };
    let budget = RetryBudget { ratio: Ratio::new(0.2), min_per_s: 1.0, ttl: Span::from_secs(10) };
    let mut first = demand("first", poisson(150.0));
    first.retries = retries(Jitter::Full, Some(budget));
    first.deadline = Some(Span::from_millis(700));
    let mut second = demand("second", poisson(90.0));
    second.retries = retries(Jitter::Equal, None);
    let closed = Arrivals::ClosedLoop {
        clients: 7,
        requests: 40,
        pause: Span::from_millis(90),
        begin: Time::from_secs(-1),
    };
    let mut third = demand("third", closed);
    third.origin_response_timeout = Span::from_millis(240);
    for (index, demand) in [&mut first, &mut second, &mut third].into_iter().enumerate() {
        demand.attempt_timeout = Span::from_millis(300);
        demand.client_to_pop = Span::from_millis(3 + index as i64);
        demand.pop_to_cluster = vec![Span::from_millis(5), Span::from_millis(40)];
    }
    let mut plan = plan(first, pods(0), 20.0);
    plan.n_clusters = 2;
    plan.demands.extend([second, third]);
    plan.deployments.push(pods(1));
    plan
}

pub(super) fn routing(weights: &[(usize, u32)]) -> Routing {
    let weights: Vec<_> = weights.iter().map(|&(c, w)| (ClusterId::new(c), w)).collect();
    Routing {
        pops: vec![PopRoute::weighted(&weights)],
        origins: vec![OriginMode::Serving; 2],
        endpoints: vec![[0, 1, 2].map(PodId::new).to_vec(), [3, 4, 5].map(PodId::new).to_vec()],
        dependencies: Vec::new(),
        n_stale: Vec::new(),
        grey: Vec::new(),
        gates: Vec::new(),
        version: 0,
    }
}

/// What befalls the system at second `t`, and the routing from then on.
pub(super) fn act(engine: &mut dyn Traffic, t: i64, routing: &mut Routing) {
    match t {
        2 => engine.kill_pod(PodId::new(0), Kill::Reset),
        4 => {
            engine.start_pod(PodId::new(0), DeploymentId::new(0));
            engine.set_speed(PodId::new(1), 0.4);
        }
        5 => engine.set_speed(PodId::new(1), 1.1),
        6 => engine.kill_pod(PodId::new(4), Kill::Silent),
        7 => routing.origins[0] = OriginMode::Hang,
        9 => routing.origins[0] = OriginMode::ServerError,
        10 => *routing = self::routing(&[(1, 1)]),
        12 => routing.pops[0] = PopRoute::NOWHERE,
        13 => *routing = self::routing(&[(0, 1)]),
        14 => routing.endpoints[0].clear(),
        15 => *routing = self::routing(&[(0, 3), (1, 1)]),
        _ => {}
    }
}

/// Everything that can be observed, as text.
fn observed(engine: &Requests, n_gates: usize) -> String {
    let gates = (0..n_gates).map(|gate| format!("\n{:?}", engine.gate(GateId::new(gate))));
    let pods: Vec<_> = (0..6)
        .map(PodId::new)
        .map(|pod| (engine.busy_s(pod), engine.in_flight(pod), engine.virtual_wait_s(pod)))
        .collect();
    format!("{pods:?}\n{:?}{}", engine.ledger(), gates.collect::<String>())
}

/// Runs the story with `n_cuts` extra window ends in every second, drawn at random.
fn run(plan: &TrafficPlan, n_cuts: usize) -> String {
    run_gated(plan, n_cuts, |_| Vec::new())
}

/// The same with the limits of gates that `limits` gives for each second.
pub(super) fn run_gated(
    plan: &TrafficPlan,
    n_cuts: usize,
    limits: impl Fn(i64) -> Vec<GateLimit>,
) -> String {
    let mut cuts = Cursor::new(Stream::new(5, n_cuts as u64, "test", "cuts"));
    let mut engine = Requests::new(plan);
    for pod in 0..6 {
        engine.start_pod(PodId::new(pod), DeploymentId::new(pod / 3));
    }
    let mut routing = routing(&[(0, 1), (1, 1)]);
    for second in -1..20 {
        act(&mut engine, second, &mut routing);
        routing.gates = limits(second);
        let mut offsets: Vec<_> = (0..n_cuts).map(|_| cuts.next_below(1_000_000_000)).collect();
        offsets.sort_unstable();
        for offset in offsets {
            let to = Time::from_secs(second) + Span::from_nanos(offset as i64);
            engine.advance(to, &routing);
        }
        engine.advance(Time::from_secs(second + 1), &routing);
    }
    observed(&engine, plan.gates.len())
}

/// `advance(a, b)` then `advance(b, c)` equals `advance(a, c)` to the last bit of every account,
/// busy time and virtual wait, for every balancer and time-out rule, through kills, restarts,
/// speed changes, outages and reroutes, with few and with many random cuts.
#[test]
fn cutting_windows_changes_no_bit() {
    for balancer in
        [Balancer::Random, Balancer::RoundRobin, Balancer::PowerOfTwo, Balancer::LeastOutstanding]
    {
        for on_timeout in [OnTimeout::Serve, OnTimeout::DropQueued, OnTimeout::Cancel] {
            let plan = busy_plan(balancer, on_timeout);
            let whole = run(&plan, 0);
            for n_cuts in [1, 3, 400] {
                assert!(
                    run(&plan, n_cuts) == whole,
                    "{n_cuts} cuts a second under {balancer:?}, {on_timeout:?}"
                );
            }
        }
    }
}

/// A stop at a slow pod is only another cut: watching every pod at a low threshold, and going on
/// after each stop, ends in the same bits; and every stop is at a rise above the threshold.
#[test]
fn stopping_at_slow_pods_changes_no_bit() {
    let threshold = Span::from_millis(30);
    for balancer in [Balancer::Random, Balancer::LeastOutstanding] {
        let plan = busy_plan(balancer, OnTimeout::Serve);
        let whole = run(&plan, 0);
        let mut engine = Requests::new(&plan);
        for pod in 0..6 {
            engine.start_pod(PodId::new(pod), DeploymentId::new(pod / 3));
            engine.watch(PodId::new(pod), Some(threshold));
        }
        let mut routing = routing(&[(0, 1), (1, 1)]);
        let mut n_stops = 0;
        for second in -1..20 {
            act(&mut engine, second, &mut routing);
            loop {
                let advance = engine.advance(Time::from_secs(second + 1), &routing);
                let Some(pod) = advance.slow_pod else { break };
                n_stops += 1;
                let wait_s = engine.virtual_wait_s(pod);
                assert!(threshold.as_secs_f64() - 2e-9 < wait_s, "{wait_s} at {}", engine.now());
            }
        }
        assert!(observed(&engine, 0) == whole, "{balancer:?}");
        assert!(100 < n_stops, "only {n_stops} stops");
    }
}
