//! The three published patterns: valid, of one workload, and compared by one command.

use std::path::PathBuf;

use tideover::experiment::run::run_once;
use tideover::metrics::outcome::{FaultOutcome, Outcome};
use tideover::scenario::{from_text, load};

use crate::cli::{said, tideover};
use crate::source_tree::root;

const PATTERNS: [&str; 3] = ["active-active", "active-passive", "passive-cold"];

fn path(name: &str) -> PathBuf {
    root().join("scenarios/patterns").join(format!("{name}.yaml"))
}

/// Each pattern is valid, says nothing that was not meant, and asks its question; from the
/// regions on they say the same but for priorities, warm nodes and warm pods, and the start of the
/// stopped cluster.
#[test]
fn patterns_are_valid_and_differ_in_warmth_only() {
    let mut texts = Vec::new();
    for name in PATTERNS {
        let scenario = load(&path(name), &[]).unwrap_or_else(|rejected| panic!("{rejected}"));
        assert!(scenario.warnings().is_empty(), "{name}");
        assert_eq!((scenario.name(), scenario.question().is_empty()), (name, false));
        let text = std::fs::read_to_string(path(name)).unwrap();
        assert!(text.starts_with("# Question: "), "{name}");
        let scrubbed = |line: &&str| {
            !["minCount", "minReplicas", "priority:", "clusters:", "state: stopped"]
                .iter()
                .any(|key| line.contains(key))
        };
        let rest = text.split_once("regions:").expect("a scenario has regions").1;
        let rest = rest.split_once("\noperations:").map_or(rest, |(before, _)| before);
        texts.push(rest.lines().filter(scrubbed).map(str::to_owned).collect::<Vec<_>>());
    }
    assert_eq!(texts[0], texts[1]);
    assert_eq!(texts[0], texts[2]);
}

/// The active-passive design with all its components is valid and says nothing that was not meant.
#[test]
fn the_complete_design_is_valid() {
    let scenario = load(&path("complete/active-passive-complete"), &[]);
    let scenario = scenario.unwrap_or_else(|rejected| panic!("{rejected}"));
    assert!(scenario.warnings().is_empty());
    assert_eq!(scenario.name(), "active-passive-complete");
    let world = scenario.world();
    assert_eq!(world.dependencies.len(), 6);
    for cluster in &world.clusters {
        assert!(cluster.gateway.is_some() && cluster.firewall.is_some(), "{}", cluster.name);
    }
}

/// A component of the complete design, and how its outcome differs once that is changed.
struct Component {
    name: &'static str,
    sets: &'static [&'static str],
    differs: fn(&Outcome, &Outcome) -> bool,
}

/// Users who failed for a reason.
fn failed(outcome: &Outcome, reason: &str) -> u64 {
    outcome.requests.failed_by_reason.get(reason).copied().unwrap_or(0)
}

/// A figure of the fault.
fn of_fault(outcome: &Outcome, figure: fn(&FaultOutcome) -> Option<f64>) -> f64 {
    figure(&outcome.faults[0]).expect("the fault has this figure")
}

