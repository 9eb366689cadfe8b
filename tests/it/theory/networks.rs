//! Networks of queues: tandem and Jackson values, fan-out, and chains of calls.

use tideover::model::ids::{DeploymentId, PodId, WorkloadId};
use tideover::sim::laws::Law;
use tideover::traffic::Traffic;
use tideover::traffic::calls::{CallGraph, CallPlan, CallerPlan, Calls};
use tideover::traffic::ledger::AttemptTotals;
use tideover::traffic::plan::{DeploymentPlan, RetryPolicy, TrafficPlan};
use tideover::traffic::routing::Routing;
use tideover::units::{Ratio, Span};

use super::birth_death::Chain;
use super::system::{UNIT_S, demand, plan, pods_of, poisson, route_to};

/// A call of every request, that takes no time but the callee's and is never given up.
pub(super) fn call(to: usize) -> CallPlan {
    CallPlan {
        name: format!("call-{to}"),
        to: DeploymentId::new(to),
        probability: Ratio::new(1.0),
        count: 1,
        parallel: false,
        required: true,
        round_trip: Span::ZERO,
        timeout: Span::from_secs(100_000),
        propagates_deadline: false,
        retries: RetryPolicy::NEVER,
        max_concurrent: None,
        breaker: None,
    }
}

/// Users of the first of `services`, each of one pod, at `rate` per unit for `time` units.
pub(super) fn network(rate: f64, time: f64, services: Vec<DeploymentPlan>) -> TrafficPlan {
    let first = services[0].clone();
    let mut plan = plan(demand("users", poisson(rate / UNIT_S)), first, time * UNIT_S);
    plan.deployments = services.into_iter().zip(0..).map(|(service, id)| of(id, service)).collect();
    plan
}

/// The same service as workload `id`.
pub(super) fn of(id: usize, service: DeploymentPlan) -> DeploymentPlan {
    DeploymentPlan { workload: WorkloadId::new(id), ..service }
}

/// Pod k serves deployment k.
pub(super) fn one_pod_each(n: usize) -> Routing {
    Routing { endpoints: (0..n).map(|k| vec![PodId::new(k)]).collect(), ..route_to(1) }
}

/// An engine in which pod k of deployment k runs.
pub(super) fn start(plan: &TrafficPlan, callers: Vec<CallerPlan>) -> Calls {
    let mut engine = Calls::new(plan, &CallGraph::new(callers));
    for k in 0..plan.deployments.len() {
        engine.start_pod(PodId::new(k), DeploymentId::new(k));
    }
    engine
}

fn run(plan: &TrafficPlan, callers: Vec<CallerPlan>) -> Vec<AttemptTotals> {
    let n = plan.deployments.len();
    let mut engine = start(plan, callers);
    engine.advance(plan.end, &one_pod_each(n));
    let deployments = (0..n).map(DeploymentId::new);
    deployments.map(|id| *engine.ledger().deployment(id).totals()).collect()
}

/// Calls like those of an event loop, which keep no worker.
fn event_loop(calls: Vec<CallPlan>) -> CallerPlan {
    CallerPlan { holds_worker: false, calls }
}

fn within(what: &str, value: f64, exact: f64, error: f64) {
    let off = (value - exact) / error;
    assert!(off.abs() <= 4.0, "{what}: {value}, exactly {exact}, {off:.1} standard errors");
}

/// Mean number of requests in a node, by Little's law over the run.
fn mean_number(totals: &AttemptTotals, time: f64) -> f64 {
    (totals.wait_ns + totals.busy_ns) as f64 / 1e9 / UNIT_S / time
}

/// An M/M/1 at 0.7 whose customers go on to two servers of rate 0.5. By Burke's theorem each
/// node alone is a birth-death chain, and so is its standard error.
#[test]
fn tandem() {
    let time = 8.7e6;
    let services =
        vec![pods_of(1, Law::exponential(UNIT_S)), pods_of(2, Law::exponential(2.0 * UNIT_S))];
    let totals = run(&network(0.7, time, services), vec![event_loop(vec![call(1)])]);
    // The second node in units of its own service time.
    let rows = [
        (0, Chain::unbounded(1, 0.7), 1.0, 2.33333333333),
        (1, Chain::unbounded(2, 1.4), 2.0, 2.74509803922),
    ];
    for (node, chain, unit, exact) in rows {
        let error = chain.time_error(|n| n as f64, time / unit);
        assert!(error <= 0.0026 * exact, "node {node}: too short a run, {error}");
        within(&format!("node {node}"), mean_number(&totals[node], time), exact, error);
    }
}

