//! Failure models: a trial has one failure, with what comes along, and its users recover once.

use std::num::NonZeroUsize;
use std::path::Path;

use tideover::control::Chance;
use tideover::control::sampling::Sampler;
use tideover::experiment::run::run_trial;
use tideover::experiment::stability::{Grade, stability};
use tideover::metrics::outcome::Outcome;
use tideover::scenario::{Scenario, from_text};
use tideover::simulation::{Fidelity, Options};
use tideover::units::Time;

use super::{SMALL, is_at, small};

const FAULTS: &str = "faults:
  - {name: lost, at: 1m, duration: 5m, regionLoss: {region: east}}
  - {name: zone, at: 2m, duration: 2m, zoneLoss: {region: east, zone: any}}
  - {name: crash, at: 3m, podCrash: {cluster: secondary, workload: web}}
";

fn modelled(model: &str) -> Scenario {
    small(&format!("{FAULTS}failureModel:\n{model}"), &[])
}

fn outcome(scenario: &Scenario, trial: u64, sampler: Sampler) -> Outcome {
    let options = Options { trial, fidelity: Fidelity::Flow, sampler, ..Options::default() };
    run_trial(scenario, options, |_| {}).outcome
}

/// A trial has the one failure that was drawn and says which; where that is the first fault, it is
/// bit for bit the trial of a scenario with nothing but that fault.
#[test]
fn a_trial_has_one_failure() {
    let kinds = "  - {fault: lost, ratePerYear: 1}\n  - {fault: zone, ratePerYear: 1}\n  \
                 - {fault: crash, ratePerYear: 1}\n";
    let scenario = modelled(kinds);
    let names = ["lost", "zone", "crash"];
    for trial in 0..3 {
        let found = outcome(&scenario, trial, Sampler::Stratified);
        let name = names[trial as usize];
        assert_eq!(found.failure_kind.as_deref(), Some(name));
        assert_eq!(found.faults.iter().map(|it| &*it.name).collect::<Vec<_>>(), [name]);
        assert!(found.faults[0].has_struck() && found.geographies[0].faults.len() == 1);
    }
    let alone = "faults: [{name: lost, at: 1m, duration: 5m, regionLoss: {region: east}}]\n";
    let alone = outcome(&small(alone, &[]), 0, Sampler::Independent);
    let drawn = outcome(&scenario, 0, Sampler::Stratified);
    assert_eq!(drawn.fingerprint, alone.fingerprint);
    assert_eq!((drawn.faults, drawn.geographies), (alone.faults, alone.geographies));
    assert_eq!(alone.failure_kind, None);
}

/// What comes along always, never, and in three of ten trials (within four standard errors of
/// 1,000), at once or as much later as its law says; its own `at` does not count.
#[test]
fn companions_come_along_as_they_say() {
    let along = "{fault: zone, probability: P, after: {uniform: {min: 10s, max: 30s}}}, \
                 {fault: crash, probability: 100%}";
    let with = |probability: &str| {
        let along = along.replace('P', probability);
        modelled(&format!("  - {{fault: lost, ratePerYear: 1, with: [{along}]}}\n"))
    };
    for (probability, least, most) in [("0%", 0, 0), ("30%", 242, 358), ("100%", 1_000, 1_000)] {
        let scenario = with(probability);
        let mut n = 0;
        for trial in 0..1_000 {
            let [lost, zone, crash] = scenario.strikes(Chance::independent(7, trial))[..] else {
                panic!("there are three faults")
            };
            assert_eq!(lost.map(|it| (it.at, it.is_companion)), Some((Time::from_secs(60), false)));
            assert_eq!(crash.map(|it| (it.at, it.is_companion)), Some((Time::from_secs(60), true)));
            if let Some(zone) = zone {
                n += 1;
                let later_s = zone.at.as_secs_f64() - 60.0;
                assert!(zone.is_companion && (10.0..=30.0).contains(&later_s), "{later_s}");
            }
        }
        assert!(least <= n && n <= most, "{probability}: {n}");
    }
}

