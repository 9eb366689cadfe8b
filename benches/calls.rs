//! What one call costs on the engine of call graphs: three tiers of 20 pods with 8 workers at half
//! load, each request of one a call to the next, with time-outs, latency and histograms. An element
//! is a visit of a pod: a user's request, or a call.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use tideover::model::ids::{ClusterId, DeploymentId, GeographyId, PodId, PopId, WorkloadId};
use tideover::sim::laws::Law;
use tideover::sim::rates::RateCurve;
use tideover::traffic::Traffic;
use tideover::traffic::calls::{BreakerRules, CallGraph, CallPlan, CallerPlan, Calls};
use tideover::traffic::plan::{
    Arrivals, Balancer, DemandPlan, DeploymentPlan, OnTimeout, RetryPolicy, TrafficPlan,
};
use tideover::traffic::routing::{OriginMode, PopRoute, Routing};
use tideover::units::{Ratio, Span, Time};

const N_TIERS: usize = 3;
const PODS_EACH: usize = 20;
const RATE_PER_S: f64 = 2_000.0;
const END_S: i64 = 20_000;
/// Simulated seconds of one iteration.
const SECONDS: i64 = 100;

fn plan() -> TrafficPlan {
    let tier = |index: usize| DeploymentPlan {
        cluster: ClusterId::new(0),
        workload: WorkloadId::new(index),
        workers: 8,
        queue: 1_000,
        law: Law::exponential(0.01),
        speed: 1.0,
        on_timeout: OnTimeout::Serve,
        balancer: Balancer::Random,
        stale_failures: 0,
        counts_writes: false,
    };
    let users = DemandPlan {
        name: "users".to_owned(),
        workload: WorkloadId::new(0),
        geography: GeographyId::new(0),
        arrivals: Arrivals::Poisson { curve: RateCurve::constant(0.0, RATE_PER_S) },
        writes: Ratio::new(0.0),
        attempt_timeout: Span::from_secs(5),
        deadline: Some(Span::from_secs(30)),
        retries: RetryPolicy::NEVER,
        pops: vec![PopId::new(0), PopId::new(1)],
        client_to_pop: Span::from_millis(5),
        pop_to_cluster: vec![Span::from_millis(10)],
        origin_response_timeout: Span::from_secs(30),
    };
    TrafficPlan {
        seed: 1,
        trial: 0,
        start: Time::ZERO,
        end: Time::from_secs(END_S),
        n_clusters: 1,
        record_waits: false,
        demands: vec![users],
        deployments: (0..N_TIERS).map(tier).collect(),
        gates: Vec::new(),
    }
}

fn graph(guarded: bool) -> CallGraph {
    let breaker = BreakerRules {
        failure_rate: Ratio::new(0.5),
        window: 100,
        minimum_calls: 100,
        wait: Span::from_secs(60),
        permitted: 10,
    };
    let to = |callee: usize| CallPlan {
        name: format!("call-{callee}"),
        to: DeploymentId::new(callee),
        probability: Ratio::new(1.0),
        count: 1,
        parallel: false,
        required: true,
        round_trip: Span::from_millis(1),
        timeout: Span::from_secs(1),
        propagates_deadline: false,
        retries: RetryPolicy::NEVER,
        max_concurrent: guarded.then_some(64),
        breaker: guarded.then_some(breaker),
    };
    let caller = |tier: usize| CallerPlan { holds_worker: true, calls: vec![to(tier + 1)] };
    CallGraph::new((0..N_TIERS - 1).map(caller).collect())
}

fn started(graph: &CallGraph) -> (Calls, Routing) {
    let pods = |tier: usize| (tier * PODS_EACH..(tier + 1) * PODS_EACH).map(PodId::new);
    let routing = Routing {
        pops: vec![PopRoute::only(ClusterId::new(0)); 2],
        origins: vec![OriginMode::Serving],
        endpoints: (0..N_TIERS).map(|tier| pods(tier).collect()).collect(),
        ..Routing::default()
    };
    let mut engine = Calls::new(&plan(), graph);
    for tier in 0..N_TIERS {
        pods(tier).for_each(|pod| engine.start_pod(pod, DeploymentId::new(tier)));
    }
    engine.advance(engine.now() + Span::from_secs(10), &routing);
    (engine, routing)
}

/// A hundred simulated seconds, in windows of one, from the engine's own steady state.
fn calls(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("calls");
    let visits = SECONDS as u64 * RATE_PER_S as u64 * N_TIERS as u64;
    group.throughput(Throughput::Elements(visits));
    for (name, guarded) in [("three tiers", false), ("three tiers, breaker and limit", true)] {
        let graph = graph(guarded);
        group.bench_function(name, |bencher| {
            let (mut engine, routing) = started(&graph);
            bencher.iter(|| {
                if Time::from_secs(END_S - SECONDS) < engine.now() {
                    (engine, _) = started(&graph);
                }
                for _ in 0..SECONDS {
                    engine.advance(engine.now() + Span::from_secs(1), &routing);
                }
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = calls
}
criterion_main!(benches);
