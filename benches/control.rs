//! What the control plane alone costs: the load of ten services doubles, from 500 pods on 32
//! nodes to 1,000 pods on 63 nodes, in 2 h of simulated time.

use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};

use tideover::scenario::from_text;
use tideover::simulation::{Options, run};

const LOAD_DOUBLING: &str = include_str!("load-doubling.yaml");

fn load_doubling(criterion: &mut Criterion) {
    let scenario = from_text("load-doubling.yaml", LOAD_DOUBLING, Path::new("benches"), &[]);
    let scenario = scenario.expect("the scenario is valid");
    let finished = run(&scenario, Options::default(), |_| {});
    eprintln!("{} events, {} facts", finished.n_events, finished.facts.facts().len());
    criterion.bench_function("control_load_doubling", |bencher| {
        bencher.iter(|| run(&scenario, Options::default(), |_| {}));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = load_doubling
}
criterion_main!(benches);