/// Users recover once from a failure with companions: the companion strikes as late as stated and
/// is not scored, and what it does to users counts from the strike of the first fault. Without
/// that, a companion would end the account of the first fault where users suffer most.
#[test]
fn a_failure_with_companions_is_scored_once() {
    let model = "  - {fault: zone, ratePerYear: 1, with: [{fault: lost, probability: 100%, \
                 after: {constant: 20s}}]}\n  - {fault: crash, ratePerYear: 1}\n";
    let both = outcome(&modelled(model), 0, Sampler::Stratified);
    let [lost, zone] = &both.faults[..] else { panic!("two faults strike") };
    assert!(is_at(lost.at_s, 140.0) && lost.has_struck());
    assert_eq!((lost.rto_s, lost.recovered, lost.below_objective_s), (None, None, None));
    let alone = "faults: [{name: lost, at: 140s, duration: 5m, regionLoss: {region: east}}]\n";
    let alone = &outcome(&small(alone, &[]), 0, Sampler::Independent).faults[0];
    // The zone's loss by itself fails a part of the requests of the first seconds.
    let [rto_s, alone_s] = [zone.rto_s, alone.rto_s].map(Option::unwrap);
    assert!(alone_s <= rto_s && rto_s <= alone_s + 30.0, "{rto_s} against {alone_s}");
    assert!(alone.failed_requests <= zone.failed_requests, "{zone:?}");
    assert!(alone.below_objective_s <= zone.below_objective_s, "{zone:?}");
    assert!(zone.detect_s.is_some(), "edge locations notice what came along");
    let first =
        Options { fidelity: Fidelity::Flow, sampler: Sampler::Stratified, ..Options::default() };
    let graded = stability(&modelled(model), first, 1, NonZeroUsize::MIN).unwrap();
    assert_ne!(graded.grade, Grade::Lost, "a companion is no failure to recover by itself");
}

/// What cannot be meant is refused with its place; what is allowed, but too often for one failure
/// a trial, is warned of.
#[test]
fn impossible_models_are_refused() {
    let lost = "{fault: lost, ratePerYear: 1}";
    let zone = "{fault: zone, ratePerYear: 1}";
    let crash = "{fault: crash, ratePerYear: 1}";
    let rejected = |kinds: &[String]| {
        let list = kinds.iter().map(|kind| format!("  - {kind}\n")).collect::<String>();
        let text = format!("{SMALL}{FAULTS}failureModel:\n{list}");
        from_text("test.yaml", &text, Path::new("scenarios"), &[])
    };
    let with = |along: &str| format!("{{fault: lost, ratePerYear: 1, with: [{along}]}}");
    let along = |keys: &str| with(&format!("{{fault: zone, probability: 50%{keys}}}"));
    for (kinds, says) in [
        (vec!["{fault: lots, ratePerYear: 1}".to_owned()], "did you mean `lost`?"),
        (vec![lost.to_owned(), zone.to_owned()], "`crash` never strikes"),
        ([lost, zone, crash, lost].map(str::to_owned).to_vec(), "`lost` has two rates"),
        (vec!["{fault: lost, ratePerYear: 0}".to_owned()], "allowed: 0.000001 to 100000"),
        (vec!["{fault: lost, ratePerYear: -1}".to_owned()], "failureModel[0].ratePerYear"),
        (vec!["{fault: lost, ratePerYear: .inf}".to_owned()], "failureModel[0].ratePerYear"),
        (vec!["{fault: lost}".to_owned()], "`ratePerYear` is missing"),
        (vec![with("{fault: lost, probability: 1%}")], "come along with itself"),
        (vec![along("}, {fault: zone, probability: 1%")], "`zone` comes along twice"),
        (vec![with("{fault: none, probability: 1%}")], "no fault is called `none`"),
        (vec![with("{fault: zone, probability: 101%}")], "0% to 100%"),
        (vec![with("{fault: zone, probability: 0.5}")], "write the percent sign"),
        (vec![along(", after: {constant: 14m}"), crash.to_owned()], "the run ends at 15m"),
    ] {
        let said = rejected(&kinds).unwrap_err().to_string();
        assert!(said.contains(says), "{kinds:?}: {said}");
    }
    let kinds = |rate: &str| vec![along(""), crash.replace(": 1}", &format!(": {rate}}}"))];
    // Fifteen minutes are 1 / 35,040 of a year: one in ten runs at 3,504 failures a year.
    for (rate, n_warnings) in [("3502", 0), ("3504", 1)] {
        let warnings = rejected(&kinds(rate)).unwrap().warnings().totals().1;
        assert_eq!(warnings, n_warnings, "{rate}");
    }
}
