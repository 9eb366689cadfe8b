//! How many times as fast as a textbook's event loop: CPU time of both, in one process, in turns,
//! so that what else the machine does falls on both. Medians of their ratios.
//!
//! The recursion does what the textbook does. The engine does more for each request (geographies,
//! edges, latency, histograms, retries that could come), the textbook only sums up waits.

use std::hint::black_box;

use tideover::sim::exponential::exponential;
use tideover::sim::laws::Law;
use tideover::sim::streams::Stream;
use tideover::traffic::Traffic;
use tideover::traffic::kiefer_wolfowitz::replace_earliest;
use tideover::traffic::plan::Balancer;
use tideover::units::Span;

#[path = "parts/cpu_time.rs"]
mod cpu_time;
#[path = "parts/sixty_pods.rs"]
mod sixty_pods;
#[path = "parts/textbook.rs"]
mod textbook;

use sixty_pods::{N_PODS, RATE_PER_S, UTILISATION, WORKERS, plan, started};
use textbook::Setting;

/// Turns of each row.
const ROUNDS: usize = 7;
/// Requests of a turn.
const REQUESTS: u64 = 2_000_000;

/// A service takes 38.4 ms in the cluster: a time-out of 5 s in units of it.
const TIME_OUT: f64 = 5.0 * RATE_PER_S / (UTILISATION * N_PODS as f64 * WORKERS as f64);

fn main() {
    let one_pod = Setting { pods: 1, workers: 8, rate: 6.4, time_out: None };
    let rate = UTILISATION * N_PODS as f64 * f64::from(WORKERS);
    let cluster = Setting { pods: N_PODS, workers: u32::from(WORKERS), rate, time_out: None };
    let with_events = Setting { time_out: Some(TIME_OUT), ..cluster };
    println!("{REQUESTS} requests, CPU time, medians of {ROUNDS} turns");
    println!("{:<36} {:>9} {:>12} {:>7} {:>6}", "", "tideover", "textbook", "ratio", "goal");
    row("M/M/8, recursion", 4.0, recursion, one_pod);
    row("cluster, engine; no time-outs there", 12.0, engine, cluster);
    row("cluster, engine; time-outs in both", 20.0, engine, with_events);
}

/// One line: nanoseconds a request of both, their ratio, and what it is to be.
fn row(name: &str, goal: f64, own: fn() -> u64, setting: Setting) {
    let turns: Vec<[f64; 2]> = (0..ROUNDS)
        .map(|_| [own(), textbook(setting)].map(|cpu_ns| cpu_ns as f64 / REQUESTS as f64))
        .collect();
    let median = |value: &dyn Fn(&[f64; 2]) -> f64| {
        let mut values: Vec<f64> = turns.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        values[ROUNDS / 2]
    };
    let [own, other] = [0, 1].map(|side| median(&|turn| turn[side]));
    let ratio = median(&|[own, other]| other / own);
    println!("{name:<36} {own:>6.1} ns {other:>9.1} ns {ratio:>6.1}x {goal:>5}x");
}

/// CPU time of the textbook's loop [ns].
fn textbook(setting: Setting) -> u64 {
    let begun = cpu_time::now_ns();
    black_box(textbook::run(setting, REQUESTS));
    cpu_time::now_ns() - begun
}

/// CPU time of M/M/8 by the recursion alone [ns].
fn recursion() -> u64 {
    let stream = Stream::new(1, 0, "bench", "recursion");
    let mut free = [0.0; 8];
    let (mut now, mut wait) = (0.0, 0.0);
    let begun = cpu_time::now_ns();
    for customer in 0..REQUESTS {
        now += exponential(stream.at(2 * customer)) / 6.4;
        let start = f64::max(now, free[0]);
        wait += start - now;
        replace_earliest(&mut free, start + exponential(stream.at(2 * customer + 1)));
    }
    black_box(wait);
    cpu_time::now_ns() - begun
}

/// CPU time of the cluster on the whole engine, with client time-outs [ns].
fn engine() -> u64 {
    let (mut engine, routing) = started(&plan(Balancer::Random, Law::exponential, UTILISATION));
    let begun = cpu_time::now_ns();
    for _ in 0..REQUESTS / RATE_PER_S as u64 {
        engine.advance(engine.now() + Span::from_secs(1), &routing);
    }
    cpu_time::now_ns() - begun
}
