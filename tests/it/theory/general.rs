//! Queues with general service or regular arrivals: M/G/1, M/D/c, round robin, power of two.

use tideover::sim::histogram::{Histogram, bin_start_s};
use tideover::sim::laws::Law;
use tideover::traffic::Traffic;
use tideover::traffic::plan::Balancer;

use super::birth_death::Chain;
use super::runs;
use super::system::{UNIT_S, demand, deployment, plan, pods_of, poisson, run};

/// The k-th moments of the wait in an M/G/1 for k = 0 to 5, by Takács' recursion.
fn wait_moments(law: &Law, rate: f64) -> [f64; 6] {
    let service = |k: u32| law.moment(k) / UNIT_S.powi(k as i32);
    let mut moments = [1.0; 6];
    for k in 1..6_u32 {
        let mut binomial = 1.0;
        let mut sum = 0.0;
        for i in 1..=k {
            binomial *= f64::from(k + 1 - i) / f64::from(i);
            sum += binomial * service(i + 1) / f64::from(i + 1) * moments[(k - i) as usize];
        }
        moments[k as usize] = rate / (1.0 - rate) * sum;
    }
    moments
}

/// Asymptotic variances of the time averages of the workload V and of V². With the generator A
/// of V, A h = -(f - f̄) is solved by h = v² / (2 (1 - rho)) for f = v, and by
/// h = v³ / (3 (1 - rho)) + rate E[S²] v² / (2 (1 - rho)²) for f = v²; the asymptotic variance is
/// 2 E[(f - f̄) h].
fn workload_variances(law: &Law, rate: f64) -> [f64; 2] {
    let m = wait_moments(law, rate);
    let idle = 1.0 - rate;
    let square = rate * law.moment(2) / UNIT_S.powi(2) / (2.0 * idle * idle);
    let first = (m[3] - m[1] * m[2]) / idle;
    let second = 2.0 * ((m[5] - m[2] * m[3]) / (3.0 * idle) + square * (m[4] - m[2] * m[2]));
    [first, second]
}

/// Mean of the squares [units²], each bin counted at the mean square of its edges' interval;
/// bins are at most 3.2 % wide, which keeps the error below 0.01 %.
fn mean_square(histogram: &Histogram) -> f64 {
    let sum: f64 = histogram
        .bins()
        .filter(|(bin, _)| 0 < *bin)
        .map(|(bin, count)| {
            let (low, high) = (bin_start_s(bin) / UNIT_S, bin_start_s(bin + 1) / UNIT_S);
            count as f64 * (low * low + low * high + high * high) / 3.0
        })
        .sum();
    sum / histogram.count() as f64
}

/// M/G/1 at rho 0.8: mean and variance of the wait against Pollaczek and Khinchine.
#[test]
fn m_g_1() {
    let lognormal = |cv: f64| Law::lognormal_mean_cv(UNIT_S, cv);
    let hyper =
        Law::hyper_exponential(0.887298334621, UNIT_S / 1.77459666924, UNIT_S / 0.225403330759);
    for (name, law, wait, variance) in [
        ("deterministic", Law::constant(UNIT_S), 2.0, 16.0 / 3.0),
        ("Erlang-2", Law::erlang(2, UNIT_S), 3.0, 13.0),
        ("exponential", Law::exponential(UNIT_S), 4.0, 24.0),
        ("lognormal 0.25", lognormal(0.5), 2.5, 8.85416666667),
        ("lognormal 1", lognormal(1.0), 4.0, 26.6666666667),
        ("lognormal 4", lognormal(2.0), 10.0, 266.666666667),
        ("hyperexponential 4", hyper, 10.0, 180.0),
    ] {
        let rate = 0.8;
        let moments = wait_moments(&law, rate);
        assert!((moments[1] / wait - 1.0).abs() < 1e-6, "{name}: {}", moments[1]);
        let [first, second] = workload_variances(&law, rate);
        // Waits are V seen by Poisson arrivals: time average plus a martingale.
        let error = |avar: f64, square: f64, time: f64| {
            (avar / time).sqrt() + (square / (rate * time)).sqrt()
        };
        let time = (error(first, moments[2], 1.0) / (0.0025 * wait)).powi(2);
        if !runs(&format!("M/G/1, {name}"), time * rate) {
            continue;
        }
        let users = demand("users", poisson(rate / UNIT_S));
        let mut plan = plan(users, pods_of(1, law), time * UNIT_S);
        plan.record_waits = true;
        let engine = run(&plan, 1);
        let account = engine.ledger().deployment(deployment());
        let mean = account.totals().wait_ns as f64 / 1e9 / UNIT_S / (rate * time);
        let off = (mean - wait) / error(first, moments[2], time);
        assert!(off.abs() <= 4.0, "{name}: mean wait {mean}, {off:.1} standard errors");
        let square = mean_square(account.waits()) * account.waits().count() as f64;
        let square = square / (rate * time);
        let exact = variance + wait * wait;
        let tolerance = 4.0 * error(second, moments[4], time) + 1e-4 * exact;
        assert!((square - exact).abs() <= tolerance, "{name}: {square}, exactly {exact}");
    }
}

