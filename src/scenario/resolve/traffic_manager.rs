//! Traffic Manager and its endpoints.

use crate::model::traffic_manager::{Endpoint, TrafficManager};

use super::{Resolved, Resolving};

/// Adds Traffic Manager, if the scenario has one. Front Door is out of use if it is no endpoint.
pub(super) fn add(cx: &mut Resolving<'_, '_>, made: &mut Resolved) {
    let Some(spec) = cx.decoded.spec.traffic_manager.as_ref() else { return };
    let mut endpoints = Vec::new();
    for endpoint in spec.endpoints.iter() {
        let cluster = match crate::model::reference::given(&endpoint.cluster) {
            Some(name) => {
                let Some(cluster) = cx.cluster(&name, &made.world) else { continue };
                Some(cluster)
            }
            None => None,
        };
        endpoints.push(Endpoint {
            name: endpoint.name.as_str().to_owned(),
            cluster,
            enabled: *endpoint.enabled,
            priority: *endpoint.priority,
            weight: *endpoint.weight,
            healthy: true,
        });
    }
    made.world.front_door.is_in_use = endpoints.iter().any(|e| e.cluster.is_none());
    made.world.traffic_manager = Some(TrafficManager {
        method: *spec.method,
        monitoring: *spec.monitoring,
        interval: *spec.interval,
        probe_timeout: spec.probe_timeout(),
        tolerated_failures: *spec.tolerated_failures,
        ttl: *spec.ttl,
        stale_resolvers: spec.stale_resolvers.as_ref().map(|stale| (*stale.share, *stale.period)),
        keep_alive: spec.keep_alive.as_ref().map(|keep| (*keep.share, *keep.lifetime)),
        endpoints,
    });
}
