//! Draws what surrounds clusters: gateways, firewalls, ports, addresses, capacity of regions,
//! dependencies, and the faults and operations that touch them.

use std::fmt::Write;

use crate::draw::Draw;

/// The cases from here on have such parts; those before are what they always were.
pub(super) const FIRST_CASE: u64 = 10_000;

/// The draws of a case for its platform, if it has one.
pub(super) fn draws(case: u64) -> Option<Draw> {
    (FIRST_CASE <= case).then(|| Draw::of(case, "platform"))
}

/// Keys of a cluster.
pub(super) fn cluster(draw: &mut Draw, text: &mut String) {
    if draw.chance(50) {
        let probe =
            draw.one_of(&["", ", probe: {interval: 5s, timeout: 5s, unhealthyThreshold: 1}"]);
        let _ = writeln!(
            text,
            "    gateway: {{minCapacity: {}, maxCapacity: {}, requestsPerUnit: {}, scaleOutTime: \
             {{constant: 1m}}, scaleInDelay: 2m, drainTimeout: {}{probe}}}",
            draw.between(0, 2),
            draw.between(2, 4),
            draw.one_of(&["1/s", "10/s"]),
            draw.one_of(&["1s", "30s"]),
        );
    } else if draw.chance(30) {
        let policy = draw.one_of(&["Cluster", "Local"]);
        let _ = writeln!(text, "    loadBalancer: {{externalTrafficPolicy: {policy}}}");
    }
    if draw.chance(30) {
        let throughput = draw.one_of(&["1Mi", "100Mi"]);
        let _ = writeln!(text, "    firewall: {{throughputPerUnit: {throughput}}}");
    }
    if draw.chance(40) {
        let kind =
            draw.one_of(&["loadBalancer, allocatedOutboundPorts: 8", "natGateway", "loadBalancer"]);
        let _ = writeln!(text, "    outbound: {{type: {kind}, portHold: 10s}}");
    }
    if draw.chance(40) {
        let network = draw.one_of(&[
            "plugin: nodeSubnet, nodeSubnetPrefix: 22",
            "plugin: nodeSubnet, nodeSubnetPrefix: 23, exhaustion: asynchronous",
            "plugin: overlay, podCidrPrefix: 20",
            "plugin: podSubnetDynamic, podSubnetPrefix: 25",
            "plugin: podSubnetStatic, podSubnetPrefix: 22",
            "plugin: kubenet, podCidrPrefix: 21",
        ]);
        let _ = writeln!(text, "    network: {{{network}}}");
    }
}

/// The dependencies of a scenario, and those that a workload may name.
pub(super) struct Dependencies {
    text: String,
    needed: Vec<&'static str>,
    needed_at_start: Vec<&'static str>,
}

impl Dependencies {
    /// Each kind in some cases, with a copy elsewhere where there is another region.
    pub(super) fn draw(draw: &mut Draw, n_regions: usize) -> Self {
        let (mut text, mut needed, mut needed_at_start) = (String::new(), vec![], vec![]);
        let copy = if 1 < n_regions { ", secondary: r1" } else { "" };
        if draw.chance(60) {
            let failover = draw.one_of(&[
                "never",
                "{automatic: {grace: 1m}}",
                "{scripted: {}}",
                "{approval: {decision: {uniform: {min: 10s, max: 3m}}}}",
            ]);
            let failover = if copy.is_empty() { "never" } else { failover };
            let limits = draw.one_of(&["", ", requestRate: 40/s", ", connections: 3"]);
            let down = draw.one_of(&["refuse", "hang, callTimeout: 1s"]);
            let _ = writeln!(
                text,
                "  - {{name: orders, region: r0{copy}, database: {{kind: sql-failover-group, \
                 regionFailover: {failover}, whenDown: {down}{limits}, readReplica: {}}}}}",
                !copy.is_empty() && draw.chance(50),
            );
            needed.push("orders");
        }
        if draw.chance(50) {
            let down = draw.one_of(&["bypass", "refuse"]);
            let cache = format!("cache: {{whenDown: {down}, coldSlower: 2, warmUp: 2m}}");
            let _ = writeln!(text, "  - {{name: sessions, region: r0{copy}, {cache}}}");
            needed.push("sessions");
        }
        if draw.chance(40) {
            let reads = draw.one_of(&["", "readOpsPerMinute: 20"]);
            let _ = writeln!(text, "  - {{name: images, region: r0{copy}, registry: {{{reads}}}}}");
            needed_at_start.push("images");
        }
        if draw.chance(40) {
            let _ = writeln!(text, "  - {{name: secrets, region: r0{copy}, keyVault: {{}}}}");
            needed_at_start.push("secrets");
        }
        if draw.chance(40) {
            let _ = writeln!(text, "  - {{name: logs, region: r0, logAnalytics: {{}}}}");
        }
        Self { text, needed, needed_at_start }
    }

