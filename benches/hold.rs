//! The hold model: take the earliest timer, arm it again an exponential time later.
//!
//! The usual yardstick of event sets, with the exponential draw included as the published
//! comparisons do; draws are made in blocks, as the engine of requests makes them. Targets: 15, 18
//! and 26 ns at 100, 1,000 and 10,000 timers. Beside it the cost of one draw from the laws that
//! requests use.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};

use tideover::sim::laws::{Law, Sampler};
use tideover::sim::streams::Stream;

#[path = "parts/hold.rs"]
mod hold;

use hold::Hold;

fn timers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hold");
    for n in [100, 1_000, 10_000] {
        let mut hold = Hold::new(n);
        group.bench_function(n.to_string(), |bencher| bencher.iter(|| hold.step()));
    }
    group.finish();
}

fn draws(criterion: &mut Criterion) {
    let stream = Stream::new(1, 0, "bench", "draws");
    let mut group = criterion.benchmark_group("draw");
    let laws = [
        ("exponential", Law::exponential(0.04)),
        ("lognormal", Law::lognormal_p50_p99(0.04, 0.18)),
        ("empirical", Law::empirical((1..=1_000).map(|i| f64::from(i) * 1e-3).collect())),
    ];
    for (name, law) in laws {
        let sampler = Sampler::new(&law);
        let mut index = 0;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                index += 1;
                black_box(sampler.draw(stream.at(index)))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, timers, draws);
criterion_main!(benches);
