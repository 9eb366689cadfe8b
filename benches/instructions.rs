//! How many instructions a request and a timer take, which does not depend on what else the
//! machine does: `make bench-instructions`. It fails where one of them takes more than its limit.
//!
//! The process runs itself under callgrind with two amounts of work; the difference is what the
//! work takes, without start and end. Callgrind has no AVX-512, so the paths without it are
//! counted. The limit is the goal where that is reached, else the count at the time of writing
//! plus 5 %: 568.1, 743.6 and 250.0 with rustc 1.95. Whoever makes it faster lowers it.

use std::env;
use std::process::{Command, ExitCode};

use tideover::sim::laws::Law;
use tideover::traffic::Traffic;
use tideover::traffic::plan::Balancer;
use tideover::units::Span;

#[path = "parts/hold.rs"]
mod hold;
#[path = "parts/sixty_pods.rs"]
mod sixty_pods;

use hold::Hold;
use sixty_pods::{RATE_PER_S, UTILISATION, plan, started};

/// Some work, and what a unit of it may take [instructions].
struct Row {
    name: &'static str,
    goal: f64,
    limit: f64,
}

/// Requests in the cluster of `sixty_pods`, and timers of the hold model.
const ROWS: [Row; 3] = [
    Row { name: "random", goal: 170.0, limit: 597.0 },
    Row { name: "power-of-two", goal: 260.0, limit: 781.0 },
    Row { name: "hold-100", goal: 150.0, limit: 263.0 },
];

/// Two amounts of work, in steps of 10,000 requests or timers.
const STEPS: [u64; 2] = [5, 25];
const UNITS_A_STEP: f64 = RATE_PER_S;

fn main() -> ExitCode {
    let words: Vec<String> = env::args().collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [_, "work", name, steps] => {
            work(name, steps.parse().expect("steps are a number"));
            ExitCode::SUCCESS
        }
        _ => compare(),
    }
}

/// The work itself.
fn work(name: &str, steps: u64) {
    let balancer = match name {
        "random" => Balancer::Random,
        "power-of-two" => Balancer::PowerOfTwo,
        _ => {
            let mut hold = Hold::new(100);
            (0..steps * UNITS_A_STEP as u64).for_each(|_| hold.step());
            return;
        }
    };
    let (mut engine, routing) = started(&plan(balancer, Law::exponential, UTILISATION));
    for _ in 0..steps {
        engine.advance(engine.now() + Span::from_secs(1), &routing);
    }
}

/// Prints the table; fails where a limit is exceeded.
fn compare() -> ExitCode {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!(
            "skipped: no `valgrind` here to count instructions (Debian: apt install valgrind)"
        );
        return ExitCode::SUCCESS;
    }
    println!("{:<14} {:>8} {:>8} {:>8}", "instructions", "counted", "limit", "goal");
    let mut within = true;
    for Row { name, goal, limit } in &ROWS {
        let [few, many] = STEPS.map(|steps| counted(name, steps));
        let each = (many - few) as f64 / ((STEPS[1] - STEPS[0]) as f64 * UNITS_A_STEP);
        let verdict = if each <= *limit { "" } else { "  more than the limit" };
        println!("{name:<14} {each:>8.1} {limit:>8} {goal:>8}{verdict}");
        within &= each <= *limit;
    }
    if within { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Instructions of a process that does this work.
fn counted(name: &str, steps: u64) -> u64 {
    let myself = env::current_exe().expect("a process knows its file");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(myself)
        .args(["work", name, &steps.to_string()])
        .output()
        .expect("valgrind was there a moment ago");
    let text = String::from_utf8_lossy(&output.stderr);
    let collected = text.lines().find_map(|line| line.split_once("Collected :"));
    let count = collected.and_then(|(_, count)| count.trim().parse().ok());
    count.unwrap_or_else(|| panic!("callgrind says nothing of instructions:\n{text}"))
}
