//! The published drill of the AKS baseline for multi-region clusters: one client, one request
//! every 10 s, 200 in all, while the gateway of each region is stopped in turn.
//!
//! Detection is uniform on 60 to 90 s (probes every 30 s, 2 of 4 must succeed, so 3 failures),
//! so 6 to 10 requests meet the stopped gateway when it refuses. When it hangs, detection takes
//! 30 s longer and so does each failing request: 90 to 120 s at 40 s a request are 2 to 4.

use std::fs;

use super::load;
use tideover::experiment::run::run_once;

const NEAREST_CENTRAL: [&str; 2] =
    ["geographies[client].regionRtt.eastus2=30ms", "geographies[client].regionRtt.centralus=8ms"];

/// Failed requests of the first and of the second outage.
fn failures(sets: &[&str], seed: u64) -> [u64; 2] {
    let text = fs::read_to_string("scenarios/aks-baseline-multi-region.yaml").expect("shipped");
    let outcome = run_once(&load(&text, sets), Some(seed), 0, |_| {}).outcome;
    assert_eq!(outcome.requests.offered, 200, "the client sends all its requests");
    let during = |index: usize| outcome.faults[index].failed_requests.unwrap_or(0);
    assert_eq!(during(0) + during(1), outcome.requests.failed, "nothing fails outside the outages");
    [during(0), during(1)]
}

/// Refused and hanging gateways, for a client nearest either region, over 30 seeds: the outage
/// of the nearest region costs what its detection time implies, the other one nothing.
#[test]
fn the_published_drill_is_reproduced() {
    let hang = [
        "faults[eastus2-gateway].regionLoss.mode=hang",
        "faults[centralus-gateway].regionLoss.mode=hang",
    ];
    println!("published: \"just a few packets\" of 200");
    for (name, sets, nearest, least, most) in [
        ("refused, nearest East US 2", vec![], 0, 6, 10),
        ("refused, nearest Central US", NEAREST_CENTRAL.to_vec(), 1, 6, 10),
        ("hang, nearest East US 2", hang.to_vec(), 0, 2, 4),
        ("hang, nearest Central US", [NEAREST_CENTRAL, hang].concat(), 1, 2, 4),
    ] {
        let runs: Vec<[u64; 2]> = (1..=30).map(|seed| failures(&sets, seed)).collect();
        let costs: Vec<u64> = runs.iter().map(|run| run[nearest]).collect();
        println!("{name}: {costs:?} of 200");
        assert!(costs.iter().all(|cost| (least..=most).contains(cost)), "{name}: {costs:?}");
        assert!(runs.iter().all(|run| run[1 - nearest] == 0), "{name}: {runs:?}");
    }
}
