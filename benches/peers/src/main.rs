//! The same work in Tideover and in other simulators: one table of CPU times and ratios.
//!
//! Two workloads. *Queue*: M/M/8 at 80 % utilisation, first come first served, the mean wait is
//! summed up; exact value 0.286028. *Hold*: N timers, the earliest fires and is set again an
//! exponential time later; the yardstick of event sets. All in Rust draw from the same generator.
//!
//! Each measurement is a process of its own that reports the CPU time of its loop; rounds are
//! interleaved, so that what else the machine does falls on all; medians are compared. Tideover's
//! queue is a queue solver without events, the others are general engines: that is why the hold
//! rows stand beside it, general engine against general engine.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::env;
use std::process::Command;

mod clock;
mod desque_model;
mod nexosim_model;
mod simcore_model;
mod textbook;
mod tideover_model;

/// Mean wait of M/M/8 at 6.4 arrivals a service time, from the Erlang C formula.
const EXACT_WAIT: f64 = 0.286_028_078_4;
const ROUNDS: usize = 5;
/// The workload, its size, and units of work of each peer: slow ones do less, for their cost per
/// unit does not depend on how many they do.
const WORK: [(&str, usize); 3] = [("queue", 8), ("hold", 100), ("hold", 1_000)];

/// A simulator: its name, and units of work that take it about a second.
struct Peer {
    name: &'static str,
    units: u64,
}

const PEERS: [Peer; 7] = [
    Peer { name: "tideover", units: 5_000_000 },
    Peer { name: "tideover-engine", units: 5_000_000 },
    Peer { name: "textbook", units: 5_000_000 },
    Peer { name: "desque", units: 5_000_000 },
    Peer { name: "simcore", units: 5_000_000 },
    Peer { name: "nexosim", units: 1_000_000 },
    Peer { name: "simpy", units: 200_000 },
];

fn main() {
    let words: Vec<String> = env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["one", peer, work, size, units] => {
            let size = size.parse().expect("a size is a number");
            let units = units.parse().expect("units are a number");
            let (cpu_ns, value) = one(peer, work, size, units);
            println!("{cpu_ns} {value}");
        }
        [] => table(),
        _ => {
            eprintln!("usage: tideover-peers [one PEER queue|hold SIZE UNITS]");
            std::process::exit(2);
        }
    }
}

/// One measurement in this process: CPU time [ns], and the mean wait or the last instant.
fn one(peer: &str, work: &str, size: usize, units: u64) -> (u64, f64) {
    let begun = clock::cpu_ns();
    let value = match (peer, work) {
        ("tideover", "queue") => tideover_model::recursion(units),
        ("tideover-engine", "queue") => tideover_model::engine(units),
        ("tideover", "hold") => tideover_model::hold(size, units),
        ("textbook", "queue") => textbook::queue(units),
        ("textbook", "hold") => textbook::hold(size, units),
        ("desque", "queue") => desque_model::queue(units),
        ("desque", "hold") => desque_model::hold(size, units),
        ("simcore", "queue") => simcore_model::queue(units),
        ("simcore", "hold") => simcore_model::hold(size, units),
        ("nexosim", "queue") => nexosim_model::queue(units),
        ("nexosim", "hold") => nexosim_model::hold(size, units),
        _ => panic!("no peer `{peer}` does `{work}`"),
    };
    (clock::cpu_ns() - begun, value)
}

/// One measurement in a process of its own; None if it cannot run here.
fn measured(peer: &Peer, work: &str, size: usize) -> Option<(u64, f64)> {
    let numbers = [size.to_string(), peer.units.to_string()];
    let output = if peer.name == "simpy" {
        let python = env::var("PEERS_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/simpy_model.py");
        Command::new(python).arg(script).arg(work).args(numbers).output().ok()?
    } else {
        let myself = env::current_exe().expect("a process knows its file");
        Command::new(myself).args(["one", peer.name, work]).args(numbers).output().ok()?
    };
    if !output.status.success() {
        eprint!("{}: {}", peer.name, String::from_utf8_lossy(&output.stderr));
        return None;
    }
    let text = String::from_utf8(output.stdout).ok()?;
    let (cpu_ns, value) = text.trim().split_once(' ')?;
    Some((cpu_ns.parse().ok()?, value.parse().ok()?))
}

fn table() {
    println!("CPU time, medians of {ROUNDS} interleaved rounds; ratio to Tideover in this run");
    for (work, size) in WORK {
        let mut found: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
        let has_work = |peer: &&Peer| work == "queue" || peer.name != "tideover-engine";
        let peers = || PEERS.iter().filter(has_work);
        for _ in 0..ROUNDS {
            for peer in peers() {
                if let Some((cpu_ns, value)) = measured(peer, work, size) {
                    let per_unit = cpu_ns as f64 / peer.units as f64;
                    found.entry(peer.name).or_default().push((per_unit, value));
                }
            }
        }
        match work {
            "queue" => println!("\nM/M/8, ns a customer (exact mean wait {EXACT_WAIT:.6})"),
            _ => println!("\nhold model with {size} timers, ns an event"),
        }
        let own = median(&found["tideover"]);
        for peer in peers() {
            let Some(runs) = found.get(peer.name) else {
                println!("{:<16} could not run here", peer.name);
                continue;
            };
            let ns = median(runs);
            let wait = if work == "queue" { format!("  {:.5}", runs[0].1) } else { String::new() };
            println!("{:<16} {ns:>10.1}  {:>8.1}x{wait}", peer.name, ns / own);
        }
    }
}

fn median(runs: &[(f64, f64)]) -> f64 {
    let mut times: Vec<f64> = runs.iter().map(|&(ns, _)| ns).collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
