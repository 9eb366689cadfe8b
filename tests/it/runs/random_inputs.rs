//! Random inputs: times and places of faults and the level of demand are drawn in each trial, by
//! their laws, and what they do not touch does not move.

use std::collections::BTreeSet;

use tideover::control::Chance;
use tideover::control::sampling::Input;
use tideover::experiment::run::run_trial;
use tideover::metrics::outcome::Outcome;
use tideover::model::fact::What;
use tideover::model::ids::{ClusterId, FaultId};
use tideover::scenario::{Scenario, from_text};
use tideover::sim::statistics::{kolmogorov_distance, kolmogorov_p};
use tideover::simulation::{Fidelity, Options};

use super::{SMALL, is_at, load, run, small};

fn outcome(scenario: &Scenario, trial: u64) -> Outcome {
    let options = Options { trial, fidelity: Fidelity::Flow, ..Options::default() };
    run_trial(scenario, options, |_| {}).outcome
}

fn faults(keys: &str) -> String {
    format!("faults:\n  - {{name: f, at: 1m, {keys}}}\n")
}

/// Delay and repair time follow their laws over 2,000 trials (Kolmogorov, least probability 1e-4;
/// the trials are fixed, so it never flakes), and do not depend on each other's presence.
#[test]
fn times_of_faults_follow_their_laws() {
    let uniform = "delay: {uniform: {min: 0s, max: 5m}}";
    let repair = "repairTime: {exponential: {mean: 90s}}";
    let loss = "regionLoss: {region: east}";
    let both = small(&faults(&format!("{uniform}, {repair}, {loss}")), &[]);
    let alone = small(&faults(&format!("{uniform}, {loss}")), &[]);
    let chance = |trial| Chance::independent(7, trial);
    let (mut delays, mut repairs) = (Vec::new(), Vec::new());
    for trial in 0..2_000 {
        let fault = &both.faults()[0];
        let at = fault.strikes_at(chance(trial));
        assert_eq!(at, alone.faults()[0].strikes_at(chance(trial)));
        delays.push(at.as_secs_f64() - 60.0);
        repairs.push(fault.lasts(chance(trial)).unwrap().as_secs_f64());
    }
    delays.sort_by(f64::total_cmp);
    repairs.sort_by(f64::total_cmp);
    let exponential = |x: f64| 1.0 - tideover::sim::maths::exp(-x / 90.0);
    for (values, distance) in [
        (&delays, kolmogorov_distance(&delays, |x| x / 300.0)),
        (&repairs, kolmogorov_distance(&repairs, exponential)),
    ] {
        assert!(1e-4 < kolmogorov_p(distance, values.len() as f64), "{distance}");
    }
}

/// A run strikes and heals at the drawn instants, its outcome is about them, and another trial has
/// others.
#[test]
fn a_run_strikes_when_it_was_drawn() {
    let keys = "delay: {uniform: {min: 0s, max: 5m}}, repairTime: {constant: 3m}";
    let scenario = small(&faults(&format!("{keys}, regionLoss: {{region: east}}")), &[]);
    let mut instants = BTreeSet::new();
    for trial in 0..3 {
        let at = scenario.faults()[0].strikes_at(Chance::independent(7, trial));
        let outcome = outcome(&scenario, trial);
        let fault = &outcome.faults[0];
        assert!(is_at(fault.at_s, at.as_secs_f64()));
        assert!(is_at(fault.repaired_at_s.unwrap(), fault.at_s + 180.0));
        assert!(fault.recovered.is_some() && fault.detect_s.is_some());
        instants.insert(at);
    }
    assert_eq!(instants.len(), 3);
}

/// `zone: any` takes each of the three zones in about a third of the trials, machines of that zone
/// alone stop, and the same ones return.
#[test]
fn any_zone_is_any_of_the_regions() {
    let text = faults("duration: 2m, zoneLoss: {region: east, zone: any}");
    let scenario = small(&text, &["run.horizon=5m", "run.warmUp=2m"]);
    let mut zones = BTreeSet::new();
    for trial in 0..12 {
        let options = Options { trial, fidelity: Fidelity::Flow, ..Options::default() };
        let finished = run(&scenario, options);
        let mut hit = BTreeSet::new();
        for fact in finished.facts.facts() {
            if let What::NodeLost { node, .. } = fact.what {
                hit.insert(finished.world[node].zone);
            }
        }
        assert_eq!(hit.len(), 1, "trial {trial}");
        let zone = *hit.first().unwrap();
        assert!(finished.world[zone].outages.is_up(), "the zone that was lost is back");
        zones.insert(zone);
    }
    assert_eq!(zones.len(), 3);
}

