//! Recorded arrivals of real services: replayed as they were, told from a Poisson process, and
//! imitated by an over-dispersed one.

use std::path::Path;

use tideover::scenario::from_text;
use tideover::sim::exponential::exponential;
use tideover::sim::rates::{RateCursor, RateCurve};
use tideover::sim::streams::Stream;
use tideover::simulation::{self, Options};
use tideover::traffic::over_dispersion::{
    OverDispersion, counts, index_of_dispersion, is_over_dispersed,
};
use tideover::units::{Span, Time};

use crate::runs::SMALL;
use crate::source_tree::root;

/// The trace, its index of dispersion at windows of 1, 10 and 60 s as published with it, and
/// seconds that it lasts.
const TRACES: [(&str, [f64; 3], i64); 2] =
    [("conv", [1.38, 3.86, 16.1], 3_502), ("code", [13.2, 71.7, 164.0], 3_436)];

fn windows() -> [Span; 3] {
    [1, 10, 60].map(Span::from_secs)
}

fn file(trace: &str) -> String {
    format!("traces/azure_llm_2023_{trace}_arrivals_ms.csv")
}

/// The recorded instants, from t = 0.
fn recorded(trace: &str) -> Vec<Time> {
    let text = std::fs::read_to_string(root().join("scenarios").join(file(trace))).unwrap();
    let lines = text.lines().skip(1);
    lines.map(|line| Time::ZERO + Span::from_millis(line.parse().unwrap())).collect()
}

/// A replay through the whole simulation gives the recorded count in every window of 1, 10 and
/// 60 s: users are counted at the second of their first send.
#[test]
fn a_replay_gives_back_every_count() {
    for (trace, _, length_s) in TRACES {
        let replay = format!(
            "arrivals: {{replay: {{csv: {}, column: arrival_ms_since_first, unit: ms, \
             afterEnd: stop}}}}",
            file(trace)
        );
        let text = SMALL.replace("arrivals: {constant: 300/s}", &replay);
        let sets = ["run.horizon=60m".to_owned()];
        let scenario = from_text("replay.yaml", &text, &root().join("scenarios"), &sets);
        let scenario = scenario.unwrap_or_else(|rejected| panic!("{rejected}"));
        let finished = simulation::run(&scenario, Options::default(), |_| {});
        let seconds = finished.ledger.demands()[0].seconds();
        let instants = recorded(trace);
        let last_s = instants[instants.len() - 1].whole_secs();
        assert!((last_s - length_s).abs() <= 100, "{trace} lasts {last_s} s");
        for window in [1, 10, 60] {
            let replayed: Vec<u32> =
                seconds.chunks(window).map(|few| few.iter().map(|s| s.offered).sum()).collect();
            let mut expected = vec![0; replayed.len()];
            for instant in &instants {
                expected[instant.whole_secs() as usize / window] += 1;
            }
            assert_eq!(replayed, expected, "{trace}, windows of {window} s");
        }
    }
}

/// Both traces have the published indices of dispersion, to the digits printed, and neither can
/// pass for a Poisson process; one that is drawn as Poisson does.
#[test]
fn a_poisson_process_is_found_to_be_a_bad_fit() {
    for (trace, indices, _) in TRACES {
        let instants = recorded(trace);
        for (window, published) in windows().into_iter().zip(indices) {
            let counts = counts(&instants, Time::ZERO, window);
            let index = index_of_dispersion(&counts).unwrap();
            assert!((index / published - 1.0).abs() < 0.02, "{trace}, {window}: {index}");
            assert!(is_over_dispersed(&counts), "{trace}, {window}");
        }
        let rate = instants.len() as f64 / instants[instants.len() - 1].as_secs_f64();
        let curve = RateCurve::steps(&[(0.0, rate)], 3_600.0);
        let poisson = drawn(&curve, trace);
        assert!(!is_over_dispersed(&counts(&poisson, Time::ZERO, Span::from_secs(1))), "{trace}");
    }
}

/// Poisson arrivals at a rate, from a named stream.
fn drawn(curve: &RateCurve, name: &str) -> Vec<Time> {
    let stream = Stream::new(1, 0, "real-arrivals", name);
    let mut cursor = RateCursor::new(curve, curve.start_s());
    let next = |k: u64| cursor.advance(curve, exponential(stream.at(k)));
    (0..).map_while(next).map(Time::from_secs_f64).collect()
}

/// The fitted over-dispersed process has the indices of the trace within 20 % at 1, 10 and 60 s,
/// over five hundred times the length of the trace: gamma variables as bursty as these have a
/// kurtosis near 80, so that the variance of 30,000 windows is known to 5 %.
#[test]
fn an_over_dispersed_process_imitates_the_trace() {
    for (trace, ..) in TRACES {
        let instants = recorded(trace);
        let length_s = instants[instants.len() - 1].as_secs_f64();
        let fitted = OverDispersion::fit(&instants, &windows());
        let rate = instants.len() as f64 / length_s;
        let curve = RateCurve::steps(&[(0.0, rate)], 1_800_000.0);
        let stream = Stream::new(1, 0, "real-arrivals-gamma", trace);
        let imitated = drawn(&fitted.modulate(&curve, stream), trace);
        for window in windows() {
            let index = |instants: &[Time]| {
                index_of_dispersion(&counts(instants, Time::ZERO, window)).unwrap()
            };
            let (real, imitated) = (index(&instants), index(&imitated));
            assert!((imitated / real - 1.0).abs() < 0.2, "{trace}, {window}: {imitated}, {real}");
        }
    }
}

/// The load balancer's trace has eight gaps, which are an error until the scenario says what they
/// mean; the message names the first.
#[test]
fn gaps_of_a_trace_are_not_passed_over() {
    let trace = |gaps: &str| {
        let arrivals = format!(
            "arrivals: {{trace: {{csv: traces/aws_elb_requests_per_5min.csv, time: local_minute, \
             count: requests_in_5min, step: 5m, afterEnd: stop{gaps}}}}}"
        );
        let text = SMALL.replace("arrivals: {constant: 300/s}", &arrivals);
        from_text("trace.yaml", &text, &root().join(Path::new("scenarios")), &[])
    };
    let refused = trace("").expect_err("gaps are errors").to_string();
    assert!(refused.contains("gap"), "{refused}");
    trace(", gaps: hold").unwrap_or_else(|rejected| panic!("{rejected}"));
}
