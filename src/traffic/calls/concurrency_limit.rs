//! An adaptive limit of the requests that a pod has in hand, by the latency of its answers.
//!
//! Follows Envoy's adaptive concurrency filter (gradient_controller.cc), as it stands in the
//! sidecar of each pod. From time to time it measures how long answers take when hardly
//! anything is in hand (`minRTT`: few requests at a time until enough were answered); in between,
//! at regular instants,
//!
//! ```text
//! gradient  = minRTT * (1 + buffer) / sampleRTT, within 0.5 and 2
//! new limit = limit * gradient + sqrt(limit * gradient)
//! ```
//!
//! So a pod of c workers whose requests take constantly long, with more to do than it can, ends at
//! the limit L = (1 + buffer) c + sqrt((1 + buffer) c), rounded down: for with L in hand answers
//! take L / c times as long.
//!
//! Timers cost nothing: what was due is done when the pod is next asked, at its own instant.
//!
//! Left out: a fixed `minRTT`, a least limit other than that of the measurement. Percentiles are
//! exact; Envoy's histogram has two significant digits.

use crate::sim::streams::{Stream, below};
use crate::units::{Ratio, Span};

/// How often in a row a limit may be the least before its `minRTT` is in doubt.
const DOUBTED_AFTER: u32 = 5;

/// How a limit is found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConcurrencyLimitRules {
    /// From one limit to the next.
    pub update_interval: Span,
    /// No limit is higher.
    pub max_limit: u32,
    /// Which of the latencies of an interval counts.
    pub percentile: Ratio,
    /// From one measurement of `minRTT` to the next.
    pub min_rtt_interval: Span,
    /// Up to this share of the interval is added to it, at random.
    pub min_rtt_jitter: Ratio,
    /// Answers that a measurement takes, at least one.
    pub min_rtt_requests: u32,
    /// Latencies up to this share above `minRTT` count as no queue.
    pub min_rtt_buffer: Ratio,
    /// The limit while `minRTT` is measured, and the lowest otherwise; at least one.
    pub min_concurrency: u32,
}

/// The limit of a pod at run time.
#[derive(Clone, Debug)]
pub(super) struct ConcurrencyLimit {
    rules: ConcurrencyLimitRules,
    /// A draw for each measurement.
    jitter: Stream,
    n_measured: u64,
    limit: u32,
    /// While `minRTT` is measured: the limit to go back to.
    deferred: Option<u32>,
    /// Requests from before the last measurement began do not count [s].
    epoch_s: f64,
    /// [us]
    min_rtt: u64,
    /// Latencies since the last limit [us].
    samples: Vec<u64>,
    n_at_minimum: u32,
    /// When the next measurement begins [s].
    measure_s: f64,
    /// When the next limit is due [s].
    update_s: f64,
}

impl ConcurrencyLimit {
    /// The limit of a process that starts now: it begins with a measurement.
    pub(super) fn new(rules: ConcurrencyLimitRules, jitter: Stream, now_s: f64) -> Self {
        assert!(0 < rules.min_concurrency.min(rules.min_rtt_requests), "{rules:?}: at least one");
        Self {
            rules,
            jitter,
            n_measured: 0,
            limit: rules.min_concurrency,
            deferred: Some(rules.min_concurrency),
            epoch_s: now_s,
            min_rtt: 0,
            samples: Vec::new(),
            n_at_minimum: 0,
            measure_s: f64::INFINITY,
            update_s: now_s + rules.update_interval.as_secs_f64(),
        }
    }

    /// How many requests the pod may have in hand at `now_s`, which never goes back.
    pub(super) fn at(&mut self, now_s: f64) -> u32 {
        while self.measure_s.min(self.update_s) <= now_s {
            if self.measure_s <= self.update_s {
                self.begin_measurement();
            } else if self.deferred.is_some() {
                // The end of the measurement sets the next one.
                self.update_s = f64::INFINITY;
            } else {
                self.update();
            }
        }
        self.limit
    }

    /// An answer leaves the pod at `now_s`, to a request that came at `arrival_s`.
    pub(super) fn record(&mut self, arrival_s: f64, now_s: f64) {
        self.at(now_s);
        if arrival_s < self.epoch_s {
            return;
        }
        self.samples.push(((now_s - arrival_s) * 1e9).round() as u64 / 1_000);
        if let Some(limit) = self.deferred
            && self.rules.min_rtt_requests as usize <= self.samples.len()
        {
            self.end_measurement(limit, now_s);
        }
    }

    fn begin_measurement(&mut self) {
        let now_s = std::mem::replace(&mut self.measure_s, f64::INFINITY);
        self.deferred = Some(self.limit);
        self.set(self.rules.min_concurrency, now_s);
        self.samples.clear();
        self.epoch_s = now_s;
    }

