//! Front Door's origins and edge locations, and the places that clients are in.

use crate::model::client::{Geography, GeographySpec};
use crate::model::front_door::{Origin, Pop};
use crate::model::ids::{ClusterId, GeographyId, RegionId};
use crate::model::reference::find;
use crate::model::region::Outages;
use crate::spec::{Code, Diagnostic};
use crate::units::Span;

use super::{Resolved, Resolving};

/// Adds geographies, origins and edge locations.
pub(super) fn add(cx: &mut Resolving<'_, '_>, made: &mut Resolved) {
    add_origins(cx, made);
    let geographies = &cx.decoded.spec.geographies;
    for (index, spec) in geographies.iter().enumerate() {
        let geography = geography(cx, made, spec);
        add_pops(made, GeographyId::new(index), *spec.pops, &geography);
        made.world.geographies.push(geography);
    }
}

/// One origin for each cluster; with a list, clusters that are not in it are disabled.
fn add_origins(cx: &mut Resolving<'_, '_>, made: &mut Resolved) {
    let origins = &cx.decoded.spec.front_door.origins;
    let all = origins.is_empty();
    let clusters = (0..made.world.clusters.len()).map(ClusterId::new);
    made.world.front_door.origins =
        clusters.map(|cluster| Origin { cluster, enabled: all, priority: 1, weight: 50 }).collect();
    let mut listed = Vec::new();
    for spec in origins.iter() {
        let Some(cluster) = cx.cluster(&spec.cluster, &made.world) else { continue };
        if listed.contains(&cluster) {
            let place = spec.cluster.place.clone();
            let message = format!("cluster `{}` is an origin twice", spec.cluster.as_str());
            let wrong = Diagnostic::error(Code::DuplicateName, place, message);
            cx.diagnostics.push(wrong.allowed("each cluster once"));
        }
        listed.push(cluster);
        made.world.front_door.origins[cluster.index()] = Origin {
            cluster,
            enabled: *spec.enabled,
            priority: *spec.priority,
            weight: *spec.weight,
        };
    }
}

fn geography(cx: &mut Resolving<'_, '_>, made: &Resolved, spec: &GeographySpec) -> Geography {
    let world = &made.world;
    let mut rtt: Vec<Option<Span>> = vec![None; world.regions.len()];
    for (name, span) in spec.region_rtt.iter() {
        let known = world.regions.iter().map(|region| region.name.as_str());
        if let Some(region) = find("region", name, known, cx.diagnostics) {
            rtt[region] = Some(*span);
        }
    }
    let mut missing: Vec<RegionId> = Vec::new();
    let mut one_way = Vec::new();
    for cluster in &world.clusters {
        if rtt[cluster.region.index()].is_none() && !missing.contains(&cluster.region) {
            missing.push(cluster.region);
        }
        one_way.push(rtt[cluster.region.index()].unwrap_or(Span::ZERO) / 2);
    }
    for region in missing {
        let name = &world[region].name;
        let message = format!("the round trip to region `{name}` is missing");
        let place = spec.region_rtt.place.clone();
        let wrong = Diagnostic::error(Code::MissingKey, place, message);
        cx.diagnostics.push(wrong.help(format!("add `{name}: 30ms`, measured if you can")));
    }
    Geography {
        name: spec.name.as_str().to_owned(),
        client_to_pop: *spec.client_rtt / 2,
        pop_to_cluster: one_way,
    }
}

/// The edge locations of a place; their share of traffic is known with the demands.
fn add_pops(made: &mut Resolved, id: GeographyId, count: u32, geography: &Geography) {
    let n_clusters = made.world.clusters.len();
    for _ in 0..count {
        made.world.front_door.pops.push(Pop {
            geography: id,
            traffic_share: 0.0,
            origin_rtt: geography.pop_to_cluster.iter().map(|&one_way| one_way * 2).collect(),
            healthy: vec![true; n_clusters],
            outages: Outages::default(),
        });
    }
}
