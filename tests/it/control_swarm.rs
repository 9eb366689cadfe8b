//! A swarm of random control planes: thousands of small clusters under a CPU load, with faults,
//! each checked after every single event.
//!
//! Case n is drawn from `n` alone. `TIDEOVER_CONTROL_SEED=n` replays one case and prints its
//! scenario; `TIDEOVER_DEEP=1` draws a hundred thousand instead of ten.

mod draw;
mod laws;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use tideover::scenario::{Scenario, from_text};
use tideover::simulation::{Options, Simulation};

/// Scenarios run by default, and in a deep round.
const N_CASES: u64 = 10_000;
const N_DEEP: u64 = 100_000;

/// The scenario of a case, or None where the draw is one that `check` refuses, such as a pod that
/// fits on no node.
fn scenario(case: u64) -> (String, Option<Scenario>) {
    let text = draw::scenario(case);
    let accepted = from_text("control-swarm.yaml", &text, Path::new("scenarios"), &[]).ok();
    (text, accepted)
}

/// Runs one case and checks the whole world after each of its events and at its end.
fn hold_laws(case: u64, scenario: &Scenario) -> u64 {
    let run = || watched(case, scenario);
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        println!("TIDEOVER_CONTROL_SEED={case}");
        std::panic::resume_unwind(panic)
    })
}

fn watched(case: u64, scenario: &Scenario) -> u64 {
    let mut watch = laws::Watch::new(case, scenario);
    let mut simulation = Simulation::new(scenario, Options::default());
    while let Some(event) = simulation.step() {
        watch.look(&simulation.cx, event);
    }
    let finished = simulation.finish();
    watch.end(&finished);
    finished.n_events
}

/// Invariants of the control plane after every event: time and the order of equal instants, nodes
/// never overbooked, pools within their bounds, pods on the documented graph of states, endpoints
/// that follow readiness, placements on good nodes only, replicas within bounds and policies.
#[test]
fn random_control_planes_keep_their_laws() {
    if let Ok(seed) = std::env::var("TIDEOVER_CONTROL_SEED") {
        let case = seed.parse().expect("TIDEOVER_CONTROL_SEED is a whole number");
        let (text, accepted) = scenario(case);
        println!("{text}");
        hold_laws(case, &accepted.expect("this case is refused by the checks"));
        return;
    }
    let n_wanted = if std::env::var_os("TIDEOVER_DEEP").is_some() { N_DEEP } else { N_CASES };
    let (next, accepted, events) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let work = || {
        while accepted.load(Ordering::Relaxed) < n_wanted {
            let case = next.fetch_add(1, Ordering::Relaxed);
            if let (_, Some(scenario)) = scenario(case) {
                events.fetch_add(hold_laws(case, &scenario), Ordering::Relaxed);
                accepted.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from).min(8) {
            scope.spawn(work);
        }
    });
    let (drawn, accepted) = (next.into_inner(), accepted.into_inner());
    println!("{accepted} of {drawn} draws are scenarios; {} events", events.into_inner());
    assert!(drawn < 2 * accepted, "only {accepted} of {drawn} draws are valid scenarios");
}
