//! Front Door's health decision against closed forms: when a PoP notices an outage and a repair,
//! how a fleet of PoPs leaves, and how a grey failure flaps.
//!
//! I = interval, f = n − x + 1 failures needed, d = time for a probe to be judged failed. The
//! phases of PoPs are independent and uniform over the interval, so detection is uniform too.

use tideover::control::front_door_health::{
    AFD_STANDARD, OriginCondition, ProbeGrid, ProbeTiming, ProbedOrigin, SampleWindow,
};
use tideover::sim::streams::Stream;
use tideover::units::{Span, Time};

const FAILS_AT: Time = Time::from_secs(100_000);

/// One setting of an origin group and of the probes' way to the origin.
#[derive(Clone, Copy)]
struct Setting {
    interval_s: i64,
    n_samples: u8,
    n_required: u8,
    timing: ProbeTiming,
}

impl Setting {
    fn new(interval_s: i64, n_samples: u8, n_required: u8) -> Self {
        let timing = ProbeTiming { answer: Span::ZERO, timeout: Span::from_secs(30) };
        Self { interval_s, n_samples, n_required, timing }
    }

    fn failures_needed(&self) -> f64 {
        f64::from(self.n_samples) - f64::from(self.n_required) + 1.0
    }

    /// An origin that has been in `condition` for long, probed at a phase of its own.
    fn origin(&self, condition: OriginCondition, draw: u64) -> ProbedOrigin {
        let grid = ProbeGrid::staggered(Span::from_secs(self.interval_s), draw);
        let healthy = condition == OriginCondition::Answering;
        let window = SampleWindow::filled(self.n_samples, self.n_required, healthy);
        ProbedOrigin::new(grid, self.timing, window, condition, Time::ZERO)
    }

    /// Seconds until `n` PoPs change their mind after the origin goes from one condition to the
    /// other.
    fn reaction_s(&self, from: OriginCondition, to: OriginCondition, n: u64) -> Vec<f64> {
        let stream = Stream::new(7, 0, "probe phase", &format!("{}", self.interval_s));
        let reaction = |pop| {
            let mut origin = self.origin(from, stream.at(pop));
            origin.change(FAILS_AT, to, no_draw);
            let change = origin.next_change(Time::NEVER, no_draw).expect("it notices");
            assert_eq!(change.healthy, to == OriginCondition::Answering);
            (change.at - FAILS_AT).as_secs_f64()
        };
        (0..n).map(reaction).collect()
    }
}

fn no_draw(_: u64) -> u64 {
    unreachable!("only a flaky origin draws")
}

/// Asserts that the samples are uniform on [least, least + width], each statement at a chance of
/// error below 1e-4: mean, 5 % and 95 % points within 4 standard errors, Kolmogorov–Smirnov
/// statistic D·√N below 2.23 (p = 1e-4), and both ends reached but not passed (a gap of 10/N of
/// the width at one end has chance e^-10).
fn assert_uniform(samples: &mut [f64], least: f64, width: f64, rule: &str) {
    samples.sort_by(f64::total_cmp);
    let n = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / n;
    let error = 4.0 * width / (12.0 * n).sqrt();
    assert!((mean - least - width / 2.0).abs() <= error, "{rule}: mean {mean} ± {error}");
    for p in [0.05, 0.95] {
        let found = samples[(p * n) as usize];
        let error = 4.0 * width * (p * (1.0 - p) / n).sqrt();
        assert!((found - least - p * width).abs() <= error, "{rule}: p{p} {found} ± {error}");
    }
    let distance = samples.iter().enumerate().map(|(i, sample)| {
        let law = (sample - least) / width;
        (law - i as f64 / n).max((i as f64 + 1.0) / n - law)
    });
    let distance = distance.fold(0.0, f64::max) * n.sqrt();
    assert!(distance <= 2.23, "{rule}: Kolmogorov–Smirnov {distance}");
    let (first, last) = (samples[0], samples[samples.len() - 1]);
    let (gap, nanosecond) = (10.0 * width / n, 1e-9);
    assert!(least <= first + nanosecond && first <= least + gap, "{rule}: first {first}");
    let most = least + width;
    assert!(most - gap <= last && last <= most + nanosecond, "{rule}: last {last}");
}