    /// The section of the scenario.
    pub(super) fn section(&self, text: &mut String) {
        if !self.text.is_empty() {
            *text += "dependencies:\n";
            *text += &self.text;
        }
    }

    /// What a workload needs of them.
    pub(super) fn workload(&self, draw: &mut Draw, text: &mut String) {
        if draw.chance(70) && !self.needed.is_empty() {
            let all = self.needed.join(", ");
            let reads = if draw.chance(50) { all.as_str() } else { "" };
            let _ = writeln!(text, "    needs: {{reads: [{reads}], writes: [{all}]}}");
        }
        if !self.needed_at_start.is_empty() {
            let _ = writeln!(text, "    startNeeds: [{}]", self.needed_at_start.join(", "));
        }
    }

    /// Whether pods name the registry that they need.
    fn has_registry(&self) -> bool {
        self.needed_at_start.contains(&"images")
    }

    /// A fault of one of them.
    fn fault(&self, draw: &mut Draw) -> Option<String> {
        let all: Vec<&str> = self.needed.iter().chain(&self.needed_at_start).copied().collect();
        let lost = *all.get(draw.between(0, 3))?;
        Some(format!("dependencyLoss: {{dependency: {lost}}}"))
    }
}

/// What regions have for new machines.
pub(super) fn capacity(draw: &mut Draw, text: &mut String, n_regions: usize) {
    if draw.chance(50) {
        return;
    }
    *text += "capacity:\n";
    for region in 0..n_regions {
        let limits = draw.one_of(&[
            "vCpuQuota: 8",
            "machineRate: 1/min, longestWait: 2m, failureVisibility: fastDelete",
            "allocationSuccess: 50%, failureVisibility: synchronous",
            "stampedeAllocationSuccess: 30%, stampedeMachineRate: 10/h",
        ]);
        let _ = writeln!(text, "  - {{region: r{region}, {limits}}}");
    }
}

/// A fault of the platform in one region or cluster, in half of the draws.
pub(super) fn fault(
    draw: &mut Draw,
    dependencies: &Dependencies,
    region: usize,
    cluster: usize,
) -> Option<String> {
    if draw.chance(50) {
        return None;
    }
    let kind = match draw.between(0, 6) {
        0 => format!("allocationFailure: {{region: r{region}, available: {}}}", draw.between(0, 2)),
        1 => format!(
            "frontDoorLoss: {{share: {}, withdrawnAfter: {}}}",
            draw.one_of(&["100%", "30%"]),
            draw.one_of(&["0s", "1m"]),
        ),
        2 => format!(
            "greyFailure: {{cluster: c{cluster}, probes: {}, requests: {}, mode: {}}}",
            draw.one_of(&["0%", "40%", "100%"]),
            draw.one_of(&["0%", "30%", "100%"]),
            draw.one_of(&["5xx", "hang"]),
        ),
        3 => "configurationFreeze: {}".to_owned(),
        4 => {
            let under_way = draw.one_of(&["come", "freeze", "fail"]);
            format!("computeControlPlaneLoss: {{region: r{region}, machinesUnderWay: {under_way}}}")
        }
        5 if !dependencies.has_registry() => format!("registryLoss: {{cluster: c{cluster}}}"),
        _ => dependencies.fault(draw).unwrap_or_else(|| "configurationFreeze: {}".to_owned()),
    };
    let delay = draw.one_of(&["", ", delay: {uniform: {min: 0s, max: 5m}}"]);
    Some(format!("{kind}{delay}"))
}

/// An operation on the platform of one cluster, in some draws.
pub(super) fn operation(draw: &mut Draw, cluster: usize) -> Option<String> {
    if draw.chance(60) {
        return None;
    }
    Some(match draw.between(0, 2) {
        0 => format!(
            "frontDoorChange: {{propagation: 3m, origins: [{{cluster: c{cluster}, enabled: {}}}]}}",
            draw.chance(50)
        ),
        1 => format!("stopCluster: {{cluster: c{cluster}, duration: 1m}}"),
        _ => format!(
            "upgrade: {{cluster: c{cluster}, pool: p0, maxSurge: {}, drainTimeout: 2m}}",
            draw.one_of(&["1", "100%"])
        ),
    })
}

/// Keys of a demand whose users come in an open stream.
pub(super) fn demand(draw: &mut Draw, text: &mut String) {
    if draw.chance(50) {
        let _ = writeln!(text, "    writes: {}", draw.one_of(&["10%", "100%"]));
    }
    if draw.chance(30) {
        *text += "    flashCrowds: [{at: 3m, rate: 40/s, rise: 10s, hold: 1m, fall: 30s}]\n";
    }
    if draw.chance(30) {
        *text += "    level: {lognormal: {p95: 1.5}}\n";
    }
}
