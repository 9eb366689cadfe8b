//! What probes take of a gateway, and the rate of a deployment's requests that gateway, firewall,
//! source ports and databases let pass, if they had no others: what headroom counts with. Nothing
//! upstream computes it.

use crate::model::dependency::state::{DatabaseRules, Dependency, Kind, Limits};
use crate::model::elastic::Elastic;
use crate::model::front_door::ProbeTarget;
use crate::model::ids::{ClusterId, DeploymentId};
use crate::model::sample::Ceiling;
use crate::model::world::World;
use crate::units::Rate;

/// The lowest of their rates, and whose it is; None if nothing bounds the requests.
#[must_use]
pub fn ceiling(world: &World, deployment: DeploymentId) -> Option<(Rate, Ceiling)> {
    let probes = probe_units(world, world[deployment].cluster);
    let cluster = &world[world[deployment].cluster];
    let cost_of = |costs: &[(DeploymentId, f64)]| {
        costs.iter().find(|(of, _)| *of == deployment).map(|&(_, cost)| cost)
    };
    let elastic = |service: &Option<Elastic>, which, probes: f64| {
        let service = service.as_ref()?;
        let left = (service.capacity() - probes).max(0.0);
        Some((left / cost_of(&service.costs)?, which))
    };
    let ports = cluster.outbound.as_ref().and_then(|outbound| {
        let freed = f64::from(outbound.total) / outbound.hold.as_secs_f64();
        Some((freed / cost_of(&outbound.costs)?, Ceiling::SourcePorts))
    });
    let databases = database_rate(world, deployment).map(|rate| (rate, Ceiling::DependencyLimits));
    let all = [
        elastic(&cluster.gateway, Ceiling::GatewayUnits, probes),
        elastic(&cluster.firewall, Ceiling::FirewallThroughput, 0.0),
        ports,
        databases,
    ];
    let least = all.into_iter().flatten().min_by(|a, b| a.0.total_cmp(&b.0));
    least.map(|(per_s, which)| (Rate::per_second(per_s), which))
}

/// The rate of a deployment's requests that its databases take: each connection serves one request
/// after the other.
fn database_rate(world: &World, deployment: DeploymentId) -> Option<f64> {
    let busy_s = world[deployment].template.service.mean_s();
    let rate = |dependency: &Dependency| {
        let Kind::Database(DatabaseRules { bound: Some(bound), .. }) = &dependency.kind else {
            return None;
        };
        let share = bound.shares.iter().find(|(of, _)| *of == deployment)?.1;
        let Limits { per_s, connections } = bound.at(dependency.serving);
        let by_connections = connections.map_or(f64::INFINITY, |n| f64::from(n) / busy_s);
        (0.0 < share).then(|| per_s.min(by_connections) / share)
    };
    world.dependencies.iter().filter_map(rate).min_by(f64::total_cmp)
}

/// Units of a gateway that Front Door's probes take which it answers by itself, and so nobody else
/// can have \[1/s\]. Probes that go on to the pods pass it like requests.
#[must_use]
pub fn probe_units(world: &World, cluster: ClusterId) -> f64 {
    let door = &world.front_door;
    let cost = world[cluster].gateway.as_ref().map_or(0.0, |gateway| gateway.probe_cost);
    if cost <= 0.0 || door.probe_target != ProbeTarget::Gateway || !door.probes(cluster) {
        return 0.0;
    }
    door.probe_rate().map_or(0.0, |rate| rate.per_s() * cost)
}