/// All rows of the published table of failover times: the closed form U((f−1)·I, f·I) + d gives
/// the printed mean, 5 % and 95 % points and maximum, and 20,000 PoPs follow it.
#[test]
fn detection_follows_the_uniform_law() {
    use OriginCondition::{Answering, Hanging, Refusing};
    let table = [
        (Setting::new(5, 4, 3), Refusing, [7.5, 5.2, 9.7, 10.0]),
        (Setting::new(30, 4, 3), Refusing, [45.0, 31.5, 58.5, 60.0]),
        (Setting::new(30, 4, 2), Refusing, [75.0, 61.5, 88.5, 90.0]),
        (Setting::new(30, 5, 3), Refusing, [75.0, 61.5, 88.5, 90.0]),
        (Setting::new(30, 4, 3), Hanging, [75.0, 61.5, 88.5, 90.0]),
        (Setting::new(100, 4, 3), Refusing, [150.0, 105.0, 195.0, 200.0]),
        (Setting::new(240, 4, 3), Refusing, [360.0, 252.0, 468.0, 480.0]),
    ];
    for (setting, condition, printed) in table {
        let interval = setting.interval_s as f64;
        let judged = if condition == Hanging { setting.timing.timeout.as_secs_f64() } else { 0.0 };
        let least = (setting.failures_needed() - 1.0) * interval + judged;
        let rule = format!("I {interval}, {}/{}", setting.n_samples, setting.n_required);
        for (share, printed) in [0.5, 0.05, 0.95, 1.0].into_iter().zip(printed) {
            // The table prints one decimal, rounded or cut.
            assert!((least + share * interval - printed).abs() <= 0.0501, "{rule}: {printed}");
        }
        let mut times = setting.reaction_s(Answering, condition, 20_000);
        assert_uniform(&mut times, least, interval, &rule);
    }
}

/// Failback after a long outage: U((x−1)·I, x·I) plus the answer time. 3 of 4 is slow back.
#[test]
fn failback_follows_the_uniform_law() {
    for condition in [OriginCondition::Refusing, OriginCondition::Hanging] {
        for (n_samples, n_required) in [(4, 3), (4, 2), (5, 1)] {
            let setting = Setting::new(30, n_samples, n_required);
            let mut times = setting.reaction_s(condition, OriginCondition::Answering, 20_000);
            let least = (f64::from(n_required) - 1.0) * 30.0;
            assert_uniform(&mut times, least, 30.0, &format!("{n_required} of {n_samples}"));
        }
    }
}

/// Hang mode adds the probe time-out, also one longer than the interval; a probe whose answer is
/// due after the failure is lost although it left before, which saves one answer time.
#[test]
fn a_hang_adds_the_time_out() {
    for (interval_s, answer_ms, timeout_s) in [(30, 0, 5), (5, 0, 30), (30, 2_000, 10)] {
        let timing = ProbeTiming {
            answer: Span::from_millis(answer_ms),
            timeout: Span::from_secs(timeout_s),
        };
        let setting = Setting { timing, ..Setting::new(interval_s, 4, 3) };
        let (from, to) = (OriginCondition::Answering, OriginCondition::Hanging);
        let mut times = setting.reaction_s(from, to, 20_000);
        let least = interval_s as f64 + timeout_s as f64 - answer_ms as f64 / 1e3;
        assert_uniform(&mut times, least, interval_s as f64, &format!("time-out {timeout_s}"));
    }
}

/// A fleet of E PoPs: the first leaves (f−1)·I + I/(E+1) after the failure on average, the last
/// (f−1)·I + I·E/(E+1), the mean (f−½)·I: 75, 60.297030 and 89.702970 s for I = 30, f = 3 and
/// E = 100. Over 2,000 fleets, within 4 theoretical standard errors.
#[test]
fn the_first_and_the_last_edge() {
    let (n_edges, n_fleets) = (100_u64, 2_000_u64);
    let table = [(30, [75.0, 60.297030, 89.702970]), (5, [12.5, 10.049505, 14.950495])];
    for (interval_s, [mean, first, last]) in table {
        let setting = Setting::new(interval_s, 4, 2);
        let (from, to) = (OriginCondition::Answering, OriginCondition::Refusing);
        let times = setting.reaction_s(from, to, n_edges * n_fleets);
        let fleets = times.chunks(n_edges as usize);
        let over_fleets = |of: fn(&[f64]) -> f64| fleets.clone().map(of).sum::<f64>();
        let found = [
            over_fleets(|fleet| fleet.iter().sum::<f64>() / fleet.len() as f64),
            over_fleets(|fleet| fleet.iter().copied().fold(f64::INFINITY, f64::min)),
            over_fleets(|fleet| fleet.iter().copied().fold(0.0, f64::max)),
        ];
        // Variance of the least of E uniforms: E / ((E + 1)² (E + 2)).
        let (e, interval) = (n_edges as f64, interval_s as f64);
        let edge_deviation = interval * (e / ((e + 1.0).powi(2) * (e + 2.0))).sqrt();
        let deviations = [interval / (12.0 * e).sqrt(), edge_deviation, edge_deviation];
        let expected = [mean, first, last];
        for ((found, expected), deviation) in found.into_iter().zip(expected).zip(deviations) {
            let found = found / n_fleets as f64;
            let error = 4.0 * deviation / (n_fleets as f64).sqrt();
            assert!((found - expected).abs() <= error, "{found} is not {expected} ± {error}");
        }
    }
}

