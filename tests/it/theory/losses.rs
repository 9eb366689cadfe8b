//! Requests for which there is no place, through both engines: Erlang's loss formula.

use tideover::model::ids::PodId;
use tideover::sim::laws::Law;
use tideover::traffic::Traffic;
use tideover::traffic::flow::Flow;
use tideover::traffic::ledger::AttemptTotals;
use tideover::traffic::plan::{Balancer, DeploymentPlan, TrafficPlan};
use tideover::traffic::requests::Requests;

use super::system::{UNIT_S, demand, deployment, plan, pods_of, poisson, route_to};

/// Runs of a row.
const RUNS: u64 = 16;

/// Of runs that are good to 0.25 %, four standard errors.
const TOLERANCE: f64 = 0.01;

/// A run of so many customers at `rate` per unit.
fn losing(rate: f64, customers: f64, pods: DeploymentPlan) -> TrafficPlan {
    plan(demand("users", poisson(rate / UNIT_S)), pods, customers / rate * UNIT_S)
}

/// What became of the attempts, with `n_running` pods that run and one more endpoint for each of
/// `n_missing` that never did, which stand last in the list.
fn totals(
    mut engine: impl Traffic,
    plan: &TrafficPlan,
    (n_running, n_missing): (usize, usize),
) -> AttemptTotals {
    for pod in 0..n_running {
        engine.start_pod(PodId::new(pod), deployment());
    }
    engine.advance(plan.end, &route_to(n_running + n_missing));
    *engine.ledger().deployment(deployment()).totals()
}

/// Mean of a share over runs of the exact engine, with its standard error, and over those of
/// counts.
fn shares(
    plan: &TrafficPlan,
    pods: (usize, usize),
    share: impl Fn(&AttemptTotals) -> f64,
) -> (f64, f64, f64) {
    let seeds = 1..=RUNS;
    let plans = seeds.map(|seed| TrafficPlan { seed, ..plan.clone() });
    let [exact, counts]: [Vec<f64>; 2] = {
        let of = |plan: TrafficPlan| {
            let exact = share(&totals(Requests::new(&plan), &plan, pods));
            (exact, share(&totals(Flow::new(&plan), &plan, pods)))
        };
        let (exact, counts) = plans.map(of).unzip();
        [exact, counts]
    };
    let n = RUNS as f64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / n;
    let middle = mean(&exact);
    let square = exact.iter().map(|value| (value - middle).powi(2)).sum::<f64>();
    (middle, (square / (n - 1.0) / n).sqrt(), mean(&counts))
}

/// Both engines give `lost`: the exact one within four standard errors of its runs (of 16: the
/// 99.9 % of Student's law), counts within 1 %.
fn assert_lost(name: &str, (exact, error, counts): (f64, f64, f64), lost: f64) {
    assert!((exact - lost).abs() <= 4.0 * error, "{name}: {exact} +- {error}, exactly {lost}");
    assert!((counts / lost - 1.0).abs() <= TOLERANCE, "{name}: {counts} by counts, exactly {lost}");
}

/// Where nobody can wait, what finds all workers busy is lost: Erlang B, for any law of service.
#[test]
fn without_places_any_law_loses_as_erlang_b() {
    for (workers, rate, lost) in
        [(1, 0.5, 0.333333333333), (8, 6.4, 0.144393889853), (10, 10.0, 0.214582343107)]
    {
        for (law_name, law) in [
            ("constant", Law::constant(UNIT_S)),
            ("exponential", Law::exponential(UNIT_S)),
            ("lognormal", Law::lognormal_mean_cv(UNIT_S, 2.0)),
        ] {
            let mut pods = pods_of(workers, law);
            pods.queue = 0;
            let refused = |totals: &AttemptTotals| totals.queue_full as f64 / totals.arrived as f64;
            let found = shares(&losing(rate, 2e5, pods), (1, 0), refused);
            assert_lost(&format!("{workers} workers at {rate}, {law_name}"), found, lost);
        }
    }
}

/// A pod that refuses has nothing outstanding. Who counts sends it what finds no idle pod before
/// it in the list, so that none of those ever has two: Erlang B of as many servers as pods.
#[test]
fn an_endpoint_that_refuses_takes_what_is_over() {
    for (n_pods, rate, lost) in [(1, 0.5, 0.333333333333), (10, 10.0, 0.214582343107)] {
        for (law_name, law) in
            [("exponential", Law::exponential(UNIT_S)), ("constant", Law::constant(UNIT_S))]
        {
            let mut pods = pods_of(4, law);
            pods.balancer = Balancer::LeastOutstanding;
            let missed = |totals: &AttemptTotals| totals.lost as f64 / totals.arrived as f64;
            let found = shares(&losing(rate, 2e5, pods), (n_pods, 1), missed);
            assert_lost(&format!("{n_pods} pods at {rate}, {law_name}"), found, lost);
        }
    }
}

/// With no endpoint that runs, everything fails at once, whoever chooses among them.
#[test]
fn endpoints_that_never_run_lose_everything() {
    for balancer in
        [Balancer::Random, Balancer::RoundRobin, Balancer::PowerOfTwo, Balancer::LeastOutstanding]
    {
        for n_missing in [1, 2] {
            let mut pods = pods_of(2, Law::exponential(UNIT_S));
            pods.balancer = balancer;
            let plan = losing(1.0, 1e4, pods);
            for totals in [
                totals(Requests::new(&plan), &plan, (0, n_missing)),
                totals(Flow::new(&plan), &plan, (0, n_missing)),
            ] {
                assert_eq!(totals.lost, totals.arrived, "{balancer:?}, {n_missing} endpoints");
                assert!(0 < totals.arrived);
            }
        }
    }
}
