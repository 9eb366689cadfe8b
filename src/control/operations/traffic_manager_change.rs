//! A change of Traffic Manager's endpoints by hand: the switch of a break-glass design, which works
//! also while Front Door's configuration is frozen. Answers change at once, resolvers follow by
//! their TTL. Follows azure-docs traffic-manager/traffic-manager-manage-endpoints.md and, for the
//! design, architecture-center global-web-applications/overview.md.

use crate::control::Cx;
use crate::control::traffic_manager::answers;
use crate::model::fact::{What, Why};
use crate::model::ids::{EndpointId, OperationId};
use crate::model::reference::find;
use crate::model::traffic_manager::Endpoint;
use crate::model::world::World;
use crate::spec::{Diagnostics, Name, section};

section! {
    /// Endpoints of Traffic Manager get another priority or weight, or are disabled or enabled.
    pub struct TrafficManagerChangeSpec {
        /// The endpoints that change.
        "endpoints" endpoints: Vec<EndpointChangeSpec> = list 1..=64;
    }
}

section! {
    /// What changes at one endpoint; what is left out stays as it is.
    pub struct EndpointChangeSpec {
        /// The endpoint.
        "endpoint" endpoint: Name = required;
        /// Its new priority.
        "priority" priority: Option<u16> = optional, range 1..=1000;
        /// Its new weight.
        "weight" weight: Option<u16> = optional, range 1..=1000;
        /// Whether it may be an answer from then on.
        "enabled" enabled: Option<bool> = optional;
    }
}

/// What changes at one endpoint.
#[derive(Clone, Copy, Debug)]
pub struct EndpointChange {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Its new priority, if that changes.
    pub priority: Option<u16>,
    /// Its new weight, if that changes.
    pub weight: Option<u16>,
    /// Whether it may be an answer, if that changes.
    pub enabled: Option<bool>,
}

impl TrafficManagerChangeSpec {
    pub(super) fn resolve(
        &self,
        world: &World,
        diagnostics: &mut Diagnostics,
    ) -> Option<Vec<EndpointChange>> {
        let endpoints = world.traffic_manager.iter().flat_map(|manager| &manager.endpoints);
        let names = endpoints.map(|endpoint| endpoint.name.as_str());
        let mut changes = Vec::new();
        for change in self.endpoints.iter() {
            let index = find("endpoint", &change.endpoint, names.clone(), diagnostics)?;
            changes.push(EndpointChange {
                endpoint: EndpointId::new(index),
                priority: *change.priority,
                weight: *change.weight,
                enabled: *change.enabled,
            });
        }
        Some(changes)
    }
}

/// The change is made.
pub(super) fn start(cx: &mut Cx, id: OperationId, changes: &[EndpointChange]) {
    let manager = cx.world.traffic_manager.as_ref().expect("its endpoints were found by name");
    let changed = changes.iter().map(|change| {
        let endpoint = &manager.endpoints[change.endpoint.index()];
        let endpoint = Endpoint {
            name: endpoint.name.clone(),
            cluster: endpoint.cluster,
            enabled: change.enabled.unwrap_or(endpoint.enabled),
            priority: change.priority.unwrap_or(endpoint.priority),
            weight: change.weight.unwrap_or(endpoint.weight),
            healthy: endpoint.healthy,
        };
        (change.endpoint, endpoint)
    });
    answers::configure(cx, changed.collect());
    cx.say(What::OperationDone { operation: id, why: Why("Traffic Manager answers by it") });
}
