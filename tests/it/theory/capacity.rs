//! What a pod sustains, against the closed form of the M/M/c.

use tideover::sim::laws::Law;
use tideover::traffic::capacity::{fit_capacity, sustainable_utilisation};
use tideover::units::{MilliCpu, Rate, Span};

use super::birth_death::Chain;

/// P(sojourn > t) in an M/M/c with service rate 1.
fn late(servers: u16, rate: f64, t: f64) -> f64 {
    let chain = Chain::unbounded(usize::from(servers), rate);
    let p_wait = chain.mean(|n| f64::from(u8::from(usize::from(servers) <= n)));
    let d = f64::from(servers) - rate - 1.0;
    let delayed = if d.abs() < 1e-9 { t } else { (1.0 - (-d * t).exp()) / d };
    (-t).exp() * (1.0 + p_wait * delayed)
}

/// The sustainable utilisation of exponential pods is where the closed form puts the 99th
/// percentile at the objective; 200,000 customers leave an error of less than 0.015.
#[test]
fn sustainable_utilisation_of_exponential_pods() {
    for (servers, objective) in [(1, 10.0), (1, 20.0), (4, 6.0), (8, 5.2), (8, 7.0), (32, 5.0)] {
        let law = Law::exponential(0.01);
        let span = Span::from_secs_f64(objective * 0.01);
        let found = sustainable_utilisation(servers, &law, span).get();
        let (mut met, mut missed) = (0.0, 0.9999);
        for _ in 0..40 {
            let middle = 0.5 * (met + missed);
            let is_late = 0.01 < late(servers, middle * f64::from(servers), objective);
            if is_late { missed = middle } else { met = middle }
        }
        assert!((found - met).abs() < 0.015, "{servers} at {objective}: {found}, exactly {met}");
    }
}

/// Nothing is sustainable if service alone takes longer, and more workers sustain more.
#[test]
fn sustainable_utilisation_has_its_limits() {
    let law = Law::exponential(0.01);
    assert_eq!(sustainable_utilisation(8, &law, Span::from_millis(46)).get(), 0.0);
    let at = |workers| sustainable_utilisation(workers, &law, Span::from_millis(60)).get();
    assert!(at(1) < at(2) && at(2) < at(8) && at(8) < at(64));
}

/// The example of the documentation: 120/s at 450m, 40 ms and 180 ms. The lognormal law through
/// both has mean 49.3 ms, so 5.9 workers are busy; the derived pod reproduces both percentiles.
#[test]
fn measured_capacity_becomes_workers() {
    let [p50, p99] = [40, 180].map(Span::from_millis);
    let fit = fit_capacity(Rate::per_second(120.0), MilliCpu::new(450), p50, p99).unwrap();
    let busy = 120.0 * fit.law.mean_s();
    assert!((busy - 5.916).abs() < 0.01, "{busy}");
    assert!(6 < fit.workers && fit.workers < 16, "{fit:?}");
    assert!((fit.milli_cpu_per_worker - 450.0 / busy).abs() < 1e-9);
    assert!(fit.p50_error.get().abs() < 0.05 && fit.p99_error.get().abs() < 0.05, "{fit:?}");
    assert!(fit_capacity(Rate::per_second(120.0), MilliCpu::new(450), p99, p50).is_none());
    assert!(fit_capacity(Rate::per_second(2e3), MilliCpu::new(450), p50, p99).is_none());
}
