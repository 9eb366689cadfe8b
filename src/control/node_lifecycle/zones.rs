//! Zone states: how much of a zone is down decides how fast its nodes are evicted, or whether.
//!
//! Follows node_lifecycle_controller.go: ComputeZoneState, ReducedQPSFunc, HealthyQPSFunc and the
//! all-zones rule of handleDisruption.

use std::fmt;

/// What part of a zone is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZoneState {
    /// No node of it has been looked at yet.
    Initial,
    /// Enough nodes are ready.
    Normal,
    /// More than two nodes are not ready, and at least 55 % of them.
    PartialDisruption,
    /// No node is ready.
    FullDisruption,
}

/// The eviction settings of a cluster; every value is a kube-controller-manager flag.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EvictionPolicy {
    /// Nodes a second in a normal or wholly dead zone (--node-eviction-rate 0.1).
    pub rate: f64,
    /// Nodes a second in a large, partly dead zone (--secondary-node-eviction-rate 0.01).
    pub secondary_rate: f64,
    /// A zone with more nodes than this is large (--large-cluster-size-threshold 50).
    pub large_zone_above: u32,
    /// Share of nodes down that makes a zone partly dead (--unhealthy-zone-threshold 0.55).
    pub unhealthy_share: f32,
}

impl Default for EvictionPolicy {
    /// The defaults of cmd/kube-controller-manager/app/options/nodelifecyclecontroller.go.
    fn default() -> Self {
        Self { rate: 0.1, secondary_rate: 0.01, large_zone_above: 50, unhealthy_share: 0.55 }
    }
}

/// The state of a zone with `n_ready` ready and `n_not_ready` other nodes.
///
/// The share is compared in single precision, as upstream does: 11 of 20 is 55 %.
#[must_use]
pub fn zone_state(n_ready: u32, n_not_ready: u32, policy: &EvictionPolicy) -> ZoneState {
    let n_nodes = u64::from(n_ready) + u64::from(n_not_ready);
    let share = n_not_ready as f32 / n_nodes as f32;
    if n_ready == 0 && 0 < n_not_ready {
        ZoneState::FullDisruption
    } else if 2 < n_not_ready && policy.unhealthy_share <= share {
        ZoneState::PartialDisruption
    } else {
        ZoneState::Normal
    }
}

/// Nodes a second that are evicted from a zone in `state` with `n_nodes` nodes, as long as not
/// all zones are down. 0 = none ever.
#[must_use]
pub fn eviction_rate(state: ZoneState, n_nodes: u32, policy: &EvictionPolicy) -> f64 {
    match state {
        ZoneState::Initial | ZoneState::Normal | ZoneState::FullDisruption => policy.rate,
        ZoneState::PartialDisruption if policy.large_zone_above < n_nodes => policy.secondary_rate,
        ZoneState::PartialDisruption => 0.0,
    }
}

/// Nodes a second for each zone, given its size and state: none at all when every zone is down.
#[must_use]
pub fn eviction_rates(zones: &[(u32, ZoneState)], policy: &EvictionPolicy) -> Vec<f64> {
    let all_down = zones.iter().all(|(_, state)| *state == ZoneState::FullDisruption);
    let rate = |&(n_nodes, state): &(u32, ZoneState)| {
        if all_down { 0.0 } else { eviction_rate(state, n_nodes, policy) }
    };
    zones.iter().map(rate).collect()
}

impl fmt::Display for ZoneState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Initial => "not looked at yet",
            Self::Normal => "normal",
            Self::PartialDisruption => "partly disrupted",
            Self::FullDisruption => "wholly disrupted",
        })
    }
}
