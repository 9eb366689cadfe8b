//! Markovian queues: M/M/c, M/M/c/K, M/M/n+D, through the engine.

use tideover::sim::histogram::{Histogram, bin_of, bin_start_s};
use tideover::sim::laws::Law;
use tideover::traffic::Traffic;
use tideover::traffic::ledger::AttemptTotals;
use tideover::traffic::plan::{DeploymentPlan, OnTimeout, TrafficPlan};
use tideover::traffic::requests::Requests;
use tideover::units::Span;

use super::birth_death::{Chain, erlang_tail};
use super::runs;
use super::system::{UNIT_S, demand, deployment, plan, pods_of, poisson, run};

/// A run of about `customers` at `rate` per unit on one pod.
fn queue(rate: f64, customers: f64, pods: DeploymentPlan) -> (TrafficPlan, f64) {
    let plan = plan(demand("users", poisson(rate / UNIT_S)), pods, customers / rate * UNIT_S);
    (plan, customers / rate)
}

fn totals(engine: &Requests) -> AttemptTotals {
    *engine.ledger().deployment(deployment()).totals()
}

/// Mean of the sum of waits over `time`: the mean number of waiting customers.
fn mean_waiting(totals: &AttemptTotals, time: f64) -> f64 {
    totals.wait_ns as f64 / 1e9 / UNIT_S / time
}

fn within(what: &str, value: f64, exact: f64, error: f64) {
    let off = (value - exact) / error;
    assert!(off.abs() <= 4.0, "{what}: {value}, exactly {exact}, {off:.1} standard errors");
}

/// The first bin edge at or above `value` [units].
fn edge_above(value: f64) -> f64 {
    bin_start_s(bin_of(value * UNIT_S) + 1) / UNIT_S
}

/// Number of durations of at least `edge` [units], which must be a bin edge.
fn at_least(histogram: &Histogram, edge: f64) -> f64 {
    (histogram.count() - histogram.count_below(edge * UNIT_S)) as f64
}

/// servers, rate, P(W > 0), Wq, p95 / p99 / p99.9 of the wait, p99 of the sojourn, customers for
/// a standard error of Lq of 0.25 %.
pub(super) type Row = (u16, f64, f64, f64, [f64; 3], f64, f64);

pub(super) const M_M_C: [Row; 11] = [
    (1, 0.5, 0.5, 1.0, [4.605170, 7.824046, 12.429216], 9.210340, 5.4e6),
    (1, 0.8, 0.8, 4.0, [13.862944, 21.910133, 33.423059], 23.025851, 21.5e6),
    (1, 0.9, 0.9, 9.0, [28.903718, 44.998097, 68.023948], 46.051702, 74e6),
    (1, 0.95, 0.95, 19.0, [58.888780, 91.077538, 137.129240], 92.103404, 276e6),
    (2, 1.8, 0.8526315789, 4.263157895, [14.181523, 22.228711, 33.741638], 23.344430, 82e6),
    (8, 6.4, 0.4576449254, 0.2860280784, [1.383794, 2.389693, 3.828809], 5.152182, 52e6),
    (8, 7.2, 0.7015329901, 0.8769162377, [3.301556, 5.313354, 8.191585], 7.087347, 115e6),
    (8, 7.6, 0.8441686306, 2.110421577, [7.065823, 11.089418, 16.845881], 12.366049, 344e6),
    (60, 48.0, 0.0633919653, 0.005282663775, [0.019776, 0.153896, 0.345778], 4.610917, 574e6),
    (60, 54.0, 0.3245608932, 0.05409348221, [0.311742, 0.579981, 0.963746], 4.668063, 365e6),
    (480, 470.0, 0.5393225739, 0.05393225739, [0.237829, 0.398773, 0.629031], 4.663368, 0.0),
];