    fn end_measurement(&mut self, limit: u32, now_s: f64) {
        self.min_rtt = self.take_percentile();
        self.set(limit, now_s);
        self.deferred = None;
        let millis = self.rules.min_rtt_interval.as_secs_f64() * 1e3;
        let range = (millis * self.rules.min_rtt_jitter.get()).ceil() as usize;
        let draw = self.jitter.at(self.n_measured);
        self.n_measured += 1;
        let added = if range == 0 { 0 } else { below(draw, range) };
        self.measure_s = now_s + (millis + added as f64) / 1e3;
        self.update_s = now_s + self.rules.update_interval.as_secs_f64();
    }

    fn update(&mut self) {
        let now_s = self.update_s;
        self.update_s = now_s + self.rules.update_interval.as_secs_f64();
        if !self.samples.is_empty() {
            let sample_rtt = self.take_percentile();
            let limit = next_limit(&self.rules, self.limit, self.min_rtt, sample_rtt);
            self.set(limit, now_s);
        }
    }

    /// The percentile of the latencies so far, which are forgotten [us].
    fn take_percentile(&mut self) -> u64 {
        let rank = (self.rules.percentile.get() * self.samples.len() as f64).ceil() as usize;
        let (_, percentile, _) = self.samples.select_nth_unstable(rank.max(1) - 1);
        let percentile = *percentile;
        self.samples.clear();
        percentile
    }

    /// The limit from `now_s` on. A limit that keeps to the least may come of a `minRTT` that is
    /// too short, and it is low enough to measure that at once.
    fn set(&mut self, limit: u32, now_s: f64) {
        let least = self.rules.min_concurrency;
        let stays = self.deferred.is_none() && self.limit == least && limit == least;
        self.n_at_minimum = if stays { self.n_at_minimum + 1 } else { 0 };
        self.limit = limit;
        if DOUBTED_AFTER <= self.n_at_minimum {
            self.measure_s = now_s;
        }
    }
}

