//! What a scenario may say about gateways, firewalls and source ports: one row for each mistake
//! with its code and path.

use std::path::Path;

use tideover::model::ids::{DeploymentId, GateId};
use tideover::scenario::{Rejected, Scenario, from_text};
use tideover::spec::{Code, Severity};
use tideover::traffic::ledger::Reason;
use tideover::units::Span;

use crate::runs::SMALL;

/// The small scenario whose first cluster has further keys.
fn cluster(keys: &str, sets: &[&str]) -> Result<Scenario, Box<Rejected>> {
    let text = SMALL.replacen("    region: east\n", &format!("    region: east\n    {keys}\n"), 1);
    let sets: Vec<String> = sets.iter().map(|&set| set.to_owned()).collect();
    from_text("test.yaml", &text, Path::new("."), &sets)
}

/// Each service is one gate, in the order in which requests pass; the workload says what a request
/// takes: 555 bytes of 27,750 a second are less than a tenth of a unit, 55,500 are a fifth.
#[test]
fn requests_pass_what_stands_in_their_way() {
    let keys = "gateway: {}\n    outbound: {}\n    firewall: {}";
    let takes = [
        "workloads[web].transferPerRequest=55500",
        "workloads[web].outgoingConnections=0.25",
        "workloads[web].outgoingTransfer=3000",
    ];
    let scenario = cluster(keys, &takes).unwrap_or_else(|r| panic!("{r}"));
    let primary = &scenario.world().clusters[0];
    let gates = scenario.gates();
    let reasons: Vec<Reason> = gates.iter().map(|gate| gate.reason).collect();
    assert_eq!(reasons, [Reason::GatewayFull, Reason::Dependency, Reason::Dependency]);
    let gateway = primary.gateway.as_ref().expect("stated");
    let outbound = primary.outbound.as_ref().expect("stated");
    let firewall = primary.firewall.as_ref().expect("stated");
    let of = |gate: GateId| gates[gate.index()].passes[..].to_vec();
    let passes = [of(gateway.gate), of(outbound.gate), of(firewall.gate)];
    assert!(passes.iter().all(|p| p.len() == 1 && p[0].deployment == DeploymentId::new(0)));
    assert!((passes[0][0].cost - 0.2).abs() < 1e-12, "{passes:?}");
    assert_eq!((passes[1][0].places, passes[1][0].lasts), (250, Some(Span::from_secs(240))));
    assert_eq!(passes[2][0].cost, 3_000.0);
    assert_eq!((gateway.min, gateway.max, firewall.min, firewall.max), (2, 20, 2, 20));
    assert!(scenario.world().clusters[1].gateway.is_none());

    let plain = cluster("gateway: {}", &[]).unwrap_or_else(|rejected| panic!("{rejected}"));
    assert_eq!(plain.gates()[0].passes[0].cost, 0.1);
    let handshakes = ["workloads[web].tlsConnectionsPerRequest=0.5"];
    let plain = cluster("gateway: {}", &handshakes).unwrap_or_else(|rejected| panic!("{rejected}"));
    assert!((plain.gates()[0].passes[0].cost - 0.11).abs() < 1e-12, "half of a fiftieth more");
    let unused = cluster("outbound: {}", &[]).unwrap_or_else(|rejected| panic!("{rejected}"));
    assert!(unused.gates()[0].passes.is_empty(), "no request opens a connection");
}

/// One row for each mistake.
#[test]
fn mistakes_are_refused() {
    use Code::{Contradiction, OutOfRange, UnknownChoice, UnknownReference};
    for (case, keys, code, path) in [
        ("126 instances", "gateway: {maxCapacity: 126}", OutOfRange, "gateway.maxCapacity"),
        (
            "fewer at most than at least",
            "gateway: {minCapacity: 21}",
            Contradiction,
            "gateway.maxCapacity",
        ),
        (
            "nothing passes a unit",
            "gateway: {requestsPerUnit: 0/s}",
            OutOfRange,
            "gateway.requestsPerUnit",
        ),
        (
            "a balancer in front of a gateway",
            "gateway: {}\n    loadBalancer: {}",
            Contradiction,
            "loadBalancer",
        ),
        (
            "probes by the second",
            "loadBalancer: {probeInterval: 1s}",
            OutOfRange,
            "loadBalancer.probeInterval",
        ),
        (
            "no failures",
            "gateway: {probe: {unhealthyThreshold: 0}}",
            OutOfRange,
            "gateway.probe.unhealthyThreshold",
        ),
        ("no time to drain", "gateway: {drainTimeout: 0s}", OutOfRange, "gateway.drainTimeout"),
        ("one firewall unit", "firewall: {minCapacity: 1}", OutOfRange, "firewall.minCapacity"),
        (
            "bounds that differ by one",
            "firewall: {minCapacity: 19}",
            Contradiction,
            "firewall.maxCapacity",
        ),
        ("an unknown type", "outbound: {type: none}", UnknownChoice, "outbound.type"),
        (
            "ports of nodes behind a NAT gateway",
            "outbound: {type: natGateway, allocatedOutboundPorts: 1024}",
            Contradiction,
            "outbound.allocatedOutboundPorts",
        ),
        (
            "ports that no load balancer allocates",
            "outbound: {allocatedOutboundPorts: 1025}",
            Contradiction,
            "outbound.allocatedOutboundPorts",
        ),
        ("a balancer in a zone", "outbound: {zone: 1}", Contradiction, "outbound.zone"),
        (
            "a zone that is not there",
            "outbound: {type: natGateway, zone: 4}",
            UnknownReference,
            "outbound.zone",
        ),
    ] {
        let rejected = match cluster(keys, &[]) {
            Ok(_) => panic!("{case}: was accepted"),
            Err(rejected) => rejected,
        };
        let found = rejected.diagnostics.sorted();
        let path = format!("clusters[0].{path}");
        let is_meant = found
            .iter()
            .any(|d| d.severity == Severity::Error && d.code == code && *d.place.path == *path);
        assert!(is_meant, "{case}: expected {code} at `{path}`, found\n{rejected}");
    }
    for keys in ["firewall: {minCapacity: 20}", "firewall: {minCapacity: 18}"] {
        assert!(cluster(keys, &[]).is_ok(), "{keys}");
    }
}
