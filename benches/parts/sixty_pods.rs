//! The cluster of the benches: 60 pods of 8 workers, 10,000 requests/s, with client time-outs,
//! retries, latency, histograms and three geographies of two edges.

use tideover::model::ids::{ClusterId, DeploymentId, GeographyId, PodId, PopId, WorkloadId};
use tideover::sim::laws::Law;
use tideover::sim::rates::RateCurve;
use tideover::traffic::Traffic;
use tideover::traffic::plan::{
    Arrivals, Balancer, DemandPlan, DeploymentPlan, Jitter, OnTimeout, RetryPolicy, TrafficPlan,
};
use tideover::traffic::requests::Requests;
use tideover::traffic::routing::{OriginMode, PopRoute, Routing};
use tideover::units::{Ratio, Span, Time};

/// Pods that serve.
pub(crate) const N_PODS: usize = 60;
/// Workers of each.
pub(crate) const WORKERS: u16 = 8;
/// Requests of users [1/s].
pub(crate) const RATE_PER_S: f64 = 10_000.0;
/// Share of the workers that are busy, where nothing is said.
pub(crate) const UTILISATION: f64 = 0.8;
/// When a run ends [s].
pub(crate) const END_S: i64 = 20_000;

/// The plan of a run with this balancer and law of service times, by its mean [s].
pub(crate) fn plan(balancer: Balancer, law: fn(f64) -> Law, utilisation: f64) -> TrafficPlan {
    let mean_s = utilisation * N_PODS as f64 * f64::from(WORKERS) / RATE_PER_S;
    let demand = |index: usize, share: f64| DemandPlan {
        name: format!("geography-{index}"),
        workload: WorkloadId::new(0),
        geography: GeographyId::new(index),
        arrivals: Arrivals::Poisson { curve: RateCurve::constant(0.0, RATE_PER_S * share) },
        writes: Ratio::new(0.0),
        attempt_timeout: Span::from_secs(5),
        deadline: Some(Span::from_secs(30)),
        retries: RetryPolicy {
            max_attempts: 3,
            backoff: Span::from_millis(100),
            factor: 2.0,
            cap: Span::from_secs(2),
            jitter: Jitter::Full,
            budget: None,
        },
        pops: vec![PopId::new(2 * index), PopId::new(2 * index + 1)],
        client_to_pop: Span::from_millis(5),
        pop_to_cluster: vec![Span::from_millis(10 + 20 * index as i64)],
        origin_response_timeout: Span::from_secs(30),
    };
    TrafficPlan {
        seed: 1,
        trial: 0,
        start: Time::ZERO,
        end: Time::from_secs(END_S),
        n_clusters: 1,
        record_waits: false,
        demands: vec![demand(0, 0.5), demand(1, 0.3), demand(2, 0.2)],
        deployments: vec![DeploymentPlan {
            cluster: ClusterId::new(0),
            workload: WorkloadId::new(0),
            workers: WORKERS,
            queue: 1_000,
            law: law(mean_s),
            speed: 1.0,
            on_timeout: OnTimeout::Serve,
            balancer,
            stale_failures: 0,
            counts_writes: false,
        }],
        gates: Vec::new(),
    }
}

/// An engine with its pods, 10 s after its start, and the routing to them.
pub(crate) fn started(plan: &TrafficPlan) -> (Requests, Routing) {
    let routing = Routing {
        pops: vec![PopRoute::only(ClusterId::new(0)); 6],
        origins: vec![OriginMode::Serving],
        endpoints: vec![(0..N_PODS).map(PodId::new).collect()],
        dependencies: Vec::new(),
        n_stale: Vec::new(),
        grey: Vec::new(),
        gates: Vec::new(),
        version: 0,
    };
    let mut engine = Requests::new(plan);
    for pod in 0..N_PODS {
        engine.start_pod(PodId::new(pod), DeploymentId::new(0));
    }
    engine.advance(engine.now() + Span::from_secs(10), &routing);
    (engine, routing)
}
