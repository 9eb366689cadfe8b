//! Tideover: the recursion by which it serves requests, its engine around that, its timers.

use tideover::model::ids::{ClusterId, DeploymentId, GeographyId, PodId, PopId, WorkloadId};
use tideover::sim::laws::Law;
use tideover::sim::rates::RateCurve;
use tideover::sim::timers::Timers;
use tideover::traffic::Traffic;
use tideover::traffic::kiefer_wolfowitz::replace_earliest;
use tideover::traffic::plan::{
    Arrivals, Balancer, DemandPlan, DeploymentPlan, Jitter, OnTimeout, RetryPolicy, TrafficPlan,
};
use tideover::traffic::requests::Requests;
use tideover::traffic::routing::{OriginMode, PopRoute, Routing};
use tideover::units::{Ratio, Span, Time};

use crate::textbook::{GAP, LAMBDA, SERVERS, exponential, generator, nanos};

/// Mean wait of so many customers by the recursion alone: the same work as the others do.
pub fn recursion(customers: u64) -> f64 {
    let mut rng = generator();
    let mut free = [0.0; SERVERS as usize];
    let (mut now, mut wait) = (0.0, 0.0);
    for _ in 0..customers {
        now += exponential(&mut rng) * GAP;
        let start = f64::max(now, free[0]);
        wait += start - now;
        replace_earliest(&mut free, start + exponential(&mut rng));
    }
    wait / customers as f64
}

/// Mean wait of about so many requests through the whole engine: geography, edge, one pod, client
/// time-outs, latency histogram, counts by the second. A service takes 50 ms.
pub fn engine(customers: u64) -> f64 {
    const SERVICE_S: f64 = 0.05;
    let rate = LAMBDA / SERVICE_S;
    let end = Time::from_secs((customers as f64 / rate).ceil() as i64);
    let plan = plan(rate, SERVICE_S, end);
    let routing = Routing {
        pops: vec![PopRoute::only(ClusterId::new(0))],
        origins: vec![OriginMode::Serving],
        endpoints: vec![vec![PodId::new(0)]],
        dependencies: Vec::new(),
        n_stale: Vec::new(),
        gates: Vec::new(),
        grey: Vec::new(),
        version: 0,
    };
    let mut engine = Requests::new(&plan);
    engine.start_pod(PodId::new(0), DeploymentId::new(0));
    while engine.now() < end {
        engine.advance(end.min(engine.now() + Span::from_secs(15)), &routing);
    }
    let totals = engine.ledger().deployment(DeploymentId::new(0)).totals();
    totals.wait_ns as f64 / 1e9 / SERVICE_S / totals.started as f64
}

fn plan(rate: f64, service_s: f64, end: Time) -> TrafficPlan {
    let demand = DemandPlan {
        name: "users".to_owned(),
        workload: WorkloadId::new(0),
        geography: GeographyId::new(0),
        arrivals: Arrivals::Poisson { curve: RateCurve::constant(0.0, rate) },
        writes: Ratio::new(0.0),
        attempt_timeout: Span::from_secs(60),
        deadline: Some(Span::from_secs(60)),
        retries: RetryPolicy {
            max_attempts: 1,
            backoff: Span::from_millis(100),
            factor: 2.0,
            cap: Span::from_secs(2),
            jitter: Jitter::Full,
            budget: None,
        },
        pops: vec![PopId::new(0)],
        client_to_pop: Span::from_millis(5),
        pop_to_cluster: vec![Span::from_millis(10)],
        origin_response_timeout: Span::from_secs(60),
    };
    TrafficPlan {
        seed: 1,
        trial: 0,
        start: Time::ZERO,
        end,
        n_clusters: 1,
        record_waits: false,
        demands: vec![demand],
        deployments: vec![DeploymentPlan {
            cluster: ClusterId::new(0),
            workload: WorkloadId::new(0),
            workers: SERVERS as u16,
            queue: 100_000,
            law: Law::exponential(service_s),
            speed: 1.0,
            on_timeout: OnTimeout::Serve,
            balancer: Balancer::Random,
            stale_failures: 0,
            counts_writes: false,
        }],
        gates: Vec::new(),
    }
}

/// The last instant of so many events of the hold model.
pub fn hold(n_timers: usize, events: u64) -> f64 {
    let mut rng = generator();
    let mut timers = Timers::new();
    let mut delay = || Span::from_nanos(nanos(exponential(&mut rng)) as i64);
    for _ in 0..n_timers {
        let id = timers.add(0, ());
        timers.set(id, Time::ZERO + delay());
    }
    let mut last = Time::ZERO;
    for _ in 0..events {
        let (now, timer, ()) = timers.pop().expect("each is set again");
        timers.set(timer, now + delay());
        last = now;
    }
    last.as_secs_f64()
}