/// `region: any` takes each region that has clusters, in about half of 200 trials (within four
/// standard errors), for faults of every kind that name one; only machines there stop, and what is
/// said of the fault is about the clusters there.
#[test]
fn any_region_is_any_with_clusters() {
    let quick = ["run.horizon=5m", "run.warmUp=2m"];
    for loss in ["regionLoss: {region: any}", "zoneLoss: {region: any, zone: 1}"] {
        let scenario = small(&faults(&format!("duration: 2m, {loss}")), &quick);
        let fault = &scenario.faults()[0].fault;
        let world = scenario.world();
        let hit = |trial| {
            let hit = fault.hits_in_trial(world, Chance::independent(7, trial), FaultId::new(0));
            let clusters = (0..world.clusters.len()).map(ClusterId::new);
            clusters.filter(|&cluster| hit.contains(cluster)).collect::<Vec<_>>()
        };
        let n_first = (0..200).filter(|&trial| hit(trial) == [ClusterId::new(0)]).count();
        assert!((72..=128).contains(&n_first), "{loss}: {n_first}");
        assert!((0..200).all(|trial| hit(trial).len() == 1), "{loss}");
        let mut seen = BTreeSet::new();
        for trial in 0..6 {
            let options = Options { trial, fidelity: Fidelity::Flow, ..Options::default() };
            let finished = run(&scenario, options);
            for fact in finished.facts.facts() {
                if let What::NodeLost { node, .. } = fact.what {
                    let region = finished.world[finished.world[node].zone].region;
                    assert_eq!(region, world[hit(trial)[0]].region, "{loss}, trial {trial}");
                    seen.insert(region);
                }
            }
            assert!(finished.world.regions.iter().all(|region| region.outages.is_up()));
        }
        assert_eq!(seen.len(), 2, "{loss}");
    }
}

/// A level of constant 1.2 offers what a rate 1.2 times as high does, bit for bit; drawn levels
/// spread what is offered as they say; and the pods at the start are those for the level.
#[test]
fn a_level_scales_the_demand() {
    let level = |text: &str| SMALL.replace("arrivals:", &format!("level: {text}\n    arrivals:"));
    let quick = ["run.horizon=3m", "run.warmUp=1m"];
    let twice = load(&level("{uniform: {min: 2, max: 2}}"), &quick);
    let plain = load(&SMALL.replace("300/s", "600/s"), &quick);
    assert_eq!(outcome(&twice, 0).fingerprint, outcome(&plain, 0).fingerprint);
    let drawn = load(&level("{uniform: {min: 0.5, max: 1.5}}"), &quick);
    for trial in 0..4 {
        let level = drawn.levels()[0].as_ref().unwrap();
        let chance = Chance::independent(7, trial);
        let draw = chance.structural(Input::DemandLevel, 0, &level.demand);
        let factor = level.factor(draw);
        let offered = outcome(&drawn, trial).requests.offered as f64;
        let expected = 300.0 * 180.0 * factor;
        // Four standard deviations of a Poisson count.
        assert!((offered - expected).abs() < 4.0 * expected.sqrt(), "{offered} of {expected}");
    }
}

/// What contradicts itself, or would strike too late to be seen, is refused.
#[test]
fn impossible_random_inputs_are_refused() {
    let east = "regionLoss: {region: east}";
    for (keys, says) in [
        (format!("delay: {{uniform: {{min: 0s, max: 30m}}}}, {east}"), "after the end of the run"),
        (format!("duration: 1m, repairTime: {{constant: 1m}}, {east}"), "both say how long"),
        (
            "repairTime: {constant: 1m}, podCrash: {cluster: primary, workload: web}".to_owned(),
            "it has no repairTime",
        ),
        ("zoneLoss: {region: east, zone: some}".to_owned(), "faults[0].zoneLoss.zone"),
        ("zoneLoss: {region: east, zone: 4}".to_owned(), "faults[0].zoneLoss.zone"),
        ("zoneLoss: {region: any, zone: 4}".to_owned(), "faults[0].zoneLoss.zone"),
        ("regionLoss: {region: nowhere}".to_owned(), "no region is called `nowhere`"),
    ] {
        let text = format!("{SMALL}{}", faults(&keys));
        let rejected = from_text("test.yaml", &text, std::path::Path::new("scenarios"), &[]);
        let said = rejected.unwrap_err().to_string();
        assert!(said.contains(says), "{keys}: {said}");
    }
}
