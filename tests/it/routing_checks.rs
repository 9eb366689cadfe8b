//! What a scenario may say about global routing: one row for each mistake with its code and path,
//! and the values that nobody published.

use std::path::Path;

use tideover::scenario::{Scenario, from_text};
use tideover::spec::Code;

use crate::scenario_checks::{BASE, assert_refused, edited};

/// Traffic Manager probes every 30 or 10 s, waits 5 to 10 s, 9 s at most if it probes fast, and
/// leads to clusters that exist, by different names.
#[test]
fn traffic_manager_is_checked() {
    let with = |keys: &str| {
        let manager = format!("trafficManager: {{{keys}}}\nfaults:\n");
        edited("faults:\n", &manager)
    };
    let one = "endpoints: [{name: a, cluster: primary}]";
    for keys in
        [one, &format!("interval: 10s, timeout: 9s, ttl: 0s, {one}"), "endpoints: [{name: d}]"]
    {
        with(keys).unwrap_or_else(|rejected| panic!("{keys}: {rejected}"));
    }
    let is = "trafficManager.";
    for (keys, code, path) in [
        (format!("interval: 20s, {one}"), Code::OutOfRange, "interval"),
        (format!("timeout: 11s, {one}"), Code::OutOfRange, "timeout"),
        (format!("interval: 10s, timeout: 10s, {one}"), Code::Contradiction, "timeout"),
        (format!("toleratedFailures: 10, {one}"), Code::OutOfRange, "toleratedFailures"),
        ("endpoints: []".to_owned(), Code::OutOfRange, "endpoints"),
        (
            "endpoints: [{name: a, cluster: third}]".to_owned(),
            Code::UnknownReference,
            "endpoints[0].cluster",
        ),
    ] {
        assert_refused(&keys, with(&keys), code, &format!("{is}{path}"));
    }
}

/// A probe path that redirects is allowed, and named: it keeps all origins unhealthy.
#[test]
fn a_probe_path_that_redirects_is_named() {
    let scenario = edited("probe: {interval: 30s,", "probe: {status: 302, interval: 30s,").unwrap();
    let warnings = scenario.warnings().sorted();
    assert_eq!(warnings.len(), 1);
    assert_eq!(&*warnings[0].place.path, "frontDoor.probe.status");
}

/// Values that nobody published are named as long as a scenario does not set them.
#[test]
fn guesses_are_named() {
    let guessed = |scenario: &Scenario| {
        let found = scenario.assumptions().into_iter();
        let found = found.filter(|(path, _)| path.starts_with("frontDoor."));
        found.map(|(path, value)| format!("{path}={value}")).collect::<Vec<_>>()
    };
    let base = from_text("base.yaml", BASE, Path::new("."), &[]).unwrap();
    assert_eq!(guessed(&base), ["frontDoor.probe.timeout=30s"]);
    let set = edited("probe: {interval: 30s,", "probe: {timeout: 5s, interval: 30s,").unwrap();
    assert!(guessed(&set).is_empty());
    let idle = edited("{us-east: 60%, us-west: 40%}", "{us-east: 100%}").unwrap();
    assert!(guessed(&idle).contains(&"frontDoor.probe.idleFactor=25%".to_owned()));
}