/// M/D/1 at rho 0.8: the distribution of the wait. An indicator of V is not longer correlated
/// than V itself, which gives its standard error.
#[test]
fn m_d_1_distribution() {
    let (rate, time) = (0.8, 20e6);
    let law = Law::constant(UNIT_S);
    let moments = wait_moments(&law, rate);
    let correlation = workload_variances(&law, rate)[0] / (moments[2] - moments[1] * moments[1]);
    let users = demand("users", poisson(rate / UNIT_S));
    let mut plan = plan(users, pods_of(1, law), time * UNIT_S);
    plan.record_waits = true;
    let engine = run(&plan, 1);
    let account = engine.ledger().deployment(deployment());
    for (t, exact) in [
        (0.0, 0.2),
        (0.5, 0.298364939528),
        (1.0, 0.445108185698),
        (2.0, 0.63451993632),
        (5.0, 0.899502761754),
        (10.0, 0.988342891735),
    ] {
        let started = account.totals().started as f64;
        let later = if t == 0.0 {
            account.totals().waited as f64
        } else {
            started - account.waits().count_below(t * UNIT_S) as f64
        };
        let spread: f64 = exact * (1.0 - exact);
        let error = (spread * correlation / time).sqrt() + (spread / started).sqrt();
        let off = (1.0 - later / started - exact) / error;
        assert!(error <= 0.0025 && off.abs() <= 4.0, "P(W <= {t}): {off:.1} standard errors");
    }
}

/// Sum of waits and share of those who waited, with the relative errors of the M/M/c of the same
/// load, whose arrivals or services vary more.
fn check_regular(
    name: &str,
    (n_pods, servers, rate): (usize, u16, f64),
    law: Law,
    (wait, p_wait): (f64, f64),
) {
    let chain = Chain::unbounded(usize::from(servers), rate);
    let all_busy = |n: usize| f64::from(u8::from(usize::from(servers) <= n));
    let waiting = chain.mean(|n| chain.waiting(n));
    let relative = chain.variance(|n| chain.waiting(n)) / (waiting * waiting);
    // Pods that share arrivals are not independent: one pod's time counts.
    let time = relative / 0.0025_f64.powi(2);
    let customers = time * rate * n_pods as f64;
    if !runs(name, customers) {
        return;
    }
    let total = rate * n_pods as f64;
    let mut pods = pods_of(servers, law);
    pods.balancer = Balancer::RoundRobin;
    let plan = plan(demand("users", poisson(total / UNIT_S)), pods, time * UNIT_S);
    let engine = run(&plan, n_pods);
    let totals = engine.ledger().deployment(deployment()).totals();
    let mean = totals.wait_ns as f64 / 1e9 / UNIT_S / (total * time);
    let off = (mean / wait - 1.0) / 0.0025;
    assert!(off.abs() <= 4.0, "{name}: mean wait {mean}, {off:.1} standard errors");
    let share = totals.waited as f64 / (total * time);
    let error = chain.arrival_error(all_busy, time) / chain.mean(all_busy);
    let off = (share / p_wait - 1.0) / error;
    assert!(off.abs() <= 4.0, "{name}: P(W > 0) {share}, {off:.1} standard errors");
}

/// M/D/c.
#[test]
fn m_d_c() {
    for (servers, rate, exact) in [
        (2, 1.8, (2.146923214715, 0.847107642703)),
        (8, 6.4, (0.151953802643, 0.433795118732)),
        (8, 7.2, (0.449973259436, 0.681911365447)),
        (60, 54.0, (0.029677301127, 0.297383789248)),
    ] {
        let name = format!("M/D/{servers} at {rate}");
        check_regular(&name, (1, servers, rate), Law::constant(UNIT_S), exact);
    }
}

/// Round robin over k pods makes each an E_k/M/c, at rho 0.8.
#[test]
fn round_robin() {
    for (n_pods, servers, exact) in [
        (2, 1, (2.84397976699, 0.739852949126)),
        (4, 1, (2.26738361032, 0.693944721752)),
        (60, 1, (1.73095006417, 0.633827065122)),
        (4, 8, (0.134662297881, 0.32971285638)),
        (60, 8, (0.0931614794452, 0.272905698768)),
    ] {
        let name = format!("{n_pods} pods of {servers} in turn");
        let system = (n_pods, servers, 0.8 * f64::from(servers));
        check_regular(&name, system, Law::exponential(UNIT_S), exact);
    }
}

/// Power of two choices over many M/M/1 pods: mean sojourn of the limit of infinitely many. With
/// n pods the mean is off by O(1/n); 1,000 pods and 1 % are far apart from the 4 and more of a
/// random choice.
#[test]
fn power_of_two() {
    for (load, exact) in [(0.8, 1.94736338595), (0.9, 2.61405737732), (0.95, 3.38304600252)] {
        let n_pods = 1_000;
        let mut pods = pods_of(1, Law::exponential(UNIT_S));
        pods.balancer = Balancer::PowerOfTwo;
        let total = load * n_pods as f64;
        let time = 4e6 / total;
        let plan = plan(demand("users", poisson(total / UNIT_S)), pods, time * UNIT_S);
        let engine = run(&plan, n_pods);
        let totals = engine.ledger().deployment(deployment()).totals();
        let mean = (totals.wait_ns + totals.busy_ns) as f64 / 1e9 / UNIT_S / (total * time);
        assert!((mean / exact - 1.0).abs() < 0.01, "load {load}: {mean}, exactly {exact}");
    }
}
