//! Single queues: M/M/c.

use tideover::sim::laws::Law;

use super::system::{UNIT_S, demand, deployment, plan, pods_of, poisson, run};
use tideover::traffic::Traffic;

#[test]
fn smoke() {
    let n = 2e5;
    let rate = 6.4 / UNIT_S;
    let plan = plan(demand("d", poisson(rate)), pods_of(8, Law::exponential(UNIT_S)), n / rate);
    let start = std::time::Instant::now();
    let engine = run(&plan, 1);
    let t = engine.ledger().deployment(deployment()).totals();
    println!("{:?}", start.elapsed());
    println!("{t:?} {:?}", engine.ledger().demands()[0].totals());
    println!("Wq {}", t.wait_ns as f64 / 1e9 / UNIT_S / t.started as f64);
    println!("p99 {:?}", engine.ledger().demands()[0].latency().quantile(0.99));
}
