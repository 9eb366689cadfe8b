//! What one request costs on the exact engine: 60 pods of 8 workers at 80 % utilisation, with
//! client time-outs, retries (idle), latency, histograms and three geographies of two edges.

use std::fs;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

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

const N_PODS: usize = 60;
const WORKERS: u16 = 8;
const RATE_PER_S: f64 = 10_000.0;
const UTILISATION: f64 = 0.8;
/// Of the bench in which clients time out and retry.
const OVERLOAD: f64 = 1.3;
const END_S: i64 = 20_000;
/// Simulated seconds of one iteration.
const SECONDS: i64 = 100;

/// CPU time of this process [ns], which other load on the machine does not lengthen; wall time
/// where the kernel does not tell. The kernel updates it every few milliseconds.
struct CpuTime;

impl CpuTime {
    fn now(&self) -> u64 {
        let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        text.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
    }
}

impl Measurement for CpuTime {
    type Intermediate = u64;
    type Value = u64;

    fn start(&self) -> u64 {
        self.now()
    }

    fn end(&self, started: u64) -> u64 {
        self.now() - started
    }

    fn add(&self, one: &u64, other: &u64) -> u64 {
        one + other
    }

    fn zero(&self) -> u64 {
        0
    }

    fn to_f64(&self, nanos: &u64) -> f64 {
        (*nanos).max(1) as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

fn plan(balancer: Balancer, law: fn(f64) -> Law, utilisation: f64) -> TrafficPlan {
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

fn started(plan: &TrafficPlan) -> (Requests, Routing) {
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

/// A hundred simulated seconds, in windows of one, from the engine's own steady state.
fn requests(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("requests");
    group.throughput(Throughput::Elements(SECONDS as u64 * RATE_PER_S as u64));
    let lognormal: fn(f64) -> Law = |mean_s| Law::lognormal_mean_cv(mean_s, 1.0);
    for (name, balancer, law, utilisation) in [
        ("random", Balancer::Random, Law::exponential as fn(f64) -> Law, UTILISATION),
        ("round-robin", Balancer::RoundRobin, Law::exponential, UTILISATION),
        ("random, lognormal", Balancer::Random, lognormal, UTILISATION),
        ("power-of-two", Balancer::PowerOfTwo, Law::exponential, UTILISATION),
        ("least-outstanding", Balancer::LeastOutstanding, Law::exponential, UTILISATION),
        ("random, overload", Balancer::Random, Law::exponential, OVERLOAD),
    ] {
        let plan = plan(balancer, law, utilisation);
        group.bench_function(name, |bencher| {
            let (mut engine, routing) = started(&plan);
            bencher.iter_custom(|iterations| {
                let mut cpu_ns = 0;
                for _ in 0..iterations {
                    if Time::from_secs(END_S - SECONDS) < engine.now() {
                        (engine, _) = started(&plan);
                    }
                    let before = CpuTime.start();
                    for _ in 0..SECONDS {
                        engine.advance(engine.now() + Span::from_secs(1), &routing);
                    }
                    cpu_ns += CpuTime.end(before);
                }
                cpu_ns
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime).sample_size(20);
    targets = requests
}
criterion_main!(benches);
