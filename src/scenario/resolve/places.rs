//! Regions, zones and racks.

use crate::model::front_door::{FrontDoor, ProbeTarget};
use crate::model::ids::{RegionId, ZoneId};
use crate::model::region::{Outages, Rack, Region, Zone};
use crate::model::world::World;
use crate::scenario::draft::ScenarioSpec;

/// A world of regions, zones and racks, with nothing in them yet.
pub(super) fn world(spec: &ScenarioSpec) -> World {
    let mut world = World {
        regions: Vec::new(),
        zones: Vec::new(),
        racks: Vec::new(),
        clusters: Vec::new(),
        pools: Vec::new(),
        nodes: Vec::new(),
        workloads: Vec::new(),
        deployments: Vec::new(),
        pods: Vec::new(),
        front_door: front_door(spec),
        traffic_manager: None,
        geographies: Vec::new(),
        demands: Vec::new(),
        dependencies: Vec::new(),
        fault_names: Vec::new(),
        operation_names: Vec::new(),
        version: 0,
    };
    for region in spec.regions.iter() {
        let id = RegionId::new(world.regions.len());
        let mut zones = Vec::new();
        for number in 1..=*region.zones {
            let zone = ZoneId::new(world.zones.len());
            let name = format!("{}-{number}", region.name.as_str());
            for rack in 1..=*region.racks_per_zone {
                world.racks.push(Rack { name: format!("{name}-r{rack}"), zone });
            }
            world.zones.push(Zone { name, region: id, outages: Outages::default() });
            zones.push(zone);
        }
        let name = region.name.as_str().to_owned();
        world.regions.push(Region {
            name,
            zones,
            outages: Outages::default(),
            blackouts: Outages::default(),
            compute_control: Outages::default(),
            capacity: None,
        });
    }
    world
}

/// Front Door's settings; origins and edge locations come later.
fn front_door(spec: &ScenarioSpec) -> FrontDoor {
    let (door, probe) = (&spec.front_door, &spec.front_door.probe);
    FrontDoor {
        origins: Vec::new(),
        pops: Vec::new(),
        probe_interval: *probe.interval,
        probe_timeout: *probe.timeout,
        probe_target: ProbeTarget::from(*probe.target),
        probe_status: *probe.status,
        idle_factor: *probe.idle_factor,
        probing_locations: *probe.edge_locations,
        affinity: door.session_affinity.as_ref().map(|a| (*a.share, *a.session_length)),
        is_in_use: true,
        sample_size: *probe.sample_size,
        successes_required: *probe.successful_samples,
        latency_sensitivity: *door.latency_sensitivity,
        origin_response_timeout: *door.origin_response_timeout,
    }
}
