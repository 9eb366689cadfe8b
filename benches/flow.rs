//! What the aggregate engine costs: a whole trial with all controllers, a second of a steady
//! state, and a second of an overload at 100 and at 1,000,000 requests a second, which must be the
//! same.

use std::fs;
use std::hint::black_box;
use std::path::Path;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, criterion_group, criterion_main};

use tideover::experiment::run::outcome_of;
use tideover::model::ids::{ClusterId, DeploymentId, GeographyId, PodId, PopId, WorkloadId};
use tideover::scenario::load;
use tideover::sim::laws::Law;
use tideover::sim::rates::RateCurve;
use tideover::simulation::{Fidelity, Options};
use tideover::traffic::Traffic;
use tideover::traffic::flow::Flow;
use tideover::traffic::plan::{
    Arrivals, Balancer, DemandPlan, DeploymentPlan, Jitter, OnTimeout, RetryPolicy, TrafficPlan,
};
use tideover::traffic::routing::{OriginMode, PopRoute, Routing};
use tideover::units::{Ratio, Span, Time};

const N_PODS: usize = 60;
const WORKERS: u16 = 8;
const END_S: i64 = 20_000;

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

/// One demand on 60 pods whose service time is such that this rate makes this load.
fn plan(rate_per_s: f64, load: f64) -> TrafficPlan {
    let mean_s = load * N_PODS as f64 * f64::from(WORKERS) / rate_per_s;
    let demand = DemandPlan {
        name: "users".to_owned(),
        workload: WorkloadId::new(0),
        geography: GeographyId::new(0),
        arrivals: Arrivals::Poisson { curve: RateCurve::constant(0.0, rate_per_s) },
        writes: Ratio::new(0.0),
        attempt_timeout: Span::from_secs(100),
        deadline: None,
        retries: RetryPolicy {
            max_attempts: 3,
            backoff: Span::from_millis(100),
            factor: 2.0,
            cap: Span::from_secs(2),
            jitter: Jitter::Full,
            budget: None,
        },
        pops: vec![PopId::new(0), PopId::new(1)],
        client_to_pop: Span::from_millis(5),
        pop_to_cluster: vec![Span::from_millis(10)],
        origin_response_timeout: Span::from_secs(200),
    };
    TrafficPlan {
        seed: 1,
        trial: 0,
        start: Time::ZERO,
        end: Time::from_secs(END_S),
        n_clusters: 1,
        record_waits: false,
        demands: vec![demand],
        deployments: vec![DeploymentPlan {
            cluster: ClusterId::new(0),
            workload: WorkloadId::new(0),
            workers: WORKERS,
            queue: 16,
            law: Law::lognormal_mean_cv(mean_s, 1.0),
            speed: 1.0,
            on_timeout: OnTimeout::Serve,
            balancer: Balancer::Random,
            stale_failures: 0,
            counts_writes: false,
        }],
        gates: Vec::new(),
    }
}

fn started(plan: &TrafficPlan) -> (Flow, Routing) {
    let routing = Routing {
        pops: vec![PopRoute::only(ClusterId::new(0)); 2],
        origins: vec![OriginMode::Serving],
        endpoints: vec![(0..N_PODS).map(PodId::new).collect()],
        version: 1,
        ..Routing::default()
    };
    let mut engine = Flow::new(plan);
    for pod in 0..N_PODS {
        engine.start_pod(PodId::new(pod), DeploymentId::new(0));
    }
    engine.advance(engine.now() + Span::from_secs(20), &routing);
    (engine, routing)
}

/// Seconds of an engine, looked at once a second as the observer does.
fn seconds(criterion: &mut Criterion<CpuTime>) {
    for (name, rate_per_s, load) in [
        ("a steady second", 10_000.0, 0.6),
        ("a second of overload at 100/s", 100.0, 1.3),
        ("a second of overload at 1,000,000/s", 1e6, 1.3),
    ] {
        let plan = plan(rate_per_s, load);
        criterion.bench_function(&format!("flow/{name}"), |bencher| {
            let (mut engine, routing) = started(&plan);
            bencher.iter_custom(|iterations| {
                let mut cpu_ns = 0;
                let mut left = iterations as i64;
                while 0 < left {
                    let now = engine.now();
                    let some = left.min((Time::from_secs(END_S) - now).as_secs_f64() as i64);
                    if some == 0 {
                        (engine, _) = started(&plan);
                        continue;
                    }
                    let before = CpuTime.start();
                    for second in 1..=some {
                        engine.advance(now + Span::from_secs(second), &routing);
                    }
                    cpu_ns += CpuTime.end(before);
                    left -= some;
                }
                cpu_ns
            });
        });
    }
}

/// A trial of the shipped region loss, from assembly to outcome.
fn trial(criterion: &mut Criterion<CpuTime>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/region-loss-warm.yaml");
    let scenario = load(&path, &[]).unwrap_or_else(|rejected| panic!("{rejected}"));
    let mut trial = 0;
    criterion.bench_function("flow/trial of region-loss-warm", |bencher| {
        bencher.iter(|| {
            trial += 1;
            let options = Options { trial, fidelity: Fidelity::Flow, ..Options::default() };
            black_box(outcome_of(&scenario, options))
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime).sample_size(20);
    targets = seconds, trial
}
criterion_main!(benches);
