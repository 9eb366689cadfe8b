//! What a scenario may say about dependencies, region pairs and what workloads need: one row for
//! each mistake with its code and path.

use std::fs;

use tideover::scenario::{Rejected, Scenario, from_text};
use tideover::spec::Code;

use crate::source_tree::root;

/// The active-passive pattern with the text at `anchor`, which occurs once, replaced.
fn edited(anchor: &str, replacement: &str) -> Result<Scenario, Box<Rejected>> {
    let folder = root().join("scenarios/patterns");
    let text = fs::read_to_string(folder.join("active-passive.yaml")).expect("a scenario");
    assert_eq!(text.matches(anchor).count(), 1, "the anchor `{anchor}` is not unique");
    from_text("edited.yaml", &text.replacen(anchor, replacement, 1), &folder, &[])
}

/// Each mistake is refused at its place, with what is allowed or what to do.
#[test]
fn wrong_dependencies_are_refused() {
    use Code::*;
    let orders = "secondary: centralus\n    database: {kind: sql-failover-group, ";
    let table = [
        ("no kind", ", registry: {}", "", Contradiction, "dependencies[2].name"),
        (
            "two kinds",
            "registry: {}",
            "registry: {}, cache: {}",
            Contradiction,
            "dependencies[2].name",
        ),
        (
            "unknown kind of database",
            "kind: sql-failover-group",
            "kind: sql-failover",
            UnknownChoice,
            "dependencies[0].database.kind",
        ),
        (
            "unknown region",
            "name: logs, region: centralus",
            "name: logs, region: central",
            UnknownReference,
            "dependencies[5].region",
        ),
        (
            "a copy in the same region",
            "name: images, region: eastus2, secondary: centralus",
            "name: images, region: eastus2, secondary: eastus2",
            Contradiction,
            "dependencies[2].secondary",
        ),
        (
            "a copy of a standard registry",
            "registry: {}",
            "registry: {sku: standard}",
            Contradiction,
            "dependencies[2].secondary",
        ),
        (
            "a registry that has a name is lost by it",
            "faults:\n",
            "faults:\n  - {name: lost, at: 5m, registryLoss: {cluster: primary}}\n",
            Contradiction,
            "faults[0].registryLoss.cluster",
        ),
        (
            "a workspace with a copy",
            "name: logs, region: centralus",
            "name: logs, region: centralus, secondary: eastus2",
            Contradiction,
            "dependencies[5].secondary",
        ),
        (
            "a failover to nowhere",
            orders,
            "database: {kind: sql-failover-group, ",
            Contradiction,
            "dependencies[0].name",
        ),
        (
            "a return without a copy",
            "secondary: centralus\n    database: {kind: sql-failover-group, ",
            "database: {kind: sql-zone, failback: {}, ",
            Contradiction,
            "dependencies[0].database.failback",
        ),
        (
            "a zone failover without a zone",
            "kind: sql-failover-group, ",
            "kind: sql-failover-group, zoneFailover: {constant: 9s}, ",
            Contradiction,
            "dependencies[0].database.zoneFailover",
        ),
        (
            "a zone that is not there",
            "kind: sql-failover-group, ",
            "kind: sql-failover-group, zone: 4, ",
            UnknownReference,
            "dependencies[0].database.zone",
        ),
        (
            "a need of nothing",
            "writes: [orders]",
            "writes: [order]",
            UnknownReference,
            "workloads[0].clusters.primary.needs.writes",
        ),
        (
            "requests do not pull images",
            "writes: [orders]",
            "writes: [images]",
            Contradiction,
            "workloads[0].clusters.primary.needs.writes",
        ),
        (
            "pods do not start from a database",
            "startNeeds: [images, secrets-east]",
            "startNeeds: [images, orders]",
            Contradiction,
            "workloads[0].clusters.primary.startNeeds",
        ),
        (
            "needed twice",
            "reads: [sessions, orders]",
            "reads: [orders, orders]",
            DuplicateName,
            "workloads[0].clusters.primary.needs.reads",
        ),
        (
            "the loss of nothing",
            "regionLoss: {region: eastus2}",
            "dependencyLoss: {dependency: ordres}",
            UnknownReference,
            "faults[0].dependencyLoss.dependency",
        ),
        ("more than all write", "writes: 20%", "writes: 120%", OutOfRange, "demands[0].writes"),
        (
            "a pair with nobody",
            "{name: centralus, zones: 3}",
            "{name: centralus, zones: 3, recoversAfter: eastus}",
            UnknownReference,
            "regions[1].recoversAfter",
        ),
        (
            "a region that waits for itself",
            "{name: centralus, zones: 3}",
            "{name: centralus, zones: 3, recoversAfter: centralus}",
            Contradiction,
            "regions[1].recoversAfter",
        ),
    ];
    for (case, anchor, replacement, code, path) in table {
        let rejected = match edited(anchor, replacement) {
            Ok(_) => panic!("{case}: was accepted"),
            Err(rejected) => rejected,
        };
        let found = rejected.diagnostics.sorted();
        let fits = found.iter().find(|d| d.code == code && &*d.place.path == path);
        let wrong = fits.unwrap_or_else(|| panic!("{case}: {code} at `{path}`, not\n{rejected}"));
        assert!(wrong.allowed.is_some() || wrong.help.is_some(), "{case}: {rejected}");
    }
}

/// What nobody published is marked: the failover of a vault, the cost of a cold cache.
#[test]
fn guesses_are_marked() {
    let anchor = "name: secrets-east, region: eastus2, ";
    let scenario = edited(anchor, &format!("{anchor}secondary: centralus, "));
    let scenario = scenario.unwrap_or_else(|rejected| panic!("{rejected}"));
    let assumed: Vec<String> = scenario.assumptions().into_iter().map(|(path, _)| path).collect();
    for path in ["dependencies[3].keyVault.failover", "dependencies[1].cache.warmUp"] {
        assert!(assumed.iter().any(|found| found == path), "{path} is not among {assumed:?}");
    }
    // What was given, or published, is not.
    for path in ["dependencies[1].cache.coldSlower", "dependencies[0].database.switchTime"] {
        assert!(assumed.iter().all(|found| found != path), "{path}");
    }
}
