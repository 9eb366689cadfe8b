//! Servers that stop when nobody waits any more, in overload.

use tideover::sim::laws::Law;
use tideover::traffic::Traffic;
use tideover::traffic::flow::Flow;
use tideover::traffic::plan::{OnTimeout, TrafficPlan};
use tideover::traffic::requests::Requests;
use tideover::units::Span;

use tideover::model::ids::PodId;

use super::system::{UNIT_S, demand, deployment, plan, pods_of, poisson, route_to};

/// How far counts are off, relatively, as `docs/fidelity.md` says.
const OF_COUNTS: f64 = 0.03;

/// Share of the users who are served in the second half of a run.
fn served(mut engine: impl Traffic, plan: &TrafficPlan) -> f64 {
    engine.start_pod(PodId::new(0), deployment());
    engine.advance(plan.end, &route_to(1));
    let seconds = engine.ledger().demands()[0].seconds();
    // Half a minute but a second, whose users are all decided.
    let late = &seconds[30..59];
    let [offered, served] = [
        late.iter().map(|second| u64::from(second.offered)).sum::<u64>(),
        late.iter().map(|second| u64::from(second.served)).sum(),
    ];
    served as f64 / offered as f64
}

/// A patience of 200 mean services, in overload. What is done of an exponential service says
/// nothing about what is left of it, so a worker answers one request in a mean service however
/// many it has to cut short: of `load` users, one is served.
#[test]
fn exponential_services_lose_nothing_by_cancelling() {
    for (load, workers) in [(1.3, 1), (1.3, 8), (2.0, 1), (2.0, 8), (4.0, 8)] {
        let plan = overload(Law::exponential(UNIT_S), load, workers);
        let n_served = 29.0 * f64::from(workers) / UNIT_S;
        // Both what arrives and what a busy worker finishes are Poisson streams.
        let error = (1.0 / n_served + 1.0 / (load * n_served)).sqrt();
        for (engine, share, published) in [
            ("exact", served(Requests::new(&plan), &plan), 0.0),
            ("flow", served(Flow::new(&plan), &plan), OF_COUNTS),
        ] {
            let gap = (share * load - 1.0).abs();
            assert!(gap < 4.0 * error + published, "{engine}, {load} x {workers}: {share}");
        }
    }
}

/// Services that all take the same are cut when a quarter is done, where four times as much comes
/// as can be borne: all work is wasted, and nobody is served.
#[test]
fn equal_services_lose_everything_by_cancelling() {
    let plan = overload(Law::constant(UNIT_S), 4.0, 8);
    assert!(served(Requests::new(&plan), &plan) < 1e-3);
    assert!(served(Flow::new(&plan), &plan) < 1e-3);
}

fn overload(law: Law, load: f64, workers: u16) -> TrafficPlan {
    let mut users = demand("users", poisson(load * f64::from(workers) / UNIT_S));
    users.attempt_timeout = Span::from_nanos((200.0 * UNIT_S * 1e9) as i64);
    let mut pods = pods_of(workers, law);
    pods.on_timeout = OnTimeout::Cancel;
    plan(users, pods, 60.0)
}
