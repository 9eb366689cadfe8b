//! The smallest real system: one demand, one cluster, pods behind one balancer, no latency.

use tideover::model::ids::{ClusterId, DeploymentId, GeographyId, PodId, PopId, WorkloadId};
use tideover::sim::laws::Law;
use tideover::sim::rates::RateCurve;
use tideover::traffic::Traffic;
use tideover::traffic::plan::{
    Arrivals, Balancer, DemandPlan, DeploymentPlan, OnTimeout, RetryPolicy, TrafficPlan,
};
use tideover::traffic::requests::Requests;
use tideover::traffic::routing::{OriginMode, PopRoute, Routing};
use tideover::units::{Ratio, Span, Time};

/// The unit of time of the theory tests [s]: mean service takes one unit. Short, so that a run
/// of millions of customers is a run of hours; a power of two, so that whole units are bin edges.
pub(super) const UNIT_S: f64 = 1.0 / 1_024.0;

/// The only deployment.
pub(super) fn deployment() -> DeploymentId {
    DeploymentId::new(0)
}

/// `law` must have its mean in seconds, `rate` is per second.
pub(super) fn demand(name: &str, arrivals: Arrivals) -> DemandPlan {
    DemandPlan {
        name: name.to_owned(),
        workload: WorkloadId::new(0),
        geography: GeographyId::new(0),
        arrivals,
        writes: Ratio::new(0.0),
        attempt_timeout: Span::from_secs(100_000),
        deadline: None,
        retries: RetryPolicy::NEVER,
        pops: vec![PopId::new(0)],
        client_to_pop: Span::ZERO,
        pop_to_cluster: vec![Span::ZERO],
        origin_response_timeout: Span::from_secs(100_000),
    }
}

/// Poisson arrivals at a constant rate from the start of the run.
pub(super) fn poisson(rate_per_s: f64) -> Arrivals {
    Arrivals::Poisson { curve: RateCurve::constant(-1e6, rate_per_s) }
}

/// Pods of `workers` with an unbounded queue.
pub(super) fn pods_of(workers: u16, law: Law) -> DeploymentPlan {
    DeploymentPlan {
        cluster: ClusterId::new(0),
        workload: WorkloadId::new(0),
        workers,
        queue: u32::MAX,
        law,
        speed: 1.0,
        on_timeout: OnTimeout::Serve,
        balancer: Balancer::Random,
        stale_failures: 0,
        counts_writes: false,
    }
}

/// A plan of one demand and one deployment, with a warm-up of a twentieth of the run.
pub(super) fn plan(demand: DemandPlan, deployment: DeploymentPlan, end_s: f64) -> TrafficPlan {
    TrafficPlan {
        seed: 1,
        trial: 0,
        start: Time::from_secs_f64((-end_s / 20.0).min(-1.0)),
        end: Time::from_secs_f64(end_s),
        n_clusters: 1,
        record_waits: false,
        demands: vec![demand],
        deployments: vec![deployment],
        gates: Vec::new(),
    }
}

/// All requests to one cluster that serves with pods 0 to `n_pods`.
pub(super) fn route_to(n_pods: usize) -> Routing {
    Routing {
        pops: vec![PopRoute::only(ClusterId::new(0))],
        origins: vec![OriginMode::Serving],
        endpoints: vec![(0..n_pods).map(PodId::new).collect()],
        dependencies: Vec::new(),
        n_stale: Vec::new(),
        grey: Vec::new(),
        gates: Vec::new(),
        version: 0,
    }
}

/// An engine with `n_pods` that run.
pub(super) fn start(plan: &TrafficPlan, n_pods: usize) -> Requests {
    let mut engine = Requests::new(plan);
    for pod in 0..n_pods {
        engine.start_pod(PodId::new(pod), deployment());
    }
    engine
}

/// Runs a plan from its start to its end.
pub(super) fn run(plan: &TrafficPlan, n_pods: usize) -> Requests {
    let mut engine = start(plan, n_pods);
    engine.advance(plan.end, &route_to(n_pods));
    engine
}