/// Every component of the published design changes the outcome in the way it should: one row for
/// each, with what is changed in it and what that must do.
const COMPONENTS: [Component; 13] = [
    Component {
        name: "Front Door's priorities: the lost cluster served nobody",
        sets: &["frontDoor.origins[0].priority=2", "frontDoor.origins[1].priority=1"],
        differs: |base, other| {
            failed(other, "origin-refused") == 0 && 0 < failed(base, "origin-refused")
        },
    },
    Component {
        name: "Front Door's probes: a longer interval moves users later",
        sets: &["frontDoor.probe.interval=120s"],
        differs: |base, other| {
            of_fault(base, |f| f.reroute_s) + 90.0 < of_fault(other, |f| f.reroute_s)
        },
    },
    Component {
        name: "gateway: with enough instances it turns nobody away",
        sets: &["clusters[secondary].gateway.minCapacity=8"],
        differs: |base, other| {
            failed(other, "gateway-full") == 0 && 0 < failed(base, "gateway-full")
        },
    },
    Component {
        name: "hub firewall: a narrow one delays the images of the new pods",
        sets: &["clusters[secondary].firewall={maxCapacity: 2, throughputPerUnit: 1Mi}"],
        differs: |base, other| of_fault(base, |f| f.capacity_s) < of_fault(other, |f| f.capacity_s),
    },
    Component {
        name: "outbound ports: each request opens a connection, and a node has 64 ports",
        sets: &[
            "workloads[shop].outgoingConnections=1",
            "clusters[secondary].outbound.allocatedOutboundPorts=64",
        ],
        differs: |base, other| 2 * failed(base, "dependency") < failed(other, "dependency"),
    },
    Component {
        name: "CNI: a /24 of the node subnet has no room for further nodes of 110 pods",
        sets: &["clusters[secondary].network={plugin: nodeSubnet, nodeSubnetPrefix: 24}"],
        differs: |base, other| of_fault(base, |f| f.capacity_s) < of_fault(other, |f| f.capacity_s),
    },
    Component {
        name: "node pools: one node at most",
        sets: &["clusters[secondary].pools[user].maxCount=1"],
        differs: |base, other| failed(base, "queue-full") < failed(other, "queue-full"),
    },
    Component {
        name: "machine sizes: a larger node has room at once",
        sets: &["clusters[secondary].pools[user].vmSize=D8s_v5"],
        differs: |base, other| of_fault(other, |f| f.capacity_s) < of_fault(base, |f| f.capacity_s),
    },
    Component {
        name: "warm pods: as many as in the primary, on as many nodes",
        sets: &[
            "clusters[secondary].pools[user].minCount=3",
            "workloads[shop].clusters.secondary.hpa.minReplicas=14",
        ],
        differs: |base, other| failed(other, "queue-full") == 0 && 0 < failed(base, "queue-full"),
    },
    Component {
        name: "Key Vault: one in the lost region starts no pod of the other",
        sets: &["dependencies[secrets-central].region=eastus2"],
        differs: |base, other| of_fault(base, |f| f.capacity_s) < of_fault(other, |f| f.capacity_s),
    },
    Component {
        name: "Log Analytics: a late alert is a late failover of the database",
        sets: &["dependencies[logs].logAnalytics.alertLag={constant: 10m}"],
        differs: |base, other| failed(base, "dependency") < failed(other, "dependency"),
    },
    Component {
        name: "registry: a slow one delays the new pods",
        sets: &["dependencies[images].registry.bandwidth=1M"],
        differs: |base, other| of_fault(base, |f| f.capacity_s) < of_fault(other, |f| f.capacity_s),
    },
    Component {
        name: "database: its own failover waits for an hour, and loses nothing if it never comes",
        sets: &["dependencies[orders].database.regionFailover={automatic: {grace: 60m}}"],
        differs: |base, other| {
            let lost = |outcome: &Outcome| outcome.faults[0].lost_writes;
            failed(base, "dependency") < failed(other, "dependency")
                && (lost(other), Some(0) < lost(base)) == (Some(0), true)
        },
    },
];

#[test]
fn every_component_of_the_complete_design_matters() {
    let file = path("complete/active-passive-complete");
    let outcome = |sets: &[&str]| {
        let sets: Vec<String> = sets.iter().map(|&set| set.to_owned()).collect();
        let scenario = load(&file, &sets).unwrap_or_else(|rejected| panic!("{rejected}"));
        run_once(&scenario, None, 0, |_| {}).outcome
    };
    let base = outcome(&[]);
    for component in &COMPONENTS {
        let other = outcome(component.sets);
        let figures = |outcome: &Outcome| {
            format!("{:?} {:?}", outcome.requests.failed_by_reason, outcome.faults[0])
        };
        assert!(
            (component.differs)(&base, &other),
            "{}: from {}\nto {}",
            component.name,
            figures(&base),
            figures(&other)
        );
    }
}

