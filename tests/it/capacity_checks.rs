//! What a scenario may say about machines, networks and quotas: one row for each mistake with its
//! code and path.

use std::path::Path;

use tideover::scenario::{Rejected, Scenario, from_text};
use tideover::spec::{Code, Severity};

use crate::runs::SMALL;

/// The pool of the primary cluster in the small scenario.
const POOL: &str = "    region: east\n    pools: [{name: user, vmSize: D4s_v5, minCount: 3";

/// Reads the small scenario with the primary's pool replaced and further sections.
fn read(pool: &str, sections: &str) -> Result<Scenario, Box<Rejected>> {
    assert_eq!(SMALL.matches(POOL).count(), 1, "the anchor is unique");
    let text = format!("{}{sections}", SMALL.replacen(POOL, pool, 1));
    from_text("test.yaml", &text, Path::new("."), &[])
}

/// Asserts that there is an error of this code at this path.
fn assert_refused(case: &str, result: Result<Scenario, Box<Rejected>>, code: Code, path: &str) {
    let rejected = match result {
        Ok(_) => panic!("{case}: was accepted"),
        Err(rejected) => rejected,
    };
    let found = rejected.diagnostics.sorted();
    let is_meant = found
        .iter()
        .any(|d| d.severity == Severity::Error && d.code == code && &*d.place.path == path);
    assert!(is_meant, "{case}: expected {code} at `{path}`, found\n{rejected}");
}

/// The pods of a node and its memory follow from the network unless they are stated.
#[test]
fn the_network_decides_how_many_pods_fit_on_a_node() {
    for (network, max_pods, memory_mib) in [
        ("", 110, 14_034),
        ("    network: {plugin: overlay}\n", 250, 12_188),
        ("    network: {plugin: kubenet}\n", 110, 14_034),
        ("    network: {plugin: nodeSubnet}\n", 30, 16_384 - 750),
        ("    network: {plugin: podSubnetDynamic, podSubnetPrefix: 20}\n", 110, 14_034),
    ] {
        let scenario = read(&format!("{network}{POOL}"), "").unwrap_or_else(|e| panic!("{e}"));
        let pool = &scenario.world().pools[0];
        assert_eq!(pool.allocatable.pods, max_pods, "{network}");
        assert_eq!(pool.allocatable.memory.get() >> 20, memory_mib, "{network}");
    }
}

#[test]
fn mistakes_in_machines_and_networks_are_named() {
    for (case, pool, code, path) in [
        (
            "a size and a machine",
            POOL.replace("minCount", "machine: {vCpus: 4, memory: 8Gi}, minCount"),
            Code::Contradiction,
            "clusters[0].pools[0].vmSize",
        ),
        (
            "more pods than AKS allows",
            POOL.replace("minCount", "maxPods: 251, minCount"),
            Code::OutOfRange,
            "clusters[0].pools[0].maxPods",
        ),
        (
            "a pod subnet without its size",
            format!("    network: {{plugin: podSubnetStatic}}\n{POOL}"),
            Code::Contradiction,
            "clusters[0].network.plugin",
        ),
        (
            "a pod subnet that the plug-in has not",
            format!("    network: {{plugin: overlay, podSubnetPrefix: 24}}\n{POOL}"),
            Code::Contradiction,
            "clusters[0].network.podSubnetPrefix",
        ),
        (
            "two /24 ranges for three nodes",
            format!("    network: {{plugin: overlay, podCidrPrefix: 23}}\n{POOL}"),
            Code::Contradiction,
            "clusters[0].pools[0].name",
        ),
        (
            "a prefix without addresses",
            format!("    network: {{nodeSubnetPrefix: 30}}\n{POOL}"),
            Code::OutOfRange,
            "clusters[0].network.nodeSubnetPrefix",
        ),
    ] {
        assert_refused(case, read(&pool, ""), code, path);
    }
}

#[test]
fn mistakes_in_capacities_are_named() {
    for (case, sections, code, path) in [
        ("no such region", "{region: north}", Code::UnknownReference, "capacity[0].region"),
        (
            "a region twice",
            "{region: east}, {region: east}",
            Code::DuplicateName,
            "capacity[1].region",
        ),
        (
            "no such family",
            "{region: east, familyQuotas: [{family: standardDSv6Family, vCpus: 9}]}",
            Code::UnknownReference,
            "capacity[0].familyQuotas[0].family",
        ),
        (
            "no such size",
            "{region: east, restricted: [{vmSize: D4s_v6}]}",
            Code::UnknownReference,
            "capacity[0].restricted[0].vmSize",
        ),
        (
            "no such zone",
            "{region: east, restricted: [{vmSize: D4s_v5, zones: [4]}]}",
            Code::UnknownReference,
            "capacity[0].restricted[0].zones",
        ),
        (
            "no such size to be allocated",
            "{region: east, sizes: [{vmSize: D4s_v6, allocationSuccess: 5%}]}",
            Code::UnknownReference,
            "capacity[0].sizes[0].vmSize",
        ),
        (
            "a wait for no turn",
            "{region: east, longestWait: 5m}",
            Code::Contradiction,
            "capacity[0].longestWait",
        ),
        (
            "more than all of them",
            "{region: east, allocationSuccess: 101%}",
            Code::OutOfRange,
            "capacity[0].allocationSuccess",
        ),
        (
            "no machine at all is a restriction",
            "{region: east, machineRate: 0/s}",
            Code::OutOfRange,
            "capacity[0].machineRate",
        ),
    ] {
        assert_refused(case, read(POOL, &format!("capacity: [{sections}]\n")), code, path);
    }
    for (kind, path, code) in [
        ("startCluster: {cluster: third}", "startCluster.cluster", Code::UnknownReference),
        ("stopCluster: {cluster: third}", "stopCluster.cluster", Code::UnknownReference),
        ("upgrade: {cluster: primary, pool: usr}", "upgrade.pool", Code::UnknownReference),
        (
            "upgrade: {cluster: primary, pool: user, drainTimeout: 1s}",
            "upgrade.drainTimeout",
            Code::OutOfRange,
        ),
    ] {
        let operation = format!("operations: [{{name: o, at: 1m, {kind}}}]\n");
        assert_refused(kind, read(POOL, &operation), code, &format!("operations[0].{path}"));
    }
    let fault = "faults: [{name: f, at: 1m, computeControlPlaneLoss: {region: north}}]\n";
    let path = "faults[0].computeControlPlaneLoss.region";
    assert_refused("a fault elsewhere", read(POOL, fault), Code::UnknownReference, path);
}