/// Chance in units of 2^-64.
fn chance(q: f64) -> u64 {
    (q * 2_f64.powi(64)) as u64
}

/// P(Binomial(n, p) < x).
fn binomial_below(n: u8, p: f64, x: u8) -> f64 {
    let choose = |k: u8| (0..k).fold(1.0, |c, i| c * f64::from(n - i) / f64::from(i + 1));
    let term = |k: u8| choose(k) * p.powi(i32::from(k)) * (1.0 - p).powi(i32::from(n - k));
    (0..x).map(term).sum()
}

/// Grey failure: each probe fails with chance q, so the window is binomial and the PoP sees the
/// origin unhealthy with P(Binomial(n, 1 − q) < x), as printed. 40,000 disjoint windows each, so
/// that samples are independent, within 4 standard errors.
#[test]
fn a_grey_failure_flaps_by_the_binomial_law() {
    let table = [
        (3, 0.05, 0.014),
        (3, 0.10, 0.052),
        (3, 0.25, 0.26),
        (3, 0.50, 0.69),
        (3, 0.75, 0.95),
        (2, 0.05, 0.0005),
        (2, 0.10, 0.0037),
        (2, 0.25, 0.05),
        (2, 0.50, 0.31),
        (2, 0.75, 0.738),
    ];
    for (n_required, q, printed) in table {
        let law = binomial_below(4, 1.0 - q, n_required);
        assert!((law - printed).abs() <= 0.005, "{n_required} of 4 at {q}: {law}");
        let setting = Setting::new(30, 4, n_required);
        let failing = OriginCondition::Flaky { failing: chance(q), hangs: false };
        let stream = Stream::new(11, 0, "probe result", "grey");
        let mut origin = setting.origin(failing, 0);
        let n = 40_000;
        let mut n_unhealthy = 0;
        for window in 1..=n {
            origin.absorb(Time::from_secs(window * 4 * 30), |probe| stream.at(probe));
            n_unhealthy += i64::from(!origin.healthy());
        }
        let found = n_unhealthy as f64 / n as f64;
        let error = 4.0 * (law * (1.0 - law) / n as f64).sqrt();
        assert!((found - law).abs() <= error, "{n_required} of 4 at {q}: {found}, law {law}");
    }
}

/// Mean number of probes until a healthy 3-of-4 origin is first unhealthy: wait for a failure,
/// 1/q; another one among the next three probes tips the window, 1 + p + p² probes; else, with
/// chance p³, start again. The published figures (159, 47, 11, 4.3) are means of 100,000 draws, so
/// the law may differ from them by 4 standard errors and their rounding.
#[test]
fn a_grey_failure_is_first_noticed_as_late_as_the_chain_says() {
    for (q, printed, rounding) in
        [(0.05, 159.0, 0.5), (0.1, 47.0, 0.5), (0.25, 11.0, 0.5), (0.5, 4.3, 0.05)]
    {
        let p: f64 = 1.0 - q;
        let expected = (1.0 / q + 1.0 + p + p * p) / (1.0 - p.powi(3));
        let error = 4.0 * expected / 100_000_f64.sqrt() + rounding;
        assert!((expected - printed).abs() <= error, "q {q}: {expected}");
        let setting = Setting::new(30, 4, 3);
        let n = 20_000_u64;
        let mut total = 0.0;
        for pop in 0..n {
            let stream = Stream::new(13, pop, "probe result", "grey");
            let mut origin = setting.origin(OriginCondition::Answering, 0);
            // Probes fall on multiples of 30 s; the first one that may fail is at 30 s.
            let failing = OriginCondition::Flaky { failing: chance(q), hangs: false };
            origin.change(Time::from_secs(1), failing, |probe| stream.at(probe));
            let until = Time::from_secs(30 * 100_000);
            let change = origin.next_change(until, |probe| stream.at(probe)).expect("it fails");
            total += change.at.as_secs_f64() / 30.0;
        }
        // The waiting time is nearly geometric: its deviation is below its mean.
        let (found, error) = (total / n as f64, 4.0 * expected / (n as f64).sqrt());
        assert!((found - expected).abs() <= error, "q {q}: {found}, law {expected}");
    }
}

/// The preset of Standard and Premium is the table's second row: 45 s on average.
#[test]
fn the_standard_preset_takes_45_seconds_on_average() {
    let interval = AFD_STANDARD.interval.as_secs_f64();
    assert_eq!((AFD_STANDARD.failures_needed() as f64 - 0.5) * interval, 45.0);
}
