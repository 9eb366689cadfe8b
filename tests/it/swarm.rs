//! A swarm of random small scenarios, each valid, each with its own mixture of features and
//! faults: whatever they do, some things always hold.
//!
//! Case n of a round is drawn from `n` alone. `TIDEOVER_SWARM_SEED=n` replays one case and prints
//! its scenario; `TIDEOVER_DEEP=1` draws many more.

mod draw;
mod invariants;
mod platform;
mod voluntary;

use std::path::Path;

use tideover::experiment::run::{outcome_of, run_once, run_trial};
use tideover::scenario::{Scenario, from_text};
use tideover::simulation::{self, Fidelity, Options};
use tideover::units::Span;

/// Scenarios drawn by default, and in a deep round.
const N_CASES: u64 = 16;
const N_DEEP: u64 = 2_000;

/// Cases beyond these that once broke: probes whose answers take longer than their period, and a
/// probe at the very instant at which its process begins to answer (311); nodes that are cut off
/// while they have no power (724).
const ONCE_BROKEN: [u64; 5] = [91, 125, 188, 311, 724];

/// The scenario of a case, or None where the draw is one that `check` refuses, such as a pod that
/// fits on no node.
fn scenario(case: u64) -> (String, Option<Scenario>) {
    let text = draw::scenario(case);
    let accepted = from_text("swarm.yaml", &text, Path::new("scenarios"), &[]).ok();
    (text, accepted)
}

/// Runs one case in every way that must not matter, and checks what always holds.
fn hold_invariants(case: u64, scenario: &Scenario) {
    let trial = run_once(scenario, None, 0, |_| {});
    invariants::of_world(case, scenario, &trial.finished);
    invariants::of_outcome(case, scenario, &trial);
    let observed = Options { extra_observer: Some(Span::from_millis(730)), ..Options::default() };
    let explicit = Options { explicit_probing: true, ..Options::default() };
    for (how, options) in [("an extra observer", observed), ("explicit probing", explicit)] {
        let other = simulation::run(scenario, options, |_| {});
        invariants::same_run(case, how, &trial.finished, &other);
    }
    if Fidelity::Flow.check(scenario).is_ok() {
        hold_with_counts(case, scenario, [observed, explicit]);
    }
}

/// The same with counts of requests instead of requests.
fn hold_with_counts(case: u64, scenario: &Scenario, others: [Options; 2]) {
    let fidelity = Fidelity::Flow;
    let trial = run_trial(scenario, Options { fidelity, ..Options::default() }, |_| {});
    invariants::of_world(case, scenario, &trial.finished);
    invariants::of_outcome(case, scenario, &trial);
    for options in others {
        let other = simulation::run(scenario, Options { fidelity, ..options }, |_| {});
        invariants::same_run(case, "looking at counts otherwise", &trial.finished, &other);
    }
}

/// Of random scenarios, so many differ between counts and requests by at most
/// [`DIFFERENCE`], as `docs/fidelity.md` says.
const AGREEING: f64 = 0.9;

/// In the share of all users that fails.
const DIFFERENCE: f64 = 0.02;

/// By how much the share of users that fail differs between counts and requests, in the mean over
/// two seeds.
fn difference(scenario: &Scenario) -> f64 {
    let share = |seed, fidelity| {
        let options = Options { seed: Some(seed), fidelity, ..Options::default() };
        let requests = outcome_of(scenario, options).requests;
        requests.failed as f64 / requests.offered.max(1) as f64
    };
    let of = |seed| share(seed, Fidelity::Flow) - share(seed, Fidelity::Requests);
    (0.5 * (of(1) + of(2))).abs()
}

/// Counts and requests agree on as many random scenarios as is published, less four standard
/// deviations of the binomial law.
#[test]
fn counts_agree_on_most_random_scenarios() {
    let n_cases = if std::env::var_os("TIDEOVER_DEEP").is_some() { N_DEEP / 10 } else { N_CASES };
    let cases = (0..n_cases).chain((0..n_cases).map(|case| platform::FIRST_CASE + case));
    let drawn = cases.filter_map(|case| Some((case, scenario(case).1?)));
    let served = drawn.filter(|(_, scenario)| Fidelity::Flow.check(scenario).is_ok());
    let found: Vec<_> = served.map(|(case, scenario)| (case, difference(&scenario))).collect();
    let off: Vec<_> = found.iter().filter(|(_, difference)| DIFFERENCE < *difference).collect();
    let n = found.len() as f64;
    let most = n * (1.0 - AGREEING) + 4.0 * (n * AGREEING * (1.0 - AGREEING)).sqrt();
    println!("{} of {n} scenarios differ: {off:?}", off.len());
    assert!(off.len() as f64 <= most, "at most {most:.1} of {n} may differ: {off:?}");
}

/// Conservation (asserted inside each run), nodes and replicas within bounds, no overbooked node,
/// monotone percentiles, recovery times within the run, machines back after repairs; and neither
/// observers nor the timing of probes change anything.
#[test]
fn random_scenarios_keep_every_invariant() {
    if let Ok(seed) = std::env::var("TIDEOVER_SWARM_SEED") {
        let case = seed.parse().expect("TIDEOVER_SWARM_SEED is a whole number");
        let (text, accepted) = scenario(case);
        println!("{text}");
        hold_invariants(case, &accepted.expect("this case is refused by the checks"));
        return;
    }
    let n_cases = if std::env::var_os("TIDEOVER_DEEP").is_some() { N_DEEP } else { N_CASES };
    let bare = (0..n_cases).chain(ONCE_BROKEN);
    let mut n_accepted = 0;
    for case in bare.chain((0..n_cases).map(|case| platform::FIRST_CASE + case)) {
        if let (_, Some(scenario)) = scenario(case) {
            println!("TIDEOVER_SWARM_SEED={case}");
            hold_invariants(case, &scenario);
            n_accepted += 1;
        }
    }
    let n_drawn = 2 * n_cases;
    assert!(n_drawn < 2 * n_accepted, "only {n_accepted} of {n_drawn} draws are valid scenarios");
}