/// A zone of the secondary is lost while it serves everybody: nodes in three zones lose a third of
/// its pods, nodes in that zone only lose all.
#[test]
fn zones_of_the_complete_design_matter() {
    let file = path("complete/active-passive-complete");
    let text = std::fs::read_to_string(&file).unwrap();
    let fault = "  - {name: zone, at: 30m, duration: 5m, zoneLoss: {region: centralus, zone: 1}}\n";
    let lost = |zones: &str| {
        let set = format!("clusters[secondary].pools[user].zones={zones}");
        let folder = file.parent().expect("a file is in a folder");
        let scenario = from_text("complete.yaml", &format!("{text}{fault}"), folder, &[set]);
        let scenario = scenario.unwrap_or_else(|rejected| panic!("{rejected}"));
        run_once(&scenario, None, 0, |_| {}).outcome.faults[1].failed_requests.expect("a count")
    };
    let (spread, single) = (lost("[1, 2, 3]"), lost("[1]"));
    assert!(2 * spread < single, "{spread} and {single} requests are lost");
}

/// One command, one table: a row for each pattern, seed and place, equal users for equal seeds;
/// the warmer the secondary, the sooner users are served, and the more node hours it takes.
#[test]
fn one_command_compares_them() {
    let files = PATTERNS.map(path);
    let compared =
        said(tideover().arg("compare").args(&files).args(["--seeds", "1..2", "--quiet"]));
    assert_eq!((compared.code, compared.talk.as_str()), (Some(0), ""));
    let mut reader = csv::Reader::from_reader(compared.out.as_bytes());
    let header = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 3 * 2 * 2, "patterns, seeds, places");
    let cell = |row: &csv::StringRecord, column: &str| {
        let index = header.iter().position(|name| name == column).expect("a column");
        row[index].to_owned()
    };
    let figure = |row: &csv::StringRecord, column: &str| -> f64 {
        cell(row, column).parse().unwrap_or_else(|_| panic!("{column} is a number"))
    };
    let of = |pattern: &str, seed: &str| {
        let is_it = |row: &&csv::StringRecord| {
            cell(row, "scenario") == pattern && cell(row, "seed") == seed
        };
        rows.iter().find(is_it).expect("a row")
    };
    for seed in ["1", "2"] {
        let [active, passive, cold] = PATTERNS.map(|pattern| of(pattern, seed));
        assert_eq!(cell(active, "offered"), cell(cold, "offered"));
        // 120 writes a second: latency moves at most a tenth of a second of them in or out.
        let [first, last] = [active, cold].map(|row| figure(row, "lost_writes"));
        assert!((first - last).abs() <= 12.0, "{first} and {last} writes are lost");
        for (warmer, colder) in [(active, passive), (passive, cold)] {
            assert!(figure(warmer, "rto_s") < figure(colder, "rto_s"));
            assert!(figure(warmer, "failed") < figure(colder, "failed"));
            assert!(figure(colder, "node_hours") < figure(warmer, "node_hours"));
        }
        assert!(figure(active, "before_latency_ms_p99") < figure(cold, "during_latency_ms_p99"));
    }
}

/// Seeds and files that make no sense are mistakes of the command line or the scenario.
#[test]
fn wrong_comparisons_are_refused() {
    let file = path("active-active");
    for (seeds, code) in [("5..1", Some(2)), ("1", Some(2)), ("a..b", Some(2))] {
        let refused = said(tideover().arg("compare").arg(&file).args(["--seeds", seeds]));
        assert_eq!((refused.code, refused.out.as_str()), (code, ""), "{seeds}");
        assert!(refused.talk.contains("e.g. 1..5"), "{}", refused.talk);
    }
    assert_eq!(said(tideover().arg("compare")).code, Some(2));
    let missing = said(tideover().args(["compare", "no-such-file.yaml"]));
    assert_eq!(missing.code, Some(3));
}