/// Checks one row of the M/M/c table at its run length.
fn check_m_m_c(row: &Row) {
    let (servers, rate, p_wait, wait, wait_quantiles, sojourn_p99, customers) = *row;
    let name = format!("M/M/{servers} at {rate}");
    let (mut plan, time) = queue(rate, customers, pods_of(servers, Law::exponential(UNIT_S)));
    plan.record_waits = true;
    let engine = run(&plan, 1);
    let totals = totals(&engine);
    let chain = Chain::unbounded(usize::from(servers), rate);
    let error = chain.time_error(|n| chain.waiting(n), time);
    assert!(error <= 0.00251 * rate * wait, "{name}: too short a run");
    within(&format!("{name}: Lq"), mean_waiting(&totals, time), rate * wait, error);
    let busy = totals.busy_ns as f64 / 1e9 / UNIT_S / time;
    let error = chain.time_error(|n| n as f64 - chain.waiting(n), time);
    within(&format!("{name}: busy workers"), busy, rate, error);
    let all_busy = |n: usize| f64::from(u8::from(usize::from(servers) <= n));
    let error = chain.arrival_error(all_busy, time);
    let waited = totals.waited as f64 / (rate * time);
    within(&format!("{name}: P(W > 0)"), waited, p_wait, error);
    let spare = f64::from(servers) - rate;
    let waits = engine.ledger().deployment(deployment()).waits();
    for (quantile, share) in wait_quantiles.into_iter().zip([0.05, 0.01, 0.001]) {
        // The table's quantile is where the closed form says; the run is compared at the edge.
        assert!((p_wait * (-spare * quantile).exp() / share - 1.0).abs() < 1e-3, "{name}");
        let edge = edge_above(quantile);
        let tail = |n: usize| match (n + 1).checked_sub(usize::from(servers)) {
            Some(ahead) if 0 < ahead => erlang_tail(ahead, f64::from(servers), edge),
            _ => 0.0,
        };
        let error = chain.arrival_error(tail, time);
        let exact = p_wait * (-spare * edge).exp();
        let measured = at_least(waits, edge) / (rate * time);
        within(&format!("{name}: P(W > {edge})"), measured, exact, error);
    }
    check_sojourn(&name, &engine, &chain, row, time, edge_above(sojourn_p99));
}

/// P(T > t) = e^-t (1 + C (1 - e^{-(c-a-1)t}) / (c-a-1)); its error is bounded by that of the
/// wait's indicator, for the service is drawn independently.
fn check_sojourn(name: &str, engine: &Requests, chain: &Chain, row: &Row, time: f64, edge: f64) {
    let (servers, rate, p_wait, ..) = *row;
    let c = f64::from(servers);
    let d = c - rate - 1.0;
    let delayed = if d == 0.0 { edge } else { (1.0 - (-d * edge).exp()) / d };
    let exact = (-edge).exp() * (1.0 + p_wait * delayed);
    let tail = |n: usize| {
        let Some(ahead) = (n + 1).checked_sub(usize::from(servers)).filter(|k| 0 < *k) else {
            return (-edge).exp();
        };
        if servers == 1 {
            return erlang_tail(ahead + 1, 1.0, edge);
        }
        let lift = (c / (c - 1.0)).ln() * ahead as f64;
        let inside = 1.0 - erlang_tail(ahead, c - 1.0, edge);
        // Beyond 600 e-folds the second term has no share left in the sum.
        let second = if 600.0 < lift { 0.0 } else { (lift - edge).exp() * inside };
        (erlang_tail(ahead, c, edge) + second).min(1.0)
    };
    let error = chain.arrival_error(tail, time);
    let latency = engine.ledger().demands()[0].latency();
    let measured = at_least(&latency, edge) / (rate * time);
    within(&format!("{name}: P(T > {edge})"), measured, exact, error);
    assert!((exact / 0.01 - 1.0).abs() < 0.15, "{name}: the edge is next to the p99");
}

/// M/M/c: number waiting, busy workers, P(W > 0), tails of wait and sojourn at the bin edge next
/// to each published quantile. 480 servers are beyond the 64 workers of a pod: not applicable.
#[test]
fn m_m_c() {
    for row in M_M_C.iter().filter(|row| row.0 <= 64) {
        if runs(&format!("M/M/{} at {}", row.0, row.1), row.6) {
            check_m_m_c(row);
        }
    }
}

/// 60 workers at 48: the number in system needs only 0.4 M customers; Lq stays for deep runs.
#[test]
fn m_m_60_number_in_system() {
    let (plan, time) = queue(48.0, 4e6, pods_of(60, Law::exponential(UNIT_S)));
    let totals = totals(&run(&plan, 1));
    let chain = Chain::unbounded(60, 48.0);
    let present = mean_waiting(&totals, time) + totals.busy_ns as f64 / 1e9 / UNIT_S / time;
    within("N", present, 48.2535678612, chain.time_error(|n| n as f64, time));
}

