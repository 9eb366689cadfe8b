//! Gateways, firewalls and source ports of clusters, and what each workload's requests take of
//! them.

use crate::control::network::outbound::PLACES_PER_PORT;
use crate::model::duration::DurationSpec;
use crate::model::elastic::Elastic;
use crate::model::gateway::{UNITS_PER_INSTANCE, units_per_request};
use crate::model::ids::{DeploymentId, GateId, RegionId};
use crate::model::outbound::{Outbound, OutboundSpec};
use crate::scenario::draft::ClusterSpec;
use crate::scenario::explain::derived;
use crate::scenario::workload_spec::WorkloadSpec;
use crate::sim::laws::Law;
use crate::spec::{Code, Diagnostic, SourceSpan};
use crate::traffic::gate::{GatePlan, Pass, UserPart};
use crate::traffic::ledger::Reason;
use crate::units::Bytes;

use super::{Resolved, Resolving};

/// From the decision to the instances of an Application Gateway: "3 to 5 minutes" (azure-docs
/// application-gateway/high-traffic-support.md) [s].
const GATEWAY_SCALE_OUT_S: (f64, f64) = (180.0, 300.0);

/// The same of a firewall: "5 to 7 minutes" (azure-docs firewall-faq.yml) [s].
const FIREWALL_SCALE_OUT_S: (f64, f64) = (300.0, 420.0);

/// Gateway, firewall and source ports of a cluster.
type Services = (Option<Elastic>, Option<Elastic>, Option<Outbound>);

/// What stands between a cluster and the rest. Each of them is a gate; requests pass the gateway
/// first.
pub(super) fn services(
    cx: &mut Resolving<'_, '_>,
    made: &mut Resolved,
    spec: &ClusterSpec,
    region: RegionId,
) -> Services {
    let path = format!("clusters[{}]", made.world.clusters.len());
    let gateway = spec.gateway.as_ref().map(|gateway| Elastic {
        min: *gateway.min,
        max: *gateway.max,
        per_instance: f64::from(UNITS_PER_INSTANCE),
        target_utilization: gateway.target_utilization.get(),
        scale_out: {
            let shown = ("uniform, 3m to 5m", "left out: high-traffic-support.md");
            let path = format!("{path}.gateway.scaleOutTime");
            let span = spec.name.span();
            scale_out(cx, made, &gateway.scale_out, (GATEWAY_SCALE_OUT_S, shown), (span, path))
        },
        scale_in_delay: *gateway.scale_in_delay,
        gate: gate(made, Reason::GatewayFull, true),
        costs: Vec::new(),
        probe_cost: {
            // Front Door's probes open a connection each (frontdoor/health-probes.md).
            let handshake = (1.0, *gateway.tls_connections_per_unit);
            units_per_request(*gateway.requests_per_unit, Bytes::new(0), handshake)
        },
        instances: *gateway.min,
    });
    let outbound = spec.outbound.as_ref().map(|outbound| Outbound {
        kind: *outbound.kind,
        addresses: *outbound.addresses,
        ports: *outbound.ports,
        hold: *outbound.hold,
        zone: zone(cx, made, outbound, region),
        gate: gate(made, Reason::Dependency, true),
        costs: Vec::new(),
        total: 0,
        allocated: 0,
    });
    let firewall = spec.firewall.as_ref().map(|firewall| Elastic {
        min: *firewall.min,
        max: *firewall.max,
        per_instance: firewall.per_unit.get() as f64,
        target_utilization: firewall.target_utilization.get(),
        scale_out: {
            let shown = ("uniform, 5m to 7m", "left out: firewall-faq.yml");
            let path = format!("{path}.firewall.scaleOutTime");
            let span = spec.name.span();
            scale_out(cx, made, &firewall.scale_out, (FIREWALL_SCALE_OUT_S, shown), (span, path))
        },
        scale_in_delay: *firewall.scale_in_delay,
        gate: gate(made, Reason::Dependency, false),
        costs: Vec::new(),
        probe_cost: 0.0,
        instances: *firewall.min,
    });
    (gateway, firewall, outbound)
}

/// A new gate that nobody passes yet.
fn gate(made: &mut Resolved, reason: Reason, counts_in_progress: bool) -> GateId {
    let id = GateId::new(made.gates.len());
    made.gates.push(GatePlan { reason, counts_in_progress, passes: Vec::new() });
    id
}

/// The law of a scale-out time: stated, or uniform between two bounds [s], which are then shown.
fn scale_out(
    cx: &mut Resolving<'_, '_>,
    made: &mut Resolved,
    stated: &Option<DurationSpec>,
    ((least_s, most_s), (shown, rule)): ((f64, f64), (&str, &'static str)),
    (span, path): (SourceSpan, String),
) -> Law {
    match stated {
        Some(law) => cx.law(law),
        None => {
            made.derived.push(derived(span, path, shown.to_owned(), rule));
            Law::uniform(least_s, most_s)
        }
    }
}

/// The zone of a NAT gateway.
fn zone(
    cx: &mut Resolving<'_, '_>,
    made: &Resolved,
    spec: &OutboundSpec,
    region: RegionId,
) -> Option<crate::model::ids::ZoneId> {
    let number = (*spec.zone)?;
    let region = &made.world[region];
    let known = region.zones.get(number as usize - 1).copied();
    if known.is_none() {
        let message = format!("`{}` has no zone {number}", region.name);
        let wrong = Diagnostic::error(Code::UnknownReference, spec.zone.place.clone(), message);
        cx.diagnostics.push(wrong.allowed(format!("1 to {}", region.zones.len())));
    }
    known
}

/// The requests of a deployment pass what stands before its cluster and what they use outside.
pub(super) fn pass(
    cx: &Resolving<'_, '_>,
    made: &mut Resolved,
    deployment: DeploymentId,
    spec: &WorkloadSpec,
) {
    let cluster = made.world[deployment].cluster;
    let draft = &cx.decoded.spec.clusters[cluster.index()];
    let all = Pass { deployment, cost: 1.0, places: 1, lasts: None, users: UserPart::ALL };
    let here = &mut made.world[cluster];
    if let (Some(gateway), Some(stated)) = (&mut here.gateway, draft.gateway.as_ref()) {
        let cost = units_per_request(
            *stated.requests_per_unit,
            *spec.transfer,
            (*spec.tls_connections, *stated.tls_connections_per_unit),
        );
        gateway.costs.push((deployment, cost));
        made.gates[gateway.gate.index()].passes.push(Pass { cost, ..all });
    }
    if let Some(outbound) = &mut here.outbound
        && 0.0 < *spec.outgoing_connections
    {
        outbound.costs.push((deployment, *spec.outgoing_connections));
        let places = (*spec.outgoing_connections * f64::from(PLACES_PER_PORT)).round().max(1.0);
        let lasts = Some(outbound.hold);
        let passes = &mut made.gates[outbound.gate.index()].passes;
        passes.push(Pass { places: places as u32, lasts, ..all });
    }
    if let Some(firewall) = &mut here.firewall
        && 0 < spec.outgoing_transfer.get()
    {
        let cost = spec.outgoing_transfer.get() as f64;
        firewall.costs.push((deployment, cost));
        made.gates[firewall.gate.index()].passes.push(Pass { cost, ..all });
    }
}