/// The limit that follows `limit`, latencies in [us].
fn next_limit(rules: &ConcurrencyLimitRules, limit: u32, min_rtt: u64, sample_rtt: u64) -> u32 {
    let buffered = min_rtt as f64 * (1.0 + rules.min_rtt_buffer.get());
    let gradient = (buffered / sample_rtt.max(1) as f64).clamp(0.5, 2.0);
    let without_queue = f64::from(limit) * gradient;
    let limit = (without_queue + without_queue.sqrt()) as u32;
    limit.min(rules.max_limit).max(rules.min_concurrency)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(min_concurrency: u32, buffer: f64) -> ConcurrencyLimitRules {
        ConcurrencyLimitRules {
            update_interval: Span::from_millis(100),
            max_limit: 1_000,
            percentile: Ratio::new(0.5),
            min_rtt_interval: Span::from_secs(30),
            min_rtt_jitter: Ratio::new(0.0),
            min_rtt_requests: 5,
            min_rtt_buffer: Ratio::new(buffer),
            min_concurrency,
        }
    }

    fn started(rules: ConcurrencyLimitRules) -> ConcurrencyLimit {
        ConcurrencyLimit::new(rules, Stream::new(1, 0, "test", "limit"), -1.0)
    }

    /// One answer after `ms` at each of the instants from `from_s`, a millisecond apart.
    fn answer(limit: &mut ConcurrencyLimit, from_s: f64, all_ms: &[f64]) {
        for (index, ms) in all_ms.iter().enumerate() {
            let now_s = from_s + 1e-3 * index as f64;
            limit.record(now_s - ms / 1e3, now_s);
        }
    }

    /// The formula by hand, row by row: 7 * 1.375 + sqrt(9.625) = 12.7.
    #[test]
    fn limits_follow_the_gradient() {
        for (rule, buffer, limit, [min_rtt, sample_rtt], expected) in [
            ("nothing waits: the headroom is a square root", 0.0, 16, [5, 5], 20),
            ("it grows while the buffer is not used up", 0.5, 16, [5, 6], 24),
            ("a buffer of a tenth", 0.1, 7, [5, 4], 12),
            ("at most twice", 0.0, 8, [100, 1], 20),
            ("at least half", 0.0, 100, [1, 100], 57),
            ("the just full queue", 0.0, 4, [1, 2], 3),
            ("not below the least", 0.0, 3, [1, 100], 3),
            ("not above the most", 0.0, 800, [2, 1], 1_000),
            ("an answer in no time", 0.0, 8, [0, 0], 6),
        ] {
            let next = next_limit(&rules(3, buffer), limit, min_rtt, sample_rtt);
            assert_eq!(next, expected, "{rule}");
        }
    }

    /// A limit starts with a measurement, which ends with the answer that completes it; its
    /// percentile is of rank ceil(p n); then limits follow every 100 ms, none without answers.
    #[test]
    fn a_measurement_comes_first() {
        let mut limit = started(rules(7, 0.1));
        answer(&mut limit, 0.01, &[4.0, 1.0, 3.0, 9.0]);
        assert_eq!((limit.at(0.5), limit.min_rtt), (7, 0));
        answer(&mut limit, 1.0, &[5.0]);
        assert_eq!((limit.at(1.0), limit.min_rtt), (7, 4_000));
        answer(&mut limit, 1.05, &[3.2, 3.2, 3.2]);
        assert_eq!(limit.at(1.0999), 7);
        assert_eq!(limit.at(1.1001), 12, "7 * 4.4 / 3.2 + sqrt(9.625)");
        assert_eq!(limit.at(29.0), 12);
    }

    /// After 30 s the next measurement begins: the limit is the least, older requests do not
    /// count, and afterwards the limit is what it was.
    #[test]
    fn a_measurement_gives_the_limit_back() {
        let mut limit = started(rules(3, 0.0));
        answer(&mut limit, 0.0, &[5.0; 5]);
        for tick in 1..100 {
            answer(&mut limit, 0.1 * f64::from(tick), &[5.0]);
        }
        let before = limit.at(30.003);
        assert!(3 < before);
        assert_eq!(limit.at(30.005), 3);
        answer(&mut limit, 31.0, &[2_000.0; 5]);
        assert_eq!(limit.at(31.1), 3, "all of them came before the measurement");
        answer(&mut limit, 32.0, &[8.0; 5]);
        assert_eq!((limit.at(32.01), limit.min_rtt), (before, 8_000));
    }

    /// A limit at its least for the fifth time in a row is measured at once; when the answers then
    /// take as long as before, it grows.
    #[test]
    fn a_doubtful_measurement_is_repeated() {
        let mut limit = started(rules(3, 0.0));
        answer(&mut limit, 0.0, &[5.0; 5]);
        let tick = |limit: &mut ConcurrencyLimit, n: u32| {
            answer(limit, 0.1 * f64::from(n) - 0.05, &[50.0]);
            limit.at(0.1 * f64::from(n) + 0.01)
        };
        for n in 1..=4 {
            assert_eq!((tick(&mut limit, n), limit.deferred), (3, None), "{n}");
        }
        assert_eq!((tick(&mut limit, 5), limit.deferred), (3, Some(3)));
        answer(&mut limit, 1.0, &[50.0; 5]);
        assert_eq!((limit.deferred, limit.min_rtt), (None, 50_000));
        answer(&mut limit, 1.05, &[50.0]);
        assert_eq!(limit.at(1.2), 4, "3 + sqrt(3)");
    }

    /// Jitter is drawn anew for each measurement, from 0 to its share of the interval.
    #[test]
    fn jitter_is_within_its_share() {
        let jitter = Ratio::new(0.15);
        let mut limit = started(ConcurrencyLimitRules { min_rtt_jitter: jitter, ..rules(3, 0.0) });
        let (mut all, mut from_s) = (Vec::new(), 0.0);
        for _ in 0..100 {
            answer(&mut limit, from_s, &[1.0; 5]);
            let waited_s = limit.measure_s - from_s - 0.004;
            assert!(29.9999 < waited_s && waited_s < 34.5, "{waited_s}");
            all.push(waited_s);
            from_s = limit.measure_s + 1.0;
        }
        let spread = |past: f64| all.iter().filter(|waited_s| **waited_s < past).count();
        assert!((30..70).contains(&spread(32.25)), "half of 100, within four deviations of 5");
    }

    /// With more to do than it can, a pod of c workers and constant work settles at the limit
    /// (1 + b) c + sqrt((1 + b) c), rounded down, from below and from above: with L in hand answers
    /// take L / c as long.
    #[test]
    fn overload_settles_at_the_fixed_point() {
        for buffer in [0.0, 0.25, 1.0] {
            for workers in [1_u32, 2, 4, 8, 16, 64] {
                let full = (1.0 + buffer) * f64::from(workers);
                let fixed = (full + full.sqrt()) as u32;
                for start in [1, 1_000] {
                    let rules = rules(1, buffer);
                    let answer =
                        |limit: u32| 100_000 * u64::from(limit.max(workers)) / u64::from(workers);
                    let step = |limit, _| next_limit(&rules, limit, 100_000, answer(limit));
                    let end = (0..100).fold(start, step);
                    assert_eq!(end, fixed, "buffer {buffer}, {workers} workers, from {start}");
                }
            }
        }
    }
}
