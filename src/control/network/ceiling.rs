//! The rate of a deployment's requests that gateway, firewall and source ports let pass, if they
//! had no others: what headroom counts with. Nothing upstream computes it.

use crate::model::elastic::Elastic;
use crate::model::ids::DeploymentId;
use crate::model::sample::Ceiling;
use crate::model::world::World;
use crate::units::Rate;

/// The lowest of the three rates, and whose it is; None if nothing bounds the requests.
#[must_use]
pub fn ceiling(world: &World, deployment: DeploymentId) -> Option<(Rate, Ceiling)> {
    let cluster = &world[world[deployment].cluster];
    let cost_of = |costs: &[(DeploymentId, f64)]| {
        costs.iter().find(|(of, _)| *of == deployment).map(|&(_, cost)| cost)
    };
    let elastic = |service: &Option<Elastic>, which| {
        let service = service.as_ref()?;
        Some((service.capacity() / cost_of(&service.costs)?, which))
    };
    let ports = cluster.outbound.as_ref().and_then(|outbound| {
        let freed = f64::from(outbound.total) / outbound.hold.as_secs_f64();
        Some((freed / cost_of(&outbound.costs)?, Ceiling::SourcePorts))
    });
    let all = [
        elastic(&cluster.gateway, Ceiling::GatewayUnits),
        elastic(&cluster.firewall, Ceiling::FirewallThroughput),
        ports,
    ];
    let least = all.into_iter().flatten().min_by(|a, b| a.0.total_cmp(&b.0));
    least.map(|(per_s, which)| (Rate::per_second(per_s), which))
}