/// M/M/c/K: share blocked, mean number waiting, throughput.
#[test]
fn m_m_c_k() {
    for (servers, places, rate, p_block, waiting) in [
        (1, 5, 0.8, 0.0888194986556_f64, 1.56306520704_f64 * 0.8 * (1.0 - 0.0888194986556)),
        (8, 20, 6.4, 0.0064521556544, 1.43907785796),
        (8, 20, 8.0, 0.0615573340497, 4.80147205588),
        (8, 20, 10.4, 0.234319159233, 8.94526037654),
    ] {
        let name = format!("M/M/{servers}/{places} at {rate}");
        let mut pods = pods_of(servers, Law::exponential(UNIT_S));
        pods.queue = places as u32 - u32::from(servers);
        let chain = Chain::bounded(usize::from(servers), rate, places);
        let full = |n: usize| f64::from(u8::from(n == places));
        // Long enough for 0.25 % of the blocked share and of the number waiting.
        let block_time = 4.0 * (chain.variance(full) + p_block / rate) / p_block.powi(2);
        let wait_time = chain.variance(|n| chain.waiting(n)) / waiting.powi(2);
        let customers = block_time.max(wait_time) / 0.0025_f64.powi(2) * rate;
        if !runs(&name, customers) {
            continue;
        }
        let (plan, time) = queue(rate, customers, pods);
        let totals = totals(&run(&plan, 1));
        let blocked = totals.queue_full as f64 / (rate * time);
        within(&format!("{name}: blocked"), blocked, p_block, chain.arrival_error(full, time));
        let error = chain.time_error(|n| chain.waiting(n), time);
        within(&format!("{name}: Lq"), mean_waiting(&totals, time), waiting, error);
        let served = totals.served as f64 / time;
        let error = rate * chain.arrival_error(|n| 1.0 - full(n), time);
        within(&format!("{name}: throughput"), served, rate * (1.0 - p_block), error);
    }
}

/// M/M/n+D: a client gives up after D, the server drops what it finds abandoned at its turn; so
/// a request is dropped if and only if it would wait longer than D. The standard errors are those
/// of the M/M/n/K whose queue is as long as n workers empty in D.
#[test]
fn m_m_n_with_patience() {
    for (servers, rate, patience, p_drop, p_wait, wait_served) in [
        (8, 6.4, 1.0, 0.0199543604962, 0.414355530743, 0.149716424429),
        (8, 8.0, 1.0, 0.0816658660331, 0.734992794298, 0.355713080947),
        (8, 10.4, 1.0, 0.238402962979, 0.960988076709, 0.648110993803),
        (8, 10.4, 5.0, 0.230769731238, 0.999997442371, 4.58334881527),
        (60, 66.0, 2.0, 0.090909318856, 0.999996921754, 1.83333941399),
        (1, 1.3, 5.0, 0.265872260377, 0.95436606151, 2.90988187369),
    ] {
        let name = format!("M/M/{servers}+{patience} at {rate}");
        let places = f64::from(servers) * (1.0 + patience);
        let chain = Chain::bounded(usize::from(servers), rate, places as usize);
        let full = |n: usize| f64::from(u8::from(n == places as usize));
        let drop_time = 4.0 * (chain.variance(full) + p_drop / rate) / f64::powi(p_drop, 2);
        let customers = drop_time / 0.0025_f64.powi(2) * rate;
        if !runs(&name, customers) {
            continue;
        }
        let mut pods = pods_of(servers, Law::exponential(UNIT_S));
        pods.on_timeout = OnTimeout::DropQueued;
        let (mut plan, time) = queue(rate, customers, pods);
        plan.demands[0].attempt_timeout = Span::from_secs_f64(patience * UNIT_S);
        let totals = totals(&run(&plan, 1));
        let dropped = totals.dropped as f64 / (rate * time);
        let error = chain.arrival_error(full, time);
        within(&format!("{name}: dropped"), dropped, p_drop, error);
        let wait = totals.wait_ns as f64 / 1e9 / UNIT_S / time;
        let exact = rate * (1.0 - p_drop) * wait_served;
        let error = chain.time_error(|n| chain.waiting(n), time);
        within(&format!("{name}: waits of the served"), wait, exact, error);
        let all_busy = |n: usize| f64::from(u8::from(usize::from(servers) <= n));
        let waited = (totals.waited + totals.dropped) as f64 / (rate * time);
        let error = chain.arrival_error(all_busy, time);
        within(&format!("{name}: P(W > 0)"), waited, p_wait, error);
    }
}