/// Four servers of rate 1 get customers from outside; 60 % go on to three more, 25 % of those
/// come back. Flows, numbers and sojourn are Jackson's; the standard errors are those of the
/// chain in both numbers.
#[test]
fn jackson() {
    let time = 800_000.0;
    let services = vec![pods_of(4, Law::exponential(UNIT_S)), pods_of(3, Law::exponential(UNIT_S))];
    let with = |to, share| CallPlan { probability: Ratio::new(share), ..call(to) };
    let callers = vec![event_loop(vec![with(1, 0.6)]), event_loop(vec![with(0, 0.25)])];
    let totals = run(&network(1.0, time, services), callers);
    let chain = Jackson::new([4, 3], [1.17647058824, 0.705882352941]);
    let rows: [(&str, f64, f64, Number<'_>); 3] = [
        ("first", mean_number(&totals[0], time), 1.1909545759, &|n, _| n as f64),
        ("second", mean_number(&totals[1], time), 0.717491862258, &|_, m| m as f64),
        (
            "sojourn",
            mean_number(&totals[0], time) + mean_number(&totals[1], time),
            1.90844643816,
            &|n, m| (n + m) as f64,
        ),
    ];
    for (what, measured, exact, number) in rows {
        let (mean, variance) = chain.mean_and_variance(number);
        assert!((mean - exact).abs() < 1e-6, "{what}: the chain has {mean}, not {exact}");
        let error = (variance / time).sqrt();
        assert!(error <= 0.0026 * exact, "{what}: too short a run, {error}");
        within(what, measured, exact, error);
    }
    // Visits a unit: the mean number in service by Little's law.
    for (node, flow) in [1.17647058824, 0.705882352941].into_iter().enumerate() {
        let (mean, variance) = chain.mean_and_variance(&|n, m| [n.min(4), m.min(3)][node] as f64);
        assert!((mean - flow).abs() < 1e-6, "node {node}: {mean}");
        let error = (variance / time).sqrt();
        let busy = totals[node].busy_ns as f64 / 1e9 / UNIT_S / time;
        within(&format!("flow of node {node}"), busy, flow, error);
    }
}

/// The chain of both numbers of the network above, cut where nothing is left of its probability.
struct Jackson {
    servers: [usize; 2],
    shares: [Vec<f64>; 2],
}

/// A number of customers, by those in the first and in the second node.
type Number<'a> = &'a dyn Fn(usize, usize) -> f64;

/// Customers in a node at most.
const MOST: usize = 45;

impl Jackson {
    fn new(servers: [usize; 2], flows: [f64; 2]) -> Self {
        let shares = [0, 1].map(|node| {
            let mut shares = vec![1.0];
            for n in 1..=MOST {
                shares.push(shares[n - 1] * flows[node] / n.min(servers[node]) as f64);
            }
            let total: f64 = shares.iter().sum();
            shares.into_iter().map(|share| share / total).collect()
        });
        Self { servers, shares }
    }

    /// Where the chain goes from a state, and at what rate.
    fn steps(&self, n: usize, m: usize) -> Vec<(usize, usize, f64)> {
        let [first, second] = [n.min(self.servers[0]) as f64, m.min(self.servers[1]) as f64];
        let all = [
            (n + 1, m, 1.0),
            (n.wrapping_sub(1), m, 0.4 * first),
            (n.wrapping_sub(1), m + 1, 0.6 * first),
            (n, m.wrapping_sub(1), 0.75 * second),
            (n + 1, m.wrapping_sub(1), 0.25 * second),
        ];
        all.into_iter().filter(|&(n, m, rate)| n <= MOST && m <= MOST && 0.0 < rate).collect()
    }

    /// Mean and asymptotic variance of the time average of `f`: 2 Σ π (f - f̄) h, where h solves
    /// Poisson's equation -Q h = f - f̄ (Whitt, Operations Research 40(2), 1992), by Gauss-Seidel.
    fn mean_and_variance(&self, f: Number<'_>) -> (f64, f64) {
        let states: Vec<(usize, usize)> =
            (0..=MOST).flat_map(|n| (0..=MOST).map(move |m| (n, m))).collect();
        let share = |(n, m): (usize, usize)| self.shares[0][n] * self.shares[1][m];
        let mean: f64 = states.iter().map(|&(n, m)| share((n, m)) * f(n, m)).sum();
        let at = |n: usize, m: usize| n * (MOST + 1) + m;
        let steps: Vec<_> = states.iter().map(|&(n, m)| self.steps(n, m)).collect();
        let mut h = vec![0.0; states.len()];
        for _ in 0..3_000 {
            let mut moved: f64 = 0.0;
            for (&(n, m), steps) in states.iter().zip(&steps) {
                let out: f64 = steps.iter().map(|step| step.2).sum();
                let into: f64 = steps.iter().map(|&(n, m, rate)| rate * h[at(n, m)]).sum();
                let next = (f(n, m) - mean + into) / out;
                moved = moved.max((next - h[at(n, m)]).abs());
                h[at(n, m)] = next;
            }
            if moved < 1e-9 {
                break;
            }
        }
        let terms = states.iter().map(|&(n, m)| share((n, m)) * (f(n, m) - mean) * h[at(n, m)]);
        (mean, 2.0 * terms.sum::<f64>())
    }
}

/// Three calls at once are over with the last of three exponentials, H_3 on average; three in a
/// row take 3. Workers never bind. The caller's worker is held so long, but uses CPU only for its
/// own work.
#[test]
fn fan_out_and_sequence() {
    let (time, rate) = (400_000.0, 1.0);
    let harmonic = |power: i32| (1..=3).map(|i| f64::from(i).powi(power).recip()).sum::<f64>();
    for (parallel, mean, variance) in [(true, harmonic(1), harmonic(2)), (false, 3.0, 3.0)] {
        let own = 0.25;
        let services =
            vec![pods_of(64, Law::constant(own * UNIT_S)), pods_of(64, Law::exponential(UNIT_S))];
        let calls = vec![CallPlan { parallel, count: 3, ..call(1) }];
        let plan = network(rate, time, services);
        let mut engine = start(&plan, vec![CallerPlan { holds_worker: true, calls }]);
        engine.advance(plan.end, &one_pod_each(2));
        let totals = engine.ledger().deployment(DeploymentId::new(0)).totals();
        assert_eq!((totals.waited, totals.aborted), (0, 0));
        let served = totals.served as f64;
        let held = totals.busy_ns as f64 / 1e9 / UNIT_S / served - own;
        within("held", held, mean, (variance / served).sqrt());
        let own_work = engine.busy_s(PodId::new(0)) / UNIT_S;
        let started = engine.accepted(PodId::new(0)) as f64;
        assert!((own_work / (own * started) - 1.0).abs() < 1e-4, "{own_work} for {started}");
    }
}
