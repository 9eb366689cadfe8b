//! What one request costs on the exact engine: 60 pods of 8 workers at 80 % utilisation, with
//! client time-outs, retries (idle), latency, histograms and three geographies of two edges.

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use tideover::sim::laws::Law;
use tideover::traffic::Traffic;
use tideover::traffic::plan::Balancer;
use tideover::units::{Span, Time};

#[path = "parts/cpu_time.rs"]
mod cpu_time;
#[path = "parts/sixty_pods.rs"]
mod sixty_pods;

use sixty_pods::{END_S, RATE_PER_S, UTILISATION, plan, started};

/// Of the bench in which clients time out and retry.
const OVERLOAD: f64 = 1.3;
/// Simulated seconds of one iteration.
const SECONDS: i64 = 100;

/// CPU time as criterion takes it.
struct CpuTime;

impl Measurement for CpuTime {
    type Intermediate = u64;
    type Value = u64;

    fn start(&self) -> u64 {
        cpu_time::now_ns()
    }

    fn end(&self, started: u64) -> u64 {
        cpu_time::now_ns() - started
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
