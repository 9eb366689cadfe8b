//! Both ways to simulate requests agree on the shipped scenarios: the same controllers, fed by
//! every request or by counts of them.
//!
//! Means over two seeds by default, without the scenario of 180 million requests; over 200 seeds
//! with `TIDEOVER_DEEP=1`. The differences that were measured stand in `docs/fidelity.md`.

use tideover::experiment::run::run_trial;
use tideover::metrics::outcome::Outcome;
use tideover::scenario::{Scenario, load};
use tideover::simulation::{Fidelity, Options};

use crate::source_tree::root;

/// Mean of some figure over the outcomes of a scenario.
fn mean(outcomes: &[Outcome], figure: impl Fn(&Outcome) -> f64) -> f64 {
    outcomes.iter().map(figure).sum::<f64>() / outcomes.len() as f64
}

fn is_deep() -> bool {
    std::env::var_os("TIDEOVER_DEEP").is_some()
}

fn outcomes(scenario: &Scenario, fidelity: Fidelity) -> Vec<Outcome> {
    let n_seeds = if is_deep() { 200 } else { 2 };
    let options = |seed| Options { seed: Some(seed), fidelity, ..Options::default() };
    (1..=n_seeds).map(|seed| run_trial(scenario, options(seed), |_| {}).outcome).collect()
}

/// Standard error of the difference of the means of failed requests: that of the seeds, or, of few
/// seeds, that of counts.
fn error_of_failed(exact: &[Outcome], flow: &[Outcome]) -> f64 {
    let n = exact.len() as f64;
    let differences: Vec<f64> = exact
        .iter()
        .zip(flow)
        .map(|(a, b)| b.requests.failed as f64 - a.requests.failed as f64)
        .collect();
    if n < 8.0 {
        return (2.0 * mean(exact, |outcome| outcome.requests.failed as f64) / n).sqrt();
    }
    let middle = differences.iter().sum::<f64>() / n;
    let square = differences.iter().map(|d| (d - middle) * (d - middle)).sum::<f64>();
    (square / (n - 1.0) / n).sqrt()
}

fn check(name: &str) {
    let path = root().join("scenarios").join(format!("{name}.yaml"));
    let scenario = load(&path, &[]).unwrap_or_else(|rejected| panic!("{rejected}"));
    let [exact, flow] = [Fidelity::Requests, Fidelity::Flow].map(|f| outcomes(&scenario, f));
    let within = |what: &str, figure: &dyn Fn(&Outcome) -> f64, allowed: f64| {
        let [a, b] = [&exact, &flow].map(|outcomes| mean(outcomes, figure));
        assert!((b - a).abs() <= allowed * a, "{name}: {what} {a} by requests, {b} by counts");
    };
    within("served", &|outcome| outcome.requests.served as f64, 0.005);
    let failed = |outcome: &Outcome| outcome.requests.failed as f64;
    let error = 3.0 * error_of_failed(&exact, &flow) / mean(&exact, failed);
    within("failed", &failed, error.max(0.02));
    // A bin of the histogram is 3.1 % wide.
    within("p50", &|outcome| outcome.latency_ms.as_ref().map_or(0.0, |l| l.p50), 0.032);
    within("p99", &|outcome| outcome.latency_ms.as_ref().map_or(0.0, |l| l.p99), 0.032);
    let allowed_s = if is_deep() { 1.0 } else { 3.0 };
    for fault in 0..exact[0].faults.len() {
        let rto_s = |outcome: &Outcome| outcome.faults[fault].rto_s.unwrap_or(0.0);
        let [a, b] = [&exact, &flow].map(|outcomes| mean(outcomes, rto_s));
        assert!((a - b).abs() <= allowed_s, "{name}: recovery {a} s by requests, {b} s by counts");
    }
}

// One test for each scenario, so that they run side by side.

/// Throughput, failures, latency and recovery, by requests and by counts:
/// a lost region, warm secondary.
#[test]
fn counts_agree_on_a_region_loss() {
    check("region-loss-warm");
}

/// Throughput, failures, latency and recovery, by requests and by counts:
/// a lost region, cold secondary.
#[test]
fn counts_agree_on_a_cold_secondary() {
    check("region-loss-cold");
}

/// Throughput, failures, latency and recovery, by requests and by counts:
/// a lost zone.
#[test]
fn counts_agree_on_a_zone_loss() {
    check("zone-loss");
}

/// Throughput, failures, latency and recovery, by requests and by counts:
/// crashing containers.
#[test]
fn counts_agree_on_a_pod_crash() {
    check("pod-crash");
}

/// Throughput, failures, latency and recovery, by requests and by counts:
/// two regions that both serve.
#[test]
fn counts_agree_on_active_active() {
    check("patterns/active-active");
}

/// Throughput, failures, latency and recovery, by requests and by counts:
/// a smaller secondary.
#[test]
fn counts_agree_on_active_passive() {
    check("patterns/active-passive");
}

/// Throughput, failures, latency and recovery, by requests and by counts:
/// a stopped secondary.
#[test]
fn counts_agree_on_passive_cold() {
    check("patterns/passive-cold");
}

/// The scenario of a whole day has 180 million requests.
#[test]
fn counts_agree_on_a_day() {
    if is_deep() {
        check("region-loss-diurnal");
    }
}
