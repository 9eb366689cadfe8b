//! CPU loads instead of requests: controllers act on them as on the usage of real requests, and a
//! run without users has all its figures.

use std::path::Path;

use super::{SMALL, facts_named, load, run, trial};
use tideover::model::ids::DeploymentId;
use tideover::scenario::{Scenario, from_text};
use tideover::simulation::Options;
use tideover::spec::Diagnostic;
use tideover::units::Span;

/// The small scenario with a load for each cluster in place of users.
fn loaded(loads: &str, sets: &[&str]) -> Scenario {
    let without_users = &SMALL[..SMALL.find("frontDoor:").expect("it has a front door")];
    load(&format!("{without_users}cpuLoads:\n{loads}"), sets)
}

const STEP: &str = "
  - {workload: web, cluster: primary, steps: [{at: 0s, load: 1.8}, {at: 5m, load: 5.4}]}
";

/// 1.8 cores are 6 pods of 500m at their target of 60 %; three times the load are 18. The
/// cluster without a load rests at its fewest pods. Nobody is offered anything.
#[test]
fn the_hpa_follows_a_load() {
    let trial = trial(&loaded(STEP, &[]));
    let replicas = |deployment: usize| trial.finished.world[DeploymentId::new(deployment)].replicas;
    assert_eq!([0, 1].map(replicas), [18, 4]);
    let scaled = facts_named(&trial.finished, "scaled");
    let (first, _) = scaled.first().expect("it scales");
    // Nothing moves before the load does, and it is seen after kubelet, scrape and HPA.
    assert!((300.0..=360.0).contains(first), "{scaled:?}");
    assert!(trial.finished.ledger.demands().is_empty());
}

/// The same scenario and seed give the same facts, also when somebody looks in between.
#[test]
fn an_observer_changes_nothing() {
    let scenario = loaded(STEP, &[]);
    let every = Some(Span::from_millis(777));
    let plain = run(&scenario, Options::default()).facts.fingerprint();
    let observed = Options { extra_observer: every, ..Options::default() };
    assert_eq!(run(&scenario, observed).facts.fingerprint(), plain);
}

/// Each way to state loads wrongly, with the error and where it is reported.
#[test]
fn wrong_loads_are_refused() {
    use tideover::spec::Code::{Contradiction, DuplicateName, MissingKey, UnknownReference};
    let web = "  - {workload: web, cluster: primary, steps: [{at: 0s, load: 1}]}\n";
    let other = |key: &str, value: &str| web.replace(key, value);
    let steps = |steps: &str| web.replace("{at: 0s, load: 1}", steps);
    let without_users = &SMALL[..SMALL.find("frontDoor:").expect("it has a front door")];
    let with_loads = |loads: &str| format!("{without_users}cpuLoads:\n{loads}");
    for (case, text, code, path) in [
        ("users and a load", format!("{SMALL}cpuLoads:\n{web}"), Contradiction, "demands[0]"),
        ("nothing to do", without_users.to_owned(), MissingKey, "demands"),
        ("nobody anywhere", without_users.to_owned(), MissingKey, "geographies"),
        ("no such workload", with_loads(&other("web", "wob")), UnknownReference, "cpuLoads[0]"),
        ("no such cluster", with_loads(&other("primary", "p")), UnknownReference, "cpuLoads[0]"),
        ("twice", with_loads(&web.repeat(2)), DuplicateName, "cpuLoads[1].workload"),
        (
            "a late start",
            with_loads(&steps("{at: 1s, load: 1}")),
            Contradiction,
            "cpuLoads[0].steps[0].at",
        ),
        (
            "no rising order",
            with_loads(&steps("{at: 0s, load: 1}, {at: 0s, load: 2}")),
            Contradiction,
            "cpuLoads[0].steps[1].at",
        ),
        (
            "no CPU to load",
            with_loads(web).replace("cpuPerWorker: 60m", "cpuPerWorker: 0m"),
            Contradiction,
            "cpuLoads[0].workload",
        ),
    ] {
        let refused = from_text("test.yaml", &text, Path::new("scenarios"), &[]);
        let refused = refused.expect_err(case);
        let found = refused.diagnostics.sorted();
        let is_it = |wrong: &&&Diagnostic| wrong.code == code && wrong.place.path.starts_with(path);
        assert!(found.iter().any(|wrong| is_it(&wrong)), "{case}: {refused}");
        let helps = |wrong: &&Diagnostic| wrong.allowed.is_some() || wrong.help.is_some();
        assert!(found.iter().all(helps), "{case}: {refused}");
    }
}
